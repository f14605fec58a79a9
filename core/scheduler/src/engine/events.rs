//! Takes what the world says into the draft. An answer moves a record; silence does not. Late, repeated and foreign
//! answers are recognised by the attempt and change nothing.

use std::collections::BTreeSet;

use smack_model::{
    Answer, End, Event, Found, FoundState, Goal, NodeId, OperationRecord, OperationStatus, Outcome,
    Refusal, Status, SystemId, TaskId, TaskRecord, TaskSpec, Timestamp, VolumeId, retry_delay,
};

use super::{Engine, Key, key, used};
use crate::change::Change;
use crate::seen::Observation;
use crate::steer;

impl Engine {
    /// Takes one event in; what follows from it is decided later.
    pub fn record(&mut self, event: Event, now: Timestamp) {
        self.now = self.now.max(now);
        match event {
            Event::Nodes(nodes) => {
                let Some((lost, came)) = self.fleet.set_nodes(nodes) else {
                    return;
                };
                for node in lost {
                    self.node_lost(&node, false);
                }
                self.nodes_came(came);
            }
            Event::NodeLost { node, gone } => self.node_lost(&node, gone),
            Event::Starting(id) => self.moved(&id, None, |status| {
                matches!(status, Status::Claimed | Status::Unreachable).then_some(Status::Starting)
            }),
            Event::Running { id, pid } => self.moved(&id, None, |status| {
                let before = matches!(
                    status,
                    Status::Claimed | Status::Starting | Status::Unreachable
                );
                before.then_some(Status::Running { pid })
            }),
            Event::Probed {
                id,
                ready,
                role,
                detail,
            } => self.probed(&id, ready, role, detail),
            Event::Ended { id, end, at } => {
                self.strays.remove(&id);
                self.ended(&id, end, at);
            }
            Event::Refused { id, refusal } => {
                self.strays.remove(&id);
                self.refused(&id, refusal);
            }
            Event::Observed {
                system,
                about,
                answer,
                began,
            } => self.observed(&system, about, answer, began),
            Event::Operation {
                system,
                name,
                digest,
                outcome,
            } => self.operated(&system, &name, &digest, outcome),
            Event::Inventory {
                node,
                complete,
                began,
                tasks,
                volumes,
            } => {
                self.inventory(node.as_ref(), complete, began, tasks, &volumes);
            }
            Event::VolumeReleased(id) => self.released(id),
            Event::Forgotten(id) => self.forgotten(&id),
            Event::Supply { name, state } => self.supplied(&name, state),
            Event::Networks(found) => self.networks_found(found),
            Event::Network { vdc, problem } => self.networked(&vdc, problem),
        }
    }

    fn observed(
        &mut self,
        system: &SystemId,
        about: smack_model::About,
        answer: Answer,
        began: Timestamp,
    ) {
        let key = key(system);
        self.with(system, |tracked| {
            let newest = tracked
                .seen
                .answers
                .get(&about)
                .is_none_or(|known| known.began <= began);
            if about == smack_model::About::Health && began > tracked.seen.changed && newest {
                tracked.seen.healthy = answer == Answer::Yes;
            }
            // Answers overtake each other: the youngest asking counts.
            if tracked
                .seen
                .answers
                .get(&about)
                .is_none_or(|known| known.began <= began)
            {
                tracked
                    .seen
                    .answers
                    .insert(about, Observation { answer, began });
            }
        });
        self.dirty.insert(key);
    }

    fn supplied(&mut self, name: &str, state: smack_model::SupplyState) {
        if let smack_model::SupplyState::Failed { reason } = &state {
            self.note(name.to_owned(), "supply", format!("failed: {reason}"));
        }
        self.unanswered.remove(name);
        self.supplies.insert(name.to_owned(), state);
        let uses = |tracked: &super::Tracked| {
            let mut tasks = tracked.system.header.spec.tasks.values();
            tasks.any(|task| {
                task.launch
                    .artifacts
                    .iter()
                    .any(|artifact| artifact == name)
            })
        };
        let keys = self
            .systems
            .iter()
            .filter(|(_, tracked)| uses(tracked))
            .map(|(key, _)| key.clone());
        self.dirty.extend(keys.collect::<Vec<_>>());
    }

