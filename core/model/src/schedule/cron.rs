//! Cron expressions as robfig/cron reads them, which stack-deploy used: `second minute hour day month weekday`, or five
//! fields from the minute on; `* / , - ?`, names of months and days, and `@daily` and its like. Knows no time zone: it
//! looks for moments of the calendar on the wall.

use jiff::ToSpan as _;
use jiff::civil::{Date, DateTime};

/// The next match lies within so many days, or never comes: a leap day may be eight years away.
const DAYS: usize = 366 * 9;

/// Which moments match: a bit for each second, minute, hour, day of the month, month and day of the week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cron {
    seconds: u64,
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// The hour is `*` or `*/n`: it counts hours, and names none.
    every_hour: bool,
    /// Neither day nor weekday is `*`: either of them will do, as in every cron.
    either_day: bool,
}

struct Field {
    what: &'static str,
    low: u32,
    high: u32,
    names: &'static [&'static str],
}

const SECOND: Field = field("second", 0, 59, &[]);
const MINUTE: Field = field("minute", 0, 59, &[]);
const HOUR: Field = field("hour", 0, 23, &[]);
const DAY: Field = field("day of the month", 1, 31, &[]);
const MONTH: Field = field(
    "month",
    1,
    12,
    &[
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ],
);
/// 7 is Sunday, too.
const WEEKDAY: Field = field(
    "day of the week",
    0,
    7,
    &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
);

const fn field(what: &'static str, low: u32, high: u32, names: &'static [&'static str]) -> Field {
    Field {
        what,
        low,
        high,
        names,
    }
}

/// `@daily` and its like.
const WORDS: &[(&str, &str)] = &[
    ("@yearly", "0 0 0 1 1 *"),
    ("@annually", "0 0 0 1 1 *"),
    ("@monthly", "0 0 0 1 * *"),
    ("@weekly", "0 0 0 * * 0"),
    ("@daily", "0 0 0 * * *"),
    ("@midnight", "0 0 0 * * *"),
    ("@hourly", "0 0 * * * *"),
];

impl Cron {
    /// Reads an expression; the error says which field is wrong, and how.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let text = match WORDS
            .iter()
            .find(|(word, _)| word.eq_ignore_ascii_case(text))
        {
            Some((_, fields)) => fields,
            None if text.starts_with('@') => {
                let known: Vec<&str> = WORDS.iter().map(|(word, _)| *word).collect();
                return Err(format!("{text} is none of {} and @every", known.join(", ")));
            }
            None => text,
        };
        let words: Vec<&str> = text.split_whitespace().collect();
        let (second, rest) = match words.as_slice() {
            [second, rest @ ..] if rest.len() == 5 => (*second, rest),
            rest if rest.len() == 5 => ("0", rest),
            other => {
                return Err(format!(
                    "{} fields, where there are second, minute, hour, day, month and weekday",
                    other.len()
                ));
            }
        };
        let is_any = |text: &str| text.starts_with(['*', '?']);
        let weekdays = WEEKDAY.bits(rest[4])?;
        let cron = Self {
            seconds: SECOND.bits(second)?,
            minutes: MINUTE.bits(rest[0])?,
            hours: HOUR.bits(rest[1])?,
            days: DAY.bits(rest[2])?,
            months: MONTH.bits(rest[3])?,
            weekdays: weekdays | (weekdays >> 7),
            every_hour: is_any(rest[1]),
            either_day: !is_any(rest[2]) && !is_any(rest[4]),
        };
        let somewhere = DateTime::constant(2000, 1, 1, 0, 0, 0, 0);
        match cron.next(somewhere) {
            Some(_) => Ok(cron),
            None => Err("there is no such day".to_owned()),
        }
    }

    /// Whether its hour counts hours and names none.
    pub(super) fn is_every_hour(&self) -> bool {
        self.every_hour
    }

    /// The first moment that matches, from `from` on.
    pub(super) fn next(&self, from: DateTime) -> Option<DateTime> {
        let mut date = from.date();
        let mut from = Some(from);
        for _ in 0..DAYS {
            let time = self.is_on(date).then(|| self.time_of(from)).flatten();
            if let Some((hour, minute, second)) = time {
                return Some(date.at(hour, minute, second, 0));
            }
            from = None;
            date = date.checked_add(1.day()).ok()?;
        }
        None
    }

    fn is_on(&self, date: Date) -> bool {
        let is_day = has(self.days, date.day());
        let is_weekday = has(self.weekdays, date.weekday().to_sunday_zero_offset());
        let is_any_of_both = if self.either_day {
            is_day || is_weekday
        } else {
            is_day && is_weekday
        };
        has(self.months, date.month()) && is_any_of_both
    }

    /// The first time of a day, not before that of `from`.
    fn time_of(&self, from: Option<DateTime>) -> Option<(i8, i8, i8)> {
        let start = from.map_or((0, 0, 0), |from| {
            // A part of a second counts as a whole one.
            (from.hour(), from.minute(), from.second())
        });
        for hour in first(self.hours, start.0) {
            let minute_from = if hour == start.0 { start.1 } else { 0 };
            for minute in first(self.minutes, minute_from) {
                let is_first = hour == start.0 && minute == start.1;
                let second_from = if is_first { start.2 } else { 0 };
                if let Some(second) = first(self.seconds, second_from).next() {
                    return Some((hour, minute, second));
                }
            }
        }
        None
    }
}

