//! Why the store could not do what it was asked, sorted by what the asker can do about it.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{ErrorCode, ffi};
use thiserror::Error;

use crate::Epoch;

/// Why there is no store at a path.
#[derive(Debug, Error)]
pub enum OpenError {
    #[error(
        "cannot open {} for reading and writing; its directory must exist and be writable \
         for this user", path.display()
    )]
    Unwritable { path: PathBuf, source: io::Error },
    #[error("{} is not a smack store; give another path or move the file away", path.display())]
    NotAStore { path: PathBuf },
    #[error(
        "{} has format {found}, and this smack knows formats up to {known}; use the newer smack \
         that wrote it", path.display()
    )]
    Newer {
        path: PathBuf,
        found: i64,
        known: i64,
    },
    #[error(
        "{} is damaged ({detail}); restore a copy of it, or move it away to begin anew",
        path.display()
    )]
    Damaged { path: PathBuf, detail: String },
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Why the store does not answer now. What was asked has not happened; the same handle may be
/// asked again.
#[derive(Debug, Error)]
pub enum Unavailable {
    #[error(
        "no space for {} ({free_bytes} bytes free); nothing was written, free some space and it \
         goes on", path.display()
    )]
    DiskFull { path: PathBuf, free_bytes: u64 },
    #[error("{} is locked by another process", path.display())]
    Busy {
        path: PathBuf,
        source: rusqlite::Error,
    },
    #[error(
        "{} is damaged; restore a copy of it, or move it away to begin anew", path.display()
    )]
    Damaged {
        path: PathBuf,
        source: rusqlite::Error,
    },
    #[error("cannot read or write {}", path.display())]
    Io {
        path: PathBuf,
        source: rusqlite::Error,
    },
}

/// Why a commit was not acknowledged. Only after `Unknown` may it have taken effect.
#[derive(Debug, Error)]
pub enum CommitError {
    #[error("a newer server has taken the store: its epoch is {theirs}, this one's is {ours}")]
    Fenced { ours: Epoch, theirs: Epoch },
    /// `expected` is 0 if the key was to be absent; `found` is `None` if it is.
    #[error("{key} was changed by another: {}", versions(*expected, *found))]
    Conflict {
        key: String,
        expected: u64,
        found: Option<u64>,
    },
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    #[error(
        "the answer of a commit to {} was lost and it may have taken effect; load again",
        path.display()
    )]
    Unknown {
        path: PathBuf,
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

fn versions(expected: u64, found: Option<u64>) -> String {
    match (expected, found) {
        (0, Some(found)) => format!("it has version {found} and was to be absent"),
        (expected, Some(found)) => format!("it has version {found} instead of {expected}"),
        (expected, None) => format!("it is absent instead of at version {expected}"),
    }
}

impl Unavailable {
    /// Sorts what SQLite says of a store, outside of COMMIT.
    pub(crate) fn sort(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        if is_disk_full(&source) {
            let free_bytes = free_bytes(&path);
            return Self::DiskFull { path, free_bytes };
        }
        let code = source.sqlite_error_code();
        if matches!(
            code,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
        ) {
            Self::Busy { path, source }
        } else if is_damage(&source) {
            Self::Damaged { path, source }
        } else {
            Self::Io { path, source }
        }
    }
}

impl CommitError {
    /// Sorts what SQLite says to COMMIT itself.
    pub(crate) fn sort_at_commit(path: &Path, source: rusqlite::Error) -> Self {
        if is_undone(&source) {
            return Self::Unavailable(Unavailable::sort(path, source));
        }
        Self::Unknown {
            path: path.to_owned(),
            source: Box::new(source),
        }
    }
}

/// Whether a COMMIT with this error has certainly left nothing behind. A full disk or a lock stops
/// it before its last page is whole in the log; after any other error that page may be there, and
/// a later recovery would find it.
pub(crate) fn is_undone(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy)
    )
}

/// Whether SQLite found the file's structure wrong.
pub(crate) fn is_damage(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(
        code,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    )
}

/// Whether the file is not of SQLite's making at all.
pub(crate) fn is_foreign(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::NotADatabase)
}

/// A full disk while pages are written, or while the shared index of the log grows.
fn is_disk_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DiskFull)
        || error
            .sqlite_error()
            .is_some_and(|e| e.extended_code == ffi::SQLITE_IOERR_SHMSIZE)
}

/// What the file system of a path has left for this user; 0 if it does not say.
fn free_bytes(path: &Path) -> u64 {
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    rustix::fs::statvfs(directory.unwrap_or(Path::new(".")))
        .map(|found| found.f_bavail.saturating_mul(found.f_frsize))
        .unwrap_or(0)
}
