//! Installations made of files, and the choice among them.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use smack_services::catalog::{Java, JavaRange};

use super::{Found, Places, choose, feature};

fn install(home: &Path, release: Option<&str>, program: &str) {
    fs::create_dir_all(home.join("bin")).unwrap();
    fs::write(home.join("bin/java"), program).unwrap();
    fs::set_permissions(home.join("bin/java"), fs::Permissions::from_mode(0o755)).unwrap();
    if let Some(release) = release {
        fs::write(home.join("release"), release).unwrap();
    }
}

#[test]
fn every_place_is_searched_and_each_installation_named_once() {
    let root = tempfile::tempdir().unwrap();
    let at = |place: &str| root.path().canonicalize().unwrap().join(place);
    install(
        &at("given/java-21"),
        Some("JAVA_VERSION=\"21.0.2\"\nJAVA_RUNTIME_VERSION=\"21.0.2+13\"\n"),
        "",
    );
    install(&at("jvm/java-17"), Some("JAVA_VERSION=\"17.0.15\"\n"), "");
    install(
        &at("jvm/java-8"),
        None,
        "#!/bin/sh\necho 'openjdk version \"1.8.0_402\"' >&2\necho 'OpenJDK Runtime Environment (build 1.8.0_402-b06)' >&2\n",
    );
    install(&at("jvm/broken"), None, "#!/bin/sh\nexit 1\n");
    fs::create_dir_all(at("jvm/no-java")).unwrap();
    fs::create_dir_all(at("bin")).unwrap();
    symlink(at("jvm/java-17/bin/java"), at("bin/java")).unwrap();
    symlink(at("jvm/java-17"), at("jvm/default")).unwrap();
    let places = Places {
        java_home: Some(at("given/java-21")),
        path: vec![at("bin")],
        roots: vec![at("jvm"), at("none")],
    };
    let found: Vec<_> = places
        .search()
        .into_iter()
        .map(|java| (java.feature, java.build, java.by))
        .collect();
    let jvm = at("jvm").display().to_string();
    let expected = [
        (21, "21.0.2+13", "JAVA_HOME"),
        (17, "17.0.15", "PATH"),
        (8, "1.8.0_402-b06", &jvm),
    ];
    assert_eq!(
        found,
        expected.map(|(feature, build, by)| (feature, build.to_owned(), by.to_owned()))
    );
}

fn java(feature: u32) -> Found {
    let home = PathBuf::from(format!("/jvm/{feature}"));
    Found {
        home,
        version: feature.to_string(),
        feature,
        build: String::new(),
        by: "PATH".to_owned(),
    }
}

#[test]
fn the_preferred_one_is_taken_else_the_lowest_that_fits() {
    let wanted = Java {
        range: JavaRange {
            from: 11,
            below: Some(25),
        },
        prefer: vec![17, 21],
    };
    for (there, expected, why) in [
        (vec![25, 21, 17, 11], 17, "Java 17 is preferred for x"),
        (
            vec![24, 21, 11],
            21,
            "the best for x that is here (first choice: Java 17)",
        ),
        (vec![24, 11, 23], 11, "x runs on Java >=11 <25"),
    ] {
        let found: Vec<Found> = there.into_iter().map(java).collect();
        let choice = choose("x", &wanted, &found).unwrap();
        assert_eq!(
            (choice.found.feature, choice.why),
            (expected, format!("{why}, found by PATH"))
        );
    }
    let none = choose("x", &wanted, &[java(8), java(25)]).unwrap_err();
    assert_eq!(
        none.to_string(),
        "no Java >=11 <25 for x: there is 8 in /jvm/8, 25 in /jvm/25"
    );
    assert!(none.hint().contains(">=11 <25"));
    let none = choose("x", &wanted, &[]).unwrap_err();
    assert_eq!(
        none.to_string(),
        "no Java >=11 <25 for x: there is none in JAVA_HOME, PATH or the usual places"
    );
}

#[test]
fn versions_of_all_times_are_understood() {
    for (version, expected) in [
        ("1.8.0_402", Some(8)),
        ("17.0.15", Some(17)),
        ("25", Some(25)),
        ("26-ea", Some(26)),
        ("x", None),
        ("", None),
    ] {
        assert_eq!(feature(version), expected, "{version}");
    }
}
