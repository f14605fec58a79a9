//! What a product is asked to do: looks first, then does what is missing, so that asking again is harmless.

mod assignment;
mod keyspace;
mod leave;
mod program;
mod ring;
mod topic;
mod withdraw;

use std::borrow::Cow;
use std::time::Duration;

use smack_model::{Member, Operation, OperationOrder, Outcome, TaskName};
use tokio::time::Instant;

use crate::cql;
use crate::kafka::{Client, Error, Listener};
use crate::reach::{Reach, shown};

/// For each single exchange with a product.
const EXCHANGE: Duration = Duration::from_secs(10);

/// How long errors that pass by themselves may last before they are final.
const PATIENCE: Duration = Duration::from_secs(60);

/// For one node; large ones take hours.
const REBUILD_WITHIN: Duration = Duration::from_secs(24 * 60 * 60);

/// Between two attempts: at first and at last.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// What a broker's listener for clients may be called; a task's only port is it whatever its name.
const CLIENT_PORTS: [&str; 4] = ["kafka", "client", "broker", "plaintext"];

/// Why an attempt ended without success.
#[derive(Debug)]
enum Halt {
    /// It may go well a little later.
    Later(String),
    Failed(String),
}

impl Halt {
    fn of(error: impl std::fmt::Display, passes: bool) -> Self {
        let reason = error.to_string();
        if passes {
            Self::Later(reason)
        } else {
            Self::Failed(reason)
        }
    }
}

impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        let passes = error.passes();
        Self::of(error, passes)
    }
}

impl From<cql::Error> for Halt {
    fn from(error: cql::Error) -> Self {
        let passes = error.passes();
        Self::of(error, passes)
    }
}

/// Where an operation tells how far it is. Says nothing twice in a row.
struct Report<'a> {
    tell: &'a (dyn Fn(String) + Send + Sync),
    last: String,
}

impl Report<'_> {
    fn say(&mut self, text: String) {
        if text != self.last {
            self.last.clone_from(&text);
            (self.tell)(text);
        }
    }
}

