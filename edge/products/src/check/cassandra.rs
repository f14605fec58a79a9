//! A Cassandra ring: every node sees every other up and normal, with one schema. A node may go while all others are so,
//! because rows with more than one copy then lose no more than that one. Each node's own view counts, and the worst wins.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use futures_util::future::join_all;
use smack_model::{About, Answer, Member, Name, TaskName};

use crate::cassandra::{
    BY_DATA_CENTER, Copies, Node, Status, View, keyspaces, open, unreached, view,
};
use crate::reach::{Reach, shown};

/// By how many heartbeats, one a second, what others know of a node may be behind it. On a whole ring it is one or two;
/// after about 18 a node is taken for dead.
const BEHIND_MAX: i64 = 15;

/// What a member said, or why it said nothing.
struct Said<'a> {
    member: &'a Member,
    seen: Result<Seen, String>,
}

struct Seen {
    view: View,
    keyspaces: BTreeMap<String, Copies>,
    /// Why it does not reach every other.
    unreached: Option<String>,
}

pub(super) async fn answer(
    reach: &dyn Reach,
    about: &About,
    port: &Name,
    members: &[Member],
    timeout: Duration,
) -> Answer {
    // Less than the whole time, so that one silent node is named instead of drowning the answer.
    let each = timeout.mul_f32(0.4);
    let asked = members.iter().map(|member| async move {
        let asking = tokio::time::timeout(each, see(reach, member, port, each));
        let silent = |_| Err(format!("no answer within {}", shown(each)));
        let seen = asking.await.unwrap_or_else(silent);
        Said { member, seen }
    });
    let said = join_all(asked).await;
    match about {
        About::Health => health(&said),
        About::Without(task) => without(task, &said),
    }
}

async fn see(
    reach: &dyn Reach,
    member: &Member,
    port: &Name,
    timeout: Duration,
) -> Result<Seen, String> {
    let mut connection = open(reach, member, Some(port), timeout).await?;
    let asking = async {
        let view = view(&mut connection).await?;
        let keyspaces = keyspaces(&mut connection).await?;
        let unreached = unreached(&mut connection, &view, &keyspaces, timeout.mul_f32(0.5)).await?;
        Ok(Seen {
            view,
            keyspaces,
            unreached,
        })
    };
    asking
        .await
        .map_err(|error: crate::cql::Error| error.to_string())
}

fn health(said: &[Said<'_>]) -> Answer {
    if said.iter().all(|said| said.seen.is_err()) {
        return Answer::Unknown(silent(said));
    }
    let ring = Ring::of(said, None);
    let mut wrong = ring.wrong();
    wrong.extend(ring.schemas());
    if wrong.is_empty() {
        Answer::Yes
    } else {
        Answer::No(wrong.join("; "))
    }
}

fn without(going: &TaskName, said: &[Said<'_>]) -> Answer {
    let others = || said.iter().filter(|said| !said.member.is_own(going));
    if said.iter().all(|said| !said.member.is_own(going)) {
        return Answer::Yes; // no node: it has no rows
    }
    if others().next().is_none() {
        // So small a ring is always away with its node: nothing to wait for.
        tracing::debug!(task = %going, "an interruption cannot be avoided");
        return Answer::Yes;
    }
    if others().all(|said| said.seen.is_err()) {
        let others: Vec<&Said<'_>> = others().collect();
        return Answer::Unknown(silent(others));
    }
    let ring = Ring::of(said, Some(going));
    let wrong = ring.wrong();
    if wrong.is_empty() {
        return Answer::Yes;
    }
    let harmed = ring.harmed(going);
    if harmed.is_empty() && !ring.changes() {
        tracing::debug!(task = %going, "no keyspace has a second copy to wait for");
        return Answer::Yes;
    }
    let wrong = wrong.join("; ");
    let rows = if harmed.is_empty() {
        "rows change hands".to_owned()
    } else {
        harmed.join(", ")
    };
    Answer::No(format!("without {going}: {rows}: {wrong}"))
}

/// The ring as all members say, but for one that goes.
struct Ring<'a> {
    said: &'a [Said<'a>],
    going: Option<&'a TaskName>,
    /// Where each member is in the ring.
    addresses: BTreeMap<String, IpAddr>,
}

