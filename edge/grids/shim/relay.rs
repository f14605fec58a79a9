//! Carries connections from outside to what a virtual data center exposes, and from inside to what it imports of others,
//! each on the same address and port. `shim relay <directory>` reads the files `table`, lines of `<address> <port> <1 if
//! the task runs>`, and `imports`, the same with the name of the other's directory or `-` for outside, again on SIGUSR1;
//! what it cannot have is in the file `problems`, lines of `<address> <port> <errno>`, and `inside` behind an import. It
//! holds every port as long as it is in a table, but listens only while a program does where it leads to, so that refused
//! is refused. One thread, and no bytes of its own: they pass from socket to socket within the kernel.

mod connection;
mod exposures;
mod inside;
mod sides;

use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};

use super::control;
use super::hold::{report, take_charge};
use super::space::Failure;
use super::sys::{
    self, Signals, socket,
    wait::{self, Event, Waiting},
};
use connection::{Connections, Pipes};
use exposures::{Exposures, Way};
use sides::Sides;

const LOCK: &str = "relay.lock";
const PID: &str = "relay.pid";

/// What an event is about: the upper half of its token.
const SIGNAL: u64 = 1;
const HOLDER: u64 = 2;
const EXPOSURE: u64 = 3;
const OUTER: u64 = 4;
const INNER: u64 = 5;

/// How soon it accepts again when no descriptors were left.
const EXHAUSTED: Duration = Duration::from_millis(50);

fn token(kind: u64, number: u32) -> u64 {
    kind << 32 | u64::from(number)
}

pub(crate) fn relay(directory: &Path) -> u8 {
    sys::close_inherited();
    sys::new_session();
    sys::want_descriptors();
    let opened = Relay::open(directory);
    report(opened.as_ref().map(drop));
    match opened {
        Ok(mut relay) => relay.serve(),
        Err(_) => super::FAILED,
    }
}

struct Relay {
    signals: Signals,
    waiting: Waiting,
    exposures: Exposures,
    sides: Sides,
    connections: Connections,
    pipes: Pipes,
    /// When it accepts again.
    exhausted: Option<Instant>,
}

impl Relay {
    fn open(directory: &Path) -> Result<Self, Failure> {
        let signals = Signals::block().map_err(Failure::at("signals"))?;
        std::env::set_current_dir(directory).map_err(Failure::at("directory"))?;
        if !control::lock_soon(LOCK).map_err(Failure::at("lock"))? {
            let error = std::io::ErrorKind::AlreadyExists.into();
            return Err(Failure {
                step: "taken",
                error,
            });
        }
        let waiting = Waiting::new().map_err(Failure::at("wait"))?;
        let added = waiting.add(signals.descriptor(), wait::READABLE, token(SIGNAL, 0));
        added.map_err(Failure::at("wait"))?;
        let mut relay = Self {
            signals,
            waiting,
            exposures: Exposures::default(),
            sides: Sides::new(),
            connections: Connections::default(),
            pipes: Pipes::default(),
            exhausted: None,
        };
        let now = Instant::now();
        relay.exposures.read(now);
        relay.work(now);
        take_charge(directory, PID).map_err(Failure::at("directory"))?;
        Ok(relay)
    }

    fn serve(&mut self) -> ! {
        let mut events = [Event { what: 0, token: 0 }; 64];
        loop {
            let timeout = self.timeout();
            let count = self.waiting.wait(&mut events, timeout);
            let now = Instant::now();
            for &Event { what, token } in &events[..count] {
                let number = (token & u64::from(u32::MAX)) as u32;
                match token >> 32 {
                    SIGNAL => {
                        self.signals.wait(None, 0);
                        self.exposures.read(now);
                    }
                    HOLDER => self.sides.hear(number, now),
                    EXPOSURE => self.exposures.knock(number),
                    kind => self.connected(number, kind == INNER, what),
                }
            }
            self.work(now);
        }
    }

    fn timeout(&mut self) -> i32 {
        if self.connections.has_work() {
            return 0;
        }
        let times = [
            self.sides.due(),
            self.exposures.due(&self.sides),
            self.exhausted,
        ];
        let Some(next) = times.into_iter().flatten().min() else {
            return -1;
        };
        let left = next.saturating_duration_since(Instant::now());
        i32::try_from(left.as_micros().div_ceil(1000)).unwrap_or(i32::MAX)
    }

    /// All that is due, besides what events have led to.
    fn work(&mut self, now: Instant) {
        self.sides.want(&self.exposures.beside());
        self.sides.connect(now, &self.waiting);
        for side in self.sides.take_news() {
            self.exposures.look_again(&side, now);
        }
        self.exposures.settle(now, &self.waiting, &mut self.sides);
        self.exposures.tell();
        if self.exhausted.is_none_or(|until| now >= until) {
            self.exhausted = None;
            self.accept(now);
        }
        let (exposures, pipes) = (&mut self.exposures, &mut self.pipes);
        self.connections
            .move_all(pipes, |refused| exposures.refused(refused, now));
    }

    /// Lets in whoever has knocked, as far as there are sockets where that leads to.
    fn accept(&mut self, now: Instant) {
        for number in self.exposures.knocked() {
            while let Some((listener, way)) = self.exposures.waiting(number)
                && self.sides.has_streams(&way.side)
            {
                match socket::accept(listener) {
                    Ok(outer) => {
                        let Some(inner) = self.sides.stream(&way.side) else {
                            return;
                        };
                        self.join(&way, outer, inner, now);
                    }
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                        self.exposures.answered(number);
                    }
                    // Gone before it was let in.
                    Err(error) if error.kind() == std::io::ErrorKind::ConnectionAborted => {}
                    Err(_) => {
                        self.exhausted = Some(now + EXHAUSTED);
                        return;
                    }
                }
            }
        }
    }

    fn join(&mut self, way: &Way, outer: OwnedFd, inner: OwnedFd, now: Instant) {
        socket::do_not_delay(&outer);
        socket::do_not_delay(&inner);
        if socket::connect_stream(&inner, way.address, way.port).is_err() {
            socket::reset_on_close(&outer);
            self.exposures.refused(way.number, now);
            return;
        }
        let connections = &mut self.connections;
        connections.add(way.number, outer, inner, &self.waiting);
    }

    fn connected(&mut self, number: u32, is_inner: bool, what: u32) {
        if let Some(refused) = self.connections.happened(number, is_inner, what) {
            self.exposures.refused(refused, Instant::now());
        }
    }
}
