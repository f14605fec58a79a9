//! What a Cassandra node says of itself and of its ring, from tables that every node has; tried with 5.0.9.
//! `system_views.gossip_info` has a row per node that is or was in the ring, with a word for its
//! status and a heartbeat that the node itself counts up every second. The row of a node that was killed stays `NORMAL`
//! for ever: its heartbeat stands still, and nothing in the table says that it is taken for dead. What tells is a read
//! at consistency ALL of a table whose rows are spread over all nodes: the asked node refuses it at once if it takes
//! one of them for dead (18 s after it was killed), and waits for it before. On a whole ring it takes 5 to 20 ms.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use smack_model::{Member, Name};

use crate::cql::{Code, Connection, Consistency, Error, Row};
use crate::reach::{Reach, shown};

/// Keyspaces of the product whose rows are spread over the ring, with a table that is small or empty.
const SPREAD: [(&str, &str, &str); 2] = [
    ("system_auth", "role", "network_permissions"),
    ("system_traces", "session_id", "sessions"),
];

/// What one node says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) own: Own,
    /// All that are or were in the ring, itself among them.
    pub(crate) ring: BTreeMap<IpAddr, Node>,
    /// Those that it tells clients of, itself not among them.
    pub(crate) peers: BTreeSet<IpAddr>,
}

/// What a node says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Own {
    pub(crate) address: IpAddr,
    /// `COMPLETED` once it is part of the ring.
    pub(crate) bootstrapped: String,
    pub(crate) data_center: String,
    pub(crate) rack: String,
    pub(crate) schema: String,
}

/// A node in the eyes of another, or in its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) status: Status,
    pub(crate) host_id: String,
    pub(crate) data_center: String,
    /// Whether it says that it takes clients.
    pub(crate) serves: bool,
    /// The second in which it was started, and how many seconds ago that was by its own count.
    pub(crate) age: (i64, i64),
}

/// How a node stands to its ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// It has said nothing yet.
    Starting,
    Joining,
    Replacing,
    Normal,
    Moving,
    Leaving,
    Left,
    /// Others are taking it out.
    Removing,
    Removed,
    /// It has said that it ends.
    ShutDown,
    Unknown,
}

impl Status {
    /// As gossip writes it: `NORMAL,-9223372036854775808`.
    fn parse(text: &str) -> Self {
        match text.split(',').next().unwrap_or_default() {
            "" => Self::Starting,
            "BOOT" => Self::Joining,
            "BOOT_REPLACE" | "hibernate" => Self::Replacing,
            "NORMAL" => Self::Normal,
            "MOVING" => Self::Moving,
            "LEAVING" => Self::Leaving,
            "LEFT" => Self::Left,
            "removing" => Self::Removing,
            "removed" => Self::Removed,
            "shutdown" => Self::ShutDown,
            _ => Self::Unknown,
        }
    }

    /// Gossip remembers a node for three days after it has gone.
    pub(crate) fn is_gone(self) -> bool {
        matches!(self, Self::Left | Self::Removed)
    }

    /// Whether rows change hands while it lasts.
    pub(crate) fn is_change(self) -> bool {
        matches!(
            self,
            Self::Joining | Self::Replacing | Self::Moving | Self::Leaving | Self::Removing
        )
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Starting => "starting",
            Self::Joining => "joining",
            Self::Replacing => "taking the place of a lost node",
            Self::Normal => "normal",
            Self::Moving => "moving",
            Self::Leaving => "leaving",
            Self::Left => "gone",
            Self::Removing => "being removed",
            Self::Removed => "removed",
            Self::ShutDown => "shut down",
            Self::Unknown => "in a state that smack does not know",
        })
    }
}

impl View {
    /// The asked node in its own eyes.
    pub(crate) fn itself(&self) -> Status {
        let told = self.ring.get(&self.own.address).map(|node| node.status);
        match (self.own.bootstrapped.as_str(), told) {
            ("COMPLETED", told) => told.unwrap_or(Status::Starting),
            ("DECOMMISSIONED", _) => Status::Left,
            ("IN_PROGRESS", _) => Status::Joining,
            (_, Some(told)) if told.is_gone() => told,
            _ => Status::Starting,
        }
    }

