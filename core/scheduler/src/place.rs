//! The one function that spends capacity: all open wishes of all systems against the whole fleet.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use smack_model::{
    Addressing, Constraint, NodeId, PortSpec, PortWish, Ports, Resources, Rule, SystemId, TaskName,
    Timestamp,
};

use crate::fleet::{Fleet, NodeState};

/// "Place broker-1, prefer node b, keep these ports."
#[derive(Debug, Clone)]
pub struct Wish {
    pub system: SystemId,
    pub task: TaskName,
    pub needs: Resources,
    pub ports: Vec<PortSpec>,
    pub constraints: Vec<Constraint>,
    /// Where its data is: there or nowhere.
    pub bound: Option<NodeId>,
    /// Where it was, if that does not bind it.
    pub prefer: Option<NodeId>,
    /// Kept over attempts, so that peers find it again.
    pub address: Option<String>,
    pub kept_ports: Ports,
    /// Until when it counts among those that its node starts at once, unless it is ready before.
    pub starts_until: Option<Timestamp>,
    pub since: Timestamp,
}

/// What came of the wishes.
#[derive(Debug, Clone, Default)]
pub struct Placing {
    pub placed: Vec<Placed>,
    pub unplaced: Vec<Unplaced>,
}

#[derive(Debug, Clone)]
pub struct Placed {
    pub system: SystemId,
    pub task: TaskName,
    pub node: NodeId,
    pub address: String,
    pub ports: Ports,
}

#[derive(Debug, Clone)]
pub struct Unplaced {
    pub system: SystemId,
    pub task: TaskName,
    pub tally: Tally,
}

/// Why no node would do: how many lack what, and the three nearest misses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    pub counts: BTreeMap<String, u32>,
    pub nearest: Vec<String>,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.counts.is_empty() {
            return f.write_str("there is no node");
        }
        let counts: Vec<String> = self
            .counts
            .iter()
            .map(|(reason, count)| format!("{count} {reason}"))
            .collect();
        f.write_str(&counts.join(", "))?;
        if !self.nearest.is_empty() {
            write!(f, " (nearest: {})", self.nearest.join("; "))?;
        }
        Ok(())
    }
}

/// Why one node would not do; ordered from nearest to farthest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Miss {
    Memory { free: u32, needed: u32 },
    Cpu { free: u32, needed: u32 },
    Port(u16),
    NoAddress,
    Constraint(String),
    DataElsewhere(NodeId),
    Unusable,
    Starting,
}

/// Places what fits, in order of who has least of the fleet, then who waits longest; what does not fit never holds up
/// the others. `fleet` is charged for what is placed.
pub fn place(wishes: Vec<Wish>, fleet: &mut Fleet) -> Placing {
    let mut placing = Placing::default();
    let mut share: BTreeMap<(smack_model::Name, smack_model::Name), u64> = BTreeMap::new();
    let mut wishes = wishes;
    wishes.sort_by(|a, b| (a.since, &a.system, &a.task).cmp(&(b.since, &b.system, &b.task)));
    // Fair between VDCs: the n-th wish of each comes before the (n+1)-th of any.
    let mut ranked: Vec<(u64, Wish)> = wishes
        .into_iter()
        .map(|wish| {
            let vdc = (wish.system.scope.clone(), wish.system.run.clone());
            let rank = share.entry(vdc).or_default();
            *rank += 1;
            (*rank, wish)
        })
        .collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    let free = fleet.nodes.iter().map(|state| {
        if state.usable {
            state.free
        } else {
            Resources::default()
        }
    });
    let mut scratch = Scratch {
        free: free.collect(),
        ..Scratch::default()
    };
    for (_, wish) in ranked {
        match choose(&wish, fleet, &mut scratch) {
            Ok((node, ports)) => match settle(&wish, node, ports, fleet) {
                Ok(placed) => {
                    scratch.free[node] = fleet.nodes[node].free;
                    placing.placed.push(placed);
                }
                Err(miss) => {
                    let mut tally = Tally::default();
                    tally.add(&fleet.nodes[node], &miss);
                    placing.unplaced.push(Unplaced {
                        system: wish.system,
                        task: wish.task,
                        tally,
                    });
                }
            },
            Err(tally) => placing.unplaced.push(Unplaced {
                system: wish.system,
                task: wish.task,
                tally,
            }),
        }
    }
    placing
}

