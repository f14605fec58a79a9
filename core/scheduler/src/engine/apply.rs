//! Applies changes to the draft, with everything that hangs on a status: capacity, addresses, what was seen.

use std::sync::Arc;

use smack_model::{
    Action, Goal, Header, NodeId, OperationRecord, OperationStatus, ServiceSpec, Status, SystemId,
    TaskRecord, When,
};

use super::{Engine, Tracked, key, used};
use crate::change::Change;
use crate::seen::Sent;
use crate::trace::NOT_IN_TIME;

impl Tracked {
    /// Those that are to be probed otherwise are, from now on.
    fn probe_anew(&mut self, wanted: &Arc<ServiceSpec>) {
        let known = &self.system.header.spec;
        if Arc::ptr_eq(known, wanted) {
            return;
        }
        for (name, seen) in &mut self.seen.tasks {
            let (Some(old), Some(new)) = (known.tasks.get(name), wanted.tasks.get(name)) else {
                continue;
            };
            if (&old.probe, old.pace) != (&new.probe, new.pace) {
                seen.probe = Sent::default();
                seen.answered = false;
            }
        }
    }
}

impl Engine {
    pub(super) fn apply(&mut self, change: &Change) {
        match change {
            Change::Vdc(vdc) => {
                self.view_stale.insert(vdc.id.clone());
                let old = self.vdcs.insert(vdc.id.clone(), vdc.clone());
                self.time(old.as_ref(), Some(vdc));
            }
            Change::VdcGone(id) => {
                self.view_stale.insert(id.clone());
                let old = self.vdcs.remove(id);
                self.time(old.as_ref(), None);
            }
            Change::Header(id, header) if header.ended.is_some() => {
                let key_of = key(id);
                self.mark_siblings(id);
                self.unlist_part(&key_of);
                if let Some(tracked) = self.systems.remove(&key_of) {
                    for path in &tracked.uses {
                        self.unlink(&key_of, &used(&key_of, path));
                    }
                }
                self.tombstones
                    .insert(key(id), (id.clone(), header.clone()));
                self.view_stale.insert(id.vdc());
            }
            Change::Header(id, header) => {
                let key = key(id);
                self.tombstones.remove(&key);
                match self.systems.get_mut(&key) {
                    Some(tracked) => {
                        tracked.probe_anew(&header.spec);
                        tracked.system.set_header(header.clone());
                    }
                    None => {
                        let system = smack_model::System::new(id.clone(), header.clone());
                        self.systems.insert(key.clone(), Tracked::new(system));
                    }
                }
                self.link(&key);
                self.mark_siblings(id);
            }
            Change::Task(record) => {
                self.apply_task(record);
                self.mark_siblings(&record.id.system);
            }
            Change::TaskGone(id, name) => {
                let mut gone = None;
                self.with(id, |tracked| gone = tracked.system.tasks.remove(name));
                self.free(&(id.clone(), name.clone()));
                let Some(record) = gone else { return };
                self.unlist(&record);
                if let Some(address) = record.address {
                    self.fleet.release_address(&address);
                }
            }
            Change::Launch(id, digest, launch) => self.with(id, |tracked| {
                tracked
                    .system
                    .launches
                    .insert(digest.clone(), launch.clone());
            }),
            Change::LaunchGone(id, digest) => self.with(id, |tracked| {
                tracked.system.launches.remove(digest);
            }),
            Change::Operation(id, name, record) => {
                self.with(id, |tracked| {
                    let operations = &mut tracked.system.operations;
                    let old = operations.insert(name.clone(), record.clone());
                    if old.is_none_or(|old| old.digest != record.digest || !record.is_underway()) {
                        // It is sent anew, and soon.
                        tracked.seen.operations.remove(name);
                    }
                });
                self.mark_siblings(id);
            }
            Change::OperationGone(id, name) => self.with(id, |tracked| {
                tracked.system.operations.remove(name);
                tracked.seen.operations.remove(name);
            }),
            Change::Volume(volume) => self.with(&volume.id.system.clone(), |tracked| {
                tracked
                    .system
                    .volumes
                    .insert(volume.id.clone(), volume.clone());
            }),
            Change::VolumeGone(id) => self.with(&id.system.clone(), |tracked| {
                tracked.system.volumes.remove(id);
            }),
        }
    }

