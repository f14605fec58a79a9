//! Files of 2016: what each becomes in today's terms, and what is told about it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use expect_test::{ExpectFile, expect, expect_file};
use smack_model::Problems;
use smack_services::{Catalog, Platform, convert};
use smack_stack::{Request, Resolved, Source, render};

use crate::support::built;

/// Today's applications, their tasks, and all notices; or all problems.
pub(crate) fn outcome(file: &str, text: &str, vars: &[(&str, &str)]) -> String {
    let vars: Vec<(String, String)> = vars
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let request = Request {
        stack: &Source::new(file, text),
        parents: &BTreeMap::new(),
        layers: &BTreeMap::new(),
        zone: "default",
        run: None,
        vars: &vars,
        predefined: &BTreeMap::from([("mesos.master".to_owned(), "127.0.0.1:5050".to_owned())]),
    };
    let (resolved, platform) = match smack_services::load(
        &request,
        Catalog::embedded(),
        &smack_services::some_nodes(3),
        smack_services::Hooks::Dropped,
    ) {
        Ok(loaded) => loaded,
        Err(problems) => return format!("{problems}\n"),
    };
    let mut unheard = Problems::default();
    let today = Resolved {
        applications: convert(&resolved.applications, &mut unheard),
        ..resolved.clone()
    };
    let mut out = render(&today, false);
    // Where all apps are switched off there is nothing to write down.
    if !platform.specs.is_empty() {
        assert_same(&out, &platform);
    }
    for (application, spec) in &platform.specs {
        for (name, task) in &spec.tasks {
            let ports: Vec<String> = task
                .ports
                .iter()
                .map(|port| format!("{} {:?}", port.name, port.wish))
                .collect();
            let constraints: Vec<String> =
                task.constraints.iter().map(ToString::to_string).collect();
            writeln!(
                out,
                "# {application}/{name}: {} mcpu, {} MiB, {}; {}",
                task.needs.cpu_millis,
                task.needs.memory_mib,
                ports.join(", "),
                constraints.join(", ")
            )
            .unwrap();
        }
        let exports: Vec<&str> = spec.exports.keys().map(String::as_str).collect();
        writeln!(out, "# {application} publishes {}", exports.join(", ")).unwrap();
    }
    let mut notices = resolved.notices;
    notices.extend(platform.notices);
    writeln!(out, "{}", notices.sorted()).unwrap();
    out
}

/// What is printed is a stack of today with the same tasks.
fn assert_same(today: &str, platform: &Platform) {
    let again = built(today).unwrap_or_else(|problems| panic!("{problems}\n{today}"));
    let tasks = |platform: &Platform| -> Vec<_> {
        let specs = platform.specs.iter();
        specs
            .map(|(id, spec)| (id.clone(), spec.tasks.clone(), spec.requires.clone()))
            .collect()
    };
    assert_eq!(tasks(&again), tasks(platform), "{today}");
}

fn check(file: &str, text: &str, vars: &[(&str, &str)], expected: &ExpectFile) {
    expected.assert_eq(&outcome(file, text, vars));
}

#[test]
fn the_whole_telemetry_of_2016() {
    check(
        "zipkin-full.stack",
        include_str!("../../../stack/tests/legacy/zipkin-full.stack"),
        &[("zk_url", "zk1:2181")],
        &expect_file!["golden/legacy-zipkin-full.txt"],
    );
}

#[test]
fn three_zookeepers_and_three_brokers() {
    check(
        "exhibitor-kafka.stack",
        include_str!("../../../stack/tests/legacy/exhibitor-kafka.stack"),
        &[],
        &expect_file!["golden/legacy-exhibitor-kafka.txt"],
    );
}

#[test]
fn a_cassandra() {
    check(
        "dse-mesos-0.2.x.stack",
        include_str!("../../../stack/tests/legacy/dse-mesos-0.2.x.stack"),
        &[],
        &expect_file!["golden/legacy-dse.txt"],
    );
}

#[test]
fn what_nothing_runs_yet_says_so() {
    check(
        "statsd.stack",
        include_str!("../../../stack/tests/legacy/statsd.stack"),
        &[],
        &expect_file!["golden/legacy-statsd.txt"],
    );
    check(
        "cdg-dev.stack",
        include_str!("../../../stack/tests/legacy/cdg-dev.stack"),
        &[],
        &expect_file!["golden/legacy-cdg-dev.txt"],
    );
    check(
        "scheduled.stack",
        include_str!("../../../stack/tests/legacy/scheduled.stack"),
        &[],
        &expect_file!["golden/legacy-scheduled.txt"],
    );
}

#[test]
fn our_own_examples() {
    check(
        "old-telemetry.stack",
        include_str!("../../../../stacks/legacy/old-telemetry.stack"),
        &[],
        &expect_file!["golden/legacy-old-telemetry.txt"],
    );
    check(
        "old-programs.stack",
        include_str!("../../../../stacks/legacy/old-programs.stack"),
        &[],
        &expect_file!["golden/legacy-old-programs.txt"],
    );
}

