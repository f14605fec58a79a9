//! The system calls that the standard library does not have, each behind a safe function. The only unsafe code.
#![expect(
    unsafe_code,
    reason = "system calls without a library, to stay small; each says why it is sound"
)]

use std::ffi::{CString, c_int, c_long, c_uint, c_ulong, c_void};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

mod program;
pub(crate) mod socket;
pub(crate) mod space;
pub(crate) mod wait;

pub(crate) use program::{Program, Step, become_user, in_directories, start};

pub(crate) const SIGKILL: c_int = 9;
pub(crate) const SIGUSR1: c_int = 10;
const SIGCHLD: c_int = 17;
pub(crate) const O_NONBLOCK: c_int = 0o4000;
const O_CLOEXEC: c_int = 0o2_000_000;
pub(crate) const ENOENT: i32 = 2;
pub(crate) const EPIPE: i32 = 32;
const EACCES: i32 = 13;
const EEXIST: i32 = 17;
const EINVAL: i32 = 22;
pub(crate) const ENOSYS: i32 = 38;
const ENOTEMPTY: i32 = 39;

/// A `sigset_t` of every C library on Linux fits.
#[repr(C, align(16))]
struct SignalSet([u64; 16]);

#[repr(C)]
struct PollFd {
    fd: c_int,
    events: i16,
    revents: i16,
}

unsafe extern "C" {
    fn setsid() -> c_int;
    fn getpid() -> c_int;
    fn getpgid(pid: c_int) -> c_int;
    fn dup2(from: c_int, to: c_int) -> c_int;
    fn umask(mask: c_uint) -> c_uint;
    fn sigemptyset(set: *mut SignalSet) -> c_int;
    fn sigaddset(set: *mut SignalSet, number: c_int) -> c_int;
    fn sigprocmask(how: c_int, set: *const SignalSet, old: *mut SignalSet) -> c_int;
    fn signalfd(fd: c_int, set: *const SignalSet, flags: c_int) -> c_int;
    fn pipe2(fds: *mut c_int, flags: c_int) -> c_int;
    fn read(fd: c_int, buffer: *mut c_void, count: usize) -> isize;
    fn write(fd: c_int, buffer: *const c_void, count: usize) -> isize;
    fn poll(fds: *mut PollFd, count: c_ulong, timeout_ms: c_int) -> c_int;
    fn kill(pid: c_int, signal: c_int) -> c_int;
    fn waitpid(pid: c_int, status: *mut c_int, options: c_int) -> c_int;
    fn prctl(option: c_int, ...) -> c_int;
    fn syscall(number: c_long, ...) -> c_long;
    fn fallocate(fd: c_int, mode: c_int, offset: isize, length: isize) -> c_int;
    fn lseek(fd: c_int, offset: isize, whence: c_int) -> isize;
    fn splice(
        from: c_int,
        from_offset: *mut i64,
        to: c_int,
        to_offset: *mut i64,
        length: usize,
        flags: c_uint,
    ) -> isize;
    fn fcntl(fd: c_int, command: c_int, ...) -> c_int;
    fn setrlimit(resource: c_int, limits: *const [c_ulong; 2]) -> c_int;
    fn getrlimit(resource: c_int, limits: *mut [c_ulong; 2]) -> c_int;
}

fn checked(result: c_int) -> io::Result<c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// SIGCHLD and SIGUSR1, blocked and read from a descriptor.
#[derive(Debug)]
pub(crate) struct Signals(OwnedFd);

impl Signals {
    pub(crate) fn block() -> io::Result<Self> {
        let mut set = SignalSet([0; 16]);
        // SAFETY: `set` outlives the calls and is as large as any `sigset_t`; the descriptor is new and ours.
        unsafe {
            sigemptyset(&raw mut set);
            sigaddset(&raw mut set, SIGCHLD);
            sigaddset(&raw mut set, SIGUSR1);
            checked(sigprocmask(0, &raw const set, std::ptr::null_mut()))?;
            let fd = checked(signalfd(-1, &raw const set, O_CLOEXEC | O_NONBLOCK))?;
            Ok(Self(OwnedFd::from_raw_fd(fd)))
        }
    }

    /// Becomes readable when a signal has come.
    pub(crate) fn descriptor(&self) -> &OwnedFd {
        &self.0
    }

