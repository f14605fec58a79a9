//! Questions to a connection, the same for the writer and the readers. Each answer is of one
//! snapshot.

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use crate::number::{limit, signed, unsigned};
use crate::{Entry, Epoch, Filter, Image, Row, Seq};

type Answer<T> = Result<T, rusqlite::Error>;

pub(crate) fn image(connection: &Connection) -> Answer<Image> {
    let snapshot = Transaction::new_unchecked(connection, TransactionBehavior::Deferred)?;
    let (seq, epoch) = snapshot
        .prepare_cached("SELECT seq, epoch FROM state")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let rows = snapshot
        .prepare_cached("SELECT key, version, value FROM keyed_row ORDER BY key")?
        .query_map([], row)?
        .collect::<Answer<_>>()?;
    snapshot.finish()?;
    Ok(Image {
        seq: Seq(unsigned(seq)),
        epoch: Epoch(unsigned(epoch)),
        rows,
    })
}

/// As [`image`], each row given away as it is read.
pub(crate) fn each(connection: &Connection, mut take: impl FnMut(Row)) -> Answer<()> {
    connection
        .prepare_cached("SELECT key, version, value FROM keyed_row ORDER BY key")?
        .query_map([], row)?
        .try_for_each(|row| row.map(&mut take))
}

pub(crate) fn get(connection: &Connection, key: &str) -> Answer<Option<Row>> {
    connection
        .prepare_cached("SELECT key, version, value FROM keyed_row WHERE key = ?1")?
        .query_row(params![key], row)
        .optional()
}

pub(crate) fn range(connection: &Connection, prefix: &str) -> Answer<Vec<Row>> {
    connection
        .prepare_cached("SELECT key, version, value FROM keyed_row WHERE key >= ?1 ORDER BY key")?
        .query_map(params![prefix], row)?
        .take_while(|row| row.as_ref().map_or(true, |row| row.key.starts_with(prefix)))
        .collect()
}

pub(crate) fn after(connection: &Connection, seq: Seq, count: usize) -> Answer<Vec<Entry>> {
    connection
        .prepare_cached(
            "SELECT seq, at_millis, kind, subject, body FROM journal \
             WHERE seq > ?1 ORDER BY seq LIMIT ?2",
        )?
        .query_map(params![signed(seq.0), limit(count)], entry)?
        .collect()
}

/// What [`Filter`] means; of one clause, so that what is not wanted never leaves SQLite.
macro_rules! wanted {
    () => {
        "(?1 = '' OR subject = ?1 OR substr(subject, 1, length(?1) + 1) = ?1 || '/') \
         AND (?2 = '' OR kind = ?2)"
    };
}

pub(crate) fn select(
    connection: &Connection,
    filter: Filter<'_>,
    seq: Seq,
    count: usize,
) -> Answer<Vec<Entry>> {
    const SELECT: &str = concat!(
        "SELECT seq, at_millis, kind, subject, body FROM journal WHERE seq > ?3 AND ",
        wanted!(),
        " ORDER BY seq LIMIT ?4"
    );
    let bounds = params![filter.subject, filter.kind, signed(seq.0), limit(count)];
    connection
        .prepare_cached(SELECT)?
        .query_map(bounds, entry)?
        .collect()
}

pub(crate) fn newest(
    connection: &Connection,
    filter: Filter<'_>,
    count: usize,
) -> Answer<Vec<Entry>> {
    const NEWEST: &str = concat!(
        "SELECT seq, at_millis, kind, subject, body FROM journal WHERE ",
        wanted!(),
        " ORDER BY seq DESC LIMIT ?3"
    );
    let mut entries: Vec<Entry> = connection
        .prepare_cached(NEWEST)?
        .query_map(params![filter.subject, filter.kind, limit(count)], entry)?
        .collect::<Answer<_>>()?;
    entries.reverse();
    Ok(entries)
}

pub(crate) fn pruned(connection: &Connection) -> Answer<Seq> {
    connection
        .prepare_cached("SELECT pruned FROM state")?
        .query_row([], |row| row.get(0))
        .map(|seq| Seq(unsigned(seq)))
}

fn row(row: &rusqlite::Row<'_>) -> Answer<Row> {
    Ok(Row {
        key: row.get(0)?,
        version: unsigned(row.get(1)?),
        value: row.get(2)?,
    })
}

fn entry(row: &rusqlite::Row<'_>) -> Answer<Entry> {
    Ok(Entry {
        seq: Seq(unsigned(row.get(0)?)),
        at_millis: unsigned(row.get(1)?),
        kind: row.get(2)?,
        subject: row.get(3)?,
        body: row.get(4)?,
    })
}
