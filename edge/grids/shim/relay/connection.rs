//! Connections: bytes pass from one socket through a pipe to the other, both ways, until both sides have ended. A side
//! that ends only its sending ends only that; a reset resets the other side.

use std::io;
use std::net::{Shutdown, TcpStream};
use std::os::fd::OwnedFd;
use std::rc::Rc;

use super::super::sys::{self, socket, wait, wait::Waiting};
use super::{INNER, OUTER, token};

/// As much as one direction has under way at most, and moves before others get their turn.
const UNDER_WAY_MAX: usize = 1 << 20;
const TURNS: usize = 8;
/// So many pipes have room for that much, which halves the work; the kernel lets a user have some dozens of them.
const WIDE_MAX: usize = 8;
/// Pipes kept for whoever needs one next; one without bytes belongs to nobody.
const SPARE_MAX: usize = 8;

#[derive(Debug, Default)]
pub(super) struct Connections {
    all: Vec<Option<Connection>>,
    free: Vec<u32>,
    /// Those with something to do, each once.
    ready: Vec<u32>,
}

#[derive(Debug)]
struct Connection {
    exposure: u32,
    outer: TcpStream,
    inner: TcpStream,
    /// The inner side has answered.
    joined: bool,
    is_ready: bool,
    inward: Way,
    outward: Way,
}

#[derive(Debug, Default)]
struct Way {
    pipe: Option<Pipe>,
    /// In the pipe.
    held: usize,
    /// The sender has ended.
    ended: bool,
    /// And the receiver knows.
    done: bool,
}

#[derive(Debug)]
struct Pipe {
    out: OwnedFd,
    into: OwnedFd,
    /// Counts it among the wide ones.
    _wide: Option<Rc<()>>,
}

#[derive(Debug, Default)]
pub(super) struct Pipes {
    /// Empty ones.
    spare: Vec<Pipe>,
    wide: Rc<()>,
}

impl Pipes {
    fn take(&mut self) -> io::Result<Pipe> {
        if let Some(pipe) = self.spare.pop() {
            return Ok(pipe);
        }
        let (out, into) = sys::pipe()?;
        let wide = (Rc::strong_count(&self.wide) <= WIDE_MAX).then(|| Rc::clone(&self.wide));
        if wide.is_some() {
            sys::widen(&into, UNDER_WAY_MAX);
        }
        Ok(Pipe {
            out,
            into,
            _wide: wide,
        })
    }

    fn give_back(&mut self, pipe: Pipe) {
        if self.spare.len() < SPARE_MAX {
            self.spare.push(pipe);
        }
    }
}

impl Connections {
    pub(super) fn has_work(&self) -> bool {
        !self.ready.is_empty()
    }

    pub(super) fn add(&mut self, exposure: u32, outer: OwnedFd, inner: OwnedFd, waiting: &Waiting) {
        let number = match self.free.pop() {
            Some(number) => number,
            None => {
                self.all.push(None);
                u32::try_from(self.all.len() - 1).unwrap_or(u32::MAX)
            }
        };
        let added = waiting
            .add(&inner, wait::EVERYTHING_ONCE, token(INNER, number))
            .and_then(|()| waiting.add(&outer, wait::EVERYTHING_ONCE, token(OUTER, number)));
        if added.is_err() {
            socket::reset_on_close(&outer);
            self.free.push(number);
            return;
        }
        self.all[number as usize] = Some(Connection {
            exposure,
            outer: outer.into(),
            inner: inner.into(),
            joined: false,
            is_ready: false,
            inward: Way::default(),
            outward: Way::default(),
        });
    }

    /// Something has happened on one side; says at which exposure, if the inner side refused.
    pub(super) fn happened(&mut self, number: u32, is_inner: bool, what: u32) -> Option<u32> {
        let connection = self.all.get_mut(number as usize)?.as_mut()?;
        if what & wait::FAILED != 0 {
            let refused = !connection.joined && is_inner;
            let exposure = connection.exposure;
            self.reset(number);
            return refused.then_some(exposure);
        }
        if is_inner && what & wait::WRITABLE != 0 {
            connection.joined = true;
        }
        if connection.joined && !connection.is_ready {
            connection.is_ready = true;
            self.ready.push(number);
        }
        None
    }

    /// Gives everybody who is ready a turn.
    pub(super) fn move_all(&mut self, pipes: &mut Pipes, mut refused: impl FnMut(u32)) {
        for number in std::mem::take(&mut self.ready) {
            let Some(connection) = self.all.get_mut(number as usize).and_then(Option::as_mut)
            else {
                continue;
            };
            connection.is_ready = false;
            match connection.advance(pipes) {
                Ok(Turn::Idle) => {}
                Ok(Turn::More) => {
                    connection.is_ready = true;
                    self.ready.push(number);
                }
                Ok(Turn::Over) => self.close(number),
                Err(error) => {
                    if error.kind() == io::ErrorKind::ConnectionRefused {
                        refused(connection.exposure);
                    }
                    self.reset(number);
                }
            }
        }
    }

    fn close(&mut self, number: u32) {
        if self.all[number as usize].take().is_some() {
            self.free.push(number);
        }
    }

    fn reset(&mut self, number: u32) {
        if let Some(connection) = self.all[number as usize].take() {
            socket::reset_on_close(&connection.outer);
            socket::reset_on_close(&connection.inner);
            self.free.push(number);
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// An event will say when there is more to do.
    Idle,
    More,
    Over,
}

impl Connection {
    fn advance(&mut self, pipes: &mut Pipes) -> io::Result<Turn> {
        let inward = self.inward.advance(&self.outer, &self.inner, pipes)?;
        let outward = self.outward.advance(&self.inner, &self.outer, pipes)?;
        if self.inward.done && self.outward.done {
            return Ok(Turn::Over);
        }
        Ok(if inward || outward {
            Turn::More
        } else {
            Turn::Idle
        })
    }
}

impl Way {
    /// Moves what there is; `true`: there may be more.
    fn advance(&mut self, from: &TcpStream, to: &TcpStream, pipes: &mut Pipes) -> io::Result<bool> {
        for _ in 0..TURNS {
            if self.done {
                return Ok(false);
            }
            let pipe = match &self.pipe {
                Some(pipe) => pipe,
                None => self.pipe.insert(pipes.take()?),
            };
            if !self.ended && self.held < UNDER_WAY_MAX {
                match sys::move_bytes(from, &pipe.into, UNDER_WAY_MAX - self.held) {
                    Ok(0) => self.ended = true,
                    Ok(count) => self.held += count,
                    // Nothing there, or no room in the pipe.
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error),
                }
            }
            if self.held == 0 {
                if let Some(pipe) = self.pipe.take() {
                    pipes.give_back(pipe);
                }
                if self.ended {
                    self.done = true;
                    return finish(to).map(|()| false);
                }
                return Ok(false);
            }
            match sys::move_bytes(&pipe.out, to, self.held) {
                Ok(count) => self.held -= count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

/// Tells the receiver that nothing more comes.
fn finish(to: &TcpStream) -> io::Result<()> {
    match to.shutdown(Shutdown::Write) {
        // It has gone already.
        Err(error) if error.kind() != io::ErrorKind::NotConnected => Err(error),
        _ => Ok(()),
    }
}
