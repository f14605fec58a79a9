//! A broker leaves: every replica it holds moves to another broker, and only then it may stop.

use std::time::Duration;

use tokio::time::Instant;

use super::assignment::{TooFew, leave};
use super::{Halt, Report};
use crate::kafka::{Client, Cluster, Move, Which, ids};
use crate::reach::shown;

/// For the whole leave.
const LIMIT: Duration = Duration::from_secs(30 * 60);

/// How many partitions move at once.
const MOVING_MAX: usize = 50;

/// Until all brokers know what the controller knows.
const KNOWN_WITHIN: Duration = Duration::from_secs(5);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(500);

pub(super) struct LeaveWork<'a> {
    client: Client<'a>,
    members: Vec<i32>,
    broker: i32,
    began: Instant,
    /// The most partitions the broker was seen to hold.
    held_max: usize,
    /// What was asked and when. Brokers learn of the start and end of a move a little after the controller.
    asked: Vec<(Instant, Move)>,
    /// Since when there seem to be too few brokers.
    too_few_since: Option<Instant>,
}

impl<'a> LeaveWork<'a> {
    pub(super) fn new(client: Client<'a>, members: Vec<i32>, broker: u32) -> Self {
        Self {
            client,
            members,
            broker: i32::try_from(broker).unwrap_or(i32::MAX),
            began: Instant::now(),
            held_max: 0,
            asked: Vec::new(),
            too_few_since: None,
        }
    }

    /// Looks, moves what is not yet moving, waits; until the broker holds nothing.
    pub(super) async fn attempt(&mut self, report: &mut Report<'_>) -> Result<String, Halt> {
        loop {
            let ongoing = self.client.reassignments().await?;
            let cluster = self.client.cluster(Which::All).await?;
            let held = held(&cluster, self.broker);
            self.held_max = self.held_max.max(held.len());
            let broker = self.broker;
            if held.is_empty() {
                let moved = self.held_max;
                return Ok(format!(
                    "broker {broker} holds no replica, {moved} partitions were moved"
                ));
            }
            if let Some(lost) = only_there(&cluster, broker) {
                return Err(Halt::Failed(format!(
                    "broker {broker} is not up and alone has the newest data of {lost}: start it first"
                )));
            }
            let moves = self.moves(&cluster, &ongoing)?;
            let moved = self.held_max - held.len();
            report.say(format!("{moved} of {} partitions moved", self.held_max));
            if self.began.elapsed() > LIMIT {
                let (all, limit) = (self.held_max, shown(LIMIT));
                return Err(Halt::Failed(format!(
                    "{moved} of {all} partitions moved off broker {broker} within {limit}; still there: {}",
                    few(&held)
                )));
            }
            let room = MOVING_MAX.saturating_sub(ongoing.len());
            let batch = moves.get(..room.min(moves.len())).unwrap_or_default();
            if !batch.is_empty() {
                self.client.reassign(batch).await?;
                let now = Instant::now();
                self.asked
                    .extend(batch.iter().map(|one| (now, one.clone())));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// The moves that are still to be asked for. Too few brokers are believed only after a while: a move that has
    /// just ended may still show its old replicas beside its new ones.
    fn moves(&mut self, cluster: &Cluster, ongoing: &[Move]) -> Result<Vec<Move>, Halt> {
        self.asked.retain(|(at, _)| at.elapsed() < KNOWN_WITHIN);
        let asked = self.asked.iter().map(|(_, one)| one);
        let under_way: Vec<Move> = asked.chain(ongoing).cloned().collect();
        let staying = self.staying(cluster);
        match leave(&cluster.topics, &under_way, self.broker, &staying) {
            Ok(moves) => {
                self.too_few_since = None;
                Ok(moves)
            }
            Err(too_few) => {
                let since = *self.too_few_since.get_or_insert_with(Instant::now);
                if since.elapsed() < KNOWN_WITHIN {
                    return Ok(Vec::new());
                }
                Err(Halt::Failed(cannot_leave(self.broker, &too_few, &staying)))
            }
        }
    }

    /// The live brokers that are members and not the one that leaves.
    fn staying(&self, cluster: &Cluster) -> Vec<i32> {
        let live = cluster.brokers.keys().copied();
        live.filter(|id| *id != self.broker)
            .filter(|id| self.members.is_empty() || self.members.contains(id))
            .collect()
    }
}

fn cannot_leave(broker: i32, too_few: &TooFew, staying: &[i32]) -> String {
    let TooFew {
        topic,
        replicas,
        brokers,
    } = too_few;
    format!(
        "broker {broker} cannot leave without loss: topic {topic} has {replicas} replicas, and without it there \
         are {brokers} brokers ({}); lower its replication or add brokers",
        ids(staying)
    )
}

/// The partitions that have a replica on the broker.
fn held(cluster: &Cluster, broker: i32) -> Vec<String> {
    let mut held = Vec::new();
    for topic in &cluster.topics {
        for partition in &topic.partitions {
            if partition.replicas.contains(&broker) {
                held.push(format!("{}-{}", topic.name, partition.index));
            }
        }
    }
    held
}

/// A partition whose every in-sync replica is on this broker, which is not up.
fn only_there(cluster: &Cluster, broker: i32) -> Option<String> {
    if cluster.brokers.contains_key(&broker) {
        return None;
    }
    let mut partitions = cluster.topics.iter().flat_map(|topic| {
        topic
            .partitions
            .iter()
            .map(move |partition| (topic, partition))
    });
    partitions
        .find(|(_, partition)| {
            partition.in_sync.iter().all(|&id| id == broker) && partition.replicas.contains(&broker)
        })
        .map(|(topic, partition)| format!("{}-{}", topic.name, partition.index))
}

fn few(names: &[String]) -> String {
    let mut text = names.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > 3 {
        text.push_str(", …");
    }
    text
}
