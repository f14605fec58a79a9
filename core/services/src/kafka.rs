//! `type: kafka`: an Apache Kafka cluster, on ZooKeeper (3.9) or with controllers of its own (4.x). `broker-N` has the id N
//! in both modes and for ever; controllers apart, `controller-N`, have the id 1000 + N.

mod kraft;
mod link;
mod settings;
mod topics;
mod zookeeper;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use smack_model::{
    Check, Content, FilePlace, FileSpec, Launch, Minimum, Name, OnChange, Operation, OperationSpec,
    Piece, PortSpec, Probe, Problem, Problems, Requirement, Retry, ServiceSpec, StopSpec, TaskGoal,
    TaskName, TaskSpec, Template, Until, When,
};
use smack_stack::Application;

use crate::names::{indexed, label};
use crate::properties::Properties;
use crate::shape::{volume, wait_for_all};
use crate::{Built, FieldSchema, Service, Surroundings};
use settings::{Cluster, Coordination};

/// The service.
#[derive(Debug)]
pub(crate) struct Kafka;

impl Service for Kafka {
    fn kind(&self) -> &'static str {
        "kafka"
    }

    fn doc(&self) -> &'static str {
        "An Apache Kafka cluster: on a ZooKeeper ensemble (3.9) or with controllers of its own (4.x)."
    }

    fn fields(&self) -> &'static [FieldSchema] {
        settings::FIELDS
    }

    fn spec(
        &self,
        application: &Application,
        surroundings: &Surroundings<'_>,
    ) -> Result<Built, Problems> {
        let (cluster, notices) = settings::read(application, surroundings)?;
        Ok(Built {
            spec: build(&cluster),
            notices,
        })
    }

    /// The voters of a controller quorum stay as they were at the first start, and so does the mode.
    fn change(&self, running: &ServiceSpec, wanted: &ServiceSpec) -> Problems {
        let mut problems = Problems::default();
        let (before, after) = (kraft::voters(running), kraft::voters(wanted));
        if before.is_empty() != after.is_empty() {
            let what =
                "a running cluster cannot change between ZooKeeper and controllers of its own";
            let hint = "run the new version under another name and mirror the topics";
            problems.push(Problem::error(None, what).hint(hint));
        } else if before != after {
            let what = format!(
                "the controllers of a running cluster stay: {} -> {}",
                before.join(", "),
                after.join(", ")
            );
            let hint = format!("set controllers: {}", before.len());
            problems.push(Problem::error(None, what).hint(hint));
        }
        problems
    }
}

/// A broker or controller, before it becomes a task.
struct Node {
    name: TaskName,
    id: u32,
    roles: Roles,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Roles {
    Broker,
    Controller,
    Both,
}

impl Roles {
    fn has_broker(self) -> bool {
        self != Self::Controller
    }

