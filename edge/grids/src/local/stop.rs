//! Stops attempts. The wish is a file in the sandbox and the shim carries it out, so that it is done even if the server
//! dies in between; an attempt that nobody has seen is burned.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

use rustix::process::{Signal, pidfd_send_signal};
use smack_model::{Epoch, NodeId, Refusal, Span, TaskId};

use super::agent::{Agent, unable};
use super::attempts::{Attempts, State};
use super::sandbox::{self, Tombstone, now};

impl Agent {
    pub(crate) fn stop(
        &self,
        epoch: Epoch,
        id: &TaskId,
        node: Option<NodeId>,
        signal: i32,
        grace: Span,
    ) {
        match self.fence(epoch) {
            Err(refusal @ Refusal::StaleEpoch { .. }) => {
                tracing::warn!(task = %id, %refusal, "not stopped");
                return;
            }
            // A full disk, for instance: stopping does no harm.
            Err(refusal) => tracing::warn!(%refusal, "stopping all the same"),
            Ok(()) => {}
        }
        let mut attempts = self.lock();
        let state = attempts.all.get(id).map(|attempt| attempt.state.clone());
        match state {
            Some(State::Ended { .. }) => self.repeat_held(&attempts, id),
            Some(State::Running { .. }) => self.ask_shim(&mut attempts, id, signal, grace),
            // Whoever comes first, the tombstone or the shim, has the sandbox.
            None | Some(State::Preparing | State::Claiming) => {
                match self.burn(id, node.clone(), &Refusal::Burned) {
                    Ok(true) => self.conclude(&mut attempts, id, node, Refusal::Burned),
                    Ok(false) => {
                        self.adopt(&mut attempts, id);
                        if attempts.is_ended(id) {
                            self.repeat_held(&attempts, id);
                        } else {
                            self.ask_shim(&mut attempts, id, signal, grace);
                        }
                    }
                    Err(error) => {
                        tracing::warn!(task = %id, %error, "no tombstone could be left; the stop must be asked again");
                    }
                }
            }
        }
    }

    /// `false`: something is there already.
    pub(crate) fn burn(
        &self,
        id: &TaskId,
        node: Option<NodeId>,
        refusal: &Refusal,
    ) -> io::Result<bool> {
        let stone = Tombstone {
            node,
            refusal: refusal.clone(),
            at: now(),
        };
        self.home.burn(id, &stone)
    }

    fn ask_shim(&self, attempts: &mut Attempts, id: &TaskId, signal: i32, grace: Span) {
        let sandbox = self.home.sandbox(id);
        if let Err(error) = write_wish(&sandbox, signal, grace) {
            let reason = unable("the wish to stop could not be written", &error);
            tracing::warn!(task = %id, %reason, "not stopped");
            return;
        }
        let known = attempts
            .all
            .get(id)
            .and_then(|attempt| attempt.shim.as_ref());
        // Just being started by another thread: it reads the wish once its program runs, or is found in its file.
        let found = match known {
            Some(_) => None,
            None => sandbox::shim(&sandbox).and_then(|shim| shim.open().ok().flatten()),
        };
        let descriptor = known.map(|shim| &shim.descriptor).or(found.as_ref());
        if let Some(descriptor) = descriptor
            && let Err(error) = pidfd_send_signal(descriptor, Signal::USR1)
        {
            tracing::debug!(task = %id, %error, "its shim has just ended");
        }
    }
}

/// As a link to nowhere: that takes no space, which a full disk would not have.
fn write_wish(sandbox: &Path, signal: i32, grace: Span) -> io::Result<()> {
    let new = sandbox.join(".smack/stop.new");
    match symlink(format!("{signal} {}", grace.0), &new) {
        // An earlier server did not finish.
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    fs::rename(new, sandbox.join(".smack/stop"))
}
