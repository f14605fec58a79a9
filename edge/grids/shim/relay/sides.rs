//! Where the relay's sockets are: outside, inside the own network, and inside those of other virtual data centers as far as
//! something there is used.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;
use std::time::Instant;

use super::super::sys::{
    socket::{self, Family},
    wait::Waiting,
};
use super::inside::Inside;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    Outside,
    Own,
    /// The network whose directory has this name beside the own one.
    Beside(String),
}

#[derive(Debug)]
pub(super) struct Sides {
    own: Inside,
    beside: BTreeMap<String, Inside>,
    /// Who listens outside, once somebody asks.
    diagnosis: Option<OwnedFd>,
    last_number: u32,
}

impl Sides {
    pub(super) fn new() -> Self {
        Self {
            own: Inside::default(),
            beside: BTreeMap::new(),
            diagnosis: None,
            last_number: 0,
        }
    }

    /// Goes into these networks and leaves all others.
    pub(super) fn want(&mut self, names: &BTreeSet<&str>) {
        self.beside.retain(|name, _| names.contains(name.as_str()));
        for name in names {
            if !self.beside.contains_key(*name) {
                self.last_number += 1;
                let inside = Inside::beside(name, self.last_number);
                self.beside.insert((*name).to_owned(), inside);
            }
        }
    }

    fn all(&mut self) -> impl Iterator<Item = (Side, &mut Inside)> {
        let beside = self.beside.iter_mut();
        let beside = beside.map(|(name, inside)| (Side::Beside(name.clone()), inside));
        std::iter::once((Side::Own, &mut self.own)).chain(beside)
    }

    fn of(&self, side: &Side) -> Option<&Inside> {
        match side {
            Side::Outside => None,
            Side::Own => Some(&self.own),
            Side::Beside(name) => self.beside.get(name),
        }
    }

    fn of_mut(&mut self, side: &Side) -> Option<&mut Inside> {
        match side {
            Side::Outside => None,
            Side::Own => Some(&mut self.own),
            Side::Beside(name) => self.beside.get_mut(name),
        }
    }

    /// When something must be done without an event.
    pub(super) fn due(&mut self) -> Option<Instant> {
        self.all().filter_map(|(_, inside)| inside.due()).min()
    }

    pub(super) fn connect(&mut self, now: Instant, waiting: &Waiting) {
        self.all()
            .for_each(|(_, inside)| inside.connect(now, waiting));
    }

    /// Something has come from the holder of this number.
    pub(super) fn hear(&mut self, number: u32, now: Instant) {
        let mut all = self.all();
        if let Some((_, inside)) = all.find(|(_, inside)| inside.number == number) {
            inside.hear(now);
        }
    }

    /// Those whose holder is another than before.
    pub(super) fn take_news(&mut self) -> Vec<Side> {
        let news = self
            .all()
            .filter_map(|(side, inside)| inside.take_news().then_some(side));
        news.collect()
    }

    pub(super) fn is_gone(&self, side: &Side, now: Instant) -> bool {
        self.of(side).is_some_and(|inside| inside.is_gone(now))
    }

    pub(super) fn can_tell(&self, side: &Side) -> bool {
        *side == Side::Outside || self.of(side).is_some_and(Inside::can_tell)
    }

    pub(super) fn has_streams(&self, side: &Side) -> bool {
        *side == Side::Outside || self.of(side).is_some_and(Inside::has_streams)
    }

    /// A socket there; `None`: there is none now.
    pub(super) fn stream(&mut self, side: &Side) -> Option<OwnedFd> {
        match side {
            Side::Outside => socket::stream(Family::V4).ok(),
            Side::Own | Side::Beside(_) => self.of_mut(side)?.stream(),
        }
    }

    /// Whether somebody listens there; `None`: nobody can tell now.
    pub(super) fn listens(&mut self, side: &Side, address: Ipv4Addr, port: u16) -> Option<bool> {
        if *side != Side::Outside {
            return self.of_mut(side)?.listens(address, port);
        }
        if self.diagnosis.is_none() {
            self.diagnosis = socket::diagnosis().ok();
        }
        // Where the kernel cannot tell, a connection will: it is refused a little later.
        let found = socket::listens(self.diagnosis.as_ref()?, address, port);
        Some(found.unwrap_or(true))
    }
}
