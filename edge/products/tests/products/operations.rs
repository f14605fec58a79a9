//! What products are asked to do.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Mutex;

use smack_model::{Digest, Operation, OperationOrder, Outcome, SystemId};
use smack_products::{Direct, drift, perform};

use crate::answers::{self, Cluster, healthy};
use crate::fake::{broker, member, run};

/// Performs it on a cluster whose every broker listens at one fake; gives the outcome and what was told.
async fn act(cluster: &Rc<RefCell<Cluster>>, operation: Operation) -> (Outcome, Vec<String>) {
    let port = broker(answers::script(cluster)).await;
    let order = OperationOrder {
        system: SystemId::parse("qa/a/kafka!1").unwrap(),
        name: "it".to_owned(),
        digest: Digest::of(b"it"),
        operation,
        members: (1..=4)
            .map(|id| member(&format!("task-{id}"), id, port))
            .collect(),
    };
    let told = Mutex::new(Vec::new());
    let outcome = perform(&Direct, &order, |text| told.lock().unwrap().push(text)).await;
    (outcome, told.into_inner().unwrap())
}

fn topic(name: &str, partitions: u32) -> Operation {
    Operation::KafkaTopic {
        topic: name.to_owned(),
        partitions,
        replication: 3,
        config: BTreeMap::new(),
    }
}

#[test]
fn a_topic_is_created_once() {
    run(async {
        let cluster = Rc::new(RefCell::new(healthy()));
        let (first, _) = act(&cluster, topic("fresh", 2)).await;
        let created = "created with 2 partitions, replication 3";
        assert_eq!(first, Outcome::Done(created.to_owned()));
        let (second, told) = act(&cluster, topic("fresh", 2)).await;
        let same = "as declared, 2 partitions, replication 3";
        assert_eq!((second, told), (Outcome::Done(same.to_owned()), Vec::new()));
    });
}

#[test]
fn partitions_are_never_taken_away() {
    run(async {
        let cluster = Rc::new(RefCell::new(healthy()));
        let (outcome, _) = act(&cluster, topic("events", 2)).await;
        let drift =
            "drift: topic events has 3 partitions, 2 declared; Kafka cannot take partitions away";
        assert_eq!(outcome, Outcome::Failed(drift.to_owned()));
    });
}

#[test]
fn a_broker_leaves_or_says_why_not() {
    run(async {
        let four = Cluster {
            brokers: vec![1, 2, 3, 4],
            ..healthy()
        };
        let cluster = Rc::new(RefCell::new(four));
        let (outcome, told) = act(&cluster, Operation::KafkaLeave { broker: 3 }).await;
        let left = "broker 3 holds no replica, 3 partitions were moved";
        assert_eq!(outcome, Outcome::Done(left.to_owned()));
        assert_eq!(told, ["0 of 3 partitions moved"]);
        let three = Rc::new(RefCell::new(healthy()));
        let (outcome, _) = act(&three, Operation::KafkaLeave { broker: 3 }).await;
        let Outcome::Failed(why) = outcome else {
            panic!("{outcome:?}");
        };
        assert!(
            why.contains("topic events has 3 replicas, and without it there are 2 brokers (1,2)"),
            "{why}"
        );
    });
}

#[test]
fn drift_is_told() {
    run(async {
        let cluster = Rc::new(RefCell::new(healthy()));
        let members = [member("task-1", 1, broker(answers::script(&cluster)).await)];
        assert_eq!(drift(&Direct, &members, &topic("events", 3)).await, None);
        let more = drift(&Direct, &members, &topic("events", 6)).await;
        assert_eq!(more.as_deref(), Some("3 partitions, 6 declared"));
        let none = drift(&Direct, &members, &topic("other", 6)).await;
        assert_eq!(
            none.as_deref(),
            Some("topic other is declared but not there")
        );
        let unknown = drift(&Direct, &[], &topic("events", 3)).await;
        assert!(unknown.is_some_and(|why| why.contains("could not be looked at")));
    });
}

#[test]
fn any_runtime_may_ask() {
    fn is_send<T: Send>(_: &T) {}
    let members = [member("task-1", 1, 1)];
    let asked = topic("events", 3);
    is_send(&drift(&Direct, &members, &asked));
    let order = OperationOrder {
        system: SystemId::parse("qa/a/kafka!1").unwrap(),
        name: "it".to_owned(),
        digest: Digest::of(b"it"),
        operation: topic("events", 3),
        members: Vec::new(),
    };
    is_send(&perform(&Direct, &order, drop));
}
