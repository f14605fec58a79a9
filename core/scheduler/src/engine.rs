//! The loop's pure part: events and commands go into the draft, `decide` gives changes and actions. Whoever runs it
//! saves the changes before the actions are performed, and on any doubt drops the engine and loads a new one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use smack_model::{
    Action, ApplicationPath, Epoch, Isolation, Name, NodeId, Ports, Status, SupplyState, System,
    SystemId, TaskId, TaskName, TaskRecord, Timestamp, VdcId, VdcRecord,
};

use crate::change::{Change, Image, Note};
use crate::fleet::Fleet;
use crate::launching;
use crate::peers::{Peer, Peers};
use crate::place::{Placed, place};
use crate::seen::{Seen, Sent};
use crate::status::{SystemStatus, View};
use crate::steer::{self, Steering};
use crate::waiting::Waiting;

mod account;
mod across;
mod apply;
mod command;
mod events;
mod lifetime;
mod network;
mod parts;
mod repeat;

pub use command::{Command, Refused, RunRequest, Verb};
pub use lifetime::Ttl;
pub use parts::Departure;

/// The draft of everything, decided upon in memory.
pub struct Engine {
    epoch: Epoch,
    now: Timestamp,
    /// By application path; the incarnation is in the system's id.
    systems: BTreeMap<Key, Tracked>,
    /// The incarnations of systems that have ended.
    tombstones: BTreeMap<Key, (SystemId, smack_model::Header)>,
    vdcs: BTreeMap<VdcId, VdcRecord>,
    /// Those that end by themselves, by their next warning or their end.
    timed: BTreeSet<(Timestamp, VdcId)>,
    fleet: Fleet,
    supplies: BTreeMap<String, SupplyState>,
    /// Whether the grid has said what runs there; before that nothing is decided.
    inventoried: bool,
    /// Usable nodes that have not said what runs there since they came.
    unheard: BTreeSet<NodeId>,
    asked: Sent,
    /// Attempts that run although nobody wants them, until their end is heard of: where, and what was sent.
    strays: BTreeMap<TaskId, (Option<NodeId>, Sent)>,
    /// Supplies that were asked for and of which nothing was heard.
    unanswered: BTreeMap<String, Sent>,
    /// What was ordered of isolated virtual data centers.
    networks: BTreeMap<VdcId, network::Network>,
    /// The living attempts of each node.
    on_node: BTreeMap<NodeId, BTreeSet<(Key, TaskName)>>,
    /// By a system, those that require it or read what it publishes.
    users: BTreeMap<Key, BTreeSet<Key>>,
    /// Those that are parts of one system, by what they have in common.
    parts: BTreeMap<parts::Whole, BTreeSet<Key>>,
    /// Systems with a task that found no node.
    homeless: BTreeSet<Key>,
    dirty: BTreeSet<Key>,
    due: BTreeSet<(Timestamp, Key)>,
    pending: Decision,
    view: Arc<View>,
    view_stale: BTreeSet<VdcId>,
    /// Systems whose status is to be derived anew, once per decision.
    status_stale: BTreeSet<Key>,
    /// VDCs of which it is to be noted when they are as asked for.
    unsettled: BTreeSet<VdcId>,
}

/// Scope, run, application: a system without its incarnation.
type Key = (Name, Name, Name);

pub(crate) struct Tracked {
    system: System,
    seen: Seen,
    last: Steering,
    unplaced: BTreeMap<TaskName, Waiting>,
    wake_at: Option<Timestamp>,
    peer: Peer,
    /// The applications that it requires or reads from, also of other VDCs.
    uses: BTreeSet<ApplicationPath>,
    /// It goes away or stops and is not yet gone: what it uses waits for it.
    leaves: bool,
    status: Arc<SystemStatus>,
    /// What tasks wait for, as the journal was told, and their attempts then.
    waits: BTreeMap<TaskName, (Waiting, u32)>,
}

/// What is to be saved, then done.
#[derive(Debug, Default)]
pub struct Decision {
    pub changes: Vec<Change>,
    pub notes: Vec<Note>,
    pub actions: Vec<Action>,
}

/// Rounds of steering in one decision: a change may allow the next at once.
const ROUNDS: usize = 8;

