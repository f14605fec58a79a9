//! Kafka with controllers of its own (KRaft): voters, the files that `format` would write, phases and the order of stopping.

use std::fmt::Write as _;

use smack_model::{
    Content, FilePlace, FileSpec, OnChange, Phase, Piece, ServiceSpec, Span, StopOrder, Strategy,
    TaskName, Template, Until,
};

use super::{Node, Roles, listener};
use crate::catalog::Entry;
use crate::names::label;
use crate::properties::Properties;

/// Quicker than the product's own, for machines that share a network: a killed broker is let in again after 3 s instead
/// of 9, an election takes half as long. The quorum's fetch timeout stays, so that a busy leader is not deposed.
pub(super) fn defaults(properties: &mut Properties) {
    for (key, value) in [
        ("broker.session.timeout.ms", "3000"),
        ("broker.heartbeat.interval.ms", "500"),
        ("controller.quorum.election.timeout.ms", "500"),
        ("controller.quorum.election.backoff.max.ms", "200"),
        ("controller.quorum.append.linger.ms", "0"),
    ] {
        properties.set(key, value);
    }
}

pub(super) fn identity(properties: &mut Properties, nodes: &[Node], node: &Node) {
    let roles = match node.roles {
        Roles::Broker => "broker",
        Roles::Controller => "controller",
        Roles::Both => "broker,controller",
    };
    let mut listeners = Template::new();
    if node.roles.has_broker() {
        listeners = listeners.then(&listener("PLAINTEXT", "client"));
        properties.set("advertised.listeners", listener("PLAINTEXT", "client"));
        properties.set("inter.broker.listener.name", "PLAINTEXT");
    }
    if node.roles.has_controller() {
        let comma = if node.roles.has_broker() { "," } else { "" };
        listeners = listeners
            .text(comma)
            .then(&listener("CONTROLLER", "controller"));
    }
    properties.set("process.roles", roles);
    properties.set("node.id", node.id.to_string());
    properties.set("listeners", listeners);
    properties.set("controller.listener.names", "CONTROLLER");
    properties.set(
        "listener.security.protocol.map",
        "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    );
    properties.set("controller.quorum.voters", quorum(nodes));
}

/// `0@address:port,…` of the controllers alone.
fn quorum(nodes: &[Node]) -> Template {
    let mut voters = Template::new();
    for node in nodes.iter().filter(|node| node.roles.has_controller()) {
        let comma = if voters.0.is_empty() { "" } else { "," };
        voters = voters
            .text(comma)
            .text(format!("{}@", node.id))
            .piece(Piece::Address(Some(node.name.clone())))
            .text(":")
            .piece(Piece::Port(Some(node.name.clone()), label("controller")));
    }
    voters
}

/// What the product's `format` would leave in the data directory. Without the checkpoint all features but the metadata
/// version stay off, silently.
pub(super) fn files(entry: &Entry, node: &Node) -> Vec<FileSpec> {
    let meta = Template::new()
        .text("cluster.id=")
        .piece(Piece::SystemStamp)
        .text("\ndirectory.id=")
        .piece(Piece::VolumeStamp(label("data")))
        .text(format!("\nnode.id={}\nversion=1\n", node.id));
    let once = |path: &str, content| FileSpec {
        place: FilePlace::VolumeOnce(label("data")),
        path: path.to_owned(),
        content,
        on_change: OnChange::Restart,
    };
    let mut files = vec![once("meta.properties", Content::Text(meta))];
    files.extend(
        entry
            .assets()
            .map(|(path, bytes)| once(path, Content::Hex(hexadecimal(bytes)))),
    );
    files
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            write!(text, "{byte:02x}").expect("a String takes every write");
            text
        })
}

/// Controllers first, brokers as soon as those have addresses: a broker waits for its quorum.
pub(super) fn phases(nodes: &[Node]) -> Vec<Phase> {
    let phase = |name: &str, is_in: &dyn Fn(Roles) -> bool| Phase {
        name: name.to_owned(),
        tasks: nodes
            .iter()
            .filter(|node| is_in(node.roles))
            .map(|node| node.name.clone())
            .collect(),
        strategy: Strategy::Parallel,
        after: Until::Placed,
    };
    let combined = nodes.iter().any(|node| node.roles == Roles::Both);
    let controllers = phase(
        if combined {
            "controllers and brokers"
        } else {
            "controllers"
        },
        &|roles| roles.has_controller(),
    );
    let brokers = phase("brokers", &|roles| roles == Roles::Broker);
    [controllers, brokers]
        .into_iter()
        .filter(|phase| !phase.tasks.is_empty())
        .collect()
}

/// Combined nodes need each other to leave: the last of three that is stopped alone hangs.
pub(super) fn stop_order(nodes: &[Node]) -> StopOrder {
    if nodes.iter().any(|node| node.roles == Roles::Both) {
        StopOrder::Together
    } else {
        StopOrder::PhasesReversed
    }
}

/// Nodes that stop together race: one that has not been let go when the majority of the controllers is gone waits for
/// 5 minutes. One that has been let go is gone 5 s after it has lost them.
pub(super) fn left_alone(nodes: &[Node]) -> Option<Span> {
    (stop_order(nodes) == StopOrder::Together).then_some(Span::seconds(8))
}

/// The tasks that vote, by name.
pub(super) fn voters(spec: &ServiceSpec) -> Vec<String> {
    let votes = |task: &TaskName| {
        spec.tasks[task]
            .ports
            .iter()
            .any(|port| port.name.as_str() == "controller")
    };
    spec.tasks
        .keys()
        .filter(|task| votes(task))
        .map(TaskName::to_string)
        .collect()
}
