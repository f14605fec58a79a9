//! Random platforms under random faults, with every invariant after every step; then calm, and all must converge and be
//! silent. A failing seed prints `SEED=<n>` and is replayed with that variable; `SMACK_SEEDS` sets how many are run.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may stop where it stands"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;

use smack_model::{
    End, Goal, Name, NodeId, Resources, ServiceSpec, Span, Status, SystemId, TaskGoal, TaskName,
    Timestamp, VdcId, When,
};
use smack_scheduler::sim::{
    Behaviour, CommitFault, Crash, Fault, Faults, OperationPlan, Random, Sim, Step, SupplyPlan,
    service,
};
use smack_scheduler::{Change, Command, RunRequest, Ttl, Verb, Waiting};

/// As many as run in about ten seconds in the dev profile.
const SEEDS: u64 = 500;

#[test]
fn all_invariants_hold_under_all_faults() {
    if let Some(seed) = number("SEED") {
        return Chaos::new(seed, true).live();
    }
    let count = number("SMACK_SEEDS").unwrap_or(SEEDS);
    let from = number("SMACK_FROM").unwrap_or(0);
    let next = std::sync::atomic::AtomicU64::new(from);
    let failed: std::sync::Mutex<Vec<(u64, String)>> = std::sync::Mutex::default();
    std::panic::set_hook(Box::new(|_| {}));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    if seed >= from + count || failed.lock().unwrap().len() > 4 {
                        return;
                    }
                    let run = std::panic::catch_unwind(AssertUnwindSafe(|| {
                        Chaos::new(seed, false).live()
                    }));
                    if let Err(panic) = run {
                        let text = panic.downcast_ref::<String>().cloned();
                        let text = text.or_else(|| {
                            panic.downcast_ref::<&str>().map(|text| (*text).to_owned())
                        });
                        failed
                            .lock()
                            .unwrap()
                            .push((seed, text.unwrap_or_default()));
                    }
                }
            });
        }
    });
    drop(std::panic::take_hook());
    let failed = failed.into_inner().unwrap();
    let lines: Vec<String> = failed
        .iter()
        .map(|(seed, text)| format!("SEED={seed}: {text}"))
        .collect();
    assert!(lines.is_empty(), "{}", lines.join("\n"));
}

fn number(name: &str) -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "a test is told what to replay")]
    let text = std::env::var(name).ok()?;
    text.parse().ok()
}

struct Chaos {
    sim: Sim,
    random: Random,
    loud: bool,
    stacks: BTreeMap<VdcId, BTreeMap<Name, Vec<String>>>,
    revision: u32,
}

impl Chaos {
    fn new(seed: u64, loud: bool) -> Self {
        let mut random = Random::new(seed);
        let mut sim = Sim::new(random.next_u64());
        for index in 0..=random.below(4) {
            let memory_mib = 512 * (1 + u32::try_from(random.below(5)).unwrap());
            let capacity = Resources {
                cpu_millis: 4000,
                memory_mib,
            };
            let rack = format!("r{}", random.below(2));
            let starting = (random.below(3) == 0).then_some(500);
            sim.world.set_node(
                node(index),
                capacity,
                BTreeMap::from([("rack".to_owned(), rack)]),
                starting,
            );
        }
        sim.log = loud.then(Vec::new);
        let mut chaos = Self {
            sim,
            random,
            loud,
            stacks: BTreeMap::new(),
            revision: 0,
        };
        for index in 0..=chaos.random.below(2) {
            let vdc = VdcId {
                zone: name("z"),
                name: name(&format!("v{index}")),
            };
            let mut stack = chaos.stack();
            if index > 0 && chaos.random.chance(600) {
                chaos.use_the_first(&mut stack);
            }
            chaos.stacks.insert(vdc, stack);
        }
        chaos
    }