impl Engine {
    /// Takes up everything that was saved. Nothing is decided before the first complete inventory.
    pub fn load(image: Image, epoch: Epoch, now: Timestamp) -> Self {
        let mut engine = Self {
            epoch,
            now,
            systems: BTreeMap::new(),
            tombstones: BTreeMap::new(),
            vdcs: BTreeMap::new(),
            timed: BTreeSet::new(),
            fleet: Fleet::default(),
            supplies: BTreeMap::new(),
            inventoried: false,
            unheard: BTreeSet::new(),
            asked: Sent::default(),
            strays: BTreeMap::new(),
            unanswered: BTreeMap::new(),
            networks: BTreeMap::new(),
            on_node: BTreeMap::new(),
            users: BTreeMap::new(),
            parts: BTreeMap::new(),
            homeless: BTreeSet::new(),
            dirty: BTreeSet::new(),
            due: BTreeSet::new(),
            pending: Decision::default(),
            view: Arc::default(),
            view_stale: BTreeSet::new(),
            status_stale: BTreeSet::new(),
            unsettled: BTreeSet::new(),
        };
        for vdc in image.vdcs {
            engine.time(None, Some(&vdc));
            engine.vdcs.insert(vdc.id.clone(), vdc);
        }
        for (id, header) in image.headers {
            let key = key(&id);
            if header.ended.is_none() {
                engine.dirty.insert(key.clone());
                engine
                    .systems
                    .insert(key.clone(), Tracked::new(System::new(id, header)));
                engine.link(&key);
            } else if engine
                .tombstones
                .get(&key)
                .is_none_or(|(other, _)| other.incarnation < id.incarnation)
            {
                // The youngest counts: incarnations are never used again.
                engine.tombstones.insert(key, (id, header));
            }
        }
        for (id, digest, launch) in image.launches {
            engine.with(&id, |tracked| {
                tracked.system.launches.insert(digest, Arc::new(launch));
            });
        }
        for (id, name, record) in image.operations {
            engine.with(&id, |tracked| {
                tracked.system.operations.insert(name, record);
            });
        }
        for volume in image.volumes {
            let id = volume.id.system.clone();
            engine.with(&id, |tracked| {
                tracked.system.volumes.insert(volume.id.clone(), volume);
            });
        }
        for record in image.tasks {
            if let Some(address) = &record.address {
                engine.fleet.hold_address(&record.id.system.vdc(), address);
            }
            if record.status.is_live() {
                engine.list(&record);
            }
            engine.with(&record.id.system.clone(), |tracked| {
                let name = record.id.name.clone();
                if record.status.is_ready() {
                    let seen = tracked.seen.tasks.entry(name.clone()).or_default();
                    seen.served = true;
                }
                tracked.system.tasks.insert(name, Box::new(record));
            });
        }
        engine.view_stale = engine.vdcs.keys().cloned().collect();
        engine
    }

    /// Decides for every dirty or due system. The changes must be saved before an action is performed; if that fails
    /// the engine must be dropped.
    pub fn decide(&mut self, now: Timestamp) -> Decision {
        self.now = self.now.max(now);
        self.collect_due();
        if self.inventoried {
            self.end_expired();
            for _ in 0..ROUNDS {
                if self.dirty.is_empty() {
                    break;
                }
                self.round();
            }
        }
        self.repeat();
        self.refresh_view();
        std::mem::take(&mut self.pending)
    }

    /// The earliest moment at which there is something to decide without news; later than the last `now`.
    pub fn wake_at(&self) -> Option<Timestamp> {
        let soon = self.now + smack_model::Span(1);
        let repeat = self.repeat_at();
        if !self.inventoried {
            return repeat.map(|at| at.max(soon));
        }
        if !self.dirty.is_empty() {
            return Some(soon);
        }
        let due = self.due.first().map(|(at, _)| *at);
        let due = due.into_iter().chain(self.fleet.next_start_over());
        let ends = self.next_end();
        due.chain(repeat).chain(ends).min().map(|at| at.max(soon))
    }

    /// What people, DNS, metrics and `why` read.
    pub fn view(&self) -> Arc<View> {
        Arc::clone(&self.view)
    }

    /// Whether the grid has said what runs there: before that nothing is decided, and the view shows nothing yet.
    pub fn has_inventory(&self) -> bool {
        self.inventoried
    }

    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    pub fn now(&self) -> Timestamp {
        self.now
    }

