//! Makes the namespaces of a virtual data center: a network with nothing but a loopback device, and mounts in which
//! our hosts and resolver files lie over those of the machine. Where that needs a user namespace, the user stays who
//! it is inside.

use std::ffi::CStr;
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::sys::{self, space};

/// What could not be done, and why.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) step: &'static str,
    pub(crate) error: io::Error,
}

impl Failure {
    pub(crate) fn at(step: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |error| Self { step, error }
    }

    /// `<step> <errno>`, as the server reads it.
    pub(crate) fn text(&self) -> String {
        format!("{} {}", self.step, self.error.raw_os_error().unwrap_or(0))
    }
}

/// Moves this process into a new network and new mounts.
pub(crate) fn make() -> Result<(), Failure> {
    let (user, group) = sys::space::own_ids();
    let kinds = space::NEW_NETWORK | space::NEW_MOUNTS;
    if space::separate(kinds).is_err() {
        space::separate(space::NEW_USERS).map_err(Failure::at("users"))?;
        // Without it the kernel takes no map of groups from an ordinary user.
        std::fs::write("/proc/self/setgroups", "deny").map_err(Failure::at("groups"))?;
        std::fs::write("/proc/self/uid_map", format!("{user} {user} 1"))
            .map_err(Failure::at("map"))?;
        std::fs::write("/proc/self/gid_map", format!("{group} {group} 1"))
            .map_err(Failure::at("map"))?;
        space::separate(kinds).map_err(Failure::at("network"))?;
    }
    space::detach_mounts().map_err(Failure::at("mounts"))?;
    space::loopback_up().map_err(Failure::at("loopback"))?;
    // Programs do without, though not all resolvers.
    drop(space::loopback_address());
    // Ports below 1024 are nobody's in here. Where that cannot be said, they are root's, as outside.
    drop(std::fs::write(
        "/proc/sys/net/ipv4/ip_unprivileged_port_start",
        "0",
    ));
    Ok(())
}

/// Lays `hosts` and `resolv.conf` of the working directory over those of the machine, unless they already are.
pub(crate) fn cover_files() -> Result<(), Failure> {
    cover(c"/etc/hosts", Path::new("hosts")).map_err(Failure::at("hosts"))?;
    match cover(c"/etc/resolv.conf", Path::new("resolv.conf")) {
        // Without the file, names are looked for at the own loopback address, where nobody answers.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.map_err(Failure::at("resolver")),
    }
}

fn cover(target: &CStr, with: &Path) -> io::Result<()> {
    let path = Path::new(target.to_str().map_err(io::Error::other)?);
    if is_same(path, with)? {
        return Ok(());
    }
    space::cover(target, with)
}

/// Whether both names lead to one file.
pub(crate) fn is_same(one: &Path, other: &Path) -> io::Result<bool> {
    let (one, other) = (std::fs::metadata(one)?, std::fs::metadata(other)?);
    Ok((one.dev(), one.ino()) == (other.dev(), other.ino()))
}

/// The namespaces of this process as the kernel names them: `user:[1] mnt:[2] net:[3]`.
pub(crate) fn names() -> io::Result<String> {
    let mut names = Vec::new();
    for kind in ["user", "mnt", "net"] {
        let name = std::fs::read_link(format!("/proc/self/ns/{kind}"))?;
        names.push(name.to_string_lossy().into_owned());
    }
    Ok(names.join(" "))
}

/// Tries all that a holder needs, on itself: `ok`, or a [`Failure`] as text.
pub(crate) fn probe() -> u8 {
    let text = match try_all() {
        Ok(()) => "ok".to_owned(),
        Err(failure) => failure.text(),
    };
    drop(io::stdout().write_all(text.as_bytes()));
    super::DONE
}

fn try_all() -> Result<(), Failure> {
    make()?;
    // Any file will do.
    space::cover(c"/etc/hosts", Path::new("/proc/self/status")).map_err(Failure::at("hosts"))?;
    let me = sys::pid_descriptor(sys::own_pid()).map_err(Failure::at("kernel"))?;
    space::join(&me, space::NEW_NETWORK).map_err(Failure::at("kernel"))
}
