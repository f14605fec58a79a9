//! Stored files and sets: kept, noticed when damaged, made at once.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use super::{Error, Store};
use crate::testing::artifact;

fn store() -> (tempfile::TempDir, Store) {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path()).unwrap();
    (home, store)
}

#[test]
fn a_file_is_kept_read_only_under_its_hash() {
    let (_home, store) = store();
    let jar = artifact("a", b"content");
    assert_eq!(store.get(&jar).unwrap(), None);
    let path = store.put(&jar, &mut &b"content"[..]).unwrap();
    assert_eq!(store.get(&jar).unwrap(), Some(path.clone()));
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o444
    );
    assert!(path.ends_with(format!("sha256/{}/{}", &jar.sha256[..2], jar.sha256)));
}

#[test]
fn other_content_is_refused_with_both_hashes() {
    let (_home, store) = store();
    let jar = artifact("a", b"content");
    let Err(Error::HashMismatch {
        name,
        expected,
        found,
    }) = store.put(&jar, &mut &b"contenT"[..])
    else {
        panic!("taken");
    };
    assert_eq!(
        (name.as_str(), expected == jar.sha256, found == jar.sha256),
        ("a-1.jar", true, false)
    );
    assert_eq!(store.get(&jar).unwrap(), None);
    assert_eq!(
        fs::read_dir(store.root().join("partial")).unwrap().count(),
        0
    );
}

#[test]
fn a_damaged_file_is_moved_aside() {
    let (_home, store) = store();
    let jar = artifact("a", b"content");
    let path = store.put(&jar, &mut &b"content"[..]).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(&path, b"damaged").unwrap();
    assert_eq!(store.get(&jar).unwrap(), None);
    assert!(!path.exists());
    assert_eq!(
        fs::read_dir(store.root().join("corrupt")).unwrap().count(),
        1
    );
}

#[test]
fn a_touched_file_that_still_fits_stays() {
    let (_home, store) = store();
    let jar = artifact("a", b"content");
    let path = store.put(&jar, &mut &b"content"[..]).unwrap();
    fs::File::open(&path)
        .unwrap()
        .set_modified(std::time::SystemTime::now())
        .unwrap();
    assert_eq!(store.get(&jar).unwrap(), Some(path.clone()));
    assert_eq!(fs::metadata(&path).unwrap().mtime(), 1_000_000_000);
}

#[test]
fn a_deep_look_finds_what_a_cheap_one_cannot() {
    let (_home, store) = store();
    let (good, bad) = (artifact("good", b"good"), artifact("bad", b"bad!"));
    store.put(&good, &mut &b"good"[..]).unwrap();
    let path = store.put(&bad, &mut &b"bad!"[..]).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(&path, b"worn").unwrap();
    super::stamp(&path).unwrap();
    assert!(store.get(&bad).unwrap().is_some());
    let corrupt = store.verify().unwrap();
    assert_eq!(
        corrupt
            .iter()
            .map(|file| file.expected.as_str())
            .collect::<Vec<_>>(),
        [bad.sha256.as_str()]
    );
    assert_eq!(
        (
            store.get(&bad).unwrap(),
            store.get(&good).unwrap().is_some()
        ),
        (None, true)
    );
}

#[test]
fn a_set_has_real_names_and_times_that_stay() {
    let (_home, store) = store();
    let jars = [artifact("a", b"a"), artifact("b", b"b")];
    for (jar, content) in jars.iter().zip([b"a", b"b"]) {
        store.put(jar, &mut &content[..]).unwrap();
    }
    assert_eq!(store.set("set-1", &jars), None);
    let directory = store.make_set("set-1", &jars).unwrap();
    let look = |name: &str| {
        let found = fs::metadata(directory.join(name)).unwrap();
        (found.ino(), found.mtime(), found.nlink())
    };
    let before = look("a-1.jar");
    assert_eq!((before.1, before.2), (1_000_000_000, 2));
    assert_eq!(store.make_set("set-1", &jars).unwrap(), directory);
    assert_eq!(look("a-1.jar"), before);
    assert_eq!(
        fs::read_dir(store.root().join("partial")).unwrap().count(),
        0
    );
}

#[test]
fn a_set_that_lost_a_file_is_made_again() {
    let (_home, store) = store();
    let jars = [artifact("a", b"a"), artifact("b", b"b")];
    for (jar, content) in jars.iter().zip([b"a", b"b"]) {
        store.put(jar, &mut &content[..]).unwrap();
    }
    let directory = store.make_set("set-1", &jars).unwrap();
    fs::remove_file(directory.join("b-1.jar")).unwrap();
    assert_eq!(store.set("set-1", &jars), None);
    assert_eq!(store.make_set("set-1", &jars).unwrap(), directory);
    assert_eq!(fs::read(directory.join("b-1.jar")).unwrap(), b"b");
}

#[test]
fn a_set_of_a_replaced_file_is_made_again() {
    let (_home, store) = store();
    let jars = [artifact("a", b"a")];
    let path = store.put(&jars[0], &mut &b"a"[..]).unwrap();
    store.make_set("set-1", &jars).unwrap();
    fs::rename(&path, store.root().join("aside")).unwrap();
    store.put(&jars[0], &mut &b"a"[..]).unwrap();
    assert_eq!(
        store.set("set-1", &jars),
        None,
        "it still links the file moved aside"
    );
}

#[test]
fn a_home_that_cannot_be_written_is_told() {
    let place = tempfile::NamedTempFile::new().unwrap();
    let error = Store::open(&place.path().join("home")).unwrap_err();
    assert!(error.to_string().contains("home/artifacts"), "{error}");
    for (kind, expected) in [
        (
            std::io::ErrorKind::StorageFull,
            "disk full while writing /x",
        ),
        (
            std::io::ErrorKind::QuotaExceeded,
            "disk full while writing /x",
        ),
        (std::io::ErrorKind::ReadOnlyFilesystem, "cannot write /x"),
        (std::io::ErrorKind::PermissionDenied, "cannot write /x"),
    ] {
        assert_eq!(
            Error::new("write", std::path::Path::new("/x"), kind.into()).to_string(),
            expected
        );
    }
}
