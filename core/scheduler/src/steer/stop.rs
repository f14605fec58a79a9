//! Stopping: single tasks, whole systems in order, and the end of a system with its volumes.

use smack_model::{
    Action, Span, Status, StopOrder, TaskName, TaskRecord, TaskSpec, Timestamp, VolumeRecord,
    VolumeState,
};

use super::Steer;
use crate::change::Change;
use crate::waiting::Waiting;

impl<'a> Steer<'a> {
    /// Records the wish to stop and asks for it; asked again until the end is reported.
    pub(super) fn stop(&mut self, record: &TaskRecord, spec: &TaskSpec, late: bool) {
        let stopping = TaskRecord {
            status: Status::Stopping { late },
            since: self.now,
            ..record.clone()
        };
        self.out.changes.push(Change::Task(Box::new(stopping)));
        self.moving.push(record.id.name.clone());
        self.order_stop(record, spec);
        self.wait(
            &record.id.name,
            Waiting::Stop {
                since: self.now,
                grace: spec.stop.grace,
            },
        );
        self.wake(self.now + Span::seconds(1));
    }

    pub(super) fn await_stop(&mut self, record: &TaskRecord, spec: &TaskSpec) {
        let sent = self.task_seen(&record.id.name).stop;
        let is_new = self.left_alone().is_some_and(|since| sent.at <= since);
        let due = self.due(sent);
        if let Some(again) = due {
            self.wake(again);
        }
        if due.is_some() || (spec.stop.left_alone.is_some() && is_new) {
            self.order_stop(record, spec);
        }
        let asked = self.now.since(record.since);
        let grace = match self.grace_alone(spec) {
            Some(left) => Span(asked.0 + left.0).min(spec.stop.grace),
            None => spec.stop.grace,
        };
        let since = record.since;
        self.wait(&record.id.name, Waiting::Stop { since, grace });
    }

    fn order_stop(&mut self, record: &TaskRecord, spec: &TaskSpec) {
        self.out.actions.push(Action::Stop {
            id: record.id.clone(),
            node: record.node.clone(),
            signal: spec.stop.signal,
            grace: self.grace_alone(spec).unwrap_or(spec.stop.grace),
        });
    }

    /// What is left of the grace of a task that has lost those that it says good-bye to.
    fn grace_alone(&self, spec: &TaskSpec) -> Option<Span> {
        let (grace, since) = spec.stop.left_alone.zip(self.left_alone())?;
        Some((since + grace).since(self.now).min(spec.stop.grace))
    }

    /// Since when the tasks of the first phase have no majority any more.
    fn left_alone(&self) -> Option<Timestamp> {
        let first = self.system.header.spec.phases.first()?;
        let records = first.tasks.iter().map(|name| self.system.tasks.get(name));
        let mut ended: Vec<Timestamp> = records
            .filter_map(|record| match record {
                Some(record) if record.status.is_live() => None,
                Some(record) => Some(record.since),
                None => Some(Timestamp(0)),
            })
            .collect();
        ended.sort_unstable();
        let majority = first.tasks.len() / 2 + 1;
        ended.get(first.tasks.len() - majority).copied()
    }

    /// Stops everything in order and keeps membership, addresses and volumes. Gives whether nothing lives any more.
    pub(super) fn halt(&mut self) -> bool {
        if self.system.live().next().is_none() {
            let names = self.system.header.spec.tasks.keys();
            self.out
                .waiting
                .extend(names.map(|name| (name.clone(), Waiting::Stopped)));
            return true;
        }
        let users = self.peers.leaving_users.clone();
        if !users.is_empty() {
            self.out.whole.push(Waiting::Users {
                applications: users,
            });
            // What is stopping already goes on.
            self.repeat_stops();
            return false;
        }
        let system = self.system;
        let mut later: Option<String> = None;
        let leaving: Vec<TaskName> = system.header.leaving.keys().cloned().collect();
        self.halt_tasks(&leaving);
        for phase in system.header.spec.phases.iter().rev() {
            if let Some(later) = &later {
                let alive: Vec<&TaskName> =
                    phase.tasks.iter().filter(|name| self.lives(name)).collect();
                for name in alive {
                    self.out.waiting.insert(
                        name.clone(),
                        Waiting::LaterPhase {
                            phase: later.clone(),
                        },
                    );
                }
                continue;
            }
            self.halt_tasks(&phase.tasks);
            let open = phase.tasks.iter().any(|name| self.lives(name));
            if open && system.header.spec.stop_order == StopOrder::PhasesReversed {
                later = Some(phase.name.clone());
            }
        }
        false
    }

