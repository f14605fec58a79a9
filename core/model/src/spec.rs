//! What a service wants: data, built once from a validated application, valid by construction.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    ApplicationPath, Constraint, Digest, Launch, Name, Piece, PortSpec, Resources, Schedule, Span,
    TaskName, Template,
};

/// All that smack knows of one system: its tasks, their order, what makes it ready, how it changes and how it ends.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ServiceSpec {
    /// The `type:` of the application.
    pub kind: String,
    pub tasks: BTreeMap<TaskName, Arc<TaskSpec>>,
    /// In order of starting; every task is in exactly one.
    pub phases: Vec<Phase>,
    /// What must hold of other applications before anything here is launched.
    pub requires: Vec<Requirement>,
    /// How many tasks may be away at once during a change.
    pub budget: u32,
    /// Tasks that hold this role go last in a roll: a leader, an active controller.
    pub roll_last: Option<String>,
    /// What the product must say of the whole before it is ready, and of a task before it is stopped by choice.
    pub check: Option<Check>,
    /// Asked of the product once all tasks are ready, in this order; the system is ready when they are done.
    pub operations: Vec<OperationSpec>,
    /// Asked of the product before a task stops for good: kept from the spec that still had the task.
    pub drains: BTreeMap<TaskName, Operation>,
    pub minimum: Minimum,
    pub stop_order: StopOrder,
    /// What other applications may read once this one is ready, by name: `brokers`.
    pub exports: BTreeMap<String, Template>,
    /// For people and discovery; never restarts anything.
    pub labels: BTreeMap<String, String>,
    /// When its tasks run, all of them to their end; absent: at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Box<Schedule>>,
    /// Set if others of its name in other zones belong to the same system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
}

impl ServiceSpec {
    /// The applications that it requires or whose exports it reads.
    pub fn uses(&self) -> BTreeSet<ApplicationPath> {
        let required = self.requires.iter();
        let mut uses: BTreeSet<ApplicationPath> = required
            .map(|requirement| requirement.application.clone())
            .collect();
        let templates = self.tasks.values().flat_map(|task| task.launch.templates());
        for piece in templates.flat_map(|template| &template.0) {
            if let Piece::Export(application, _) = piece {
                uses.insert(application.clone());
            }
        }
        uses
    }

    /// The ports that stand in what it publishes: what another virtual data center reaches of it.
    pub fn published_ports(&self) -> BTreeSet<&Name> {
        let mut ports = BTreeSet::new();
        for piece in self.exports.values().flat_map(|template| &template.0) {
            if let Piece::Port(Some(_), port) = piece {
                ports.insert(port);
            }
        }
        ports
    }
}

/// What makes a system the part of a larger one: all of one application name, in virtual data centers of one name, beneath
/// one layer are run as one. To each other they are siblings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The layer that the whole spans.
    pub scope: Name,
    /// What the product calls this part, and no other: Cassandra's data center.
    pub place: String,
    /// The ports at which the parts talk with each other, by name: reached from the networks of all of them.
    #[serde(default)]
    pub between: BTreeSet<Name>,
    /// What all parts must agree on, by the key that people write: `cluster-name`.
    pub agreed: BTreeMap<String, String>,
    /// Asked of a part that came to a system that was there, once, when everything else is done.
    pub joining: Option<OperationSpec>,
    /// Asked in this order before a part leaves the others; then its tasks are drained, the last first.
    pub leaving: Vec<OperationSpec>,
    /// Asked of the others when none of its tasks is left.
    pub left: Option<OperationSpec>,
}

impl Part {
    /// Whether the record of an operation of this name belongs to it.
    pub fn asks(&self, operation: &str) -> bool {
        self.operations().any(|asked| asked.name == operation)
    }

    /// All that it may be asked.
    pub fn operations(&self) -> impl Iterator<Item = &OperationSpec> {
        let leaving = self.leaving.iter().chain(&self.left);
        self.joining.iter().chain(leaving)
    }
}

/// Below how many tasks the system must not be shrunk, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Minimum {
    pub tasks: u32,
    pub reason: String,
}

/// Tasks that start together or one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phase {
    pub name: String,
    pub tasks: Vec<TaskName>,
    pub strategy: Strategy,
    /// What the phase before must have reached.
    pub after: Until,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    Parallel,
    Serial,
    /// While none of the system has been ready, all at once: they found it. Later who comes without data of its own
    /// joins alone, one after the other; who has its data starts at once.
    Founding,
}

/// How far another application or phase must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Until {
    /// Its addresses are known: the product itself waits safely for the rest. Readiness stays gated.
    Placed,
    /// It is ready; a job: it has ended well.
    Ready,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requirement {
    pub application: ApplicationPath,
    pub until: Until,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopOrder {
    /// The phases from last to first, each at once.
    #[default]
    PhasesReversed,
    /// Everything at once: members that need each other to leave.
    Together,
}

/// One supervised process group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskSpec {
    pub goal: TaskGoal,
    pub launch: Arc<Launch>,
    pub needs: Resources,
    pub ports: Vec<PortSpec>,
    pub volumes: Vec<VolumeSpec>,
    pub constraints: Vec<Constraint>,
    /// Absent: ready as soon as it runs.
    pub probe: Option<Probe>,
    #[serde(default)]
    pub pace: Pace,
    /// Stopped and counted as failed if not ready after this.
    pub ready_within: Span,
    pub stop: StopSpec,
    pub retry: Retry,
    /// The number by which the product knows the task: `broker.id`, `myid`.
    pub member: Option<u32>,
    /// The ports, of those above, that are reached from outside the virtual data center on the same address.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub exposed: BTreeSet<Name>,
}

