//! Enters the network of a virtual data center: for a task before its program runs, and for any other command as
//! `shim enter <directory> <user:group:groups|-> <program> [argument…]`.

use std::ffi::OsStr;
use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::door::Door;
use super::order::User;
use super::sys;

/// What it says on the error stream before its reason, and the exit code that goes with it.
pub(crate) const MARK: &str = "smack cannot enter the network:";
pub(crate) const FAILED: u8 = 125;
/// As shells have it.
const CANNOT_RUN: u8 = 126;
const NO_SUCH_PROGRAM: u8 = 127;

/// How long a holder may take to be replaced.
pub(crate) const PATIENCE: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(5);

/// Moves this process inside; its working directory keeps its path. When this comes back, whoever looks for the
/// members of the network from then on finds this process: a holder that was gone by then is a broken pipe.
pub(crate) fn go_in(directory: &Path) -> io::Result<()> {
    let here = std::env::current_dir()?;
    std::env::set_current_dir(directory)?;
    let door = Door::open()?;
    door.go_in()?;
    std::env::set_current_dir(here)?;
    door.ping()
}

/// Whether it may be otherwise in a moment, because a killed holder is being replaced.
pub(crate) fn may_pass(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionRefused, ConnectionReset, NotFound};
    [BrokenPipe, ConnectionRefused, ConnectionReset, NotFound].contains(&error.kind())
}

/// Waits a little before the next try; `false`: it is time to give up.
pub(crate) fn pause(begun: Instant) -> bool {
    std::thread::sleep(PAUSE);
    begun.elapsed() < PATIENCE
}

pub(crate) fn enter(directory: &Path, user: &OsStr, program: &[&OsStr]) -> u8 {
    let Some((program, arguments)) = program.split_first() else {
        return super::USAGE;
    };
    if let Err(error) = go_in_as(directory, user) {
        say(&format!("{MARK} {error}"));
        return FAILED;
    }
    let error = Command::new(program).args(arguments).exec();
    say(&format!("{}: {error}", program.to_string_lossy()));
    if error.kind() == io::ErrorKind::NotFound {
        return NO_SUCH_PROGRAM;
    }
    CANNOT_RUN
}

fn go_in_as(directory: &Path, user: &OsStr) -> io::Result<()> {
    let begun = Instant::now();
    wait_for_holder(directory, begun)?;
    go_in(directory)?;
    match user.to_str() {
        Some("-") => Ok(()),
        text => {
            let user = text.and_then(User::parse);
            let user = user.ok_or(io::ErrorKind::InvalidInput)?;
            sys::become_user(user.user, user.group, &user.groups)
        }
    }
}

/// Before going in: a process that is half inside cannot try again.
fn wait_for_holder(directory: &Path, begun: Instant) -> io::Result<()> {
    let here = std::env::current_dir()?;
    std::env::set_current_dir(directory)?;
    let found = loop {
        match Door::open().and_then(|door| door.ping()) {
            Err(error) if may_pass(&error) && pause(begun) => {}
            other => break other,
        }
    };
    std::env::set_current_dir(here)?;
    found
}

fn say(text: &str) {
    // Nobody may be listening.
    drop(writeln!(io::stderr(), "{text}"));
}
