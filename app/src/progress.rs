//! What happened since a command was given, gathered from events and states for the account of a wait: core derives the
//! time per step and the longest chain from it. Pure: knows no server and no clock.

mod view;

use smack_control::wire::{Event, Vdc};
use smack_scheduler::trace::What;

pub(crate) use smack_scheduler::trace::{Marks, Segment, chain};
pub(crate) use view::{Piece, finished, lines, per_step, style_of, waits};

/// Takes an event of the VDC whose path is `vdc`.
pub(crate) fn take_event(marks: &mut Marks, vdc: &str, event: &Event) {
    let part = event
        .subject
        .strip_prefix(vdc)
        .and_then(|rest| rest.strip_prefix('/'))
        .unwrap_or_default();
    marks.take(event.at_ms, part, &event.kind, &event.text);
}

/// Takes the state as it was at `at_ms`, for what no event has told.
pub(crate) fn take_state(marks: &mut Marks, vdc: &Vdc, at_ms: u64) {
    for application in &vdc.applications {
        marks
            .requires
            .entry(application.name.clone())
            .or_insert_with(|| application.requires.clone());
    }
    for task in &vdc.tasks {
        if let (Some(since), "running") = (task.since_ms, task.state.as_str())
            && since >= marks.began_ms
        {
            marks.add(since, &task.application, &task.name, What::Running);
        }
        if is_fetching(task.waiting.as_deref()) {
            marks.fetched(&task.application, at_ms);
        }
    }
}

/// The server tells in words what a task waits for; these are the words for artifacts on their way.
fn is_fetching(waiting: Option<&str>) -> bool {
    waiting.is_some_and(smack_scheduler::trace::is_fetching)
}
