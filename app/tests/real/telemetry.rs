//! stacks/telemetry.yaml: the virtual telemetry data center of 2016 in one command, its copy beside it, and nothing of
//! either left.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::clients::Tools;
use crate::home::Home;

const STACK: &str = "stacks/telemetry.yaml";
const SMALL: &str = "stacks/telemetry-small.yaml";
const TRACE: &str = "4e441824ec2b6a44";

#[test]
fn a_span_goes_through_kafka_and_cassandra_and_stays_in_its_data_center() {
    let Some(home) = Home::real("the telemetry data center") else {
        return;
    };
    let first = home.smack(&["run", STACK, "--as", "ZipkinQATeamBuild92"]);
    assert_eq!(first.code, 0, "{}\n{}", first.stdout, first.stderr);
    let names: Vec<String> = home
        .attempts("zipkinqateambuild92")
        .into_iter()
        .map(|(name, ..)| name)
        .collect();
    assert_eq!(
        names,
        [
            "cassandra/node-0",
            "kafka/broker-0",
            "zipkin/collector-0",
            "zipkin/query-0",
            "zipkin/web-0",
            "zookeeper/server-0"
        ]
    );
    let tools = Tools::of(home.path(), "3.9");
    tools.send(
        &home.export("zipkinqateambuild92", "kafka.brokers"),
        "zipkin",
        &span(),
    );
    let api = home.export("zipkinqateambuild92", "zipkin.api");
    home.wait_until("the span is there", Duration::from_secs(60), || {
        get(&format!("{api}/trace/{TRACE}")).is_some_and(|body| body.contains("checkout"))
    });
    let page = get(&home.export("zipkinqateambuild92", "zipkin.url"));
    assert!(page.is_some_and(|page| page.contains("<html") || page.contains("<!doctype html")));

    let second = home.smack(&["run", SMALL, "--as", "ZipkinQATeamBuild93"]);
    assert_eq!(second.code, 0, "{}\n{}", second.stdout, second.stderr);
    let other = home.export("zipkinqateambuild93", "zipkin.api");
    assert_eq!(
        get(&format!("{other}/trace/{TRACE}")),
        None,
        "a span of the other"
    );
    assert!(get(&format!("{other}/services")).is_some());
    let flows = home.smack(&["flows", "--test"]);
    assert_eq!(flows.code, 0, "{}\n{}", flows.stdout, flows.stderr);
    println!("{}", flows.stdout);

    home.good(&["down", "zipkinqateambuild92", "--check"]);
    home.good(&["down", "zipkinqateambuild93", "--check"]);
}

/// Zipkin v2 JSON, as any tracer sends it.
fn span() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let micros = now.expect("after 1970").as_micros();
    format!(
        r#"[{{"traceId":"{TRACE}","id":"{TRACE}","name":"checkout","timestamp":{micros},"duration":1500,"localEndpoint":{{"serviceName":"shop"}}}}]"#
    )
}

/// The body of a `200`; `None` for everything else.
fn get(url: &str) -> Option<String> {
    let (authority, path) = url.strip_prefix("http://")?.split_once('/')?;
    let mut stream = TcpStream::connect(authority).ok()?;
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .ok()?;
    write!(
        stream,
        "GET /{path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n"
    )
    .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.starts_with("HTTP/1.1 200").then(|| body.to_owned())
}
