//! The attempts that the agent knows of, and the order in which it tells of them: whoever holds the lock speaks.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use smack_model::{End, NodeId, SystemId, TaskId, Timestamp};

#[derive(Debug, Default)]
pub(crate) struct Attempts {
    pub(crate) all: BTreeMap<TaskId, Attempt>,
    /// Which attempt's directory a watch is on.
    pub(crate) watches: BTreeMap<i32, TaskId>,
    /// Which attempt's shim a descriptor is of.
    pub(crate) tokens: BTreeMap<u64, TaskId>,
    pub(crate) last_token: u64,
}

#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) node: Option<NodeId>,
    pub(crate) state: State,
    pub(crate) shim: Option<Shim>,
    /// The watch on its `.smack`, until its program runs.
    pub(crate) watch: Option<i32>,
    /// Where it was prepared; gone after the claim.
    pub(crate) staging: Option<PathBuf>,
    /// How often a shim was sent to take over.
    pub(crate) attached: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum State {
    /// Taken on or being prepared.
    Preparing,
    /// A shim is about to claim, or to start the program.
    Claiming,
    Running {
        pid: u32,
    },
    Ended {
        end: End,
        at: Timestamp,
    },
}

/// The process whose end says that there is news: a shim, or the task itself if no shim can be had.
#[derive(Debug)]
pub(crate) struct Shim {
    pub(crate) descriptor: OwnedFd,
    pub(crate) token: u64,
}

impl Attempt {
    pub(crate) fn new(node: Option<NodeId>, state: State) -> Self {
        Self {
            node,
            state,
            shim: None,
            watch: None,
            staging: None,
            attached: 0,
        }
    }

    pub(crate) fn is_ended(&self) -> bool {
        matches!(self.state, State::Ended { .. })
    }
}

impl Attempts {
    pub(crate) fn is_ended(&self, id: &TaskId) -> bool {
        self.all.get(id).is_some_and(Attempt::is_ended)
    }

    /// All attempts at the same task, oldest first.
    pub(crate) fn of_task(
        &self,
        id: &TaskId,
    ) -> impl DoubleEndedIterator<Item = (&TaskId, &Attempt)> {
        let with = |attempt| TaskId {
            attempt,
            ..id.clone()
        };
        self.all.range(with(0)..=with(u32::MAX))
    }

    pub(crate) fn of_system(&self, system: &SystemId) -> Vec<TaskId> {
        let ids = self.all.keys();
        ids.filter(|id| id.system == *system).cloned().collect()
    }

    /// Whether a later attempt at the same task is known: then this one's time is over.
    pub(crate) fn is_outdated(&self, id: &TaskId) -> bool {
        let newest = self.of_task(id).next_back();
        newest.is_some_and(|(newest, _)| newest.attempt > id.attempt)
    }

    pub(crate) fn remove(&mut self, id: &TaskId) {
        if let Some(attempt) = self.all.remove(id) {
            if let Some(watch) = attempt.watch {
                self.watches.remove(&watch);
            }
            if let Some(shim) = attempt.shim {
                self.tokens.remove(&shim.token);
            }
        }
    }
}
