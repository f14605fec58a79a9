//! Whole specs, as the scheduler gets them.

use crate::support::{rendered, spec};
use expect_test::{ExpectFile, expect_file};

fn check(text: &str, application: &str, expected: &ExpectFile) {
    expected.assert_eq(&rendered(&spec(text, application)));
}

#[test]
fn three_zookeepers() {
    check(
        "name: s\napplications:\n  zookeeper: {type: zookeeper, instances: 3, config: {tickTime: 1000, maxClientCnxns: 100}, labels: {team: core}}\n",
        "zookeeper",
        &expect_file!["golden/three-zookeepers.txt"],
    );
}

#[test]
fn one_zookeeper_with_its_own_ideas() {
    check(
        "name: s
applications:
  zk:
    type: zookeeper
    version: 3.9
    heap: 128m
    java: 21
    jvm-options: [-XX:+UseG1GC, -Dx=y]
    cpu: 0.5
    ports: {client: 12181, quorum: any, election: 31000-31010}
    retry: {delay: 2s, max-delay: 30s, max-tries: 3}
    stop: {grace: 10s}
    constraints: [[hostname, UNIQUE]]
",
        "zk",
        &expect_file!["golden/one-zookeeper-with-its-own-ideas.txt"],
    );
}

#[test]
fn three_brokers_on_zookeeper() {
    check(
        "name: s
applications:
  zookeeper: {type: zookeeper, instances: 3}
  kafka:
    type: kafka
    version: 3.9
    instances: 3
    dependencies: [zookeeper]
    topics:
      events: {partitions: 3, replication: 3, config: {min.insync.replicas: 2}}
      single: {replication: 1}
      plain:
",
        "kafka",
        &expect_file!["golden/three-brokers-on-zookeeper.txt"],
    );
}

#[test]
fn three_combined_nodes() {
    check(
        "name: s\napplications:\n  kafka: {type: kafka, version: 4.3, instances: 3, topics: {events: {partitions: 3}}}\n",
        "kafka",
        &expect_file!["golden/three-combined-nodes.txt"],
    );
}

#[test]
fn a_fourth_broker_is_no_controller() {
    check(
        "name: s\napplications:\n  kafka: {type: kafka, instances: 4}\n",
        "kafka",
        &expect_file!["golden/a-fourth-broker-is-no-controller.txt"],
    );
}

#[test]
fn controllers_apart() {
    check(
        "name: s\napplications:\n  kafka: {type: kafka, instances: 2, roles: {controllers: 3}, heap: 512m}\n",
        "kafka",
        &expect_file!["golden/controllers-apart.txt"],
    );
}

#[test]
fn a_command_of_today() {
    check(
        "name: s
applications:
  store: {type: command, command: [store]}
  web:
    type: command
    command: [/usr/bin/web, --listen, 'all']
    args: ['--store=${store.host}']
    dependencies: [store]
    instances: 2
    cpu: 0.25
    mem: 64m
    ports: {http: 8080, admin: any}
    env: {LEVEL: debug}
    volumes: [data]
    user: nobody
    healthcheck: {http: /health, port: admin, every: 10s, timeout: 3s, failures: 3, grace: 2m}
    budget: 2
    stop: {signal: SIGINT, grace: 5s}
    labels: {tier: front}
",
        "web",
        &expect_file!["golden/a-command-of-today.txt"],
    );
}

#[test]
fn a_command_of_2016() {
    check(
        "name: s
applications:
  web:
    type: my-framework
    id: web
    version: 0.10
    cpu: 0.1
    mem: 512
    ports: [31990, 0]
    launch_command: ./web.sh scheduler
    scheduler: {api: 'http://$HOST:$PORT0', master: '${mesos.master}', debug: true}
    artifact_urls: ['http://repo.example/web.tgz']
    additional_artifacts: ['http://repo.example/jre.tgz']
    healthcheck: /health
    constraints: [[hostname, LIKE, 'node.*']]
    before_scheduler: [echo hello]
",
        "web",
        &expect_file!["golden/a-command-of-2016.txt"],
    );
}

#[test]
fn jobs() {
    check(
        "name: s\napplications:\n  load: {type: job, command: [load, data], retry: {max-tries: 5}}\n",
        "load",
        &expect_file!["golden/jobs.txt"],
    );
    check(
        "name: s\napplications:\n  old: {type: run-once, id: old, cpu: 0.1, mem: 8, launch_command: 'echo done', instances: all}\n",
        "old",
        &expect_file!["golden/jobs-of-old.txt"],
    );
}
