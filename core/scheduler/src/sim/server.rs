//! Engine, store and world in virtual time: deliver, decide, commit, perform. The server may die between any two of
//! these, or sleep while another takes over.

use smack_model::{Action, Epoch, Span, TaskGoal, Timestamp};

use super::store::{CommitFault, MemoryStore, Rejected};
use super::world::World;
use crate::change::{Change, Note};
use crate::engine::{Command, Engine, Refused};

/// The whole of it.
pub struct Sim {
    pub now: Timestamp,
    pub world: World,
    pub store: MemoryStore,
    /// What was noted in the journal and not taken out yet.
    pub journal: Vec<Note>,
    /// So many times something was decided, and so many transactions were committed.
    pub decisions: u64,
    pub commits: u64,
    /// Everything that comes in and goes out, if somebody wants to read it.
    pub log: Option<Vec<String>>,
    server: Option<Server>,
    asleep: Option<Server>,
    /// What becomes of the next transactions: the head is the next one's.
    pub planned: std::collections::VecDeque<Fault>,
}

struct Server {
    engine: Engine,
    epoch: Epoch,
    /// Decided and saved, not performed: what a sleeping server has in hand.
    held: Vec<Action>,
}

/// What goes wrong in one step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fault {
    pub commit: CommitFault,
    pub crash: Option<Crash>,
}

/// Where the server dies or falls asleep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crash {
    BeforeCommit,
    /// Saved; of the actions only so many are performed.
    AfterActions(usize),
    /// Saved, the actions in hand: it sleeps, and another server takes over.
    Asleep,
}

/// What happened in one step.
#[derive(Debug, Default)]
pub struct Step {
    pub changes: Vec<Change>,
    pub actions: Vec<Action>,
    pub events: usize,
    /// Whether anything but questions and their answers came up.
    pub moved: bool,
}

impl Sim {
    pub fn new(seed: u64) -> Self {
        let mut sim = Self {
            now: Timestamp(0),
            world: World::new(seed),
            store: MemoryStore::default(),
            journal: Vec::new(),
            decisions: 0,
            commits: 0,
            log: None,
            server: None,
            asleep: None,
            planned: std::collections::VecDeque::new(),
        };
        sim.start_server();
        sim
    }

    pub fn engine(&self) -> Option<&Engine> {
        self.server.as_ref().map(|server| &server.engine)
    }

    /// Takes the store and loads what it holds.
    pub fn start_server(&mut self) {
        let epoch = self.store.take_epoch();
        self.load(epoch);
    }

    fn load(&mut self, epoch: Epoch) {
        self.world.disconnect();
        let engine = Engine::load(self.store.image(), epoch, self.now);
        self.server = Some(Server {
            engine,
            epoch,
            held: Vec::new(),
        });
        self.world.connect();
    }

    /// The server dies; nothing of it is left but what was saved and performed.
    pub fn crash(&mut self) {
        self.server = None;
        self.world.disconnect();
    }

    /// The server stops where it is, with `held` in hand.
    fn sleep(&mut self, held: Vec<Action>) {
        self.asleep = self.server.take().map(|server| Server { held, ..server });
        self.start_server();
    }

    /// Puts the server to sleep and starts another; whether there was one.
    pub fn pause_server(&mut self) -> bool {
        let was_there = self.server.is_some() && self.asleep.is_none();
        if was_there {
            self.sleep(Vec::new());
        }
        was_there
    }

    pub fn has_sleeper(&self) -> bool {
        self.asleep.is_some()
    }

    /// The sleeping server does what it had in hand and goes on deciding, until the store tells it that it is over. Gives
    /// how many actions went out, and whether the store fenced it.
    pub fn wake_server(&mut self) -> Option<(usize, bool)> {
        let mut sleeper = self.asleep.take()?;
        let mut late = std::mem::take(&mut sleeper.held);
        let decision = sleeper.engine.decide(self.now);
        let result = self
            .store
            .commit(sleeper.epoch, &decision.changes, CommitFault::None);
        if result.is_ok() || decision.changes.is_empty() {
            late.extend(decision.actions);
        }
        let count = late.len();
        for action in late {
            self.world.perform(sleeper.epoch, action);
        }
        Some((count, result == Err(Rejected::Fenced)))
    }

    pub fn command(&mut self, command: Command) -> Option<Result<(), Refused>> {
        let now = self.now;
        if let Command::Run(request) = &command {
            for (application, spec) in &request.systems {
                for (task, spec) in &spec.tasks {
                    let job = (request.vdc.name.clone(), application.clone(), task.clone());
                    if spec.goal == TaskGoal::Running {
                        self.world.jobs.remove(&job);
                    } else {
                        self.world.jobs.insert(job);
                    }
                }
            }
        }
        self.server
            .as_mut()
            .map(|server| server.engine.command(command, now))
    }

