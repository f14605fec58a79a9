//! Derives one trace from the entries between its beginning and its end: a lane per task, whose steps follow one another,
//! an application around its lanes, and the root around all.

use std::collections::BTreeMap;

use super::chain::{Kind as Step, Segment, chain};
use super::marks::{Marks, NOT_IN_TIME, is_fetching, is_good_end};
use super::tracer::{Kind, OperationStep, operation};
use super::{Entry, Outcome, Span, Trace, id, trace_id};

/// What one trace is derived from.
pub(super) struct Entries<'a> {
    pub(super) vdc: &'a str,
    pub(super) kind: &'a Kind,
    pub(super) entries: &'a [Entry],
    /// The revision and the stack that were asked for last.
    pub(super) asked: Option<&'a (String, String)>,
    /// Who required whom when it began.
    pub(super) requires: &'a BTreeMap<String, Vec<String>>,
    pub(super) ended_ms: u64,
    pub(super) outcome: Outcome,
}

/// The steps of a task, or of an application as a whole: one after another, but for its operations.
#[derive(Default)]
struct Lane {
    spans: Vec<Span>,
    /// Which of them is open.
    open: Option<usize>,
    operations: BTreeMap<String, usize>,
    /// The end of the last step, from which the next is counted.
    free_ms: Option<u64>,
    attempt: Option<String>,
    /// The last task of the application that became ready, or operation that was done.
    settled_ms: Option<u64>,
    /// The last task of the application that ended.
    ended_ms: Option<u64>,
}

struct Deriving<'a> {
    of: &'a Entries<'a>,
    began_ms: u64,
    lanes: BTreeMap<(String, String), Lane>,
    annotations: BTreeMap<String, Vec<(u64, String)>>,
    errors: BTreeMap<String, Vec<String>>,
}

pub(super) fn derive(of: &Entries<'_>) -> Trace {
    let first = of.entries.first();
    let (seq, began_ms) = first.map_or((0, of.ended_ms), |first| (first.seq, first.note.at.0));
    let mut marks = Marks::new(began_ms);
    marks.requires.clone_from(of.requires);
    let mut deriving = Deriving {
        of,
        began_ms,
        lanes: BTreeMap::new(),
        annotations: BTreeMap::new(),
        errors: BTreeMap::new(),
    };
    for entry in of.entries {
        let part = entry.note.subject.get(of.vdc.len() + 1..).unwrap_or("");
        let (at, kind, text) = (entry.note.at.0, &entry.note.kind, &entry.note.text);
        marks.take(at, part, kind, text);
        let (application, task) = part.split_once('/').unwrap_or((part, ""));
        match (application, task) {
            ("", _) => deriving.whole(at, kind, text),
            (application, "") => deriving.application(at, application, kind, text),
            (application, task) => deriving.task(at, (application, task), kind, text),
        }
    }
    if of.outcome == Outcome::Done && *of.kind != Kind::Down {
        marks.converged(of.ended_ms);
    }
    let critical = chain(&marks);
    let id = trace_id(of.vdc, seq);
    Trace {
        spans: deriving.spans(&id, &critical),
        id,
        vdc: of.vdc.to_owned(),
        name: name(of).to_owned(),
        seq,
        began_ms,
        ended_ms: of.ended_ms.max(began_ms),
        outcome: of.outcome,
        critical,
    }
}

/// A run that takes tasks away to start them again is a roll.
fn name<'a>(of: &Entries<'a>) -> &'a str {
    let stopped = |entry: &&Entry| is_orderly_stop(&entry.note.kind, &entry.note.text);
    let comes_back = |stopped: &Entry| {
        let later = of.entries.iter().filter(|entry| entry.seq > stopped.seq);
        let of_it = |entry: &Entry| entry.note.subject == stopped.note.subject;
        later
            .into_iter()
            .any(|entry| entry.note.kind == "placed" && of_it(entry))
    };
    match of.kind {
        Kind::Run if of.entries.iter().filter(stopped).any(comes_back) => "roll",
        Kind::Run => "run",
        Kind::Verb(verb) if verb == "restart" => "roll",
        Kind::Verb(verb) => verb,
        Kind::Recover => "recover",
        Kind::Operate(_) => "operate",
        Kind::Down => "down",
    }
}

