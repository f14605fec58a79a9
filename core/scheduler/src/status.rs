//! What people see: derived from records and the last steering, shared, never stored.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;
use smack_model::{
    ApplicationPath, Goal, Name, OperationRecord, OperationSpec, OperationStatus, Part, Rounds,
    Schedule, Status, System, SystemId, Timestamp, VdcId, VdcRecord, When,
};

use crate::engine::Tracked;
use crate::waiting::Waiting;

/// Everything that is up or on its way, as of the last decision.
#[derive(Debug, Clone, Default)]
pub struct View {
    pub now: Timestamp,
    pub vdcs: BTreeMap<VdcId, Arc<VdcStatus>>,
}

/// Where something of another virtual data center listens, that lets itself be used.
pub type Imports = BTreeMap<(Arc<str>, u16), Imported>;

/// Whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    pub from: VdcId,
    pub application: Name,
    pub task: Name,
    pub runs: bool,
}

#[derive(Debug, Clone)]
pub struct VdcStatus {
    pub record: VdcRecord,
    pub state: SystemState,
    /// In the order of their names.
    pub systems: Vec<Arc<SystemStatus>>,
    /// The applications of other virtual data centers that it uses.
    pub uses: BTreeSet<ApplicationPath>,
    /// What of them it may reach, by address and port.
    pub imports: Imports,
    /// Why its network is not as it should be.
    pub network_problem: Option<String>,
}

/// From best to worst for a summary: the state of a VDC is the worst of its systems'.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SystemState {
    /// Ready, with nothing left to change.
    Ready,
    Stopped,
    /// Ready, while a change is carried out.
    Updating,
    #[default]
    Starting,
    Stopping,
    /// Goes for good.
    Ending,
    /// Something failed that is tried again.
    Troubled,
    /// Nothing more happens without a person.
    Failed,
}

#[derive(Debug, Clone, Default)]
pub struct SystemStatus {
    pub id: Option<SystemId>,
    pub kind: String,
    pub state: SystemState,
    pub ready: bool,
    pub converged: bool,
    pub revision: u32,
    pub paused: bool,
    pub requires: Vec<ApplicationPath>,
    pub tasks: Vec<TaskState>,
    pub whole: Vec<Waiting>,
    pub operations: Vec<OperationState>,
    /// Filled once ready.
    pub exports: Arc<BTreeMap<String, String>>,
    pub labels: BTreeMap<String, String>,
    /// The system that it shares with others: `layer/name/application`.
    pub part_of: Option<String>,
    /// Of what runs by the clock.
    pub clock: Option<Clock>,
}

/// How it stands with a schedule.
#[derive(Debug, Clone, PartialEq)]
pub struct Clock {
    pub schedule: Box<Schedule>,
    pub rounds: Rounds,
    /// When it is due next; `None`: never again, or its schedule is taken away.
    pub next: Option<Timestamp>,
}

#[derive(Debug, Clone)]
pub struct TaskState {
    pub name: Name,
    pub status: Option<Status>,
    pub since: Option<Timestamp>,
    pub node: Option<Name>,
    pub address: Option<Arc<str>>,
    pub ports: Arc<smack_model::Ports>,
    /// Those of them that are reached from outside.
    pub exposed: BTreeSet<Name>,
    pub attempt: u32,
    pub failures: u32,
    pub role: Option<String>,
    /// What was asked of it is not what it runs with.
    pub outdated: bool,
    pub waiting: Option<Waiting>,
}

#[derive(Debug, Clone, Serialize)]
pub struct OperationState {
    pub name: String,
    pub when: When,
    /// Nothing is awaited of it now.
    pub done: bool,
    /// `waiting`, `running`, `failed`, `done`; of one that is not due: `idle` before the first time.
    pub word: &'static str,
    pub text: String,
    /// So often people have asked for it, and so many of these askings are taken in.
    pub asked: u32,
    pub taken: u32,
    pub last_done: Option<Timestamp>,
    /// When it begins by itself.
    pub due: Option<Timestamp>,
}

impl SystemState {
    pub fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Stopped => "stopped",
            Self::Updating => "updating",
            Self::Starting => "starting",
            Self::Stopping => "stopping",
            Self::Ending => "ending",
            Self::Troubled => "troubled",
            Self::Failed => "failed",
        }
    }
}

