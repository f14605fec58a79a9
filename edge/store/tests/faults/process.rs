//! Tests that need a process of their own run themselves again in one: the same executable, one
//! test, and a directory to work in by the environment.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

const DIRECTORY: &str = "SMACK_STORE_TEST_DIRECTORY";

/// The directory to work in, if this is the process of its own.
pub(crate) fn directory() -> Option<PathBuf> {
    env::var_os(DIRECTORY).map(PathBuf::from)
}

/// This test again, in a process of its own.
pub(crate) fn again(test: &str, directory: &Path) -> Command {
    wrapped(&[], test, directory)
}

/// The same, started by another program that takes a command line as its last arguments.
pub(crate) fn wrapped(wrapper: &[&str], test: &str, directory: &Path) -> Command {
    let executable = env::current_exe().unwrap();
    let mut words: Vec<_> = wrapper.iter().map(Into::into).collect();
    words.extend([executable.into_os_string(), "--exact".into(), test.into()]);
    let mut command = Command::new(&words[0]);
    command
        .args(&words[1..])
        .arg("--nocapture")
        .env(DIRECTORY, directory);
    command
}

/// The same as a user to whom permissions mean something. If that is not this user, `open` is
/// opened to all, for a copy of the executable.
pub(crate) fn again_without_root(test: &str, directory: &Path, open: &Path) -> Command {
    const NOBODY: u32 = 65_534;
    if !rustix::process::geteuid().is_root() {
        return again(test, directory);
    }
    fs::set_permissions(open, PermissionsExt::from_mode(0o755)).unwrap();
    let executable = open.join("test");
    fs::copy(env::current_exe().unwrap(), &executable).unwrap();
    let mut command = Command::new(executable);
    command
        .args(["--exact", test, "--nocapture"])
        .env(DIRECTORY, directory);
    command.uid(NOBODY).gid(NOBODY).current_dir("/");
    command
}
