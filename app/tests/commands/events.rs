//! `smack events`.

use expect_test::expect;
use serde_json::json;

use super::check;
use crate::support::{Smack, event};

fn smack() -> Smack {
    let smack = Smack::new();
    let page = json!([
        event(
            7,
            1_795_388_727_123,
            "default/pipeline",
            "run",
            "revision 1 of stack pipeline"
        ),
        event(
            8,
            1_795_388_728_000,
            "default/pipeline/kafka/broker-0",
            "retry",
            "failure 1 of 10, next try in 1s"
        ),
    ]);
    smack
        .fake()
        .on_each("GET /v1/events", vec![page.into(), json!([]).into()]);
    smack
}

#[test]
fn a_line_each_or_an_object_each() {
    check(
        &smack(),
        &["events"],
        &expect![[r#"
        exit 0
        out:      7  2026-11-22 23:05:27  default/pipeline  run: revision 1 of stack pipeline
        out:      8  2026-11-22 23:05:28  default/pipeline/kafka/broker-0  retry: failure 1 of 10, next try in 1s
    "#]],
    );
    check(
        &smack(),
        &["events", "--json"],
        &expect![[r#"
        exit 0
        out: {"seq":7,"at_ms":1795388727123,"subject":"default/pipeline","kind":"run","text":"revision 1 of stack pipeline"}
        out: {"seq":8,"at_ms":1795388728000,"subject":"default/pipeline/kafka/broker-0","kind":"retry","text":"failure 1 of 10, next try in 1s"}
    "#]],
    );
}

#[test]
fn of_one_that_is_up_or_was() {
    let smack = smack();
    smack.run(&["events", "pipeline", "--after", "3"]);
    smack.run(&["events", "qa/gone"]);
    smack.run(&["events", "qa/gone", "-n", "20"]);
    let asked: Vec<String> = smack
        .fake()
        .requests()
        .into_iter()
        .filter(|request| request.contains("events"))
        .collect();
    expect![[r#"
        [
            "GET /v1/events?after=3&subject=default%2Fpipeline&wait_ms=0",
            "GET /v1/events?after=8&subject=default%2Fpipeline&wait_ms=0",
            "GET /v1/events?after=0&subject=qa%2Fgone&wait_ms=0",
            "GET /v1/events?last=20&subject=qa%2Fgone",
        ]
    "#]]
    .assert_debug_eq(&asked);
    check(
        &smack,
        &["events", "nobody"],
        &expect![[r#"
        exit 1
        err: error: there is no virtual data center nobody
        err:   hint: there are default/pipeline
    "#]],
    );
    check(
        &smack,
        &["events", "--after", "yesterday"],
        &expect![[r#"
        exit 2
        err: error: invalid value 'yesterday' for '--after <SEQ>': write a whole number
        err:
        err: For more information, try '--help'.
    "#]],
    );
}