fn has(bits: u64, number: i8) -> bool {
    u32::try_from(number).is_ok_and(|number| bits >> number & 1 == 1)
}

/// The numbers in `bits` from `low` on.
fn first(bits: u64, low: i8) -> impl Iterator<Item = i8> {
    (low.max(0)..60).filter(move |number| has(bits, *number))
}

impl Field {
    fn bits(&self, text: &str) -> Result<u64, String> {
        let mut bits = 0;
        for part in text.split(',') {
            bits |= self.part(part)?;
        }
        Ok(bits)
    }

    /// `*`, `5`, `5-7`, and any of them with a step: `*/2`, `5/10` (from 5 on), `5-20/5`.
    fn part(&self, part: &str) -> Result<u64, String> {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (part, None),
        };
        let last = if self.high == 7 { 6 } else { self.high };
        let (low, high) = match range.split_once('-') {
            _ if matches!(range, "*" | "?") => (self.low, last),
            Some((low, high)) => (self.number(low)?, self.number(high)?),
            None => {
                let low = self.number(range)?;
                (low, if step.is_some() { last } else { low })
            }
        };
        let step = match step {
            None => 1,
            Some(text) => match text.parse::<u32>() {
                Ok(step) if step > 0 => step,
                _ => return Err(format!("{}: {text:?} is no step", self.what)),
            },
        };
        if low > high {
            return Err(format!("{}: {low} comes after {high}", self.what));
        }
        let numbers = (low..=high).step_by(step as usize);
        Ok(numbers.fold(0, |bits, number| bits | 1 << number))
    }

    fn number(&self, text: &str) -> Result<u32, String> {
        let lower = text.to_ascii_lowercase();
        if let Some(position) = self.names.iter().position(|name| *name == lower) {
            return Ok(self.low + u32::try_from(position).unwrap_or(0));
        }
        let near = crate::did_you_mean(&lower, self.names.iter().copied());
        match text.parse::<u32>() {
            Ok(number) if (self.low..=self.high).contains(&number) => Ok(number),
            Ok(number) => Err(format!(
                "{}: {number} is not from {} to {}",
                self.what, self.low, self.high
            )),
            Err(_) => Err(match near {
                Some(near) => format!("{}: {text:?} is nothing, did you mean {near}?", self.what),
                None => format!("{}: {text:?} is no number", self.what),
            }),
        }
    }
}
