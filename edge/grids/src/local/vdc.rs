//! The networks of virtual data centers of an isolated level: a holder each, which keeps the namespaces, and a relay
//! each where something is exposed. Both outlive the server, like shims; one that ends is replaced at once. What is
//! asked of one network is done in the order of asking, by whoever comes first.

mod files;
mod keeper;
mod members;
mod network;
mod routes;

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use smack_model::{Epoch, Event, Isolation, LaunchOrder, NetworkOrder, Refusal, VdcId};

use super::agent::Agent;
use super::home::Home;
use super::lanes::Lane;
use super::sockets;
use keeper::Kind;
pub(crate) use keeper::Trouble;
use network::Network;
pub(crate) use routes::Routes;

/// The tokens of holders and relays, apart from those of shims.
pub(crate) const TOKENS: u64 = 1 << 62;

pub(crate) struct Networks {
    all: Mutex<BTreeMap<VdcId, Entry>>,
    watched: Mutex<Watched>,
    lane: Lane,
    pub(crate) routes: Arc<Routes>,
}

#[derive(Default)]
struct Entry {
    asked: VecDeque<(Epoch, Asked)>,
    network: Arc<Mutex<Network>>,
}

enum Asked {
    Be(NetworkOrder),
    End,
}

/// Whose a token or a watch is.
#[derive(Default)]
struct Watched {
    last_token: u64,
    keepers: BTreeMap<u64, (VdcId, Kind)>,
    directories: BTreeMap<i32, VdcId>,
}

impl Networks {
    pub(crate) fn new(home: &Home) -> Self {
        Self {
            all: Mutex::default(),
            watched: Mutex::default(),
            lane: Lane::new("grid-network", 2),
            routes: Arc::new(Routes::new(home.clone())),
        }
    }

    pub(crate) fn close(&self) {
        self.lane.close();
    }

    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(&self, vdc: &VdcId, epoch: Epoch, asked: Asked) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = all.entry(vdc.clone()).or_default();
        entry.asked.push_back((epoch, asked));
    }

    fn next(&self, vdc: &VdcId) -> Option<(Epoch, Asked)> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.get_mut(vdc)?.asked.pop_front()
    }

    fn network(&self, vdc: &VdcId) -> Arc<Mutex<Network>> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&all.entry(vdc.clone()).or_default().network)
    }

    /// Nothing is kept of a network that has ended, unless somebody is about to make it again.
    fn forget(&self, vdc: &VdcId) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = all.get(vdc).is_some_and(|entry| {
            // The map and whoever calls.
            entry.asked.is_empty() && Arc::strong_count(&entry.network) <= 2
        });
        if is_over {
            all.remove(vdc);
        }
    }
}

impl Agent {
    pub(crate) fn order_network(this: &Arc<Self>, epoch: Epoch, order: &NetworkOrder) {
        this.networks
            .ask(&order.vdc, epoch, Asked::Be(order.clone()));
        this.soon(&order.vdc);
    }

    pub(crate) fn end_network(this: &Arc<Self>, epoch: Epoch, vdc: &VdcId) {
        this.networks.ask(vdc, epoch, Asked::End);
        this.soon(vdc);
    }

    /// Takes over what earlier servers have left running.
    pub(crate) fn adopt_networks(this: &Arc<Self>) {
        for vdc in this.home.networks() {
            let agent = Arc::clone(this);
            this.networks.lane.push(move || agent.mend(&vdc, None));
        }
    }

    fn soon(self: &Arc<Self>, vdc: &VdcId) {
        let (this, vdc) = (Arc::clone(self), vdc.clone());
        self.networks.lane.push(move || {
            let network = this.networks.network(&vdc);
            this.catch_up(&vdc, &mut lock(&network));
            drop(network);
        });
    }

    /// Does what has been asked so far.
    fn catch_up(&self, vdc: &VdcId, network: &mut Network) {
        while let Some((epoch, asked)) = self.networks.next(vdc) {
            let fenced = self.fence(epoch);
            match asked {
                Asked::Be(_) if fenced.is_err() => {
                    let problem = fenced.err().map(|refusal| refusal.to_string());
                    let vdc = vdc.clone();
                    self.tell(&self.lock(), Event::Network { vdc, problem });
                }
                Asked::Be(order) => {
                    let problem = network.be(self, &order).err();
                    network.told.clone_from(&problem);
                    let vdc = vdc.clone();
                    self.tell(&self.lock(), Event::Network { vdc, problem });
                }
                Asked::End => match fenced {
                    Err(refusal) => tracing::warn!(%vdc, %refusal, "its network is not ended"),
                    Ok(()) => {
                        network.end(self, vdc);
                        self.networks.forget(vdc);
                    }
                },
            }
        }
    }

    /// What an attempt needs before it starts: the directory of its network, which is there and has its names.
    pub(crate) fn enter_network(&self, order: &LaunchOrder) -> Result<Option<PathBuf>, Refusal> {
        let vdc = order.id.system.vdc();
        if order.isolation == Isolation::Open {
            if let Some(address) = &order.address {
                sockets::check(address, order.ports.values().copied())?;
                self.networks.routes.set(address, None);
            }
            return Ok(None);
        }
        let network = self.networks.network(&vdc);
        let mut network = lock(&network);
        self.catch_up(&vdc, &mut network);
        network
            .have_holder(self, &vdc)
            .map_err(|reason| Refusal::NoIsolation { reason })?;
        if let Some(address) = &order.address {
            network.check_exposed(address)?;
            self.networks.routes.set(address, Some(&vdc));
        }
        Ok(Some(self.home.network(&vdc)))
    }

    /// A holder or relay has ended.
    pub(crate) fn keeper_ended(self: &Arc<Self>, token: u64) {
        let Some((vdc, kind)) = self.networks.watched().keepers.remove(&token) else {
            return;
        };
        let this = Arc::clone(self);
        self.networks
            .lane
            .push(move || this.mend(&vdc, Some((kind, token))));
    }

    /// A relay says that something has changed about what it cannot do.
    pub(crate) fn problems_changed(self: &Arc<Self>, watch: Option<i32>) {
        let watched = self.networks.watched();
        let changed: Vec<VdcId> = match watch {
            Some(watch) => watched
                .directories
                .get(&watch)
                .cloned()
                .into_iter()
                .collect(),
            None => watched.directories.values().cloned().collect(),
        };
        drop(watched);
        for vdc in changed {
            let this = Arc::clone(self);
            self.networks.lane.push(move || this.mend(&vdc, None));
        }
    }

    /// Puts in order what has gone out of it by itself, and tells if that changes anything for others.
    fn mend(&self, vdc: &VdcId, ended: Option<(Kind, u64)>) {
        let shared = self.networks.network(vdc);
        let mut network = lock(&shared);
        if let Some((kind, token)) = ended {
            network.bury(self, kind, token);
        }
        let problem = network.mend(self, vdc).err();
        if network.told != problem {
            network.told.clone_from(&problem);
            let vdc = vdc.clone();
            self.tell(&self.lock(), Event::Network { vdc, problem });
        }
        if !self.home.network(vdc).is_dir() {
            self.networks.forget(vdc);
        }
    }
}

fn lock(network: &Mutex<Network>) -> MutexGuard<'_, Network> {
    network.lock().unwrap_or_else(PoisonError::into_inner)
}
