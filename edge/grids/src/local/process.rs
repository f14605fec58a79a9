//! Processes that are not mistaken for later ones of the same number.

use std::io;
use std::os::fd::OwnedFd;

use rustix::process::{Pid, PidfdFlags, WaitId, WaitIdOptions, pidfd_open, waitid};

/// A process id with its start time in clock ticks since the machine started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    pub(crate) start: u64,
}

impl Process {
    /// Reads `<pid> <start>`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_ascii_whitespace();
        Some(Self {
            pid: words.next()?.parse().ok()?,
            start: words.next()?.parse().ok()?,
        })
    }

    /// Whether it runs; one that has ended and is not yet taken note of by its parent does not.
    pub(crate) fn is_alive(self) -> bool {
        let Ok(stat) = std::fs::read(format!("/proc/{}/stat", self.pid)) else {
            return false;
        };
        // proc(5): the name, field 2, may contain anything; field 3 is the state, field 22 the start time.
        let Some(end) = stat.iter().rposition(|&byte| byte == b')') else {
            return false;
        };
        let fields = String::from_utf8_lossy(stat.get(end + 2..).unwrap_or_default());
        let mut fields = fields.split(' ');
        let runs = fields
            .next()
            .is_some_and(|state| !matches!(state, "Z" | "X"));
        let start = fields.nth(18).and_then(|field| field.parse().ok());
        runs && start == Some(self.start)
    }

    /// A descriptor of this process and no other; `None`: it has ended.
    pub(crate) fn open(self) -> io::Result<Option<OwnedFd>> {
        match descriptor(self.pid) {
            // Looked at once the number cannot pass on to another process unseen.
            Ok(descriptor) => Ok(self.is_alive().then_some(descriptor)),
            Err(_) if !self.is_alive() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

pub(crate) fn descriptor(pid: u32) -> io::Result<OwnedFd> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or(io::ErrorKind::InvalidInput)?;
    Ok(pidfd_open(pid, PidfdFlags::empty())?)
}

/// Takes note of the end of a child, whose exit code it gives; others' children have none to give.
pub(crate) fn reap(descriptor: &OwnedFd) -> Option<i32> {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
    let status = waitid(WaitId::PidFd(rustix::fd::AsFd::as_fd(descriptor)), options);
    status
        .ok()
        .flatten()
        .and_then(|status| status.exit_status())
}

/// When this machine was started, so to speak.
pub(crate) fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|text| text.trim().to_owned())
        .unwrap_or_default()
}
