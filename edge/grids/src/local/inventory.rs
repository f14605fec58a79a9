//! Tells what is there.

use std::collections::BTreeMap;

use smack_model::{Event, Found, FoundState, NodeId, TaskId, VolumeId};

use super::agent::Agent;
use super::attempts::{Attempts, State};
use super::sandbox::now;

impl Agent {
    /// Answers what is known of one attempt, or of all.
    pub(crate) fn answer(&self, id: Option<&TaskId>) {
        let began = now();
        let mut attempts = self.lock();
        match id {
            Some(id) if attempts.all.contains_key(id) || self.adopt(&mut attempts, id) => {
                self.refresh(&mut attempts, id);
                self.repeat_held(&attempts, id);
            }
            // A complete inventory is what says that something is not there.
            _ => {
                self.adopt_unknown(&mut attempts);
                for (node, (tasks, volumes)) in self.by_node(&attempts) {
                    let inventory = Event::Inventory {
                        node: Some(node),
                        complete: true,
                        began,
                        tasks,
                        volumes,
                    };
                    self.tell(&attempts, inventory);
                }
                self.tell(&attempts, Event::Networks(self.home.networks()));
            }
        }
    }

    /// Takes over sandboxes that another agent has made.
    pub(crate) fn adopt_unknown(&self, attempts: &mut Attempts) {
        for id in self.home.attempts() {
            if !attempts.all.contains_key(&id) {
                self.adopt(attempts, &id);
            }
        }
    }

    /// Each of our nodes, and each that something says it was made on.
    fn by_node(&self, attempts: &Attempts) -> BTreeMap<NodeId, (Vec<Found>, Vec<VolumeId>)> {
        let nodes = self.options.nodes.iter();
        let mut found: BTreeMap<NodeId, (Vec<Found>, Vec<VolumeId>)> = nodes
            .map(|node| (node.id.clone(), Default::default()))
            .collect();
        let Some(first) = self.options.nodes.first().map(|node| node.id.clone()) else {
            return found;
        };
        for (id, attempt) in &attempts.all {
            if attempt.is_ended() && attempts.is_outdated(id) {
                continue;
            }
            let state = match &attempt.state {
                State::Preparing | State::Claiming => FoundState::Starting,
                State::Running { pid } => FoundState::Running { pid: *pid },
                State::Ended { end, at } => FoundState::Ended {
                    end: end.clone(),
                    at: *at,
                },
            };
            let node = attempt.node.clone().unwrap_or_else(|| first.clone());
            let id = id.clone();
            found.entry(node).or_default().0.push(Found { id, state });
        }
        for volume in self.home.volumes() {
            let node = std::fs::read_to_string(self.home.volume_node(&volume)).ok();
            let node = node.and_then(|text| NodeId::new(text.trim()).ok());
            let node = node.unwrap_or_else(|| first.clone());
            found.entry(node).or_default().1.push(volume);
        }
        found
    }
}
