//! The content-addressed store: `<home>/artifacts/sha256/<hh>/<hash>`, read-only files under their SHA-256, and
//! `sets/<name>/`, directories of hard links with the real file names, so that a class path is the same text with the
//! same times on every start. A stored file carries a fixed modification time: whoever writes to it moves the time, and
//! the next look hashes it again. Knows nothing of where files come from.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use sha2::{Digest, Sha256};
use smack_services::catalog::Artifact;

use crate::boot;

/// The modification time of every stored file: 2001-09-09T01:46:40Z, a moment at which nobody writes.
const STAMP: Duration = Duration::from_secs(1_000_000_000);

/// The store of one home.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
}

/// A file of the store that is not what its name says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Corrupt {
    /// its hash when it was stored
    pub expected: String,
    /// what it hashes to now
    pub found: String,
    /// where it was moved
    pub moved_to: PathBuf,
}

/// What keeps the store from doing its work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// no room left on the device or in the quota
    #[error("disk full while writing {}", path.display())]
    DiskFull { path: PathBuf, source: io::Error },
    /// not permitted, or a read-only file system
    #[error("cannot write {}", path.display())]
    Unwritable { path: PathBuf, source: io::Error },
    /// any other failure of the file system
    #[error("{action} {}", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    /// the bytes offered are not those wanted
    #[error("hash of {name} is {found}, expected {expected}")]
    HashMismatch {
        name: String,
        expected: String,
        found: String,
    },
}

impl Error {
    /// Classifies a failure of the file system at `path`.
    pub fn new(action: &'static str, path: &Path, source: io::Error) -> Error {
        let path = path.to_owned();
        let kind = source.kind();
        if matches!(
            kind,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
        ) {
            Error::DiskFull { path, source }
        } else if matches!(
            kind,
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
        ) {
            Error::Unwritable { path, source }
        } else {
            Error::Io {
                action,
                path,
                source,
            }
        }
    }

    /// What the user can do.
    pub fn hint(&self) -> &'static str {
        match self {
            Error::DiskFull { .. } => "free some space, or set SMACK_HOME to a larger disk",
            Error::Unwritable { .. } => {
                "make it writable for this user, or set SMACK_HOME to another directory"
            }
            Error::Io { .. } => "see the cause; `smack doctor` checks the home",
            Error::HashMismatch { .. } => {
                "the file was damaged or replaced on its way; it was not taken"
            }
        }
    }
}

impl Store {
    /// Opens, or makes, the store below a home directory.
    pub fn open(home: &Path) -> Result<Store, Error> {
        let store = Store {
            root: home.join("artifacts"),
        };
        for directory in ["sha256", "sets", "partial", "locks"] {
            make_directory(&store.root.join(directory))?;
        }
        Ok(store)
    }

    /// `<home>/artifacts`
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where the file of this hash lies once stored.
    pub fn path(&self, sha256: &str) -> PathBuf {
        self.root
            .join("sha256")
            .join(sha256.get(..2).unwrap_or(sha256))
            .join(sha256)
    }

    /// Where a download of this hash grows; what is left there may be resumed.
    pub fn partial(&self, sha256: &str) -> PathBuf {
        self.root.join("partial").join(sha256)
    }

    /// Where the set of this name lies once made.
    pub fn set_path(&self, name: &str) -> PathBuf {
        self.root.join("sets").join(name)
    }

    /// The stored file, if it is there and whole. A file whose size or time has changed is hashed; if it no longer fits
    /// it is moved aside and counts as missing.
    pub fn get(&self, artifact: &Artifact) -> Result<Option<PathBuf>, Error> {
        let path = self.path(&artifact.sha256);
        match fs::metadata(&path) {
            Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(Error::new("look at", &path, source)),
            Ok(found) if found.len() == artifact.size && stamped(&found) => return Ok(Some(path)),
            Ok(_) => {}
        }
        let found = hash_file(&path)?;
        if found == artifact.sha256 {
            stamp(&path)?;
            return Ok(Some(path));
        }
        let expected = &artifact.sha256;
        self.move_aside(&path, expected, expected.clone(), found)?;
        Ok(None)
    }

    /// Takes a copy of what `reader` gives, if it hashes to what is wanted.
    pub fn put(&self, artifact: &Artifact, reader: &mut dyn Read) -> Result<PathBuf, Error> {
        let draft = self.draft("put");
        let copied = copy(reader, &draft);
        if copied.is_err() {
            drop(fs::remove_file(&draft));
        }
        copied?;
        self.adopt(artifact, &draft)
    }

    /// Takes over a complete file of the store's own file system, if it hashes to what is wanted; else deletes it.
    pub fn adopt(&self, artifact: &Artifact, draft: &Path) -> Result<PathBuf, Error> {
        let found = hash_file(draft)?;
        if found != artifact.sha256 {
            fs::remove_file(draft).map_err(|source| Error::new("remove", draft, source))?;
            return Err(Error::HashMismatch {
                name: artifact.file(),
                expected: artifact.sha256.clone(),
                found,
            });
        }
        let path = self.path(&artifact.sha256);
        make_directory(path.parent().unwrap_or(&self.root))?;
        stamp(draft)?;
        fs::rename(draft, &path).map_err(|source| Error::new("store", &path, source))?;
        Ok(path)
    }

