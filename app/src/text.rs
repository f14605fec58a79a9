//! Small things in people's words: durations, ages, counts, and texts cut to a width.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::failure::Failure;

/// `12.3s`, `2m05s`, `3h02m`.
pub(crate) fn seconds(milliseconds: u64) -> String {
    let tenths = (milliseconds + 50) / 100;
    match tenths {
        0..600 => format!("{}.{}s", tenths / 10, tenths % 10),
        600..36_000 => format!("{}m{:02}s", tenths / 600, tenths % 600 / 10),
        _ => format!("{}h{:02}m", tenths / 36_000, tenths % 36_000 / 600),
    }
}

/// `4s`, `12m`, `3h`, `5d`: how long ago.
pub(crate) fn age(since_ms: u64, now_ms: u64) -> String {
    let seconds = now_ms.saturating_sub(since_ms) / 1000;
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// Milliseconds since 1970 by this machine's clock.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// `2026-11-22 23:05:27` in UTC, from milliseconds since 1970.
pub(crate) fn moment(at_ms: u64) -> String {
    let seconds = at_ms / 1000;
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Civil date from days since 1970, in eras of 400 years that start on 1 March.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}",
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}

/// Reads `15m`, `90s`, `1.5h`; a bare number counts seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let milliseconds = match text.parse::<u64>() {
        Ok(seconds) => i64::try_from(seconds)
            .ok()
            .and_then(|seconds| seconds.checked_mul(1000)),
        Err(_) => smack_stack::duration_milliseconds(text),
    };
    let milliseconds = milliseconds.and_then(|milliseconds| u64::try_from(milliseconds).ok());
    milliseconds
        .map(Duration::from_millis)
        .ok_or_else(|| "write a time like 90s, 15m or 2h".to_owned())
}

/// Reads how long a virtual data center is to live: `2h`, `never`. The server reads it again.
pub(crate) fn lifetime(text: &str) -> Result<String, String> {
    smack_control::wire::ttl(text).map(|_| text.to_owned())
}

/// `1h 59m`: how far ahead a moment lies.
pub(crate) fn ends_in(at_ms: u64, now_ms: u64) -> String {
    smack_model::Span(at_ms.saturating_sub(now_ms)).words()
}

/// Reads a whole number, zero or more.
pub(crate) fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "write a whole number".to_owned())
}

/// Reads `name=value`.
pub(crate) fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write name=value".to_owned()),
    }
}

/// `1 task`, `2 tasks`.
pub(crate) fn count(number: usize, word: &str) -> String {
    if number == 1 {
        format!("1 {word}")
    } else {
        format!("{number} {word}s")
    }
}

/// At most `width` characters, the last an ellipsis if something is missing.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut kept: String = text.chars().take(width.saturating_sub(1)).collect();
    kept.push('…');
    kept
}

/// Whole milliseconds, for texts and JSON.
pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Refuses what makes no sense for people in one sentence.
pub(crate) fn needs(what: bool, otherwise: &str) -> Result<(), Failure> {
    if what {
        Ok(())
    } else {
        Err(Failure::usage(otherwise))
    }
}

#[cfg(test)]
mod tests {
    use super::{age, cut, duration, moment, seconds};
    use std::time::Duration;

    #[test]
    fn times_read_well() {
        assert_eq!(seconds(40), "0.0s");
        assert_eq!(seconds(12_340), "12.3s");
        assert_eq!(seconds(59_960), "1m00s");
        assert_eq!(seconds(125_000), "2m05s");
        assert_eq!(seconds(10_920_000), "3h02m");
        assert_eq!(age(0, 119_000), "119s");
        assert_eq!(age(0, 7_300_000), "2h");
        assert_eq!(age(5, 0), "0s");
        assert_eq!(moment(0), "1970-01-01 00:00:00");
        assert_eq!(moment(1_709_164_799_000), "2024-02-28 23:59:59");
        assert_eq!(moment(1_709_164_800_000), "2024-02-29 00:00:00");
        assert_eq!(moment(1_795_388_727_123), "2026-11-22 23:05:27");
    }

    #[test]
    fn a_bare_number_is_seconds() {
        assert_eq!(duration("600"), Ok(Duration::from_secs(600)));
        assert_eq!(duration("1.5m"), Ok(Duration::from_secs(90)));
        assert!(duration("soon").is_err());
        assert!(duration("-1s").is_err());
        assert!(duration("").is_err());
    }

    #[test]
    fn a_cut_text_shows_that_it_is_cut() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdef", 4), "abc…");
        assert_eq!(cut("abc", 0), "…");
    }
}
