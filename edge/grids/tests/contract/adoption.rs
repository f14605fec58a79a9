//! What outlives what: tasks their shims, their server and its successors, but not the machine.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::world::{World, eventually, is_alive, order, signal, task};
use rustix::process::Signal;
use smack_model::{Action, End, Event, FoundState, Span};

#[test]
fn a_task_outlives_its_shim() {
    let world = World::new();
    let agent = world.agent();
    let script = "while :; do echo line; sleep 0.01; done";
    let (id, pid) = agent.run("task", &["sh", "-c", script]);
    let shim = world.pid(&id, "shim");
    signal(shim, Signal::KILL);
    eventually(|| world.pid(&id, "shim") != shim);
    assert!(is_alive(pid), "the task lives on");
    agent.perform(Action::Ask(Some(id.clone())));
    assert_eq!(agent.running(&id), pid);
    agent.stop(&id, Span::seconds(5));
    assert_eq!(agent.ended(&id), End::Stopped { code: 0 });
    assert!(!is_alive(pid));
}

#[test]
fn an_end_under_a_second_shim_is_seen_but_its_code_is_not() {
    let world = World::new();
    let agent = world.agent();
    let (id, pid) = agent.run(
        "task",
        &[
            "sh",
            "-c",
            "setsid sleep 100 & echo $! > away; touch set; sleep 100",
        ],
    );
    eventually(|| world.sandbox(&id).join("set").exists());
    let shim = world.pid(&id, "shim");
    signal(shim, Signal::KILL);
    eventually(|| world.pid(&id, "shim") != shim);
    signal(pid, Signal::KILL);
    assert_eq!(agent.ended(&id), End::Vanished);
    let away: u32 = world.file(&id, "away").trim().parse().unwrap();
    eventually(|| !is_alive(away));
}

#[test]
fn a_successor_finds_a_task_whose_shim_was_killed() {
    let world = World::new();
    let agent = world.agent();
    let (id, pid) = agent.run("task", &["sleep", "100"]);
    let (gone, gone_pid) = agent.run("gone", &["sleep", "100"]);
    drop(agent);
    let (shim, other) = (world.pid(&id, "shim"), world.pid(&gone, "shim"));
    signal(shim, Signal::KILL);
    signal(other, Signal::KILL);
    eventually(|| !is_alive(shim) && !is_alive(other));
    signal(gone_pid, Signal::KILL);
    eventually(|| !is_alive(gone_pid));
    let agent = world.agent();
    let (found, _) = agent.inventory();
    assert_eq!(found[&id], FoundState::Running { pid });
    assert!(
        matches!(
            &found[&gone],
            FoundState::Ended {
                end: End::Vanished,
                ..
            }
        ),
        "{found:?}"
    );
    eventually(|| world.pid(&id, "shim") != shim);
    agent.stop(&id, Span::seconds(5));
    assert_eq!(agent.ended(&id), End::Stopped { code: 0 });
}

/// `SMACK_TEST_FULL=1`: 50 successors over 100 tasks.
#[test]
fn servers_come_and_go_and_no_task_notices() {
    let full = std::env::var_os("SMACK_TEST_FULL").is_some();
    let (tasks, successors) = if full { (100, 50) } else { (20, 10) };
    let world = World::new();
    let mut agent = world.agent();
    for number in 0..tasks {
        agent.launch(order(&format!("task-{number}"), 1, &["sleep", "100"]));
    }
    let mut pids = BTreeMap::new();
    while pids.len() < tasks {
        let (id, pid) = agent.wait("Running", |event| match event {
            Event::Running { id, pid } => Some((id, pid)),
            _ => None,
        });
        pids.insert(id, pid);
    }
    let mut slowest = Duration::ZERO;
    for _ in 0..successors {
        drop(agent);
        let begun = Instant::now();
        agent = world.agent();
        let (found, _) = agent.inventory();
        slowest = slowest.max(begun.elapsed());
        assert_eq!(found.len(), tasks);
        for (id, state) in found {
            assert_eq!(state, FoundState::Running { pid: pids[&id] });
        }
    }
    println!("{successors} successors adopted {tasks} tasks, the slowest in {slowest:?}");
    let (id, pid) = pids.first_key_value().unwrap();
    signal(*pid, Signal::KILL);
    assert_eq!(
        agent.ended(id),
        End::Signal(9),
        "an adopted task's end is seen with its code"
    );
    assert_eq!(world.pid(id, "pid"), *pid);
}

#[test]
fn an_end_while_nobody_watched_is_found() {
    let world = World::new();
    let agent = world.agent();
    let (id, pid) = agent.run("task", &["sh", "-c", "sleep 0.1; exit 4"]);
    drop(agent);
    eventually(|| !is_alive(pid) && world.sandbox(&id).join(".smack/exit").exists());
    let (found, _) = world.agent().inventory();
    assert!(
        matches!(
            &found[&id],
            FoundState::Ended {
                end: End::Exit(4),
                ..
            }
        ),
        "{found:?}"
    );
}

#[test]
fn after_a_restart_of_the_machine_all_have_ended_with_it() {
    let mut world = World::new();
    let agent = world.agent();
    let (id, pid) = agent.run("task", &["sleep", "100"]);
    let done = agent.launch(order("done", 1, &["true"]));
    agent.ended(&done);
    drop(agent);
    let shim = world.pid(&id, "shim");
    // As a restart does: everything is gone at once, with nobody left to write anything.
    signal(shim, Signal::KILL);
    signal(pid, Signal::KILL);
    eventually(|| !is_alive(pid) && !is_alive(shim));
    world.boot_id = Some("another".to_owned());
    for _ in 0..2 {
        let (found, _) = world.agent().inventory();
        assert!(
            matches!(
                &found[&id],
                FoundState::Ended {
                    end: End::Reboot,
                    ..
                }
            ),
            "{found:?}"
        );
        assert!(
            matches!(
                &found[&done],
                FoundState::Ended {
                    end: End::Exit(0),
                    ..
                }
            ),
            "{found:?}"
        );
    }
}

/// A server killed between preparing and the claim; its shim comes late.
#[test]
fn what_an_earlier_server_had_prepared_is_never_started() {
    let world = World::new();
    let staging = world.home().join("staging/qa.run.app.1.task.1.1.99-1");
    drop(world.agent());
    std::fs::create_dir_all(staging.join(".smack")).unwrap();
    std::fs::write(staging.join(".smack/order"), "arg=touch\0arg=started\0").unwrap();
    let agent = world.agent();
    let (found, _) = agent.inventory();
    assert_eq!(found.len(), 0);
    let mut bin = std::fs::read_dir(world.home().join("bin")).unwrap();
    let shim = bin.next().unwrap().unwrap().path();
    let late = std::process::Command::new(shim)
        .arg("run")
        .args([&staging, &world.sandbox(&task("task", 1))])
        .status()
        .unwrap();
    assert_eq!(late.code(), Some(4), "failed before the claim");
    assert!(!world.sandbox(&task("task", 1)).exists());
}
