//! The files by which a shim and the servers understand each other, all below `.smack` in the sandbox. The working
//! directory is the sandbox.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;

use super::sys;

/// Held as long as a shim is in charge.
const LOCK: &str = ".smack/lock";
/// Process id and start time of the shim in charge.
const SHIM: &str = ".smack/shim";
/// What to start, see [`super::order`].
pub(crate) const ORDER: &str = ".smack/order";
/// Process id and start time of the task, once its program runs.
pub(crate) const PID: &str = ".smack/pid";
/// The same before the program runs: all that is left if the shim is killed in that moment.
pub(crate) const PID_NEW: &str = ".smack/pid.new";
/// How the task ended, see [`super::ending`].
pub(crate) const EXIT: &str = ".smack/exit";
pub(crate) const EXIT_NEW: &str = ".smack/exit.new";
/// The wish to stop: a link to nowhere whose text is signal and grace in milliseconds. A SIGUSR1 says that it is
/// there.
pub(crate) const STOP: &str = ".smack/stop";
pub(crate) const FAILURE: &str = ".smack/failure";

/// A process that is not mistaken for a later one of the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: i32,
    /// In clock ticks since the machine started.
    pub(crate) start: u64,
}

impl Process {
    /// The process of this number as it is now.
    pub(crate) fn find(pid: i32) -> Option<Self> {
        let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
        let fields = after_name(&stat)?;
        // proc(5): field 3 (state) is the first after the name, field 22 the start time.
        let start = fields.split(' ').nth(19)?.parse().ok()?;
        Some(Self { pid, start })
    }

    pub(crate) fn is_there(self) -> bool {
        Self::find(self.pid) == Some(self)
    }

    pub(crate) fn text(self) -> String {
        format!("{} {}\n", self.pid, self.start)
    }
}

/// The fields of `/proc/<pid>/stat` from the state on; the name before may contain anything.
pub(crate) fn after_name(stat: &[u8]) -> Option<&str> {
    let end = stat.iter().rposition(|&byte| byte == b')')?;
    std::str::from_utf8(stat.get(end + 2..)?).ok()
}

/// Takes the lock for the life of this process; `false`: another holds it.
pub(crate) fn lock() -> io::Result<bool> {
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(LOCK)?;
    match file.try_lock() {
        Ok(()) => {
            // Never closed: the lock ends with the process.
            std::mem::forget(file);
            Ok(true)
        }
        Err(std::fs::TryLockError::WouldBlock) => Ok(false),
        Err(std::fs::TryLockError::Error(error)) => Err(error),
    }
}

/// Writes down who is in charge.
pub(crate) fn sign() -> io::Result<()> {
    let me = Process::find(sys::own_pid()).ok_or_else(|| io::Error::other("no /proc/self/stat"))?;
    if !Path::new(SHIM).exists() {
        // Before the claim: nobody reads it yet.
        return std::fs::write(SHIM, me.text());
    }
    let new = ".smack/shim.new";
    std::fs::write(new, me.text())?;
    std::fs::rename(new, SHIM)
}

/// The task as its shim wrote it down.
pub(crate) fn read_pid() -> io::Result<Process> {
    let text = std::fs::read_to_string(PID)?;
    let mut words = text.split_ascii_whitespace();
    let pid = words.next().and_then(|word| word.parse().ok());
    let start = words.next().and_then(|word| word.parse().ok());
    pid.zip(start)
        .map(|(pid, start)| Process { pid, start })
        .ok_or_else(|| io::Error::other("no process id in .smack/pid"))
}
