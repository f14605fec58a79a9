//! Which brokers hold which replicas after a change: computed from what there is, the least loaded first.

use std::collections::BTreeMap;

use crate::kafka::{Move, Topic};

/// Not enough brokers for the replicas of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TooFew {
    pub(super) topic: String,
    pub(super) replicas: usize,
    pub(super) brokers: usize,
}

/// The moves that take every replica off `leaving`, onto `staying`. Moves under way that do so already are left alone.
pub(super) fn leave(
    topics: &[Topic],
    ongoing: &[Move],
    leaving: i32,
    staying: &[i32],
) -> Result<Vec<Move>, TooFew> {
    let targets = targets(topics, ongoing);
    let mut load = Load::of(&targets, staying);
    let mut moves = Vec::new();
    for ((topic, partition), replicas) in targets {
        let Some(place) = replicas.iter().position(|&id| id == leaving) else {
            continue;
        };
        let Some(newcomer) = load.least_loaded(&replicas) else {
            return Err(TooFew {
                topic: topic.to_owned(),
                replicas: replicas.len(),
                brokers: staying.len(),
            });
        };
        load.gains(newcomer);
        let mut changed = replicas;
        if let Some(replica) = changed.get_mut(place) {
            *replica = newcomer;
        }
        if place == 0 {
            load.choose_leader(&mut changed);
        }
        moves.push(Move {
            topic: topic.to_owned(),
            partition,
            replicas: changed,
        });
    }
    Ok(moves)
}

/// The moves that give every partition of `topic` as many replicas as wanted. Preferred leaders stay.
pub(super) fn replicate(
    topics: &[Topic],
    ongoing: &[Move],
    topic: &str,
    wanted: usize,
    brokers: &[i32],
) -> Result<Vec<Move>, TooFew> {
    let targets = targets(topics, ongoing);
    let mut load = Load::of(&targets, brokers);
    let mut moves = Vec::new();
    for ((name, partition), replicas) in targets {
        if name != topic || replicas.len() == wanted {
            continue;
        }
        let mut changed = replicas;
        while changed.len() > wanted.max(1) {
            load.drop_most_loaded(&mut changed);
        }
        while changed.len() < wanted {
            let Some(newcomer) = load.least_loaded(&changed) else {
                return Err(TooFew {
                    topic: topic.to_owned(),
                    replicas: wanted,
                    brokers: brokers.len(),
                });
            };
            load.gains(newcomer);
            changed.push(newcomer);
        }
        moves.push(Move {
            topic: topic.to_owned(),
            partition,
            replicas: changed,
        });
    }
    Ok(moves)
}

/// The replicas of every partition once the moves under way have ended.
fn targets<'a>(topics: &'a [Topic], ongoing: &[Move]) -> BTreeMap<(&'a str, i32), Vec<i32>> {
    let under_way: BTreeMap<(&str, i32), &Vec<i32>> = ongoing
        .iter()
        .map(|one| ((one.topic.as_str(), one.partition), &one.replicas))
        .collect();
    let mut targets = BTreeMap::new();
    for topic in topics {
        let name = topic.name.as_str();
        for partition in &topic.partitions {
            let target = under_way.get(&(name, partition.index)).copied();
            let replicas = target.unwrap_or(&partition.replicas);
            targets.insert((name, partition.index), replicas.clone());
        }
    }
    targets
}

/// How many replicas a broker holds, and of how many partitions it is the preferred leader.
struct Load {
    brokers: BTreeMap<i32, (usize, usize)>,
}

impl Load {
    fn of(targets: &BTreeMap<(&str, i32), Vec<i32>>, brokers: &[i32]) -> Self {
        let mut load = Self {
            brokers: brokers.iter().map(|&id| (id, (0, 0))).collect(),
        };
        for replicas in targets.values() {
            for (place, id) in replicas.iter().enumerate() {
                if let Some((held, led)) = load.brokers.get_mut(id) {
                    *held += 1;
                    *led += usize::from(place == 0);
                }
            }
        }
        load
    }

    /// The broker with the fewest replicas that is not among `replicas`; of equals the lowest id.
    fn least_loaded(&self, replicas: &[i32]) -> Option<i32> {
        let free = self.brokers.iter().filter(|(id, _)| !replicas.contains(id));
        free.min_by_key(|(id, (held, _))| (*held, **id))
            .map(|(id, _)| *id)
    }

    fn gains(&mut self, broker: i32) {
        if let Some((held, _)) = self.brokers.get_mut(&broker) {
            *held += 1;
        }
    }

    /// Puts the broker that leads least in front; of equals one that comes first, so that data already there leads.
    fn choose_leader(&mut self, replicas: &mut [i32]) {
        let led = |id: &i32| self.brokers.get(id).map_or(usize::MAX, |(_, led)| *led);
        let newcomer_last = |place: usize| if place == 0 { usize::MAX } else { place };
        let places = replicas.iter().enumerate();
        let best = places.min_by_key(|&(place, id)| (led(id), newcomer_last(place)));
        let Some((place, &leader)) = best else {
            return;
        };
        if let Some(front) = replicas.get_mut(..=place) {
            front.rotate_right(1);
        }
        if let Some((_, led)) = self.brokers.get_mut(&leader) {
            *led += 1;
        }
    }

