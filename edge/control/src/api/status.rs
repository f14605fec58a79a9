//! What is up: state, reasons, exports, environments, the server itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path as UrlPath, Query, State};
use serde::Deserialize;
use smack_grids::logs::{Stream, last_lines};
use smack_model::{Name, TaskId, Timestamp, When};
use smack_scheduler::{Cause, SystemStatus, TaskState, VdcStatus};

use super::{Answer, Refused, Shared, VdcPath};
use crate::decider::Input;
use crate::{clock, wire};

pub(super) async fn server(State(shared): State<Arc<Shared>>) -> Json<wire::Server> {
    let node = |node: &smack_model::Node| wire::ServerNode {
        name: node.id.to_string(),
        cpu_millis: node.capacity.cpu_millis,
        memory_mib: node.capacity.memory_mib,
    };
    Json(wire::Server {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        epoch: shared.epoch,
        home: shared.home.display().to_string(),
        started_ms: shared.started.0,
        isolation: shared.isolation().to_string(),
        limits: shared.limits.clone(),
        nodes: shared.nodes.iter().map(node).collect(),
        dns: shared.dns_address(),
        halted: shared.published.borrow().halted.clone(),
    })
}

pub(super) async fn shutdown(State(shared): State<Arc<Shared>>) -> Answer<()> {
    shared
        .inputs
        .send(Input::Stop)
        .map_err(|_| Refused::ending())?;
    Ok(Json(()))
}

pub(super) async fn vdcs(State(shared): State<Arc<Shared>>) -> Json<Vec<wire::Vdc>> {
    let vdcs: Vec<Arc<VdcStatus>> = shared
        .published
        .borrow()
        .view
        .vdcs
        .values()
        .cloned()
        .collect();
    Json(vdcs.iter().map(|vdc| shown(&shared, vdc)).collect())
}

pub(super) async fn vdc(
    State(shared): State<Arc<Shared>>,
    UrlPath((zone, name)): VdcPath,
) -> Answer<wire::Vdc> {
    let vdc = shared.vdc(&zone, &name)?;
    Ok(Json(shown(&shared, &vdc)))
}

pub(super) async fn exports(
    State(shared): State<Arc<Shared>>,
    UrlPath((zone, name)): VdcPath,
) -> Answer<BTreeMap<String, String>> {
    let vdc = shared.vdc(&zone, &name)?;
    let of_system = |system: &Arc<SystemStatus>| {
        let application = system.application().to_owned();
        let exports = BTreeMap::clone(&system.exports);
        exports
            .into_iter()
            .map(move |(name, value)| (format!("{application}.{name}"), value))
    };
    Ok(Json(vdc.systems.iter().flat_map(of_system).collect()))
}

/// What a query narrows an answer to.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Narrow {
    application: Option<String>,
    task: Option<String>,
}

impl Narrow {
    /// The names, checked against what is there.
    fn names(&self, vdc: &VdcStatus) -> Result<(Option<Name>, Option<Name>), Refused> {
        let label = |text: &Option<String>| {
            let name = text.as_deref().map(Name::new).transpose();
            name.map_err(|error| Refused::bad_request(error.to_string()))
        };
        let (application, task) = (label(&self.application)?, label(&self.task)?);
        if let Some(name) = &application {
            let Some(system) = vdc.system(name.as_str()) else {
                let known = vdc.systems.iter().map(|system| system.application());
                let known = known.collect::<Vec<_>>().join(", ");
                let refused =
                    Refused::not_found(format!("{} has no application {name}", vdc.record.id));
                return Err(refused.hint(format!("it has {known}")));
            };
            if let Some(task) = &task
                && !system.tasks.iter().any(|state| state.name == *task)
            {
                let known = system.tasks.iter().map(|state| state.name.as_str());
                let known = known.collect::<Vec<_>>().join(", ");
                return Err(Refused::not_found(format!("{name} has no task {task}"))
                    .hint(format!("it has {known}")));
            }
        }
        Ok((application, task))
    }
}