impl View {
    pub(crate) fn put(
        &mut self,
        vdc: &VdcRecord,
        systems: Vec<Arc<SystemStatus>>,
        (uses, imports): (BTreeSet<ApplicationPath>, Imports),
        network_problem: Option<&String>,
    ) {
        let worst = systems
            .iter()
            .map(|system| system.state)
            .max()
            .unwrap_or(SystemState::Ready);
        let state = if vdc.down { SystemState::Ending } else { worst };
        let status = VdcStatus {
            record: vdc.clone(),
            state,
            systems,
            uses,
            imports,
            network_problem: network_problem.cloned(),
        };
        self.vdcs.insert(vdc.id.clone(), Arc::new(status));
    }

    /// Other virtual data centers that use an application of this one.
    pub fn users_of(&self, id: &VdcId) -> Vec<&VdcId> {
        let uses = |vdc: &VdcStatus| vdc.uses.iter().any(|path| path.vdc.as_deref() == Some(id));
        let users = self.vdcs.iter().filter(|(_, vdc)| uses(vdc));
        users.map(|(user, _)| user).collect()
    }

    pub(crate) fn remove(&mut self, vdc: &VdcId) {
        self.vdcs.remove(vdc);
    }
}

impl VdcStatus {
    /// Whether everything is as it was asked for.
    pub fn is_converged(&self) -> bool {
        !self.record.down && self.systems.iter().all(|system| system.converged)
    }

    pub fn system(&self, application: &str) -> Option<&SystemStatus> {
        self.systems
            .iter()
            .find(|system| system.application() == application)
            .map(Arc::as_ref)
    }
}

impl SystemStatus {
    pub fn application(&self) -> &str {
        self.id.as_ref().map_or("", |id| id.application.as_str())
    }

    pub(crate) fn of(tracked: &Tracked, now: Timestamp) -> Self {
        let system = tracked.system();
        let steering = tracked.steering();
        let header = &system.header;
        let phase_order = header.spec.phases.iter().flat_map(|phase| &phase.tasks);
        let leaving = header.leaving.keys();
        let tasks: Vec<TaskState> = phase_order
            .chain(leaving)
            .map(|name| task_state(tracked, name))
            .collect();
        let exports = if steering.ready {
            Arc::clone(tracked.exports())
        } else {
            Arc::default()
        };
        let operations = header
            .spec
            .operations
            .iter()
            .chain(asked_of_part(system))
            .map(|wanted| operation_state(wanted, system))
            .collect();
        let part_of = header.spec.part.as_ref().map(|part| {
            let id = &system.id;
            format!("{}/{}/{}", part.scope, id.run, id.application)
        });
        let state = state(tracked, &tasks, now);
        Self {
            id: Some(system.id.clone()),
            kind: header.spec.kind.clone(),
            state,
            ready: steering.ready,
            converged: steering.converged
                || (header.intent.goal == Goal::Stopped && state == SystemState::Stopped),
            revision: header.revision,
            paused: header.intent.paused,
            requires: header
                .spec
                .requires
                .iter()
                .map(|requirement| requirement.application.clone())
                .collect(),
            tasks,
            whole: steering.whole.clone(),
            operations,
            exports,
            labels: header.spec.labels.clone(),
            clock: clock(system),
            part_of,
        }
    }
}

/// What is asked of it only because it is a part, once that has begun.
fn asked_of_part(system: &System) -> impl Iterator<Item = &OperationSpec> {
    let part = system.header.spec.part.iter();
    let asked = part.flat_map(Part::operations);
    asked.filter(|asked| system.operations.contains_key(&asked.name))
}

fn state(tracked: &Tracked, tasks: &[TaskState], _now: Timestamp) -> SystemState {
    let steering = tracked.steering();
    let system = tracked.system();
    let lives = system.live().next().is_some();
    match system.header.intent.goal {
        Goal::Gone { .. } => return SystemState::Ending,
        Goal::Stopped if lives => return SystemState::Stopping,
        Goal::Stopped => return SystemState::Stopped,
        Goal::Running => {}
    }
    if steering.converged {
        return SystemState::Ready;
    }
    let waits = || {
        tasks
            .iter()
            .filter_map(|task| task.waiting.as_ref())
            .chain(&steering.whole)
    };
    if waits().any(|waiting| matches!(waiting, Waiting::GaveUp { .. })) {
        SystemState::Failed
    } else if waits().any(Waiting::is_trouble) {
        SystemState::Troubled
    } else if steering.ready
        || tasks
            .iter()
            .any(|task| task.outdated && task.status.is_some())
    {
        SystemState::Updating
    } else {
        SystemState::Starting
    }
}

