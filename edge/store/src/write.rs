//! What is given to the store, and the statements that put it into an open transaction.

use rusqlite::{OptionalExtension, Transaction, params};

use crate::number::{signed, unsigned};
use crate::{Epoch, Seq};

/// The expected version of a key that must not be there.
pub const ABSENT: u64 = 0;

/// What is to become true at once or not at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Commit {
    /// Applied in this order.
    pub writes: Vec<Write>,
    /// Journal entries, in this order.
    pub entries: Vec<NewEntry>,
}

/// One change of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// The key holds this value from now on.
    Put {
        key: String,
        value: Vec<u8>,
        /// The version that the key must have ([`ABSENT`]: none), or the commit is refused.
        expect: Option<u64>,
    },
    /// The key is gone; that it never was is no error unless a version is expected.
    Delete { key: String, expect: Option<u64> },
}

/// A line for the journal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewEntry {
    /// Milliseconds since 1970.
    pub at_millis: u64,
    pub kind: String,
    pub subject: String,
    /// JSON; kept as it is.
    pub body: String,
}

impl Commit {
    /// Nothing to do.
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty() && self.entries.is_empty()
    }
}

impl Write {
    /// The key holds this value from now on, whatever it held.
    pub fn put(key: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        Self::Put {
            key: key.into(),
            value: value.into(),
            expect: None,
        }
    }

    /// The key is gone from now on.
    pub fn delete(key: impl Into<String>) -> Self {
        Self::Delete {
            key: key.into(),
            expect: None,
        }
    }

    /// The same, if the key has this version ([`ABSENT`]: is not there).
    #[must_use]
    pub fn expecting(mut self, version: u64) -> Self {
        match &mut self {
            Self::Put { expect, .. } | Self::Delete { expect, .. } => *expect = Some(version),
        }
        self
    }
}

/// Why a transaction came to nothing before its COMMIT.
pub(crate) enum Refusal {
    Fenced {
        theirs: Epoch,
    },
    Conflict {
        key: String,
        expected: u64,
        found: Option<u64>,
    },
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

const ADVANCE: &str = "UPDATE state SET seq = seq + ?1 WHERE epoch = ?2 RETURNING seq";
const VERSION: &str = "SELECT version FROM keyed_row WHERE key = ?1";
const PUT: &str = "INSERT INTO keyed_row (key, version, value) VALUES (?1, ?2, ?3) \
    ON CONFLICT (key) DO UPDATE SET version = excluded.version, value = excluded.value";
const DELETE: &str = "DELETE FROM keyed_row WHERE key = ?1";
const APPEND: &str =
    "INSERT INTO journal (seq, at_millis, kind, subject, body) VALUES (?1, ?2, ?3, ?4, ?5)";

/// Writes all of it into the transaction and gives the number that the commit will have.
pub(crate) fn apply(
    transaction: &Transaction<'_>,
    epoch: Epoch,
    commit: &Commit,
) -> Result<Seq, Refusal> {
    let steps = commit.entries.len().max(1) as u64;
    let seq = advance(transaction, epoch, steps)?;
    write_rows(transaction, seq, &commit.writes)?;
    append(transaction, Seq(seq.0 - steps), &commit.entries)?;
    Ok(seq)
}

/// Moves the store's number on, if the epoch is still the newest.
fn advance(transaction: &Transaction<'_>, epoch: Epoch, steps: u64) -> Result<Seq, Refusal> {
    let moved = transaction
        .prepare_cached(ADVANCE)?
        .query_row(params![signed(steps), signed(epoch.0)], |row| row.get(0))
        .optional()?;
    match moved {
        Some(seq) => Ok(Seq(unsigned(seq))),
        None => {
            let theirs = transaction.query_row("SELECT epoch FROM state", [], |row| row.get(0))?;
            Err(Refusal::Fenced {
                theirs: Epoch(unsigned(theirs)),
            })
        }
    }
}

fn write_rows(transaction: &Transaction<'_>, seq: Seq, writes: &[Write]) -> Result<(), Refusal> {
    let mut put = transaction.prepare_cached(PUT)?;
    let mut delete = transaction.prepare_cached(DELETE)?;
    for write in writes {
        match write {
            Write::Put { key, value, expect } => {
                check(transaction, key, *expect)?;
                put.execute(params![key, signed(seq.0), value])?;
            }
            Write::Delete { key, expect } => {
                check(transaction, key, *expect)?;
                delete.execute(params![key])?;
            }
        }
    }
    Ok(())
}

/// Refuses if the key has not the version that is expected of it.
fn check(transaction: &Transaction<'_>, key: &str, expect: Option<u64>) -> Result<(), Refusal> {
    let Some(expected) = expect else {
        return Ok(());
    };
    let found = transaction
        .prepare_cached(VERSION)?
        .query_row(params![key], |row| row.get(0))
        .optional()?
        .map(unsigned);
    if found.unwrap_or(ABSENT) == expected {
        return Ok(());
    }
    Err(Refusal::Conflict {
        key: key.to_owned(),
        expected,
        found,
    })
}

/// Numbers the entries from the one after `before`.
fn append(
    transaction: &Transaction<'_>,
    before: Seq,
    entries: &[NewEntry],
) -> Result<(), rusqlite::Error> {
    let mut append = transaction.prepare_cached(APPEND)?;
    for (seq, entry) in (before.0 + 1..).zip(entries) {
        let at_millis = signed(entry.at_millis);
        append.execute(params![
            signed(seq),
            at_millis,
            entry.kind,
            entry.subject,
            entry.body
        ])?;
    }
    Ok(())
}