impl TaskSpec {
    /// Over everything that a restart would change: the launch and the wished ports.
    pub fn digest(&self) -> Digest {
        let parts = (self.launch.digest(), &self.ports);
        Digest::of(&serde_json::to_vec(&parts).expect("plain data becomes JSON"))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskGoal {
    Running,
    /// Runs to its end; again when its launch changes.
    Finish,
    /// Runs to its end once and never again.
    Once,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeSpec {
    pub name: Name,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopSpec {
    /// The signal's number.
    pub signal: i32,
    /// After this the whole process group is killed.
    pub grace: Span,
    /// At most this, from when most tasks of the first phase have ended: what says good-bye to their majority then waits
    /// in vain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_alone: Option<Span>,
}

impl Default for StopSpec {
    fn default() -> Self {
        Self {
            signal: 15,
            grace: Span::seconds(30),
            left_alone: None,
        }
    }
}

/// When a failed task is tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// Before the first retry; doubled for each further one.
    pub delay: Span,
    pub max_delay: Span,
    /// Give up after so many failures in a row; 0 never gives up.
    pub max_tries: u32,
    /// Failures are forgotten after so long a readiness.
    pub stable: Span,
    /// An exit that the product owes to its unclean end before, not to a fault.
    pub tolerate: Option<Tolerance>,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            delay: Span::seconds(1),
            max_delay: Span::minutes(1),
            max_tries: 10,
            stable: Span::minutes(5),
            tolerate: None,
        }
    }
}

/// Exits with `code` within `window` of an unclean end are retried after `delay` and not counted as failures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tolerance {
    pub code: i32,
    pub window: Span,
    pub delay: Span,
    pub reason: String,
}

/// How often a task is probed, and how long one that was ready may be unready.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pace {
    /// Absent: seldom once it is ready, often before.
    pub every: Option<Span>,
    /// Of one probe; absent: as the prober finds right.
    pub timeout: Option<Span>,
    /// Stopped and counted as failed if not ready again after this; absent: after the time to become ready.
    pub unready_within: Option<Span>,
}

/// How one task shows that it is ready, asked in the product's own protocol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Probe {
    Tcp {
        port: Name,
    },
    /// Any status from 200 to 399.
    Http {
        port: Name,
        path: String,
    },
    /// Exit code 0; run in the task's sandbox with its environment.
    Exec {
        command: Vec<Template>,
    },
    /// `srvr` answers with a mode. The role is the mode.
    ZooKeeper {
        port: Name,
    },
    /// ApiVersions answers and Metadata lists this broker id.
    KafkaBroker {
        port: Name,
        broker: u32,
    },
    /// A controller-only node answers ApiVersions on its controller listener.
    KafkaController {
        port: Name,
    },
    /// CQL answers, and the node is up and normal in its own ring. The role is `seed`, or none.
    Cassandra {
        port: Name,
    },
}

/// What is asked about a system as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// One leader, the rest followers; a member may go while the others keep a quorum.
    ZooKeeper { port: Name },
    /// Every broker lists every other and a controller; a broker may go while every in-sync set stays whole enough.
    Kafka {
        port: Name,
        brokers: BTreeMap<TaskName, u32>,
    },
    /// Every node sees every other up and normal, with one schema; a node may go while all others stay so.
    Cassandra { port: Name },
}

/// Something a product must be asked to do, as data. Always check-then-do: doing it again is harmless.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Create the topic, give it more partitions, alter its configs; fewer partitions are refused as drift.
    KafkaTopic {
        topic: String,
        partitions: u32,
        replication: u16,
        config: BTreeMap<String, String>,
    },
    /// Move every replica off the broker.
    KafkaLeave { broker: u32 },
    /// Create the keyspace, or alter how often each data center has its rows.
    CassandraKeyspace {
        keyspace: String,
        /// By the name of the data center.
        replication: BTreeMap<String, u32>,
    },
    /// The node gives its rows to the others and leaves the ring.
    CassandraLeave { task: TaskName },
    /// Each node in turn fetches its rows from another data center of the ring.
    CassandraRebuild {
        tasks: Vec<TaskName>,
        /// `None` in a spec: the place of a part that serves when it is asked.
        source: Option<String>,
    },
    /// No keyspace has copies in the data center any more; refused if that is all that one has. Those that the product insists
    /// on while nodes are there wait until none is.
    CassandraWithdraw { data_center: String },
    /// A program of the product, run in the place of each task, one after the other.
    Exec {
        tasks: Vec<TaskName>,
        command: Vec<String>,
        within: Span,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationSpec {
    /// Unique in the system: `topic events`.
    pub name: String,
    pub operation: Operation,
    #[serde(default, skip_serializing_if = "When::is_always")]
    pub when: When,
    /// Of one that is not always due: asked for by itself when a task is replaced.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub after_replacing: bool,
}

/// When an operation is due.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Part of being ready.
    #[default]
    Always,
    /// When a person asks for it.
    Asked,
    /// So long after it was last done or the system became ready, and when a person asks for it.
    Every(Span),
}

impl When {
    fn is_always(&self) -> bool {
        *self == Self::Always
    }
}
