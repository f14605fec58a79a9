//! The loop: one plain thread, the only writer of the store. Takes what happened, has core decide, saves, then acts.
//! On any doubt it drops its draft and loads again.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use smack_grids::Grid;
use smack_model::{Action, Event, Node};
use smack_scheduler::{Command, Decision, Engine, Image, Refused, View};
use smack_store::{Commit, CommitError, NewEntry, Store, Write};
use tokio::sync::{mpsc::UnboundedSender, oneshot, watch};

use crate::supplier::Supplier;
use crate::{clock, key};

/// What reaches the loop.
pub(crate) enum Input {
    Event(Event),
    /// A command, with rows of others to be saved in the same transaction.
    Command {
        command: Command,
        writes: Vec<Write>,
        reply: oneshot::Sender<Result<(), Failure>>,
    },
    /// Rows of the library.
    Write {
        writes: Vec<Write>,
        reply: oneshot::Sender<Result<(), Failure>>,
    },
    /// Something to look up in the draft.
    Look(Box<dyn FnOnce(&Engine) + Send>),
    Stop,
}

/// Why a command did not take effect.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error("nothing was changed: {0}")]
    Halted(String),
}

/// What everybody else may see of the loop.
#[derive(Debug, Clone, Default)]
pub(crate) struct Published {
    pub(crate) view: Arc<View>,
    /// The view shows what is there: the grid has told its inventory.
    pub(crate) is_settled: bool,
    /// Why no decisions are taken at the moment.
    pub(crate) halted: Option<String>,
}