    /// Nothing for a node that is not known, or no more.
    pub(crate) fn status(&self, address: IpAddr) -> Option<Status> {
        let status = self.ring.get(&address)?.status;
        (!status.is_gone()).then_some(status)
    }

    /// Those that are part of the ring, or become or cease to be.
    pub(crate) fn present(&self) -> impl Iterator<Item = (IpAddr, &Node)> {
        let ring = self.ring.iter().map(|(address, node)| (*address, node));
        ring.filter(|(_, node)| !node.status.is_gone())
    }
}

/// What the node says now.
pub(crate) async fn view(connection: &mut Connection) -> Result<View, Error> {
    let own = own(connection).await?;
    let gossip = connection
        .ask(
            "SELECT address, status, status_with_port, dc, host_id, rpc_ready, generation, heartbeat \
             FROM system_views.gossip_info",
        )
        .await?;
    let peers = connection.ask("SELECT peer FROM system.peers").await?;
    Ok(View {
        own,
        ring: gossip.rows.iter().filter_map(node).collect(),
        peers: peers
            .rows
            .iter()
            .filter_map(|row| row.address("peer"))
            .collect(),
    })
}

/// What the node says of itself alone.
pub(crate) async fn own(connection: &mut Connection) -> Result<Own, Error> {
    let answer = connection
        .ask(
            "SELECT broadcast_address, bootstrapped, data_center, rack, schema_version FROM system.local",
        )
        .await?;
    let row = answer.rows.first();
    let text = |column| row.and_then(|row| row.text(column)).unwrap_or_default();
    let address = row.and_then(|row| row.address("broadcast_address"));
    Ok(Own {
        address: address.ok_or_else(|| connection.misses("its own address"))?,
        bootstrapped: text("bootstrapped"),
        data_center: text("data_center"),
        rack: text("rack"),
        schema: text("schema_version"),
    })
}

fn node(row: &Row) -> Option<(IpAddr, Node)> {
    let text = |column| row.text(column).unwrap_or_default();
    let status = row.text("status_with_port").or_else(|| row.text("status"));
    let number = |column| row.number(column).unwrap_or_default();
    Some((
        row.address("address")?,
        Node {
            status: Status::parse(&status.unwrap_or_default()),
            host_id: text("host_id"),
            data_center: text("dc"),
            serves: text("rpc_ready") == "true",
            age: (number("generation"), number("heartbeat")),
        },
    ))
}

/// How often each row of a keyspace is in the ring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Copies {
    /// The last part of the class: `NetworkTopologyStrategy`.
    pub(crate) strategy: String,
    /// By data center; for a strategy that knows none, under `replication_factor`.
    pub(crate) factors: BTreeMap<String, u32>,
}

/// The strategy that knows data centers.
pub(crate) const BY_DATA_CENTER: &str = "NetworkTopologyStrategy";

impl Copies {
    fn parse(replication: BTreeMap<String, String>) -> Self {
        let mut copies = Self {
            strategy: String::new(),
            factors: BTreeMap::new(),
        };
        for (key, value) in replication {
            if key == "class" {
                value
                    .rsplit('.')
                    .next()
                    .unwrap_or_default()
                    .clone_into(&mut copies.strategy);
            } else if let Some(Ok(factor)) = value.split('/').next().map(str::parse) {
                // `3/1`: three, one of which is transient.
                copies.factors.insert(key, factor);
            }
        }
        copies
    }

    /// Whether it is one that the product itself keeps, as often as it likes: nobody's rows.
    pub(crate) fn is_products(&self, keyspace: &str) -> bool {
        keyspace.starts_with("system_") && self.strategy != BY_DATA_CENTER
    }

    /// How many there are in a data center; for a strategy that knows none, anywhere.
    pub(crate) fn there(&self, data_center: &str) -> u32 {
        let key = match self.strategy.as_str() {
            BY_DATA_CENTER => data_center,
            _ => "replication_factor",
        };
        self.factors.get(key).copied().unwrap_or(0)
    }
}

/// All keyspaces with rows that are spread over nodes.
pub(crate) async fn keyspaces(
    connection: &mut Connection,
) -> Result<BTreeMap<String, Copies>, Error> {
    let answer = connection
        .ask("SELECT keyspace_name, replication FROM system_schema.keyspaces")
        .await?;
    let read = |row: &Row| {
        let copies = Copies::parse(row.texts("replication"));
        Some((row.text("keyspace_name")?, copies))
    };
    let all = answer.rows.iter().filter_map(read);
    Ok(all
        .filter(|(_, copies)| copies.strategy != "LocalStrategy")
        .collect())
}

