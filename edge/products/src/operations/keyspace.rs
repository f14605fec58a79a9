//! A declared keyspace: created, or altered so that each data center has as many copies as declared; 0 takes it out of
//! one. Data centers that are not named are left alone and told; of a keyspace that knew none each other one of the ring
//! keeps as many copies as there were. Ends when all nodes have the new schema.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use smack_model::Member;

use super::{EXCHANGE, Halt, Report};
use crate::cassandra::{BY_DATA_CENTER, Copies, keyspaces, open, own, view};
use crate::cql::{Connection, quoted_name, quoted_text};
use crate::reach::Reach;

/// Until all nodes have one schema; it takes a second or two.
const AGREED_WITHIN: Duration = Duration::from_secs(60);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// What is declared.
pub(super) struct Wish<'a> {
    keyspace: &'a str,
    copies: &'a BTreeMap<String, u32>,
}

impl<'a> Wish<'a> {
    pub(super) fn new(
        keyspace: &'a str,
        copies: &'a BTreeMap<String, u32>,
    ) -> Result<Self, String> {
        if copies.values().all(|copies| *copies == 0) {
            return Err(format!("keyspace {keyspace} would have no copies anywhere"));
        }
        Ok(Self { keyspace, copies })
    }

    /// What the keyspace shall have, all data centers named; nothing if it has that.
    fn missing(
        &self,
        there: Option<&Copies>,
        ring: &BTreeMap<String, u32>,
    ) -> Option<BTreeMap<String, u32>> {
        let by_data_center = there.filter(|copies| copies.strategy == BY_DATA_CENTER);
        let anywhere = there.map_or(0, |copies| copies.there(""));
        let spread = || {
            let each = ring.iter();
            each.map(|(name, nodes)| (name.clone(), anywhere.min(*nodes)))
                .collect()
        };
        let mut wanted = by_data_center.map_or_else(spread, |copies| copies.factors.clone());
        wanted.extend(
            self.copies
                .iter()
                .map(|(name, copies)| (name.clone(), *copies)),
        );
        wanted.retain(|_, copies| *copies > 0);
        let is_there = by_data_center.is_some_and(|copies| {
            let has = copies.factors.iter().filter(|(_, copies)| **copies > 0);
            has.eq(wanted.iter())
        });
        (!is_there).then_some(wanted)
    }
}

pub(super) struct KeyspaceWork<'a> {
    reach: &'a dyn Reach,
    members: &'a [Member],
    wish: Wish<'a>,
    /// What was changed, over all attempts.
    changed: Vec<String>,
}

impl<'a> KeyspaceWork<'a> {
    pub(super) fn new(reach: &'a dyn Reach, members: &'a [Member], wish: Wish<'a>) -> Self {
        Self {
            reach,
            members,
            wish,
            changed: Vec::new(),
        }
    }

    /// Does what is missing and waits until all nodes know of it.
    pub(super) async fn attempt(&mut self, report: &mut Report<'_>) -> Result<String, Halt> {
        let mut connection = first_that_answers(self.reach, self.members).await?;
        // Two changes of the schema at once, through different nodes, may leave two versions of it.
        agreed(self.reach, self.members, report).await?;
        let all = keyspaces(&mut connection).await?;
        let there = all.get(self.wish.keyspace);
        let ring = data_centers(&mut connection).await?;
        if let Some(wanted) = self.wish.missing(there, &ring) {
            let what = change(there, &wanted);
            report.say(format!("asks for it: {what}"));
            let query = statement(self.wish.keyspace, there.is_some(), &wanted);
            let answer = connection.ask(&query).await?;
            self.changed.push(what);
            self.changed.extend(answer.warnings);
            agreed(self.reach, self.members, report).await?;
        }
        let undeclared = there.filter(|copies| copies.strategy == BY_DATA_CENTER);
        let undeclared = undeclared
            .map(|copies| self.undeclared(copies))
            .unwrap_or_default();
        Ok(self.result(undeclared))
    }

    /// What other parts of a shared ring declare is theirs to tell.
    fn undeclared(&self, there: &Copies) -> Vec<String> {
        if self.members.iter().any(|member| member.part.is_some()) {
            return Vec::new();
        }
        let factors = there.factors.iter();
        factors
            .filter(|(name, copies)| **copies > 0 && !self.wish.copies.contains_key(*name))
            .map(|(name, copies)| format!("{copies} in {name}, which is not declared, left alone"))
            .collect()
    }

