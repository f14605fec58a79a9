//! Cassandra: is a node ready, is the ring whole, may a node go?

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use smack_model::{About, Answer, Check, Probe, ProbeOrder, Question, SystemId, TaskId};
use smack_products::{Direct, Probed, answer, drift, probe};

use crate::cassandra_operations::keyspace;
use crate::fake::{name, nobody, ports, replays, run};
use crate::ring::{self, Ring, Sight, Told, frame, members, shared, whole};

const TIMEOUT: Duration = Duration::from_millis(600);

async fn probe_at(address: String, port: u16) -> Probed {
    let order = ProbeOrder {
        id: TaskId::parse("qa/a/ring!1/node-0#1").unwrap(),
        address,
        ports: ports(port),
        probe: Probe::Cassandra {
            port: name("client"),
        },
        pace: smack_model::Pace::default(),
    };
    probe(&Direct, &order, TIMEOUT).await
}

async fn probe_of(change: impl Fn(&mut Ring), id: u8) -> Probed {
    let mut ring = whole();
    change(&mut ring);
    let members = members(&shared(ring), &[]).await;
    let member = members[usize::from(id)].clone();
    probe_at(member.address.clone(), member.ports["client"]).await
}

#[test]
fn a_node_is_ready_when_it_is_normal_in_its_own_ring() {
    run(async {
        let seed = probe_of(|_| (), 0).await;
        assert_eq!((seed.ready, seed.role.as_deref()), (true, Some("seed")));
        assert_eq!(seed.detail, "up and normal in dc1, rack r1");
        assert_eq!(probe_of(|_| (), 1).await.role, None);
        for (bootstrapped, status, expected) in [
            (
                "IN_PROGRESS",
                "BOOT,1",
                "joining: takes over its part of the rows",
            ),
            ("NEEDS_BOOTSTRAP", "", "starting"),
            (
                "COMPLETED",
                "BOOT_REPLACE,127.33.9.11",
                "taking the place of a lost node",
            ),
            ("COMPLETED", "LEAVING,1", "leaving"),
            ("NEEDS_BOOTSTRAP", "LEFT,1,2", "gone"),
            ("DECOMMISSIONED", "", "gone"),
            ("COMPLETED", "shutdown,true", "shut down"),
            ("COMPLETED", "odd", "in a state that smack does not know"),
        ] {
            let change = |ring: &mut Ring| {
                ring.node(1).bootstrapped = bootstrapped;
                ring.node(1).status = status;
            };
            let probed = probe_of(change, 1).await;
            assert_eq!(
                (probed.ready, probed.detail.as_str()),
                (false, expected),
                "{status}"
            );
        }
        let absent = |ring: &mut Ring| {
            ring.sights.insert((1, 1), Sight::Absent);
        };
        assert_eq!(probe_of(absent, 1).await.detail, "starting");
    });
}

#[test]
fn what_is_not_cql_is_not_ready() {
    run(async {
        let at = |port| probe_at("127.33.9.1".to_owned(), port);
        let closed = at(nobody().await).await;
        assert_eq!(closed.detail, "CQL does not answer yet: connection refused");
        let locked = {
            let mut body = vec![0, 4];
            body.extend(b"some");
            let bytes = [frame(6, 0, &[]), frame(3, 0, &body)].concat();
            at(replays(Some(bytes)).await).await
        };
        assert!(
            locked.ready && locked.detail.contains("asks for a password (some)"),
            "{locked:?}"
        );
        let error = |body: &[u8]| frame(0, 0, body);
        for (bytes, expected) in [
            (None, "within 600ms"),
            (Some(Vec::new()), "ended the connection"),
            (
                Some(b"HTTP/1.1 400 Bad Request\r\n".to_vec()),
                "not Cassandra's: it begins with",
            ),
            (
                Some(vec![0x84, 0, 0, 0, 6, 0x7f, 0xff, 0xff, 0xff]),
                "a body of 2147483647 bytes",
            ),
            (
                Some(vec![0x84, 0, 0, 0, 6, 0, 0, 0, 9, 0]),
                "in the middle of an answer",
            ),
            (
                Some(frame(8, 0, &[0, 0, 0, 1])),
                "a frame of kind 0x08 to OPTIONS",
            ),
            (
                Some(error(&[0, 0, 0x10, 0x02, 0, 1, b'x'])),
                "is bootstrapping: x",
            ),
            (
                Some(error(&[0, 0, 0, 0x0A, 0, 9, b'x'])),
                "9 bytes expected, 1 left",
            ),
        ] {
            let probed = at(replays(bytes).await).await;
            assert!(
                !probed.ready && probed.detail.contains(expected),
                "{expected}: {probed:?}"
            );
        }
        // A server that does not know our version answers in its own.
        let mut old = error(&[0, 0, 0, 0x0A, 0, 3, b'v', b'4', b'?']);
        old[0] = 0x83;
        let old = at(replays(Some(old)).await).await;
        assert!(old.detail.contains("protocol error: v4?"), "{old:?}");
    });
}

