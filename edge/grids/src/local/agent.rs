//! The agent: takes actions on, knows what became of every attempt and tells it. What it knows it has read from the
//! sandboxes, so that two agents on one home, an old one and its successor, agree.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use smack_model::{Action, End, Epoch, Event, LaunchOrder, NodeId, Refusal, TaskId, Timestamp};

use super::attempts::{Attempt, Attempts, State};
use super::home::Home;
use super::lanes::Lane;
use super::process::boot_id;
use super::sandbox::{self, now};
use super::vdc::Networks;
use super::watch::Watch;
use super::{Error, Options};

pub(crate) struct Agent {
    pub(crate) home: Home,
    pub(crate) options: Options,
    pub(crate) boot_id: String,
    pub(crate) attempts: Mutex<Attempts>,
    pub(crate) watch: Watch,
    pub(crate) closed: AtomicBool,
    quick: Lane,
    pub(crate) slow: Lane,
    pub(crate) shim: PathBuf,
    pub(crate) networks: Networks,
}

/// Takes the action on.
pub(crate) fn perform(agent: &Arc<Agent>, epoch: Epoch, action: &Action) {
    let this = Arc::clone(agent);
    match action {
        Action::Launch(order) => agent.take_on(this, epoch, order),
        Action::Stop {
            id,
            node,
            signal,
            grace,
        } => {
            let (id, node, signal, grace) = (id.clone(), node.clone(), *signal, *grace);
            agent
                .quick
                .push(move || this.stop(epoch, &id, node, signal, grace));
        }
        Action::Ask(id) => {
            let id = id.clone();
            agent.quick.push(move || this.answer(id.as_ref()));
        }
        Action::Release(volume) => {
            let volume = volume.clone();
            agent.slow.push(move || this.release(epoch, &volume));
        }
        Action::Forget(system) => {
            let system = system.clone();
            agent.slow.push(move || this.forget(epoch, &system));
        }
        Action::Operate(_)
        | Action::Supply(_)
        | Action::Probe(_)
        | Action::ProbeEnd(_)
        | Action::Question(_) => {}
        Action::Network(order) => Agent::order_network(agent, epoch, order),
        Action::NetworkEnd(vdc) => Agent::end_network(agent, epoch, vdc),
    }
}

impl Agent {
    /// Takes stock of the home and tells it.
    pub(crate) fn open(options: Options) -> Result<Arc<Self>, Error> {
        let home = Home::open(&options.home)?;
        let processors = std::thread::available_parallelism().map_or(2, usize::from);
        let agent = Arc::new(Self {
            boot_id: options.boot_id.clone().unwrap_or_else(boot_id),
            shim: home.shim(),
            networks: Networks::new(&home),
            home,
            options,
            attempts: Mutex::default(),
            watch: Watch::new().map_err(Error::Watch)?,
            closed: AtomicBool::new(false),
            quick: Lane::new("grid-work", processors.clamp(2, 4)),
            slow: Lane::new("grid-fetch", 8),
        });
        // Before looking: from here on no shim of an earlier server can claim.
        agent.home.clear_staging();
        (agent.options.events)(Event::Nodes(agent.options.nodes.clone()));
        agent.answer(None);
        Self::adopt_networks(&agent);
        let this = Arc::clone(&agent);
        agent.slow.push(move || this.clean());
        Ok(agent)
    }

    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.quick.close();
        self.slow.close();
        self.networks.close();
        self.watch.wake();
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Attempts> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the world; the lock is held so that events have the order of what they tell.
    pub(crate) fn tell(&self, _attempts: &Attempts, event: Event) {
        (self.options.events)(event);
    }

    fn take_on(&self, this: Arc<Self>, epoch: Epoch, order: &LaunchOrder) {
        let id = order.id.clone();
        let mut attempts = self.lock();
        if attempts.all.contains_key(&id) {
            drop(attempts);
            self.quick.push(move || this.repeat(&id));
            return;
        }
        let attempt = Attempt::new(order.node.clone(), State::Preparing);
        attempts.all.insert(id, attempt);
        drop(attempts);
        let launch = &order.launch;
        let may_fetch =
            !launch.urls.is_empty() || !launch.artifacts.is_empty() || launch.java.is_some();
        let lane = if may_fetch { &self.slow } else { &self.quick };
        let order = order.clone();
        lane.push(move || this.launch(epoch, &order));
    }

    /// Tells again what is known, to a server that asks again.
    pub(crate) fn repeat(&self, id: &TaskId) {
        let mut attempts = self.lock();
        self.refresh(&mut attempts, id);
        self.repeat_held(&attempts, id);
    }

    /// Looks whether the program runs by now, should no watch have told.
    pub(crate) fn refresh(&self, attempts: &mut Attempts, id: &TaskId) {
        if let Some(attempt) = attempts.all.get_mut(id)
            && attempt.state == State::Claiming
            && let Some(task) = sandbox::task(&self.home.sandbox(id))
        {
            attempt.state = State::Running { pid: task.pid };
        }
    }

    /// Whether the server may act; if not, the refusal to tell.
    pub(crate) fn fence(&self, epoch: Epoch) -> Result<(), Refusal> {
        match self.home.fence(epoch) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(theirs)) => Err(Refusal::StaleEpoch {
                ours: epoch,
                theirs,
            }),
            Err(error) => Err(unable("the epoch could not be kept", &error)),
        }
    }

    /// Says no, and makes sure that the same attempt is never tried again.
    pub(crate) fn refuse(&self, attempts: &mut Attempts, id: &TaskId, refusal: Refusal) {
        let node = attempts
            .all
            .get(id)
            .and_then(|attempt| attempt.node.clone());
        match self.burn(id, node.clone(), &refusal) {
            Ok(true) => {}
            // Another server was first: what it made counts.
            Ok(false) if self.adopt(attempts, id) => {
                self.repeat_held(attempts, id);
                return;
            }
            Ok(false) => {}
            Err(error) => tracing::warn!(task = %id, %error, "no tombstone could be left"),
        }
        self.conclude(attempts, id, node, refusal);
    }

    pub(crate) fn conclude(
        &self,
        attempts: &mut Attempts,
        id: &TaskId,
        node: Option<NodeId>,
        refusal: Refusal,
    ) {
        let fresh = || Attempt::new(node, State::Preparing);
        let attempt = attempts.all.entry(id.clone()).or_insert_with(fresh);
        attempt.state = State::Ended {
            end: End::Refused(refusal),
            at: now(),
        };
        self.repeat_held(attempts, id);
    }

    pub(crate) fn repeat_held(&self, attempts: &Attempts, id: &TaskId) {
        if let Some(attempt) = attempts.all.get(id) {
            self.tell(attempts, event(id, &attempt.state));
        }
    }
}

pub(crate) fn unable(what: &str, error: &io::Error) -> Refusal {
    Refusal::Other {
        reason: format!("{what}: {}", sandbox::reason(error)),
    }
}

/// The state as the world is told of it.
pub(crate) fn event(id: &TaskId, state: &State) -> Event {
    let id = id.clone();
    match state {
        State::Preparing | State::Claiming => Event::Starting(id),
        State::Running { pid } => Event::Running { id, pid: *pid },
        State::Ended {
            end: End::Refused(refusal),
            ..
        } => Event::Refused {
            id,
            refusal: refusal.clone(),
        },
        State::Ended { end, at } => Event::Ended {
            id,
            end: end.clone(),
            at: Timestamp(at.0),
        },
    }
}
