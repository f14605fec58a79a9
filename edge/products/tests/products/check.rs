//! Is a system whole, and may one of its tasks go?

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use smack_model::{About, Answer, Check, Question, SystemId};
use smack_products::{Direct, answer};

use crate::answers::{self, Cluster, healthy};
use crate::fake::{broker, member, name, nobody, replays, run, zookeeper};

const TIMEOUT: Duration = Duration::from_millis(600);

async fn ask(check: Check, about: About, listening: &[u16]) -> String {
    let members = listening.iter().zip(1..);
    let question = Question {
        system: SystemId::parse("qa/a/kafka!1").unwrap(),
        about,
        check,
        members: members
            .map(|(&port, id)| member(&format!("task-{id}"), id, port))
            .collect(),
    };
    match answer(&Direct, &question, TIMEOUT).await {
        Answer::Yes => "yes".to_owned(),
        Answer::No(why) => format!("no: {why}"),
        Answer::Unknown(why) => format!("unknown: {why}"),
    }
}

fn zk() -> Check {
    Check::ZooKeeper {
        port: name("client"),
    }
}

fn kafka() -> Check {
    let brokers = (1..=3).map(|id| (name(&format!("task-{id}")), id));
    Check::Kafka {
        port: name("client"),
        brokers: brokers.collect::<BTreeMap<_, _>>(),
    }
}

fn without(id: u32) -> About {
    About::Without(name(&format!("task-{id}")))
}

/// Three brokers that all see this.
async fn brokers(cluster: Cluster) -> [u16; 3] {
    let script = answers::script(&Rc::new(RefCell::new(cluster)));
    [
        broker(Rc::clone(&script)).await,
        broker(Rc::clone(&script)).await,
        broker(script).await,
    ]
}

#[test]
fn a_zookeeper_ensemble() {
    run(async {
        let all = [
            zookeeper("follower").await,
            zookeeper("leader").await,
            zookeeper("follower").await,
        ];
        assert_eq!(ask(zk(), About::Health, &all).await, "yes");
        assert_eq!(ask(zk(), without(2), &all).await, "yes");
        let two = [all[0], all[1], replays(None).await];
        let health = ask(zk(), About::Health, &two).await;
        assert_eq!(health, "no: task-3: no answer within 480ms");
        assert!(
            ask(zk(), without(1), &two)
                .await
                .contains("1 of 3 members would serve")
        );
        assert_eq!(ask(zk(), without(3), &two).await, "yes");
        let none = [nobody().await, nobody().await];
        assert!(ask(zk(), About::Health, &none).await.starts_with("unknown"));
    });
}

#[test]
fn a_kafka_cluster_in_good_order() {
    run(async {
        let all = brokers(healthy()).await;
        assert_eq!(ask(kafka(), About::Health, &all).await, "yes");
        assert_eq!(ask(kafka(), without(1), &all).await, "yes");
        assert_eq!(ask(kafka(), without(9), &all).await, "yes");
    });
}

#[test]
fn an_under_replicated_partition() {
    run(async {
        let mut cluster = healthy();
        cluster.topics[0].1[1].1 = vec![1, 2];
        let all = brokers(cluster).await;
        let health = ask(kafka(), About::Health, &all).await;
        assert_eq!(
            health,
            "no: 1 of 3 partitions are not whole: events-1 (in sync 1,2 of 1,2,3)"
        );
        let gone = ask(kafka(), without(1), &all).await;
        assert!(
            gone.contains("events-1 would have 1 in-sync replicas, 2 are needed"),
            "{gone}"
        );
        // The one that is out of sync has no part in it.
        assert_eq!(ask(kafka(), without(3), &all).await, "yes");
    });
}

#[test]
fn partitions_that_no_patience_keeps_up() {
    run(async {
        let mut cluster = healthy();
        cluster.topics[0].1 = vec![(vec![1], vec![1])];
        assert_eq!(
            ask(kafka(), without(1), &brokers(cluster.clone()).await).await,
            "yes"
        );
        cluster.topics[0].1 = vec![(vec![1, 2], vec![1, 2])];
        let gone = ask(kafka(), without(1), &brokers(cluster).await).await;
        assert!(gone.contains("lower min.insync.replicas"), "{gone}");
    });
}

#[test]
fn brokers_that_do_not_answer() {
    run(async {
        let [one, two, _] = brokers(healthy()).await;
        let some = [one, two, replays(None).await];
        let health = ask(kafka(), About::Health, &some).await;
        assert!(
            health.starts_with("no: task-3: ") && health.contains("240ms"),
            "{health}"
        );
        // The silent one still stands in every in-sync set, but it does not count.
        let gone = ask(kafka(), without(1), &some).await;
        assert!(gone.contains("3 of 3 partitions would suffer"), "{gone}");
        assert_eq!(ask(kafka(), without(3), &some).await, "yes");
        let none = [nobody().await, nobody().await, nobody().await];
        assert!(
            ask(kafka(), About::Health, &none)
                .await
                .starts_with("unknown")
        );
        assert!(ask(kafka(), without(1), &none).await.starts_with("unknown"));
    });
}

#[test]
fn brokers_that_do_not_know_each_other() {
    run(async {
        let cluster = Cluster {
            brokers: vec![1, 2],
            ..healthy()
        };
        let health = ask(kafka(), About::Health, &brokers(cluster).await).await;
        assert_eq!(health, "no: task-1 does not list broker 3");
        let cluster = Cluster {
            controller: -1,
            ..healthy()
        };
        let health = ask(kafka(), About::Health, &brokers(cluster).await).await;
        assert_eq!(health, "no: task-1 knows of no controller");
    });
}