/// Why the node does not reach every other; nothing if it does, or if no table is spread over all of them.
pub(crate) async fn unreached(
    connection: &mut Connection,
    view: &View,
    keyspaces: &BTreeMap<String, Copies>,
    within: Duration,
) -> Result<Option<String>, Error> {
    let nodes = u32::try_from(view.present().count()).unwrap_or(u32::MAX);
    let is_spread = |keyspace: &str| {
        let copies = keyspaces.get(keyspace)?;
        // More copies than nodes can never all be read.
        let total = copies
            .factors
            .values()
            .fold(0_u32, |sum, factor| sum.saturating_add(*factor));
        (1..=nodes).contains(&total).then_some(())
    };
    let Some((keyspace, column, table)) = SPREAD
        .into_iter()
        .find(|(keyspace, ..)| is_spread(keyspace).is_some())
    else {
        return Ok(None);
    };
    let query = format!("SELECT {column} FROM {keyspace}.{table} LIMIT 1");
    let reading = connection.query(&query, Consistency::All);
    match tokio::time::timeout(within, reading).await {
        Ok(Ok(_)) => Ok(None),
        Ok(Err(Error::Refused {
            code: Code::UNAVAILABLE,
            ..
        })) => Ok(Some("takes another for dead".to_owned())),
        Ok(Err(Error::Refused { message, .. })) => {
            Ok(Some(format!("cannot read from all: {message}")))
        }
        Ok(Err(error)) => Err(error),
        Err(_) => Ok(Some(format!(
            "got no answer from another within {}",
            shown(within)
        ))),
    }
}

/// Where a member takes clients: the port of that name, or one that is called so, or its only one.
pub(crate) fn cql_port(member: &Member, named: Option<&Name>) -> Result<u16, String> {
    const NAMES: [&str; 3] = ["cql", "native", "client"];
    if let Some(name) = named {
        let port = member.ports.get(name).copied();
        return port.ok_or_else(|| format!("has no port named {name}"));
    }
    let known = NAMES.iter().find_map(|name| member.ports.get(*name));
    let only = member
        .ports
        .values()
        .next()
        .filter(|_| member.ports.len() == 1);
    let port = known.or(only).copied();
    port.ok_or_else(|| "has no port named cql".to_owned())
}

/// Opens a session with a member.
pub(crate) async fn open(
    reach: &dyn Reach,
    member: &Member,
    named: Option<&Name>,
    timeout: Duration,
) -> Result<Connection, String> {
    let port = cql_port(member, named)?;
    Connection::open(reach, &member.address, port, timeout)
        .await
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_as_gossip_writes_them() {
        for (text, expected) in [
            ("NORMAL,-9223372036854775808", Status::Normal),
            ("BOOT,12", Status::Joining),
            ("BOOT_REPLACE,127.0.0.3:7000", Status::Replacing),
            ("LEAVING,1", Status::Leaving),
            ("LEFT,1,1795662000000", Status::Left),
            ("shutdown,true", Status::ShutDown),
            ("removed,4aa19764,1795662000000", Status::Removed),
            ("", Status::Starting),
            ("dancing", Status::Unknown),
        ] {
            assert_eq!(Status::parse(text), expected, "{text}");
        }
        assert!(Status::Left.is_gone() && !Status::Leaving.is_gone());
        assert!(Status::Leaving.is_change() && !Status::ShutDown.is_change());
    }

    #[test]
    fn copies_by_data_center_and_anywhere() {
        let parse = |pairs: &[(&str, &str)]| {
            let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
            Copies::parse(pairs.iter().map(owned).collect())
        };
        let class = "org.apache.cassandra.locator.NetworkTopologyStrategy";
        let here = parse(&[("class", class), ("dc1", "3"), ("dc2", "3/1")]);
        assert_eq!(
            (here.there("dc1"), here.there("dc2"), here.there("dc3")),
            (3, 3, 0)
        );
        let simple = parse(&[("class", "SimpleStrategy"), ("replication_factor", "2")]);
        assert_eq!(simple.there("dc1"), 2);
    }
}
