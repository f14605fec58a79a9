//! The store's format, version 1: three tables. A change here is a new format: it needs a new
//! number, a way from the old one, and a golden file of its own.

use rusqlite::{Connection, TransactionBehavior};

/// Written into the header of every store: "smck".
pub const APPLICATION_ID: i32 = 0x736d_636b;

/// The newest format known, written into the header as well.
pub const FORMAT: i64 = 1;

const TABLES: &str = "
CREATE TABLE state (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  seq INTEGER NOT NULL CHECK (seq >= 0),
  epoch INTEGER NOT NULL CHECK (epoch >= 0),
  pruned INTEGER NOT NULL CHECK (pruned >= 0)
) STRICT;
CREATE TABLE keyed_row (
  key TEXT PRIMARY KEY,
  version INTEGER NOT NULL CHECK (version > 0),
  value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE journal (
  seq INTEGER PRIMARY KEY,
  at_millis INTEGER NOT NULL,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  body TEXT NOT NULL
) STRICT;
INSERT INTO state (only, seq, epoch, pruned) VALUES (1, 0, 0, 0);
";

/// What kind of file is open.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Empty,
    Store,
    Newer(i64),
    Foreign,
    Damaged(String),
}

/// Looks at the header, the names of the tables and, quickly, the structure of all pages.
pub(crate) fn inspect(connection: &Connection) -> Result<Found, rusqlite::Error> {
    let application: i32 = connection.pragma_query_value(None, "application_id", |r| r.get(0))?;
    let format: i64 = connection.pragma_query_value(None, "user_version", |r| r.get(0))?;
    let tables = tables(connection)?;
    if application == 0 && format == 0 && tables.is_empty() {
        return Ok(Found::Empty);
    }
    if application != APPLICATION_ID {
        return Ok(Found::Foreign);
    }
    if format > FORMAT {
        return Ok(Found::Newer(format));
    }
    if format != FORMAT || tables != ["journal", "keyed_row", "state"] {
        return Ok(Found::Damaged(format!(
            "format {format} with the tables {tables:?}"
        )));
    }
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    match verdict.as_str() {
        "ok" => Ok(Found::Store),
        fault => Ok(Found::Damaged(fault.replace('\n', "; "))),
    }
}

/// Makes an empty file a store, unless another process just did.
pub(crate) fn create(connection: &mut Connection) -> Result<(), rusqlite::Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if tables(&transaction)?.is_empty() {
        transaction.execute_batch(TABLES)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", FORMAT)?;
    }
    transaction.commit()
}

fn tables(connection: &Connection) -> Result<Vec<String>, rusqlite::Error> {
    connection
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")?
        .query_map([], |row| row.get(0))?
        .collect()
}
