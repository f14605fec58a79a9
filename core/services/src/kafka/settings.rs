//! What a stack may say about a cluster, validated.

use std::collections::BTreeMap;

use smack_model::{Name, PortSpec, Problem, Problems, Resources, Retry, Span, Template};
use smack_stack::{Application, Reader, Setting, Text};

use super::link::{self, Link};
use super::topics::{self, Topic};
use crate::catalog::{Entry, Mode};
use crate::jvm::Jvm;
use crate::product::{self, Owned};
use crate::schema::{FieldSchema, PORT, Sort};
use crate::shape::{self, Defaults, Shape};
use crate::{Surroundings, members, ports};

/// Ids of controllers apart; brokers have those below.
pub(super) const FIRST_CONTROLLER: u32 = 1000;

const COUNT: Sort = Sort::Integer {
    min: 1,
    max: FIRST_CONTROLLER as i64,
};

pub(super) const FIELDS: &[FieldSchema] = &[
    FieldSchema::new("instances", COUNT, "1", "Brokers."),
    members::IDS,
    FieldSchema::new(
        "controllers",
        COUNT,
        "",
        "4.x: how many of the first brokers are controllers as well. Voters from the first start on. Without it: instances, at most 3, made odd.",
    ),
    FieldSchema::new(
        "roles",
        Sort::Fields(&[FieldSchema::new(
            "controllers",
            COUNT,
            "",
            "Controllers in processes of their own.",
        )]),
        "",
        "4.x: controllers apart from the brokers.",
    ),
    FieldSchema::new(
        "zookeeper",
        Sort::Text,
        "",
        "3.9: the application that is its ZooKeeper, or a connect string. Without it: the one among the dependencies.",
    ),
    FieldSchema::new(
        "chroot",
        Sort::Text,
        "",
        "3.9: the path in ZooKeeper below which the cluster keeps its data.",
    ),
    FieldSchema::new(
        "topics",
        Sort::Map(&Sort::Fields(topics::FIELDS)),
        "",
        "Topics that are created, grown and altered as declared; others are left alone.",
    ),
    FieldSchema::new(
        "ports",
        Sort::AnyOf(&[PORT, Sort::Fields(PORTS)]),
        "",
        "Its ports by name; a single number is that for clients.",
    ),
];

const PORTS: &[FieldSchema] = &[
    FieldSchema::new("client", PORT, "9092", "For clients and brokers."),
    FieldSchema::new(
        "controller",
        PORT,
        "9093",
        "4.x: for the controller quorum.",
    ),
];

const OWN_ADDRESS: &str =
    "a broker listens on, and advertises, its own address; set ports: {client: …} for another port";
const IDS: &str = "broker-N has the id N";
const VOTERS: &str = "set controllers: … or roles: {controllers: …}";
const LINK: &str = "set zookeeper: … and chroot: …";
const VOLUME: &str = "the data lies in the volume `data`";

const OWNED: &[Owned] = &[
    ("broker.id", IDS),
    ("node.id", IDS),
    ("broker.id.generation.enable", IDS),
    ("process.roles", VOTERS),
    ("controller.quorum.voters", VOTERS),
    ("controller.quorum.bootstrap.servers", VOTERS),
    ("listeners", OWN_ADDRESS),
    ("advertised.listeners", OWN_ADDRESS),
    ("control.plane.listener.name", OWN_ADDRESS),
    ("controller.listener.names", OWN_ADDRESS),
    ("listener.security.protocol.map", OWN_ADDRESS),
    ("inter.broker.listener.name", OWN_ADDRESS),
    ("security.inter.broker.protocol", OWN_ADDRESS),
    ("log.dir", VOLUME),
    ("log.dirs", VOLUME),
    ("metadata.log.dir", VOLUME),
    ("zookeeper.connect", LINK),
];

/// A validated cluster.
pub(super) struct Cluster<'a> {
    pub(super) jvm: Jvm<'a>,
    /// Of the brokers.
    pub(super) ids: Vec<u32>,
    pub(super) coordination: Coordination,
    pub(super) config: BTreeMap<String, Template>,
    pub(super) topics: Vec<Topic>,
    pub(super) ports: Vec<PortSpec>,
    pub(super) shape: Shape,
}

