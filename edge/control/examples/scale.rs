//! Drives the scheduler and the store as the server's loop does (decide, commit, perform, hear back) against simulated
//! nodes, and prints what it costs: a JSON object per line, for `bench/scale` to read. Arguments: tasks, nodes, directory; then
//! `restart` to measure a new server on the store that lies there.
#![expect(clippy::print_stdout, reason = "its figures are its output")]

use std::collections::{BTreeMap, VecDeque};
use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use smack_control::bench_support;
use smack_model::{
    Action, Addressing, Epoch, Event, Found, FoundState, Name, Node, Resources, Span, Status,
    TaskId, Timestamp, VdcId,
};
use smack_scheduler::{Change, Command, Decision, Engine, Image, RunRequest, why};
use smack_services::Catalog;
use smack_stack::{Request, Source};
use smack_store::{Commit, NewEntry, Store, Write};

/// As the server's loop takes them in.
const BATCH: usize = 2_000;
const BATCH_FOR: Duration = Duration::from_millis(2);

const SYSTEMS_PER_VDC: usize = 10;
const TASKS_PER_SYSTEM: usize = 100;
const TASKS_PER_VDC: usize = SYSTEMS_PER_VDC * TASKS_PER_SYSTEM;

/// Where the cost of single events is measured, and with how many ends of tasks.
const CHECKPOINTS: [usize; 5] = [1_000, 3_000, 10_000, 30_000, 100_000];
const ENDS: usize = 100;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |otherwise: usize| arguments.next().map_or(Ok(otherwise), |text| text.parse());
    let (tasks, nodes) = (number(100_000)?, number(5_000)?);
    let temporary = tempfile::tempdir()?;
    let directory = arguments
        .next()
        .map_or(temporary.path().into(), PathBuf::from);
    if arguments.next().is_some_and(|word| word == "restart") {
        return restart(&directory, nodes);
    }
    let mut world = World::new(&directory, nodes)?;
    say(&serde_json::json!({"kind": "start", "nodes": nodes, "rss_kib": memory("VmRSS:")}));
    let mut vdcs = 0;
    for checkpoint in CHECKPOINTS.into_iter().filter(|at| *at <= tasks) {
        fill(&mut world, &mut vdcs, checkpoint)?;
        let (mut thinking, mut whole) = world.single_events(vdcs)?;
        say(&serde_json::json!({
            "kind": "events", "tasks": checkpoint, "events": whole.len(),
            "decide_us": quantiles(&mut thinking), "durable_us": quantiles(&mut whole),
        }));
    }
    explain(&mut world)?;
    say(&serde_json::json!({
        "kind": "memory", "rss_kib": memory("VmRSS:"), "peak_kib": memory("VmHWM:"),
        "store_bytes": std::fs::metadata(directory.join("scale.store"))?.len(),
    }));
    floor(&world.store, &directory)?;
    drop(world);
    let again = std::process::Command::new(std::env::current_exe()?)
        .args([tasks.to_string(), nodes.to_string()])
        .args([directory.as_os_str(), "restart".as_ref()])
        .status()?;
    if again.success() {
        Ok(())
    } else {
        Err("the restart failed".into())
    }
}

/// Runs stacks until there are so many tasks. Resolving them is not counted: `bench/language` measures that.
fn fill(world: &mut World, vdcs: &mut usize, tasks: usize) -> Outcome<()> {
    world.costs = Costs::default();
    let (began, cpu) = (Instant::now(), cpu_seconds());
    let mut placed = 0;
    let (mut away, mut cpu_away) = (Duration::ZERO, 0.0);
    while *vdcs * TASKS_PER_VDC < tasks {
        let (preparing, cpu) = (Instant::now(), cpu_seconds());
        let request = request(*vdcs)?;
        away += preparing.elapsed();
        cpu_away += cpu_seconds() - cpu;
        placed += world.run(request)?;
        *vdcs += 1;
    }
    let took = began.elapsed() - away;
    say(&serde_json::json!({
        "kind": "fill", "tasks": tasks, "placed": placed, "seconds": took.as_secs_f64(),
        "cpu_seconds": cpu_seconds() - cpu - cpu_away, "costs": world.costs.seconds(), "turns": world.costs.turns, "rss_kib": memory("VmRSS:"),
    }));
    Ok(())
}

