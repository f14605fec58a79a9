//! `smack status`.

use std::process::Stdio;

use expect_test::expect;
use serde_json::json;

use super::check;
use crate::support::{Smack, ready, until, vdc};

#[test]
fn tasks_are_shown_with_what_they_wait_for() {
    let smack = Smack::new();
    check(
        &smack,
        &["status"],
        &expect![[r#"
        exit 0
        out: default/pipeline  starting  revision 2 of pipeline, isolation open, limits: not enforced
        out:   TASK            STATE           NODE     ADDRESS    PORTS        PID  WAITS FOR
        out:   kafka/broker-0  waiting                                               zookeeper is not ready
        out:   zookeeper/zk-0  ready (leader)  local-0  127.1.0.2  client 2181  99
        out:   kafka: topic events: not asked for yet
    "#]],
    );
    check(
        &smack,
        &["status", "PIPELINE"],
        &expect![[r#"
        exit 0
        out: default/pipeline  starting  revision 2 of pipeline, isolation open, limits: not enforced
        out:   TASK            STATE           NODE     ADDRESS    PORTS        PID  WAITS FOR
        out:   kafka/broker-0  waiting                                               zookeeper is not ready
        out:   zookeeper/zk-0  ready (leader)  local-0  127.1.0.2  client 2181  99
        out:   kafka: topic events: not asked for yet
    "#]],
    );
}

#[test]
fn json_is_the_list_of_the_api() {
    let smack = Smack::new();
    assert_eq!(smack.run(&["status", "--json"]).json(), json!([vdc()]));
    assert_eq!(
        smack.run(&["--json", "status", "pipeline"]).json(),
        json!([vdc()])
    );
}

#[test]
fn many_are_a_line_each() {
    let smack = Smack::new();
    let named = |name: &str| {
        let mut vdc = ready();
        vdc["vdc"] = json!(format!("default/{name}"));
        vdc["updated_ms"] = json!(u64::MAX / 2);
        vdc
    };
    smack.fake().on(
        "GET /v1/vdcs",
        json!([named("a"), named("b"), named("c"), named("d")]),
    );
    check(
        &smack,
        &["status"],
        &expect![[r#"
        exit 0
        out: VDC        STATE  READY  REVISION  STACK     UPDATED
        out: default/a  ready  2/2    2         pipeline  0s ago
        out: default/b  ready  2/2    2         pipeline  0s ago
        out: default/c  ready  2/2    2         pipeline  0s ago
        out: default/d  ready  2/2    2         pipeline  0s ago
    "#]],
    );
}

#[test]
fn nothing_is_up() {
    let smack = Smack::new();
    smack.fake().on("GET /v1/vdcs", json!([]));
    check(
        &smack,
        &["status"],
        &expect![[r#"
        exit 0
        out: nothing is up; `smack run STACK` starts something
    "#]],
    );
    check(
        &smack,
        &["status", "pipeline"],
        &expect![[r#"
        exit 1
        err: error: there is no virtual data center pipeline
        err:   hint: `smack run STACK` starts something
    "#]],
    );
    assert_eq!(smack.run(&["status", "--json"]).json(), json!([]));
}

#[test]
fn watching_shows_every_change_until_ctrl_c() {
    let smack = Smack::new();
    smack.fake().on_each(
        "GET /v1/vdcs",
        vec![
            json!([vdc()]).into(),
            json!([vdc()]).into(),
            json!([ready()]).into(),
        ],
    );
    let child = smack
        .command(&["status", "-w"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    until("it looked again", || smack.fake().requests().len() > 8);
    rustix::process::kill_process(
        rustix::process::Pid::from_child(&child),
        rustix::process::Signal::INT,
    )
    .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(text.matches("default/pipeline").count(), 2, "{text}");
}

#[test]
fn paint_is_for_terminals_or_for_those_who_ask() {
    let smack = Smack::new();
    assert!(!smack.run(&["status"]).stdout.contains('\x1b'));
    assert!(
        smack
            .run(&["status", "--color", "always"])
            .stdout
            .contains("\x1b[1mdefault/pipeline\x1b[0m")
    );
}

#[test]
fn who_uses_whom_is_shown() {
    let smack = Smack::new();
    let mut vdc = ready();
    vdc["uses"] = json!(["default/telemetry/kafka", "qa/logs/syslog"]);
    vdc["used_by"] = json!(["default/shop"]);
    smack.fake().on("GET /v1/vdcs", json!([vdc]));
    check(
        &smack,
        &["status"],
        &expect![[r#"
        exit 0
        out: default/pipeline  ready  revision 2 of pipeline, isolation open, limits: not enforced
        out:   TASK            STATE           NODE     ADDRESS    PORTS        PID
        out:   kafka/broker-0  ready (leader)  local-0  127.1.0.2  client 2181  99
        out:   zookeeper/zk-0  ready (leader)  local-0  127.1.0.2  client 2181  99
        out:   uses default/telemetry/kafka, qa/logs/syslog
        out:   used by default/shop
    "#]],
    );
}
