//! The ports outside: held as long as they are in the table, listening while somebody inside does.

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use super::super::control;
use super::super::sys::{socket, wait, wait::Waiting};
use super::{EXPOSURE, token};

const TABLE: &str = "table";
const PROBLEMS: &str = "problems";

/// How often it looks for a listener inside: often while the program is young.
const LOOK: Duration = Duration::from_millis(10);
const YOUNG: Duration = Duration::from_secs(30);
const LOOK_SELDOM: Duration = Duration::from_millis(100);
/// How soon it tries again to have a port that a stranger has.
const RETRY: Duration = Duration::from_millis(200);

#[derive(Debug, Default)]
pub(super) struct Exposures {
    all: BTreeMap<(Ipv4Addr, u16), Exposure>,
    last_number: u32,
    told: String,
}

#[derive(Debug)]
struct Exposure {
    number: u32,
    /// Since when the task runs.
    runs: Option<Instant>,
    /// When to look whether somebody listens inside; only while the task runs.
    look: Option<Instant>,
    outer: Outer,
    /// Somebody waits to be let in.
    knocked: bool,
}

#[derive(Debug)]
enum Outer {
    /// To be tried again then; the error is the last one.
    Unheld(Instant, Option<i32>),
    Held(OwnedFd),
    Listening(OwnedFd),
}

impl Exposures {
    /// Takes over the table; what is not in it any more is let go of.
    pub(super) fn read(&mut self, now: Instant) {
        let Ok(text) = std::fs::read_to_string(TABLE) else {
            return;
        };
        let wanted: BTreeMap<(Ipv4Addr, u16), bool> = text.lines().filter_map(line).collect();
        self.all.retain(|place, _| wanted.contains_key(place));
        for (place, runs) in wanted {
            let exposure = self.all.entry(place).or_insert_with(|| {
                self.last_number += 1;
                Exposure {
                    number: self.last_number,
                    runs: None,
                    look: None,
                    outer: Outer::Unheld(now, None),
                    knocked: false,
                }
            });
            if runs && exposure.runs.is_none() {
                exposure.runs = Some(now);
                exposure.look = Some(now);
            } else if !runs {
                exposure.runs = None;
                exposure.look = None;
                exposure.stop_listening(now);
            }
        }
    }

    /// Another holder is there: perhaps with another network.
    pub(super) fn look_again(&mut self, now: Instant) {
        for exposure in self.all.values_mut() {
            exposure.look = exposure.runs.map(|_| now);
        }
    }

    /// When something must be done without an event; looking is in vain while nobody can tell.
    pub(super) fn due(&self, can_tell: bool) -> Option<Instant> {
        let times = self.all.values().flat_map(|exposure| {
            let retry = match &exposure.outer {
                Outer::Unheld(retry, _) => Some(*retry),
                Outer::Held(_) | Outer::Listening(_) => None,
            };
            [retry, exposure.look.filter(|_| can_tell)]
        });
        times.flatten().min()
    }

    /// Holds and listens as far as it is time; `listens` says whether somebody does inside.
    pub(super) fn settle(
        &mut self,
        now: Instant,
        waiting: &Waiting,
        mut listens: impl FnMut(Ipv4Addr, u16) -> Option<bool>,
    ) {
        for ((address, port), exposure) in &mut self.all {
            exposure.hold(now, *address, *port);
            if exposure.look.is_none_or(|look| now < look) {
                continue;
            }
            match listens(*address, *port) {
                None => {}
                Some(true) if exposure.start_listening(now, waiting) => exposure.look = None,
                Some(true) => exposure.look = Some(now + RETRY),
                Some(false) => {
                    exposure.stop_listening(now);
                    exposure.hold(now, *address, *port);
                    exposure.look_later(now);
                }
            }
        }
    }

    /// Writes down what cannot be had, if that has changed.
    pub(super) fn tell(&mut self) {
        let mut text = String::new();
        for ((address, port), exposure) in &self.all {
            if let Outer::Unheld(_, Some(errno)) = exposure.outer {
                text.push_str(&format!("{address} {port} {errno}\n"));
            }
        }
        if text != self.told && control::replace(PROBLEMS, &text).is_ok() {
            self.told = text;
        }
    }

    pub(super) fn knock(&mut self, number: u32) {
        if let Some(exposure) = self.of(number) {
            exposure.knocked = true;
        }
    }

    /// The next at which somebody waits.
    pub(super) fn knocked(&self) -> Option<(u32, Ipv4Addr, u16, &OwnedFd)> {
        self.all
            .iter()
            .find_map(|((address, port), exposure)| match &exposure.outer {
                Outer::Listening(listener) if exposure.knocked => {
                    Some((exposure.number, *address, *port, listener))
                }
                Outer::Listening(_) | Outer::Held(_) | Outer::Unheld(..) => None,
            })
    }

    /// Nobody waits there any more.
    pub(super) fn answered(&mut self, number: u32) {
        if let Some(exposure) = self.of(number) {
            exposure.knocked = false;
        }
    }

    /// Nobody listens inside any more.
    pub(super) fn refused(&mut self, number: u32, now: Instant) {
        if let Some(exposure) = self.of(number) {
            exposure.stop_listening(now);
            exposure.look = exposure.runs.map(|_| now + LOOK);
        }
    }

    fn of(&mut self, number: u32) -> Option<&mut Exposure> {
        let mut all = self.all.values_mut();
        all.find(|exposure| exposure.number == number)
    }
}

impl Exposure {
    fn hold(&mut self, now: Instant, address: Ipv4Addr, port: u16) {
        if let Outer::Unheld(retry, _) = self.outer
            && now >= retry
        {
            self.outer = match socket::bound_stream(address, port) {
                Ok(held) => Outer::Held(held),
                Err(error) => Outer::Unheld(now + RETRY, Some(error.raw_os_error().unwrap_or(0))),
            };
        }
    }

    /// `false`: a stranger does.
    fn start_listening(&mut self, now: Instant, waiting: &Waiting) -> bool {
        let held = match std::mem::replace(&mut self.outer, Outer::Unheld(now, None)) {
            Outer::Held(held) => held,
            before @ (Outer::Unheld(..) | Outer::Listening(_)) => {
                let listens = matches!(before, Outer::Listening(_));
                self.outer = before;
                return listens;
            }
        };
        let number = self.number;
        let listening = socket::start_listening(&held)
            .and_then(|()| waiting.add(&held, wait::READABLE_ONCE, token(EXPOSURE, number)));
        match listening {
            Ok(()) => {
                self.outer = Outer::Listening(held);
                true
            }
            Err(error) => {
                self.outer = Outer::Unheld(now + RETRY, Some(errno(&error)));
                false
            }
        }
    }

    fn stop_listening(&mut self, now: Instant) {
        self.knocked = false;
        if let Outer::Listening(_) = self.outer {
            // Whoever waits to be let in is reset.
            self.outer = Outer::Unheld(now, None);
        }
    }

    fn look_later(&mut self, now: Instant) {
        let is_young = self.runs.is_some_and(|runs| now - runs < YOUNG);
        self.look = Some(now + if is_young { LOOK } else { LOOK_SELDOM });
    }
}

fn errno(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(0)
}

fn line(line: &str) -> Option<((Ipv4Addr, u16), bool)> {
    let mut words = line.split(' ');
    let address = words.next()?.parse().ok()?;
    let port = words.next()?.parse().ok()?;
    Some(((address, port), words.next()? == "1"))
}
