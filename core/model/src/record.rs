//! What is remembered of a system: stored a key per record, and moved only by answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    Digest, Epoch, Launch, NodeId, Operation, Ports, Rounds, ServiceSpec, Span, SystemId, TaskId,
    TaskName, TaskSpec, Timestamp, VdcId, VolumeId,
};

/// One system with all its records.
#[derive(Debug, Clone, PartialEq)]
pub struct System {
    pub id: SystemId,
    pub header: Header,
    /// Boxed: a map of large values wastes a third of them.
    pub tasks: BTreeMap<TaskName, Box<TaskRecord>>,
    pub operations: BTreeMap<String, OperationRecord>,
    /// What the attempts on record were launched with, by digest: shows what a change changes.
    pub launches: BTreeMap<Digest, Arc<Launch>>,
    pub volumes: BTreeMap<VolumeId, VolumeRecord>,
    /// Of the launches that the spec wants now; computed whenever the spec is set, not stored.
    pub digests: BTreeMap<TaskName, Digest>,
}

/// The part of a system that changes only when a person wants something.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    pub intent: Intent,
    pub revision: u32,
    pub spec: Arc<ServiceSpec>,
    /// Tasks that an older spec had and this one has not, until they are retired.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub leaving: BTreeMap<TaskName, Leaving>,
    pub since: Timestamp,
    /// Set when the last task and volume are gone: the tombstone that keeps the incarnation from being reused.
    pub ended: Option<Timestamp>,
    /// Of a spec with a schedule: what of it has been dealt with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rounds: Option<Rounds>,
}

/// How a task that is no longer in the spec leaves: as the last spec that had it said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Leaving {
    pub task: Arc<TaskSpec>,
    pub drain: Option<Operation>,
}

/// What people asked for; its numbers only grow, so that repeating a verb is harmless.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    pub goal: Goal,
    pub paused: bool,
    /// Restarts asked of all tasks, and of single ones.
    pub restart: u32,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub restart_task: BTreeMap<TaskName, u32>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub replace: BTreeMap<TaskName, u32>,
    /// How often each operation of the kind [`crate::When::Asked`] was asked for, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub operate: BTreeMap<String, u32>,
    /// Gates named by the operator that need not hold until the given time.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub force: BTreeMap<String, Timestamp>,
    /// Failures up to this moment are forgiven: `start` and a changed revision try again.
    pub forgiven: Timestamp,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    #[default]
    Running,
    /// Membership, addresses and volumes stay.
    Stopped,
    /// Everything goes; volumes too unless they are kept.
    Gone {
        keep_volumes: bool,
        /// A part just stops, whatever becomes of the system that it belongs to.
        #[serde(default, skip_serializing_if = "is_false")]
        at_once: bool,
    },
}

/// What is known of the latest attempt at one task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskRecord {
    pub id: TaskId,
    pub digest: Digest,
    pub node: Option<NodeId>,
    pub address: Option<Arc<str>>,
    /// Shared with the view.
    pub ports: Arc<Ports>,
    pub status: Status,
    /// When the status began.
    pub since: Timestamp,
    pub ready_since: Option<Timestamp>,
    /// When the attempt was claimed.
    pub claimed: Timestamp,
    /// In a row, up to and with the latest end.
    pub failures: u32,
    /// When it last ended without having been asked to and without an exit of its own.
    pub unclean: Option<Timestamp>,
    pub epoch: Epoch,
    /// The intent's counters that this attempt has taken in.
    pub restart: u32,
    pub replace: u32,
    /// The generation of its volumes; a replacement starts a new one.
    pub generation: u32,
    /// The generation with which it was last ready; 0: never.
    #[serde(default)]
    pub settled: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Promised to a node; the world may or may not have it.
    Claimed,
    /// The node has the claim and prepares it.
    Starting,
    Running {
        pid: u32,
    },
    Ready {
        pid: u32,
    },
    /// The product is asked to let go of it; it still serves.
    Draining {
        pid: u32,
    },
    /// Asked to end; `late`: because it was not ready in time, which counts as a failure.
    Stopping {
        late: bool,
    },
    /// Its node is silent. Not ended.
    Unreachable,
    Ended(End),
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    Exit(i32),
    Signal(i32),
    /// Killed by the kernel for want of memory.
    OutOfMemory,
    /// Ended after it was asked to; `code` as the shell counts it, 128 + signal.
    Stopped {
        code: i32,
    },
    /// The node could not start it.
    Refused(Refusal),
    /// Neither process nor exit is there.
    Vanished,
    Reboot,
    NodeGone,
    /// Not ready in time, so it was stopped.
    TooSlow,
    /// No longer part of the system; kept so that the attempt number is not used again.
    Retired,
}

