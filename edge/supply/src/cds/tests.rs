//! Keys, and recordings with a "Java" that is a shell script; the real one is in `tests/real`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{Archives, Error, Key, Recording, record};
use crate::java::Found;

fn java(home: &Path, script: &str) -> Found {
    fs::create_dir_all(home.join("bin")).unwrap();
    fs::write(home.join("bin/java"), format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(home.join("bin/java"), fs::Permissions::from_mode(0o755)).unwrap();
    Found {
        home: home.to_owned(),
        version: "17".into(),
        feature: 17,
        build: "17+1".into(),
        by: String::new(),
    }
}

fn recording(home: &Path, script: &str) -> Recording {
    Recording {
        product: "x-1".to_owned(),
        java: java(&home.join("java"), script),
        class_path: vec![PathBuf::from("/sets/x-1-12345678/a.jar")],
        flags: vec!["-XX:+UseSerialGC".to_owned(), "-Xmx1m".to_owned()],
        main: vec!["Main".to_owned()],
        directory: home.to_owned(),
        ready_timeout: Duration::from_millis(600),
        stop_timeout: Duration::from_millis(600),
    }
}

/// Writes the archive at SIGTERM as a JVM does; takes any archive when asked for its version.
const GOOD: &str = r#"for word; do case "$word" in
-version) exit 0;;
-XX:ArchiveClassesAtExit=*) file="${word#*=}";;
esac; done
trap 'echo archive > "$file"; exit 143' TERM
touch ready; while :; do sleep 0.02; done"#;

#[test]
fn a_key_follows_java_class_path_and_flags_but_not_heap() {
    let home = tempfile::tempdir().unwrap();
    let java = java(home.path(), "");
    let key = |flags: &[&str], jar: &str| {
        Key::new(
            &java,
            &[PathBuf::from(jar)],
            &flags
                .iter()
                .map(|flag| (*flag).to_owned())
                .collect::<Vec<_>>(),
        )
    };
    let base = key(&["-XX:+UseSerialGC", "-Xmx64m"], "/a.jar");
    assert_eq!(
        base,
        key(&["-XX:+UseSerialGC", "-Xmx99m", "-Dx=y"], "/a.jar")
    );
    assert_ne!(base, key(&["-XX:+UseG1GC"], "/a.jar"));
    assert_ne!(base, key(&["-XX:+UseSerialGC"], "/b.jar"));
    let other = Found {
        build: "17+2".to_owned(),
        ..java.clone()
    };
    assert_ne!(
        base,
        Key::new(
            &other,
            &[PathBuf::from("/a.jar")],
            &["-XX:+UseSerialGC".to_owned()]
        )
    );
}

#[test]
fn a_recording_puts_the_archive_in_place_once() {
    let home = tempfile::tempdir().unwrap();
    let archives = Archives::of(home.path());
    let recording = recording(home.path(), GOOD);
    let key = Key::new(&recording.java, &recording.class_path, &recording.flags);
    assert_eq!(archives.flag(&key), None);
    let ready = home.path().join("ready");
    let path = record(&archives, &recording, &|| ready.exists()).unwrap();
    assert_eq!(
        (archives.existing(&key), archives.path(&key)),
        (Some(path.clone()), path.clone())
    );
    assert_eq!(
        archives.flag(&key),
        Some(format!("-XX:SharedArchiveFile={}", path.display()))
    );
    assert_eq!(archives.list(), [(path.clone(), 8)]);
    assert_eq!(
        record(&archives, &recording, &|| panic!("started again")).unwrap(),
        path
    );
}

#[test]
fn what_goes_wrong_is_told_and_leaves_no_archive() {
    for (script, ready, expected) in [
        (
            "echo no such class; exit 1",
            false,
            "x-1 ended with exit status: 1 before it was ready; its last words: no such class",
        ),
        ("sleep 9", false, "x-1 was not ready after 0 s"),
        (
            "exec sleep 9",
            true,
            "no usable archive: the JVM ended with signal: 15 (SIGTERM) and wrote none",
        ),
        (
            "trap '' TERM; sleep 0.2; while :; do sleep 0.05; done",
            true,
            "x-1 did not stop",
        ),
    ] {
        let home = tempfile::tempdir().unwrap();
        let archives = Archives::of(home.path());
        let start = Instant::now();
        // Ready only after the script has had the time to set its trap.
        let error = record(&archives, &recording(home.path(), script), &|| {
            ready && start.elapsed().as_millis() > 200
        });
        let text = error.unwrap_err().to_string();
        assert!(text.starts_with(expected), "{text}");
        assert!(
            archives.list().is_empty() && start.elapsed() < Duration::from_secs(5),
            "{text}"
        );
    }
}

#[test]
fn an_old_java_is_not_asked() {
    let home = tempfile::tempdir().unwrap();
    let mut recording = recording(home.path(), "exit 1");
    recording.java.feature = 11;
    let error = record(&Archives::of(home.path()), &recording, &|| true).unwrap_err();
    assert!(matches!(error, Error::Unsupported { feature: 11 }));
}
