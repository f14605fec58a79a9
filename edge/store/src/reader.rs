//! A second, read-only connection for the threads of the API: it sees committed snapshots, never
//! waits for the writer and never makes it wait.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::{Entry, Filter, Image, Row, Seq, Unavailable, read};

/// It mostly reads on from where it was: what it has read it seldom needs again.
const CACHE_KIB: u32 = 256;

/// Reads what is committed. One per thread; each answer is of one snapshot.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
    path: PathBuf,
}

impl Reader {
    pub(crate) fn open(path: &Path, wait: Duration) -> Result<Self, Unavailable> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connect = || {
            let connection = Connection::open_with_flags(path, flags)?;
            connection.busy_timeout(wait)?;
            connection.pragma_update(None, "cache_size", -i64::from(CACHE_KIB))?;
            Ok(connection)
        };
        let connection = connect().map_err(|source| Unavailable::sort(path, source))?;
        Ok(Self {
            connection,
            path: path.to_owned(),
        })
    }

    /// All rows, with the number of the last commit in them.
    pub fn load(&self) -> Result<Image, Unavailable> {
        self.ask(read::image)
    }

    /// One row.
    pub fn get(&self, key: &str) -> Result<Option<Row>, Unavailable> {
        self.ask(|connection| read::get(connection, key))
    }

    /// All rows whose keys begin with `prefix`, ordered by key.
    pub fn range(&self, prefix: &str) -> Result<Vec<Row>, Unavailable> {
        self.ask(|connection| read::range(connection, prefix))
    }

    /// The oldest `limit` journal entries after `seq`; give the last one's number to go on.
    pub fn after(&self, seq: Seq, limit: usize) -> Result<Vec<Entry>, Unavailable> {
        self.ask(|connection| read::after(connection, seq, limit))
    }

    /// The oldest `limit` journal entries after `seq` that `filter` lets through.
    pub fn select(
        &self,
        filter: Filter<'_>,
        seq: Seq,
        limit: usize,
    ) -> Result<Vec<Entry>, Unavailable> {
        self.ask(|connection| read::select(connection, filter, seq, limit))
    }

    /// The newest `count` journal entries that `filter` lets through, oldest first.
    pub fn newest(&self, filter: Filter<'_>, count: usize) -> Result<Vec<Entry>, Unavailable> {
        self.ask(|connection| read::newest(connection, filter, count))
    }

    /// The last journal entry that is no longer kept. Who has read less has missed something.
    pub fn pruned(&self) -> Result<Seq, Unavailable> {
        self.ask(read::pruned)
    }

    fn ask<T>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, rusqlite::Error>,
    ) -> Result<T, Unavailable> {
        question(&self.connection).map_err(|source| Unavailable::sort(&self.path, source))
    }
}
