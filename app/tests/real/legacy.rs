//! Stack files of 2016 as they are: the telemetry of that year comes up as today's products, with the ids, resources and
//! ports that it says, and a span goes through it.

use std::time::Duration;

use crate::clients::Tools;
use crate::home::{Home, text};
use crate::telemetry::{TRACE, get, span};

const OF_2016: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../core/stack/tests/legacy/zipkin-full.stack"
);

#[test]
fn the_telemetry_of_2016_comes_up_from_its_own_file() {
    let Some(home) = Home::real("the telemetry of 2016") else {
        return;
    };
    let stack = std::fs::read_to_string(OF_2016).expect("a stack");
    // A machine of 16 GiB has not all of what its Cassandra asks for.
    let smaller = stack.replace("mem: 10000", "mem: 1500");
    let file = home.path().join("zipkin-full.stack");
    std::fs::write(&file, &smaller).expect("a file");
    let file = file.display().to_string();
    home.good(&["run", &file, "--var", "zk_url=127.0.0.1:2181"]);
    let mut told: Vec<String> = home
        .tasks("zipkin-full")
        .iter()
        .map(|task| {
            let ports = task["ports"].as_object().expect("ports");
            let ports: Vec<String> = ports
                .iter()
                .map(|(name, port)| format!("{name} {port}"))
                .collect();
            format!(
                "{}/{} {}: {}",
                text(&task["application"]),
                text(&task["name"]),
                text(&task["state"]),
                ports.join(", ")
            )
        })
        .collect();
    told.sort();
    assert_eq!(
        told,
        [
            "dse-mesos-0-2-x/node-70 ready: cql 31100, jmx 7199, storage 7000",
            "exhibitor-mesos/server-70 ready: client 2181",
            "kafka-mesos/broker-70 ready: client 31250",
            "zipkin-mesos/collector-0 ready: http 9411",
            "zipkin-mesos/query-0 ready: http 9411",
            "zipkin-mesos/web-0 ready: http 31983",
        ]
    );
    let query = home.export("zipkin-full", "zipkin-mesos.query-0.endpoint");
    let brokers = home.export("zipkin-full", "kafka-mesos.brokers");
    Tools::of(home.path(), "3.9").send(&brokers, "zipkin", &span());
    home.wait_until("the span is there", Duration::from_secs(60), || {
        let found = get(&format!("http://{query}/api/v2/trace/{TRACE}"));
        found.is_some_and(|found| found.contains("checkout"))
    });
    let page = get(&home.export("zipkin-full", "zipkin-mesos.url"));
    assert!(page.is_some_and(|page| page.contains("<html") || page.contains("<!doctype html")));
    home.good(&["down", "zipkin-full", "--check"]);
}
