//! Nodes whose tasks share one address: no grid in memory has them, so they are tried here.

use std::collections::BTreeMap;

use expect_test::expect;
use smack_model::{
    Addressing, Isolation, Name, Node, PortSpec, PortWish, Ports, Resources, SystemId, Timestamp,
};

use super::{Wish, place};
use crate::fleet::Fleet;

fn name(text: &str) -> Name {
    Name::new(text).expect("a DNS label")
}

fn wish(run: &str, wanted: PortWish) -> Wish {
    Wish {
        system: SystemId::parse(&format!("qa/{run}/web!1")).expect("a system"),
        task: name("web-0"),
        needs: Resources::default(),
        ports: vec![PortSpec {
            name: name("http"),
            wish: wanted,
        }],
        constraints: Vec::new(),
        bound: None,
        prefer: None,
        address: None,
        kept_ports: Ports::new(),
        starts_until: None,
        since: Timestamp(0),
    }
}

#[test]
fn a_taken_port_names_its_owner() {
    let mut fleet = Fleet::default();
    fleet.set_nodes(vec![Node {
        id: name("a"),
        attributes: BTreeMap::new(),
        capacity: Resources {
            cpu_millis: 1000,
            memory_mib: 1000,
        },
        addressing: Addressing::PerNode {
            address: "127.0.0.1".to_owned(),
            ports: (8080, 8081),
        },
        starting: None,
        isolation: Isolation::default(),
    }]);
    let first = wish("one", PortWish::Fixed(8080));
    let owner = (first.system.clone(), first.task.clone());
    assert_eq!(place(vec![first], &mut fleet).placed.len(), 1);
    let mut outcome = |wanted: PortWish| {
        let placing = place(vec![wish("two", wanted)], &mut fleet);
        let placed = placing
            .placed
            .iter()
            .map(|placed| format!("{:?}", placed.ports));
        let unplaced = placing.unplaced.iter().map(|wish| wish.tally.to_string());
        placed.chain(unplaced).collect::<String>()
    };
    expect!["1 with port 8080 taken (nearest: a: port 8080 is taken by qa/one/web/web-0)"]
        .assert_eq(&outcome(PortWish::Fixed(8080)));
    expect![[r#"{"http": 8081}"#]].assert_eq(&outcome(PortWish::Any));
    assert!(fleet.release(&owner));
    let again = place(vec![wish("three", PortWish::Fixed(8080))], &mut fleet);
    assert_eq!(again.placed.len(), 1);
}
