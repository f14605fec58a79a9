//! `smack logs`.

use expect_test::expect;

use super::check;
use crate::support::{Answer, Smack};

#[test]
fn lines_come_as_they_are() {
    let smack = Smack::new();
    smack.fake().on(
        "GET /v1/vdcs/default/pipeline/logs",
        Answer::text("kafka/broker-0 | started\nzookeeper/zk-0 | a | b\n"),
    );
    check(
        &smack,
        &["logs"],
        &expect![[r#"
        exit 0
        out: kafka/broker-0 | started
        out: zookeeper/zk-0 | a | b
    "#]],
    );
    check(
        &smack,
        &["logs", "pipeline", "--json"],
        &expect![[r#"
        exit 0
        out: {"line":"started","task":"kafka/broker-0"}
        out: {"line":"a | b","task":"zookeeper/zk-0"}
    "#]],
    );
}

#[test]
fn one_task_has_no_prefix() {
    let smack = Smack::new();
    smack.fake().on(
        "GET /v1/vdcs/default/pipeline/logs",
        Answer::text("started"),
    );
    check(
        &smack,
        &["logs", "pipeline", "Kafka/Broker-0", "-n", "5", "-f"],
        &expect![[r#"
        exit 0
        out: started
    "#]],
    );
    check(
        &smack,
        &["logs", "kafka/broker-0", "--json"],
        &expect![[r#"
        exit 0
        out: {"line":"started","task":"kafka/broker-0"}
    "#]],
    );
    let asked: Vec<String> = smack
        .fake()
        .requests()
        .into_iter()
        .filter(|request| request.contains("logs"))
        .collect();
    expect![[r#"
        [
            "GET /v1/vdcs/default/pipeline/logs?application=kafka&task=broker-0&lines=5&follow=true",
            "GET /v1/vdcs/default/pipeline/logs?application=kafka&task=broker-0&lines=100",
        ]
    "#]].assert_debug_eq(&asked);
}

#[test]
fn an_unknown_task_is_refused() {
    let smack = Smack::new();
    check(
        &smack,
        &["logs", "pipeline", "kafka/broker-1"],
        &expect![[r#"
        exit 1
        err: error: kafka has no task broker-1
        err:   hint: did you mean broker-0? It has broker-0
    "#]],
    );
    check(
        &smack,
        &["logs", "-n", "many"],
        &expect![[r#"
        exit 2
        err: error: invalid value 'many' for '--lines <LINES>': write a whole number
        err:
        err: For more information, try '--help'.
    "#]],
    );
}
