//! Sockets on which somebody waits to be spoken to, in every network of the machine (proc_pid_net(5)).

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::kernel;

/// A socket that listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listener {
    pub(super) address: IpAddr,
    pub(super) port: u16,
    pub(super) inode: u64,
    is_udp: bool,
}

impl Listener {
    pub(super) fn text(&self) -> String {
        let udp = if self.is_udp { " udp" } else { "" };
        format!(
            "{}{udp}",
            std::net::SocketAddr::new(self.address, self.port)
        )
    }
}

/// Those of every network in which one of the processes is, each network once.
pub(super) fn listeners(pids: impl Iterator<Item = u32>) -> Vec<Listener> {
    let mut networks = BTreeSet::new();
    let mut found = Vec::new();
    for pid in pids {
        if !kernel::network(pid).is_some_and(|network| networks.insert(network)) {
            continue;
        }
        for (file, state) in [
            ("tcp", "0A"),
            ("tcp6", "0A"),
            // Bound and not connected.
            ("udp", "07"),
            ("udp6", "07"),
        ] {
            let text = fs::read_to_string(format!("/proc/{pid}/net/{file}")).unwrap_or_default();
            let lines = text.lines().skip(1);
            found.extend(lines.filter_map(|line| parse(line, state, file.starts_with("udp"))));
        }
    }
    found
}

/// `sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode …`
pub(super) fn parse(line: &str, state: &str, is_udp: bool) -> Option<Listener> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    if *fields.get(3)? != state {
        return None;
    }
    let (address, port) = fields.get(1)?.split_once(':')?;
    Some(Listener {
        address: ip(address)?,
        port: u16::from_str_radix(port, 16).ok()?,
        inode: fields.get(9)?.parse().ok()?,
        is_udp,
    })
}

/// Words of 32 bits, each printed as the machine holds it.
fn ip(hex: &str) -> Option<IpAddr> {
    let mut bytes = [0_u8; 16];
    let words = hex.len() / 8;
    for (word, target) in bytes.chunks_exact_mut(4).take(words).enumerate() {
        let word = u32::from_str_radix(hex.get(word * 8..word * 8 + 8)?, 16).ok()?;
        target.copy_from_slice(&word.to_ne_bytes());
    }
    match words {
        1 => Some(Ipv4Addr::new(bytes[0], bytes[1], bytes[2], bytes[3]).into()),
        4 => Some(Ipv6Addr::from(bytes).to_canonical()),
        _ => None,
    }
}
