//! Why a question to Cassandra has no good answer, in Cassandra's own words.

use std::fmt;

use smack_model::Span;

/// What went wrong, where, and in Cassandra's words if they are Cassandra's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    #[error("{place} cannot be reached: {reason}")]
    Unreachable { place: String, reason: String },
    #[error("{place} did not answer within {within}")]
    Silent { place: String, within: Span },
    #[error("{place} ended the connection: {reason}")]
    Broken { place: String, reason: String },
    #[error("{place} gave an answer that is not Cassandra's: {reason}")]
    Malformed { place: String, reason: String },
    #[error("{place} asks for a password ({by}), which smack does not have")]
    Locked { place: String, by: String },
    #[error("{place}: {code}: {message}")]
    Refused {
        place: String,
        code: Code,
        message: String,
    },
}

impl Error {
    /// Whether asking again later may help.
    pub(crate) fn passes(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Silent { .. } | Self::Broken { .. } => true,
            Self::Refused { code, .. } => code.passes(),
            Self::Malformed { .. } | Self::Locked { .. } => false,
        }
    }
}

/// What an ERROR frame is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Code(pub(crate) i32);

impl Code {
    /// Too few nodes that hold the rows are up, as the asked node sees them.
    pub(crate) const UNAVAILABLE: Self = Self(0x1000);

    /// The server's own errors, and those of other nodes; never what is wrong with the query.
    fn passes(self) -> bool {
        self.0 == 0 || (0x1000..0x2000).contains(&self.0)
    }
}

const NAMES: [(i32, &str); 17] = [
    (0x0000, "server error"),
    (0x000A, "protocol error"),
    (0x0100, "bad credentials"),
    (0x1000, "unavailable"),
    (0x1001, "overloaded"),
    (0x1002, "is bootstrapping"),
    (0x1003, "truncate error"),
    (0x1100, "write timeout"),
    (0x1200, "read timeout"),
    (0x1300, "read failure"),
    (0x1400, "function failure"),
    (0x1500, "write failure"),
    (0x2000, "syntax error"),
    (0x2100, "unauthorized"),
    (0x2200, "invalid query"),
    (0x2300, "configuration error"),
    (0x2400, "already exists"),
];

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().find(|(code, _)| *code == self.0) {
            Some((_, name)) => f.write_str(name),
            None => write!(f, "error {:#06x}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_read_as_text() {
        let refused = |code| Error::Refused {
            place: "127.0.0.1:9042".to_owned(),
            code: Code(code),
            message: "no such table".to_owned(),
        };
        let invalid = refused(0x2200);
        assert_eq!(
            invalid.to_string(),
            "127.0.0.1:9042: invalid query: no such table"
        );
        assert!(!invalid.passes());
        assert!(refused(0x1000).passes() && refused(0).passes());
        assert!(!refused(0x000A).passes());
        assert!(refused(0x7777).to_string().contains("error 0x7777"));
    }
}
