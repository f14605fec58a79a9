//! The server dies at every stored record of an up, a roll, a scale-in and a down, before and after its actions. The end is
//! the same, and no task is started twice at once.
#![expect(clippy::unwrap_used, reason = "a test may stop where it stands")]

use std::collections::BTreeMap;

use smack_model::{Name, Resources, Span, TaskName, Timestamp, VdcId};
use smack_scheduler::sim::{CommitFault, Crash, Fault, Sim, service};
use smack_scheduler::{Command, RunRequest, Ttl, Verb};

const ZK: [&str; 3] = ["tasks=3", "check", "volume"];
const KAFKA: [&str; 6] = [
    "tasks=4",
    "needs=zk",
    "reads=zk.addresses",
    "check",
    "drain",
    "ops=events",
];

#[test]
fn an_up_survives_a_kill_at_every_record() {
    everywhere(|sim| run(sim, &[&ZK], &[&KAFKA]));
}

#[test]
fn a_roll_survives_a_kill_at_every_record() {
    everywhere(|sim| {
        run(sim, &[&ZK], &[&KAFKA]);
        run(sim, &[&ZK, &["env=new"]], &[&KAFKA, &["env=new"]]);
    });
}

#[test]
fn a_scale_in_survives_a_kill_at_every_record() {
    everywhere(|sim| {
        run(sim, &[&ZK], &[&KAFKA]);
        run(sim, &[&ZK], &[&KAFKA, &["tasks=2"]]);
    });
}

#[test]
fn a_down_survives_a_kill_at_every_record() {
    everywhere(|sim| {
        run(sim, &[&ZK], &[&KAFKA]);
        command(
            sim,
            Command::Down {
                vdc: vdc(),
                keep_volumes: false,
                force: false,
                at_once: false,
            },
        );
        assert!(
            sim.engine().unwrap().systems().next().is_none(),
            "nothing is left"
        );
        assert_eq!(sim.world.volumes().count(), 0, "no volume is left");
    });
}

#[test]
fn operations_survive_a_kill_at_every_record() {
    let ring = ["asked=tidy", "every=repair:3m"];
    everywhere(|sim| {
        run(sim, &[&ZK, &ring], &[&KAFKA]);
        let operation = "tidy".to_owned();
        let asked = |sim: &Sim| {
            let zk = sim.engine().unwrap().system(&vdc(), "zk");
            zk.unwrap().header.intent.operate.get("tidy").copied()
        };
        sim.command(Command::Verb {
            vdc: vdc(),
            application: Some(name("zk")),
            task: None,
            verb: Verb::Operate {
                operation: operation.clone(),
            },
        })
        .unwrap()
        .ok();
        sim.decide();
        // A person whose command was lost gives it again.
        if asked(sim).is_none() {
            sim.command(Command::Verb {
                vdc: vdc(),
                application: Some(name("zk")),
                task: None,
                verb: Verb::Operate { operation },
            })
            .unwrap()
            .ok();
            sim.decide();
        }
        settle(sim);
        run(sim, &[&ZK, &ring, &["env=new"]], &[&KAFKA]);
        wait(sim, Span::minutes(4));
        settle(sim);
        let system = sim.engine().unwrap().system(&vdc(), "zk").unwrap();
        assert_eq!(system.operations["tidy"].asked, 1, "asked once, done once");
        assert!(
            system.operations["repair"].last_done().is_some(),
            "done by its schedule"
        );
    });
}

