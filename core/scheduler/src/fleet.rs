//! What the nodes have and what is promised of it. Dense and numbered inside; names only at the edges.

mod starting;

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;

use smack_model::{Addressing, Name, Node, NodeId, Ports, Resources, SystemId, TaskName, VdcId};

/// All nodes with everything that is promised on them.
#[derive(Debug, Clone, Default)]
pub struct Fleet {
    pub(crate) nodes: Vec<NodeState>,
    index: BTreeMap<NodeId, usize>,
    holdings: BTreeMap<(SystemId, TaskName), Holding>,
    addresses: Addresses,
    starts: BTreeMap<(SystemId, TaskName), starting::Start>,
}

#[derive(Debug, Clone)]
pub(crate) struct NodeState {
    pub(crate) node: Arc<Node>,
    /// The capacity without what is promised; 0 where a node has shrunk below its promises.
    pub(crate) free: Resources,
    promised: Promised,
    pub(crate) usable: bool,
    /// Of nodes whose tasks share one address: whose they are.
    pub(crate) ports: BTreeMap<u16, (SystemId, TaskName)>,
    /// What the tasks that are starting ask for, in thousandths of a core.
    pub(crate) starting: u64,
}

/// The sum of all promises of a node: wider than a node's numbers, for a node may shrink.
#[derive(Debug, Clone, Copy, Default)]
struct Promised {
    cpu_millis: u64,
    memory_mib: u64,
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
    /// Whose a block is, and how many of its addresses are given.
    blocks: BTreeMap<u16, (VdcId, u16)>,
    /// Blocks of a VDC that are not full.
    open: BTreeMap<VdcId, BTreeSet<u16>>,
    used: BTreeSet<u32>,
}

/// The addresses of a block: 1 to 254.
const BLOCK: u16 = 254;

impl Fleet {
    /// Takes over what the grid says of its nodes; what is promised stays promised. Gives the nodes that were usable and
    /// are no longer named, and those that have become usable; `None`: nothing is new.
    pub(crate) fn set_nodes(&mut self, nodes: Vec<Node>) -> Option<(Vec<NodeId>, Vec<NodeId>)> {
        let named: BTreeSet<NodeId> = nodes.iter().map(|node| node.id.clone()).collect();
        let mut lost = Vec::new();
        for state in self
            .nodes
            .iter_mut()
            .filter(|state| state.usable && !named.contains(&state.node.id))
        {
            state.usable = false;
            lost.push(state.node.id.clone());
        }
        let (mut came, mut changed) = (Vec::new(), false);
        for node in nodes {
            if let Some(&index) = self.index.get(&node.id) {
                let state = &mut self.nodes[index];
                if !state.usable {
                    came.push(node.id.clone());
                }
                changed |= *state.node != node;
                state.node = Arc::new(node);
                state.usable = true;
                state.reckon();
            } else {
                came.push(node.id.clone());
                self.index.insert(node.id.clone(), self.nodes.len());
                let (free, promised, ports) = (node.capacity, Promised::default(), BTreeMap::new());
                self.nodes.push(NodeState {
                    node: Arc::new(node),
                    free,
                    promised,
                    usable: true,
                    ports,
                    starting: 0,
                });
            }
        }
        (changed || !lost.is_empty() || !came.is_empty()).then_some((lost, came))
    }

    pub(crate) fn lose(&mut self, node: &NodeId) {
        if let Some(&index) = self.index.get(node) {
            self.nodes[index].usable = false;
        }
    }

    pub(crate) fn is_usable(&self, node: &NodeId) -> bool {
        self.position(node)
            .is_some_and(|index| self.nodes[index].usable)
    }

    /// Whether the task holds a promise of that node.
    pub(crate) fn holds(&self, task: &(SystemId, TaskName), node: usize) -> bool {
        self.holdings
            .get(task)
            .is_some_and(|holding| holding.node == node)
    }

    pub(crate) fn position(&self, node: &NodeId) -> Option<usize> {
        self.index.get(node).copied()
    }

    /// Promises `needs` and `ports` of a node to a task. Promising again replaces the promise.
    pub(crate) fn hold(
        &mut self,
        task: (SystemId, TaskName),
        node: usize,
        needs: Resources,
        ports: &Ports,
    ) {
        self.release(&task);
        let state = &mut self.nodes[node];
        state.promised.cpu_millis += u64::from(needs.cpu_millis);
        state.promised.memory_mib += u64::from(needs.memory_mib);
        state.reckon();
        let shared = matches!(state.node.addressing, Addressing::PerNode { .. });
        let ports: Vec<u16> = if shared {
            ports.values().copied().collect()
        } else {
            Vec::new()
        };
        let owned = ports.iter().map(|port| (*port, task.clone()));
        state.ports.extend(owned);
        self.holdings.insert(task, Holding { node, needs, ports });
    }

    /// Gives back what was promised to a task; whether anything was.
    pub(crate) fn release(&mut self, task: &(SystemId, TaskName)) -> bool {
        let Some(Holding { node, needs, ports }) = self.holdings.remove(task) else {
            return false;
        };
        let state = &mut self.nodes[node];
        state.promised.cpu_millis -= u64::from(needs.cpu_millis);
        state.promised.memory_mib -= u64::from(needs.memory_mib);
        state.reckon();
        for port in ports {
            state.ports.remove(&port);
        }
        true
    }

