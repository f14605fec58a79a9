//! The local grid: an agent inside the server, and a shim per task that outlives it. All that a restarted server must
//! know is in the sandboxes; the agent keeps nothing of its own.

mod adoption;
mod agent;
mod attempts;
mod environment;
mod fill;
pub(crate) mod home;
mod inventory;
mod lanes;
mod launch;
mod process;
mod removal;
pub(crate) mod sandbox;
mod sockets;
mod stop;
mod users;
pub(crate) mod vdc;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use smack_model::{Action, Epoch, Event, Isolation, JavaNeed, Node, TaskId};

use crate::Grid;
use agent::Agent;
use sandbox::Record;
pub(crate) use sockets::loopback_listeners;

/// What the local grid is made with.
pub struct Options {
    /// Everything the grid writes is below.
    pub home: PathBuf,
    /// Identifies the server's home; launched tasks carry it.
    pub installation: String,
    pub nodes: Vec<Node>,
    pub paths: Arc<dyn LaunchPaths>,
    /// Told in the order in which things are known. Must neither block nor call the grid: send it on.
    pub events: Box<dyn Fn(Event) + Send + Sync>,
    pub logs: LogLimits,
    /// Instead of the machine's own boot id, for tests.
    pub boot_id: Option<String>,
    /// The strictest level that is done; a launch at a stricter one is refused.
    pub isolation: Isolation,
}

impl Options {
    /// With the usual log limits.
    pub fn new(
        home: impl Into<PathBuf>,
        installation: impl Into<String>,
        nodes: Vec<Node>,
        paths: Arc<dyn LaunchPaths>,
        events: impl Fn(Event) + Send + Sync + 'static,
    ) -> Self {
        Self {
            home: home.into(),
            installation: installation.into(),
            nodes,
            paths,
            events: Box::new(events),
            logs: LogLimits::default(),
            boot_id: None,
            isolation: Isolation::Vdc,
        }
    }
}

/// How long the logs of a task may become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLimits {
    /// A log larger than this is rotated.
    pub bytes: u64,
    /// So many older files are kept.
    pub keep: u32,
    /// How often the shim looks.
    pub every: Duration,
    /// Whether rotated bytes are taken out of the file where the file system can, rather than become a hole.
    pub collapse: bool,
}

impl Default for LogLimits {
    fn default() -> Self {
        Self {
            bytes: 10 << 20,
            keep: 3,
            every: Duration::from_secs(5),
            collapse: true,
        }
    }
}

/// Where a launch finds what it needs on this machine; errors are reasons for people.
pub trait LaunchPaths: Send + Sync {
    /// The `java` program that fits best.
    fn java(&self, need: &JavaNeed) -> Result<PathBuf, String>;

    /// The class path of an artifact set that is present.
    fn class_path(&self, set: &str) -> Result<String, String>;

    /// The flag by which `java` uses the class data archive of the set, if there is one for these flags.
    fn shared_archive(&self, set: &str, java: &Path, flags: &[String]) -> Option<String>;

    /// Puts the file into a directory, unpacked if it is an archive.
    fn fetch(&self, url: &str, into: &Path) -> Result<(), String>;
}

/// Why the grid could not be started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("could not {action} {path}; choose another home or make it writable")]
    Home {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error(
        "could not watch processes; is this kernel older than 5.3, or are no descriptors left?"
    )]
    Watch(#[source] std::io::Error),
    #[error("could not start a thread")]
    Thread(#[source] std::io::Error),
}

/// This machine as a grid. Dropping it leaves every task as it is.
pub struct LocalGrid {
    agent: Arc<Agent>,
    watcher: Option<JoinHandle<()>>,
}

impl LocalGrid {
    /// Takes over what runs below the home, and tells the nodes and an inventory of each.
    pub fn start(options: Options) -> Result<Self, Error> {
        let agent = Agent::open(options)?;
        let watching = Arc::clone(&agent);
        let watcher = std::thread::Builder::new()
            .name("grid-watch".to_owned())
            .spawn(move || watch::run(&watching))
            .map_err(Error::Thread)?;
        Ok(Self {
            agent,
            watcher: Some(watcher),
        })
    }

    /// The directory of an attempt, present or not.
    pub fn sandbox(&self, id: &TaskId) -> PathBuf {
        self.agent.home.sandbox(id)
    }

    /// The attempts whose directories are there, oldest first: the running one and those kept for their logs.
    pub fn attempts(&self) -> Vec<TaskId> {
        self.agent.home.attempts()
    }

    /// The way to tasks, for probes, exec and exposed ports.
    pub fn reach(&self) -> crate::Reach {
        let routes = Arc::clone(&self.agent.networks.routes);
        crate::Reach::new(self.agent.home.clone(), routes)
    }
}

impl Grid for LocalGrid {
    fn name(&self) -> &'static str {
        "local"
    }

    fn perform(&self, epoch: Epoch, action: &Action) {
        agent::perform(&self.agent, epoch, action);
    }
}

impl Drop for LocalGrid {
    fn drop(&mut self) {
        self.agent.close();
        if let Some(watcher) = self.watcher.take() {
            drop(watcher.join());
        }
    }
}

/// The records of all launches below a home, for those who must know which addresses are ours.
pub(crate) fn records(home: &Path) -> Vec<(PathBuf, Record)> {
    let home = home::Home::at(home);
    let sandboxes = home.attempts().into_iter().map(|id| home.sandbox(&id));
    sandboxes
        .filter_map(|sandbox| {
            let record = sandbox::record(&sandbox).ok()?;
            Some((sandbox, record))
        })
        .collect()
}