    fn live(mut self) {
        self.say("world", &format!("{:?}", self.stacks));
        let turns = 10 + self.random.below(50);
        for _ in 0..turns {
            self.act();
            let span = match self.random.below(4) {
                0 => 10,
                1 => 300,
                2 => 3_000,
                _ => 40_000,
            };
            let until = self.sim.now + Span(self.random.below(span));
            self.run(until);
        }
        self.calm();
    }

    fn stack(&mut self) -> BTreeMap<Name, Vec<String>> {
        let mut stack = BTreeMap::new();
        let count = 1 + self.random.below(3);
        for index in 0..count {
            let before = index.checked_sub(1).map(|before| format!("app{before}"));
            stack.insert(name(&format!("app{index}")), self.app(before.as_deref()));
        }
        stack
    }

    /// The first application uses that of the first virtual data center.
    fn use_the_first(&mut self, stack: &mut BTreeMap<Name, Vec<String>>) {
        let Some(options) = stack.get_mut("app0") else {
            return;
        };
        let used = "z/v0/app0";
        match self.random.below(3) {
            0 => options.push(format!("needs={used}")),
            1 => options.push(format!("reads={used}.addresses")),
            _ => {
                options.push(format!("needs={used}:placed"));
                options.push(format!("reads={used}.addresses"));
            }
        }
    }

    fn app(&mut self, before: Option<&str>) -> Vec<String> {
        let mut options = vec![format!("tasks={}", 1 + self.random.below(4))];
        options.push(format!("mem={}", 128 * (1 + self.random.below(4))));
        if let Some(before) = before {
            match self.random.below(4) {
                0 => options.push(format!("needs={before}")),
                1 => {
                    options.push(format!("needs={before}:placed"));
                    options.push(format!("reads={before}.addresses"));
                }
                2 => options.push(format!("reads={before}.addresses")),
                _ => {}
            }
        }
        for (option, per_mille) in [
            ("serial", 300),
            ("check", 400),
            ("volume", 400),
            ("drain", 300),
            ("roll-last", 300),
            ("together", 200),
            ("noprobe", 200),
            ("budget=2", 300),
            ("minimum=2", 200),
            ("ops=one,two:3", 300),
            ("asked=tidy,snapshot", 300),
            ("every=repair:45s", 200),
            ("seeds=1", 200),
            ("replacing", 300),
            ("supply=product-1.0", 300),
            ("phases=1,1", 200),
            ("placed", 300),
            ("tolerate=1:20s:3s", 200),
            ("max-tries=3", 300),
            ("stable=20s", 500),
            ("ready-within=20s", 500),
            ("unready-within=4s", 300),
            ("constraint=rack=group_by", 200),
        ] {
            if self.random.chance(per_mille) {
                options.push(option.to_owned());
            }
        }
        let in_turn = ["serial", "phases", "founding"];
        let in_turn = |option: &String| in_turn.iter().any(|word| option.starts_with(word));
        if self.random.chance(200) && !options.iter().any(in_turn) {
            // All the first ones are placed before the first is launched.
            options.push("seeds=2".to_owned());
        }
        if self.random.chance(100) {
            // What has ended well is not asked how it is.
            options.retain(|option| option != "check" && option != "drain");
            options.push(
                if self.random.chance(500) {
                    "job"
                } else {
                    "once"
                }
                .to_owned(),
            );
        }
        options
    }

    /// One thing that people, machines or programs do.
    fn act(&mut self) {
        match self.random.below(25) {
            22 => self.ttl(),
            23 => self.operate(),
            24 => self.operation(),
            0..=3 => self.run_stack(),
            4 | 5 => self.change_stack(),
            6 | 7 => self.verb(),
            8 => self.down(),
            9..=11 => self.process(),
            12 => self.node(),
            13 => self.crash(),
            14 => {
                self.say("server", "sleeps");
                self.sim.pause_server();
            }
            15 => {
                let woken = self.sim.wake_server();
                self.say("server", &format!("wakes {woken:?}"));
            }
            16..=18 => self.fault(),
            19 => self.faults(),
            20 => self.behave(),
            _ => self.supply(),
        }
    }