    /// Changes the status of the present attempt in the draft alone: these moves are learned again by an inventory.
    fn moved(
        &mut self,
        id: &TaskId,
        node: Option<&NodeId>,
        next: impl FnOnce(&Status) -> Option<Status>,
    ) {
        // One that has ended as far as we know must not run; if it is only late news, the stop does no harm.
        let Some(record) = self.present(id).filter(|record| record.status.is_live()) else {
            return self.stray(id, node);
        };
        let Some(status) = next(&record.status) else {
            return;
        };
        let moved = TaskRecord {
            status,
            since: self.now,
            ..record.clone()
        };
        if let Status::Running { pid } = moved.status {
            self.note_running(&moved, pid);
        }
        self.apply(&Change::Task(Box::new(moved)));
        self.dirty.insert(key(&id.system));
    }

    fn probed(&mut self, id: &TaskId, ready: bool, role: Option<String>, detail: String) {
        let Some(record) = self.present(id).cloned() else {
            return;
        };
        let status = match (&record.status, ready) {
            (Status::Running { pid }, true) => Some(Status::Ready { pid: *pid }),
            (Status::Ready { pid }, false) => Some(Status::Running { pid: *pid }),
            _ => None,
        };
        self.with(&id.system, |tracked| {
            let seen = tracked.seen.tasks.entry(id.name.clone()).or_default();
            seen.role = role;
            seen.detail = detail;
            seen.answered = true;
        });
        let key = key(&id.system);
        if let Some(status) = status {
            let ready_since = ready.then(|| record.ready_since.unwrap_or(self.now));
            let changed = TaskRecord {
                status,
                since: self.now,
                ready_since,
                settled: steer::settled(&record, ready_since),
                ..record
            };
            self.change(key.clone(), Change::Task(Box::new(changed)));
        }
        self.dirty.insert(key);
    }

    fn ended(&mut self, id: &TaskId, end: End, at: Timestamp) {
        let Some(record) = self.present(id).cloned() else {
            return;
        };
        if !record.status.is_live() {
            return;
        }
        let spec = self.spec_of(&record);
        let asked = matches!(record.status, Status::Stopping { .. });
        let end = match (&record.status, end) {
            (Status::Stopping { late: true }, _) => End::TooSlow,
            (Status::Stopping { late: false }, End::Exit(code)) => End::Stopped { code },
            (Status::Stopping { late: false }, End::Signal(signal)) => {
                End::Stopped { code: 128 + signal }
            }
            (_, end) => end,
        };
        let is_job = spec
            .as_ref()
            .is_some_and(|spec| spec.goal != smack_model::TaskGoal::Running);
        // Whatever became of it while its node was silent is not held against it.
        let unseen = record.status == Status::Unreachable && end == End::Vanished;
        let is_failure = end.is_failure() && !(is_job && end == End::Exit(0)) && !unseen;
        // Killed after its grace, it left the product as little time as a crash.
        let clean = matches!(end, End::Exit(_)) || (asked && end != End::Stopped { code: 137 });
        let unclean = if clean {
            record.unclean
        } else {
            Some(self.now)
        };
        let was_stable = match (record.ready_since, &spec) {
            (Some(since), Some(spec)) => self.now.since(since) >= spec.retry.stable,
            _ => false,
        };
        let mut record = TaskRecord {
            status: Status::Ended(end.clone()),
            since: self.now,
            ready_since: None,
            unclean,
            failures: if was_stable || (is_job && end == End::Exit(0)) {
                0
            } else {
                record.failures
            },
            ..record
        };
        let tolerated = spec
            .as_ref()
            .and_then(|spec| steer::tolerated(&record, spec));
        if is_failure && tolerated.is_none() {
            record.failures += 1;
        }
        let tries = spec.as_deref().filter(|_| is_failure);
        self.note_end(&record, &end, at, tries, tolerated);
        self.change(key(&id.system), Change::Task(Box::new(record)));
    }

