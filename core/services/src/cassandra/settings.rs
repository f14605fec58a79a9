//! What a stack may say about a ring, validated.

use std::collections::BTreeMap;

use smack_model::{
    Name, PortSpec, PortWish, Problem, Problems, Resources, Retry, Rule, Span, Template,
};
use smack_stack::{Application, Reader};

use super::config;
use super::keyspaces::{self, Keyspace};
use super::maintenance::{self, Maintenance};
use crate::jvm::Jvm;
use crate::product;
use crate::schema::{FieldSchema, PORT, Sort};
use crate::shape::{self, Defaults, Shape};
use crate::{Surroundings, members, ports};

const NODES_MOST: u32 = 1000;
const TOKENS_MOST: u32 = 256;
const SEEDS: u32 = 3;
/// With less it starts, but holds next to nothing.
const HEAP_LEAST: u32 = 128;
const RING_DELAY: Span = Span::seconds(2);
const GRACE: Span = Span::minutes(1);

/// A value of any shape, as deep as the product's own file goes.
const ANY: Sort = Sort::AnyOf(&[Sort::Text, Sort::List(&INNER), Sort::Map(&INNER)]);
const INNER: Sort = Sort::AnyOf(&[Sort::Text, Sort::List(&INNERMOST), Sort::Map(&INNERMOST)]);
const INNERMOST: Sort = Sort::AnyOf(&[Sort::Text, Sort::List(&Sort::Text), Sort::Map(&Sort::Text)]);

pub(super) const FIELDS: &[FieldSchema] = &[
    FieldSchema::new(
        "instances",
        Sort::Integer {
            min: 1,
            max: NODES_MOST as i64,
        },
        "1",
        "Nodes.",
    ),
    members::IDS,
    FieldSchema::new(
        "cluster-name",
        Sort::Text,
        "the name of the virtual data center",
        "The name of the ring; it stays as it was at the first start.",
    ),
    FieldSchema::new(
        "dc",
        Sort::Text,
        "the name of the zone",
        "The data center of its nodes.",
    ),
    FieldSchema::new(
        "rack",
        Sort::List(&Sort::Text),
        "rack1",
        "The rack of all nodes, or racks that the nodes take in turns.",
    ),
    FieldSchema::new(
        "num-tokens",
        Sort::Integer {
            min: 1,
            max: TOKENS_MOST as i64,
        },
        "16",
        "Shares of the ring that each node has.",
    ),
    FieldSchema::new(
        "seeds",
        Sort::Integer {
            min: 1,
            max: NODES_MOST as i64,
        },
        "3, or as many as there are nodes",
        "Nodes by which a new one finds the ring; of an empty ring they start together.",
    ),
    FieldSchema::new(
        "ring-delay",
        Sort::Duration,
        "2s",
        "How long a joining node listens before it takes its place.",
    ),
    FieldSchema::new(
        "keyspaces",
        Sort::Map(&Sort::Fields(keyspaces::FIELDS)),
        "",
        "Keyspaces that are created and altered as declared; others are left alone.",
    ),
    FieldSchema::new(
        "maintenance",
        Sort::Fields(maintenance::FIELDS),
        "",
        "What it is asked from time to time.",
    ),
    FieldSchema::new(
        "config",
        Sort::Map(&ANY),
        "",
        "Keys of the version's cassandra.yaml.",
    ),
    FieldSchema::new(
        "ports",
        Sort::AnyOf(&[PORT, Sort::Fields(PORTS)]),
        "",
        "Its ports by name; a single number is that for clients.",
    ),
];

const PORTS: &[FieldSchema] = &[
    FieldSchema::new("cql", PORT, "9042", "For clients."),
    FieldSchema::new(
        "storage",
        PORT,
        "7000",
        "For the other nodes; the same number on each.",
    ),
    FieldSchema::new("jmx", PORT, "7199", "For nodetool."),
];

