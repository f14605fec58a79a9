//! Files of the original: those that shipped all load, and the layered example of the reference comes out as it must.

use expect_test::{Expect, expect, expect_file};
use smack_stack::{Data, Source, Text, render};

use super::harness::{Run, outcome};

fn resolved(file: &str, text: &str, options: &str) -> String {
    let run = Run::parse(&format!("== run {options}\n== stack {file}\n{text}"));
    match run.resolve() {
        Ok(resolved) => render(&resolved, false) + &format!("{}\n", resolved.notices),
        Err(problems) => format!("{problems}\n"),
    }
}

#[test]
fn shipped_files_load() {
    let known = "--known mesos.master=zk://m:2181/mesos";
    for (file, text, options) in [
        ("cdg-dev.stack", include_str!("../legacy/cdg-dev.stack"), ""),
        (
            "dse-mesos-0.2.x.stack",
            include_str!("../legacy/dse-mesos-0.2.x.stack"),
            known,
        ),
        (
            "exhibitor-kafka.stack",
            include_str!("../legacy/exhibitor-kafka.stack"),
            known,
        ),
        (
            "scheduled.stack",
            include_str!("../legacy/scheduled.stack"),
            "",
        ),
        (
            "statsd.stack",
            include_str!("../legacy/statsd.stack"),
            known,
        ),
        (
            "zipkin-full.stack",
            include_str!("../legacy/zipkin-full.stack"),
            "--known mesos.master=zk://m:2181/mesos --var zk_url=zk1:2181",
        ),
    ] {
        let run = Run::parse(&format!("== run {options}\n== stack {file}\n{text}"));
        if let Err(problems) = run.resolve() {
            panic!("{file}: {problems}");
        }
    }
}

