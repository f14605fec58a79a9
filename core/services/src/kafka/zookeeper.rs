//! Kafka on ZooKeeper: what the broker is told, and the exits that it owes to its own session that still lives.

use smack_model::{Span, Tolerance};

use super::link::Link;
use super::{Node, listener};
use crate::properties::Properties;

/// The product's 18 s keep the broker of a killed process registered, and its successor out, for that long.
pub(super) const SESSION_TIMEOUT: Span = Span::seconds(6);

/// A new process needs a while until it asks for its registration, and ZooKeeper looks for expired sessions once a tick.
const MARGIN: Span = Span::seconds(15);

pub(super) fn defaults(properties: &mut Properties) {
    // Brokers start as soon as ZooKeeper's addresses are known, and leave with code 1 if it serves later than this.
    properties.set("zookeeper.connection.timeout.ms", "60000");
    properties.set(
        "zookeeper.session.timeout.ms",
        SESSION_TIMEOUT.0.to_string(),
    );
    // When all stop together the last ones ask in vain, three times: not for the product's 5 s each.
    properties.set("controlled.shutdown.retry.backoff.ms", "1000");
}

pub(super) fn identity(properties: &mut Properties, link: &Link, node: &Node) {
    properties.set("broker.id", node.id.to_string());
    properties.set("listeners", listener("PLAINTEXT", "client"));
    properties.set("advertised.listeners", listener("PLAINTEXT", "client"));
    properties.set("zookeeper.connect", link.connect.clone());
}

/// After an unclean end `/brokers/ids/N` stands until the session is over; a broker that finds it leaves with code 1.
pub(super) fn tolerance(session_timeout: Span) -> Tolerance {
    Tolerance {
        code: 1,
        window: Span(session_timeout.0.saturating_add(MARGIN.0)),
        delay: Span::seconds(1),
        reason: "its registration in ZooKeeper outlives it until the session is over".to_owned(),
    }
}
