//! A node leaves its ring: it gives its rows to the others by `nodetool decommission`, run in its own place.
//!
//! Tried with 5.0.9: others see it `LEAVING` while rows move, then `LEFT`, and no more among their peers. Its process
//! goes on, its CQL does not. It is refused if a keyspace has more copies than nodes would stay, be it only the product's
//! own `system_distributed` with its three: then, and only then, it is forced.

use std::net::IpAddr;
use std::time::Duration;

use futures_util::future::{Either, join_all, select};
use smack_model::{Member, OperationOrder, TaskName};
use tokio::time::Instant;

use super::program::Program;
use super::{EXCHANGE, Halt, Report};
use crate::cassandra::{BY_DATA_CENTER, Copies, Status, View, keyspaces, open, view};
use crate::reach::{Reach, shown};

const COMMAND: [&str; 2] = ["bin/nodetool", "decommission"];
const FORCE: &str = "--force";

/// For the whole leave; large nodes take hours.
const LIMIT: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a node that is leaving may be silent. At the end of it, it is for the ring's delay, 30 s by default.
const SILENT_MAX: Duration = Duration::from_secs(3 * 60);

/// How long a node may be silent before it counts as dead.
const DEAD_AFTER: Duration = Duration::from_secs(3);

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);

pub(super) struct RingWork<'a> {
    reach: &'a dyn Reach,
    order: &'a OperationOrder,
    task: &'a TaskName,
    began: Instant,
    silent_since: Option<Instant>,
}

/// How far the node is in the eyes of all that answer.
#[derive(Debug, PartialEq, Eq)]
enum Stage {
    Gone,
    /// It is leaving. Nothing stands for that its own CQL does not answer.
    Leaving(Option<String>),
    Member,
    /// It is part of the ring and does not answer; its host id.
    Dead(String),
}

impl<'a> RingWork<'a> {
    pub(super) fn new(reach: &'a dyn Reach, order: &'a OperationOrder, task: &'a TaskName) -> Self {
        Self {
            reach,
            order,
            task,
            began: Instant::now(),
            silent_since: None,
        }
    }

