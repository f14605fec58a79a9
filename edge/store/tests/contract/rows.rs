//! Rows, their versions and epochs, as the writer and the readers see them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use smack_store::{ABSENT, Commit, CommitError, Epoch, Row, Seq, Store, Write};

use crate::{Home, note};

#[test]
fn a_new_store_is_empty() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("store")).unwrap();
    let image = store.load().unwrap();
    assert_eq!(
        (image.seq, image.epoch, image.rows),
        (Seq(0), Epoch(0), vec![])
    );
    assert_eq!(store.after(Seq(0), 10).unwrap(), vec![]);
}

#[test]
fn a_row_is_read_as_it_was_written() {
    let mut home = Home::new();
    let value = vec![0, 255, b'\'', 0, 10];
    let seq = home
        .commit(vec![Write::put("a/ü/\u{10ffff}", value.clone())])
        .unwrap();
    let row = Row {
        key: "a/ü/\u{10ffff}".into(),
        version: seq.0,
        value,
    };
    let mut each = vec![];
    home.store.each_row(|row| each.push(row)).unwrap();
    assert_eq!(each, home.store.load().unwrap().rows);
    assert_eq!(each, [row]);
    assert_eq!(home.store.load().unwrap().seq, seq);
}

#[test]
fn rows_are_ordered_by_the_bytes_of_their_keys() {
    let mut home = Home::new();
    let keys = ["b", "a/2", "a", "B", "é", "a/10", ""];
    home.commit(keys.map(|key| Write::put(key, "")).to_vec())
        .unwrap();
    assert_eq!(home.keys(), ["", "B", "a", "a/10", "a/2", "b", "é"]);
}

#[test]
fn versions_grow_with_every_write_and_over_a_deletion() {
    let mut home = Home::new();
    let mut last = 0;
    for round in 0..3 {
        home.commit(vec![Write::put("a", [round])]).unwrap();
        home.commit(vec![Write::put("other", [round])]).unwrap();
        let version = home.row("a").unwrap().version;
        assert!(version > last);
        last = version;
        home.commit(vec![Write::delete("a")]).unwrap();
        assert_eq!(home.row("a"), None);
    }
}

#[test]
fn writes_of_one_commit_are_applied_in_order() {
    let mut home = Home::new();
    let writes = vec![
        Write::put("a", "1"),
        Write::put("b", "1"),
        Write::delete("a"),
        Write::put("b", "2"),
        Write::delete("never there"),
    ];
    let seq = home.commit(writes).unwrap();
    assert_eq!(home.keys(), ["b"]);
    let row = home.row("b").unwrap();
    assert_eq!((row.version, row.value), (seq.0, b"2".to_vec()));
}

#[test]
fn a_commit_that_expects_another_version_changes_nothing() {
    let mut home = Home::new();
    let first = home
        .commit(vec![Write::put("a", "1").expecting(ABSENT)])
        .unwrap();
    let second = home
        .commit(vec![Write::put("a", "2").expecting(first.0)])
        .unwrap();
    let before = home.store.load().unwrap();
    let cases = [
        (
            Write::put("a", "3").expecting(first.0),
            first.0,
            Some(second.0),
        ),
        (
            Write::put("a", "3").expecting(ABSENT),
            ABSENT,
            Some(second.0),
        ),
        (
            Write::put("a", "3").expecting(u64::MAX),
            u64::MAX,
            Some(second.0),
        ),
        (
            Write::delete("a").expecting(first.0),
            first.0,
            Some(second.0),
        ),
        (Write::put("b", "3").expecting(second.0), second.0, None),
    ];
    for (write, wanted, there) in cases {
        let commit = Commit {
            writes: vec![Write::put("z", "1"), write],
            entries: vec![note("lost")],
        };
        let error = home.store.commit(home.epoch, &commit).unwrap_err();
        let CommitError::Conflict {
            expected, found, ..
        } = error
        else {
            panic!("{error:?}");
        };
        assert_eq!((expected, found), (wanted, there));
        assert_eq!(home.store.load().unwrap(), before);
        assert_eq!(home.store.after(Seq(0), 10).unwrap(), vec![]);
    }
    home.commit(vec![Write::delete("a").expecting(second.0)])
        .unwrap();
}

