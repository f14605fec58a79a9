//! A small Kafka client for questions and administration; it neither produces nor consumes.
//!
//! Requests that only the controller serves go to the controller; with KRaft any broker passes them on.

mod connection;
mod error;
#[cfg(feature = "fuzz")]
pub(crate) mod fuzz;
mod reader;
mod requests;
mod view;

use std::collections::BTreeMap;
use std::time::Duration;

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::alter_partition_reassignments_request::{
    ReassignablePartition, ReassignableTopic,
};
use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_quorum_request::{PartitionData, TopicData};
use kafka_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{
    AlterPartitionReassignmentsRequest, BrokerId, CreatePartitionsRequest, CreateTopicsRequest,
    DescribeConfigsRequest, DescribeQuorumRequest, IncrementalAlterConfigsRequest,
    ListPartitionReassignmentsRequest, MetadataRequest, TopicName,
};
use kafka_protocol::protocol::StrBytes;

pub(crate) use connection::Connection;
pub use error::Error;
pub(crate) use error::name as error_name;
pub(crate) use view::ids;
pub use view::{Broker, Cluster, Config, Move, Partition, Topic};

use crate::reach::Reach;
use connection::Ask;
use requests::Verdict;

/// The resource type of a topic in requests about configs.
const TOPIC: i8 = 2;

/// A broker's listener, with its id where it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    pub broker: Option<i32>,
    pub address: String,
    pub port: u16,
}

/// Which topics a broker shall tell of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which<'a> {
    None,
    All,
    Named(&'a [&'a str]),
}

/// A client of one cluster. It connects when asked something and again after an error.
pub struct Client<'a> {
    reach: &'a dyn Reach,
    listeners: Vec<Listener>,
    timeout: Duration,
    any: Option<Connection>,
    controller: Option<Connection>,
}

impl<'a> Client<'a> {
    /// Of the cluster behind these listeners, asked in this order; `timeout` holds for each single exchange.
    pub fn new(reach: &'a dyn Reach, listeners: Vec<Listener>, timeout: Duration) -> Self {
        Self {
            reach,
            listeners,
            timeout,
            any: None,
            controller: None,
        }
    }

    /// The cluster as the first broker that answers sees it.
    pub async fn cluster(&mut self, which: Which<'_>) -> Result<Cluster, Error> {
        self.ask(&metadata(which)).await
    }

    /// One topic; `None` if there is none of that name.
    pub async fn topic(&mut self, topic: &str) -> Result<(Cluster, Option<Topic>), Error> {
        let mut cluster = self.cluster(Which::Named(&[topic])).await?;
        let found = std::mem::take(&mut cluster.topics)
            .into_iter()
            .find(|found| found.name == topic);
        let unknown = ResponseError::UnknownTopicOrPartition.code();
        match found {
            Some(found) if found.error == unknown => Ok((cluster, None)),
            Some(found) => {
                judge(format!("look at topic {topic}"), found.error, None)?;
                Ok((cluster, Some(found)))
            }
            None => Ok((cluster, None)),
        }
    }

    /// The configs in force of each topic; all keys, or only those named.
    pub async fn configs(
        &mut self,
        topics: &[&str],
        keys: Option<&[&str]>,
    ) -> Result<BTreeMap<String, Vec<Config>>, Error> {
        if topics.is_empty() {
            return Ok(BTreeMap::new());
        }
        let resource = |topic: &&str| {
            DescribeConfigsResource::default()
                .with_resource_type(TOPIC)
                .with_resource_name(text(topic))
                .with_configuration_keys(
                    keys.map(|keys| keys.iter().map(|key| text(key)).collect()),
                )
        };
        let request =
            DescribeConfigsRequest::default().with_resources(topics.iter().map(resource).collect());
        let mut all = BTreeMap::new();
        for (verdict, configs) in self.ask(&request).await? {
            let doing = format!("read the configs of topic {}", verdict.subject);
            judge(doing, verdict.code, verdict.message)?;
            all.insert(verdict.subject, configs);
        }
        Ok(all)
    }

    pub async fn create_topic(
        &mut self,
        topic: &str,
        partitions: i32,
        replication: i16,
        config: &BTreeMap<String, String>,
    ) -> Result<(), Error> {
        let configs = config.iter().map(|(key, value)| {
            CreatableTopicConfig::default()
                .with_name(text(key))
                .with_value(Some(text(value)))
        });
        let creatable = CreatableTopic::default()
            .with_name(TopicName(text(topic)))
            .with_num_partitions(partitions)
            .with_replication_factor(replication)
            .with_configs(configs.collect());
        let request = CreateTopicsRequest::default()
            .with_topics(vec![creatable])
            .with_timeout_ms(self.timeout_ms());
        let verdicts = self.ask_controller(&request).await?;
        self.settle("create topic", verdicts)
    }

    /// Gives the topic more partitions, `count` in all.
    pub async fn create_partitions(&mut self, topic: &str, count: i32) -> Result<(), Error> {
        let wanted = CreatePartitionsTopic::default()
            .with_name(TopicName(text(topic)))
            .with_count(count)
            .with_assignments(None);
        let request = CreatePartitionsRequest::default()
            .with_topics(vec![wanted])
            .with_timeout_ms(self.timeout_ms());
        let verdicts = self.ask_controller(&request).await?;
        self.settle("add partitions to topic", verdicts)
    }