    /// Takes away the replica of the broker with the most, never the preferred leader's.
    fn drop_most_loaded(&mut self, replicas: &mut Vec<i32>) {
        let held = |id: &i32| self.brokers.get(id).map_or(usize::MAX, |(held, _)| *held);
        let followers = replicas.iter().enumerate().skip(1);
        let Some((place, _)) = followers.max_by_key(|&(place, id)| (held(id), place)) else {
            return;
        };
        let dropped = replicas.remove(place);
        if let Some((held, _)) = self.brokers.get_mut(&dropped) {
            *held = held.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::Partition;

    fn topic(name: &str, partitions: &[&[i32]]) -> Topic {
        let partition = |(index, replicas): (usize, &&[i32])| Partition {
            index: i32::try_from(index).unwrap(),
            leader: replicas.first().copied(),
            replicas: replicas.to_vec(),
            in_sync: replicas.to_vec(),
        };
        Topic {
            name: name.to_owned(),
            error: 0,
            internal: false,
            partitions: partitions.iter().enumerate().map(partition).collect(),
        }
    }

    fn shown(moves: &[Move]) -> Vec<String> {
        let one = |m: &Move| format!("{}-{} {:?}", m.topic, m.partition, m.replicas);
        moves.iter().map(one).collect()
    }

    #[test]
    fn a_leaving_brokers_replicas_go_to_the_least_loaded() {
        let topics = [topic("a", &[&[1, 2], &[2, 4], &[4, 1], &[1, 2]])];
        let moves = leave(&topics, &[], 4, &[1, 2, 3]).unwrap();
        // Broker 3 has nothing and takes both; a-2 had broker 4 in front: 3, which leads nothing, follows in its place.
        assert_eq!(shown(&moves), ["a-1 [2, 3]", "a-2 [3, 1]"]);
    }

    #[test]
    fn a_replica_that_is_there_leads_before_a_newcomer() {
        let topics = [topic("a", &[&[4, 1]])];
        let moves = leave(&topics, &[], 4, &[1, 2]).unwrap();
        assert_eq!(shown(&moves), ["a-0 [1, 2]"]);
    }

    #[test]
    fn too_few_brokers_are_named() {
        let topics = [topic("a", &[&[1, 2, 3]])];
        let too_few = leave(&topics, &[], 3, &[1, 2]).unwrap_err();
        assert_eq!(
            (too_few.topic.as_str(), too_few.replicas, too_few.brokers),
            ("a", 3, 2)
        );
    }

    #[test]
    fn moves_under_way_are_left_alone() {
        let topics = [topic("a", &[&[1, 2, 3], &[1, 3]])];
        let ongoing = [Move {
            topic: "a".to_owned(),
            partition: 0,
            replicas: vec![1, 2],
        }];
        let moves = leave(&topics, &ongoing, 3, &[1, 2]).unwrap();
        assert_eq!(shown(&moves), ["a-1 [1, 2]"]);
        assert_eq!(leave(&topics, &ongoing, 9, &[1, 2]), Ok(Vec::new()));
    }

    #[test]
    fn all_that_leave_are_spread() {
        let partitions: Vec<[i32; 2]> = (0..40).map(|n| [n % 4 + 1, (n + 1) % 4 + 1]).collect();
        let partitions: Vec<&[i32]> = partitions.iter().map(<[i32; 2]>::as_slice).collect();
        let mut topics = [topic("a", &partitions)];
        for one in leave(&topics, &[], 4, &[1, 2, 3]).unwrap() {
            let index = usize::try_from(one.partition).unwrap();
            topics[0].partitions[index].replicas = one.replicas;
        }
        let load = Load::of(&targets(&topics, &[]), &[1, 2, 3]);
        let (held, led): (Vec<usize>, Vec<usize>) = load.brokers.values().copied().unzip();
        assert_eq!(held.iter().sum::<usize>(), 80);
        assert!(
            held.iter().max().unwrap() - held.iter().min().unwrap() <= 1,
            "{held:?}"
        );
        assert!(
            led.iter().max().unwrap() - led.iter().min().unwrap() <= 2,
            "{led:?}"
        );
    }

    #[test]
    fn replication_grows_and_shrinks_but_keeps_the_leader() {
        let topics = [topic("a", &[&[1], &[2]]), topic("b", &[&[3, 1, 2]])];
        let grown = replicate(&topics, &[], "a", 2, &[1, 2, 3]).unwrap();
        assert_eq!(shown(&grown), ["a-0 [1, 3]", "a-1 [2, 1]"]);
        let shrunk = replicate(&topics, &[], "b", 1, &[1, 2, 3]).unwrap();
        assert_eq!(shown(&shrunk), ["b-0 [3]"]);
        assert!(replicate(&topics, &[], "a", 4, &[1, 2, 3]).is_err());
    }
}