pub(super) async fn why(
    State(shared): State<Arc<Shared>>,
    UrlPath((zone, name)): VdcPath,
    Query(narrow): Query<Narrow>,
) -> Answer<Vec<wire::Cause>> {
    let vdc = shared.vdc(&zone, &name)?;
    let (application, task) = narrow.names(&vdc)?;
    let view = Arc::clone(&shared.published.borrow().view);
    let causes = smack_scheduler::why(
        &view,
        &vdc,
        application.as_ref(),
        task.as_ref(),
        clock::now(),
    );
    Ok(Json(
        causes
            .into_iter()
            .map(|cause| with_evidence(&shared, &vdc, cause))
            .collect(),
    ))
}

pub(super) async fn environment(
    State(shared): State<Arc<Shared>>,
    UrlPath((zone, name)): VdcPath,
    Query(narrow): Query<Narrow>,
) -> Answer<wire::Environment> {
    let vdc = shared.vdc(&zone, &name)?;
    let (Some(application), Some(task)) = narrow.names(&vdc)? else {
        return Err(Refused::bad_request(
            "name an application and a task".to_owned(),
        ));
    };
    let id = attempt(&vdc, application.as_str(), task.as_str())
        .ok_or_else(|| Refused::conflict(format!("{application}/{task} was not launched yet")))?;
    let variables = shared
        .grid
        .reach()
        .environment(&id)
        .map_err(|error| Refused::conflict(error.to_string()))?;
    let directory = shared.grid.sandbox(&id).display().to_string();
    let way_in = shared.grid.reach().way_in(&id);
    let way_in = way_in.map_err(|error| Refused::conflict(error.to_string()))?;
    let way_in = way_in
        .iter()
        .map(|word| word.to_string_lossy().into_owned());
    Ok(Json(wire::Environment {
        way_in: way_in.collect(),
        directory,
        variables,
    }))
}

/// The latest attempt at a task.
pub(super) fn attempt(vdc: &VdcStatus, application: &str, task: &str) -> Option<TaskId> {
    let system = vdc.system(application)?;
    let state = system
        .tasks
        .iter()
        .find(|state| state.name.as_str() == task)?;
    (state.attempt > 0).then_some(())?;
    Some(TaskId {
        system: system.id.clone()?,
        name: state.name.clone(),
        attempt: state.attempt,
    })
}

fn shown(shared: &Shared, vdc: &VdcStatus) -> wire::Vdc {
    let now = clock::now();
    let record = &vdc.record;
    let view = Arc::clone(&shared.published.borrow().view);
    let users = view.users_of(&record.id).into_iter();
    let tasks = vdc.systems.iter().flat_map(|system| {
        system
            .tasks
            .iter()
            .map(|state| task(system.application(), state, now))
    });
    wire::Vdc {
        vdc: record.id.to_string(),
        name: record.shown.clone(),
        zone: record.id.zone.to_string(),
        state: vdc.state.word().to_owned(),
        converged: vdc.is_converged(),
        stack: record.stack.clone(),
        revision: record.revision,
        created_ms: record.created.0,
        updated_ms: record.updated.0,
        domain: smack_scheduler::names::domain(&record.id),
        dns: shared.dns_address(),
        isolation: record.isolation.to_string(),
        network_problem: vdc.network_problem.clone(),
        uses: vdc.uses.iter().map(ToString::to_string).collect(),
        used_by: users.map(ToString::to_string).collect(),
        expires_ms: record.expires.filter(|_| !record.down).map(|at| at.0),
        limits: shared.limits.clone(),
        applications: vdc
            .systems
            .iter()
            .map(|system| application(system, now))
            .collect(),
        tasks: tasks.collect(),
    }
}

fn by_the_clock(clock: &smack_scheduler::Clock) -> wire::Clock {
    let smack_scheduler::Clock {
        schedule,
        rounds,
        next,
    } = clock;
    wire::Clock {
        schedule: schedule.calendar.to_string(),
        start: schedule.start.as_ref().map(ToString::to_string),
        zone: schedule.zone.to_string(),
        next_ms: next.map(|at| at.0),
        begun: rounds.begun,
        latest_ms: rounds.latest.map(|at| at.0),
        missed: rounds.missed,
        off: rounds.off,
    }
}