    /// Sets configs of a topic and leaves its others alone.
    pub async fn set_configs(&mut self, topic: &str, set: &[(&str, &str)]) -> Result<(), Error> {
        let configs = set.iter().map(|(key, value)| {
            AlterableConfig::default()
                .with_name(text(key))
                .with_config_operation(0) // SET
                .with_value(Some(text(value)))
        });
        let resource = AlterConfigsResource::default()
            .with_resource_type(TOPIC)
            .with_resource_name(text(topic))
            .with_configs(configs.collect());
        let request = IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
        let verdicts = self.ask_controller(&request).await?;
        self.settle("alter the configs of topic", verdicts)
    }

    /// Starts moves; they go on by themselves.
    pub async fn reassign(&mut self, moves: &[Move]) -> Result<(), Error> {
        let mut topics: BTreeMap<&str, Vec<ReassignablePartition>> = BTreeMap::new();
        for one in moves {
            let replicas = one.replicas.iter().map(|&id| BrokerId(id)).collect();
            let partition = ReassignablePartition::default()
                .with_partition_index(one.partition)
                .with_replicas(Some(replicas));
            topics.entry(&one.topic).or_default().push(partition);
        }
        let topics = topics.into_iter().map(|(topic, partitions)| {
            ReassignableTopic::default()
                .with_name(TopicName(text(topic)))
                .with_partitions(partitions)
        });
        let request = AlterPartitionReassignmentsRequest::default()
            .with_timeout_ms(self.timeout_ms())
            .with_topics(topics.collect());
        let verdicts = self.ask_controller(&request).await?;
        self.settle("reassign", verdicts)
    }

    /// The moves under way, of all topics.
    pub async fn reassignments(&mut self) -> Result<Vec<Move>, Error> {
        let request = ListPartitionReassignmentsRequest::default()
            .with_timeout_ms(self.timeout_ms())
            .with_topics(None);
        let (verdict, moves) = self.ask_controller(&request).await?;
        self.settle("list reassignments", vec![verdict])?;
        Ok(moves)
    }

    async fn ask<A: Ask>(&mut self, request: &A) -> Result<A::Answer, Error> {
        let mut connection = match self.any.take() {
            Some(connection) => connection,
            None => self.first_that_answers().await?,
        };
        let answer = connection.ask(request).await?;
        self.any = Some(connection);
        Ok(answer)
    }

    async fn first_that_answers(&self) -> Result<Connection, Error> {
        let mut last = Error::Nobody;
        for Listener { address, port, .. } in &self.listeners {
            match Connection::open(self.reach, address, *port, self.timeout).await {
                Ok(connection) => return Ok(connection),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn ask_controller<A: Ask>(&mut self, request: &A) -> Result<A::Answer, Error> {
        let mut connection = match self.controller.take() {
            Some(connection) => connection,
            None => self.open_controller().await?,
        };
        let answer = connection.ask(request).await?;
        self.controller = Some(connection);
        Ok(answer)
    }

    /// By the listener that we know for its id: what a broker advertises may not be reachable from here.
    async fn open_controller(&mut self) -> Result<Connection, Error> {
        let cluster = self.cluster(Which::None).await?;
        let id = cluster.controller;
        let ours = self
            .listeners
            .iter()
            .find(|listener| listener.broker == Some(id));
        let advertised = cluster.brokers.get(&id);
        let (address, port) = match (ours, advertised) {
            (Some(listener), _) => (listener.address.as_str(), listener.port),
            (None, Some(broker)) => (broker.host.as_str(), broker.port),
            (None, None) => {
                let code = ResponseError::BrokerNotAvailable.code();
                let message = Some("the cluster has no controller now".to_owned());
                judge("find the controller".to_owned(), code, message)?;
                return Err(Error::Nobody);
            }
        };
        Connection::open(self.reach, address, port, self.timeout).await
    }

    /// The first refusal, if there is one. Another controller is looked for then.
    fn settle(&mut self, doing: &str, verdicts: Vec<Verdict>) -> Result<(), Error> {
        for Verdict {
            subject,
            code,
            message,
        } in verdicts
        {
            let doing = format!("{doing} {subject}");
            if let Err(refused) = judge(doing.trim_end().to_owned(), code, message) {
                self.controller = None;
                return Err(refused);
            }
        }
        Ok(())
    }

    fn timeout_ms(&self) -> i32 {
        i32::try_from(self.timeout.as_millis()).unwrap_or(i32::MAX)
    }
}

impl Connection {
    /// The cluster as this very broker sees it.
    pub(crate) async fn cluster(&mut self, which: Which<'_>) -> Result<Cluster, Error> {
        self.ask(&metadata(which)).await
    }

    /// The active controller of a KRaft cluster. A controller that is not it refuses to answer.
    pub(crate) async fn quorum_leader(&mut self) -> Result<i32, Error> {
        let partition = PartitionData::default().with_partition_index(0);
        let topic = TopicData::default()
            .with_topic_name(TopicName(text("__cluster_metadata")))
            .with_partitions(vec![partition]);
        let request = DescribeQuorumRequest::default().with_topics(vec![topic]);
        let (code, leader) = self.ask(&request).await?;
        judge("describe the controller quorum".to_owned(), code, None)?;
        Ok(leader)
    }
}

fn metadata(which: Which<'_>) -> MetadataRequest {
    let topics = match which {
        Which::None => Some(Vec::new()),
        Which::All => None,
        Which::Named(names) => {
            let named = |name: &&str| {
                MetadataRequestTopic::default().with_name(Some(TopicName(text(name))))
            };
            Some(names.iter().map(named).collect())
        }
    };
    MetadataRequest::default()
        .with_topics(topics)
        .with_allow_auto_topic_creation(false)
}

fn judge(doing: String, code: i16, message: Option<String>) -> Result<(), Error> {
    if code == 0 {
        return Ok(());
    }
    Err(Error::Refused {
        doing,
        code,
        message,
    })
}

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}
