//! `type: cassandra`: an Apache Cassandra ring. The first nodes of an empty ring are its seeds and start together; every
//! later one joins alone and takes over its rows. `node-N` has its tokens for ever; nothing that a node is started with
//! depends on how many there are.

mod config;
mod files;
mod keyspaces;
mod maintenance;
mod part;
mod settings;
mod tokens;
mod yaml;

use std::collections::BTreeMap;
use std::sync::Arc;

use smack_model::{
    Check, Content, Launch, Minimum, Operation, OperationSpec, Phase, Piece, Probe, Problem,
    Problems, Retry, ServiceSpec, Span, StopOrder, Strategy, TaskGoal, TaskName, TaskSpec,
    Template, Tolerance, Until,
};
use smack_stack::Application;

use crate::jvm::Jvm;
use crate::names::{indexed, label};
use crate::shape::{volume, wait_for_all};
use crate::{Built, FieldSchema, Service, Surroundings};
use settings::Ring;

/// The service.
#[derive(Debug)]
pub(crate) struct Cassandra;

impl Service for Cassandra {
    fn kind(&self) -> &'static str {
        "cassandra"
    }

    fn doc(&self) -> &'static str {
        "An Apache Cassandra ring."
    }

    fn fields(&self) -> &'static [FieldSchema] {
        settings::FIELDS
    }

    fn spec(
        &self,
        application: &Application,
        surroundings: &Surroundings<'_>,
    ) -> Result<Built, Problems> {
        let (ring, notices) = settings::read(application, surroundings)?;
        Ok(Built {
            spec: build(&ring),
            notices,
        })
    }

    fn can_be_shared(&self) -> bool {
        true
    }

    /// A node refuses to start on its own data under another name, at another place or with other tokens.
    fn change(&self, running: &ServiceSpec, wanted: &ServiceSpec) -> Problems {
        let mut problems = Problems::default();
        for (file, key, what) in [
            ("cassandra.yaml", "cluster_name: ", "the name of the ring"),
            ("cassandra.yaml", "num_tokens: ", "num-tokens"),
            ("cassandra-rackdc.properties", "dc=", "the data center"),
            ("cassandra-rackdc.properties", "rack=", "the rack"),
        ] {
            let changed = running.tasks.iter().find_map(|(name, before)| {
                let after = line(wanted.tasks.get(name)?, file, key)?;
                let before = line(before, file, key)?;
                (before != after).then_some((name, before, after))
            });
            if let Some((name, before, after)) = changed {
                let what = format!("{what} of {name} stays: {before} -> {after}");
                let hint =
                    "a node keeps it with its data; a ring with another one is a new application";
                problems.push(Problem::error(None, what).hint(hint));
            }
        }
        problems
    }
}

/// The rest of the line that begins with `key`.
fn line(task: &TaskSpec, file: &str, key: &str) -> Option<String> {
    let mut files = task.launch.files.iter();
    let Content::Text(text) = &files.find(|known| known.path == file)?.content else {
        return None;
    };
    let shown = text.shown();
    let mut lines = shown.lines();
    lines.find_map(|line| line.strip_prefix(key).map(str::to_owned))
}

/// A node, before it becomes a task.
struct Node {
    name: TaskName,
    number: u32,
    rack: String,
    tokens: Vec<i64>,
}

/// The system. Cannot fail: the settings are valid.
fn build(ring: &Ring<'_>) -> ServiceSpec {
    // The tokens of a node follow from its number, whichever others there are.
    let all = ring.ids.last().map_or(0, |last| last + 1);
    let mut tokens = tokens::of(&ring.data_center, all, ring.tokens);
    let nodes: Vec<Node> = ring
        .ids
        .iter()
        .zip(ring.racks.iter().cycle())
        .map(|(number, rack)| Node {
            name: indexed("node", *number),
            number: *number,
            rack: rack.clone(),
            tokens: std::mem::take(&mut tokens[*number as usize]),
        })
        .collect();
    let tasks = nodes
        .iter()
        .map(|node| (node.name.clone(), Arc::new(task(ring, node))));
    let drains = nodes.iter().map(|node| {
        let task = node.name.clone();
        (node.name.clone(), Operation::CassandraLeave { task })
    });
    ServiceSpec {
        kind: "cassandra".to_owned(),
        tasks: tasks.collect(),
        phases: phases(ring, &nodes),
        requires: wait_for_all(&ring.shape.dependencies),
        budget: 1,
        check: Some(Check::Cassandra { port: label("cql") }),
        operations: operations(ring, &nodes),
        drains: drains.collect(),
        minimum: minimum(ring),
        stop_order: StopOrder::Together,
        exports: exports(ring, &nodes),
        labels: ring.shape.labels.clone(),
        part: part::of(ring, &nodes),
        ..ServiceSpec::default()
    }
}

