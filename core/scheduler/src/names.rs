//! The names by which tasks are found: derived from the view, for hosts files and DNS alike.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use smack_model::{Name, VdcId};

use crate::status::{SystemStatus, TaskState, VdcStatus, View};

/// The last label of every full name.
pub const DOMAIN: &str = "smack";

/// The addresses of this machine: a zone that RFC 6303 leaves to whoever serves it.
pub const REVERSE_DOMAIN: &str = "127.in-addr.arpa";

/// The longest full name, without a final dot (RFC 1035 §2.3.4 counts 255 bytes on the wire).
pub const FULL_NAME_MAX: usize = 253;

/// The part of a full name that all of a virtual data center share: `build92.default.smack`.
pub fn domain(vdc: &VdcId) -> String {
    format!("{}.{}.{DOMAIN}", vdc.name, vdc.zone)
}

/// `broker-0.kafka.build92.default.smack`.
pub fn full_name(vdc: &VdcId, application: &str, task: &Name) -> String {
    format!("{task}.{application}.{}", domain(vdc))
}

/// Addresses by name, as programs inside the virtual data center resolve them: `kafka`, `kafka.service`,
/// `broker-0.kafka`, and the full `kafka.build92.default.smack` and `broker-0.kafka.build92.default.smack`.
pub fn names(vdc: &VdcStatus) -> BTreeMap<String, Vec<String>> {
    let domain = domain(&vdc.record.id);
    let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for system in &vdc.systems {
        let application = system.application();
        for task in present(system) {
            let Some(address) = &task.address else {
                continue;
            };
            let TaskState { name, .. } = task;
            for name in [
                application.to_owned(),
                format!("{application}.service"),
                format!("{name}.{application}"),
                format!("{application}.{domain}"),
                format!("{name}.{application}.{domain}"),
            ] {
                names.entry(name).or_default().push(address.to_string());
            }
        }
    }
    names
}

/// The names of a task of another virtual data center: only the full ones.
pub fn imported_names(vdc: &VdcId, application: &str, task: &Name) -> [String; 2] {
    let of_application = format!("{application}.{}", domain(vdc));
    [of_application, full_name(vdc, application, task)]
}

/// The tasks that have an address of their own now.
pub fn present(system: &SystemStatus) -> impl Iterator<Item = &TaskState> {
    system.tasks.iter().filter(|task| {
        task.status
            .as_ref()
            .is_some_and(smack_model::Status::is_live)
    })
}

/// What DNS says of one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The name is not of ours to know.
    Foreign,
    /// There is no such name.
    Nothing,
    /// There is, perhaps with nothing to say of it.
    Records(Vec<Record>),
}

/// One record of a name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Record {
    /// `A`
    Address(Ipv4Addr),
    /// `SRV`, of `_<port>._tcp.<application>…`
    Service { port: u16, target: String },
    /// `PTR`
    Pointer(String),
}

/// Looks up a full name in lower case, without the final dot.
pub fn find(view: &View, name: &str) -> Found {
    if name == DOMAIN {
        return Found::Records(Vec::new());
    }
    if let Some(rest) = name
        .strip_suffix(DOMAIN)
        .and_then(|rest| rest.strip_suffix('.'))
    {
        return find_task(view, rest).map_or(Found::Nothing, Found::Records);
    }
    if name == REVERSE_DOMAIN {
        return Found::Records(Vec::new());
    }
    match name
        .strip_suffix(REVERSE_DOMAIN)
        .and_then(|rest| rest.strip_suffix('.'))
    {
        Some(rest) => find_address(view, rest).map_or(Found::Nothing, Found::Records),
        None => Found::Foreign,
    }
}

