//! What may lie at a store's path, and what the user is told about it; and the format itself.

use std::error::Error;
use std::fs;
use std::io::{Seek, SeekFrom, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use expect_test::{Expect, expect, expect_file};
use rusqlite::Connection;
use smack_store::{Commit, CommitError, Options, Store, Unavailable, Write};

use crate::process;

/// Opens the store and compares what the user reads, with `DIR` for the directory.
fn check(path: &Path, expected: Expect) {
    expected.assert_eq(&refusal(path));
}

fn refusal(path: &Path) -> String {
    let directory = path.parent().unwrap().to_str().unwrap();
    match Store::open(path) {
        Ok(_) => "opened".into(),
        Err(error) => chain(&error).replace(directory, "DIR"),
    }
}

fn chain(error: &dyn Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}

/// A closed store of some hundred pages.
fn filled(path: &Path) {
    let mut store = Store::open(path).unwrap();
    let epoch = store.take_epoch().unwrap();
    let writes = (0..2_000)
        .map(|n| Write::put(format!("key/{n:05}"), vec![b'x'; 300]))
        .collect();
    store
        .commit(
            epoch,
            &Commit {
                writes,
                entries: vec![],
            },
        )
        .unwrap();
}

#[test]
fn the_format_is_the_golden_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    drop(Store::open(&path).unwrap());
    let connection = Connection::open(&path).unwrap();
    let mut text = String::new();
    for pragma in [
        "application_id",
        "user_version",
        "encoding",
        "page_size",
        "journal_mode",
    ] {
        let value = connection.pragma_query_value(None, pragma, |row| {
            let value = row.get_ref(0)?;
            Ok(value.as_i64().map_or_else(
                |_| format!("'{}'", value.as_str().unwrap()),
                |n| n.to_string(),
            ))
        });
        text += &format!("PRAGMA {pragma} = {};\n", value.unwrap());
    }
    let mut statement = connection
        .prepare("SELECT sql FROM sqlite_schema WHERE sql > '' ORDER BY name")
        .unwrap();
    let tables = statement
        .query_map([], |row| row.get::<_, String>(0))
        .unwrap();
    for table in tables {
        text += &format!("{};\n", table.unwrap());
    }
    expect_file!["golden/format-1.sql"].assert_eq(&text);
}

#[test]
fn a_store_of_format_1_still_opens() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch(include_str!("golden/format-1.sql"))
        .unwrap();
    connection
        .execute_batch(
            "INSERT INTO state VALUES (1, 9, 3, 4);
             INSERT INTO keyed_row VALUES ('a', 9, x'00ff');
             INSERT INTO journal VALUES (9, 1700000000000, 'placed', 'qa/kafka', '{}');",
        )
        .unwrap();
    drop(connection);
    let store = Store::open(&path).unwrap();
    let image = store.load().unwrap();
    assert_eq!(image.rows[0].value, [0, 255]);
    expect![[r#"
        Image { seq: Seq(9), epoch: Epoch(3), rows: [Row { key: "a", version: 9, value: 2 bytes }] }
        [Entry { seq: Seq(9), at_millis: 1700000000000, kind: "placed", subject: "qa/kafka", body: "{}" }]
    "#]]
    .assert_eq(&format!(
        "{:?}\n{:?}\n",
        image,
        store.after(store.pruned().unwrap(), 10).unwrap()
    ));
}

#[test]
fn a_store_is_for_its_user_only() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let mut store = Store::open(&path).unwrap();
    store.take_epoch().unwrap();
    for file in fs::read_dir(directory.path()).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", file.path().display());
    }
}

#[test]
fn a_newer_format_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    filled(&path);
    Connection::open(&path)
        .unwrap()
        .pragma_update(None, "user_version", 2)
        .unwrap();
    check(
        &path,
        expect![
            "DIR/store has format 2, and this smack knows formats up to 1; use the newer smack that wrote it"
        ],
    );
}

#[test]
fn a_file_of_another_program_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let text = directory.path().join("text");
    fs::write(&text, "a letter\n".repeat(500)).unwrap();
    check(
        &text,
        expect!["DIR/text is not a smack store; give another path or move the file away"],
    );
    assert_eq!(
        fs::read(&text).unwrap(),
        "a letter\n".repeat(500).as_bytes()
    );

    let database = directory.path().join("database");
    Connection::open(&database)
        .unwrap()
        .execute_batch("CREATE TABLE birds (name)")
        .unwrap();
    let before = fs::read(&database).unwrap();
    check(
        &database,
        expect!["DIR/database is not a smack store; give another path or move the file away"],
    );
    assert_eq!(fs::read(&database).unwrap(), before);
}

#[test]
fn a_damaged_file_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    filled(&path);
    let length = fs::metadata(&path).unwrap().len();
    let mut file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.seek(SeekFrom::Start(length / 4096 / 2 * 4096))
        .unwrap();
    file.write_all(&[0xa5; 4096]).unwrap();
    let told = refusal(&path);
    assert!(told.starts_with("DIR/store is damaged ("), "{told}");
    assert!(
        told.ends_with("; restore a copy of it, or move it away to begin anew"),
        "{told}"
    );
}

#[test]
fn a_shortened_file_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    filled(&path);
    let length = fs::metadata(&path).unwrap().len();
    fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(length / 3)
        .unwrap();
    let told = refusal(&path);
    assert!(told.starts_with("DIR/store is damaged ("), "{told}");
}

#[test]
fn a_store_with_tables_missing_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    filled(&path);
    Connection::open(&path)
        .unwrap()
        .execute_batch("DROP TABLE journal")
        .unwrap();
    check(
        &path,
        expect![[
            r#"DIR/store is damaged (format 1 with the tables ["keyed_row", "state"]); restore a copy of it, or move it away to begin anew"#
        ]],
    );
}

#[test]
fn a_missing_directory_is_named() {
    let directory = tempfile::tempdir().unwrap();
    check(
        &directory.path().join("none").join("store"),
        expect![
            "cannot open DIR/store for reading and writing; its directory must exist and be writable for this user: No such file or directory (os error 2)"
        ],
    );
    check(
        &directory_itself(directory.path()),
        expect![
            "cannot open DIR/store for reading and writing; its directory must exist and be writable for this user: Is a directory (os error 21)"
        ],
    );
}

fn directory_itself(parent: &Path) -> PathBuf {
    let path = parent.join("store");
    fs::create_dir(&path).unwrap();
    path
}

#[test]
fn an_unwritable_directory_is_named() {
    let Some(directory) = process::directory() else {
        let directory = tempfile::tempdir().unwrap();
        let home = directory.path().join("home");
        fs::create_dir(&home).unwrap();
        fs::set_permissions(&home, PermissionsExt::from_mode(0o555)).unwrap();
        let test = "opening::an_unwritable_directory_is_named";
        let output = process::again_without_root(test, &home, directory.path())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stdout)
        );
        return;
    };
    check(
        &directory.join("store"),
        expect![
            "cannot open DIR/store for reading and writing; its directory must exist and be writable for this user: Permission denied (os error 13)"
        ],
    );
}

#[test]
fn a_store_that_another_process_writes_is_busy() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let mut options = Options::new(&path);
    options.wait = Duration::from_millis(20);
    let mut store = Store::open_with(options).unwrap();
    let epoch = store.take_epoch().unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = store.commit(epoch, &Commit::default()).unwrap_err();
    assert!(
        matches!(error, CommitError::Unavailable(Unavailable::Busy { .. })),
        "{error:?}"
    );
    other.execute_batch("ROLLBACK").unwrap();
    store.commit(epoch, &Commit::default()).unwrap();
}