async fn ask(about: About, change: impl Fn(&mut Ring), down: &[u8]) -> String {
    let mut ring = whole();
    change(&mut ring);
    let mut members = members(&shared(ring), down).await;
    members.truncate(3); // a fourth is a stranger
    let question = Question {
        system: SystemId::parse("qa/a/ring!1").unwrap(),
        about,
        check: Check::Cassandra {
            port: name("client"),
        },
        members,
    };
    match answer(&Direct, &question, TIMEOUT).await {
        Answer::Yes => "yes".to_owned(),
        Answer::No(why) => format!("no: {why}"),
        Answer::Unknown(why) => format!("unknown: {why}"),
    }
}

fn without(id: u8) -> About {
    About::Without(name(&format!("node-{id}")))
}

fn sees(from: u8, to: u8, sight: Sight) -> impl Fn(&mut Ring) {
    move |ring| {
        ring.sights.insert((from, to), sight);
    }
}

#[test]
fn health_of_rings() {
    run(async {
        let health = |change: Box<dyn Fn(&mut Ring)>| ask(About::Health, change, &[]);
        assert_eq!(health(Box::new(|_| ())).await, "yes");
        for (sight, expected) in [
            (Sight::Absent, "does not know node-2 yet"),
            (Sight::Status("BOOT,1"), "sees node-2 joining"),
            (Sight::Status("shutdown,true"), "sees node-2 shut down"),
            (Sight::Status("LEFT,1,2"), "does not know node-2 yet"),
            (Sight::Behind(20), "has not heard of node-2 for a while"),
            (Sight::NoClients, "does not see node-2 take clients yet"),
            (Sight::NoPeer, "does not tell clients of node-2 yet"),
        ] {
            let told = health(Box::new(sees(1, 2, sight))).await;
            assert_eq!(told, format!("no: node-1 {expected}"));
        }
        assert_eq!(health(Box::new(sees(1, 2, Sight::Behind(3)))).await, "yes");
        let joining = health(Box::new(|ring| ring.node(2).bootstrapped = "IN_PROGRESS")).await;
        assert_eq!(joining, "no: node-2 is joining");
        let dead = health(Box::new(|ring| ring.node(0).reaches = false)).await;
        assert_eq!(dead, "no: node-0 takes another for dead");
        let schemas = health(Box::new(|ring| ring.node(0).schema = 8)).await;
        assert_eq!(
            schemas,
            "no: not one schema on all: node-1,node-2 differ from node-0"
        );
        // A read at ALL of more copies than there are nodes can never succeed, and says nothing.
        let many = health(Box::new(|ring| {
            ring.keyspace(
                "system_auth",
                "SimpleStrategy",
                &[("replication_factor", 9)],
            );
            ring.node(0).reaches = false;
        }));
        assert_eq!(many.await, "yes");
    });
}

