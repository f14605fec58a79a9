//! What every caller of the store may rely on, situation by situation.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod answers;
mod journal;
mod rows;

use std::fs;
use std::path::PathBuf;

use smack_store::{Commit, CommitError, Entry, Epoch, NewEntry, Row, Seq, Store, Write};
use tempfile::TempDir;

/// A store in a directory of its own, taken by its first epoch.
struct Home {
    directory: TempDir,
    store: Store,
    epoch: Epoch,
}

impl Home {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut store = Store::open(&directory.path().join("store")).unwrap();
        let epoch = store.take_epoch().unwrap();
        Self {
            directory,
            store,
            epoch,
        }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("store")
    }

    fn commit(&mut self, writes: Vec<Write>) -> Result<Seq, CommitError> {
        self.store.commit(
            self.epoch,
            &Commit {
                writes,
                entries: vec![],
            },
        )
    }

    fn row(&self, key: &str) -> Option<Row> {
        self.store
            .load()
            .unwrap()
            .rows
            .into_iter()
            .find(|row| row.key == key)
    }

    /// What another process would find if this one died now.
    fn copy(&self, name: &str) -> PathBuf {
        for suffix in ["", "-wal"] {
            let from = self.directory.path().join(format!("store{suffix}"));
            fs::copy(from, self.directory.path().join(format!("{name}{suffix}"))).unwrap();
        }
        self.directory.path().join(name)
    }

    fn keys(&self) -> Vec<String> {
        self.store
            .load()
            .unwrap()
            .rows
            .into_iter()
            .map(|row| row.key)
            .collect()
    }
}

fn note(kind: &str) -> NewEntry {
    let (kind, subject, body) = (kind.into(), "qa/kafka".into(), "{}".into());
    NewEntry {
        at_millis: 7,
        kind,
        subject,
        body,
    }
}

fn kinds(entries: &[Entry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.kind.as_str()).collect()
}
