//! The relay's way into one network: sockets that the holder makes there, fetched before they are needed, and the one that
//! tells who listens.

use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use super::super::door::{self, Door};
use super::super::sys::{socket, wait, wait::Waiting};
use super::{HOLDER, token};

/// Sockets fetched at once; fewer than half of them left, and more are asked for.
const FETCHED: u8 = 8;
const PAUSE: Duration = Duration::from_millis(10);
/// That of another may be gone for good before anybody says so.
const PAUSE_BESIDE: Duration = Duration::from_millis(50);
const GONE: Duration = Duration::from_millis(500);

#[derive(Debug, Default)]
pub(super) struct Inside {
    /// Of another virtual data center; None: the own one.
    beside: Option<String>,
    /// By which its events are known.
    pub(super) number: u32,
    door: Option<Door>,
    streams: Vec<OwnedFd>,
    diagnosis: Option<OwnedFd>,
    /// More sockets are on their way.
    asked: bool,
    /// A holder that was not known has been found.
    news: bool,
    retry: Option<Instant>,
    /// Since when there is no holder.
    lost: Option<Instant>,
}

impl Inside {
    pub(super) fn beside(name: &str, number: u32) -> Self {
        Self {
            beside: Some(name.to_owned()),
            number,
            ..Self::default()
        }
    }

    fn open(&self) -> std::io::Result<Door> {
        match &self.beside {
            None => Door::open(),
            Some(name) => Door::open_beside(name),
        }
    }

    /// How soon it looks for a holder again: an own one that was killed is replaced at once.
    fn pause(&self) -> Duration {
        match self.beside {
            None => PAUSE,
            Some(_) => PAUSE_BESIDE,
        }
    }

    /// No holder was found for long: whoever waits to be let in waits in vain.
    pub(super) fn is_gone(&self, now: Instant) -> bool {
        self.lost.is_some_and(|lost| now - lost > GONE)
    }

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
            match self.open() {
                Ok(door)
                    if waiting
                        .add(
                            door.descriptor(),
                            wait::READABLE,
                            token(HOLDER, self.number),
                        )
                        .is_ok()
                        && door.ask(door::DIAGNOSIS, 1).is_ok() =>
                {
                    self.door = Some(door);
                    self.lost = None;
                    self.asked = false;
                }
                _ => {
                    self.lost.get_or_insert(now);
                    self.retry = Some(now + self.pause());
                }
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
                    self.retry = Some(now + self.pause());
                    return;
                }
            }
        }
    }

    /// The next holder may be that of another network: nothing of this one is kept.
    fn lose(&mut self, now: Instant) {
        *self = Self {
            beside: self.beside.take(),
            number: self.number,
            retry: Some(now + self.pause()),
            lost: Some(now),
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
