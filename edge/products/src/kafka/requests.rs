//! The requests we make and how their answers are read: versions that Kafka 2.4 to 4.x speak, all flexible.

use kafka_protocol::messages::{
    AlterPartitionReassignmentsRequest, ApiKey, CreatePartitionsRequest, CreateTopicsRequest,
    DescribeConfigsRequest, DescribeQuorumRequest, IncrementalAlterConfigsRequest,
    ListPartitionReassignmentsRequest, MetadataRequest,
};

use super::connection::Ask;
use super::reader::{Garbled, Reader};
use super::view::{Broker, Cluster, Config, Move, Partition, Topic};

/// How one part of a request went: its subject, Kafka's code and message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) subject: String,
    pub(super) code: i16,
    pub(super) message: Option<String>,
}

impl Ask for MetadataRequest {
    const KEY: ApiKey = ApiKey::Metadata;
    const NAME: &str = "Metadata";
    const VERSIONS: (i16, i16) = (9, 13);
    type Answer = Cluster;

    fn read(answer: &mut Reader<'_>, version: i16) -> Result<Cluster, Garbled> {
        answer.i32()?; // throttle time
        let brokers = answer.list(|item| {
            let id = item.i32()?;
            let host = item.text()?;
            let port = item.i32()?;
            item.text_or_null()?; // rack
            item.skip_tags()?;
            let port = u16::try_from(port).map_err(|_| Garbled(format!("port {port}")))?;
            Ok((id, Broker { host, port }))
        })?;
        answer.text_or_null()?; // cluster id
        let controller = answer.i32()?;
        let topics = answer.list(|item| topic(item, version))?;
        if version <= 10 {
            answer.i32()?; // operations the caller may do
        }
        Ok(Cluster {
            brokers: brokers.into_iter().collect(),
            controller,
            topics,
        })
    }
}

fn topic(item: &mut Reader<'_>, version: i16) -> Result<Topic, Garbled> {
    let error = item.i16()?;
    let name = item.text_or_null()?.unwrap_or_default();
    if version >= 10 {
        item.take(16)?; // topic id
    }
    let internal = item.flag()?;
    let partitions = item.list(partition)?;
    item.i32()?; // operations the caller may do
    item.skip_tags()?;
    Ok(Topic {
        name,
        error,
        internal,
        partitions,
    })
}

fn partition(item: &mut Reader<'_>) -> Result<Partition, Garbled> {
    item.i16()?; // its error says no more than a missing leader does
    let index = item.i32()?;
    let leader = item.i32()?;
    item.i32()?; // leader epoch
    let replicas = item.list(Reader::i32)?;
    let in_sync = item.list(Reader::i32)?;
    item.list(Reader::i32)?; // offline replicas
    item.skip_tags()?;
    Ok(Partition {
        index,
        leader: (leader >= 0).then_some(leader),
        replicas,
        in_sync,
    })
}

impl Ask for DescribeConfigsRequest {
    const KEY: ApiKey = ApiKey::DescribeConfigs;
    const NAME: &str = "DescribeConfigs";
    const VERSIONS: (i16, i16) = (4, 4);
    type Answer = Vec<(Verdict, Vec<Config>)>;

    fn read(answer: &mut Reader<'_>, _version: i16) -> Result<Self::Answer, Garbled> {
        answer.i32()?;
        answer.list(|item| {
            let code = item.i16()?;
            let message = item.text_or_null()?;
            item.i8()?; // resource type
            let subject = item.text()?;
            let configs = item.list(config)?;
            item.skip_tags()?;
            let verdict = Verdict {
                subject,
                code,
                message,
            };
            Ok((verdict, configs))
        })
    }
}

fn config(item: &mut Reader<'_>) -> Result<Config, Garbled> {
    let key = item.text()?;
    let value = item.text_or_null()?;
    item.flag()?; // read only
    let source = item.i8()?;
    item.flag()?; // sensitive
    item.list(|synonym| {
        synonym.text()?;
        synonym.text_or_null()?;
        synonym.i8()?;
        synonym.skip_tags()
    })?;
    item.i8()?; // type
    item.text_or_null()?; // documentation
    item.skip_tags()?;
    Ok(Config {
        key,
        value,
        of_topic: source == 1, // DYNAMIC_TOPIC_CONFIG
    })
}

impl Ask for CreateTopicsRequest {
    const KEY: ApiKey = ApiKey::CreateTopics;
    const NAME: &str = "CreateTopics";
    const VERSIONS: (i16, i16) = (5, 7);
    type Answer = Vec<Verdict>;

    fn read(answer: &mut Reader<'_>, version: i16) -> Result<Vec<Verdict>, Garbled> {
        answer.i32()?;
        answer.list(|item| {
            let subject = item.text()?;
            if version >= 7 {
                item.take(16)?; // topic id
            }
            let code = item.i16()?;
            let message = item.text_or_null()?;
            item.i32()?; // partitions
            item.i16()?; // replication factor
            item.list(|config| {
                config.text()?;
                config.text_or_null()?;
                config.take(3)?; // read only, source, sensitive
                config.skip_tags()
            })?;
            item.skip_tags()?;
            Ok(Verdict {
                subject,
                code,
                message,
            })
        })
    }
}

