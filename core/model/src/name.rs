//! Names and paths: what identifies a thing, valid by construction. Numbers only grow, nothing is random.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A DNS label in lower case: 1 to 63 of `a-z`, `0-9`, `-`, neither starting nor ending with `-` (RFC 1123 §2.1).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(Arc<str>);

/// Why a text is no [`Name`]; says what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAName {
    #[error("a name may not be empty")]
    Empty,
    #[error("{0:?} is longer than the 63 characters of a DNS label")]
    TooLong(String),
    #[error("{0:?} is no DNS label: {1:?} is not one of a-z, 0-9 and -{tried}", tried = tried(.2))]
    Character(String, char, String),
    #[error("{0:?} is no DNS label: it may not start or end with -")]
    Edge(String),
}

fn tried(proposal: &str) -> String {
    match proposal {
        "" => String::new(),
        _ => format!("; try {proposal:?}"),
    }
}

impl Name {
    /// Lowers the case, then insists on a DNS label: `ZipkinQATeamBuild92` -> `zipkinqateambuild92`.
    pub fn new(text: &str) -> Result<Self, NotAName> {
        let lower = text.to_ascii_lowercase();
        if lower.is_empty() {
            return Err(NotAName::Empty);
        }
        if lower.len() > 63 {
            return Err(NotAName::TooLong(lower));
        }
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if let Some(bad) = lower.chars().find(|&c| !allowed(c)) {
            let proposal = lower
                .chars()
                .map(|c| if allowed(c) { c } else { '-' })
                .collect::<String>();
            let proposal = proposal.trim_matches('-').to_owned();
            return Err(NotAName::Character(lower, bad, proposal));
        }
        if lower.starts_with('-') || lower.ends_with('-') {
            return Err(NotAName::Edge(lower));
        }
        Ok(Self(lower.into()))
    }

    /// The name that sorts before every other: the start of a range.
    pub fn lowest() -> Self {
        Self("-".into())
    }

    /// The label.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Name {
    type Error = NotAName;
    fn try_from(text: String) -> Result<Self, NotAName> {
        Self::new(&text)
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0.as_ref().to_owned()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl std::borrow::Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}
