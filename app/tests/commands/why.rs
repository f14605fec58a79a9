//! `smack why`.

use expect_test::expect;
use serde_json::json;

use super::check;
use crate::support::Smack;

#[test]
fn causes_are_a_tree_with_evidence() {
    let smack = Smack::new();
    let causes = json!([{
        "subject": "kafka/broker-0, broker-1", "text": "zookeeper is not ready", "trouble": true, "because": [
            {"subject": "zookeeper/zk-0", "text": "exit code 1; failure 2 of 10, next try in 4s", "trouble": true, "because": [],
             "evidence": ["ERROR Invalid config"]},
        ],
    }]);
    smack
        .fake()
        .on("GET /v1/vdcs/default/pipeline/why", causes.clone());
    check(
        &smack,
        &["why"],
        &expect![[r#"
        exit 0
        out: kafka/broker-0, broker-1: zookeeper is not ready
        out:   because zookeeper/zk-0: exit code 1; failure 2 of 10, next try in 4s
        out:       | ERROR Invalid config
    "#]],
    );
    assert_eq!(
        smack.run(&["why", "--json"]).json()[0]["because"],
        causes[0]["because"]
    );
    smack.run(&["why", "pipeline", "kafka/broker-0"]);
    smack.run(&["why", "kafka"]);
    let asked: Vec<String> = smack
        .fake()
        .requests()
        .into_iter()
        .filter(|request| request.contains("why?"))
        .collect();
    expect![[r#"
        [
            "GET /v1/vdcs/default/pipeline/why?application=kafka&task=broker-0",
            "GET /v1/vdcs/default/pipeline/why?application=kafka",
        ]
    "#]]
    .assert_debug_eq(&asked);
}

#[test]
fn all_is_well() {
    let smack = Smack::new();
    smack
        .fake()
        .on("GET /v1/vdcs/default/pipeline/why", json!([]));
    check(
        &smack,
        &["why", "pipeline", "zookeeper"],
        &expect![[r#"
        exit 0
        out: default/pipeline/zookeeper is as it was asked for
    "#]],
    );
}

#[test]
fn an_unknown_part_gets_its_neighbours() {
    let smack = Smack::new();
    check(
        &smack,
        &["why", "pipeline", "zookeper"],
        &expect![[r#"
        exit 1
        err: error: default/pipeline has no application zookeper
        err:   hint: did you mean zookeeper? It has kafka, zookeeper
    "#]],
    );
    check(
        &smack,
        &["why", "kafka/broker-9"],
        &expect![[r#"
        exit 1
        err: error: kafka has no task broker-9
        err:   hint: did you mean broker-0? It has broker-0
    "#]],
    );
    check(
        &smack,
        &["why", "nothing-like-it"],
        &expect![[r#"
        exit 1
        err: error: there is no virtual data center nothing-like-it
        err:   hint: there are default/pipeline
    "#]],
    );
}