    fn some_vdc(&mut self) -> VdcId {
        let vdcs: Vec<VdcId> = self.stacks.keys().cloned().collect();
        self.random.pick(&vdcs).unwrap().clone()
    }

    fn some_task(&mut self) -> Option<(VdcId, Name, TaskName)> {
        let engine = self.sim.engine()?;
        let tasks = |system: &smack_model::System| {
            let (vdc, app) = (system.id.vdc(), system.id.application.clone());
            let names: Vec<TaskName> = system.header.spec.tasks.keys().cloned().collect();
            names
                .into_iter()
                .map(move |name| (vdc.clone(), app.clone(), name))
        };
        let all: Vec<_> = engine.systems().flat_map(tasks).collect();
        self.random.pick(&all).cloned()
    }

    fn specs(&self, vdc: &VdcId) -> BTreeMap<Name, ServiceSpec> {
        let spec = |(name, options): (&Name, &Vec<String>)| {
            let options: Vec<&str> = options.iter().map(String::as_str).collect();
            (name.clone(), service(name, &options).unwrap())
        };
        self.stacks[vdc].iter().map(spec).collect()
    }

    fn run_stack(&mut self) {
        let vdc = self.some_vdc();
        self.run_vdc(vdc);
    }

    fn run_vdc(&mut self, vdc: VdcId) {
        self.revision += 1;
        let systems = self.specs(&vdc);
        let (shown, stack, revision) = (vdc.to_string(), "chaos".to_owned(), self.revision);
        let request = RunRequest {
            vdc,
            shown,
            stack,
            revision,
            systems,
            isolation: smack_model::Isolation::Open,
            ttl: None,
            partial: true,
        };
        self.command(Command::Run(Box::new(request)));
    }

    fn change_stack(&mut self) {
        let vdc = self.some_vdc();
        let apps: Vec<Name> = self.stacks[&vdc].keys().cloned().collect();
        let app = self.random.pick(&apps).cloned();
        let (change, number) = (self.random.below(7), self.random.below(100));
        let stack = self.stacks.get_mut(&vdc).unwrap();
        match (change, app) {
            (0, Some(app)) if stack.len() > 1 => {
                stack.remove(&app);
                let uses = |option: &String| option.contains(&format!("={app}"));
                stack
                    .values_mut()
                    .for_each(|options| options.retain(|option| !uses(option)));
                // What it is used by elsewhere is about to do without it, too.
                let path = format!("{vdc}/{app}");
                let others = self.stacks.values_mut().flat_map(BTreeMap::values_mut);
                others.for_each(|options| options.retain(|option| !option.contains(&path)));
            }
            (1, _) => drop(stack.insert(name("late"), vec!["mem=128".to_owned()])),
            (2 | 3, Some(app)) => stack
                .get_mut(&app)
                .unwrap()
                .push(format!("tasks={}", 1 + number % 4)),
            (_, Some(app)) => stack.get_mut(&app).unwrap().push(format!("env=v{number}")),
            (_, None) => {}
        }
        self.say("stack", &format!("{vdc}: {:?}", self.stacks[&vdc]));
        self.run_vdc(vdc);
    }

    fn verb(&mut self) {
        let Some((vdc, app, task)) = self.some_task() else {
            return;
        };
        let verb = match self.random.below(9) {
            0 => Verb::Stop,
            1 | 2 => Verb::Start,
            3 => Verb::Restart,
            4 => Verb::Replace,
            5 => Verb::Pause,
            6 => Verb::Resume,
            7 => Verb::Force {
                gate: "budget".to_owned(),
            },
            _ => Verb::Force {
                gate: "check".to_owned(),
            },
        };
        let task = (verb == Verb::Replace || self.random.chance(300)).then_some(task);
        let application = (task.is_some() || self.random.chance(700)).then_some(app);
        self.command(Command::Verb {
            vdc,
            application,
            task,
            verb,
        });
    }

