//! Fills the holes of a launch that core can fill: addresses, ports, exports, stamps.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use smack_model::{
    Content, Launch, LaunchOrder, Name, Piece, Ports, System, TaskId, TaskRecord, TaskSpec,
    Template, VolumeId, stamp,
};

use crate::peers::Peers;
use crate::steer::part;

/// The order for `record`, or the first value that is not known yet.
pub(crate) fn order(
    system: &System,
    record: &TaskRecord,
    spec: &TaskSpec,
    peers: &Peers,
) -> Result<LaunchOrder, String> {
    let volumes = spec
        .volumes
        .iter()
        .map(|volume| (volume.name.clone(), volume_id(record, &volume.name)));
    let fill = |template: &Template| {
        template.fill(|piece| {
            fill_own(system, record, peers, piece)
                .map_or_else(|| fill_foreign(system, peers, piece), |text| Ok(Some(text)))
        })
    };
    let mut launch = Launch::clone(&spec.launch);
    let mut command = Vec::with_capacity(launch.command.len());
    for argument in &launch.command {
        let filled = fill(argument)?;
        if !filled.0.is_empty() || !argument.0.iter().any(may_vanish) {
            command.push(filled);
        }
    }
    launch.command = command;
    for value in launch.env.values_mut() {
        *value = fill(value)?;
    }
    launch.env.extend(identity(&record.id));
    for file in &mut launch.files {
        if let Content::Text(text) = &mut file.content {
            *text = fill(text)?;
        }
    }
    Ok(LaunchOrder {
        id: record.id.clone(),
        node: record.node.clone(),
        launch: Arc::new(launch),
        address: record.address.as_deref().map(str::to_owned),
        ports: Ports::clone(&record.ports),
        volumes: volumes.collect(),
        needs: spec.needs,
        isolation: peers.isolation,
    })
}

/// What the grid does not say by itself, and no stack says otherwise.
fn identity(id: &TaskId) -> impl Iterator<Item = (String, Template)> {
    let parts = [
        ("SMACK_ZONE", &id.system.scope),
        ("SMACK_VDC", &id.system.run),
        ("SMACK_APPLICATION", &id.system.application),
    ];
    parts
        .into_iter()
        .map(|(name, part)| (name.to_owned(), part.as_str().into()))
}

pub(crate) fn volume_id(record: &TaskRecord, volume: &Name) -> VolumeId {
    VolumeId {
        system: record.id.system.clone(),
        task: record.id.name.clone(),
        volume: volume.clone(),
        generation: record.generation,
    }
}

/// The exports whose addresses are all known.
pub(crate) fn exports(system: &System) -> BTreeMap<String, String> {
    let fill = |piece: &Piece| match piece {
        Piece::Address(Some(task)) => address(system, task).map(Some).ok_or(()),
        Piece::Port(Some(task), port) => port_of(system, task, port).map(Some).ok_or(()),
        Piece::SystemStamp => Ok(Some(stamp(&system.id.to_string()))),
        Piece::Text(_)
        | Piece::Address(None)
        | Piece::Port(None, _)
        | Piece::Export(..)
        | Piece::Seeds(_)
        | Piece::Replacing(_)
        | Piece::Joining(_)
        | Piece::VolumeStamp(_)
        | Piece::Path
        | Piece::Attempt
        | Piece::Node
        | Piece::Sandbox
        | Piece::Volume(_)
        | Piece::Java
        | Piece::ClassPath(_)
        | Piece::SharedArchive(_) => Err(()),
    };
    let exports = system.header.spec.exports.iter();
    exports
        .filter_map(|(name, template)| {
            let filled = template.fill(fill).ok()?;
            Some((name.clone(), filled.as_text()?.to_owned()))
        })
        .collect()
}

/// A template with only the task's own holes, for probes that run a command.
pub(crate) fn own_text(
    system: &System,
    record: &TaskRecord,
    peers: &Peers,
    template: &Template,
) -> Template {
    let filled = template.fill(|piece| Ok::<_, Infallible>(fill_own(system, record, peers, piece)));
    filled.unwrap_or_else(|never| match never {})
}