impl Cluster<'_> {
    pub(super) fn brokers(&self) -> u32 {
        u32::try_from(self.ids.len()).unwrap_or(u32::MAX)
    }
}

/// Where the cluster keeps its metadata.
pub(super) enum Coordination {
    ZooKeeper(Link),
    /// So many of the first brokers are controllers as well.
    Combined(u32),
    /// So many controllers in processes of their own.
    Apart(u32),
}

/// Copies of a topic that says nothing. The same for all sizes from three brokers on, so that one more restarts nobody.
pub(super) fn default_replication(brokers: u32) -> u32 {
    brokers.min(3)
}

/// In-sync copies that a write with acks=all waits for.
pub(super) fn default_in_sync(brokers: u32) -> u32 {
    if brokers >= 3 { 2 } else { 1 }
}

/// Settings that follow from the number of brokers.
pub(super) fn defaults(brokers: u32) -> [(&'static str, String); 7] {
    let (replication, in_sync) = (default_replication(brokers), default_in_sync(brokers));
    [
        ("default.replication.factor", replication.to_string()),
        ("min.insync.replicas", in_sync.to_string()),
        ("offsets.topic.replication.factor", replication.to_string()),
        (
            "transaction.state.log.replication.factor",
            replication.to_string(),
        ),
        ("transaction.state.log.min.isr", in_sync.to_string()),
        (
            "share.coordinator.state.topic.replication.factor",
            replication.to_string(),
        ),
        ("share.coordinator.state.topic.min.isr", in_sync.to_string()),
    ]
}

/// Reads all keys; the notices come with the cluster.
pub(super) fn read<'a>(
    application: &Application,
    surroundings: &Surroundings<'a>,
) -> Result<(Cluster<'a>, Problems), Problems> {
    let mut problems = Problems::default();
    let mut reader = Reader::new(&application.settings, &mut problems);
    let ensembles = link::ensembles(application, surroundings);
    let Some(chosen) = link::version(&mut reader, &ensembles, surroundings) else {
        return Err(problems);
    };
    let entry = chosen.entry;
    let ids = members::read(&mut reader, FIRST_CONTROLLER, FIRST_CONTROLLER - 1);
    let brokers = u32::try_from(ids.len()).unwrap_or(u32::MAX);
    let jvm = product::jvm(&mut reader, entry);
    let shape_defaults = Defaults {
        needs: Resources {
            cpu_millis: 250,
            memory_mib: product::memory_mib(&jvm),
        },
        retry: Retry::default(),
        ready_within: Span::minutes(5),
    };
    let shape = shape::read(&mut reader, application, shape_defaults);
    product::check_memory(&mut reader, &jvm, shape.needs);
    let config = product::config(&mut reader, &chosen, OWNED);
    check_copies(&mut reader, &config, brokers);
    let topics = topics::read(&mut reader, &chosen, &config, brokers);
    let coordination = match (chosen.is_known, entry.mode) {
        (false, _) => both_modes_unread(&mut reader),
        (true, Some(Mode::Zookeeper)) => {
            link::read(&mut reader, entry, &config, &ensembles, surroundings)
        }
        (true, Some(Mode::Kraft) | None) => {
            notice_idle(&mut reader, application, entry, &ensembles);
            Some(controllers(&mut reader, entry, brokers))
        }
    };
    if let Some(Coordination::ZooKeeper(link)) = &coordination {
        link::refuse_shared(&mut reader, application, &link.connect, surroundings);
    }
    let known = [("client", 9092), ("controller", 9093)];
    let on_zookeeper = matches!(coordination, Some(Coordination::ZooKeeper(_)));
    let ports = ports::of_product(&mut reader, if on_zookeeper { &known[..1] } else { &known });
    reader.finish();
    match coordination {
        Some(coordination) if !problems.has_errors() => {
            let config = product::templates(&config);
            Ok((
                Cluster {
                    jvm,
                    ids,
                    coordination,
                    config,
                    topics,
                    ports,
                    shape,
                },
                problems,
            ))
        }
        _ => Err(problems),
    }
}

