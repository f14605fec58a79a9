//! Removes what is over: volumes, the attempts of systems that have ended, old attempts. Whatever is removed leaves
//! behind that it must not come back.

use std::sync::Arc;

use smack_model::{Epoch, Event, SystemId, TaskId, VolumeId};

use super::agent::Agent;

/// So many attempts at a task are kept for their logs.
const KEPT_MAX: usize = 3;

impl Agent {
    /// Deletes the volume and says so; what cannot be deleted is tried again when it is asked again.
    pub(crate) fn release(&self, epoch: Epoch, volume: &VolumeId) {
        if let Err(refusal) = self.fence(epoch) {
            tracing::warn!(%volume, %refusal, "not released");
            return;
        }
        let node = self.home.volume_node(volume);
        let gone = self
            .home
            .remove(&self.home.volume(volume))
            .and_then(|()| self.home.discard_file(&node));
        match gone {
            Ok(()) => self.tell(&self.lock(), Event::VolumeReleased(volume.clone())),
            Err(error) => tracing::warn!(%volume, %error, "not released"),
        }
    }

    /// Removes all attempts of a system that has ended; its volumes have been released or are kept.
    pub(crate) fn forget(&self, epoch: Epoch, system: &SystemId) {
        if let Err(refusal) = self.fence(epoch) {
            tracing::warn!(%system, %refusal, "not forgotten");
            return;
        }
        let mut attempts = self.lock();
        self.adopt_unknown(&mut attempts);
        let ids = attempts.of_system(system);
        if let Some(id) = ids.iter().find(|id| !attempts.is_ended(id)) {
            tracing::warn!(%system, task = %id, "not forgotten: it has not ended");
            return;
        }
        let forgotten = self.home.set_ended(system).and_then(|()| {
            let mut sandboxes = ids.iter().map(|id| self.home.sandbox(id));
            sandboxes.try_for_each(|sandbox| self.home.discard(&sandbox).map(drop))
        });
        if let Err(error) = forgotten {
            tracing::warn!(%system, %error, "not forgotten");
            return;
        }
        for id in &ids {
            attempts.remove(id);
        }
        self.tell(&attempts, Event::Forgotten(system.clone()));
        drop(attempts);
        self.clean();
    }

    /// Removes the attempts that are too old to be of interest; the newest one of a task always stays, for it says
    /// that those before are over.
    pub(crate) fn retire(self: Arc<Self>, id: &TaskId) {
        if id.attempt as usize <= KEPT_MAX {
            return;
        }
        let id = id.clone();
        self.slow.clone().push(move || {
            let mut attempts = self.lock();
            let newest_first = attempts.of_task(&id).rev().skip(KEPT_MAX);
            let old: Vec<TaskId> = newest_first
                .filter(|(_, attempt)| attempt.is_ended())
                .map(|(id, _)| id.clone())
                .collect();
            for id in &old {
                if self.home.discard(&self.home.sandbox(id)).is_ok() {
                    attempts.remove(id);
                }
            }
            drop(attempts);
            self.clean();
        });
    }

    pub(crate) fn clean(&self) {
        if let Err(error) = self.home.empty_trash() {
            tracing::warn!(%error, "trash could not be removed");
        }
    }
}