#[test]
fn a_part_that_comes_and_goes_survives_a_kill_at_every_record() {
    let ring = [
        "tasks=2",
        "founding",
        "volume",
        "check",
        "drain",
        "ops=app",
        "seeds=2",
        "scope=cluster",
    ];
    let part = |sim: &mut Sim, zone: &str| {
        let id = VdcId {
            zone: name(zone),
            name: name("v"),
        };
        let spec = service(&name("ring"), &ring).unwrap();
        let request = RunRequest {
            systems: BTreeMap::from([(name("ring"), spec)]),
            ..request(id.clone())
        };
        command(sim, Command::Run(Box::new(request)));
        let view = sim.engine().unwrap().view();
        assert!(view.vdcs[&id].is_converged(), "{id} converges");
        id
    };
    everywhere(|sim| {
        let first = part(sim, "z1");
        part(sim, "z2");
        let record = sim.store.operations.iter();
        let rebuilt = record.filter(|((_, name), _)| name == "rebuild").count();
        assert_eq!(rebuilt, 1, "only who comes is rebuilt");
        let command_of = |vdc| Command::Down {
            vdc,
            keep_volumes: false,
            force: false,
            at_once: false,
        };
        let second = VdcId {
            zone: name("z2"),
            ..first.clone()
        };
        command(sim, command_of(second));
        let engine = sim.engine().unwrap();
        let left: Vec<String> = engine.systems().map(|system| system.id.path()).collect();
        assert_eq!(left, ["z1/v/ring"]);
        let tasks = &engine.system(&first, "ring").unwrap().tasks;
        let restarted = tasks.values().any(|record| record.id.attempt > 1);
        assert!(!restarted, "nobody of the first restarts");
    });
}

#[test]
fn an_expiry_survives_a_kill_at_every_record() {
    everywhere(|sim| {
        run(sim, &[&ZK], &[&KAFKA]);
        let ttl = Ttl::For(Span::minutes(70));
        command(sim, Command::Live { vdc: vdc(), ttl });
        wait(sim, Span::minutes(80));
        settle(sim);
        let engine = sim.engine().unwrap();
        assert!(engine.systems().next().is_none(), "nothing is left");
        assert!(engine.vdc(&vdc()).is_none(), "nor its record");
        assert_eq!(sim.world.volumes().count(), 0, "no volume is left");
        for text in [
            "ends in 1h:",
            "ends in 10m:",
            "ends in 1m:",
            "its time was over",
        ] {
            let said = sim.journal.iter();
            let said = said.filter(|note| note.text.starts_with(text)).count();
            assert!(said <= 1, "{text:?} is said {said} times");
        }
    });
}

#[test]
fn a_server_that_was_away_says_once_how_much_is_left() {
    let mut sim = sim();
    run(&mut sim, &[&ZK], &[&KAFKA]);
    let ttl = Ttl::For(Span::minutes(120));
    sim.command(Command::Live { vdc: vdc(), ttl })
        .unwrap()
        .unwrap();
    sim.decide();
    sim.crash();
    wait(&mut sim, Span::minutes(115));
    sim.journal.clear();
    sim.start_server();
    wait(&mut sim, Span::minutes(1));
    let told = |sim: &mut Sim| {
        let notes = std::mem::take(&mut sim.journal);
        let of_ends = notes.into_iter();
        let of_ends = of_ends.filter(|note| matches!(note.kind.as_str(), "ttl" | "down"));
        of_ends.map(|note| note.text).collect::<Vec<_>>()
    };
    let [left] = told(&mut sim).try_into().unwrap();
    assert!(left.starts_with("ends in 4m 59s: ttl 2h"), "{left}");
    // And when it was away until after the end, it ends at once.
    sim.crash();
    wait(&mut sim, Span::minutes(60));
    sim.start_server();
    settle(&mut sim);
    let [over, ended] = told(&mut sim).try_into().unwrap();
    assert!(
        over.starts_with("its time was over: ttl 2h, set 2h 5"),
        "{over}"
    );
    assert_eq!(ended, "everything has ended");
}

