//! The journal: its order, its oneness with the rows, its pruning.

use smack_store::{Commit, Entry, Filter, NewEntry, Seq, Write};

use crate::{Home, kinds, note};

#[test]
fn the_journal_keeps_the_order_of_commits_and_within_them() {
    let mut home = Home::new();
    let start = home.store.load().unwrap().seq;
    let batches: [&[&str]; 4] = [&["a"], &["b", "c", "d"], &[], &["e"]];
    let mut last = start;
    for batch in batches {
        let entries = batch.iter().map(|kind| note(kind)).collect();
        let seq = home
            .store
            .commit(
                home.epoch,
                &Commit {
                    writes: vec![],
                    entries,
                },
            )
            .unwrap();
        assert_eq!(seq.0, last.0 + batch.len().max(1) as u64);
        last = seq;
    }
    let all = home.store.after(start, 100).unwrap();
    assert_eq!(kinds(&all), ["a", "b", "c", "d", "e"]);
    assert!(all.windows(2).all(|pair| pair[0].seq < pair[1].seq));
    assert_eq!(all.last().unwrap().seq, last);
    assert_eq!(home.store.load().unwrap().seq, last);

    let mut page = home.store.after(start, 2).unwrap();
    let mut paged = vec![];
    while let Some(entry) = page.last() {
        let seq = entry.seq;
        paged.append(&mut page);
        page = home.store.after(seq, 2).unwrap();
    }
    assert_eq!(paged, all);
}

#[test]
fn rows_and_journal_are_of_one_transaction() {
    let mut home = Home::new();
    let reader = home.store.reader().unwrap();
    for round in 0..20 {
        let commit = Commit {
            writes: vec![Write::put("count", [round])],
            entries: vec![note("counted"), note("told")],
        };
        let seq = home.store.commit(home.epoch, &commit).unwrap();
        assert_eq!(reader.get("count").unwrap().unwrap().version, seq.0);
        assert_eq!(reader.after(Seq(seq.0 - 2), 10).unwrap().len(), 2);
    }
}

#[test]
fn a_pruned_journal_keeps_the_newest_and_says_what_is_gone() {
    let mut home = Home::new();
    assert_eq!(home.store.prune_journal(0).unwrap(), 0);
    for kind in ["a", "b", "c", "d"] {
        let commit = Commit {
            writes: vec![],
            entries: vec![note(kind)],
        };
        home.store.commit(home.epoch, &commit).unwrap();
    }
    let all = home.store.after(Seq(0), 10).unwrap();
    assert_eq!(home.store.prune_journal(4).unwrap(), 0);
    assert_eq!(home.store.pruned().unwrap(), Seq(0));
    assert_eq!(home.store.prune_journal(3).unwrap(), 1);
    assert_eq!(home.store.prune_journal(1).unwrap(), 2);
    assert_eq!(kinds(&home.store.after(Seq(0), 10).unwrap()), ["d"]);
    assert_eq!(home.store.pruned().unwrap(), all[2].seq);
    assert_eq!(home.store.prune_journal(0).unwrap(), 1);
    assert_eq!(home.store.reader().unwrap().pruned().unwrap(), all[3].seq);
    let seq = home.commit(vec![]).unwrap();
    assert!(seq > all[3].seq, "numbers are not used again");
}

#[test]
fn a_long_journal_is_pruned_in_bounded_steps() {
    let mut home = Home::new();
    let entries = (0..25_000).map(|_| note("a")).collect();
    home.store
        .commit(
            home.epoch,
            &Commit {
                writes: vec![],
                entries,
            },
        )
        .unwrap();
    let mut steps = vec![];
    while steps.last() != Some(&0) {
        steps.push(home.store.prune_journal(100).unwrap());
    }
    assert_eq!(steps, [10_000, 10_000, 4_900, 0]);
}

#[test]
fn entries_are_found_by_subject_and_kind_from_either_end() {
    let mut home = Home::new();
    let start = home.store.load().unwrap().seq;
    let told = [
        ("placed", "zone/a/kafka"),
        ("placed", "zone/ab"),
        ("run", "zone/a"),
        ("ready", "zone/a/kafka"),
        ("run", "zone/b"),
        ("run", "zone/a"),
        ("", ""),
    ];
    for (kind, subject) in told {
        let entry = NewEntry {
            subject: subject.to_owned(),
            ..note(kind)
        };
        let entries = vec![entry];
        let commit = Commit {
            writes: vec![],
            entries,
        };
        home.store.commit(home.epoch, &commit).unwrap();
    }
    let reader = home.store.reader().unwrap();
    let all = |subject, kind| Filter { subject, kind };
    let offsets = |entries: Vec<Entry>| -> Vec<u64> {
        entries.iter().map(|entry| entry.seq.0 - start.0).collect()
    };
    for (filter, after, limit, expected) in [
        (all("", ""), 0, 100, &[1, 2, 3, 4, 5, 6, 7][..]),
        (all("zone/a", ""), 0, 100, &[1, 3, 4, 6]),
        (all("zone/a", ""), 1, 2, &[3, 4]),
        (all("zone/a", "run"), 0, 100, &[3, 6]),
        (all("zone", "run"), 3, 100, &[5, 6]),
        (all("", "ready"), 0, 100, &[4]),
        (all("zone/a%", ""), 0, 100, &[]),
        (all("", ""), 7, 100, &[]),
    ] {
        let found = reader.select(filter, Seq(start.0 + after), limit).unwrap();
        assert_eq!(offsets(found), expected, "{filter:?} after {after}");
    }
    for (filter, count, expected) in [
        (all("", ""), 2, &[6, 7][..]),
        (all("zone/a", ""), 3, &[3, 4, 6]),
        (all("zone/a", "run"), 1, &[6]),
        (all("zone/b", "ready"), 9, &[]),
        (all("", ""), 0, &[]),
    ] {
        let found = reader.newest(filter, count).unwrap();
        assert_eq!(offsets(found), expected, "newest {count} of {filter:?}");
    }
}
