//! `smack doctor`.

use expect_test::expect;
use serde_json::json;

use super::check;
use crate::support::{Smack, server};

#[test]
fn every_check_says_what_was_found() {
    let smack = Smack::new();
    let ran = smack.run(&["doctor", "--json"]);
    assert!(matches!(ran.code, Some(0 | 1)), "{}", ran.told());
    let told = ran.json();
    assert_eq!(told["server"]["pid"], server()["pid"]);
    let checks = told["checks"].as_array().unwrap();
    let names: Vec<&str> = checks
        .iter()
        .filter_map(|check| check["name"].as_str())
        .collect();
    for name in [
        "Maven",
        "home",
        "disk",
        "clock",
        "loopback addresses",
        "cgroup",
        "server",
    ] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    assert!(checks.iter().all(|check| {
        ["good", "lack", "bad"]
            .iter()
            .any(|word| check["state"] == *word)
    }));
    assert_eq!(
        ran.code == Some(1),
        checks.iter().any(|check| check["state"] == "bad")
    );
}

#[test]
fn a_server_that_decides_nothing_is_bad() {
    let smack = Smack::new();
    let mut halted = server();
    halted["halted"] = json!("no space left");
    smack.fake().on("GET /v1/server", halted);
    let ran = smack.run(&["doctor"]);
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.stdout
            .contains("it decides nothing at the moment: no space left"),
        "{}",
        ran.stdout
    );
}

#[test]
fn it_starts_no_server() {
    let smack = Smack::alone();
    assert!(
        smack
            .run(&["doctor"])
            .stdout
            .contains("none runs; one is started when it is needed")
    );
    assert!(!smack.home().join("api.sock").exists());
    check(
        &smack,
        &["doctor", "--depe"],
        &expect![[r#"
        exit 2
        err: error: unexpected argument '--depe' found
        err:
        err:   tip: a similar argument exists: '--deep'
        err:
        err: Usage: smack doctor --deep
        err:
        err: For more information, try '--help'.
    "#]],
    );
}
