//! Zipkins: whole specs, what restarts, and wrong input with its place and what to do.

use expect_test::{Expect, ExpectFile, expect, expect_file};
use smack_model::Until;

use crate::support::{built, digests, rendered, spec};

/// Lines 3 to 5 of every file: what a Zipkin may lean on.
const AROUND: &str = "  kafka: {type: kafka, version: 4.3}
  cassandra: {type: cassandra}
  zookeeper: {type: zookeeper}
";

/// A stack of one Zipkin, from line 8 on.
fn zipkin(lines: &str) -> String {
    around(AROUND, lines)
}

fn around(others: &str, lines: &str) -> String {
    let lines = lines.replace('\n', "\n    ");
    format!("name: s\napplications:\n{others}  zipkin:\n    type: zipkin\n    {lines}\n")
}

fn golden(text: &str, expected: &ExpectFile) {
    expected.assert_eq(&rendered(&spec(text, "zipkin")));
}

fn wrong(text: &str, expected: &Expect) {
    let shown = match built(text) {
        Ok(platform) => platform.notices.to_string(),
        Err(problems) => problems.to_string(),
    };
    expected.assert_eq(&shown);
}

#[test]
fn one_in_memory() {
    golden(
        &zipkin(
            "heap: 256m\nconfig: {zipkin.query.lookback: 3600000, logging.level.zipkin2: DEBUG}\nports: 9500",
        ),
        &expect_file!["golden/one-zipkin.txt"],
    );
}

#[test]
fn roles_between_kafka_and_cassandra() {
    golden(
        &zipkin(
            "dependencies: [kafka, cassandra]
roles: {collector: 1, query: 1, web: 2}
storage: cassandra
collectors: {http: false, kafka: kafka}
env: {JAVA_TOOL_OPTIONS: -Dx=y}
jvm-options: [-Dx=y]",
        ),
        &expect_file!["golden/zipkin-roles.txt"],
    );
}

#[test]
fn things_elsewhere() {
    golden(
        &zipkin(
            "instances: 2
storage: {cassandra: 'c1.example:9042,c2.example', dc: dc1}
collectors: {kafka: {brokers: 'k1.example:9092', topic: spans, streams: 2, group: z}}",
        ),
        &expect_file!["golden/zipkin-elsewhere.txt"],
    );
    let spec = spec(
        &zipkin("storage: 'https://e1.example:9200,http://e2.example/'"),
        "zipkin",
    );
    let command = spec.tasks["zipkin-0"].launch.command.iter();
    let shown: Vec<String> = command.map(smack_model::Template::shown).collect();
    for expected in [
        "--zipkin.storage.type=elasticsearch",
        "--zipkin.storage.elasticsearch.hosts=https://e1.example:9200,http://e2.example/",
    ] {
        assert!(
            shown.iter().any(|argument| argument == expected),
            "{shown:?}"
        );
    }
}

#[test]
fn dependencies_say_enough() {
    let bare = zipkin("dependencies: [kafka, cassandra]");
    let said = zipkin(
        "dependencies: [kafka, cassandra]\nstorage: cassandra\ncollectors: {kafka: {brokers: kafka, topic: zipkin}}",
    );
    assert_eq!(spec(&bare, "zipkin"), spec(&said, "zipkin"));
    let alone = zipkin("dependencies: [kafka]\ncollectors: {kafka: false}");
    let command = format!(
        "{:?}",
        spec(&alone, "zipkin").tasks["zipkin-0"].launch.command
    );
    assert!(!command.contains("bootstrap"), "{command}");
}

#[test]
fn a_declared_topic_is_waited_for() {
    let until = |topics: &str| {
        let kafka = format!("  kafka: {{type: kafka, topics: {topics}}}\n");
        let text = around(&kafka, "dependencies: [kafka]");
        spec(&text, "zipkin").requires[0].until
    };
    assert_eq!(until("{other: {partitions: 2}}"), Until::Placed);
    assert_eq!(until("{zipkin: {partitions: 2}}"), Until::Ready);
}