    fn result(&self, undeclared: Vec<String>) -> String {
        let mut parts = self.changed.clone();
        if parts.is_empty() {
            parts.push(format!("as declared, {}", shown(self.wish.copies)));
        }
        parts.extend(undeclared);
        parts.join("; ")
    }
}

/// Waits until every member has one schema.
pub(super) async fn agreed(
    reach: &dyn Reach,
    members: &[Member],
    report: &mut Report<'_>,
) -> Result<(), Halt> {
    let (ready, others): (Vec<&Member>, Vec<&Member>) =
        members.iter().partition(|member| member.ready);
    let up = if ready.is_empty() { others } else { ready };
    let agreeing = async {
        loop {
            let asked = up.iter().map(|member| schema(reach, member));
            let mut versions: Vec<String> = Vec::new();
            for version in join_all(asked).await {
                versions.push(version.map_err(Halt::Later)?);
            }
            versions.sort_unstable();
            versions.dedup();
            if versions.len() < 2 {
                return Ok(());
            }
            report.say("waits until all nodes have one schema".to_owned());
            tokio::time::sleep(PAUSE).await;
        }
    };
    let late = |_| Err(Halt::Later("not all nodes have one schema".to_owned()));
    tokio::time::timeout(AGREED_WITHIN, agreeing)
        .await
        .unwrap_or_else(late)
}

/// How a declared keyspace differs from the one there is.
pub(super) async fn compare(
    reach: &dyn Reach,
    members: &[Member],
    wish: &Wish<'_>,
) -> Option<String> {
    let keyspace = wish.keyspace;
    let looking = async {
        let mut connection = first_that_answers(reach, members).await?;
        let ring = data_centers(&mut connection).await?;
        Ok((keyspaces(&mut connection).await?, ring))
    };
    let (all, ring) = match looking.await {
        Ok(found) => found,
        Err(Halt::Later(reason) | Halt::Failed(reason)) => {
            return Some(format!(
                "keyspace {keyspace} could not be looked at: {reason}"
            ));
        }
    };
    let there = all.get(keyspace);
    wish.missing(there, &ring)?;
    Some(match there {
        None => format!("keyspace {keyspace} is declared but not there"),
        Some(there) => format!("{}, {} declared", told(there), shown(wish.copies)),
    })
}

/// How many nodes each data center of the ring has.
async fn data_centers(connection: &mut Connection) -> Result<BTreeMap<String, u32>, Halt> {
    let view = view(connection).await?;
    let mut nodes: BTreeMap<String, u32> = BTreeMap::new();
    for (_, node) in view.present() {
        if !node.data_center.is_empty() {
            *nodes.entry(node.data_center.clone()).or_default() += 1;
        }
    }
    Ok(nodes)
}

pub(super) async fn first_that_answers(
    reach: &dyn Reach,
    members: &[Member],
) -> Result<Connection, Halt> {
    let mut reasons = Vec::new();
    let (ready, others): (Vec<&Member>, Vec<&Member>) =
        members.iter().partition(|member| member.ready);
    for member in ready.into_iter().chain(others) {
        match open(reach, member, None, EXCHANGE).await {
            Ok(connection) => return Ok(connection),
            Err(reason) => reasons.push(format!("{}: {reason}", member.shown())),
        }
    }
    if reasons.is_empty() {
        return Err(Halt::Failed(
            "there is no node that could be asked".to_owned(),
        ));
    }
    Err(Halt::Later(reasons.join("; ")))
}

async fn schema(reach: &dyn Reach, member: &Member) -> Result<String, String> {
    let named = |reason: String| format!("{}: {reason}", member.shown());
    let mut connection = open(reach, member, None, EXCHANGE).await.map_err(named)?;
    let own = own(&mut connection).await;
    own.map(|own| own.schema)
        .map_err(|error| named(error.to_string()))
}

/// The statement that gives the keyspace exactly these copies.
pub(super) fn statement(keyspace: &str, exists: bool, copies: &BTreeMap<String, u32>) -> String {
    let doing = if exists {
        "ALTER KEYSPACE"
    } else {
        "CREATE KEYSPACE IF NOT EXISTS"
    };
    let factor = |(name, copies): (&String, &u32)| format!(", {}: {copies}", quoted_text(name));
    let factors: String = copies.iter().map(factor).collect();
    let name = quoted_name(keyspace);
    format!("{doing} {name} WITH replication = {{'class': '{BY_DATA_CENTER}'{factors}}}")
}

