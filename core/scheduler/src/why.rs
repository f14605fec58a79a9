//! The chain of causes: from what somebody asks about down to what must change, out of the refusal values alone.

use serde::Serialize;
use smack_model::{Name, Timestamp};

use crate::status::{SystemStatus, TaskState, VdcStatus};
use crate::waiting::Waiting;

/// One reason, with the reasons behind it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cause {
    /// `kafka`, `kafka/broker-1`.
    pub subject: String,
    pub text: String,
    /// Only a person or a repaired world can end it.
    pub trouble: bool,
    pub because: Vec<Cause>,
}

/// Why `application` (or, without one, anything of the VDC) is not as asked; empty if all is well. A task narrows it.
pub fn why(
    vdc: &VdcStatus,
    application: Option<&Name>,
    task: Option<&Name>,
    now: Timestamp,
) -> Vec<Cause> {
    let systems = vdc
        .systems
        .iter()
        .filter(|system| application.is_none_or(|name| system.application() == name.as_str()));
    let mut causes: Vec<Cause> = Vec::new();
    for system in systems {
        let mut seen = Vec::new();
        causes.extend(of_system(vdc, system, task, now, &mut seen));
    }
    // What is explained below another need not stand by itself, unless it was asked for.
    if application.is_none() {
        let explained: Vec<String> = causes
            .iter()
            .flat_map(|cause| &cause.because)
            .map(|cause| cause.subject.clone())
            .collect();
        causes.retain(|cause| !explained.contains(&cause.subject) || !cause.because.is_empty());
    }
    causes.sort_by_key(|cause| !cause.trouble);
    causes
}

fn of_system(
    vdc: &VdcStatus,
    system: &SystemStatus,
    task: Option<&Name>,
    now: Timestamp,
    seen: &mut Vec<String>,
) -> Vec<Cause> {
    let application = system.application().to_owned();
    if seen.contains(&application) {
        return Vec::new();
    }
    seen.push(application.clone());
    let mut causes = Vec::new();
    let tasks = system
        .tasks
        .iter()
        .filter(|state| task.is_none_or(|task| state.name == *task));
    for state in tasks {
        let Some(waiting) = &state.waiting else {
            continue;
        };
        // That it is not due is as it was asked for, and told to who asks for it.
        if matches!(waiting, Waiting::Clock { .. }) && task.is_none() {
            continue;
        }
        causes.push(cause(
            vdc,
            format!("{application}/{}", state.name),
            waiting,
            now,
            seen,
        ));
    }
    if task.is_none() {
        for waiting in &system.whole {
            causes.push(cause(vdc, application.clone(), waiting, now, seen));
        }
        for operation in system.operations.iter().filter(|operation| !operation.done) {
            let stands = system.whole.iter().any(|waiting| {
                matches!(waiting, Waiting::Operation { name, .. } if *name == operation.name)
            });
            if !stands && system.tasks.iter().all(TaskState::is_well) && system.whole.is_empty() {
                let text = format!("{}: {}", operation.name, operation.text);
                causes.push(Cause {
                    subject: application.clone(),
                    text,
                    trouble: false,
                    because: Vec::new(),
                });
            }
        }
    }
    merged(causes)
}

fn cause(
    vdc: &VdcStatus,
    subject: String,
    waiting: &Waiting,
    now: Timestamp,
    seen: &mut Vec<String>,
) -> Cause {
    let because = if let Waiting::Requirement { application, .. } = waiting {
        let required = vdc.system(application.as_str());
        required
            .map(|system| of_system(vdc, system, None, now, seen))
            .unwrap_or_default()
    } else {
        Vec::new()
    };
    let trouble = waiting.is_trouble() || because.iter().any(|cause| cause.trouble);
    Cause {
        subject,
        text: waiting.text(now),
        trouble,
        because,
    }
}

/// Tasks of one application that wait for the very same thing are told once: `kafka/broker-0 … broker-2`.
fn merged(causes: Vec<Cause>) -> Vec<Cause> {
    let mut merged: Vec<Cause> = Vec::new();
    for cause in causes {
        match merged.iter_mut().find(|other| other.text == cause.text) {
            Some(other) => {
                let task = cause
                    .subject
                    .rsplit('/')
                    .next()
                    .unwrap_or_default()
                    .to_owned();
                other.subject = format!("{}, {task}", other.subject);
                if other.because.is_empty() {
                    other.because = cause.because;
                    other.trouble |= cause.trouble;
                }
            }
            None => merged.push(cause),
        }
    }
    merged
}

impl TaskState {
    /// Nothing is awaited of it.
    pub fn is_well(&self) -> bool {
        self.waiting.is_none()
    }
}