    /// A time to live, now and then a short one.
    fn ttl(&mut self) {
        let vdc = self.some_vdc();
        let ttl = match self.random.below(4) {
            0 => Ttl::For(Span(self.random.below(90_000))),
            1 => Ttl::For(Span::minutes(self.random.below(120))),
            _ => Ttl::Never,
        };
        self.command(Command::Live { vdc, ttl });
    }

    fn operate(&mut self) {
        let Some((vdc, app, _)) = self.some_task() else {
            return;
        };
        let names = ["tidy", "snapshot", "repair", "one"];
        let operation = (*self.random.pick(&names).unwrap()).to_owned();
        let verb = Verb::Operate { operation };
        let application = self.random.chance(700).then_some(app);
        self.command(Command::Verb {
            vdc,
            application,
            task: None,
            verb,
        });
    }

    /// How long an operation takes, and how often it fails first.
    fn operation(&mut self) {
        let Some((_, app, _)) = self.some_task() else {
            return;
        };
        let name = *self.random.pick(&["tidy", "repair", "two"]).unwrap();
        let takes = Span(self.random.below(30_000));
        let fails = u32::try_from(self.random.below(4)).unwrap();
        self.say("operation", &format!("{app} {name} {takes} fails {fails}"));
        let plan = OperationPlan { takes, fails };
        let plans = &mut self.sim.world.operation_plans;
        plans.insert((app, name.to_owned()), plan);
    }

    fn down(&mut self) {
        let vdc = self.some_vdc();
        let keep_volumes = self.random.chance(500);
        let force = self.random.chance(300);
        let at_once = self.random.chance(200);
        self.command(Command::Down {
            vdc,
            keep_volumes,
            force,
            at_once,
        });
    }

    fn process(&mut self) {
        let Some((_, app, task)) = self.some_task() else {
            return;
        };
        let what = self.random.below(5);
        let did = match what {
            0 | 1 => self.sim.world.end(&app, &task, End::Signal(9)),
            2 => self.sim.world.end(&app, &task, End::Exit(1)),
            3 => self.sim.world.set_serving(&app, &task, false),
            _ => self.sim.world.set_serving(&app, &task, true),
        };
        self.say("process", &format!("{app}/{task} {what} {did}"));
    }

    fn node(&mut self) {
        let node = node(self.random.below(5));
        match self.random.below(10) {
            0..=4 => drop(self.sim.world.lose(&node)),
            5..=8 => drop(self.sim.world.bring_back(&node)),
            _ if self.sim.world.node_ids().count() > 1 => drop(self.sim.world.remove(&node)),
            _ => {}
        }
        self.say(
            "node",
            &format!("{node} answers: {}", self.sim.world.answers(&node)),
        );
    }

    fn crash(&mut self) {
        self.say("server", "crashes");
        self.sim.crash();
        if self.random.chance(500) {
            let until = self.sim.now + Span(self.random.below(60_000));
            self.run(until);
        }
        self.sim.start_server();
    }

    fn fault(&mut self) {
        let commit = match self.random.below(4) {
            0 => CommitFault::Failed,
            1 => CommitFault::FailedButTookEffect,
            _ => CommitFault::None,
        };
        let crash = match self.random.below(4) {
            0 => Some(Crash::BeforeCommit),
            1 => Some(Crash::AfterActions(
                usize::try_from(self.random.below(4)).unwrap(),
            )),
            2 if !self.sim.has_sleeper() => Some(Crash::Asleep),
            _ => None,
        };
        self.say("fault", &format!("{commit:?} {crash:?}"));
        self.sim.planned.push_back(Fault { commit, crash });
    }

    fn faults(&mut self) {
        let random = &mut self.random;
        let mut some = |most: u64| {
            if random.chance(500) {
                u32::try_from(random.below(most)).unwrap()
            } else {
                0
            }
        };
        self.sim.world.faults = Faults {
            late: Span(u64::from(some(3_000))),
            duplicates: some(300),
            lost_actions: some(200),
            refusals: some(200),
            partial_inventories: some(700),
        };
        self.say("faults", &format!("{:?}", self.sim.world.faults));
    }

