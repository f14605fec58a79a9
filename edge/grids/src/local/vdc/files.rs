//! The files of a network: what programs inside see in the place of /etc/hosts and /etc/resolv.conf, and what the
//! relay reads and writes.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;

use smack_model::{Import, VdcId};

/// Nobody answers there, which the kernel says at once: a name that is not in the hosts file fails without waiting.
pub(crate) const RESOLVER: &str =
    "# Written by smack. Names are in the hosts file; nothing outside is reached.
nameserver 127.0.0.1
options timeout:1 attempts:1
";

/// hosts(5): a line per address, sorted, its most specific name first.
pub(crate) fn hosts(names: &BTreeMap<String, Vec<String>>) -> String {
    let host = rustix::system::uname();
    let host = host.nodename().to_string_lossy();
    let mut text = "# Written by smack.\n127.0.0.1 localhost".to_owned();
    // Programs ask for the address of the machine that they run on.
    if host != "localhost" && !names.contains_key(&*host) && !host.contains(char::is_whitespace) {
        text.push(' ');
        text.push_str(&host);
    }
    text.push_str("\n::1 ip6-localhost ip6-loopback\n");
    let mut lines: BTreeMap<IpAddr, Vec<&str>> = BTreeMap::new();
    for (name, addresses) in names {
        let addresses = addresses.iter().filter_map(|address| address.parse().ok());
        for address in addresses {
            lines.entry(address).or_default().push(name);
        }
    }
    for (address, mut names) in lines {
        names.sort_by_key(|name| (Reverse(name.split('.').count()), *name));
        names.dedup();
        writeln!(text, "{address} {}", names.join(" ")).expect("a String takes every write");
    }
    text
}

/// What the relay reads: `<address> <port> <1 if the task runs>`.
pub(crate) fn table(exposed: &BTreeMap<(String, u16), bool>) -> String {
    let mut text = String::new();
    for ((address, port), runs) in exposed {
        if address.parse::<Ipv4Addr>().is_ok() {
            let runs = u8::from(*runs);
            writeln!(text, "{address} {port} {runs}").expect("a String takes every write");
        }
    }
    text
}

/// What the relay reads of imports: the same, and the name of the directory of the network they come from, or `-`.
pub(crate) fn imports(
    imported: &BTreeMap<(String, u16), Import>,
    directory: impl Fn(&VdcId) -> String,
) -> String {
    let mut text = String::new();
    for ((address, port), import) in imported {
        if address.parse::<Ipv4Addr>().is_ok() {
            let runs = u8::from(import.runs);
            let from = import.from.as_ref().map_or("-".to_owned(), &directory);
            writeln!(text, "{address} {port} {runs} {from}").expect("a String takes every write");
        }
    }
    text
}

/// A port that the relay cannot have.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Lack {
    pub(crate) address: IpAddr,
    pub(crate) port: u16,
    pub(crate) errno: i32,
    /// An import, which it would have inside.
    pub(crate) is_inside: bool,
}

/// What the relay writes: what it cannot have, with the errno.
pub(crate) fn problems(text: &str) -> Vec<Lack> {
    let line = |line: &str| {
        let mut words = line.split(' ');
        Some(Lack {
            address: words.next()?.parse().ok()?,
            port: words.next()?.parse().ok()?,
            errno: words.next()?.parse().ok()?,
            is_inside: words.next() == Some("inside"),
        })
    };
    text.lines().filter_map(line).collect()
}

/// In place, for the file is mounted elsewhere too: first the bytes at once, then the length.
pub(crate) fn write_in_place(path: &Path, text: &str) -> io::Result<()> {
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o644)
        .open(path)?;
    file.write_all_at(text.as_bytes(), 0)?;
    file.set_len(text.len() as u64)
}

pub(crate) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let new = path.with_extension("new");
    fs::write(&new, text)?;
    fs::rename(new, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(all: &[(&str, &[&str])]) -> BTreeMap<String, Vec<String>> {
        let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        let all = all.iter();
        all.map(|(name, list)| ((*name).to_owned(), owned(list)))
            .collect()
    }

    #[test]
    fn an_address_has_one_line_that_begins_with_its_fullest_name() {
        let names = names(&[
            ("kafka", &["127.83.1.10", "127.83.1.9"]),
            ("kafka.service", &["127.83.1.10", "127.83.1.9"]),
            ("broker-0.kafka.qa.default.smack", &["127.83.1.9"]),
            ("broker-0.kafka", &["127.83.1.9"]),
            ("odd", &["not an address"]),
        ]);
        let text = hosts(&names);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[1].starts_with("127.0.0.1 localhost"), "{text}");
        assert_eq!(
            lines[3..],
            [
                "127.83.1.9 broker-0.kafka.qa.default.smack broker-0.kafka kafka.service kafka",
                "127.83.1.10 kafka.service kafka",
            ]
        );
    }

    #[test]
    fn the_relays_files_are_lines() {
        let exposed = BTreeMap::from([
            (("127.83.1.9".to_owned(), 9092), true),
            (("127.83.1.9".to_owned(), 9093), false),
            (("elsewhere".to_owned(), 1), true),
        ]);
        assert_eq!(table(&exposed), "127.83.1.9 9092 1\n127.83.1.9 9093 0\n");
        assert_eq!(
            problems("127.83.1.9 9092 98\nnonsense\n127.83.1.9 9093 98 inside\n"),
            [(9092, false), (9093, true)].map(|(port, is_inside)| Lack {
                address: "127.83.1.9".parse().unwrap(),
                port,
                errno: 98,
                is_inside,
            })
        );
        let vdc = VdcId::parse("default/telemetry").expect("well-formed");
        let import = |from, runs| Import { from, runs };
        let imported = BTreeMap::from([
            (("127.83.1.9".to_owned(), 9092), import(Some(vdc), true)),
            (("127.83.2.9".to_owned(), 9092), import(None, false)),
        ]);
        let directory = |vdc: &VdcId| format!("{}.{}", vdc.zone, vdc.name);
        assert_eq!(
            imports(&imported, directory),
            "127.83.1.9 9092 1 default.telemetry\n127.83.2.9 9092 0 -\n"
        );
    }
}
