//! What a product is asked to do: looks first, then does what is missing, so that asking again is harmless.

mod assignment;
mod leave;
mod topic;

use std::time::Duration;

use smack_model::{Member, Operation, OperationOrder, Outcome};
use tokio::time::Instant;

use crate::kafka::{Client, Error, Listener};
use crate::reach::{Reach, shown};

/// For each single exchange with a product.
const EXCHANGE: Duration = Duration::from_secs(10);

/// How long errors that pass by themselves may last before they are final.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two attempts: at first and at last.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// What a broker's listener for clients may be called; a task's only port is it whatever its name.
const CLIENT_PORTS: [&str; 4] = ["kafka", "client", "broker", "plaintext"];

/// Why an attempt ended without success.
#[derive(Debug)]
enum Halt {
    /// It may go well a little later.
    Later(Error),
    Failed(String),
}

impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        if error.passes() {
            Self::Later(error)
        } else {
            Self::Failed(error.to_string())
        }
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
}

/// Performs the operation to its end. `report` hears how far it is; the outcome is `Done` or `Failed`.
pub async fn perform(
    reach: &dyn Reach,
    order: &OperationOrder,
    report: impl Fn(String) + Send + Sync,
) -> Outcome {
    let listeners = listeners(&order.members);
    let members: Vec<i32> = listeners
        .iter()
        .filter_map(|listener| listener.broker)
        .collect();
    let client = Client::new(reach, listeners, EXCHANGE);
    let mut work = match &order.operation {
        Operation::KafkaTopic {
            topic,
            partitions,
            replication,
            config,
        } => match topic::Wish::new(topic, *partitions, *replication, config) {
            Ok(wish) => Work::Topic(topic::TopicWork::new(client, members, wish)),
            Err(problem) => return Outcome::Failed(problem),
        },
        Operation::KafkaLeave { broker } => {
            Work::Leave(leave::LeaveWork::new(client, members, *broker))
        }
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

/// How a declared topic differs from the one there is; `None` if it does not, or if there is nothing to compare.
pub async fn drift(reach: &dyn Reach, members: &[Member], operation: &Operation) -> Option<String> {
    let Operation::KafkaTopic {
        topic,
        partitions,
        replication,
        config,
    } = operation
    else {
        return None;
    };
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