    fn note_end(
        &mut self,
        record: &TaskRecord,
        end: &End,
        at: Timestamp,
        spec: Option<&TaskSpec>,
        tolerated: Option<(Timestamp, String)>,
    ) {
        let subject = format!("{}/{}", record.id.system.path(), record.id.name);
        let seen_after = self.now.since(at);
        self.note(
            subject.clone(),
            "ended",
            format!(
                "attempt {}: {end}, seen after {seen_after}",
                record.id.attempt
            ),
        );
        let Some(spec) = spec else { return };
        let wanted = matches!(self.goal_of(&record.id.system), Some(Goal::Running));
        if !wanted || (record.failures == 0 && tolerated.is_none()) {
            return;
        }
        let retry = &spec.retry;
        let text = if let Some((next, reason)) = tolerated {
            format!("in {}: {reason}", next.since(self.now))
        } else if retry.max_tries > 0 && record.failures >= retry.max_tries {
            return self.note(
                subject,
                "gave-up",
                format!("after {}", crate::waiting::in_a_row(record.failures)),
            );
        } else {
            let delay = retry_delay(retry, record.failures);
            let of = if retry.max_tries > 0 {
                format!(" of {}", retry.max_tries)
            } else {
                String::new()
            };
            format!("in {delay}: failure {}{of}", record.failures)
        };
        self.note(subject, "retry", text);
    }

    fn refused(&mut self, id: &TaskId, refusal: Refusal) {
        let Some(record) = self.present(id) else {
            return;
        };
        if let (Refusal::StaleEpoch { .. }, Status::Claimed) = (&refusal, &record.status) {
            // A younger server is in charge; the store will say so too.
            return;
        }
        self.ended(id, End::Refused(refusal), self.now);
    }

    fn operated(
        &mut self,
        system: &SystemId,
        name: &str,
        digest: &smack_model::Digest,
        outcome: Outcome,
    ) {
        let now = self.now;
        let Some(tracked) = self
            .systems
            .get(&key(system))
            .filter(|tracked| tracked.system.id == *system)
        else {
            return;
        };
        let Some(record) = tracked
            .system
            .operations
            .get(name)
            .filter(|record| record.digest == *digest)
        else {
            return;
        };
        // Late news: it is done, or its failure has been counted.
        let counted = matches!(record.status, OperationStatus::Failed { .. })
            && matches!(outcome, Outcome::Failed(_));
        if counted || matches!(record.status, OperationStatus::Done { .. }) {
            return;
        }
        let (status, failures) = match outcome {
            Outcome::Progress(_) if !record.is_underway() => return,
            Outcome::Progress(progress) => {
                let record = OperationRecord {
                    status: OperationStatus::Asked { progress },
                    ..record.clone()
                };
                self.apply(&Change::Operation(system.clone(), name.to_owned(), record));
                self.dirty.insert(key(system));
                return;
            }
            Outcome::Done(result) => (OperationStatus::Done { result }, 0),
            Outcome::Failed(reason) => (OperationStatus::Failed { reason }, record.failures + 1),
        };
        let record = OperationRecord {
            status,
            since: now,
            failures,
            ..record.clone()
        };
        self.with(system, |tracked| {
            tracked.seen.operations.remove(name);
        });
        self.change(
            key(system),
            Change::Operation(system.clone(), name.to_owned(), record),
        );
    }

    fn node_lost(&mut self, node: &smack_model::Name, gone: bool) {
        self.fleet.lose(node);
        self.unheard.remove(node);
        if gone {
            self.strays.retain(|_, (at, _)| at.as_ref() != Some(node));
        }
        for record in self.records_on(node) {
            if gone {
                let id = record.id.clone();
                self.ended(&id, End::NodeGone, self.now);
            } else if record.status != Status::Unreachable {
                self.unreachable(record);
            }
        }
        self.dirty.append(&mut self.homeless);
        self.is_inventoried();
    }

    fn unreachable(&mut self, record: TaskRecord) {
        let key = key(&record.id.system);
        let lost = TaskRecord {
            status: Status::Unreachable,
            since: self.now,
            ready_since: None,
            ..record
        };
        self.change(key, Change::Task(Box::new(lost)));
    }

    /// The living attempts on a node.
    fn records_on(&self, node: &NodeId) -> Vec<TaskRecord> {
        let here = self.on_node.get(node).into_iter().flatten();
        here.filter_map(|(key, name)| self.systems.get(key)?.system.tasks.get(name))
            .map(|record| TaskRecord::clone(record))
            .collect()
    }

