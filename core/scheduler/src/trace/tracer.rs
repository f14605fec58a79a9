//! Cuts the journal of one VDC into traces: what begins one, and what ends it. Remembers the entries of the trace that is
//! under way and nothing else, so that it may follow a journal for ever.

use std::collections::{BTreeMap, BTreeSet};

use smack_model::{Timestamp, VdcId};

use super::spans::{Entries, derive};
use super::{Entry, Outcome, Trace};

/// Follows the journal of one VDC.
#[derive(Debug)]
pub struct Tracer {
    /// `zone/vdc`.
    vdc: String,
    open: Option<Open>,
    /// The end of a task for which nobody has asked: what follows tells whether something is repaired.
    fallen: Option<Entry>,
    /// The revision and the stack that were asked for last.
    asked: Option<(String, String)>,
    /// Who requires whom since then.
    requires: BTreeMap<String, Vec<String>>,
}

#[derive(Debug)]
struct Open {
    kind: Kind,
    entries: Vec<Entry>,
    /// Something was given up.
    failed: bool,
    /// Applications that have an operation to end.
    operating: BTreeSet<String>,
}

/// What began a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Run,
    /// `restart`, `replace`, `start` or `stop`.
    Verb(String),
    /// Something broke and was repaired.
    Recover,
    Operate(String),
    Down,
}

/// Of one trace no more is remembered: what fails for days tells the same again and again.
const ENTRIES_MAX: usize = 20_000;
/// After this note of a `down` there is no VDC any more.
const ALL_ENDED: &str = "everything has ended";

impl Tracer {
    pub fn new(vdc: &VdcId) -> Self {
        Self {
            vdc: vdc.to_string(),
            open: None,
            fallen: None,
            asked: None,
            requires: BTreeMap::new(),
        }
    }

    /// Takes the next entry of the journal; those of other VDCs are passed over. A trace that is complete now is given
    /// back, and one in which something was given up, which may still be told better later.
    pub fn take(&mut self, entry: &Entry) -> Option<Trace> {
        let rest = entry.note.subject.strip_prefix(self.vdc.as_str())?;
        match rest.strip_prefix('/') {
            None if rest.is_empty() => self.take_whole(entry),
            None => None,
            Some(part) => {
                let (application, task) = part.split_once('/').unwrap_or((part, ""));
                self.take_part(entry, application, task)
            }
        }
    }

    pub fn is_underway(&self) -> bool {
        self.open.is_some()
    }

    /// The trace that has not ended, as far as it has come.
    pub fn underway(&self, now: Timestamp) -> Option<Trace> {
        let open = self.open.as_ref()?;
        let last = open.entries.last()?.note.at.max(now).0;
        let outcome = if open.failed {
            Outcome::Failed
        } else {
            Outcome::Underway
        };
        Some(self.derived(open, last, outcome))
    }

    fn take_whole(&mut self, entry: &Entry) -> Option<Trace> {
        let text = entry.note.text.as_str();
        match entry.note.kind.as_str() {
            "run" => {
                let revision = text.strip_prefix("revision ");
                self.asked = revision
                    .and_then(|rest| rest.split_once(" of stack "))
                    .map(|(revision, stack)| (revision.to_owned(), stack.to_owned()));
                let before = self.begin(Kind::Run, vec![entry.clone()]);
                self.requires.clear();
                before
            }
            "down" if text != ALL_ENDED => self.begin(Kind::Down, vec![entry.clone()]),
            "down" => self.end(entry, Outcome::Done),
            "converged" => match self.open.as_ref().map(|open| &open.kind) {
                Some(Kind::Run | Kind::Verb(_) | Kind::Recover) => self.end(entry, Outcome::Done),
                Some(Kind::Operate(_) | Kind::Down) => self.push(entry),
                None => None,
            },
            _ => self.push(entry),
        }
    }

    fn take_part(&mut self, entry: &Entry, application: &str, task: &str) -> Option<Trace> {
        let kind = entry.note.kind.as_str();
        match kind {
            "asked" => self.take_asked(entry, application),
            "requires" => {
                let required = entry.note.text.split(", ").map(str::to_owned);
                self.requires
                    .insert(application.to_owned(), required.collect());
                None
            }
            "operation" if task.is_empty() => self.take_operation(entry, application),
            "ended" if self.open.is_none() => {
                self.fallen = (!task.is_empty()).then(|| entry.clone());
                None
            }
            "retry" | "gave-up" | "placed" | "stopping" if self.open.is_none() => {
                let fallen = self.fallen.take();
                let fallen = fallen.filter(|fallen| fallen.note.subject == entry.note.subject);
                let entries = fallen.into_iter().chain([entry.clone()]).collect();
                self.begin(Kind::Recover, entries);
                self.gave_up(entry)
            }
            _ => {
                self.push(entry);
                self.gave_up(entry)
            }
        }
    }