    pub fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    /// A system that has not ended.
    pub fn system(&self, vdc: &VdcId, application: &str) -> Option<&System> {
        let key = (
            vdc.zone.clone(),
            vdc.name.clone(),
            Name::new(application).ok()?,
        );
        self.systems.get(&key).map(|tracked| &tracked.system)
    }

    /// All systems that have not ended.
    pub fn systems(&self) -> impl Iterator<Item = &System> {
        self.systems.values().map(|tracked| &tracked.system)
    }

    pub fn vdc(&self, id: &VdcId) -> Option<&VdcRecord> {
        self.vdcs.get(id)
    }

    fn collect_due(&mut self) {
        if self.fleet.forget_starts(self.now) {
            self.dirty.append(&mut self.homeless);
        }
        while let Some((at, _)) = self.due.first()
            && *at <= self.now
            && let Some((_, key)) = self.due.pop_first()
        {
            if let Some(tracked) = self.systems.get_mut(&key) {
                tracked.wake_at = None;
            }
            self.dirty.insert(key);
        }
    }

    /// Steers every dirty system, then places all wishes at once.
    fn round(&mut self) {
        let keys = std::mem::take(&mut self.dirty);
        let mut wishes = Vec::new();
        let mut wishing = BTreeSet::new();
        for key in &keys {
            if self.waits_for_wishes(key, &wishing) {
                self.dirty.insert(key.clone());
                continue;
            }
            self.homeless.remove(key);
            let Some(tracked) = self.systems.get(key) else {
                continue;
            };
            let peers = self.peers(key, &tracked.system);
            let mut steering = steer::steer(&tracked.system, &tracked.seen, &peers, self.now);
            if !steering.wishes.is_empty() && tracked.system.header.spec.part.is_some() {
                wishing.insert(key.clone());
            }
            wishes.append(&mut steering.wishes);
            self.take_steering(key, steering);
        }
        if wishes.is_empty() {
            return;
        }
        let placing = place(wishes, &mut self.fleet);
        for unplaced in placing.unplaced {
            let key = key(&unplaced.system);
            if let Some(tracked) = self.systems.get_mut(&key) {
                tracked
                    .unplaced
                    .insert(unplaced.task, Waiting::Node(unplaced.tally));
                self.status_stale.insert(key.clone());
                self.view_stale.insert(tracked.system.id.vdc());
                self.homeless.insert(key);
            }
        }
        for placed in placing.placed {
            self.take_placed(placed);
        }
    }

    fn take_steering(&mut self, key: &Key, steering: Steering) {
        let changed = !steering.changes.is_empty();
        let mut steering = steering;
        for change in std::mem::take(&mut steering.changes) {
            self.note_change(&change);
            self.apply(&change);
            self.pending.changes.push(change);
        }
        let actions = std::mem::take(&mut steering.actions);
        let now = self.now;
        let Some(tracked) = self.systems.get_mut(key) else {
            return;
        };
        for action in &actions {
            tracked.seen.note_sent(action, now);
        }
        for action in &actions {
            if let Action::Supply(name) = action {
                let fetching = SupplyState::Fetching {
                    detail: "asked for".to_owned(),
                };
                self.supplies.entry(name.clone()).or_insert(fetching);
                self.unanswered.entry(name.clone()).or_default().sent(now);
            }
        }
        self.pending.actions.extend(actions);
        if let Some(old) = tracked.wake_at.take() {
            self.due.remove(&(old, key.clone()));
        }
        if let Some(at) = steering.wake_at {
            tracked.wake_at = Some(at);
            self.due.insert((at, key.clone()));
        }
        let exports = launching::exports(&tracked.system);
        // Shared with the view: most steerings change no address.
        let exports = if exports == *tracked.peer.exports {
            Arc::clone(&tracked.peer.exports)
        } else {
            Arc::new(exports)
        };
        let peer = Peer {
            placed: steering.placed,
            ready: steering.ready,
            exports,
        };
        let was_ready = tracked.peer.ready;
        let peer_changed = peer != tracked.peer;
        tracked.peer = peer;
        tracked.last = steering;
        tracked.unplaced.clear();
        self.status_stale.insert(key.clone());
        let (vdc, path, is_ready) = (
            tracked.system.id.vdc(),
            tracked.system.id.path(),
            tracked.peer.ready,
        );
        if is_ready != was_ready {
            let (kind, text) = if is_ready {
                ("ready", "is ready")
            } else {
                ("unready", "is no longer ready")
            };
            self.note(path, kind, text);
        }
        self.view_stale.insert(vdc);
        if changed {
            self.dirty.insert(key.clone());
        }
        if peer_changed {
            self.mark_users(key);
        }
        self.mark_used(key);
    }

