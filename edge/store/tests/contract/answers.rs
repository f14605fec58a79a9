//! Commits whose answer is lost or refused, and what may be relied on after that.

use std::fs;
use std::io::Write as _;

use smack_store::{ABSENT, Commit, CommitError, Faults, Seq, Store, Unavailable, Write};

use crate::Home;

/// Fails the next commit, at one of its two moments.
struct Once {
    moment: &'static str,
    error: Option<CommitError>,
}

impl Faults for Once {
    fn before_commit(&mut self, _: Seq) -> Result<(), CommitError> {
        self.fail_at("before")
    }

    fn after_commit(&mut self, _: Seq) -> Result<(), CommitError> {
        self.fail_at("after")
    }
}

impl Once {
    fn fail_at(&mut self, moment: &str) -> Result<(), CommitError> {
        match self.error.take_if(|_| self.moment == moment) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

fn unknown() -> CommitError {
    CommitError::Unknown {
        path: "store".into(),
        source: "cut off".into(),
    }
}

#[test]
fn a_commit_took_effect_although_its_answer_was_lost() {
    let mut home = Home::new();
    home.store.inject(Box::new(Once {
        moment: "after",
        error: Some(unknown()),
    }));
    let error = home
        .commit(vec![Write::put("a", "1").expecting(ABSENT)])
        .unwrap_err();
    assert!(matches!(error, CommitError::Unknown { .. }), "{error:?}");

    let error = home
        .commit(vec![Write::put("a", "1").expecting(ABSENT)])
        .unwrap_err();
    assert!(matches!(error, CommitError::Conflict { .. }), "{error:?}");
    let row = home.row("a").unwrap();
    home.commit(vec![Write::put("a", "2").expecting(row.version)])
        .unwrap();
}

#[test]
fn a_commit_whose_answer_was_lost_did_not_take_effect() {
    let mut home = Home::new();
    home.store.inject(Box::new(Once {
        moment: "before",
        error: Some(unknown()),
    }));
    home.commit(vec![Write::put("a", "1")]).unwrap_err();
    let image = home.store.load().unwrap();
    assert_eq!(image.rows, []);
    let seq = home
        .commit(vec![Write::put("a", "1").expecting(ABSENT)])
        .unwrap();
    assert!(seq > image.seq);
}

/// A failed flush may leave a whole commit in the log of which the running process knows nothing.
#[test]
fn a_commit_left_in_the_log_does_not_come_back_once_load_has_not_shown_it() {
    let mut home = Home::new();
    home.commit(vec![Write::put("a", "1")]).unwrap();
    let lost = vec![Write::put("lost", "1")];

    let mut twin = Store::open(&home.copy("twin")).unwrap();
    let commit = Commit {
        writes: lost.clone(),
        entries: vec![],
    };
    twin.commit(home.epoch, &commit).unwrap();
    let log = fs::read(home.directory.path().join("twin-wal")).unwrap();

    home.store.inject(Box::new(Once {
        moment: "before",
        error: Some(unknown()),
    }));
    home.commit(lost).unwrap_err();
    let own_log = home.directory.path().join("store-wal");
    assert!(
        log.starts_with(&fs::read(&own_log).unwrap()),
        "the twin went on from here"
    );
    let mut file = fs::OpenOptions::new().write(true).open(own_log).unwrap();
    file.write_all(&log).unwrap();

    let recovered = Store::open(&home.copy("early")).unwrap().load().unwrap();
    assert!(
        recovered.rows.iter().any(|row| row.key == "lost"),
        "it is there to come back"
    );
    let seen = home.store.load().unwrap();
    assert_eq!(home.keys(), ["a"]);
    assert_eq!(
        Store::open(&home.copy("late")).unwrap().load().unwrap(),
        seen
    );
}

#[test]
fn a_refusal_before_the_commit_leaves_the_handle_usable() {
    let mut home = Home::new();
    let full = Unavailable::DiskFull {
        path: "store".into(),
        free_bytes: 0,
    };
    home.store.inject(Box::new(Once {
        moment: "before",
        error: Some(full.into()),
    }));
    let before = home.store.load().unwrap();
    let error = home.commit(vec![Write::put("a", "1")]).unwrap_err();
    assert!(matches!(
        error,
        CommitError::Unavailable(Unavailable::DiskFull { .. })
    ));
    assert_eq!(home.store.load().unwrap(), before);
    home.commit(vec![Write::put("a", "1")]).unwrap();
}
