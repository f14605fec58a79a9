//! Takes over what runs, follows it to its end, and sends shims after those that were killed.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use smack_model::{End, Isolation, Refusal, TaskId};

use super::agent::{Agent, event};
use super::attempts::{Attempt, Attempts, Shim, State};
use super::process::{self, Process};
use super::sandbox::{self, Sight, now};

/// How often a shim is sent to take over before the task is watched without one.
const ATTACHED_MAX: u32 = 3;

impl Agent {
    /// Looks at the sandbox and takes over what is there; `false`: nothing is.
    pub(crate) fn adopt(&self, attempts: &mut Attempts, id: &TaskId) -> bool {
        let sandbox = self.home.sandbox(id);
        let sight = sandbox::look(&sandbox, &self.boot_id);
        if sight == Sight::Absent {
            return false;
        }
        let fresh = || Attempt::new(None, State::Claiming);
        let attempt = attempts.all.entry(id.clone()).or_insert_with(fresh);
        if matches!(sight, Sight::Watched { .. } | Sight::Orphan { .. }) {
            self.route(id, &sandbox);
        }
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

    /// Where it is reached, if that is inside a network.
    fn route(&self, id: &TaskId, sandbox: &Path) {
        if let Ok(record) = sandbox::record(sandbox)
            && record.isolation != Isolation::Open
            && let Some(address) = &record.address
        {
            self.networks.routes.set(address, Some(&id.system.vdc()));
        }
    }

    /// Sends a shim to take over; if none can, the task's own process is watched.
    fn attach(&self, attempts: &mut Attempts, id: &TaskId, sandbox: &Path, task: Process) {
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

    pub(crate) fn spawn_shim(&self, arguments: &[&Path]) -> io::Result<OwnedFd> {
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

    pub(crate) fn watch_shim(&self, attempts: &mut Attempts, id: &TaskId, descriptor: OwnedFd) {
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
}

/// Puts an end on record that no shim has seen.
fn ended_unseen(sandbox: &Path, kind: &str, end: End) -> State {
    let at = now();
    if let Err(error) = sandbox::write_end(sandbox, kind, at) {
        tracing::debug!(sandbox = %sandbox.display(), %error, "its end could not be written");
    }
    State::Ended { end, at }
}
