//! `smack replace`.

use expect_test::expect;
use serde_json::json;

use super::{check, check_changes};
use crate::support::Smack;

#[test]
fn a_task_is_replaced_and_its_gates_are_opened_first() {
    let smack = Smack::new();
    smack
        .fake()
        .on("POST /v1/vdcs/default/pipeline/verbs", json!(null));
    check_changes(
        &smack,
        &["replace", "pipeline", "kafka/broker-0", "--force", "check"],
        &expect![[r#"
        exit 0
        err: gate check of default/pipeline/kafka/broker-0 is open for ten minutes
        err: default/pipeline/kafka/broker-0 is being replaced; `smack status default/pipeline -w` shows it
        ask: POST /v1/vdcs/default/pipeline/verbs {"verb":"force","application":"kafka","task":"broker-0","gate":"check"}
        ask: POST /v1/vdcs/default/pipeline/verbs {"verb":"replace","application":"kafka","task":"broker-0","gate":null}
    "#]],
    );
}

#[test]
fn only_a_single_task_can_be_replaced() {
    let smack = Smack::new();
    check(
        &smack,
        &["replace", "pipeline", "kafka"],
        &expect![[r#"
        exit 2
        err: error: replace is asked of one task: APP/TASK
    "#]],
    );
    check(
        &smack,
        &["replace", "pipeline", "kafka/broker-7"],
        &expect![[r#"
        exit 1
        err: error: kafka has no task broker-7
        err:   hint: did you mean broker-0? It has broker-0
    "#]],
    );
    check(
        &smack,
        &["replace", "pipeline", "kafka/broker-0", "--force", "chekc"],
        &expect![[r#"
        exit 2
        err: error: invalid value 'chekc' for '--force <GATE>'
        err:   [possible values: check, budget, minimum]
        err:
        err:   tip: a similar value exists: 'check'
        err:
        err: For more information, try '--help'.
    "#]],
    );
}
