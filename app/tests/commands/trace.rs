//! `smack trace`.

use expect_test::expect;
use serde_json::{Value, json};

use super::check;
use crate::support::Smack;

const BEGAN: u64 = 1_795_388_727_000;

fn line(id: &str, title: &str, elapsed_ms: u64, outcome: &str) -> Value {
    json!({"id": id, "vdc": "default/pipeline", "title": title, "began_ms": BEGAN,
        "elapsed_ms": elapsed_ms, "outcome": outcome, "spans": 3})
}

fn span(
    id: &str,
    parent: Option<&str>,
    name: &str,
    subject: (&str, &str),
    times: (u64, u64),
) -> Value {
    json!({"id": id, "parent": parent, "name": name, "application": subject.0, "task": subject.1,
        "from_ms": BEGAN + times.0, "until_ms": BEGAN + times.1, "waiting": name == "wait",
        "critical": name != "wait", "tags": {"smack.path": "default/pipeline"}})
}

fn smack() -> Smack {
    let smack = Smack::new();
    let fake = smack.fake();
    let mut waits = span("4", Some("2"), "wait", ("kafka", "broker-0"), (0, 400));
    waits["tags"] = json!({"waiting.for": "zookeeper is not ready"});
    let spans = [
        span("1", None, "run", ("", ""), (0, 2000)),
        span("2", Some("1"), "run", ("kafka", ""), (0, 2000)),
        waits,
        span(
            "3",
            Some("2"),
            "running to ready",
            ("kafka", "broker-0"),
            (400, 2000),
        ),
    ];
    let trace = json!({"id": "1", "vdc": "default/pipeline", "name": "run", "seq": 3, "began_ms": BEGAN,
        "ended_ms": BEGAN + 2000, "outcome": "done", "spans": spans,
        "critical": [{"kind": "ready", "subject": "kafka/broker-0", "from_ms": BEGAN + 400,
            "until_ms": BEGAN + 2000}]});
    fake.on("GET /v1/traces/1", trace);
    let lines = json!([
        line("1", "run revision 1", 2000, "done"),
        line("0f", "down", 65_000, "failed")
    ]);
    fake.on_each("GET /v1/traces", vec![lines.into()]);
    smack
}

#[test]
fn the_last_as_a_waterfall() {
    check(
        &smack(),
        &["trace", "pipeline"],
        &expect![[r#"
        exit 0
        out: default/pipeline run  done in #s  2026-11-22 23:05:27  trace 1
        out:
        out: * run                                             0ms #s  ████████████████████████████████████
        out: *   kafka                                         0ms #s  ████████████████████████████████████
        out:       broker-0 waits: zookeeper is not ready      0ms    400ms  ░░░░░░░
        out: *     broker-0 running to ready                 400ms #s         █████████████████████████████
        out:
        out: critical path:
        out:  #s  kafka/broker-0 running to ready
    "#]],
    );
}

#[test]
fn as_spans_of_zipkin() {
    let told = smack().run(&["trace", "--id", "1", "--json"]).stdout;
    let spans: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(spans.as_array().unwrap().len(), 4);
    let waits = &spans[2];
    assert_eq!(waits["name"], "broker-0 wait");
    assert_eq!(waits["traceId"], "1");
    assert_eq!(waits["parentId"], "2");
    assert_eq!(waits["duration"], 400_000);
    assert_eq!(waits["localEndpoint"]["serviceName"], "kafka");
    assert_eq!(waits["tags"]["waiting.for"], "zookeeper is not ready");
}

#[test]
fn as_a_list() {
    check(
        &smack(),
        &["trace", "--list"],
        &expect![[r#"
        exit 0
        out: 0f  2026-11-22 23:05:27  default/pipeline  down              1m05s  failed
        out: 1  2026-11-22 23:05:27  default/pipeline  run revision 1 #s  done
    "#]],
    );
}

#[test]
fn of_what_there_is() {
    let smack = smack();
    smack.run(&["trace", "PIPELINE"]);
    smack.run(&["trace", "--list", "--limit", "5"]);
    let asked: Vec<String> = smack
        .fake()
        .requests()
        .into_iter()
        .filter(|request| request.contains("traces"))
        .collect();
    expect![[r#"
        [
            "GET /v1/traces?limit=1&vdc=default%2Fpipeline",
            "GET /v1/traces/1",
            "GET /v1/traces?limit=5",
        ]
    "#]]
    .assert_debug_eq(&asked);
    check(
        &smack,
        &["trace", "nobody"],
        &expect![[r#"
        exit 1
        err: error: there is no virtual data center nobody
        err:   hint: there are default/pipeline
    "#]],
    );
    check(
        &smack,
        &["trace", "--id", "1", "--list"],
        &expect![[r#"
        exit 2
        err: error: the argument '--id <ID>' cannot be used with '--list'
        err:
        err: Usage: smack trace --id <ID> [NAME]
        err:
        err: For more information, try '--help'.
    "#]],
    );
    check(
        &smack,
        &["trace", "--limit", "3"],
        &expect![[r#"
        exit 2
        err: error: the following required arguments were not provided:
        err:   --list
        err:
        err: Usage: smack trace --list --limit <N> [NAME]
        err:
        err: For more information, try '--help'.
    "#]],
    );
    let empty = Smack::new();
    empty.fake().on("GET /v1/traces", json!([]));
    check(
        &empty,
        &["trace"],
        &expect![[r#"
        exit 1
        err: error: the journal tells of no trace
        err:   hint: every `smack run` is one
    "#]],
    );
}

#[test]
fn collectors_are_urls() {
    check(
        &Smack::alone(),
        &["server", "--zipkin", "localhost:9411"],
        &expect![[r#"
            exit 2
            err: error: invalid value 'localhost:9411' for '--zipkin <URL>': write a URL like http://127.0.0.1:9411/api/v2/spans
            err:
            err: For more information, try '--help'.
        "#]],
    );
    check(
        &Smack::alone(),
        &["server", "--otlp", "ftp://a"],
        &expect![[r#"
            exit 2
            err: error: invalid value 'ftp://a' for '--otlp <URL>': write a URL like http://127.0.0.1:9411/v1/traces
            err:
            err: For more information, try '--help'.
        "#]],
    );
}
