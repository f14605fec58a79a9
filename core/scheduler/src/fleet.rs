//! What the nodes have and what is promised of it. Dense and numbered inside; names only at the edges.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use smack_model::{Addressing, Name, Node, NodeId, Ports, Resources, SystemId, TaskName, VdcId};

/// All nodes with everything that is promised on them.
#[derive(Debug, Clone, Default)]
pub struct Fleet {
    pub(crate) nodes: Vec<NodeState>,
    index: BTreeMap<NodeId, usize>,
    holdings: BTreeMap<(SystemId, TaskName), Holding>,
    addresses: Addresses,
}

#[derive(Debug, Clone)]
pub(crate) struct NodeState {
    pub(crate) node: Node,
    pub(crate) free: Resources,
    pub(crate) tasks: u32,
    pub(crate) usable: bool,
    /// Of nodes whose tasks share one address.
    pub(crate) ports: BTreeSet<u16>,
}

#[derive(Debug, Clone)]
struct Holding {
    node: usize,
    needs: Resources,
    ports: Vec<u16>,
}

/// Loopback addresses given to tasks, a block of 254 after another per VDC.
#[derive(Debug, Clone, Default)]
struct Addresses {
    blocks: BTreeMap<u16, VdcId>,
    used: BTreeSet<u32>,
}

impl Fleet {
    /// Takes over what the grid says of its nodes; what is promised stays promised.
    pub(crate) fn set_nodes(&mut self, nodes: Vec<Node>) {
        for state in &mut self.nodes {
            state.usable = false;
        }
        for node in nodes {
            if let Some(&index) = self.index.get(&node.id) {
                let state = &mut self.nodes[index];
                state.free = grown(state.free, state.node.capacity, node.capacity);
                state.node = node;
                state.usable = true;
            } else {
                self.index.insert(node.id.clone(), self.nodes.len());
                let (free, ports) = (node.capacity, BTreeSet::new());
                self.nodes.push(NodeState { node, free, tasks: 0, usable: true, ports });
            }
        }
    }

    pub(crate) fn lose(&mut self, node: &NodeId) {
        if let Some(&index) = self.index.get(node) {
            self.nodes[index].usable = false;
        }
    }

    pub(crate) fn position(&self, node: &NodeId) -> Option<usize> {
        self.index.get(node).copied()
    }

    /// Promises `needs` and `ports` of a node to a task. Promising again replaces the promise.
    pub(crate) fn hold(&mut self, task: (SystemId, TaskName), node: usize, needs: Resources, ports: &Ports) {
        self.release(&task);
        let state = &mut self.nodes[node];
        state.free.cpu_millis = state.free.cpu_millis.saturating_sub(needs.cpu_millis);
        state.free.memory_mib = state.free.memory_mib.saturating_sub(needs.memory_mib);
        state.tasks += 1;
        let shared = matches!(state.node.addressing, Addressing::PerNode { .. });
        let ports: Vec<u16> = if shared { ports.values().copied().collect() } else { Vec::new() };
        state.ports.extend(&ports);
        self.holdings.insert(task, Holding { node, needs, ports });
    }

    /// Gives back what was promised to a task, if anything was.
    pub(crate) fn release(&mut self, task: &(SystemId, TaskName)) {
        let Some(Holding { node, needs, ports }) = self.holdings.remove(task) else { return };
        let state = &mut self.nodes[node];
        let capacity = state.node.capacity;
        state.free.cpu_millis = (state.free.cpu_millis + needs.cpu_millis).min(capacity.cpu_millis);
        state.free.memory_mib = (state.free.memory_mib + needs.memory_mib).min(capacity.memory_mib);
        state.tasks -= 1;
        for port in ports {
            state.ports.remove(&port);
        }
    }

    /// Marks an address as a VDC's; it is kept over the attempts of a task.
    pub(crate) fn hold_address(&mut self, vdc: &VdcId, address: &str) {
        let Ok(address) = address.parse::<Ipv4Addr>() else { return };
        let [first, b, c, _] = address.octets();
        if first == 127 {
            self.addresses.blocks.insert(u16::from_be_bytes([b, c]), vdc.clone());
            self.addresses.used.insert(address.to_bits());
        }
    }

