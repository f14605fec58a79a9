//! Namespaces, and what is made in them once: mounts and the loopback device.

use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_ulong, c_void};
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::checked;
use super::socket::{Family, inet, stream};

pub(crate) const NEW_MOUNTS: c_int = 0x0002_0000;
pub(crate) const NEW_USERS: c_int = 0x1000_0000;
pub(crate) const NEW_NETWORK: c_int = 0x4000_0000;

unsafe extern "C" {
    fn unshare(flags: c_int) -> c_int;
    fn setns(fd: c_int, kinds: c_int) -> c_int;
    fn mount(
        source: *const c_char,
        target: *const c_char,
        kind: *const c_char,
        flags: c_ulong,
        data: *const c_void,
    ) -> c_int;
    fn ioctl(fd: c_int, request: c_ulong, ...) -> c_int;
    fn geteuid() -> c_uint;
    fn getegid() -> c_uint;
}

/// The effective user and group of this process.
pub(crate) fn own_ids() -> (u32, u32) {
    // SAFETY: take nothing and cannot fail.
    unsafe { (geteuid(), getegid()) }
}

/// Moves this process into new namespaces of these kinds.
pub(crate) fn separate(kinds: c_int) -> io::Result<()> {
    // SAFETY: plain number; this process has one thread.
    checked(unsafe { unshare(kinds) }).map(drop)
}

/// Moves this process into the namespace, or into those of a process (since Linux 5.8).
pub(crate) fn join(descriptor: &impl AsRawFd, kinds: c_int) -> io::Result<()> {
    // SAFETY: plain number and a descriptor that is open.
    checked(unsafe { setns(descriptor.as_raw_fd(), kinds) }).map(drop)
}

/// What is mounted outside from now on appears inside too, but not the other way round.
pub(crate) fn detach_mounts() -> io::Result<()> {
    const RECURSIVE: c_ulong = 0x4000;
    const SLAVE: c_ulong = 1 << 19;
    change_mounts(c"none", c"/", RECURSIVE | SLAVE)
}

/// Shows the file in the place of another.
pub(crate) fn cover(target: &CStr, with: &Path) -> io::Result<()> {
    const BIND: c_ulong = 0x1000;
    let with = CString::new(with.as_os_str().as_bytes())?;
    change_mounts(&with, target, BIND)
}

fn change_mounts(source: &CStr, target: &CStr, flags: c_ulong) -> io::Result<()> {
    let none = std::ptr::null();
    // SAFETY: both texts outlive the call; the kernel takes no kind and no data with these flags.
    let result = unsafe { mount(source.as_ptr(), target.as_ptr(), none, flags, none.cast()) };
    checked(result).map(drop)
}

/// `struct ifreq`: a name, then a union of at most 24 bytes, whose beginning is given.
#[repr(C, align(8))]
struct DeviceRequest {
    name: [u8; 16],
    rest: [u8; 24],
}

/// Brings the loopback device of the own network up, and with it all of 127.0.0.0/8.
pub(crate) fn loopback_up() -> io::Result<()> {
    const SET_FLAGS: c_ulong = 0x8914;
    const UP: i16 = 1;
    change_device("lo", SET_FLAGS, &UP.to_ne_bytes())
}

/// Gives the loopback device a second address of 127.0.0.0/8: a C library that finds nothing but 127.0.0.1 takes the
/// machine for one without IPv4 and resolves no such name for programs that ask for what is configured.
pub(crate) fn loopback_address() -> io::Result<()> {
    const SET_ADDRESS: c_ulong = 0x8916;
    change_device("lo:1", SET_ADDRESS, &inet(Ipv4Addr::new(127, 0, 0, 2), 0))
}

fn change_device(name: &str, change: c_ulong, content: &[u8]) -> io::Result<()> {
    let mut request = DeviceRequest {
        name: [0; 16],
        rest: [0; 24],
    };
    request.name[..name.len()].copy_from_slice(name.as_bytes());
    request.rest[..content.len()].copy_from_slice(content);
    let socket = stream(Family::V4)?;
    // SAFETY: the request is as large as any `struct ifreq` and outlives the call.
    checked(unsafe { ioctl(socket.as_raw_fd(), change, &raw const request) }).map(drop)
}
