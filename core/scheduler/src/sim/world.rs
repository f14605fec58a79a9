//! A grid in memory: nodes, processes, volumes, supplies, operations. Actions go in, events come out, each after a
//! delay. It keeps the promises that every grid makes (claimed once, tombstones, the epoch's fence) and none else.

use std::collections::{BTreeMap, BTreeSet};

use smack_model::{
    About, Action, Addressing, Digest, End, Epoch, Event, Found, FoundState, Isolation,
    LaunchOrder, Name, Node, NodeId, Refusal, Resources, Span, SupplyState, SystemId, TaskId,
    TaskName, Timestamp, VolumeId,
};

use super::random::Random;

mod answers;
mod fate;
mod perform;

/// Everything there is, and all that is on its way.
#[derive(Debug, Clone)]
pub struct World {
    pub now: Timestamp,
    pub faults: Faults,
    pub random: Random,
    /// By application, or by application and task, which counts more.
    pub behaviours: BTreeMap<(Name, Option<TaskName>), Behaviour>,
    pub operation_plans: BTreeMap<(Name, String), OperationPlan>,
    pub supply_plans: BTreeMap<String, SupplyPlan>,
    /// What the product of an application says, whatever is true: `true` yes, `false` no.
    pub verdicts: BTreeMap<(Name, &'static str), bool>,
    /// Applications whose processes elect a leader among them.
    pub led: BTreeSet<Name>,
    /// Whose tasks are meant where only application and task are named; `None`: any zone's.
    pub zone: Option<Name>,
    /// Tasks that run to their end: by run, application and task.
    pub jobs: BTreeSet<(Name, Name, TaskName)>,
    /// Launches that came from a server that was no longer in charge, and what it was told.
    pub late: Vec<(TaskId, Refusal)>,
    /// Ports that a process of somebody else listens on.
    pub strangers: BTreeSet<u16>,
    nodes: BTreeMap<NodeId, SimNode>,
    epoch: Epoch,
    processes: BTreeMap<TaskId, Process>,
    newest: BTreeMap<(SystemId, TaskName), u32>,
    forgotten: BTreeSet<SystemId>,
    volumes: BTreeMap<VolumeId, Option<NodeId>>,
    operations: BTreeMap<(SystemId, String), Performed>,
    supplies: BTreeMap<String, Supplied>,
    leaders: BTreeMap<SystemId, TaskName>,
    probed: BTreeSet<TaskId>,
    queue: BTreeMap<(Timestamp, u64), Happening>,
    sequence: u64,
    pids: u32,
}

#[derive(Debug, Clone)]
struct SimNode {
    node: Node,
    reachable: bool,
}

/// One attempt as the grid knows it, dead ones and tombstones included.
#[derive(Debug, Clone, PartialEq)]
pub struct Process {
    pub node: Option<NodeId>,
    pub state: ProcessState,
    /// It does what it is there for, whether somebody asks or not.
    pub serves: bool,
    /// It was on a node that fell silent: the one case in which a successor may run beside it.
    pub orphaned: bool,
    /// The arguments it was launched with.
    command: String,
    /// When it will have stopped, once it was told to.
    stops_at: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ProcessState {
    Preparing,
    Running {
        pid: u32,
    },
    Ended {
        end: End,
        at: Timestamp,
    },
    /// A tombstone.
    Burned,
}

/// How the processes of an application, or of one task, behave.
#[derive(Debug, Clone, PartialEq)]
pub struct Behaviour {
    pub start: Span,
    /// From running to serving; `None`: never.
    pub ready: Option<Span>,
    /// Ends by itself after so long, so many times (`None`: always).
    pub exits: Option<(Span, End, Option<u32>)>,
    /// Only the kill after the grace ends it.
    pub ignores_stop: bool,
    pub stop: Span,
    /// The node refuses so many launches.
    pub refuses: u32,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            start: Span(20),
            ready: Some(Span(200)),
            exits: None,
            ignores_stop: false,
            stop: Span(100),
            refuses: 0,
        }
    }
}

/// How long an operation takes, and how often it fails first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OperationPlan {
    pub takes: Span,
    pub fails: u32,
}

impl Default for OperationPlan {
    fn default() -> Self {
        Self {
            takes: Span(300),
            fails: 0,
        }
    }
}

