//! Which limits on tasks are in force, for `status` and `doctor`, and how far tasks can be kept apart. No limits yet:
//! memory and processor that tasks ask for are promised by the scheduler, not enforced by the kernel.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::AsRawFd as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use rustix::fs::MemfdFlags;
use smack_model::Isolation;

use crate::local::home::SHIM;
use crate::local::vdc::Trouble;

/// Whether tasks are held to what they asked for, and if not, what could be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    pub memory: bool,
    pub cpu: bool,
    /// For people: `not enforced: …`.
    pub detail: String,
}

/// What holds on this machine.
pub fn limits() -> Limits {
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let unified = own.lines().find_map(|line| line.strip_prefix("0::"));
    let delegated = unified.is_some_and(|path| {
        let group = Path::new("/sys/fs/cgroup").join(path.trim_start_matches('/'));
        let controllers = std::fs::read_to_string(group.join("cgroup.controllers"));
        let has_memory =
            controllers.is_ok_and(|text| text.split_whitespace().any(|name| name == "memory"));
        has_memory && rustix::fs::access(&group, rustix::fs::Access::WRITE_OK).is_ok()
    });
    let detail = if delegated {
        "not enforced: this smack does not use the control group that is delegated to this user"
    } else {
        "not enforced: no control group with a memory controller is delegated to this user"
    };
    Limits {
        memory: false,
        cpu: false,
        detail: detail.to_owned(),
    }
}

/// The strictest level that this machine and this user can do, and for people why, or why not a stricter one. Tried
/// for real, once per process.
pub fn isolation() -> (Isolation, String) {
    static FOUND: OnceLock<(Isolation, String)> = OnceLock::new();
    FOUND.get_or_init(try_isolation).clone()
}

fn try_isolation() -> (Isolation, String) {
    match probe().as_deref() {
        Ok("ok") => {
            let detail = "a network and mounts of its own for every virtual data center";
            (Isolation::Vdc, detail.to_owned())
        }
        Ok(said) => (Isolation::Open, Trouble::parse(said).text()),
        Err(error) => {
            let detail = format!("a process that would try it could not be started: {error}");
            (Isolation::Open, detail)
        }
    }
}

/// What the shim says that has tried it on itself.
fn probe() -> io::Result<String> {
    let mut shim = File::from(rustix::fs::memfd_create("shim", MemfdFlags::CLOEXEC)?);
    shim.write_all(SHIM)?;
    let output = Command::new(format!("/proc/self/fd/{}", shim.as_raw_fd()))
        .arg("probe")
        .env_clear()
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
