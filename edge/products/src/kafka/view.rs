//! What a broker says of its cluster.

use std::collections::BTreeMap;
use std::fmt;

/// The cluster as one broker sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cluster {
    /// The live ones, by id.
    pub brokers: BTreeMap<i32, Broker>,
    /// -1 if there is none. With KRaft some live broker that passes requests on.
    pub controller: i32,
    /// Those that were asked for.
    pub topics: Vec<Topic>,
}

/// Where a broker says that it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broker {
    pub host: String,
    pub port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    pub name: String,
    /// Kafka's code; 0 is none.
    pub error: i16,
    pub internal: bool,
    pub partitions: Vec<Partition>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    pub index: i32,
    pub leader: Option<i32>,
    /// The first is the preferred leader.
    pub replicas: Vec<i32>,
    pub in_sync: Vec<i32>,
}

/// One setting of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    pub key: String,
    pub value: Option<String>,
    /// Set on the topic itself; else it comes from the broker or is Kafka's default.
    pub of_topic: bool,
}

/// The replicas that a partition shall have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    pub topic: String,
    pub partition: i32,
    pub replicas: Vec<i32>,
}

impl Partition {
    /// Led, and every replica in sync.
    pub fn is_whole(&self) -> bool {
        self.leader.is_some()
            && self
                .replicas
                .iter()
                .all(|replica| self.in_sync.contains(replica))
    }
}

impl fmt::Display for Partition {
    /// What is wrong with it: `in sync 1,2 of 1,2,3`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.leader.is_none() {
            f.write_str("no leader, ")?;
        }
        write!(
            f,
            "in sync {} of {}",
            ids(&self.in_sync),
            ids(&self.replicas)
        )
    }
}

/// `1,2,3`, or `none`.
pub(crate) fn ids(ids: &[i32]) -> String {
    if ids.is_empty() {
        return "none".to_owned();
    }
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    ids.join(",")
}
