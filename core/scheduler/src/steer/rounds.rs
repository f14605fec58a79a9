//! Jobs by the clock. Which due time has been taken is saved before anything of it runs, so that each is begun once or
//! told to be left out, wherever the server dies.

use smack_model::{Goal, Header, Rounds, Schedule, Status, Timestamp};

use super::Steer;
use crate::change::Change;
use crate::waiting::Waiting;

/// Of what was missed in a long absence so many due times are counted one by one.
const COUNTED: u32 = 10_000;

impl Steer<'_> {
    pub(super) fn rounds(&mut self) {
        let system = self.system;
        let Some(schedule) = &system.header.spec.schedule else {
            return;
        };
        let Some(rounds) = system.header.rounds else {
            let begun = Rounds {
                since: self.now,
                taken: self.now,
                ..Rounds::default()
            };
            return self.save(begun);
        };
        if rounds.off {
            return;
        }
        let Some(next) = next_due(schedule, &rounds) else {
            return;
        };
        if next > self.now {
            return self.wake(next);
        }
        self.take(schedule, rounds, next);
    }

    /// The latest due time is begun or left out; those before it are left out.
    fn take(&mut self, schedule: &Schedule, rounds: Rounds, first: Timestamp) {
        let mut due = first;
        let mut passed = 0;
        while let Some(next) = schedule
            .next(due, rounds.since)
            .filter(|next| *next <= self.now)
        {
            passed += 1;
            due = next;
            if passed >= COUNTED {
                break;
            }
        }
        let runs = |status: &Status| status.is_live() || *status == Status::Claimed;
        let is_busy = self.system.tasks.values().any(|task| runs(&task.status));
        let intent = &self.system.header.intent;
        let is_late = self.now.since(due) > schedule.deadline;
        let is_off = intent.paused || intent.goal != Goal::Running;
        let is_left_out = is_off || is_late || is_busy && !schedule.replaces;
        let taken = Rounds {
            taken: due,
            missed: rounds.missed + passed + u32::from(is_left_out),
            ..rounds
        };
        self.save(match is_left_out {
            true => taken,
            false => Rounds {
                begun: rounds.begun + 1,
                latest: Some(due),
                ..taken
            },
        });
    }

    fn save(&mut self, rounds: Rounds) {
        let mut header = Header {
            rounds: Some(rounds),
            ..self.system.header.clone()
        };
        if self
            .system
            .header
            .rounds
            .is_some_and(|before| before.begun < rounds.begun)
        {
            // A round does not suffer for the one before.
            header.intent.forgiven = self.now;
        }
        let id = self.system.id.clone();
        self.out.changes.push(Change::Header(id, header));
    }

    /// Between two rounds its tasks wait for the clock.
    pub(super) fn until_due(&self) -> Option<Waiting> {
        let schedule = self.system.header.spec.schedule.as_ref()?;
        let rounds = self.system.header.rounds.unwrap_or_default();
        Some(Waiting::Clock {
            at: next_due(schedule, &rounds).filter(|_| !rounds.off),
        })
    }

    pub(super) fn is_by_the_clock(&self) -> bool {
        self.system.header.spec.schedule.is_some()
    }
}

/// When it is due next; `None`: never again.
pub(crate) fn next_due(schedule: &Schedule, rounds: &Rounds) -> Option<Timestamp> {
    schedule.next(rounds.taken, rounds.since)
}
