//! Virtual data centers that use each other: who uses whom, what of it is reached, and what may therefore not be done.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use smack_model::{ApplicationPath, Goal, Name, ServiceSpec, VdcId};

use super::network::runs;
use super::{Engine, Key, Refused, RunRequest, Tracked, vdc_of};
use crate::status::{Imported, Imports};

impl Engine {
    /// Other virtual data centers that use this one.
    pub(super) fn users_of(&self, id: &VdcId) -> BTreeSet<VdcId> {
        let users = |key: &Key| self.users.get(key).into_iter().flatten();
        let all = self.of_vdc(id).flat_map(|(key, _)| users(key));
        all.map(vdc_of).filter(|user| user != id).collect()
    }

    /// The applications of other virtual data centers that this one uses.
    pub(super) fn foreign_uses(&self, id: &VdcId) -> BTreeSet<ApplicationPath> {
        let paths = self.of_vdc(id).flat_map(|(_, tracked)| &tracked.uses);
        paths.filter(|path| path.vdc.is_some()).cloned().collect()
    }

    /// What of other virtual data centers one reaches: of the applications that it uses, the ports that stand in what
    /// they publish; of the siblings of its parts, those at which parts talk with each other.
    pub(super) fn imports(&self, id: &VdcId) -> Imports {
        let mut imports = Imports::new();
        for path in self.foreign_uses(id) {
            let Some(vdc) = &path.vdc else { continue };
            let key = key_of(vdc, path.application);
            self.import(&key, ServiceSpec::published_ports, &mut imports);
        }
        for (own, tracked) in self.of_vdc(id) {
            for key in self.sibling_keys(own, &tracked.system.header.spec) {
                self.import(&key, between, &mut imports);
            }
        }
        imports
    }

    /// These ports at each task of a system.
    fn import(&self, key: &Key, ports: fn(&ServiceSpec) -> BTreeSet<&Name>, imports: &mut Imports) {
        let Some(other) = self.systems.get(key) else {
            return;
        };
        let ports = ports(&other.system.header.spec);
        for record in other.system.live() {
            let Some(address) = &record.address else {
                continue;
            };
            for port in ports.iter().filter_map(|name| record.ports.get(*name)) {
                let imported = Imported {
                    from: vdc_of(key),
                    application: key.2.clone(),
                    task: record.id.name.clone(),
                    runs: runs(&record.status),
                };
                imports.insert((Arc::clone(address), *port), imported);
            }
        }
    }

    /// Other virtual data centers that reach something of this one.
    pub(super) fn importers_of(&self, id: &VdcId) -> BTreeSet<VdcId> {
        let siblings = self
            .of_vdc(id)
            .flat_map(|(own, tracked)| self.sibling_keys(own, &tracked.system.header.spec));
        let siblings = siblings.map(|key| vdc_of(&key));
        siblings.chain(self.users_of(id)).collect()
    }

    /// Whether what the request uses is there, and whether anybody uses what it no longer has.
    pub(super) fn check_uses(&self, request: &RunRequest) -> Result<(), Refused> {
        for (user, spec) in &request.systems {
            for path in spec.uses() {
                self.check_use(user, &path)?;
            }
        }
        self.check_circle(request)?;
        let removed = self
            .of_vdc(&request.vdc)
            .filter(|(key, _)| !request.systems.contains_key(&key.2));
        let users = self.outside_users(&request.vdc, removed);
        match users.first_key_value() {
            Some((application, _)) => Err(Refused::ApplicationInUse {
                vdc: request.vdc.clone(),
                application: application.clone(),
                users: users.values().flatten().cloned().collect(),
            }),
            None => Ok(()),
        }
    }

    /// Whether a virtual data center may end.
    pub(super) fn check_unused(&self, id: &VdcId) -> Result<(), Refused> {
        let users = self.outside_users(id, self.of_vdc(id));
        if users.is_empty() {
            return Ok(());
        }
        let users: BTreeSet<String> = users.into_values().flatten().collect();
        Err(Refused::InUse {
            vdc: id.clone(),
            users: users.into_iter().collect(),
        })
    }