/// One operation being performed.
enum Work<'a> {
    Topic(topic::TopicWork<'a>),
    Leave(leave::LeaveWork<'a>),
    Keyspace(keyspace::KeyspaceWork<'a>),
    Ring(ring::RingWork<'a>),
    Withdraw(withdraw::WithdrawWork<'a>),
    Program(&'a [TaskName], Cow<'a, [String]>, Duration),
}

impl<'a> Work<'a> {
    fn new(reach: &'a dyn Reach, order: &'a OperationOrder) -> Result<Self, String> {
        let kafka = || {
            let listeners = listeners(&order.members);
            let members: Vec<i32> = listeners
                .iter()
                .filter_map(|listener| listener.broker)
                .collect();
            (Client::new(reach, listeners, EXCHANGE), members)
        };
        Ok(match &order.operation {
            Operation::KafkaTopic {
                topic,
                partitions,
                replication,
                config,
            } => {
                let wish = topic::Wish::new(topic, *partitions, *replication, config)?;
                let (client, members) = kafka();
                Self::Topic(topic::TopicWork::new(client, members, wish))
            }
            Operation::KafkaLeave { broker } => {
                let (client, members) = kafka();
                Self::Leave(leave::LeaveWork::new(client, members, *broker))
            }
            Operation::CassandraKeyspace {
                keyspace,
                replication,
            } => {
                let wish = keyspace::Wish::new(keyspace, replication)?;
                Self::Keyspace(keyspace::KeyspaceWork::new(reach, &order.members, wish))
            }
            Operation::CassandraLeave { task } => {
                Self::Ring(ring::RingWork::new(reach, order, task))
            }
            Operation::Exec {
                tasks,
                command,
                within,
            } => Self::Program(
                tasks,
                Cow::Borrowed(command),
                Duration::from_millis(within.0),
            ),
            Operation::CassandraRebuild { tasks, source } => {
                let Some(source) = source else {
                    return Err("there is no other data center to fetch rows from".to_owned());
                };
                let command = ["bin/nodetool", "rebuild", "--", source].map(str::to_owned);
                Self::Program(tasks, Cow::Owned(command.to_vec()), REBUILD_WITHIN)
            }
            Operation::CassandraWithdraw { data_center } => Self::Withdraw(
                withdraw::WithdrawWork::new(reach, &order.members, data_center),
            ),
        })
    }
}

/// Performs the operation to its end. `report` hears how far it is; the outcome is `Done` or `Failed`.
pub async fn perform(
    reach: &dyn Reach,
    order: &OperationOrder,
    report: impl Fn(String) + Send + Sync,
) -> Outcome {
    let mut work = match Work::new(reach, order) {
        Ok(work) => work,
        Err(problem) => return Outcome::Failed(problem),
    };
    let mut report = Report {
        tell: &report,
        last: String::new(),
    };
    let mut trouble_since: Option<Instant> = None;
    let (mut pause, pause_max) = PAUSES;
    loop {
        let began = Instant::now();
        let attempt = match &mut work {
            Work::Topic(work) => work.attempt(&mut report).await,
            Work::Leave(work) => work.attempt(&mut report).await,
            Work::Keyspace(work) => work.attempt(&mut report).await,
            Work::Ring(work) => work.attempt(&mut report).await,
            Work::Withdraw(work) => work.attempt(&mut report).await,
            Work::Program(tasks, command, within) => {
                program::run_in_turn(reach, order, (tasks, command, *within), &mut report).await
            }
        };
        let error = match attempt {
            Ok(result) => return Outcome::Done(result),
            Err(Halt::Failed(reason)) => return Outcome::Failed(reason),
            Err(Halt::Later(error)) => error,
        };
        // An attempt that went well for long has ended the trouble before it.
        if began.elapsed() > PATIENCE {
            trouble_since = None;
            pause = PAUSES.0;
        }
        let since = *trouble_since.get_or_insert(began);
        if since.elapsed() > PATIENCE {
            return Outcome::Failed(format!("{error} (tried for {})", shown(PATIENCE)));
        }
        report.say(format!("trying again: {error}"));
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(pause_max);
    }
}

/// The keyspaces whose only copies are in the data center, as the product says now; the error says why it does not.
pub async fn only_in(
    reach: &dyn Reach,
    members: &[Member],
    data_center: &str,
) -> Result<Vec<String>, String> {
    withdraw::only_in(reach, members, data_center).await
}

/// How what is declared differs from what there is; `None` if it does not, or if there is nothing to compare.
pub async fn drift(reach: &dyn Reach, members: &[Member], operation: &Operation) -> Option<String> {
    match operation {
        Operation::KafkaTopic {
            topic,
            partitions,
            replication,
            config,
        } => {
            let wish = match topic::Wish::new(topic, *partitions, *replication, config) {
                Ok(wish) => wish,
                Err(problem) => return Some(problem),
            };
            let mut client = Client::new(reach, listeners(members), EXCHANGE);
            match topic::compare(&mut client, &wish).await {
                Ok(difference) => difference,
                Err(error) => Some(format!("topic {topic} could not be looked at: {error}")),
            }
        }
        Operation::CassandraKeyspace {
            keyspace,
            replication,
        } => match keyspace::Wish::new(keyspace, replication) {
            Ok(wish) => keyspace::compare(reach, members, &wish).await,
            Err(problem) => Some(problem),
        },
        Operation::KafkaLeave { .. }
        | Operation::CassandraLeave { .. }
        | Operation::CassandraRebuild { .. }
        | Operation::CassandraWithdraw { .. }
        | Operation::Exec { .. } => None,
    }
}

/// The brokers' listeners, those of ready members first. A member without one is no broker.
fn listeners(members: &[Member]) -> Vec<Listener> {
    let port = |member: &Member| {
        let named = CLIENT_PORTS.iter().find_map(|name| member.ports.get(*name));
        let only = member
            .ports
            .values()
            .next()
            .filter(|_| member.ports.len() == 1);
        named.or(only).copied()
    };
    let mut found: Vec<(bool, Listener)> = Vec::new();
    for member in members {
        if let Some(port) = port(member) {
            let broker = member.member.and_then(|id| i32::try_from(id).ok());
            let address = member.address.clone();
            found.push((
                !member.ready,
                Listener {
                    broker,
                    address,
                    port,
                },
            ));
        }
    }
    found.sort_by_key(|(not_ready, _)| *not_ready);
    found.into_iter().map(|(_, listener)| listener).collect()
}
