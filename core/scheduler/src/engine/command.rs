//! What people ask for: writes to intents and specs. Numbers only grow, so repeating a command is harmless.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smack_model::{
    Goal, Header, Intent, Isolation, Leaving, Name, Rounds, ServiceSpec, Span, System, SystemId,
    TaskName, Timestamp, VdcId, VdcRecord, When,
};

use super::lifetime::Ttl;
use super::{Engine, Key};
use crate::change::Change;
use crate::place::{Unplaced, Wish, place};

/// A stack resolved for one VDC.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRequest {
    pub vdc: VdcId,
    /// The name as it was given.
    pub shown: String,
    pub stack: String,
    pub revision: u32,
    pub systems: BTreeMap<Name, ServiceSpec>,
    /// Start even if not everything fits.
    pub partial: bool,
    /// The level in force: what is wished, as far as the nodes can.
    pub isolation: Isolation,
    /// `None`: what is set stays.
    pub ttl: Option<Ttl>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    Run(Box<RunRequest>),
    Down {
        vdc: VdcId,
        keep_volumes: bool,
        /// Also while others use it.
        force: bool,
        /// Its parts leave their systems without a word.
        at_once: bool,
    },
    Verb {
        vdc: VdcId,
        application: Option<Name>,
        task: Option<TaskName>,
        verb: Verb,
    },
    /// A job by the clock is not due any more, until the next run.
    Unschedule {
        vdc: VdcId,
        application: Name,
    },
    /// How long a VDC lives from now on.
    Live {
        vdc: VdcId,
        ttl: Ttl,
    },
}

/// What can be asked of a VDC, an application or a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    Stop,
    Start,
    Restart,
    /// The task gives up its node and its data and comes back under the same name.
    Replace,
    Pause,
    Resume,
    /// A gate need not hold for ten minutes: `check`, `budget`, `minimum`.
    Force {
        gate: String,
    },
    /// An operation that is done when somebody asks.
    Operate {
        operation: String,
    },
}

