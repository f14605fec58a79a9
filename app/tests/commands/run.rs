//! `smack run`: posts, tells notices, waits, accounts; or says why not.

use std::process::Stdio;

use expect_test::expect;
use serde_json::json;

use super::{check, check_changes};
use crate::support::{Answer, Smack, event, ready, run_answer, task, until, vdc};

const STACK: &str = "name: pipeline\napplications:\n  kafka: {type: kafka}\n";

/// A server on which the stack becomes ready while it is waited for.
fn succeeding() -> Smack {
    let smack = Smack::new();
    smack.file("pipeline.yaml", STACK);
    let fake = smack.fake();
    fake.on("POST /v1/runs", run_answer());
    let own = "default/pipeline";
    let of = |part: &str| format!("{own}/{part}");
    fake.on_each(
        "GET /v1/events",
        vec![
            json!([event(8, 2000, own, "run", "revision 2")]).into(),
            json!([
                event(
                    9,
                    2010,
                    &of("zookeeper/zk-0"),
                    "placed",
                    "attempt 1 on local-0 at 127.1.0.2"
                ),
                event(
                    10,
                    3000,
                    &of("zookeeper/zk-0"),
                    "ready",
                    "attempt 1, pid 99"
                ),
                event(11, 3000, &of("zookeeper"), "ready", "is ready"),
            ])
            .into(),
            json!([event(
                12,
                3100,
                &of("kafka/broker-0"),
                "placed",
                "attempt 1 on local-0 at 127.1.0.3"
            )])
            .into(),
            json!([
                event(
                    13,
                    8000,
                    &of("kafka/broker-0"),
                    "ready",
                    "attempt 1, pid 100"
                ),
                event(
                    14,
                    8500,
                    &of("kafka"),
                    "operation",
                    "topic events: made with 3 partitions"
                ),
                event(15, 8500, &of("kafka"), "ready", "is ready"),
            ])
            .into(),
            json!([]).into(),
        ],
    );
    let mut running = vdc();
    running["tasks"] = json!([
        task("kafka", "broker-0", "running", Some("not registered")),
        task("zookeeper", "zk-0", "ready", None)
    ]);
    running["tasks"][0]["since_ms"] = json!(3150);
    fake.on_each(
        "GET /v1/vdcs/default/pipeline",
        vec![vdc().into(), running.into(), ready().into()],
    );
    smack
}