    /// New room; a node with attempts on record must first say what became of them.
    fn nodes_came(&mut self, came: Vec<NodeId>) {
        self.charge_fleet(&came);
        self.dirty.append(&mut self.homeless);
        for node in came {
            if !self.inventoried || self.on_node.get(&node).is_some_and(|here| !here.is_empty()) {
                self.unheard.insert(node);
                self.asked = crate::seen::Sent::default();
            }
        }
    }

    /// Once every node has said what it has, what is left on nodes that are not there is unreachable, and decisions
    /// begin.
    fn is_inventoried(&mut self) {
        if self.inventoried || !self.unheard.is_empty() || self.fleet.node_ids().next().is_none() {
            return;
        }
        let silent: Vec<NodeId> = self
            .on_node
            .keys()
            .filter(|node| !self.fleet.is_usable(node))
            .cloned()
            .collect();
        for record in silent
            .iter()
            .flat_map(|node| self.records_on(node))
            .collect::<Vec<_>>()
        {
            if record.status != Status::Unreachable {
                self.unreachable(record);
            }
        }
        self.begin();
    }

    fn begin(&mut self) {
        self.inventoried = true;
        self.dirty.extend(self.systems.keys().cloned());
    }

    fn inventory(
        &mut self,
        node: Option<&smack_model::NodeId>,
        complete: bool,
        began: Timestamp,
        tasks: Vec<Found>,
        volumes: &[VolumeId],
    ) {
        let mut listed: BTreeSet<TaskId> = BTreeSet::new();
        for found in tasks {
            listed.insert(found.id.clone());
            match found.state {
                FoundState::Starting => self.moved(&found.id, node, |status| {
                    matches!(status, Status::Claimed | Status::Unreachable)
                        .then_some(Status::Starting)
                }),
                FoundState::Running { pid } => self.adopt(&found.id, node, pid),
                FoundState::Ended { end, at } => {
                    self.strays.remove(&found.id);
                    self.ended(&found.id, end, at);
                }
            }
        }
        if !complete {
            return;
        }
        self.missing(node, began, &listed);
        self.unknown_volumes(volumes);
        match node {
            Some(node) => {
                self.unheard.remove(node);
                self.is_inventoried();
            }
            None => {
                self.unheard.clear();
                if !self.inventoried {
                    self.begin();
                }
            }
        }
    }

    /// What is on record and was not there when the grid looked has ended.
    fn missing(&mut self, node: Option<&NodeId>, began: Timestamp, listed: &BTreeSet<TaskId>) {
        self.strays
            .retain(|id, (at, _)| listed.contains(id) || (node.is_some() && at.as_ref() != node));
        let records: Vec<TaskRecord> = match node {
            Some(node) => self.records_on(node),
            None => self
                .systems
                .values()
                .flat_map(|tracked| tracked.system.live())
                .cloned()
                .collect(),
        };
        for record in records {
            // A claim that the node does not have was never taken: it is sent again, or burned by the stop that is.
            let answered = matches!(record.status, Status::Claimed | Status::Stopping { .. });
            let known = listed.contains(&record.id) || answered;
            if known || record.since > began {
                continue;
            }
            if record.status == Status::Unreachable {
                self.claim_again(record);
            } else {
                self.ended(&record.id, End::Vanished, self.now);
            }
        }
    }

    /// It may be that the node was lost before the launch had come to it, which then still may come: the same attempt is
    /// launched again, and one of the two finds its claim taken.
    fn claim_again(&mut self, record: TaskRecord) {
        let id = record.id.system.clone();
        self.change(
            key(&id),
            Change::Task(Box::new(TaskRecord {
                status: Status::Claimed,
                since: self.now,
                ready_since: None,
                unclean: Some(self.now),
                ..record
            })),
        );
    }

    /// A volume is gone. One that is not being given up stays on record: the news is late.
    fn released(&mut self, id: VolumeId) {
        let tracked = self
            .systems
            .get(&key(&id.system))
            .filter(|tracked| tracked.system.id == id.system);
        let volume = tracked.and_then(|tracked| tracked.system.volumes.get(&id));
        if volume.is_some_and(|volume| volume.state == smack_model::VolumeState::Releasing) {
            self.change(key(&id.system), Change::VolumeGone(id));
        }
    }