/// Simulated nodes that start everything at once, with the real scheduler, store and encoding before them.
struct World {
    store: Store,
    epoch: smack_store::Epoch,
    engine: Engine,
    events: VecDeque<Event>,
    /// Ahead of the clock by what was waited for.
    ahead: Span,
    pid: u32,
    costs: Costs,
    seed: u64,
}

/// Where the time goes.
#[derive(Default)]
struct Costs {
    record: Duration,
    decide: Duration,
    encode: Duration,
    commit: Duration,
    perform: Duration,
    turns: usize,
}

impl Costs {
    fn seconds(&self) -> BTreeMap<&'static str, f64> {
        let parts = [
            ("record", self.record),
            ("decide", self.decide),
            ("encode", self.encode),
            ("commit", self.commit),
            ("perform", self.perform),
        ];
        let seconds = |(name, took): (_, Duration)| (name, took.as_secs_f64());
        parts.into_iter().map(seconds).collect()
    }
}

impl World {
    fn new(directory: &Path, nodes: usize) -> Outcome<Self> {
        let mut store = Store::open(&directory.join("scale.store"))?;
        let epoch = store.take_epoch()?;
        let mut world = Self::over(store, epoch, Image::default(), nodes)?;
        world.events.push_back(inventory(Vec::new(), clock()));
        world.settle()?;
        Ok(world)
    }

    fn over(store: Store, epoch: smack_store::Epoch, image: Image, nodes: usize) -> Outcome<Self> {
        let nodes = (0..nodes).map(node).collect::<Outcome<Vec<Node>>>()?;
        let mut engine = Engine::load(image, Epoch(epoch.0), clock());
        engine.record(Event::Nodes(nodes), clock());
        Ok(Self {
            store,
            epoch,
            engine,
            events: VecDeque::new(),
            ahead: Span::default(),
            pid: 1_000,
            costs: Costs::default(),
            seed: 1,
        })
    }

    fn now(&self) -> Timestamp {
        clock() + self.ahead
    }

    /// Runs a stack and gives how many tasks became ready, all of them durable.
    fn run(&mut self, request: RunRequest) -> Outcome<usize> {
        let began = Instant::now();
        let now = self.now();
        self.engine.command(Command::Run(Box::new(request)), now)?;
        self.costs.record += began.elapsed();
        let ready = self.turn()?;
        Ok(ready + self.settle()?)
    }

    /// Turns until nothing is heard any more; gives how many tasks became ready.
    fn settle(&mut self) -> Outcome<usize> {
        let mut ready = 0;
        while !self.events.is_empty() {
            ready += self.turn()?;
        }
        Ok(ready)
    }

    /// What the server's loop does with what has come in, in its order.
    fn turn(&mut self) -> Outcome<usize> {
        let began = Instant::now();
        for _ in 0..BATCH {
            let Some(event) = self.events.pop_front() else {
                break;
            };
            let now = self.now();
            self.engine.record(event, now);
            if began.elapsed() >= BATCH_FOR {
                break;
            }
        }
        let recorded = Instant::now();
        let decision = self.engine.decide(self.now());
        let decided = Instant::now();
        let commit = bench_support::commit(&decision);
        let encoded = Instant::now();
        if !commit.is_empty() {
            self.store.commit(self.epoch, &commit)?;
        }
        let committed = Instant::now();
        drop(commit);
        let ready = self.perform(decision);
        let costs = &mut self.costs;
        costs.record += recorded - began;
        costs.decide += decided - recorded;
        costs.encode += encoded - decided;
        costs.commit += committed - encoded;
        costs.perform += committed.elapsed();
        costs.turns += 1;
        Ok(ready)
    }

    fn perform(&mut self, decision: Decision) -> usize {
        for action in decision.actions {
            if let Action::Launch(order) = action {
                self.pid += 1;
                self.events.push_back(Event::Starting(order.id.clone()));
                self.events.push_back(Event::Running {
                    id: order.id,
                    pid: self.pid,
                });
            }
        }
        let changes = decision.changes.iter();
        changes
            .filter(|change| matches!(change, Change::Task(record) if record.status.is_ready()))
            .count()
    }