/// Why a command was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("there is no virtual data center {0}; `smack status` lists those there are")]
    NoVdc(VdcId),
    #[error("{vdc} has no application {application}; it has {known}")]
    NoApplication {
        vdc: VdcId,
        application: Name,
        known: String,
    },
    #[error("{application} has no task {task}; it has {known}")]
    NoTask {
        application: String,
        task: Name,
        known: String,
    },
    #[error("{0} is going down; run it again when `smack status` no longer lists it")]
    GoingDown(VdcId),
    #[error("{application} of {vdc} is still being removed; run it again in a moment")]
    Leaving { vdc: VdcId, application: Name },
    #[error("{vdc} is used by {}; take them down first, or leave them without it: --force users", .users.join(", "))]
    InUse { vdc: VdcId, users: Vec<String> },
    #[error("{application} of {vdc} cannot be taken out: it is used by {}; take them down first", .users.join(", "))]
    ApplicationInUse {
        vdc: VdcId,
        application: Name,
        users: Vec<String>,
    },
    #[error("{user} uses {vdc}, which is not up; run it first")]
    NothingToUse { user: Name, vdc: VdcId },
    #[error("{user} uses {vdc}, which is going down")]
    UsesEnding { user: Name, vdc: VdcId },
    #[error("virtual data centers use each other in a circle: {}", circle(.0))]
    Circle(Vec<VdcId>),
    #[error("not everything fits, so nothing was started (--partial starts what fits):\n{}", .0.join("\n"))]
    DoesNotFit(Vec<String>),
    #[error("{0:?} is no gate: known are check, budget and minimum")]
    NoGate(String),
    #[error("{0} of a single task: name an application and a task")]
    NeedsTask(&'static str),
    #[error("{0} is asked of an application or of everything, not of a single task")]
    NotOfATask(&'static str),
    #[error("{whose} has no operation {operation:?} that is done when asked for; it has {known}")]
    NoOperation {
        whose: String,
        operation: String,
        known: String,
    },
    #[error("{0} is part of being ready: it is done by itself, whenever it is due")]
    NotAsked(String),
    #[error("{application} of {vdc} has no schedule")]
    NoSchedule { vdc: VdcId, application: Name },
    #[error("a ttl of {} would be over at once; write a time to come: 2h", .0.words())]
    NoTime(Span),
}

fn circle(ids: &[VdcId]) -> String {
    let ids: Vec<String> = ids.iter().map(VdcId::to_string).collect();
    ids.join(" -> ")
}

const FORCE_FOR: Span = Span::minutes(10);
const GATES: [&str; 3] = ["check", "budget", "minimum"];

/// A schedule that was changed, or taken away by a person, begins to count anew.
fn rounds(old: &Header, spec: &ServiceSpec, now: Timestamp) -> Option<Rounds> {
    let rounds = old.rounds.filter(|_| spec.schedule.is_some())?;
    if old.spec.schedule == spec.schedule && !rounds.off {
        return Some(rounds);
    }
    Some(Rounds {
        since: now,
        taken: now,
        off: false,
        ..rounds
    })
}

impl Engine {
    /// Takes a command in, or says why not. What follows from it is decided by the next `decide`.
    pub fn command(&mut self, command: Command, now: Timestamp) -> Result<(), Refused> {
        self.now = self.now.max(now);
        match command {
            Command::Run(request) => self.run(*request),
            Command::Down {
                vdc,
                keep_volumes,
                force,
                at_once,
            } => {
                if !force {
                    self.check_unused(&vdc)?;
                }
                let kept = if keep_volumes {
                    ", volumes are kept"
                } else {
                    ""
                };
                let how = if at_once { ", at once" } else { "" };
                let goal = Goal::Gone {
                    keep_volumes,
                    at_once,
                };
                self.down(&vdc, goal, &format!("asked for{kept}{how}"))
            }
            Command::Verb {
                vdc,
                application,
                task,
                verb,
            } => self.verb(&vdc, application.as_ref(), task.as_ref(), &verb),
            Command::Live { vdc, ttl } => self.live(&vdc, ttl),
            Command::Unschedule { vdc, application } => self.unschedule(&vdc, &application),
        }
    }

    fn unschedule(&mut self, vdc: &VdcId, application: &Name) -> Result<(), Refused> {
        let key = (vdc.zone.clone(), vdc.name.clone(), application.clone());
        let tracked = self.systems.get(&key);
        let system = tracked.map(|tracked| &tracked.system);
        let Some((system, rounds)) =
            system.and_then(|system| Some((system, system.header.rounds?)))
        else {
            return Err(Refused::NoSchedule {
                vdc: vdc.clone(),
                application: application.clone(),
            });
        };
        let header = Header {
            rounds: Some(Rounds {
                off: true,
                ..rounds
            }),
            ..system.header.clone()
        };
        let change = Change::Header(system.id.clone(), header);
        self.change(key, change);
        self.mark_vdc(vdc);
        Ok(())
    }

    fn run(&mut self, request: RunRequest) -> Result<(), Refused> {
        request.ttl.map_or(Ok(()), Ttl::check)?;
        let existing = self.vdcs.get(&request.vdc);
        if existing.is_some_and(|vdc| vdc.down) {
            return Err(Refused::GoingDown(request.vdc));
        }
        if let Some(application) = self.still_leaving(&request) {
            return Err(Refused::Leaving {
                vdc: request.vdc,
                application,
            });
        }
        self.check_uses(&request)?;
        if !request.partial {
            let misfits = self.misfits(&request);
            if !misfits.is_empty() {
                return Err(Refused::DoesNotFit(misfits));
            }
        }
        let now = self.now;
        let created = existing.map_or(now, |vdc| vdc.created);
        let vdc = VdcRecord {
            id: request.vdc.clone(),
            shown: request.shown.clone(),
            stack: request.stack.clone(),
            revision: request.revision,
            created,
            updated: now,
            down: false,
            isolation: request.isolation,
            expires: existing.and_then(|vdc| vdc.expires),
            ttl: existing.and_then(|vdc| vdc.ttl),
            warned: existing.map_or(0, |vdc| vdc.warned),
        };
        self.forget_failed_supplies();
        let text = format!("revision {} of stack {}", request.revision, request.stack);
        self.note(request.vdc.to_string(), "run", text);
        self.note_requirements(&request);
        self.unsettled.insert(request.vdc.clone());
        let vdc = match request.ttl {
            Some(ttl) => self.with_ttl(vdc, ttl),
            None => vdc,
        };
        let key = |application: &Name| {
            (
                request.vdc.zone.clone(),
                request.vdc.name.clone(),
                application.clone(),
            )
        };
        self.pending.changes.push(Change::Vdc(vdc.clone()));
        self.apply(&Change::Vdc(vdc));
        let known: Vec<Key> = self
            .of_vdc(&request.vdc)
            .map(|(key, _)| key.clone())
            .collect();
        for gone in known
            .iter()
            .filter(|(_, _, application)| !request.systems.contains_key(application))
        {
            let goal = Goal::Gone {
                keep_volumes: false,
                at_once: false,
            };
            self.edit(gone, |intent| intent.goal = goal);
        }
        for (application, spec) in &request.systems {
            self.set_spec(key(application), spec.clone(), request.revision);
        }
        self.mark_vdc(&request.vdc);
        Ok(())
    }

    /// An application whose end can no longer be called off: its volumes are being removed, its attempts are refused.
    fn still_leaving(&self, request: &RunRequest) -> Option<Name> {
        let ends = |(key, tracked): &(&Key, &super::Tracked)| {
            let is_gone = matches!(tracked.system.header.intent.goal, Goal::Gone { .. });
            is_gone
                && (tracked.system.live().next().is_none() || departs(&tracked.system))
                && request.systems.contains_key(&key.2)
        };
        self.of_vdc(&request.vdc)
            .find(ends)
            .map(|(key, _)| key.2.clone())
    }

    fn set_spec(&mut self, key: Key, spec: ServiceSpec, revision: u32) {
        let now = self.now;
        let Some(tracked) = self.systems.get(&key) else {
            let incarnation = self
                .tombstones
                .get(&key)
                .map_or(1, |(id, _)| id.incarnation + 1);
            let (scope, run, application) = key.clone();
            let id = SystemId {
                scope,
                run,
                application,
                incarnation,
            };
            let header = Header {
                intent: Intent::default(),
                revision,
                spec: Arc::new(spec),
                leaving: BTreeMap::new(),
                since: now,
                ended: None,
                rounds: None,
            };
            return self.change(key, Change::Header(id, header));
        };
        let old = &tracked.system.header;
        let mut leaving = old.leaving.clone();
        leaving.retain(|name, _| !spec.tasks.contains_key(name));
        for (name, task) in old
            .spec
            .tasks
            .iter()
            .filter(|(name, _)| !spec.tasks.contains_key(*name))
        {
            let drain = old.spec.drains.get(name).cloned();
            leaving.insert(
                name.clone(),
                Leaving {
                    task: task.clone(),
                    drain,
                },
            );
        }
        let mut intent = old.intent.clone();
        if matches!(intent.goal, Goal::Gone { .. }) {
            // A run while it leaves: it stays after all.
            intent.goal = Goal::Running;
        }
        intent.forgiven = now;
        // One that comes back later was not asked for then.
        intent
            .operate
            .retain(|name, _| spec.operations.iter().any(|wanted| wanted.name == *name));
        let (id, since) = (tracked.system.id.clone(), old.since);
        let rounds = rounds(old, &spec, now);
        let stale: Vec<String> = tracked
            .system
            .operations
            .keys()
            .filter(|name| {
                let drains = leaving.keys().any(|task| **name == format!("drain {task}"));
                let of_part = spec.part.as_ref().is_some_and(|part| part.asks(name));
                !drains
                    && !of_part
                    && !spec
                        .operations
                        .iter()
                        .any(|operation| operation.name == **name)
            })
            .cloned()
            .collect();
        let header = Header {
            intent,
            revision,
            spec: Arc::new(spec),
            leaving,
            since,
            ended: None,
            rounds,
        };
        self.change(key.clone(), Change::Header(id.clone(), header));
        for name in stale {
            self.change(key.clone(), Change::OperationGone(id.clone(), name));
        }
        self.drop_unused_launches(&key);
    }

    /// Launches that no record and no spec refers to any more.
    fn drop_unused_launches(&mut self, key: &Key) {
        let Some(tracked) = self.systems.get(key) else {
            return;
        };
        let system = &tracked.system;
        let used: BTreeSet<_> = system.tasks.values().map(|record| &record.digest).collect();
        let unused: Vec<_> = system
            .launches
            .keys()
            .filter(|digest| !used.contains(digest))
            .cloned()
            .collect();
        let id = system.id.clone();
        for digest in unused {
            self.change(key.clone(), Change::LaunchGone(id.clone(), digest));
        }
    }

    pub(super) fn down(&mut self, vdc: &VdcId, goal: Goal, reason: &str) -> Result<(), Refused> {
        let Some(record) = self.vdcs.get(vdc) else {
            return Err(Refused::NoVdc(vdc.clone()));
        };
        let record = VdcRecord {
            down: true,
            updated: self.now,
            ..record.clone()
        };
        self.note(vdc.to_string(), "down", reason);
        let keys: Vec<Key> = self.of_vdc(vdc).map(|(key, _)| key.clone()).collect();
        self.pending.changes.push(Change::Vdc(record.clone()));
        self.apply(&Change::Vdc(record));
        if keys.is_empty() {
            self.note(vdc.to_string(), "down", "everything has ended");
            self.end_network(vdc);
            self.pending.changes.push(Change::VdcGone(vdc.clone()));
            self.apply(&Change::VdcGone(vdc.clone()));
        }
        for key in keys {
            self.edit(&key, |intent| intent.goal = goal);
        }
        Ok(())
    }

    fn verb(
        &mut self,
        vdc: &VdcId,
        application: Option<&Name>,
        task: Option<&TaskName>,
        verb: &Verb,
    ) -> Result<(), Refused> {
        let Some(record) = self.vdcs.get(vdc) else {
            return Err(Refused::NoVdc(vdc.clone()));
        };
        if record.down {
            return Err(Refused::GoingDown(vdc.clone()));
        }
        let mut keys = self.named(vdc, application)?;
        // What ends for good cannot be called back by a verb: the grid may have been told to refuse it.
        keys.retain(|key| !self.ends(key));
        if let (Some(application), true) = (application, keys.is_empty()) {
            let application = application.clone();
            return Err(Refused::Leaving {
                vdc: vdc.clone(),
                application,
            });
        }
        if let Some(task) = task {
            let tracked = keys.first().and_then(|key| self.systems.get(key));
            let tasks = tracked.map(|tracked| &tracked.system.header.spec.tasks);
            if !tasks.is_some_and(|tasks| tasks.contains_key(task)) {
                let names = tasks.into_iter().flat_map(|tasks| tasks.keys());
                let known = names.map(Name::as_str).collect::<Vec<_>>().join(", ");
                let application = application.map(Name::to_string).unwrap_or_default();
                return Err(Refused::NoTask {
                    application,
                    task: task.clone(),
                    known,
                });
            }
        }
        if let (Some(_), Some(word)) = (task, whole_only(verb)) {
            return Err(Refused::NotOfATask(word));
        }
        if *verb == Verb::Replace && task.is_none() {
            return Err(Refused::NeedsTask("replace is asked"));
        }
        if let Verb::Force { gate } = verb
            && !GATES.contains(&gate.as_str())
        {
            return Err(Refused::NoGate(gate.clone()));
        }
        if let Verb::Operate { operation } = verb {
            keys = self.operable(vdc, keys, application, operation)?;
        }
        if *verb == Verb::Start {
            self.forget_failed_supplies();
        }
        self.unsettled.insert(vdc.clone());
        let now = self.now;
        let word = serde_json::to_value(verb)
            .map(|word| word.to_string().replace('"', ""))
            .unwrap_or_default();
        for key in keys {
            let (zone, name, application) = &key;
            let of_task = task.map(|task| format!("/{task}")).unwrap_or_default();
            self.note(
                format!("{zone}/{name}/{application}{of_task}"),
                "asked",
                word.clone(),
            );
            self.edit(&key, |intent| apply_verb(intent, task, verb, now));
            if *verb == Verb::Replace {
                self.ask_after_replacing(&key);
            }
        }
        Ok(())
    }

    /// What is to be done once the replaced task is there again.
    fn ask_after_replacing(&mut self, key: &Key) {
        let system = self.systems.get(key).map(|tracked| &tracked.system);
        let operations = system
            .into_iter()
            .flat_map(|system| &system.header.spec.operations);
        let asked =
            operations.filter(|wanted| wanted.after_replacing && wanted.when != When::Always);
        for operation in asked.map(|wanted| wanted.name.clone()).collect::<Vec<_>>() {
            let path = format!("{}/{}/{}", key.0, key.1, key.2);
            let text = format!("{operation}: asked for, because a task is replaced");
            self.note(path, "operation", text);
            let verb = Verb::Operate { operation };
            let now = self.now;
            self.edit(key, |intent| apply_verb(intent, None, &verb, now));
        }
    }

    /// Those of the systems that do the operation when somebody asks.
    fn operable(
        &self,
        vdc: &VdcId,
        mut keys: Vec<Key>,
        application: Option<&Name>,
        operation: &str,
    ) -> Result<Vec<Key>, Refused> {
        let all = |key: &Key| {
            let tracked = self.systems.get(key);
            tracked.map(|tracked| tracked.system.header.spec.operations.as_slice())
        };
        let mut known: Vec<&str> = Vec::new();
        for wanted in keys.iter().filter_map(all).flatten() {
            match wanted.when {
                When::Always if wanted.name == operation => {
                    return Err(Refused::NotAsked(operation.to_owned()));
                }
                When::Always => {}
                When::Asked | When::Every(_) => known.push(&wanted.name),
            }
        }
        let has = |key: &Key| {
            let mut wanted = all(key).unwrap_or_default().iter();
            wanted.any(|wanted| wanted.name == operation)
        };
        if !keys.iter().any(has) {
            let whose = application.map_or_else(|| vdc.to_string(), Name::to_string);
            let known = if known.is_empty() {
                "none".to_owned()
            } else {
                known.join(", ")
            };
            return Err(Refused::NoOperation {
                whose,
                operation: operation.to_owned(),
                known,
            });
        }
        keys.retain(has);
        Ok(keys)
    }

    fn ends(&self, key: &Key) -> bool {
        let goal = self
            .systems
            .get(key)
            .map(|tracked| tracked.system.header.intent.goal);
        matches!(goal, Some(Goal::Gone { .. }))
    }

    fn named(&self, vdc: &VdcId, application: Option<&Name>) -> Result<Vec<Key>, Refused> {
        let all: Vec<Key> = self.of_vdc(vdc).map(|(key, _)| key.clone()).collect();
        let Some(application) = application else {
            return Ok(all);
        };
        let named: Vec<Key> = all
            .iter()
            .filter(|key| key.2 == *application)
            .cloned()
            .collect();
        if named.is_empty() {
            let known = all
                .iter()
                .map(|key| key.2.as_str())
                .collect::<Vec<_>>()
                .join(", ");
            return Err(Refused::NoApplication {
                vdc: vdc.clone(),
                application: application.clone(),
                known,
            });
        }
        Ok(named)
    }

    fn edit(&mut self, key: &Key, edit: impl FnOnce(&mut Intent)) {
        let Some(tracked) = self.systems.get(key) else {
            return;
        };
        let mut header = tracked.system.header.clone();
        edit(&mut header.intent);
        let id = tracked.system.id.clone();
        self.change(key.clone(), Change::Header(id, header));
        // Whether it leaves concerns those that it uses: they must not go before it.
        self.mark_used(key);
    }

    /// What of the request would find no place on the fleet as it is, were everything else left as it is.
    fn misfits(&self, request: &RunRequest) -> Vec<String> {
        if self.fleet.node_ids().next().is_none() {
            return Vec::new();
        }
        let mut fleet = self.fleet.sketch(&request.vdc);
        // What the request no longer has will be gone by then.
        for (key, tracked) in self.of_vdc(&request.vdc) {
            let spec = request.systems.get(&key.2);
            for record in tracked.system.live() {
                if spec.is_none_or(|spec| !spec.tasks.contains_key(&record.id.name)) {
                    fleet.release(&(record.id.system.clone(), record.id.name.clone()));
                }
            }
        }
        let mut wishes = Vec::new();
        for (application, spec) in &request.systems {
            let system_key = (
                request.vdc.zone.clone(),
                request.vdc.name.clone(),
                application.clone(),
            );
            let known = self.systems.get(&system_key);
            let id = known.map_or_else(
                || SystemId {
                    scope: request.vdc.zone.clone(),
                    run: request.vdc.name.clone(),
                    application: application.clone(),
                    incarnation: u32::MAX,
                },
                |tracked| tracked.system.id.clone(),
            );
            for (task, spec) in &spec.tasks {
                let last = known.and_then(|tracked| tracked.system.tasks.get(task));
                let old = known.and_then(|tracked| tracked.system.header.spec.tasks.get(task));
                if last.is_some()
                    && old.is_some_and(|old| old.needs == spec.needs || old.launch == spec.launch)
                {
                    // Nothing new is asked for it; if it is down and finds no node, `why` says so.
                    continue;
                }
                // One that lives is restarted with other needs: its place is free by then.
                fleet.release(&(id.clone(), task.clone()));
                let node = last
                    .filter(|_| !spec.volumes.is_empty())
                    .and_then(|last| last.node.clone());
                wishes.push(Wish {
                    system: id.clone(),
                    task: task.clone(),
                    needs: spec.needs,
                    ports: spec.ports.clone(),
                    constraints: spec.constraints.clone(),
                    bound: node,
                    prefer: None,
                    address: None,
                    kept_ports: BTreeMap::new(),
                    starts_until: None,
                    since: self.now,
                });
            }
        }
        let needed: u32 = wishes
            .iter()
            .fold(0, |sum, wish| sum.saturating_add(wish.needs.memory_mib));
        let (_, free) = self.fleet.totals();
        let unplaced = place(wishes, &mut fleet).unplaced;
        let mut lines: Vec<String> = unplaced
            .iter()
            .map(
                |Unplaced {
                     system,
                     task,
                     tally,
                 }| format!("  {}/{task}: {tally}", system.application),
            )
            .collect();
        if !lines.is_empty() && needed > free.memory_mib {
            lines.push(format!(
                "  in all {needed} MiB are asked and {} MiB are free: {} MiB too many",
                free.memory_mib,
                needed - free.memory_mib
            ));
        }
        lines
    }
}

/// Whether a part has begun to leave the others: a node that has left a ring does not come back with its data.
fn departs(system: &System) -> bool {
    let part = system.header.spec.part.as_ref();
    let steps = part.into_iter().flat_map(|part| &part.leaving);
    let mut names = steps.map(|step| &step.name);
    names.any(|name| system.operations.contains_key(name))
}

/// The verbs that would move more than the one task they were asked for.
fn whole_only(verb: &Verb) -> Option<&'static str> {
    match verb {
        Verb::Stop => Some("stop"),
        Verb::Pause => Some("pause"),
        Verb::Resume => Some("resume"),
        Verb::Force { .. } => Some("force"),
        Verb::Operate { .. } => Some("operate"),
        Verb::Start | Verb::Restart | Verb::Replace => None,
    }
}

fn apply_verb(intent: &mut Intent, task: Option<&TaskName>, verb: &Verb, now: Timestamp) {
    match verb {
        Verb::Stop => intent.goal = Goal::Stopped,
        Verb::Start => {
            intent.goal = Goal::Running;
            intent.forgiven = now;
        }
        Verb::Restart => {
            match task {
                Some(task) => *intent.restart_task.entry(task.clone()).or_default() += 1,
                None => intent.restart += 1,
            }
            intent.forgiven = now;
        }
        Verb::Replace => {
            if let Some(task) = task {
                *intent.replace.entry(task.clone()).or_default() += 1;
            }
            intent.forgiven = now;
        }
        Verb::Pause => intent.paused = true,
        Verb::Resume => intent.paused = false,
        Verb::Force { gate } => {
            intent.force.insert(gate.clone(), now + FORCE_FOR);
        }
        Verb::Operate { operation } => {
            *intent.operate.entry(operation.clone()).or_default() += 1;
        }
    }
}
