//! The agent: takes actions on, knows what became of every attempt and tells it. What it knows it has read from the
//! sandboxes, so that two agents on one home, an old one and its successor, agree.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use smack_model::{
    Action, End, Epoch, Event, LaunchOrder, NodeId, Refusal, SystemId, TaskId, Timestamp, VolumeId,
};

use super::attempts::{Attempt, Attempts, Shim, State};
use super::home::Home;
use super::lanes::Lane;
use super::process::{self, boot_id};
use super::sandbox::{self, Sight, now};
use super::watch::Watch;
use super::{Error, Options};

/// How often a shim is sent to take over before the task is watched without one.
const ATTACHED_MAX: u32 = 3;
/// So many attempts at a task are kept for their logs.
const KEPT_MAX: usize = 3;

pub(crate) struct Agent {
    pub(crate) home: Home,
    pub(crate) options: Options,
    pub(crate) boot_id: String,
    pub(crate) attempts: Mutex<Attempts>,
    pub(crate) watch: Watch,
    pub(crate) closed: AtomicBool,
    quick: Lane,
    slow: Lane,
    shim: PathBuf,
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
        let this = Arc::clone(&agent);
        agent.slow.push(move || this.clean());
        Ok(agent)
    }

    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.quick.close();
        self.slow.close();
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

    /// Looks at the sandbox and takes over what is there; `false`: nothing is.
    pub(crate) fn adopt(&self, attempts: &mut Attempts, id: &TaskId) -> bool {
        let sandbox = self.home.sandbox(id);
        let sight = sandbox::look(&sandbox, &self.boot_id);
        if sight == Sight::Absent {
            return false;
        }
        let fresh = || Attempt::new(None, State::Claiming);
        let attempt = attempts.all.entry(id.clone()).or_insert_with(fresh);
        match sight {
            Sight::Absent => {}
            Sight::Ended { node, end, at } => {
                attempt.node = node;
                attempt.state = State::Ended { end, at };
            }
            Sight::Vanished { node } => {
                attempt.node = node;
                attempt.state = ended_unseen(&sandbox, "vanished", End::Vanished);
            }
            Sight::Reboot { node } => {
                attempt.node = node;
                attempt.state = ended_unseen(&sandbox, "reboot", End::Reboot);
            }
            Sight::Watched { node, shim, task } => {
                attempt.node = node;
                attempt.state = match task {
                    Some(task) => State::Running { pid: task.pid },
                    None => State::Claiming,
                };
                match shim.open() {
                    Ok(Some(descriptor)) => self.watch_shim(attempts, id, descriptor),
                    // It ended in between: what it left is looked at again.
                    Ok(None) => return self.adopt(attempts, id),
                    Err(error) => {
                        tracing::error!(task = %id, %error, "its end will not be seen");
                    }
                }
                if task.is_none() {
                    self.watch_start(attempts, id, &sandbox);
                }
            }
            Sight::Orphan { node, task } => {
                attempt.node = node;
                attempt.state = State::Running { pid: task.pid };
                self.attach(attempts, id, &sandbox, task);
            }
        }
        true
    }

    /// Sends a shim to take over; if none can, the task's own process is watched.
    fn attach(&self, attempts: &mut Attempts, id: &TaskId, sandbox: &Path, task: process::Process) {
        let tries = attempts.all.get_mut(id).map_or(0, |attempt| {
            attempt.attached += 1;
            attempt.attached
        });
        let spawned = if tries > ATTACHED_MAX {
            Err(io::Error::other("every shim sent before has ended"))
        } else {
            self.spawn_shim(&[Path::new("attach"), sandbox])
        };
        let descriptor = spawned.or_else(|error| {
            tracing::warn!(task = %id, %error, "no shim could take over; its exit code and logs are not kept");
            task.open().ok().flatten().ok_or(error)
        });
        match descriptor {
            Ok(descriptor) => self.watch_shim(attempts, id, descriptor),
            Err(_) => {
                if let Some(attempt) = attempts.all.get_mut(id) {
                    attempt.state = ended_unseen(sandbox, "vanished", End::Vanished);
                }
            }
        }
    }

    pub(crate) fn spawn_shim(&self, arguments: &[&Path]) -> io::Result<std::os::fd::OwnedFd> {
        let child = Command::new(&self.shim)
            .args(arguments)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        // Nobody else takes note of this child's end, so the number is still its own.
        process::descriptor(child.id())
    }

    pub(crate) fn watch_shim(
        &self,
        attempts: &mut Attempts,
        id: &TaskId,
        descriptor: std::os::fd::OwnedFd,
    ) {
        attempts.last_token += 1;
        let token = attempts.last_token;
        let Some(attempt) = attempts.all.get_mut(id) else {
            return;
        };
        if let Err(error) = self.watch.add_process(&descriptor, token) {
            tracing::error!(task = %id, %error, "its end will not be seen");
        }
        let before = attempt.shim.replace(Shim { descriptor, token });
        attempts.tokens.insert(token, id.clone());
        if let Some(before) = before {
            attempts.tokens.remove(&before.token);
        }
    }

    /// Watches for the moment in which the program runs, which may have come already.
    fn watch_start(&self, attempts: &mut Attempts, id: &TaskId, sandbox: &Path) {
        match self.watch.add_directory(&sandbox.join(".smack")) {
            Ok(watch) => self.set_watch(attempts, id, watch),
            Err(error) => tracing::warn!(task = %id, %error, "its start will not be seen"),
        }
        if let (Some(task), Some(attempt)) = (sandbox::task(sandbox), attempts.all.get_mut(id)) {
            attempt.state = State::Running { pid: task.pid };
        }
    }

    pub(crate) fn set_watch(&self, attempts: &mut Attempts, id: &TaskId, watch: i32) {
        if let Some(attempt) = attempts.all.get_mut(id) {
            attempt.watch = Some(watch);
            attempts.watches.insert(watch, id.clone());
        }
    }

    /// A watch says that a program runs; without one, any may.
    pub(crate) fn started(&self, watch: Option<i32>) {
        let mut attempts = self.lock();
        let watches: Vec<i32> = match watch {
            Some(watch) => vec![watch],
            None => attempts.watches.keys().copied().collect(),
        };
        for watch in watches {
            let Some(id) = attempts.watches.get(&watch).cloned() else {
                continue;
            };
            let Some(task) = sandbox::task(&self.home.sandbox(&id)) else {
                continue;
            };
            attempts.watches.remove(&watch);
            self.watch.remove_directory(watch);
            let Some(attempt) = attempts.all.get_mut(&id) else {
                continue;
            };
            attempt.watch = None;
            if matches!(attempt.state, State::Preparing | State::Claiming) {
                attempt.state = State::Running { pid: task.pid };
                self.repeat_held(&attempts, &id);
            }
        }
    }

    /// A shim has ended: looks at what it left.
    pub(crate) fn shim_ended(&self, token: u64) {
        let mut attempts = self.lock();
        let Some(id) = attempts.tokens.remove(&token) else {
            return;
        };
        let Some(attempt) = attempts.all.get_mut(&id) else {
            return;
        };
        if let Some(shim) = attempt.shim.take() {
            self.watch.remove_process(&shim.descriptor);
            process::reap(&shim.descriptor);
        }
        let watch = attempt.watch.take();
        let staging = attempt.staging.take();
        let before = attempt.state.clone();
        if let Some(watch) = watch {
            attempts.watches.remove(&watch);
            self.watch.remove_directory(watch);
        }
        if matches!(before, State::Ended { .. }) {
            self.drop_staging(staging);
            return;
        }
        if self.adopt(&mut attempts, &id) {
            self.drop_staging(staging);
        } else {
            let told = staging.as_deref().and_then(sandbox::failure);
            let reason = told.unwrap_or_else(|| "its sandbox could not be claimed".to_owned());
            self.drop_staging(staging);
            self.refuse(&mut attempts, &id, Refusal::Other { reason });
            return;
        }
        let after = attempts.all.get(&id).map(|attempt| attempt.state.clone());
        if let Some(after) = after.filter(|after| *after != before) {
            self.tell(&attempts, event(&id, &after));
        }
    }

    fn drop_staging(&self, staging: Option<PathBuf>) {
        if let Some(staging) = staging.filter(|staging| staging.exists()) {
            drop(self.home.remove(&staging));
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

    /// Deletes the volume and says so; what cannot be deleted is tried again when it is asked again.
    fn release(&self, epoch: Epoch, volume: &VolumeId) {
        if let Err(refusal) = self.fence(epoch) {
            tracing::warn!(%volume, %refusal, "not released");
            return;
        }
        let node = self.home.volume_node(volume);
        let gone = self
            .home
            .remove(&self.home.volume(volume))
            .and_then(|()| self.home.discard_file(&node));
        match gone {
            Ok(()) => self.tell(&self.lock(), Event::VolumeReleased(volume.clone())),
            Err(error) => tracing::warn!(%volume, %error, "not released"),
        }
    }

    /// Removes all attempts of a system that has ended; its volumes have been released or are kept.
    fn forget(&self, epoch: Epoch, system: &SystemId) {
        if let Err(refusal) = self.fence(epoch) {
            tracing::warn!(%system, %refusal, "not forgotten");
            return;
        }
        let mut attempts = self.lock();
        self.adopt_unknown(&mut attempts);
        let ids = attempts.of_system(system);
        if let Some(id) = ids.iter().find(|id| !attempts.is_ended(id)) {
            tracing::warn!(%system, task = %id, "not forgotten: it has not ended");
            return;
        }
        let forgotten = self.home.set_ended(system).and_then(|()| {
            let mut sandboxes = ids.iter().map(|id| self.home.sandbox(id));
            sandboxes.try_for_each(|sandbox| self.home.discard(&sandbox).map(drop))
        });
        if let Err(error) = forgotten {
            tracing::warn!(%system, %error, "not forgotten");
            return;
        }
        for id in &ids {
            attempts.remove(id);
        }
        self.tell(&attempts, Event::Forgotten(system.clone()));
        drop(attempts);
        self.clean();
    }

    /// Removes the attempts that are too old to be of interest; the newest one of a task always stays, for it says
    /// that those before are over.
    pub(crate) fn retire(self: Arc<Self>, id: &TaskId) {
        if id.attempt as usize <= KEPT_MAX {
            return;
        }
        let id = id.clone();
        self.slow.clone().push(move || {
            let mut attempts = self.lock();
            let newest_first = attempts.of_task(&id).rev().skip(KEPT_MAX);
            let old: Vec<TaskId> = newest_first
                .filter(|(_, attempt)| attempt.is_ended())
                .map(|(id, _)| id.clone())
                .collect();
            for id in &old {
                if self.home.discard(&self.home.sandbox(id)).is_ok() {
                    attempts.remove(id);
                }
            }
            drop(attempts);
            self.clean();
        });
    }

    fn clean(&self) {
        if let Err(error) = self.home.empty_trash() {
            tracing::warn!(%error, "trash could not be removed");
        }
    }
}

/// Puts an end on record that no shim has seen.
fn ended_unseen(sandbox: &Path, kind: &str, end: End) -> State {
    let at = now();
    if let Err(error) = sandbox::write_end(sandbox, kind, at) {
        tracing::debug!(sandbox = %sandbox.display(), %error, "its end could not be written");
    }
    State::Ended { end, at }
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