#[test]
fn an_old_epoch_is_refused_once_another_server_has_taken_the_store() {
    let mut old = Home::new();
    old.commit(vec![Write::put("a", "old")]).unwrap();
    let mut new = Store::open(&old.path()).unwrap();
    let epoch = new.take_epoch().unwrap();
    assert!(epoch > old.epoch);

    let error = old.commit(vec![Write::put("a", "late")]).unwrap_err();
    let CommitError::Fenced { ours, theirs } = error else {
        panic!("{error:?}")
    };
    assert_eq!((ours, theirs), (old.epoch, epoch));
    assert_eq!(old.row("a").unwrap().value, b"old");
    assert_eq!(old.store.load().unwrap().epoch, epoch);

    let put = Commit {
        writes: vec![Write::put("a", "new")],
        entries: vec![],
    };
    new.commit(epoch, &put).unwrap();
    let error = new.commit(Epoch(epoch.0 + 1), &put).unwrap_err();
    assert!(
        matches!(error, CommitError::Fenced { .. }),
        "an epoch nobody took: {error:?}"
    );
}

#[test]
fn all_is_there_after_reopening() {
    let mut home = Home::new();
    let commit = Commit {
        writes: vec![Write::put("a", "1")],
        entries: vec![note("a"), note("b")],
    };
    let seq = home.store.commit(home.epoch, &commit).unwrap();
    let before = (
        home.store.load().unwrap(),
        home.store.after(Seq(0), 10).unwrap(),
    );
    let Home {
        directory,
        store,
        epoch,
    } = home;
    drop(store);
    let files: Vec<_> = std::fs::read_dir(directory.path()).unwrap().collect();
    assert_eq!(
        files.len(),
        1,
        "a store that was closed is one file: {files:?}"
    );

    let mut store = Store::open(&directory.path().join("store")).unwrap();
    assert_eq!(
        (store.load().unwrap(), store.after(Seq(0), 10).unwrap()),
        before
    );
    assert!(
        store.commit(epoch, &commit).unwrap() > seq,
        "the epoch lives on until taken"
    );
    assert!(store.take_epoch().unwrap() > epoch);
}

#[test]
fn a_reader_sees_committed_snapshots_from_another_thread() {
    let mut home = Home::new();
    let reader = home.store.reader().unwrap();
    let pair = |round: u64| {
        let value = round.to_le_bytes();
        vec![Write::put("pair/a", value), Write::put("pair/b", value)]
    };
    home.commit(pair(0)).unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let last_round = Arc::clone(&done);
    let watch = std::thread::spawn(move || {
        let mut last = 0;
        loop {
            let is_last = last_round.load(Ordering::SeqCst);
            let rows = reader.range("pair/").unwrap();
            assert_eq!(rows.len(), 2);
            assert_eq!(rows[0].value, rows[1].value, "half a commit");
            let value = u64::from_le_bytes(rows[0].value.clone().try_into().unwrap());
            assert!(value >= last, "time went back");
            last = value;
            if is_last {
                return last;
            }
        }
    });
    for round in 1..=300 {
        home.commit(pair(round)).unwrap();
    }
    done.store(true, Ordering::SeqCst);
    assert_eq!(watch.join().unwrap(), 300);
}

#[test]
fn a_reader_finds_rows_by_key_and_by_prefix() {
    let mut home = Home::new();
    let keys = ["a", "a/1", "a/2", "a/\u{10ffff}x", "a0", "b"];
    home.commit(keys.map(|key| Write::put(key, key)).to_vec())
        .unwrap();
    let reader = home.store.reader().unwrap();
    let range = |prefix| -> Vec<String> {
        reader
            .range(prefix)
            .unwrap()
            .into_iter()
            .map(|row| row.key)
            .collect()
    };
    assert_eq!(range("a/"), ["a/1", "a/2", "a/\u{10ffff}x"]);
    assert_eq!(range("").len(), keys.len());
    assert_eq!(range("c"), Vec::<String>::new());
    assert_eq!(reader.get("a/1").unwrap().unwrap().value, b"a/1");
    assert_eq!(reader.get("a/3").unwrap(), None);
    assert_eq!(reader.load().unwrap(), home.store.load().unwrap());
}

#[test]
fn a_store_moves_between_threads() {
    let mut home = Home::new();
    std::thread::spawn(move || home.commit(vec![Write::put("a", "1")]).unwrap())
        .join()
        .unwrap();
}
