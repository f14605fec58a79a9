//! When a job runs by the clock: `schedule:` and what belongs to it, and the two keys of `run-once` of old.

use std::str::FromStr;

use smack_model::{Calendar, Schedule, Span, Zone};
use smack_stack::Reader;

use crate::schema::{FieldSchema, Sort};
use crate::shape;

pub(super) const FIELDS: [FieldSchema; 5] = [
    FieldSchema::new(
        "schedule",
        Sort::Text,
        "",
        "When it runs, again and again: `30 2 * * *`, with seconds `0 30 2 * * *`, `@daily`, `every 6h`.",
    ),
    FieldSchema::new(
        "schedule-start",
        Sort::Text,
        "",
        "The schedule counts from the first of these moments on.",
    ),
    FieldSchema::new(
        "time-zone",
        Sort::Text,
        "UTC",
        "Whose clock: `Europe/Berlin`, `UTC`, or `local` for the server's.",
    ),
    FieldSchema::new(
        "overlap",
        Sort::OneOf(&["skip", "replace"]),
        "skip",
        "What is due while it still runs: left out, or in its place.",
    ),
    FieldSchema::new(
        "starting-deadline",
        Sort::Duration,
        "5m",
        "What was due longer ago, without a server, is left out.",
    ),
];

const DEADLINE: Span = Span::minutes(5);
const EXAMPLE: &str =
    "for example \"30 2 * * *\", \"0 30 2 * * *\" with seconds, @daily, or every 6h";

/// Reads the keys; None: it runs at once, as asked.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<Box<Schedule>> {
    let of_old = of_old(reader);
    let calendar = calendar(reader, "schedule");
    let start = self::calendar(reader, "schedule-start");
    let zone = parsed::<Zone>(
        reader,
        "time-zone",
        "for example Europe/Berlin, UTC or local",
    );
    let replaces = reader.choice("overlap", &[("skip", false), ("replace", true)]);
    let deadline = shape::duration(reader, "starting-deadline");
    if reader.has("schedule") && (reader.has("time_schedule") || reader.has("start_time")) {
        let what = "there are two: start_time and time_schedule are those of old";
        reader.refuse("schedule", what, "keep schedule and schedule-start");
    }
    for key in [
        "schedule-start",
        "time-zone",
        "overlap",
        "starting-deadline",
    ] {
        let has_any =
            reader.has("schedule") || reader.has("time_schedule") || reader.has("start_time");
        if reader.has(key) && !has_any {
            reader.refuse(key, "there is no schedule", EXAMPLE);
        }
    }
    let (calendar, old_start, is_old) = match (calendar, of_old) {
        (Some(calendar), _) => (calendar, None, false),
        (None, Some((calendar, start))) => (calendar, start, true),
        (None, None) => return None,
    };
    let default = if is_old { Zone::LOCAL } else { "UTC" };
    Some(Box::new(Schedule {
        calendar,
        start: start.or(old_start),
        zone: zone.unwrap_or_else(|| default.parse().expect("a zone that is always there")),
        replaces: replaces.unwrap_or(false),
        deadline: deadline.unwrap_or(DEADLINE),
    }))
}

/// `start_time` alone is due each time it matches; with `time_schedule` it is what that begins with.
fn of_old(reader: &mut Reader<'_>) -> Option<(Calendar, Option<Calendar>)> {
    let start = calendar(reader, "start_time");
    match (calendar(reader, "time_schedule"), start) {
        (Some(schedule), start) => Some((schedule, start)),
        (None, Some(start)) => Some((start, None)),
        (None, None) => None,
    }
}

fn calendar(reader: &mut Reader<'_>, key: &str) -> Option<Calendar> {
    parsed(reader, key, EXAMPLE)
}

fn parsed<T: FromStr<Err = String>>(reader: &mut Reader<'_>, key: &str, hint: &str) -> Option<T> {
    let text = reader.string(key).filter(|text| !text.is_empty())?;
    match text.parse() {
        Ok(value) => Some(value),
        Err(why) => {
            reader.refuse(key, &why, hint);
            None
        }
    }
}
