//! A declared topic: created, given more partitions or replicas, its configs set. What was declared holds for the
//! keys it names; others are told as drift and left alone. Partitions are never taken away, because Kafka cannot.

use std::collections::BTreeMap;
use std::time::Duration;

use kafka_protocol::error::ResponseError;
use tokio::time::Instant;

use super::assignment::replicate;
use super::{Halt, Report};
use crate::kafka::{Client, Cluster, Config, Error, Topic, Which, ids};
use crate::reach::shown;

/// Until new partitions are led and in sync everywhere.
const WHOLE_WITHIN: Duration = Duration::from_secs(2 * 60);

/// Until new replicas have copied what there is.
const COPIED_WITHIN: Duration = Duration::from_secs(30 * 60);

/// Until as many brokers are registered as the topic has replicas.
const REGISTERED_WITHIN: Duration = Duration::from_secs(15);

/// Between two looks at a topic that is not whole yet: at first and at last.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

/// What is declared, in Kafka's number types.
pub(super) struct Wish<'a> {
    topic: &'a str,
    partitions: i32,
    replication: i16,
    config: &'a BTreeMap<String, String>,
}

impl<'a> Wish<'a> {
    pub(super) fn new(
        topic: &'a str,
        partitions: u32,
        replication: u16,
        config: &'a BTreeMap<String, String>,
    ) -> Result<Self, String> {
        let in_range = |number: u32, what: &str| {
            i32::try_from(number)
                .ok()
                .filter(|number| *number > 0)
                .ok_or_else(|| format!("{number} {what} are not possible"))
        };
        let replication = in_range(replication.into(), "replicas")?;
        Ok(Self {
            topic,
            partitions: in_range(partitions, "partitions")?,
            replication: i16::try_from(replication)
                .map_err(|_| format!("{replication} replicas are not possible"))?,
            config,
        })
    }

    fn partition_count(&self) -> usize {
        usize::try_from(self.partitions).unwrap_or(usize::MAX)
    }

    fn replica_count(&self) -> usize {
        usize::try_from(self.replication).unwrap_or(usize::MAX)
    }
}

pub(super) struct TopicWork<'a> {
    client: Client<'a>,
    members: Vec<i32>,
    wish: Wish<'a>,
    /// What was changed, over all attempts.
    changed: Vec<String>,
    /// What is as it is and not as declared.
    left: Vec<String>,
    copies: bool,
    began: Instant,
}

impl<'a> TopicWork<'a> {
    pub(super) fn new(client: Client<'a>, members: Vec<i32>, wish: Wish<'a>) -> Self {
        Self {
            client,
            members,
            wish,
            changed: Vec::new(),
            left: Vec::new(),
            copies: false,
            began: Instant::now(),
        }
    }

    /// Does what is missing and waits until the topic is whole.
    pub(super) async fn attempt(&mut self, report: &mut Report<'_>) -> Result<String, Halt> {
        let (cluster, found) = self.client.topic(self.wish.topic).await?;
        match found {
            None => self.create(&cluster).await?,
            Some(topic) => {
                self.add_partitions(&topic, report).await?;
                self.change_replication(&topic, report).await?;
                self.set_configs().await?;
            }
        }
        self.wait_until_whole(report).await?;
        Ok(self.result())
    }

    async fn create(&mut self, cluster: &Cluster) -> Result<(), Halt> {
        let Wish {
            topic,
            partitions,
            replication,
            config,
        } = self.wish;
        let brokers: Vec<i32> = cluster.brokers.keys().copied().collect();
        if brokers.len() < self.wish.replica_count() && self.began.elapsed() > REGISTERED_WITHIN {
            return Err(Halt::Failed(cannot_replicate(&self.wish, &brokers)));
        }
        let creating = self
            .client
            .create_topic(topic, partitions, replication, config);
        match creating.await {
            Ok(()) => {}
            // Made a moment ago, perhaps by an attempt whose answer was lost.
            Err(error) if error.is(ResponseError::TopicAlreadyExists) => {}
            Err(error) => return Err(error.into()),
        }
        self.changed.push(format!(
            "created with {partitions} partitions, replication {replication}"
        ));
        Ok(())
    }

