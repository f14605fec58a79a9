//! Journals in, traces out.

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use smack_model::{Name, Timestamp, VdcId};

use super::{Entry, Trace, otlp, traces, zipkin};
use crate::change::Note;

fn vdc() -> VdcId {
    VdcId {
        zone: Name::new("default").unwrap(),
        name: Name::new("t").unwrap(),
    }
}

/// A line each: `at part kind: text`, with `.` for the VDC as a whole and the `at` of the line before for `=`.
fn entries(journal: &str) -> Vec<Entry> {
    let mut at = 0;
    let mut entries = Vec::new();
    for line in journal
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        let (head, text) = line.split_once(": ").unwrap();
        let [time, part, kind] = head.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        if time != "=" {
            at = time.parse().unwrap();
        }
        let subject = match part {
            "." => vdc().to_string(),
            part => format!("{}/{part}", vdc()),
        };
        entries.push(Entry {
            seq: entries.len() as u64 + 1,
            note: Note {
                at: Timestamp(at),
                subject,
                kind: kind.to_owned(),
                text: text.to_owned(),
            },
        });
    }
    entries
}

fn shown(trace: &Trace) -> String {
    let mut out = format!(
        "{} {}-{} {}\n",
        trace.title(),
        trace.began_ms,
        trace.ended_ms,
        trace.outcome.word()
    );
    for span in &trace.spans {
        let subject = [span.application.as_str(), &span.task].join("/");
        let critical = if span.critical { '*' } else { ' ' };
        let _ = write!(
            out,
            "{critical} {subject} [{}] {}-{}",
            span.name, span.from_ms, span.until_ms
        );
        for (name, value) in &span.tags {
            if !matches!(
                name.as_str(),
                "smack.path" | "critical" | "revision" | "stack" | "outcome"
            ) {
                let _ = write!(out, "; {name}={value}");
            }
        }
        for (at, text) in &span.annotations {
            let _ = write!(out, "; @{at} {text}");
        }
        out.push('\n');
    }
    out
}