#[test]
fn the_scheduled_stack_keeps_its_old_ids_for_show() {
    let expected: Expect = expect![[r##"
        # run scheduled in default
        name: scheduled
        applications:
          schedule_only:
            type: run-once
            id: schedule_only
            grid: local
            cpu: 0.1
            mem: 8
            launch_command: "echo 'schedule only'"
            time_schedule: "@every 30s"
          start_only:
            type: run-once
            id: start_only
            grid: local
            cpu: 0.1
            mem: 8
            launch_command: "echo 'start only'"
            start_time: "0 25 12 7 4 6"
          start_with_schedule:
            type: run-once
            id: start_with_schedule
            grid: local
            cpu: 0.1
            mem: 8
            launch_command: "echo 'start with schedule'"
            start_time: "0 30 12 7 4 6"
            time_schedule: "@every 17s"
        scheduled.stack:5:5 (stack scheduled): notice: application start_with_schedule goes by the DNS label start-with-schedule
        scheduled.stack:13:5 (stack scheduled): notice: application start_only goes by the DNS label start-only
        scheduled.stack:20:5 (stack scheduled): notice: application schedule_only goes by the DNS label schedule-only
    "##]];
    expected.assert_eq(&resolved(
        "scheduled.stack",
        include_str!("../legacy/scheduled.stack"),
        "",
    ));
}

#[test]
fn the_full_zipkin_stack_keeps_references_until_launch() {
    let options = "--known mesos.master=zk://m:2181/mesos --var zk_url=zk1:2181";
    let expected = expect_file!["../legacy/zipkin-full.resolved.yaml"];
    expected.assert_eq(&resolved(
        "zipkin-full.stack",
        include_str!("../legacy/zipkin-full.stack"),
        options,
    ));
}

const LAYERED: &str = r#"
== datacenter cassandra_dc dc.stack
name: cassandra_dc
applications:
  dse-mesos:
    type: "dse-mesos-0.2.x"
    cpu: 0.1
    mem: 512
    launch_command: "chmod +x dse-mesos.sh && ./dse-mesos.sh scheduler"
    artifact_urls: ["http://repo.example/dse-mesos.jar", "http://repo.example/dse-mesos.sh"]
    healthcheck: /health
    scheduler: {api: "http://$HOST:$PORT0", master: "${mesos.master}", debug: true}
== cluster cassandra_cluster cluster.stack cassandra_dc
name: cassandra_cluster
applications:
  dse-mesos:
    scheduler: {framework-role: cassandra, debug: ""}
== zone cassandra_zone1 zone1.stack cassandra_cluster
name: cassandra_zone1
applications:
  dse-mesos:
    id: dse-zone1
    scheduler: {framework-name: "dse-${zone}"}
    tasks:
      seed:  {node: 0,    cluster: main, seed: true,  cpu: 0.5, mem: 4000, constraints: "hostname=unique", timeout: 30min}
      nodes: {node: 1..2, cluster: main, seed: false, cpu: 0.50, mem: 4000, constraints: "hostname=unique", timeout: 30min}
== stack cassandra.stack
name: cassandra
applications:
  dse-mesos:
    mem: 1024
== run --zone cassandra_zone1 --known mesos.master=master:5050
"#;

#[test]
fn the_layered_cassandra_example_resolves_as_the_original_would() {
    let expected: Expect = expect![[r##"
        # run cassandra in cassandra-dc/cassandra-cluster/cassandra-zone1
        name: cassandra
        applications:
          dse-mesos:
            type: dse-mesos-0.2.x  # datacenter cassandra_dc: dc.stack:4:5
            id: dse-zone1
            grid: local  # default
            cpu: 0.1  # datacenter cassandra_dc: dc.stack:5:5
            mem: 1024  # stack cassandra: cassandra.stack:4:5, hides dc.stack:6:5
            launch_command: "chmod +x dse-mesos.sh && ./dse-mesos.sh scheduler"  # datacenter cassandra_dc: dc.stack:7:5
            artifact_urls:
              - "http://repo.example/dse-mesos.jar"  # datacenter cassandra_dc: dc.stack:8:21
              - "http://repo.example/dse-mesos.sh"  # datacenter cassandra_dc: dc.stack:8:58
            healthcheck: /health  # datacenter cassandra_dc: dc.stack:9:5
            scheduler:
              api: "http://$HOST:$PORT0"  # datacenter cassandra_dc: dc.stack:10:17
              master: "master:5050"  # datacenter cassandra_dc: dc.stack:10:45
              framework-role: cassandra  # cluster cassandra_cluster: cluster.stack:4:17
              framework-name: dse-cassandra_zone1  # zone cassandra_zone1: zone1.stack:5:17
            tasks:
              seed:
                node: "0"  # zone cassandra_zone1: zone1.stack:7:15
                cluster: main  # zone cassandra_zone1: zone1.stack:7:27
                seed: "true"  # zone cassandra_zone1: zone1.stack:7:42
                cpu: "0.5"  # zone cassandra_zone1: zone1.stack:7:55
                mem: "4000"  # zone cassandra_zone1: zone1.stack:7:65
                constraints: hostname=unique  # zone cassandra_zone1: zone1.stack:7:76
                timeout: 30min  # zone cassandra_zone1: zone1.stack:7:108
              nodes:
                node: 1..2  # zone cassandra_zone1: zone1.stack:8:15
                cluster: main  # zone cassandra_zone1: zone1.stack:8:27
                seed: "false"  # zone cassandra_zone1: zone1.stack:8:42
                cpu: "0.5"  # zone cassandra_zone1: zone1.stack:8:55
                mem: "4000"  # zone cassandra_zone1: zone1.stack:8:66
                constraints: hostname=unique  # zone cassandra_zone1: zone1.stack:8:77
                timeout: 30min  # zone cassandra_zone1: zone1.stack:8:109
        cluster.stack:1:1 (cluster cassandra_cluster): notice: cluster cassandra_cluster goes by the DNS label cassandra-cluster
        dc.stack:1:1 (datacenter cassandra_dc): notice: datacenter cassandra_dc goes by the DNS label cassandra-dc
        zone1.stack:1:1 (zone cassandra_zone1): notice: zone cassandra_zone1 goes by the DNS label cassandra-zone1
    "##]];
    expected.assert_eq(&outcome(LAYERED));
}

#[test]
fn values_of_tasks_are_read_by_the_old_rules_and_all_others_as_written() {
    let run = Run::parse(
        "
name: t
parameters: {n: {type: int, default: 3}}
applications:
  a:
    type: kafka-mesos-0.9.x
    version: 0.10
    scheduler: {debug: yes, n: 010}
    tasks:
      one: {cpu: 0.10, flag: yes, octal: 010, none: , quoted: '010', list: [on], whole: '${n}'}
",
    );
    let resolved = run.resolve().expect("valid");
    let settings = &resolved.applications["a"].settings;
    let at = |path: &[&str]| {
        path.iter()
            .fold(settings, |value, key| &value.as_map().expect("a map")[*key])
            .clone()
    };
    assert_eq!(at(&["version"]).data, Data::Number(0.1));
    assert_eq!(
        at(&["tasks", "one", "whole"]).data,
        Data::Text(Text::literal("3"))
    );
    for (path, wanted) in [
        (&["version"][..], "0.10"),
        (&["scheduler", "debug"], "yes"),
        (&["scheduler", "n"], "010"),
        (&["tasks", "one", "cpu"], "0.1"),
        (&["tasks", "one", "flag"], "true"),
        (&["tasks", "one", "octal"], "8"),
        (&["tasks", "one", "none"], "<nil>"),
        (&["tasks", "one", "quoted"], "010"),
    ] {
        assert_eq!(at(path).to_text(), Some(Text::literal(wanted)), "{path:?}");
    }
}

#[test]
fn saved_output_of_the_old_show_loads() {
    let text = "name: x\nnamespace: \"\"\nlayer: 0\napplications:\n  a:\n    type: run-once\n    id: a\n    rwmutex: {}\n";
    assert!(Run::parse(text).resolve().is_ok());
}

#[test]
fn tasks_as_a_list_load_and_a_stack_replaces_the_tasks_of_a_layer() {
    let expected: Expect = expect![[r##"
        # run s in qa
        name: s
        applications:
          a:
            type: kafka-mesos-0.9.x  # stack s: s.yaml:4:5
            id: a
            grid: local  # default
            tasks:
              -
                three:
                  id: "3"  # stack s: s.yaml:7:22
            instances: 3  # stack s: s.yaml:5:5, hides qa.yaml:3:44
            ports: []  # stack s: s.yaml:6:5, hides qa.yaml:3:58
        s.yaml:4:5 (stack s): notice: type of a is kafka-mesos-0.9.x
          hint: stack-deploy ignored type here, because a file above mentions a
        s.yaml:5:5 (stack s): notice: instances of a is 3, no longer 2 of qa.yaml:3:44 (zone qa)
          hint: stack-deploy ignored instances here, because a file above mentions a
        s.yaml:6:5 (stack s): notice: ports of a is [], no longer [1] of qa.yaml:3:58 (zone qa)
          hint: stack-deploy took an empty ports for none and kept the old value
    "##]];
    expected.assert_eq(&outcome(
        "
== zone qa qa.yaml
name: qa
applications:
  a: {tasks: {one: {id: 1}, two: {id: 2}}, instances: 2, ports: [1]}
== stack s.yaml
name: s
applications:
  a:
    type: kafka-mesos-0.9.x
    instances: 3
    ports: []
    tasks: [{three: {id: 3}}]
== run --zone qa
",
    ));
}

#[test]
fn the_heading_of_a_file_is_read_alone() {
    let source = Source::new(
        "z.yaml",
        "name: qa\nlevel: zone\nparent: prod\nanything: else\n",
    );
    let heading = smack_stack::heading(&source).expect("valid");
    assert_eq!(heading.name.map(|name| name.value).as_deref(), Some("qa"));
    assert_eq!(
        heading.level.map(|level| level.value),
        Some(smack_stack::Level::Zone)
    );
    assert_eq!(
        heading.parent.map(|parent| parent.value).as_deref(),
        Some("prod")
    );
}