    /// Marks those that see what the system publishes.
    fn mark_users(&mut self, key: &Key) {
        let users = self
            .users
            .get(key)
            .into_iter()
            .flatten()
            .filter(|user| self.systems.contains_key(*user));
        self.dirty.extend(users.cloned().collect::<Vec<_>>());
    }

    /// Marks those that wait for the system to leave, if that has changed.
    fn mark_used(&mut self, key: &Key) {
        let Some(tracked) = self.systems.get_mut(key) else {
            return;
        };
        let goal = tracked.system.header.intent.goal;
        let leaves = goal != smack_model::Goal::Running && tracked.system.live().next().is_some();
        if std::mem::replace(&mut tracked.leaves, leaves) == leaves {
            return;
        }
        let used: Vec<Key> = tracked.uses.iter().map(|path| used(key, path)).collect();
        self.dirty.extend(
            used.into_iter()
                .filter(|key| self.systems.contains_key(key)),
        );
    }

    /// Marks the systems of a VDC dirty.
    fn mark_vdc(&mut self, vdc: &VdcId) {
        let keys: Vec<Key> = self.of_vdc(vdc).map(|(key, _)| key.clone()).collect();
        self.dirty.extend(keys);
    }

    /// Takes up what a system uses, after its spec was set.
    fn link(&mut self, key: &Key) {
        let Some(tracked) = self.systems.get_mut(key) else {
            return;
        };
        let uses = tracked.system.header.spec.uses();
        let old = std::mem::replace(&mut tracked.uses, uses.clone());
        self.list_part(key);
        for path in old.difference(&uses) {
            self.unlink(key, &used(key, path));
        }
        for path in uses.difference(&old) {
            self.users
                .entry(used(key, path))
                .or_default()
                .insert(key.clone());
        }
    }

    fn unlink(&mut self, user: &Key, used: &Key) {
        if let Some(users) = self.users.get_mut(used) {
            users.remove(user);
            if users.is_empty() {
                self.users.remove(used);
            }
        }
    }

    fn take_placed(&mut self, placed: Placed) {
        let key = key(&placed.system);
        let (now, epoch) = (self.now, self.epoch);
        let Some(tracked) = self.systems.get(&key) else {
            return;
        };
        let system = &tracked.system;
        let Some(spec) = system.header.spec.tasks.get(&placed.task) else {
            return;
        };
        let last = system.tasks.get(&placed.task);
        let replace = system
            .header
            .intent
            .replace
            .get(&placed.task)
            .copied()
            .unwrap_or(0);
        let replaced = last.is_some_and(|last| last.replace < replace);
        // The volumes of a retired task were given up: one that comes back must not meet their removal.
        let retired =
            last.is_some_and(|last| last.status == Status::Ended(smack_model::End::Retired));
        let digest = system
            .digests
            .get(&placed.task)
            .cloned()
            .unwrap_or_default();
        let forgiven = last.is_some_and(|last| last.since <= system.header.intent.forgiven);
        let record = TaskRecord {
            id: TaskId {
                system: placed.system.clone(),
                name: placed.task.clone(),
                attempt: last.map_or(1, |last| last.id.attempt + 1),
            },
            digest: digest.clone(),
            node: Some(placed.node),
            address: Some(placed.address.into()),
            ports: shared(system, placed.ports),
            status: Status::Claimed,
            since: now,
            ready_since: None,
            claimed: now,
            failures: last.filter(|_| !forgiven).map_or(0, |last| last.failures),
            unclean: last.and_then(|last| last.unclean),
            epoch,
            restart: steer::restarts(system, &placed.task),
            replace,
            generation: last.map_or(1, |last| last.generation + u32::from(replaced || retired)),
            settled: last.filter(|_| !retired).map_or(0, |last| last.settled),
        };
        let mut changes = Vec::new();
        if !system.launches.contains_key(&digest) {
            changes.push(Change::Launch(
                placed.system.clone(),
                digest,
                Arc::clone(&spec.launch),
            ));
        }
        for volume in &spec.volumes {
            let id = launching::volume_id(&record, &volume.name);
            if !system.volumes.contains_key(&id) {
                changes.push(Change::Volume(smack_model::VolumeRecord {
                    id,
                    node: record.node.clone(),
                    state: smack_model::VolumeState::Present,
                    since: now,
                }));
            }
        }
        if replaced {
            changes.extend(released_generations(system, &record, now));
        }
        changes.push(Change::Task(Box::new(record)));
        for change in changes {
            self.note_change(&change);
            self.apply(&change);
            self.pending.changes.push(change);
        }
        self.dirty.insert(key);
    }