/// Seeds of an empty ring do not join anybody, so they start together; all others join one at a time. Which tasks are
/// seeds is told in the order of names, as the hole for them is filled.
fn phases(ring: &Ring<'_>, nodes: &[Node]) -> Vec<Phase> {
    let mut names: Vec<TaskName> = nodes.iter().map(|node| node.name.clone()).collect();
    names.sort();
    let others = names.split_off(names.len().min(ring.seeds as usize));
    let mut phases = vec![Phase {
        name: "seeds".to_owned(),
        tasks: names,
        strategy: Strategy::Founding,
        after: Until::Placed,
    }];
    if !others.is_empty() {
        phases.push(Phase {
            name: "nodes".to_owned(),
            tasks: others,
            strategy: Strategy::Founding,
            after: Until::Ready,
        });
    }
    phases
}

fn operations(ring: &Ring<'_>, nodes: &[Node]) -> Vec<OperationSpec> {
    let tasks: Vec<TaskName> = nodes.iter().map(|node| node.name.clone()).collect();
    let keyspaces = ring
        .keyspaces
        .iter()
        .filter_map(|keyspace| keyspace.operation(&ring.data_center));
    keyspaces
        .chain(ring.maintenance.operations(&tasks))
        .collect()
}

/// What may not be shrunk: nodes that hold the copies of a keyspace.
fn minimum(ring: &Ring<'_>) -> Minimum {
    let widest = ring
        .keyspaces
        .iter()
        .filter_map(|keyspace| Some((keyspace, keyspace.copies?)))
        .max_by_key(|(_, copies)| *copies)
        .filter(|(_, copies)| *copies > 1);
    match widest {
        Some((keyspace, copies)) => Minimum {
            tasks: copies,
            reason: format!(
                "keyspace {}: a copy each on {} of the nodes",
                keyspace.name, copies
            ),
        },
        None => Minimum {
            tasks: 1,
            reason: "the last node has all the data".to_owned(),
        },
    }
}

fn exports(ring: &Ring<'_>, nodes: &[Node]) -> BTreeMap<String, Template> {
    let address = |node: &Node| Template::from(Piece::Address(Some(node.name.clone())));
    let client = |node: &Node| {
        address(node)
            .text(":")
            .piece(Piece::Port(Some(node.name.clone()), label("cql")))
    };
    let joined = |each: &dyn Fn(&Node) -> Template| {
        nodes
            .iter()
            .enumerate()
            .fold(Template::new(), |list, (index, node)| {
                list.text(if index == 0 { "" } else { "," })
                    .then(&each(node))
            })
    };
    let mut exports: BTreeMap<String, Template> = nodes
        .iter()
        .map(|node| (node.name.to_string(), client(node)))
        .collect();
    let fixed = [
        ("contact-points", joined(&address)),
        ("hosts", joined(&address)),
        ("cql", joined(&client)),
        ("cassandraConnect", joined(&client)),
        ("dc", ring.data_center.as_str().into()),
    ];
    exports.extend(fixed.map(|(name, value)| (name.to_owned(), value)));
    exports
}

fn task(ring: &Ring<'_>, node: &Node) -> TaskSpec {
    let shape = &ring.shape;
    let mut options = files::properties(ring);
    options.extend(ring.jvm.options.iter().cloned());
    let jvm = Jvm {
        options,
        ..ring.jvm.clone()
    };
    TaskSpec {
        goal: TaskGoal::Running,
        launch: Arc::new(Launch {
            command: jvm.command([]),
            env: shape.env.clone(),
            files: files::of(ring, node),
            artifacts: vec![jvm.entry.name()],
            java: Some(jvm.java.clone()),
            ..Launch::default()
        }),
        needs: shape.needs,
        ports: ring.ports.clone(),
        volumes: vec![volume("data")],
        constraints: shape.constraints.clone(),
        probe: Some(Probe::Cassandra { port: label("cql") }),
        pace: smack_model::Pace::default(),
        ready_within: shape.ready_within,
        stop: shape.stop.clone(),
        retry: Retry {
            tolerate: Some(tolerance()),
            ..shape.retry.clone()
        },
        member: Some(node.number),
        exposed: [label("cql")].into(),
    }
}

/// A replacement that is quicker than the ring's own notice of the loss is turned away.
fn tolerance() -> Tolerance {
    Tolerance {
        code: 3,
        window: Span::minutes(2),
        delay: Span::seconds(5),
        reason: "the ring has not noticed yet that the node ended".to_owned(),
    }
}