fn application(system: &SystemStatus, now: Timestamp) -> wire::Application {
    let operation = |operation: &smack_scheduler::OperationState| wire::Operation {
        name: operation.name.clone(),
        done: operation.done,
        text: operation.text.clone(),
        when: match operation.when {
            When::Always => wire::PART_OF_READY.to_owned(),
            When::Asked => "asked".to_owned(),
            When::Every(span) => span.words(),
        },
        state: operation.word.to_owned(),
        asked: operation.asked,
        taken: operation.taken,
        done_ms: operation.last_done.map(|at| at.0),
        due_ms: operation.due.map(|at| at.0),
    };
    wire::Application {
        name: system.application().to_owned(),
        kind: system.kind.clone(),
        state: system.state.word().to_owned(),
        ready: system.ready,
        converged: system.converged,
        paused: system.paused,
        revision: system.revision,
        requires: system.requires.iter().map(ToString::to_string).collect(),
        waiting: system
            .whole
            .iter()
            .map(|waiting| waiting.text(now))
            .collect(),
        operations: system.operations.iter().map(operation).collect(),
        part_of: system.part_of.clone(),
        exports: BTreeMap::clone(&system.exports),
        clock: system.clock.as_ref().map(by_the_clock),
    }
}

fn task(application: &str, state: &TaskState, now: Timestamp) -> wire::Task {
    wire::Task {
        application: application.to_owned(),
        name: state.name.to_string(),
        state: state.word().to_owned(),
        node: state.node.as_ref().map(Name::to_string),
        address: state.address.as_deref().map(str::to_owned),
        ports: state
            .ports
            .iter()
            .map(|(name, port)| (name.to_string(), *port))
            .collect(),
        attempt: state.attempt,
        pid: state.status.as_ref().and_then(smack_model::Status::pid),
        waiting: state.waiting.as_ref().map(|waiting| waiting.text(now)),
        since_ms: state.since.map(|since| since.0),
        failures: state.failures,
        role: state.role.clone(),
        outdated: state.outdated,
    }
}

/// Adds what the task itself said last, where that may be the reason.
fn with_evidence(shared: &Shared, vdc: &VdcStatus, cause: Cause) -> wire::Cause {
    // Of several tasks with the same trouble the first speaks.
    let first = |tasks: &str| tasks.split(", ").next().unwrap_or(tasks).to_owned();
    let parts: Vec<&str> = cause.subject.split('/').collect();
    let evidence = match parts.as_slice() {
        [application, tasks] => evidence(shared, vdc, application, &first(tasks), cause.trouble),
        [zone, name, application, tasks] => shared.vdc(zone, name).map_or_else(
            |_| Vec::new(),
            |other| evidence(shared, &other, application, &first(tasks), cause.trouble),
        ),
        _ => Vec::new(),
    };
    wire::Cause {
        subject: cause.subject,
        text: cause.text,
        trouble: cause.trouble,
        because: cause
            .because
            .into_iter()
            .map(|cause| with_evidence(shared, vdc, cause))
            .collect(),
        evidence,
    }
}

/// So much of the log's end is searched, and so many lines of it are shown.
const SEARCHED: usize = 200;
const SHOWN: usize = 4;

fn evidence(
    shared: &Shared,
    vdc: &VdcStatus,
    application: &str,
    task: &str,
    trouble: bool,
) -> Vec<String> {
    let Some(id) = attempt(vdc, application, task) else {
        return Vec::new();
    };
    let sandbox = shared.grid.sandbox(&id);
    let mut lines: Vec<String> = Vec::new();
    for stream in [Stream::Output, Stream::Errors] {
        let chunk = last_lines(&sandbox, stream, SEARCHED).unwrap_or_default();
        lines.extend(
            String::from_utf8_lossy(&chunk.bytes)
                .lines()
                .map(str::to_owned),
        );
    }
    let tells = |line: &&String| {
        const SIGNS: [&str; 8] = [
            "ERROR",
            "FATAL",
            "Exception",
            "Error:",
            "error:",
            "Caused by",
            "cannot",
            "denied",
        ];
        SIGNS.iter().any(|sign| line.contains(sign))
    };
    let telling: Vec<&String> = lines.iter().filter(tells).collect();
    let chosen: Vec<&String> = match (telling.is_empty(), trouble) {
        (false, _) => telling,
        (true, true) => lines
            .iter()
            .filter(|line| !line.trim().is_empty())
            .collect(),
        (true, false) => Vec::new(),
    };
    let from = chosen.len().saturating_sub(SHOWN);
    chosen[from..]
        .iter()
        .map(|line| line.chars().take(300).collect())
        .collect()
}
