//! Carries connections from outside to what a virtual data center exposes, on the same address and port. `shim relay
//! <directory>` reads the file `table`, lines of `<address> <port> <1 if the task runs>`, again on SIGUSR1; what it
//! cannot have is in the file `problems`, lines of `<address> <port> <errno>`. It holds every port outside as long as
//! it is in the table, but listens only while a program inside does, so that refused is refused. One thread, and no
//! bytes of its own: they pass from socket to socket within the kernel.

mod connection;
mod exposures;
mod inside;

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
use exposures::Exposures;
use inside::Inside;

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
    inside: Inside,
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
            inside: Inside::default(),
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
                    HOLDER => self.inside.hear(now),
                    EXPOSURE => self.exposures.knock(number),
                    kind => self.connected(number, kind == INNER, what),
                }
            }
            self.work(now);
        }
    }

    fn timeout(&self) -> i32 {
        if self.connections.has_work() {
            return 0;
        }
        let times = [
            self.inside.due(),
            self.exposures.due(self.inside.can_tell()),
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
        self.inside.connect(now, &self.waiting);
        if self.inside.take_news() {
            self.exposures.look_again(now);
        }
        let inside = &mut self.inside;
        self.exposures.settle(now, &self.waiting, |address, port| {
            inside.listens(address, port)
        });
        self.exposures.tell();
        if self.exhausted.is_none_or(|until| now >= until) {
            self.exhausted = None;
            self.accept(now);
        }
        let (exposures, pipes) = (&mut self.exposures, &mut self.pipes);
        self.connections
            .move_all(pipes, |refused| exposures.refused(refused, now));
    }

    /// Lets in whoever has knocked, as far as there are sockets inside.
    fn accept(&mut self, now: Instant) {
        while let Some((number, address, port, listener)) = self.exposures.knocked() {
            if !self.inside.has_streams() {
                return;
            }
            match socket::accept(listener) {
                Ok(outer) => {
                    let Some(inner) = self.inside.stream() else {
                        return;
                    };
                    self.join(number, outer, inner, (address, port), now);
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

    fn join(
        &mut self,
        exposure: u32,
        outer: OwnedFd,
        inner: OwnedFd,
        (address, port): (std::net::Ipv4Addr, u16),
        now: Instant,
    ) {
        socket::do_not_delay(&outer);
        socket::do_not_delay(&inner);
        if socket::connect_stream(&inner, address, port).is_err() {
            socket::reset_on_close(&outer);
            self.exposures.refused(exposure, now);
            return;
        }
        self.connections.add(exposure, outer, inner, &self.waiting);
    }

    fn connected(&mut self, number: u32, is_inner: bool, what: u32) {
        if let Some(refused) = self.connections.happened(number, is_inner, what) {
            self.exposures.refused(refused, Instant::now());
        }
    }
}
