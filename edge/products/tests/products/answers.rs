//! A small cluster's answers, encoded by another implementation than the one under test.

use std::cell::RefCell;
use std::rc::Rc;

use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::create_topics_response::CreatableTopicResult;
use kafka_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult,
};
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{
    AlterPartitionReassignmentsResponse, ApiKey, ApiVersionsResponse, BrokerId,
    CreateTopicsResponse, DescribeConfigsResponse, ListPartitionReassignmentsResponse,
    MetadataResponse, TopicName,
};
use kafka_protocol::protocol::{Encodable, StrBytes};

use crate::fake::{Reply, Script};

/// A partition: its replicas, the first of which leads if it is in sync, and those in sync.
pub(crate) type Partition = (Vec<i32>, Vec<i32>);

#[derive(Debug, Clone, Default)]
pub(crate) struct Cluster {
    pub(crate) brokers: Vec<i32>,
    pub(crate) controller: i32,
    pub(crate) topics: Vec<(String, Vec<Partition>)>,
    pub(crate) min_in_sync: u32,
    /// The highest version of Metadata.
    pub(crate) metadata: i16,
}

pub(crate) fn healthy() -> Cluster {
    Cluster {
        brokers: vec![1, 2, 3],
        controller: 2,
        topics: vec![("events".to_owned(), vec![(vec![1, 2, 3], vec![1, 2, 3]); 3])],
        min_in_sync: 2,
        metadata: 12,
    }
}

/// Answers as a broker of the cluster; a topic that is created appears in it, moves are done at once.
pub(crate) fn script(cluster: &Rc<RefCell<Cluster>>) -> Script {
    let cluster = Rc::clone(cluster);
    Rc::new(move |key, version, _request| {
        let mut cluster = cluster.borrow_mut();
        let Ok(key) = ApiKey::try_from(key) else {
            return Reply::Silence;
        };
        if key == ApiKey::ApiVersions {
            body(false, &versions(cluster.metadata), 0)
        } else if key == ApiKey::Metadata {
            body(true, &metadata(&cluster), version)
        } else if key == ApiKey::DescribeConfigs {
            body(true, &configs(&cluster), version)
        } else if key == ApiKey::CreateTopics {
            let whole = (vec![1, 2, 3], vec![1, 2, 3]);
            cluster.topics.push(("fresh".to_owned(), vec![whole; 2]));
            let topic = CreatableTopicResult::default().with_name(topic_name("fresh"));
            body(
                true,
                &CreateTopicsResponse::default().with_topics(vec![topic]),
                version,
            )
        } else if key == ApiKey::AlterPartitionReassignments {
            let moved = |id: i32| if id == 3 { 4 } else { id };
            for (replicas, in_sync) in cluster.topics.iter_mut().flat_map(|(_, all)| all) {
                *replicas = replicas.iter().copied().map(moved).collect();
                *in_sync = in_sync.iter().copied().map(moved).collect();
            }
            body(
                true,
                &AlterPartitionReassignmentsResponse::default(),
                version,
            )
        } else {
            body(
                true,
                &ListPartitionReassignmentsResponse::default(),
                version,
            )
        }
    })
}

fn body(tags: bool, answer: &impl Encodable, version: i16) -> Reply {
    let mut bytes = Vec::new();
    answer.encode(&mut bytes, version).unwrap();
    Reply::Body(tags, bytes)
}

pub(crate) fn versions(metadata: i16) -> ApiVersionsResponse {
    let known = [
        (ApiKey::ApiVersions, 0, 4),
        (ApiKey::Metadata, 0, metadata),
        (ApiKey::DescribeConfigs, 1, 4),
        (ApiKey::CreateTopics, 2, 7),
        (ApiKey::AlterPartitionReassignments, 0, 1),
        (ApiKey::ListPartitionReassignments, 0, 0),
    ];
    let known = known.map(|(key, min, max)| {
        ApiVersion::default()
            .with_api_key(key as i16)
            .with_min_version(min)
            .with_max_version(max)
    });
    ApiVersionsResponse::default().with_api_keys(known.to_vec())
}

pub(crate) fn metadata(cluster: &Cluster) -> MetadataResponse {
    let broker = |&id: &i32| {
        MetadataResponseBroker::default()
            .with_node_id(BrokerId(id))
            .with_host(StrBytes::from_static_str("127.33.9.1"))
            .with_port(9092)
    };
    let topic = |(name, partitions): &(String, Vec<Partition>)| {
        let partition = |(index, (replicas, in_sync)): (usize, &Partition)| {
            let ids = |ids: &[i32]| ids.iter().map(|&id| BrokerId(id)).collect();
            MetadataResponsePartition::default()
                .with_partition_index(i32::try_from(index).unwrap())
                .with_leader_id(BrokerId(in_sync.first().copied().unwrap_or(-1)))
                .with_replica_nodes(ids(replicas))
                .with_isr_nodes(ids(in_sync))
        };
        MetadataResponseTopic::default()
            .with_name(Some(topic_name(name)))
            .with_partitions(partitions.iter().enumerate().map(partition).collect())
    };
    MetadataResponse::default()
        .with_brokers(cluster.brokers.iter().map(broker).collect())
        .with_controller_id(BrokerId(cluster.controller))
        .with_topics(cluster.topics.iter().map(topic).collect())
}

fn configs(cluster: &Cluster) -> DescribeConfigsResponse {
    let result = |(name, _): &(String, Vec<Partition>)| {
        let config = DescribeConfigsResourceResult::default()
            .with_name(StrBytes::from_static_str("min.insync.replicas"))
            .with_value(Some(StrBytes::from_string(cluster.min_in_sync.to_string())))
            .with_config_source(4);
        DescribeConfigsResult::default()
            .with_resource_type(2)
            .with_resource_name(StrBytes::from_string(name.clone()))
            .with_configs(vec![config])
    };
    DescribeConfigsResponse::default().with_results(cluster.topics.iter().map(result).collect())
}

fn topic_name(name: &str) -> TopicName {
    TopicName(StrBytes::from_string(name.to_owned()))
}
