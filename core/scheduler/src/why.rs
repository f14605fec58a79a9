//! The chain of causes: from what somebody asks about down to what must change, out of the refusal values alone.

use serde::Serialize;
use smack_model::{ApplicationPath, Name, Timestamp};

use crate::status::{SystemStatus, TaskState, VdcStatus, View};
use crate::waiting::Waiting;

/// One reason, with the reasons behind it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cause {
    /// `kafka`, `kafka/broker-1`; of another VDC `default/telemetry/kafka`.
    pub subject: String,
    pub text: String,
    /// Only a person or a repaired world can end it.
    pub trouble: bool,
    pub because: Vec<Cause>,
}

/// Why `application` (or, without one, anything of the VDC) is not as asked; empty if all is well. A task narrows it.
pub fn why(
    view: &View,
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
        let mut asking = Asking {
            view,
            own: vdc,
            now,
            seen: Vec::new(),
        };
        causes.extend(asking.of_system(vdc, system, task));
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

/// One question, followed through all virtual data centers.
struct Asking<'a> {
    view: &'a View,
    /// The one that was asked about: what is of others goes by its path.
    own: &'a VdcStatus,
    now: Timestamp,
    /// The paths of applications that are explained already.
    seen: Vec<String>,
}

impl Asking<'_> {
    fn of_system(
        &mut self,
        vdc: &VdcStatus,
        system: &SystemStatus,
        task: Option<&Name>,
    ) -> Vec<Cause> {
        let application = if vdc.record.id == self.own.record.id {
            system.application().to_owned()
        } else {
            format!("{}/{}", vdc.record.id, system.application())
        };
        if self.seen.contains(&application) {
            return Vec::new();
        }
        self.seen.push(application.clone());
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
            let subject = format!("{application}/{}", state.name);
            causes.push(self.cause(vdc, subject, waiting));
        }
        if task.is_none() {
            for waiting in &system.whole {
                causes.push(self.cause(vdc, application.clone(), waiting));
            }
            for operation in system.operations.iter().filter(|operation| !operation.done) {
                let stands = system.whole.iter().any(|waiting| {
                    matches!(waiting, Waiting::Operation { name, .. } if *name == operation.name)
                });
                if !stands && system.tasks.iter().all(TaskState::is_well) && system.whole.is_empty()
                {
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

    fn cause(&mut self, vdc: &VdcStatus, subject: String, waiting: &Waiting) -> Cause {
        let because = if let Waiting::Requirement { application, .. } = waiting {
            self.of_application(vdc, application)
        } else {
            Vec::new()
        };
        let trouble = waiting.is_trouble() || because.iter().any(|cause| cause.trouble);
        Cause {
            subject,
            text: waiting.text(self.now),
            trouble,
            because,
        }
    }

    /// What an application of `vdc` means by this path.
    fn of_application(&mut self, vdc: &VdcStatus, path: &ApplicationPath) -> Vec<Cause> {
        let view = self.view;
        let vdc = match path.vdc.as_deref() {
            None => vdc,
            Some(id) => match view.vdcs.get(id) {
                Some(other) => other,
                None => return Vec::new(),
            },
        };
        let system = vdc.system(path.application.as_str());
        system
            .map(|system| self.of_system(vdc, system, None))
            .unwrap_or_default()
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
