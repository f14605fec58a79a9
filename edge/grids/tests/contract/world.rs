//! A home of its own with a grid on it, and what the grid has told. Leaves neither processes nor files behind.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use smack_grids::{Grid as _, LaunchPaths, LocalGrid, LogLimits, Options};
use smack_model::{
    Action, Addressing, Epoch, Event, Found, FoundState, Isolation, JavaNeed, Launch, LaunchOrder,
    Name, Node, Ports, Refusal, Resources, Span, SystemId, TaskId, Template, VolumeId,
};
use tempfile::TempDir;

pub(crate) struct World {
    home: TempDir,
    pub(crate) logs: LogLimits,
    pub(crate) boot_id: Option<String>,
    pub(crate) isolation: Isolation,
}

pub(crate) struct Agent {
    pub(crate) grid: LocalGrid,
    pub(crate) events: Receiver<Event>,
    pub(crate) epoch: Epoch,
}

/// Finds nothing but what tests need.
pub(crate) struct Paths;

impl LaunchPaths for Paths {
    fn java(&self, need: &JavaNeed) -> Result<PathBuf, String> {
        match need.versions.as_str() {
            "none" => Err("none was found".to_owned()),
            _ => Ok("/bin/echo".into()),
        }
    }

    fn class_path(&self, set: &str) -> Result<String, String> {
        match set {
            "missing" => Err("it is on no mirror".to_owned()),
            set => Ok(format!("/sets/{set}/a.jar:/sets/{set}/b.jar")),
        }
    }

    fn shared_archive(&self, set: &str, _java: &Path, flags: &[String]) -> Option<String> {
        (set == "archived").then(|| format!("-XX:SharedArchiveFile={set} for {}", flags.join(" ")))
    }

    fn fetch(&self, url: &str, into: &Path) -> Result<(), String> {
        match url.strip_prefix("test:") {
            Some(name) => {
                std::fs::write(into.join(name), "fetched\n").map_err(|error| error.to_string())
            }
            None => Err("nobody answers".to_owned()),
        }
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::of(TempDir::new().unwrap())
    }

    pub(crate) fn of(home: TempDir) -> Self {
        Self {
            home,
            logs: LogLimits::default(),
            boot_id: None,
            isolation: Isolation::Vdc,
        }
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn agent(&self) -> Agent {
        self.agent_of(1)
    }

    pub(crate) fn agent_of(&self, epoch: u64) -> Agent {
        let (sender, events) = channel();
        let grid = LocalGrid::start(self.options(sender)).unwrap();
        Agent {
            grid,
            events,
            epoch: Epoch(epoch),
        }
    }

    pub(crate) fn options(&self, sender: Sender<Event>) -> Options {
        let sender = Mutex::new(sender);
        let tell = move |event| drop(sender.lock().unwrap().send(event));
        let mut options = Options::new(
            self.home(),
            "test",
            vec![node("local")],
            Arc::new(Paths),
            tell,
        );
        options.logs = self.logs.clone();
        options.boot_id.clone_from(&self.boot_id);
        options.isolation = self.isolation;
        options
    }

    pub(crate) fn sandbox(&self, id: &TaskId) -> PathBuf {
        self.home().join("sandboxes").join(id.file_name())
    }

    pub(crate) fn file(&self, id: &TaskId, name: &str) -> String {
        std::fs::read_to_string(self.sandbox(id).join(name)).unwrap()
    }

    /// The process that `shim` or `pid` names.
    pub(crate) fn pid(&self, id: &TaskId, file: &str) -> u32 {
        let text = self.file(id, &format!(".smack/{file}"));
        text.split_whitespace().next().unwrap().parse().unwrap()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for directory in std::fs::read_dir(self.home().join("vdcs"))
            .into_iter()
            .flatten()
        {
            for file in ["hold.pid", "relay.pid"] {
                let text = std::fs::read_to_string(directory.as_ref().unwrap().path().join(file));
                if let Some((pid, _)) = text.unwrap_or_default().split_once(' ') {
                    signal(pid.parse().unwrap(), rustix::process::Signal::KILL);
                }
            }
        }
        let Ok(sandboxes) = std::fs::read_dir(self.home().join("sandboxes")) else {
            return;
        };
        let mut shims = Vec::new();
        for sandbox in sandboxes.flatten() {
            let control = sandbox.path().join(".smack");
            let number = |name| -> Option<u32> {
                let text = std::fs::read_to_string(control.join(name)).ok()?;
                text.split_whitespace().next()?.parse().ok()
            };
            if control.join("exit").exists() {
                continue;
            }
            if let Some(pid) = number("pid") {
                kill_group(pid);
            }
            shims.extend(number("shim"));
        }
        for shim in shims {
            eventually(|| !is_alive(shim));
        }
    }
}

impl Agent {
    pub(crate) fn perform(&self, action: Action) {
        self.grid.perform(self.epoch, &action);
    }

