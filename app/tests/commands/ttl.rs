//! `smack ttl`, and the time to live of `smack run`.

use expect_test::expect;
use serde_json::json;

use super::{check, check_changes, told_with_changes};
use crate::support::{Smack, ready, run_answer};

const HOUR_MS: u64 = 3_600_000;

/// Half a minute is left for the test itself.
fn ending_in(left_ms: u64) -> serde_json::Value {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now_ms = u64::try_from(since.unwrap().as_millis()).unwrap();
    let mut vdc = ready();
    vdc["expires_ms"] = json!(now_ms + left_ms + 30_000);
    vdc
}

#[test]
fn the_end_is_shown_set_and_taken_back() {
    let smack = Smack::new();
    let fake = smack.fake();
    check(
        &smack,
        &["ttl", "pipeline"],
        &expect![[r#"
        exit 0
        out: default/pipeline does not end by itself
    "#]],
    );
    fake.on("GET /v1/vdcs", json!([ending_in(2 * HOUR_MS)]));
    let told = smack.run(&["ttl", "Pipeline"]).told();
    assert!(
        told.starts_with("exit 0\nout: default/pipeline ends in 2h ("),
        "{told}"
    );
    let status = smack.run(&["status"]).told();
    assert!(status.contains(", ends in 2h\n"), "{status}");
    let shown = smack.run(&["ttl", "pipeline", "--json"]).json();
    assert_eq!(shown["vdc"], "default/pipeline");
    assert!(
        shown["ends_in_ms"]
            .as_u64()
            .is_some_and(|left| left > 2 * HOUR_MS),
        "{shown}"
    );
    fake.on("POST /v1/vdcs/default/pipeline/ttl", json!(null));
    fake.on("GET /v1/vdcs/default/pipeline", ending_in(4 * HOUR_MS));
    let told = told_with_changes(&smack, &["ttl", "pipeline", "4h"]);
    assert!(told.contains("default/pipeline ends in 4h ("), "{told}");
    assert!(
        told.ends_with("ask: POST /v1/vdcs/default/pipeline/ttl {\"ttl\":\"4h\"}\n"),
        "{told}"
    );
    fake.on("GET /v1/vdcs/default/pipeline", ready());
    check_changes(
        &smack,
        &["ttl", "pipeline", "never"],
        &expect![[r#"
        exit 0
        out: default/pipeline does not end by itself
        ask: POST /v1/vdcs/default/pipeline/ttl {"ttl":"never"}
    "#]],
    );
}

#[test]
fn times_that_are_no_time_to_live_are_refused() {
    let smack = Smack::new();
    check(
        &smack,
        &["ttl", "pipeline", "0s"],
        &expect![[r#"
        exit 2
        err: error: invalid value '0s' for '[TIME|never]': that would be over at once: write a time to come, like 2h
        err:
        err: For more information, try '--help'.
    "#]],
    );
    check(
        &smack,
        &["ttl", "pipeline", "-2h"],
        &expect![[r#"
        exit 2
        err: error: invalid value '-2h' for '[TIME|never]': that lies in the past: write a time to come, like 2h
        err:
        err: For more information, try '--help'.
    "#]],
    );
    check(
        &smack,
        &["ttl", "pipeline", "tomorrow"],
        &expect![[r#"
        exit 2
        err: error: invalid value 'tomorrow' for '[TIME|never]': write a time like 90m, 2h or 7d, or never
        err:
        err: For more information, try '--help'.
    "#]],
    );
    check(
        &smack,
        &["run", "--ttl", "0m", "pipeline"],
        &expect![[r#"
        exit 2
        err: error: invalid value '0m' for '--ttl <TIME>': that would be over at once: write a time to come, like 2h
        err:
        err: For more information, try '--help'.
    "#]],
    );
    check(
        &smack,
        &["ttl", "pipelin", "2h"],
        &expect![[r#"
        exit 1
        err: error: there is no virtual data center pipelin
        err:   hint: did you mean pipeline? There are default/pipeline
    "#]],
    );
    check(
        &smack,
        &["ttl"],
        &expect![[r#"
        exit 2
        err: error: the following required arguments were not provided:
        err:   <NAME>
        err:
        err: Usage: smack ttl <NAME> [TIME|never]
        err:
        err: For more information, try '--help'.
    "#]],
    );
}

#[test]
fn a_run_says_how_long() {
    let smack = Smack::new();
    smack.fake().on("POST /v1/runs", run_answer());
    check_changes(
        &smack,
        &["run", "pipeline", "--ttl", "2h", "--detach"],
        &expect![[r#"
            exit 0
            err: default/pipeline revision 2; `smack status default/pipeline -w` shows how it goes
            ask: POST /v1/runs {"name":"pipeline","partial":false,"ttl":"2h"}
        "#]],
    );
}
