//! Real servers: started by commands that find none, raced for, replaced, stopped; and what is said when none comes up.

use std::fs;
use std::process::Stdio;

use crate::support::{Smack, until};

const SLEEPER: &str = "\
name: sleeper
applications:
  nap: {type: command, id: nap, cpu: 0.1, mem: 16, instances: 2, launch_command: sleep 1000}
";

/// Ends the server and what it runs, also when a test fails.
struct Ending<'a>(&'a Smack);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        for name in ["sleeper", "sleeper2"] {
            self.0.run(&["down", name, "--timeout", "10s"]);
        }
        self.0.run(&["server", "--stop"]);
    }
}

fn pid(smack: &Smack) -> u64 {
    smack.run(&["doctor", "--json"]).json()["server"]["pid"]
        .as_u64()
        .unwrap()
}

#[test]
fn commands_that_race_end_up_with_one_server() {
    let smack = Smack::alone();
    let _ending = Ending(&smack);
    let children: Vec<_> = (0..4)
        .map(|_| {
            smack
                .command(&["status"])
                .stdout(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    for mut child in children {
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
    let log = fs::read_to_string(smack.home().join("server.log")).unwrap();
    let served = log.lines().filter(|line| line.contains("serving")).count();
    assert_eq!(served, 1, "{log}");
}

#[test]
fn a_stack_runs_and_outlives_its_server() {
    let smack = Smack::alone();
    let _ending = Ending(&smack);
    smack.file("sleeper.yaml", SLEEPER);
    let ran = smack.run(&["run", "sleeper.yaml"]);
    assert_eq!(ran.code, Some(0), "{}", ran.told());
    assert!(
        ran.stderr.contains("Done in #s: default/sleeper is ready"),
        "{}",
        ran.told()
    );
    let tasks = || {
        let status = smack.run(&["status", "--json"]).json();
        let tasks = status[0]["tasks"].as_array().cloned().unwrap_or_default();
        tasks
            .iter()
            .map(|task| (task["pid"].clone(), task["attempt"].clone()))
            .collect::<Vec<_>>()
    };
    let before = tasks();
    let (first, told) = (pid(&smack), smack.run(&["server", "--replace"]));
    assert_eq!(told.code, Some(0), "{}", told.told());
    assert_ne!(pid(&smack), first);
    until("the tasks are known again", || tasks() == before);
    let again = smack.run(&["run", "sleeper.yaml"]);
    assert!(
        again.stderr.contains("nothing to change"),
        "{}",
        again.told()
    );
    let inside = smack.run(&[
        "exec",
        "sleeper",
        "nap/nap-0",
        "--",
        "sh",
        "-c",
        "echo $HOST",
    ]);
    assert!(inside.stdout.starts_with("127."), "{}", inside.told());
    let down = smack.run(&["down", "sleeper", "--check"]);
    assert_eq!(down.code, Some(0), "{}", down.told());
}

#[test]
fn a_killed_server_is_started_again_by_the_next_command() {
    let smack = Smack::alone();
    let _ending = Ending(&smack);
    smack.file("sleeper.yaml", &SLEEPER.replace("sleeper", "sleeper2"));
    assert_eq!(smack.run(&["run", "sleeper.yaml"]).code, Some(0));
    let killed = i32::try_from(pid(&smack))
        .ok()
        .and_then(rustix::process::Pid::from_raw)
        .unwrap();
    rustix::process::kill_process(killed, rustix::process::Signal::KILL).unwrap();
    until("the server is gone", || {
        rustix::process::test_kill_process(killed).is_err()
    });
    let status = smack.run(&["status", "sleeper2"]);
    assert_eq!(status.code, Some(0), "{}", status.told());
    assert_eq!(smack.run(&["run", "sleeper.yaml"]).code, Some(0));
}

#[test]
fn a_second_server_is_told_who_has_the_home() {
    let smack = Smack::alone();
    let _ending = Ending(&smack);
    smack.run(&["status"]);
    let second = smack.run(&["server"]);
    assert_eq!(second.code, Some(1));
    let holder = format!("another server has HOME: pid {}", pid(&smack));
    assert!(second.stderr.contains(&holder), "{}", second.told());
}

#[test]
fn what_does_not_fit_is_refused_before_anything_starts() {
    let smack = Smack::alone();
    let _ending = Ending(&smack);
    smack.file(
        "big.yaml",
        &SLEEPER
            .replace("sleeper", "big")
            .replace("mem: 16,", "mem: 9000000,"),
    );
    let ran = smack.run(&["run", "big.yaml"]);
    assert_eq!(ran.code, Some(1), "{}", ran.told());
    assert!(
        ran.stderr.contains("nap-0") && ran.stderr.contains("MiB"),
        "{}",
        ran.told()
    );
    assert_eq!(
        smack.run(&["status", "--json"]).json(),
        serde_json::json!([])
    );
}

#[test]
fn the_reason_why_no_server_comes_up_is_told() {
    let smack = Smack::alone();
    fs::write(smack.home().join("smack.db"), "this is no database").unwrap();
    let ran = smack.run(&["status"]);
    assert_eq!(ran.code, Some(3), "{}", ran.told());
    assert!(
        ran.stderr.contains("the server did not start") && ran.stderr.contains("smack.db"),
        "{}",
        ran.told()
    );
}

#[test]
fn with_an_address_none_is_started() {
    let smack = Smack::alone();
    let mut command = smack.command(&["status"]);
    command.env("SMACK_API", "http://127.0.0.1:1");
    assert_eq!(smack.finish(command).code, Some(3));
    assert!(!smack.home().join("server.log").exists());
}
