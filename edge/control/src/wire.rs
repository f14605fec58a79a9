//! What goes over the API: requests and answers as JSON. The server fills them, the command line reads them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use smack_model::{Problem, Span};
use smack_scheduler::{Plan, Step, Ttl};

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
    /// Expressions: applications in whose id one of them is found are left as they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skip: Vec<String>,
    /// Start what fits even if not everything does.
    #[serde(default)]
    pub partial: bool,
    /// How long it lives from now on: `2h`, `never`. Absent: what is set stays. A plan does not ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<String>,
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
    /// Of an operation on a schedule: when it begins next, as far as that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_ms: Option<u64>,
}

impl From<Plan> for ApplicationPlan {
    fn from(plan: Plan) -> Self {
        let step = |step: Step| PlanStep {
            subject: step.subject,
            effect: step.effect.word().to_owned(),
            reasons: step.reasons,
            after: step.after,
            due_ms: step.due.map(|at| at.0),
        };
        Self {
            application: plan.application.to_string(),
            kind: plan.kind,
            steps: plan.steps.into_iter().map(step).collect(),
        }
    }
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
    /// What the full names of its tasks end in: `build92.default.smack`.
    #[serde(default)]
    pub domain: String,
    /// Where the names are served on this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns: Option<String>,
    /// The isolation level in force.
    pub isolation: String,
    /// Why its network is not as it should be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_problem: Option<String>,
    /// Applications of other virtual data centers that it uses: `default/telemetry/kafka`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uses: Vec<String>,
    /// Virtual data centers that use an application of this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub used_by: Vec<String>,
    /// When it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_ms: Option<u64>,
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
    /// The system that it shares with other zones: `layer/name/application`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part_of: Option<String>,
    pub exports: BTreeMap<String, String>,
    /// Of a job that runs by the clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<Clock>,
}

/// How it stands with a schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Clock {
    /// As it was written: `0 30 2 * * *`, `@every 17s`.
    pub schedule: String,
    /// From the first of these moments on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    pub zone: String,
    /// When it is due next; absent: never again, or its schedule was taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_ms: Option<u64>,
    /// So many due times were begun, the latest one for this moment, and so many left out.
    pub begun: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest_ms: Option<u64>,
    pub missed: u32,
    /// A person has taken its schedule away, until the next run.
    pub off: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    pub name: String,
    /// Nothing is awaited of it now.
    pub done: bool,
    pub text: String,
    /// `ready`: part of being ready; `asked`: done when somebody asks; `24h`: every so often, and when somebody asks.
    #[serde(default = "part_of_ready")]
    pub when: String,
    /// `waiting`, `running`, `failed`, `done`, or `idle`: not due and never done.
    #[serde(default)]
    pub state: String,
    /// So often somebody has asked for it, and so many of these askings are taken in.
    #[serde(default)]
    pub asked: u32,
    #[serde(default)]
    pub taken: u32,
    /// When it was last done well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_ms: Option<u64>,
    /// When it begins by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_ms: Option<u64>,
}

/// The word for operations that nobody need ask for.
pub const PART_OF_READY: &str = "ready";

fn part_of_ready() -> String {
    PART_OF_READY.to_owned()
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
    /// `stop`, `start`, `restart`, `replace`, `pause`, `resume`, `force` or `operate`.
    pub verb: String,
    #[serde(default)]
    pub application: Option<String>,
    #[serde(default)]
    pub task: Option<String>,
    /// Of `force`: `check`, `budget` or `minimum`.
    #[serde(default)]
    pub gate: Option<String>,
    /// Of `operate`: the operation's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
}

/// `POST /v1/vdcs/{zone}/{name}/ttl`: how long it lives from now on, `4h` or `never`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TtlBody {
    pub ttl: String,
}

/// Reads how long a virtual data center is to live: `2h`, `90m`, `never`.
pub fn ttl(text: &str) -> Result<Ttl, String> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("never") {
        return Ok(Ttl::Never);
    }
    let milliseconds = |text| smack_stack::duration_milliseconds(text);
    if text.strip_prefix('-').and_then(milliseconds).is_some() {
        return Err("that lies in the past: write a time to come, like 2h".to_owned());
    }
    match milliseconds(text).map(u64::try_from) {
        Some(Ok(0)) => Err("that would be over at once: write a time to come, like 2h".to_owned()),
        Some(Ok(milliseconds)) => Ok(Ttl::For(Span(milliseconds))),
        Some(Err(_)) | None => Err("write a time like 90m, 2h or 7d, or never".to_owned()),
    }
}

