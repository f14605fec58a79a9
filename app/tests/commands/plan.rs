//! `smack plan`.

use expect_test::expect;
use serde_json::json;

use super::{check, check_changes};
use crate::support::{Answer, Smack, run_answer};

#[test]
fn a_plan_names_each_step_with_its_reason() {
    let smack = Smack::new();
    smack.file("pipeline.yaml", "name: pipeline\n");
    smack.fake().on("POST /v1/plans", run_answer());
    check_changes(
        &smack,
        &["plan", "pipeline.yaml"],
        &expect![[r#"
        exit 0
        out: default/pipeline: this would be revision 2
        out: kafka (kafka): 1 step as they are
        out:   restart broker-0  after: the product says broker-0 may go
        out:           -Xmx512m -> -Xmx1g
        ask: POST /v1/plans {"stack":{"file":"pipeline.yaml","text":"name: pipeline\n"},"partial":false}
    "#]],
    );
    assert_eq!(
        smack.run(&["plan", "pipeline.yaml", "--json"]).json(),
        run_answer()
    );
}

#[test]
fn nothing_to_do_is_said() {
    let smack = Smack::new();
    let mut answer = run_answer();
    answer["silent"] = json!(true);
    answer["plan"][0]["steps"].as_array_mut().unwrap().remove(0);
    smack.fake().on("POST /v1/plans", answer);
    check(
        &smack,
        &["plan", "pipeline"],
        &expect![[r#"
        exit 0
        out: default/pipeline: nothing to do, revision 2 is what runs
        out: kafka (kafka): stays as it is
    "#]],
    );
}

#[test]
fn an_unknown_stack_is_refused() {
    let smack = Smack::new();
    let refusal = Answer::refusal(
        404,
        "there is neither a file nor a stack in the library named pipelin",
        Some("did you mean pipeline?"),
    );
    smack.fake().on("POST /v1/plans", refusal);
    check(
        &smack,
        &["plan", "pipelin"],
        &expect![[r#"
        exit 1
        err: error: there is neither a file nor a stack in the library named pipelin
        err:   hint: did you mean pipeline?
    "#]],
    );
}