    /// A record with another status than before: an answer that began earlier is worth nothing now.
    fn apply_task(&mut self, record: &TaskRecord) {
        let now = self.now;
        let mut ended_probe = false;
        let mut needs = None;
        let mut new_attempt = false;
        let mut old = None;
        self.with(&record.id.system.clone(), |tracked| {
            let name = &record.id.name;
            old = tracked
                .system
                .tasks
                .insert(name.clone(), Box::new(record.clone()));
            let header = &tracked.system.header;
            let spec = header
                .spec
                .tasks
                .get(name)
                .or_else(|| header.leaving.get(name).map(|leaving| &leaving.task));
            needs = spec.map(|spec| spec.needs);
            new_attempt = old
                .as_ref()
                .is_none_or(|old| old.id.attempt != record.id.attempt);
            if old.as_ref().is_none_or(|old| old.status != record.status) {
                tracked.seen.changed = now;
                tracked.seen.healthy = false;
            }
            let seen = tracked.seen.tasks.entry(name.clone()).or_default();
            let is_probed = matches!(
                record.status,
                Status::Running { .. } | Status::Ready { .. } | Status::Draining { .. }
            );
            if seen.probe.times > 0 && !is_probed {
                seen.probe = Sent::default();
                seen.answered = false;
                ended_probe = true;
            }
            if new_attempt {
                *seen = crate::seen::TaskSeen::default();
            }
            seen.served |= record.status.is_ready();
        });
        if ended_probe {
            self.pending
                .actions
                .push(Action::ProbeEnd(record.id.clone()));
        }
        let task = (record.id.system.clone(), record.id.name.clone());
        if let Some(old) = &old {
            self.unlist(old);
            if let Some(address) = old
                .address
                .as_ref()
                .filter(|_| old.address != record.address)
            {
                self.fleet.release_address(address);
            }
        }
        if let Some(address) = &record.address {
            self.fleet.hold_address(&record.id.system.vdc(), address);
        }
        if !record.status.is_live() {
            return self.free(&task);
        }
        self.list(record);
        if record.status.is_ready() && self.fleet.started(&task) {
            self.dirty.append(&mut self.homeless);
        }
        if new_attempt && let (Some(node), Some(needs)) = (&record.node, needs) {
            // On a new placement `place` has charged the fleet already; charging again replaces it.
            if let Some(index) = self.fleet.position(node) {
                self.fleet.hold(task, index, needs, &record.ports);
            }
        }
    }

    /// Gives back what a task holds; whoever found no node may find one now.
    fn free(&mut self, task: &(smack_model::SystemId, smack_model::TaskName)) {
        self.fleet.started(task);
        if self.fleet.release(task) {
            self.dirty.append(&mut self.homeless);
        }
    }

    /// Lists a living attempt under its node.
    pub(super) fn list(&mut self, record: &TaskRecord) {
        if let Some(node) = &record.node {
            let here = self.on_node.entry(node.clone()).or_default();
            here.insert((key(&record.id.system), record.id.name.clone()));
        }
    }

    fn unlist(&mut self, record: &TaskRecord) {
        if let Some(here) = record
            .node
            .as_ref()
            .and_then(|node| self.on_node.get_mut(node))
        {
            here.remove(&(key(&record.id.system), record.id.name.clone()));
        }
    }

    /// Charges the fleet for what lives on nodes that have just become known.
    pub(super) fn charge_fleet(&mut self, nodes: &[NodeId]) {
        for (key, name) in nodes
            .iter()
            .filter_map(|node| self.on_node.get(node))
            .flatten()
        {
            let Some(tracked) = self.systems.get(key) else {
                continue;
            };
            let header = &tracked.system.header;
            let Some(record) = tracked.system.tasks.get(name) else {
                continue;
            };
            let spec = header
                .spec
                .tasks
                .get(name)
                .or_else(|| header.leaving.get(name).map(|leaving| &leaving.task));
            let node = record
                .node
                .as_ref()
                .and_then(|node| self.fleet.position(node));
            if let (Some(node), Some(spec)) = (node, spec) {
                let task = (record.id.system.clone(), name.clone());
                // What it was launched with counts, not what a newer spec wants.
                if !self.fleet.holds(&task, node) {
                    self.fleet.hold(task, node, spec.needs, &record.ports);
                }
            }
        }
    }

    /// What of a change an operator would tell a colleague.
    /// That it was not ready in time; of one that had been ready, what it said last.
    fn not_in_time(&self, record: &TaskRecord) -> String {
        let tracked = self.systems.get(&key(&record.id.system));
        let seen = tracked.and_then(|tracked| tracked.seen.tasks.get(&record.id.name));
        match seen.filter(|seen| seen.served && !seen.detail.is_empty()) {
            Some(seen) => format!("{NOT_IN_TIME}: {}", seen.detail),
            None => NOT_IN_TIME.to_owned(),
        }
    }