/// Every due time begins one round, and every round starts its task once, wherever the server dies.
#[test]
fn a_due_time_survives_a_kill_at_every_record() {
    everywhere(|sim| {
        let by_the_clock = ["job", "schedule=0_*/5_*_*_*_*"];
        run(sim, &[&by_the_clock], &[&["job"]]);
        let until = Timestamp(Span::minutes(11).0);
        let left = until.since(sim.now);
        wait(sim, left);
        settle(sim);
        let system = sim.engine().unwrap().system(&vdc(), "zk").unwrap();
        let rounds = system.header.rounds.unwrap();
        assert_eq!((rounds.begun, rounds.missed), (2, 0), "at minute 5 and 10");
        let processes = sim.world.processes();
        let started = processes
            .filter(|(id, _)| id.system.application.as_str() == "zk")
            .count();
        assert_eq!(started, 2, "each round starts its task once");
    });
}

#[test]
fn what_was_due_without_a_server_is_begun_once_or_told() {
    let mut sim = sim();
    let by_the_clock = ["job", "schedule=0_*/10_*_*_*_*", "deadline=2m"];
    run(&mut sim, &[&by_the_clock], &[&["job"]]);
    let away = |sim: &mut Sim, until: u64| {
        let left = Timestamp(Span::minutes(until).0).since(sim.now);
        sim.crash();
        wait(sim, left);
        sim.journal.clear();
        sim.start_server();
        wait(sim, Span::seconds(20));
        let notes = std::mem::take(&mut sim.journal).into_iter();
        let of_clock = notes.filter(|note| matches!(note.kind.as_str(), "due" | "missed"));
        of_clock
            .map(|note| format!("{}: {}", note.kind, note.text))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        away(&mut sim, 31),
        ["due: round 1, due at 1970-01-01T00:30:00Z; 2 due times are left out"]
    );
    assert_eq!(
        away(&mut sim, 55),
        ["missed: 2 due times are left out, the last at 1970-01-01T00:50:00Z: it is too late"]
    );
    assert!(away(&mut sim, 58).is_empty());
}

/// A year in Berlin: due when a list that tries every minute says so, with both changes of the clock.
#[test]
fn a_job_runs_at_its_times_for_a_year() {
    let list = include_str!("../../model/tests/schedule/year.txt");
    let mut lines = list
        .lines()
        .skip_while(|line| *line != "0 30 2 * * * | Europe/Berlin")
        .skip(1);
    let months: Vec<usize> = lines
        .next()
        .and_then(|line| line.trim().strip_prefix("months "))
        .map(|months| {
            months
                .split(' ')
                .map(|number| number.parse().unwrap())
                .collect()
        })
        .unwrap();
    let near: Vec<&str> = lines
        .take_while(|line| line.starts_with("  "))
        .map(str::trim)
        .collect();
    let mut sim = sim();
    // From 2027 on.
    sim.now = Timestamp(1_798_761_600_000);
    let by_the_clock = ["job", "schedule=0_30_2_*_*_*", "zone=Europe/Berlin"];
    run(&mut sim, &[&by_the_clock], &[&["job"]]);
    wait(&mut sim, Span::minutes(60 * 24 * 365 - 10));
    let notes = sim.journal.iter().filter(|note| note.kind == "due");
    let due: Vec<String> = notes
        .map(|note| note.text.rsplit(' ').next().unwrap().to_owned())
        .collect();
    for (month, wanted) in months.iter().enumerate() {
        let start = format!("2027-{:02}-", month + 1);
        let found = due.iter().filter(|at| at.starts_with(&start)).count();
        assert_eq!(found, *wanted, "{start}");
    }
    assert!(
        near.iter().all(|at| due.iter().any(|due| due == at)),
        "{near:?}"
    );
    let processes = sim.world.processes();
    let started = processes
        .filter(|(id, _)| id.system.application.as_str() == "zk")
        .count();
    assert_eq!(started, due.len(), "each round starts its task once");
}