    fn has_controller(self) -> bool {
        self != Self::Broker
    }
}

/// The system. Cannot fail: the settings are valid.
fn build(cluster: &Cluster<'_>) -> ServiceSpec {
    let nodes = nodes(cluster);
    let brokers: BTreeMap<TaskName, u32> = nodes
        .iter()
        .filter(|node| node.roles.has_broker())
        .map(|node| (node.name.clone(), node.id))
        .collect();
    let drains = brokers
        .iter()
        .map(|(task, &broker)| (task.clone(), Operation::KafkaLeave { broker }));
    let tasks = nodes
        .iter()
        .map(|node| (node.name.clone(), Arc::new(task(cluster, &nodes, node))));
    ServiceSpec {
        kind: "kafka".to_owned(),
        tasks: tasks.collect(),
        phases: kraft::phases(&nodes),
        requires: requirements(cluster),
        budget: 1,
        roll_last: Some("controller".to_owned()),
        check: Some(Check::Kafka {
            port: label("client"),
            brokers: brokers.clone(),
        }),
        operations: cluster.topics.iter().map(operation).collect(),
        drains: drains.collect(),
        minimum: minimum(cluster),
        stop_order: kraft::stop_order(&nodes),
        exports: exports(&nodes),
        labels: cluster.shape.labels.clone(),
        ..ServiceSpec::default()
    }
}

/// All nodes, in the order of their numbers. The first brokers are the combined ones, so that more brokers never change
/// who votes.
fn nodes(cluster: &Cluster<'_>) -> Vec<Node> {
    let (combined, apart) = match &cluster.coordination {
        Coordination::ZooKeeper(_) => (0, 0),
        Coordination::Combined(controllers) => (*controllers, 0),
        Coordination::Apart(controllers) => (0, *controllers),
    };
    let controllers = (0..apart).map(|index| Node {
        name: indexed("controller", index),
        id: settings::FIRST_CONTROLLER + index,
        roles: Roles::Controller,
    });
    let brokers = (0..).zip(&cluster.ids).map(|(index, id)| Node {
        name: indexed("broker", *id),
        id: *id,
        roles: if index < combined {
            Roles::Both
        } else {
            Roles::Broker
        },
    });
    controllers.chain(brokers).collect()
}

/// A broker on ZooKeeper waits for it safely, so it starts as soon as the addresses are known.
fn requirements(cluster: &Cluster<'_>) -> Vec<Requirement> {
    let mut requires = wait_for_all(&cluster.shape.dependencies);
    if let Coordination::ZooKeeper(link) = &cluster.coordination
        && let Some(application) = &link.application
    {
        requires.retain(|requirement| requirement.application.own() != Some(application));
        requires.push(Requirement {
            application: application.clone().into(),
            until: Until::Placed,
        });
    }
    requires
}

fn operation(topic: &topics::Topic) -> OperationSpec {
    OperationSpec {
        name: format!("topic {}", topic.name),
        operation: Operation::KafkaTopic {
            topic: topic.name.clone(),
            partitions: topic.partitions,
            replication: topic.replication,
            config: topic.config.clone(),
        },
        when: When::Always,
        after_replacing: false,
    }
}

/// What may not be shrunk: voters, and brokers that hold the copies of a topic.
fn minimum(cluster: &Cluster<'_>) -> Minimum {
    let internal = (
        settings::default_replication(cluster.brokers()),
        "the product's own topics".to_owned(),
    );
    let declared = cluster.topics.iter().map(|topic| {
        (
            u32::from(topic.replication),
            format!("topic {}", topic.name),
        )
    });
    let (copies, holder) = declared.fold(
        internal,
        |most, topic| if topic.0 > most.0 { topic } else { most },
    );
    let copies_reason = format!("{holder}: a copy each on {copies} of the brokers");
    match &cluster.coordination {
        Coordination::Combined(controllers) if *controllers >= copies => Minimum {
            tasks: *controllers,
            reason: format!(
                "the first {controllers} brokers are the controllers, and voters cannot leave"
            ),
        },
        Coordination::Combined(_) | Coordination::ZooKeeper(_) => Minimum {
            tasks: copies,
            reason: copies_reason,
        },
        Coordination::Apart(controllers) => Minimum {
            tasks: controllers + copies,
            reason: format!(
                "{controllers} controllers are voters and cannot leave; {copies_reason}"
            ),
        },
    }
}

fn exports(nodes: &[Node]) -> BTreeMap<String, Template> {
    let address = |node: &Node| {
        Template::from(Piece::Address(Some(node.name.clone())))
            .text(":")
            .piece(Piece::Port(Some(node.name.clone()), label("client")))
    };
    let brokers = || nodes.iter().filter(|node| node.roles.has_broker());
    let mut exports: BTreeMap<String, Template> = brokers()
        .map(|node| (node.name.to_string(), address(node)))
        .collect();
    let mut list = Template::new();
    let mut hosts = Template::new();
    for (index, node) in brokers().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        list = list.text(comma).then(&address(node));
        hosts = hosts
            .text(comma)
            .piece(Piece::Address(Some(node.name.clone())));
    }
    exports.insert("bootstrap".to_owned(), list.clone());
    exports.insert("brokers".to_owned(), list);
    exports.insert("hosts".to_owned(), hosts);
    exports
}