/// `[<task>.]<application>.<vdc>.<zone>`, or less of its end; `None`: there is no such name.
fn find_task(view: &View, name: &str) -> Option<Vec<Record>> {
    let mut labels: Vec<&str> = name.split('.').collect();
    let zone = labels.pop()?;
    let Some(run) = labels.pop() else {
        let mut known = view.vdcs.keys();
        return known.any(|id| id.zone.as_str() == zone).then(Vec::new);
    };
    let id = VdcId {
        zone: Name::new(zone).ok()?,
        name: Name::new(run).ok()?,
    };
    let vdc = view.vdcs.get(&id)?;
    let Some(application) = labels.pop() else {
        return Some(Vec::new());
    };
    let system = vdc.system(application)?;
    let addresses = |wanted: Option<&str>| {
        let tasks =
            present(system).filter(|task| wanted.is_none_or(|name| task.name.as_str() == name));
        tasks.filter_map(address).map(Record::Address).collect()
    };
    match labels.as_slice() {
        [] => Some(addresses(None)),
        ["_tcp"] => Some(Vec::new()),
        [port, "_tcp"] => services(vdc, system, port.strip_prefix('_')?),
        [task]
            if system
                .tasks
                .iter()
                .any(|known| known.name.as_str() == *task) =>
        {
            Some(addresses(Some(task)))
        }
        _ => None,
    }
}

fn address(task: &TaskState) -> Option<Ipv4Addr> {
    task.address.as_ref()?.parse().ok()
}

/// `None`: no task has such a port.
fn services(vdc: &VdcStatus, system: &SystemStatus, port: &str) -> Option<Vec<Record>> {
    let has = |task: &&TaskState| task.ports.get(port).is_some();
    system.tasks.iter().find(has)?;
    let record = |task: &TaskState| {
        Some(Record::Service {
            port: *task.ports.get(port)?,
            target: full_name(&vdc.record.id, system.application(), &task.name),
        })
    };
    Some(present(system).filter_map(record).collect())
}

/// `3.2.1`, or less of its end, of the address 127.1.2.3.
fn find_address(view: &View, name: &str) -> Option<Vec<Record>> {
    let mut bytes = [127, 0, 0, 0];
    let labels: Vec<&str> = name.split('.').collect();
    for (byte, label) in bytes[1..].iter_mut().zip(labels.iter().rev()) {
        *byte = label
            .parse()
            .ok()
            .filter(|byte: &u8| byte.to_string() == *label)?;
    }
    match labels.len() {
        3 if bytes == Ipv4Addr::LOCALHOST.octets() => {
            Some(vec![Record::Pointer("localhost".to_owned())])
        }
        3 => pointer(view, &Ipv4Addr::from(bytes)).map(|record| vec![record]),
        1 | 2 => Some(Vec::new()),
        _ => None,
    }
}

fn pointer(view: &View, wanted: &Ipv4Addr) -> Option<Record> {
    let wanted = wanted.to_string();
    view.vdcs.values().find_map(|vdc| {
        vdc.systems.iter().find_map(|system| {
            let is_there = |task: &&TaskState| task.address.as_deref() == Some(wanted.as_str());
            let task = present(system).find(is_there)?;
            let name = full_name(&vdc.record.id, system.application(), &task.name);
            Some(Record::Pointer(name))
        })
    })
}

/// All records of a virtual data center, sorted by name.
pub fn records(vdc: &VdcStatus) -> Vec<(String, Record)> {
    let domain = domain(&vdc.record.id);
    let mut records = Vec::new();
    for system in &vdc.systems {
        let application = system.application();
        for task in present(system) {
            let Some(ip) = address(task) else {
                continue;
            };
            let full = full_name(&vdc.record.id, application, &task.name);
            let [_, b, c, d] = ip.octets();
            records.push((format!("{application}.{domain}"), Record::Address(ip)));
            records.push((full.clone(), Record::Address(ip)));
            if ip.is_loopback() {
                let reverse = format!("{d}.{c}.{b}.{REVERSE_DOMAIN}");
                records.push((reverse, Record::Pointer(full.clone())));
            }
            let services = task.ports.iter().map(|(name, port)| {
                let service = Record::Service {
                    port: *port,
                    target: full.clone(),
                };
                (format!("_{name}._tcp.{application}.{domain}"), service)
            });
            records.extend(services);
        }
    }
    records.sort();
    records
}

#[cfg(test)]
mod tests;