fn task_state(tracked: &Tracked, name: &Name) -> TaskState {
    let system = tracked.system();
    let record = system.tasks.get(name);
    let role = tracked
        .seen()
        .tasks
        .get(name)
        .and_then(|seen| seen.role.clone());
    let outdated = record.is_some_and(|record| {
        let intent = &system.header.intent;
        system.digests.get(name) != Some(&record.digest)
            || record.restart < crate::steer::restarts(system, name)
            || record.replace < intent.replace.get(name).copied().unwrap_or(0)
    });
    let spec = system.header.spec.tasks.get(name);
    let exposed = spec.map(|spec| &spec.exposed);
    TaskState {
        name: name.clone(),
        status: record.map(|record| record.status.clone()),
        since: record.map(|record| record.since),
        node: record.and_then(|record| record.node.clone()),
        address: record.and_then(|record| record.address.clone()),
        ports: record
            .map(|record| record.ports.clone())
            .unwrap_or_default(),
        exposed: exposed.cloned().unwrap_or_default(),
        attempt: record.map_or(0, |record| record.id.attempt),
        failures: record.map_or(0, |record| record.failures),
        role: role.filter(|_| record.is_some_and(|record| record.status.is_ready())),
        outdated,
        waiting: tracked.waiting(name).cloned(),
    }
}

fn clock(system: &System) -> Option<Clock> {
    let schedule = system.header.spec.schedule.clone()?;
    let rounds = system.header.rounds.unwrap_or_default();
    let next = crate::steer::next_round(&schedule, &rounds);
    Some(Clock {
        next: next.filter(|_| !rounds.off),
        schedule,
        rounds,
    })
}

fn operation_state(wanted: &OperationSpec, system: &System) -> OperationState {
    let record = system.operations.get(&wanted.name);
    let is_occasional = wanted.when != When::Always;
    let intent = &system.header.intent;
    let asked = intent.operate.get(&wanted.name).copied().unwrap_or(0);
    let taken = record.map_or(0, |record| record.asked);
    let (word, text) = match record.map(|record| &record.status) {
        _ if asked > taken && !record.is_some_and(OperationRecord::is_underway) => {
            ("waiting", "asked for".to_owned())
        }
        None | Some(OperationStatus::Scheduled) if is_occasional => ("idle", String::new()),
        None | Some(OperationStatus::Scheduled) => ("waiting", "not asked for yet".to_owned()),
        Some(OperationStatus::Asked { progress }) if progress.is_empty() => {
            let text = if is_occasional {
                "under way"
            } else {
                "asked for"
            };
            ("running", text.to_owned())
        }
        Some(OperationStatus::Asked { progress }) => ("running", progress.clone()),
        Some(OperationStatus::Done { result }) => ("done", result.clone()),
        Some(OperationStatus::Failed { reason }) if is_occasional => ("failed", reason.clone()),
        Some(OperationStatus::Failed { reason }) => ("failed", format!("failed: {reason}")),
    };
    let due = is_occasional
        .then(|| crate::steer::next_due(intent, wanted, record))
        .flatten();
    OperationState {
        name: wanted.name.clone(),
        when: wanted.when,
        done: matches!(word, "done" | "idle"),
        word,
        text,
        asked,
        taken,
        last_done: record.and_then(OperationRecord::last_done),
        due: due.filter(|_| asked <= taken),
    }
}

impl OperationState {
    /// Whether a person can ask for it.
    pub fn is_occasional(&self) -> bool {
        self.when != When::Always
    }
}

impl TaskState {
    /// One word for tables: `waiting` for a task that has no attempt and waits.
    pub fn word(&self) -> &'static str {
        match (&self.status, &self.waiting) {
            (None, _) => "waiting",
            (Some(Status::Ended(_)), Some(Waiting::GaveUp { .. })) => "failed",
            (Some(Status::Ended(_)), Some(Waiting::Stopped)) => "stopped",
            (Some(Status::Ended(_)), Some(_)) => "waiting",
            (Some(Status::Ended(smack_model::End::Exit(0))), None) => "finished",
            (Some(status), _) => status.word(),
        }
    }
}