    /// What the system may see: what it requires or reads, and who leaves before it.
    fn peers(&self, own: &Key, system: &System) -> Peers {
        let vdc = self.vdcs.get(&system.id.vdc());
        let mut peers = Peers {
            isolation: vdc.map_or(Isolation::Open, |vdc| vdc.isolation),
            siblings: self.peer_siblings(own, &system.header.spec),
            ..Peers::default()
        };
        let uses = self
            .systems
            .get(own)
            .into_iter()
            .flat_map(|tracked| &tracked.uses);
        for path in uses {
            if let Some(other) = self.systems.get(&used(own, path)) {
                peers.applications.insert(path.clone(), other.peer.clone());
            }
        }
        for (user, tracked) in self.required_by(own) {
            let leaves = tracked.system.header.intent.goal != smack_model::Goal::Running;
            if leaves && tracked.system.live().next().is_some() {
                peers.leaving_users.push(seen_from(own, user));
            }
        }
        let artifacts = system
            .header
            .spec
            .tasks
            .values()
            .flat_map(|task| &task.launch.artifacts);
        let wanted: BTreeSet<&String> = artifacts.collect();
        peers.supplies = wanted
            .into_iter()
            .filter_map(|name| Some((name.clone(), self.supplies.get(name)?.clone())))
            .collect();
        peers
    }

    /// Those that cannot do without it: they come up after it, and end before it.
    fn required_by(&self, own: &Key) -> impl Iterator<Item = (&Key, &Tracked)> {
        let users = self.users.get(own).into_iter().flatten();
        let tracked = users.filter_map(|user| Some((user, self.systems.get(user)?)));
        tracked.filter(move |(user, tracked)| {
            let mut requires = tracked.system.header.spec.requires.iter();
            *user != own && requires.any(|requirement| used(user, &requirement.application) == *own)
        })
    }

    fn of_vdc(&self, vdc: &VdcId) -> impl Iterator<Item = (&Key, &Tracked)> {
        let (zone, name) = (vdc.zone.clone(), vdc.name.clone());
        let from = (zone.clone(), name.clone(), Name::lowest());
        self.systems
            .range(from..)
            .take_while(move |((scope, run, _), _)| *scope == zone && *run == name)
    }

    fn with(&mut self, id: &SystemId, change: impl FnOnce(&mut Tracked)) {
        if let Some(tracked) = self
            .systems
            .get_mut(&key(id))
            .filter(|tracked| tracked.system.id == *id)
        {
            change(tracked);
        }
    }

    fn note(&mut self, subject: String, kind: &str, text: impl Into<String>) {
        let at = self.now;
        self.pending.notes.push(Note {
            at,
            subject,
            kind: kind.to_owned(),
            text: text.into(),
        });
    }

    fn refresh_view(&mut self) {
        for key in std::mem::take(&mut self.status_stale) {
            if let Some(tracked) = self.systems.get_mut(&key) {
                tracked.status = Arc::new(SystemStatus::of(tracked, self.now));
                if self.inventoried {
                    self.note_waits(&key);
                }
            }
        }
        if self.view_stale.is_empty() {
            return;
        }
        let mut stale = std::mem::take(&mut self.view_stale);
        let importing: Vec<VdcId> = stale.iter().flat_map(|id| self.importers_of(id)).collect();
        stale.extend(
            importing
                .into_iter()
                .filter(|id| self.vdcs.contains_key(id)),
        );
        let mut view = View::clone(&self.view);
        view.now = self.now;
        for id in &stale {
            let systems: Vec<Arc<SystemStatus>> = self
                .of_vdc(id)
                .map(|(_, tracked)| Arc::clone(&tracked.status))
                .collect();
            match self.vdcs.get(id) {
                Some(vdc) => {
                    let imports = self.imports(id);
                    view.put(
                        vdc,
                        systems,
                        (self.foreign_uses(id), imports),
                        self.network_problem(id),
                    );
                }
                None => view.remove(id),
            }
        }
        self.view = Arc::new(view);
        if self.inventoried {
            for id in &stale {
                self.note_converged(id);
            }
            self.order_networks(&stale);
        }
    }
}

