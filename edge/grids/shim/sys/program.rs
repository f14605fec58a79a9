//! Starts a program as a child of this process.

use std::ffi::{CStr, CString, c_char, c_int, c_uint};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};

use super::{
    EACCES, ENOENT, EPIPE, SignalSet, checked, dup2, pipe, read, setsid, sigemptyset, sigprocmask,
    umask, waitpid, write,
};

unsafe extern "C" {
    fn fork() -> c_int;
    fn execve(path: *const c_char, argv: *const *const c_char, env: *const *const c_char) -> c_int;
    fn _exit(code: c_int) -> !;
    fn setgroups(count: usize, groups: *const c_uint) -> c_int;
    fn setgid(group: c_uint) -> c_int;
    fn setuid(user: c_uint) -> c_int;
    fn signal(number: c_int, action: usize) -> usize;
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
    /// What the child does first.
    pub(crate) enter: &'a dyn Fn() -> io::Result<()>,
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
    let known = [Step::User, Step::Network];
    let step = known
        .into_iter()
        .find(|known| *known as i32 == step)
        .unwrap_or(Step::Execute);
    Ok(Err((step, io::Error::from_raw_os_error(errno))))
}

/// What a child does before its program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    User = 1,
    Execute = 2,
    Network = 3,
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
        if let Err(error) = (program.enter)() {
            return (Step::Network, error.raw_os_error().unwrap_or(EPIPE));
        }
        dup2(program.output.as_raw_fd(), 1);
        dup2(program.errors.as_raw_fd(), 2);
        umask(0o022);
        if let Some((user, group, groups)) = program.user
            && let Err(error) = become_user(user, group, groups)
        {
            return (Step::User, error.raw_os_error().unwrap_or(0));
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

pub(crate) fn become_user(user: u32, group: u32, groups: &[u32]) -> io::Result<()> {
    // SAFETY: the list outlives the call; the rest are plain numbers.
    unsafe {
        checked(setgroups(groups.len(), groups.as_ptr()))?;
        checked(setgid(group))?;
        checked(setuid(user)).map(drop)
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
