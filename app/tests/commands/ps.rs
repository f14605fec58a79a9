//! `smack ps`.

use expect_test::expect;
use serde_json::{Value, json};

use super::check;
use crate::support::{Answer, Smack};

fn process(pid: u32, program: &str, role: &str) -> Value {
    let path = (role != "stranger").then_some("default/pipeline/kafka/broker-0");
    json!({
        "pid": pid, "parent": 1, "program": program, "role": role, "path": path,
        "attempt": path.map(|_| 2), "state": "sleeping", "cpu_ms": 12_340, "memory_kib": 300_000,
        "ports": if role == "program" { json!(["127.1.0.3:9092"]) } else { json!([]) },
    })
}

fn owner(how: &str, process: Value) -> Value {
    json!({"path": process["path"], "attempt": process["attempt"], "how": how, "process": process})
}

#[test]
fn every_process_of_every_task() {
    let smack = Smack::new();
    let all = json!([process(812, "java", "program"), process(815, "sh", "child")]);
    smack.fake().on("GET /v1/processes", all);
    check(
        &smack,
        &["ps"],
        &expect![[r#"
        exit 0
        out: TASK                             TRY  PID  PROGRAM  ROLE     STATE     CPU    MEMORY   LISTENS ON
        out: default/pipeline/kafka/broker-0  2    812  java     program  sleeping  #s  293 MiB  127.1.0.3:9092
        out: default/pipeline/kafka/broker-0  2    815  sh       child    sleeping  #s  293 MiB
    "#]],
    );
    check(
        &smack,
        &["ps", "--all", "-q", "--json"],
        &expect![[r#"
        exit 0
        out: [
        out:   {
        out:     "pid": 812,
        out:     "parent": 1,
        out:     "program": "java",
        out:     "role": "program",
        out:     "path": "default/pipeline/kafka/broker-0",
        out:     "attempt": 2,
        out:     "state": "sleeping",
        out:     "cpu_ms": 12340,
        out:     "memory_kib": 300000,
        out:     "ports": [
        out:       "127.1.0.3:9092"
        out:     ]
        out:   },
        out:   {
        out:     "pid": 815,
        out:     "parent": 1,
        out:     "program": "sh",
        out:     "role": "child",
        out:     "path": "default/pipeline/kafka/broker-0",
        out:     "attempt": 2,
        out:     "state": "sleeping",
        out:     "cpu_ms": 12340,
        out:     "memory_kib": 300000,
        out:     "ports": []
        out:   }
        out: ]
    "#]],
    );
    smack.fake().on("GET /v1/processes", json!([]));
    check(
        &smack,
        &["ps"],
        &expect![[r#"
        exit 0
        err: no task has a process now
    "#]],
    );
    let asked = smack.fake().requests();
    assert!(
        asked.contains(&"GET /v1/processes?all=true".to_owned()),
        "{asked:?}"
    );
}

#[test]
fn whose_a_process_a_port_or_a_file_is() {
    let smack = Smack::new();
    let child = owner("was started by the task", process(815, "sh", "child"));
    smack.fake().on("GET /v1/owners", json!([child]));
    check(
        &smack,
        &["ps", "815"],
        &expect![[r#"
        exit 0
        out: TASK                             TRY  PID  PROGRAM  HOW
        out: default/pipeline/kafka/broker-0  2    815  sh       was started by the task
    "#]],
    );
    let listening = owner("listens on 127.1.0.3:9092", process(812, "java", "program"));
    let stranger = owner("listens on 0.0.0.0:9092", process(7, "nginx", "stranger"));
    smack
        .fake()
        .on("GET /v1/owners", json!([listening, stranger]));
    check(
        &smack,
        &["ps", "--port", "9092"],
        &expect![[r#"
        exit 0
        err: pid 7 (nginx) listens on 0.0.0.0:9092
        out: TASK                             TRY  PID  PROGRAM  HOW
        out: default/pipeline/kafka/broker-0  2    812  java     listens on 127.1.0.3:9092
    "#]],
    );
    check(
        &smack,
        &["ps", "--port", "127.1.0.3:9092", "-q"],
        &expect![[r#"
            exit 0
            out: TASK                             TRY  PID  PROGRAM  HOW
            out: default/pipeline/kafka/broker-0  2    812  java     listens on 127.1.0.3:9092
        "#]],
    );
    check(
        &smack,
        &["ps", "--file", "a b.log", "-q"],
        &expect![[r#"
        exit 0
        out: TASK                             TRY  PID  PROGRAM  HOW
        out: default/pipeline/kafka/broker-0  2    812  java     listens on 127.1.0.3:9092
    "#]],
    );
    let asked = smack.fake().requests();
    let asked: Vec<String> = asked
        .iter()
        .filter_map(|request| request.strip_prefix("GET /v1/owners"))
        .map(|query| smack.stable(query))
        .collect();
    assert_eq!(
        asked[..3],
        ["?pid=815", "?port=9092", "?port=9092&address=127.1.0.3"]
    );
    assert!(asked[3].ends_with("%2Fa%20b.log"), "{asked:?}");
}

#[test]
fn what_is_none_of_ours_is_told_and_fails() {
    let smack = Smack::new();
    let stranger = owner("is no process of smack's", process(7, "nginx", "stranger"));
    smack.fake().on("GET /v1/owners", json!([stranger]));
    check(
        &smack,
        &["ps", "7"],
        &expect![[r#"
        exit 1
        err: error: pid 7 (nginx) is no process of smack's
    "#]],
    );
    check(
        &smack,
        &["ps", "7", "--json"],
        &expect![[r#"
        exit 1
        err: error: pid 7 (nginx) is no process of smack's
        out: [
        out:   {
        out:     "path": null,
        out:     "attempt": null,
        out:     "how": "is no process of smack's",
        out:     "process": {
        out:       "pid": 7,
        out:       "parent": 1,
        out:       "program": "nginx",
        out:       "role": "stranger",
        out:       "path": null,
        out:       "attempt": null,
        out:       "state": "sleeping",
        out:       "cpu_ms": 12340,
        out:       "memory_kib": 300000,
        out:       "ports": []
        out:     }
        out:   }
        out: ]
    "#]],
    );
    smack.fake().on(
        "GET /v1/owners",
        Answer::refusal(404, "there is no process 9", None),
    );
    check(
        &smack,
        &["ps", "9"],
        &expect![[r#"
        exit 1
        err: error: there is no process 9
    "#]],
    );
}

#[test]
fn wrong_questions() {
    let smack = Smack::new();
    for arguments in [
        &["ps", "kafka"][..],
        &["ps", "--port", "kafka"],
        &["ps", "7", "--port", "9092"],
        &["ps", "7", "--all"],
    ] {
        let ran = smack.run(arguments);
        assert_eq!(ran.code, Some(2), "{}", ran.told());
    }
    check(
        &smack,
        &["ps", "0"],
        &expect![[r#"
        exit 2
        err: error: invalid value '0' for '[PID]': write the number of a process; --port and --file find others
        err:
        err: For more information, try '--help'.
    "#]],
    );
    check(
        &smack,
        &["ps", "--port", "127.1.0.3:"],
        &expect![[r#"
        exit 2
        err: error: invalid value '127.1.0.3:' for '--port <[ADDRESS:]PORT>': write a port, 1 to 65535, or 127.1.0.2:9092
        err:
        err: For more information, try '--help'.
    "#]],
    );
}
