//! How a holder is asked: conversations of messages over the socket `hold` in the directory of the network. A request
//! is a letter and a count; an answer is 0, the letter, and one byte per descriptor sent along, or 1, the letter and
//! an errno. These never change, for holders, shims and servers of several versions meet here.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::Path;

use super::sys::{self, socket, space};

pub(crate) const SOCKET: &str = "hold";
/// The namespaces; each byte of the answer says of what kind: `u`, `m` or `n`.
pub(crate) const NAMESPACES: u8 = b'n';
/// So many TCP sockets made inside; they stay inside wherever they are connected from.
pub(crate) const STREAMS: u8 = b's';
pub(crate) const STREAMS_V6: u8 = b'6';
/// A socket that tells who listens inside.
pub(crate) const DIAGNOSIS: u8 = b'd';
/// Are you there?
pub(crate) const PING: u8 = b'p';

#[derive(Debug)]
pub(crate) struct Door(OwnedFd);

/// What a holder has sent.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) letter: u8,
    pub(crate) kinds: Vec<u8>,
    pub(crate) descriptors: Vec<OwnedFd>,
}

impl Door {
    /// The working directory is that of the network.
    pub(crate) fn open() -> io::Result<Self> {
        socket::message_connection(SOCKET).map(Self)
    }

    /// That of another network, whose directory is beside the working directory. Through a descriptor, for its path
    /// may be longer than the address of a socket can be.
    pub(crate) fn open_beside(name: &str) -> io::Result<Self> {
        let directory = File::open(Path::new("..").join(name))?;
        let path = format!("/proc/self/fd/{}/{SOCKET}", directory.as_raw_fd());
        socket::message_connection(&path).map(Self)
    }

    pub(crate) fn descriptor(&self) -> &OwnedFd {
        &self.0
    }

    pub(crate) fn ask(&self, letter: u8, count: u8) -> io::Result<()> {
        socket::send_message(&self.0, &[letter, count], &[])
    }

    /// The next answer; a holder that is gone is a broken pipe.
    pub(crate) fn answer(&self, wait: bool) -> io::Result<Answer> {
        let mut bytes = [0; 64];
        let (length, descriptors) = socket::receive_message(&self.0, &mut bytes, wait)?;
        match &bytes[..length] {
            [0, letter, kinds @ ..] => Ok(Answer {
                letter: *letter,
                kinds: kinds.to_vec(),
                descriptors,
            }),
            [1, _, a, b, c, d, ..] => {
                let errno = i32::from_ne_bytes([*a, *b, *c, *d]);
                Err(io::Error::from_raw_os_error(errno))
            }
            [] => Err(io::Error::from_raw_os_error(sys::EPIPE)),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    /// Moves this process inside.
    pub(crate) fn go_in(&self) -> io::Result<()> {
        self.ask(NAMESPACES, 0)?;
        let answer = self.answer(true)?;
        for (kind, descriptor) in answer.kinds.iter().zip(&answer.descriptors) {
            let kind = match kind {
                b'u' => space::NEW_USERS,
                b'm' => space::NEW_MOUNTS,
                _ => space::NEW_NETWORK,
            };
            space::join(descriptor, kind)?;
        }
        Ok(())
    }

    pub(crate) fn ping(&self) -> io::Result<()> {
        self.ask(PING, 0)?;
        self.answer(true).map(drop)
    }
}
