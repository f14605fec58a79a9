//! `smack dns`.

use expect_test::expect;
use serde_json::{Value, json};

use super::check;
use crate::support::{Answer, Smack};

fn dns(records: Value) -> Value {
    json!({"server": "127.0.0.1:5354", "domain": "smack", "ttl_seconds": 1, "records": records})
}

fn records() -> Value {
    json!([
        {"name": "broker-0.kafka.pipeline.default.smack", "kind": "A", "value": "127.1.0.3"},
        {"name": "_client._tcp.kafka.pipeline.default.smack", "kind": "SRV",
         "value": "0 0 9092 broker-0.kafka.pipeline.default.smack"},
    ])
}

#[test]
fn the_records_and_how_to_ask_for_them() {
    let smack = Smack::new();
    smack.fake().on("GET /v1/dns", dns(records()));
    check(
        &smack,
        &["dns", "Pipeline"],
        &expect![[r#"
        exit 0
        err: served at 127.0.0.1:5354, UDP and TCP; each record is true for 1 s
        err:   ask it:            dig @127.0.0.1 -p 5354 broker-0.kafka.pipeline.default.smack
        err:   systemd-resolved:  [Resolve] DNS=127.0.0.1:5354 Domains=~smack
        err:   dnsmasq:           server=/smack/127.0.0.1#5354
        out: NAME                                       TYPE  VALUE
        out: broker-0.kafka.pipeline.default.smack      A     127.1.0.3
        out: _client._tcp.kafka.pipeline.default.smack  SRV   0 0 9092 broker-0.kafka.pipeline.default.smack
    "#]],
    );
    check(
        &smack,
        &["dns", "kafka.pipeline.default.smack", "-q"],
        &expect![[r#"
            exit 0
            out: NAME                                       TYPE  VALUE
            out: broker-0.kafka.pipeline.default.smack      A     127.1.0.3
            out: _client._tcp.kafka.pipeline.default.smack  SRV   0 0 9092 broker-0.kafka.pipeline.default.smack
        "#]],
    );
    check(
        &smack,
        &["dns", "--json", "-q"],
        &expect![[r#"
        exit 0
        out: {
        out:   "server": "127.0.0.1:5354",
        out:   "domain": "smack",
        out:   "ttl_seconds": 1,
        out:   "records": [
        out:     {
        out:       "name": "broker-0.kafka.pipeline.default.smack",
        out:       "kind": "A",
        out:       "value": "127.1.0.3"
        out:     },
        out:     {
        out:       "name": "_client._tcp.kafka.pipeline.default.smack",
        out:       "kind": "SRV",
        out:       "value": "0 0 9092 broker-0.kafka.pipeline.default.smack"
        out:     }
        out:   ]
        out: }
    "#]],
    );
    let asked = smack.fake().requests();
    let asked: Vec<&str> = asked
        .iter()
        .filter_map(|request| request.strip_prefix("GET /v1/dns"))
        .collect();
    assert_eq!(
        asked,
        [
            "?zone=default&vdc=pipeline",
            "?name=kafka.pipeline.default.smack",
            ""
        ]
    );
}

#[test]
fn nothing_to_tell() {
    let smack = Smack::new();
    smack.fake().on("GET /v1/dns", dns(json!([])));
    check(
        &smack,
        &["dns"],
        &expect![[r#"
        exit 0
        err: nothing is up, so there are no names
        err: served at 127.0.0.1:5354, UDP and TCP; each record is true for 1 s
        err:   ask it:            dig @127.0.0.1 -p 5354 smack
        err:   systemd-resolved:  [Resolve] DNS=127.0.0.1:5354 Domains=~smack
        err:   dnsmasq:           server=/smack/127.0.0.1#5354
    "#]],
    );
    check(
        &smack,
        &["dns", "pipeline.default.smack"],
        &expect![[r#"
        exit 0
        err: pipeline.default.smack has no records now
        err: served at 127.0.0.1:5354, UDP and TCP; each record is true for 1 s
        err:   ask it:            dig @127.0.0.1 -p 5354 smack
        err:   systemd-resolved:  [Resolve] DNS=127.0.0.1:5354 Domains=~smack
        err:   dnsmasq:           server=/smack/127.0.0.1#5354
    "#]],
    );
    let unserved = json!({
        "server": null, "problem": "Address already in use", "domain": "smack", "ttl_seconds": 1, "records": [],
    });
    smack.fake().on("GET /v1/dns", unserved);
    check(
        &smack,
        &["dns"],
        &expect![[r#"
        exit 0
        err: nothing is up, so there are no names
        err: names are not served on this machine: Address already in use
    "#]],
    );
}

#[test]
fn wrong_names() {
    let smack = Smack::new();
    check(
        &smack,
        &["dns", "pipelin"],
        &expect![[r#"
        exit 1
        err: error: there is no virtual data center pipelin
        err:   hint: did you mean pipeline? There are default/pipeline
    "#]],
    );
    let refusal = Answer::refusal(
        404,
        "there is no name a.b",
        Some("`smack dns` lists all names"),
    );
    smack.fake().on("GET /v1/dns", refusal);
    check(
        &smack,
        &["dns", "a.b"],
        &expect![[r#"
        exit 1
        err: error: there is no name a.b
        err:   hint: `smack dns` lists all names
    "#]],
    );
}
