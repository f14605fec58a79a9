//! The ports at which connections come: outside for what is exposed, inside for what is imported. Each is held as long as
//! it is in its table and listens while somebody does where it leads to.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use super::super::control;
use super::super::sys::{socket, wait, wait::Waiting};
use super::sides::{Side, Sides};
use super::{EXPOSURE, token};

const TABLE: &str = "table";
const IMPORTS: &str = "imports";
const NAMESPACES: &str = "namespaces";
const PROBLEMS: &str = "problems";

/// How often it looks for a listener inside: often while the program is young.
const LOOK: Duration = Duration::from_millis(10);
const YOUNG: Duration = Duration::from_secs(30);
const LOOK_SELDOM: Duration = Duration::from_millis(100);
/// How soon it tries again to have a port that a stranger has.
const RETRY: Duration = Duration::from_millis(200);

#[derive(Debug, Default)]
pub(super) struct Exposures {
    all: BTreeMap<Port, Exposure>,
    /// The own network in which imports are held.
    held_in: String,
    last_number: u32,
    told: String,
}

/// Where connections come.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Port {
    side: Side,
    address: Ipv4Addr,
    port: u16,
}

#[derive(Debug)]
struct Exposure {
    number: u32,
    leads_to: Side,
    /// Since when the task runs.
    runs: Option<Instant>,
    /// When to look whether somebody listens there; only while the task runs.
    look: Option<Instant>,
    outer: Outer,
    /// Somebody waits to be let in.
    knocked: bool,
}

