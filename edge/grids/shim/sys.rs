//! The system calls that the standard library does not have, each behind a safe function. The only unsafe code.
#![expect(
    unsafe_code,
    reason = "system calls without a library, to stay small; each says why it is sound"
)]

use std::ffi::{CStr, CString, c_char, c_int, c_long, c_uint, c_ulong, c_void};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

pub(crate) const SIGKILL: c_int = 9;
pub(crate) const SIGUSR1: c_int = 10;
const SIGCHLD: c_int = 17;
pub(crate) const O_NONBLOCK: c_int = 0o4000;
const O_CLOEXEC: c_int = 0o2_000_000;
const ENOENT: i32 = 2;
const EACCES: i32 = 13;
const EEXIST: i32 = 17;
const EINVAL: i32 = 22;
const ENOSYS: i32 = 38;
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
    fn fork() -> c_int;
    fn execve(path: *const c_char, argv: *const *const c_char, env: *const *const c_char) -> c_int;
    fn _exit(code: c_int) -> !;
    fn dup2(from: c_int, to: c_int) -> c_int;
    fn umask(mask: c_uint) -> c_uint;
    fn setgroups(count: usize, groups: *const c_uint) -> c_int;
    fn setgid(group: c_uint) -> c_int;
    fn setuid(user: c_uint) -> c_int;
    fn signal(number: c_int, action: usize) -> usize;
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

/// All that a program needs, in the form in which the kernel takes it.
pub(crate) struct Program<'a> {
    /// Tried in order.
    pub(crate) candidates: &'a [CString],
    pub(crate) arguments: &'a [CString],
    pub(crate) environment: &'a [CString],
    pub(crate) output: &'a File,
    pub(crate) errors: &'a File,
    /// User, group, further groups.
    pub(crate) user: Option<(u32, u32, &'a [u32])>,
}

/// Starts the program in a session and process group of its own, in the working directory. `written` is told the
/// process id before the program runs: the child waits for that, and ends itself if this process is killed before.
/// The outer error means that nothing was started; an inner one says which step of the child failed.
pub(crate) fn start(
    program: &Program<'_>,
    written: impl FnOnce(i32) -> io::Result<()>,
) -> io::Result<Result<i32, (Step, io::Error)>> {
    let arguments = pointers(program.arguments);
    let environment = pointers(program.environment);
    let (go_read, go_write) = pipe()?;
    let (failure_read, failure_write) = pipe()?;
    // SAFETY: this process has one thread, so the child may do whatever it could do itself.
    let pid = checked(unsafe { fork() })?;
    if pid == 0 {
        drop(go_write);
        let (step, errno) = become_program(program, &arguments, &environment, &go_read);
        let bytes = [step as i32, errno].map(i32::to_ne_bytes);
        // SAFETY: the bytes outlive the call; then the child ends without unwinding into the parent's code.
        unsafe {
            write(failure_write.as_raw_fd(), bytes.as_ptr().cast(), 8);
            _exit(127)
        }
    }
    drop((go_read, failure_write));
    written(pid)?;
    let mut bytes = [[0_u8; 4]; 2];
    // SAFETY: the bytes outlive the calls.
    let count = unsafe {
        write(go_write.as_raw_fd(), b"g".as_ptr().cast(), 1);
        read(failure_read.as_raw_fd(), bytes.as_mut_ptr().cast(), 8)
    };
    if count != 8 {
        return Ok(Ok(pid));
    }
    // SAFETY: the child has ended or is about to; its end is of no further use.
    unsafe { waitpid(pid, std::ptr::null_mut(), 0) };
    let [step, errno] = bytes.map(i32::from_ne_bytes);
    let step = if step == Step::User as i32 {
        Step::User
    } else {
        Step::Execute
    };
    Ok(Err((step, io::Error::from_raw_os_error(errno))))
}

/// What a child does before its program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    User = 1,
    Execute = 2,
}

fn pointers(texts: &[CString]) -> Vec<*const c_char> {
    let all = texts.iter().map(|text| text.as_ptr());
    all.chain([std::ptr::null()]).collect()
}

/// Comes back only if it failed: the step and the errno.
fn become_program(
    program: &Program<'_>,
    arguments: &[*const c_char],
    environment: &[*const c_char],
    go: &OwnedFd,
) -> (Step, i32) {
    let errno = || io::Error::last_os_error().raw_os_error().unwrap_or(0);
    let mut byte = 0_u8;
    // SAFETY: in the child of a process with one thread; all texts and lists live until it is replaced.
    unsafe {
        setsid();
        if read(go.as_raw_fd(), (&raw mut byte).cast(), 1) != 1 {
            _exit(127);
        }
        dup2(program.output.as_raw_fd(), 1);
        dup2(program.errors.as_raw_fd(), 2);
        umask(0o022);
        if let Some((user, group, groups)) = program.user
            && (setgroups(groups.len(), groups.as_ptr()) < 0
                || setgid(group) < 0
                || setuid(user) < 0)
        {
            return (Step::User, errno());
        }
        // The standard library ignores SIGPIPE, and a server may have been started with more ignored.
        for number in 1..=31 {
            signal(number, 0);
        }
        let mut none = SignalSet([0; 16]);
        sigemptyset(&raw mut none);
        sigprocmask(2, &raw const none, std::ptr::null_mut());
        let mut worst = ENOENT;
        for candidate in program.candidates {
            execve(candidate.as_ptr(), arguments.as_ptr(), environment.as_ptr());
            match errno() {
                ENOENT => {}
                // As a shell does: look on, but remember that something was there.
                EACCES => worst = EACCES,
                other => return (Step::Execute, other),
            }
        }
        (Step::Execute, worst)
    }
}

/// The program's name as the kernel takes it, in each of these directories.
pub(crate) fn in_directories(directories: &[u8], name: &CStr) -> Vec<CString> {
    directories
        .split(|&byte| byte == b':')
        .filter_map(|directory| {
            let directory = if directory.is_empty() {
                b"."
            } else {
                directory
            };
            let path = [directory, b"/", name.to_bytes()].concat();
            CString::new(path).ok()
        })
        .collect()
}
