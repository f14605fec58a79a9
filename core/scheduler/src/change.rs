//! What a decision changes in the store, and what it notes in the journal.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smack_model::{
    Digest, Header, Launch, OperationRecord, SystemId, TaskName, TaskRecord, Timestamp, VdcId,
    VdcRecord, VolumeId, VolumeRecord,
};

/// One row written or deleted.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    Vdc(VdcRecord),
    VdcGone(VdcId),
    Header(SystemId, Header),
    Task(Box<TaskRecord>),
    TaskGone(SystemId, TaskName),
    Launch(SystemId, Digest, Arc<Launch>),
    LaunchGone(SystemId, Digest),
    Operation(SystemId, String, OperationRecord),
    OperationGone(SystemId, String),
    Volume(VolumeRecord),
    VolumeGone(VolumeId),
}

/// A line of the journal: what an operator would tell a colleague.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    pub at: Timestamp,
    /// The identity path: `zone/vdc`, `zone/vdc/application` or `zone/vdc/application/task`.
    pub subject: String,
    /// One word: `placed`, `ready`, `ended`, `retry`.
    pub kind: String,
    pub text: String,
}

/// All rows, as the store loads them.
#[derive(Debug, Clone, Default)]
pub struct Image {
    pub vdcs: Vec<VdcRecord>,
    pub headers: Vec<(SystemId, Header)>,
    pub tasks: Vec<TaskRecord>,
    pub launches: Vec<(SystemId, Digest, Launch)>,
    pub operations: Vec<(SystemId, String, OperationRecord)>,
    pub volumes: Vec<VolumeRecord>,
}
