//! How much a node starts at once: many programs that start side by side on few cores are no sooner ready, and time out.

use smack_model::{SystemId, TaskName, Timestamp};

use super::Fleet;

/// A task that is starting on a node.
#[derive(Debug, Clone)]
pub(super) struct Start {
    node: usize,
    cpu_millis: u32,
    /// Counted no longer: what has not come up by then waits for something else than processor time.
    until: Timestamp,
}

impl Fleet {
    /// The task starts; it counts until it is ready, ends, or the moment comes.
    pub(crate) fn start(
        &mut self,
        task: (SystemId, TaskName),
        node: usize,
        cpu_millis: u32,
        until: Timestamp,
    ) {
        self.started(&task);
        if self.nodes[node].node.starting.is_none() {
            return;
        }
        self.nodes[node].starting += u64::from(cpu_millis);
        let start = Start {
            node,
            cpu_millis,
            until,
        };
        self.starts.insert(task, start);
    }

    /// The task starts no longer; whether it counted.
    pub(crate) fn started(&mut self, task: &(SystemId, TaskName)) -> bool {
        let Some(start) = self.starts.remove(task) else {
            return false;
        };
        self.nodes[start.node].starting -= u64::from(start.cpu_millis);
        true
    }

    /// Forgets starts whose time is over; whether there were any.
    pub(crate) fn forget_starts(&mut self, now: Timestamp) -> bool {
        let over = self.starts.iter().filter(|(_, start)| start.until <= now);
        let over: Vec<_> = over.map(|(task, _)| task.clone()).collect();
        for task in &over {
            self.started(task);
        }
        !over.is_empty()
    }

    /// When the next start counts no longer by itself.
    pub(crate) fn next_start_over(&self) -> Option<Timestamp> {
        self.starts.values().map(|start| start.until).min()
    }

    /// Nothing starts: enough to try what fits in the end.
    pub(super) fn without_starts(mut self) -> Self {
        self.starts.clear();
        for state in &mut self.nodes {
            state.starting = 0;
        }
        self
    }
}