    fn behave(&mut self) {
        let Some((_, app, task)) = self.some_task() else {
            return;
        };
        let mut behaviour = Behaviour::default();
        match self.random.below(5) {
            0 => behaviour.ready = None,
            1 => behaviour.ready = Some(Span::seconds(15)),
            2 => behaviour.exits = Some((Span(self.random.below(5_000)), End::Exit(1), Some(3))),
            3 => behaviour.ignores_stop = true,
            _ => behaviour.start = Span(self.random.below(5_000)),
        }
        self.say("behaves", &format!("{app}/{task} {behaviour:?}"));
        self.sim
            .world
            .behaviours
            .insert((app, Some(task)), behaviour);
    }

    fn supply(&mut self) {
        let plan = match self.random.below(3) {
            0 => SupplyPlan::Fails,
            1 => SupplyPlan::After(Span::seconds(5)),
            _ => SupplyPlan::After(Span(1)),
        };
        self.sim.world.plan_supply("product-1.0", plan);
    }

    fn command(&mut self, command: Command) {
        let text = if let Command::Run(request) = &command {
            format!("run {} r{}", request.vdc, request.revision)
        } else {
            format!("{command:?}")
        };
        let answer = self.sim.command(command);
        self.say("command", &format!("{text} -> {answer:?}"));
        let before = Before::of(&self.sim);
        let step = self.sim.decide();
        self.check(&before, &step);
    }

    fn run(&mut self, until: Timestamp) -> bool {
        let mut silent = true;
        let mut steps = 0_u64;
        let most = 5_000 + until.since(self.sim.now).0 / 20;
        loop {
            steps += 1;
            assert!(steps < most, "the loop spins: {}", self.shown());
            let before = Before::of(&self.sim);
            let Some(step) = self.sim.step(until) else {
                return silent;
            };
            silent &= !step.moved;
            self.check(&before, &step);
        }
    }

    fn calm(&mut self) {
        self.say("calm", "");
        for vdc in self.stacks.keys().cloned().collect::<Vec<_>>() {
            let ttl = Ttl::Never;
            self.command(Command::Live { vdc, ttl });
        }
        let world = &mut self.sim.world;
        world.faults = Faults::default();
        world.behaviours.clear();
        world.operation_plans.clear();
        world.plan_supply("product-1.0", SupplyPlan::After(Span(1)));
        self.sim.planned.clear();
        self.sim.wake_server();
        let nodes: Vec<NodeId> = self.sim.world.node_ids().cloned().collect();
        for node in nodes {
            self.sim.world.bring_back(&node);
        }
        let running = self
            .sim
            .world
            .processes()
            .filter(|(_, process)| process.is_alive());
        let running: Vec<_> = running
            .map(|(id, _)| (id.system.application.clone(), id.name.clone()))
            .collect();
        for (app, task) in running {
            self.sim.world.set_serving(&app, &task, true);
        }
        if self.sim.engine().is_none() {
            self.sim.start_server();
        }
        // Data on a node that is gone for good waits for a person.
        for index in 0..5 {
            let attributes = BTreeMap::from([("rack".to_owned(), format!("r{}", index % 2))]);
            self.sim.world.set_node(
                node(index),
                Resources {
                    cpu_millis: 16_000,
                    memory_mib: 16_384,
                },
                attributes,
                None,
            );
        }
        self.run(self.sim.now + Span::minutes(10));
        let vdcs: Vec<VdcId> = self.stacks.keys().cloned().collect();
        for options in self.stacks.values_mut().flat_map(BTreeMap::values_mut) {
            // Silence is looked for between two of them.
            if options.iter().any(|option| option.starts_with("every=")) {
                options.push("every=repair:24h".to_owned());
            }
        }
        // Twice: one that lost what another uses is refused until that does without it.
        for vdc in vdcs.iter().chain(&vdcs) {
            self.run_vdc(vdc.clone());
            // Again: there may have been no server to hear it.
            let ttl = Ttl::Never;
            self.command(Command::Live {
                vdc: vdc.clone(),
                ttl,
            });
            for verb in [
                Verb::Resume,
                Verb::Start,
                Verb::Force {
                    gate: "minimum".to_owned(),
                },
            ] {
                self.command(Command::Verb {
                    vdc: vdc.clone(),
                    application: None,
                    task: None,
                    verb,
                });
            }
        }
        let converged = self.sim.now + Span::minutes(60);
        let mut is_converged = false;
        while !is_converged && self.sim.now < converged {
            self.run(self.sim.now + Span::seconds(10));
            let engine = self.sim.engine().expect("nobody stops it");
            is_converged = engine.view().vdcs.values().all(|vdc| vdc.is_converged());
        }
        if !is_converged {
            panic!("does not converge: {}", self.shown());
        }
        self.run(self.sim.now + Span::minutes(6));
        let silent = self.run(self.sim.now + Span::minutes(3));
        assert!(silent, "is not silent: {}", self.shown());
        self.check_end();
    }