fn check(journal: &str, expected: &Expect) {
    let traces = traces(&entries(journal), &vdc(), Timestamp(0));
    expected.assert_eq(&traces.iter().map(shown).collect::<String>());
    for trace in &traces {
        let mut ids: Vec<&str> = trace.spans.iter().map(|span| span.id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(
            ids.len(),
            trace.spans.len(),
            "every span has an id of its own"
        );
        for span in &trace.spans[1..] {
            assert!(
                trace
                    .spans
                    .iter()
                    .any(|other| Some(&other.id) == span.parent.as_ref())
            );
            assert!(
                trace.began_ms <= span.from_ms && span.until_ms <= trace.ended_ms,
                "{span:?}"
            );
        }
    }
}

const RUN: &str = "
    1000 . run: revision 1 of stack pipeline
    = kafka requires: zookeeper
    1002 zookeeper/zk-0 placed: attempt 1 on a at 127.1.0.1
    = kafka/broker-0 waits: the addresses of zookeeper are not known
    = zookeeper/zk-0 waits: JDK-21 is being fetched: asked for
    1010 kafka/broker-0 placed: attempt 1 on a at 127.1.0.2
    1500 zookeeper/zk-0 launched: attempt 1
    1520 zookeeper/zk-0 running: attempt 1, pid 11
    1540 kafka/broker-0 running: attempt 1, pid 12
    2500 zookeeper/zk-0 ready: attempt 1, pid 11
    2510 zookeeper ready: is ready
    4000 kafka/broker-0 ready: attempt 1, pid 12
    4001 kafka operation: topic orders: asked for
    4200 kafka operation: topic orders: made, 3 partitions
    4205 kafka ready: is ready
    = . converged: everything is as asked for
";

#[test]
fn a_run_with_its_critical_path() {
    check(
        RUN,
        &expect![[r#"
            run revision 1 1000-4205 done
            * / [run] 1000-4205; critical.path=zookeeper fetch 500 ms; zookeeper/zk-0 start to running 20 ms; zookeeper/zk-0 running to ready 980 ms; zookeeper health 10 ms; kafka/broker-0 running to ready 1490 ms; kafka operations 200 ms; kafka health 5 ms
            * zookeeper/ [run] 1000-2510
              zookeeper/zk-0 [place] 1000-1002; attempt=1
            * zookeeper/zk-0 [fetch] 1002-1500; attempt=1; waiting.for=JDK-21 is being fetched: asked for
            * zookeeper/zk-0 [start to running] 1500-1520; attempt=1
            * zookeeper/zk-0 [running to ready] 1520-2500; attempt=1
            * zookeeper/ [health] 2500-2510
            * kafka/ [run] 1000-4205
              kafka/broker-0 [wait] 1000-1010; waiting.for=the addresses of zookeeper are not known
              kafka/broker-0 [start to running] 1010-1540; attempt=1; @1010 attempt 1 on a at 127.1.0.2
            * kafka/broker-0 [running to ready] 1540-4000; attempt=1
            * kafka/ [topic orders] 4001-4200
            * kafka/ [health] 4200-4205
        "#]],
    );
}

#[test]
fn a_server_that_dies_in_the_middle_changes_nothing() {
    let before = traces(&entries(RUN), &vdc(), Timestamp(0));
    // It says again what it finds: who runs, who waits, what is ready.
    let again = "
    2600 zookeeper/zk-0 running: attempt 1, pid 11
    = zookeeper ready: is ready
    = kafka/broker-0 running: attempt 1, pid 12
    4000 kafka/broker-0 ready";
    let journal = RUN.replace("\n    4000 kafka/broker-0 ready", again);
    let after = traces(&entries(&journal), &vdc(), Timestamp(0));
    assert_eq!(before, after);
}

#[test]
fn a_roll_waits_for_its_gates() {
    check(
        "
        1000 . run: revision 2 of stack pipeline
        1001 kafka/broker-0 stopping: attempt 1
        = kafka/broker-1 waits: only 1 may be away at once, and broker-0 is
        = kafka unready: is no longer ready
        1500 kafka/broker-0 ended: attempt 1: stopped with code 0, seen after 1ms
        1505 kafka/broker-0 placed: attempt 2 on a at 127.1.0.2
        1520 kafka/broker-0 running: attempt 2, pid 21
        3000 kafka/broker-0 ready: attempt 2, pid 21
        = kafka/broker-1 waits: orders-0 has 1 of 2 in sync (`--force check` overrides)
        3400 kafka/broker-1 stopping: attempt 1
        3900 kafka/broker-1 ended: attempt 1: stopped with code 0, seen after 1ms
        = kafka/broker-1 placed: attempt 2 on a at 127.1.0.3
        3920 kafka/broker-1 running: attempt 2, pid 22
        5000 kafka/broker-1 ready: attempt 2, pid 22
        5100 kafka ready: is ready
        = . converged: everything is as asked for
        ",
        &expect![[r#"
            roll revision 2 1000-5100 done
            * / [roll] 1000-5100; critical.path=kafka/broker-0 gate 1 ms; kafka/broker-0 stop 499 ms; kafka/broker-0 place 5 ms; kafka/broker-0 start to running 15 ms; kafka/broker-0 running to ready 1480 ms; kafka/broker-1 gate 400 ms; kafka/broker-1 stop 500 ms; kafka/broker-1 start to running 20 ms; kafka/broker-1 running to ready 1080 ms; kafka health 100 ms
            * kafka/ [roll] 1000-5100; @1001 unready: is no longer ready
              kafka/broker-1 [wait] 1000-3000; waiting.for=only 1 may be away at once, and broker-0 is
            * kafka/broker-0 [stop] 1001-1500
            * kafka/broker-0 [place] 1500-1505; attempt=2
            * kafka/broker-0 [start to running] 1505-1520; attempt=2; @1505 attempt 2 on a at 127.1.0.2
            * kafka/broker-0 [running to ready] 1520-3000; attempt=2
            * kafka/broker-1 [wait] 3000-3400; waiting.for=orders-0 has 1 of 2 in sync (`--force check` overrides)
            * kafka/broker-1 [stop] 3400-3900
            * kafka/broker-1 [start to running] 3900-3920; attempt=2; @3900 attempt 2 on a at 127.1.0.3
            * kafka/broker-1 [running to ready] 3920-5000; attempt=2
            * kafka/ [health] 5000-5100
        "#]],
    );
}

#[test]
fn failures_are_errors_and_their_delays_are_waits() {
    check(
        "
        1000 . run: revision 1 of stack pipeline
        1010 app/task-0 placed: attempt 1 on a at 127.1.0.2
        1020 app/task-0 running: attempt 1, pid 5
        1030 app/task-0 ended: attempt 1: exit code 3, seen after 1ms
        = app/task-0 retry: in 1s: failure 1 of 2
        2030 app/task-0 placed: attempt 2 on a at 127.1.0.2
        2040 app/task-0 running: attempt 2, pid 6
        9000 app/task-0 stopping: was not ready in time
        9100 app/task-0 ended: attempt 2: was not ready in time, seen after 1ms
        = app/task-0 gave-up: after 2 failures in a row
        12000 app asked: start
        = app/task-0 placed: attempt 3 on a at 127.1.0.2
        12010 app/task-0 running: attempt 3, pid 7
        12100 app/task-0 ready: attempt 3, pid 7
        = app ready: is ready
        = . converged: everything is as asked for
        ",
        &expect![[r#"
            run revision 1 1000-12000 failed
            * / [run] 1000-12000; critical.path=app/task-0 place 10 ms; app/task-0 start to running 10 ms; app/task-0 retries 1010 ms; app/task-0 start to running 10 ms; app/task-0 retries 7060 ms; error=app/task-0 gave up after 2 failures in a row
            * app/ [run] 1000-9100; error=task-0 gave up after 2 failures in a row
            * app/task-0 [place] 1000-1010; attempt=1
            * app/task-0 [start to running] 1010-1020; attempt=1; @1010 attempt 1 on a at 127.1.0.2
            * app/task-0 [running to ready] 1020-1030; attempt=1; error=attempt 1: exit code 3, seen after 1ms
            * app/task-0 [wait] 1030-2030; attempt=1; waiting.for=next try in 1s: failure 1 of 2
            * app/task-0 [start to running] 2030-2040; attempt=2; @2030 attempt 2 on a at 127.1.0.2
            * app/task-0 [running to ready] 2040-9000; attempt=2; error=was not ready in time
            * app/task-0 [stop] 9000-9100; attempt=2; error=gave up after 2 failures in a row
            start revision 1 12000-12100 done
            * / [start] 12000-12100; critical.path=app/task-0 start to running 10 ms; app/task-0 running to ready 90 ms
            * app/ [start] 12000-12100
            * app/task-0 [start to running] 12000-12010; attempt=3; @12000 attempt 3 on a at 127.1.0.2
            * app/task-0 [running to ready] 12010-12100; attempt=3
        "#]],
    );
}

#[test]
fn a_job_runs_to_its_end_and_a_program_should_not() {
    check(
        "
        1000 . run: revision 1 of stack s
        = clock requires: job
        1001 job/job-0 placed: attempt 1 on a at 127.1.0.1
        = clock/clock-0 waits: job is not ready
        1020 job/job-0 running: attempt 1, pid 1
        2000 job/job-0 ended: attempt 1: exit code 0, seen after 1ms
        2005 job ready: is ready
        = clock/clock-0 placed: attempt 1 on a at 127.1.0.2
        2020 clock/clock-0 running: attempt 1, pid 2
        = clock/clock-0 ready: attempt 1, pid 2
        2030 clock/clock-0 ended: attempt 1: exit code 0, seen after 1ms
        = clock/clock-0 retry: in 1s: failure 1
        3030 clock/clock-0 placed: attempt 2 on a at 127.1.0.2
        3040 clock/clock-0 running: attempt 2, pid 2
        3050 clock/clock-0 ended: attempt 2: exit code 0, seen after 1ms
        = clock/clock-0 retry: in 1s: failure 2
        4050 clock/clock-0 placed: attempt 3 on a at 127.1.0.2
        4060 clock/clock-0 running: attempt 3, pid 2
        = clock/clock-0 ready: attempt 3, pid 2
        4065 clock ready: is ready
        4360 . converged: everything is as asked for
        ",
        &expect![[r#"
            run revision 1 1000-4360 done
            * / [run] 1000-4360; critical.path=job/job-0 place 1 ms; job/job-0 start to running 19 ms; job/job-0 running to end 980 ms; job health 5 ms; clock/clock-0 start to running 15 ms; clock/clock-0 retries 1010 ms; clock/clock-0 start to running 10 ms; clock/clock-0 retries 1010 ms; clock/clock-0 start to running 10 ms; clock health 5 ms; everything health 295 ms
            * job/ [run] 1000-2005
            * job/job-0 [place] 1000-1001; attempt=1
            * job/job-0 [start to running] 1001-1020; attempt=1; @1001 attempt 1 on a at 127.1.0.1
            * job/job-0 [running to end] 1020-2000; attempt=1
            * job/ [health] 2000-2005
            * clock/ [run] 1000-4065; @2030 clock-0 ended: attempt 1: exit code 0, seen after 1ms
              clock/clock-0 [wait] 1000-2005; waiting.for=job is not ready
            * clock/clock-0 [start to running] 2005-2020; attempt=1; @2005 attempt 1 on a at 127.1.0.2
            * clock/clock-0 [wait] 2030-3030; attempt=1; waiting.for=next try in 1s: failure 1
            * clock/clock-0 [start to running] 3030-3040; attempt=2; @3030 attempt 2 on a at 127.1.0.2
            * clock/clock-0 [running to ready] 3040-3050; attempt=2; error=ended by itself
            * clock/clock-0 [wait] 3050-4050; attempt=2; waiting.for=next try in 1s: failure 2
            * clock/clock-0 [start to running] 4050-4060; attempt=3; @4050 attempt 3 on a at 127.1.0.2
            * clock/ [health] 4060-4065
        "#]],
    );
}

#[test]
fn what_falls_over_and_comes_back_is_a_recovery() {
    check(
        "
        1000 . run: revision 1 of stack pipeline
        1001 . converged: everything is as asked for
        5000 app/task-0 ended: attempt 1: signal 9, seen after 1ms
        = app/task-0 retry: in 1s: failure 1
        = app unready: is no longer ready
        6000 app/task-0 placed: attempt 2 on a at 127.1.0.2
        6010 app/task-0 running: attempt 2, pid 6
        6100 app/task-0 ready: attempt 2, pid 6
        = app ready: is ready
        = . converged: everything is as asked for
        7000 . converged: everything is as asked for
        ",
        &expect![[r#"
            run revision 1 1000-1001 done
            * / [run] 1000-1001; critical.path=everything health 1 ms
            recover revision 1 5000-6100 done
            * / [recover] 5000-6100; critical.path=app/task-0 retries 1000 ms; app/task-0 start to running 10 ms; app/task-0 running to ready 90 ms
            * app/ [recover] 5000-6100; @5000 task-0 ended: attempt 1: signal 9, seen after 1ms; @5000 unready: is no longer ready
            * app/task-0 [wait] 5000-6000; waiting.for=next try in 1s: failure 1
            * app/task-0 [start to running] 6000-6010; attempt=2; @6000 attempt 2 on a at 127.1.0.2
            * app/task-0 [running to ready] 6010-6100; attempt=2
        "#]],
    );
}

#[test]
fn operations_by_hand_and_by_the_clock() {
    check(
        "
        1000 ring asked: {operate:{operation:repair}}
        1001 ring operation: repair: begins, asked for by hand
        1500 ring operation: repair: 12 ranges
        5000 ring operation: repair: begins, due every 1 d
        5600 ring operation: repair failed: node-1 is down
        6000 ring operation: repair: begins again after 1 failure
        6100 ring operation: repair: 12 ranges
        ",
        &expect![[r#"
            operate repair 1000-1500 done
            * / [operate] 1000-1500; critical.path=ring operations 500 ms; operation=repair
            * ring/ [operate] 1001-1500
            * ring/ [repair] 1001-1500
            operate repair 5000-5600 failed
            * / [operate] 5000-5600; critical.path=ring operations 600 ms; operation=repair
            * ring/ [operate] 5000-5600
            * ring/ [repair] 5000-5600; error=repair failed: node-1 is down
            operate repair 6000-6100 done
            * / [operate] 6000-6100; critical.path=ring operations 100 ms; operation=repair
            * ring/ [operate] 6000-6100
            * ring/ [repair] 6000-6100
        "#]],
    );
}

#[test]
fn an_operation_of_several_applications_ends_with_the_last() {
    check(
        "
        1000 a asked: {operate:{operation:repair}}
        = b asked: {operate:{operation:repair}}
        1001 a operation: repair: begins, asked for by hand
        1100 a operation: repair: done
        1200 b operation: repair: begins, asked for by hand
        1300 b operation: repair: done
        ",
        &expect![[r#"
            operate repair 1000-1300 done
            * / [operate] 1000-1300; critical.path=b operations 300 ms; operation=repair
              a/ [operate] 1001-1100
              a/ [repair] 1001-1100
            * b/ [operate] 1200-1300
            * b/ [repair] 1200-1300
        "#]],
    );
}

#[test]
fn down_goes_from_the_users_to_the_used() {
    check(
        "
        1000 . run: revision 1 of stack pipeline
        1001 kafka requires: zookeeper
        2000 . down: its time was over: ttl 1 h, set 1 h ago
        2001 kafka/broker-0 stopping: attempt 1
        = zookeeper/zk-0 waits: kafka uses it and goes first
        2600 kafka/broker-0 ended: attempt 1: stopped with code 0, seen after 1ms
        = zookeeper/zk-0 stopping: attempt 1
        2650 kafka ended: has ended
        2800 zookeeper/zk-0 ended: attempt 1: stopped with code 0, seen after 1ms
        2850 zookeeper ended: has ended
        = . down: everything has ended
        ",
        &expect![[r#"
            run revision 1 1000-2000 superseded
            * / [run] 1000-2000
            down revision 1 2000-2850 done
            * / [down] 2000-2850; critical.path=kafka/broker-0 gate 1 ms; kafka/broker-0 stop 599 ms; zookeeper/zk-0 stop 200 ms; reason=its time was over: ttl 1 h, set 1 h ago
            * kafka/ [down] 2001-2650
            * kafka/broker-0 [stop] 2001-2600
              kafka/ [clean up] 2600-2650
            * zookeeper/ [down] 2000-2850
              zookeeper/zk-0 [wait] 2000-2600; waiting.for=kafka uses it and goes first
            * zookeeper/zk-0 [stop] 2600-2800
              zookeeper/ [clean up] 2800-2850
        "#]],
    );
}

#[test]
fn verbs_for_everything_are_one_trace_and_those_without_moves_are_none() {
    check(
        "
        1000 a asked: restart
        = b asked: restart
        1001 . converged: everything is as asked for
        2000 a asked: pause
        3000 a asked: {force:{gate:check}}
        4000 a/task-0 asked: replace
        ",
        &expect![[r#"
            roll 1000-1001 done
            * / [roll] 1000-1001; critical.path=everything health 1 ms
            replace 4000-4000 underway
            * / [replace] 4000-4000
        "#]],
    );
}

#[test]
fn other_vdcs_and_wrong_lines_are_passed_over() {
    let mut entries =
        entries("1 . run: is no revision\n2 app operation: odd\n2 a/b/c ready: what\n");
    entries[1].note.subject = "default/tt/app".to_owned();
    let traces = traces(&entries, &vdc(), Timestamp(5));
    expect![[r#"
        run 1-5 underway
        * / [run] 1-5; critical.path=a/b/c running to ready 1 ms
    "#]]
    .assert_eq(&traces.iter().map(shown).collect::<String>());
}

#[test]
#[expect(clippy::too_many_lines, reason = "most of it is the golden JSON")]
fn as_zipkin_and_as_otlp() {
    let journal = "
        1000 . run: revision 1 of stack s
        1010 app/t-0 placed: attempt 1 on a at 127.1.0.2
        1030 app/t-0 ended: attempt 1: exit code 3, seen after 1ms
        = app/t-0 gave-up: after 1 failure
    ";
    let trace = traces(&entries(journal), &vdc(), Timestamp(0)).remove(0);
    let pretty = |value: &serde_json::Value| serde_json::to_string_pretty(value).unwrap();
    expect![[r#"
        [
          {
            "duration": 30000,
            "id": "fc6aba36d61440f5",
            "localEndpoint": {
              "serviceName": "smack"
            },
            "name": "run",
            "tags": {
              "critical": "true",
              "critical.path": "app/t-0 place 10 ms; app/t-0 retries 20 ms",
              "error": "app/t-0 gave up after 1 failure",
              "outcome": "failed",
              "revision": "1",
              "smack.path": "default/t",
              "stack": "s"
            },
            "timestamp": 1000000,
            "traceId": "fc6aba36d61440f5"
          },
          {
            "duration": 30000,
            "id": "50f0d746eda6201b",
            "localEndpoint": {
              "serviceName": "app"
            },
            "name": "run",
            "parentId": "fc6aba36d61440f5",
            "tags": {
              "critical": "true",
              "error": "t-0 gave up after 1 failure",
              "revision": "1",
              "smack.path": "default/t/app"
            },
            "timestamp": 1000000,
            "traceId": "fc6aba36d61440f5"
          },
          {
            "duration": 10000,
            "id": "ff7fa90c321e2012",
            "localEndpoint": {
              "serviceName": "app"
            },
            "name": "t-0 place",
            "parentId": "50f0d746eda6201b",
            "tags": {
              "attempt": "1",
              "critical": "true",
              "revision": "1",
              "smack.path": "default/t/app/t-0"
            },
            "timestamp": 1000000,
            "traceId": "fc6aba36d61440f5"
          },
          {
            "annotations": [
              {
                "timestamp": 1010000,
                "value": "attempt 1 on a at 127.1.0.2"
              }
            ],
            "duration": 20000,
            "id": "bb3ff029958b3ff2",
            "localEndpoint": {
              "serviceName": "app"
            },
            "name": "t-0 start to running",
            "parentId": "50f0d746eda6201b",
            "tags": {
              "attempt": "1",
              "critical": "true",
              "error": "attempt 1: exit code 3, seen after 1ms; gave up after 1 failure",
              "revision": "1",
              "smack.path": "default/t/app/t-0"
            },
            "timestamp": 1010000,
            "traceId": "fc6aba36d61440f5"
          }
        ]"#]]
    .assert_eq(&pretty(&zipkin::spans(&trace).into()));
    expect![[r#"
        {
          "resourceSpans": [
            {
              "resource": {
                "attributes": [
                  {
                    "key": "service.name",
                    "value": {
                      "stringValue": "app"
                    }
                  },
                  {
                    "key": "service.namespace",
                    "value": {
                      "stringValue": "default/t"
                    }
                  }
                ]
              },
              "scopeSpans": [
                {
                  "scope": {
                    "name": "smack"
                  },
                  "spans": [
                    {
                      "attributes": [
                        {
                          "key": "critical",
                          "value": {
                            "stringValue": "true"
                          }
                        },
                        {
                          "key": "error",
                          "value": {
                            "stringValue": "t-0 gave up after 1 failure"
                          }
                        },
                        {
                          "key": "revision",
                          "value": {
                            "stringValue": "1"
                          }
                        },
                        {
                          "key": "smack.path",
                          "value": {
                            "stringValue": "default/t/app"
                          }
                        }
                      ],
                      "endTimeUnixNano": "1030000000",
                      "kind": 1,
                      "name": "run",
                      "parentSpanId": "fc6aba36d61440f5",
                      "spanId": "50f0d746eda6201b",
                      "startTimeUnixNano": "1000000000",
                      "status": {
                        "code": 2,
                        "message": "t-0 gave up after 1 failure"
                      },
                      "traceId": "0000000000000000fc6aba36d61440f5"
                    },
                    {
                      "attributes": [
                        {
                          "key": "attempt",
                          "value": {
                            "stringValue": "1"
                          }
                        },
                        {
                          "key": "critical",
                          "value": {
                            "stringValue": "true"
                          }
                        },
                        {
                          "key": "revision",
                          "value": {
                            "stringValue": "1"
                          }
                        },
                        {
                          "key": "smack.path",
                          "value": {
                            "stringValue": "default/t/app/t-0"
                          }
                        }
                      ],
                      "endTimeUnixNano": "1010000000",
                      "kind": 1,
                      "name": "t-0 place",
                      "parentSpanId": "50f0d746eda6201b",
                      "spanId": "ff7fa90c321e2012",
                      "startTimeUnixNano": "1000000000",
                      "traceId": "0000000000000000fc6aba36d61440f5"
                    },
                    {
                      "attributes": [
                        {
                          "key": "attempt",
                          "value": {
                            "stringValue": "1"
                          }
                        },
                        {
                          "key": "critical",
                          "value": {
                            "stringValue": "true"
                          }
                        },
                        {
                          "key": "error",
                          "value": {
                            "stringValue": "attempt 1: exit code 3, seen after 1ms; gave up after 1 failure"
                          }
                        },
                        {
                          "key": "revision",
                          "value": {
                            "stringValue": "1"
                          }
                        },
                        {
                          "key": "smack.path",
                          "value": {
                            "stringValue": "default/t/app/t-0"
                          }
                        }
                      ],
                      "endTimeUnixNano": "1030000000",
                      "events": [
                        {
                          "name": "attempt 1 on a at 127.1.0.2",
                          "timeUnixNano": "1010000000"
                        }
                      ],
                      "kind": 1,
                      "name": "t-0 start to running",
                      "parentSpanId": "50f0d746eda6201b",
                      "spanId": "bb3ff029958b3ff2",
                      "startTimeUnixNano": "1010000000",
                      "status": {
                        "code": 2,
                        "message": "attempt 1: exit code 3, seen after 1ms; gave up after 1 failure"
                      },
                      "traceId": "0000000000000000fc6aba36d61440f5"
                    }
                  ]
                }
              ]
            },
            {
              "resource": {
                "attributes": [
                  {
                    "key": "service.name",
                    "value": {
                      "stringValue": "smack"
                    }
                  },
                  {
                    "key": "service.namespace",
                    "value": {
                      "stringValue": "default/t"
                    }
                  }
                ]
              },
              "scopeSpans": [
                {
                  "scope": {
                    "name": "smack"
                  },
                  "spans": [
                    {
                      "attributes": [
                        {
                          "key": "critical",
                          "value": {
                            "stringValue": "true"
                          }
                        },
                        {
                          "key": "critical.path",
                          "value": {
                            "stringValue": "app/t-0 place 10 ms; app/t-0 retries 20 ms"
                          }
                        },
                        {
                          "key": "error",
                          "value": {
                            "stringValue": "app/t-0 gave up after 1 failure"
                          }
                        },
                        {
                          "key": "outcome",
                          "value": {
                            "stringValue": "failed"
                          }
                        },
                        {
                          "key": "revision",
                          "value": {
                            "stringValue": "1"
                          }
                        },
                        {
                          "key": "smack.path",
                          "value": {
                            "stringValue": "default/t"
                          }
                        },
                        {
                          "key": "stack",
                          "value": {
                            "stringValue": "s"
                          }
                        }
                      ],
                      "endTimeUnixNano": "1030000000",
                      "kind": 1,
                      "name": "run",
                      "spanId": "fc6aba36d61440f5",
                      "startTimeUnixNano": "1000000000",
                      "status": {
                        "code": 2,
                        "message": "app/t-0 gave up after 1 failure"
                      },
                      "traceId": "0000000000000000fc6aba36d61440f5"
                    }
                  ]
                }
              ]
            }
          ]
        }"#]]
    .assert_eq(&pretty(&otlp::request(&trace)));
}
