//! The writer: opens the file, takes an epoch, commits. SQLite in write-ahead mode, flushed to
//! the disk before a commit answers.

use std::cell::Cell;
use std::fmt;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior, params};

use crate::number::{limit, unsigned};
use crate::schema::{self, Found};
use crate::write::{self, Refusal};
use crate::{
    Commit, CommitError, Entry, Epoch, Faults, Image, OpenError, Reader, Row, Seq, Unavailable,
};
use crate::{error, read};

const PAGE_BYTES: i64 = 4_096;

/// What the writer keeps of the file in memory.
const CACHE_KIB: u32 = 1_024;

/// Entries that one pruning deletes at most, so that no commit waits long for it.
const PRUNE_ENTRIES_MAX: usize = 10_000;

/// Where a store is and how it behaves.
#[derive(Debug, Clone)]
pub struct Options {
    pub path: PathBuf,
    pub durability: Durability,
    /// How long to wait for another process's transaction.
    pub wait: Duration,
    /// The log is folded into the file once it has this many pages of 4 KiB.
    pub log_pages: u32,
}

/// What an acknowledged commit survives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Durability {
    /// The loss of power.
    #[default]
    Full,
    /// The death of the process, but not always the loss of power: for simulations and tests.
    Process,
}

impl Options {
    /// The store at this path, fully durable, with a log of 16 MB.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            durability: Durability::Full,
            wait: Duration::from_secs(5),
            log_pages: 4_000,
        }
    }
}

/// The store's one writer.
pub struct Store {
    connection: Connection,
    options: Options,
    faults: Option<Box<dyn Faults>>,
    /// A commit's answer was lost, and nothing was written since.
    unsettled: Cell<bool>,
}

