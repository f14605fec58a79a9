//! Whatever bytes a product sends: an answer or an error, in time, and never a panic.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use kafka_protocol::protocol::Encodable;
use proptest::prelude::*;
use smack_products::kafka::{Client, Listener, Which};
use smack_products::{Connecting, Direct, Reach};

use crate::fake::{Reply, broker, run};
use crate::ring::{Cell as Value, frame, rows};
use crate::{answers, cassandra};

/// Reaches the fake only, whatever address a garbled answer names.
struct Only(u16);

impl Reach for Only {
    fn connect<'a>(&'a self, _address: &'a str, _port: u16) -> Connecting<'a> {
        Direct.connect("127.33.9.1", self.0)
    }
}

/// Asks everything there is to ask of a broker whose answers are all `body`.
async fn ask_all(body: Vec<u8>) {
    let asked = Rc::new(Cell::new(0));
    let counted = Rc::clone(&asked);
    let port = broker(Rc::new(move |key, _, _| {
        if key == 18 {
            let mut bytes = Vec::new();
            answers::versions(13).encode(&mut bytes, 0).unwrap();
            return Reply::Body(false, bytes);
        }
        counted.set(counted.get() + 1);
        Reply::Body(true, body.clone())
    }))
    .await;
    let listener = Listener {
        broker: Some(0),
        address: "127.33.9.1".to_owned(),
        port,
    };
    let only = Only(port);
    let mut client = Client::new(&only, vec![listener], Duration::from_secs(5));
    let _view = client.cluster(Which::All).await;
    let _topic = client.topic("events").await;
    let _configs = client.configs(&["events"], None).await;
    let _moves = client.reassignments().await;
    assert!(asked.get() >= 3);
}

/// A good answer of a node, with a value of each type.
fn good() -> Vec<u8> {
    let texts = vec![("class".to_owned(), "SimpleStrategy".to_owned())];
    let columns = [
        ("keyspace_name", vec![Value::Text("app".to_owned())]),
        ("replication", vec![Value::Texts(texts)]),
        (
            "broadcast_address",
            vec![Value::Address([127, 0, 0, 1].into())],
        ),
        ("schema_version", vec![Value::Uuid([7; 16])]),
        ("heartbeat", vec![Value::Number(100)]),
    ];
    frame(8, 0, &rows(&columns))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        run(ask_all(body));
    }

    #[test]
    fn good_answers_with_a_wrong_byte_or_cut_short(at in 0_usize..200, byte in any::<u8>(), cut in 0_usize..200) {
        let mut body = Vec::new();
        answers::metadata(&answers::healthy()).encode(&mut body, 13).unwrap();
        let place = at % body.len();
        body[place] = byte;
        body.truncate(body.len().saturating_sub(cut % 50));
        run(ask_all(body));
    }

    #[test]
    fn random_answers_of_a_node(kind in 0_u8..10, flags in 0_u8..16, body in proptest::collection::vec(any::<u8>(), 0..200)) {
        run(cassandra::ask_all(frame(kind, flags, &body)));
    }

    #[test]
    fn good_answers_of_a_node_with_a_wrong_byte_or_cut_short(at in 0_usize..400, byte in any::<u8>(), cut in 0_usize..200) {
        let mut bytes = good();
        let place = at % bytes.len();
        bytes[place] = byte;
        bytes.truncate(bytes.len().saturating_sub(cut % 50));
        run(cassandra::ask_all(bytes));
    }
}
