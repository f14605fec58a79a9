//! Progress as lines of text: the moving view while a command waits, and the account when it is done. Pure.

use std::collections::BTreeMap;

use smack_control::wire::{Application, Vdc};
use smack_scheduler::trace::{Kind, Segment};

use crate::output::Style;
use crate::text::{cut, seconds};

/// A piece of a line and how it is meant.
pub(crate) type Piece = (Style, String);

/// How a state is meant.
pub(crate) fn style_of(state: &str) -> Style {
    match state {
        "ready" | "finished" => Style::Good,
        "failed" | "troubled" | "unreachable" => Style::Bad,
        "stopped" | "ended" => Style::Dim,
        _ => Style::Moving,
    }
}

/// The moving view: the VDC, then a line per application, those that are not there yet first if room is short.
pub(crate) fn lines(vdc: &Vdc, elapsed_ms: u64, columns: usize, rows: usize) -> Vec<Vec<Piece>> {
    let name_width = vdc
        .applications
        .iter()
        .map(|application| application.name.len())
        .max()
        .unwrap_or(0);
    let mut shown: Vec<&Application> = vdc.applications.iter().collect();
    let room = rows.saturating_sub(3).max(1);
    if shown.len() > room {
        shown.sort_by_key(|application| application.ready && application.converged);
    }
    let hidden = shown.len().saturating_sub(room);
    let mut lines = vec![vec![
        (Style::Strong, vdc.vdc.clone()),
        (Style::Plain, "  ".to_owned()),
        (style_of(&vdc.state), vdc.state.clone()),
        (Style::Dim, format!("  {}", seconds(elapsed_ms))),
    ]];
    for application in shown.iter().take(room) {
        let (ready, total) = counts(vdc, &application.name);
        let start = format!(
            "  {:name_width$}  {ready:>2}/{total:<2}  ",
            application.name
        );
        let room = columns.saturating_sub(start.chars().count() + 12);
        lines.push(vec![
            (Style::Plain, start),
            (
                style_of(&application.state),
                format!("{:<9} ", application.state),
            ),
            (Style::Dim, cut(&waits(vdc, application), room)),
        ]);
    }
    if hidden > 0 {
        lines.push(vec![(Style::Dim, format!("  and {hidden} more"))]);
    }
    lines
}

/// Tasks of an application that are where they should be, and all of them.
fn counts(vdc: &Vdc, application: &str) -> (usize, usize) {
    let tasks = || {
        vdc.tasks
            .iter()
            .filter(|task| task.application == application)
    };
    let there = tasks()
        .filter(|task| matches!(task.state.as_str(), "ready" | "finished") && !task.outdated);
    (there.count(), tasks().count())
}

/// What an application waits for, told once for all tasks that wait for the same.
pub(crate) fn waits(vdc: &Vdc, application: &Application) -> String {
    let mut reasons: Vec<(String, Vec<&str>)> = Vec::new();
    for task in vdc
        .tasks
        .iter()
        .filter(|task| task.application == application.name)
    {
        let Some(waiting) = &task.waiting else {
            continue;
        };
        match reasons.iter_mut().find(|(reason, _)| reason == waiting) {
            Some((_, tasks)) => tasks.push(&task.name),
            None => reasons.push((waiting.clone(), vec![&task.name])),
        }
    }
    let of_tasks = reasons
        .iter()
        .map(|(reason, tasks)| format!("{}: {reason}", tasks.join(", ")));
    let of_operations = application
        .operations
        .iter()
        .filter(|operation| {
            !operation.done
                && !application
                    .waiting
                    .iter()
                    .any(|text| text.starts_with(&operation.name))
        })
        .map(|operation| format!("{}: {}", operation.name, operation.text));
    let all: Vec<String> = application
        .waiting
        .iter()
        .cloned()
        .chain(of_tasks)
        .chain(of_operations)
        .collect();
    all.join("; ")
}

/// The account of a finished wait: time per step, then the chain that determined it.
pub(crate) fn finished(segments: &[Segment], began_ms: u64, elapsed_ms: u64) -> Vec<String> {
    // A step shorter than a tick of the account only makes it longer.
    const TICK_MS: u64 = 50;
    let mut lines = Vec::new();
    let sums = per_step(segments);
    let prepared = elapsed_ms.saturating_sub(sums.values().sum());
    let prepared = (prepared >= TICK_MS).then(|| format!("prepare {}", seconds(prepared)));
    let steps = sums
        .iter()
        .map(|(kind, spent)| format!("{} {}", kind.word(), seconds(*spent)));
    let steps: Vec<String> = prepared.into_iter().chain(steps).collect();
    if steps.is_empty() {
        return lines;
    }
    lines.push(format!("  time: {}", steps.join(", ")));
    let told: Vec<&Segment> = segments
        .iter()
        .filter(|segment| segment.until_ms - segment.from_ms >= TICK_MS)
        .collect();
    if told.len() > 1 {
        lines.push("  critical path:".to_owned());
        let width = told
            .iter()
            .map(|segment| subject(segment).len())
            .max()
            .unwrap_or(0);
        for segment in told {
            let at = seconds(segment.until_ms - began_ms);
            let spent = seconds(segment.until_ms - segment.from_ms);
            lines.push(format!(
                "    {at:>7}  {:width$}  {} {spent}",
                subject(segment),
                segment.kind.word()
            ));
        }
    }
    lines
}

/// The time per step; steps that took none are left out.
pub(crate) fn per_step(segments: &[Segment]) -> BTreeMap<Kind, u64> {
    let mut sums = BTreeMap::new();
    for kind in Kind::ALL {
        let of_kind = segments.iter().filter(|segment| segment.kind == kind);
        let spent: u64 = of_kind
            .map(|segment| segment.until_ms - segment.from_ms)
            .sum();
        if spent > 0 {
            sums.insert(kind, spent);
        }
    }
    sums
}

fn subject(segment: &Segment) -> &str {
    if segment.subject.is_empty() {
        "everything"
    } else {
        &segment.subject
    }
}
