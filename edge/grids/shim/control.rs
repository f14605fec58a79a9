//! The files by which a shim and the servers understand each other, all below `.smack` in the sandbox. The working
//! directory is the sandbox.

use std::fs::OpenOptions;
use std::io;
use std::time::{Duration, Instant};

use super::sys;

/// Held as long as a shim is in charge.
pub(crate) const LOCK: &str = ".smack/lock";
/// Process id and start time of the shim in charge.
pub(crate) const SHIM: &str = ".smack/shim";
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
pub(crate) fn lock(name: &str) -> io::Result<bool> {
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(name)?;
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

/// Takes the lock as soon as another, which may be about to end, has let go of it.
pub(crate) fn lock_soon(name: &str) -> io::Result<bool> {
    let give_up = Instant::now() + Duration::from_secs(1);
    while !lock(name)? {
        if Instant::now() > give_up {
            return Ok(false);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(true)
}

/// Writes down who is in charge.
pub(crate) fn sign(name: &str) -> io::Result<()> {
    let me = Process::find(sys::own_pid()).ok_or_else(|| io::Error::other("no /proc/self/stat"))?;
    replace(name, &me.text())
}

/// Writes the file in one step.
pub(crate) fn replace(name: &str, text: &str) -> io::Result<()> {
    let new = format!("{name}.new");
    std::fs::write(&new, text)?;
    std::fs::rename(new, name)
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
