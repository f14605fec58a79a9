//! Which systems are parts of one: found by their scope, name and application, and told when another of them moves.

use std::collections::BTreeSet;

use smack_model::{Member, Name, ServiceSpec, System, SystemId, VdcId};

use super::{Engine, Key, Refused, vdc_of};
use crate::peers::{Sibling, members};
use crate::plan::{Plan, plan_end};

/// A part that others of its system go on without.
#[derive(Debug, Clone, PartialEq)]
pub struct Departure {
    pub system: SystemId,
    /// What the product calls it.
    pub place: String,
    /// Of the whole system.
    pub members: Vec<Member>,
}

/// What parts of one system have in common: the layer that it spans, the name of the run, the application.
pub(super) type Whole = (Name, Name, Name);

impl Engine {
    /// The other parts of the system that `application` of `vdc` is or would be a part of with this spec, by zone.
    pub fn siblings(&self, vdc: &VdcId, application: &Name, spec: &ServiceSpec) -> Vec<&System> {
        let own = (vdc.zone.clone(), vdc.name.clone(), application.clone());
        let keys = whole(&own, spec).and_then(|whole| self.parts.get(&whole));
        let others = keys.into_iter().flatten().filter(|key| **key != own);
        let systems = others.filter_map(|key| self.systems.get(key));
        systems.map(|tracked| &tracked.system).collect()
    }

    /// The parts of a virtual data center that would leave others behind if it went down.
    pub fn departures(&self, vdc: &VdcId) -> Vec<Departure> {
        let of_vdc = self.of_vdc(vdc).filter_map(|(key, tracked)| {
            let system = &tracked.system;
            let part = system.header.spec.part.as_ref()?;
            let siblings = self.peer_siblings(key, &system.header.spec);
            let stays = |other: &Sibling| !other.joined.is_empty() && !other.leaves;
            let has_joined = system.tasks.values().any(|record| record.has_joined());
            if !has_joined || !siblings.iter().any(stays) {
                return None;
            }
            let others = siblings.into_iter().flat_map(|other| other.members);
            Some(Departure {
                system: system.id.clone(),
                place: part.place.clone(),
                members: members(system).into_iter().chain(others).collect(),
            })
        });
        of_vdc.collect()
    }

    /// What `down` of a virtual data center would do, application by application; or why it may not be.
    pub fn plan_down(
        &self,
        vdc: &VdcId,
        keep_volumes: bool,
        force: bool,
    ) -> Result<Vec<Plan>, Refused> {
        if !force {
            self.check_unused(vdc)?;
        }
        let plans = self.of_vdc(vdc).map(|(key, tracked)| {
            let system = &tracked.system;
            let siblings = self.siblings(vdc, &system.id.application, &system.header.spec);
            let users = self.required_by(key).map(|(user, _)| user);
            let users = users.filter(|user| vdc_of(user) == *vdc);
            let users: Vec<String> = users.map(|user| format!("{} ended", user.2)).collect();
            plan_end(system, &siblings, &users, keep_volumes)
        });
        Ok(plans.collect())
    }

    pub(super) fn peer_siblings(&self, own: &Key, spec: &ServiceSpec) -> Vec<Sibling> {
        let keys = self.sibling_keys(own, spec);
        let tracked = keys.iter().filter_map(|key| self.systems.get(key));
        tracked
            .filter_map(|tracked| Sibling::of(&tracked.system, tracked.seen.changed))
            .collect()
    }

    pub(super) fn sibling_keys(&self, own: &Key, spec: &ServiceSpec) -> Vec<Key> {
        let keys = whole(own, spec).and_then(|whole| self.parts.get(&whole));
        let others = keys.into_iter().flatten().filter(|key| *key != own);
        others.cloned().collect()
    }

    /// Lists a system under what it is a part of, after its spec was set.
    pub(super) fn list_part(&mut self, key: &Key) {
        let spec = self
            .systems
            .get(key)
            .map(|tracked| &tracked.system.header.spec);
        let wanted = spec.and_then(|spec| whole(key, spec));
        if wanted.as_ref().is_some_and(|whole| {
            let known = self.parts.get(whole);
            known.is_some_and(|keys| keys.contains(key))
        }) {
            return;
        }
        self.unlist_part(key);
        if let Some(whole) = wanted {
            self.parts.entry(whole).or_default().insert(key.clone());
        }
    }

    pub(super) fn unlist_part(&mut self, key: &Key) {
        let (_, run, application) = key;
        self.parts.retain(|(_, other_run, other), keys| {
            if other_run == run && other == application {
                keys.remove(key);
            }
            !keys.is_empty()
        });
    }

    /// Those whose steering looks at this system's records are steered again.
    pub(super) fn mark_siblings(&mut self, id: &SystemId) {
        let key = super::key(id);
        let Some(tracked) = self.systems.get(&key) else {
            return;
        };
        if tracked.system.header.spec.part.is_some() {
            let siblings = self.sibling_keys(&key, &tracked.system.header.spec);
            self.dirty.extend(siblings);
        }
    }

    /// Whether a part of the same system has wishes that are not placed yet: what they move is known only then.
    pub(super) fn waits_for_wishes(&self, key: &Key, wishing: &BTreeSet<Key>) -> bool {
        let Some(tracked) = self.systems.get(key).filter(|_| !wishing.is_empty()) else {
            return false;
        };
        let siblings = self.sibling_keys(key, &tracked.system.header.spec);
        siblings.iter().any(|sibling| wishing.contains(sibling))
    }
}

fn whole((_, run, application): &Key, spec: &ServiceSpec) -> Option<Whole> {
    let scope = spec.part.as_ref()?.scope.clone();
    Some((scope, run.clone(), application.clone()))
}
