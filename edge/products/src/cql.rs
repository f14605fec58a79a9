//! A small client of Cassandra's native protocol in version 4: opens a session and asks one query after the other.
//! Frames, types and codes as in the protocol's `native_protocol_v4.spec`. Answers are bounded in size and depth.

mod connection;
mod error;
#[cfg(feature = "fuzz")]
pub(crate) mod fuzz;
mod reader;
mod rows;

pub(crate) use connection::{Connection, Consistency};
pub(crate) use error::{Code, Error};
pub(crate) use rows::Row;

/// A name as it stands in a query: `"app"`.
pub(crate) fn quoted_name(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as it stands in a query: `'dc1'`.
pub(crate) fn quoted_text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
