//! Is a system as it should be, and may one of its tasks go? Answered from what its members say now.

mod cassandra;
mod kafka;
mod zookeeper;

use std::time::Duration;

use smack_model::{Answer, Check, Question};

use crate::reach::{Reach, shown};

/// Asks all members at once, for at most `timeout` in all.
pub async fn answer(reach: &dyn Reach, question: &Question, timeout: Duration) -> Answer {
    let members = question.members.as_slice();
    let about = &question.about;
    let asking = async {
        match &question.check {
            Check::ZooKeeper { port } => {
                zookeeper::answer(reach, about, port, members, timeout).await
            }
            Check::Cassandra { port } => {
                cassandra::answer(reach, about, port, members, timeout).await
            }
            Check::Kafka { port, brokers } => {
                let asked = kafka::brokers(brokers, port, members);
                kafka::answer(reach, about, asked, timeout).await
            }
        }
    };
    match tokio::time::timeout(timeout, asking).await {
        Ok(answer) => answer,
        Err(_) => Answer::Unknown(format!("no answer within {}", shown(timeout))),
    }
}