fn is_orderly_stop(kind: &str, text: &str) -> bool {
    kind == "stopping" && !text.starts_with(NOT_IN_TIME)
}

impl Deriving<'_> {
    fn whole(&mut self, at: u64, kind: &str, text: &str) {
        if !matches!(kind, "run" | "down" | "converged") {
            self.annotate("", at, format!("{kind}: {text}"));
        }
    }

    fn annotate(&mut self, application: &str, at: u64, text: String) {
        let annotations = self.annotations.entry(application.to_owned());
        annotations.or_default().push((at, text));
    }

    fn error(&mut self, application: &str, text: String) {
        let errors = self.errors.entry(application.to_owned());
        errors.or_default().push(text);
    }

    fn lane(&mut self, application: &str, task: &str) -> &mut Lane {
        let key = (application.to_owned(), task.to_owned());
        self.lanes.entry(key).or_default()
    }

    fn application(&mut self, at: u64, application: &str, kind: &str, text: &str) {
        let began = self.began_ms;
        match kind {
            "ready" => {
                let lane = self.lane(application, "");
                // A server that starts again says once more what is ready.
                if let Some(from) = lane.settled_ms.take() {
                    lane.add(from, at, Step::Health.word());
                }
            }
            "operation" => self.operation(at, application, text),
            "ended" => {
                let lane = self.lane(application, "");
                let from = lane.ended_ms.unwrap_or(began);
                lane.add(from, at, "clean up");
            }
            "requires" | "asked" => {}
            _ => self.annotate(application, at, format!("{kind}: {text}")),
        }
    }

    fn operation(&mut self, at: u64, application: &str, text: &str) {
        let (name, step) = operation(text);
        let lane = self.lane(application, "");
        let begun = lane.operations.remove(name);
        let index = begun.unwrap_or_else(|| lane.add(at, at, name));
        match step {
            OperationStep::Begins => {
                lane.operations.insert(name.to_owned(), index);
            }
            OperationStep::Ended => lane.settled_ms = Some(at),
            OperationStep::Failed => {
                lane.spans[index]
                    .tags
                    .insert("error".to_owned(), text.to_owned());
            }
        }
        let span = &mut lane.spans[index];
        span.until_ms = at.max(span.from_ms);
    }

    fn task(&mut self, at: u64, (application, task): (&str, &str), kind: &str, text: &str) {
        let began = self.began_ms;
        match kind {
            "ready" => self.lane(application, "").settled_ms = Some(at),
            "ended" => {
                let whole = self.lane(application, "");
                whole.ended_ms = Some(at);
                if is_good_end(text) {
                    whole.settled_ms = Some(at);
                }
            }
            _ => {}
        }
        let lane = self.lane(application, task);
        match kind {
            "asked" => lane.free_ms = Some(at),
            "waits" => lane.waits(began, at, text),
            "placed" => {
                lane.attempt = text.split(' ').nth(1).map(str::to_owned);
                if !lane.is_waiting() {
                    let from = lane.free_ms.unwrap_or(began);
                    lane.add(from, at, Step::Place.word());
                }
                lane.open(at, Step::Start.word());
                lane.annotate(at, text);
            }
            "launched" if lane.is_waiting() => lane.open(at, Step::Start.word()),
            "running"
                if lane.is_open(Step::Start.word())
                    || lane.is_waiting()
                    || lane.spans.is_empty() =>
            {
                lane.attempt = attempt(text).or(lane.attempt.take());
                lane.open(at, Step::Ready.word());
            }
            "ready" => lane.close(at),
            "draining" => lane.open(at, "drain"),
            "stopping" => {
                if !is_orderly_stop(kind, text) {
                    lane.fail(text);
                }
                lane.open(at, Step::Stop.word());
            }
            "ended" if lane.is_open(Step::Stop.word()) || lane.is_open("drain") => lane.close(at),
            "ended" if lane.open.is_some() && !lane.is_waiting() => {
                if is_good_end(text) {
                    lane.rename(Step::Finish.word());
                } else {
                    lane.fail(text);
                }
                lane.close(at);
            }
            "ended" => {
                lane.close(at);
                lane.free_ms = Some(at);
                self.annotate(application, at, format!("{task} ended: {text}"));
            }
            "retry" => {
                lane.close(at);
                lane.was_no_job();
                lane.wait(at, "wait", &format!("next try {text}"));
            }
            "gave-up" => {
                lane.close(at);
                lane.was_no_job();
                if let Some(last) = lane.spans.last_mut() {
                    let error = last.tags.entry("error".to_owned()).or_default();
                    let before = if error.is_empty() { "" } else { "; " };
                    error.push_str(&format!("{before}gave up {text}"));
                }
                self.error(application, format!("{task} gave up {text}"));
            }
            "retired" => lane.close(at),
            _ => {}
        }
    }

    /// All spans with their ids, tags and parents.
    fn spans(mut self, trace: &str, critical: &[Segment]) -> Vec<Span> {
        let end = self.of.ended_ms.max(self.began_ms);
        let mut applications: BTreeMap<String, Vec<Span>> = BTreeMap::new();
        for ((application, task), lane) in std::mem::take(&mut self.lanes) {
            let parent = id(&format!("{trace}/{application}"));
            let of_application = applications.entry(application.clone()).or_default();
            for (number, mut span) in lane.closed(end).into_iter().enumerate() {
                if span.until_ms == span.from_ms && !span.tags.contains_key("error") {
                    // Nothing that anybody could see; the numbers of the others stay.
                    let is_operation = task.is_empty() && span.name != Step::Health.word();
                    if !is_operation {
                        continue;
                    }
                }
                span.id = id(&format!("{trace}/{application}/{task}/{number}"));
                span.parent = Some(parent.clone());
                span.application.clone_from(&application);
                span.task.clone_from(&task);
                span.critical = critical.iter().any(|segment| is_of(segment, &span));
                of_application.push(span);
            }
        }
        let mut grouped: Vec<(Span, Vec<Span>)> = Vec::new();
        for (application, mut steps) in applications {
            steps.sort_by(|a, b| {
                (a.from_ms, &a.task, a.until_ms).cmp(&(b.from_ms, &b.task, b.until_ms))
            });
            if steps.is_empty() {
                continue;
            }
            let annotations = self.annotations.remove(&application).unwrap_or_default();
            grouped.push((self.around(trace, &application, &steps, annotations), steps));
        }
        grouped.sort_by(|(a, _), (b, _)| {
            (a.until_ms, a.from_ms, &a.application).cmp(&(b.until_ms, b.from_ms, &b.application))
        });
        let mut spans = vec![self.root(trace, end, critical)];
        for (application, steps) in grouped {
            spans.push(application);
            spans.extend(steps);
        }
        for span in &mut spans {
            self.tag(span);
        }
        spans
    }

    fn root(&mut self, trace: &str, end: u64, critical: &[Segment]) -> Span {
        let mut root = Span::new(self.began_ms, end, name(self.of));
        trace.clone_into(&mut root.id);
        root.critical = true;
        // What was said of applications that did nothing is said of the whole.
        for (application, annotations) in std::mem::take(&mut self.annotations) {
            let space = if application.is_empty() { "" } else { " " };
            let told = annotations.into_iter();
            let told = told.map(|(at, text)| (at, format!("{application}{space}{text}")));
            root.annotations.extend(told);
        }
        root.annotations.sort();
        let mut tag = |name: &str, value: String| {
            root.tags.insert(name.to_owned(), value);
        };
        tag("outcome", self.of.outcome.word().to_owned());
        if let Some((_, stack)) = self.of.asked {
            tag("stack", stack.clone());
        }
        match self.of.kind {
            Kind::Operate(operation) => tag("operation", operation.clone()),
            Kind::Down => {
                let reason = self.of.entries.first();
                tag(
                    "reason",
                    reason.map_or_else(String::new, |entry| entry.note.text.clone()),
                );
            }
            Kind::Run | Kind::Verb(_) | Kind::Recover => {}
        }
        if !critical.is_empty() {
            tag("critical.path", told(critical));
        }
        let errors = self.errors.iter();
        let errors: Vec<String> = errors
            .flat_map(|(application, errors)| {
                errors
                    .iter()
                    .map(move |error| format!("{application}/{error}"))
            })
            .collect();
        if !errors.is_empty() {
            tag("error", errors.join("; "));
        }
        root
    }

    /// The span of an application around its steps.
    fn around(
        &self,
        trace: &str,
        application: &str,
        steps: &[Span],
        annotations: Vec<(u64, String)>,
    ) -> Span {
        let moments = || annotations.iter().map(|(at, _)| *at);
        let from = steps.iter().map(|span| span.from_ms).chain(moments()).min();
        let until = steps
            .iter()
            .map(|span| span.until_ms)
            .chain(moments())
            .max();
        let began = self.began_ms;
        let mut span = Span::new(from.unwrap_or(began), until.unwrap_or(began), name(self.of));
        span.id = id(&format!("{trace}/{application}"));
        span.parent = Some(trace.to_owned());
        application.clone_into(&mut span.application);
        span.critical = steps.iter().any(|step| step.critical);
        span.annotations = annotations;
        if let Some(errors) = self.errors.get(application) {
            span.tags.insert("error".to_owned(), errors.join("; "));
        }
        span
    }

    /// What every span has.
    fn tag(&self, span: &mut Span) {
        let parts = [self.of.vdc, &span.application, &span.task];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        span.tags.insert("smack.path".to_owned(), parts.join("/"));
        if let Some((revision, _)) = self.of.asked {
            span.tags.insert("revision".to_owned(), revision.clone());
        }
        if span.critical {
            span.tags.insert("critical".to_owned(), "true".to_owned());
        }
    }
}

