//! `smack restart`.

use expect_test::expect;
use serde_json::json;

use super::{check_changes, check_needs_a_name};
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
    check_needs_a_name(&Smack::new(), "restart");
}
