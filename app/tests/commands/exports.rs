//! `smack exports`.

use expect_test::expect;
use serde_json::json;

use super::check;
use crate::support::Smack;

fn smack() -> Smack {
    let smack = Smack::new();
    let exports = json!({"kafka.brokers": "127.1.0.3:9092", "kafka.hosts": "127.1.0.3", "zookeeper.connect": "127.1.0.2:2181"});
    smack
        .fake()
        .on("GET /v1/vdcs/default/pipeline/exports", exports);
    smack
}

#[test]
fn all_of_one_application_or_one_value() {
    let smack = smack();
    check(
        &smack,
        &["exports"],
        &expect![[r#"
        exit 0
        out: kafka.brokers      127.1.0.3:9092
        out: kafka.hosts        127.1.0.3
        out: zookeeper.connect  127.1.0.2:2181
    "#]],
    );
    check(
        &smack,
        &["exports", "pipeline", "kafka"],
        &expect![[r#"
        exit 0
        out: kafka.brokers  127.1.0.3:9092
        out: kafka.hosts    127.1.0.3
    "#]],
    );
    check(
        &smack,
        &["exports", "pipeline", "kafka.brokers"],
        &expect![[r#"
        exit 0
        out: 127.1.0.3:9092
    "#]],
    );
    check(
        &smack,
        &["exports", "--json"],
        &expect![[r#"
        exit 0
        out: {
        out:   "kafka.brokers": "127.1.0.3:9092",
        out:   "kafka.hosts": "127.1.0.3",
        out:   "zookeeper.connect": "127.1.0.2:2181"
        out: }
    "#]],
    );
}

#[test]
fn an_unknown_one_is_refused() {
    let smack = smack();
    check(
        &smack,
        &["exports", "pipeline", "kafka.broker"],
        &expect![[r#"
        exit 1
        err: error: default/pipeline publishes no kafka.broker
        err:   hint: did you mean kafka.brokers?
    "#]],
    );
    check(
        &smack,
        &["exports", "pipeline", "cassandra"],
        &expect![[r#"
        exit 1
        err: error: default/pipeline publishes no cassandra
        err:   hint: it publishes kafka.brokers, kafka.hosts, zookeeper.connect
    "#]],
    );
}

#[test]
fn nothing_is_published_yet() {
    let smack = Smack::new();
    smack
        .fake()
        .on("GET /v1/vdcs/default/pipeline/exports", json!({}));
    check(
        &smack,
        &["exports"],
        &expect![[r#"
        exit 0
        err: default/pipeline publishes nothing yet; `smack why default/pipeline` says why
    "#]],
    );
    check(
        &smack,
        &["exports", "--json"],
        &expect![[r#"
        exit 0
        out: {}
    "#]],
    );
}
