//! One descriptor that tells of many (epoll(7)).

use std::ffi::c_int;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd as _, OwnedFd};

use super::{O_CLOEXEC, checked};

pub(crate) const READABLE: u32 = 1;
pub(crate) const WRITABLE: u32 = 4;
pub(crate) const FAILED: u32 = 8;
/// Whatever happens on a connection, told once.
pub(crate) const EVERYTHING_ONCE: u32 = READABLE | WRITABLE | PEER_CLOSED | ONCE_PER_CHANGE;
/// Whoever wants in, told once.
pub(crate) const READABLE_ONCE: u32 = READABLE | ONCE_PER_CHANGE;
const PEER_CLOSED: u32 = 0x2000;
const ONCE_PER_CHANGE: u32 = 1 << 31;

/// `struct epoll_event`.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(target_arch = "x86_64", repr(C, packed))]
#[cfg_attr(not(target_arch = "x86_64"), repr(C))]
pub(crate) struct Event {
    pub(crate) what: u32,
    pub(crate) token: u64,
}

unsafe extern "C" {
    fn epoll_create1(flags: c_int) -> c_int;
    fn epoll_ctl(all: c_int, operation: c_int, fd: c_int, event: *mut Event) -> c_int;
    fn epoll_wait(all: c_int, events: *mut Event, count: c_int, timeout_ms: c_int) -> c_int;
}

#[derive(Debug)]
pub(crate) struct Waiting(OwnedFd);

impl Waiting {
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: the descriptor is new and ours.
        unsafe {
            let fd = checked(epoll_create1(O_CLOEXEC))?;
            Ok(Self(OwnedFd::from_raw_fd(fd)))
        }
    }

    /// Until the descriptor is closed.
    pub(crate) fn add(&self, descriptor: &impl AsRawFd, what: u32, token: u64) -> io::Result<()> {
        const ADD: c_int = 1;
        let mut event = Event { what, token };
        let (all, fd) = (self.0.as_raw_fd(), descriptor.as_raw_fd());
        // SAFETY: the event outlives the call.
        checked(unsafe { epoll_ctl(all, ADD, fd, &raw mut event) }).map(drop)
    }

    /// How many things have happened, after at most this time; a negative one means for ever.
    pub(crate) fn wait(&self, events: &mut [Event; 64], timeout_ms: c_int) -> usize {
        // SAFETY: room for as many events as are asked for.
        let count = unsafe { epoll_wait(self.0.as_raw_fd(), events.as_mut_ptr(), 64, timeout_ms) };
        // A signal came in between: nothing has happened.
        usize::try_from(count).unwrap_or(0)
    }
}
