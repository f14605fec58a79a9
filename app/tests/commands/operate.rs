//! `smack operate`.

use expect_test::expect;
use serde_json::{Value, json};

use super::{check, check_changes};
use crate::support::{Smack, ready};

/// A VDC whose ZooKeeper is repaired by hand, and whose two applications can be tidied.
fn vdc(state: &str, text: &str, asked: u32, taken: u32) -> Value {
    let mut vdc = ready();
    let operation = |name: &str, when: &str| {
        json!({
            "name": name, "done": true, "text": "", "when": when, "state": "idle", "asked": 0,
            "taken": 0,
        })
    };
    let mut repair = operation("repair", "24h");
    repair["state"] = json!(state);
    repair["text"] = json!(text);
    repair["asked"] = json!(asked);
    repair["taken"] = json!(taken);
    repair["done"] = json!(state != "running");
    vdc["applications"][0]["operations"] = json!([
        {"name": "topic events", "done": true, "text": "made", "when": "ready", "state": "done"},
        operation("tidy", "asked"),
    ]);
    vdc["applications"][1]["operations"] = json!([repair, operation("tidy", "asked")]);
    vdc
}

fn smack(state: &str, text: &str, asked: u32, taken: u32) -> Smack {
    let smack = Smack::new();
    let vdc = vdc(state, text, asked, taken);
    let fake = smack.fake();
    fake.on("GET /v1/vdcs", json!([vdc]));
    fake.on("GET /v1/vdcs/default/pipeline", vdc);
    fake.on("GET /v1/events", json!([]));
    fake.on("POST /v1/vdcs/default/pipeline/verbs", json!(null));
    smack
}

#[test]
fn what_there_is_is_listed() {
    let smack = smack("running", "node 2 of 3", 1, 1);
    check(
        &smack,
        &["operate", "pipeline"],
        &expect![[r#"
        exit 0
        out: OPERATION         WHEN       STATE    LAST DONE
        out: kafka/tidy        asked for  idle     never
        out: zookeeper/repair  every 24h  running  never      node 2 of 3
        out: zookeeper/tidy    asked for  idle     never
    "#]],
    );
    check(
        &smack,
        &["operate", "pipeline", "kafka"],
        &expect![[r#"
        exit 0
        out: OPERATION   WHEN       STATE  LAST DONE
        out: kafka/tidy  asked for  idle   never
    "#]],
    );
    check(
        &smack,
        &["operate", "pipeline", "kafka", "--json"],
        &expect![[r#"
            exit 0
            out: [
            out:   {
            out:     "application": "kafka",
            out:     "done_ms": null,
            out:     "due_ms": null,
            out:     "operation": "tidy",
            out:     "state": "idle",
            out:     "text": "",
            out:     "when": "asked"
            out:   }
            out: ]
        "#]],
    );
    check(
        &Smack::new(),
        &["operate", "pipeline"],
        &expect![[r#"
        exit 0
        out: default/pipeline has nothing that is done when asked for
    "#]],
    );
    check(
        &smack,
        &["status"],
        &expect![[r#"
        exit 0
        out: default/pipeline  ready  revision 2 of pipeline, isolation open, limits: not enforced
        out:   TASK            STATE           NODE     ADDRESS    PORTS        PID
        out:   kafka/broker-0  ready (leader)  local-0  127.1.0.2  client 2181  99
        out:   zookeeper/zk-0  ready (leader)  local-0  127.1.0.2  client 2181  99
        out:   zookeeper: repair: node 2 of 3
    "#]],
    );
}

#[test]
fn an_operation_is_asked_for_and_awaited() {
    let smack = smack("done", "3 nodes repaired", 2, 2);
    check_changes(
        &smack,
        &["operate", "pipeline", "Repair"],
        &expect![[r#"
        exit 0
        err: Done in #s: default/pipeline/zookeeper/repair: 3 nodes repaired
        ask: POST /v1/vdcs/default/pipeline/verbs {"verb":"operate","application":"zookeeper","task":null,"gate":null,"operation":"repair"}
    "#]],
    );
    let told = smack
        .run(&["operate", "pipeline", "zookeeper/repair", "--json"])
        .json();
    assert_eq!(told["state"], "done");
    assert_eq!(told["application"], "zookeeper");
    check_changes(
        &smack,
        &["operate", "pipeline", "kafka/tidy", "--no-wait"],
        &expect![[r#"
            exit 0
            err: default/pipeline/kafka/tidy is asked for; `smack operate default/pipeline` shows how it goes
            ask: POST /v1/vdcs/default/pipeline/verbs {"verb":"operate","application":"kafka","task":null,"gate":null,"operation":"tidy"}
        "#]],
    );
}

#[test]
fn one_that_fails_or_takes_too_long_says_so() {
    let failed = smack("failed", "node 2 does not answer", 1, 1);
    check(
        &failed,
        &["operate", "pipeline", "repair"],
        &expect![[r#"
        exit 1
        err: error: default/pipeline/zookeeper/repair failed: node 2 does not answer
        err:   hint: it is tried again by itself; `smack why default/pipeline` shows when
    "#]],
    );
    let stuck = smack("running", "node 2 of 3", 2, 1);
    check(
        &stuck,
        &["operate", "pipeline", "repair", "--timeout", "200ms"],
        &expect![[r#"
            exit 1
            err: #s  default/pipeline/zookeeper/repair: node 2 of 3
            err: error: default/pipeline/zookeeper/repair is not done after #s
            err:   hint: it goes on; `smack why default/pipeline` says why
        "#]],
    );
}

#[test]
fn wrong_names_are_refused_with_the_nearest() {
    let smack = smack("idle", "", 0, 0);
    check(
        &smack,
        &["operate", "pipeline", "repiar"],
        &expect![[r#"
            exit 1
            err: error: default/pipeline has no operation repiar that is done when asked for
            err:   hint: did you mean repair? It has repair, tidy
        "#]],
    );
    check(
        &smack,
        &["operate", "pipeline", "kafka/repair"],
        &expect![[r#"
            exit 1
            err: error: kafka has no operation repair that is done when asked for
            err:   hint: it has tidy
        "#]],
    );
    check(
        &smack,
        &["operate", "pipeline", "kafak/tidy"],
        &expect![[r#"
        exit 1
        err: error: default/pipeline has no application kafak
        err:   hint: did you mean kafka? It has kafka, zookeeper
    "#]],
    );
    check(
        &smack,
        &["operate", "pipeline", "kafka/topic events"],
        &expect![[r#"
            exit 1
            err: error: topic events is part of being ready: it is done by itself, whenever it is due
        "#]],
    );
    check(
        &smack,
        &["operate", "pipeline", "tidy"],
        &expect![[r#"
        exit 2
        err: error: several applications have tidy
        err:   hint: say which: kafka/tidy, zookeeper/tidy
    "#]],
    );
    check(
        &smack,
        &["operate", "pipelin", "tidy"],
        &expect![[r#"
        exit 1
        err: error: there is no virtual data center pipelin
        err:   hint: did you mean pipeline? There are default/pipeline
    "#]],
    );
    check(
        &smack,
        &["operate"],
        &expect![[r#"
        exit 2
        err: error: the following required arguments were not provided:
        err:   <NAME>
        err:
        err: Usage: smack operate <NAME> [[APP/]OPERATION]
        err:
        err: For more information, try '--help'.
    "#]],
    );
}
