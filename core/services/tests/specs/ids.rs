//! `ids:` in place of `instances:`, and processes of one role with settings of their own.

use expect_test::{Expect, expect};

use crate::support::{built, spec};

fn tasks(kind: &str, lines: &str) -> String {
    let text = format!("name: s\napplications:\n  a: {{type: {kind}, {lines}}}\n");
    let spec = match built(&text) {
        Ok(platform) => platform.specs["a"].clone(),
        Err(problems) => return problems.to_string(),
    };
    let told = spec.tasks.iter().map(|(name, task)| {
        let member = task.member.map(|member| format!(" = {member}"));
        format!("{name}{}", member.unwrap_or_default())
    });
    told.collect::<Vec<_>>().join(", ")
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "a table reads better with the expectation last"
)]
fn check(kind: &str, lines: &str, expected: Expect) {
    expected.assert_eq(&tasks(kind, lines));
}

#[test]
fn members_are_named_by_their_numbers() {
    check("kafka", "ids: 70", expect!["broker-70 = 70"]);
    check(
        "kafka",
        "ids: \"0..2\"",
        expect!["broker-0 = 0, broker-1 = 1, broker-2 = 2"],
    );
    check(
        "kafka",
        "ids: [5, \"7..8\", \"1,2\"], controllers: 1",
        expect!["broker-1 = 1, broker-2 = 2, broker-5 = 5, broker-7 = 7, broker-8 = 8"],
    );
    check(
        "zookeeper",
        "ids: [70, 71, 254]",
        expect!["server-254 = 255, server-70 = 71, server-71 = 72"],
    );
    check(
        "cassandra",
        "ids: \"10..11\"",
        expect!["node-10 = 10, node-11 = 11"],
    );
}

#[test]
fn as_many_ids_from_0_are_the_same_as_instances() {
    for kind in ["zookeeper", "kafka", "cassandra"] {
        let of = |lines: &str| {
            let text = format!("name: s\napplications:\n  a: {{type: {kind}, {lines}}}\n");
            spec(&text, "a")
        };
        assert_eq!(of("ids: \"0..2\""), of("instances: 3"), "{kind}");
    }
}

/// A ring that loses its lowest node, or gets a lower one, moves no rows of the others.
#[test]
fn a_node_keeps_its_tokens_whichever_others_there_are() {
    let launch = |ids: &str| {
        let text = format!("name: s\napplications:\n  a: {{type: cassandra, ids: {ids}}}\n");
        spec(&text, "a").tasks["node-11"].launch.digest()
    };
    assert_eq!(launch("[10, 11]"), launch("[11]"));
    assert_eq!(launch("[10, 11]"), launch("[3, 11, 12]"));
}

