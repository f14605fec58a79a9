//! Schedules over a year with all its changes of the clock, against a list that tries every minute (`schedule/year.py`);
//! and texts that are none.

use expect_test::{Expect, expect, expect_file};
use smack_model::{Calendar, Schedule, Span, Timestamp, Zone};
use std::fmt::Write as _;

fn schedule(calendar: &str, zone: &str) -> Schedule {
    Schedule {
        calendar: calendar.parse().expect("a calendar"),
        start: None,
        zone: zone.parse().expect("a zone"),
        replaces: false,
        deadline: Span::minutes(5),
    }
}

fn moment(text: &str) -> Timestamp {
    let at: jiff::Timestamp = text.parse().expect("a moment");
    Timestamp(u64::try_from(at.as_millisecond()).expect("after 1970"))
}

fn shown(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_millisecond(i64::try_from(at.0).expect("small"));
    at.expect("in range").to_string()
}

/// All due times of 2027, the year of the list.
fn year(schedule: &Schedule) -> Vec<String> {
    let (begin, end) = (
        moment("2026-12-31T23:59:59Z"),
        moment("2028-01-01T00:00:00Z"),
    );
    let mut at = begin;
    let mut found = Vec::new();
    while let Some(next) = schedule.next(at, begin).filter(|next| *next < end) {
        assert!(next > at, "time goes on");
        found.push(shown(next));
        at = next;
    }
    found
}

#[test]
fn a_year_with_its_changes_of_the_clock() {
    let list = include_str!("schedule/year.txt");
    let mut found = String::new();
    let mut wanted: Vec<&str> = Vec::new();
    let mut times: Vec<String> = Vec::new();
    for line in list.lines() {
        if let Some((calendar, zone)) = line.split_once(" | ") {
            times = year(&schedule(calendar, zone));
            let months = (1..=12).map(|month| {
                let start = format!("2027-{month:02}-");
                times
                    .iter()
                    .filter(|at| at.starts_with(&start))
                    .count()
                    .to_string()
            });
            let months: Vec<String> = months.collect();
            writeln!(found, "{line}\n  months {}", months.join(" ")).expect("a String");
            wanted.clear();
        } else if !line.starts_with("  months") {
            let at = line.trim();
            let is_due = times.iter().any(|due| due == at);
            writeln!(found, "  {}", if is_due { at } else { "missing" }).expect("a String");
        }
    }
    expect_file!["schedule/year.txt"].assert_eq(&found);
}

#[test]
fn spans_count_from_their_beginning() {
    let origin = moment("2027-01-01T00:00:00.500Z");
    let every = schedule("@every 17s", "UTC");
    let mut at = origin;
    let mut found = Vec::new();
    for _ in 0..3 {
        at = every.next(at, origin).expect("for ever");
        found.push(shown(at));
    }
    assert_eq!(
        found,
        [
            "2027-01-01T00:00:17.5Z",
            "2027-01-01T00:00:34.5Z",
            "2027-01-01T00:00:51.5Z"
        ]
    );
    // Whatever was missed, the beat stays.
    let late = every.next(moment("2027-01-01T01:00:00Z"), origin);
    assert_eq!(late.map(shown).as_deref(), Some("2027-01-01T01:00:04.5Z"));
}

#[test]
fn a_start_begins_the_schedule_once() {
    let origin = moment("2027-03-01T00:00:00Z");
    let both = Schedule {
        start: Some("0 30 12 7 4 *".parse().expect("a calendar")),
        ..schedule("@every 1h", "UTC")
    };
    let first = both.next(origin, origin).expect("due");
    assert_eq!(shown(first), "2027-04-07T13:30:00Z");
    let second = both.next(first, origin).expect("due");
    assert_eq!(shown(second), "2027-04-07T14:30:00Z");
}

#[test]
fn texts_are_kept_as_they_were_written() {
    let written =
        r#"{"calendar":"0 0 3 * * SUN","zone":"Europe/Berlin","replaces":false,"deadline":300000}"#;
    let schedule: Schedule = serde_json::from_str(written).expect("a schedule");
    assert_eq!(serde_json::to_string(&schedule).expect("JSON"), written);
}