/// What becomes of a supply that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SupplyPlan {
    After(Span),
    Fails,
}

#[derive(Debug, Clone)]
struct Performed {
    digest: Digest,
    state: PerformedState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PerformedState {
    Underway,
    Done,
    Failed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Supplied {
    Underway,
    Present,
}

/// How unreliable the ways between server and grid are, in cases of a thousand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Faults {
    /// Every message takes up to so much longer.
    pub late: Span,
    pub duplicates: u32,
    /// An action never arrives.
    pub lost_actions: u32,
    pub refusals: u32,
    pub partial_inventories: u32,
}

#[derive(Debug, Clone, PartialEq)]
enum Happening {
    Arrive(Epoch, Box<Action>),
    Deliver(Option<Epoch>, Box<Event>),
    Up(TaskId),
    Serve(TaskId),
    Exit(TaskId, End),
    Operated(SystemId, String, Digest),
    Supplied(String),
}

/// From one end of a wire to the other.
const WIRE: Span = Span(5);

impl Default for World {
    fn default() -> Self {
        Self::new(0)
    }
}

impl World {
    pub fn new(seed: u64) -> Self {
        Self {
            now: Timestamp(0),
            faults: Faults::default(),
            random: Random::new(seed),
            behaviours: BTreeMap::new(),
            operation_plans: BTreeMap::new(),
            supply_plans: BTreeMap::new(),
            verdicts: BTreeMap::new(),
            led: BTreeSet::new(),
            zone: None,
            jobs: BTreeSet::new(),
            late: Vec::new(),
            strangers: BTreeSet::new(),
            nodes: BTreeMap::new(),
            epoch: Epoch(0),
            processes: BTreeMap::new(),
            newest: BTreeMap::new(),
            forgotten: BTreeSet::new(),
            volumes: BTreeMap::new(),
            operations: BTreeMap::new(),
            supplies: BTreeMap::new(),
            leaders: BTreeMap::new(),
            probed: BTreeSet::new(),
            queue: BTreeMap::new(),
            sequence: 0,
            pids: 1000,
        }
    }

    /// The next moment at which something happens by itself.
    pub fn next_at(&self) -> Option<Timestamp> {
        self.queue.first_key_value().map(|((at, _), _)| *at)
    }

    /// Whether anything is on its way but questions about health and their answers.
    pub fn is_moving(&self) -> bool {
        self.queue.values().any(|happening| match happening {
            Happening::Deliver(_, event) => !matches!(**event, Event::Observed { .. }),
            Happening::Arrive(_, action) => !matches!(**action, Action::Question(_)),
            Happening::Up(_)
            | Happening::Serve(_)
            | Happening::Exit(..)
            | Happening::Operated(..)
            | Happening::Supplied(_) => true,
        })
    }

