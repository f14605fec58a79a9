//! The directory that is one installation: who owns it, what it is called, where its parts lie.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use smack_model::Digest;

/// A home with its lock held: there is no other server on it.
#[derive(Debug)]
pub(crate) struct Home {
    path: PathBuf,
    /// Held for life.
    _lock: File,
}

/// Why this process cannot be the server of a home.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("another server has {}: {holder}", home.display())]
    Held { home: PathBuf, holder: String },
    #[error("cannot {action} {}: {source}; choose another home with --home or SMACK_HOME", path.display())]
    Unwritable {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
}

impl Home {
    /// Makes the directory if need be and takes its lock.
    pub(crate) fn take(path: &Path) -> Result<Self, Error> {
        let failed = |action, path: &Path| {
            let path = path.to_owned();
            move |source| Error::Unwritable {
                action,
                path,
                source,
            }
        };
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(failed("create", path))?;
        let path = path.canonicalize().map_err(failed("find", path))?;
        let lock_path = path.join("lock");
        let mut lock = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&lock_path)
            .map_err(failed("open", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                drop(lock.read_to_string(&mut holder));
                return Err(Error::Held {
                    home: path,
                    holder: holder.trim().to_owned(),
                });
            }
            Err(TryLockError::Error(source)) => {
                return Err(Error::Unwritable {
                    action: "lock",
                    path: lock_path,
                    source,
                });
            }
        }
        let holder = format!(
            "pid {}, version {}\n",
            std::process::id(),
            env!("CARGO_PKG_VERSION")
        );
        lock.set_len(0)
            .and_then(|()| lock.rewind())
            .and_then(|()| lock.write_all(holder.as_bytes()))
            .map_err(failed("write", &lock_path))?;
        Ok(Self { path, _lock: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The same for this home on this machine as long as it stays where it is; differs between homes.
    pub(crate) fn installation(&self) -> String {
        Digest::of(self.path.as_os_str().as_encoded_bytes()).0
    }

    pub(crate) fn socket(&self) -> PathBuf {
        socket(&self.path)
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.path.join("smack.db")
    }
}

/// Where the server of a home listens.
pub fn socket(home: &Path) -> PathBuf {
    home.join("api.sock")
}
