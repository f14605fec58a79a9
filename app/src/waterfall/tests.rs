//! Traces in, pictures out.

use expect_test::{Expect, expect};
use smack_model::{Name, Timestamp, VdcId};
use smack_scheduler::Note;
use smack_scheduler::trace::{Entry, Trace, traces};

use super::{exact, lines};

const RUN: [(u64, &str, &str, &str); 16] = [
    (0, "", "run", "revision 1 of stack pipeline"),
    (0, "/kafka", "requires", "zookeeper"),
    (
        2,
        "/zookeeper/zk-0",
        "placed",
        "attempt 1 on a at 127.1.0.1",
    ),
    (
        2,
        "/kafka/broker-0",
        "waits",
        "the addresses of zookeeper are not known",
    ),
    (
        2,
        "/zookeeper/zk-0",
        "waits",
        "jdk-21 is being fetched: asked for",
    ),
    (
        10,
        "/kafka/broker-0",
        "placed",
        "attempt 1 on a at 127.1.0.2",
    ),
    (500, "/zookeeper/zk-0", "launched", "attempt 1"),
    (520, "/zookeeper/zk-0", "running", "attempt 1, pid 11"),
    (540, "/kafka/broker-0", "running", "attempt 1, pid 12"),
    (1500, "/zookeeper/zk-0", "ready", "attempt 1, pid 11"),
    (1510, "/zookeeper", "ready", "is ready"),
    (3000, "/kafka/broker-0", "ready", "attempt 1, pid 12"),
    (3001, "/kafka", "operation", "topic orders: asked for"),
    (
        3200,
        "/kafka",
        "operation",
        "topic orders: made, 3 partitions",
    ),
    (3205, "/kafka", "ready", "is ready"),
    (3205, "", "converged", "everything is as asked for"),
];

const FAILED: [(u64, &str, &str, &str); 6] = [
    (0, "", "run", "revision 2 of stack pipeline"),
    (1, "/app/task-0", "placed", "attempt 1 on a at 127.1.0.1"),
    (5, "/app/task-0", "running", "attempt 1, pid 11"),
    (
        900,
        "/app/task-0",
        "ended",
        "attempt 1: exit code 3, seen after 1ms",
    ),
    (900, "/app/task-0", "retry", "in 1s: failure 1 of 5"),
    (950, "/app/task-0", "gave-up", "after 1 failure"),
];

fn trace(journal: &[(u64, &str, &str, &str)]) -> Trace {
    let vdc = VdcId {
        zone: Name::new("default").unwrap(),
        name: Name::new("t").unwrap(),
    };
    let entry = |(index, (at, part, kind, text)): (usize, &(u64, &str, &str, &str))| Entry {
        seq: index as u64 + 1,
        note: Note {
            at: Timestamp(1_795_388_727_000 + at),
            subject: format!("{vdc}{part}"),
            kind: (*kind).to_owned(),
            text: (*text).to_owned(),
        },
    };
    let entries: Vec<Entry> = journal.iter().enumerate().map(entry).collect();
    traces(&entries, &vdc, Timestamp(0)).pop().unwrap()
}

fn check(trace: &Trace, columns: Option<usize>, expected: &Expect) {
    let mut out = String::new();
    for line in lines(trace, columns) {
        let text: String = line.iter().map(|(_, text)| text.as_str()).collect();
        // Narrower than this it cannot be.
        let width = columns.unwrap_or(100).max(46);
        assert!(line.len() != 3 || text.chars().count() <= width, "{text}");
        out.push_str(text.trim_end());
        out.push('\n');
    }
    expected.assert_eq(&out);
}

