//! A Kafka cluster: every broker lists all and a controller, every partition is led and in sync; a broker may go
//! while every in-sync set stays large enough without it. Each broker's own view counts, and the worst one wins.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::join_all;
use smack_model::{About, Answer, Member, Name, TaskName};

use crate::kafka::{Client, Cluster, Connection, Error, Listener, Partition, Topic, Which, ids};
use crate::reach::{Reach, shown};

/// How many partitions an answer names.
const NAMED_MAX: usize = 3;

/// The config that says how many in-sync replicas a write needs.
const MIN_IN_SYNC: &str = "min.insync.replicas";

/// A broker that can be asked.
pub(super) struct Asked {
    task: TaskName,
    id: i32,
    /// The error says why it cannot be asked.
    listener: Result<Listener, String>,
}

/// A broker and the cluster as it sees it.
type Seen<'a> = (&'a Asked, Result<Cluster, String>);

pub(super) fn brokers(
    brokers: &BTreeMap<TaskName, u32>,
    port: &Name,
    members: &[Member],
) -> Vec<Asked> {
    let asked = |(task, &id): (&TaskName, &u32)| {
        let id = i32::try_from(id).unwrap_or(i32::MAX);
        let listener = match members.iter().find(|member| member.task == *task) {
            None => Err("has no address yet".to_owned()),
            Some(member) => member
                .ports
                .get(port)
                .map(|&port| Listener {
                    broker: Some(id),
                    address: member.address.clone(),
                    port,
                })
                .ok_or_else(|| format!("has no port named {port}")),
        };
        let task = task.clone();
        Asked { task, id, listener }
    };
    brokers.iter().map(asked).collect()
}

pub(super) async fn answer(
    reach: &dyn Reach,
    about: &About,
    brokers: Vec<Asked>,
    timeout: Duration,
) -> Answer {
    // Less than the whole time, so that one silent broker is named instead of drowning the answer.
    let each = timeout.mul_f32(0.4);
    match about {
        About::Health => {
            let seen = join_all(brokers.iter().map(|asked| see(reach, asked, each))).await;
            health(&seen)
        }
        About::Without(task) => {
            let Some(going) = brokers.iter().find(|asked| asked.task == *task) else {
                return Answer::Yes; // no broker: no replica is there
            };
            let others = brokers.iter().filter(|asked| asked.task != *task);
            let seen = join_all(others.map(|asked| see(reach, asked, each))).await;
            without(reach, going, &seen, each).await
        }
    }
}

async fn see<'a>(reach: &dyn Reach, asked: &'a Asked, timeout: Duration) -> Seen<'a> {
    let seeing = async {
        let Listener { address, port, .. } = asked.listener.as_ref().map_err(Clone::clone)?;
        let mut connection = Connection::open(reach, address, *port, timeout)
            .await
            .map_err(|error| error.to_string())?;
        let cluster = connection.cluster(Which::All).await;
        cluster.map_err(|error| error.to_string())
    };
    let seen = tokio::time::timeout(timeout, seeing).await;
    let silent = |_| Err(format!("no answer within {}", shown(timeout)));
    (asked, seen.unwrap_or_else(silent))
}

