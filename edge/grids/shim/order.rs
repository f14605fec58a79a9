//! What to start: records `key=value`, each ended by a NUL, written by the server before the shim is started.

use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;
use std::time::Duration;

use super::control;

#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) arguments: Vec<CString>,
    /// `NAME=value` each.
    pub(crate) environment: Vec<CString>,
    pub(crate) user: Option<User>,
    pub(crate) directories: Vec<PathBuf>,
    pub(crate) puts: Vec<Put>,
    pub(crate) logs: LogLimits,
    /// The directory of the network that the program is to run in.
    pub(crate) network: Option<PathBuf>,
}

#[derive(Debug)]
pub(crate) struct User {
    pub(crate) user: u32,
    pub(crate) group: u32,
    pub(crate) groups: Vec<u32>,
}

/// A prepared file that gets its place after the claim.
#[derive(Debug)]
pub(crate) struct Put {
    pub(crate) from: PathBuf,
    pub(crate) to: PathBuf,
    /// Only if nothing is there.
    pub(crate) once: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct LogLimits {
    pub(crate) bytes: u64,
    pub(crate) keep: u32,
    pub(crate) every: Duration,
    /// Whether to try removing blocks from the front before punching holes.
    pub(crate) collapse: bool,
}

impl Order {
    pub(crate) fn read() -> io::Result<Self> {
        Self::parse(&std::fs::read(control::ORDER)?)
    }

    pub(crate) fn parse(bytes: &[u8]) -> io::Result<Self> {
        let mut order = Self {
            arguments: Vec::new(),
            environment: Vec::new(),
            user: None,
            directories: Vec::new(),
            puts: Vec::new(),
            logs: LogLimits {
                bytes: 10 << 20,
                keep: 3,
                every: Duration::from_secs(5),
                collapse: true,
            },
            network: None,
        };
        for record in bytes.split(|&byte| byte == 0) {
            let Some(at) = record.iter().position(|&byte| byte == b'=') else {
                continue;
            };
            let (key, value) = (&record[..at], &record[at + 1..]);
            order.take(key, value).ok_or_else(|| {
                let record = String::from_utf8_lossy(record);
                io::Error::other(format!("cannot read the order's {record:?}"))
            })?;
        }
        if order.arguments.is_empty() {
            return Err(io::Error::other("the order names no program"));
        }
        Ok(order)
    }

    /// Keys it does not know are left to later versions.
    fn take(&mut self, key: &[u8], value: &[u8]) -> Option<()> {
        match key {
            b"arg" => self.arguments.push(CString::new(value).ok()?),
            b"env" => self.environment.push(CString::new(value).ok()?),
            b"network" => self.network = Some(path(value)),
            b"dir" => self.directories.push(path(value)),
            b"put" | b"put-once" => {
                let at = value.iter().position(|&byte| byte == b'\n')?;
                self.puts.push(Put {
                    from: path(&value[..at]),
                    to: path(&value[at + 1..]),
                    once: key == b"put-once",
                });
            }
            b"user" => self.user = Some(User::parse(text(value)?)?),
            b"log-bytes" => self.logs.bytes = text(value)?.parse().ok()?,
            b"log-keep" => self.logs.keep = text(value)?.parse().ok()?,
            b"log-every-ms" => {
                let every: u64 = text(value)?.parse().ok()?;
                self.logs.every = Duration::from_millis(every.max(10));
            }
            b"log-collapse" => self.logs.collapse = value == b"1",
            _ => {}
        }
        Some(())
    }

    /// The value of a variable of the task's environment.
    pub(crate) fn variable(&self, name: &str) -> Option<&OsStr> {
        self.environment.iter().find_map(|variable| {
            let rest = variable.as_bytes().strip_prefix(name.as_bytes())?;
            rest.strip_prefix(b"=").map(OsStr::from_bytes)
        })
    }
}

impl User {
    /// Reads `user:group:group,group`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, ':');
        let user = parts.next()?.parse().ok()?;
        let group = parts.next()?.parse().ok()?;
        let groups = parts
            .next()?
            .split(',')
            .filter(|part| !part.is_empty())
            .map(|part| part.parse().ok())
            .collect::<Option<Vec<u32>>>()?;
        Some(Self {
            user,
            group,
            groups,
        })
    }
}

fn text(value: &[u8]) -> Option<&str> {
    std::str::from_utf8(value).ok()
}

fn path(value: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from_vec(value.to_vec()))
}