/// What the statement does, in words.
fn change(there: Option<&Copies>, wanted: &BTreeMap<String, u32>) -> String {
    let Some(there) = there else {
        return format!("created with {}", shown(wanted));
    };
    format!("{} -> {}", told(there), shown(wanted))
}

fn told(there: &Copies) -> String {
    if there.strategy == BY_DATA_CENTER {
        return shown(&there.factors);
    }
    let factors: Vec<String> = there.factors.values().map(u32::to_string).collect();
    format!("{} {}", there.strategy, factors.join(","))
        .trim_end()
        .to_owned()
}

/// `3 copies in dc1, 1 in dc2`.
pub(super) fn shown(copies: &BTreeMap<String, u32>) -> String {
    let one = |(place, (name, copies)): (usize, (&String, &u32))| match (place, copies) {
        (0, 1) => format!("1 copy in {name}"),
        (0, _) => format!("{copies} copies in {name}"),
        _ => format!("{copies} in {name}"),
    };
    let some = copies.iter().filter(|(_, copies)| **copies > 0);
    let all: Vec<String> = some.enumerate().map(one).collect();
    all.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn factors(pairs: &[(&str, u32)]) -> BTreeMap<String, u32> {
        pairs
            .iter()
            .map(|(name, copies)| ((*name).to_owned(), *copies))
            .collect()
    }

    fn there(strategy: &str, pairs: &[(&str, u32)]) -> Copies {
        Copies {
            strategy: strategy.to_owned(),
            factors: factors(pairs),
        }
    }

    fn missing(declared: &[(&str, u32)], there: Option<&Copies>) -> Option<String> {
        let declared = factors(declared);
        let wish = Wish::new("app", &declared).unwrap();
        let ring = factors(&[("dc1", 3), ("dc9", 2)]);
        wish.missing(there, &ring)
            .map(|wanted| change(there, &wanted))
    }

    #[test]
    fn what_is_missing() {
        let network = |pairs: &[(&str, u32)]| Some(there(BY_DATA_CENTER, pairs));
        let created = missing(&[("dc1", 3)], None);
        assert_eq!(created.as_deref(), Some("created with 3 copies in dc1"));
        assert_eq!(
            missing(&[("dc1", 3)], network(&[("dc1", 3)]).as_ref()),
            None
        );
        let grown = missing(&[("dc1", 3)], network(&[("dc1", 2), ("dc2", 1)]).as_ref());
        assert_eq!(
            grown.as_deref(),
            Some("2 copies in dc1, 1 in dc2 -> 3 copies in dc1, 1 in dc2")
        );
        // Another data center's copies are nobody's drift.
        assert_eq!(
            missing(&[("dc1", 3)], network(&[("dc1", 3), ("dc2", 1)]).as_ref()),
            None
        );
        let taken_out = missing(
            &[("dc1", 3), ("dc2", 0)],
            network(&[("dc1", 3), ("dc2", 1)]).as_ref(),
        );
        assert_eq!(
            taken_out.as_deref(),
            Some("3 copies in dc1, 1 in dc2 -> 3 copies in dc1")
        );
        let simple = there("SimpleStrategy", &[("replication_factor", 1)]);
        let changed = missing(&[("dc1", 1)], Some(&simple));
        assert_eq!(
            changed.as_deref(),
            Some("SimpleStrategy 1 -> 1 copy in dc1, 1 in dc9")
        );
        let wide = there("SimpleStrategy", &[("replication_factor", 3)]);
        let changed = missing(&[("dc1", 2)], Some(&wide));
        assert_eq!(
            changed.as_deref(),
            Some("SimpleStrategy 3 -> 2 copies in dc1, 2 in dc9")
        );
    }

    #[test]
    fn statements_quote_what_comes_from_outside() {
        let odd = factors(&[("o'dc", 1)]);
        assert_eq!(
            statement("a\"b", true, &odd),
            "ALTER KEYSPACE \"a\"\"b\" WITH replication = {'class': 'NetworkTopologyStrategy', 'o''dc': 1}"
        );
        assert!(Wish::new("app", &factors(&[("dc1", 0)])).is_err());
    }
}
