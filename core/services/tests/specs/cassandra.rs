//! Rings: whole specs, what restarts and what may become what, and wrong input with its place and what to do.

use expect_test::{Expect, ExpectFile, expect, expect_file};
use smack_model::{Isolation, Name, SystemId};

use crate::support::{built, digests, rendered, spec};

/// A stack of one ring, from line 5 on.
fn ring(lines: &str) -> String {
    format!(
        "name: s\napplications:\n  cassandra:\n    type: cassandra\n    {}\n",
        lines.replace('\n', "\n    ")
    )
}

fn golden(lines: &str, expected: &ExpectFile) {
    expected.assert_eq(&rendered(&spec(&ring(lines), "cassandra")));
}

fn wrong(lines: &str, expected: &Expect) {
    let shown = match built(&ring(lines)) {
        Ok(platform) => platform.notices.to_string(),
        Err(problems) => problems.to_string(),
    };
    expected.assert_eq(&shown);
}

fn change(before: &str, after: &str) -> String {
    let spec = |lines: &str| spec(&ring(lines), "cassandra");
    smack_services::change(&spec(before), &spec(after)).to_string()
}

#[test]
fn one_node() {
    golden("instances: 1", &expect_file!["golden/one-cassandra.txt"]);
}

/// A stack of one ring in a zone beneath a cluster.
fn shared(
    zone: &str,
    lines: &str,
) -> Result<(smack_stack::Resolved, smack_services::Platform), smack_model::Problems> {
    let layer = |level, name: &str, parent: Option<&str>| {
        let text = format!("name: {name}\n");
        let source = smack_stack::Source::new(format!("{name}.yaml").as_str(), text.as_str());
        let parent = parent.map(str::to_owned);
        let layer = smack_stack::LayerSource {
            level,
            parent,
            source,
        };
        (name.to_owned(), layer)
    };
    let layers = [
        layer(smack_stack::Level::Cluster, "cluster", None),
        layer(smack_stack::Level::Zone, "zone1", Some("cluster")),
        layer(smack_stack::Level::Zone, "zone2", Some("cluster")),
    ];
    let text = ring(lines);
    let request = smack_stack::Request {
        stack: &smack_stack::Source::new("s.yaml", text.as_str()),
        parents: &std::collections::BTreeMap::new(),
        layers: &layers.into(),
        zone,
        run: None,
        vars: &[],
        predefined: &std::collections::BTreeMap::new(),
    };
    smack_services::load(
        &request,
        smack_services::Catalog::embedded(),
        &smack_services::some_nodes(3),
        smack_services::Hooks::Dropped,
    )
}

#[test]
fn a_part_of_a_ring_over_zones() {
    let lines = "scope: cluster
instances: 2
keyspaces:
  app: {per-zone: 2}
  audit: {replication: {zone1: 1}}
  system_auth: {replication: 1}";
    let (_, platform) = shared("zone2", lines).unwrap();
    let name = Name::new("cassandra").unwrap();
    expect_file!["golden/part-of-cassandra.txt"].assert_eq(&rendered(&platform.specs[&name]));
}

