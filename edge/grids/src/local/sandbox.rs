//! What the files of a sandbox say. `.smack` holds what shim and servers tell each other; a sandbox without it is a
//! tombstone, whose file `burned` says what was refused.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use smack_model::{
    End, Epoch, Isolation, Name, NodeId, Ports, Refusal, TaskId, Timestamp, VolumeId,
};

use super::process::Process;
use super::users::User;

/// `.smack/launch.json`: who was launched with what. May hold secrets, so it is not for everybody to read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) installation: String,
    pub(crate) boot_id: String,
    pub(crate) epoch: Epoch,
    pub(crate) id: TaskId,
    pub(crate) node: Option<NodeId>,
    pub(crate) command: Vec<String>,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) address: Option<String>,
    pub(crate) ports: Ports,
    pub(crate) volumes: BTreeMap<Name, VolumeId>,
    pub(crate) user: Option<User>,
    #[serde(default)]
    pub(crate) isolation: Isolation,
}

/// `burned`: an attempt that never was and never will be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tombstone {
    pub(crate) node: Option<NodeId>,
    pub(crate) refusal: Refusal,
    pub(crate) at: Timestamp,
}

/// What is there.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Sight {
    Absent,
    Ended {
        node: Option<NodeId>,
        end: End,
        at: Timestamp,
    },
    /// A shim is in charge; the task has a process as soon as its program runs.
    Watched {
        node: Option<NodeId>,
        shim: Process,
        task: Option<Process>,
    },
    /// The task runs, its shim does not.
    Orphan {
        node: Option<NodeId>,
        task: Process,
    },
    /// Claimed, but neither shim, nor process, nor end is there.
    Vanished {
        node: Option<NodeId>,
    },
    /// The same, because the machine was restarted.
    Reboot {
        node: Option<NodeId>,
    },
}

/// Looks at a sandbox, for a machine that was started as `boot_id`.
pub(crate) fn look(sandbox: &Path, boot_id: &str) -> Sight {
    let record = match record(sandbox) {
        Ok(record) => record,
        Err(_) => return look_at_tombstone(sandbox),
    };
    if let Some((end, at)) = ended(sandbox, &record) {
        let node = record.node;
        return Sight::Ended { node, end, at };
    }
    let node = record.node;
    if record.boot_id != boot_id {
        return Sight::Reboot { node };
    }
    let task = task(sandbox);
    let alive = |process: &Process| process.is_alive();
    if let Some(shim) = process(sandbox, "shim").filter(alive) {
        return Sight::Watched { node, shim, task };
    }
    if let Some(task) = task.or_else(|| process(sandbox, "pid.new")).filter(alive) {
        return Sight::Orphan { node, task };
    }
    Sight::Vanished { node }
}

fn look_at_tombstone(sandbox: &Path) -> Sight {
    let text = fs::read(sandbox.join("burned"));
    let stone = text
        .ok()
        .and_then(|text| serde_json::from_slice::<Tombstone>(&text).ok());
    match stone {
        Some(Tombstone { node, refusal, at }) => Sight::Ended {
            node,
            end: End::Refused(refusal),
            at,
        },
        None if sandbox.exists() => Sight::Vanished { node: None },
        None => Sight::Absent,
    }
}

pub(crate) fn record(sandbox: &Path) -> io::Result<Record> {
    let text = fs::read(sandbox.join(".smack/launch.json"))?;
    serde_json::from_slice(&text).map_err(io::Error::other)
}

/// The task once its program runs.
pub(crate) fn task(sandbox: &Path) -> Option<Process> {
    process(sandbox, "pid")
}

/// All that may be the task's process: while its program is being started it has not its final file yet.
pub(crate) fn processes(sandbox: &Path) -> impl Iterator<Item = Process> {
    let files = ["pid", "pid.new"].into_iter();
    files.filter_map(|file| process(sandbox, file))
}

pub(crate) fn shim(sandbox: &Path) -> Option<Process> {
    process(sandbox, "shim")
}

fn process(sandbox: &Path, file: &str) -> Option<Process> {
    let text = fs::read_to_string(sandbox.join(".smack").join(file)).ok()?;
    Process::parse(&text)
}

/// Why a shim could not even claim.
pub(crate) fn failure(directory: &Path) -> Option<String> {
    fs::read_to_string(directory.join(".smack/failure")).ok()
}

/// Writes an end that no shim has written.
pub(crate) fn write_end(sandbox: &Path, kind: &str, at: Timestamp) -> io::Result<()> {
    let new = sandbox.join(".smack/exit.new");
    fs::write(&new, format!("{kind} 0 {} 0 ", at.0))?;
    fs::rename(new, sandbox.join(".smack/exit"))
}

/// Reads `<kind> <number> <milliseconds> <asked> <detail>`, as the shim's `ending.rs` writes it.
fn ended(sandbox: &Path, record: &Record) -> Option<(End, Timestamp)> {
    let text = fs::read_to_string(sandbox.join(".smack/exit")).ok()?;
    let mut words = text.trim_end().splitn(5, ' ');
    let kind = words.next()?;
    let number: i32 = words.next()?.parse().ok()?;
    let at = Timestamp(words.next()?.parse().ok()?);
    let asked = words.next()? == "1";
    let detail = words.next().unwrap_or_default();
    let end = match kind {
        "refused" => End::Refused(refusal(detail, number, record)),
        "reboot" => End::Reboot,
        "exit" if asked => End::Stopped { code: number },
        "signal" | "memory" if asked => End::Stopped { code: 128 + number },
        "unknown" if asked => End::Stopped { code: 0 },
        "exit" => End::Exit(number),
        "signal" => End::Signal(number),
        "memory" => End::OutOfMemory,
        _ => End::Vanished,
    };
    Some((end, at))
}

/// What the shim could not do after the claim.
fn refusal(step: &str, errno: i32, record: &Record) -> Refusal {
    let error = io::Error::from_raw_os_error(errno);
    match step {
        _ if error.kind() == io::ErrorKind::StorageFull => Refusal::DiskFull {
            path: match step {
                path if path.starts_with('/') => path.to_owned(),
                _ => record.env.get("SMACK_SANDBOX").cloned().unwrap_or_default(),
            },
        },
        "execute" => Refusal::NoProgram {
            program: record.command.first().cloned().unwrap_or_default(),
            reason: if error.kind() == io::ErrorKind::NotFound {
                "there is no such file, or its interpreter is missing".to_owned()
            } else if error.kind() == io::ErrorKind::PermissionDenied {
                "it is not executable".to_owned()
            } else {
                reason(&error)
            },
        },
        "network" => Refusal::NoIsolation {
            reason: format!("its network could not be entered: {}", reason(&error)),
        },
        "fork" => Refusal::Other {
            reason: format!("no further process could be started: {}", reason(&error)),
        },
        "user" => Refusal::Other {
            reason: format!("the user could not be changed: {}", reason(&error)),
        },
        path => Refusal::Other {
            reason: format!("{path} could not be made: {}", reason(&error)),
        },
    }
}

/// An error without the number of the system.
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" (os error") {
        Some((text, _)) => text.to_lowercase(),
        None => text,
    }
}

pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let milliseconds = since.map_or(0, |since| since.as_millis());
    Timestamp(u64::try_from(milliseconds).unwrap_or(u64::MAX))
}