/// After an unknown version nobody can say which of these keys belong.
fn both_modes_unread(reader: &mut Reader<'_>) -> Option<Coordination> {
    for key in ["zookeeper", "chroot", "controllers", "roles"] {
        reader.value(key);
    }
    None
}

/// A dependency on a ZooKeeper that the version has no use for.
fn notice_idle(
    reader: &mut Reader<'_>,
    application: &Application,
    entry: &Entry,
    ensembles: &[Name],
) {
    for (name, place) in application
        .dependencies
        .iter()
        .filter(|(path, _)| path.own().is_some_and(|name| ensembles.contains(name)))
    {
        let what = format!(
            "Kafka {} has controllers of its own and makes no use of {name}",
            entry.version
        );
        reader.problems().push(
            Problem::notice(Some(place), what)
                .hint("take version: 3.9, or leave the ZooKeeper out"),
        );
    }
}

/// KRaft mode: combined unless `roles:` says apart.
fn controllers(reader: &mut Reader<'_>, entry: &Entry, brokers: u32) -> Coordination {
    let hint = "take it out, or take version: 3.9";
    refuse(
        reader,
        &["zookeeper", "chroot"],
        &format!("Kafka {} has controllers of its own", entry.version),
        hint,
    );
    let combined = shape::count(reader, "controllers", 1, FIRST_CONTROLLER);
    let is_map = reader
        .value("roles")
        .is_some_and(|value| value.as_map().is_some());
    if let Some(mut roles) = reader.sub("roles") {
        let apart = shape::count(&mut roles, "controllers", 1, FIRST_CONTROLLER);
        if is_map && apart.is_none() && !roles.has("controllers") {
            roles.refuse(
                "controllers",
                "is missing",
                "say how many: roles: {controllers: 3}",
            );
        }
        roles.finish();
        if combined.is_some() {
            reader.refuse(
                "controllers",
                "roles: {controllers: …} says it already",
                "take one of them out",
            );
        }
        let apart = apart.unwrap_or(1);
        notice_even(reader, "roles", apart);
        return Coordination::Apart(apart);
    }
    let odd = brokers.min(3).saturating_sub(1) | 1;
    let combined = combined.unwrap_or(odd);
    if combined > brokers {
        let what = format!("{combined} of {brokers} brokers cannot be controllers");
        reader.refuse(
            "controllers",
            &what,
            "raise instances, or have them apart: roles: {controllers: 3}",
        );
    }
    notice_even(reader, "controllers", combined);
    Coordination::Combined(combined)
}

fn notice_even(reader: &mut Reader<'_>, key: &str, controllers: u32) {
    if controllers.is_multiple_of(2) {
        let place = reader.place_of(key).clone();
        let what = format!(
            "{controllers} controllers survive no more losses than {}",
            controllers - 1
        );
        reader
            .problems()
            .push(Problem::notice(Some(&place), what).hint("choose an odd number"));
    }
}

pub(super) fn refuse(reader: &mut Reader<'_>, keys: &[&str], what: &str, hint: &str) {
    for key in keys {
        if reader.value(key).is_some() {
            reader.refuse(key, what, hint);
        }
    }
}

/// The cluster's own keys about copies must be possible with its brokers.
fn check_copies(reader: &mut Reader<'_>, config: &BTreeMap<String, Setting<Text>>, brokers: u32) {
    for (key, _) in defaults(brokers) {
        let Some(setting) = config.get(key) else {
            continue;
        };
        let Some(copies) = setting
            .value
            .as_literal()
            .and_then(|text| text.parse::<u32>().ok())
        else {
            continue;
        };
        if copies > brokers {
            let what = format!(
                "config.{key} is {copies}, but there {} {brokers} broker{}",
                plural(brokers).0,
                plural(brokers).1
            );
            reader.problems().push(
                Problem::error(Some(&setting.place), what).hint("lower it or raise instances"),
            );
        }
    }
}

/// `is`, `are` and the ending.
pub(super) fn plural(count: u32) -> (&'static str, &'static str) {
    if count == 1 { ("is", "") } else { ("are", "s") }
}