    /// Looks, has it leave if it does not yet, waits; until no other node has it in its ring.
    pub(super) async fn attempt(&mut self, report: &mut Report<'_>) -> Result<String, Halt> {
        let task = self.task;
        let members = self.order.members.iter();
        let Some(leaving) = members.clone().find(|member| member.is_own(task)) else {
            return Err(Halt::Failed(format!(
                "{task} has no address, so the ring cannot be asked about it"
            )));
        };
        let others: Vec<&Member> = members.filter(|member| !member.is_own(task)).collect();
        if others.is_empty() {
            return Err(Halt::Failed(format!(
                "{task} is the last node of the ring: there is nobody to give its rows to"
            )));
        }
        loop {
            match self.stage(leaving, &others).await? {
                Stage::Gone => {
                    return Ok(format!(
                        "{task} gave its rows to the others and left the ring"
                    ));
                }
                Stage::Member => {
                    self.silent_since = None;
                    self.leave(leaving, &others, report).await?;
                }
                Stage::Leaving(streaming) => self.wait(streaming, report)?,
                Stage::Dead(host_id) => {
                    let since = *self.silent_since.get_or_insert_with(Instant::now);
                    if since.elapsed() > DEAD_AFTER {
                        return Err(Halt::Failed(format!(
                            "{task} is down and cannot give its rows away: start it, or `smack replace` it first; \
                             if its data is lost for good, run nodetool removenode {host_id} on another node"
                        )));
                    }
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Runs the program to its end, and tells meanwhile what moves.
    async fn leave(
        &mut self,
        leaving: &Member,
        others: &[&Member],
        report: &mut Report<'_>,
    ) -> Result<(), Halt> {
        let mut command = COMMAND.map(str::to_owned).to_vec();
        if self.needs_force(leaving).await? {
            command.push(FORCE.to_owned());
        }
        let program = Program {
            reach: self.reach,
            order: self.order,
            member: leaving,
        };
        let mut running = Box::pin(program.run(&command, LIMIT));
        report.say("leaving: begins".to_owned());
        let ended = loop {
            let looking = Box::pin(async {
                tokio::time::sleep(PAUSE).await;
                self.stage(leaving, others).await
            });
            match select(running, looking).await {
                Either::Left((ended, _)) => break ended,
                Either::Right((stage, going_on)) => {
                    if let Ok(Stage::Leaving(Some(streaming))) = stage {
                        report.say(format!("leaving: {streaming}"));
                    }
                    running = going_on;
                }
            }
        };
        let Err(reason) = ended else {
            return Ok(());
        };
        // Whatever the program said, the ring knows: it may have been left just before, or be leaving already.
        match self.stage(leaving, others).await? {
            Stage::Gone | Stage::Leaving(_) => Ok(()),
            Stage::Member | Stage::Dead(_) => Err(Halt::Failed(reason)),
        }
    }

    /// Whether the product would refuse for the sake of its own keyspaces. For that of others it is right.
    async fn needs_force(&self, leaving: &Member) -> Result<bool, Halt> {
        let task = self.task;
        let mut connection = open(self.reach, leaving, None, EXCHANGE)
            .await
            .map_err(|reason| Halt::Later(format!("{task}: {reason}")))?;
        let view = view(&mut connection).await?;
        let mut force = false;
        for (keyspace, copies) in keyspaces(&mut connection).await? {
            let (wanted, staying) = copies_and_nodes(&copies, &view);
            if wanted <= staying {
                continue;
            }
            if !copies.is_products(&keyspace) && !stays_elsewhere(&keyspace, &copies, &view) {
                let here = &view.own.data_center;
                return Err(Halt::Failed(format!(
                    "{task} cannot leave without loss: keyspace {keyspace} has {wanted} copies in {here}, and without \
                     it there are {staying} nodes; lower its copies or add nodes"
                )));
            }
            force = true;
        }
        Ok(force)
    }

    fn wait(&mut self, streaming: Option<String>, report: &mut Report<'_>) -> Result<(), Halt> {
        let task = self.task;
        match streaming {
            Some(streaming) => {
                self.silent_since = None;
                report.say(format!("leaving: {streaming}"));
            }
            None => {
                let since = *self.silent_since.get_or_insert_with(Instant::now);
                if since.elapsed() > SILENT_MAX {
                    return Err(Halt::Failed(format!(
                        "{task} was leaving and has not answered for {}: start it and try again",
                        shown(SILENT_MAX)
                    )));
                }
                report.say("leaving: waits until all know".to_owned());
            }
        }
        if self.began.elapsed() > LIMIT {
            let limit = shown(LIMIT);
            return Err(Halt::Failed(format!(
                "{task} has not left the ring within {limit}"
            )));
        }
        Ok(())
    }

    async fn stage(&self, leaving: &Member, others: &[&Member]) -> Result<Stage, Halt> {
        let asked = others.iter().map(|member| self.look(member));
        let (itself, seen) =
            futures_util::future::join(self.progress(leaving), join_all(asked)).await;
        let (own_address, streaming) = match itself {
            Ok((address, streaming)) => (Some(address), Some(streaming)),
            Err(_) => (None, None),
        };
        let address = own_address.or_else(|| leaving.address.parse().ok());
        let Some(address) = address else {
            let reason = format!("{} has no address by which the ring knows it", leaving.task);
            return Err(Halt::Later(reason));
        };
        let mut reasons = Vec::new();
        let mut views = Vec::new();
        for (member, seen) in others.iter().zip(seen) {
            match seen {
                Ok(view) => views.push(view),
                Err(reason) => reasons.push(format!("{}: {reason}", member.shown())),
            }
        }
        // Those that are down learn of it when they are up; those that are up must all know.
        if views.is_empty() {
            return Err(Halt::Later(reasons.join("; ")));
        }
        Ok(stage_of(address, &views, streaming))
    }

    async fn look(&self, member: &Member) -> Result<View, String> {
        let mut connection = open(self.reach, member, None, EXCHANGE).await?;
        view(&mut connection)
            .await
            .map_err(|error| error.to_string())
    }

    /// Where the leaving node is in the ring, and what it has sent so far.
    async fn progress(&self, leaving: &Member) -> Result<(IpAddr, String), String> {
        let mut connection = open(self.reach, leaving, None, EXCHANGE).await?;
        let asking = async {
            let own = crate::cassandra::own(&mut connection).await?;
            let query = "SELECT status, bytes_sent, bytes_to_send FROM system_views.streaming";
            let streams = connection.ask(query).await?.rows;
            let sum = |column| -> i64 {
                let numbers = streams.iter().filter_map(|row| row.number(column));
                numbers.fold(0, i64::saturating_add)
            };
            let (sent, all) = (sum("bytes_sent"), sum("bytes_to_send"));
            let told = match all {
                0 => "no rows are sent yet".to_owned(),
                _ => format!("{} of {} sent", bytes(sent), bytes(all)),
            };
            Ok((own.address, told))
        };
        asking
            .await
            .map_err(|error: crate::cql::Error| error.to_string())
    }
}

/// Whether it is a keyspace of the product that other data centers have as well.
fn stays_elsewhere(keyspace: &str, copies: &Copies, view: &View) -> bool {
    let here = &view.own.data_center;
    let mut elsewhere = copies.factors.iter().filter(|(name, _)| *name != here);
    keyspace.starts_with("system_")
        && copies.strategy == BY_DATA_CENTER
        && elsewhere.any(|(_, copies)| *copies > 0)
}

/// How many copies a row has where the asked node is, and how many nodes there are for them without it.
fn copies_and_nodes(copies: &Copies, view: &View) -> (u32, u32) {
    let here = &view.own.data_center;
    let by_data_center = copies.strategy == BY_DATA_CENTER;
    let others = view.present().filter(|(address, node)| {
        let counts = !by_data_center || node.data_center == *here;
        *address != view.own.address && counts && node.status != Status::Leaving
    });
    let staying = u32::try_from(others.count()).unwrap_or(u32::MAX);
    (copies.there(here), staying)
}

fn stage_of(address: IpAddr, views: &[View], streaming: Option<String>) -> Stage {
    let is_known = |view: &View| view.status(address).is_some() || view.peers.contains(&address);
    let Some(first) = views.iter().find(|view| is_known(view)) else {
        return Stage::Gone;
    };
    let has_left = |view: &View| {
        view.ring
            .get(&address)
            .is_some_and(|node| node.status.is_gone())
    };
    let is_leaving = |view: &View| view.status(address) == Some(Status::Leaving);
    if views.iter().any(|view| is_leaving(view) || has_left(view)) {
        return Stage::Leaving(streaming);
    }
    match streaming {
        Some(_) => Stage::Member,
        None => {
            let node = first.ring.get(&address);
            Stage::Dead(node.map(|node| node.host_id.clone()).unwrap_or_default())
        }
    }
}

/// `12 MiB`, as far as people care.
fn bytes(count: i64) -> String {
    match count {
        0..1_048_576 => format!("{} KiB", count / 1024),
        _ => format!("{} MiB", count / 1_048_576),
    }
}