#[test]
fn what_is_no_schedule_says_why() {
    let why = |text: &str| match text.parse::<Calendar>() {
        Ok(_) => "is one".to_owned(),
        Err(why) => why,
    };
    let mut told = String::new();
    for text in [
        "* * * *",
        "* * * * * * *",
        "",
        "61 * * * * *",
        "0 60 * * * *",
        "0 0 24 * * *",
        "0 0 0 0 * *",
        "0 0 0 32 * *",
        "0 0 0 * 13 *",
        "0 0 0 * * 8",
        "0 0 0 30 2 *",
        "0 0 0 31 apr *",
        "0 0 0 * jann *",
        "0 0 0 * * mun",
        "0 0 5-2 * * *",
        "0 */0 * * * *",
        "0 */x * * * *",
        "0 a * * * *",
        "0 1,,2 * * * *",
        "@evry 5s",
        "@daily 5",
        "@every",
        "@every 0s",
        "@every 5",
        "@every 5 s",
        "@every -5s",
        "every soon",
        "@every 1000000d",
    ] {
        writeln!(told, "{text:?}: {}", why(text)).expect("a String");
    }
    let expected: Expect = expect![[r#"
        "* * * *": 4 fields, where there are second, minute, hour, day, month and weekday
        "* * * * * * *": 7 fields, where there are second, minute, hour, day, month and weekday
        "": 0 fields, where there are second, minute, hour, day, month and weekday
        "61 * * * * *": second: 61 is not from 0 to 59
        "0 60 * * * *": minute: 60 is not from 0 to 59
        "0 0 24 * * *": hour: 24 is not from 0 to 23
        "0 0 0 0 * *": day of the month: 0 is not from 1 to 31
        "0 0 0 32 * *": day of the month: 32 is not from 1 to 31
        "0 0 0 * 13 *": month: 13 is not from 1 to 12
        "0 0 0 * * 8": day of the week: 8 is not from 0 to 7
        "0 0 0 30 2 *": there is no such day
        "0 0 0 31 apr *": there is no such day
        "0 0 0 * jann *": month: "jann" is nothing, did you mean jan?
        "0 0 0 * * mun": day of the week: "mun" is nothing, did you mean mon?
        "0 0 5-2 * * *": hour: 5 comes after 2
        "0 */0 * * * *": minute: "0" is no step
        "0 */x * * * *": minute: "x" is no step
        "0 a * * * *": minute: "a" is no number
        "0 1,,2 * * * *": minute: "" is no number
        "@evry 5s": @evry 5s is none of @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly and @every
        "@daily 5": @daily 5 is none of @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly and @every
        "@every": @every is none of @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly and @every
        "@every 0s": every "0s": from 1s to 100 years
        "@every 5": every "5": no span such as 17s, 10m or 1h30m
        "@every 5 s": every "5 s": no span such as 17s, 10m or 1h30m
        "@every -5s": every "-5s": no span such as 17s, 10m or 1h30m
        "every soon": every "soon": no span such as 17s, 10m or 1h30m
        "@every 1000000d": every "1000000d": from 1s to 100 years
    "#]];
    expected.assert_eq(&told);
    assert_eq!(
        "Mars/Olympus".parse::<Zone>().err().as_deref(),
        Some("\"Mars/Olympus\" is no time zone")
    );
}

#[test]
fn all_forms_of_robfig_are_read() {
    for text in [
        "0 0 12 ? * MON-FRI",
        "*/5 * * * * *",
        "0 0/15 8-18 1,15 Jan-Mar *",
        "@Weekly",
        "@every 1h30m",
        "every 1.5h",
        "0 0 0 * * 7",
        "5 4 * * *",
    ] {
        text.parse::<Calendar>()
            .unwrap_or_else(|why| panic!("{text}: {why}"));
    }
}
