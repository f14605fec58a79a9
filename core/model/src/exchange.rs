//! What core says to the world and the world to core: actions and questions out, events back.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    Check, Digest, End, Isolation, Launch, Name, NodeId, Operation, Pace, Ports, Probe, Refusal,
    Resources, SystemId, TaskId, TaskName, Timestamp, VdcId, VolumeId,
};

/// Something to do. Every action may be repeated; the epoch of the server goes with it.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    Launch(Box<LaunchOrder>),
    /// On an id never seen it leaves a tombstone, so that a late launch is refused.
    Stop {
        id: TaskId,
        node: Option<NodeId>,
        signal: i32,
        grace: crate::Span,
    },
    /// Tell what you know of this task, or of all.
    Ask(Option<TaskId>),
    Operate(Box<OperationOrder>),
    /// Delete the volume.
    Release(VolumeId),
    /// The system has ended: remove what its attempts left, and refuse every late launch of this incarnation.
    Forget(SystemId),
    /// Make an artifact set, and a Java that runs it, present on the grid.
    Supply(String),
    /// Watch the readiness of a running attempt until told to end it.
    Probe(Box<ProbeOrder>),
    ProbeEnd(TaskId),
    Question(Box<Question>),
    /// What is inside and around a virtual data center of an isolated level, as it should be now.
    Network(Box<NetworkOrder>),
    /// It has ended: nothing of it is to stay.
    NetworkEnd(VdcId),
}

/// The network of one virtual data center.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkOrder {
    pub vdc: VdcId,
    /// Addresses by name, as programs inside resolve them.
    pub names: BTreeMap<String, Vec<String>>,
    /// Address and port of what is reached from outside, and whether the task there runs.
    pub exposed: BTreeMap<(String, u16), bool>,
    /// Address and port of what is reached inside although it listens elsewhere.
    pub imported: BTreeMap<(String, u16), Import>,
}

/// Where something listens that another network is let to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// The virtual data center in whose network it listens; None: in the machine's own.
    pub from: Option<VdcId>,
    /// Whether the task there runs.
    pub runs: bool,
}

/// All that a node needs for one attempt; the first four kinds of holes are filled.
#[derive(Debug, Clone, PartialEq)]
pub struct LaunchOrder {
    pub id: TaskId,
    pub node: Option<NodeId>,
    pub launch: Arc<Launch>,
    pub address: Option<String>,
    pub ports: Ports,
    /// By volume name.
    pub volumes: BTreeMap<crate::Name, VolumeId>,
    pub needs: Resources,
    pub isolation: Isolation,
}

/// An operation with what is needed to perform it.
#[derive(Debug, Clone, PartialEq)]
pub struct OperationOrder {
    pub system: SystemId,
    pub name: String,
    pub digest: Digest,
    pub operation: Operation,
    pub members: Vec<Member>,
}

/// A task as a product client needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    pub task: TaskName,
    /// The zone of the sibling that it is a task of; `None`: of the asked system itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Name>,
    pub attempt: u32,
    pub member: Option<u32>,
    pub address: String,
    pub ports: Ports,
    pub ready: bool,
}

impl Member {
    /// Whether it is this task of the asked system itself.
    pub fn is_own(&self, task: &TaskName) -> bool {
        self.part.is_none() && self.task == *task
    }

    /// `node-0`; of a sibling `zone-2/node-0`.
    pub fn shown(&self) -> String {
        match &self.part {
            Some(zone) => format!("{zone}/{}", self.task),
            None => self.task.to_string(),
        }
    }
}

/// Asked only when a gate or readiness needs the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    pub system: SystemId,
    pub about: About,
    pub check: Check,
    pub members: Vec<Member>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// Is the whole as it should be?
    Health,
    /// May this task stop without harm?
    Without(TaskName),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    Yes,
    No(String),
    /// The product did not answer; not the same as no.
    Unknown(String),
}

/// What a task's readiness probe must ask.
#[derive(Debug, Clone, PartialEq)]
pub struct ProbeOrder {
    pub id: TaskId,
    pub address: String,
    pub ports: Ports,
    pub probe: Probe,
    pub pace: Pace,
}

/// What a grid, a probe or a product has to say.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// All nodes of a grid, as they are now.
    Nodes(Vec<Node>),
    NodeLost {
        node: NodeId,
        gone: bool,
    },
    /// The claim is taken; preparing.
    Starting(TaskId),
    /// The process runs.
    Running {
        id: TaskId,
        pid: u32,
    },
    /// What the readiness probe found; `detail` is why not, or the role.
    Probed {
        id: TaskId,
        ready: bool,
        role: Option<String>,
        detail: String,
    },
    Ended {
        id: TaskId,
        end: End,
        at: Timestamp,
    },
    Refused {
        id: TaskId,
        refusal: Refusal,
    },
    /// `began` is when the asking began: an answer older than the latest change is not used.
    Observed {
        system: SystemId,
        about: About,
        answer: Answer,
        began: Timestamp,
    },
    Operation {
        system: SystemId,
        name: String,
        digest: Digest,
        outcome: Outcome,
    },
    /// What was there after `began`, the moment the grid began to look. Complete: what is not listed did not exist then.
    Inventory {
        node: Option<NodeId>,
        complete: bool,
        began: Timestamp,
        tasks: Vec<Found>,
        volumes: Vec<VolumeId>,
    },
    VolumeReleased(VolumeId),
    Forgotten(SystemId),
    /// The networks of virtual data centers that there are.
    Networks(Vec<VdcId>),
    /// The network of the virtual data center is as it was ordered, or why it is not.
    Network {
        vdc: VdcId,
        problem: Option<String>,
    },
    Supply {
        name: String,
        state: SupplyState,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Progress(String),
    Done(String),
    Failed(String),
}

/// Whether something a launch needs is on the grid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SupplyState {
    Fetching { detail: String },
    Present { detail: String },
    Failed { reason: String },
}

/// An attempt as a grid found it.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    pub id: TaskId,
    pub state: FoundState,
}

#[derive(Debug, Clone, PartialEq)]
pub enum FoundState {
    Starting,
    Running { pid: u32 },
    Ended { end: End, at: Timestamp },
}

/// One machine of a grid as it reports itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Node {
    pub id: NodeId,
    pub attributes: BTreeMap<String, String>,
    pub capacity: Resources,
    pub addressing: Addressing,
    /// How much processor the tasks that start at the same time may ask for, in thousandths of a core; one may always.
    /// `None`: as much as there is.
    #[serde(default)]
    pub starting: Option<u32>,
    /// The strictest level that it can do.
    #[serde(default)]
    pub isolation: Isolation,
}

impl Node {
    /// What constraints know of it; the host name is its own.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        if name == "hostname" {
            return Some(self.id.as_str());
        }
        self.attributes.get(name).map(String::as_str)
    }
}

/// How tasks of a node get addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Addressing {
    /// A loopback address per task, out of a block of 254 per VDC: `127.<b>.<c>.1` and on. Blocks are numbered
    /// `b * 256 + c`; those listed are used by strangers.
    PerTask {
        first_block: u16,
        last_block: u16,
        foreign: Vec<u16>,
    },
    /// All tasks share the node's address; ports come out of an inclusive range.
    PerNode { address: String, ports: (u16, u16) },
}