#[test]
fn growing_neighbours_restart_nothing() {
    let text = zipkin("dependencies: [kafka, cassandra]\nroles: {collector: 1, query: 1}");
    let before = digests(&text, "zipkin");
    for (from, to) in [
        ("version: 4.3", "version: 4.3, instances: 3"),
        ("type: cassandra", "type: cassandra, instances: 3"),
        ("collector: 1", "collector: 4"),
        (
            "type: kafka",
            "type: kafka, topics: {zipkin: {partitions: 4}}",
        ),
    ] {
        let after = digests(&text.replacen(from, to, 1), "zipkin");
        assert!(
            before.iter().all(|(task, digest)| after[task] == *digest),
            "{to}"
        );
    }
    let debug = digests(
        &format!("{text}    config: {{zipkin.query.timeout: 5s}}\n"),
        "zipkin",
    );
    assert!(before.iter().all(|(task, digest)| debug[task] != *digest));
}

#[test]
fn memory_is_of_one_process() {
    wrong(
        &zipkin("roles: {collector: 1, query: 1, web: 1}"),
        &expect![[r#"
        test.yaml:8:5 (stack s): error: roles: split processes without a storage: each would keep spans in its own memory
          hint: keep spans where all see them: storage: an application of type cassandra, or http://host:9200"#]],
    );
    wrong(
        &zipkin("storage: memory\ninstances: 2"),
        &expect![[r#"
        test.yaml:9:5 (stack s): error: instances: each of 2 servers would keep spans in its own memory
          hint: keep spans where all see them: storage: an application of type cassandra, or http://host:9200"#]],
    );
    wrong(
        &zipkin("collectors: {http: false}"),
        &expect![[r#"
        test.yaml:8:5 (stack s): error: collectors: no span would ever come into its memory
          hint: leave http on, or add kafka"#]],
    );
}

#[test]
fn storages() {
    wrong(
        &zipkin("storage: casandra"),
        &expect![[r#"
        test.yaml:8:5 (stack s): error: storage: casandra is no application of this stack
          hint: did you mean cassandra?"#]],
    );
    wrong(
        &zipkin("storage: mysql"),
        &expect![[r#"
        test.yaml:8:5 (stack s): error: storage: mysql is no application of this stack
          hint: write memory, the id of an application of type cassandra, or http://host:9200"#]],
    );
    wrong(
        &zipkin("dependencies: [kafka]\nstorage: kafka"),
        &expect![[r#"
        test.yaml:9:5 (stack s): error: storage: kafka is of type kafka, not cassandra
          hint: write memory, the id of an application of type cassandra, or http://host:9200"#]],
    );
    wrong(
        &zipkin("storage: cassandra"),
        &expect![[r#"
        test.yaml:8:5 (stack s): error: storage: it does not depend on cassandra
          hint: add dependencies: [cassandra]"#]],
    );
    wrong(
        &zipkin(
            "dependencies: [cassandra]\nstorage:\n  cassandra: cassandra\n  elasticsearch: http://e:9200",
        ),
        &expect![[r#"
            test.yaml:11:7 (stack s): error: storage.elasticsearch: spans are kept in one place, cassandra: says another
              hint: take one of them out"#]],
    );
    wrong(
        &zipkin("storage: {}"),
        &expect![[r#"
        test.yaml:8:5 (stack s): error: storage says neither cassandra nor elasticsearch
          hint: write memory, the id of an application of type cassandra, or http://host:9200"#]],
    );
    wrong(
        &zipkin("storage: {cassandra: 'c.example:9042'}"),
        &expect![[r#"
        test.yaml:8:15 (stack s): error: storage.cassandra: the data center of a ring elsewhere must be told
          hint: add dc: …; `nodetool status` shows it"#]],
    );
    wrong(
        &zipkin("storage: 'c.example:9042'"),
        &expect![[r#"
        test.yaml:8:5 (stack s): error: storage: c.example:9042 does not say what is there
          hint: write storage: {cassandra: "host:9042", dc: …}, or http://host:9200"#]],
    );
    wrong(
        &zipkin("storage: {elasticsearch: http://e:9200, dc: dc1}"),
        &expect![[r#"
        test.yaml:8:45 (stack s): error: storage.dc: Elasticsearch has no data centers
          hint: take it out"#]],
    );
    wrong(
        &zipkin("storage: {cassandra: cassandra, dc: dc1}\ndependencies: [cassandra]"),
        &expect![[r#"
        test.yaml:8:37 (stack s): error: storage.dc: it is for a ring elsewhere
          hint: take it out: the application tells its data center"#]],
    );
    let two = "  c1: {type: cassandra}\n  c2: {type: cassandra}\n";
    wrong(
        &around(two, "dependencies: [c1, c2]"),
        &expect![[r#"
        test.yaml:5:3 (stack s): error: several Cassandras among the dependencies: c1, c2
          hint: say which: storage: c1"#]],
    );
}

#[test]
fn urls_of_elasticsearch() {
    for (url, expected) in [
        (
            "ftp://e:9200",
            expect![[r#"
            test.yaml:8:5 (stack s): error: storage: "ftp://e:9200" is neither http nor https
              hint: for example http://search.example:9200"#]],
        ),
        (
            "http://",
            expect![[r#"
            test.yaml:8:5 (stack s): error: storage: "http://" names no host
              hint: for example http://search.example:9200"#]],
        ),
        (
            "http://e:92000",
            expect![[r#"
            test.yaml:8:5 (stack s): error: storage: "http://e:92000" has no port from 1 to 65535
              hint: for example http://search.example:9200"#]],
        ),
        (
            "http://e:9200/zipkin",
            expect![[r#"
            test.yaml:8:5 (stack s): error: storage: "http://e:9200/zipkin" has a path, but is to be a base address
              hint: for example http://search.example:9200"#]],
        ),
        (
            "http://me:secret@e:9200",
            expect![[r#"
                test.yaml:8:5 (stack s): error: storage: "e:9200" is told with a user
                  hint: set env: {ES_USERNAME: …, ES_PASSWORD: …}: the address stands in the list of processes"#]],
        ),
        (
            "'http://e:9200,f:9200'",
            expect![[r#"
            test.yaml:8:5 (stack s): error: storage: "f:9200" is no URL
              hint: for example http://search.example:9200"#]],
        ),
    ] {
        wrong(&zipkin(&format!("storage: {url}")), &expected);
    }
    for url in [
        "http://e",
        "https://e:9200/",
        "'http://[::1]:9200'",
        "'http://${kafka.hosts}:9200'",
    ] {
        let text = zipkin(&format!("dependencies: [kafka]\nstorage: {url}"));
        assert_eq!(built(&text).unwrap().notices.to_string(), "", "{url}");
    }
}

#[test]
fn rings_that_do_not_serve_it() {
    let ring = |keys: &str| format!("  cassandra: {{type: cassandra, {keys}}}\n");
    let lines = "dependencies: [cassandra]\nstorage: cassandra";
    wrong(
        &around(&ring("config: {sasi_indexes_enabled: false}"), lines),
        &expect![[r#"
            test.yaml:7:5 (stack s): error: Zipkin's tables have SASI indexes, but cassandra has sasi_indexes_enabled: false at test.yaml:3:41 (stack s)
              hint: take it out of the config of cassandra: smack allows them by default"#]],
    );
    wrong(
        &around(&ring("instances: 4"), lines),
        &expect![[r#"
        test.yaml:7:5 (stack s): notice: cassandra has 4 nodes and declares no keyspace zipkin2, so Zipkin makes it with one copy of each row
          hint: add to cassandra: keyspaces: {zipkin2: {replication: 3}}"#]],
    );
    wrong(
        &around(
            &ring("instances: 2, keyspaces: {zipkin2: {replication: 2}}"),
            &format!("{lines}\nconfig: {{zipkin.storage.cassandra3.keyspace: traces}}"),
        ),
        &expect![[r#"
            test.yaml:7:5 (stack s): notice: cassandra has 2 nodes and declares no keyspace traces, so Zipkin makes it with one copy of each row
              hint: add to cassandra: keyspaces: {traces: {replication: 2}}"#]],
    );
    wrong(
        &around(
            &ring("instances: 2, keyspaces: {zipkin2: {replication: 2}}"),
            lines,
        ),
        &expect![],
    );
}

#[test]
fn collectors() {
    wrong(
        &zipkin("collectors: {kafka: kafak}"),
        &expect![[r#"
        test.yaml:8:18 (stack s): error: collectors.kafka: kafak is no application of this stack
          hint: did you mean kafka?"#]],
    );
    wrong(
        &zipkin("collectors: {kafka: zookeeper}"),
        &expect![[r#"
        test.yaml:8:18 (stack s): error: collectors.kafka: zookeeper is of type zookeeper, not kafka
          hint: name an application of type kafka, or give host:port,host:port"#]],
    );
    wrong(
        &zipkin("collectors: {kafka: kafka}"),
        &expect![[r#"
        test.yaml:8:18 (stack s): error: collectors.kafka: it does not depend on kafka
          hint: add dependencies: [kafka]"#]],
    );
    wrong(
        &zipkin("collectors: {kafka: {topic: zipkin}}"),
        &expect![[r#"
        test.yaml:8:18 (stack s): error: collectors.kafka names no Kafka, and none is among the dependencies
          hint: add dependencies: [kafka]"#]],
    );
    wrong(
        &zipkin(
            "dependencies: [kafka]\ncollectors: {kafka: {topic: my spans, streams: 0, group: ''}}",
        ),
        &expect![[r#"
            test.yaml:9:26 (stack s): error: collectors.kafka.topic: "my spans" is no name of a topic
              hint: letters, digits, . _ and -, at most 249
            test.yaml:9:43 (stack s): error: collectors.kafka.streams is 0
              hint: from 1 to 1000 is allowed
            test.yaml:9:55 (stack s): error: collectors.kafka.group: is empty
              hint: leave it out, or name one"#]],
    );
    wrong(
        &zipkin("collectors: {kafak: kafka, http: maybe}"),
        &expect![[r#"
        test.yaml:8:18 (stack s): error: unknown key collectors.kafak
          hint: did you mean kafka?
        test.yaml:8:32 (stack s): error: collectors.http wants true or false, found the text "maybe""#]],
    );
    wrong(
        &zipkin("dependencies: [kafka]\ncollectors: {kafka: {streams: 2}}"),
        &expect![[r#"
            test.yaml:9:5 (stack s): notice: 2 consumers share 1 partition of topic zipkin: 1 is idle
              hint: declare it in kafka: topics: {zipkin: {partitions: 2}}"#]],
    );
    let three = "  kafka: {type: kafka, topics: {zipkin: {partitions: 3}}}\n";
    wrong(
        &around(
            three,
            "dependencies: [kafka]\ncollectors: {kafka: {streams: 3}}",
        ),
        &expect![],
    );
    let two = "  k1: {type: kafka, version: 4.3}\n  k2: {type: kafka, version: 4.3}\n";
    wrong(
        &around(two, "dependencies: [k1, k2]"),
        &expect![[r#"
        test.yaml:5:3 (stack s): error: several Kafkas among the dependencies: k1, k2
          hint: say which: collectors: {kafka: k1}"#]],
    );
}

#[test]
fn roles() {
    let on_cassandra = |lines: &str| zipkin(&format!("dependencies: [cassandra, kafka]\n{lines}"));
    wrong(
        &on_cassandra("roles: {colector: 1, web: 1}"),
        &expect![[r#"
        test.yaml:9:13 (stack s): error: unknown key roles.colector
          hint: did you mean collector?"#]],
    );
    wrong(
        &on_cassandra("roles: {collector: 0, query: 0, web: 0}"),
        &expect![[r#"
        test.yaml:9:5 (stack s): error: roles: of every process there are none
          hint: for example roles: {collector: 1, query: 1, web: 1}"#]],
    );
    wrong(
        &on_cassandra("roles: {}"),
        &expect![[r#"
        test.yaml:9:5 (stack s): error: roles: says of no process how many
          hint: for example roles: {collector: 1, query: 1, web: 1}"#]],
    );
    wrong(
        &on_cassandra("roles: 3"),
        &expect!["test.yaml:9:5 (stack s): error: roles wants a map, found the integer 3"],
    );
    wrong(
        &on_cassandra("roles: {query: -1}"),
        &expect![[r#"
            test.yaml:9:13 (stack s): error: roles.query is -1
              hint: from 0 to 1000 is allowed"#]],
    );
    wrong(
        &on_cassandra("roles: {query: 1}\ninstances: 2"),
        &expect![[r#"
        test.yaml:10:5 (stack s): error: instances: roles: says how many processes there are
          hint: take one of them out"#]],
    );
    wrong(
        &on_cassandra("roles: {query: 1}\ncollectors: {kafka: kafka}"),
        &expect![[r#"
        test.yaml:10:5 (stack s): error: collectors: nobody would read topic zipkin
          hint: add roles: {collector: 1}"#]],
    );
    wrong(&on_cassandra("roles: {query: 1}"), &expect![]);
    wrong(
        &on_cassandra("roles: {collector: 1}\ncollectors: {http: false, kafka: false}"),
        &expect![[r#"
            test.yaml:9:5 (stack s): error: roles: collectors would collect nothing
              hint: leave collectors: {http: …} on, or add kafka"#]],
    );
}

#[test]
fn keys_that_are_not_for_the_stack() {
    wrong(
        &zipkin("version: 2.24"),
        &expect![[r#"
        test.yaml:8:5 (stack s): error: version: unknown version `2.24` of zipkin
          hint: did you mean 3.6.1? known: 3.6.1"#]],
    );
    wrong(
        &zipkin("config: {zipkin.query.lokback: 5}"),
        &expect![[r#"
        test.yaml:8:14 (stack s): error: config.zipkin.query.lokback is not known to zipkin 3.6.1
          hint: did you mean zipkin.query.lookback?"#]],
    );
    wrong(
        &zipkin("config: {zipkin.storage.type: mysql, zipkin.ui.enabled: false, server.port: 80}"),
        &expect![[r#"
            test.yaml:8:14 (stack s): error: config.zipkin.storage.type is written by smack
              hint: set storage
            test.yaml:8:42 (stack s): error: config.zipkin.ui.enabled is written by smack
              hint: set roles: {collector: …, query: …, web: …}
            test.yaml:8:68 (stack s): error: config.server.port is written by smack
              hint: set ports: {http: …}"#]],
    );
    wrong(
        &zipkin("env: {STORAGE_TYPE: mysql, KAFKA_TOPIC: spans, QUERY_LOOKBACK: 5}"),
        &expect![[r#"
            test.yaml:8:11 (stack s): error: env.STORAGE_TYPE is given by smack
              hint: set storage
            test.yaml:8:32 (stack s): error: env.KAFKA_TOPIC is given by smack
              hint: set collectors: {kafka: {brokers: …, topic: …, streams: …, group: …}}"#]],
    );
    wrong(
        &zipkin("java: 11"),
        &expect![[r#"
        test.yaml:8:5 (stack s): error: java: zipkin 3.6.1 does not run on Java 11
          hint: it runs on Java >=17 <26"#]],
    );
    wrong(
        &zipkin("heap: 32m"),
        &expect![[r#"
        test.yaml:8:5 (stack s): error: heap: 32 MiB are too few for the server alone
          hint: at least 64m; with spans in memory more"#]],
    );
    wrong(
        &zipkin("ports: {admin: 9412}"),
        &expect![[r#"
        test.yaml:8:13 (stack s): error: unknown key ports.admin
          hint: known are http"#]],
    );
}