    /// A volume with our stamp that nothing on record claims is listed, never deleted.
    fn unknown_volumes(&mut self, volumes: &[VolumeId]) {
        for id in volumes {
            let known = self
                .systems
                .get(&key(&id.system))
                .is_some_and(|tracked| tracked.system.id == id.system);
            if !known {
                self.note(
                    id.system.path(),
                    "volume",
                    format!("{id} belongs to nothing that is known; it is kept"),
                );
            }
        }
    }

    /// A process that was started before this server: the record takes its place again.
    fn adopt(&mut self, id: &TaskId, node: Option<&NodeId>, pid: u32) {
        let Some(record) = self.present(id).cloned() else {
            return self.stray(id, node);
        };
        let status = match record.status {
            Status::Claimed | Status::Starting | Status::Unreachable => Status::Running { pid },
            Status::Ready { .. } => Status::Ready { pid },
            Status::Draining { .. } => Status::Draining { pid },
            Status::Running { .. } => Status::Running { pid },
            Status::Stopping { .. } => return,
            // It ended as far as we know, yet it runs: it must not.
            Status::Ended(_) => return self.stray(id, node),
        };
        if status != record.status {
            // Nobody has probed it meanwhile: its time to become ready begins now.
            let since = if matches!(status, Status::Running { .. }) {
                self.now
            } else {
                record.since
            };
            if let Status::Running { pid } = status {
                self.note_running(&record, pid);
            }
            self.apply(&Change::Task(Box::new(TaskRecord {
                status,
                since,
                ..record
            })));
            self.dirty.insert(key(&id.system));
        }
    }

    fn forgotten(&mut self, id: &SystemId) {
        let Some(tracked) = self
            .systems
            .get(&key(id))
            .filter(|tracked| tracked.system.id == *id)
        else {
            return;
        };
        if !matches!(tracked.system.header.intent.goal, Goal::Gone { .. })
            || tracked.system.live().next().is_some()
        {
            return;
        }
        let uses: Vec<Key> = {
            let own = key(id);
            tracked.uses.iter().map(|path| used(&own, path)).collect()
        };
        let system = &tracked.system;
        let mut changes: Vec<Change> = Vec::new();
        changes.extend(
            system
                .tasks
                .keys()
                .map(|name| Change::TaskGone(id.clone(), name.clone())),
        );
        changes.extend(
            system
                .operations
                .keys()
                .map(|name| Change::OperationGone(id.clone(), name.clone())),
        );
        changes.extend(
            system
                .launches
                .keys()
                .map(|digest| Change::LaunchGone(id.clone(), digest.clone())),
        );
        let tombstone = smack_model::Header {
            spec: std::sync::Arc::default(),
            ended: Some(self.now),
            ..system.header.clone()
        };
        changes.push(Change::Header(id.clone(), tombstone));
        self.note(id.path(), "ended", "has ended");
        for change in changes {
            self.change(key(id), change);
        }
        let vdc = id.vdc();
        if self.of_vdc(&vdc).next().is_none() && self.vdcs.get(&vdc).is_some_and(|vdc| vdc.down) {
            self.note(vdc.to_string(), "down", "everything has ended");
            self.end_network(&vdc);
            self.change(key(id), Change::VdcGone(vdc.clone()));
        }
        self.mark_users(&key(id));
        self.dirty.extend(uses);
    }

    pub(super) fn change(&mut self, key: Key, change: Change) {
        self.note_change(&change);
        self.apply(&change);
        self.pending.changes.push(change);
        self.dirty.insert(key);
    }

    /// The record, if `id` is the latest attempt of its task.
    fn present(&self, id: &TaskId) -> Option<&TaskRecord> {
        let tracked = self.systems.get(&key(&id.system))?;
        tracked
            .system
            .tasks
            .get(&id.name)
            .map(Box::as_ref)
            .filter(|record| record.id == *id)
    }

    fn goal_of(&self, system: &SystemId) -> Option<Goal> {
        Some(self.systems.get(&key(system))?.system.header.intent.goal)
    }

    fn spec_of(&self, record: &TaskRecord) -> Option<std::sync::Arc<TaskSpec>> {
        let header = &self.systems.get(&key(&record.id.system))?.system.header;
        let name = &record.id.name;
        header
            .spec
            .tasks
            .get(name)
            .or_else(|| header.leaving.get(name).map(|leaving| &leaving.task))
            .cloned()
    }
}