    pub(crate) fn launch(&self, order: LaunchOrder) -> TaskId {
        let id = order.id.clone();
        self.perform(Action::Launch(Box::new(order)));
        id
    }

    /// Launches a command and waits until it runs.
    pub(crate) fn run(&self, name: &str, command: &[&str]) -> (TaskId, u32) {
        let id = self.launch(order(name, 1, command));
        let pid = self.running(&id);
        (id, pid)
    }

    pub(crate) fn stop(&self, id: &TaskId, grace: Span) {
        self.perform(Action::Stop {
            id: id.clone(),
            node: None,
            signal: 15,
            grace,
        });
    }

    /// The first event for which `find` has a value, within ten seconds.
    pub(crate) fn wait<T>(&self, what: &str, mut find: impl FnMut(Event) -> Option<T>) -> T {
        let deadline = Instant::now() + Duration::from_secs(10);
        let mut passed = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(event) = self.events.recv_timeout(left) else {
                panic!("no {what}, only {passed:#?}");
            };
            passed.push(format!("{event:?}"));
            if let Some(found) = find(event) {
                return found;
            }
        }
    }

    pub(crate) fn running(&self, wanted: &TaskId) -> u32 {
        self.wait("Running", |event| match event {
            Event::Running { id, pid } if id == *wanted => Some(pid),
            Event::Refused { id, refusal } if id == *wanted => panic!("{id} refused: {refusal}"),
            _ => None,
        })
    }

    pub(crate) fn ended(&self, wanted: &TaskId) -> smack_model::End {
        self.wait("Ended", |event| match event {
            Event::Ended { id, end, .. } if id == *wanted => Some(end),
            Event::Refused { id, refusal } if id == *wanted => panic!("{id} refused: {refusal}"),
            _ => None,
        })
    }

    pub(crate) fn refused(&self, wanted: &TaskId) -> Refusal {
        self.wait("Refused", |event| match event {
            Event::Refused { id, refusal } if id == *wanted => Some(refusal),
            _ => None,
        })
    }

    pub(crate) fn inventory(&self) -> (BTreeMap<TaskId, FoundState>, Vec<VolumeId>) {
        self.wait("Inventory", |event| match event {
            Event::Inventory {
                complete: true,
                tasks,
                volumes,
                ..
            } => {
                let tasks = tasks.into_iter().map(|Found { id, state }| (id, state));
                Some((tasks.collect(), volumes))
            }
            _ => None,
        })
    }
}

pub(crate) fn node(name: &str) -> Node {
    Node {
        id: Name::new(name).unwrap(),
        attributes: BTreeMap::new(),
        capacity: Resources::default(),
        starting: None,
        isolation: smack_model::Isolation::Open,
        addressing: Addressing::PerNode {
            address: "127.0.0.1".to_owned(),
            ports: (20_000, 30_000),
        },
    }
}

pub(crate) fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

pub(crate) fn task(name: &str, attempt: u32) -> TaskId {
    TaskId {
        system: SystemId::parse("qa/run/app!1").unwrap(),
        name: self::name(name),
        attempt,
    }
}

pub(crate) fn order(name: &str, attempt: u32, command: &[&str]) -> LaunchOrder {
    LaunchOrder {
        id: task(name, attempt),
        node: Some(self::name("local")),
        launch: Arc::new(Launch {
            command: command.iter().map(|word| Template::from(*word)).collect(),
            ..Launch::default()
        }),
        address: None,
        ports: Ports::new(),
        volumes: BTreeMap::new(),
        needs: Resources::default(),
        isolation: smack_model::Isolation::Open,
    }
}

pub(crate) fn eventually(mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(
            Instant::now() < deadline,
            "it did not happen within ten seconds"
        );
        std::thread::sleep(Duration::from_millis(2));
    }
}

pub(crate) fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

pub(crate) fn signal(pid: u32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    let _ = rustix::process::kill_process(pid, signal);
}

fn kill_group(pid: u32) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
}