/// A validated ring.
pub(super) struct Ring<'a> {
    pub(super) jvm: Jvm<'a>,
    /// Of the nodes.
    pub(super) ids: Vec<u32>,
    pub(super) cluster: String,
    pub(super) data_center: String,
    /// The layer whose zones share the ring.
    pub(super) scope: Option<Name>,
    /// At least one.
    pub(super) racks: Vec<String>,
    pub(super) tokens: u32,
    /// May be more than there are nodes: the hole for them is the same for every size.
    pub(super) seeds: u32,
    pub(super) ring_delay: Span,
    pub(super) keyspaces: Vec<Keyspace>,
    pub(super) maintenance: Maintenance,
    pub(super) config: BTreeMap<String, Template>,
    pub(super) ports: Vec<PortSpec>,
    pub(super) shape: Shape,
}

/// Reads all keys; the notices come with the ring.
pub(super) fn read<'a>(
    application: &Application,
    surroundings: &Surroundings<'a>,
) -> Result<(Ring<'a>, Problems), Problems> {
    let mut problems = Problems::default();
    let mut reader = Reader::new(&application.settings, &mut problems);
    let chosen = product::version(&mut reader, surroundings.catalog, "cassandra", |_| true);
    let Some(chosen) = chosen else {
        return Err(problems);
    };
    let ids = members::read(&mut reader, NODES_MOST, NODES_MOST - 1);
    let nodes = u32::try_from(ids.len()).unwrap_or(u32::MAX);
    let jvm = product::jvm(&mut reader, chosen.entry);
    check_heap(&mut reader, &jvm);
    let shape = shape(&mut reader, application, &jvm);
    let data_center = data_center(&mut reader, surroundings.zone);
    let scope = application.scope.as_ref().map(|scope| scope.value.clone());
    let here = keyspaces::Here {
        data_center: &data_center,
        nodes,
        is_shared: scope.is_some(),
    };
    let keyspaces = keyspaces::read(&mut reader, here);
    let ring = Ring {
        ids,
        cluster: cluster_name(&mut reader, surroundings.run),
        racks: racks(&mut reader, &shape, nodes),
        tokens: shape::count(&mut reader, "num-tokens", 1, TOKENS_MOST).unwrap_or(16),
        seeds: seeds(&mut reader, nodes),
        ring_delay: ring_delay(&mut reader),
        keyspaces,
        maintenance: maintenance::read(&mut reader),
        config: config::read(&mut reader, &chosen),
        ports: ports(&mut reader),
        jvm,
        data_center,
        scope,
        shape,
    };
    reader.finish();
    if problems.has_errors() {
        return Err(problems);
    }
    Ok((ring, problems))
}

fn check_heap(reader: &mut Reader<'_>, jvm: &Jvm<'_>) {
    if jvm.heap_mib < HEAP_LEAST {
        let what = format!(
            "{} MiB are too few for its caches and tables in memory",
            jvm.heap_mib
        );
        let hint = format!("at least {HEAP_LEAST}m; 256m serves a small test");
        reader.refuse("heap", &what, &hint);
    }
}

fn shape(reader: &mut Reader<'_>, application: &Application, jvm: &Jvm<'_>) -> Shape {
    let defaults = Defaults {
        needs: Resources {
            cpu_millis: 500,
            memory_mib: product::memory_mib(jvm),
        },
        retry: Retry::default(),
        ready_within: Span::minutes(5),
    };
    let mut shape = shape::read(reader, application, defaults);
    product::check_memory(reader, jvm, shape.needs);
    let stop = reader.value("stop").and_then(|stop| stop.as_map());
    if !stop.is_some_and(|stop| stop.contains_key("grace")) {
        shape.stop.grace = GRACE;
    }
    shape
}

/// What a data center and a rack may be called: the product takes more, its tools do not.
fn is_plain(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    !name.is_empty() && name.len() <= 63 && name.chars().all(allowed)
}