/// Why the loop ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("this server was replaced by a newer one")]
    Fenced,
    #[error(transparent)]
    BadRow(#[from] key::BadRow),
    #[error("the store cannot be read: {0}")]
    Store(#[from] smack_store::Unavailable),
}

/// At most so much is taken in before a decision.
const BATCH: usize = 2_000;
const BATCH_FOR: Duration = Duration::from_millis(2);
/// Between attempts to save while the store is unavailable.
const HALTED_FOR: Duration = Duration::from_secs(1);
/// The journal keeps so many entries; looked at every so many decisions.
const JOURNAL_KEPT: usize = 100_000;
const PRUNE_EVERY: u64 = 4_096;

pub(crate) struct Decider {
    store: Store,
    epoch: smack_store::Epoch,
    engine: Engine,
    nodes: Vec<Node>,
    grid: Arc<dyn Grid>,
    supplier: Arc<Supplier>,
    probes: UnboundedSender<Action>,
    published: watch::Sender<Published>,
    turn: u64,
}

type Reply = (oneshot::Sender<Result<(), Failure>>, Result<(), Failure>);

impl Decider {
    pub(crate) fn new(
        mut store: Store,
        nodes: Vec<Node>,
        grid: Arc<dyn Grid>,
        supplier: Arc<Supplier>,
        probes: UnboundedSender<Action>,
        published: watch::Sender<Published>,
    ) -> Result<Self, Error> {
        let epoch = store.take_epoch()?;
        let engine = load(&store, epoch)?;
        Ok(Self {
            store,
            epoch,
            engine,
            nodes,
            grid,
            supplier,
            probes,
            published,
            turn: 0,
        })
    }

    pub(crate) fn epoch(&self) -> smack_store::Epoch {
        self.epoch
    }

    /// Runs until it is told to stop or a newer server has taken the store.
    pub(crate) fn run(mut self, inputs: &Receiver<Input>) -> Result<(), Error> {
        self.engine
            .record(Event::Nodes(self.nodes.clone()), clock::now());
        loop {
            let mut replies: Vec<Reply> = Vec::new();
            let mut writes: Vec<Write> = Vec::new();
            let wait = self
                .engine
                .wake_at()
                .map(|at| Duration::from_millis(at.since(clock::now()).0));
            let first = match wait {
                Some(wait) => match inputs.recv_timeout(wait) {
                    Ok(input) => Some(input),
                    Err(RecvTimeoutError::Timeout) => None,
                    Err(RecvTimeoutError::Disconnected) => return Ok(()),
                },
                None => match inputs.recv() {
                    Ok(input) => Some(input),
                    Err(_) => return Ok(()),
                },
            };
            let mut stop = false;
            let began = Instant::now();
            let mut next = first;
            let mut taken = 0;
            while let Some(input) = next {
                stop |= self.take(input, &mut writes, &mut replies);
                taken += 1;
                let full = taken >= BATCH || began.elapsed() >= BATCH_FOR;
                next = if full { None } else { inputs.try_recv().ok() };
            }
            stop |= self.turn(writes, replies, inputs)?;
            if stop {
                return Ok(());
            }
        }
    }

    /// Takes one input into the draft; whether it is the last.
    fn take(&mut self, input: Input, writes: &mut Vec<Write>, replies: &mut Vec<Reply>) -> bool {
        match input {
            Input::Event(Event::Nodes(nodes)) => {
                self.nodes.clone_from(&nodes);
                self.engine.record(Event::Nodes(nodes), clock::now());
            }
            Input::Event(event) => self.engine.record(event, clock::now()),
            Input::Command {
                command,
                writes: more,
                reply,
            } => {
                let result = self.engine.command(command, clock::now());
                if result.is_ok() {
                    writes.extend(more);
                }
                replies.push((reply, result.map_err(Failure::Refused)));
            }
            Input::Write {
                writes: more,
                reply,
            } => {
                writes.extend(more);
                replies.push((reply, Ok(())));
            }
            Input::Look(look) => look(&self.engine),
            Input::Stop => return true,
        }
        false
    }

    /// Decides, saves, acts, publishes: in this order. Whether it was told to stop meanwhile.
    fn turn(
        &mut self,
        writes: Vec<Write>,
        replies: Vec<Reply>,
        inputs: &Receiver<Input>,
    ) -> Result<bool, Error> {
        let decision = self.engine.decide(clock::now());
        match self.save(&decision, writes) {
            Ok(()) => {
                // Published first, so that who is answered finds what he asked for.
                self.publish(None);
                for (reply, result) in replies {
                    drop(reply.send(result));
                }
                for action in &decision.actions {
                    self.perform(action);
                }
                self.prune();
                Ok(false)
            }
            Err(CommitError::Fenced { .. }) => Err(Error::Fenced),
            Err(error) => self.start_over(&error, replies, inputs),
        }
    }

    fn save(&mut self, decision: &Decision, writes: Vec<Write>) -> Result<(), CommitError> {
        let commit = commit(decision, writes);
        if commit.is_empty() {
            return Ok(());
        }
        self.store.commit(self.epoch, &commit).map(|_| ())
    }

    fn perform(&self, action: &Action) {
        match action {
            Action::Launch(_)
            | Action::Stop { .. }
            | Action::Ask(_)
            | Action::Release(_)
            | Action::Forget(_)
            | Action::Network(_)
            | Action::NetworkEnd(_) => self.grid.perform(self.engine.epoch(), action),
            Action::Supply(name) => self.supplier.supply(name),
            // The receiver ends only with the server.
            Action::Probe(_) | Action::ProbeEnd(_) | Action::Question(_) | Action::Operate(_) => {
                drop(self.probes.send(action.clone()));
            }
        }
    }

    /// The draft is worth nothing any more: drop it, wait until the store takes writes again, load what it holds.
    /// Meanwhile every command is told why it is not taken, and what happened is kept. Whether it was told to stop.
    fn start_over(
        &mut self,
        error: &CommitError,
        replies: Vec<Reply>,
        inputs: &Receiver<Input>,
    ) -> Result<bool, Error> {
        let reason = error.to_string();
        tracing::error!(
            reason,
            "nothing can be saved, so nothing is decided; running tasks are left alone"
        );
        for (reply, _) in replies {
            drop(reply.send(Err(Failure::Halted(reason.clone()))));
        }
        self.published
            .send_modify(|published| published.halted = Some(reason.clone()));
        let mut kept = Vec::new();
        loop {
            if self.takes_writes(&reason)? {
                break;
            }
            let until = Instant::now() + HALTED_FOR;
            while let Ok(input) =
                inputs.recv_timeout(until.saturating_duration_since(Instant::now()))
            {
                match input {
                    Input::Event(event) => kept.push(event),
                    Input::Command { reply, .. } | Input::Write { reply, .. } => {
                        drop(reply.send(Err(Failure::Halted(reason.clone()))));
                    }
                    Input::Look(look) => look(&self.engine),
                    Input::Stop => return Ok(true),
                }
            }
        }
        self.engine = load(&self.store, self.epoch)?;
        self.engine
            .record(Event::Nodes(self.nodes.clone()), clock::now());
        for event in kept {
            self.engine.record(event, clock::now());
        }
        tracing::info!("the store takes writes again");
        self.publish(None);
        Ok(false)
    }

    /// Shown by a line for the journal that says so.
    fn takes_writes(&mut self, reason: &str) -> Result<bool, Error> {
        let line = NewEntry {
            at_millis: clock::now().0,
            kind: "resumed".to_owned(),
            subject: String::new(),
            body: serde_json::to_string(reason).expect("text becomes JSON"),
        };
        let commit = Commit {
            writes: Vec::new(),
            entries: vec![line],
        };
        match self.store.commit(self.epoch, &commit) {
            Ok(_) => Ok(true),
            Err(CommitError::Fenced { .. }) => Err(Error::Fenced),
            Err(
                CommitError::Conflict { .. }
                | CommitError::Unavailable(_)
                | CommitError::Unknown { .. },
            ) => Ok(false),
        }
    }

    fn publish(&mut self, halted: Option<String>) {
        let view = self.engine.view();
        let is_settled = self.engine.has_inventory();
        let changed = {
            let last = self.published.borrow();
            !Arc::ptr_eq(&last.view, &view)
                || last.halted != halted
                || last.is_settled != is_settled
        };
        // A new draft shows nothing before its first inventory: what was shown last still stands.
        if is_settled && changed {
            self.turn += 1;
            self.published.send_replace(Published {
                view,
                is_settled,
                halted,
            });
        }
    }

    fn prune(&mut self) {
        if self.turn % PRUNE_EVERY == PRUNE_EVERY - 1
            && let Err(error) = self.store.prune_journal(JOURNAL_KEPT)
        {
            tracing::warn!(%error, "the journal was not shortened");
        }
    }
}

/// All that a decision saves, with the rows of others, as one transaction.
pub(crate) fn commit(decision: &Decision, writes: Vec<Write>) -> Commit {
    let mut commit = Commit {
        writes,
        entries: Vec::with_capacity(decision.notes.len()),
    };
    commit
        .writes
        .extend(decision.changes.iter().map(key::write));
    commit
        .entries
        .extend(decision.notes.iter().map(|note| NewEntry {
            at_millis: note.at.0,
            kind: note.kind.clone(),
            subject: note.subject.clone(),
            body: serde_json::to_string(&note.text).expect("text becomes JSON"),
        }));
    commit
}

/// Everything the scheduler remembers.
pub(crate) fn image(store: &Store) -> Result<Image, Error> {
    let (mut image, mut bad) = (Image::default(), Ok(()));
    store.each_row(|row| {
        if bad.is_ok() {
            bad = key::take(&mut image, &row);
        }
    })?;
    bad?;
    Ok(image)
}

fn load(store: &Store, epoch: smack_store::Epoch) -> Result<Engine, Error> {
    Ok(Engine::load(
        image(store)?,
        smack_model::Epoch(epoch.0),
        clock::now(),
    ))
}

#[cfg(test)]
mod tests;
