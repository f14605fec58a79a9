//! What the journal is told beyond decisions, so that a trace can be made of it: waits, and the moment when everything is
//! as asked for. Each is noted when it begins, never again while it lasts.

use smack_model::{Status, TaskName, TaskRecord, VdcId};

use super::{Engine, Key, RunRequest};
use crate::status::TaskState;
use crate::waiting::Waiting;

impl Engine {
    /// Notes the waits that began since the last decision, and the launches that ended one.
    pub(super) fn note_waits(&mut self, key: &Key) {
        let now = self.now;
        let Some(tracked) = self.systems.get_mut(key) else {
            return;
        };
        let path = tracked.system.id.path();
        let mut notes: Vec<(String, &str, String)> = Vec::new();
        for task in &tracked.status.tasks {
            let subject = || format!("{path}/{}", task.name);
            let old = tracked.waits.get(&task.name);
            match task.waiting.as_ref().filter(|waiting| waiting.is_told()) {
                Some(waiting) if old.is_none_or(|(old, _)| !old.is_same(waiting)) => {
                    notes.push((subject(), "waits", waiting.text(now)));
                    let wait = (waiting.clone(), task.attempt);
                    tracked.waits.insert(task.name.clone(), wait);
                }
                None if old.is_some() => {
                    let is_placed = old.is_some_and(|(_, attempt)| *attempt == task.attempt);
                    if is_placed && is_launched(task) {
                        let text = format!("attempt {}", task.attempt);
                        notes.push((subject(), "launched", text));
                    }
                    tracked.waits.remove(&task.name);
                }
                Some(_) | None => {}
            }
        }
        if tracked.waits.len() > tracked.status.tasks.len() {
            let tasks = &tracked.status.tasks;
            let is_there = |name: &TaskName| tasks.iter().any(|task| task.name == *name);
            tracked.waits.retain(|name, _| is_there(name));
        }
        for (subject, kind, text) in notes {
            self.note(subject, kind, text);
        }
    }

    /// Notes that a VDC has become as it was asked for; again only after it was not, or was asked for something.
    pub(super) fn note_converged(&mut self, id: &VdcId) {
        let vdc = self.view.vdcs.get(id);
        let Some(is_converged) = vdc.map(|vdc| vdc.is_converged()) else {
            self.unsettled.remove(id);
            return;
        };
        if !is_converged {
            self.unsettled.insert(id.clone());
        } else if self.unsettled.remove(id) {
            self.note(id.to_string(), "converged", "everything is as asked for");
        }
    }

    /// Notes who waits for whom in what was asked for.
    pub(super) fn note_requirements(&mut self, request: &RunRequest) {
        for (application, spec) in &request.systems {
            let required = spec.requires.iter();
            let required: Vec<String> = required
                .map(|other| other.application.to_string())
                .collect();
            if !required.is_empty() {
                let subject = format!("{}/{application}", request.vdc);
                self.note(subject, "requires", required.join(", "));
            }
        }
    }

    pub(super) fn note_running(&mut self, record: &TaskRecord, pid: u32) {
        let subject = format!("{}/{}", record.id.system.path(), record.id.name);
        let text = format!("attempt {}, pid {pid}", record.id.attempt);
        self.note(subject, "running", text);
    }
}

/// Its place was found earlier, and now nothing keeps it from its start.
fn is_launched(task: &TaskState) -> bool {
    matches!(task.status, Some(Status::Claimed))
        && matches!(task.waiting, None | Some(Waiting::Launch { .. }))
}