    /// Lets tasks die, one at a time: the end, the retry, the start and the readiness are a turn each. Gives the time of
    /// every turn without and with its commit, in microseconds.
    fn single_events(&mut self, vdcs: usize) -> Outcome<(Vec<f64>, Vec<f64>)> {
        let (mut thinking, mut whole) = (Vec::new(), Vec::new());
        for _ in 0..ENDS {
            let id = self.some_task(vdcs)?;
            let at = self.now();
            let end = smack_model::End::Exit(1);
            self.events.push_back(Event::Ended { id, end, at });
            self.timed_turn(&mut thinking, &mut whole)?;
            self.ahead = Span(self.ahead.0 + 61_000);
            self.timed_turn(&mut thinking, &mut whole)?;
            while let Some(event) = self.events.pop_front() {
                let later = std::mem::replace(&mut self.events, VecDeque::from([event]));
                self.timed_turn(&mut thinking, &mut whole)?;
                self.events.extend(later);
            }
        }
        Ok((thinking, whole))
    }

    fn timed_turn(&mut self, thinking: &mut Vec<f64>, whole: &mut Vec<f64>) -> Outcome<()> {
        let saving = self.costs.commit;
        let began = Instant::now();
        self.turn()?;
        let took = began.elapsed();
        let saved = self.costs.commit - saving;
        thinking.push((took - saved).as_secs_f64() * 1e6);
        whole.push(took.as_secs_f64() * 1e6);
        Ok(())
    }

    /// One that looks picked at random and is the same in every run.
    fn some_task(&mut self, vdcs: usize) -> Outcome<TaskId> {
        self.seed = self
            .seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let number = usize::try_from(self.seed >> 33)? % (vdcs * TASKS_PER_VDC);
        let vdc = vdc(number / TASKS_PER_VDC)?;
        let application = format!("app-{}", number % TASKS_PER_VDC / TASKS_PER_SYSTEM);
        let system = self.engine.system(&vdc, &application);
        let mut tasks = system.ok_or("the system is there")?.tasks.values();
        let record = tasks.nth(number % TASKS_PER_SYSTEM);
        Ok(record.ok_or("the task is there")?.id.clone())
    }
}

/// A new server on the same store: reads all rows, hears what runs, decides that nothing is to be done. In a process of
/// its own, so that its memory is its own.
fn restart(directory: &Path, nodes: usize) -> Outcome<()> {
    let began = Instant::now();
    let mut store = Store::open(&directory.join("scale.store"))?;
    let epoch = store.take_epoch()?;
    let image = bench_support::image(&store)?;
    let understood = began.elapsed();
    let found = |record: &smack_model::TaskRecord| {
        let Status::Ready { pid } = record.status else {
            return None;
        };
        Some(Found {
            id: record.id.clone(),
            state: FoundState::Running { pid },
        })
    };
    let found = image.tasks.iter().filter_map(found).collect();
    let mut world = World::over(store, epoch, image, nodes)?;
    world.events.push_back(inventory(found, clock()));
    let silent = world.turn()? == 0;
    say(&serde_json::json!({
        "kind": "restart", "read_seconds": understood.as_secs_f64(),
        "adopt_seconds": (began.elapsed() - understood).as_secs_f64(),
        "silent": silent, "rss_kib": memory("VmRSS:"), "peak_kib": memory("VmHWM:"),
    }));
    Ok(())
}

/// `why` of one task that fits nowhere, among everything else: looked up in the view and explained.
fn explain(world: &mut World) -> Outcome<()> {
    let mut request = stack(TOO_BIG, "1", "900000")?;
    request.partial = true;
    let id = request.vdc.clone();
    world.run(request)?;
    let application = Name::new("app-0")?;
    let system = world.engine.system(&id, application.as_str());
    let task = system.and_then(|system| system.header.spec.tasks.keys().next().cloned());
    let mut times = Vec::new();
    let mut text = String::new();
    for _ in 0..201 {
        let began = Instant::now();
        let view = world.engine.view();
        let status = view.vdcs.get(&id).ok_or("the VDC is in the view")?;
        let causes = why(&view, status, Some(&application), task.as_ref(), view.now);
        times.push(began.elapsed().as_secs_f64() * 1e6);
        let first = causes.first().ok_or("there is a cause")?;
        text = format!("{}: {}", first.subject, first.text);
    }
    say(&serde_json::json!({"kind": "why", "us": quantiles(&mut times), "answer": text}));
    Ok(())
}

