//! The relay's way inside: sockets that the holder makes there, fetched before they are needed, and the one that tells
//! who listens.

use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use super::super::door::{self, Door};
use super::super::sys::{socket, wait, wait::Waiting};
use super::{HOLDER, token};

/// Sockets fetched at once; fewer than half of them left, and more are asked for.
const FETCHED: u8 = 8;
/// How soon it looks for a holder again: a killed one is replaced at once.
const PAUSE: Duration = Duration::from_millis(10);

#[derive(Debug, Default)]
pub(super) struct Inside {
    door: Option<Door>,
    streams: Vec<OwnedFd>,
    diagnosis: Option<OwnedFd>,
    /// More sockets are on their way.
    asked: bool,
    /// A holder that was not known has been found.
    news: bool,
    retry: Option<Instant>,
}

impl Inside {
    /// When something must be done without an event.
    pub(super) fn due(&self) -> Option<Instant> {
        self.retry
    }

    pub(super) fn can_tell(&self) -> bool {
        self.diagnosis.is_some()
    }

    pub(super) fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.news)
    }

    /// Finds the holder, if there is none yet and it is time, and asks for what is needed.
    pub(super) fn connect(&mut self, now: Instant, waiting: &Waiting) {
        if self.door.is_none() && self.retry.is_none_or(|retry| now >= retry) {
            self.retry = None;
            match Door::open() {
                Ok(door)
                    if waiting
                        .add(door.descriptor(), wait::READABLE, token(HOLDER, 0))
                        .is_ok()
                        && door.ask(door::DIAGNOSIS, 1).is_ok() =>
                {
                    self.door = Some(door);
                    self.asked = false;
                }
                _ => self.retry = Some(now + PAUSE),
            }
        }
        let few = self.streams.len() < usize::from(FETCHED / 2);
        if few && !self.asked && self.retry.is_none_or(|retry| now >= retry) {
            self.retry = None;
            if let Some(door) = &self.door {
                self.asked = door.ask(door::STREAMS, FETCHED).is_ok();
                if !self.asked {
                    self.lose(now);
                }
            }
        }
    }

    /// Takes what the holder has sent.
    pub(super) fn hear(&mut self, now: Instant) {
        while let Some(door) = &self.door {
            match door.answer(false) {
                Ok(answer) if answer.letter == door::STREAMS => {
                    self.asked = false;
                    self.streams.extend(answer.descriptors);
                }
                Ok(answer) if answer.letter == door::DIAGNOSIS => {
                    self.diagnosis = answer.descriptors.into_iter().next();
                    self.news = true;
                }
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => self.lose(now),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => self.lose(now),
                // It could not do what was asked; later perhaps.
                Err(_) => {
                    self.asked = false;
                    self.retry = Some(now + PAUSE);
                    return;
                }
            }
        }
    }

    /// The next holder may be that of another network: nothing of this one is kept.
    fn lose(&mut self, now: Instant) {
        *self = Self {
            retry: Some(now + PAUSE),
            ..Self::default()
        };
    }

    pub(super) fn has_streams(&self) -> bool {
        !self.streams.is_empty()
    }

    pub(super) fn stream(&mut self) -> Option<OwnedFd> {
        self.streams.pop()
    }

    /// `None`: nobody can tell now.
    pub(super) fn listens(&mut self, address: Ipv4Addr, port: u16) -> Option<bool> {
        let diagnosis = self.diagnosis.as_ref()?;
        // Where the kernel cannot tell, a connection will: it is refused a little later.
        Some(socket::listens(diagnosis, address, port).unwrap_or(true))
    }
}
