//! How fast the engine places and how its cost per event grows: 5,000 nodes, 100,000 tasks in 1,000 systems, without a
//! store. `cargo run --release -p smack-scheduler --example placing`.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement prints and reads the clock"
)]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use smack_model::{
    Action, Addressing, Epoch, Event, Name, Node, Resources, ServiceSpec, TaskId, Timestamp, VdcId,
};
use smack_scheduler::sim::service;
use smack_scheduler::{Command, Engine, Image, RunRequest, why};

const NODES: u32 = 5_000;
const PER_SYSTEM: u32 = 100;

fn main() {
    for tasks in [1_000, 10_000, 100_000] {
        measure(tasks);
    }
}

fn measure(tasks: u32) {
    let systems = tasks / PER_SYSTEM;
    let mut world = World::new(systems);
    let began = Instant::now();
    let launched = world.place(systems);
    let placing = began.elapsed();
    let began = Instant::now();
    let events = world.start(&launched);
    let starting = began.elapsed();
    let per_event = world.disturb(&launched);
    let began = Instant::now();
    let view = world.engine.view();
    let vdc = view.vdcs.values().next_back().expect("there is one");
    let causes = why(
        &view,
        vdc,
        Some(&name("app")),
        Some(&name("app-7")),
        world.now,
    );
    let asking = began.elapsed();
    println!(
        "{tasks:>7} tasks: {:>8.0} placements/s, {:>6.2} us per event in batches of 2,000 ({events} events), {:>7.1} us per event alone, why {:>5.1} us ({} causes), {} MiB resident",
        f64::from(tasks) / placing.as_secs_f64(),
        micros(starting) / events as f64,
        per_event,
        micros(asking),
        causes.len(),
        resident_mib(),
    );
}

struct World {
    engine: Engine,
    now: Timestamp,
}

impl World {
    fn new(systems: u32) -> Self {
        let now = Timestamp(1);
        let mut engine = Engine::load(Image::default(), Epoch(1), now);
        engine.record(Event::Nodes((0..NODES).map(node).collect()), now);
        let inventory = Event::Inventory {
            node: None,
            complete: true,
            began: now,
            tasks: Vec::new(),
            volumes: Vec::new(),
        };
        engine.record(inventory, now);
        engine.decide(now);
        let spec =
            service(&name("app"), &["tasks=100", "mem=64", "cpu=0.1"]).expect("known options");
        for index in 0..systems {
            let vdc = VdcId {
                zone: name("bench"),
                name: name(&format!("v{index}")),
            };
            let systems: BTreeMap<Name, ServiceSpec> =
                BTreeMap::from([(name("app"), spec.clone())]);
            let (shown, stack) = (vdc.to_string(), "bench".to_owned());
            let request = RunRequest {
                vdc,
                shown,
                stack,
                revision: 1,
                systems,
                isolation: smack_model::Isolation::Open,
                ttl: None,
                partial: true,
            };
            engine
                .command(Command::Run(Box::new(request)), now)
                .expect("nothing is refused");
        }
        Self { engine, now }
    }

    /// One decision places everything.
    fn place(&mut self, systems: u32) -> Vec<TaskId> {
        let decision = self.engine.decide(self.now);
        let launches = decision.actions.iter().filter_map(|action| {
            let Action::Launch(order) = action else {
                return None;
            };
            Some(order.id.clone())
        });
        let launched: Vec<TaskId> = launches.collect();
        assert_eq!(
            launched.len(),
            (systems * PER_SYSTEM) as usize,
            "everything fits"
        );
        launched
    }

    /// Every task starts, runs and becomes ready; a decision after every 2,000 events, as the loop does.
    fn start(&mut self, launched: &[TaskId]) -> usize {
        let running = |(pid, id): (u32, &TaskId)| Event::Running {
            id: id.clone(),
            pid,
        };
        let ready = |id: &TaskId| probed(id, true);
        let starting = launched.iter().map(|id| Event::Starting(id.clone()));
        let events: Vec<Event> = starting
            .chain((1..).zip(launched).map(running))
            .chain(launched.iter().map(ready))
            .collect();
        let count = events.len();
        let mut events = events.into_iter().peekable();
        while events.peek().is_some() {
            self.now = Timestamp(self.now.0 + 5);
            for event in events.by_ref().take(2_000) {
                self.engine.record(event, self.now);
            }
            self.engine.decide(self.now);
        }
        count
    }

    /// One event, one decision: tasks lose and regain their readiness. Microseconds each.
    fn disturb(&mut self, launched: &[TaskId]) -> f64 {
        let mut spent = Duration::ZERO;
        let rounds: u32 = 500;
        for round in 0..rounds {
            let id = &launched[round as usize * 7919 % launched.len()];
            for ready in [false, true] {
                self.now = Timestamp(self.now.0 + 1);
                let began = Instant::now();
                self.engine.record(probed(id, ready), self.now);
                self.engine.decide(self.now);
                spent += began.elapsed();
            }
        }
        micros(spent) / f64::from(rounds * 2)
    }
}

fn probed(id: &TaskId, ready: bool) -> Event {
    Event::Probed {
        id: id.clone(),
        ready,
        role: None,
        detail: String::new(),
    }
}

fn node(index: u32) -> Node {
    let addressing = Addressing::PerTask {
        first_block: 256,
        last_block: u16::MAX,
        foreign: Vec::new(),
    };
    let capacity = Resources {
        cpu_millis: 16_000,
        memory_mib: 65_536,
    };
    Node {
        id: name(&format!("n{index}")),
        attributes: BTreeMap::new(),
        capacity,
        addressing,
        starting: None,
        isolation: smack_model::Isolation::Open,
    }
}

fn name(text: &str) -> Name {
    Name::new(text).expect("a DNS label")
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

/// Of this process, as Linux counts it; 0 elsewhere.
fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    number.unwrap_or(0) / 1024
}
