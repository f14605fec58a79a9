//! Why a question to Kafka has no good answer, in Kafka's own names.

use kafka_protocol::error::ResponseError;
use smack_model::Span;

/// What went wrong, where, and in Kafka's words if they are Kafka's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("{place} cannot be reached: {reason}")]
    Unreachable { place: String, reason: String },
    #[error("{place} did not answer within {within}")]
    Silent { place: String, within: Span },
    #[error("{place} ended the connection: {reason}")]
    Broken { place: String, reason: String },
    #[error("{place} gave an answer that is not Kafka's: {reason}")]
    Malformed { place: String, reason: String },
    #[error("{place} knows {request} in versions {theirs}, not in {ours}")]
    Version {
        place: String,
        request: &'static str,
        theirs: String,
        ours: String,
    },
    #[error("{doing}: {}{}", name(*.code), .message.as_deref().map(|text| format!(": {text}")).unwrap_or_default())]
    Refused {
        /// What was asked, with its subject.
        doing: String,
        /// Kafka's error code.
        code: i16,
        message: Option<String>,
    },
    #[error("no broker is known that could be asked")]
    Nobody,
}

impl Error {
    /// Whether asking again later may help.
    pub fn passes(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Silent { .. } | Self::Broken { .. } => true,
            Self::Refused { code, .. } => ResponseError::try_from_code(*code)
                .is_some_and(|error| error.is_retriable() || comes_right(error)),
            Self::Malformed { .. } | Self::Version { .. } | Self::Nobody => false,
        }
    }

    /// Whether it is Kafka's refusal with this error.
    pub(crate) fn is(&self, error: ResponseError) -> bool {
        matches!(self, Self::Refused { code, .. } if *code == error.code())
    }
}

/// Not retriable by the protocol's book, but they end by themselves: a broker registers, a move ends.
fn comes_right(error: ResponseError) -> bool {
    error == ResponseError::InvalidReplicationFactor
        || error == ResponseError::ReassignmentInProgress
        || error == ResponseError::BrokerNotAvailable
}

/// Kafka's name of an error code: `NOT_CONTROLLER`.
pub(crate) fn name(code: i16) -> String {
    let Some(error) = ResponseError::try_from_code(code) else {
        return "NONE".to_owned();
    };
    if let ResponseError::Unknown(code) = error {
        return format!("error {code}");
    }
    let mut name = String::new();
    for letter in error.to_string().chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_kafkas_names() {
        assert_eq!(name(41), "NOT_CONTROLLER");
        assert_eq!(name(6), "NOT_LEADER_OR_FOLLOWER");
        assert_eq!(name(-1), "UNKNOWN_SERVER_ERROR");
        assert_eq!(name(9999), "error 9999");
        let refused = Error::Refused {
            doing: "create topic events".to_owned(),
            code: 40,
            message: Some("Unknown topic config name: x".to_owned()),
        };
        assert_eq!(
            refused.to_string(),
            "create topic events: INVALID_CONFIG: Unknown topic config name: x"
        );
        assert!(!refused.passes());
    }
}
