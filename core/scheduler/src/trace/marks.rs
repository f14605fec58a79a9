//! What was reached and when, gathered from the journal: the marks from which the time per step and the longest chain are
//! derived.

use std::collections::BTreeMap;

/// What is noted when a task is stopped because it did not become ready.
pub(crate) const NOT_IN_TIME: &str = "was not ready in time";

/// Something that was reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    pub at_ms: u64,
    /// Empty for the VDC as a whole.
    pub application: String,
    /// Empty for an application as a whole.
    pub task: String,
    pub what: What,
}

/// What was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Placed,
    Running,
    TaskReady,
    /// A job has done its work.
    Finished,
    Stopping,
    Ended,
    Operation,
    ApplicationReady,
    Converged,
}

/// Everything that was reached since something was asked for.
#[derive(Debug, Clone, Default)]
pub struct Marks {
    /// When the command took effect.
    pub began_ms: u64,
    /// In the order in which they were reached.
    pub marks: Vec<Mark>,
    /// When an application last had to wait for its artifacts.
    pub fetching: BTreeMap<String, u64>,
    /// Who requires whom.
    pub requires: BTreeMap<String, Vec<String>>,
    /// Tasks that wait for artifacts now.
    fetches: Vec<(String, String)>,
}

impl Marks {
    pub fn new(began_ms: u64) -> Self {
        Self {
            began_ms,
            ..Self::default()
        }
    }

    /// Takes an entry of the journal about `part`: `kafka`, `kafka/broker-0`, or nothing for the VDC.
    pub fn take(&mut self, at_ms: u64, part: &str, kind: &str, text: &str) {
        let (application, task) = part.split_once('/').unwrap_or((part, ""));
        self.take_fetch(at_ms, (application, task), kind, text);
        let what = match (kind, application.is_empty(), task.is_empty()) {
            ("placed", false, false) => What::Placed,
            ("running", false, false) => What::Running,
            ("ready", false, false) => What::TaskReady,
            ("ready", false, true) => What::ApplicationReady,
            // Taken away for a failure, it has failed when it has ended.
            ("stopping", false, false) if text.starts_with(NOT_IN_TIME) => return,
            ("stopping", false, false) => What::Stopping,
            ("ended", false, false) if self.is_finish(application, task, text) => What::Finished,
            ("ended", false, false) => What::Ended,
            // It was no job after all.
            ("retry" | "gave-up", false, false) => {
                let last = self.last_of(application, task);
                let last = last.map(|last| &mut self.marks[last]);
                if let Some(last) = last.filter(|last| last.what == What::Finished) {
                    last.what = What::Ended;
                }
                return;
            }
            ("operation", false, true) => What::Operation,
            ("requires", false, true) => {
                let required = text.split(", ").map(str::to_owned).collect();
                self.requires.insert(application.to_owned(), required);
                return;
            }
            _ => return,
        };
        if self.is_known(application, task, what) {
            return;
        }
        self.add(at_ms, application, task, what);
    }

    fn last_of(&self, application: &str, task: &str) -> Option<usize> {
        let of_task = |mark: &Mark| mark.application == application && mark.task == task;
        self.marks.iter().rposition(of_task)
    }

    /// Whether a task that nobody stopped has ended well.
    fn is_finish(&self, application: &str, task: &str, text: &str) -> bool {
        let last = self.last_of(application, task);
        let stops = last.is_some_and(|last| self.marks[last].what == What::Stopping);
        !stops && is_good_end(text)
    }

    /// A server that starts again says once more what runs and what is ready.
    fn is_known(&self, application: &str, task: &str, what: What) -> bool {
        let of_task = |mark: &&Mark| mark.application == application && mark.task == task;
        let of_application = |mark: &&Mark| {
            let is_news = matches!(
                mark.what,
                What::TaskReady | What::Finished | What::Operation
            );
            mark.application == application && (is_news || mark.what == What::ApplicationReady)
        };
        let last = match what {
            What::Running => self.marks.iter().rfind(of_task),
            What::ApplicationReady => self.marks.iter().rfind(of_application),
            What::Placed
            | What::TaskReady
            | What::Finished
            | What::Stopping
            | What::Ended
            | What::Operation
            | What::Converged => return false,
        };
        last.is_some_and(|last| {
            last.what == what || (what, last.what) == (What::Running, What::TaskReady)
        })
    }

    /// A fetch lasts from the wait for it to whatever the task does next.
    fn take_fetch(
        &mut self,
        at_ms: u64,
        (application, task): (&str, &str),
        kind: &str,
        text: &str,
    ) {
        let is_it = |(other, of): &(String, String)| other == application && of == task;
        if kind == "waits" && is_fetching(text) {
            self.fetches.push((application.to_owned(), task.to_owned()));
        } else if let Some(index) = self.fetches.iter().position(is_it) {
            self.fetches.swap_remove(index);
            self.fetched(application, at_ms);
        }
    }

    /// An application was still waiting for its artifacts at `at_ms`.
    pub fn fetched(&mut self, application: &str, at_ms: u64) {
        let last = self.fetching.entry(application.to_owned()).or_default();
        *last = at_ms.max(*last);
    }

    /// The end of everything.
    pub fn converged(&mut self, at_ms: u64) {
        let last = self.marks.last().map_or(self.began_ms, |mark| mark.at_ms);
        self.add(at_ms.max(last), "", "", What::Converged);
    }

    /// In its order in time; what is known already changes nothing.
    pub fn add(&mut self, at_ms: u64, application: &str, task: &str, what: What) {
        let mark = Mark {
            at_ms,
            application: application.to_owned(),
            task: task.to_owned(),
            what,
        };
        let position = self.marks.partition_point(|other| other.at_ms <= at_ms);
        let same_time = self.marks[..position].iter().rev();
        let mut same_time = same_time.take_while(|other| other.at_ms == at_ms);
        if !same_time.any(|other| *other == mark) {
            self.marks.insert(position, mark);
        }
    }
}

/// Whether the text of an end tells of a job that has done its work, or of a program that should not have ended.
pub(crate) fn is_good_end(text: &str) -> bool {
    text.contains(": exit code 0,")
}

/// A wait is told in words; these are the words for artifacts on their way.
pub fn is_fetching(waiting: &str) -> bool {
    waiting.contains(" is being fetched")
}
