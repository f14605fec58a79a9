//! `smack down`.

use expect_test::expect;
use serde_json::json;

use super::{check, check_changes};
use crate::support::{Answer, Smack, event, vdc};

fn smack() -> Smack {
    let smack = Smack::new();
    let fake = smack.fake();
    fake.on("POST /v1/vdcs/default/pipeline/down", json!(null));
    fake.on("POST /v1/vdcs/default/pipeline/verbs", json!(null));
    let own = "default/pipeline";
    fake.on_each(
        "GET /v1/events",
        vec![
            json!([event(20, 9000, own, "down", "asked for")]).into(),
            json!([]).into(),
            json!([event(
                21,
                9500,
                "default/pipeline/kafka/broker-0",
                "stopping",
                "attempt 1"
            )])
            .into(),
            json!([]).into(),
        ],
    );
    let gone = Answer::refusal(
        404,
        "there is no virtual data center default/pipeline",
        None,
    );
    fake.on_each(
        "GET /v1/vdcs/default/pipeline",
        vec![vdc().into(), vdc().into(), gone],
    );
    fake.on(
        "GET /v1/vdcs/default/pipeline/remains",
        json!({"processes": [], "addresses": [], "files": [], "records": []}),
    );
    smack
}

#[test]
fn it_waits_until_everything_is_gone() {
    check_changes(
        &smack(),
        &["down", "pipeline", "--keep", "--force", "minimum"],
        &expect![[r#"
        exit 0
        err: gate minimum of default/pipeline is open for ten minutes
        err: #s  kafka/broker-0  stopping: attempt 1
        err: Done in #s: default/pipeline is gone; its data is kept
        ask: POST /v1/vdcs/default/pipeline/verbs {"verb":"force","application":null,"task":null,"gate":"minimum"}
        ask: POST /v1/vdcs/default/pipeline/down {"keep":true}
    "#]],
    );
    check(
        &smack(),
        &["down", "pipeline", "--check"],
        &expect![[r#"
        exit 0
        err: #s  kafka/broker-0  stopping: attempt 1
        err: Done in #s: default/pipeline is gone and has left nothing
    "#]],
    );
}

#[test]
fn what_is_left_is_a_failure() {
    let smack = smack();
    let left = json!({"processes": ["pid 12: sleep 1000"], "addresses": [], "files": ["/x/volumes/default.pipeline.a"], "records": ["task/a"]});
    smack
        .fake()
        .on("GET /v1/vdcs/default/pipeline/remains", left);
    check(
        &smack,
        &["down", "pipeline", "--check"],
        &expect![[r#"
        exit 1
        err: #s  kafka/broker-0  stopping: attempt 1
        err: default/pipeline is gone but has left:
        out: process   pid 12: sleep 1000
        out: file      /x/volumes/default.pipeline.a
        out: record    task/a
    "#]],
    );
}

#[test]
fn checking_again_is_no_mistake() {
    let smack = smack();
    smack.fake().on("GET /v1/vdcs", json!([]));
    check(
        &smack,
        &["down", "pipeline", "--check"],
        &expect![[r#"
        exit 0
        err: default/pipeline is gone and has left nothing
    "#]],
    );
}

#[test]
fn a_name_has_to_be_given() {
    let smack = smack();
    check(
        &smack,
        &["down"],
        &expect![[r#"
        exit 2
        err: error: the following required arguments were not provided:
        err:   <NAME>
        err:
        err: Usage: smack down <NAME>
        err:
        err: For more information, try '--help'.
    "#]],
    );
    check(
        &smack,
        &["down", "pipelin"],
        &expect![[r#"
        exit 1
        err: error: there is no virtual data center pipelin
        err:   hint: did you mean pipeline? There are default/pipeline
    "#]],
    );
}

#[test]
fn the_time_limit_ends_the_wait_with_the_reason() {
    let smack = smack();
    smack.fake().on("GET /v1/vdcs/default/pipeline", vdc());
    smack.fake().on("GET /v1/vdcs/default/pipeline/why", json!([
        {"subject": "kafka/broker-0", "text": "stopping for 40s, killed after 1m", "trouble": false, "because": []}]));
    check(
        &smack,
        &["down", "pipeline", "--timeout", "150ms"],
        &expect![[r#"
        exit 1
        err: #s  kafka/broker-0  stopping: attempt 1
        err: default/pipeline is not gone after #s:
        err: kafka/broker-0: stopping for 40s, killed after 1m
    "#]],
    );
}

#[test]
fn one_that_others_use_stays_unless_told_so() {
    let smack = smack();
    let error = "default/pipeline is used by default/shop/web; take them down first, or leave them without it: --force users";
    smack.fake().on(
        "POST /v1/vdcs/default/pipeline/down",
        Answer::refusal(409, error, None),
    );
    check(
        &smack,
        &["down", "pipeline"],
        &expect![[r#"
        exit 1
        err: error: default/pipeline is used by default/shop/web; take them down first, or leave them without it: --force users
    "#]],
    );
    check_changes(
        &self::smack(),
        &["down", "pipeline", "--force", "users", "--force", "minimum"],
        &expect![[r#"
            exit 0
            err: gate minimum of default/pipeline is open for ten minutes
            err: #s  kafka/broker-0  stopping: attempt 1
            err: Done in #s: default/pipeline is gone
            ask: POST /v1/vdcs/default/pipeline/verbs {"verb":"force","application":null,"task":null,"gate":"minimum"}
            ask: POST /v1/vdcs/default/pipeline/down {"keep":false,"force_users":true}
        "#]],
    );
}

#[test]
fn its_plan_changes_nothing() {
    let smack = smack();
    let plan = json!([{
        "application": "kafka",
        "kind": "kafka",
        "steps": [
            {"subject": "repair", "effect": "ask", "reasons": ["for it leaves z2/a/kafka"], "after": []},
            {"subject": "broker-0", "effect": "end", "reasons": ["its data is kept"], "after": ["shop ended"]},
        ],
    }]);
    smack
        .fake()
        .on("GET /v1/vdcs/default/pipeline/down", plan.clone());
    check_changes(
        &smack,
        &["down", "pipeline", "--plan", "--keep", "--force", "users"],
        &expect![[r#"
            exit 0
            out: default/pipeline: this would end
            out: kafka (kafka)
            out:   ask     repair
            out:           for it leaves z2/a/kafka
            out:   end     broker-0  after: shop ended
            out:           its data is kept
        "#]],
    );
    assert_eq!(
        smack.run(&["down", "pipeline", "--plan", "--json"]).json(),
        plan
    );
    check(
        &smack,
        &["down", "pipeline", "--plan", "--check"],
        &expect![[r#"
            exit 2
            err: error: the argument '--plan' cannot be used with '--check'
            err:
            err: Usage: smack down --plan <NAME>
            err:
            err: For more information, try '--help'.
        "#]],
    );
}