impl Ask for CreatePartitionsRequest {
    const KEY: ApiKey = ApiKey::CreatePartitions;
    const NAME: &str = "CreatePartitions";
    const VERSIONS: (i16, i16) = (2, 3);
    type Answer = Vec<Verdict>;

    fn read(answer: &mut Reader<'_>, _version: i16) -> Result<Vec<Verdict>, Garbled> {
        answer.i32()?;
        answer.list(|item| {
            let subject = item.text()?;
            let code = item.i16()?;
            let message = item.text_or_null()?;
            item.skip_tags()?;
            Ok(Verdict {
                subject,
                code,
                message,
            })
        })
    }
}

impl Ask for IncrementalAlterConfigsRequest {
    const KEY: ApiKey = ApiKey::IncrementalAlterConfigs;
    const NAME: &str = "IncrementalAlterConfigs";
    const VERSIONS: (i16, i16) = (1, 1);
    type Answer = Vec<Verdict>;

    fn read(answer: &mut Reader<'_>, _version: i16) -> Result<Vec<Verdict>, Garbled> {
        answer.i32()?;
        answer.list(|item| {
            let code = item.i16()?;
            let message = item.text_or_null()?;
            item.i8()?; // resource type
            let subject = item.text()?;
            item.skip_tags()?;
            Ok(Verdict {
                subject,
                code,
                message,
            })
        })
    }
}

impl Ask for AlterPartitionReassignmentsRequest {
    const KEY: ApiKey = ApiKey::AlterPartitionReassignments;
    const NAME: &str = "AlterPartitionReassignments";
    const VERSIONS: (i16, i16) = (0, 1);
    type Answer = Vec<Verdict>;

    /// The first verdict is on the whole, the others are on single partitions.
    fn read(answer: &mut Reader<'_>, version: i16) -> Result<Vec<Verdict>, Garbled> {
        answer.i32()?;
        if version >= 1 {
            answer.flag()?; // whether replication factors may change
        }
        let whole = Verdict {
            subject: String::new(),
            code: answer.i16()?,
            message: answer.text_or_null()?,
        };
        let topics = answer.list(|item| {
            let topic = item.text()?;
            let verdicts = item.list(|part| {
                let index = part.i32()?;
                let code = part.i16()?;
                let message = part.text_or_null()?;
                part.skip_tags()?;
                Ok(Verdict {
                    subject: format!("{topic}-{index}"),
                    code,
                    message,
                })
            })?;
            item.skip_tags()?;
            Ok(verdicts)
        })?;
        Ok(std::iter::once(whole)
            .chain(topics.into_iter().flatten())
            .collect())
    }
}

impl Ask for ListPartitionReassignmentsRequest {
    const KEY: ApiKey = ApiKey::ListPartitionReassignments;
    const NAME: &str = "ListPartitionReassignments";
    const VERSIONS: (i16, i16) = (0, 0);
    type Answer = (Verdict, Vec<Move>);

    /// Of every ongoing move the replicas it leads to.
    fn read(answer: &mut Reader<'_>, _version: i16) -> Result<Self::Answer, Garbled> {
        answer.i32()?;
        let whole = Verdict {
            subject: String::new(),
            code: answer.i16()?,
            message: answer.text_or_null()?,
        };
        let topics = answer.list(|item| {
            let topic = item.text()?;
            let moves = item.list(|part| {
                let partition = part.i32()?;
                let mut replicas = part.list(Reader::i32)?;
                part.list(Reader::i32)?; // being added
                let removed = part.list(Reader::i32)?;
                part.skip_tags()?;
                replicas.retain(|replica| !removed.contains(replica));
                Ok(Move {
                    topic: topic.clone(),
                    partition,
                    replicas,
                })
            })?;
            item.skip_tags()?;
            Ok(moves)
        })?;
        Ok((whole, topics.into_iter().flatten().collect()))
    }
}

impl Ask for DescribeQuorumRequest {
    const KEY: ApiKey = ApiKey::DescribeQuorum;
    const NAME: &str = "DescribeQuorum";
    const VERSIONS: (i16, i16) = (0, 2);
    /// Kafka's code and the leader of the only partition there is.
    type Answer = (i16, i32);

    fn read(answer: &mut Reader<'_>, version: i16) -> Result<(i16, i32), Garbled> {
        let code = answer.i16()?;
        if version >= 2 {
            answer.text_or_null()?;
        }
        if code != 0 {
            return Ok((code, -1));
        }
        // The list of voters that follows is of no interest; so only the first partition is read.
        for what in ["topics", "partitions"] {
            if answer.length()?.unwrap_or(0) == 0 {
                return Err(Garbled(format!("no {what}")));
            }
            if what == "topics" {
                answer.text()?;
            }
        }
        answer.i32()?; // index
        let code = answer.i16()?;
        if version >= 2 {
            answer.text_or_null()?;
        }
        Ok((code, answer.i32()?))
    }
}