    pub(crate) fn release_address(&mut self, address: &str) {
        let Ok(address) = address.parse::<Ipv4Addr>() else { return };
        self.addresses.used.remove(&address.to_bits());
        let [_, b, c, _] = address.octets();
        let base = Ipv4Addr::new(127, b, c, 0).to_bits();
        if self.addresses.used.range(base..=base + 255).next().is_none() {
            self.addresses.blocks.remove(&u16::from_be_bytes([b, c]));
        }
    }

    /// The lowest free address in the VDC's blocks, else the first of a block that nobody has.
    pub(crate) fn new_address(&mut self, vdc: &VdcId, first: u16, last: u16, foreign: &[u16]) -> Option<String> {
        let own = self.addresses.blocks.iter().filter(|(_, owner)| *owner == vdc).map(|(block, _)| *block);
        let free_block = || {
            (first..=last).find(|block| !self.addresses.blocks.contains_key(block) && !foreign.contains(block))
        };
        let in_block = |block: u16| {
            let [b, c] = block.to_be_bytes();
            let base = Ipv4Addr::new(127, b, c, 0).to_bits();
            (base + 1..base + 255).find(|address| !self.addresses.used.contains(address))
        };
        let address = own.into_iter().find_map(in_block).or_else(|| free_block().and_then(in_block))?;
        let text = Ipv4Addr::from_bits(address).to_string();
        self.hold_address(vdc, &text);
        Some(text)
    }

    pub fn node_ids(&self) -> impl Iterator<Item = &NodeId> {
        self.nodes.iter().filter(|state| state.usable).map(|state| &state.node.id)
    }

    /// Capacity and what is free of it, over all usable nodes.
    pub fn totals(&self) -> (Resources, Resources) {
        let usable = self.nodes.iter().filter(|state| state.usable);
        usable.fold((Resources::default(), Resources::default()), |(mut all, mut free), state| {
            all.cpu_millis = all.cpu_millis.saturating_add(state.node.capacity.cpu_millis);
            all.memory_mib = all.memory_mib.saturating_add(state.node.capacity.memory_mib);
            free.cpu_millis = free.cpu_millis.saturating_add(state.free.cpu_millis);
            free.memory_mib = free.memory_mib.saturating_add(state.free.memory_mib);
            (all, free)
        })
    }

    /// Checks that no promise exceeds its node: for tests and seeds.
    pub fn is_sound(&self) -> bool {
        let mut promised = vec![(0_u64, 0_u64); self.nodes.len()];
        for holding in self.holdings.values() {
            promised[holding.node].0 += u64::from(holding.needs.cpu_millis);
            promised[holding.node].1 += u64::from(holding.needs.memory_mib);
        }
        self.nodes.iter().zip(promised).all(|(state, (cpu, memory))| {
            cpu <= u64::from(state.node.capacity.cpu_millis) && memory <= u64::from(state.node.capacity.memory_mib)
        })
    }

    /// Where the tasks of one system are, other than `except`.
    pub(crate) fn of_system<'a>(
        &'a self,
        system: &'a SystemId,
        except: &'a Name,
    ) -> impl Iterator<Item = usize> + 'a {
        let from = (system.clone(), Name::lowest());
        self.holdings
            .range(from..)
            .take_while(move |((id, _), _)| id == system)
            .filter(move |((_, name), _)| name != except)
            .map(|(_, holding)| holding.node)
    }
}

/// `free` after the capacity changed.
fn grown(free: Resources, old: Resources, new: Resources) -> Resources {
    let shift = |free: u32, old: u32, new: u32| (free + new).saturating_sub(old).min(new);
    Resources {
        cpu_millis: shift(free.cpu_millis, old.cpu_millis, new.cpu_millis),
        memory_mib: shift(free.memory_mib, old.memory_mib, new.memory_mib),
    }
}
