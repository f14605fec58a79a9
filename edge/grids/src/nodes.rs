//! The nodes that this machine pretends to be.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::path::Path;

use smack_model::{Addressing, Name, Node, Resources};

use crate::local::{loopback_listeners, records};

/// Kept for the server, the shims and everything else on the machine: a twentieth, at least this much.
const RESERVE_MIN_MIB: u64 = 256;
/// Processor is a share, not a wall: a core holds tasks that ask for eight, for most of them wait most of the time.
const OVERCOMMIT: u64 = 8;
/// How many cores' worth of tasks may start at once, per core.
const STARTING: u64 = 2;
/// The second byte of our addresses, `127.<64 to 250>.x.y`: below are those that people use by hand.
const SECOND_BYTES: std::ops::RangeInclusive<u16> = 64..=250;

/// `count` nodes that share this machine evenly: `local`, `local-2`, `local-3` … Their addresses come out of 256 blocks
/// that a hash of `installation` picks, so that two homes rarely meet; blocks where a stranger listens are excluded. `home` tells
/// which addresses, and how much of the used memory, are our own.
pub fn virtual_nodes(count: usize, installation: &str, home: &Path) -> Vec<Node> {
    let count = count.max(1);
    let share = u64::try_from(count).unwrap_or(u64::MAX);
    let records = records(home);
    let ours: BTreeSet<Ipv4Addr> = records
        .iter()
        .filter_map(|(_, record)| record.address.as_ref()?.parse().ok())
        .collect();
    let own_mib = records
        .iter()
        .map(|(sandbox, _)| resident_mib(sandbox))
        .sum();
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    let capacity = Resources {
        cpu_millis: narrow(cores * 1000 * OVERCOMMIT / share),
        memory_mib: narrow(memory_mib(own_mib) / share),
    };
    let addressing = addressing(installation, &ours, &loopback_listeners());
    let (isolation, _) = crate::limits::isolation();
    let host = rustix::system::uname();
    let host = host.nodename().to_string_lossy().into_owned();
    (1..=count)
        .filter_map(|number| {
            let id = match number {
                1 => Name::new("local"),
                _ => Name::new(&format!("local-{number}")),
            };
            let id = id.ok()?;
            let attributes = [
                ("hostname", id.to_string()),
                ("machine", host.clone()),
                ("cores", cores.to_string()),
                ("arch", std::env::consts::ARCH.to_owned()),
                ("os", std::env::consts::OS.to_owned()),
            ];
            let attributes = attributes.map(|(name, value)| (name.to_owned(), value));
            Some(Node {
                id,
                attributes: BTreeMap::from(attributes),
                capacity,
                addressing: addressing.clone(),
                starting: Some(narrow(cores * 1000 * STARTING)),
                isolation,
            })
        })
        .collect()
}

/// A block is ours if one of our tasks has an address in it.
fn addressing(
    installation: &str,
    ours: &BTreeSet<Ipv4Addr>,
    listeners: &BTreeSet<Ipv4Addr>,
) -> Addressing {
    let block = |address: &Ipv4Addr| {
        let [_, second, third, _] = address.octets();
        u16::from_be_bytes([second, third])
    };
    let own: BTreeSet<u16> = ours.iter().map(block).collect();
    let span = SECOND_BYTES.end() - SECOND_BYTES.start() + 1;
    let second = SECOND_BYTES.start() + hash(installation) % span;
    let (first_block, last_block) = (second * 256, second * 256 + 255);
    let foreign: BTreeSet<u16> = listeners
        .iter()
        .map(block)
        .filter(|block| (first_block..=last_block).contains(block) && !own.contains(block))
        .collect();
    Addressing::PerTask {
        first_block,
        last_block,
        foreign: foreign.into_iter().collect(),
    }
}

/// 16 bits of FNV-1a: the same on every run.
fn hash(text: &str) -> u16 {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let [.., high, low] = (hash ^ (hash >> 32)).to_be_bytes();
    u16::from_be_bytes([high, low])
}

/// What tasks may have: what is available now and what our own running ones have already, less a reserve.
fn memory_mib(own_mib: u64) -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let kib: Option<u64> = line.and_then(|line| line.trim().split(' ').next()?.parse().ok());
        kib.unwrap_or(0) / 1024
    };
    let total = field("MemTotal:");
    let reserve = (total / 20).max(RESERVE_MIN_MIB);
    (field("MemAvailable:") + own_mib)
        .min(total)
        .saturating_sub(reserve)
}

fn resident_mib(sandbox: &Path) -> u64 {
    let task = crate::local::sandbox::task(sandbox).filter(|task| task.is_alive());
    let status =
        task.and_then(|task| std::fs::read_to_string(format!("/proc/{}/status", task.pid)).ok());
    let resident = status.as_deref().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().split(' ').next()?.parse::<u64>().ok()
    });
    resident.unwrap_or(0) / 1024
}

fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_strangers_are_foreign_and_our_own_are_not() {
        let Addressing::PerTask { first_block, .. } =
            addressing("a", &BTreeSet::new(), &BTreeSet::new())
        else {
            panic!("addresses are per task");
        };
        let second = u8::try_from(first_block / 256).unwrap();
        let listener = |third| Ipv4Addr::new(127, second, third, 1);
        let listeners = BTreeSet::from([listener(3), listener(7), Ipv4Addr::LOCALHOST]);
        let ours = BTreeSet::from([Ipv4Addr::new(127, second, 7, 9)]);
        let found = addressing("a", &ours, &listeners);
        let expected = Addressing::PerTask {
            first_block,
            last_block: first_block + 255,
            foreign: vec![first_block + 3],
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn installations_rarely_share_a_range() {
        let ranges: BTreeSet<u16> = (0..100)
            .map(|number| {
                match addressing(
                    &format!("home {number}"),
                    &BTreeSet::new(),
                    &BTreeSet::new(),
                ) {
                    Addressing::PerTask { first_block, .. } => first_block,
                    Addressing::PerNode { .. } => panic!("addresses are per task"),
                }
            })
            .collect();
        assert!(ranges.len() > 60, "{}", ranges.len());
        assert!(
            ranges
                .iter()
                .all(|block| SECOND_BYTES.contains(&(block / 256)))
        );
    }

    #[test]
    fn nodes_share_the_machine() {
        let home = tempfile::tempdir().unwrap();
        let one = virtual_nodes(1, "x", home.path());
        let three = virtual_nodes(3, "x", home.path());
        assert_eq!(
            three
                .iter()
                .map(|node| node.id.as_str())
                .collect::<Vec<_>>(),
            ["local", "local-2", "local-3"]
        );
        assert_eq!(three[0].capacity.cpu_millis, one[0].capacity.cpu_millis / 3);
        assert!(one[0].capacity.memory_mib > 0);
    }
}