    pub(super) fn halt_tasks(&mut self, names: &[TaskName]) {
        for name in names {
            let Some((record, spec)) = self.record_and_spec(name) else {
                continue;
            };
            match &record.status {
                Status::Ended(_) => self.wait(name, Waiting::Stopped),
                Status::Stopping { .. } => self.await_stop(record, &spec),
                Status::Claimed
                | Status::Starting
                | Status::Running { .. }
                | Status::Ready { .. }
                | Status::Draining { .. }
                | Status::Unreachable => self.stop(record, &spec, false),
            }
        }
    }

    /// Volumes that were given up are released until that is answered.
    pub(super) fn release_again(&mut self) {
        let system = self.system;
        let mut open = system
            .volumes
            .values()
            .filter(|volume| volume.state == VolumeState::Releasing)
            .peekable();
        if open.peek().is_none() {
            return;
        }
        if let Some(again) = self.due(self.seen.releases) {
            self.out
                .actions
                .extend(open.map(|volume| Action::Release(volume.id.clone())));
            self.wake(again);
        }
    }

    fn repeat_stops(&mut self) {
        let system = self.system;
        for (name, record) in &system.tasks {
            if matches!(record.status, Status::Stopping { .. })
                && let Some((record, spec)) = self.record_and_spec(name)
            {
                self.await_stop(record, &spec);
            }
        }
    }

    fn lives(&self, name: &TaskName) -> bool {
        self.system
            .tasks
            .get(name)
            .is_some_and(|record| record.status.is_live())
    }

    fn record_and_spec(
        &self,
        name: &TaskName,
    ) -> Option<(&'a TaskRecord, std::sync::Arc<TaskSpec>)> {
        let header = &self.system.header;
        let record = self.system.tasks.get(name)?;
        let spec = header
            .spec
            .tasks
            .get(name)
            .or_else(|| header.leaving.get(name).map(|leaving| &leaving.task))?;
        Some((record, spec.clone()))
    }

    /// Stops everything, then gives up volumes unless they are kept, then has the grid forget the system.
    pub(super) fn end(&mut self, keep_volumes: bool, at_once: bool) {
        if !at_once && !self.depart() {
            return;
        }
        if !self.halt() {
            return;
        }
        self.out.waiting.clear();
        let system = self.system;
        let mut open = 0;
        let release_again = self.due(self.seen.releases);
        for volume in system.volumes.values() {
            match (volume.state, keep_volumes) {
                (VolumeState::Present, true) => {
                    let kept = VolumeRecord {
                        state: VolumeState::Kept,
                        since: self.now,
                        ..volume.clone()
                    };
                    self.out.changes.push(Change::Volume(kept));
                }
                (VolumeState::Kept, true) => {}
                (VolumeState::Present | VolumeState::Kept, false) => {
                    let releasing = VolumeRecord {
                        state: VolumeState::Releasing,
                        since: self.now,
                        ..volume.clone()
                    };
                    self.out.changes.push(Change::Volume(releasing));
                    self.out.actions.push(Action::Release(volume.id.clone()));
                    open += 1;
                }
                (VolumeState::Releasing, _) => {
                    if release_again.is_some() {
                        self.out.actions.push(Action::Release(volume.id.clone()));
                    }
                    open += 1;
                }
            }
        }
        if open > 0 {
            self.wake(release_again.unwrap_or(self.now + Span::seconds(1)));
            self.out.whole.push(Waiting::Volumes { count: open });
            return;
        }
        if let Some(again) = self.due(self.seen.forget) {
            self.out.actions.push(Action::Forget(system.id.clone()));
            self.wake(again);
        }
        self.out.whole.push(Waiting::Forgetting);
    }
}