/// The same rows, written twice with a journal entry each, as the placements did it: what the store alone can.
fn floor(store: &Store, directory: &Path) -> Outcome<()> {
    let mut rows = store.load()?.rows;
    rows.retain(|row| row.key.starts_with("task/"));
    let mut other = Store::open(&directory.join("floor.store"))?;
    let epoch = other.take_epoch()?;
    let entry = |_: &_| NewEntry {
        at_millis: 1_700_000_000_000,
        kind: "placed".to_owned(),
        subject: "default/vdc-0/app-0/app-0-0".to_owned(),
        body: "\"attempt 1 on node-0000 at 10.0.0.0\"".to_owned(),
    };
    let began = Instant::now();
    for rows in rows.chunks(TASKS_PER_VDC) {
        for _ in 0..2 {
            let writes = rows.iter();
            let writes = writes.map(|row| Write::put(row.key.clone(), row.value.clone()));
            let commit = Commit {
                writes: writes.collect(),
                entries: rows.iter().map(entry).collect(),
            };
            other.commit(epoch, &commit)?;
        }
    }
    say(&serde_json::json!({
        "kind": "floor", "placements": rows.len(), "seconds": began.elapsed().as_secs_f64(),
    }));
    Ok(())
}

/// The number of the VDC whose tasks no node can hold.
const TOO_BIG: usize = usize::MAX;

fn request(number: usize) -> Outcome<RunRequest> {
    stack(number, "0.1", "64")
}

/// A stack of ten applications of a hundred tasks each, resolved and built as `smack run` does it.
fn stack(number: usize, cpu: &str, memory: &str) -> Outcome<RunRequest> {
    let vdc = vdc(number)?;
    let mut text = "name: scale\napplications:\n".to_owned();
    for application in 0..SYSTEMS_PER_VDC {
        write!(
            text,
            "  app-{application}:\n    type: command\n    instances: {TASKS_PER_SYSTEM}\n    cpu: {cpu}\n    \
             mem: {memory}\n    ports: {{http: any}}\n    env: {{LEVEL: info}}\n    \
             launch_command: exec serve --port $PORT_HTTP\n"
        )?;
    }
    let stack = Source::new("scale.yaml", text);
    let request = Request {
        stack: &stack,
        parents: &BTreeMap::new(),
        layers: &BTreeMap::new(),
        zone: "default",
        run: Some(vdc.name.as_str()),
        vars: &[],
        predefined: &BTreeMap::new(),
    };
    let resolved = smack_stack::resolve(&request).map_err(|problems| format!("{problems:?}"))?;
    let nodes = smack_services::some_nodes(5_000);
    let platform = smack_services::build(&resolved, Catalog::embedded(), &nodes)
        .map_err(|problems| format!("{problems:?}"))?;
    Ok(RunRequest {
        shown: vdc.name.to_string(),
        vdc,
        stack: "scale".to_owned(),
        revision: 1,
        systems: platform.specs,
        isolation: smack_model::Isolation::Open,
        ttl: None,
        partial: false,
    })
}

fn vdc(number: usize) -> Outcome<VdcId> {
    let name = match number {
        TOO_BIG => "too-big".to_owned(),
        _ => format!("vdc-{number}"),
    };
    Ok(VdcId {
        zone: Name::new("default")?,
        name: Name::new(&name)?,
    })
}

/// 32 cores, 64 GiB and a range of ports, in one of twenty racks.
fn node(number: usize) -> Outcome<Node> {
    let address = format!("10.{}.{}.1", number / 256, number % 256);
    Ok(Node {
        id: Name::new(&format!("node-{number:04}"))?,
        attributes: BTreeMap::from([("rack".to_owned(), format!("r{}", number % 20))]),
        capacity: Resources {
            cpu_millis: 32_000,
            memory_mib: 65_536,
        },
        starting: None,
        isolation: smack_model::Isolation::Open,
        addressing: Addressing::PerNode {
            address,
            ports: (31_000, 32_000),
        },
    })
}

fn inventory(tasks: Vec<Found>, began: Timestamp) -> Event {
    Event::Inventory {
        node: None,
        complete: true,
        began,
        tasks,
        volumes: Vec::new(),
    }
}

fn clock() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let millis = since.unwrap_or_default().as_millis();
    Timestamp(u64::try_from(millis).unwrap_or(u64::MAX))
}

/// The median, the 95th percentile and the worst.
fn quantiles(values: &mut [f64]) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    [50, 95, 100].map(|share| values.get(last * share / 100).copied().unwrap_or(0.0))
}

/// What this process, which has one thread, has used of the processor.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let nanoseconds = text
        .split_whitespace()
        .next()
        .and_then(|text| text.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or(0)).as_secs_f64()
}

/// A figure of this process, in KiB.
fn memory(field: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with(field))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

fn say(figures: &serde_json::Value) {
    println!("{figures}");
}
