//! Who listens where on this machine, as the kernel lists it (proc_pid_net(5)).

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with, sockopt};
use smack_model::Refusal;

/// The state of a listening socket.
const LISTEN: &str = "0A";

/// A listening socket.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Listener {
    address: IpAddr,
    port: u16,
    inode: u64,
}

/// Refuses if a program could not listen there now; a listener on all addresses counts.
pub(crate) fn check(address: &str, ports: impl Iterator<Item = u16>) -> Result<(), Refusal> {
    let Ok(ip) = address.parse::<IpAddr>() else {
        return Err(Refusal::Other {
            reason: format!("{address:?} is no IP address"),
        });
    };
    for port in ports {
        match try_bind(SocketAddr::new(ip, port)) {
            Ok(()) => {}
            Err(rustix::io::Errno::ADDRINUSE) => return Err(taken(ip, port)),
            Err(rustix::io::Errno::ADDRNOTAVAIL) => {
                return Err(Refusal::Other {
                    reason: format!("{ip} is no address of this machine"),
                });
            }
            // A port below 1024, for instance: the program may be allowed what the server is not.
            Err(error) => tracing::debug!(%ip, port, %error, "the port could not be tried"),
        }
    }
    Ok(())
}

fn try_bind(address: SocketAddr) -> Result<(), rustix::io::Errno> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    // As servers do; otherwise connections that have just ended would be in the way.
    sockopt::set_socket_reuseaddr(&socket, true)?;
    bind(&socket, &address)
}

pub(crate) fn taken(ip: IpAddr, port: u16) -> Refusal {
    let listeners = listeners();
    let in_way = |listener: &&Listener| {
        listener.port == port && (listener.address == ip || listener.address.is_unspecified())
    };
    let owner = listeners
        .iter()
        .find(in_way)
        .and_then(|listener| owner(listener.inode));
    let (pid, program) = owner.unzip();
    Refusal::PortTaken {
        port,
        pid,
        program: program.flatten(),
    }
}

/// The addresses in 127.0.0.0/8 on which somebody listens now.
pub(crate) fn loopback_listeners() -> BTreeSet<Ipv4Addr> {
    let addresses = listeners()
        .into_iter()
        .filter_map(|listener| match listener.address {
            IpAddr::V4(address) if address.is_loopback() => Some(address),
            IpAddr::V4(_) | IpAddr::V6(_) => None,
        });
    addresses.collect()
}

fn listeners() -> Vec<Listener> {
    let mut all = Vec::new();
    for file in ["/proc/net/tcp", "/proc/net/tcp6"] {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        all.extend(text.lines().skip(1).filter_map(listener));
    }
    all
}

/// `sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode …`
fn listener(line: &str) -> Option<Listener> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    if *fields.get(3)? != LISTEN {
        return None;
    }
    let (address, port) = fields.get(1)?.split_once(':')?;
    Some(Listener {
        address: ip(address)?,
        port: u16::from_str_radix(port, 16).ok()?,
        inode: fields.get(9)?.parse().ok()?,
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

/// The process that holds the socket, if it is ours to see.
fn owner(inode: u64) -> Option<(u32, Option<String>)> {
    let wanted = format!("socket:[{inode}]");
    for entry in std::fs::read_dir("/proc").ok()?.flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<u32>().ok())
        else {
            continue;
        };
        let Ok(descriptors) = std::fs::read_dir(entry.path().join("fd")) else {
            continue;
        };
        let holds = descriptors.flatten().any(|descriptor| {
            std::fs::read_link(descriptor.path())
                .is_ok_and(|target| target.as_os_str() == wanted.as_str())
        });
        if holds {
            let name = std::fs::read_to_string(entry.path().join("comm")).ok();
            return Some((pid, name.map(|name| name.trim_end().to_owned())));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_endian = "little")]
    fn the_kernels_lines_are_read() {
        let line = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0";
        let expected = Listener {
            address: "127.0.0.1".parse().unwrap(),
            port: 8080,
            inode: 4711,
        };
        assert_eq!(listener(line), Some(expected));
        let six = "0000000000000000FFFF00000100007F";
        assert_eq!(ip(six), Some("127.0.0.1".parse().unwrap()));
        assert_eq!(
            ip("00000000000000000000000000000000"),
            Some("::".parse().unwrap())
        );
        assert_eq!(listener("nonsense"), None);
    }
}
