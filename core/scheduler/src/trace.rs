//! Traces: what a `run`, a roll, an operation, a repair or a `down` spent its time on. Derived from the journal alone, so
//! that a server that died in the middle changes nothing, and ids are the same whoever derives them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use smack_model::{Digest, Timestamp, VdcId};

use crate::change::Note;

mod chain;
mod marks;
pub mod otlp;
mod spans;
mod tracer;
mod tracers;
pub mod zipkin;

pub use chain::{Kind, Segment, chain};
pub(crate) use marks::NOT_IN_TIME;
pub use marks::{Mark, Marks, What, is_fetching};
pub use tracer::Tracer;
pub use tracers::Tracers;

/// A line of the journal with its number there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub seq: u64,
    pub note: Note,
}

/// Everything between something asked for, or something that broke, and its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// 16 hexadecimal digits, of the path of the VDC and the number of the entry that began it.
    pub id: String,
    /// `zone/vdc`.
    pub vdc: String,
    /// `run`, `roll`, `replace`, `start`, `stop`, `operate`, `recover` or `down`.
    pub name: String,
    /// The number of the entry that began it.
    pub seq: u64,
    pub began_ms: u64,
    /// Of one that is under way: when it was looked at.
    pub ended_ms: u64,
    pub outcome: Outcome,
    /// The chain of steps that determined how long it took.
    pub critical: Vec<Segment>,
    /// The root first, each application before its steps, in the order of their beginnings.
    pub spans: Vec<Span>,
}

/// How a trace ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Underway,
    Done,
    /// Something was given up.
    Failed,
    /// Something else was asked for before it was done.
    Superseded,
}

/// A stretch of time and what it was spent on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// 16 hexadecimal digits; the root has its trace's.
    pub id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// `run`, `wait`, `fetch`, `place`, `start to running`, `running to ready`, `drain`, `stop`, `health`, or the name of
    /// an operation.
    pub name: String,
    /// Empty for the VDC as a whole.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub application: String,
    /// Empty for an application as a whole.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub task: String,
    pub from_ms: u64,
    pub until_ms: u64,
    /// Nothing was done meanwhile: `waiting.for` says what was waited for.
    #[serde(default)]
    pub waiting: bool,
    /// It lies on the critical path.
    #[serde(default)]
    pub critical: bool,
    pub tags: BTreeMap<String, String>,
    /// Moments within it, with what happened.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub annotations: Vec<(u64, String)>,
}

/// All traces of a VDC that its journal tells of, oldest first; the last may be under way, and then lasts until `now`.
pub fn traces<'a>(
    entries: impl IntoIterator<Item = &'a Entry>,
    vdc: &VdcId,
    now: Timestamp,
) -> Vec<Trace> {
    let mut tracer = Tracer::new(vdc);
    let mut traces: Vec<Trace> = Vec::new();
    for trace in entries.into_iter().filter_map(|entry| tracer.take(entry)) {
        put(&mut traces, trace);
    }
    if let Some(trace) = tracer.underway(now) {
        put(&mut traces, trace);
    }
    traces
}

/// A trace that was told before is told better now.
fn put(traces: &mut Vec<Trace>, trace: Trace) {
    match traces.last_mut().filter(|last| last.id == trace.id) {
        Some(last) => *last = trace,
        None => traces.push(trace),
    }
}

/// Whether entries of this kind are only of use to traces and to whoever reads the whole journal.
pub fn is_detail(kind: &str) -> bool {
    matches!(
        kind,
        "waits" | "launched" | "running" | "requires" | "converged"
    )
}

impl Trace {
    pub fn is_complete(&self) -> bool {
        self.outcome != Outcome::Underway
    }

    pub fn elapsed_ms(&self) -> u64 {
        self.ended_ms - self.began_ms
    }

    /// What it is called in tables: `run revision 2`, `operate repair`.
    pub fn title(&self) -> String {
        let tags = self.spans.first().map(|root| &root.tags);
        let tag = |name: &str| tags.and_then(|tags| tags.get(name));
        match (tag("operation"), tag("revision")) {
            (Some(operation), _) => format!("{} {operation}", self.name),
            (None, Some(revision)) => format!("{} revision {revision}", self.name),
            (None, None) => self.name.clone(),
        }
    }
}

impl Outcome {
    pub fn word(self) -> &'static str {
        match self {
            Self::Underway => "underway",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Superseded => "superseded",
        }
    }
}

impl Span {
    /// The application, or smack itself for a whole VDC.
    pub fn service(&self) -> &str {
        match self.application.as_str() {
            "" => "smack",
            application => application,
        }
    }

    /// The name with the task that it is about: `broker-0 running to ready`.
    pub fn full_name(&self) -> String {
        match self.task.as_str() {
            "" => self.name.clone(),
            task => format!("{task} {}", self.name),
        }
    }
}

/// The id of the trace that the entry began.
fn trace_id(vdc: &str, seq: u64) -> String {
    id(&format!("{vdc}#{seq}"))
}

/// Zipkin knows no id of zeros alone; a digest of zeros would be news to cryptography.
fn id(text: &str) -> String {
    Digest::of(text.as_bytes()).0
}

#[cfg(test)]
mod tests;
