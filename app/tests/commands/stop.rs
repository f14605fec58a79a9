//! `smack stop`.

use expect_test::expect;
use serde_json::json;

use super::{check, check_changes};
use crate::support::Smack;

#[test]
fn stopping_the_whole_or_a_part() {
    let smack = Smack::new();
    smack
        .fake()
        .on("POST /v1/vdcs/default/pipeline/verbs", json!(null));
    check_changes(
        &smack,
        &["stop", "pipeline"],
        &expect![[r#"
        exit 0
        err: default/pipeline is being stopped; `smack status default/pipeline -w` shows it
        ask: POST /v1/vdcs/default/pipeline/verbs {"verb":"stop","application":null,"task":null,"gate":null}
    "#]],
    );
    check_changes(
        &smack,
        &[
            "stop",
            "Default/Pipeline",
            "kafka",
            "--force",
            "budget",
            "--json",
        ],
        &expect![[r#"
        exit 0
        err: gate budget of default/pipeline/kafka is open for ten minutes
        out: {
        out:   "application": "kafka",
        out:   "task": null,
        out:   "vdc": "default/pipeline",
        out:   "verb": "stop"
        out: }
        ask: POST /v1/vdcs/default/pipeline/verbs {"verb":"force","application":"kafka","task":null,"gate":"budget"}
        ask: POST /v1/vdcs/default/pipeline/verbs {"verb":"stop","application":"kafka","task":null,"gate":null}
    "#]],
    );
}

#[test]
fn stopping_needs_a_name_that_is_up() {
    let smack = Smack::new();
    check(
        &smack,
        &["stop"],
        &expect![[r#"
        exit 2
        err: error: the following required arguments were not provided:
        err:   <NAME>
        err:
        err: Usage: smack stop <NAME> [APP[/TASK]]
        err:
        err: For more information, try '--help'.
    "#]],
    );
    check(
        &smack,
        &["stop", "pipelin"],
        &expect![[r#"
        exit 1
        err: error: there is no virtual data center pipelin
        err:   hint: did you mean pipeline? There are default/pipeline
    "#]],
    );
    check(
        &smack,
        &["stop", "pipeline", "kafak"],
        &expect![[r#"
        exit 1
        err: error: default/pipeline has no application kafak
        err:   hint: did you mean kafka? It has kafka, zookeeper
    "#]],
    );
}