    /// Lets everything happen up to `now` and gives what reaches the server of `epoch`.
    pub fn advance(&mut self, now: Timestamp, epoch: Option<Epoch>) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(entry) = self.queue.first_entry()
            && entry.key().0 <= now
        {
            let at = entry.key().0;
            let happening = entry.remove();
            self.now = self.now.max(at);
            if let Happening::Deliver(addressee, event) = happening {
                if epoch.is_some() && addressee.is_none_or(|addressee| Some(addressee) == epoch) {
                    events.push(*event);
                }
            } else {
                self.happen(happening);
            }
        }
        self.now = self.now.max(now);
        events
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Arrive(epoch, action) => self.arrive(epoch, *action),
            Happening::Deliver(..) => {}
            Happening::Up(id) => self.up(&id),
            Happening::Serve(id) => self.serve(&id, true),
            Happening::Exit(id, end) => self.exit(&id, end),
            Happening::Operated(system, name, digest) => self.operated(&system, &name, &digest),
            Happening::Supplied(name) => {
                self.supplies.insert(name.clone(), Supplied::Present);
                let state = SupplyState::Present {
                    detail: "fetched".to_owned(),
                };
                self.tell(Event::Supply { name, state });
            }
        }
    }

    /// Hands an action to the grid; it arrives later, or never.
    pub fn perform(&mut self, epoch: Epoch, action: Action) {
        if self.random.chance(self.faults.lost_actions) {
            return;
        }
        // Probes and their ends keep their order: the prober lives beside the server.
        let probing = matches!(action, Action::Probe(_) | Action::ProbeEnd(_));
        let late = if probing { WIRE } else { self.lateness() };
        if !probing && self.random.chance(self.faults.duplicates) {
            let again = self.lateness();
            self.push(again, Happening::Arrive(epoch, Box::new(action.clone())));
        }
        self.push(late, Happening::Arrive(epoch, Box::new(action)));
    }

    fn lateness(&mut self) -> Span {
        Span(WIRE.0 + self.random.below(self.faults.late.0 + 1))
    }

    fn push(&mut self, after: Span, happening: Happening) {
        self.sequence += 1;
        self.queue
            .insert((self.now + after, self.sequence), happening);
    }

    fn tell(&mut self, event: Event) {
        // Probes and nodes keep their order: the one lives beside the server, the others come on one connection.
        let ordered = matches!(
            event,
            Event::Probed { .. } | Event::Nodes(_) | Event::NodeLost { .. }
        );
        let late = if ordered { WIRE } else { self.lateness() };
        if !ordered && self.random.chance(self.faults.duplicates) {
            let again = self.lateness();
            self.push(again, Happening::Deliver(None, Box::new(event.clone())));
        }
        self.push(late, Happening::Deliver(None, Box::new(event)));
    }

    /// The server is gone, and with it its prober and what was on its way to it.
    pub fn disconnect(&mut self) {
        self.probed.clear();
        self.queue.retain(|_, happening| match happening {
            Happening::Deliver(..) => false,
            Happening::Arrive(_, action) => {
                !matches!(**action, Action::Probe(_) | Action::ProbeEnd(_))
            }
            Happening::Up(_)
            | Happening::Serve(_)
            | Happening::Exit(..)
            | Happening::Operated(..)
            | Happening::Supplied(_) => true,
        });
    }

    /// A server is there: it is told of the nodes, as every grid does.
    pub fn connect(&mut self) {
        self.tell_nodes();
    }

    fn behaviour(&self, id: &TaskId) -> Behaviour {
        let application = id.system.application.clone();
        let own = self
            .behaviours
            .get(&(application.clone(), Some(id.name.clone())));
        own.or_else(|| self.behaviours.get(&(application, None)))
            .cloned()
            .unwrap_or_default()
    }

    fn behaviour_mut(&mut self, id: &TaskId) -> Option<&mut Behaviour> {
        let application = id.system.application.clone();
        let own = (application.clone(), Some(id.name.clone()));
        let key = if self.behaviours.contains_key(&own) {
            own
        } else {
            (application, None)
        };
        self.behaviours.get_mut(&key)
    }

    fn is_reachable(&self, node: Option<&NodeId>) -> bool {
        node.is_none_or(|node| self.nodes.get(node).is_some_and(|node| node.reachable))
    }

    /// What the latest attempt at a task was launched with.
    pub fn command_of(&self, application: &Name, task: &TaskName) -> Option<&str> {
        let attempts = self.processes.iter().filter(|(id, process)| {
            self.is_meant(id, application, task) && !process.command.is_empty()
        });
        let latest = attempts.max_by_key(|(id, _)| (id.system.incarnation, id.attempt));
        latest.map(|(_, process)| process.command.as_str())
    }

    fn is_meant(&self, id: &TaskId, application: &Name, task: &TaskName) -> bool {
        let is_here = self
            .zone
            .as_ref()
            .is_none_or(|zone| id.system.scope == *zone);
        is_here && id.system.application == *application && id.name == *task
    }

    /// All attempts that were ever heard of.
    pub fn processes(&self) -> impl Iterator<Item = (&TaskId, &Process)> {
        self.processes.iter()
    }

    pub fn volumes(&self) -> impl Iterator<Item = &VolumeId> {
        self.volumes.keys()
    }

    pub fn node_ids(&self) -> impl Iterator<Item = &NodeId> {
        self.nodes.keys()
    }

    /// Whether the node is there and answers.
    pub fn answers(&self, node: &NodeId) -> bool {
        self.is_reachable(Some(node))
    }

    pub fn epoch(&self) -> Epoch {
        self.epoch
    }
}

impl Process {
    pub fn is_alive(&self) -> bool {
        matches!(
            self.state,
            ProcessState::Preparing | ProcessState::Running { .. }
        )
    }
}
