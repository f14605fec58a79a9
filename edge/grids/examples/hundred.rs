//! Measures the local grid: 100 launches from nothing to running, what their shims cost, how soon ends are seen, how
//! long a successor takes to adopt them. Usage: `cargo run --release -p smack-grids --example hundred [COUNT]`.
#![expect(clippy::print_stdout, reason = "a measurement prints its figures")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use smack_grids::{Error, Grid, LaunchPaths, LocalGrid, Options, virtual_nodes};
use smack_model::{
    Action, Epoch, Event, JavaNeed, Launch, LaunchOrder, Name, Ports, Resources, Span, SystemId,
    TaskId,
};

struct Nothing;

impl LaunchPaths for Nothing {
    fn java(&self, _: &JavaNeed) -> Result<PathBuf, String> {
        Err("not here".to_owned())
    }
    fn class_path(&self, _: &str) -> Result<String, String> {
        Err("not here".to_owned())
    }
    fn shared_archive(&self, _: &str, _: &Path, _: &[String]) -> Option<String> {
        None
    }
    fn fetch(&self, _: &str, _: &Path) -> Result<(), String> {
        Err("not here".to_owned())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count: usize = std::env::args()
        .nth(1)
        .map_or(Ok(100), |text| text.parse())?;
    let home = std::env::temp_dir().join(format!("smack-hundred-{}", std::process::id()));
    let measured = measure(&home, count);
    std::fs::remove_dir_all(&home)?;
    measured
}

fn start(home: &Path, sender: Sender<Event>) -> Result<LocalGrid, Error> {
    let sender = Mutex::new(sender);
    let tell = move |event| {
        if let Ok(sender) = sender.lock() {
            drop(sender.send(event));
        }
    };
    let nodes = virtual_nodes(1, "hundred", home);
    LocalGrid::start(Options::new(
        home,
        "hundred",
        nodes,
        Arc::new(Nothing),
        tell,
    ))
}

fn measure(home: &Path, count: usize) -> Result<(), Box<dyn std::error::Error>> {
    let (sender, events) = channel();
    let grid = start(home, sender)?;
    let orders = (0..count).map(order).collect::<Result<Vec<_>, _>>()?;
    let begun = Instant::now();
    for order in &orders {
        grid.perform(Epoch(1), &Action::Launch(Box::new(order.clone())));
    }
    let pids = running(&events, count)?;
    println!("{count} launches to running: {:?}", begun.elapsed());

    std::thread::sleep(Duration::from_millis(200));
    memory(home)?;

    drop(grid);
    let begun = Instant::now();
    let (sender, events) = channel();
    let grid = start(home, sender)?;
    println!("a successor has adopted them: {:?}", begun.elapsed());

    let mut times = Vec::new();
    for (id, pid) in pids.iter().take(20) {
        let pid = i32::try_from(*pid)
            .ok()
            .and_then(Pid::from_raw)
            .ok_or("no process id")?;
        let killed = Instant::now();
        kill_process(pid, Signal::KILL)?;
        ended(&events, id)?;
        times.push(killed.elapsed());
    }
    times.sort();
    println!(
        "ends seen after a kill: median {:?}, slowest {:?}",
        times[times.len() / 2],
        times[times.len() - 1]
    );

    let begun = Instant::now();
    let rest: Vec<&TaskId> = pids.keys().skip(20).collect();
    for id in &rest {
        let stop = Action::Stop {
            id: (*id).clone(),
            node: None,
            signal: 15,
            grace: Span::seconds(5),
        };
        grid.perform(Epoch(1), &stop);
    }
    for _ in &rest {
        any_end(&events)?;
    }
    println!("{} stops to ended: {:?}", rest.len(), begun.elapsed());
    Ok(())
}

fn order(number: usize) -> Result<LaunchOrder, smack_model::NotAName> {
    let name = |text: &str| Name::new(text);
    Ok(LaunchOrder {
        id: TaskId {
            system: SystemId {
                scope: name("bench")?,
                run: name("run")?,
                application: name("sleep")?,
                incarnation: 1,
            },
            name: name(&format!("task-{number}"))?,
            attempt: 1,
        },
        node: Some(name("local")?),
        launch: Arc::new(Launch {
            command: vec!["sleep".into(), "1000".into()],
            ..Launch::default()
        }),
        address: None,
        ports: Ports::new(),
        volumes: BTreeMap::new(),
        needs: Resources::default(),
        isolation: smack_model::Isolation::Open,
    })
}

fn running(events: &Receiver<Event>, count: usize) -> Result<BTreeMap<TaskId, u32>, String> {
    let mut pids = BTreeMap::new();
    while pids.len() < count {
        let event = events
            .recv_timeout(Duration::from_secs(30))
            .map_err(|error| error.to_string())?;
        if let Event::Running { id, pid } = event {
            pids.insert(id, pid);
        } else if let Event::Refused { id, refusal } = event {
            return Err(format!("{id}: {refusal}"));
        }
    }
    Ok(pids)
}

fn ended(events: &Receiver<Event>, wanted: &TaskId) -> Result<(), String> {
    while any_end(events)? != *wanted {}
    Ok(())
}

fn any_end(events: &Receiver<Event>) -> Result<TaskId, String> {
    loop {
        let event = events
            .recv_timeout(Duration::from_secs(30))
            .map_err(|error| error.to_string())?;
        if let Event::Ended { id, .. } = event {
            return Ok(id);
        }
    }
}

/// Proportional and private memory of all shims, from the kernel's own sums.
fn memory(home: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let (mut shims, mut proportional, mut private) = (0_u64, 0, 0);
    for sandbox in std::fs::read_dir(home.join("sandboxes"))? {
        let text = std::fs::read_to_string(sandbox?.path().join(".smack/shim"))?;
        let pid = text.split_whitespace().next().unwrap_or_default();
        let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
        let sum = |names: &[&str]| -> u64 {
            let lines = rollup
                .lines()
                .filter(|line| names.iter().any(|name| line.starts_with(name)));
            lines
                .filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok())
                .sum()
        };
        shims += 1;
        proportional += sum(&["Pss:"]);
        private += sum(&["Private_Clean:", "Private_Dirty:"]);
    }
    println!(
        "{shims} shims: {} KB each (PSS), {} KB private, {} MB together",
        proportional / shims,
        private / shims,
        proportional / 1024
    );
    Ok(())
}