/// Plays the story undisturbed, then once for every transaction and every way to die there.
fn everywhere(story: impl Fn(&mut Sim)) {
    let mut undisturbed = sim();
    story(&mut undisturbed);
    let (expected, commits) = (
        end(&undisturbed),
        usize::try_from(undisturbed.commits).unwrap(),
    );
    assert!(commits > 5, "the story has only {commits} transactions");
    let crash = |crash| Fault {
        crash: Some(crash),
        commit: CommitFault::None,
    };
    let commit = |commit| Fault {
        crash: None,
        commit,
    };
    for fault in [
        crash(Crash::BeforeCommit),
        crash(Crash::AfterActions(0)),
        crash(Crash::AfterActions(1)),
        crash(Crash::AfterActions(usize::MAX)),
        commit(CommitFault::Failed),
        commit(CommitFault::FailedButTookEffect),
    ] {
        for nth in 0..commits {
            let mut sim = sim();
            sim.planned.resize(nth, Fault::default());
            sim.planned.push_back(fault);
            story(&mut sim);
            assert_eq!(end(&sim), expected, "{fault:?} at transaction {nth}");
        }
    }
}

fn sim() -> Sim {
    let mut sim = Sim::new(0);
    for node in ["a", "b", "c", "d"] {
        let capacity = Resources {
            cpu_millis: 4000,
            memory_mib: 4096,
        };
        sim.world
            .set_node(name(node), capacity, BTreeMap::new(), None);
    }
    settle(&mut sim);
    sim
}

fn run(sim: &mut Sim, zk: &[&[&str]], kafka: &[&[&str]]) {
    let spec = |app: &str, options: &[&[&str]]| {
        (name(app), service(&name(app), &options.concat()).unwrap())
    };
    let request = RunRequest {
        systems: BTreeMap::from([spec("zk", zk), spec("kafka", kafka)]),
        ..request(vdc())
    };
    command(sim, Command::Run(Box::new(request)));
    let view = sim.engine().unwrap().view();
    assert!(
        view.vdcs.values().all(|vdc| vdc.is_converged()),
        "it converges"
    );
}

fn request(vdc: VdcId) -> RunRequest {
    RunRequest {
        vdc,
        shown: "v".to_owned(),
        stack: "s".to_owned(),
        revision: 1,
        systems: BTreeMap::new(),
        isolation: smack_model::Isolation::Open,
        ttl: None,
        partial: false,
    }
}

/// A command whose transaction was lost is given again, as a person would.
fn command(sim: &mut Sim, command: Command) {
    for _ in 0..2 {
        sim.command(command.clone()).unwrap().ok();
        sim.decide();
        settle(sim);
    }
}

/// Lets so much time pass.
fn wait(sim: &mut Sim, span: Span) {
    let until = sim.now + span;
    while sim.step(until).is_some() {}
}

/// Lets everything happen, and looks after each step whether a task runs twice.
fn settle(sim: &mut Sim) {
    let mut moved_at = sim.now;
    while sim.now.since(moved_at) < Span::seconds(70) {
        let Some(step) = sim.step(moved_at + Span::seconds(70)) else {
            return;
        };
        if step.moved {
            moved_at = sim.now;
        }
        let mut alive: BTreeMap<(String, TaskName), u32> = BTreeMap::new();
        for (id, _) in sim
            .world
            .processes()
            .filter(|(_, process)| process.is_alive())
        {
            let count = alive
                .entry((id.system.path(), id.name.clone()))
                .or_default();
            *count += 1;
            assert_eq!(*count, 1, "{id} runs twice");
        }
    }
}

/// What runs where, which volumes there are and what was done, in words; with how often each task was started.
fn end(sim: &Sim) -> Vec<String> {
    let processes = sim
        .world
        .processes()
        .filter(|(_, process)| process.is_alive());
    let mut end: Vec<String> = processes
        .map(|(id, process)| format!("{id} on {:?}", process.node))
        .collect();
    end.extend(sim.world.volumes().map(ToString::to_string));
    let operations = sim.store.operations.iter();
    end.extend(operations.map(|((id, name), record)| format!("{id} {name} {:?}", record.status)));
    end
}

fn vdc() -> VdcId {
    VdcId {
        zone: name("z"),
        name: name("v"),
    }
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}
