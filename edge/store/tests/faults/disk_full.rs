//! A disk that is really full: a small file system where this user may mount one, and a limit on
//! the size of files everywhere. Which of them a run used is in its output.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::Command;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use smack_store::{Commit, CommitError, Epoch, NewEntry, Row, Seq, Store, Unavailable, Write};

use crate::process;

/// A shell that mounts 2 MB over its first argument, for itself and the command in the others.
const SMALL_DISK: &str = r#"mount -t tmpfs -o size=2m none "$0" && exec "$@""#;

/// A shell that lets its command survive writing beyond the limit.
const SURVIVE: &str = r#"trap "" XFSZ; exec "$0" "$@""#;

#[test]
fn a_full_disk_refuses_commits_until_there_is_space() {
    if let Some(directory) = process::directory() {
        return on_a_small_disk(&directory);
    }
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().to_str().unwrap();
    let root = ["unshare", "-m", "sh", "-c", SMALL_DISK, place];
    let user = ["unshare", "-r", "-m", "sh", "-c", SMALL_DISK, place];
    let ways = [root.as_slice(), user.as_slice()];
    let Some(wrapper) = ways.into_iter().find(|way| mounts(way)) else {
        tell("no file system may be mounted here: only the limit on the size of files is tested");
        return;
    };
    tell(&format!(
        "by a file system of 2 MB, mounted with `{}`",
        wrapper[..3].join(" ")
    ));
    let test = "disk_full::a_full_disk_refuses_commits_until_there_is_space";
    run(process::wrapped(wrapper, test, directory.path()));
}

#[test]
fn a_limit_on_the_size_of_files_refuses_commits_until_it_is_lifted() {
    if let Some(directory) = process::directory() {
        return under_a_limit(&directory);
    }
    tell("by a limit of 1 MB on the size of files (RLIMIT_FSIZE)");
    let directory = tempfile::tempdir().unwrap();
    let test = "disk_full::a_limit_on_the_size_of_files_refuses_commits_until_it_is_lifted";
    run(process::wrapped(
        &["sh", "-c", SURVIVE],
        test,
        directory.path(),
    ));
}

fn mounts(way: &[&str]) -> bool {
    let tried = Command::new(way[0]).args(&way[1..]).arg("true").output();
    tried.is_ok_and(|output| output.status.success())
}

fn run(mut command: Command) {
    let output = command.output().unwrap();
    let (out, err) = (&output.stdout, &output.stderr);
    let told = [String::from_utf8_lossy(out), String::from_utf8_lossy(err)].concat();
    assert!(
        output.status.success() && told.contains("1 passed"),
        "{told}"
    );
}

/// Around the capture of the test's output, so that it is always seen.
fn tell(text: &str) {
    io::stderr()
        .write_all(format!("disk full: {text}\n").as_bytes())
        .unwrap();
}

/// A store and all that it has acknowledged.
struct Filled {
    store: Store,
    epoch: Epoch,
    batch: u64,
    rows: Vec<Row>,
}

impl Filled {
    fn new(directory: &Path) -> Self {
        let mut store = Store::open(&directory.join("store")).unwrap();
        let epoch = store.take_epoch().unwrap();
        Self {
            store,
            epoch,
            batch: 0,
            rows: vec![],
        }
    }

    fn commit(&mut self) -> Result<Seq, CommitError> {
        let value = vec![b'x'; 900];
        let keys = (0..20).map(|row| format!("{:05}/{row:02}", self.batch));
        let body = self.batch.to_string();
        let entry = NewEntry {
            body,
            kind: "batch".into(),
            ..NewEntry::default()
        };
        let commit = Commit {
            writes: keys
                .clone()
                .map(|key| Write::put(key, value.clone()))
                .collect(),
            entries: vec![entry],
        };
        let seq = self.store.commit(self.epoch, &commit)?;
        self.rows.extend(keys.map(|key| Row {
            key,
            version: seq.0,
            value: value.clone(),
        }));
        self.batch += 1;
        Ok(seq)
    }

    /// Commits until it is refused.
    fn fill(&mut self) -> CommitError {
        let before = self.batch;
        for _ in 0..10_000 {
            if let Err(error) = self.commit() {
                assert!(self.batch > before, "not one batch: {error:?}");
                return error;
            }
        }
        panic!("the disk does not fill");
    }

    /// The store has what was acknowledged, and nothing else.
    fn verify(&self) {
        assert!(
            self.store.load().unwrap().rows == self.rows,
            "other rows than acknowledged"
        );
        let entries = self.store.after(Seq(0), usize::MAX).unwrap();
        let batches: Vec<u64> = entries
            .iter()
            .map(|entry| entry.body.parse().unwrap())
            .collect();
        assert_eq!(batches, (0..self.batch).collect::<Vec<_>>());
    }

    fn reopen(&mut self, directory: &Path) {
        self.store = Store::open(&directory.join("store")).unwrap();
    }
}

fn on_a_small_disk(directory: &Path) {
    let ballast = |number: u32| directory.join(format!("ballast-{number}"));
    for number in 0..4 {
        fs::write(ballast(number), vec![0; 256 << 10]).unwrap();
    }
    let mut filled = Filled::new(directory);
    let reader = filled.store.reader().unwrap();
    for number in 0..4 {
        expect_full(&filled.fill(), directory);
        for _ in 0..3 {
            expect_full(&filled.commit().unwrap_err(), directory);
        }
        let second = Store::open(&directory.join(format!("second-{number}"))).unwrap_err();
        assert!(second.to_string().starts_with("no space for"), "{second:?}");
        filled.verify();
        assert!(reader.load().unwrap().rows == filled.rows);
        fs::remove_file(ballast(number)).unwrap();
        let seq = filled.commit().unwrap();
        assert_eq!(reader.load().unwrap().seq, seq);
        filled.verify();
    }
    drop(reader);
    filled.reopen(directory);
    filled.verify();
}

fn expect_full(error: &CommitError, directory: &Path) {
    let CommitError::Unavailable(Unavailable::DiskFull { path, free_bytes }) = error else {
        panic!("{error:?}");
    };
    assert_eq!(*path, directory.join("store"));
    assert!(*free_bytes < 64 << 10, "{free_bytes} bytes are free");
}

fn under_a_limit(directory: &Path) {
    let mut filled = Filled::new(directory);
    let whole = getrlimit(Resource::Fsize);
    for megabytes in [1, 2, 3] {
        let limit = Rlimit {
            current: Some(megabytes << 20),
            maximum: whole.maximum,
        };
        setrlimit(Resource::Fsize, limit).unwrap();
        let error = filled.fill();
        let unknown = matches!(error, CommitError::Unknown { .. });
        assert!(unknown, "an error of the disk at COMMIT: {error:?}");
        match filled.store.load() {
            Ok(image) => assert!(image.rows == filled.rows, "a small write had space"),
            Err(error) => assert!(matches!(error, Unavailable::Io { .. }), "{error:?}"),
        }
        setrlimit(Resource::Fsize, whole).unwrap();
        filled.verify();
        filled.commit().unwrap();
    }
    filled.reopen(directory);
    filled.verify();
}