fn task(cluster: &Cluster<'_>, nodes: &[Node], node: &Node) -> TaskSpec {
    let mut files = vec![FileSpec {
        place: FilePlace::Sandbox,
        path: "server.properties".to_owned(),
        content: Content::Text(configuration(cluster, nodes, node)),
        on_change: OnChange::Restart,
    }];
    if !matches!(cluster.coordination, Coordination::ZooKeeper(_)) {
        files.extend(kraft::files(cluster.jvm.entry, node));
    }
    let shape = &cluster.shape;
    TaskSpec {
        goal: TaskGoal::Running,
        launch: Arc::new(Launch {
            command: cluster
                .jvm
                .command([Template::from(Piece::Sandbox).text("/server.properties")]),
            env: shape.env.clone(),
            files,
            artifacts: vec![cluster.jvm.entry.name()],
            java: Some(cluster.jvm.java.clone()),
            ..Launch::default()
        }),
        needs: shape.needs,
        ports: ports(cluster, node.roles),
        volumes: vec![volume("data")],
        constraints: shape.constraints.clone(),
        probe: Some(if node.roles.has_broker() {
            Probe::KafkaBroker {
                port: label("client"),
                broker: node.id,
            }
        } else {
            Probe::KafkaController {
                port: label("controller"),
            }
        }),
        pace: smack_model::Pace::default(),
        ready_within: shape.ready_within,
        stop: StopSpec {
            left_alone: kraft::left_alone(nodes),
            ..shape.stop.clone()
        },
        retry: retry(cluster),
        member: Some(node.id),
        exposed: if node.roles.has_broker() {
            [label("client")].into()
        } else {
            BTreeSet::new()
        },
    }
}

fn retry(cluster: &Cluster<'_>) -> Retry {
    let tolerate = match &cluster.coordination {
        Coordination::ZooKeeper(link) => Some(zookeeper::tolerance(link.session_timeout)),
        Coordination::Combined(_) | Coordination::Apart(_) => None,
    };
    Retry {
        tolerate,
        ..cluster.shape.retry.clone()
    }
}

fn ports(cluster: &Cluster<'_>, roles: Roles) -> Vec<PortSpec> {
    let wanted = |name: &Name| match name.as_str() {
        "client" => roles.has_broker(),
        _ => roles.has_controller(),
    };
    cluster
        .ports
        .iter()
        .filter(|port| wanted(&port.name))
        .cloned()
        .collect()
}

/// `server.properties`: the catalog's, ours, the stack's, and what only smack can know.
fn configuration(cluster: &Cluster<'_>, nodes: &[Node], node: &Node) -> Template {
    let entry = cluster.jvm.entry;
    let mut properties = Properties::new(&entry.minimal);
    for (key, value) in settings::defaults(cluster.brokers()) {
        if entry.knows_key(key) {
            properties.set(key, value.as_str());
        }
    }
    match &cluster.coordination {
        Coordination::ZooKeeper(_) => zookeeper::defaults(&mut properties),
        Coordination::Combined(_) | Coordination::Apart(_) => kraft::defaults(&mut properties),
    }
    properties.overlay(&cluster.config);
    properties.set("log.dirs", Piece::Volume(label("data")));
    match &cluster.coordination {
        Coordination::ZooKeeper(link) => zookeeper::identity(&mut properties, link, node),
        Coordination::Combined(_) | Coordination::Apart(_) => {
            kraft::identity(&mut properties, nodes, node)
        }
    }
    properties.text()
}

/// `NAME://address:port` of the task itself.
fn listener(name: &str, port: &'static str) -> Template {
    Template::from(format!("{name}://"))
        .piece(Piece::Address(None))
        .text(":")
        .piece(Piece::Port(None, label(port)))
}