    pub(super) fn note_change(&mut self, change: &Change) {
        match change {
            Change::Task(record) => {
                let subject = format!("{}/{}", record.id.system.path(), record.id.name);
                let attempt = record.id.attempt;
                let (kind, text) = match &record.status {
                    Status::Claimed => {
                        let node = record
                            .node
                            .as_ref()
                            .map_or("its grid", |node| node.as_str());
                        let address = record.address.as_deref().unwrap_or("no address");
                        (
                            "placed",
                            format!("attempt {attempt} on {node} at {address}"),
                        )
                    }
                    Status::Ready { pid } => ("ready", format!("attempt {attempt}, pid {pid}")),
                    Status::Stopping { late: true } => ("stopping", self.not_in_time(record)),
                    Status::Stopping { late: false } => ("stopping", format!("attempt {attempt}")),
                    Status::Draining { .. } => ("draining", format!("attempt {attempt}")),
                    Status::Ended(smack_model::End::Retired) => {
                        ("retired", "left the system".to_owned())
                    }
                    Status::Starting
                    | Status::Running { .. }
                    | Status::Unreachable
                    | Status::Ended(_) => return,
                };
                self.note(subject, kind, text);
            }
            Change::Operation(id, name, record) => {
                if let Some(text) = self.operation_noted(id, name, record) {
                    self.note(id.path(), "operation", text);
                }
            }
            Change::Header(id, header) => {
                if let Some((kind, text)) = self.rounds_noted(id, header) {
                    self.note(id.path(), kind, text);
                }
            }
            Change::Vdc(_)
            | Change::VdcGone(_)
            | Change::TaskGone(..)
            | Change::Launch(..)
            | Change::LaunchGone(..)
            | Change::OperationGone(..)
            | Change::Volume(_)
            | Change::VolumeGone(_) => {}
        }
    }

    /// The line for due times that are begun or left out, not applied yet.
    fn rounds_noted(&self, id: &SystemId, header: &Header) -> Option<(&'static str, String)> {
        let old = self.systems.get(&key(id))?.system.header.rounds?;
        let new = header.rounds?;
        let missed = new.missed.saturating_sub(old.missed);
        let left_out = match missed {
            0 => None,
            1 => Some("1 due time is left out".to_owned()),
            missed => Some(format!("{missed} due times are left out")),
        };
        if new.begun > old.begun {
            let at = new.latest.unwrap_or(new.taken);
            let more = left_out.map(|text| format!("; {text}")).unwrap_or_default();
            return Some(("due", format!("round {}, due at {at}{more}", new.begun)));
        }
        if new.off && !old.off {
            return Some(("unscheduled", "its schedule is taken away".to_owned()));
        }
        let why = if header.intent.paused {
            "it is paused"
        } else if header.intent.goal != Goal::Running {
            "it is stopped"
        } else if header
            .spec
            .schedule
            .as_ref()
            .is_some_and(|schedule| self.now.since(new.taken) > schedule.deadline)
        {
            "it is too late"
        } else {
            "it still runs"
        };
        Some((
            "missed",
            format!("{}, the last at {}: {why}", left_out?, new.taken),
        ))
    }

    /// The line for an operation that takes on this record, not applied yet.
    fn operation_noted(
        &self,
        id: &SystemId,
        name: &str,
        record: &OperationRecord,
    ) -> Option<String> {
        Some(match &record.status {
            OperationStatus::Asked { progress } if progress.is_empty() => {
                format!("{name}: {}", self.occasion_noted(id, name, record))
            }
            OperationStatus::Asked { .. } | OperationStatus::Scheduled => return None,
            OperationStatus::Done { result } => format!("{name}: {result}"),
            OperationStatus::Failed { reason } => format!("{name} failed: {reason}"),
        })
    }

    /// Who or what had it begun.
    fn occasion_noted(&self, id: &SystemId, name: &str, record: &OperationRecord) -> String {
        let tracked = self.systems.get(&key(id));
        let when = tracked.and_then(|tracked| {
            let mut operations = tracked.system.header.spec.operations.iter();
            operations.find(|wanted| wanted.name == name)
        });
        let by_itself = when.is_some_and(|wanted| wanted.after_replacing);
        let when = when.map_or(When::Always, |wanted| wanted.when);
        let old = tracked.and_then(|tracked| tracked.system.operations.get(name));
        let is_asked = record.asked > old.map_or(0, |old| old.asked);
        match when {
            When::Always => "asked for".to_owned(),
            When::Asked | When::Every(_) if is_asked && by_itself => "begins, asked for".to_owned(),
            When::Asked | When::Every(_) if is_asked => "begins, asked for by hand".to_owned(),
            When::Asked | When::Every(_) if record.failures > 0 => {
                format!(
                    "begins again after {}",
                    crate::waiting::in_a_row(record.failures)
                )
            }
            When::Asked => "begins again".to_owned(),
            When::Every(span) => format!("begins, due every {}", span.words()),
        }
    }
}