fn data_center(reader: &mut Reader<'_>, zone: &str) -> String {
    let Some(name) = reader.string("dc") else {
        return zone.to_string();
    };
    if !is_plain(&name) {
        let near = name
            .trim()
            .replace(|c: char| !is_plain(&c.to_string()), "_");
        let hint = format!("letters, digits, _, - and .; for example {near}");
        let what = format!("{name:?} is no name of a data center");
        reader.refuse("dc", &what, &hint);
    } else if matches!(name.as_str(), "class" | "replication_factor") {
        let what = format!("{name} means something else in the replication of a keyspace");
        reader.refuse("dc", &what, "choose another name");
    }
    name
}

fn cluster_name(reader: &mut Reader<'_>, run: &Name) -> String {
    let Some(name) = reader.string("cluster-name") else {
        return run.to_string();
    };
    if name.trim().is_empty() || name.chars().any(char::is_control) || name.len() > 128 {
        let what = format!("{name:?} is no name of a ring");
        reader.refuse("cluster-name", &what, "one line, at most 128 bytes");
    }
    name
}

fn racks(reader: &mut Reader<'_>, shape: &Shape, nodes: u32) -> Vec<String> {
    let Some(found) = reader.strings("rack") else {
        return vec!["rack1".to_owned()];
    };
    if found.is_empty() {
        reader.refuse("rack", "the list is empty", "name a rack, or leave it out");
        return vec![String::new()];
    }
    let mut racks: Vec<String> = Vec::new();
    for rack in found {
        let problem = if !is_plain(&rack.value) {
            let what = format!("rack: {:?} is no name of a rack", rack.value);
            Some((what, "letters, digits, _, - and ."))
        } else if racks.contains(&rack.value) {
            let what = format!("rack: {} stands twice", rack.value);
            Some((what, "the nodes take the racks in turns: name each once"))
        } else {
            None
        };
        if let Some((what, hint)) = problem {
            let problem = Problem::error(Some(&rack.place), what).hint(hint);
            reader.problems().push(problem);
        }
        racks.push(rack.value);
    }
    let asks_unique = shape
        .constraints
        .iter()
        .any(|constraint| constraint.attribute == "rack" && constraint.rule == Rule::Unique);
    if asks_unique && racks.len() < nodes as usize {
        let what = format!(
            "{nodes} nodes would share {}, but the constraints ask for a rack each",
            racks.join(", ")
        );
        reader.refuse("rack", &what, "name as many racks as there are nodes");
    }
    racks
}

/// Without a word always three, whatever the size: one more node must not restart the others.
fn seeds(reader: &mut Reader<'_>, nodes: u32) -> u32 {
    let Some(seeds) = shape::count(reader, "seeds", 1, NODES_MOST) else {
        return SEEDS;
    };
    if seeds > nodes {
        let (is, ending) = if nodes == 1 { ("is", "") } else { ("are", "s") };
        let what = format!("{seeds} seeds, but there {is} {nodes} node{ending}");
        reader.refuse("seeds", &what, "lower it, leave it out, or raise instances");
    }
    seeds
}

fn ring_delay(reader: &mut Reader<'_>) -> Span {
    let Some(delay) = shape::duration(reader, "ring-delay") else {
        return RING_DELAY;
    };
    if !(Span::seconds(1)..=Span::minutes(10)).contains(&delay) {
        let what = format!("{delay} is out of range");
        let hint =
            "from 1s, for a joining node must have heard of the others before it is over, to 10m";
        reader.refuse("ring-delay", &what, hint);
    }
    delay
}

/// Nodes find each other by address alone, so they must agree on the number.
fn ports(reader: &mut Reader<'_>) -> Vec<PortSpec> {
    let known = [("cql", 9042), ("storage", 7000), ("jmx", 7199)];
    let ports = ports::of_product(reader, &known);
    let storage = ports.iter().find(|port| port.name.as_str() == "storage");
    if storage.is_some_and(|port| !matches!(port.wish, PortWish::Fixed(_))) {
        let what = "storage must be one number: nodes find each other by address alone";
        reader.refuse("ports", what, "for example ports: {storage: 7000}");
    }
    ports
}
