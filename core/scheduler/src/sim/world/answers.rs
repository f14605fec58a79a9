//! What the grid, the probes and the products say.

use smack_model::{Answer, Member, Outcome, Question};

use super::*;

impl World {
    /// The state of one attempt, if its node can say it.
    pub(super) fn tell_state(&mut self, id: &TaskId) {
        let Some(process) = self.processes.get(id) else {
            return;
        };
        if !self.is_reachable(process.node.as_ref()) {
            return;
        }
        let id = id.clone();
        self.tell(match process.state.clone() {
            ProcessState::Preparing => Event::Starting(id),
            ProcessState::Running { pid } => Event::Running { id, pid },
            ProcessState::Ended {
                end: End::Refused(refusal),
                ..
            } => Event::Refused { id, refusal },
            ProcessState::Ended { end, at } => Event::Ended { id, end, at },
            ProcessState::Burned => Event::Refused {
                id,
                refusal: Refusal::Burned,
            },
        });
    }

    pub(super) fn tell_probe(&mut self, id: &TaskId) {
        if !self.probed.contains(id) {
            return;
        }
        let Some(process) = self.processes.get(id) else {
            return;
        };
        if !process.is_alive() || !self.is_reachable(process.node.as_ref()) {
            return;
        }
        let ready = process.serves;
        let leads = self.leaders.get(&id.system) == Some(&id.name);
        let role = (ready && self.led.contains(&id.system.application))
            .then(|| if leads { "leader" } else { "follower" }.to_owned());
        let detail = if ready {
            "serves"
        } else {
            "listens, but does not serve"
        }
        .to_owned();
        self.tell(Event::Probed {
            id: id.clone(),
            ready,
            role,
            detail,
        });
    }

    pub(super) fn tell_operation(
        &mut self,
        system: &SystemId,
        name: &str,
        digest: &Digest,
        done: bool,
    ) {
        let outcome = if done {
            Outcome::Done("done".to_owned())
        } else {
            Outcome::Failed("the product would not".to_owned())
        };
        let (system, name, digest) = (system.clone(), name.to_owned(), digest.clone());
        self.tell(Event::Operation {
            system,
            name,
            digest,
            outcome,
        });
    }

    pub(super) fn tell_nodes(&mut self) {
        let nodes = self.nodes.values().filter(|node| node.reachable);
        let nodes = nodes.map(|node| node.node.clone()).collect();
        self.tell(Event::Nodes(nodes));
    }

    /// One for the whole grid if all of it answers, else one per node that does.
    pub(super) fn tell_inventory(&mut self, node: Option<&NodeId>) {
        let all = self.nodes.values().all(|node| node.reachable);
        let nodes: Vec<Option<NodeId>> = match node {
            Some(node) => vec![Some(node.clone())],
            None if all && !self.random.chance(self.faults.partial_inventories) => vec![None],
            None => {
                let reachable = self.nodes.iter().filter(|(_, node)| node.reachable);
                reachable.map(|(id, _)| Some(id.clone())).collect()
            }
        };
        for node in nodes {
            let inventory = self.inventory(node);
            self.tell(inventory);
        }
    }

    fn inventory(&mut self, node: Option<NodeId>) -> Event {
        let complete = !self.random.chance(self.faults.partial_inventories);
        let skip = if complete { 0 } else { 500 };
        let mut tasks = Vec::new();
        for (id, process) in &self.processes {
            let here = node.is_none() || process.node == node;
            let superseded =
                self.newest.get(&(id.system.clone(), id.name.clone())) > Some(&id.attempt);
            if !here || (superseded && !process.is_alive()) || self.random.chance(skip) {
                continue;
            }
            let state = match process.state.clone() {
                ProcessState::Preparing => FoundState::Starting,
                ProcessState::Running { pid } => FoundState::Running { pid },
                ProcessState::Ended { end, at } => FoundState::Ended { end, at },
                ProcessState::Burned => FoundState::Ended {
                    end: End::Refused(Refusal::Burned),
                    at: self.now,
                },
            };
            tasks.push(Found {
                id: id.clone(),
                state,
            });
        }
        let here = self
            .volumes
            .iter()
            .filter(|(_, at)| node.is_none() || **at == node);
        let volumes = here.map(|(id, _)| id.clone()).collect();
        Event::Inventory {
            node,
            complete,
            began: self.now,
            tasks,
            volumes,
        }
    }

    /// Answers from what is true, unless a script has the product say otherwise.
    pub(super) fn answer(&mut self, question: Question, epoch: Epoch) {
        let Question {
            system,
            about,
            members,
            ..
        } = question;
        let serving = |member: &Member| {
            let of_part = |id: &TaskId| match &member.part {
                None => id.system == system,
                Some(zone) => {
                    let other = &id.system;
                    let same = other.run == system.run && other.application == system.application;
                    same && other.scope == *zone
                }
            };
            self.processes
                .iter()
                .any(|(id, process)| of_part(id) && id.name == member.task && process.serves)
        };
        let (kind, except) = match &about {
            About::Health => ("health", None),
            About::Without(task) => ("gate", Some(task)),
        };
        let is_asked = |member: &&Member| except.is_none_or(|task| !member.is_own(task));
        let missing: Vec<String> = members
            .iter()
            .filter(is_asked)
            .filter(|member| !serving(member))
            .map(Member::shown)
            .collect();
        let answer = match self.verdicts.get(&(system.application.clone(), kind)) {
            Some(true) => Answer::Yes,
            Some(false) => Answer::No("the product says no".to_owned()),
            None if missing.is_empty() => Answer::Yes,
            None => Answer::No(format!("{} does not serve", missing.join(", "))),
        };
        let began = self.now;
        let event = Event::Observed {
            system,
            about,
            answer,
            began,
        };
        let late = self.lateness();
        self.push(late, Happening::Deliver(Some(epoch), Box::new(event)));
    }
}
