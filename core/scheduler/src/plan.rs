//! What a run would change, step by step and with what each step waits for: derived, nothing is decided here.

mod part;

use std::collections::BTreeSet;

use serde::Serialize;
use smack_model::{
    Digest, Goal, Name, OperationRecord, OperationSpec, OperationStatus, Requirement, Schedule,
    ServiceSpec, Span, Status, Strategy, System, TaskName, TaskRecord, TaskSpec, Timestamp, Until,
    When,
};

/// The effect of a spec on one system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    pub application: Name,
    pub kind: String,
    pub steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// A task, or an operation by its name.
    pub subject: String,
    pub effect: Effect,
    /// Why, and what exactly differs: a line each.
    pub reasons: Vec<String>,
    /// What the step waits for before it is taken.
    pub after: Vec<String>,
    /// Of an operation on a schedule: when it begins next, as far as that is known.
    pub due: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    Start,
    Restart,
    Replace,
    /// Drained if the product knows how, stopped, retired.
    Remove,
    /// Ends with its volumes.
    End,
    Operate,
    /// An operation comes to be repeated, or no longer, or at other times.
    Schedule,
    Unchanged,
}

impl Effect {
    pub fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Restart => "restart",
            Self::Replace => "replace",
            Self::Remove => "remove",
            Self::End => "end",
            Self::Operate => "ask",
            Self::Schedule => "set",
            Self::Unchanged => "leave",
        }
    }
}

/// The plan for `application` to become `spec` (`None`: to end), coming from `system` (`None`: it is not there), beside the
/// other parts of the same system.
pub fn plan(
    application: &Name,
    system: Option<&System>,
    spec: Option<&ServiceSpec>,
    siblings: &[&System],
) -> Plan {
    let kind = spec.or_else(|| system.map(|system| system.header.spec.as_ref()));
    let kind = kind.map(|spec| spec.kind.clone()).unwrap_or_default();
    let mut steps = Vec::new();
    match spec {
        Some(spec) => {
            starts_and_restarts(system, spec, siblings, &mut steps);
            removals(system, spec, &mut steps);
            schedule(system, spec, &mut steps);
            operations(system, spec, &mut steps);
            steps.extend(part::joining(system, spec, siblings));
        }
        None => {
            let reason = Some("no longer in the stack");
            steps.extend(part::leaving(system, siblings));
            let live = system.into_iter().flat_map(System::live);
            steps.extend(live.map(|record| end(&record.id.name, reason, Vec::new())));
        }
    }
    Plan {
        application: application.clone(),
        kind,
        steps,
    }
}

/// The plan for a system to end with its virtual data center, after its users; with what becomes of its data.
pub(crate) fn plan_end(
    system: &System,
    siblings: &[&System],
    users: &[String],
    keep_volumes: bool,
) -> Plan {
    let mut steps = part::leaving(Some(system), siblings);
    let drained: BTreeSet<String> = steps.iter().map(|step| step.subject.clone()).collect();
    let volumes = system.volumes.values();
    let with_data: BTreeSet<&TaskName> = volumes.map(|volume| &volume.id.task).collect();
    let told = if keep_volumes {
        "its data is kept"
    } else {
        "with its data"
    };
    steps.extend(system.live().map(|record| {
        let name = &record.id.name;
        let has_data = with_data.contains(name);
        let drain = Some(format!("drain {name}")).filter(|drain| drained.contains(drain));
        let after = users.iter().cloned();
        let after = after.chain(drain.map(|drain| format!("{drain} done")));
        end(name, has_data.then_some(told), after.collect())
    }));
    Plan {
        application: system.id.application.clone(),
        kind: system.header.spec.kind.clone(),
        steps,
    }
}

fn end(task: &TaskName, reason: Option<&str>, after: Vec<String>) -> Step {
    Step {
        subject: task.to_string(),
        effect: Effect::End,
        reasons: reason.into_iter().map(str::to_owned).collect(),
        after,
        due: None,
    }
}

impl Plan {
    /// Whether a run would do nothing to the system.
    pub fn is_silent(&self) -> bool {
        self.steps
            .iter()
            .all(|step| step.effect == Effect::Unchanged)
    }
}

