//! A trace as lines of text: what, from when, for how long, and a bar on one scale for all. Pure.

use smack_scheduler::trace::{Outcome, Segment, Span, Trace};

use crate::output::Style;
use crate::progress::Piece;
use crate::text::{cut, moment, seconds};

/// Where nobody says how wide it may be.
const WIDTH: usize = 100;
/// Of a line, at most so much is for what it is about.
const NAMES_MAX: usize = 46;
const NAMES_MIN: usize = 16;
/// Offset, duration and the spaces around them.
const TIMES: usize = 20;
const BAR_MIN: usize = 10;
/// So many steps of the critical path are told, the longest.
const TOLD_MAX: usize = 8;

const WORKS: char = '█';
const WAITS: char = '░';
/// A step too short for the scale.
const SHORT: char = '▏';

/// The waterfall of a trace for a terminal of that many columns.
pub(crate) fn lines(trace: &Trace, columns: Option<usize>) -> Vec<Vec<Piece>> {
    let columns = columns.unwrap_or(WIDTH);
    let names = trace
        .spans
        .iter()
        .map(|span| name(trace, span).chars().count());
    let room = columns.saturating_sub(TIMES + BAR_MIN);
    let names = names.max().unwrap_or(0);
    let names = names.min(NAMES_MAX).min(room).max(NAMES_MIN);
    let bar = columns.saturating_sub(names + TIMES).max(BAR_MIN);
    let mut lines = vec![head(trace), Vec::new()];
    for span in &trace.spans {
        lines.push(line(trace, span, names, bar));
        if let Some(error) = span.tags.get("error") {
            let indent = " ".repeat(4 + depth(trace, span) * 2);
            let error = cut(&format!("{indent}{error}"), columns);
            lines.push(vec![(Style::Bad, error)]);
        }
    }
    lines.extend(path(&trace.critical));
    lines
}

/// `340ms`, `1.25s`, `2m05s`.
pub(crate) fn exact(milliseconds: u64) -> String {
    match milliseconds {
        0..1_000 => format!("{milliseconds}ms"),
        1_000..10_000 => format!("{}.{:02}s", milliseconds / 1000, milliseconds % 1000 / 10),
        _ => seconds(milliseconds),
    }
}

fn head(trace: &Trace) -> Vec<Piece> {
    let style = match trace.outcome {
        Outcome::Done => Style::Good,
        Outcome::Failed => Style::Bad,
        Outcome::Underway => Style::Moving,
        Outcome::Superseded => Style::Dim,
    };
    let elapsed = exact(trace.elapsed_ms());
    let outcome = match trace.outcome {
        Outcome::Done => format!("done in {elapsed}"),
        Outcome::Failed => format!("failed after {elapsed}"),
        Outcome::Underway => format!("under way for {elapsed}"),
        Outcome::Superseded => format!("superseded after {elapsed}"),
    };
    vec![
        (Style::Strong, format!("{} {}", trace.vdc, trace.title())),
        (Style::Plain, "  ".to_owned()),
        (style, outcome),
        (
            Style::Dim,
            format!("  {}  trace {}", moment(trace.began_ms), trace.id),
        ),
    ]
}

/// The root at the left, then applications, then their steps.
fn depth(trace: &Trace, span: &Span) -> usize {
    match &span.parent {
        None => 0,
        Some(parent) if *parent == trace.id => 1,
        Some(_) => 2,
    }
}

fn name(trace: &Trace, span: &Span) -> String {
    let text = match span.tags.get("waiting.for") {
        _ if depth(trace, span) == 0 => span.name.clone(),
        _ if depth(trace, span) == 1 => span.application.clone(),
        Some(reason) => format!("{} waits: {reason}", span.task),
        None => span.full_name(),
    };
    let critical = if span.critical { '*' } else { ' ' };
    format!("{critical} {}{text}", "  ".repeat(depth(trace, span)))
}

fn line(trace: &Trace, span: &Span, names: usize, bar: usize) -> Vec<Piece> {
    let from = span.from_ms.saturating_sub(trace.began_ms);
    let spent = span.until_ms.saturating_sub(span.from_ms);
    let style = match span {
        span if span.tags.contains_key("error") => Style::Bad,
        span if span.waiting => Style::Dim,
        span if span.critical => Style::Moving,
        _ => Style::Good,
    };
    let name_style = if depth(trace, span) < 2 {
        Style::Strong
    } else {
        Style::Plain
    };
    vec![
        (
            name_style,
            format!("{:names$}", cut(&name(trace, span), names)),
        ),
        (
            Style::Plain,
            format!("  {:>7}  {:>7}  ", exact(from), exact(spent)),
        ),
        (style, drawn(trace, span, bar)),
    ]
}

/// The bar at its place.
fn drawn(trace: &Trace, span: &Span, bar: usize) -> String {
    let whole = trace.elapsed_ms().max(1);
    let at = |ms: u64| {
        let cells = (ms - trace.began_ms.min(ms)) * bar as u64 / whole;
        usize::try_from(cells).unwrap_or(bar).min(bar)
    };
    let (from, until) = (at(span.from_ms).min(bar - 1), at(span.until_ms));
    let cell = if span.waiting { WAITS } else { WORKS };
    let cells = match until.saturating_sub(from) {
        0 => SHORT.to_string(),
        cells => cell.to_string().repeat(cells),
    };
    format!("{}{cells}", " ".repeat(from))
}

/// The longest steps of the critical path, in their order.
fn path(critical: &[Segment]) -> Vec<Vec<Piece>> {
    let is_same = |a: &Segment, b: &Segment| a.kind == b.kind && a.subject == b.subject;
    let steps: Vec<(String, u64)> = critical
        .chunk_by(is_same)
        .filter_map(|steps| {
            let (first, last) = (steps.first()?, steps.last()?);
            let subject = match first.subject.as_str() {
                "" => "everything",
                subject => subject,
            };
            let spent = last.until_ms - first.from_ms;
            Some((format!("{subject} {}", first.kind.word()), spent))
        })
        .collect();
    let mut longest: Vec<u64> = steps.iter().map(|(_, spent)| *spent).collect();
    longest.sort_unstable_by(|a, b| b.cmp(a));
    let least = longest.get(TOLD_MAX - 1).copied().unwrap_or(0);
    let told: Vec<&(String, u64)> = steps.iter().filter(|(_, spent)| *spent >= least).collect();
    if told.is_empty() {
        return Vec::new();
    }
    let left = steps.len() - told.len();
    let mut lines = vec![
        Vec::new(),
        vec![(Style::Strong, "critical path:".to_owned())],
    ];
    for (step, spent) in told {
        lines.push(vec![(
            Style::Plain,
            format!("  {:>7}  {step}", exact(*spent)),
        )]);
    }
    if left > 0 {
        lines.push(vec![(Style::Dim, format!("           and {left} shorter"))]);
    }
    lines
}

#[cfg(test)]
mod tests;
