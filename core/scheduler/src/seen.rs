//! What was seen of a system since this server began: never stored, learned again after a restart.

use std::collections::BTreeMap;

use smack_model::{About, Answer, Span, TaskName, Timestamp};

/// Observations and what was sent, per system.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    pub tasks: BTreeMap<TaskName, TaskSeen>,
    pub answers: BTreeMap<About, Observation>,
    pub asked: BTreeMap<About, Timestamp>,
    pub operations: BTreeMap<String, Sent>,
    pub forget: Sent,
    pub releases: Sent,
    /// The last change of any task's status: answers that began before it are not used.
    pub changed: Timestamp,
    /// Whether the last health answer was yes, however old.
    pub healthy: bool,
}

/// Of one task's present attempt.
#[derive(Debug, Clone, Default)]
pub struct TaskSeen {
    pub launch: Sent,
    pub stop: Sent,
    /// `leader`, `follower`: as the product calls it.
    pub role: Option<String>,
    /// What the probe said last.
    pub detail: String,
    pub probe: Sent,
    /// Whether the probe has said anything yet; until then it is asked for again.
    pub answered: bool,
    /// It has been ready, as far as this server saw.
    pub served: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    pub answer: Answer,
    pub began: Timestamp,
}

/// How often and when something was last sent.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sent {
    pub times: u32,
    pub at: Timestamp,
}

impl Sent {
    /// When it is sent again if nobody answers: after 1, 2, 4 … 60 s.
    pub fn due(&self) -> Timestamp {
        if self.times == 0 {
            return Timestamp(0);
        }
        self.at + Span::seconds(1).doubled(self.times - 1, Span::minutes(1))
    }

    /// Counts one sending.
    pub fn sent(&mut self, now: Timestamp) {
        self.times += 1;
        self.at = now;
    }
}