fn starts_and_restarts(
    system: Option<&System>,
    spec: &ServiceSpec,
    siblings: &[&System],
    steps: &mut Vec<Step>,
) {
    let parts = system.into_iter().chain(siblings.iter().copied());
    let mut records = parts.flat_map(|part| part.tasks.values());
    let has_members = records.any(|record| record.has_joined());
    let alone = |phase: &smack_model::Phase| match phase.strategy {
        Strategy::Parallel => false,
        Strategy::Serial => true,
        Strategy::Founding => has_members,
    };
    let mut before: Vec<String> = spec.requires.iter().map(required).collect();
    let mut rolled: Option<TaskName> = None;
    for phase in &spec.phases {
        let mut serial = before.clone();
        for name in &phase.tasks {
            let Some(task) = spec.tasks.get(name) else {
                continue;
            };
            let record = system.and_then(|system| system.tasks.get(name));
            let stopped = system.is_some_and(|system| system.header.intent.goal != Goal::Running);
            let (effect, reasons) = match (record, system) {
                (Some(record), Some(system)) if record.status.is_live() => {
                    let digest = task.digest();
                    if digest == record.digest {
                        (Effect::Unchanged, Vec::new())
                    } else {
                        let old = system.launches.get(&record.digest);
                        let mut reasons = old
                            .map(|old| old.differences(&task.launch))
                            .unwrap_or_default();
                        if reasons.is_empty() {
                            reasons.push("its ports differ".to_owned());
                        }
                        (Effect::Restart, reasons)
                    }
                }
                (Some(record), _) if record.status == Status::Ended(smack_model::End::Exit(0)) => {
                    let is_done = task.goal != smack_model::TaskGoal::Running
                        && (task.goal == smack_model::TaskGoal::Once
                            || record.digest == task.digest());
                    if is_done {
                        (Effect::Unchanged, Vec::new())
                    } else {
                        (Effect::Start, Vec::new())
                    }
                }
                (Some(_), _) if stopped => (Effect::Unchanged, vec!["stopped".to_owned()]),
                _ => (Effect::Start, Vec::new()),
            };
            let (effect, reasons) = match spec.schedule {
                Some(_) => (
                    Effect::Unchanged,
                    by_the_clock(record.map(Box::as_ref), task),
                ),
                None => (effect, reasons),
            };
            let after = match effect {
                Effect::Restart => {
                    let mut after = Vec::new();
                    if let Some(previous) = &rolled {
                        after.push(format!("{previous} ready"));
                    }
                    after.extend(
                        spec.check
                            .as_ref()
                            .map(|_| format!("the product says {name} may go")),
                    );
                    rolled = Some(name.clone());
                    after
                }
                Effect::Start => serial.clone(),
                Effect::Replace
                | Effect::Remove
                | Effect::End
                | Effect::Operate
                | Effect::Schedule
                | Effect::Unchanged => Vec::new(),
            };
            if alone(phase) && effect == Effect::Start {
                serial = vec![format!("{name} ready")];
            }
            steps.push(Step {
                subject: name.to_string(),
                effect,
                reasons,
                after,
                due: None,
            });
        }
        before = vec![format!("phase {} ready", phase.name)];
    }
    put_role_last(spec, steps);
}

/// Nothing is started or stopped by a run: what is other holds from the next round on.
fn by_the_clock(record: Option<&TaskRecord>, task: &TaskSpec) -> Vec<String> {
    let is_changed = record.is_some_and(|record| record.digest != task.digest());
    let text = match is_changed {
        true => "changed from the next round on",
        false => "by the clock",
    };
    vec![text.to_owned()]
}

fn schedule(system: Option<&System>, spec: &ServiceSpec, steps: &mut Vec<Step>) {
    let header = system.map(|system| &system.header);
    let before = header.and_then(|header| header.spec.schedule.as_ref());
    let rounds = header.and_then(|header| header.rounds);
    let is_off = rounds.is_some_and(|rounds| rounds.off);
    let (effect, reason) = match (before, &spec.schedule) {
        (None, None) => return,
        (Some(before), None) => (Effect::Schedule, format!("no longer {}", told(before))),
        (Some(before), Some(after)) if before == after && !is_off => {
            (Effect::Unchanged, told(after))
        }
        (Some(before), Some(after)) if before != after => (
            Effect::Schedule,
            format!("{}, no longer {}", told(after), told(before)),
        ),
        (_, Some(after)) => (Effect::Schedule, told(after)),
    };
    let due = before
        .zip(rounds)
        .filter(|_| effect == Effect::Unchanged)
        .and_then(|(schedule, rounds)| crate::steer::next_round(schedule, &rounds));
    steps.push(Step {
        subject: "schedule".to_owned(),
        effect,
        reasons: vec![reason],
        after: Vec::new(),
        due,
    });
}

