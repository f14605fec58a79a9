//! What products are asked to do: what is part of being ready, until it is done; what a person or a schedule asks for,
//! one at a time and only while nothing moves.

use smack_model::{
    Action, Digest, Intent, Operation, OperationOrder, OperationRecord, OperationSpec,
    OperationStatus, Part, Span, Timestamp, When,
};

use super::Steer;
use crate::change::Change;
use crate::waiting::Waiting;

impl Steer<'_> {
    /// Asks for what is part of being ready, as long as the rest of it is; whether all of it is done.
    pub(super) fn declared(&mut self, ready: bool) -> bool {
        let system = self.system;
        let mut done = true;
        let declared = system.header.spec.operations.iter();
        for wanted in declared.filter(|wanted| wanted.when == When::Always) {
            let known = system.operations.get(&wanted.name);
            let is_done = known.is_some_and(|record| {
                record.digest == digest(&wanted.operation)
                    && matches!(record.status, OperationStatus::Done { .. })
            });
            if is_done {
                continue;
            }
            done = false;
            if !ready {
                continue;
            }
            if let Some(waiting) = self.busy_elsewhere(&wanted.name) {
                self.out.whole.push(waiting);
                continue;
            }
            if let Some(waiting) = self.operate(&wanted.name, &wanted.operation) {
                self.out.whole.push(waiting);
            }
        }
        done
    }

    /// Asks for an operation until it is done; `None` once it is.
    pub(super) fn operate(&mut self, name: &str, operation: &Operation) -> Option<Waiting> {
        let wanted = digest(operation);
        let known = self
            .system
            .operations
            .get(name)
            .filter(|record| record.digest == wanted);
        let failures = match known.map(|record| (&record.status, record)) {
            Some((OperationStatus::Done { .. }, _)) => return None,
            Some((OperationStatus::Asked { progress }, record)) => {
                self.order_again(name, operation, record);
                let detail = told(progress, "asked for");
                return Some(waiting(name, detail, record.failures > 0));
            }
            Some((OperationStatus::Failed { reason }, record)) => {
                let at = again_at(record);
                if at > self.now {
                    self.wake(at);
                    let detail = format!("{reason}; again in {}", at.since(self.now));
                    return Some(waiting(name, detail, true));
                }
                record.failures
            }
            Some((OperationStatus::Scheduled, _)) | None => 0,
        };
        self.begin(
            name,
            operation,
            OperationRecord {
                digest: wanted,
                status: OperationStatus::Asked {
                    progress: String::new(),
                },
                since: self.now,
                failures,
                asked: 0,
                done: None,
            },
        );
        Some(waiting(name, "asked for".to_owned(), failures > 0))
    }

    /// What a person or the time asks for. It is no part of being ready.
    pub(super) fn occasional(&mut self) {
        let system = self.system;
        for wanted in occasions(&system.header.spec.operations) {
            let record = system.operations.get(&wanted.name);
            match (record, next_due(&system.header.intent, wanted, record)) {
                (Some(record), _) if record.is_underway() => self.await_occasion(wanted, record),
                (record, Some(due)) if due <= self.now => self.occasion(wanted, record),
                (record, due) => self.not_yet(wanted, record, due),
            }
        }
    }

    fn await_occasion(&mut self, wanted: &OperationSpec, record: &OperationRecord) {
        self.order_again(&wanted.name, &wanted.operation, record);
        let OperationStatus::Asked { progress } = &record.status else {
            return;
        };
        let detail = told(progress, "under way");
        let waiting = waiting(&wanted.name, detail, false);
        self.out.whole.push(waiting);
    }

    /// It is due: begun, or why not.
    fn occasion(&mut self, wanted: &OperationSpec, record: Option<&OperationRecord>) {
        let name = &wanted.name;
        let failed = record.and_then(|record| match &record.status {
            OperationStatus::Failed { reason } => Some(reason),
            OperationStatus::Scheduled
            | OperationStatus::Asked { .. }
            | OperationStatus::Done { .. } => None,
        });
        if let Some(obstacle) = self.obstacle() {
            let told = failed.map_or("due", |reason| reason);
            let detail = format!("{told}; {obstacle}");
            let waiting = waiting(name, detail, failed.is_some());
            return self.out.whole.push(waiting);
        }
        let asked = self
            .system
            .header
            .intent
            .operate
            .get(name)
            .copied()
            .unwrap_or(0);
        let is_again = record.filter(|record| failed.is_some() && record.asked == asked);
        let failures = is_again.map_or(0, |record| record.failures);
        self.begin(
            name,
            &wanted.operation,
            OperationRecord {
                digest: occasion_digest(&wanted.operation, asked, self.now),
                status: OperationStatus::Asked {
                    progress: String::new(),
                },
                since: self.now,
                failures,
                asked,
                done: record.and_then(OperationRecord::last_done),
            },
        );
        self.begun = Some(name.clone());
        self.out
            .whole
            .push(waiting(name, "under way".to_owned(), false));
    }

    /// Not due. The time of one on a schedule runs from when the system is first ready.
    fn not_yet(
        &mut self,
        wanted: &OperationSpec,
        record: Option<&OperationRecord>,
        due: Option<Timestamp>,
    ) {
        if let Some(due) = due {
            self.wake(due);
        }
        if let Some(record) = record
            && let OperationStatus::Failed { reason } = &record.status
            && let Some(due) = due
        {
            let detail = format!("{reason}; again in {}", due.since(self.now));
            let waiting = waiting(&wanted.name, detail, true);
            self.out.whole.push(waiting);
        }
        if let (None, When::Every(span), true) = (record, wanted.when, self.out.ready) {
            let scheduled = OperationRecord {
                digest: Digest::default(),
                status: OperationStatus::Scheduled,
                since: self.now,
                failures: 0,
                asked: 0,
                done: None,
            };
            let (id, name) = (self.system.id.clone(), wanted.name.clone());
            self.out
                .changes
                .push(Change::Operation(id, name, scheduled));
            self.wake(self.now + span);
        }
    }

    /// Why nothing occasional may begin now.
    fn obstacle(&self) -> Option<String> {
        if self.system.header.intent.paused {
            return Some("paused, `smack resume` goes on".to_owned());
        }
        if let Some(other) = self.underway() {
            return Some(format!("{other} goes first"));
        }
        let calm = self.out.converged && self.moving.is_empty();
        (!calm).then(|| "begins when everything is ready and nothing moves".to_owned())
    }

    /// What the product is busy with, apart from what is declared.
    fn underway(&self) -> Option<&str> {
        let known = |wanted: &&OperationSpec| {
            let record = self.system.operations.get(&wanted.name);
            record.is_some_and(OperationRecord::is_underway)
        };
        let spec = &self.system.header.spec;
        let part = spec.part.iter();
        let of_part = part.flat_map(Part::operations);
        let mut long = occasions(&spec.operations).chain(of_part);
        let known = long.find(known).map(|wanted| wanted.name.as_str());
        known.or(self.begun.as_deref())
    }

    /// Nothing that serves is stopped by choice in the middle of a repair.
    pub(super) fn operation_first(&self) -> Option<Waiting> {
        if self.is_forced("check") {
            return None;
        }
        let gate = |detail| Waiting::Gate {
            gate: "check".to_owned(),
            detail,
        };
        if let Some(name) = self.underway() {
            return Some(gate(format!("{name} is under way and goes first")));
        }
        let sibling = self.peers.siblings.iter();
        let mut busy = sibling.filter_map(|other| Some((&other.path, other.busy.as_ref()?)));
        let (path, name) = busy.next()?;
        Some(gate(format!(
            "{name} of {path} is under way and goes first"
        )))
    }

    /// What is stopped is no longer busy with anything; it is asked for again once it is ready again.
    pub(super) fn interrupt(&mut self) {
        let system = self.system;
        for wanted in occasions(&system.header.spec.operations) {
            let record = system.operations.get(&wanted.name);
            let Some(record) = record.filter(|record| record.is_underway()) else {
                continue;
            };
            let interrupted = OperationRecord {
                status: OperationStatus::Failed {
                    reason: "the application was stopped meanwhile".to_owned(),
                },
                since: self.now,
                ..record.clone()
            };
            let (id, name) = (system.id.clone(), wanted.name.clone());
            self.out
                .changes
                .push(Change::Operation(id, name, interrupted));
        }
    }

    /// Saved first, then ordered until answered.
    fn begin(&mut self, name: &str, operation: &Operation, record: OperationRecord) {
        let digest = record.digest.clone();
        let id = self.system.id.clone();
        self.out
            .changes
            .push(Change::Operation(id, name.to_owned(), record));
        self.order(name, operation, &digest);
        self.wake(self.now + Span::seconds(1));
    }

    fn order_again(&mut self, name: &str, operation: &Operation, record: &OperationRecord) {
        let sent = self.seen.operations.get(name).copied().unwrap_or_default();
        if let Some(again) = self.due(sent) {
            self.order(name, operation, &record.digest);
            self.wake(again);
        }
    }

    fn order(&mut self, name: &str, operation: &Operation, digest: &Digest) {
        self.out
            .actions
            .push(Action::Operate(Box::new(OperationOrder {
                system: self.system.id.clone(),
                name: name.to_owned(),
                digest: digest.clone(),
                operation: self.with_source(operation),
                members: self.all_members(|member| member.ready),
            })));
    }
}