    /// Waits for a signal, for `other` to become readable or for the time to pass; signals that came are taken.
    pub(crate) fn wait(&self, other: Option<&OwnedFd>, timeout_ms: i32) {
        let watched = |fd| PollFd {
            fd,
            events: 1,
            revents: 0,
        };
        // Negative descriptors are passed over by poll.
        let other = other.map_or(-1, |fd| fd.as_raw_fd());
        let mut fds = [watched(self.0.as_raw_fd()), watched(other)];
        let mut taken = [0_u8; 128 * 8];
        // SAFETY: both arrays outlive the calls and the counts are theirs.
        unsafe {
            poll(fds.as_mut_ptr(), 2, timeout_ms);
            while read(self.0.as_raw_fd(), taken.as_mut_ptr().cast(), taken.len()) > 0 {}
        }
    }
}

pub(crate) fn own_pid() -> i32 {
    // SAFETY: takes nothing and cannot fail.
    unsafe { getpid() }
}

/// Leaves the server's session; fails only for the leader of a group, which then stays what it is.
pub(crate) fn new_session() {
    // SAFETY: takes nothing.
    unsafe { setsid() };
}

/// Closes all but the three standard descriptors: what the server was itself started with and let through.
pub(crate) fn close_inherited() {
    const CLOSE_RANGE: c_long = 436;
    let first: c_uint = 3;
    let none: c_uint = 0;
    // SAFETY: called before this process has opened anything of its own; older kernels refuse.
    unsafe { syscall(CLOSE_RANGE, first, c_uint::MAX, none) };
}

/// Descendants whose parents end become children of this process.
pub(crate) fn adopt_orphans() {
    const PR_SET_CHILD_SUBREAPER: c_int = 36;
    let on: c_ulong = 1;
    let none: c_ulong = 0;
    // SAFETY: plain numbers.
    unsafe { prctl(PR_SET_CHILD_SUBREAPER, on, none, none, none) };
}

/// Renames unless something has the new name, in one step.
pub(crate) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(target_arch = "x86_64")]
    const RENAMEAT2: c_long = 316;
    #[cfg(not(target_arch = "x86_64"))]
    const RENAMEAT2: c_long = 276;
    const AT_FDCWD: c_int = -100;
    const NOREPLACE: c_uint = 1;
    let (old, new) = (c_path(from)?, c_path(to)?);
    // SAFETY: both texts outlive the call.
    let result = unsafe {
        syscall(
            RENAMEAT2,
            AT_FDCWD,
            old.as_ptr(),
            AT_FDCWD,
            new.as_ptr(),
            NOREPLACE,
        )
    };
    if result == 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        // Not on this file system. The plain call does as well: it never replaces a directory that has content.
        Some(ENOSYS | EINVAL) => std::fs::rename(from, to),
        _ => Err(error),
    }
}

pub(crate) fn is_taken(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(EEXIST | ENOTEMPTY))
}

fn c_path(path: &Path) -> io::Result<CString> {
    Ok(CString::new(path.as_os_str().as_bytes())?)
}

pub(crate) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut fds = [0_i32; 2];
    // SAFETY: room for two descriptors, which are then ours alone.
    unsafe {
        checked(pipe2(fds.as_mut_ptr(), O_CLOEXEC))?;
        Ok((OwnedFd::from_raw_fd(fds[0]), OwnedFd::from_raw_fd(fds[1])))
    }
}

/// Sends a signal; a negative number means a process group. What is gone already is no fault.
pub(crate) fn send(pid: i32, signal: i32) {
    // SAFETY: plain numbers.
    unsafe { kill(pid, signal) };
}

pub(crate) fn group_of(pid: i32) -> i32 {
    // SAFETY: plain number.
    unsafe { getpgid(pid) }
}

/// What [`reap`] found.
pub(crate) enum Reaped {
    /// A child ended: its number and wait status.
    Child(i32, i32),
    /// Children are there, none has ended.
    Pending,
    /// No children.
    None,
}

/// Takes the end of one child, without waiting.
pub(crate) fn reap() -> Reaped {
    const NO_HANG: c_int = 1;
    let mut status = 0;
    // SAFETY: `status` outlives the call.
    match unsafe { waitpid(-1, &raw mut status, NO_HANG) } {
        0 => Reaped::Pending,
        pid if pid > 0 => Reaped::Child(pid, status),
        _ => Reaped::None,
    }
}