    fn check_use(&self, user: &Name, path: &ApplicationPath) -> Result<(), Refused> {
        let Some(vdc) = path.vdc.as_deref() else {
            return Ok(());
        };
        let user = user.clone();
        let record = self.vdcs.get(vdc);
        let Some(record) = record else {
            let vdc = vdc.clone();
            return Err(Refused::NothingToUse { user, vdc });
        };
        if record.down {
            return Err(Refused::UsesEnding {
                user,
                vdc: vdc.clone(),
            });
        }
        let key = key_of(vdc, path.application.clone());
        let is_there = |tracked: &Tracked| !is_going(tracked);
        if self.systems.get(&key).is_some_and(is_there) {
            return Ok(());
        }
        let known = self.of_vdc(vdc).filter(|(_, tracked)| is_there(tracked));
        let known: Vec<&str> = known.map(|(key, _)| key.2.as_str()).collect();
        Err(Refused::NoApplication {
            vdc: vdc.clone(),
            application: path.application.clone(),
            known: known.join(", "),
        })
    }

    /// Two that use each other could never go down one after the other.
    fn check_circle(&self, request: &RunRequest) -> Result<(), Refused> {
        let wanted = |specs: &BTreeMap<Name, ServiceSpec>| -> BTreeSet<VdcId> {
            let paths = specs.values().flat_map(ServiceSpec::uses);
            paths
                .filter_map(|path| Some(VdcId::clone(path.vdc.as_ref()?)))
                .collect()
        };
        // Whom each is used by, as far as it was reached: the way back from the own one.
        let mut ways: BTreeMap<VdcId, VdcId> = BTreeMap::new();
        let mut open = Vec::new();
        for used in wanted(&request.systems) {
            ways.insert(used.clone(), request.vdc.clone());
            open.push(used);
        }
        while let Some(id) = open.pop() {
            for used in self.used_by(&id) {
                if used == request.vdc {
                    return Err(Refused::Circle(circle(&request.vdc, id, &ways)));
                }
                if !ways.contains_key(&used) {
                    ways.insert(used.clone(), id.clone());
                    open.push(used);
                }
            }
        }
        Ok(())
    }

    /// Other virtual data centers that this one uses.
    fn used_by(&self, id: &VdcId) -> BTreeSet<VdcId> {
        let paths = self.foreign_uses(id).into_iter();
        paths
            .filter_map(|path| path.vdc.as_deref().cloned())
            .collect()
    }

    /// Applications of other virtual data centers that use one of these and are to stay, by what they use.
    pub(super) fn outside_users<'a>(
        &'a self,
        own: &VdcId,
        used: impl Iterator<Item = (&'a Key, &'a Tracked)>,
    ) -> BTreeMap<Name, BTreeSet<String>> {
        let mut found: BTreeMap<Name, BTreeSet<String>> = BTreeMap::new();
        for (key, _) in used {
            let users = self.users.get(key).into_iter().flatten();
            let stays = |user: &&Key| {
                let tracked = self.systems.get(*user);
                vdc_of(user) != *own && tracked.is_some_and(|tracked| !is_going(tracked))
            };
            for user in users.filter(stays) {
                let names = found.entry(key.2.clone()).or_default();
                names.insert(format!("{}/{}", vdc_of(user), user.2));
            }
        }
        found
    }
}

fn between(spec: &ServiceSpec) -> BTreeSet<&Name> {
    let parts = spec.part.iter();
    parts.flat_map(|part| &part.between).collect()
}

fn key_of(vdc: &VdcId, application: Name) -> Key {
    (vdc.zone.clone(), vdc.name.clone(), application)
}

fn is_going(tracked: &Tracked) -> bool {
    matches!(tracked.system.header.intent.goal, Goal::Gone { .. })
}

/// `own -> … -> last -> own`.
fn circle(own: &VdcId, last: VdcId, ways: &BTreeMap<VdcId, VdcId>) -> Vec<VdcId> {
    let mut found = vec![own.clone(), last];
    while let Some(user) = found.last().and_then(|id| ways.get(id)) {
        found.push(user.clone());
        if user == own {
            break;
        }
    }
    found.reverse();
    found
}
