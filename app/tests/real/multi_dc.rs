//! One Cassandra ring over two zones, of two nodes each: the second joins a first that is written to, serves alone while the
//! first is away, and leaves; what only one of them has is not let go.

use crate::clients::{Quorum, Tools};
use crate::home::Home;

const CLUSTER: &str = "level: cluster\nname: cassandra-cluster\n";

const RING: &str = "
name: cassandra
isolation: open
applications:
  cassandra:
    type: cassandra
    scope: cluster
    instances: 2
    heap: 192m
    keyspaces:
      app: {per-zone: 2}
      audit: {replication: {cassandra-zone1: 1}}
";

const ZONES: [&str; 2] = ["cassandra-zone1", "cassandra-zone2"];
const VDCS: [&str; 2] = ["cassandra-zone1/cassandra", "cassandra-zone2/cassandra"];
const ROWS: u64 = 20_000;

#[test]
fn a_ring_gets_a_second_zone_and_loses_it_under_writes() {
    let Some(home) = Home::real("Cassandra over two zones") else {
        return;
    };
    add(&home);
    home.good(&["run", "cassandra", "--zone", ZONES[0]]);
    let first = home.attempts(VDCS[0]);
    let tools = Tools::zipkin(home.path());
    let client = |vdc| {
        let contact_points = home.export(vdc, "cassandra.contact-points");
        Quorum::of(&tools, &contact_points, &home.export(vdc, "cassandra.dc"))
    };
    let here = client(VDCS[0]);
    let (writer, line) = here.write("app", ROWS, 200).under_way(4);

    let plan = home.good(&["plan", "cassandra", "--zone", ZONES[1]]);
    assert!(
        plan.contains("once, for it comes to cassandra-zone1/cassandra/cassandra"),
        "{plan}"
    );
    home.good(&["run", "cassandra", "--zone", ZONES[1]]);
    let told = writer.end_after(line);
    assert_eq!(told.last()["errors"], 0, "{}", told.last());
    assert_eq!(told.last()["written"], ROWS, "{}", told.last());
    assert_eq!(up_and_normal(&home), 4);
    assert_eq!(home.attempts(VDCS[0]), first, "nobody restarts");

    // Everything is in the second zone, and it goes on by itself.
    let there = client(VDCS[1]);
    assert_eq!(there.count("app", ROWS).end().last()["found"], ROWS);
    home.good(&["stop", VDCS[0]]);
    let alone = there.write("app", 2_000, 200).end();
    assert_eq!(alone.last()["errors"], 0, "{}", alone.last());
    home.good(&["start", VDCS[0]]);
    home.good(&["run", "cassandra", "--zone", ZONES[0]]);

    let refused = home.smack(&["down", VDCS[0]]);
    assert_ne!(refused.code, 0);
    assert!(
        refused
            .stderr
            .contains("keyspace audit is replicated only in cassandra-zone1"),
        "{}",
        refused.stderr
    );
    let first = home.attempts(VDCS[0]);
    let (writer, line) = here.write("app", ROWS, 200).under_way(4);
    home.good(&["down", VDCS[1]]);
    let told = writer.end_after(line);
    assert_eq!(told.last()["errors"], 0, "{}", told.last());
    assert_eq!(up_and_normal(&home), 2, "no ghost");
    assert_eq!(home.attempts(VDCS[0]), first, "nobody restarts");
    assert_eq!(here.count("app", ROWS).end().last()["found"], ROWS);
    home.good(&["down", VDCS[0], "--check"]);
}

/// The files of the cluster, its zones and the stack, into the library.
fn add(home: &Home) {
    let write = |name: &str, text: &str| {
        let file = home.path().join(name);
        std::fs::write(&file, text).expect("a file");
        file.display().to_string()
    };
    home.good(&[
        "addlayer",
        &write("cluster.yaml", CLUSTER),
        "--level",
        "cluster",
    ]);
    for zone in ZONES {
        let text = format!("level: zone\nname: {zone}\nparent: cassandra-cluster\n");
        home.good(&["addlayer", &write("zone.yaml", &text)]);
    }
    home.good(&["add", &write("cassandra.yaml", RING)]);
}

/// How many nodes are up and normal, of all that the ring knows.
fn up_and_normal(home: &Home) -> usize {
    let nodetool = ["--", "bin/nodetool", "status"];
    let status = home.good(&[&["exec", VDCS[0], "cassandra/node-0"], &nodetool[..]].concat());
    let lines = |start: &str| {
        status
            .lines()
            .filter(|line| line.starts_with(start))
            .count()
    };
    assert_eq!(lines("DN "), 0, "{status}");
    lines("UN ")
}