    /// Exactly the wanted processes run, and the grid holds no volume that nobody knows.
    fn check_end(&self) {
        let engine = self.sim.engine().unwrap();
        for system in engine.systems() {
            for (task, spec) in &system.header.spec.tasks {
                let alive = self.sim.world.processes().filter(|(id, process)| {
                    id.system == system.id && id.name == *task && process.is_alive()
                });
                let wanted = usize::from(spec.goal == TaskGoal::Running);
                assert_eq!(
                    alive.count(),
                    wanted,
                    "{}/{task}: {}",
                    system.id,
                    self.shown()
                );
            }
        }
        for (id, _) in self
            .sim
            .world
            .processes()
            .filter(|(_, process)| process.is_alive())
        {
            let system = engine.systems().find(|system| system.id == id.system);
            let known =
                system.is_some_and(|system| system.header.spec.tasks.contains_key(&id.name));
            assert!(
                known,
                "{id} runs although nobody wants it: {}",
                self.shown()
            );
        }
        for volume in self.sim.world.volumes() {
            assert!(
                self.sim.store.volumes.contains_key(volume),
                "{volume} is there and not on record"
            );
        }
    }

    fn check(&mut self, before: &Before, step: &Step) {
        if self.loud {
            for line in self
                .sim
                .log
                .as_mut()
                .map(std::mem::take)
                .unwrap_or_default()
            {
                println!("          {line}");
            }
            for note in std::mem::take(&mut self.sim.journal) {
                println!(
                    "{:>9} {} {}: {}",
                    note.at.0, note.subject, note.kind, note.text
                );
            }
        } else {
            self.sim.journal.clear();
        }
        self.check_processes();
        let Some(engine) = self.sim.engine() else {
            return;
        };
        assert!(engine.fleet().is_sound(), "more is promised than there is");
        self.check_reasons();
        self.check_budget(before, step);
        self.check_operations(before, step);
        self.check_ends();
    }