#[test]
fn nodes_that_do_not_answer_and_strangers() {
    run(async {
        let one = ask(About::Health, |_| (), &[1]).await;
        assert!(
            one.starts_with("no: node-1: ") && one.ends_with("connection refused"),
            "{one}"
        );
        let all = ask(About::Health, |_| (), &[0, 1, 2]).await;
        assert!(all.starts_with("unknown: node-0: "), "{all}");
        let silent = ask(About::Health, |ring| ring.node(1).silent = true, &[]).await;
        assert!(
            silent.starts_with("no: node-1: ") && silent.contains("within 240ms"),
            "{silent}"
        );
        let fourth = |status: &'static str, reaches: bool| {
            move |ring: &mut Ring| {
                let mut node = ring.nodes[&0].clone();
                node.status = status;
                ring.nodes.insert(3, node);
                ring.node(0).reaches = reaches;
            }
        };
        let leaving = ask(About::Health, fourth("LEAVING,1", true), &[]).await;
        assert!(
            leaving.starts_with("no: node-0 sees 127.33.9.13 leaving"),
            "{leaving}"
        );
        assert_eq!(
            ask(About::Health, fourth("LEFT,1,2", true), &[]).await,
            "yes"
        );
        assert_eq!(
            ask(About::Health, fourth("NORMAL,1", true), &[]).await,
            "yes"
        );
        let lost = ask(About::Health, fourth("NORMAL,1", false), &[]).await;
        assert!(
            lost.contains("127.33.9.13 (host-3) belongs to the ring and is no task"),
            "{lost}"
        );
    });
}

#[test]
fn nodes_that_may_go() {
    run(async {
        assert_eq!(ask(without(0), |_| (), &[]).await, "yes");
        assert_eq!(ask(without(9), |_| (), &[]).await, "yes");
        // It is down already, and the others take it for dead.
        let dead = |ring: &mut Ring| {
            ring.nodes
                .values_mut()
                .for_each(|node| node.reaches = false)
        };
        assert_eq!(ask(without(0), dead, &[0]).await, "yes");
        // It is up, but somebody takes somebody for dead.
        let told = ask(without(0), dead, &[]).await;
        assert!(
            told.starts_with("no: without node-0: app may keep 1 of 3 copies"),
            "{told}"
        );
        let told = ask(without(0), |_| (), &[2]).await;
        assert!(
            told.starts_with(
                "no: without node-0: app may keep 1 of 3 copies of a row, QUORUM is 2: node-2: "
            ),
            "{told}"
        );
        // Nothing has a second copy: waiting for the other helps no row of this one.
        let single = |ring: &mut Ring| {
            ring.keyspace("app", "NetworkTopologyStrategy", &[("dc1", 1)]);
        };
        assert_eq!(ask(without(0), single, &[2]).await, "yes");
        // But while rows change hands nobody goes.
        let moving = |ring: &mut Ring| {
            single(ring);
            ring.node(2).status = "LEAVING,1";
        };
        let told = ask(without(0), moving, &[]).await;
        assert!(
            told.starts_with("no: without node-0: rows change hands: node-1 sees"),
            "{told}"
        );
        assert_eq!(ask(without(2), moving, &[]).await, "yes");
        let none = ask(without(0), |_| (), &[1, 2]).await;
        assert!(none.starts_with("unknown: node-1: "), "{none}");
    });
}

#[test]
fn copies_count_where_the_node_is() {
    run(async {
        // One that is away in another data center takes nothing from here.
        let elsewhere = |ring: &mut Ring| {
            ring.keyspace("app", "NetworkTopologyStrategy", &[("dc1", 2), ("dc2", 1)]);
            ring.node(2).data_center = "dc2";
        };
        let told = ask(without(0), elsewhere, &[2]).await;
        assert!(told.contains("app may keep 1 of 2 copies"), "{told}");
        let anywhere = |ring: &mut Ring| {
            ring.keyspace("app", "SimpleStrategy", &[("replication_factor", 2)]);
        };
        let told = ask(without(0), anywhere, &[2]).await;
        assert!(told.contains("app may keep 0 of 2 copies"), "{told}");
        // What cannot keep a quorum without a node is not held up by it, once all others are up.
        assert_eq!(ask(without(0), anywhere, &[]).await, "yes");
    });
}

/// Asks all that there is to ask of a node whose answer to each query is this.
pub(crate) async fn ask_all(bytes: Vec<u8>) {
    let asked = Rc::new(RefCell::new(0));
    let counted = Rc::clone(&asked);
    let port = ring::node(Rc::new(move |_| {
        *counted.borrow_mut() += 1;
        Told::Raw(bytes.clone())
    }))
    .await;
    let probed = probe_at("127.33.9.1".to_owned(), port).await;
    let mut member = crate::fake::member("node-0", 0, port);
    member.address = "127.33.9.1".to_owned();
    let drift = drift(&Direct, &[member], &keyspace("app", &[("dc1", 3)])).await;
    assert!(!probed.ready || drift.is_none());
    assert!(*asked.borrow() >= 2);
}
