//! When something is due again and again: by the clock of a time zone, or after so long.
//!
//! What names an hour (`30 2 * * *`) is due once a day whatever the clock does: an hour that is left out in spring moves it to
//! the moment right after, and of an hour that comes twice in autumn the first one counts. What counts hours or minutes
//! (`*/10 * * * *`) is due as time goes by: not in an hour that is left out, and in both of one that comes twice.

mod cron;

use std::fmt;
use std::str::FromStr;

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Serialize};

use crate::{Span, Timestamp};
use cron::Cron;

/// Moments, as they were written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Calendar {
    written: String,
    form: Form,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    Every(Span),
    Cron(Box<Cron>),
}

/// The name of a time zone (IANA), `UTC` or `local`, which whoever runs the server replaces by its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Zone {
    name: String,
    zone: TimeZone,
}

/// When a job runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    pub calendar: Calendar,
    /// It counts from the first of these moments on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Calendar>,
    pub zone: Zone,
    /// What is due while it still runs ends it; else that is left out.
    #[serde(default)]
    pub replaces: bool,
    /// What was due longer ago is left out.
    pub deadline: Span,
}

/// Which due times have been dealt with: saved together with what they begin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rounds {
    /// When the schedule began to count.
    pub since: Timestamp,
    /// The latest due time that was begun or left out; before the first: when the schedule began.
    pub taken: Timestamp,
    /// So many were begun, the latest one for this due time.
    pub begun: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest: Option<Timestamp>,
    /// So many were left out.
    pub missed: u32,
    /// A person has taken the schedule away, until the next run.
    #[serde(default)]
    pub off: bool,
}

const SECOND: u64 = 1000;
/// Two changes of the clock a year, and the next match may be nine years away.
const CHANGES: usize = 40;

impl Calendar {
    fn parse(text: &str) -> Result<Self, String> {
        let form = match text
            .trim()
            .strip_prefix('@')
            .unwrap_or(text.trim())
            .split_once(' ')
        {
            Some(("every", span)) => Form::Every(every(span.trim())?),
            _ => Form::Cron(Box::new(Cron::parse(text)?)),
        };
        Ok(Self {
            written: text.to_owned(),
            form,
        })
    }

    /// The first moment after `after`; of spans, those since `origin`.
    fn next(&self, zone: &TimeZone, after: Timestamp, origin: Timestamp) -> Option<Timestamp> {
        match &self.form {
            Form::Every(span) => {
                let gone = after.since(origin).0 / span.0;
                Some(origin + Span((gone + 1).checked_mul(span.0)?))
            }
            Form::Cron(cron) => by_the_clock(cron, zone, after),
        }
    }
}

impl FromStr for Calendar {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Calendar {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

impl From<Calendar> for String {
    fn from(calendar: Calendar) -> Self {
        calendar.written
    }
}

impl fmt::Display for Calendar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// `17s`, `1h30m`, `1.5h`: as Go writes a duration, and days.
fn every(text: &str) -> Result<Span, String> {
    let wrong = || format!("every {text:?}: no span such as 17s, 10m or 1h30m");
    let mut milliseconds = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .ok_or_else(wrong)?;
        let number: f64 = rest[..end].parse().map_err(|_| wrong())?;
        let unit_end = rest[end..]
            .find(|c: char| c.is_ascii_digit())
            .map_or(rest.len(), |at| end + at);
        let unit = match &rest[end..unit_end] {
            "ms" => 1.0,
            "s" => 1000.0,
            "m" => 60_000.0,
            "h" => 3_600_000.0,
            "d" => 86_400_000.0,
            _ => return Err(wrong()),
        };
        milliseconds += number * unit;
        rest = &rest[unit_end..];
    }
    if !(1000.0..=3.2e12).contains(&milliseconds) {
        return Err(format!("every {text:?}: from 1s to 100 years"));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "lies between 1,000 and 3.2e12"
    )]
    let milliseconds = milliseconds.round() as u64;
    Ok(Span(milliseconds))
}

impl Zone {
    /// What the server's own zone is to be put in place of.
    pub const LOCAL: &str = "local";

    pub fn is_local(&self) -> bool {
        self.name == Self::LOCAL
    }
}

impl FromStr for Zone {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let zone = match name {
            "UTC" | Self::LOCAL => TimeZone::UTC,
            name => TimeZoneDatabase::bundled()
                .get(name)
                .map_err(|_| format!("{name:?} is no time zone"))?,
        };
        Ok(Self {
            name: name.to_owned(),
            zone,
        })
    }
}

impl TryFrom<String> for Zone {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        name.parse()
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.name
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Schedule {
    /// The first due time after `after`, of a schedule that began at `origin`; `None`: never again.
    pub fn next(&self, after: Timestamp, origin: Timestamp) -> Option<Timestamp> {
        let zone = &self.zone.zone;
        let Some(start) = &self.start else {
            return self.calendar.next(zone, after, origin);
        };
        let begins = start.next(zone, origin, origin)?;
        self.calendar.next(zone, after.max(begins), begins)
    }
}

/// Milliseconds as a second on the wall of an offset, rounded down.
fn wall(at: Timestamp, offset: Offset) -> Option<DateTime> {
    let seconds = i64::try_from(at.0 / SECOND).ok()?;
    let instant = jiff::Timestamp::from_second(seconds).ok()?;
    Some(offset.to_datetime(instant))
}

fn instant(wall: DateTime, offset: Offset) -> Option<Timestamp> {
    let instant = offset.to_timestamp(wall).ok()?;
    let seconds = u64::try_from(instant.as_second()).ok()?;
    Some(Timestamp(seconds * SECOND))
}

/// Goes from one change of the clock to the next; between two of them time and wall go together.
fn by_the_clock(cron: &Cron, zone: &TimeZone, after: Timestamp) -> Option<Timestamp> {
    let second =
        |at: Timestamp| jiff::Timestamp::from_second(i64::try_from(at.0 / SECOND).ok()?).ok();
    let mut offset = zone.to_offset(second(after)?);
    // The first whole second that lies after.
    let mut from = wall(Timestamp((after.0 / SECOND + 1) * SECOND), offset)?;
    let mut now = after;
    for _ in 0..CHANGES {
        let found = cron.next(from)?;
        let at = instant(found, offset)?;
        let Some(change) = zone.following(second(now)?).next() else {
            return Some(at);
        };
        let changed = Timestamp(u64::try_from(change.timestamp().as_second()).ok()? * SECOND);
        if at < changed {
            return Some(at);
        }
        let (before, later) = (wall(changed, offset)?, wall(changed, change.offset())?);
        if !cron.is_every_hour() && found < later {
            // It lies in what the clock leaves out.
            return Some(changed);
        }
        // What names an hour has had it when the clock goes back over it.
        from = if cron.is_every_hour() {
            later
        } else {
            later.max(before)
        };
        offset = change.offset();
        now = changed;
    }
    None
}
