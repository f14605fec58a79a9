//! Waits for the end of the task, for the wish to stop it and for the time to look at its logs; nothing else wakes it.

use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use super::control::{self, Process, after_name};
use super::ending::{self, Ending, Kind};
use super::order::{LogLimits, Order};
use super::rotation;
use super::sys::{self, Reaped, Signals};

/// How long it goes on killing what does not die.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(crate) struct Supervision {
    signals: Signals,
    task: i32,
    /// Only of a task that is no child of this process: its end is seen, its exit code is not.
    stranger: Option<Stranger>,
    logs: LogLimits,
    next_look: Instant,
    kernel_kills: u64,
    stop: Option<Stop>,
}

#[derive(Debug)]
struct Stranger {
    process: Process,
    descriptor: Option<OwnedFd>,
    /// `SMACK_SANDBOX=…`, by which its descendants are known.
    mark: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
struct Stop {
    signal: i32,
    deadline: Instant,
}

impl Supervision {
    pub(crate) fn of_child(signals: Signals, task: i32, order: &Order) -> Self {
        Self {
            signals,
            task,
            stranger: None,
            logs: order.logs.clone(),
            next_look: Instant::now() + order.logs.every,
            kernel_kills: ending::kernel_kills(),
            stop: None,
        }
    }

    pub(crate) fn of_stranger(signals: Signals, process: Process, order: &Order) -> Self {
        let descriptor = sys::pid_descriptor(process.pid).ok();
        let mut variables = order.environment.iter().map(|text| text.as_bytes());
        let mark = variables
            .rfind(|variable| variable.starts_with(b"SMACK_SANDBOX="))
            .unwrap_or_default()
            .to_vec();
        Self {
            stranger: Some(Stranger {
                process,
                descriptor,
                mark,
            }),
            ..Self::of_child(signals, process.pid, order)
        }
    }

    /// Writes how the task ended, then sees to it that nothing is left of it.
    pub(crate) fn until_end(mut self) -> io::Result<()> {
        let kind = loop {
            // Looked at before the first wait: the wish may be older than this process.
            self.take_wish();
            if let Some(kind) = self.end() {
                break kind;
            }
            let now = Instant::now();
            let mut wake = self.next_look;
            if let Some(stop) = self.stop {
                if now >= stop.deadline {
                    self.kill_all();
                }
                wake = wake.min(stop.deadline.max(now + Duration::from_millis(100)));
            }
            if now >= self.next_look {
                self.look_at_logs(now);
                continue;
            }
            // A stranger that cannot be watched is looked at twice a second.
            let blind = self
                .stranger
                .as_ref()
                .is_some_and(|stranger| stranger.descriptor.is_none());
            if blind {
                wake = wake.min(now + Duration::from_millis(500));
            }
            let descriptor = self
                .stranger
                .as_ref()
                .and_then(|stranger| stranger.descriptor.as_ref());
            self.signals.wait(descriptor, milliseconds(wake - now));
        };
        let written = Ending::now(kind, self.stop.is_some()).write();
        if self.stranger.is_some() {
            self.end_strangers();
        } else {
            self.end_children();
        }
        written
    }

    /// How the task ended, if it did; takes the ends of its orphans too.
    fn end(&self) -> Option<Kind> {
        if let Some(stranger) = &self.stranger {
            return (!stranger.process.is_there() || is_dead(self.task)).then_some(Kind::Unknown);
        }
        loop {
            match sys::reap() {
                Reaped::Child(pid, status) if pid == self.task => return Some(self.kind(status)),
                Reaped::Child(..) => {}
                Reaped::Pending => return None,
                Reaped::None => return Some(Kind::Unknown),
            }
        }
    }

    fn kind(&self, status: i32) -> Kind {
        match status & 0x7f {
            0 => Kind::Exit((status >> 8) & 0xff),
            sys::SIGKILL
                if self.stop.is_none()
                    && ending::is_out_of_memory(self.task, self.kernel_kills) =>
            {
                Kind::Memory
            }
            signal => Kind::Signal(signal),
        }
    }

