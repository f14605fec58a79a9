//! The client's place, its repository, and clients that complain, hang or lie (shell scripts).

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use super::{Maven, configured_repository, pom_text};
use crate::fetch::Reason;
use crate::store::Store;
use crate::testing::artifact;

/// What a client that is this script leads to: the reason, or `None` if the artifact was taken.
fn with_client(script: &str, home: &Path) -> Option<Reason> {
    let program = home.join("mvn");
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let maven = Maven {
        program: Some(program),
        silence: Duration::from_millis(500),
        ..Maven::default()
    };
    let store = Store::open(home).unwrap();
    let jar = artifact("a", b"content");
    let answers = maven.fetch_all(&store, &[jar], &|_, _, _| {}).unwrap();
    assert_eq!(
        fs::read_dir(store.root().join("partial")).unwrap().count(),
        0,
        "scratch left behind"
    );
    answers.into_iter().next().map(|(_, reason)| reason)
}

#[test]
fn a_client_gives_a_file_a_complaint_or_nothing() {
    let home = tempfile::tempdir().unwrap();
    let give = "mkdir -p lib/test/a/1; printf content > lib/test/a/1/a-1.jar; echo Downloaded from x: y/a-1.jar";
    assert_eq!(with_client(give, home.path()), None);
    for (script, expected) in [
        (
            "echo '[ERROR] no such thing -> [Help 1]'; echo '[ERROR] more'; exit 1",
            "no such thing",
        ),
        (
            "echo JAVA_HOME is not set >&2; exit 1",
            "ended with exit status: 1: JAVA_HOME is not set",
        ),
        ("exit 0", "not there"),
        (
            "mkdir -p lib/test/a/1; printf contenT > lib/test/a/1/a-1.jar",
            "a-1.jar refused, its hash is",
        ),
    ] {
        let home = tempfile::tempdir().unwrap();
        let text = with_client(script, home.path()).unwrap().to_string();
        assert!(text.starts_with(expected), "{script}: {text}");
    }
}

#[test]
fn a_client_that_hangs_is_ended_with_what_it_started() {
    let home = tempfile::tempdir().unwrap();
    let start = Instant::now();
    let reason = with_client("sleep 60 & echo $! > ../../../pid; wait", home.path());
    assert!(matches!(reason, Some(Reason::Timeout(_))), "{reason:?}");
    assert!(start.elapsed() < Duration::from_secs(30));
    let pid = fs::read_to_string(home.path().join("pid")).unwrap();
    // The kernel has the signal by now; the process may not have noticed yet.
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let state = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
        if state.is_empty() || state.contains(") Z ") {
            return;
        }
        assert!(Instant::now() < deadline, "{state}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn the_repository_is_the_one_the_client_uses() {
    let home = Path::new("/home/me");
    for (settings, expected) in [
        ("", None),
        (
            "<settings><localRepository>/big/m2</localRepository></settings>",
            Some("/big/m2"),
        ),
        (
            "<localRepository>${user.home}/m2</localRepository>",
            Some("/home/me/m2"),
        ),
        ("<!-- <localRepository>/no</localRepository> --><a/>", None),
        (
            "<!-- x --><localRepository> /yes </localRepository>",
            Some("/yes"),
        ),
        ("<localRepository>${env.ELSEWHERE}</localRepository>", None),
    ] {
        assert_eq!(
            configured_repository(settings, home).as_deref(),
            expected.map(Path::new),
            "{settings}"
        );
    }
    let arguments = vec!["-Dmaven.repo.local=/given".to_owned()];
    assert_eq!(
        Maven {
            arguments,
            ..Maven::default()
        }
        .local_repository(),
        Path::new("/given")
    );
}

#[test]
fn a_pom_names_classifiers_and_resolves_nothing_beyond() {
    let mut jar = artifact("a", b"content");
    jar.at = "g.h:a:1:linux".to_owned();
    let text = pom_text(&[jar]);
    assert!(text.contains(
        "<groupId>g.h</groupId><artifactId>a</artifactId><version>1</version><classifier>linux<"
    ));
    assert!(text.contains("<exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion>"));
}