impl Tracked {
    fn new(system: System) -> Self {
        let status = Arc::default();
        let mut tracked = Self {
            system,
            seen: Seen::default(),
            last: Steering {
                whole: vec![Waiting::Inventory],
                ..Steering::default()
            },
            unplaced: BTreeMap::new(),
            wake_at: None,
            peer: Peer::default(),
            uses: BTreeSet::new(),
            leaves: false,
            status,
            waits: BTreeMap::new(),
        };
        tracked.status = Arc::new(SystemStatus::of(&tracked, Timestamp(0)));
        tracked
    }

    pub(crate) fn system(&self) -> &System {
        &self.system
    }

    pub(crate) fn steering(&self) -> &Steering {
        &self.last
    }

    pub(crate) fn seen(&self) -> &Seen {
        &self.seen
    }

    pub(crate) fn exports(&self) -> &Arc<BTreeMap<String, String>> {
        &self.peer.exports
    }

    /// What the task waits for, the lack of a node included.
    pub(crate) fn waiting(&self, task: &TaskName) -> Option<&Waiting> {
        self.unplaced
            .get(task)
            .or_else(|| self.last.waiting.get(task))
    }
}

impl Seen {
    fn note_sent(&mut self, action: &Action, now: Timestamp) {
        let sent = |sent: &mut Sent| sent.sent(now);
        match action {
            Action::Launch(order) => {
                sent(&mut self.tasks.entry(order.id.name.clone()).or_default().launch)
            }
            Action::Stop { id, .. } => {
                sent(&mut self.tasks.entry(id.name.clone()).or_default().stop)
            }
            Action::Probe(order) => {
                sent(&mut self.tasks.entry(order.id.name.clone()).or_default().probe)
            }
            Action::Question(question) => {
                self.asked.insert(question.about.clone(), now);
            }
            Action::Operate(order) => sent(self.operations.entry(order.name.clone()).or_default()),
            Action::Forget(_) => sent(&mut self.forget),
            // All of a system's volumes are released in one go.
            Action::Release(_) => {
                if self.releases.at != now || self.releases.times == 0 {
                    sent(&mut self.releases);
                }
            }
            Action::Ask(_)
            | Action::Supply(_)
            | Action::ProbeEnd(_)
            | Action::Network(_)
            | Action::NetworkEnd(_) => {}
        }
    }
}

/// The volumes of the generations before `record`'s: a replacement starts empty.
fn released_generations(system: &System, record: &TaskRecord, now: Timestamp) -> Vec<Change> {
    let old = system.volumes.values().filter(|volume| {
        volume.id.task == record.id.name
            && volume.id.generation < record.generation
            && volume.state == smack_model::VolumeState::Present
    });
    let kept = |volume: &smack_model::VolumeRecord| smack_model::VolumeRecord {
        state: smack_model::VolumeState::Kept,
        since: now,
        ..volume.clone()
    };
    old.map(|volume| Change::Volume(kept(volume))).collect()
}

/// The tasks of one system mostly have the same ports: kept once.
fn shared(system: &System, ports: Ports) -> Arc<Ports> {
    let first = system.tasks.values().next().map(|first| &first.ports);
    match first.filter(|first| ***first == ports) {
        Some(first) => Arc::clone(first),
        None => Arc::new(ports),
    }
}

/// The system that `user` means by `path`.
fn used(user: &Key, path: &ApplicationPath) -> Key {
    let (zone, name) = match &path.vdc {
        Some(vdc) => (&vdc.zone, &vdc.name),
        None => (&user.0, &user.1),
    };
    (zone.clone(), name.clone(), path.application.clone())
}

/// How `own` names the other.
fn seen_from(own: &Key, other: &Key) -> ApplicationPath {
    if (&own.0, &own.1) == (&other.0, &other.1) {
        return other.2.clone().into();
    }
    ApplicationPath::of(&vdc_of(other), other.2.clone())
}

fn vdc_of(key: &Key) -> VdcId {
    VdcId {
        zone: key.0.clone(),
        name: key.1.clone(),
    }
}

fn key(id: &SystemId) -> Key {
    (id.scope.clone(), id.run.clone(), id.application.clone())
}