fn health(seen: &[Seen<'_>]) -> Answer {
    let all: Vec<i32> = seen.iter().map(|(asked, _)| asked.id).collect();
    if seen.iter().all(|(_, view)| view.is_err()) {
        return Answer::Unknown(unseen(seen));
    }
    for (asked, view) in seen {
        let task = &asked.task;
        let cluster = match view {
            Ok(cluster) => cluster,
            Err(reason) => return Answer::No(format!("{task}: {reason}")),
        };
        let missing: Vec<i32> = all
            .iter()
            .copied()
            .filter(|id| !cluster.brokers.contains_key(id))
            .collect();
        if !missing.is_empty() {
            return Answer::No(format!("{task} does not list broker {}", ids(&missing)));
        }
        if cluster.controller < 0 {
            return Answer::No(format!("{task} knows of no controller"));
        }
        if let Some(wrong) = not_whole(cluster) {
            return Answer::No(wrong);
        }
    }
    Answer::Yes
}

/// The partitions that have no leader or replicas out of sync, and topics in error.
fn not_whole(cluster: &Cluster) -> Option<String> {
    if let Some(topic) = cluster.topics.iter().find(|topic| topic.error != 0) {
        let error = crate::kafka::error_name(topic.error);
        return Some(format!("topic {}: {error}", topic.name));
    }
    let partitions = || all_partitions(cluster);
    let wrong: Vec<String> = partitions()
        .filter(|(_, partition)| !partition.is_whole())
        .map(|(topic, partition)| format!("{}-{} ({partition})", topic.name, partition.index))
        .collect();
    let all = partitions().count();
    (!wrong.is_empty()).then(|| {
        format!(
            "{} of {all} partitions are not whole: {}",
            wrong.len(),
            few(&wrong)
        )
    })
}

async fn without(reach: &dyn Reach, going: &Asked, seen: &[Seen<'_>], timeout: Duration) -> Answer {
    if seen.is_empty() {
        return Answer::Yes; // the only broker: no patience keeps its partitions up
    }
    let views: Vec<&Cluster> = seen
        .iter()
        .filter_map(|(_, view)| view.as_ref().ok())
        .collect();
    if views.is_empty() {
        return Answer::Unknown(unseen(seen));
    }
    let needed = match in_sync_needed(reach, going.id, seen, &views, timeout).await {
        Ok(needed) => needed,
        Err(error) => return Answer::Unknown(error.to_string()),
    };
    let silent = seen.iter().filter(|(_, view)| view.is_err());
    let away: Vec<i32> = silent
        .map(|(asked, _)| asked.id)
        .chain([going.id])
        .collect();
    match views
        .iter()
        .find_map(|view| harmed(going.id, &away, view, &needed))
    {
        Some(harm) => Answer::No(format!("without {} {harm}", going.task)),
        None => Answer::Yes,
    }
}

/// `min.insync.replicas` of every topic that has a replica on the broker, asked of a broker that stays.
async fn in_sync_needed(
    reach: &dyn Reach,
    going: i32,
    seen: &[Seen<'_>],
    views: &[&Cluster],
    timeout: Duration,
) -> Result<BTreeMap<String, usize>, Error> {
    let topics: BTreeSet<&str> = views
        .iter()
        .flat_map(|view| all_partitions(view))
        .filter(|(_, partition)| {
            partition.replicas.len() > 1 && partition.replicas.contains(&going)
        })
        .map(|(topic, _)| topic.name.as_str())
        .collect();
    let topics: Vec<&str> = topics.into_iter().collect();
    let answering = seen.iter().filter(|(_, view)| view.is_ok());
    let listeners = answering
        .filter_map(|(asked, _)| asked.listener.clone().ok())
        .collect();
    let mut client = Client::new(reach, listeners, timeout);
    let configs = client.configs(&topics, Some(&[MIN_IN_SYNC])).await?;
    let needed = |(topic, configs): (String, Vec<crate::kafka::Config>)| {
        let found = configs.into_iter().find(|config| config.key == MIN_IN_SYNC);
        let number = found.and_then(|config| config.value?.parse::<usize>().ok());
        (topic, number.unwrap_or(1).max(1))
    };
    Ok(configs.into_iter().map(needed).collect())
}

/// What would be wrong without the broker, as one view shows it. Those away count for nothing: the broker itself,
/// and others that do not answer but may still stand in an in-sync set.
fn harmed(
    going: i32,
    away: &[i32],
    cluster: &Cluster,
    needed: &BTreeMap<String, usize>,
) -> Option<String> {
    let mut wrong = Vec::new();
    let mut all = 0;
    for (topic, partition) in all_partitions(cluster) {
        all += 1;
        // A partition with one replica is away with its broker, whenever that happens: nothing to wait for.
        let Partition {
            replicas, in_sync, ..
        } = partition;
        if replicas.len() < 2 || !replicas.contains(&going) {
            continue;
        }
        // A replica that catches up counts too: without it an in-sync set that is too small never grows.
        let matters = in_sync.contains(&going) || cluster.brokers.contains_key(&going);
        let stays = |id: &&i32| !away.contains(id) && cluster.brokers.contains_key(id);
        let staying = in_sync.iter().filter(stays).count();
        let needed = needed.get(&topic.name).copied().unwrap_or(1);
        if matters && staying < needed {
            let harm = harm(partition, staying, needed);
            wrong.push(format!("{}-{} {harm}", topic.name, partition.index));
        }
    }
    let count = wrong.len();
    (!wrong.is_empty())
        .then(|| format!("{count} of {all} partitions would suffer: {}", few(&wrong)))
}

fn harm(partition: &Partition, staying: usize, needed: usize) -> String {
    let replicas = partition.replicas.len();
    if needed >= replicas {
        return format!(
            "needs {needed} in-sync replicas and has {replicas} replicas at all: lower {MIN_IN_SYNC}"
        );
    }
    format!("would have {staying} in-sync replicas, {needed} are needed ({partition})")
}

fn all_partitions(cluster: &Cluster) -> impl Iterator<Item = (&Topic, &Partition)> {
    let topics = cluster.topics.iter();
    topics.flat_map(|topic| {
        topic
            .partitions
            .iter()
            .map(move |partition| (topic, partition))
    })
}

fn few(all: &[String]) -> String {
    let mut text = all
        .iter()
        .take(NAMED_MAX)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    if all.len() > NAMED_MAX {
        text.push_str(", …");
    }
    text
}

fn unseen(seen: &[Seen<'_>]) -> String {
    let reason = |(asked, view): &Seen<'_>| {
        view.as_ref()
            .err()
            .map(|reason| format!("{}: {reason}", asked.task))
    };
    let reasons: Vec<String> = seen.iter().filter_map(reason).collect();
    if reasons.is_empty() {
        return "there are no brokers to ask".to_owned();
    }
    reasons.join("; ")
}
