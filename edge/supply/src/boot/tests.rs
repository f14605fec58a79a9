//! Jars of Spring Boot that are fine, that lead out, that are too large, and what was tampered with afterwards.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::{existing, unpack};
use crate::archive::Limits;
use crate::store::Store;

const GOOD: &[(&str, &[u8])] = &[
    ("META-INF/MANIFEST.MF", b"Main-Class: x\n"),
    ("org/springframework/boot/loader/Launcher.class", b"loader"),
    ("BOOT-INF/classes/z/Last.class", b"last"),
    ("BOOT-INF/classes/a/b/First.class", b"first"),
    ("BOOT-INF/classes/banner.txt", b"hello"),
    ("BOOT-INF/lib/beta-2.jar", b"the second"),
    ("BOOT-INF/lib/alpha-1.jar", b"the first"),
    ("BOOT-INF/lib/unlisted-3.jar", b"the third"),
    (
        "BOOT-INF/classpath.idx",
        b"- \"BOOT-INF/lib/alpha-1.jar\"\n- \"BOOT-INF/lib/beta-2.jar\"\n",
    ),
];

fn jar(path: &Path, entries: &[(&str, &[u8])], method: CompressionMethod) -> PathBuf {
    let mut zip = ZipWriter::new(File::create(path).unwrap());
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, content) in entries {
        zip.start_file(*name, options).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap();
    path.to_owned()
}

/// Below the set's directory.
fn names(class_path: &[PathBuf]) -> Vec<String> {
    let directory = class_path[0].parent().unwrap();
    let name = |path: &PathBuf| path.strip_prefix(directory).unwrap().display().to_string();
    class_path.iter().map(name).collect()
}

fn refusal(entries: &[(&str, &[u8])], limits: &Limits) -> String {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path()).unwrap();
    let jar = jar(
        &home.path().join("x.jar"),
        entries,
        CompressionMethod::Deflated,
    );
    let error = unpack(&store, "x-1", &jar, limits).unwrap_err();
    assert!(!error.hint().is_empty());
    assert_eq!(existing(&store, "x-1"), None);
    let left = fs::read_dir(store.root().join("partial")).unwrap().count();
    assert_eq!(left, 0, "a refused jar leaves nothing behind");
    error.to_string()
}

#[test]
fn classes_come_first_and_libraries_in_the_order_of_the_index() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path()).unwrap();
    let jar = jar(&home.path().join("x.jar"), GOOD, CompressionMethod::Stored);
    assert_eq!(existing(&store, "x-1"), None);
    let class_path = unpack(&store, "x-1", &jar, &Limits::default()).unwrap();
    assert_eq!(
        names(&class_path),
        [
            "classes.jar",
            "lib/alpha-1.jar",
            "lib/beta-2.jar",
            "lib/unlisted-3.jar"
        ]
    );
    assert_eq!(fs::read(&class_path[1]).unwrap(), b"the first");
    assert_eq!(existing(&store, "x-1"), Some(class_path.clone()));

    let mut classes = ZipArchive::new(File::open(&class_path[0]).unwrap()).unwrap();
    let inside: Vec<String> = classes.file_names().map(str::to_owned).collect();
    assert_eq!(
        inside,
        [
            "a/",
            "a/b/",
            "z/",
            "a/b/First.class",
            "banner.txt",
            "z/Last.class"
        ]
    );
    let mut text = String::new();
    classes
        .by_name("banner.txt")
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(text, "hello");
}

#[test]
fn the_same_jar_gives_the_same_bytes_and_times() {
    let made = ["here", "there"].map(|name| {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path()).unwrap();
        let mut entries = GOOD.to_vec();
        if name == "there" {
            entries.reverse();
        }
        let jar = jar(
            &home.path().join(name),
            &entries,
            CompressionMethod::Deflated,
        );
        let class_path = unpack(&store, "x-1", &jar, &Limits::default()).unwrap();
        let modified = fs::metadata(&class_path[0]).unwrap().modified().unwrap();
        (
            fs::read(&class_path[0]).unwrap(),
            modified,
            names(&class_path),
        )
    });
    assert_eq!(made[0], made[1]);
}