/// Reused between wishes so that the inner loop allocates nothing.
#[derive(Default)]
struct Scratch {
    /// Tasks of the wish's system per node.
    own: Vec<u16>,
    own_nodes: Vec<usize>,
    /// What each node has free, side by side: the inner loop reads nothing else.
    free: Vec<Resources>,
}

fn choose(wish: &Wish, fleet: &Fleet, scratch: &mut Scratch) -> Result<(usize, Ports), Tally> {
    for node in scratch.own_nodes.drain(..) {
        scratch.own[node] = 0;
    }
    scratch.own.resize(fleet.nodes.len(), 0);
    for node in fleet.of_system(&wish.system, &wish.task) {
        scratch.own[node] = scratch.own[node].saturating_add(1);
        scratch.own_nodes.push(node);
    }
    if let Some(bound) = &wish.bound {
        let Some(index) = fleet.position(bound) else {
            let counts =
                BTreeMap::from([(format!("{bound}, which holds its data, is not there"), 1)]);
            return Err(Tally {
                counts,
                nearest: Vec::new(),
            });
        };
        let found = fits(wish, index, fleet, scratch);
        return found.map(|ports| (index, ports)).map_err(|miss| {
            let mut tally = Tally::default();
            tally.add(&fleet.nodes[index], &miss);
            let others = u32::try_from(fleet.nodes.len())
                .unwrap_or(u32::MAX)
                .saturating_sub(1);
            if others > 0 {
                tally
                    .counts
                    .insert(Miss::DataElsewhere(bound.clone()).reason(), others);
            }
            tally
        });
    }
    let preferred = wish.prefer.as_ref().and_then(|node| fleet.position(node));
    if let Some(index) = preferred
        && let Ok(ports) = fits(wish, index, fleet, scratch)
    {
        return Ok((index, ports));
    }
    // Fewest of the same system, then most free memory, then processor, then the first.
    let mut best: Option<(u16, u32, u32, usize)> = None;
    for (index, free) in scratch.free.iter().enumerate() {
        if free.memory_mib < wish.needs.memory_mib || free.cpu_millis < wish.needs.cpu_millis {
            continue;
        }
        let score = (
            scratch.own[index],
            u32::MAX - free.memory_mib,
            u32::MAX - free.cpu_millis,
            index,
        );
        if best.is_none_or(|best| score < best) && fits(wish, index, fleet, scratch).is_ok() {
            best = Some(score);
        }
    }
    match best {
        Some((_, _, _, index)) => match fits(wish, index, fleet, scratch) {
            Ok(ports) => Ok((index, ports)),
            Err(_) => Err(Tally::default()),
        },
        None => Err(tally(wish, fleet, scratch)),
    }
}

/// The ports the task would get on the node, or why it cannot go there.
fn fits(wish: &Wish, index: usize, fleet: &Fleet, scratch: &Scratch) -> Result<Ports, Miss> {
    let state = &fleet.nodes[index];
    if !state.usable {
        return Err(Miss::Unusable);
    }
    let Resources {
        cpu_millis,
        memory_mib,
    } = wish.needs;
    if state.free.memory_mib < memory_mib {
        return Err(Miss::Memory {
            free: state.free.memory_mib,
            needed: memory_mib,
        });
    }
    if state.free.cpu_millis < cpu_millis {
        return Err(Miss::Cpu {
            free: state.free.cpu_millis,
            needed: cpu_millis,
        });
    }
    if let Some(most) = state.node.starting
        && state.starting > 0
        && state.starting + u64::from(cpu_millis) > u64::from(most)
    {
        return Err(Miss::Starting);
    }
    // Where its data is it was allowed once; there or nowhere.
    for constraint in wish.constraints.iter().filter(|_| wish.bound.is_none()) {
        if !holds(constraint, index, fleet, scratch) {
            return Err(Miss::Constraint(constraint.to_string()));
        }
    }
    ports(wish, state)
}

