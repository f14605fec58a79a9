//! Instants and spans in whole milliseconds. Core never asks for the time: it is passed in, last, as `now`.

use std::fmt;
use std::ops::{Add, Sub};

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01 UTC; in the simulator since its start.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

/// A span in milliseconds.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Span(pub u64);

impl Span {
    pub const fn seconds(seconds: u64) -> Self {
        Self(seconds * 1000)
    }

    pub const fn minutes(minutes: u64) -> Self {
        Self(minutes * 60_000)
    }

    /// This span doubled `times` times, at most `cap`.
    pub fn doubled(self, times: u32, cap: Self) -> Self {
        let factor = 1_u64.checked_shl(times).unwrap_or(u64::MAX);
        Self(self.0.saturating_mul(factor)).min(cap)
    }

    /// As people say it, in at most two units: `7d`, `1h 59m`, `10m`, `3s`.
    pub fn words(self) -> String {
        let seconds = self.0 / 1000;
        let (large, small) = match seconds {
            0..60 => ((seconds, "s"), None),
            60..3600 => ((seconds / 60, "m"), Some((seconds % 60, "s"))),
            3600..86_400 => ((seconds / 3600, "h"), Some((seconds / 60 % 60, "m"))),
            _ => ((seconds / 86_400, "d"), Some((seconds / 3600 % 24, "h"))),
        };
        match (large, small) {
            ((0, _), _) if self.0 > 0 => format!("{}ms", self.0),
            ((large, unit), Some((small, other))) if small > 0 => {
                format!("{large}{unit} {small}{other}")
            }
            ((large, unit), _) => format!("{large}{unit}"),
        }
    }
}

/// `2027-03-28T01:00:00Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = i64::try_from(self.0).ok();
        match at.and_then(|at| jiff::Timestamp::from_millisecond(at).ok()) {
            Some(at) => write!(f, "{at}"),
            None => write!(f, "{} ms after 1970", self.0),
        }
    }
}

impl Timestamp {
    /// The span since `earlier`; zero if that lies ahead.
    pub fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Span> for Timestamp {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Sub<Span> for Timestamp {
    type Output = Self;
    fn sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ms if ms < 1000 => write!(f, "{ms}ms"),
            ms if ms < 60_000 && ms % 1000 == 0 => write!(f, "{}s", ms / 1000),
            ms if ms < 60_000 => write!(f, "{}.{}s", ms / 1000, ms % 1000 / 100),
            ms if ms < 3_600_000 && ms % 60_000 < 1000 => write!(f, "{}m", ms / 60_000),
            ms if ms < 3_600_000 => write!(f, "{}m{}s", ms / 60_000, ms % 60_000 / 1000),
            ms => write!(f, "{}h{}m", ms / 3_600_000, ms % 3_600_000 / 60_000),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Span;

    #[test]
    fn spans_in_words_have_two_units_at_most() {
        let words = |milliseconds| Span(milliseconds).words();
        assert_eq!(words(0), "0s");
        assert_eq!(words(250), "250ms");
        assert_eq!(words(59_999), "59s");
        assert_eq!(words(60_000), "1m");
        assert_eq!(words(7_199_000), "1h 59m");
        assert_eq!(words(7_200_000), "2h");
        assert_eq!(words(7 * 86_400_000), "7d");
        assert_eq!(words(7 * 86_400_000 + 3_600_000), "7d 1h");
    }
}
