//! Claims, repeats, tombstones, stops, ends, inventory.

use std::time::{Duration, Instant};

use crate::world::{World, eventually, is_alive, order, signal, task};
use rustix::process::Signal;
use smack_model::{Action, End, Epoch, Event, FoundState, Refusal, Span, SystemId};

#[test]
fn a_program_runs_and_its_end_is_told() {
    let world = World::new();
    let agent = world.agent();
    for (name, script, end) in [
        ("good", "exit 0", End::Exit(0)),
        ("bad", "exit 7", End::Exit(7)),
        ("killed", "kill -9 $$", End::Signal(9)),
    ] {
        let id = agent.launch(order(name, 1, &["sh", "-c", script]));
        assert_eq!(agent.ended(&id), end);
    }
}

#[test]
fn an_end_is_seen_at_once() {
    let world = World::new();
    let agent = world.agent();
    let mut slowest = Duration::ZERO;
    for number in 0..10 {
        let (id, pid) = agent.run(&format!("task-{number}"), &["sleep", "100"]);
        let killed = Instant::now();
        signal(pid, Signal::KILL);
        assert_eq!(agent.ended(&id), End::Signal(9));
        slowest = slowest.max(killed.elapsed());
    }
    println!("slowest of 10 ends seen after {slowest:?}");
    assert!(slowest < Duration::from_millis(500), "{slowest:?}");
}

#[test]
fn two_agents_race_and_one_process_runs() {
    let world = World::new();
    let (one, two) = (world.agent(), world.agent());
    for round in 0..20 {
        let counted = world.home().join(format!("count-{round}"));
        let script = format!("echo started >> {}; exec sleep 100", counted.display());
        let order = order(&format!("task-{round}"), 1, &["sh", "-c", &script]);
        let id = one.launch(order.clone());
        two.launch(order);
        assert_eq!(
            one.running(&id),
            two.running(&id),
            "both tell of the same process"
        );
        eventually(|| std::fs::read_to_string(&counted).is_ok_and(|text| text == "started\n"));
    }
}

#[test]
fn repeats_are_harmless() {
    let world = World::new();
    let agent = world.agent();
    let launch = order("task", 1, &["sleep", "100"]);
    let id = agent.launch(launch.clone());
    agent.launch(launch.clone());
    let pid = agent.running(&id);
    agent.launch(launch.clone());
    assert_eq!(agent.running(&id), pid);
    for _ in 0..3 {
        agent.stop(&id, Span::seconds(10));
    }
    assert_eq!(agent.ended(&id), End::Stopped { code: 143 });
    agent.stop(&id, Span::seconds(10));
    assert_eq!(agent.ended(&id), End::Stopped { code: 143 });
    agent.launch(launch);
    assert_eq!(agent.ended(&id), End::Stopped { code: 143 });
    assert!(!is_alive(pid));
}

#[test]
fn a_stop_before_the_launch_burns_the_attempt() {
    let world = World::new();
    let agent = world.agent();
    let id = task("task", 1);
    agent.stop(&id, Span::seconds(1));
    assert_eq!(agent.refused(&id), Refusal::Burned);
    agent.launch(order("task", 1, &["sleep", "100"]));
    assert_eq!(agent.refused(&id), Refusal::Burned);
    // Another server, which knows nothing of it, finds the tombstone.
    let other = world.agent();
    other.launch(order("task", 1, &["sleep", "100"]));
    assert_eq!(other.refused(&id), Refusal::Burned);
    let other = world.agent();
    let (found, _) = other.inventory();
    assert!(
        matches!(
            &found[&id],
            FoundState::Ended {
                end: End::Refused(Refusal::Burned),
                ..
            }
        ),
        "{found:?}"
    );
}