#[test]
fn every_key_of_a_task() {
    check(
        "every-key.stack",
        include_str!("legacy/every-key.stack"),
        &[],
        &expect_file!["golden/legacy-every-key.txt"],
    );
}

/// `## situation`, the file, `----`, the problems. `UPDATE_EXPECT=1` writes the problems.
#[test]
fn wrong_files_are_told_what_is_wrong() {
    let table = include_str!("legacy/wrong.txt");
    let mut found = String::new();
    let mut cases = 0;
    for case in format!("\n{table}").split("\n## ").skip(1) {
        let (situation, rest) = case.split_once('\n').expect("a line with the situation");
        let (input, _) = rest.split_once("----\n").expect("---- before the problems");
        let problems = outcome("old.stack", input, &[]);
        assert!(
            problems.contains("error: "),
            "{situation}: no error in
{problems}"
        );
        let gap = if found.is_empty() { "" } else { "\n" };
        found += &format!("{gap}## {situation}\n{input}----\n{problems}");
        cases += 1;
    }
    assert!(cases >= 40, "{cases}");
    expect_file!["legacy/wrong.txt"].assert_eq(&found);
}

const HOOKED: &str = "
name: hooked
applications:
  zk: {type: command, command: [zk], ports: [2181]}
  storm:
    type: storm-framework
    id: storm-mesos
    dependencies: [zk]
    launch_command: ./nimbus
    ports: [8080]
    before_scheduler: ['echo ${zk.address}', ./prepare]
    before_task: ['curl ${storm-mesos.api}']
    after_tasks: [./submit]
  top:
    type: command
    command: [top]
    dependencies: [storm-mesos]
";

#[test]
fn hooks_are_jobs_where_they_are_allowed() {
    let built = |text: &str, hooks| {
        let stack = Source::new("hooked.stack", text);
        let request = Request {
            stack: &stack,
            parents: &BTreeMap::new(),
            layers: &BTreeMap::new(),
            zone: "default",
            run: None,
            vars: &[],
            predefined: &BTreeMap::new(),
        };
        let nodes = smack_services::some_nodes(1);
        smack_services::load(&request, Catalog::embedded(), &nodes, hooks)
    };
    let shown = |text: &str, hooks| match built(text, hooks) {
        Err(problems) => problems.to_string(),
        Ok((_, platform)) => {
            let mut out = String::new();
            for (id, spec) in &platform.specs {
                let requires = spec.requires.iter();
                let requires: Vec<String> = requires.map(|of| of.application.to_string()).collect();
                let task = spec.tasks.values().next().expect("a task");
                let command: Vec<String> = task
                    .launch
                    .command
                    .iter()
                    .map(smack_model::Template::shown)
                    .collect();
                writeln!(
                    out,
                    "{} {id} after {}: {command:?}",
                    spec.kind,
                    requires.join(", ")
                )
                .unwrap();
            }
            format!("{out}{}", platform.notices)
        }
    };
    expect![[r#"
        command storm-mesos after zk, storm-mesos-before-scheduler: ["/bin/sh", "-c", "./nimbus"]
        job storm-mesos-after-tasks after storm-mesos-before-task: ["/bin/sh", "-c", "./submit"]
        job storm-mesos-before-scheduler after zk: ["/bin/sh", "-c", "echo ${zk.address}\n./prepare"]
        job storm-mesos-before-task after storm-mesos: ["/bin/sh", "-c", "curl ${storm-mesos.api}"]
        command top after storm-mesos, storm-mesos-after-tasks: ["top"]
        command zk after : ["zk"]
        hooked.stack:6:5 (stack hooked): notice: type storm-framework is not known, so storm-mesos runs as a plain command
          hint: write type: command"#]].assert_eq(&shown(HOOKED, smack_services::Hooks::Jobs));
    expect![[r#"
        command storm-mesos after zk: ["/bin/sh", "-c", "./nimbus"]
        command top after storm-mesos: ["top"]
        command zk after : ["zk"]
        hooked.stack:6:5 (stack hooked): notice: type storm-framework is not known, so storm-mesos runs as a plain command
          hint: write type: command
        hooked.stack:11:5 (stack hooked): notice: before_scheduler is dropped
          hint: it ran on the server of old; make it a job that others depend on
        hooked.stack:12:5 (stack hooked): notice: before_task is dropped
          hint: it ran on the server of old; make it a job that others depend on
        hooked.stack:13:5 (stack hooked): notice: after_tasks is dropped
          hint: it ran on the server of old; make it a job that others depend on"#]].assert_eq(&shown(HOOKED, smack_services::Hooks::Dropped));
    let taken = HOOKED.replace("  top:", "  storm-mesos-after-tasks:");
    expect![[r#"
        hooked.stack:13:5 (stack hooked): error: after_tasks of storm-mesos would be storm-mesos-after-tasks, which is there
          hint: give that one another id"#]].assert_eq(&shown(&taken, smack_services::Hooks::Jobs));
}
