//! Rows in memory with the store's promises: a transaction is whole or not at all, and a stale epoch writes nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use smack_model::{
    Digest, Epoch, Header, Launch, OperationRecord, SystemId, TaskName, TaskRecord, VdcId,
    VdcRecord, VolumeId, VolumeRecord,
};

use crate::change::{Change, Image};

/// What the store holds.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    epoch: Epoch,
    pub vdcs: BTreeMap<VdcId, VdcRecord>,
    pub headers: BTreeMap<SystemId, Header>,
    pub tasks: BTreeMap<(SystemId, TaskName), TaskRecord>,
    pub launches: BTreeMap<(SystemId, Digest), Arc<Launch>>,
    pub operations: BTreeMap<(SystemId, String), OperationRecord>,
    pub volumes: BTreeMap<VolumeId, VolumeRecord>,
}

/// What goes wrong with one commit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CommitFault {
    #[default]
    None,
    /// Nothing is written, and that is said.
    Failed,
    /// Everything is written, and the opposite is said.
    FailedButTookEffect,
}

/// Why a commit was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    #[error("a younger server holds the store")]
    Fenced,
    #[error("the store did not answer")]
    Failed,
}

impl MemoryStore {
    /// Makes the caller the one that may write.
    pub fn take_epoch(&mut self) -> Epoch {
        self.epoch = Epoch(self.epoch.0 + 1);
        self.epoch
    }

    pub fn commit(
        &mut self,
        epoch: Epoch,
        changes: &[Change],
        fault: CommitFault,
    ) -> Result<(), Rejected> {
        if epoch < self.epoch {
            return Err(Rejected::Fenced);
        }
        if fault == CommitFault::Failed {
            return Err(Rejected::Failed);
        }
        for change in changes {
            self.write(change);
        }
        if fault == CommitFault::FailedButTookEffect {
            Err(Rejected::Failed)
        } else {
            Ok(())
        }
    }

    fn write(&mut self, change: &Change) {
        match change {
            Change::Vdc(vdc) => {
                self.vdcs.insert(vdc.id.clone(), vdc.clone());
            }
            Change::VdcGone(id) => {
                self.vdcs.remove(id);
            }
            Change::Header(id, header) => {
                self.headers.insert(id.clone(), header.clone());
            }
            Change::Task(record) => {
                let row = (record.id.system.clone(), record.id.name.clone());
                self.tasks.insert(row, TaskRecord::clone(record));
            }
            Change::TaskGone(id, name) => {
                self.tasks.remove(&(id.clone(), name.clone()));
            }
            Change::Launch(id, digest, launch) => {
                self.launches
                    .insert((id.clone(), digest.clone()), Arc::clone(launch));
            }
            Change::LaunchGone(id, digest) => {
                self.launches.remove(&(id.clone(), digest.clone()));
            }
            Change::Operation(id, name, record) => {
                self.operations
                    .insert((id.clone(), name.clone()), record.clone());
            }
            Change::OperationGone(id, name) => {
                self.operations.remove(&(id.clone(), name.clone()));
            }
            Change::Volume(volume) => {
                self.volumes.insert(volume.id.clone(), volume.clone());
            }
            Change::VolumeGone(id) => {
                self.volumes.remove(id);
            }
        }
    }

    /// Everything, for a server that starts.
    pub fn image(&self) -> Image {
        let launches = self.launches.iter();
        let operations = self.operations.iter();
        Image {
            vdcs: self.vdcs.values().cloned().collect(),
            headers: self
                .headers
                .iter()
                .map(|(id, header)| (id.clone(), header.clone()))
                .collect(),
            tasks: self.tasks.values().cloned().collect(),
            launches: launches
                .map(|((id, digest), launch)| (id.clone(), digest.clone(), Launch::clone(launch)))
                .collect(),
            operations: operations
                .map(|((id, name), record)| (id.clone(), name.clone(), record.clone()))
                .collect(),
            volumes: self.volumes.values().cloned().collect(),
        }
    }
}