fn ports(wish: &Wish, state: &NodeState) -> Result<Ports, Miss> {
    let mut chosen = Ports::new();
    let (shared, first, last) = match &state.node.addressing {
        Addressing::PerTask { .. } => (false, 20_000, u16::MAX),
        Addressing::PerNode {
            ports: (first, last),
            ..
        } => (true, *first, *last),
    };
    let is_free = |chosen: &Ports, port: u16| {
        let taken = (shared && state.ports.contains_key(&port))
            || chosen.values().any(|taken| *taken == port);
        !taken
    };
    for PortSpec { name, wish: port } in &wish.ports {
        let kept = wish.kept_ports.get(name).copied();
        let number = match port {
            PortWish::Fixed(port) => is_free(&chosen, *port)
                .then_some(*port)
                .ok_or(Miss::Port(*port))?,
            PortWish::Range(low, high) => kept
                .filter(|port| (*low..=*high).contains(port) && is_free(&chosen, *port))
                .or_else(|| (*low..=*high).find(|port| is_free(&chosen, *port)))
                .ok_or(Miss::Port(*low))?,
            PortWish::Any => kept
                .filter(|port| is_free(&chosen, *port))
                .or_else(|| (first..=last).find(|port| is_free(&chosen, *port)))
                .ok_or(Miss::Port(first))?,
        };
        chosen.insert(name.clone(), number);
    }
    Ok(chosen)
}

fn holds(constraint: &Constraint, index: usize, fleet: &Fleet, scratch: &Scratch) -> bool {
    let value_of = |node: usize| fleet.nodes[node].node.attribute(&constraint.attribute);
    if !constraint.admits(value_of(index)) {
        return false;
    }
    let Some(value) = value_of(index) else {
        return true;
    };
    let on_value = || -> u32 {
        let same = scratch
            .own_nodes
            .iter()
            .filter(|node| value_of(**node) == Some(value));
        u32::try_from(same.count()).unwrap_or(u32::MAX)
    };
    match &constraint.rule {
        Rule::Unique => on_value() == 0,
        Rule::Cluster(None) => scratch.own_nodes.is_empty() || on_value() > 0,
        Rule::GroupBy(at_least) => {
            let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
            for state in fleet.nodes.iter().filter(|state| state.usable) {
                if let Some(value) = state.node.attribute(&constraint.attribute) {
                    counts.entry(value).or_default();
                }
            }
            for node in &scratch.own_nodes {
                if let Some(value) = value_of(*node) {
                    *counts.entry(value).or_default() += 1;
                }
            }
            let used = counts.values().filter(|count| **count > 0).count();
            if at_least.is_some_and(|number| used < number as usize) {
                return on_value() == 0;
            }
            counts
                .values()
                .min()
                .is_none_or(|least| on_value() <= *least)
        }
        Rule::MaxPer(most) => on_value() < *most,
        Rule::Cluster(Some(_)) | Rule::Like(_) | Rule::Unlike(_) | Rule::Is(_) | Rule::IsNot(_) => {
            true
        }
    }
}

/// Charges the fleet and gives the task its address.
fn settle(wish: &Wish, node: usize, ports: Ports, fleet: &mut Fleet) -> Result<Placed, Miss> {
    let address = match &fleet.nodes[node].node.addressing {
        Addressing::PerNode { address, .. } => address.clone(),
        Addressing::PerTask {
            first_block,
            last_block,
            foreign,
        } => match &wish.address {
            Some(address) => address.clone(),
            None => {
                let (first, last, foreign) = (*first_block, *last_block, foreign.clone());
                fleet
                    .new_address(&wish.system.vdc(), first, last, &foreign)
                    .ok_or(Miss::NoAddress)?
            }
        },
    };
    fleet.hold(
        (wish.system.clone(), wish.task.clone()),
        node,
        wish.needs,
        &ports,
    );
    if let Some(until) = wish.starts_until {
        let task = (wish.system.clone(), wish.task.clone());
        fleet.start(task, node, wish.needs.cpu_millis, until);
    }
    let node = fleet.nodes[node].node.id.clone();
    Ok(Placed {
        system: wish.system.clone(),
        task: wish.task.clone(),
        node,
        address,
        ports,
    })
}