fn told(schedule: &Schedule) -> String {
    let start = schedule.start.as_ref();
    let start = start.map(|start| format!(" from {start:?} on", start = start.to_string()));
    format!(
        "{:?}{} ({})",
        schedule.calendar.to_string(),
        start.unwrap_or_default(),
        schedule.zone
    )
}

/// The leader, if there is one, goes after all others.
fn put_role_last(spec: &ServiceSpec, steps: &mut [Step]) {
    let last = spec.roll_last.as_ref().filter(|_| spec.budget <= 1);
    if let (Some(role), true) = (
        last,
        steps
            .iter()
            .filter(|step| step.effect == Effect::Restart)
            .count()
            > 1,
    ) {
        for step in steps
            .iter_mut()
            .filter(|step| step.effect == Effect::Restart)
        {
            step.after.retain(|text| !text.ends_with(" ready"));
            step.after
                .insert(0, format!("the others, one at a time, the {role} last"));
        }
    }
}

fn removals(system: Option<&System>, spec: &ServiceSpec, steps: &mut Vec<Step>) {
    let Some(system) = system else { return };
    for record in system
        .live()
        .filter(|record| !spec.tasks.contains_key(&record.id.name))
    {
        let name = &record.id.name;
        let mut after = Vec::new();
        if system.header.spec.drains.contains_key(name) {
            after.push(format!("drain {name}: everything it holds is moved away"));
        }
        if (spec.tasks.len() as u64) < u64::from(spec.minimum.tasks) {
            after.push(format!(
                "refused below {}: {}",
                spec.minimum.tasks, spec.minimum.reason
            ));
        }
        let reasons = vec!["no longer wanted".to_owned()];
        steps.push(Step {
            subject: name.to_string(),
            effect: Effect::Remove,
            reasons,
            after,
            due: None,
        });
    }
}

fn operations(system: Option<&System>, spec: &ServiceSpec, steps: &mut Vec<Step>) {
    for operation in &spec.operations {
        let record = system.and_then(|system| system.operations.get(&operation.name));
        let mut step = Step {
            subject: operation.name.clone(),
            effect: Effect::Unchanged,
            reasons: Vec::new(),
            after: Vec::new(),
            due: None,
        };
        match operation.when {
            When::Always => {
                let wanted: Digest = crate::steer::digest(&operation.operation);
                let done = record.is_some_and(|record| {
                    record.digest == wanted && matches!(record.status, OperationStatus::Done { .. })
                });
                if !done {
                    step.effect = Effect::Operate;
                    step.after.push("all tasks ready".to_owned());
                }
            }
            When::Asked => step.reasons.push("when it is asked for".to_owned()),
            When::Every(span) => step.reasons.push(format!("every {}", span.words())),
        }
        let before = before(system, &operation.name);
        if let Some(span) = before.filter(|_| repeated(operation) != before) {
            step.reasons
                .push(format!("no longer every {}", span.words()));
        }
        if repeated(operation) != before && step.effect == Effect::Unchanged {
            step.effect = Effect::Schedule;
        }
        if operation.when != When::Always {
            let intent = system.map(|system| &system.header.intent);
            step.due = intent.and_then(|intent| crate::steer::next_due(intent, operation, record));
            if record.is_some_and(OperationRecord::is_underway) {
                step.reasons.push("under way".to_owned());
            } else if step.due == Some(Timestamp(0)) {
                step.due = None;
                step.reasons.push("asked for".to_owned());
            }
        }
        steps.push(step);
    }
    let gone = system
        .into_iter()
        .flat_map(|system| &system.header.spec.operations);
    for operation in gone {
        let stays = spec
            .operations
            .iter()
            .any(|kept| kept.name == operation.name);
        if let Some(span) = repeated(operation).filter(|_| !stays) {
            steps.push(Step {
                subject: operation.name.clone(),
                effect: Effect::Schedule,
                reasons: vec![format!("no longer every {}", span.words())],
                after: Vec::new(),
                due: None,
            });
        }
    }
}

fn repeated(operation: &OperationSpec) -> Option<Span> {
    match operation.when {
        When::Every(span) => Some(span),
        When::Always | When::Asked => None,
    }
}

/// How often the system repeats the operation so far.
fn before(system: Option<&System>, operation: &str) -> Option<Span> {
    let operations = &system?.header.spec.operations;
    operations
        .iter()
        .find(|known| known.name == operation)
        .and_then(repeated)
}

fn required(requirement: &Requirement) -> String {
    match requirement.until {
        Until::Placed => format!("{} placed", requirement.application),
        Until::Ready => format!("{} ready", requirement.application),
    }
}