/// Where a connection goes on to.
#[derive(Debug, Clone)]
pub(super) struct Way {
    pub(super) number: u32,
    pub(super) side: Side,
    pub(super) address: Ipv4Addr,
    pub(super) port: u16,
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
        let (Some(table), Some(imports)) = (text(TABLE), text(IMPORTS)) else {
            return;
        };
        let exposed = table.lines().filter_map(exposed);
        let imported = imports.lines().filter_map(imported);
        let wanted: BTreeMap<Port, (Side, bool)> = exposed.chain(imported).collect();
        self.all.retain(|port, exposure| {
            let leads_to = wanted.get(port).map(|(leads_to, _)| leads_to);
            leads_to == Some(&exposure.leads_to)
        });
        for (port, (leads_to, runs)) in wanted {
            let exposure = self.all.entry(port).or_insert_with(|| {
                self.last_number += 1;
                Exposure {
                    number: self.last_number,
                    leads_to,
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

    /// The networks of others that tasks run in which are imported.
    pub(super) fn beside(&self) -> BTreeSet<&str> {
        let run = self.all.values().filter(|exposure| exposure.runs.is_some());
        run.filter_map(|exposure| match &exposure.leads_to {
            Side::Beside(name) => Some(name.as_str()),
            Side::Outside | Side::Own => None,
        })
        .collect()
    }

    /// Another holder is there: perhaps with another network.
    pub(super) fn look_again(&mut self, side: &Side, now: Instant) {
        let is_moved = *side == Side::Own
            && text(NAMESPACES).is_some_and(|now| {
                let is_other = now != self.held_in;
                self.held_in = now;
                is_other
            });
        for (port, exposure) in &mut self.all {
            if is_moved && port.side == Side::Own {
                // Nobody is in the network where it was held.
                exposure.outer = Outer::Unheld(now, None);
                exposure.knocked = false;
                exposure.look = exposure.runs.map(|_| now);
            }
            if exposure.leads_to == *side {
                exposure.look = exposure.runs.map(|_| now);
            }
        }
    }

    /// When something must be done without an event; looking is in vain while nobody can tell.
    pub(super) fn due(&self, sides: &Sides) -> Option<Instant> {
        let times = self.all.values().flat_map(|exposure| {
            let retry = match &exposure.outer {
                Outer::Unheld(retry, _) => Some(*retry),
                Outer::Held(_) | Outer::Listening(_) => None,
            };
            let can_tell = sides.can_tell(&exposure.leads_to);
            [retry, exposure.look.filter(|_| can_tell)]
        });
        times.flatten().min()
    }

    /// Holds and listens as far as it is time.
    pub(super) fn settle(&mut self, now: Instant, waiting: &Waiting, sides: &mut Sides) {
        for (port, exposure) in &mut self.all {
            if sides.is_gone(&exposure.leads_to, now) {
                exposure.stop_listening(now);
                exposure.look = exposure.runs.map(|_| now);
            }
            exposure.hold(now, port, sides);
            if exposure.look.is_none_or(|look| now < look) {
                continue;
            }
            match sides.listens(&exposure.leads_to, port.address, port.port) {
                None => {}
                Some(true) if exposure.start_listening(now, waiting) => exposure.look = None,
                Some(true) => exposure.look = Some(now + RETRY),
                Some(false) => {
                    exposure.stop_listening(now);
                    exposure.hold(now, port, sides);
                    exposure.look_later(now);
                }
            }
        }
    }

    /// Writes down what cannot be had, if that has changed.
    pub(super) fn tell(&mut self) {
        let mut text = String::new();
        for (held, exposure) in &self.all {
            if let Outer::Unheld(_, Some(errno)) = exposure.outer {
                let Port {
                    side,
                    address,
                    port,
                } = held;
                let inside = if *side == Side::Own { " inside" } else { "" };
                text.push_str(&format!("{address} {port} {errno}{inside}\n"));
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

    /// Those at which somebody waits.
    pub(super) fn knocked(&self) -> Vec<u32> {
        let knocked = self.all.values().filter(|exposure| exposure.knocked);
        knocked.map(|exposure| exposure.number).collect()
    }

    /// Where somebody waits, and where that leads to.
    pub(super) fn waiting(&self, number: u32) -> Option<(&OwnedFd, Way)> {
        let mut all = self.all.iter();
        let (port, exposure) = all.find(|(_, exposure)| exposure.number == number)?;
        let Outer::Listening(listener) = &exposure.outer else {
            return None;
        };
        let way = Way {
            number,
            side: exposure.leads_to.clone(),
            address: port.address,
            port: port.port,
        };
        exposure.knocked.then_some((listener, way))
    }

    /// Nobody waits there any more.
    pub(super) fn answered(&mut self, number: u32) {
        if let Some(exposure) = self.of(number) {
            exposure.knocked = false;
        }
    }

    /// Nobody listens there any more.
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
    fn hold(&mut self, now: Instant, port: &Port, sides: &mut Sides) {
        let Outer::Unheld(retry, before) = self.outer else {
            return;
        };
        if now < retry {
            return;
        }
        let Some(held) = sides.stream(&port.side) else {
            self.outer = Outer::Unheld(now + LOOK, before);
            return;
        };
        self.outer = match socket::bind_stream(&held, port.address, port.port) {
            Ok(()) => Outer::Held(held),
            Err(error) => Outer::Unheld(now + RETRY, Some(errno(&error))),
        };
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

/// The text of a file; one that is not there is empty.
fn text(file: &str) -> Option<String> {
    match std::fs::read_to_string(file) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Some(String::new()),
        Err(_) => None,
    }
}

/// `<address> <port> <1 if the task runs>`
fn exposed(line: &str) -> Option<(Port, (Side, bool))> {
    let (port, runs, _) = words(line, Side::Outside)?;
    Some((port, (Side::Own, runs)))
}

/// `<address> <port> <1 if the task runs> <the directory's name, or - for outside>`
fn imported(line: &str) -> Option<(Port, (Side, bool))> {
    let (port, runs, from) = words(line, Side::Own)?;
    let leads_to = match from? {
        "-" => Side::Outside,
        name => Side::Beside(name.to_owned()),
    };
    Some((port, (leads_to, runs)))
}

fn words(line: &str, side: Side) -> Option<(Port, bool, Option<&str>)> {
    let mut words = line.split(' ');
    let port = Port {
        side,
        address: words.next()?.parse().ok()?,
        port: words.next()?.parse().ok()?,
    };
    let runs = words.next()? == "1";
    Some((port, runs, words.next()))
}