/// Counts by reason; texts are made of what is told alone, for there may be thousands of nodes.
fn tally(wish: &Wish, fleet: &Fleet, scratch: &Scratch) -> Tally {
    let mut counts: Vec<(Miss, u32)> = Vec::new();
    let mut nearest: Vec<(Miss, &NodeState)> = Vec::new();
    for (index, state) in fleet.nodes.iter().enumerate() {
        let Err(miss) = fits(wish, index, fleet, scratch) else {
            continue;
        };
        match counts.iter_mut().find(|(other, _)| other.is_alike(&miss)) {
            Some((_, count)) => *count += 1,
            None => counts.push((miss.clone(), 1)),
        }
        if !miss.is_near() {
            continue;
        }
        let distance = (miss.rank(), miss.lacking(), &state.node.id);
        let rank = nearest.partition_point(|(miss, state)| {
            (miss.rank(), miss.lacking(), &state.node.id) < distance
        });
        if rank < NEAREST {
            nearest.truncate(NEAREST - 1);
            nearest.insert(rank, (miss, state));
        }
    }
    Tally {
        counts: counts
            .into_iter()
            .map(|(miss, count)| (miss.reason(), count))
            .collect(),
        nearest: nearest
            .into_iter()
            .map(|(miss, state)| miss.near(state))
            .collect(),
    }
}

/// So many of the nearest misses are told.
const NEAREST: usize = 3;

impl Tally {
    fn add(&mut self, state: &NodeState, miss: &Miss) {
        *self.counts.entry(miss.reason()).or_default() += 1;
        if miss.is_near() && self.nearest.len() < NEAREST {
            self.nearest.push(miss.near(state));
        }
    }
}

impl Miss {
    /// What such misses are counted by.
    fn reason(&self) -> String {
        match self {
            Self::Memory { needed, .. } => format!("with less than {needed} MiB free"),
            Self::Cpu { needed, .. } => format!("with less than {} cpu free", cores(*needed)),
            Self::Port(port) => format!("with port {port} taken"),
            Self::NoAddress => "without a free address".to_owned(),
            Self::Constraint(text) => format!("not allowed by {text}"),
            Self::DataElsewhere(bound) => format!("without its data, which is on {bound}"),
            Self::Unusable => "not reachable".to_owned(),
            Self::Starting => "busy starting other tasks".to_owned(),
        }
    }

    /// Whether both have the same reason.
    fn is_alike(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Memory { needed, .. }, Self::Memory { needed: other, .. })
            | (Self::Cpu { needed, .. }, Self::Cpu { needed: other, .. }) => needed == other,
            (one, other) => one == other,
        }
    }

    /// The miss of one node, for people.
    fn near(&self, state: &NodeState) -> String {
        let node = &state.node.id;
        match self {
            Self::Memory { free, needed } => {
                format!(
                    "{node} lacks {} MiB: {free} of {needed} MiB free",
                    needed - free
                )
            }
            Self::Cpu { free, needed } => {
                format!("{node} has {} of {} cpu free", cores(*free), cores(*needed))
            }
            Self::Port(port) => match state.ports.get(port) {
                Some((system, task)) => {
                    let path = format!("{}/{task}", system.path());
                    format!("{node}: port {port} is taken by {path}")
                }
                None => format!("{node}: port {port} is taken"),
            },
            Self::NoAddress => format!("{node} has no address left"),
            Self::Constraint(text) => format!("{node}: {text}"),
            Self::DataElsewhere(_) | Self::Unusable | Self::Starting => String::new(),
        }
    }

    /// Whether a little more on the node would do: worth telling.
    fn is_near(&self) -> bool {
        !matches!(
            self,
            Self::DataElsewhere(_) | Self::Unusable | Self::Starting
        )
    }

    fn lacking(&self) -> u32 {
        match self {
            Self::Memory { free, needed } | Self::Cpu { free, needed } => needed - free,
            Self::Port(_)
            | Self::NoAddress
            | Self::Constraint(_)
            | Self::DataElsewhere(_)
            | Self::Unusable
            | Self::Starting => 0,
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Memory { .. } => 0,
            Self::Cpu { .. } => 1,
            Self::Port(_) | Self::NoAddress => 2,
            Self::Constraint(_) => 3,
            Self::DataElsewhere(_) => 4,
            Self::Unusable => 5,
            Self::Starting => 6,
        }
    }
}

fn cores(millis: u32) -> String {
    format!("{}", f64::from(millis) / 1000.0)
}

#[cfg(test)]
mod tests;
