//! What Cassandra is asked to do, and programs in the places of tasks.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use smack_model::{Digest, Operation, OperationOrder, Outcome, Span, SystemId};
use smack_products::{Direct, Ran, Reach, drift, perform};

use crate::fake::{name, run};
use crate::ring::{Place, Ring, Shared, locked, members, shared, whole};

async fn act(
    reach: &dyn Reach,
    ring: &Shared,
    down: &[u8],
    operation: Operation,
) -> (Outcome, Vec<String>) {
    let order = OperationOrder {
        system: SystemId::parse("qa/a/ring!1").unwrap(),
        name: "it".to_owned(),
        digest: Digest::of(b"it"),
        operation,
        members: members(ring, down).await,
    };
    let told = Mutex::new(Vec::new());
    let outcome = perform(reach, &order, |text| told.lock().unwrap().push(text)).await;
    (outcome, told.into_inner().unwrap())
}

fn done(text: &str) -> Outcome {
    Outcome::Done(text.to_owned())
}

pub(crate) fn keyspace(keyspace: &str, copies: &[(&str, u32)]) -> Operation {
    let copies = copies
        .iter()
        .map(|(name, copies)| ((*name).to_owned(), *copies));
    Operation::CassandraKeyspace {
        keyspace: keyspace.to_owned(),
        replication: copies.collect::<BTreeMap<_, _>>(),
    }
}

#[test]
fn a_keyspace_is_created_once_and_altered() {
    run(async {
        let ring = shared(whole());
        let asked = |copies: u32| act(&Direct, &ring, &[], keyspace("fresh", &[("dc1", copies)]));
        let created = "created with 2 copies in dc1; that is a lot of copies";
        assert_eq!(asked(2).await.0, done(created));
        let again = asked(2).await;
        assert_eq!(again, (done("as declared, 2 copies in dc1"), Vec::new()));
        let altered = "2 copies in dc1 -> 3 copies in dc1; that is a lot of copies";
        assert_eq!(asked(3).await.0, done(altered));
        let with = "WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1':";
        let expected = [
            format!("CREATE KEYSPACE IF NOT EXISTS \"fresh\" {with} 2}}"),
            format!("ALTER KEYSPACE \"fresh\" {with} 3}}"),
        ];
        assert_eq!(locked(&ring).changes, expected);
        let nowhere = act(&Direct, &ring, &[], keyspace("app", &[("nowhere", 1)]))
            .await
            .0;
        let Outcome::Failed(why) = nowhere else {
            panic!("{nowhere:?}");
        };
        assert!(
            why.contains("configuration error: Unrecognized strategy option"),
            "{why}"
        );
    });
}

#[test]
fn a_keyspace_waits_for_one_schema() {
    run(async {
        let ring = shared(whole());
        locked(&ring).node(2).schema = 9;
        let later = Arc::clone(&ring);
        tokio::task::spawn_local(async move {
            tokio::time::sleep(Duration::from_millis(300)).await;
            locked(&later).node(2).schema = 7;
        });
        let (outcome, told) = act(&Direct, &ring, &[], keyspace("app", &[("dc1", 3)])).await;
        assert_eq!(outcome, done("as declared, 3 copies in dc1"));
        assert_eq!(told, ["waits until all nodes have one schema"]);
    });
}

#[test]
fn drift_of_keyspaces_is_told() {
    run(async {
        let ring = shared(whole());
        let members = members(&ring, &[0]).await;
        let look = async |name: &str, copies: &[(&str, u32)]| {
            drift(&Direct, &members, &keyspace(name, copies)).await
        };
        assert_eq!(look("app", &[("dc1", 3)]).await, None);
        let fewer = look("app", &[("dc1", 2)]).await;
        assert_eq!(
            fewer.as_deref(),
            Some("3 copies in dc1, 2 copies in dc1 declared")
        );
        let none = look("other", &[("dc1", 2)]).await;
        assert_eq!(
            none.as_deref(),
            Some("keyspace other is declared but not there")
        );
        let unknown = drift(&Direct, &[], &keyspace("app", &[("dc1", 3)])).await;
        assert!(
            unknown.is_some_and(|why| why.contains("could not be looked at: there is no node"))
        );
    });
}

fn leave(id: u8) -> Operation {
    let task = name(&format!("node-{id}"));
    Operation::CassandraLeave { task }
}

fn leaves(ring: &mut Ring, _line: &str) -> io::Result<Ran> {
    ring.node(2).status = "LEFT,1,2";
    Ok(Ran::default())
}

fn must_not_run(_ring: &mut Ring, line: &str) -> io::Result<Ran> {
    panic!("{line}")
}

fn why(outcome: Outcome) -> String {
    let Outcome::Failed(why) = outcome else {
        panic!("{outcome:?}");
    };
    why
}