/// A descriptor that becomes readable when the process ends.
pub(crate) fn pid_descriptor(pid: i32) -> io::Result<OwnedFd> {
    const PIDFD_OPEN: c_long = 434;
    let flags: c_uint = 0;
    // SAFETY: plain numbers; the descriptor is new and ours.
    unsafe {
        let fd = syscall(PIDFD_OPEN, pid, flags);
        let fd = c_int::try_from(fd).map_err(io::Error::other)?;
        Ok(OwnedFd::from_raw_fd(checked(fd)?))
    }
}

/// Takes `length` bytes at `offset` out of the file; what is behind moves up.
pub(crate) fn collapse(file: &File, offset: isize, length: isize) -> io::Result<()> {
    const COLLAPSE_RANGE: c_int = 8;
    allocate(file, COLLAPSE_RANGE, offset, length)
}

/// Gives the blocks back; the file keeps its size.
pub(crate) fn punch(file: &File, offset: isize, length: isize) -> io::Result<()> {
    const KEEP_SIZE: c_int = 1;
    const PUNCH_HOLE: c_int = 2;
    allocate(file, KEEP_SIZE | PUNCH_HOLE, offset, length)
}

/// Whether the file system can at all, tried behind the end of the file, where nothing is.
pub(crate) fn can_punch(file: &File, end: u64) -> bool {
    let behind = isize::try_from(end).unwrap_or(isize::MAX / 2) + (1 << 30);
    punch(file, behind, 4096).is_ok()
}

fn allocate(file: &File, mode: c_int, offset: isize, length: isize) -> io::Result<()> {
    // SAFETY: plain numbers and a descriptor that is open.
    checked(unsafe { fallocate(file.as_raw_fd(), mode, offset, length) }).map(drop)
}

/// Where the first data of the file is, behind any hole.
pub(crate) fn first_data(file: &File) -> u64 {
    const SEEK_DATA: c_int = 3;
    // SAFETY: plain numbers and a descriptor that is open.
    let at = unsafe { lseek(file.as_raw_fd(), 0, SEEK_DATA) };
    u64::try_from(at).unwrap_or(0)
}

/// Makes files that nobody else may touch.
pub(crate) fn only_for_owner<T>(make: impl FnOnce() -> T) -> T {
    // SAFETY: plain numbers; this process has one thread.
    unsafe {
        let before = umask(0o077);
        let made = make();
        umask(before);
        made
    }
}

/// Puts a descriptor in the place of a standard one.
pub(crate) fn replace_standard(number: c_int, with: &File) {
    // SAFETY: both are open; nothing in this process has that number as its own.
    unsafe { dup2(with.as_raw_fd(), number) };
}

/// As many descriptors as this process may have.
pub(crate) fn want_descriptors() {
    const OPEN_FILES: c_int = 7;
    let mut limits = [0; 2];
    // SAFETY: room for both limits, soft and hard.
    unsafe {
        if getrlimit(OPEN_FILES, &raw mut limits) == 0 {
            limits[0] = limits[1];
            setrlimit(OPEN_FILES, &raw const limits);
        }
    }
}

/// Room for more than the usual 16 pieces, as far as this user may have it.
pub(crate) fn widen(pipe: &OwnedFd, bytes: usize) {
    const SET_PIPE_SIZE: c_int = 1031;
    if let Ok(bytes) = c_int::try_from(bytes) {
        // SAFETY: plain numbers.
        unsafe { fcntl(pipe.as_raw_fd(), SET_PIPE_SIZE, bytes) };
    }
}

/// Moves bytes between a pipe and something else without looking at them; does not wait.
pub(crate) fn move_bytes(
    from: &impl AsRawFd,
    to: &impl AsRawFd,
    length: usize,
) -> io::Result<usize> {
    /// SPLICE_F_MOVE and SPLICE_F_NONBLOCK.
    const FLAGS: c_uint = 3;
    let none = std::ptr::null_mut();
    // SAFETY: both descriptors are open; no offsets.
    let moved = unsafe { splice(from.as_raw_fd(), none, to.as_raw_fd(), none, length, FLAGS) };
    usize::try_from(moved).map_err(|_| io::Error::last_os_error())
}