impl Store {
    /// Opens the store at `path`, or makes an empty one there; its directory must exist.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        Self::open_with(Options::new(path))
    }

    /// The same, with other than the default options.
    pub fn open_with(options: Options) -> Result<Self, OpenError> {
        let path = &options.path;
        let unwritable = |source| OpenError::Unwritable {
            path: path.clone(),
            source,
        };
        let mut file = OpenOptions::new();
        let file = file
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600);
        drop(file.open(path).map_err(unwritable)?);
        let connection = connect(&options).map_err(|source| refused(path, source))?;
        Ok(Self {
            connection,
            options,
            faults: None,
            unsettled: Cell::new(false),
        })
    }

    /// Begins a new generation of the server: from now on commits of every older one are refused.
    /// An error leaves open whether a number was used up; asking again is harmless.
    pub fn take_epoch(&mut self) -> Result<Epoch, Unavailable> {
        const TAKE: &str = "UPDATE state SET epoch = epoch + 1, seq = seq + 1 RETURNING epoch";
        let epoch = self.transact(|t| t.query_row(TAKE, [], |row| row.get(0)))?;
        Ok(Epoch(unsigned(epoch)))
    }

    /// All rows, in one snapshot. What it shows is final: if a commit's answer was lost before,
    /// it is first made certain that no later recovery can bring that commit back.
    pub fn load(&self) -> Result<Image, Unavailable> {
        self.settle()?;
        self.ask(read::image)
    }

    /// As [`Store::load`], in the order of the keys, each row given away as it is read: all together are large.
    pub fn each_row(&self, take: impl FnMut(Row)) -> Result<(), Unavailable> {
        self.settle()?;
        self.ask(|connection| read::each(connection, take))
    }

    /// Makes all of `commit` true at once and gives its number, which is also the new version of
    /// every row that it wrote. Any error but `Unknown` means that nothing has changed; after
    /// `Unknown`, load again.
    pub fn commit(&mut self, epoch: Epoch, commit: &Commit) -> Result<Seq, CommitError> {
        self.settle()?;
        let answer = self.commit_settled(epoch, commit);
        self.unsettled
            .set(matches!(answer, Err(CommitError::Unknown { .. })));
        answer
    }

    fn commit_settled(&mut self, epoch: Epoch, commit: &Commit) -> Result<Seq, CommitError> {
        let path = &self.options.path;
        let unavailable = |source| Unavailable::sort(path, source);
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(unavailable)?;
        let seq = write::apply(&transaction, epoch, commit).map_err(|refusal| match refusal {
            Refusal::Fenced { theirs } => CommitError::Fenced {
                ours: epoch,
                theirs,
            },
            Refusal::Conflict {
                key,
                expected,
                found,
            } => CommitError::Conflict {
                key,
                expected,
                found,
            },
            Refusal::Sqlite(source) => unavailable(source).into(),
        })?;
        if let Some(faults) = &mut self.faults {
            faults.before_commit(seq)?;
        }
        transaction
            .commit()
            .map_err(|source| CommitError::sort_at_commit(path, source))?;
        if let Some(faults) = &mut self.faults {
            faults.after_commit(seq)?;
        }
        Ok(seq)
    }

    /// The oldest `limit` journal entries after `seq`; give the last one's number to go on.
    pub fn after(&self, seq: Seq, limit: usize) -> Result<Vec<Entry>, Unavailable> {
        self.ask(|connection| read::after(connection, seq, limit))
    }

    /// The last journal entry that is no longer kept. Who has read less has missed something.
    pub fn pruned(&self) -> Result<Seq, Unavailable> {
        self.ask(read::pruned)
    }

    /// A connection for another thread that sees what is committed.
    pub fn reader(&self) -> Result<Reader, Unavailable> {
        Reader::open(&self.options.path, self.options.wait)
    }

    /// Forgets the oldest journal entries beyond the newest `keep`, at most 10,000 at a time, and
    /// gives how many were forgotten; the space is used again.
    pub fn prune_journal(&mut self, keep: usize) -> Result<usize, Unavailable> {
        const LAST: &str = "SELECT max(seq) FROM (SELECT seq FROM journal WHERE seq <= \
            (SELECT seq FROM journal ORDER BY seq DESC LIMIT 1 OFFSET ?1) ORDER BY seq LIMIT ?2)";
        const MARK: &str = "UPDATE state SET pruned = ?1";
        self.transact(|transaction| {
            let bounds = params![limit(keep), limit(PRUNE_ENTRIES_MAX)];
            let last: Option<i64> = transaction.query_row(LAST, bounds, |row| row.get(0))?;
            let Some(last) = last else { return Ok(0) };
            transaction.execute(MARK, params![last])?;
            transaction.execute("DELETE FROM journal WHERE seq <= ?1", params![last])
        })
    }

    /// Puts faults beside every commit from now on; for tests of what is around the store.
    pub fn inject(&mut self, faults: Box<dyn Faults>) {
        self.faults = Some(faults);
    }

    /// A commit whose answer was lost may lie in the log unseen, for a later recovery to find.
    /// The next transaction takes its place in the log, and then it never was.
    fn settle(&self) -> Result<(), Unavailable> {
        if self.unsettled.get() {
            self.transact(|t| t.execute("UPDATE state SET seq = seq + 1", []))?;
        }
        Ok(())
    }

    fn transact<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, rusqlite::Error>,
    ) -> Result<T, Unavailable> {
        self.ask(|connection| {
            let behavior = TransactionBehavior::Immediate;
            let transaction = Transaction::new_unchecked(connection, behavior)?;
            let result = work(&transaction)?;
            let committed = transaction.commit();
            self.unsettled.set(
                committed
                    .as_ref()
                    .is_err_and(|error| !error::is_undone(error)),
            );
            committed.map(|()| result)
        })
    }

    fn ask<T>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, rusqlite::Error>,
    ) -> Result<T, Unavailable> {
        question(&self.connection).map_err(|source| Unavailable::sort(&self.options.path, source))
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Store")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// Why a file could not be made ours.
enum Refused {
    Sqlite(rusqlite::Error),
    Found(Found),
}

impl From<rusqlite::Error> for Refused {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// Looks before it changes anything: a file of another program stays as it is.
fn connect(options: &Options) -> Result<Connection, Refused> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(&options.path, flags)?;
    connection.busy_timeout(options.wait)?;
    let found = schema::inspect(&connection)?;
    if !matches!(found, Found::Empty | Found::Store) {
        return Err(Refused::Found(found));
    }
    configure(&connection, options)?;
    if found == Found::Empty {
        schema::create(&mut connection)?;
    }
    Ok(connection)
}

fn configure(connection: &Connection, options: &Options) -> Result<(), rusqlite::Error> {
    let synchronous = match options.durability {
        Durability::Full => "FULL",
        Durability::Process => "NORMAL",
    };
    connection.pragma_update(None, "page_size", PAGE_BYTES)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "wal_autocheckpoint", options.log_pages)?;
    let log_bytes = i64::from(options.log_pages) * PAGE_BYTES;
    connection.pragma_update(None, "journal_size_limit", log_bytes)?;
    connection.pragma_update(None, "cache_size", -i64::from(CACHE_KIB))?;
    connection.pragma_update(None, "temp_store", "MEMORY")
}

fn refused(path: &Path, refused: Refused) -> OpenError {
    let path = path.to_owned();
    match refused {
        Refused::Found(Found::Newer(found)) => OpenError::Newer {
            path,
            found,
            known: schema::FORMAT,
        },
        Refused::Found(Found::Damaged(detail)) => OpenError::Damaged { path, detail },
        Refused::Found(Found::Foreign | Found::Empty | Found::Store) => {
            OpenError::NotAStore { path }
        }
        Refused::Sqlite(source) if error::is_foreign(&source) => OpenError::NotAStore { path },
        Refused::Sqlite(source) if error::is_damage(&source) => OpenError::Damaged {
            path,
            detail: source.to_string(),
        },
        Refused::Sqlite(source) => Unavailable::sort(&path, source).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Durability, Options, Store};

    #[test]
    fn a_commit_is_flushed_before_it_answers_unless_told_otherwise() {
        let directory = tempfile::tempdir().unwrap();
        let mut options = Options::new(directory.path().join("store"));
        for (durability, expected) in [(Durability::Full, 2), (Durability::Process, 1)] {
            options.durability = durability;
            let store = Store::open_with(options.clone()).unwrap();
            let pragma = |name: &str| {
                store
                    .connection
                    .query_row(&format!("PRAGMA {name}"), [], |row| row.get(0))
            };
            assert_eq!(pragma("synchronous"), Ok(expected));
            assert_eq!(pragma("wal_autocheckpoint"), Ok(4_000));
        }
    }
}
