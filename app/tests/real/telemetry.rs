//! stacks/telemetry.yaml: the virtual telemetry data center of 2016 in one command, its copy beside it, and nothing of
//! either left.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use crate::clients::Tools;
use crate::home::{Home, text};

const STACK: &str = "stacks/telemetry.yaml";
const SMALL: &str = "stacks/telemetry-small.yaml";
const NAMES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real/clients/Names.java");
pub(crate) const TRACE: &str = "4e441824ec2b6a44";

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

    names_resolve_inside_and_from_the_host(&home, &tools);
    the_run_is_found_in_its_own_zipkin(&home, &api);

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

/// With libc and in the JVM inside; outside by a DNS client that is not ours.
fn names_resolve_inside_and_from_the_host(home: &Home, tools: &Tools) {
    let broker = home.export("zipkinqateambuild92", "kafka.hosts");
    let inside = |command: &[&str]| {
        let place = ["exec", "zipkinqateambuild92", "zookeeper/server-0", "--"];
        home.good(&[&place, command].concat())
    };
    let full = "broker-0.kafka.zipkinqateambuild92.default.smack";
    let names = ["kafka", "kafka.service", "broker-0.kafka", full];
    for name in names {
        let told = inside(&["getent", "hosts", name]);
        assert!(told.starts_with(&broker), "{name}: {told}");
    }
    let java = tools.java.display().to_string();
    let told = inside(&[&[java.as_str(), NAMES, "jvm"], names.as_slice()].concat());
    assert_eq!(
        told,
        names.map(|name| format!("{name} {broker}\n")).concat()
    );

    let served = home.json(&["status", "--json"])[0]["dns"].clone();
    let server = format!("dns://{}", text(&served));
    let ask = |words: &[&str]| {
        let asked = Command::new(&tools.java)
            .args([NAMES, &server])
            .args(words)
            .output();
        let asked = asked.expect("a client of DNS");
        assert!(asked.status.success(), "{asked:?}");
        String::from_utf8_lossy(&asked.stdout).into_owned()
    };
    assert_eq!(ask(&["A", full]), format!("{full} {broker}\n"));
    let service = "_client._tcp.kafka.zipkinqateambuild92.default.smack";
    assert_eq!(
        ask(&["SRV", service]),
        format!("{service} 0 0 9092 {full}.\n")
    );
}

/// The `run` that has just ended, with its critical path; `smack trace` tells the same.
fn the_run_is_found_in_its_own_zipkin(home: &Home, api: &str) {
    let ours = home.json(&["trace", "zipkinqateambuild92", "--json"]);
    let (id, path) = (&ours[0]["traceId"], &ours[0]["tags"]["critical.path"]);
    assert!(
        text(path).contains("zipkin/collector-0 running to ready"),
        "{ours}"
    );
    home.wait_until("the trace is there", Duration::from_secs(60), || {
        let found = get(&format!("{api}/trace/{}", text(id)));
        found.is_some_and(|found| found.contains(text(path)))
    });
}

/// Zipkin v2 JSON, as any tracer sends it.
pub(crate) fn span() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let micros = now.expect("after 1970").as_micros();
    format!(
        r#"[{{"traceId":"{TRACE}","id":"{TRACE}","name":"checkout","timestamp":{micros},"duration":1500,"localEndpoint":{{"serviceName":"shop"}}}}]"#
    )
}

/// The body of a `200`; `None` for everything else.
pub(crate) fn get(url: &str) -> Option<String> {
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