    /// One command may be noted for several applications, all at one time.
    fn take_asked(&mut self, entry: &Entry, application: &str) -> Option<Trace> {
        let words = entry.note.text.trim_matches(['{', '}']);
        let kind = match words.split_once(':') {
            None if matches!(words, "restart" | "replace" | "start" | "stop") => {
                Kind::Verb(words.to_owned())
            }
            // It begins when nothing else moves: what moves has its own trace.
            Some(("operate", rest)) if self.open.is_none() || self.continues(entry) => {
                let name = rest.trim_start_matches(['{']);
                let name = name.strip_prefix("operation:").unwrap_or(name);
                Kind::Operate(name.to_owned())
            }
            _ => return self.push(entry),
        };
        let before = if self.continues(entry) {
            self.push(entry)
        } else {
            self.begin(kind.clone(), vec![entry.clone()])
        };
        if let (Kind::Operate(_), Some(open)) = (kind, &mut self.open) {
            open.operating.insert(application.to_owned());
        }
        before
    }

    /// Whether the entry is of the command that began what is under way.
    fn continues(&self, entry: &Entry) -> bool {
        let entries = self.open.as_ref().map(|open| open.entries.as_slice());
        entries.unwrap_or_default().first().is_some_and(|first| {
            let (first, entry) = (&first.note, &entry.note);
            (&first.kind, first.at, &first.text) == (&entry.kind, entry.at, &entry.text)
        })
    }

    fn take_operation(&mut self, entry: &Entry, application: &str) -> Option<Trace> {
        let (name, step) = operation(&entry.note.text);
        let mut before = None;
        if self.open.is_none() && step == OperationStep::Begins {
            before = self.begin(Kind::Operate(name.to_owned()), Vec::new());
        }
        self.push(entry);
        let Some(Open {
            kind: Kind::Operate(_),
            operating,
            ..
        }) = &mut self.open
        else {
            return before;
        };
        match step {
            OperationStep::Begins => {
                operating.insert(application.to_owned());
                before
            }
            OperationStep::Failed => self.finish(entry.note.at.0, Outcome::Failed),
            OperationStep::Ended => {
                operating.remove(application);
                let is_last = operating.is_empty();
                if is_last {
                    self.finish(entry.note.at.0, Outcome::Done)
                } else {
                    None
                }
            }
        }
    }

    fn gave_up(&mut self, entry: &Entry) -> Option<Trace> {
        let is_it = entry.note.kind == "gave-up";
        let open = self.open.as_mut().filter(|_| is_it)?;
        open.failed = true;
        self.underway(entry.note.at)
    }

    fn push(&mut self, entry: &Entry) -> Option<Trace> {
        if let Some(open) = &mut self.open
            && open.entries.len() < ENTRIES_MAX
        {
            open.entries.push(entry.clone());
        }
        None
    }

    /// Begins a trace; the one that was under way is given back.
    fn begin(&mut self, kind: Kind, entries: Vec<Entry>) -> Option<Trace> {
        let at = entries.first().map(|entry| entry.note.at.0);
        let before = at.and_then(|at| self.finish(at, Outcome::Superseded));
        self.fallen = None;
        self.open = Some(Open {
            kind,
            entries,
            failed: false,
            operating: BTreeSet::new(),
        });
        before
    }

    fn end(&mut self, entry: &Entry, outcome: Outcome) -> Option<Trace> {
        self.push(entry);
        self.finish(entry.note.at.0, outcome)
    }

    fn finish(&mut self, at: u64, outcome: Outcome) -> Option<Trace> {
        let open = self.open.take()?;
        let outcome = match outcome {
            Outcome::Superseded if open.failed => Outcome::Failed,
            Outcome::Underway | Outcome::Done | Outcome::Failed | Outcome::Superseded => outcome,
        };
        Some(self.derived(&open, at, outcome))
    }

    fn derived(&self, open: &Open, ended_ms: u64, outcome: Outcome) -> Trace {
        derive(&Entries {
            vdc: &self.vdc,
            kind: &open.kind,
            entries: &open.entries,
            asked: self.asked.as_ref(),
            requires: &self.requires,
            ended_ms,
            outcome,
        })
    }
}

/// What an entry about an operation says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OperationStep {
    Begins,
    Ended,
    Failed,
}

/// The name of the operation and what became of it: `repair: begins, due every 1 d`, `topic orders: made`.
pub(super) fn operation(text: &str) -> (&str, OperationStep) {
    let Some((name, rest)) = text.split_once(": ") else {
        return (text, OperationStep::Begins);
    };
    match name.strip_suffix(" failed") {
        Some(name) => (name, OperationStep::Failed),
        None if rest == "asked for" || rest == "begins" || is_begun(rest) => {
            (name, OperationStep::Begins)
        }
        None => (name, OperationStep::Ended),
    }
}

fn is_begun(rest: &str) -> bool {
    rest.starts_with("begins,") || rest.starts_with("begins again")
}
