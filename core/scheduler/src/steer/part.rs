//! What a part does with regard to its siblings: comes after them, asks on behalf of all, waits for their moves, and leaves
//! them by operations. A system that has no siblings does nothing here.

use smack_model::{
    Member, Operation, OperationRecord, OperationStatus, Part, Status, System, TaskName, Timestamp,
};

use super::Steer;
use crate::change::Change;
use crate::peers::{Sibling, members};
use crate::waiting::Waiting;

/// Whether the system is a part that came to others and has not yet done what is asked of it then.
pub(crate) fn is_joining(system: &System) -> bool {
    let part = system.header.spec.part.as_ref();
    let joining = part.and_then(|part| part.joining.as_ref());
    let record = joining.and_then(|joining| system.operations.get(&joining.name));
    record.is_some_and(|record| !matches!(record.status, OperationStatus::Done { .. }))
}

impl Steer<'_> {
    /// Whether anybody of the whole system has been ready: then who comes joins, else it founds.
    pub(super) fn is_founded(&self) -> bool {
        let mut own = self.system.tasks.values();
        own.any(|record| record.has_joined()) || self.joined_siblings().next().is_some()
    }

    fn joined_siblings(&self) -> impl Iterator<Item = &Sibling> {
        let siblings = self.peers.siblings.iter();
        siblings.filter(|other| !other.joined.is_empty())
    }

    /// Those that go on when this part leaves.
    fn staying(&self) -> impl Iterator<Item = &Sibling> {
        self.joined_siblings().filter(|other| !other.leaves)
    }

    /// Saved with the first claim: a part whose first task comes to a system that is there.
    pub(super) fn begin_joining(&mut self) {
        let system = self.system;
        let part = system.header.spec.part.as_ref();
        let Some(joining) = part.and_then(|part| part.joining.as_ref()) else {
            return;
        };
        let is_new = system.tasks.is_empty() && !system.operations.contains_key(&joining.name);
        if is_new && self.joined_siblings().next().is_some() {
            let scheduled = OperationRecord {
                digest: smack_model::Digest::default(),
                status: OperationStatus::Scheduled,
                since: self.now,
                failures: 0,
                asked: 0,
                done: None,
            };
            let (id, name) = (system.id.clone(), joining.name.clone());
            let change = Change::Operation(id, name, scheduled);
            self.out.changes.push(change);
        }
    }

    /// Why a task without data of the system may not come up now: one part founds it, and one member joins at a time.
    pub(super) fn after_siblings(&self) -> Option<Waiting> {
        if self.is_founded() {
            return self.elsewhere();
        }
        let order = |since: Timestamp, zone: &str| (since, zone.to_owned());
        let own = order(self.system.header.since, self.system.id.vdc().zone.as_str());
        let mut siblings = self.peers.siblings.iter();
        let elder =
            siblings.find(|other| other.is_there && order(other.since, &other.zone) < own)?;
        Some(waiting(elder, "founds it first".to_owned()))
    }

    /// What moves in another part: this one waits for its end before it begins to move.
    fn elsewhere(&self) -> Option<Waiting> {
        self.peers.siblings.iter().find_map(|other| {
            if let Some(busy) = &other.busy {
                return Some(waiting(other, format!("is busy with {busy}")));
            }
            if other.away.is_empty() {
                return None;
            }
            let away: Vec<&str> = other.away.iter().map(TaskName::as_str).collect();
            Some(waiting(other, format!("goes first: {}", away.join(", "))))
        })
    }

    /// Why an operation that is not under way yet does not begin: products are asked for one part after the other.
    pub(super) fn busy_elsewhere(&self, name: &str) -> Option<Waiting> {
        let own = self.system.operations.get(name);
        if own.is_some_and(OperationRecord::is_underway) {
            return None;
        }
        self.peers.siblings.iter().find_map(|other| {
            let busy = other.busy.as_ref()?;
            Some(waiting(other, format!("is busy with {busy}")))
        })
    }

    /// All that are away in the whole system but `name`.
    pub(super) fn others_away(&self, name: &TaskName) -> Vec<String> {
        let own = self.away().into_iter().filter(|other| other != name);
        let elsewhere = self.peers.siblings.iter().flat_map(|other| {
            let away = other.away.iter();
            away.map(|task| format!("{}/{task}", other.zone))
        });
        own.map(|task| task.to_string()).chain(elsewhere).collect()
    }

    /// Own members, and those of the siblings that are asked along.
    pub(super) fn all_members(&self, along: impl Fn(&Member) -> bool) -> Vec<Member> {
        let siblings = self.peers.siblings.iter();
        let others = siblings.flat_map(|other| &other.members);
        let mut all = members(self.system);
        all.extend(others.filter(|member| along(member)).cloned());
        all
    }

    /// The last change of any task of the whole system.
    pub(super) fn changed_anywhere(&self) -> Timestamp {
        let siblings = self.peers.siblings.iter();
        let changed = siblings.map(|other| other.changed);
        changed.fold(self.seen.changed, Timestamp::max)
    }

    /// An operation as it is ordered: with the place of a part that has the data.
    pub(super) fn with_source(&self, operation: &Operation) -> Operation {
        let mut operation = operation.clone();
        if let Operation::CassandraRebuild {
            source: source @ None,
            ..
        } = &mut operation
        {
            let serves = |other: &&Sibling| other.away.is_empty();
            let mut staying = self.staying();
            let serving = self.staying().find(serves).or_else(|| staying.next());
            *source = serving.map(|other| other.place.clone());
        }
        operation
    }

    /// Asks of a part that came to others what is asked then, once; whether that is done.
    pub(super) fn joined_others(&mut self, ready: bool) -> bool {
        let system = self.system;
        if !is_joining(system) {
            return true;
        }
        let part = system.header.spec.part.as_ref();
        let Some(joining) = part.and_then(|part| part.joining.as_ref()) else {
            return true;
        };
        if !ready {
            return false;
        }
        if self.staying().next().is_none() {
            self.nobody_to_join(&joining.name);
            return false;
        }
        if let Some(waiting) = self.held_elsewhere(&joining.name) {
            self.out.whole.push(waiting);
            return false;
        }
        match self.operate(&joining.name, &joining.operation) {
            Some(waiting) => {
                self.out.whole.push(waiting);
                false
            }
            None => true,
        }
    }

    /// The others have gone before it was done: this part is all there is.
    fn nobody_to_join(&mut self, name: &str) {
        let Some(record) = self.system.operations.get(name) else {
            return;
        };
        let done = OperationRecord {
            status: OperationStatus::Done {
                result: "the other parts have gone".to_owned(),
            },
            since: self.now,
            ..record.clone()
        };
        let (id, name) = (self.system.id.clone(), name.to_owned());
        self.out.changes.push(Change::Operation(id, name, done));
    }

    /// As [`Steer::elsewhere`], unless it is under way.
    fn held_elsewhere(&self, name: &str) -> Option<Waiting> {
        let own = self.system.operations.get(name);
        let is_underway = own.is_some_and(OperationRecord::is_underway);
        if is_underway { None } else { self.elsewhere() }
    }

    /// Leaves the others by operations, one step after the other, its tasks kept up until each has left. Gives whether
    /// nothing is left to be done but to stop.
    pub(super) fn depart(&mut self) -> bool {
        let system = self.system;
        let Some(part) = &system.header.spec.part else {
            return true;
        };
        let is_member = system.tasks.values().any(|record| {
            let has_left = record.status == Status::Ended(smack_model::End::Retired);
            !has_left && (record.settled > 0 || record.status.is_live())
        });
        // What uses it goes first, and then `halt` lets nothing stop.
        if !is_member || self.staying().next().is_none() || !self.peers.leaving_users.is_empty() {
            return true;
        }
        self.interrupt();
        for step in &part.leaving {
            if self.is_operated(&step.name) {
                continue;
            }
            let is_up = self.keep_up(None);
            let held = self.held_elsewhere(&step.name);
            let waiting = match (is_up, held) {
                (false, _) => None,
                (true, Some(held)) => Some(held),
                (true, None) => self.operate(&step.name, &step.operation),
            };
            self.out.whole.extend(waiting);
            return false;
        }
        let names: Vec<TaskName> = system.tasks.keys().rev().cloned().collect();
        names.iter().all(|name| self.depart_task(name)) && self.have_left(part)
    }

    /// What is asked of the others when all tasks have left; whether that is done.
    fn have_left(&mut self, part: &Part) -> bool {
        let Some(left) = part
            .left
            .as_ref()
            .filter(|left| !self.is_operated(&left.name))
        else {
            return true;
        };
        let held = self.busy_elsewhere(&left.name);
        let waiting = held.or_else(|| self.operate(&left.name, &left.operation));
        self.out.whole.extend(waiting);
        false
    }

    /// Drains one task and stops it; whether it has left.
    fn depart_task(&mut self, name: &TaskName) -> bool {
        let system = self.system;
        let drain = format!("drain {name}");
        let Some(record) = system.tasks.get(name) else {
            return true;
        };
        let header = &system.header;
        let leaving = header.leaving.get(name);
        let operation = header.spec.drains.get(name);
        let operation = operation.or_else(|| leaving.and_then(|leaving| leaving.drain.as_ref()));
        if let Some(operation) = operation.filter(|_| !self.is_operated(&drain)) {
            self.keep_up(Some(name));
            match record.status {
                Status::Ready { pid } => {
                    if let Some(held) = self.held_elsewhere(&drain) {
                        self.wait(name, held);
                        return false;
                    }
                    self.put(record, Status::Draining { pid });
                    self.moving.push(name.clone());
                }
                Status::Draining { .. } => {}
                // Without data of the system it has nothing to give away; with it, the product says what is to be done.
                Status::Ended(_) if self.has_given_up(name) => {}
                Status::Claimed
                | Status::Starting
                | Status::Running { .. }
                | Status::Stopping { .. }
                | Status::Unreachable
                | Status::Ended(_) => return false,
            }
            if let Some(waiting) = self.operate(&drain, operation) {
                self.wait(name, waiting);
                return false;
            }
        }
        if record.status.is_live() {
            self.halt_tasks(std::slice::from_ref(name));
            return false;
        }
        true
    }

    /// Steers the tasks that have not left yet as those of a system that stays, but for the one that leaves; whether all of
    /// them serve.
    fn keep_up(&mut self, but: Option<&TaskName>) -> bool {
        let system = self.system;
        let mut all = true;
        for (name, record) in &system.tasks {
            let header = &system.header;
            let leaving = || header.leaving.get(name).map(|leaving| &leaving.task);
            let Some(spec) = header.spec.tasks.get(name).or_else(leaving) else {
                continue;
            };
            let has_left = self.is_operated(&format!("drain {name}"))
                || record.status == Status::Ended(smack_model::End::Retired);
            let is_leaving = but == Some(name) && matches!(record.status, Status::Draining { .. });
            if !has_left && !is_leaving {
                self.task(name, &spec.clone(), None);
                all &= record.status.is_ready() || self.has_given_up(name);
            }
        }
        // Nothing is rolled on its way out.
        self.candidates.clear();
        all
    }

    fn has_given_up(&self, name: &TaskName) -> bool {
        let waiting = self.out.waiting.get(name);
        matches!(waiting, Some(Waiting::GaveUp { .. }))
    }

    fn is_operated(&self, name: &str) -> bool {
        let record = self.system.operations.get(name);
        record.is_some_and(|record| matches!(record.status, OperationStatus::Done { .. }))
    }
}

fn waiting(other: &Sibling, detail: String) -> Waiting {
    Waiting::Sibling {
        path: other.path.clone(),
        detail,
    }
}