#[test]
fn a_node_leaves_its_ring_once() {
    run(async {
        let mut ring = whole();
        ring.keyspace("app", "NetworkTopologyStrategy", &[("dc1", 2)]);
        let ring = shared(ring);
        let place = Place::new(&ring, leaves);
        let left = "node-2 gave its rows to the others and left the ring";
        let (outcome, told) = act(&place, &ring, &[], leave(2)).await;
        assert_eq!(
            (outcome, told),
            (done(left), vec!["leaving: begins".to_owned()])
        );
        // The product's own three copies would be in the way.
        let expected = "qa/a/ring!1/node-2#1: bin/nodetool decommission --force";
        assert_eq!(place.ran(), [expected]);
        let again = act(&Place::new(&ring, must_not_run), &ring, &[2], leave(2)).await;
        assert_eq!(again, (done(left), Vec::new()));
    });
}

#[test]
fn a_node_that_is_leaving_is_waited_for() {
    run(async {
        let ring = shared(whole());
        locked(&ring).node(2).status = "LEAVING,1";
        let later = Arc::clone(&ring);
        tokio::task::spawn_local(async move {
            tokio::time::sleep(Duration::from_millis(300)).await;
            locked(&later).node(2).status = "LEFT,1,2";
        });
        let place = Place::new(&ring, must_not_run);
        let (outcome, told) = act(&place, &ring, &[], leave(2)).await;
        assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
        assert_eq!(told, ["leaving: 2 MiB of 8 MiB sent"]);
    });
}

#[test]
fn a_node_that_cannot_leave_says_why() {
    run(async {
        let ring = shared(whole());
        let place = Place::new(&ring, must_not_run);
        let loss = why(act(&place, &ring, &[], leave(2)).await.0);
        assert!(
            loss.contains("keyspace app has 3 copies in dc1, and without it there are 2"),
            "{loss}"
        );
        let dead = why(act(&place, &ring, &[2], leave(2)).await.0);
        assert!(
            dead.contains("is down") && dead.contains("removenode host-2"),
            "{dead}"
        );
        let stranger = why(act(&place, &ring, &[], leave(7)).await.0);
        assert!(stranger.contains("node-7 has no address"), "{stranger}");
        let mut one = whole();
        one.nodes.retain(|id, _| *id == 0);
        let last = why(act(&place, &shared(one), &[], leave(0)).await.0);
        assert!(last.contains("the last node of the ring"), "{last}");
        let mut four = whole();
        four.nodes.insert(3, four.nodes[&0].clone());
        let four = shared(four);
        let refuses = |_: &mut Ring, _: &str| {
            let errors = b"nodetool: Unsupported operation: no\nSee 'nodetool help'\n".to_vec();
            let (code, output) = (1, Vec::new());
            Ok(Ran {
                code,
                output,
                errors,
            })
        };
        let place = Place::new(&four, refuses);
        let refused = why(act(&place, &four, &[], leave(3)).await.0);
        let expected =
            "node-3: bin/nodetool decommission: exit code 1: nodetool: Unsupported operation: no";
        assert_eq!(refused, expected);
    });
}

#[test]
fn programs_run_on_one_task_after_the_other() {
    run(async {
        let ring = shared(whole());
        let exec = |tasks: &[&str]| Operation::Exec {
            tasks: tasks.iter().map(|task| name(task)).collect(),
            command: vec!["bin/nodetool".to_owned(), "cleanup".to_owned()],
            within: Span::minutes(1),
        };
        let place = Place::new(&ring, |_, line| match line.contains("node-2") {
            true => Ok(Ran {
                code: 3,
                output: b"too bad\n\n".to_vec(),
                errors: Vec::new(),
            }),
            false => Ok(Ran::default()),
        });
        let (outcome, told) = act(&place, &ring, &[], exec(&["node-0", "node-1"])).await;
        assert_eq!(outcome, done("done on 2 tasks"));
        assert_eq!(told, ["1 of 2: node-0", "2 of 2: node-1"]);
        let (outcome, told) = act(&place, &ring, &[], exec(&["node-2", "node-0"])).await;
        assert_eq!(
            why(outcome),
            "node-2: bin/nodetool cleanup: exit code 3: too bad"
        );
        assert_eq!(told, ["1 of 2: node-2"]);
        assert_eq!(place.ran().len(), 3);
        let place = Place::new(&ring, must_not_run);
        let stranger = why(act(&place, &ring, &[], exec(&["node-0", "node-9"])).await.0);
        assert_eq!(stranger, "node-9 does not run");
        let nowhere = why(act(&Direct, &ring, &[], exec(&["node-0"])).await.0);
        assert!(
            nowhere.contains("no program can be run in the place of node-0"),
            "{nowhere}"
        );
    });
}
