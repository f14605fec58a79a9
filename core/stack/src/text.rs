//! Text that may refer to exports: literal pieces and `${application.name}` holes, which are filled when a task is
//! launched. Splits raw text at `${…}`; what a name means is decided by `substitute`.

use std::fmt;

use serde::{Deserialize, Serialize};
use smack_model::ApplicationPath;

/// A text of a resolved stack. Without references it is one literal piece (none for an empty text).
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Text {
    pub pieces: Vec<Piece>,
}

/// A stretch of a [`Text`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Piece {
    Literal(String),
    /// `${kafka.brokers}`: what `application` publishes as `name` once it is ready.
    Export {
        application: ApplicationPath,
        name: String,
        /// The reference as it was written, without `${` and `}`: `dse-mesos-0.2.x.cassandraConnect`.
        shown: String,
    },
}

impl Text {
    /// A text without references.
    pub fn literal(text: impl Into<String>) -> Self {
        let text = text.into();
        if text.is_empty() {
            Self::default()
        } else {
            Self {
                pieces: vec![Piece::Literal(text)],
            }
        }
    }

    /// The whole text, if it has no reference.
    pub fn as_literal(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [] => Some(""),
            [Piece::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// The exports it refers to, in order: application and name.
    pub fn exports(&self) -> impl Iterator<Item = (&ApplicationPath, &str)> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Literal(_) => None,
            Piece::Export {
                application, name, ..
            } => Some((application, name.as_str())),
        })
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Appends literal text; neighbouring literals become one.
    pub(crate) fn push_literal(&mut self, more: &str) {
        if more.is_empty() {
            return;
        }
        match self.pieces.last_mut() {
            Some(Piece::Literal(last)) => last.push_str(more),
            _ => self.pieces.push(Piece::Literal(more.to_owned())),
        }
    }

    /// The text as a stack file would have it: references as `${…}`, a literal `${` as `$${`.
    pub fn source(&self) -> String {
        self.pieces
            .iter()
            .map(|piece| match piece {
                Piece::Literal(text) => text.replace("${", "$${"),
                Piece::Export { shown, .. } => format!("${{{shown}}}"),
            })
            .collect()
    }
}

impl fmt::Display for Text {
    /// The text for people: references as `${…}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => f.write_str(text)?,
                Piece::Export { shown, .. } => write!(f, "${{{shown}}}")?,
            }
        }
        Ok(())
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::literal(text)
    }
}

/// A stretch of raw text, before names are looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stretch<'a> {
    Literal(&'a str),
    /// `$${`, which stands for `${`.
    Escape,
    /// `${name}` with a well-formed name.
    Reference(&'a str),
    /// `${…}` whose inside is no name.
    NotAName(&'a str),
    /// `${` that is never closed.
    Unclosed,
}

/// Splits raw text at its references. `$HOST` and a lone `$` are literal.
pub(crate) fn stretches(raw: &str) -> Vec<Stretch<'_>> {
    let mut found = Vec::new();
    let mut rest = raw;
    while let Some(at) = rest.find("${") {
        let escaped = rest[..at].ends_with('$');
        let before = &rest[..at - usize::from(escaped)];
        if !before.is_empty() {
            found.push(Stretch::Literal(before));
        }
        let inside = &rest[at + 2..];
        if escaped {
            found.push(Stretch::Escape);
            rest = inside;
            continue;
        }
        let Some(end) = inside.find('}') else {
            found.push(Stretch::Unclosed);
            return found;
        };
        let name = &inside[..end];
        found.push(if is_reference(name) {
            Stretch::Reference(name)
        } else {
            Stretch::NotAName(name)
        });
        rest = &inside[end + 1..];
    }
    if !rest.is_empty() {
        found.push(Stretch::Literal(rest));
    }
    found
}

/// Letters, digits, `_`, `-` and `.`; neither starting nor ending with a dot; at most 253 of them.
pub(crate) fn is_reference(name: &str) -> bool {
    (1..=253).contains(&name.len())
        && !name.starts_with('.')
        && !name.ends_with('.')
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

#[cfg(test)]
mod tests {
    use super::{Stretch, stretches};

    #[test]
    fn references_are_split_and_shell_variables_are_left_alone() {
        use Stretch::{Escape, Literal, NotAName, Reference, Unclosed};
        assert_eq!(
            stretches("http://$HOST:$PORT0"),
            [Literal("http://$HOST:$PORT0")]
        );
        assert_eq!(
            stretches("zk:${zk_url}/x"),
            [Literal("zk:"), Reference("zk_url"), Literal("/x")]
        );
        assert_eq!(stretches("$${HOME}"), [Escape, Literal("HOME}")]);
        assert_eq!(stretches("$$${a}"), [Literal("$"), Escape, Literal("a}")]);
        assert_eq!(stretches("${A:-b}"), [NotAName("A:-b")]);
        assert_eq!(stretches("a ${b"), [Literal("a "), Unclosed]);
        assert_eq!(stretches("$$ $"), [Literal("$$ $")]);
        assert_eq!(stretches(""), []);
    }
}