impl<'a> Ring<'a> {
    fn of(said: &'a [Said<'a>], going: Option<&'a TaskName>) -> Self {
        let address = |said: &'a Said<'a>| {
            let told = said.seen.as_ref().ok().map(|seen| seen.view.own.address);
            let address = told.or_else(|| said.member.address.parse().ok())?;
            Some((said.member.shown(), address))
        };
        Self {
            said,
            going,
            addresses: said.iter().filter_map(address).collect(),
        }
    }

    fn staying(&self) -> impl Iterator<Item = &'a Said<'a>> {
        self.said.iter().filter(|said| !self.is_going(said.member))
    }

    fn is_going(&self, member: &Member) -> bool {
        self.going.is_some_and(|going| member.is_own(going))
    }

    fn views(&self) -> impl Iterator<Item = (String, &'a Seen)> {
        let seen = |said: &'a Said<'a>| Some((said.member.shown(), said.seen.as_ref().ok()?));
        self.staying().filter_map(seen)
    }

    /// Whether the one that goes is still part of the ring in its own eyes.
    fn has_going(&self) -> bool {
        let mut going = self.said.iter().filter(|said| self.is_going(said.member));
        going.any(|said| matches!(&said.seen, Ok(seen) if seen.view.itself() == Status::Normal))
    }

    /// What is wrong with those that stay, the first of each.
    fn wrong(&self) -> Vec<String> {
        let wrong = |said: &'a Said<'a>| {
            let task = said.member.shown();
            match &said.seen {
                Err(reason) => Some(format!("{task}: {reason}")),
                Ok(seen) => self.wrong_view(&task, seen),
            }
        };
        self.staying().filter_map(wrong).collect()
    }

    fn wrong_view(&self, task: &str, seen: &Seen) -> Option<String> {
        let view = &seen.view;
        let itself = view.itself();
        if itself != Status::Normal {
            return Some(format!("{task} is {itself}"));
        }
        // One that does not answer itself is named for that already.
        let others = self.staying().filter(|said| said.member.shown() != task);
        for said in others.filter(|said| said.seen.is_ok()) {
            if let Some(why) = self.wrong_member(view, said) {
                return Some(format!("{task} {why}"));
            }
        }
        for (address, node) in self.strangers(view) {
            if node.status != Status::Normal {
                return Some(format!("{task} sees {address} {}", node.status));
            }
        }
        // Whom it takes for dead is known if that one does not answer us either.
        let counts = self.staying().all(|said| said.seen.is_ok())
            && (self.going.is_none() || self.has_going())
            // It may be one of another part.
            && !self.has_others(view);
        let unreached = seen.unreached.as_ref().filter(|_| counts)?;
        let strangers: Vec<String> = self
            .strangers(view)
            .map(|(address, node)| format!("{address} ({})", node.host_id))
            .collect();
        if strangers.is_empty() {
            return Some(format!("{task} {unreached}"));
        }
        Some(format!(
            "{task} {unreached}; {} belongs to the ring and is no task of it: if it is lost for good, run \
             nodetool removenode with its host id",
            strangers.join(", ")
        ))
    }

    /// Why another member is not up in this view.
    fn wrong_member(&self, view: &View, other: &Said<'_>) -> Option<String> {
        let name = other.member.shown();
        let Some(&address) = self.addresses.get(&name) else {
            return Some(format!(
                "cannot be asked about {name}, which has no address"
            ));
        };
        let known = view
            .ring
            .get(&address)
            .filter(|node| !node.status.is_gone());
        let Some(node) = known else {
            return Some(format!("does not know {name} yet"));
        };
        if node.status != Status::Normal {
            return Some(format!("sees {name} {}", node.status));
        }
        if let Ok(seen) = &other.seen
            && let Some(itself) = seen.view.ring.get(&address)
            && is_behind(node, itself)
        {
            return Some(format!("has not heard of {name} for a while"));
        }
        if !node.serves {
            return Some(format!("does not see {name} take clients yet"));
        }
        let is_told = view.peers.contains(&address);
        (!is_told).then(|| format!("does not tell clients of {name} yet"))
    }

    /// Nodes of the ring that are no members. Those of data centers without any member are their own part's affair.
    fn strangers<'v>(&self, view: &'v View) -> impl Iterator<Item = (IpAddr, &'v Node)> {
        let members: BTreeSet<IpAddr> = self.addresses.values().copied().collect();
        let here = self.data_centers();
        view.present().filter(move |(address, node)| {
            let is_known = here.is_empty() || here.contains(&node.data_center);
            !members.contains(address) && is_known
        })
    }

    /// Where the members are.
    fn data_centers(&self) -> BTreeSet<String> {
        let own = self.views().map(|(_, seen)| &seen.view.own.data_center);
        own.cloned().collect()
    }

    /// Whether the view has nodes of data centers in which no member is.
    fn has_others(&self, view: &View) -> bool {
        let here = self.data_centers();
        let mut present = view.present();
        present.any(|(_, node)| !node.data_center.is_empty() && !here.contains(&node.data_center))
    }

    fn schemas(&self) -> Option<String> {
        let mut nodes: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (task, seen) in self.views() {
            nodes.entry(&seen.view.own.schema).or_default().push(task);
        }
        if nodes.len() < 2 {
            return None;
        }
        let groups: Vec<String> = nodes.values().map(|tasks| tasks.join(",")).collect();
        Some(format!(
            "not one schema on all: {}",
            groups.join(" differ from ")
        ))
    }

    /// Whether rows change hands anywhere but at the one that goes.
    fn changes(&self) -> bool {
        let going = self
            .going
            .and_then(|going| self.addresses.get(going.as_str()));
        self.views().any(|(_, seen)| {
            let mut present = seen.view.present();
            present.any(|(address, node)| Some(&address) != going && node.status.is_change())
        })
    }

    /// The nodes other than the one that goes that do not answer, or are not up in the eyes of another.
    fn away(&self) -> BTreeSet<IpAddr> {
        let mut away = BTreeSet::new();
        for said in self.staying() {
            let shown = said.member.shown();
            let address = self.addresses.get(&shown);
            if said.seen.is_err() {
                away.extend(address);
            }
            let others = self.views().filter(|(task, _)| *task != shown);
            for (_, seen) in others {
                away.extend(address.filter(|_| self.wrong_member(&seen.view, said).is_some()));
            }
        }
        for (_, seen) in self.views() {
            let strangers = self.strangers(&seen.view);
            let not_up =
                strangers.filter(|(_, node)| node.status != Status::Normal || !node.serves);
            away.extend(not_up.map(|(address, _)| address));
        }
        away
    }

    /// The keyspaces that have more than one copy where `going` is, and may lose their quorum there with it.
    fn harmed(&self, going: &TaskName) -> Vec<String> {
        let Some((_, seen)) = self.views().next() else {
            return Vec::new();
        };
        let node = self
            .addresses
            .get(going.as_str())
            .and_then(|address| seen.view.ring.get(address));
        let here = node.map_or(seen.view.own.data_center.as_str(), |node| &node.data_center);
        let is_here = |address: &IpAddr| {
            let node = seen.view.ring.get(address);
            node.is_none_or(|node| node.data_center == here)
        };
        let away = self.away();
        // If nobody can be named, at least the one that somebody does not reach.
        let anywhere = u32::try_from(away.len()).unwrap_or(u32::MAX).max(1);
        let nearby = u32::try_from(away.iter().filter(|address| is_here(address)).count());
        let nearby = if away.is_empty() {
            1
        } else {
            nearby.unwrap_or(u32::MAX)
        };
        let mut harmed = Vec::new();
        for (keyspace, copies) in &seen.keyspaces {
            let by_data_center = copies.strategy == BY_DATA_CENTER;
            if copies.is_products(keyspace) {
                continue;
            }
            let all = copies.there(here);
            let away = if by_data_center { nearby } else { anywhere };
            let (staying, quorum) = (all.saturating_sub(away.saturating_add(1)), all / 2 + 1);
            if all > 1 && staying < quorum {
                harmed.push(format!(
                    "{keyspace} may keep {staying} of {all} copies of a row, QUORUM is {quorum}"
                ));
            }
        }
        harmed
    }
}

/// Whether what is known of a node is older than what the node says of itself.
fn is_behind(known: &Node, itself: &Node) -> bool {
    known.age.0 != itself.age.0 || itself.age.1.saturating_sub(known.age.1) > BEHIND_MAX
}

fn silent<'a>(said: impl IntoIterator<Item = &'a Said<'a>>) -> String {
    let reason = |said: &Said<'_>| {
        let reason = said.seen.as_ref().err()?;
        Some(format!("{}: {reason}", said.member.task))
    };
    let reasons: Vec<String> = said.into_iter().filter_map(reason).collect();
    if reasons.is_empty() {
        return "there are no nodes to ask".to_owned();
    }
    reasons.join("; ")
}