#[test]
fn what_a_shared_ring_may_not_be() {
    let wrong = |zone: &str, lines: &str| match shared(zone, lines) {
        Ok(_) => "fine".to_owned(),
        Err(problems) => problems.to_string(),
    };
    expect![[r#"
        s.yaml:5:5 (stack s): error: scope: cluster, but the zone of this run has no cluster above it
          hint: add one (smack addlayer FILE --level cluster) and name it as the zone's parent"#]].assert_eq(&wrong("default", "scope: cluster"));
    expect![[r#"
        s.yaml:5:5 (stack s): error: scope: datacenter, but the zone of this run has no datacenter above it
          hint: add one (smack addlayer FILE --level datacenter) and name it as the zone's parent"#]].assert_eq(&wrong("zone1", "scope: datacenter"));
    expect![[r#"
        s.yaml:5:5 (stack s): error: scope: clutser is none of zone, cluster, datacenter
          hint: did you mean cluster?"#]]
    .assert_eq(&wrong("zone1", "scope: clutser"));
    expect![[r#"
        s.yaml:6:23 (stack s): error: keyspaces.app.per-zone: per-zone says the same as replication
          hint: leave one of them out
        s.yaml:6:57 (stack s): error: keyspaces.b.per-zone: x is no number of copies
          hint: for example replication: 2, or replication: {dc1: 2}"#]]
    .assert_eq(&wrong(
        "zone1",
        "scope: cluster\nkeyspaces: {app: {per-zone: 2, replication: 1}, b: {per-zone: x}}",
    ));
    expect![[r#"
        s.yaml:8:8 (stack s): error: not valid YAML: mapping values are not allowed in this context
          hint: is this line indented deeper than the one above? align them; quote a text that contains `: `"#]].assert_eq(&wrong("zone1", "scope: zone\n  \n\n  x: 1"));
}

/// What is said to a part of zone 2, at this isolation, that comes to an open one of zone 1.
fn agreed(first: &str, wanted: &str, own: Isolation) -> String {
    let name = Name::new("cassandra").unwrap();
    let (resolved, platform) = shared("zone2", wanted).unwrap();
    let (_, there) = shared("zone1", first).unwrap();
    let id = SystemId {
        scope: Name::new("zone1").unwrap(),
        run: Name::new("s").unwrap(),
        application: name.clone(),
        incarnation: 1,
    };
    let first = (&id, &there.specs[&name]);
    let described = &resolved.applications[&name];
    let spec = &platform.specs[&name];
    let mut problems = smack_services::agree(described, spec, Some(first), &[first]);
    let vdc = id.vdc();
    let levels = [(&vdc, Isolation::Open)].into_iter();
    problems.extend(smack_services::one_level(described, own, levels));
    problems.to_string()
}

#[test]
fn parts_of_a_ring_agree() {
    let check = |first, wanted, own, expected: Expect| {
        expected.assert_eq(&agreed(first, wanted, own));
    };
    check(
        "scope: cluster",
        "scope: cluster\ninstances: 3\nheap: 1g",
        Isolation::Open,
        expect![[""]],
    );
    check(
        "scope: cluster\nnum-tokens: 8\ndc: west",
        "scope: cluster\ncluster-name: other\ndc: west",
        Isolation::Vdc,
        expect![[r#"
            s.yaml:6:5 (stack s): error: cluster-name: other here, s in zone1/s/cassandra
              hint: parts of one system agree on it, and zone1/s/cassandra was first
            s.yaml:5:5 (stack s): error: num-tokens: 16 here, 8 in zone1/s/cassandra
              hint: parts of one system agree on it, and zone1/s/cassandra was first
            s.yaml:7:5 (stack s): error: west is the place of zone1/s/cassandra already
              hint: each part has one of its own; without a word it is its zone
            s.yaml:5:5 (stack s): error: isolation is vdc here, open in zone1/s
              hint: parts of one system reach each other at one level only"#]],
    );
}

#[test]
fn four_nodes_with_their_own_ideas() {
    golden(
        "instances: 4
seeds: 2
cluster-name: Telemetry
dc: dc1
rack: [r1, r2]
num-tokens: 4
ring-delay: 5s
heap: 1g
jvm-options: [-Dcassandra.available_processors=2]
keyspaces:
  app: {replication: 2}
  audit: {replication: {dc1: 3}}
  system_auth:
maintenance: {repair: every 7d, snapshot: every 1d}
config:
  read_request_timeout: 10s
  concurrent_reads: 8
  cdc_enabled: true
  memtable: {configurations: {default: {class_name: TrieMemtable, parameters: {shards: 4}}}}
stop: {signal: TERM}",
        &expect_file!["golden/four-cassandras.txt"],
    );
}

#[test]
fn more_nodes_and_all_that_is_not_a_process_restart_nobody() {
    let before = digests(&ring("instances: 3"), "cassandra");
    for lines in [
        "instances: 4",
        "instances: 12",
        "instances: 1",
        "instances: 3\nkeyspaces: {app: {replication: 3}}",
        "instances: 3\nmaintenance: {repair: every 7d}",
        "instances: 3\nlabels: {team: core}\nready-within: 20m\nmem: 2g",
    ] {
        let after = digests(&ring(lines), "cassandra");
        let kept = before.iter().filter(|(name, _)| after.contains_key(*name));
        for (name, digest) in kept {
            assert_eq!(after[name], *digest, "{name} with {lines}");
        }
    }
    for lines in [
        "heap: 1g",
        "config: {concurrent_reads: 8}",
        "ring-delay: 5s",
    ] {
        let after = digests(&ring(&format!("instances: 3\n{lines}")), "cassandra");
        assert!(
            before.iter().all(|(name, digest)| after[name] != *digest),
            "{lines}"
        );
    }
}

#[test]
fn the_seeds_are_the_first_by_name() {
    let spec = spec(&ring("instances: 12"), "cassandra");
    let phases: Vec<(&str, usize)> = spec
        .phases
        .iter()
        .map(|phase| (phase.name.as_str(), phase.tasks.len()))
        .collect();
    assert_eq!(phases, [("seeds", 3), ("nodes", 9)]);
    assert!(
        spec.phases[0].tasks.iter().eq(spec.tasks.keys().take(3)),
        "the hole for seeds takes them in the order of the tasks"
    );
}

#[test]
fn a_node_keeps_its_place() {
    assert_eq!(change("instances: 3", "instances: 4"), "");
    assert_eq!(change("instances: 3", "instances: 6"), "");
    assert_eq!(change("instances: 4", "instances: 3"), "");
    assert_eq!(change("instances: 2", "instances: 4"), "");
    assert_eq!(
        change("rack: [a, b]\ninstances: 2", "rack: [a, b]\ninstances: 3"),
        ""
    );
    assert_eq!(change("instances: 1", "instances: 3"), "");
    let refused = [
        change("dc: one", "dc: two"),
        change("cluster-name: one", "cluster-name: two"),
        change("num-tokens: 8", "num-tokens: 16"),
        change(
            "rack: [a, b]\ninstances: 3",
            "rack: [a, b, c]\ninstances: 3",
        ),
    ];
    expect![[r#"
        error: the data center of node-0 stays: one -> two
          hint: a node keeps it with its data; a ring with another one is a new application
        error: the name of the ring of node-0 stays: "one" -> "two"
          hint: a node keeps it with its data; a ring with another one is a new application
        error: num-tokens of node-0 stays: 8 -> 16
          hint: a node keeps it with its data; a ring with another one is a new application
        error: the rack of node-2 stays: a -> c
          hint: a node keeps it with its data; a ring with another one is a new application"#]]
    .assert_eq(&refused.join("\n"));
}

#[test]
fn versions_and_memory() {
    wrong(
        "version: 3.11",
        &expect![[r#"
        test.yaml:5:5 (stack s): error: version: unknown version `3.11` of cassandra
          hint: did you mean 5.0.9? known: 5.0.9"#]],
    );
    wrong(
        "heap: 64m",
        &expect![[r#"
        test.yaml:5:5 (stack s): error: heap: 64 MiB are too few for its caches and tables in memory
          hint: at least 128m; 256m serves a small test"#]],
    );
    wrong(
        "heap: 1g\nmem: 512m",
        &expect![[r#"
        test.yaml:6:5 (stack s): error: mem: a heap of 1024 MiB does not fit into 512 MiB
          hint: leave mem out (then it is 1024 + 384 MiB) or lower the heap"#]],
    );
    wrong(
        "java: 21",
        &expect![[r#"
        test.yaml:5:5 (stack s): error: java: cassandra 5.0.9 does not run on Java 21
          hint: it runs on Java >=11 <18"#]],
    );
    wrong(
        "jvm-options: [-Xmx2g]",
        &expect![[r#"
        test.yaml:5:19 (stack s): error: jvm-options: -Xmx2g is given by smack
          hint: set heap: instead"#]],
    );
}

#[test]
fn nodes_seeds_and_tokens() {
    wrong(
        "instances: 0",
        &expect![[r#"
        test.yaml:5:5 (stack s): error: instances is 0
          hint: from 1 to 1000 is allowed"#]],
    );
    wrong(
        "instances: 3\nseeds: 4",
        &expect![[r#"
        test.yaml:6:5 (stack s): error: seeds: 4 seeds, but there are 3 nodes
          hint: lower it, leave it out, or raise instances"#]],
    );
    wrong(
        "seeds: 0",
        &expect![[r#"
        test.yaml:5:5 (stack s): error: seeds is 0
          hint: from 1 to 1000 is allowed"#]],
    );
    wrong(
        "num-tokens: 0",
        &expect![[r#"
        test.yaml:5:5 (stack s): error: num-tokens is 0
          hint: from 1 to 256 is allowed"#]],
    );
    wrong(
        "num_tokens: 16",
        &expect![[r#"
        test.yaml:5:5 (stack s): error: unknown key num_tokens
          hint: did you mean num-tokens?"#]],
    );
    wrong(
        "num-tokens: 1024",
        &expect![[r#"
        test.yaml:5:5 (stack s): error: num-tokens is 1024
          hint: from 1 to 256 is allowed"#]],
    );
    wrong(
        "ring-delay: 100ms",
        &expect![[r#"
        test.yaml:5:5 (stack s): error: ring-delay: 100ms is out of range
          hint: from 1s, for a joining node must have heard of the others before it is over, to 10m"#]],
    );
    wrong(
        "ports: {storage: any}",
        &expect![[r#"
        test.yaml:5:5 (stack s): error: ports: storage must be one number: nodes find each other by address alone
          hint: for example ports: {storage: 7000}"#]],
    );
    wrong(
        "ports: {cql: 7000}",
        &expect![[r#"
        test.yaml:5:5 (stack s): error: ports: cql and storage both want 7000
          hint: give each its own number, or any"#]],
    );
}

#[test]
fn names_and_places() {
    wrong(
        "dc: data center 1",
        &expect![[r#"
        test.yaml:5:5 (stack s): error: dc: "data center 1" is no name of a data center
          hint: letters, digits, _, - and .; for example data_center_1"#]],
    );
    wrong(
        "dc: class",
        &expect![[r#"
        test.yaml:5:5 (stack s): error: dc: class means something else in the replication of a keyspace
          hint: choose another name"#]],
    );
    wrong(
        "cluster-name: ''",
        &expect![[r#"
        test.yaml:5:5 (stack s): error: cluster-name: "" is no name of a ring
          hint: one line, at most 128 bytes"#]],
    );
    wrong(
        "rack: [r1, r2, r1]",
        &expect![[r#"
        test.yaml:5:20 (stack s): error: rack: r1 stands twice
          hint: the nodes take the racks in turns: name each once"#]],
    );
    wrong(
        "rack: {node-0: r1}",
        &expect!["test.yaml:5:5 (stack s): error: rack wants a list of texts, found a map"],
    );
    wrong(
        "rack: []",
        &expect![[r#"
        test.yaml:5:5 (stack s): error: rack: the list is empty
          hint: name a rack, or leave it out"#]],
    );
    wrong(
        "rack: rack one",
        &expect![[r#"
        test.yaml:5:5 (stack s): error: rack: "rack one" is no name of a rack
          hint: letters, digits, _, - and ."#]],
    );
    wrong(
        "instances: 3\nrack: [r1, r2]\nconstraints: [[rack, UNIQUE]]",
        &expect![[r#"
            test.yaml:6:5 (stack s): error: rack: 3 nodes would share r1, r2, but the constraints ask for a rack each
              hint: name as many racks as there are nodes"#]],
    );
}

#[test]
fn keyspaces() {
    wrong(
        "keyspaces: {app: {replication: 2}}",
        &expect![[r#"
        test.yaml:5:23 (stack s): error: keyspaces.app.replication: 2 copies of each row, but there is 1 node
          hint: lower it or raise instances"#]],
    );
    wrong(
        "instances: 3\nkeyspaces: {app: {replication: {default: 4}}}",
        &expect![[r#"
            test.yaml:6:23 (stack s): error: keyspaces.app.replication: 4 copies of each row, but there are 3 nodes
              hint: lower it or raise instances"#]],
    );
    wrong(
        "keyspaces: {app: {replication: {dc1: 1}}}",
        &expect![[r#"
            test.yaml:5:37 (stack s): error: keyspaces.app.replication: dc1 is no data center of this ring
              hint: it has one, default; write replication: 2 for copies there"#]],
    );
    wrong(
        "keyspaces: {app: {replication: {defualt: 1}}}",
        &expect![[r#"
            test.yaml:5:37 (stack s): error: keyspaces.app.replication: defualt is no data center of this ring
              hint: did you mean default?"#]],
    );
    wrong(
        "keyspaces: {app: {replication: none}}",
        &expect![[r#"
            test.yaml:5:23 (stack s): error: keyspaces.app.replication: none is no number of copies
              hint: for example replication: 2, or replication: {dc1: 2}"#]],
    );
    wrong(
        "keyspaces: {app: {replication: 0}}",
        &expect![[r#"
            test.yaml:5:23 (stack s): error: keyspaces.app.replication: 0 is no number of copies
              hint: for example replication: 2, or replication: {dc1: 2}"#]],
    );
    wrong(
        "keyspaces: {app: {copies: 1}}",
        &expect![[r#"
            test.yaml:5:23 (stack s): error: unknown key keyspaces.app.copies
              hint: known are per-zone, replication"#]],
    );
    wrong(
        "keyspaces: {My-App: }",
        &expect![[r#"
        test.yaml:5:17 (stack s): error: keyspaces.My-App: is no name of a keyspace
          hint: lower-case letters, digits and _, a letter first; for example my_app"#]],
    );
    wrong(
        "keyspaces: {system_schema: }",
        &expect![[r#"
        test.yaml:5:17 (stack s): error: keyspaces.system_schema: is the product's own keyspace
          hint: leave it out; of its own, system_auth, system_distributed, system_traces may be set"#]],
    );
}

#[test]
fn times_of_maintenance() {
    wrong(
        "maintenance: {repair: weekly}",
        &expect![[r#"
        test.yaml:5:19 (stack s): error: maintenance.repair: "weekly" is no time for it
          hint: write every 7d, or by hand"#]],
    );
    wrong(
        "maintenance: {cleanup: every 1s}",
        &expect![[r#"
        test.yaml:5:19 (stack s): error: maintenance.cleanup: every 1s is too often
          hint: at least every 1m"#]],
    );
    wrong(
        "maintenance: {snapshot: every 1d, keep: 5s}",
        &expect![[r#"
            test.yaml:5:39 (stack s): error: maintenance.keep: 5s is too short
              hint: at least 1m"#]],
    );
    wrong(
        "maintenance: {repairs: by hand}",
        &expect![[r#"
        test.yaml:5:19 (stack s): error: unknown key maintenance.repairs
          hint: did you mean repair?"#]],
    );
}

#[test]
fn keys_of_the_configuration() {
    wrong(
        "config: {read_request_timeout_in_ms: 5000}",
        &expect![[r#"
        test.yaml:5:14 (stack s): error: config.read_request_timeout_in_ms is a key of older versions than cassandra 5.0.9
          hint: write read_request_timeout: 5000ms"#]],
    );
    wrong(
        "config: {commitlog_segment_size_in_mb: 16}",
        &expect![[r#"
        test.yaml:5:14 (stack s): error: config.commitlog_segment_size_in_mb is a key of older versions than cassandra 5.0.9
          hint: write commitlog_segment_size: 16MiB"#]],
    );
    wrong(
        "config: {enable_materialized_views: true}",
        &expect![[r#"
        test.yaml:5:14 (stack s): error: config.enable_materialized_views is a key of older versions than cassandra 5.0.9
          hint: write materialized_views_enabled: true"#]],
    );
    wrong(
        "config: {start_rpc: true}",
        &expect![[r#"
        test.yaml:5:14 (stack s): error: config.start_rpc is a key of older versions than cassandra 5.0.9
          hint: Thrift is gone since 4.0: leave it out"#]],
    );
    wrong(
        "config: {concurrent_read: 8}",
        &expect![[r#"
        test.yaml:5:14 (stack s): error: config.concurrent_read is not known to cassandra 5.0.9
          hint: did you mean concurrent_reads?"#]],
    );
    wrong(
        "config: {quite_something_else: 8}",
        &expect![[r#"
        test.yaml:5:14 (stack s): error: config.quite_something_else is not known to cassandra 5.0.9
          hint: it has 409 keys, none like this"#]],
    );
    wrong(
        "config: {listen_address: 0.0.0.0}",
        &expect![[r#"
        test.yaml:5:14 (stack s): error: config.listen_address is written by smack
          hint: a node listens on its own address only; set ports: {cql: …}"#]],
    );
    wrong(
        "config: {initial_token: 0}",
        &expect![[r#"
        test.yaml:5:14 (stack s): error: config.initial_token is written by smack
          hint: a node's tokens follow from its number, so that any number of nodes shares the ring evenly; set num-tokens"#]],
    );
    wrong(
        "config: {seed_provider: [{class_name: x}]}",
        &expect![[r#"
        test.yaml:5:14 (stack s): error: config.seed_provider is written by smack
          hint: the first nodes are the seeds; set seeds: 2 for how many"#]],
    );
    wrong(
        "config: [a, b]",
        &expect!["test.yaml:5:5 (stack s): error: config wants a map, found a list"],
    );
}