#[test]
fn a_file_is_run_and_waited_for() {
    check_changes(
        &succeeding(),
        &[
            "run",
            "pipeline.yaml",
            "--zone",
            "default",
            "--as",
            "p",
            "--var",
            "a=b=c",
        ],
        &expect![[r#"
        exit 0
        err: default/pipeline revision 2
        err: #s  zookeeper/zk-0  placed: attempt 1 on local-0 at 127.1.0.2
        err: #s  zookeeper/zk-0  ready: attempt 1, pid 99
        err: #s  zookeeper  ready: is ready
        err: #s  kafka/broker-0  placed: attempt 1 on local-0 at 127.1.0.3
        err: #s  kafka/broker-0  ready: attempt 1, pid 100
        err: #s  kafka  operation: topic events: made with 3 partitions
        err: #s  kafka  ready: is ready
        err: Done in #s: default/pipeline is ready
        err:   time: place #s, start to running #s, running to ready #s, operations #s
        err:   critical path:
        err:  #s  zookeeper/zk-0  running to ready #s
        err:  #s  kafka/broker-0  place #s
        err:  #s  kafka/broker-0  start to running #s
        err:  #s  kafka/broker-0  running to ready #s
        err:  #s  kafka           operations #s
        out: kafka.brokers      127.1.0.3:9092
        out: zookeeper.connect  127.1.0.2:2181
        ask: POST /v1/runs {"stack":{"file":"pipeline.yaml","text":"name: pipeline\napplications:\n  kafka: {type: kafka}\n"},"zone":"default","as":"p","vars":[["a","b=c"]],"partial":false}
    "#]],
    );
}

#[test]
fn the_account_is_data_too() {
    let ran = succeeding().run(&["up", "pipeline.yaml", "--json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.told());
    let mut value = ran.json();
    value["elapsed_ms"] = json!("…");
    let fake = "the chain ends when the command saw it";
    let path = value["critical_path"].as_array_mut().unwrap();
    path.iter_mut()
        .filter(|step| step["subject"] == "")
        .for_each(|step| step["until_ms"] = json!(fake));
    value["steps_ms"]["health"] = json!("…");
    expect![[r#"
        {
          "critical_path": [
            {
              "from_ms": 0,
              "step": "place",
              "subject": "zookeeper/zk-0",
              "until_ms": 10
            },
            {
              "from_ms": 10,
              "step": "running_to_ready",
              "subject": "zookeeper/zk-0",
              "until_ms": 1000
            },
            {
              "from_ms": 1000,
              "step": "place",
              "subject": "kafka/broker-0",
              "until_ms": 1100
            },
            {
              "from_ms": 1100,
              "step": "start_to_running",
              "subject": "kafka/broker-0",
              "until_ms": 1150
            },
            {
              "from_ms": 1150,
              "step": "running_to_ready",
              "subject": "kafka/broker-0",
              "until_ms": 6000
            },
            {
              "from_ms": 6000,
              "step": "operations",
              "subject": "kafka",
              "until_ms": 6500
            }
          ],
          "elapsed_ms": "…",
          "exports": {
            "kafka.brokers": "127.1.0.3:9092",
            "zookeeper.connect": "127.1.0.2:2181"
          },
          "revision": 2,
          "silent": false,
          "state": "ready",
          "steps_ms": {
            "health": "…",
            "operations": 500,
            "place": 110,
            "running_to_ready": 5840,
            "start_to_running": 50
          },
          "vdc": "default/pipeline"
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&value).unwrap());
}

#[test]
fn a_name_is_looked_up_in_the_library() {
    let smack = Smack::new();
    smack.fake().on("POST /v1/runs", run_answer());
    check_changes(
        &smack,
        &["run", "pipeline", "--detach", "--partial"],
        &expect![[r#"
        exit 0
        err: default/pipeline revision 2; `smack status default/pipeline -w` shows how it goes
        ask: POST /v1/runs {"name":"pipeline","partial":true}
    "#]],
    );
}

#[test]
fn parents_beside_the_file_are_sent_along() {
    let smack = Smack::new();
    smack.file("child.yaml", "name: child\nfrom: base\n");
    smack.file("base.stack", "name: base\n");
    smack.fake().on("POST /v1/runs", run_answer());
    check_changes(
        &smack,
        &["run", "child.yaml", "-d"],
        &expect![[r#"
        exit 0
        err: default/pipeline revision 2; `smack status default/pipeline -w` shows how it goes
        ask: POST /v1/runs {"stack":{"file":"child.yaml","text":"name: child\nfrom: base\n"},"parents":{"base":{"file":"base.stack","text":"name: base\n"}},"partial":false}
    "#]],
    );
}

#[test]
fn all_problems_are_told_at_once() {
    let smack = Smack::new();
    smack.file("pipeline.yaml", STACK);
    let place = |line: u32| json!({"file": "pipeline.yaml", "line": line, "column": 3, "layer": "stack pipeline"});
    let body = json!({"error": "2 problems", "problems": [
        {"severity": "error", "place": place(2), "what": "unknown key applicatoins", "hint": "did you mean applications?"},
        {"severity": "notice", "place": place(3), "what": "rwmutex is dropped", "hint": null},
        {"severity": "error", "place": null, "what": "nothing to run", "hint": null},
    ]});
    smack.fake().on(
        "POST /v1/runs",
        Answer {
            status: 422,
            body: body.to_string().into_bytes(),
        },
    );
    check(
        &smack,
        &["run", "pipeline.yaml"],
        &expect![[r#"
        exit 1
        err: pipeline.yaml:2:3 (stack pipeline): error: unknown key applicatoins
        err:   hint: did you mean applications?
        err: pipeline.yaml:3:3 (stack pipeline): notice: rwmutex is dropped
        err: error: nothing to run
        err: error: 2 problems
    "#]],
    );
}

#[test]
fn a_failed_run_says_why() {
    let smack = Smack::new();
    smack.file("pipeline.yaml", STACK);
    let fake = smack.fake();
    fake.on("POST /v1/runs", run_answer());
    fake.on_each(
        "GET /v1/events",
        vec![
            json!([event(8, 2000, "default/pipeline", "run", "")]).into(),
            json!([]).into(),
        ],
    );
    let mut failed = vdc();
    failed["state"] = json!("failed");
    fake.on("GET /v1/vdcs/default/pipeline", failed);
    fake.on("GET /v1/vdcs/default/pipeline/why", json!([{
        "subject": "kafka/broker-0", "text": "gave up after 10 failures in a row, the last: exit code 1", "trouble": true,
        "because": [], "evidence": ["ERROR Unrecognized VM option"],
    }]));
    check(
        &smack,
        &["run", "pipeline.yaml"],
        &expect![[r#"
        exit 1
        err: default/pipeline revision 2
        err: default/pipeline cannot go on:
        err: kafka/broker-0: gave up after 10 failures in a row, the last: exit code 1
        err:     | ERROR Unrecognized VM option
        err: Mend the cause, then `smack run` again; `smack logs default/pipeline` has more, `smack down default/pipeline` ends it
    "#]],
    );
}

#[test]
fn a_state_from_before_the_run_decides_nothing() {
    let smack = succeeding();
    let mut old = vdc();
    old["state"] = json!("failed");
    old["updated_ms"] = json!(1500);
    smack.fake().on_each(
        "GET /v1/vdcs/default/pipeline",
        vec![old.into(), vdc().into(), ready().into()],
    );
    assert_eq!(smack.run(&["run", "pipeline.yaml"]).code, Some(0));
}

#[test]
fn the_time_limit_ends_the_wait_with_the_reason() {
    let smack = Smack::new();
    smack.file("pipeline.yaml", STACK);
    smack.fake().on("POST /v1/runs", run_answer());
    smack.fake().on("GET /v1/vdcs/default/pipeline/why", json!([{
        "subject": "kafka", "text": "zookeeper is not ready", "trouble": false, "because": [
            {"subject": "zookeeper/zk-0", "text": "no node fits", "trouble": true, "because": []}]}]));
    check(
        &smack,
        &["run", "pipeline.yaml", "--timeout", "200ms"],
        &expect![[r#"
        exit 1
        err: default/pipeline revision 2
        err: default/pipeline is not there after #s:
        err: kafka: zookeeper is not ready
        err:   because zookeeper/zk-0: no node fits
        err: It goes on without this command; `smack logs default/pipeline` has more, `smack down default/pipeline` ends it
    "#]],
    );
    assert_eq!(
        smack.run(&["run", "pipeline.yaml", "--max.wait", "0"]).code,
        Some(1)
    );
}

#[test]
fn a_server_that_breaks_off_is_reached_again() {
    let smack = succeeding();
    let child = smack
        .command(&["run", "pipeline.yaml"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let mut child = child.unwrap();
    until("the run is posted", || !smack.fake().changes().is_empty());
    smack.fake().drop_next(2);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn ctrl_c_detaches() {
    let smack = Smack::new();
    smack.file("pipeline.yaml", STACK);
    smack.fake().on("POST /v1/runs", run_answer());
    let child = smack
        .command(&["run", "pipeline.yaml"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let looked = || {
        smack
            .fake()
            .requests()
            .iter()
            .filter(|request| request.contains("wait_ms=100"))
            .count()
    };
    until("it waits", || looked() > 2);
    rustix::process::kill_process(
        rustix::process::Pid::from_child(&child),
        rustix::process::Signal::INT,
    )
    .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let told = smack.stable(&String::from_utf8_lossy(&output.stderr));
    expect![[r#"
        default/pipeline revision 2
        detached; default/pipeline goes on without this command
          smack status default/pipeline -w   shows how it goes
          the same `smack run` again   waits for it
          smack down default/pipeline   ends it
    "#]]
    .assert_eq(&told);
}

#[test]
fn what_is_skipped_is_told_to_the_server() {
    let smack = Smack::new();
    let refusal = Answer::refusal(400, "skip: \"k(\" is no expression", None);
    smack.fake().on("POST /v1/runs", refusal);
    check_changes(
        &smack,
        &["run", "pipeline", "--skip", "kafka.*", "--skip", "k("],
        &expect![[r#"
            exit 1
            err: error: skip: "k(" is no expression
            ask: POST /v1/runs {"name":"pipeline","skip":["kafka.*","k("],"partial":false}
        "#]],
    );
}

const APP: &str =
    r#"{"id": "/prod/web", "cmd": "exec ./web $PORT0", "requirePorts": true, "ports": [8080]}"#;

#[test]
fn an_app_of_marathon_travels_as_it_is() {
    let smack = Smack::new();
    smack.file("web.json", APP);
    smack.fake().on("POST /v1/runs", run_answer());
    check_changes(
        &smack,
        &["run", "web.json", "-d"],
        &expect![[r#"
        exit 0
        err: default/pipeline revision 2; `smack status default/pipeline -w` shows how it goes
        ask: POST /v1/runs {"stack":{"file":"web.json","text":"{\"id\": \"/prod/web\", \"cmd\": \"exec ./web $PORT0\", \"requirePorts\": true, \"ports\": [8080]}"},"partial":false}
    "#]],
    );
}

#[test]
fn json_from_a_slide_is_told_and_repaired() {
    let smack = Smack::new();
    let slide = "{\n  \"id\": \"web\",\n  \"cmd\": \"./web -Dname=\"web\"\",\n  \"uris\": [\"http://h/ web\"]\n}\n";
    smack.file("slide.json", slide);
    check_changes(
        &smack,
        &["run", "slide.json"],
        &expect![[r#"
        exit 1
        err: slide.json:3:24: error: not valid JSON: a quote inside a text, and 1 more in it
        err:   hint: write \" for each
        err: slide.json:4:12: error: a blank inside the address "http://h/ web"
        err:   hint: write http://h/web
        err: error: the file is not as it was meant
        err:   hint: standard output has the repaired text: save it and run that
        out: {
        out:   "id": "web",
        out:   "cmd": "./web -Dname=\"web\"",
        out:   "uris": ["http://h/web"]
        out: }
    "#]],
    );
    check(
        &smack,
        &["plan", "slide.json"],
        &expect![[r#"
        exit 1
        err: slide.json:3:24: error: not valid JSON: a quote inside a text, and 1 more in it
        err:   hint: write \" for each
        err: slide.json:4:12: error: a blank inside the address "http://h/ web"
        err:   hint: write http://h/web
        err: error: the file is not as it was meant
        err:   hint: standard output has the repaired text: save it and run that
        out: {
        out:   "id": "web",
        out:   "cmd": "./web -Dname=\"web\"",
        out:   "uris": ["http://h/web"]
        out: }
    "#]],
    );
    smack.file("broken.json", "{\"id\": }");
    check(
        &smack,
        &["convert", "broken.json"],
        &expect![[r#"
        exit 1
        err: broken.json:1:8 (stack): error: not valid JSON: a value is missing before '}'
        err:   hint: it cannot be repaired; begin with what is said here
        err: error: 1 problem
    "#]],
    );
}
