//! Starts the task once its sandbox is claimed: its directories and files get their places, then its program runs.

use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::chown;
use std::path::Path;
use std::time::Instant;

use super::control::{self, Process};
use super::enter;
use super::order::{Order, Put, User};
use super::sys;

/// What could not be done, and why.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) step: String,
    pub(crate) error: io::Error,
}

/// The process id of the running program.
pub(crate) fn start(order: &Order) -> Result<i32, Failure> {
    for directory in &order.directories {
        if !directory.is_dir() {
            std::fs::create_dir_all(directory)
                .and_then(|()| own(directory, order.user.as_ref()))
                .map_err(at(directory))?;
        }
    }
    for put in &order.puts {
        place(put, order.user.as_ref()).map_err(at(&put.to))?;
    }
    let output = log("stdout.log")?;
    let errors = log("stderr.log")?;
    let candidates = candidates(order);
    let enter = || match &order.network {
        Some(network) => enter::go_in(network),
        None => Ok(()),
    };
    let program = sys::Program {
        candidates: &candidates,
        arguments: &order.arguments,
        environment: &order.environment,
        output: &output,
        errors: &errors,
        user: order
            .user
            .as_ref()
            .map(|user| (user.user, user.group, user.groups.as_slice())),
        enter: &enter,
    };
    let begun = Instant::now();
    let pid = loop {
        let (step, error) = match sys::start(&program, write_new_pid) {
            Ok(Ok(pid)) => break pid,
            Ok(Err((step, error))) => (step, error),
            Err(error) => return Err(failure("fork", error)),
        };
        let step = match step {
            // A new child: one that is half inside cannot try again.
            sys::Step::Network if enter::may_pass(&error) && enter::pause(begun) => continue,
            sys::Step::Network => "network",
            sys::Step::User => "user",
            sys::Step::Execute => "execute",
        };
        return Err(failure(step, error));
    };
    // Servers watch for this name: it means that the program runs.
    drop(std::fs::rename(control::PID_NEW, control::PID));
    Ok(pid)
}

fn write_new_pid(pid: i32) -> io::Result<()> {
    let process = Process::find(pid).ok_or_else(|| io::Error::other("no /proc of the child"))?;
    std::fs::write(control::PID_NEW, process.text())
}

fn failure(step: &str, error: io::Error) -> Failure {
    Failure {
        step: step.to_owned(),
        error,
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> Failure {
    move |error| failure(&path.to_string_lossy(), error)
}

fn log(name: &str) -> Result<File, Failure> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(name)
        .map_err(at(Path::new(name)))
}

/// A name without a slash is looked for in the task's own PATH.
fn candidates(order: &Order) -> Vec<CString> {
    let Some(program) = order.arguments.first() else {
        return Vec::new();
    };
    match order.variable("PATH") {
        Some(path) if !program.as_bytes().contains(&b'/') => {
            sys::in_directories(path.as_bytes(), program)
        }
        _ => vec![program.clone()],
    }
}

fn place(put: &Put, user: Option<&User>) -> io::Result<()> {
    if put.once && put.to.symlink_metadata().is_ok() {
        return Ok(());
    }
    if let Some(parent) = put.to.parent()
        && !parent.is_dir()
    {
        std::fs::create_dir_all(parent)?;
        own(parent, user)?;
    }
    match std::fs::rename(&put.from, &put.to) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            let mut near = put.to.clone().into_os_string();
            near.push(".new");
            std::fs::copy(&put.from, &near)?;
            own(Path::new(&near), user)?;
            std::fs::rename(&near, &put.to)
        }
        other => other,
    }
}

fn own(path: &Path, user: Option<&User>) -> io::Result<()> {
    match user {
        Some(user) => chown(path, Some(user.user), Some(user.group)),
        None => Ok(()),
    }
}
