//! `smack flows`.

use expect_test::expect;
use serde_json::{Value, json};

use super::check;
use crate::support::Smack;

fn flow(from: Option<&str>, to: &str, allowed: bool, open: Option<bool>) -> Value {
    let mut flow = json!({
        "to": to, "target": "kafka/broker-0:client", "address": "127.1.0.3", "port": 9092, "allowed": allowed,
    });
    if let Some(from) = from {
        flow["from"] = json!(from);
    }
    if let Some(open) = open {
        flow["open"] = json!(open);
    }
    flow
}

#[test]
fn who_may_reach_whom() {
    let smack = Smack::new();
    let flows = json!([
        flow(None, "default/a", true, None),
        flow(Some("default/b"), "default/a", false, None)
    ]);
    smack.fake().on("GET /v1/flows", flows);
    check(
        &smack,
        &["flows"],
        &expect![[r#"
        exit 0
        out: FROM       TO         PORTS  ALLOWED
        out: outside    default/a  1      all
        out: default/b  default/a  1      none
    "#]],
    );
}

#[test]
fn what_is_open_and_should_not_be_is_told_and_fails() {
    let smack = Smack::new();
    let flows = json!([
        flow(None, "default/a", true, Some(true)),
        flow(Some("default/b"), "default/a", false, Some(true))
    ]);
    smack.fake().on("GET /v1/flows", flows);
    check(
        &smack,
        &["flows", "--test"],
        &expect![[r#"
            exit 1
            err: default/b -> default/a kafka/broker-0:client (127.1.0.3:9092) is open and should not be
            err: error: 1 of 2 flows not as the levels of isolation have it
            out: FROM       TO         PORTS  ALLOWED  OPEN  AS ALLOWED
            out: outside    default/a  1      all      1     yes
            out: default/b  default/a  1      none     1     no: 1
        "#]],
    );
}