/// Whether a segment of the critical path lies in a step.
fn is_of(segment: &Segment, span: &Span) -> bool {
    let overlaps = segment.from_ms < span.until_ms && span.from_ms < segment.until_ms;
    let (application, task) = segment
        .subject
        .split_once('/')
        .unwrap_or((&segment.subject, ""));
    let is_fetch = segment.kind == Step::Fetch && span.name == Step::Fetch.word();
    overlaps && application == span.application && (task == span.task || is_fetch)
}

/// `zookeeper/zk-0 running to ready 970 ms; kafka/broker-0 running to ready 1500 ms`.
fn told(critical: &[Segment]) -> String {
    let is_same = |a: &Segment, b: &Segment| a.kind == b.kind && a.subject == b.subject;
    let steps = critical.chunk_by(is_same).filter_map(|steps| {
        let (segment, last) = (steps.first()?, steps.last()?);
        let subject = match segment.subject.as_str() {
            "" => "everything",
            subject => subject,
        };
        let spent = last.until_ms - segment.from_ms;
        Some(format!("{subject} {} {spent} ms", segment.kind.word()))
    });
    steps.collect::<Vec<_>>().join("; ")
}

/// `3` of `attempt 3, pid 17`.
fn attempt(text: &str) -> Option<String> {
    let rest = text.strip_prefix("attempt ")?;
    rest.split(',').next().map(str::to_owned)
}