pub(crate) fn digest(operation: &Operation) -> Digest {
    Digest::of(&serde_json::to_vec(operation).expect("plain data becomes JSON"))
}

/// Another one for every time that it is begun.
fn occasion_digest(operation: &Operation, asked: u32, begun: Timestamp) -> Digest {
    let parts = (operation, asked, begun);
    Digest::of(&serde_json::to_vec(&parts).expect("plain data becomes JSON"))
}

/// When an occasional operation is to begin, as far as its own time goes; `None`: only when a person asks.
pub(crate) fn next_due(
    intent: &Intent,
    wanted: &OperationSpec,
    record: Option<&OperationRecord>,
) -> Option<Timestamp> {
    let asked = intent.operate.get(&wanted.name).copied().unwrap_or(0);
    if asked > record.map_or(0, |record| record.asked) {
        return Some(Timestamp(0));
    }
    let record = record?;
    match (&record.status, wanted.when) {
        (OperationStatus::Asked { .. }, _) => None,
        (OperationStatus::Failed { .. }, _) => Some(again_at(record)),
        (OperationStatus::Scheduled | OperationStatus::Done { .. }, When::Every(span)) => {
            // Whatever a file says, the loop does not spin.
            Some(record.since + span.max(Span::seconds(1)))
        }
        (OperationStatus::Scheduled | OperationStatus::Done { .. }, When::Always | When::Asked) => {
            None
        }
    }
}

fn occasions(operations: &[OperationSpec]) -> impl Iterator<Item = &OperationSpec> {
    operations
        .iter()
        .filter(|wanted| wanted.when != When::Always)
}

/// When a failed operation is tried again.
fn again_at(record: &OperationRecord) -> Timestamp {
    record.since + Span::seconds(1).doubled(record.failures.saturating_sub(1), Span::minutes(1))
}

fn told(progress: &str, otherwise: &str) -> String {
    let text = if progress.is_empty() {
        otherwise
    } else {
        progress
    };
    text.to_owned()
}

fn waiting(name: &str, detail: String, failed: bool) -> Waiting {
    Waiting::Operation {
        name: name.to_owned(),
        detail,
        failed,
    }
}