    /// Marks an address as a VDC's; it is kept over the attempts of a task.
    pub(crate) fn hold_address(&mut self, vdc: &VdcId, address: &str) {
        let Some((block, bits)) = loopback(address) else {
            return;
        };
        if !self.addresses.used.insert(bits) {
            return;
        }
        let (owner, count) = self
            .addresses
            .blocks
            .entry(block)
            .or_insert_with(|| (vdc.clone(), 0));
        *count += 1;
        let (owner, is_full) = (owner.clone(), *count >= BLOCK);
        let open = self.addresses.open.entry(owner).or_default();
        if is_full {
            open.remove(&block);
        } else {
            open.insert(block);
        }
    }

    pub(crate) fn release_address(&mut self, address: &str) {
        let Some((block, bits)) = loopback(address) else {
            return;
        };
        if !self.addresses.used.remove(&bits) {
            return;
        }
        let Some((owner, count)) = self.addresses.blocks.get_mut(&block) else {
            return;
        };
        *count -= 1;
        let (owner, is_empty) = (owner.clone(), *count == 0);
        let open = self.addresses.open.entry(owner.clone()).or_default();
        if is_empty {
            open.remove(&block);
            self.addresses.blocks.remove(&block);
        } else {
            open.insert(block);
        }
        if self
            .addresses
            .open
            .get(&owner)
            .is_some_and(BTreeSet::is_empty)
        {
            self.addresses.open.remove(&owner);
        }
    }

    /// The lowest free address in the VDC's blocks, else the first of a block that nobody has.
    pub(crate) fn new_address(
        &mut self,
        vdc: &VdcId,
        first: u16,
        last: u16,
        foreign: &[u16],
    ) -> Option<String> {
        let Addresses { blocks, open, used } = &self.addresses;
        let own = open.get(vdc).into_iter().flatten().copied();
        let fresh =
            || (first..=last).find(|block| !blocks.contains_key(block) && !foreign.contains(block));
        let in_block = |block: u16| {
            let [b, c] = block.to_be_bytes();
            let base = Ipv4Addr::new(127, b, c, 0).to_bits();
            (base + 1..=base + u32::from(BLOCK)).find(|address| !used.contains(address))
        };
        let address = own
            .into_iter()
            .find_map(in_block)
            .or_else(|| fresh().and_then(in_block))?;
        let text = Ipv4Addr::from_bits(address).to_string();
        self.hold_address(vdc, &text);
        Some(text)
    }

    pub fn node_ids(&self) -> impl Iterator<Item = &NodeId> {
        self.nodes
            .iter()
            .filter(|state| state.usable)
            .map(|state| &state.node.id)
    }

    /// Capacity and what is free of it, over all usable nodes.
    pub fn totals(&self) -> (Resources, Resources) {
        let usable = self.nodes.iter().filter(|state| state.usable);
        usable.fold(
            (Resources::default(), Resources::default()),
            |(mut all, mut free), state| {
                all.cpu_millis = all
                    .cpu_millis
                    .saturating_add(state.node.capacity.cpu_millis);
                all.memory_mib = all
                    .memory_mib
                    .saturating_add(state.node.capacity.memory_mib);
                free.cpu_millis = free.cpu_millis.saturating_add(state.free.cpu_millis);
                free.memory_mib = free.memory_mib.saturating_add(state.free.memory_mib);
                (all, free)
            },
        )
    }

    /// Checks that no promise exceeds its node: for tests and seeds.
    pub fn is_sound(&self) -> bool {
        let mut promised = vec![(0_u64, 0_u64); self.nodes.len()];
        for holding in self.holdings.values() {
            promised[holding.node].0 += u64::from(holding.needs.cpu_millis);
            promised[holding.node].1 += u64::from(holding.needs.memory_mib);
        }
        self.nodes
            .iter()
            .zip(promised)
            .all(|(state, (cpu, memory))| {
                cpu <= u64::from(state.node.capacity.cpu_millis)
                    && memory <= u64::from(state.node.capacity.memory_mib)
            })
    }

    /// The same fleet with the promises to one VDC's tasks listed and no others': enough to try placements for it.
    pub(crate) fn sketch(&self, vdc: &VdcId) -> Self {
        let from = SystemId {
            scope: vdc.zone.clone(),
            run: vdc.name.clone(),
            application: Name::lowest(),
            incarnation: 0,
        };
        let own = self.holdings.range((from, Name::lowest())..);
        let own =
            own.take_while(|((system, _), _)| system.scope == vdc.zone && system.run == vdc.name);
        Self {
            nodes: self.nodes.clone(),
            index: self.index.clone(),
            holdings: own
                .map(|(task, holding)| (task.clone(), holding.clone()))
                .collect(),
            addresses: self.addresses.clone(),
            starts: BTreeMap::new(),
        }
        .without_starts()
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

impl NodeState {
    fn reckon(&mut self) {
        let free = |capacity: u32, promised: u64| {
            u32::try_from(u64::from(capacity).saturating_sub(promised)).unwrap_or(u32::MAX)
        };
        let capacity = self.node.capacity;
        self.free = Resources {
            cpu_millis: free(capacity.cpu_millis, self.promised.cpu_millis),
            memory_mib: free(capacity.memory_mib, self.promised.memory_mib),
        };
    }
}

/// The block and the number of a loopback address.
fn loopback(address: &str) -> Option<(u16, u32)> {
    let address = address.parse::<Ipv4Addr>().ok()?;
    let [first, b, c, _] = address.octets();
    (first == 127).then(|| (u16::from_be_bytes([b, c]), address.to_bits()))
}