#[test]
fn wrong_ids_are_told() {
    check(
        "kafka",
        "ids: [0, x, \"3..1\", \"2..1000\", 0]",
        expect![[r#"
            test.yaml:3:29 (stack s): error: ids: "x" is neither a number nor a range
              hint: for example 70, "0..2" or [0, 1, 5]
            test.yaml:3:32 (stack s): error: ids: "3..1" is neither a number nor a range
              hint: for example 70, "0..2" or [0, 1, 5]
            test.yaml:3:40 (stack s): error: ids: 1000 is too large
              hint: up to 999
            test.yaml:3:51 (stack s): error: ids: 0 stands twice
              hint: name each once"#]],
    );
    check(
        "zookeeper",
        "ids: [1, 2, 255]",
        expect![[r#"
        test.yaml:3:24 (stack s): notice: 2 members survive no more losses than 1
          hint: choose an odd number
        test.yaml:3:36 (stack s): error: ids: 255 is too large
          hint: up to 254"#]],
    );
    check(
        "kafka",
        "ids: 1, instances: 1",
        expect![[r#"
        test.yaml:3:28 (stack s): error: instances: ids: says how many there are
          hint: take one of them out"#]],
    );
    check(
        "kafka",
        "ids: []",
        expect![[r#"
        test.yaml:3:20 (stack s): error: ids: the list is empty
          hint: for example ids: [0, 1, 2]"#]],
    );
    check(
        "kafka",
        "ids: {a: 1}",
        expect![[r#"
        test.yaml:3:20 (stack s): error: ids: a map is no number
          hint: for example 70, "0..2" or [0, 1, 5]"#]],
    );
    check(
        "kafka",
        "ids: \"*\"",
        expect![[r#"
        test.yaml:3:20 (stack s): error: ids: "*" is neither a number nor a range
          hint: for example 70, "0..2" or [0, 1, 5]"#]],
    );
    check(
        "kafka",
        "ids: \"0..3\", topics: {t: {replication: 5}}",
        expect![[r#"
            test.yaml:3:46 (stack s): error: topics.t.replication: 5 copies of each partition, but there are 4 brokers
              hint: lower it or raise instances"#]],
    );
    check(
        "zookeeper",
        "ids: \"0..1\"",
        expect!["server-0 = 1, server-1 = 2"],
    );
    check(
        "command",
        "command: [x], ids: 1",
        expect![[r#"
            test.yaml:3:36 (stack s): error: unknown key ids
              hint: known are additional_artifacts, after_scheduler, after_task, after_tasks, args, artifact_urls, before_scheduler, before_task, budget, command, constraints, cpu, docker, env, expose, failover, failoverDelay, failoverMaxDelay, failoverMaxTries, healthcheck, instances, labels, launch_command, mem, ports, ready-within, retry, scheduler, start_time, stop, tasks, time_schedule, user, version, volumes"#]],
    );
}

#[test]
fn processes_of_a_role_have_settings_of_their_own() {
    let text = "name: s
applications:
  cassandra: {type: cassandra}
  a:
    type: zipkin
    dependencies: [cassandra]
    mem: 600m
    roles:
      collector: {instances: 2, cpu: 0.5, mem: 1536m, heap: 1g}
      query: {heap: 300m}
      web: {ports: 31983}
";
    let spec = spec(text, "a");
    let told: String = spec
        .tasks
        .iter()
        .map(|(name, task)| {
            let heap = task
                .launch
                .command
                .iter()
                .find_map(|word| word.as_text()?.strip_prefix("-Xmx"));
            let (heap, port) = (heap.unwrap_or_default(), &task.ports[0].wish);
            format!(
                "{name}: {} mcpu, {} MiB, heap {heap}, {port:?}\n",
                task.needs.cpu_millis, task.needs.memory_mib
            )
        })
        .collect();
    expect![[r#"
        collector-0: 500 mcpu, 1536 MiB, heap 1024m, Fixed(9411)
        collector-1: 500 mcpu, 1536 MiB, heap 1024m, Fixed(9411)
        query-0: 250 mcpu, 428 MiB, heap 300m, Fixed(9411)
        web-0: 250 mcpu, 600 MiB, heap 128m, Fixed(31983)
    "#]]
    .assert_eq(&told);
}

#[test]
fn wrong_settings_of_a_role_are_told() {
    check(
        "zipkin",
        "storage: \"http://a:9200\", roles: {collector: {heap: 10g, mem: 1g}, query: {instances: many}, web: {colour: red}}",
        expect![[r#"
            test.yaml:3:78 (stack s): error: roles.collector.mem: a heap of 10240 MiB does not fit into 1024 MiB
              hint: leave mem out (then it is 10240 + 128 MiB) or lower the heap
            test.yaml:3:96 (stack s): error: roles.query.instances wants an integer, found the text "many"
            test.yaml:3:120 (stack s): error: unknown key roles.web.colour
              hint: known are cpu, heap, instances, mem, ports"#]],
    );
    check(
        "zipkin",
        "storage: \"http://a:9200\", roles: {web: {heap: 20m}, query: many}",
        expect![[r#"
            test.yaml:3:61 (stack s): error: roles.web.heap: 20 MiB are too few for the server alone
              hint: at least 64m; with spans in memory more
            test.yaml:3:73 (stack s): error: roles.query wants an integer, found the text "many""#]],
    );
}