    async fn add_partitions(&mut self, topic: &Topic, report: &mut Report<'_>) -> Result<(), Halt> {
        let (there, wanted) = (topic.partitions.len(), self.wish.partition_count());
        if there > wanted {
            return Err(Halt::Failed(too_many(self.wish.topic, there, wanted)));
        }
        if there == wanted {
            return Ok(());
        }
        report.say(format!("{there} -> {wanted} partitions"));
        match self
            .client
            .create_partitions(self.wish.topic, self.wish.partitions)
            .await
        {
            Ok(()) => {}
            // The broker that we looked at did not know yet: look again.
            Err(error) if error.is(ResponseError::InvalidPartitions) => {
                return Err(Halt::Later(error.to_string()));
            }
            Err(error) => return Err(error.into()),
        }
        self.changed.push(format!("{there} -> {wanted} partitions"));
        Ok(())
    }

    async fn change_replication(
        &mut self,
        topic: &Topic,
        report: &mut Report<'_>,
    ) -> Result<(), Halt> {
        let wanted = self.wish.replica_count();
        if topic
            .partitions
            .iter()
            .all(|partition| partition.replicas.len() == wanted)
        {
            return Ok(());
        }
        self.copies = true;
        let ongoing = self.client.reassignments().await?;
        let cluster = self.client.cluster(Which::All).await?;
        let is_member = |id: &i32| self.members.is_empty() || self.members.contains(id);
        let brokers: Vec<i32> = cluster.brokers.keys().copied().filter(is_member).collect();
        let moves = replicate(&cluster.topics, &ongoing, self.wish.topic, wanted, &brokers)
            .map_err(|_| Halt::Failed(cannot_replicate(&self.wish, &brokers)))?;
        if moves.is_empty() {
            return Ok(()); // under way
        }
        report.say(format!("to replication {wanted}"));
        self.client.reassign(&moves).await?;
        self.changed.push(format!(
            "replication {wanted} for {} partitions",
            moves.len()
        ));
        Ok(())
    }

    async fn set_configs(&mut self) -> Result<(), Halt> {
        let topic = self.wish.topic;
        let mut configs = self.client.configs(&[topic], None).await?;
        let configs = configs.remove(topic).unwrap_or_default();
        self.left = undeclared(&configs, self.wish.config);
        let set: Vec<(&str, &str)> = self
            .wish
            .config
            .iter()
            .filter(|(key, value)| !is_set(&configs, key, value))
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect();
        if set.is_empty() {
            return Ok(());
        }
        self.client.set_configs(topic, &set).await?;
        let set: Vec<String> = set
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        self.changed.push(format!("set {}", set.join(", ")));
        Ok(())
    }

    async fn wait_until_whole(&mut self, report: &mut Report<'_>) -> Result<(), Halt> {
        let limit = if self.copies {
            COPIED_WITHIN
        } else {
            WHOLE_WITHIN
        };
        let began = Instant::now();
        let (mut pause, pause_max) = PAUSES;
        loop {
            let (_, found) = self.client.topic(self.wish.topic).await?;
            let Some(lack) = lack(&self.wish, found.as_ref()) else {
                return Ok(());
            };
            if began.elapsed() > limit {
                return Err(Halt::Failed(format!("{lack} (after {})", shown(limit))));
            }
            report.say(lack);
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(pause_max);
        }
    }

    fn result(&self) -> String {
        let Wish {
            partitions,
            replication,
            ..
        } = self.wish;
        let mut text = if self.changed.is_empty() {
            format!("as declared, {partitions} partitions, replication {replication}")
        } else {
            self.changed.join(", ")
        };
        if !self.left.is_empty() {
            text.push_str(&format!(
                "; drift: set but not declared: {}",
                self.left.join(", ")
            ));
        }
        text
    }
}

