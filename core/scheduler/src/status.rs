//! What people see: derived from records and the last steering, shared, never stored.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use smack_model::{Goal, Name, OperationStatus, Status, SystemId, Timestamp, VdcId, VdcRecord};

use crate::engine::Tracked;
use crate::waiting::Waiting;

/// Everything that is up or on its way, as of the last decision.
#[derive(Debug, Clone, Default)]
pub struct View {
    pub now: Timestamp,
    pub vdcs: BTreeMap<VdcId, Arc<VdcStatus>>,
}

#[derive(Debug, Clone)]
pub struct VdcStatus {
    pub record: VdcRecord,
    pub state: SystemState,
    /// In the order of their names.
    pub systems: Vec<Arc<SystemStatus>>,
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
    pub requires: Vec<Name>,
    pub tasks: Vec<TaskState>,
    pub whole: Vec<Waiting>,
    pub operations: Vec<OperationState>,
    /// Filled once ready.
    pub exports: Arc<BTreeMap<String, String>>,
    pub labels: BTreeMap<String, String>,
}

#[derive(Debug, Clone)]
pub struct TaskState {
    pub name: Name,
    pub status: Option<Status>,
    pub since: Option<Timestamp>,
    pub node: Option<Name>,
    pub address: Option<String>,
    pub ports: Arc<smack_model::Ports>,
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
    pub done: bool,
    pub text: String,
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
    pub(crate) fn put(&mut self, vdc: &VdcRecord, systems: Vec<Arc<SystemStatus>>) {
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
        };
        self.vdcs.insert(vdc.id.clone(), Arc::new(status));
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
            .map(|operation| {
                operation_state(&operation.name, system.operations.get(&operation.name))
            })
            .collect();
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
        }
    }
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
    TaskState {
        name: name.clone(),
        status: record.map(|record| record.status.clone()),
        since: record.map(|record| record.since),
        node: record.and_then(|record| record.node.clone()),
        address: record.and_then(|record| record.address.clone()),
        ports: record
            .map(|record| record.ports.clone())
            .unwrap_or_default(),
        attempt: record.map_or(0, |record| record.id.attempt),
        failures: record.map_or(0, |record| record.failures),
        role: role.filter(|_| record.is_some_and(|record| record.status.is_ready())),
        outdated,
        waiting: tracked.waiting(name).cloned(),
    }
}

fn operation_state(name: &str, record: Option<&smack_model::OperationRecord>) -> OperationState {
    let (done, text) = match record.map(|record| &record.status) {
        None => (false, "not asked for yet".to_owned()),
        Some(OperationStatus::Asked { progress }) if progress.is_empty() => {
            (false, "asked for".to_owned())
        }
        Some(OperationStatus::Asked { progress }) => (false, progress.clone()),
        Some(OperationStatus::Done { result }) => (true, result.clone()),
        Some(OperationStatus::Failed { reason }) => (false, format!("failed: {reason}")),
    };
    OperationState {
        name: name.to_owned(),
        done,
        text,
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
