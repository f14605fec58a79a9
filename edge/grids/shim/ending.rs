//! How a task ended, written by rename: `<kind> <number> <milliseconds since 1970> <asked> <detail>`, where kind is
//! `exit` (code), `signal`, `memory` (killed by the kernel for want of it), `unknown` or `refused` (errno; the
//! detail is what failed), and asked is 1 if a stop was asked before.

use std::fs::OpenOptions;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::time::{SystemTime, UNIX_EPOCH};

use super::{control, sys};

#[derive(Debug)]
pub(crate) struct Ending {
    kind: Kind,
    at_ms: u128,
    asked: bool,
    detail: String,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Exit(i32),
    Signal(i32),
    Memory,
    Unknown,
    Refused(io::Error),
}

impl Ending {
    pub(crate) fn now(kind: Kind, asked: bool) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            kind,
            at_ms: since.map_or(0, |since| since.as_millis()),
            asked,
            detail: String::new(),
        }
    }

    pub(crate) fn with(mut self, detail: &str) -> Self {
        detail.clone_into(&mut self.detail);
        self
    }

    /// Makes room on the disk, so that an end can be written when it is full.
    pub(crate) fn reserve() -> io::Result<()> {
        std::fs::write(control::EXIT_NEW, [b' '; 256])
    }

    pub(crate) fn write(&self) -> io::Result<()> {
        let (kind, number) = match &self.kind {
            Kind::Exit(code) => ("exit", *code),
            Kind::Signal(signal) => ("signal", *signal),
            Kind::Memory => ("memory", sys::SIGKILL),
            Kind::Unknown => ("unknown", 0),
            Kind::Refused(error) => ("refused", error.raw_os_error().unwrap_or(0)),
        };
        let Self { at_ms, detail, .. } = self;
        let line = format!("{kind} {number} {at_ms} {} {detail}", u8::from(self.asked));
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(control::EXIT_NEW)?;
        // In place: the blanks behind are cut off by whoever reads.
        file.write_all(line.as_bytes())?;
        drop(file);
        std::fs::rename(control::EXIT_NEW, control::EXIT)
    }
}

/// Whether the kernel killed this process for want of memory: its counter has grown since `kills_before`, and its log,
/// if that is ours to read, names the process.
pub(crate) fn is_out_of_memory(pid: i32, kills_before: u64) -> bool {
    kernel_kills() > kills_before && kernel_log_names(pid).unwrap_or(true)
}

/// `None`: the log is not ours to read.
fn kernel_log_names(pid: i32) -> Option<bool> {
    let mut log = OpenOptions::new()
        .read(true)
        .custom_flags(sys::O_NONBLOCK)
        .open("/dev/kmsg")
        .ok()?;
    let needle = format!("Killed process {pid} (");
    let mut record = [0_u8; 8192];
    loop {
        match log.read(&mut record) {
            Ok(0) => return Some(false),
            Ok(length) => {
                let text = String::from_utf8_lossy(&record[..length]);
                if text.contains(&needle) {
                    return Some(true);
                }
            }
            // A record was overwritten before it was read; the next read goes on behind the gap.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Some(false),
            Err(_) => return None,
        }
    }
}

/// How many processes the kernel has killed for want of memory so far.
pub(crate) fn kernel_kills() -> u64 {
    let text = std::fs::read_to_string("/proc/vmstat").unwrap_or_default();
    text.lines()
        .find_map(|line| line.strip_prefix("oom_kill "))
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}