#[test]
fn a_paused_servers_late_launch_is_refused() {
    let world = World::new();
    let old = world.agent_of(1);
    let new = world.agent_of(2);
    new.run("other", &["sleep", "100"]);
    let id = old.launch(order("task", 1, &["sleep", "100"]));
    let stale = Refusal::StaleEpoch {
        ours: Epoch(1),
        theirs: Epoch(2),
    };
    assert_eq!(old.refused(&id), stale);
    // The one in charge may launch it all the same.
    new.launch(order("task", 1, &["sleep", "100"]));
    new.running(&id);
    let again = world.agent_of(1);
    again.launch(order("later", 1, &["sleep", "100"]));
    assert_eq!(again.refused(&task("later", 1)), stale);
}

#[test]
fn an_older_attempt_is_refused_even_after_its_sandbox_is_gone() {
    let world = World::new();
    let agent = world.agent();
    for attempt in 1..=5 {
        let id = agent.launch(order("task", attempt, &["true"]));
        assert_eq!(agent.ended(&id), End::Exit(0));
    }
    eventually(|| agent.grid.attempts().len() == 3);
    assert_eq!(agent.grid.attempts()[0].attempt, 3);
    agent.launch(order("task", 1, &["sleep", "100"]));
    assert_eq!(agent.refused(&task("task", 1)), Refusal::Burned);
    let successor = world.agent();
    successor.launch(order("task", 2, &["sleep", "100"]));
    assert_eq!(successor.refused(&task("task", 2)), Refusal::Burned);
    let last = successor.launch(order("task", 6, &["true"]));
    assert_eq!(successor.ended(&last), End::Exit(0));
}

#[test]
fn what_ignores_the_signal_is_killed_with_all_it_started() {
    let world = World::new();
    let agent = world.agent();
    let script = "trap '' TERM; setsid sleep 100 & echo $! > away; sleep 100 & echo $! > near; \
                  touch set; while :; do sleep 100; done";
    let (id, pid) = agent.run("stubborn", &["sh", "-c", script]);
    eventually(|| world.sandbox(&id).join("set").exists());
    let number = |file| world.file(&id, file).trim().parse::<u32>().unwrap();
    let (away, near) = (number("away"), number("near"));
    assert!(is_alive(away) && is_alive(near));
    let asked = Instant::now();
    agent.stop(&id, Span(300));
    assert_eq!(agent.ended(&id), End::Stopped { code: 137 });
    assert!(
        asked.elapsed() >= Duration::from_millis(290),
        "{:?}",
        asked.elapsed()
    );
    assert!(!is_alive(pid) && !is_alive(near) && !is_alive(away));
}

#[test]
fn the_rest_of_a_group_gets_its_grace() {
    let world = World::new();
    let agent = world.agent();
    // The shell dies at once of the signal; what it started still has something to write.
    let script = "(trap 'sleep 0.2; echo done > farewell; exit' TERM; touch set; while :; do sleep 0.01; done) & \
                  wait";
    let (id, _) = agent.run("wrapper", &["sh", "-c", script]);
    eventually(|| world.sandbox(&id).join("set").exists());
    agent.stop(&id, Span::seconds(10));
    assert_eq!(agent.ended(&id), End::Stopped { code: 143 });
    assert_eq!(world.file(&id, "farewell"), "done\n");
}

#[test]
fn what_a_task_leaves_behind_is_killed() {
    let world = World::new();
    let agent = world.agent();
    let script = "setsid sleep 100 & echo $! > left; exit 3";
    let id = agent.launch(order("parent", 1, &["sh", "-c", script]));
    assert_eq!(agent.ended(&id), End::Exit(3));
    assert!(!is_alive(world.file(&id, "left").trim().parse().unwrap()));
}

#[test]
fn a_question_is_answered_with_what_is_known() {
    let world = World::new();
    let agent = world.agent();
    let (id, pid) = agent.run("task", &["sleep", "100"]);
    agent.perform(Action::Ask(Some(id.clone())));
    assert_eq!(agent.running(&id), pid);
    while agent.events.try_recv().is_ok() {}
    agent.perform(Action::Ask(None));
    let (found, _) = agent.inventory();
    assert_eq!(found[&id], FoundState::Running { pid });
    // Of what is not there, a complete inventory says so.
    agent.perform(Action::Ask(Some(task("never", 1))));
    let (found, _) = agent.inventory();
    assert_eq!(found.len(), 1);
}

