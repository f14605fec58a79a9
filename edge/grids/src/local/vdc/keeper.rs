//! A holder or a relay: how one is started, found again, watched and ended.

use std::fs;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Signal, pidfd_send_signal};

use super::super::process::{self, Process};
use crate::local::sandbox::reason;

/// How long one may take until it is there, or gone.
const PATIENCE: Duration = Duration::from_secs(5);

/// So many are started, one after the other, if each ends without a word.
const START_MAX: u32 = 5;

/// How long the shim's file may be held open by somebody who is about to run another program.
const BUSY_MAX: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Holder,
    Relay,
}

impl Kind {
    /// Process id and start time.
    pub(crate) fn file(self) -> &'static str {
        match self {
            Self::Holder => "hold.pid",
            Self::Relay => "relay.pid",
        }
    }
}

#[derive(Debug)]
pub(crate) struct Keeper {
    pub(crate) pid: u32,
    pub(crate) descriptor: OwnedFd,
    pub(crate) token: u64,
    pub(crate) since: Instant,
}

/// What one could not do, by the words of its own, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) step: String,
    pub(crate) errno: i32,
}

impl Trouble {
    pub(crate) fn of(step: &str, error: &io::Error) -> Self {
        Self {
            step: step.to_owned(),
            errno: error.raw_os_error().unwrap_or(0),
        }
    }

    /// Reads `<step> <errno>`.
    pub(crate) fn parse(text: &str) -> Self {
        let (step, errno) = text.split_once(' ').unwrap_or(("", "0"));
        Self {
            step: step.to_owned(),
            errno: errno.trim().parse().unwrap_or(0),
        }
    }

    /// It ended before it could say anything.
    fn is_wordless(&self) -> bool {
        self.step.is_empty()
    }

    /// For people: what could not be done, why, and which setting of the machine is likely to be behind it.
    pub(crate) fn text(&self) -> String {
        let error = io::Error::from_raw_os_error(self.errno);
        let why = match self.errno {
            0 => "it did not say why".to_owned(),
            _ if error.kind() == io::ErrorKind::StorageFull => {
                "no more of them may be made".to_owned()
            }
            _ => reason(&error),
        };
        let what = match self.step.as_str() {
            "users" | "groups" | "map" => "a user namespace could not be made",
            "network" => "a network and mounts of its own could not be made",
            "mounts" => "its mounts could not be separated from the machine's",
            "loopback" => "its loopback device could not be started",
            "hosts" => "its names could not be put in the place of /etc/hosts",
            "resolver" => "its file could not be put in the place of /etc/resolv.conf",
            "join" => "the network in which its tasks run could not be joined again",
            "kernel" => "the kernel cannot join a network by process; it is older than 5.8",
            "taken" => "another server's keeper of this network does not let go",
            _ => "the keeper of its network could not be started",
        };
        match setting(&self.step) {
            Some(setting) => format!("{what}: {why} ({setting})"),
            None => format!("{what}: {why}"),
        }
    }
}

/// The setting of the machine that is most likely the reason.
fn setting(step: &str) -> Option<&'static str> {
    if !["users", "groups", "map", "network", "mounts"].contains(&step) {
        return None;
    }
    let is = |name: &str, value: &str| {
        std::fs::read_to_string(Path::new("/proc/sys").join(name))
            .is_ok_and(|text| text.trim() == value)
    };
    if is("user/max_user_namespaces", "0") {
        Some("user.max_user_namespaces is 0")
    } else if is("user/max_net_namespaces", "0") {
        Some("user.max_net_namespaces is 0")
    } else if is("kernel/unprivileged_userns_clone", "0") {
        Some("kernel.unprivileged_userns_clone is 0")
    } else if is("kernel/apparmor_restrict_unprivileged_userns", "1") {
        Some("kernel.apparmor_restrict_unprivileged_userns is 1")
    } else {
        None
    }
}

/// Starts one and waits until it is there. One that ends without a word was ended by somebody: there is another try.
pub(crate) fn start(
    shim: &Path,
    verb: &str,
    directory: &Path,
    input: Option<&OwnedFd>,
) -> Result<(u32, OwnedFd), Trouble> {
    let mut started = start_one(shim, verb, directory, input);
    for _ in 1..START_MAX {
        if !started.as_ref().is_err_and(Trouble::is_wordless) {
            break;
        }
        started = start_one(shim, verb, directory, input);
    }
    started
}

