//! What happened since a command was given, gathered from events and states: the marks from which the time per step and
//! the longest chain are derived. Pure: knows no server and no clock.

mod chain;
mod view;

use std::collections::BTreeMap;

use smack_control::wire::{Event, Vdc};

pub(crate) use chain::{Segment, chain};
pub(crate) use view::{Piece, finished, lines, per_step, style_of, waits};

/// Something that was reached, by the server's clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) at_ms: u64,
    /// Empty for the VDC as a whole.
    pub(crate) application: String,
    /// Empty for an application as a whole.
    pub(crate) task: String,
    pub(crate) what: What,
}

/// What was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Placed,
    Running,
    TaskReady,
    Stopping,
    Ended,
    Operation,
    ApplicationReady,
    Converged,
}

/// Everything that is known of one wait.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// When the command took effect.
    pub(crate) began_ms: u64,
    /// In the order in which they were reached.
    pub(crate) marks: Vec<Mark>,
    /// When an application was last seen waiting for its artifacts.
    pub(crate) fetching: BTreeMap<String, u64>,
    /// Who requires whom.
    pub(crate) requires: BTreeMap<String, Vec<String>>,
}

impl Progress {
    pub(crate) fn new(began_ms: u64) -> Self {
        Self {
            began_ms,
            ..Self::default()
        }
    }

    /// Takes an event of the VDC whose path is `vdc`.
    pub(crate) fn take_event(&mut self, vdc: &str, event: &Event) {
        let part = event
            .subject
            .strip_prefix(vdc)
            .and_then(|rest| rest.strip_prefix('/'))
            .unwrap_or_default();
        let (application, task) = part.split_once('/').unwrap_or((part, ""));
        let what = match (event.kind.as_str(), application.is_empty(), task.is_empty()) {
            ("placed", false, false) => What::Placed,
            ("ready", false, false) => What::TaskReady,
            ("ready", false, true) => What::ApplicationReady,
            ("stopping", false, false) => What::Stopping,
            ("ended", false, false) => What::Ended,
            ("operation", false, true) => What::Operation,
            _ => return,
        };
        self.add(event.at_ms, application, task, what);
    }

    /// Takes the state as it was at `at_ms`. What a state shows and no event told is when a process runs.
    pub(crate) fn take_state(&mut self, vdc: &Vdc, at_ms: u64) {
        for application in &vdc.applications {
            self.requires
                .entry(application.name.clone())
                .or_insert_with(|| application.requires.clone());
        }
        for task in &vdc.tasks {
            if let (Some(since), "running") = (task.since_ms, task.state.as_str())
                && since >= self.began_ms
            {
                self.add(since, &task.application, &task.name, What::Running);
            }
            if is_fetching(task.waiting.as_deref()) {
                self.fetching.insert(task.application.clone(), at_ms);
            }
        }
    }

    /// The end of the wait.
    pub(crate) fn converged(&mut self, at_ms: u64) {
        let last = self.marks.last().map_or(self.began_ms, |mark| mark.at_ms);
        self.add(at_ms.max(last), "", "", What::Converged);
    }

    fn add(&mut self, at_ms: u64, application: &str, task: &str, what: What) {
        let (application, task) = (application.to_owned(), task.to_owned());
        let mark = Mark {
            at_ms,
            application,
            task,
            what,
        };
        if self.marks.contains(&mark) {
            return;
        }
        let position = self.marks.partition_point(|other| other.at_ms <= at_ms);
        self.marks.insert(position, mark);
    }
}

/// The server tells in words what a task waits for; these are the words for artifacts on their way.
fn is_fetching(waiting: Option<&str>) -> bool {
    waiting.is_some_and(|text| text.contains(" is being fetched"))
}