fn fill_own(system: &System, record: &TaskRecord, peers: &Peers, piece: &Piece) -> Option<String> {
    let id = &record.id;
    match piece {
        Piece::Address(None) => record.address.as_deref().map(str::to_owned),
        Piece::Address(Some(task)) => address(system, task),
        Piece::Port(None, port) => record.ports.get(port).map(u16::to_string),
        Piece::Port(Some(task), port) => port_of(system, task, port),
        Piece::Seeds(count) => seeds(system, peers, *count),
        Piece::Replacing(text) => Some(replacing(system, record, peers, text)),
        Piece::Joining(text) => Some(joining(system, record, peers, text)),
        Piece::SystemStamp => Some(stamp(&id.system.to_string())),
        Piece::VolumeStamp(volume) => Some(stamp(&volume_id(record, volume).to_string())),
        Piece::Path => Some(format!("{}/{}", id.system.path(), id.name)),
        Piece::Attempt => Some(id.attempt.to_string()),
        Piece::Node => record.node.as_ref().map(Name::to_string),
        Piece::Text(_)
        | Piece::Export(..)
        | Piece::Sandbox
        | Piece::Volume(_)
        | Piece::Java
        | Piece::ClassPath(_)
        | Piece::SharedArchive(_) => None,
    }
}

/// What other tasks and applications supply: a hole that has no value yet is the error.
fn fill_foreign(system: &System, peers: &Peers, piece: &Piece) -> Result<Option<String>, String> {
    match piece {
        Piece::Export(application, name) => {
            let peer = peers.applications.get(application);
            let value = peer.and_then(|peer| peer.exports.get(name));
            value
                .map(|value| Some(value.clone()))
                .ok_or_else(|| format!("${{{application}.{name}}}"))
        }
        Piece::Address(Some(task)) => Err(format!("the address of {task}")),
        Piece::Address(None) => Err(format!(
            "the address of a task of {}",
            system.id.application
        )),
        Piece::Port(task, port) => {
            let of = task
                .as_ref()
                .map(|task| format!(" of {task}"))
                .unwrap_or_default();
            Err(format!("port {port}{of}"))
        }
        Piece::Node => Err("the node".to_owned()),
        Piece::Seeds(_) => Err(format!(
            "the addresses of the first tasks of {}",
            system.id.application
        )),
        Piece::Text(_)
        | Piece::Replacing(_)
        | Piece::Joining(_)
        | Piece::SystemStamp
        | Piece::VolumeStamp(_)
        | Piece::Path
        | Piece::Attempt
        | Piece::Sandbox
        | Piece::Volume(_)
        | Piece::Java
        | Piece::ClassPath(_)
        | Piece::SharedArchive(_) => Ok(None),
    }
}

fn may_vanish(piece: &Piece) -> bool {
    matches!(piece, Piece::Replacing(_) | Piece::Joining(_))
}

/// See [`Piece::Seeds`]; `None` while the address of a first task is not known.
fn seeds(system: &System, peers: &Peers, count: u32) -> Option<String> {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let joined = system.tasks.values().filter(|record| record.has_joined());
    let elsewhere = peers.siblings.iter().filter(|other| !other.leaves);
    let elsewhere = elsewhere.flat_map(|other| other.joined.iter().take(count));
    let elsewhere = elsewhere.map(String::as_str);
    let members: Vec<&str> = joined
        .filter_map(|record| record.address.as_deref())
        .take(count)
        .chain(elsewhere)
        .collect();
    if !members.is_empty() {
        return Some(members.join(","));
    }
    let first = system.header.spec.tasks.keys().take(count);
    let addresses: Option<Vec<String>> = first.map(|task| address(system, task)).collect();
    addresses.map(|addresses| addresses.join(","))
}

/// See [`Piece::Replacing`].
fn replacing(system: &System, record: &TaskRecord, peers: &Peers, text: &Template) -> String {
    let is_new = record.settled > 0 && record.settled < record.generation;
    let mut others = system.tasks.values().filter(|other| other.has_joined());
    let mut siblings = peers.siblings.iter();
    let is_alone = others.next().is_none() && siblings.all(|other| other.joined.is_empty());
    if !is_new || is_alone {
        return String::new();
    }
    own_text(system, record, peers, text).shown()
}

/// See [`Piece::Joining`].
fn joining(system: &System, record: &TaskRecord, peers: &Peers, text: &Template) -> String {
    match part::is_joining(system) {
        true => own_text(system, record, peers, text).shown(),
        false => String::new(),
    }
}

fn address(system: &System, task: &Name) -> Option<String> {
    system
        .tasks
        .get(task)?
        .address
        .as_deref()
        .map(str::to_owned)
}

fn port_of(system: &System, task: &Name, port: &Name) -> Option<String> {
    Some(system.tasks.get(task)?.ports.get(port)?.to_string())
}