impl Lane {
    fn add(&mut self, from_ms: u64, until_ms: u64, name: &str) -> usize {
        let mut span = Span::new(from_ms.min(until_ms), until_ms, name);
        if let Some(attempt) = &self.attempt {
            span.tags.insert("attempt".to_owned(), attempt.clone());
        }
        self.spans.push(span);
        self.spans.len() - 1
    }

    fn is_open(&self, name: &str) -> bool {
        self.open.is_some_and(|open| self.spans[open].name == name)
    }

    fn is_waiting(&self) -> bool {
        self.open.is_some_and(|open| self.spans[open].waiting)
    }

    /// Ends the step that is open and begins another.
    fn open(&mut self, at: u64, name: &str) {
        self.close(at);
        self.open = Some(self.add(at, at, name));
    }

    fn close(&mut self, at: u64) {
        if let Some(open) = self.open.take() {
            let span = &mut self.spans[open];
            span.until_ms = at.max(span.from_ms);
            self.free_ms = Some(at);
        }
    }

    fn waits(&mut self, began: u64, at: u64, reason: &str) {
        let is_same = |open: usize| {
            self.spans[open].tags.get("waiting.for").map(String::as_str) == Some(reason)
        };
        // A server that starts again says once more what is waited for.
        if self.open.is_some_and(is_same) {
            return;
        }
        let is_busy =
            self.open.is_some() && !self.is_waiting() && !self.is_open(Step::Start.word());
        if is_busy {
            return self.annotate(at, &format!("waits: {reason}"));
        }
        let name = if is_fetching(reason) {
            Step::Fetch.word()
        } else {
            "wait"
        };
        // The first that is heard of a task is what it waited for from the beginning.
        let from = if self.spans.is_empty() && self.attempt.is_none() {
            self.free_ms.unwrap_or(began)
        } else {
            at
        };
        self.close(at);
        self.wait(from, name, reason);
    }