    /// The directory of a set whose every file is in place, or `None`. Costs one look per file.
    pub fn set(&self, name: &str, artifacts: &[Artifact]) -> Option<PathBuf> {
        let directory = self.set_path(name);
        let whole = |artifact: &Artifact| {
            let (Ok(linked), Ok(stored)) = (
                fs::metadata(directory.join(artifact.file())),
                fs::metadata(self.path(&artifact.sha256)),
            ) else {
                return false;
            };
            let same = linked.ino() == stored.ino() || linked.nlink() == 1; // one link: a copy, where links are refused
            same && linked.len() == artifact.size && stamped(&linked) && stamped(&stored)
        };
        artifacts.iter().all(whole).then_some(directory)
    }

    /// Makes the directory of a set from stored files, at once: no one ever sees half of it.
    pub fn make_set(&self, name: &str, artifacts: &[Artifact]) -> Result<PathBuf, Error> {
        if let Some(directory) = self.set(name, artifacts) {
            return Ok(directory);
        }
        let draft = self.draft("set");
        make_directory(&draft)?;
        for artifact in artifacts {
            let (from, to) = (self.path(&artifact.sha256), draft.join(artifact.file()));
            if fs::hard_link(&from, &to).is_err() {
                fs::copy(&from, &to).map_err(|source| Error::new("copy", &to, source))?;
                stamp(&to)?;
            }
        }
        let directory = self.set_path(name);
        place_directory(&draft, &directory)?;
        Ok(directory)
    }

    /// Hashes every stored and unpacked file and moves aside those that do not fit: `smack doctor --deep`.
    pub fn verify(&self) -> Result<Vec<Corrupt>, Error> {
        let mut corrupt = Vec::new();
        for directory in list(&self.root.join("sha256"))? {
            for path in list(&directory)? {
                let Some(expected) = path.file_name().and_then(|name| name.to_str()) else {
                    continue;
                };
                let found = hash_file(&path)?;
                if found != expected {
                    corrupt.push(self.move_aside(&path, expected, expected.to_owned(), found)?);
                }
            }
        }
        for set in list(&self.root.join("sets"))? {
            corrupt.extend(boot::verify(self, &set)?);
        }
        Ok(corrupt)
    }

    /// Moves what is damaged out of the way, under `name` and the start of the hash that was found.
    pub(crate) fn move_aside(
        &self,
        path: &Path,
        name: &str,
        expected: String,
        found: String,
    ) -> Result<Corrupt, Error> {
        let directory = self.root.join("corrupt");
        make_directory(&directory)?;
        let short = found.get(..8).unwrap_or(&found);
        let moved_to = directory.join(format!("{name}.{short}"));
        drop(fs::remove_dir_all(&moved_to));
        fs::rename(path, &moved_to).map_err(|source| Error::new("move aside", path, source))?;
        tracing::warn!(expected, found, moved_to = %moved_to.display(), "stored artifact was damaged, moved aside");
        Ok(Corrupt {
            expected,
            found,
            moved_to,
        })
    }

    /// A name that no other thread or process uses.
    pub(crate) fn draft(&self, what: &str) -> PathBuf {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        self.root
            .join("partial")
            .join(format!(".{what}-{}-{count}", std::process::id()))
    }
}

/// The SHA-256 of a file in lower-case hexadecimal digits.
pub fn hash_file(path: &Path) -> Result<String, Error> {
    let hash = || -> io::Result<String> {
        let mut file = File::open(path)?;
        let mut hasher = Sha256::new();
        io::copy(&mut file, &mut hasher)?;
        Ok(format!("{:x}", hasher.finalize()))
    };
    hash().map_err(|source| Error::new("read", path, source))
}

/// Puts a finished directory in its place at once, also of an older one.
pub(crate) fn place_directory(draft: &Path, directory: &Path) -> Result<(), Error> {
    let renamed = match fs::rename(draft, directory) {
        Err(_) if directory.exists() => {
            renameat_with(CWD, draft, CWD, directory, RenameFlags::EXCHANGE)
                .map_err(io::Error::from)
                .and_then(|()| fs::remove_dir_all(draft))
        }
        other => other,
    };
    renamed.map_err(|source| Error::new("make", directory, source))
}

/// Makes a directory and those above it.
pub(crate) fn make_directory(path: &Path) -> Result<(), Error> {
    fs::create_dir_all(path).map_err(|source| Error::new("make directory", path, source))
}

fn copy(reader: &mut dyn Read, to: &Path) -> Result<(), Error> {
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).open(to)?;
        io::copy(reader, &mut file)?;
        file.flush()
    };
    let mut write = write;
    write().map_err(|source| Error::new("write", to, source))
}

fn list(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let read = || -> io::Result<Vec<PathBuf>> {
        fs::read_dir(directory)?
            .map(|entry| Ok(entry?.path()))
            .collect()
    };
    let mut paths = read().map_err(|source| Error::new("list", directory, source))?;
    paths.sort();
    Ok(paths)
}

pub(crate) fn stamped(metadata: &fs::Metadata) -> bool {
    metadata
        .modified()
        .is_ok_and(|time| time == SystemTime::UNIX_EPOCH + STAMP)
}

fn stamp(path: &Path) -> Result<(), Error> {
    let sync = File::open(path).and_then(|file| file.sync_all());
    sync.map_err(|source| Error::new("stamp", path, source))?;
    mark(path)
}

/// As [`stamp`], for what can be made anew: the disk is not waited for.
pub(crate) fn mark(path: &Path) -> Result<(), Error> {
    let set = || -> io::Result<()> {
        File::open(path)?.set_modified(SystemTime::UNIX_EPOCH + STAMP)?;
        fs::set_permissions(path, Permissions::from_mode(0o444))
    };
    set().map_err(|source| Error::new("stamp", path, source))
}

#[cfg(test)]
mod tests;