    /// Asks the task to stop when the wish is new; a repeated wish does nothing, a shorter grace counts.
    fn take_wish(&mut self) {
        let Ok(text) = std::fs::read_link(control::STOP) else {
            return;
        };
        let text = text.to_string_lossy();
        let mut words = text.split_ascii_whitespace();
        let signal = words.next().and_then(|word| word.parse().ok());
        let grace = words.next().and_then(|word| word.parse().ok());
        let (Some(signal), Some(grace)) = (signal, grace) else {
            return;
        };
        let deadline = Instant::now() + Duration::from_millis(grace);
        let earlier = self.stop;
        self.stop = Some(Stop {
            signal,
            deadline: earlier.map_or(deadline, |stop| stop.deadline.min(deadline)),
        });
        if earlier.is_none_or(|stop| stop.signal != signal) {
            sys::send(-self.task, signal);
        }
    }

    fn look_at_logs(&mut self, now: Instant) {
        let mut busy = false;
        for name in ["stdout.log", "stderr.log"] {
            busy |= rotation::rotate(name, &self.logs).unwrap_or(false);
        }
        self.kernel_kills = ending::kernel_kills();
        // A task that writes fast is looked at more often.
        self.next_look = now
            + if busy {
                self.logs.every / 10
            } else {
                self.logs.every
            };
    }

    fn kill_all(&self) {
        sys::send(-self.task, sys::SIGKILL);
        match &self.stranger {
            Some(stranger) => stranger.kill_descendants(),
            None => {
                for child in children() {
                    sys::send(child, sys::SIGKILL);
                }
            }
        }
    }

    /// After a stop the rest of the group may finish within the grace, else it is killed. All that is left has become
    /// a child of this process, so no number can mean somebody else.
    fn end_children(&self) {
        let now = Instant::now();
        let kill_from = self.stop.map_or(now, |stop| stop.deadline);
        let give_up = kill_from.max(now) + PATIENCE;
        if let Some(stop) = self.stop {
            for child in children() {
                if sys::group_of(child) != self.task {
                    sys::send(child, stop.signal);
                }
            }
        }
        loop {
            match sys::reap() {
                Reaped::Child(..) => continue,
                Reaped::None => return,
                Reaped::Pending => {}
            }
            let now = Instant::now();
            if now >= give_up {
                return;
            }
            let wait = if now < kill_from {
                kill_from - now
            } else {
                for child in children() {
                    sys::send(child, sys::SIGKILL);
                }
                Duration::from_millis(10)
            };
            self.signals.wait(None, milliseconds(wait));
        }
    }

    fn end_strangers(&self) {
        sys::send(-self.task, sys::SIGKILL);
        if let Some(stranger) = &self.stranger {
            stranger.kill_descendants();
        }
    }
}

impl Stranger {
    /// Its descendants have gone to other parents; they are known by their session or by their environment.
    fn kill_descendants(&self) {
        for pid in processes() {
            if pid == sys::own_pid() {
                continue;
            }
            let session = stat_field(pid, 3).is_some_and(|session| session == self.process.pid);
            let marked = || {
                !self.mark.is_empty()
                    && std::fs::read(format!("/proc/{pid}/environ")).is_ok_and(|environment| {
                        environment
                            .split(|&byte| byte == 0)
                            .any(|variable| variable == self.mark)
                    })
            };
            if session || marked() {
                sys::send(pid, sys::SIGKILL);
            }
        }
    }
}

/// The children of this process.
fn children() -> Vec<i32> {
    let own = sys::own_pid();
    match std::fs::read_to_string(format!("/proc/{own}/task/{own}/children")) {
        Ok(text) => text
            .split_ascii_whitespace()
            .filter_map(|word| word.parse().ok())
            .collect(),
        // Not in this kernel.
        Err(_) => processes()
            .into_iter()
            .filter(|&pid| stat_field(pid, 1) == Some(own))
            .collect(),
    }
}

fn processes() -> Vec<i32> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect()
}

/// The fields after the name: 0 state, 1 parent, 2 group, 3 session.
fn stat_field(pid: i32, index: usize) -> Option<i32> {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    after_name(&stat)?.split(' ').nth(index)?.parse().ok()
}

/// Ended, but not yet taken note of by its parent.
fn is_dead(pid: i32) -> bool {
    std::fs::read(format!("/proc/{pid}/stat"))
        .ok()
        .and_then(|stat| after_name(&stat).map(|fields| fields.starts_with(['Z', 'X'])))
        .unwrap_or(true)
}

/// Rounded up, so that the time has come when the wait ends.
fn milliseconds(wait: Duration) -> i32 {
    i32::try_from(wait.as_micros().div_ceil(1000)).unwrap_or(i32::MAX)
}