    /// Nothing that serves is stopped by choice while the product is busy with what somebody asked for; and that begins
    /// only while everything serves, one at a time.
    fn check_operations(&self, before: &Before, step: &Step) {
        let rows = &self.sim.store;
        let is_occasional = |id: &SystemId, operation: &str| {
            let mut operations = rows.headers[id].spec.operations.iter();
            operations.any(|wanted| wanted.name == operation && wanted.when != When::Always)
        };
        let mut fell = BTreeSet::new();
        for change in &step.changes {
            match change {
                // Whoever does not serve any more holds nobody up, and is first to go.
                Change::Task(record)
                    if matches!(record.status, Status::Running { .. } | Status::Unreachable) =>
                {
                    fell.insert((record.id.system.clone(), record.id.name.clone()));
                }
                Change::Task(record) if record.status == (Status::Stopping { late: false }) => {
                    let id = &record.id.system;
                    let intent = &rows.headers[id].intent;
                    let row = (id.clone(), record.id.name.clone());
                    let served = before.statuses.get(&row).is_some_and(Status::is_ready)
                        && !fell.contains(&row);
                    let forced = intent.force.get("check");
                    let forced = forced.is_some_and(|until| *until > self.sim.now);
                    if !served || forced || intent.goal != Goal::Running {
                        continue;
                    }
                    let busy = before
                        .underway
                        .iter()
                        .filter(|(system, name)| system == id && is_occasional(id, name))
                        .find(|row| {
                            rows.operations
                                .get(*row)
                                .is_some_and(|row| row.is_underway())
                        });
                    assert_eq!(busy, None, "{} is stopped by choice meanwhile", record.id);
                }
                Change::Operation(id, name, record)
                    if record.is_underway() && is_occasional(id, name) =>
                {
                    let busy = before.underway.iter().find(|(system, other)| {
                        let row = (system.clone(), other.clone());
                        system == id
                            && other != name
                            && is_occasional(id, other)
                            && rows
                                .operations
                                .get(&row)
                                .is_some_and(|row| row.is_underway())
                    });
                    assert_eq!(busy, None, "{id}: {name} begins meanwhile");
                    let all = rows.headers[id].spec.tasks.iter();
                    for (task, spec) in all.filter(|(_, spec)| spec.goal == TaskGoal::Running) {
                        let record = &rows.tasks[&(id.clone(), task.clone())];
                        assert!(
                            record.status.is_ready() && record.digest == spec.digest(),
                            "{id}: {name} begins while {task} is {:?}",
                            record.status
                        );
                    }
                }
                Change::Vdc(_)
                | Change::VdcGone(_)
                | Change::Header(..)
                | Change::Task(_)
                | Change::TaskGone(..)
                | Change::Launch(..)
                | Change::LaunchGone(..)
                | Change::Operation(..)
                | Change::OperationGone(..)
                | Change::Volume(_)
                | Change::VolumeGone(_) => {}
            }
        }
    }

    /// Nothing lives on past its time.
    fn check_ends(&self) {
        let engine = self.sim.engine().unwrap();
        if !engine.has_inventory() {
            return;
        }
        for vdc in engine.view().vdcs.values() {
            let record = &vdc.record;
            let is_over = record.expires.is_some_and(|at| at <= engine.now());
            // Beyond all warnings: others use it, as it was told.
            let stays = record.warned > 3;
            assert!(!is_over || record.down || stays, "{} lives on", record.id);
        }
    }

    fn check_processes(&self) {
        let mut alive: BTreeMap<(String, &TaskName), u32> = BTreeMap::new();
        for (id, process) in self.sim.world.processes() {
            if process.is_alive() && !process.orphaned {
                let count = alive.entry((id.system.path(), &id.name)).or_default();
                *count += 1;
                assert!(
                    *count <= 1,
                    "two processes of {}/{}",
                    id.system.path(),
                    id.name
                );
            }
        }
    }

    fn check_reasons(&self) {
        let engine = self.sim.engine().unwrap();
        // More than the rounds of one decision: the rest is decided a millisecond later.
        if engine.wake_at() == Some(engine.now() + Span(1)) {
            return;
        }
        let view = engine.view();
        for system in view.vdcs.values().flat_map(|vdc| &vdc.systems) {
            let id = system.id.as_ref().unwrap();
            let Some(known) = engine.system(&id.vdc(), system.application()) else {
                continue;
            };
            let wanted = known.header.intent.goal == Goal::Running;
            if !wanted || system.whole.contains(&Waiting::Inventory) {
                continue;
            }
            for task in &system.tasks {
                let settled = match &task.status {
                    Some(Status::Ready { .. }) => true,
                    Some(Status::Ended(End::Exit(0))) => known
                        .header
                        .spec
                        .tasks
                        .get(&task.name)
                        .is_some_and(|spec| spec.goal != TaskGoal::Running),
                    _ => false,
                };
                assert!(
                    settled
                        || task.waiting.is_some()
                        || !known.header.spec.tasks.contains_key(&task.name),
                    "{}/{} is {:?} and nobody says why",
                    id,
                    task.name,
                    task.status
                );
            }
        }
    }