/// Why a node did not start an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    PortTaken {
        port: u16,
        pid: Option<u32>,
        program: Option<String>,
    },
    NoArtifact {
        artifact: String,
        reason: String,
    },
    NoJava {
        reason: String,
    },
    NoProgram {
        program: String,
        reason: String,
    },
    /// The network or the mounts of its virtual data center could not be made or entered.
    NoIsolation {
        reason: String,
    },
    DiskFull {
        path: String,
    },
    /// The attempt was burned before it began.
    Burned,
    StaleEpoch {
        ours: Epoch,
        theirs: Epoch,
    },
    Other {
        reason: String,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OperationRecord {
    /// Of the operation as it was asked; a changed one is asked again.
    pub digest: Digest,
    pub status: OperationStatus,
    pub since: Timestamp,
    pub failures: u32,
    /// Of one that is done again and again: how many askings of [`Intent::operate`] it has taken in.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub asked: u32,
    /// When it was last done well before the present status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<Timestamp>,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationStatus {
    /// Not asked for yet: the time of [`crate::When::Every`] runs from `since`.
    Scheduled,
    Asked {
        progress: String,
    },
    Done {
        result: String,
    },
    Failed {
        reason: String,
    },
}

/// One virtual data center as it was last run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VdcRecord {
    pub id: VdcId,
    /// The name as it was given.
    pub shown: String,
    pub stack: String,
    pub revision: u32,
    pub created: Timestamp,
    pub updated: Timestamp,
    /// Set by `down`; the record goes when its last system has ended.
    pub down: bool,
    /// How its tasks are kept apart from all others on nodes that can.
    #[serde(default)]
    pub isolation: Isolation,
    /// When it ends by itself.
    #[serde(default)]
    pub expires: Option<Timestamp>,
    /// How long it was given when that was set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<Span>,
    /// How many of the warnings before its end are said or skipped.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub warned: u32,
}

/// What keeps the tasks of a virtual data center apart from everything else on a node. Each level includes those before.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Isolation {
    /// An address per task and nothing else.
    #[default]
    Open,
    /// A network and mounts of its own per virtual data center.
    Vdc,
}

impl Isolation {
    /// From least to most.
    pub const ALL: [Self; 2] = [Self::Open, Self::Vdc];

    /// One word for tables and stack files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Vdc => "vdc",
        }
    }
}

impl std::fmt::Display for Isolation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

/// A volume in the world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeRecord {
    pub id: VolumeId,
    pub node: Option<NodeId>,
    pub state: VolumeState,
    pub since: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VolumeState {
    Present,
    /// No longer part of anything; kept until somebody removes it.
    Kept,
    Releasing,
}

impl TaskRecord {
    /// Whether it has been ready with the data that it has.
    pub fn has_joined(&self) -> bool {
        self.settled > 0
            && self.settled == self.generation
            && self.status != Status::Ended(End::Retired)
    }
}

impl System {
    /// A system without records.
    pub fn new(id: SystemId, header: Header) -> Self {
        let mut system = Self {
            id,
            header,
            tasks: BTreeMap::new(),
            operations: BTreeMap::new(),
            launches: BTreeMap::new(),
            volumes: BTreeMap::new(),
            digests: BTreeMap::new(),
        };
        system.compute_digests();
        system
    }

    /// Takes a new header; the digests follow.
    pub fn set_header(&mut self, header: Header) {
        self.header = header;
        self.compute_digests();
    }

    fn compute_digests(&mut self) {
        let tasks = self.header.spec.tasks.iter();
        self.digests = tasks
            .map(|(name, task)| (name.clone(), task.digest()))
            .collect();
    }