/// All in which the topic differs from what is declared; looks only.
pub(super) async fn compare(
    client: &mut Client<'_>,
    wish: &Wish<'_>,
) -> Result<Option<String>, Error> {
    let topic = wish.topic;
    let (_, found) = client.topic(topic).await?;
    let Some(found) = found else {
        return Ok(Some(format!("topic {topic} is declared but not there")));
    };
    let mut configs = client.configs(&[topic], None).await?;
    let configs = configs.remove(topic).unwrap_or_default();
    let mut differences = Vec::new();
    let (there, wanted) = (found.partitions.len(), wish.partition_count());
    if there != wanted {
        differences.push(format!("{there} partitions, {wanted} declared"));
    }
    let wanted = wish.replica_count();
    let other = found
        .partitions
        .iter()
        .find(|partition| partition.replicas.len() != wanted);
    if let Some(partition) = other {
        let there = partition.replicas.len();
        differences.push(format!("replication {there}, {wanted} declared"));
    }
    for (key, value) in wish.config {
        let config = configs.iter().find(|config| config.key == *key);
        let current = config.and_then(|config| config.value.as_deref());
        if !current.is_some_and(|current| same(current, value)) {
            let current = current.unwrap_or("not set");
            differences.push(format!("{key} is {current}, {value} declared"));
        }
    }
    let undeclared = undeclared(&configs, wish.config);
    if !undeclared.is_empty() {
        differences.push(format!("set but not declared: {}", undeclared.join(", ")));
    }
    Ok((!differences.is_empty()).then(|| differences.join("; ")))
}

/// What the topic still lacks to be whole as declared.
fn lack(wish: &Wish<'_>, found: Option<&Topic>) -> Option<String> {
    let (wanted, replicas) = (wish.partition_count(), wish.replica_count());
    let Some(topic) = found else {
        return Some("not known everywhere yet".to_owned());
    };
    let there = topic.partitions.len();
    if there < wanted {
        return Some(format!("{there} of {wanted} partitions are there"));
    }
    let is_lacking = |partition: &&crate::kafka::Partition| {
        !partition.is_whole() || partition.replicas.len() != replicas
    };
    let mut lacking = topic.partitions.iter().filter(is_lacking);
    let first = lacking.next()?;
    let count = 1 + lacking.count();
    let index = first.index;
    Some(format!(
        "{count} of {there} partitions are not whole yet: partition {index} ({first})"
    ))
}

fn too_many(topic: &str, there: usize, wanted: usize) -> String {
    format!(
        "drift: topic {topic} has {there} partitions, {wanted} declared; Kafka cannot take partitions away"
    )
}

fn cannot_replicate(wish: &Wish<'_>, brokers: &[i32]) -> String {
    let (count, ids) = (brokers.len(), ids(brokers));
    let replicas = wish.replication;
    format!("{replicas} replicas declared, but there are {count} brokers ({ids})")
}

/// What is set on the topic itself and not declared, as `key=value`.
fn undeclared(configs: &[Config], declared: &BTreeMap<String, String>) -> Vec<String> {
    let is_extra = |config: &&Config| config.of_topic && !declared.contains_key(&config.key);
    let shown = |config: &Config| {
        let value = config.value.as_deref().unwrap_or("(hidden)");
        format!("{}={value}", config.key)
    };
    configs.iter().filter(is_extra).map(shown).collect()
}

/// Whether the topic itself has the value: one that the broker happens to default to may change under it.
fn is_set(configs: &[Config], key: &str, value: &str) -> bool {
    configs.iter().any(|config| {
        let current = config.value.as_deref();
        config.key == key && config.of_topic && current.is_some_and(|current| same(current, value))
    })
}

/// Kafka writes values in its own way: `0.50` as `0.5`, `a, b` as `a,b`.
fn same(current: &str, declared: &str) -> bool {
    let plain =
        |text: &str| -> String { text.split(',').map(str::trim).collect::<Vec<_>>().join(",") };
    let (current, declared) = (plain(current), plain(declared));
    current.eq_ignore_ascii_case(&declared)
        || matches!((current.parse::<f64>(), declared.parse::<f64>()), (Ok(a), Ok(b)) if a == b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_compared_as_kafka_reads_them() {
        assert!(same("0.5", "0.50"));
        assert!(same("compact,delete", "compact, delete"));
        assert!(same("true", "True"));
        assert!(same("1073741824", "1073741824"));
        assert!(!same("1000", "1001"));
        assert!(!same("delete", "compact"));
    }

    #[test]
    fn impossible_wishes_are_refused() {
        let config = BTreeMap::new();
        assert!(Wish::new("a", 0, 1, &config).is_err());
        assert!(Wish::new("a", u32::MAX, 1, &config).is_err());
        assert!(Wish::new("a", 1, 0, &config).is_err());
        assert!(Wish::new("a", 1, u16::MAX, &config).is_err());
        assert!(Wish::new("a", 3, 3, &config).is_ok());
    }
}
