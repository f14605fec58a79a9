//! What is read from the store: rows, journal entries, and the whole as one snapshot.

use std::fmt;

use crate::{Epoch, Seq};

/// Everything that the store keeps but its journal, as of one commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The last commit in it; the journal after it is what happened since.
    pub seq: Seq,
    /// The newest epoch taken.
    pub epoch: Epoch,
    /// All rows, ordered by the bytes of their keys.
    pub rows: Vec<Row>,
}

/// One key and what it holds.
#[derive(Clone, PartialEq, Eq)]
pub struct Row {
    pub key: String,
    /// The number of the commit that wrote it: it grows with every write, also over a deletion.
    pub version: u64,
    pub value: Vec<u8>,
}

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub seq: Seq,
    /// When it happened, in milliseconds since 1970, as its writer said.
    pub at_millis: u64,
    /// What sort of thing happened.
    pub kind: String,
    /// To whom: a path, or empty.
    pub subject: String,
    /// The rest, as JSON.
    pub body: String,
}

/// Values are for their readers; a log gets their length.
impl fmt::Debug for Row {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Row")
            .field("key", &self.key)
            .field("version", &self.version)
            .field("value", &format_args!("{} bytes", self.value.len()))
            .finish()
    }
}

/// Which entries of the journal are wanted; by default all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Filter<'a> {
    /// Those of this subject and of all below it; empty: of every one.
    pub subject: &'a str,
    /// Those of this kind; empty: of every one.
    pub kind: &'a str,
}