/// `POST /v1/vdcs/{zone}/{name}/down`; `GET` with the same as query tells what it would do, as a list of [`ApplicationPlan`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DownBody {
    #[serde(default)]
    pub keep: bool,
    /// Also while other virtual data centers use it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force_users: bool,
    /// Parts of shared systems leave them without a word; only with `keep`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force_data: bool,
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
    /// Words to put before a command so that it runs where the task does; none where nothing keeps it apart.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub way_in: Vec<String>,
    pub directory: String,
    pub variables: BTreeMap<String, String>,
}

/// `GET /v1/events?after=&limit=&subject=&kind=&wait_ms=`: the next up to 1,000, waits up to `wait_ms` for the first;
/// `GET /v1/events?last=&subject=&kind=`: the newest so many.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    pub seq: u64,
    pub at_ms: u64,
    pub subject: String,
    pub kind: String,
    pub text: String,
}

/// `GET /v1/traces?vdc=zone/name&limit=`, newest first; `GET /v1/traces/{id}` has all of one, as
/// `smack_scheduler::trace::Trace`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceLine {
    pub id: String,
    /// `zone/name`.
    pub vdc: String,
    /// `run revision 2`, `operate repair`.
    pub title: String,
    pub began_ms: u64,
    pub elapsed_ms: u64,
    /// `underway`, `done`, `failed` or `superseded`.
    pub outcome: String,
    pub spans: usize,
}

/// `GET /v1/vdcs/{zone}/{name}/remains`: what a VDC that is down has left on this machine; all empty: nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remains {
    pub processes: Vec<String>,
    pub addresses: Vec<String>,
    pub files: Vec<String>,
    pub records: Vec<String>,
}

/// `GET /v1/vdcs/{zone}/{name}/sources?revision=`: what a revision was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sources {
    /// `zone/name`.
    pub vdc: String,
    pub revision: u32,
    pub stack: SourceText,
    /// The stacks that it extends, by name.
    #[serde(default)]
    pub parents: BTreeMap<String, SourceText>,
    /// From the top down to the zone.
    #[serde(default)]
    pub layers: Vec<Layer>,
    pub zone: String,
    #[serde(rename = "as")]
    pub run_as: String,
    #[serde(default)]
    pub vars: Vec<(String, String)>,
    #[serde(default)]
    pub skip: Vec<String>,
}

/// A layer of the library, as a revision used it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    pub name: String,
    pub level: String,
    pub parent: Option<String>,
    pub source: SourceText,
}

/// `POST /v1/library`. The same once more changes nothing.
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
    /// Where names are served, UDP and TCP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns: Option<String>,
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

/// One row of `GET /v1/flows`: whether one place may reach a port of a ready task, and with `?test=true` whether it does;
/// of ports on which the task listens now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Flow {
    /// `zone/name` of the virtual data center from inside which; absent: from outside of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// `zone/name` of the target's.
    pub to: String,
    /// `application/task:port`.
    pub target: String,
    pub address: String,
    pub port: u16,
    /// As the levels of isolation have it.
    pub allowed: bool,
    /// What the trial found; absent if none was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<bool>,
    /// Why it was not open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// `GET /v1/dns?zone=&vdc=` and `GET /v1/dns?name=`: what the server answers to questions about names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dns {
    /// Where it listens, UDP and TCP; absent if it does not.
    pub server: Option<String>,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// The last label of all names.
    pub domain: String,
    pub ttl_seconds: u32,
    pub records: Vec<DnsRecord>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsRecord {
    pub name: String,
    /// `A`, `SRV` or `PTR`.
    pub kind: String,
    /// As zone files have it: `0 0 9092 broker-0.kafka.build92.default.smack`.
    pub value: String,
}

/// One row of `GET /v1/processes?all=true`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    pub pid: u32,
    pub parent: u32,
    /// Its name, as the kernel has it.
    pub program: String,
    /// `program` (what a task launches) or `child` (what that has started); `shim`, `holder` and `relay` are smack's own;
    /// `stranger`: nobody's of these.
    pub role: String,
    /// `zone/vdc/application/task`; of a holder or relay `zone/vdc`; absent of a stranger.
    pub path: Option<String>,
    pub attempt: Option<u32>,
    /// `running`, `sleeping`, `waiting` (for a disk), `stopped` or `ended` (and not yet taken note of).
    pub state: String,
    pub cpu_ms: u64,
    /// What it has in memory.
    pub memory_kib: u64,
    /// Where it listens: `127.1.0.2:9092`, `127.1.0.2:8125 udp`.
    pub ports: Vec<String>,
}

/// One row of `GET /v1/owners?pid=`, `?port=&address=` or `?file=`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// `zone/vdc/application/task` or `zone/vdc`; absent if it is none of smack's.
    pub path: Option<String>,
    pub attempt: Option<u32>,
    /// Why it is the owner: `listens on 127.1.0.2:9092`.
    pub how: String,
    pub process: Option<Process>,
}