#[test]
fn what_was_changed_is_made_anew_and_found_by_a_deep_look() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path()).unwrap();
    let jar = jar(&home.path().join("x.jar"), GOOD, CompressionMethod::Stored);
    let limits = Limits::default();
    let class_path = unpack(&store, "x-1", &jar, &limits).unwrap();

    // Whoever writes to a file moves its time.
    fs::remove_file(&class_path[1]).unwrap();
    fs::write(&class_path[1], "the firsT").unwrap();
    assert_eq!(existing(&store, "x-1"), None);
    assert_eq!(unpack(&store, "x-1", &jar, &limits).unwrap(), class_path);
    assert_eq!(fs::read(&class_path[1]).unwrap(), b"the first");

    // Who hides it is found by the hash.
    assert!(store.verify().unwrap().is_empty());
    fs::remove_file(&class_path[2]).unwrap();
    fs::write(&class_path[2], "the seconD").unwrap();
    crate::store::mark(&class_path[2]).unwrap();
    assert_eq!(existing(&store, "x-1"), Some(class_path.clone()));
    let corrupt = store.verify().unwrap();
    assert_eq!(corrupt.len(), 1);
    assert!(corrupt[0].moved_to.is_dir());
    assert_eq!(existing(&store, "x-1"), None);
    assert_eq!(unpack(&store, "x-1", &jar, &limits).unwrap(), class_path);
    fs::remove_file(&class_path[3]).unwrap();
    assert_eq!(store.verify().unwrap()[0].found, "missing");
}

#[test]
fn jars_that_are_refused() {
    let limits = Limits::default();
    let small = Limits {
        bytes_max: 20,
        ..limits.clone()
    };
    let few = Limits {
        entries_max: 3,
        ..limits.clone()
    };
    for (entries, limits, expected) in [
        (
            &[("a/B.class", b"x" as &[u8])] as &[(&str, &[u8])],
            &limits,
            "x.jar: entry `BOOT-INF/classes/` refused: it is not there: this is no jar of Spring Boot",
        ),
        (
            &[("BOOT-INF/classes/../../B.class", b"x")],
            &limits,
            "x.jar: entry `BOOT-INF/classes/../../B.class` refused: the name leads out of the archive",
        ),
        (
            &[
                ("BOOT-INF/classes/B.class", b"x"),
                ("BOOT-INF/lib/../../b.jar", b"x"),
            ],
            &limits,
            "x.jar: entry `BOOT-INF/lib/../../b.jar` refused: it is no jar of a plain name",
        ),
        (
            &[
                ("BOOT-INF/classes/B.class", b"x"),
                ("BOOT-INF/lib/b.sh", b"x"),
            ],
            &limits,
            "x.jar: entry `BOOT-INF/lib/b.sh` refused: it is no jar of a plain name",
        ),
        (
            &[("BOOT-INF/classes/B.class", &[0; 100_000])],
            &small,
            "x.jar: refused at entry `BOOT-INF/classes/B.class`: more than 20 bytes unpacked",
        ),
        (
            GOOD,
            &few,
            "x.jar: refused at entry `BOOT-INF/classes/a/b/First.class`: more than 3 entries",
        ),
    ] {
        assert_eq!(refusal(entries, limits), expected);
    }
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path()).unwrap();
    let path = home.path().join("x.jar");
    fs::write(&path, "no zip").unwrap();
    let error = unpack(&store, "x-1", &path, &limits).unwrap_err();
    assert_eq!(error.to_string(), "x.jar: cannot be unpacked");
}

#[test]
fn a_jar_with_a_damaged_library_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path()).unwrap();
    let path = jar(&home.path().join("x.jar"), GOOD, CompressionMethod::Stored);
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes
        .windows(9)
        .position(|window| window == b"the first")
        .unwrap();
    bytes[at] = b'T';
    fs::write(&path, bytes).unwrap();
    let error = unpack(&store, "x-1", &path, &Limits::default()).unwrap_err();
    assert_eq!(error.to_string(), "x.jar: cannot be unpacked");
    assert_eq!(existing(&store, "x-1"), None);
}