    /// The next moment at which anything is due.
    pub fn next_at(&self) -> Option<Timestamp> {
        let wake = self
            .server
            .as_ref()
            .and_then(|server| server.engine.wake_at());
        let world = self.world.next_at();
        wake.into_iter().chain(world).min()
    }

    /// Goes to the next moment, at most `until`, and lets everything of that moment happen; `None` once `until` is
    /// reached.
    pub fn step(&mut self, until: Timestamp) -> Option<Step> {
        let at = self.next_at().filter(|at| *at <= until);
        let Some(at) = at else {
            self.now = self.now.max(until);
            self.world.now = self.now;
            return None;
        };
        self.now = self.now.max(at);
        let epoch = self.server.as_ref().map(|server| server.epoch);
        let events = self.world.advance(self.now, epoch);
        let mut step = Step {
            events: events.len(),
            ..Step::default()
        };
        let observed =
            |event: &smack_model::Event| matches!(event, smack_model::Event::Observed { .. });
        step.moved = events.iter().any(|event| !observed(event));
        let Some(server) = &mut self.server else {
            return Some(step);
        };
        for event in events {
            if let Some(log) = &mut self.log {
                log.push(format!("{} <- {event:?}", self.now.0));
            }
            server.engine.record(event, self.now);
        }
        self.settle(&mut step);
        Some(step)
    }

    /// Decides, saves and performs what came of a command without letting time pass.
    pub fn decide(&mut self) -> Step {
        let mut step = Step::default();
        self.settle(&mut step);
        step
    }

    fn settle(&mut self, step: &mut Step) {
        let Some(server) = &mut self.server else {
            return;
        };
        let decision = server.engine.decide(self.now);
        self.decisions += 1;
        if let Some(at) = server.engine.wake_at() {
            assert!(
                at > self.now,
                "a wake-up must lie ahead, or the loop would spin"
            );
        }
        let question = |action: &Action| matches!(action, Action::Question(_));
        step.moved |= !decision.changes.is_empty() || !decision.actions.iter().all(question);
        let epoch = server.epoch;
        let mut fault = Fault::default();
        if !decision.changes.is_empty() {
            self.commits += 1;
            fault = self.planned.pop_front().unwrap_or_default();
        }
        if let Some(log) = &mut self.log {
            let changes = decision
                .changes
                .iter()
                .map(|change| format!("{} == {change:?}", self.now.0));
            log.extend(changes);
            log.push(format!("{} == epoch {}, {fault:?}", self.now.0, epoch.0));
            log.extend(
                decision
                    .actions
                    .iter()
                    .map(|action| format!("{} -> {action:?}", self.now.0)),
            );
        }
        if fault.crash == Some(Crash::BeforeCommit) {
            self.crash();
            return self.start_server();
        }
        match self.store.commit(epoch, &decision.changes, fault.commit) {
            Ok(()) => {}
            Err(Rejected::Fenced) => return self.crash(),
            // As a server does: the draft is worth nothing, it is loaded again under the same epoch.
            Err(Rejected::Failed) => return self.load(epoch),
        }
        step.changes = decision.changes;
        self.journal.extend(decision.notes);
        match fault.crash {
            None | Some(Crash::BeforeCommit) => {
                for action in &decision.actions {
                    self.world.perform(epoch, action.clone());
                }
                step.actions = decision.actions;
            }
            Some(Crash::AfterActions(count)) => {
                for action in decision.actions.into_iter().take(count) {
                    self.world.perform(epoch, action.clone());
                    step.actions.push(action);
                }
                self.crash();
                self.start_server();
            }
            Some(Crash::Asleep) => self.sleep(decision.actions),
        }
    }

    /// Steps until nothing but questions has moved for `quiet`, at most for `limit`. Gives whether it became quiet.
    pub fn run_until_quiet(&mut self, quiet: Span, limit: Span) -> bool {
        let end = self.now + limit;
        let mut moved_at = self.now;
        while self.now < end {
            let until = end.min(moved_at + quiet);
            match self.step(until) {
                Some(step) if step.moved || self.world.is_moving() => moved_at = self.now,
                Some(_) => {}
                None if self.now >= moved_at + quiet => return true,
                None => {}
            }
            if self.now >= moved_at + quiet {
                return true;
            }
        }
        false
    }
}
