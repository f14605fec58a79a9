//! Virtual data centers that end by themselves: the end, and the warnings before it.

use serde::{Deserialize, Serialize};
use smack_model::{Span, Timestamp, VdcId, VdcRecord};

use super::{Engine, Refused};
use crate::change::Change;

/// How long a virtual data center lives from the moment that this is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ttl {
    /// Until somebody ends it.
    Never,
    For(Span),
}

/// So long before the end somebody is warned. Those that lie before the start are skipped.
const WARNINGS: [Span; 3] = [Span::minutes(60), Span::minutes(10), Span::minutes(1)];

/// Beyond all warnings: it was said that it stays for others.
const TOLD: u32 = 4;
/// How soon it is seen that nobody uses it any more.
const LOOK_AGAIN: Span = Span::seconds(10);

impl Ttl {
    /// A time that is over at once is a mistake.
    pub(super) fn check(self) -> Result<(), Refused> {
        match self {
            Self::For(Span(0)) => Err(Refused::NoTime(Span(0))),
            Self::For(_) | Self::Never => Ok(()),
        }
    }
}

impl Engine {
    pub(super) fn live(&mut self, vdc: &VdcId, ttl: Ttl) -> Result<(), Refused> {
        ttl.check()?;
        let record = self.vdcs.get(vdc).cloned();
        let record = record.ok_or_else(|| Refused::NoVdc(vdc.clone()))?;
        if record.down {
            return Err(Refused::GoingDown(vdc.clone()));
        }
        let record = self.with_ttl(record, ttl);
        self.change_vdc(record);
        Ok(())
    }

    /// The record with its end set, or without one.
    pub(super) fn with_ttl(&mut self, record: VdcRecord, ttl: Ttl) -> VdcRecord {
        let subject = record.id.to_string();
        match ttl {
            Ttl::Never => {
                if record.expires.is_some() {
                    self.note(subject, "ttl", "does not end by itself any more");
                }
                VdcRecord {
                    expires: None,
                    ttl: None,
                    warned: 0,
                    ..record
                }
            }
            Ttl::For(span) => {
                self.note(subject, "ttl", format!("ends in {}", span.words()));
                VdcRecord {
                    expires: Some(self.now + span),
                    ttl: Some(span),
                    warned: warnings_due(span),
                    ..record
                }
            }
        }
    }

    /// Ends those whose time is over and warns of those whose end comes near.
    pub(super) fn end_expired(&mut self) {
        while let Some((at, id)) = self.timed.first()
            && *at <= self.now
        {
            let id = id.clone();
            self.timed.pop_first();
            let Some(record) = self.vdcs.get(&id).cloned() else {
                continue;
            };
            let Some(expires) = record.expires else {
                continue;
            };
            if next(&record).is_none_or(|at| at > self.now) {
                // Set anew while it was in use beyond its time.
                continue;
            }
            let left = expires.since(self.now);
            let set = record.ttl.map_or_else(String::new, |ttl| {
                let ago = self.now.since(expires - ttl);
                format!("ttl {}, set {} ago", ttl.words(), ago.words())
            });
            if left > Span(0) {
                self.note(
                    id.to_string(),
                    "ttl",
                    format!("ends in {}: {set}", left.words()),
                );
                self.change_vdc(VdcRecord {
                    warned: warnings_due(left),
                    ..record
                });
            } else if let Err(Refused::InUse { users, .. }) = self.check_unused(&id) {
                self.stay(record, &users);
            } else {
                let goal = smack_model::Goal::Gone {
                    keep_volumes: false,
                    at_once: false,
                };
                let ended = self.down(&id, goal, &format!("its time was over: {set}"));
                debug_assert_eq!(ended, Ok(()), "it is on record");
            }
        }
    }

    /// One whose time is over stays while others use it: its end is not to take them by surprise.
    fn stay(&mut self, record: VdcRecord, users: &[String]) {
        self.timed
            .insert((self.now + LOOK_AGAIN, record.id.clone()));
        if record.warned < TOLD {
            let subject = record.id.to_string();
            let text = format!("its time is over, but it stays for {}", users.join(", "));
            self.note(subject, "ttl", text);
            let change = Change::Vdc(VdcRecord {
                warned: TOLD,
                ..record
            });
            self.apply(&change);
            self.pending.changes.push(change);
        }
    }

    /// Keeps the times of ends and warnings up with the records.
    pub(super) fn time(&mut self, old: Option<&VdcRecord>, new: Option<&VdcRecord>) {
        if let Some((at, record)) = old.and_then(|record| Some((next(record)?, record))) {
            self.timed.remove(&(at, record.id.clone()));
        }
        if let Some((at, record)) = new.and_then(|record| Some((next(record)?, record))) {
            self.timed.insert((at, record.id.clone()));
        }
    }

    /// When the next one ends or is warned of.
    pub(super) fn next_end(&self) -> Option<Timestamp> {
        self.timed.first().map(|(at, _)| *at)
    }

    fn change_vdc(&mut self, record: VdcRecord) {
        let change = Change::Vdc(record);
        self.apply(&change);
        self.pending.changes.push(change);
    }
}

/// How many warnings are due, or past, so long before the end.
fn warnings_due(left: Span) -> u32 {
    WARNINGS
        .iter()
        .map(|before| u32::from(*before >= left))
        .sum()
}

/// The next warning, or the end.
fn next(record: &VdcRecord) -> Option<Timestamp> {
    let expires = record.expires.filter(|_| !record.down)?;
    let warned = usize::try_from(record.warned).unwrap_or(usize::MAX);
    Some(match WARNINGS.get(warned) {
        Some(before) => expires - *before,
        None => expires,
    })
}
