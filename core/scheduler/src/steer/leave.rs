//! Scale-in: a task that is no longer in the spec is drained, stopped and retired, one at a time.

use smack_model::{
    Action, End, Header, Leaving, Status, TaskName, TaskRecord, VolumeRecord, VolumeState,
};

use super::Steer;
use crate::change::Change;
use crate::waiting::Waiting;

impl Steer<'_> {
    pub(super) fn leave(&mut self) {
        let system = self.system;
        let mut retired: Vec<TaskName> = Vec::new();
        // The youngest member goes first: broker-4 before broker-3.
        for (name, leaving) in system.header.leaving.iter().rev() {
            match system.tasks.get(name) {
                None => retired.push(name.clone()),
                Some(record) if record.status == Status::Ended(End::Retired) => {
                    retired.push(name.clone())
                }
                Some(record) => self.leave_task(record, leaving),
            }
        }
        if !retired.is_empty() {
            let mut leaving = system.header.leaving.clone();
            leaving.retain(|name, _| !retired.contains(name));
            let header = Header {
                leaving,
                ..system.header.clone()
            };
            self.out
                .changes
                .push(Change::Header(system.id.clone(), header));
        }
    }

    fn leave_task(&mut self, record: &TaskRecord, leaving: &Leaving) {
        let name = &record.id.name;
        let spec = &leaving.task;
        if matches!(record.status, Status::Stopping { .. }) {
            return self.await_stop(record, spec);
        }
        if let Some(waiting) = self.may_not_leave(name, record, leaving) {
            return self.wait(name, waiting);
        }
        let drain = format!("drain {name}");
        if let Some(operation) = &leaving.drain {
            if let Status::Ready { pid } | Status::Running { pid } = record.status {
                self.put(record, Status::Draining { pid });
                self.moving.push(name.clone());
            }
            if let Some(waiting) = self.operate(&drain, operation) {
                return self.wait(name, waiting);
            }
        }
        if record.status.is_live() {
            return self.stop(record, spec, false);
        }
        // Its place is given up; what stays is the number, which is never used again.
        let retired = TaskRecord {
            status: Status::Ended(End::Retired),
            since: self.now,
            node: None,
            address: None,
            ports: std::sync::Arc::default(),
            ..record.clone()
        };
        self.out.changes.push(Change::Task(Box::new(retired)));
        let system = self.system;
        for volume in system
            .volumes
            .values()
            .filter(|volume| volume.id.task == *name)
        {
            if volume.state == VolumeState::Present {
                let releasing = VolumeRecord {
                    state: VolumeState::Releasing,
                    since: self.now,
                    ..volume.clone()
                };
                self.out.changes.push(Change::Volume(releasing));
                self.out.actions.push(Action::Release(volume.id.clone()));
            }
        }
        if system.operations.contains_key(&drain) {
            self.out
                .changes
                .push(Change::OperationGone(system.id.clone(), drain));
        }
    }

    /// Minimum, budget and the product's word; only before the leaving begins.
    fn may_not_leave(
        &mut self,
        name: &TaskName,
        record: &TaskRecord,
        leaving: &Leaving,
    ) -> Option<Waiting> {
        if !record.status.is_live() || matches!(record.status, Status::Draining { .. }) {
            return None;
        }
        let minimum = &self.system.header.spec.minimum;
        let wanted = self.system.header.spec.tasks.len();
        if wanted < minimum.tasks as usize && !self.is_forced("minimum") {
            return Some(Waiting::Minimum {
                minimum: minimum.tasks,
                reason: minimum.reason.clone(),
            });
        }
        if self.system.header.intent.paused {
            return Some(Waiting::Paused);
        }
        if !record.status.is_ready() {
            // It takes nothing away: two that never came up must not wait for each other.
            return None;
        }
        if leaving.drain.is_none() {
            return self.held_back(name);
        }
        if let Some(waiting) = self.operation_first() {
            return Some(waiting);
        }
        // Draining takes nothing away yet, but one member moves at a time.
        let budget = self.system.header.spec.budget.max(1);
        let away = self.others_away(name);
        (away.len() >= budget as usize && !self.is_forced("budget"))
            .then_some(Waiting::Budget { away, budget })
    }
}