    /// A task that served is stopped by choice only while fewer than the budget are away.
    fn check_budget(&self, before: &Before, step: &Step) {
        for (index, change) in step.changes.iter().enumerate() {
            let Change::Task(record) = change else {
                continue;
            };
            // It had ceased to serve by itself before that.
            let failed = step.changes.iter().take(index).any(|earlier| {
                matches!(earlier, Change::Task(earlier) if earlier.id == record.id && !earlier.status.is_ready())
            });
            let row = (record.id.system.clone(), record.id.name.clone());
            let served = before.statuses.get(&row).is_some_and(Status::is_ready);
            if record.status != (Status::Stopping { late: false }) || !served || failed {
                continue;
            }
            let Some(header) = self.sim.store.headers.get(&row.0) else {
                continue;
            };
            let forced = header
                .intent
                .force
                .get("budget")
                .is_some_and(|until| *until > self.sim.now);
            if header.intent.goal != Goal::Running || forced {
                continue;
            }
            let away = self
                .sim
                .store
                .tasks
                .iter()
                .filter(|((system, name), other)| {
                    let was_there = before.statuses.get(&(system.clone(), name.clone()));
                    let retired =
                        was_there.is_none_or(|status| *status == Status::Ended(End::Retired));
                    let done = header
                        .spec
                        .tasks
                        .get(name)
                        .is_some_and(|spec| spec.goal != TaskGoal::Running)
                        && other.status == Status::Ended(End::Exit(0));
                    let leaves = matches!(
                        other.status,
                        Status::Draining { .. } | Status::Stopping { .. }
                    );
                    let wanted = header.spec.tasks.contains_key(name) || leaves;
                    *system == row.0
                        && *name != row.1
                        && wanted
                        && !retired
                        && !done
                        && !other.status.is_ready()
                });
            let away: Vec<&TaskName> = away.map(|((_, name), _)| name).collect();
            let budget = header.spec.budget.max(1) as usize;
            assert!(
                away.len() < budget,
                "{} is stopped by choice while {away:?} are away",
                record.id
            );
        }
    }

    fn shown(&self) -> String {
        let Some(engine) = self.sim.engine() else {
            return "no server".to_owned();
        };
        let mut out = String::new();
        for vdc in engine.view().vdcs.values() {
            for system in &vdc.systems {
                for waiting in &system.whole {
                    out.push_str(&format!(
                        "\n  {}: {}",
                        system.application(),
                        waiting.text(self.sim.now)
                    ));
                }
                for task in &system.tasks {
                    let waiting = task
                        .waiting
                        .as_ref()
                        .map(|waiting| waiting.text(self.sim.now));
                    out.push_str(&format!("\n  {} {:?} {waiting:?}", task.name, task.status));
                }
            }
        }
        out
    }

    fn say(&self, what: &str, text: &str) {
        if self.loud {
            println!("{:>9} ** {what} {text}", self.sim.now.0);
        }
    }
}

/// What was on record before a step.
struct Before {
    statuses: BTreeMap<(SystemId, TaskName), Status>,
    underway: Vec<(SystemId, String)>,
}

impl Before {
    fn of(sim: &Sim) -> Self {
        let rows = sim.store.tasks.iter();
        let operations = sim.store.operations.iter();
        Self {
            statuses: rows
                .map(|(row, record)| (row.clone(), record.status.clone()))
                .collect(),
            underway: operations
                .filter(|(_, record)| record.is_underway())
                .map(|(row, _)| row.clone())
                .collect(),
        }
    }
}

fn node(index: u64) -> NodeId {
    name(&format!("n{index}"))
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}
