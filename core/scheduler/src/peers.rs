//! What a system may see of the other systems that it uses, of its other parts, and of the grid.

use std::collections::BTreeMap;
use std::sync::Arc;

use smack_model::{
    ApplicationPath, End, Goal, Isolation, Member, Ports, Status, SupplyState, System, TaskName,
    Timestamp,
};

use crate::steer::is_done;

/// The other applications that it uses, of the same VDC by name, and what the grid has at hand.
#[derive(Debug, Clone, Default)]
pub struct Peers {
    pub applications: BTreeMap<ApplicationPath, Peer>,
    pub supplies: BTreeMap<String, SupplyState>,
    /// Applications that require this one, are going away as well and are still there.
    pub leaving_users: Vec<ApplicationPath>,
    /// The other parts of the system, in the order of their zones.
    pub siblings: Vec<Sibling>,
    /// How the tasks of the virtual data center are kept apart.
    pub isolation: Isolation,
}

/// One other application.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Peer {
    /// Every task has an address.
    pub placed: bool,
    pub ready: bool,
    /// Filled as soon as the addresses in them are known.
    pub exports: Arc<BTreeMap<String, String>>,
}

/// Another part of the same system, as far as a part must know it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sibling {
    /// Where it is: `zone/name/application`.
    pub path: String,
    pub zone: String,
    /// What the product calls it.
    pub place: String,
    /// When it was made.
    pub since: Timestamp,
    pub members: Vec<Member>,
    /// The addresses of those that have been ready with the data they have, in the order of names.
    pub joined: Vec<String>,
    /// It is to run, or some of it does.
    pub is_there: bool,
    /// It goes for good.
    pub leaves: bool,
    /// Tasks that do not serve, and those on their way out.
    pub away: Vec<TaskName>,
    /// What its product is being asked to do.
    pub busy: Option<String>,
    /// The last change of any of its tasks.
    pub changed: Timestamp,
}

impl Sibling {
    pub(crate) fn of(system: &System, changed: Timestamp) -> Option<Self> {
        let header = &system.header;
        let zone = system.id.vdc().zone;
        let mut members = members(system);
        for member in &mut members {
            member.part = Some(zone.clone());
        }
        let joined = system.tasks.values().filter(|record| record.has_joined());
        let mut underway = system.operations.iter();
        let underway = underway.find(|(_, record)| record.is_underway());
        let goal = header.intent.goal;
        Some(Self {
            path: system.id.path(),
            zone: zone.to_string(),
            place: header.spec.part.as_ref()?.place.clone(),
            since: header.since,
            members,
            joined: joined
                .filter_map(|record| record.address.as_deref().map(str::to_owned))
                .collect(),
            is_there: goal == Goal::Running || system.live().next().is_some(),
            leaves: matches!(goal, Goal::Gone { .. }),
            away: away(system),
            busy: underway.map(|(name, _)| name.clone()),
            changed,
        })
    }
}

/// The tasks of a system that have an address, as clients of the product need them.
pub(crate) fn members(system: &System) -> Vec<Member> {
    let header = &system.header;
    let spec_of = |name: &TaskName| {
        let leaving = || header.leaving.get(name).map(|leaving| &leaving.task);
        header.spec.tasks.get(name).or_else(leaving)
    };
    let tasks = system.tasks.values();
    tasks
        .filter_map(|record| {
            let spec = spec_of(&record.id.name)?;
            Some(Member {
                task: record.id.name.clone(),
                part: None,
                attempt: record.id.attempt,
                member: spec.member,
                address: record.address.as_deref()?.to_owned(),
                ports: Ports::clone(&record.ports),
                ready: record.status.is_ready() || matches!(record.status, Status::Draining { .. }),
            })
        })
        .collect()
}

/// Wanted tasks that do not serve, and tasks on their way out. One that has never been there is not away.
pub(crate) fn away(system: &System) -> Vec<TaskName> {
    let header = &system.header;
    let wanted = header.spec.tasks.iter().filter(|(name, spec)| {
        let record = system.tasks.get(*name);
        let record = record.filter(|record| record.status != Status::Ended(End::Retired));
        record.is_some_and(|record| !record.status.is_ready() && !is_done(system, record, spec))
    });
    let leaving = header.leaving.keys().filter(|name| {
        let record = system.tasks.get(*name);
        record.is_some_and(|record| record.status.is_live() && !record.status.is_ready())
    });
    wanted
        .map(|(name, _)| name)
        .chain(leaving)
        .cloned()
        .collect()
}
