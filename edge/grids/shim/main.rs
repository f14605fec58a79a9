//! The parent of one task: claims its sandbox, starts the command, keeps its logs short and writes down how it
//! ended. It speaks by files only, so that servers of any version understand it, and never restarts anything.
//! `shim run <staging> <sandbox>` starts; `shim attach <sandbox>` takes over from a shim that was killed. The same
//! binary is what a virtual data center needs: `hold` and `relay` for its network, `enter` for commands inside,
//! `probe` to find out whether it can be had.

mod control;
mod door;
mod ending;
mod enter;
mod hold;
mod order;
mod relay;
mod rotation;
mod space;
mod supervision;
mod sys;
mod task;

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;
use std::process::ExitCode;

use ending::{Ending, Kind};
use order::Order;
use supervision::Supervision;

/// The end is written.
const DONE: u8 = 0;
const USAGE: u8 = 2;
/// Somebody else has the sandbox, the network, or its lock.
const REFUSED: u8 = 3;
/// Failed before the claim: nothing was started. `.smack/failure` says why.
const FAILED: u8 = 4;
/// The task has ended, but that could not be written.
const LOST: u8 = 5;

/// Exit codes are those of the constants above.
pub(crate) fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let words: Vec<&OsStr> = arguments.iter().map(OsString::as_os_str).collect();
    let code = match words.as_slice() {
        [verb, staging, sandbox] if *verb == "run" => run(Path::new(staging), Path::new(sandbox)),
        [verb, sandbox] if *verb == "attach" => attach(Path::new(sandbox)),
        [verb, directory] if *verb == "hold" => hold::hold(Path::new(directory), false),
        [verb, directory] if *verb == "rejoin" => hold::hold(Path::new(directory), true),
        [verb, directory] if *verb == "relay" => relay::relay(Path::new(directory)),
        [verb, directory, user, program @ ..] if *verb == "enter" => {
            enter::enter(Path::new(directory), user, program)
        }
        [verb] if *verb == "probe" => space::probe(),
        _ => USAGE,
    };
    ExitCode::from(code)
}

fn run(staging: &Path, sandbox: &Path) -> u8 {
    let (signals, order) = match claim(staging, sandbox) {
        Ok(Some(claimed)) => claimed,
        Ok(None) => return REFUSED,
        Err(error) => {
            // Told as well as it can be: the directory itself may be what is missing.
            drop(std::fs::write(control::FAILURE, error.to_string()));
            return FAILED;
        }
    };
    let ended = match task::start(&order) {
        Ok(pid) => Supervision::of_child(signals, pid, &order).until_end(),
        Err(failure) => Ending::now(Kind::Refused(failure.error), false)
            .with(&failure.step)
            .write(),
    };
    if ended.is_ok() { DONE } else { LOST }
}

/// Everything up to the claim; `None`: the sandbox is taken. From here on the working directory is the sandbox, by
/// whatever name it goes, and the lock is held until this process ends.
fn claim(staging: &Path, sandbox: &Path) -> io::Result<Option<(sys::Signals, Order)>> {
    sys::close_inherited();
    let signals = sys::Signals::block()?;
    sys::new_session();
    std::env::set_current_dir(staging)?;
    if !control::lock(control::LOCK)? {
        return Ok(None);
    }
    let order = Order::read()?;
    control::sign(control::SHIM)?;
    Ending::reserve()?;
    match sys::rename_new(staging, sandbox) {
        Ok(()) => {}
        Err(error) if sys::is_taken(&error) => return Ok(None),
        Err(error) => return Err(error),
    }
    sys::adopt_orphans();
    Ok(Some((signals, order)))
}

fn attach(sandbox: &Path) -> u8 {
    match take_over(sandbox) {
        Ok(Some(supervision)) => match supervision.until_end() {
            Ok(()) => DONE,
            Err(_) => LOST,
        },
        Ok(None) => REFUSED,
        Err(error) => {
            drop(std::fs::write(control::FAILURE, error.to_string()));
            FAILED
        }
    }
}

/// `None`: another shim is there, or the task has ended already.
fn take_over(sandbox: &Path) -> io::Result<Option<Supervision>> {
    sys::close_inherited();
    let signals = sys::Signals::block()?;
    sys::new_session();
    std::env::set_current_dir(sandbox)?;
    if !control::lock_soon(control::LOCK)? {
        return Ok(None);
    }
    if Path::new(control::EXIT).exists() {
        return Ok(None);
    }
    let order = Order::read()?;
    if !Path::new(control::PID).exists() {
        std::fs::rename(control::PID_NEW, control::PID)?;
    }
    let task = control::read_pid()?;
    control::sign(control::SHIM)?;
    let supervision = Supervision::of_stranger(signals, task, &order);
    Ok(Some(supervision))
}
