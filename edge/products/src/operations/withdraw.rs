//! A data center is left: no keyspace has copies there any more. One that has copies nowhere else is not touched, and
//! nothing else either. The product's own keyspace of roles follows when the data center has no nodes any more.

use std::collections::BTreeMap;

use smack_model::Member;

use super::keyspace::{agreed, first_that_answers, shown, statement};
use super::{Halt, Report};
use crate::cassandra::{BY_DATA_CENTER, Copies, keyspaces, view};
use crate::reach::Reach;

/// The product wants copies of it in every data center that has nodes.
const EVERYWHERE: &str = "system_auth";

pub(super) struct WithdrawWork<'a> {
    reach: &'a dyn Reach,
    members: &'a [Member],
    data_center: &'a str,
    /// What was changed, over all attempts.
    changed: Vec<String>,
}

impl<'a> WithdrawWork<'a> {
    pub(super) fn new(reach: &'a dyn Reach, members: &'a [Member], data_center: &'a str) -> Self {
        Self {
            reach,
            members,
            data_center,
            changed: Vec::new(),
        }
    }

    /// Alters one keyspace after the other, each when all nodes know of the one before.
    pub(super) async fn attempt(&mut self, report: &mut Report<'_>) -> Result<String, Halt> {
        let mut connection = first_that_answers(self.reach, self.members).await?;
        agreed(self.reach, self.members, report).await?;
        let all = keyspaces(&mut connection).await?;
        let lost = only_there(&all, self.data_center);
        if !lost.is_empty() {
            let (lost, here) = (lost.join(", "), self.data_center);
            return Err(Halt::Failed(format!(
                "{lost}: replicated only in {here}; give it copies elsewhere, or drop it"
            )));
        }
        let view = view(&mut connection).await?;
        let mut present = view.present();
        let is_there = present.any(|(_, node)| node.data_center == self.data_center);
        for (keyspace, copies) in without(&all, self.data_center) {
            if is_there && keyspace == EVERYWHERE {
                continue;
            }
            report.say(format!("keyspace {keyspace}: {}", shown(&copies)));
            connection.ask(&statement(&keyspace, true, &copies)).await?;
            self.changed.push(keyspace);
            agreed(self.reach, self.members, report).await?;
        }
        let here = self.data_center;
        Ok(match self.changed.as_slice() {
            [] => format!("no keyspace has copies in {here}"),
            changed => format!("no copies in {here} any more: {}", changed.join(", ")),
        })
    }
}

/// The keyspaces that would be lost with the data center.
pub(super) async fn only_in(
    reach: &dyn Reach,
    members: &[Member],
    data_center: &str,
) -> Result<Vec<String>, String> {
    let asking = async {
        let mut connection = first_that_answers(reach, members).await?;
        let all = keyspaces(&mut connection).await?;
        Ok(only_there(&all, data_center))
    };
    asking
        .await
        .map_err(|(Halt::Later(reason) | Halt::Failed(reason))| reason)
}

/// The keyspaces whose only copies are in the data center.
fn only_there(all: &BTreeMap<String, Copies>, data_center: &str) -> Vec<String> {
    let by_data_center = all
        .iter()
        .filter(|(_, copies)| copies.strategy == BY_DATA_CENTER);
    let only = by_data_center.filter(|(_, copies)| {
        let mut places = copies.factors.iter().filter(|(_, copies)| **copies > 0);
        places.next().is_some_and(|(name, _)| name == data_center) && places.next().is_none()
    });
    only.map(|(name, _)| name.clone()).collect()
}

/// The keyspaces that have copies in the data center, with what stays of them.
fn without(
    all: &BTreeMap<String, Copies>,
    data_center: &str,
) -> Vec<(String, BTreeMap<String, u32>)> {
    let there = all
        .iter()
        .filter(|(_, copies)| copies.strategy == BY_DATA_CENTER && copies.there(data_center) > 0);
    let staying = there.map(|(name, copies)| {
        let mut factors = copies.factors.clone();
        factors.retain(|name, copies| name != data_center && *copies > 0);
        (name.clone(), factors)
    });
    staying.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_and_what_is_left() {
        let copies = |strategy: &str, factors: &[(&str, u32)]| Copies {
            strategy: strategy.to_owned(),
            factors: factors
                .iter()
                .map(|(name, copies)| ((*name).to_owned(), *copies))
                .collect(),
        };
        let all = BTreeMap::from([
            (
                "app".to_owned(),
                copies(BY_DATA_CENTER, &[("z1", 2), ("z2", 1)]),
            ),
            (
                "audit".to_owned(),
                copies(BY_DATA_CENTER, &[("z1", 1), ("z2", 0)]),
            ),
            ("other".to_owned(), copies(BY_DATA_CENTER, &[("z2", 3)])),
            (
                "spread".to_owned(),
                copies("SimpleStrategy", &[("replication_factor", 2)]),
            ),
        ]);
        assert_eq!(only_there(&all, "z1"), ["audit"]);
        assert_eq!(only_there(&all, "z2"), ["other"]);
        assert_eq!(only_there(&all, "z3"), [""; 0]);
        let z2 = [("app".to_owned(), BTreeMap::from([("z1".to_owned(), 2)]))];
        assert_eq!(without(&all, "z2")[..1], z2);
    }
}
