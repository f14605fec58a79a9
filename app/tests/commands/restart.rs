//! `smack restart`.

use expect_test::expect;
use serde_json::json;

use super::{check, check_changes};
use crate::support::Smack;

#[test]
fn restarting_the_whole_or_a_part() {
    let smack = Smack::new();
    smack
        .fake()
        .on("POST /v1/vdcs/default/pipeline/verbs", json!(null));
    check_changes(
        &smack,
        &["restart", "pipeline"],
        &expect![[r#"
        exit 0
        err: default/pipeline is being restarted; `smack status default/pipeline -w` shows it
        ask: POST /v1/vdcs/default/pipeline/verbs {"verb":"restart","application":null,"task":null,"gate":null}
    "#]],
    );
    check_changes(
        &smack,
        &[
            "restart",
            "Default/Pipeline",
            "kafka/broker-0",
            "--force",
            "budget",
            "--json",
        ],
        &expect![[r#"
        exit 0
        err: gate budget of default/pipeline/kafka/broker-0 is open for ten minutes
        out: {
        out:   "application": "kafka",
        out:   "task": "broker-0",
        out:   "vdc": "default/pipeline",
        out:   "verb": "restart"
        out: }
        ask: POST /v1/vdcs/default/pipeline/verbs {"verb":"force","application":"kafka","task":"broker-0","gate":"budget"}
        ask: POST /v1/vdcs/default/pipeline/verbs {"verb":"restart","application":"kafka","task":"broker-0","gate":null}
    "#]],
    );
}

#[test]
fn restarting_needs_a_name_that_is_up() {
    let smack = Smack::new();
    check(
        &smack,
        &["restart"],
        &expect![[r#"
        exit 2
        err: error: the following required arguments were not provided:
        err:   <NAME>
        err:
        err: Usage: smack restart <NAME> [APP[/TASK]]
        err:
        err: For more information, try '--help'.
    "#]],
    );
    check(
        &smack,
        &["restart", "pipelin"],
        &expect![[r#"
        exit 1
        err: error: there is no virtual data center pipelin
        err:   hint: did you mean pipeline? There are default/pipeline
    "#]],
    );
    check(
        &smack,
        &["restart", "pipeline", "kafak"],
        &expect![[r#"
        exit 1
        err: error: default/pipeline has no application kafak
        err:   hint: did you mean kafka? It has kafka, zookeeper
    "#]],
    );
}
