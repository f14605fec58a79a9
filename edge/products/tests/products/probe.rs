//! Is a task ready?

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use smack_model::{Probe, ProbeOrder, TaskId};
use smack_products::{Direct, Probed, probe};

use crate::answers::{self, Cluster, healthy};
use crate::fake::{Reply, broker, name, nobody, ports, replays, run, zookeeper};

const TIMEOUT: Duration = Duration::from_millis(300);

async fn ask(asked: Probe, port: u16) -> Probed {
    let order = ProbeOrder {
        id: TaskId::parse("qa/a/kafka!1/broker-0#1").unwrap(),
        address: "127.33.9.1".to_owned(),
        ports: ports(port),
        probe: asked,
        pace: smack_model::Pace::default(),
    };
    let began = Instant::now();
    let probed = probe(&Direct, &order, TIMEOUT).await;
    assert!(began.elapsed() < TIMEOUT * 3, "it must end in time");
    probed
}

fn tcp() -> Probe {
    Probe::Tcp {
        port: name("client"),
    }
}

fn http() -> Probe {
    let (port, path) = (name("client"), "/health".to_owned());
    Probe::Http { port, path }
}

fn zk() -> Probe {
    Probe::ZooKeeper {
        port: name("client"),
    }
}

fn kafka(id: u32) -> Probe {
    Probe::KafkaBroker {
        port: name("client"),
        broker: id,
    }
}

#[test]
fn open_and_closed_ports() {
    run(async {
        assert!(ask(tcp(), replays(None).await).await.ready);
        let closed = ask(tcp(), nobody().await).await;
        assert!(
            !closed.ready && closed.detail.contains("connection refused"),
            "{closed:?}"
        );
    });
}

#[test]
fn http_statuses() {
    run(async {
        for (line, ready) in [
            ("200 OK", true),
            ("302 Found", true),
            ("404 No", false),
            ("503 x", false),
        ] {
            let answer = format!("HTTP/1.1 {line}\r\nContent-Length: 0\r\n\r\n").into_bytes();
            assert_eq!(
                ask(http(), replays(Some(answer)).await).await.ready,
                ready,
                "{line}"
            );
        }
        let silent = ask(http(), replays(None).await).await;
        assert!(
            silent.detail.contains("no answer within 300ms"),
            "{silent:?}"
        );
    });
}

#[test]
fn zookeepers_modes() {
    run(async {
        let leader = ask(zk(), zookeeper("leader").await).await;
        assert_eq!(
            (leader.ready, leader.role.as_deref()),
            (true, Some("leader"))
        );
        let mute = b"This ZooKeeper instance is not currently serving requests\n".to_vec();
        let mute = ask(zk(), replays(Some(mute)).await).await;
        assert!(
            !mute.ready && mute.detail.contains("not currently serving"),
            "{mute:?}"
        );
        assert!(!ask(zk(), replays(Some(Vec::new())).await).await.ready);
        assert!(!ask(zk(), replays(None).await).await.ready);
    });
}

#[test]
fn a_broker_is_ready_when_it_lists_itself_and_a_controller() {
    run(async {
        let with = |change: fn(&mut Cluster)| {
            let mut cluster = healthy();
            change(&mut cluster);
            broker(answers::script(&Rc::new(RefCell::new(cluster))))
        };
        for metadata in 9..=13 {
            let port = broker(answers::script(&Rc::new(RefCell::new(Cluster {
                metadata,
                ..healthy()
            }))));
            let probed = ask(kafka(2), port.await).await;
            assert!(probed.ready, "version {metadata}: {probed:?}");
            assert_eq!(probed.role.as_deref(), Some("controller"));
        }
        let fenced = ask(kafka(1), with(|cluster| cluster.brokers.clear()).await).await;
        assert!(
            !fenced.ready
                && fenced
                    .detail
                    .contains("listens but is not registered: it lists none"),
            "{fenced:?}"
        );
        let stranger = ask(kafka(7), with(|_| ()).await).await;
        assert!(stranger.detail.contains("it lists 1,2,3"), "{stranger:?}");
        let headless = ask(kafka(1), with(|cluster| cluster.controller = -1).await).await;
        assert!(
            !headless.ready && headless.detail.contains("no controller"),
            "{headless:?}"
        );
        let ancient = ask(kafka(1), with(|cluster| cluster.metadata = 5).await).await;
        assert!(
            ancient
                .detail
                .contains("knows Metadata in versions 0 to 5, not in 9 to 13"),
            "{ancient:?}"
        );
        let controller = Probe::KafkaController {
            port: name("client"),
        };
        assert!(ask(controller, with(|_| ()).await).await.ready);
    });
}

#[test]
fn what_is_not_kafka_is_not_ready() {
    run(async {
        for (bytes, expected) in [
            (None, "within 300ms"),
            (Some(Vec::new()), "ended the connection"),
            (
                Some(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
                "not with a length",
            ),
            (
                Some(vec![0, 0, 0, 50, 0, 0, 0, 1, 0]),
                "in the middle of an answer",
            ),
            (Some(vec![0, 0, 0, 6, 0, 0, 0, 9, 0, 0]), "another request"),
            (
                Some(vec![0, 0, 0, 10, 0, 0, 0, 1, 0, 0, 0x7f, 0xff, 0xff, 0xff]),
                "2147483647 items",
            ),
        ] {
            let probed = ask(kafka(1), replays(bytes).await).await;
            assert!(
                !probed.ready && probed.detail.contains(expected),
                "{expected}: {probed:?}"
            );
        }
        let half = broker(Rc::new(|key, _, _| match key {
            18 => {
                let mut bytes = Vec::new();
                let versions = answers::versions(12);
                kafka_protocol::protocol::Encodable::encode(&versions, &mut bytes, 0).unwrap();
                Reply::Body(false, bytes)
            }
            _ => Reply::Raw(vec![0, 0, 1, 0, 0, 0]),
        }));
        let half = ask(kafka(1), half.await).await;
        assert!(
            half.detail.contains("in the middle of an answer"),
            "{half:?}"
        );
    });
}

#[test]
fn wrong_orders_are_said() {
    run(async {
        let unknown = ask(
            Probe::Tcp {
                port: name("admin"),
            },
            1,
        )
        .await;
        assert_eq!(unknown.detail, "the task has no port named admin");
        let exec = ask(
            Probe::Exec {
                command: Vec::new(),
            },
            1,
        )
        .await;
        assert!(!exec.ready && exec.detail.contains("grid"), "{exec:?}");
    });
}
