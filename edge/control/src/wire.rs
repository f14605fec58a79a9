//! What goes over the API: requests and answers as JSON. The server fills them, the command line reads them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use smack_model::Problem;

/// A text with the name that messages give it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceText {
    pub file: String,
    pub text: String,
}

/// `POST /v1/runs` and `POST /v1/plans`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RunBody {
    /// The stack itself, or
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack: Option<SourceText>,
    /// the name of one in the library.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Stacks that `from:` may name, beside those of the library.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parents: BTreeMap<String, SourceText>,
    /// `default` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// The name of the VDC; the stack's if absent.
    #[serde(default, rename = "as", skip_serializing_if = "Option::is_none")]
    pub run_as: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vars: Vec<(String, String)>,
    /// Start what fits even if not everything does.
    #[serde(default)]
    pub partial: bool,
}

/// The answer to both.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunAnswer {
    /// `zone/name`.
    pub vdc: String,
    /// The revision that the run made; of a plan, the one it would make; the present one if nothing changes.
    pub revision: u32,
    pub notices: Vec<Problem>,
    pub plan: Vec<ApplicationPlan>,
    /// Nothing to do: everything is as the stack says already.
    pub silent: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApplicationPlan {
    pub application: String,
    pub kind: String,
    pub steps: Vec<PlanStep>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanStep {
    /// A task, or an operation by its name.
    pub subject: String,
    /// `start`, `restart`, `replace`, `remove`, `end`, `ask` or `leave`.
    pub effect: String,
    pub reasons: Vec<String>,
    pub after: Vec<String>,
}

/// `GET /v1/vdcs` (a list) and `GET /v1/vdcs/{zone}/{name}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Vdc {
    /// `zone/name`.
    pub vdc: String,
    /// The name as it was given.
    pub name: String,
    pub zone: String,
    /// `ready`, `stopped`, `updating`, `starting`, `stopping`, `ending`, `troubled` or `failed`.
    pub state: String,
    /// Everything is as it was asked for.
    pub converged: bool,
    pub stack: String,
    pub revision: u32,
    pub created_ms: u64,
    pub updated_ms: u64,
    /// The isolation level in force.
    pub isolation: String,
    /// Whether cpu and memory limits are enforced, and how.
    pub limits: String,
    pub applications: Vec<Application>,
    pub tasks: Vec<Task>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Application {
    pub name: String,
    pub kind: String,
    pub state: String,
    pub ready: bool,
    pub converged: bool,
    pub paused: bool,
    pub revision: u32,
    pub requires: Vec<String>,
    /// What the application as a whole waits for.
    pub waiting: Vec<String>,
    pub operations: Vec<Operation>,
    pub exports: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    pub name: String,
    pub done: bool,
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    pub application: String,
    pub name: String,
    /// `waiting`, `claimed`, `starting`, `running`, `ready`, `draining`, `stopping`, `unreachable`, `ended`,
    /// `finished`, `stopped` or `failed`.
    pub state: String,
    pub node: Option<String>,
    pub address: Option<String>,
    pub ports: BTreeMap<String, u16>,
    pub attempt: u32,
    pub pid: Option<u32>,
    /// What it waits for; absent if nothing.
    pub waiting: Option<String>,
    pub since_ms: Option<u64>,
    pub failures: u32,
    /// `leader`, `follower`: as the product calls it.
    pub role: Option<String>,
    /// What was asked of it is not what it runs with yet.
    pub outdated: bool,
}

/// `GET /v1/vdcs/{zone}/{name}/why?application=&task=`: empty if all is well.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cause {
    pub subject: String,
    pub text: String,
    pub trouble: bool,
    pub because: Vec<Cause>,
    /// The last lines of the task's log that look like the reason, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
}

/// `POST /v1/vdcs/{zone}/{name}/verbs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerbBody {
    /// `stop`, `start`, `restart`, `replace`, `pause`, `resume` or `force`.
    pub verb: String,
    #[serde(default)]
    pub application: Option<String>,
    #[serde(default)]
    pub task: Option<String>,
    /// Of `force`: `check`, `budget` or `minimum`.
    #[serde(default)]
    pub gate: Option<String>,
}

/// `POST /v1/vdcs/{zone}/{name}/down`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DownBody {
    #[serde(default)]
    pub keep: bool,
}

/// `POST /v1/vdcs/{zone}/{name}/rollback`: to a revision, or to the one before.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollbackBody {
    #[serde(default)]
    pub to: Option<u32>,
}

/// `GET /v1/vdcs/{zone}/{name}/revisions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    pub number: u32,
    pub at_ms: u64,
    pub stack: String,
    pub current: bool,
}

/// `GET /v1/vdcs/{zone}/{name}/show?revision=&origin=true`: the resolved stack as YAML text.
///
/// `GET /v1/vdcs/{zone}/{name}/environment?application=&task=`: what `exec` runs a command with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    pub directory: String,
    pub variables: BTreeMap<String, String>,
}

/// `GET /v1/events?after=&limit=&subject=&wait_ms=`: waits up to `wait_ms` for the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    pub seq: u64,
    pub at_ms: u64,
    pub subject: String,
    pub kind: String,
    pub text: String,
}

/// `GET /v1/vdcs/{zone}/{name}/remains`: what a VDC that is down has left on this machine; all empty: nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remains {
    pub processes: Vec<String>,
    pub addresses: Vec<String>,
    pub files: Vec<String>,
    pub records: Vec<String>,
}

/// `POST /v1/library`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LibraryBody {
    pub source: SourceText,
    /// Of a layer: `datacenter`, `cluster` or `zone`; absent for a stack.
    #[serde(default)]
    pub level: Option<String>,
    #[serde(default)]
    pub parent: Option<String>,
    /// Take the place of one of that name.
    #[serde(default)]
    pub replace: bool,
}

/// `GET /v1/library` (without texts) and `GET /v1/library/{name}`; `DELETE /v1/library/{name}?force=true`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LibraryEntry {
    pub name: String,
    /// `stack`, `datacenter`, `cluster` or `zone`.
    pub level: String,
    pub parent: Option<String>,
    pub file: String,
    pub updated_ms: u64,
    pub version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// `GET /v1/server`. `POST /v1/shutdown` ends the server and leaves all tasks running.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    pub version: String,
    pub pid: u32,
    pub epoch: u64,
    pub home: String,
    pub started_ms: u64,
    pub isolation: String,
    pub limits: String,
    pub nodes: Vec<ServerNode>,
    /// Why no decisions are taken at the moment, if so: the disk is full.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub halted: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerNode {
    pub name: String,
    pub cpu_millis: u32,
    pub memory_mib: u32,
}

/// What every refused request answers, with a status of 400 and up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    pub error: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
}