    /// The records of attempts that are part of the world's present: neither ended nor retired.
    pub fn live(&self) -> impl Iterator<Item = &TaskRecord> {
        self.tasks
            .values()
            .map(Box::as_ref)
            .filter(|record| record.status.is_live())
    }
}

impl Status {
    /// Whether a process may exist for it.
    pub fn is_live(&self) -> bool {
        !matches!(self, Self::Ended(_))
    }

    pub fn is_ready(&self) -> bool {
        matches!(self, Self::Ready { .. })
    }

    pub fn pid(&self) -> Option<u32> {
        match self {
            Self::Running { pid } | Self::Ready { pid } | Self::Draining { pid } => Some(*pid),
            Self::Claimed
            | Self::Starting
            | Self::Stopping { .. }
            | Self::Unreachable
            | Self::Ended(_) => None,
        }
    }

    /// One word for tables.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Claimed => "claimed",
            Self::Starting => "starting",
            Self::Running { .. } => "running",
            Self::Ready { .. } => "ready",
            Self::Draining { .. } => "draining",
            Self::Stopping { .. } => "stopping",
            Self::Unreachable => "unreachable",
            Self::Ended(_) => "ended",
        }
    }
}

impl OperationRecord {
    /// When it was last done well.
    pub fn last_done(&self) -> Option<Timestamp> {
        match self.status {
            OperationStatus::Done { .. } => Some(self.since),
            OperationStatus::Scheduled
            | OperationStatus::Asked { .. }
            | OperationStatus::Failed { .. } => self.done,
        }
    }

    pub fn is_underway(&self) -> bool {
        matches!(self.status, OperationStatus::Asked { .. })
    }
}

impl End {
    /// Whether it counts against the task.
    pub fn is_failure(&self) -> bool {
        match self {
            Self::Exit(_)
            | Self::Signal(_)
            | Self::OutOfMemory
            | Self::Vanished
            | Self::TooSlow => true,
            Self::Refused(refusal) => {
                !matches!(refusal, Refusal::Burned | Refusal::StaleEpoch { .. })
            }
            Self::Stopped { .. } | Self::Reboot | Self::NodeGone | Self::Retired => false,
        }
    }
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exit(code) => write!(f, "exit code {code}"),
            Self::Signal(signal) => write!(f, "killed by signal {signal}"),
            Self::OutOfMemory => f.write_str("killed by the kernel for want of memory"),
            Self::Stopped { code } => write!(f, "stopped (code {code})"),
            Self::Refused(refusal) => write!(f, "{refusal}"),
            Self::Vanished => f.write_str("vanished: neither its process nor its exit is there"),
            Self::Reboot => f.write_str("the machine was restarted"),
            Self::NodeGone => f.write_str("its node is gone"),
            Self::TooSlow => f.write_str("was not ready in time"),
            Self::Retired => f.write_str("no longer part of the system"),
        }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::PortTaken { port, pid, program } => {
                write!(f, "port {port} is taken")?;
                match (program, pid) {
                    (Some(program), Some(pid)) => write!(f, " by {program} (pid {pid})"),
                    (None, Some(pid)) => write!(f, " by pid {pid}"),
                    (_, None) => f.write_str(" by a process that is not ours to see"),
                }
            }
            Self::NoArtifact { artifact, reason } => {
                write!(f, "{artifact} could not be had: {reason}")
            }
            Self::NoJava { reason } => write!(f, "no suitable Java: {reason}"),
            Self::NoProgram { program, reason } => write!(f, "{program} cannot be run: {reason}"),
            Self::NoIsolation { reason } => write!(f, "cannot be isolated: {reason}"),
            Self::DiskFull { path } => write!(f, "no space left on the device that holds {path}"),
            Self::Burned => f.write_str("the attempt had been given up before it began"),
            Self::StaleEpoch { ours, theirs } => {
                write!(
                    f,
                    "a server of epoch {} asked, but epoch {} is in charge",
                    ours.0, theirs.0
                )
            }
            Self::Other { reason } => f.write_str(reason),
        }
    }
}

/// How long after its latest end a task that failed `failures` times waits for the next attempt.
pub fn retry_delay(retry: &crate::Retry, failures: u32) -> Span {
    retry
        .delay
        .doubled(failures.saturating_sub(1), retry.max_delay)
}
