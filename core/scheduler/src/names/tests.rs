//! What DNS says of the tasks of two virtual data centers.

use std::collections::BTreeMap;
use std::sync::Arc;

use smack_model::{Status, SystemId, Timestamp, VdcRecord};

use super::*;
use crate::status::SystemState;

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn task(label: &str, address: &str, status: Option<Status>) -> TaskState {
    TaskState {
        name: name(label),
        status,
        since: None,
        node: None,
        address: Some(address.into()),
        ports: Arc::new(BTreeMap::from([(name("client"), 9092)])),
        exposed: Default::default(),
        attempt: 1,
        failures: 0,
        role: None,
        outdated: false,
        waiting: None,
    }
}

fn vdc(zone: &str, run: &str, tasks: Vec<TaskState>) -> (VdcId, Arc<VdcStatus>) {
    let id = VdcId {
        zone: name(zone),
        name: name(run),
    };
    let system = SystemStatus {
        id: SystemId::parse(&format!("{id}/kafka!1")),
        tasks,
        ..SystemStatus::default()
    };
    let record = VdcRecord {
        id: id.clone(),
        shown: run.to_owned(),
        stack: "a".to_owned(),
        revision: 1,
        created: Timestamp(0),
        updated: Timestamp(0),
        down: false,
        isolation: Default::default(),
        expires: None,
        ttl: None,
        warned: 0,
    };
    let status = VdcStatus {
        record,
        state: SystemState::Ready,
        systems: vec![Arc::new(system)],
        uses: Default::default(),
        imports: Default::default(),
        network_problem: None,
    };
    (id, Arc::new(status))
}

fn view() -> View {
    let ready = || Some(Status::Ready { pid: 7 });
    let one = vec![
        task("broker-0", "127.1.0.2", ready()),
        task("broker-1", "127.1.0.3", ready()),
        task("broker-2", "127.1.0.4", None),
    ];
    let other = vec![task("broker-0", "127.1.1.2", Some(Status::Claimed))];
    View {
        now: Timestamp(0),
        vdcs: BTreeMap::from([vdc("default", "build92", one), vdc("qa", "build92", other)]),
    }
}

/// The records of a name in a word each, `foreign` or `nothing`.
fn told(name: &str) -> String {
    let records = match find(&view(), name) {
        Found::Foreign => return "foreign".to_owned(),
        Found::Nothing => return "nothing".to_owned(),
        Found::Records(records) => records,
    };
    let told = records.into_iter().map(|record| match record {
        Record::Address(address) => address.to_string(),
        Record::Service { port, target } => format!("{target}:{port}"),
        Record::Pointer(name) => name,
    });
    told.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_name_has_the_addresses_of_the_tasks_that_are_there() {
    for (name, expected) in [
        ("kafka.build92.default.smack", "127.1.0.2 127.1.0.3"),
        ("broker-1.kafka.build92.default.smack", "127.1.0.3"),
        ("kafka.build92.qa.smack", "127.1.1.2"),
        ("broker-2.kafka.build92.default.smack", ""),
        ("broker-9.kafka.build92.default.smack", "nothing"),
        (
            "_client._tcp.kafka.build92.default.smack",
            "broker-0.kafka.build92.default.smack:9092 broker-1.kafka.build92.default.smack:9092",
        ),
        ("_tcp.kafka.build92.default.smack", ""),
        ("_client._udp.kafka.build92.default.smack", "nothing"),
        ("_jmx._tcp.kafka.build92.default.smack", "nothing"),
        ("client._tcp.kafka.build92.default.smack", "nothing"),
        ("zookeeper.build92.default.smack", "nothing"),
        ("build92.default.smack", ""),
        ("build93.default.smack", "nothing"),
        ("default.smack", ""),
        ("prod.smack", "nothing"),
        ("smack", ""),
        (".smack", "nothing"),
        ("xsmack", "foreign"),
        ("", "foreign"),
        ("example.org", "foreign"),
        ("a.b.kafka.build92.default.smack", "nothing"),
    ] {
        assert_eq!(told(name), expected, "{name}");
    }
}

#[test]
fn an_address_has_the_name_of_its_task() {
    for (name, expected) in [
        (
            "3.0.1.127.in-addr.arpa",
            "broker-1.kafka.build92.default.smack",
        ),
        ("1.0.0.127.in-addr.arpa", "localhost"),
        ("4.0.1.127.in-addr.arpa", "nothing"),
        ("03.0.1.127.in-addr.arpa", "nothing"),
        ("256.0.1.127.in-addr.arpa", "nothing"),
        ("9.3.0.1.127.in-addr.arpa", "nothing"),
        ("1.127.in-addr.arpa", ""),
        ("127.in-addr.arpa", ""),
        ("1.0.0.10.in-addr.arpa", "foreign"),
    ] {
        assert_eq!(told(name), expected, "{name}");
    }
}

#[test]
fn whatever_is_listed_is_found() {
    let view = view();
    let mut count = 0;
    for vdc in view.vdcs.values() {
        for (name, record) in records(vdc) {
            let Found::Records(found) = find(&view, &name) else {
                panic!("{name} is not found");
            };
            assert!(found.contains(&record), "{name} {record:?}");
            count += 1;
        }
    }
    assert_eq!(count, 12);
}