fn start_one(
    shim: &Path,
    verb: &str,
    directory: &Path,
    input: Option<&OwnedFd>,
) -> Result<(u32, OwnedFd), Trouble> {
    let input = input.map(OwnedFd::try_clone).transpose();
    let input = input.map_err(|error| Trouble::of("start", &error))?;
    let mut command = Command::new(shim);
    command
        .arg(verb)
        .arg(directory)
        .env_clear()
        .stdin(input.map_or_else(Stdio::null, Stdio::from))
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let begun = Instant::now();
    let mut child = loop {
        match command.spawn() {
            Ok(child) => break child,
            // A child forked while the shim was written holds it open until it runs its own program.
            Err(error)
                if error.kind() == io::ErrorKind::ExecutableFileBusy
                    && begun.elapsed() < BUSY_MAX =>
            {
                std::thread::sleep(Duration::from_millis(1));
            }
            Err(error) => return Err(Trouble::of("start", &error)),
        }
    };
    let said = child.stdout.take().map(listen).unwrap_or_default();
    if said == "ok" {
        // Nobody else takes note of this child's end, so the number is still its own.
        let descriptor = process::descriptor(child.id());
        return descriptor
            .map(|descriptor| (child.id(), descriptor))
            .map_err(|error| Trouble::of("start", &error));
    }
    drop(child.kill());
    drop(child.wait());
    Err(Trouble::parse(&said))
}

/// All that it says until it closes its output; what comes too late is lost.
fn listen(mut output: ChildStdout) -> String {
    let deadline = Instant::now() + PATIENCE;
    let mut said = Vec::new();
    let mut bytes = [0; 256];
    while is_ready(&output, deadline.saturating_duration_since(Instant::now())) {
        match output.read(&mut bytes) {
            Ok(0) => return String::from_utf8_lossy(&said).into_owned(),
            Ok(count) => said.extend_from_slice(&bytes[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    "start 0".to_owned()
}

/// Finds the one that an earlier server has started.
pub(crate) fn find(directory: &Path, kind: Kind) -> Option<(u32, OwnedFd)> {
    let text = fs::read_to_string(directory.join(kind.file())).ok()?;
    let process = Process::parse(&text)?;
    let descriptor = process.open().ok().flatten()?;
    Some((process.pid, descriptor))
}

/// Whether the process has ended, or does within this time.
pub(crate) fn is_gone(descriptor: &OwnedFd, within: Duration) -> bool {
    is_ready(descriptor, within)
}

/// Ends the process and waits until it is gone.
pub(crate) fn kill(descriptor: &OwnedFd) {
    // It may have ended already.
    let _ = pidfd_send_signal(descriptor, Signal::KILL);
    if !is_gone(descriptor, PATIENCE) {
        tracing::warn!("a network's keeper does not end although it was killed");
    }
    process::reap(descriptor);
}

fn is_ready(descriptor: &impl std::os::fd::AsFd, within: Duration) -> bool {
    let timeout = Timespec::try_from(within).unwrap_or(Timespec {
        tv_sec: 1,
        tv_nsec: 0,
    });
    let mut all = [PollFd::new(descriptor, PollFlags::IN)];
    loop {
        match poll(&mut all, Some(&timeout)) {
            Err(rustix::io::Errno::INTR) => {}
            other => return other.is_ok_and(|count| count > 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// Dies by a signal as often as the directory's file `deaths` has lines.
    const MORTAL: &str = "#!/bin/sh
cd \"$2\"
if [ -s deaths ]; then sed -i 1d deaths; kill -KILL $$; fi
printf ok
exec >/dev/null sleep 100
";

    #[test]
    fn who_is_killed_at_its_start_is_started_again() {
        for (deaths, is_started) in [(0, true), (1, true), (4, true), (5, false), (9, false)] {
            let directory = tempfile::tempdir().unwrap();
            let shim = directory.path().join("shim");
            fs::write(&shim, MORTAL).unwrap();
            fs::set_permissions(&shim, fs::Permissions::from_mode(0o700)).unwrap();
            fs::write(directory.path().join("deaths"), "x\n".repeat(deaths)).unwrap();
            match start(&shim, "relay", directory.path(), None) {
                Ok((_, descriptor)) => {
                    kill(&descriptor);
                    assert!(is_started, "{deaths}");
                }
                Err(trouble) => {
                    assert!(!is_started, "{deaths}: {}", trouble.text());
                    assert!(trouble.text().contains("it did not say why"));
                }
            }
        }
    }
}
