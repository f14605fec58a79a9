//! What is inside and around each isolated virtual data center, ordered anew whenever it differs from what was ordered.

use std::collections::{BTreeMap, BTreeSet};

use smack_model::{Action, Import, Isolation, NetworkOrder, Status, Timestamp, VdcId};

use super::Engine;
use crate::names::{imported_names, names};
use crate::seen::Sent;
use crate::status::{Imported, VdcStatus};

/// What was ordered for one virtual data center, and what became of it.
#[derive(Debug)]
pub(super) struct Network {
    ordered: NetworkOrder,
    sent: Sent,
    answered: bool,
    problem: Option<String>,
}

impl Engine {
    /// Orders what has changed, before anything that is launched into it.
    pub(super) fn order_networks(&mut self, changed: &BTreeSet<VdcId>) {
        let mut actions = Vec::new();
        for id in changed {
            let Some(order) = self.wanted_network(id) else {
                continue;
            };
            if self
                .networks
                .get(id)
                .is_some_and(|known| known.ordered == order)
            {
                continue;
            }
            let mut sent = Sent::default();
            sent.sent(self.now);
            let problem = self.networks.remove(id).and_then(|network| network.problem);
            actions.push(Action::Network(Box::new(order.clone())));
            self.networks.insert(
                id.clone(),
                Network {
                    ordered: order,
                    sent,
                    answered: false,
                    problem,
                },
            );
        }
        self.pending.actions.splice(0..0, actions);
    }

    fn wanted_network(&self, id: &VdcId) -> Option<NetworkOrder> {
        let vdc = self.view.vdcs.get(id)?;
        if vdc.record.isolation == Isolation::Open {
            return None;
        }
        let mut names = names(vdc);
        for ((address, _), imported) in &vdc.imports {
            let Imported {
                from,
                application,
                task,
                ..
            } = imported;
            for name in imported_names(from, application.as_str(), task) {
                let addresses = names.entry(name).or_default();
                if !addresses.iter().any(|known| **known == **address) {
                    addresses.push(address.to_string());
                }
            }
        }
        Some(NetworkOrder {
            vdc: id.clone(),
            names,
            exposed: self.exposed(vdc),
            imported: self.imported(vdc),
        })
    }

    fn imported(&self, vdc: &VdcStatus) -> BTreeMap<(String, u16), Import> {
        let import = |imported: &Imported| {
            let owner = self.vdcs.get(&imported.from);
            let is_apart = owner.is_some_and(|owner| owner.isolation != Isolation::Open);
            Import {
                from: is_apart.then(|| imported.from.clone()),
                runs: imported.runs,
            }
        };
        let imports = vdc.imports.iter();
        imports
            .map(|((address, port), imported)| ((address.to_string(), *port), import(imported)))
            .collect()
    }

    fn exposed(&self, vdc: &VdcStatus) -> BTreeMap<(String, u16), bool> {
        let mut exposed = BTreeMap::new();
        for (_, tracked) in self.of_vdc(&vdc.record.id) {
            let header = &tracked.system.header;
            for record in tracked.system.live() {
                let spec = header.spec.tasks.get(&record.id.name);
                let (Some(spec), Some(address)) = (spec, &record.address) else {
                    continue;
                };
                let runs = runs(&record.status);
                for port in &spec.exposed {
                    if let Some(port) = record.ports.get(port) {
                        exposed.insert((address.to_string(), *port), runs);
                    }
                }
            }
        }
        exposed
    }

    /// A virtual data center ends, or is not known any more: nothing of its network is to stay.
    pub(super) fn end_network(&mut self, id: &VdcId) {
        self.networks.remove(id);
        let is_open = |vdc: &smack_model::VdcRecord| vdc.isolation == Isolation::Open;
        if self.vdcs.get(id).is_some_and(is_open) {
            return;
        }
        self.pending.actions.push(Action::NetworkEnd(id.clone()));
    }

    /// Networks that the grid has; those of virtual data centers that are gone end.
    pub(super) fn networks_found(&mut self, found: Vec<VdcId>) {
        for id in found {
            if !self.vdcs.contains_key(&id) {
                self.end_network(&id);
            }
        }
    }

    pub(super) fn networked(&mut self, id: &VdcId, problem: Option<String>) {
        let Some(network) = self.networks.get_mut(id) else {
            return;
        };
        network.answered = problem.is_none();
        if network.problem == problem {
            return;
        }
        network.problem.clone_from(&problem);
        let (kind, text) = match problem {
            Some(problem) => ("network-failed", problem),
            None => ("network", "is as it should be".to_owned()),
        };
        self.note(id.to_string(), kind, text);
        self.view_stale.insert(id.clone());
    }

    /// Why the network of a virtual data center is not as it should be.
    pub(super) fn network_problem(&self, id: &VdcId) -> Option<&String> {
        self.networks.get(id)?.problem.as_ref()
    }

    /// Sends again what nobody has answered.
    pub(super) fn repeat_networks(&mut self) {
        let now = self.now;
        for network in self.networks.values_mut() {
            if !network.answered && network.sent.due() <= now {
                network.sent.sent(now);
                let order = Box::new(network.ordered.clone());
                self.pending.actions.push(Action::Network(order));
            }
        }
    }

    pub(super) fn repeat_networks_at(&self) -> Option<Timestamp> {
        let unanswered = self.networks.values().filter(|network| !network.answered);
        unanswered.map(|network| network.sent.due()).min()
    }
}

/// Whether something may listen there.
pub(super) fn runs(status: &Status) -> bool {
    matches!(
        status,
        Status::Running { .. } | Status::Ready { .. } | Status::Draining { .. }
    )
}