#[test]
fn a_forgotten_system_leaves_nothing_but_the_refusal() {
    let world = World::new();
    let agent = world.agent();
    let (running, _) = agent.run("runs", &["sleep", "100"]);
    let id = agent.launch(order("task", 1, &["true"]));
    agent.ended(&id);
    let forget = || agent.perform(Action::Forget(id.system.clone()));
    forget();
    agent.stop(&running, Span::seconds(5));
    agent.ended(&running);
    eventually(|| {
        forget();
        std::thread::sleep(Duration::from_millis(10));
        agent
            .events
            .try_iter()
            .any(|event| event == Event::Forgotten(id.system.clone()))
    });
    eventually(|| {
        std::fs::read_dir(world.home().join("trash"))
            .unwrap()
            .count()
            == 0
    });
    assert_eq!(agent.grid.attempts(), []);
    for agent in [agent, world.agent()] {
        agent.launch(order("task", 9, &["sleep", "100"]));
        assert_eq!(agent.refused(&task("task", 9)), Refusal::Burned);
        let mut next = order("task", 1, &["true"]);
        next.id.system = SystemId::parse("qa/run/app!2").unwrap();
        next.id.attempt = u32::try_from(agent.grid.attempts().len()).unwrap() + 1;
        let next = agent.launch(next);
        assert_eq!(agent.ended(&next), End::Exit(0));
    }
}

/// Needs a memory controller that this user may use, and passes over where there is none.
#[test]
fn a_task_killed_for_want_of_memory_is_told_as_such() {
    let group = std::path::Path::new("/sys/fs/cgroup/memory")
        .join(format!("smack-test-{}", std::process::id()));
    if std::fs::create_dir(&group).is_err() {
        return;
    }
    let set = std::fs::write(group.join("memory.limit_in_bytes"), "16777216");
    let world = World::new();
    let agent = world.agent();
    let script = format!(
        "echo $$ > {}/cgroup.procs; exec dd if=/dev/zero of=/dev/null bs=200M",
        group.display()
    );
    let id = agent.launch(order("greedy", 1, &["sh", "-c", &script]));
    let end = agent.ended(&id);
    eventually(|| std::fs::remove_dir(&group).is_ok());
    set.unwrap();
    assert_eq!(end, End::OutOfMemory);
}

/// Needs a small file system: `SMACK_TEST_SMALL_DISK=<its directory>`; passes over without.
#[test]
fn on_a_full_disk_launches_are_refused_and_all_else_goes_on() {
    let Some(disk) = std::env::var_os("SMACK_TEST_SMALL_DISK") else {
        return;
    };
    let world = World::of(tempfile::TempDir::new_in(disk).unwrap());
    let agent = world.agent();
    let (stopped, _) = agent.run("stopped", &["sleep", "100"]);
    let (killed, pid) = agent.run("killed", &["sleep", "100"]);
    let filler = world.home().join("filler");
    let mut file = std::fs::File::create(&filler).unwrap();
    for size in [1 << 16, 1 << 12, 1 << 8, 1] {
        while std::io::Write::write_all(&mut file, &vec![1; size]).is_ok() {}
    }
    drop(file);
    let id = agent.launch(order("late", 1, &["sleep", "100"]));
    let refusal = agent.refused(&id);
    assert!(matches!(refusal, Refusal::DiskFull { .. }), "{refusal}");
    signal(pid, Signal::KILL);
    assert_eq!(agent.ended(&killed), End::Signal(9));
    agent.stop(&stopped, Span::seconds(5));
    assert_eq!(agent.ended(&stopped), End::Stopped { code: 143 });
    drop(agent);
    // A new server finds its way on the full disk, too.
    let agent = world.agent();
    let (found, _) = agent.inventory();
    assert!(matches!(
        &found[&killed],
        FoundState::Ended {
            end: End::Signal(9),
            ..
        }
    ));
    std::fs::remove_file(filler).unwrap();
    agent.run("later", &["sleep", "100"]);
}