    fn wait(&mut self, from: u64, name: &str, reason: &str) {
        let index = self.add(from, from, name);
        let span = &mut self.spans[index];
        span.waiting = true;
        span.tags
            .insert("waiting.for".to_owned(), reason.to_owned());
        self.open = Some(index);
    }

    fn annotate(&mut self, at: u64, text: &str) {
        if let Some(open) = self.open {
            self.spans[open].annotations.push((at, text.to_owned()));
        }
    }

    fn rename(&mut self, name: &str) {
        if let Some(open) = self.open {
            name.clone_into(&mut self.spans[open].name);
        }
    }

    /// What ended by itself, and well, should not have.
    fn was_no_job(&mut self) {
        let last = self.spans.last_mut();
        if let Some(last) = last.filter(|last| last.name == Step::Finish.word()) {
            Step::Ready.word().clone_into(&mut last.name);
            let error = "ended by itself".to_owned();
            last.tags.insert("error".to_owned(), error);
        }
    }

    fn fail(&mut self, text: &str) {
        if let Some(open) = self.open {
            let tags = &mut self.spans[open].tags;
            tags.insert("error".to_owned(), text.to_owned());
        }
    }

    /// Its steps; what is open lasts to the end.
    fn closed(mut self, end: u64) -> Vec<Span> {
        for index in self.open.into_iter().chain(self.operations.into_values()) {
            let span = &mut self.spans[index];
            span.until_ms = end.max(span.from_ms);
            span.tags.insert("unfinished".to_owned(), "true".to_owned());
        }
        self.spans
    }
}

impl Span {
    fn new(from_ms: u64, until_ms: u64, name: &str) -> Self {
        Self {
            id: String::new(),
            parent: None,
            name: name.to_owned(),
            application: String::new(),
            task: String::new(),
            from_ms,
            until_ms,
            waiting: false,
            critical: false,
            tags: BTreeMap::new(),
            annotations: Vec::new(),
        }
    }
}
