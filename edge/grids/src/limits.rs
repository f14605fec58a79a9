//! Which limits on tasks are in force, for `status` and `doctor`. None yet: memory and processor that tasks ask for are
//! promised by the scheduler, not enforced by the kernel.

use std::path::Path;

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