#[test]
fn a_run() {
    check(
        &trace(&RUN),
        None,
        &expect![[r#"
        default/t run revision 1  done in 3.20s  2026-11-22 23:05:27  trace fc6aba36d61440f5

        * run                                               0ms    3.20s  ██████████████████████████████████
        *   zookeeper                                       0ms    1.51s  ████████████████
              zk-0 place                                    0ms      2ms  ▏
        *     zk-0 waits: jdk-21 is being fetched: as…      2ms    498ms  ░░░░░
        *     zk-0 start to running                       500ms     20ms       ▏
        *     zk-0 running to ready                       520ms    980ms       ██████████
        *     health                                      1.50s     10ms                 █
        *   kafka                                           0ms    3.20s  ██████████████████████████████████
              broker-0 waits: the addresses of zookee…      0ms     10ms  ▏
              broker-0 start to running                    10ms    530ms  █████
        *     broker-0 running to ready                   540ms    2.46s       ██████████████████████████
        *     topic orders                                3.00s    199ms                                 ██
        *     health                                      3.20s      5ms                                   █

        critical path:
            500ms  zookeeper fetch
             20ms  zookeeper/zk-0 start to running
            980ms  zookeeper/zk-0 running to ready
             10ms  zookeeper health
            1.49s  kafka/broker-0 running to ready
            200ms  kafka operations
              5ms  kafka health
    "#]],
    );
}

#[test]
fn a_narrow_terminal() {
    check(
        &trace(&RUN),
        Some(60),
        &expect![[r#"
        default/t run revision 1  done in 3.20s  2026-11-22 23:05:27  trace fc6aba36d61440f5

        * run                               0ms    3.20s  ██████████
        *   zookeeper                       0ms    1.51s  ████
              zk-0 place                    0ms      2ms  ▏
        *     zk-0 waits: jdk-21 is b…      2ms    498ms  ░
        *     zk-0 start to running       500ms     20ms   ▏
        *     zk-0 running to ready       520ms    980ms   ███
        *     health                      1.50s     10ms      ▏
        *   kafka                           0ms    3.20s  ██████████
              broker-0 waits: the add…      0ms     10ms  ▏
              broker-0 start to runni…     10ms    530ms  █
        *     broker-0 running to rea…    540ms    2.46s   ████████
        *     topic orders                3.00s    199ms           ▏
        *     health                      3.20s      5ms           █

        critical path:
            500ms  zookeeper fetch
             20ms  zookeeper/zk-0 start to running
            980ms  zookeeper/zk-0 running to ready
             10ms  zookeeper health
            1.49s  kafka/broker-0 running to ready
            200ms  kafka operations
              5ms  kafka health
    "#]],
    );
    check(
        &trace(&RUN[..1]),
        Some(1),
        &expect![[r#"
        default/t run revision 1  under way for 0ms  2026-11-22 23:05:27  trace fc6aba36d61440f5

        * run                 0ms      0ms  ▏
    "#]],
    );
}

#[test]
fn what_failed_is_said() {
    check(
        &trace(&FAILED),
        Some(90),
        &expect![[r#"
        default/t run revision 2  failed after 950ms  2026-11-22 23:05:27  trace fc6aba36d61440f5

        * run                                               0ms    950ms  ████████████████████████
            app/task-0 gave up after 1 failure
        *   app                                             0ms    950ms  ████████████████████████
              task-0 gave up after 1 failure
        *     task-0 place                                  0ms      1ms  ▏
        *     task-0 start to running                       1ms      4ms  ▏
        *     task-0 running to ready                       5ms    895ms  ██████████████████████
                attempt 1: exit code 3, seen after 1ms
              task-0 waits: next try in 1s: failure 1…    900ms     50ms                        ░░
                gave up after 1 failure

        critical path:
              1ms  app/task-0 place
              4ms  app/task-0 start to running
            895ms  app/task-0 retries
    "#]],
    );
}

#[test]
fn times_have_three_digits() {
    let times = [0, 999, 1_000, 9_994, 10_000, 65_000].map(exact);
    assert_eq!(times, ["0ms", "999ms", "1.00s", "9.99s", "10.0s", "1m05s"]);
}
