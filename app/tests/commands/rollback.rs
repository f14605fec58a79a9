//! `smack rollback`.

use expect_test::expect;

use super::{check, check_changes};
use crate::support::{Answer, Smack, run_answer};

#[test]
fn to_a_revision_or_to_the_one_before() {
    let smack = Smack::new();
    smack
        .fake()
        .on("POST /v1/vdcs/default/pipeline/rollback", run_answer());
    check_changes(
        &smack,
        &["rollback", "pipeline", "--to", "1", "--detach"],
        &expect![[r#"
        exit 0
        err: default/pipeline becomes revision 2
        ask: POST /v1/vdcs/default/pipeline/rollback {"to":1}
    "#]],
    );
    check_changes(
        &smack,
        &["rollback", "pipeline", "-d", "--json", "-q"],
        &expect![[r#"
        exit 0
        out: {
        out:   "vdc": "default/pipeline",
        out:   "revision": 2,
        out:   "notices": [],
        out:   "plan": [
        out:     {
        out:       "application": "kafka",
        out:       "kind": "kafka",
        out:       "steps": [
        out:         {
        out:           "subject": "broker-0",
        out:           "effect": "restart",
        out:           "reasons": [
        out:             "-Xmx512m -> -Xmx1g"
        out:           ],
        out:           "after": [
        out:             "the product says broker-0 may go"
        out:           ]
        out:         },
        out:         {
        out:           "subject": "broker-1",
        out:           "effect": "leave",
        out:           "reasons": [],
        out:           "after": []
        out:         }
        out:       ]
        out:     }
        out:   ],
        out:   "silent": false
        out: }
        ask: POST /v1/vdcs/default/pipeline/rollback {"to":null}
    "#]],
    );
}

#[test]
fn an_unknown_revision_is_refused() {
    let smack = Smack::new();
    let refusal = Answer::refusal(
        404,
        "default/pipeline has no revision 9",
        Some("it has 1, 2"),
    );
    smack
        .fake()
        .on("POST /v1/vdcs/default/pipeline/rollback", refusal);
    check(
        &smack,
        &["rollback", "pipeline", "--to", "9"],
        &expect![[r#"
        exit 1
        err: error: default/pipeline has no revision 9
        err:   hint: it has 1, 2
    "#]],
    );
    check(
        &smack,
        &["rollback", "pipeline", "--to", "first"],
        &expect![[r#"
        exit 2
        err: error: invalid value 'first' for '--to <N>': write a number as `smack show NAME --revisions` lists them
        err:
        err: For more information, try '--help'.
    "#]],
    );
}
