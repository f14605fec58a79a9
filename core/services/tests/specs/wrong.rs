//! Wrong input: each with its place and what to do.

use expect_test::{Expect, expect};

use crate::support::built;

fn check(text: &str, expected: &Expect) {
    let shown = match built(text) {
        Ok(platform) => platform.notices.to_string(),
        Err(problems) => problems.to_string(),
    };
    expected.assert_eq(&shown);
}

/// A stack of one application, from line 4 on.
fn application(kind: &str, lines: &str) -> String {
    format!(
        "name: s\napplications:\n  a:\n    type: {kind}\n    {}\n",
        lines.replace('\n', "\n    ")
    )
}

#[test]
fn an_unknown_type() {
    check(
        &application("kafak", "instances: 1"),
        &expect![[r#"
            test.yaml:4:5 (stack s): error: type kafak is not known
              hint: did you mean kafka?"#]],
    );
    check(
        &application("elasticsearch", "instances: 1"),
        &expect![[r#"
            test.yaml:4:5 (stack s): error: type elasticsearch cannot run: Elasticsearch is not in the catalog; Zipkin takes one that is elsewhere by its URL
              hint: take it out of the stack"#]],
    );
    check(
        &application("kafka-mesos-0.9.x", "cpu: 1\nlaunch_command: ./k"),
        &expect![[r#"
            test.yaml:3:3 (stack s): error: a has no tasks, so nothing of it would run
              hint: its scheduler of old waited for them; for example tasks: {all: {id: "0..2"}}
            test.yaml:4:5 (stack s): notice: a runs as type: kafka
              hint: without effect, for its scheduler is not needed any more: cpu, launch_command"#]],
    );
    check(
        &application("my-app", "launch_command: ./k"),
        &expect![[r#"
        test.yaml:4:5 (stack s): notice: type my-app is not known, so a runs as a plain command
          hint: write type: command"#]],
    );
}

#[test]
fn a_grid_that_is_not_there() {
    check(
        &application("command", "grid: mesos\ncommand: [./k]"),
        &expect![[r#"
            test.yaml:5:5 (stack s): error: grid of a: "mesos" is not there
              hint: leave it out: tasks run on this machine, grid: local"#]],
    );
    check(
        &application("command", "grid: locl\ncommand: [./k]"),
        &expect![[r#"
            test.yaml:5:5 (stack s): error: grid of a: "locl" is not there
              hint: did you mean local?"#]],
    );
}

#[test]
fn zookeeper_keys() {
    check(
        &application("zookeeper", "instnaces: 3"),
        &expect![[r#"
        test.yaml:5:5 (stack s): error: unknown key instnaces
          hint: did you mean instances?"#]],
    );
    check(
        &application("zookeeper", "instances: many"),
        &expect![[
            r#"test.yaml:5:5 (stack s): error: instances wants an integer, found the text "many""#
        ]],
    );
    check(
        &application("zookeeper", "instances: 0"),
        &expect![[r#"
        test.yaml:5:5 (stack s): error: instances is 0
          hint: from 1 to 255 is allowed"#]],
    );
    check(
        &application("zookeeper", "instances: 4"),
        &expect![[r#"
        test.yaml:5:5 (stack s): notice: 4 members survive no more losses than 3
          hint: choose an odd number"#]],
    );
    check(
        &application("zookeeper", "version: 3.8.4"),
        &expect![[r#"
        test.yaml:5:5 (stack s): error: version: unknown version `3.8.4` of zookeeper
          hint: did you mean 3.9.5? known: 3.9.5"#]],
    );
    check(
        &application("zookeeper", "retry: {dealy: 3s}"),
        &expect![[r#"
            test.yaml:5:13 (stack s): error: unknown key retry.dealy
              hint: did you mean delay?"#]],
    );
    check(
        &application("zookeeper", "retry: {delay: 2m, max-delay: 1m}"),
        &expect![[r#"
        test.yaml:5:24 (stack s): error: retry.max-delay: 1m is shorter than the delay of 2m
          hint: it is the delay after many failures"#]],
    );
    check(
        &application("zookeeper", "ready-within: soon"),
        &expect![[
            r#"test.yaml:5:5 (stack s): error: ready-within wants a duration such as 500ms, 10s, 5m or 2h, found the text "soon""#
        ]],
    );
}

#[test]
fn zookeeper_configuration() {
    check(
        &application("zookeeper", "config: {maxClientCnxn: 5}"),
        &expect![[r#"
        test.yaml:5:14 (stack s): error: config.maxClientCnxn is not known to zookeeper 3.9.5
          hint: did you mean maxClientCnxns?"#]],
    );
    check(
        &application("zookeeper", "config: {clientPort: 2182}"),
        &expect![[r#"
        test.yaml:5:14 (stack s): error: config.clientPort is written by smack
          hint: set ports: {client: …}"#]],
    );
    check(
        &application("zookeeper", "config: {server.1: 'a:1:2'}"),
        &expect![[r#"
        test.yaml:5:14 (stack s): error: config.server.1 is written by smack
          hint: the members are the tasks of the application"#]],
    );
    check(
        &application("zookeeper", "config: {4lw.commands.whitelist: ruok}"),
        &expect![[r#"
        test.yaml:5:14 (stack s): error: config.4lw.commands.whitelist lacks srvr, so readiness could not be asked
          hint: add srvr"#]],
    );
    check(
        &application("zookeeper", "config: {admin.enableServer: true}"),
        &expect![[r#"
        test.yaml:5:14 (stack s): error: config.admin.enableServer is written by smack
          hint: the admin server needs jars that the catalog leaves out; `srvr` and `mntr` tell the same"#]],
    );
    check(
        &application("zookeeper", "config: [tickTime]"),
        &expect!["test.yaml:5:5 (stack s): error: config wants a map, found a list"],
    );
}

#[test]
fn memory() {
    check(
        &application("zookeeper", "heap: 512m\nmem: 256m"),
        &expect![[r#"
        test.yaml:6:5 (stack s): error: mem: a heap of 512 MiB does not fit into 256 MiB
          hint: leave mem out (then it is 512 + 96 MiB) or lower the heap"#]],
    );
    check(
        &application("zookeeper", "heap: 512m\nmem: 520m"),
        &expect![[r#"
        test.yaml:6:5 (stack s): notice: mem: 520 MiB leave 8 MiB beside the heap of 512 MiB
          hint: zookeeper needs about 96 MiB beside its heap"#]],
    );
    check(
        &application("kafka", "heap: lots"),
        &expect![[
            r#"test.yaml:5:5 (stack s): error: heap wants an amount such as 256m, 1g or 512MiB, found the text "lots""#
        ]],
    );
    check(
        &application("kafka", "heap: 1m"),
        &expect![[r#"
        test.yaml:5:5 (stack s): error: heap: 1 MiB is out of range
          hint: from 16m to 16t is allowed"#]],
    );
    check(
        &application("kafka", "mem: 99999999g"),
        &expect![[r#"
        test.yaml:5:5 (stack s): error: mem: 102399998976 MiB is out of range
          hint: from 1m to 16t is allowed"#]],
    );
}

#[test]
fn java() {
    check(
        &application("kafka", "java: 11"),
        &expect![[r#"
        test.yaml:5:5 (stack s): error: java: kafka 4.3.1 does not run on Java 11
          hint: it runs on Java >=17 <26"#]],
    );
    check(
        &application("kafka", "java: newest"),
        &expect![[r#"
        test.yaml:5:5 (stack s): error: java: `newest` is not like `>=17` or `>=17 <26`
          hint: write a version or bounds: 17, ">=17" or ">=17 <22""#]],
    );
    check(
        &application("zookeeper", "jvm-options: [-Xmx1g]"),
        &expect![[r#"
        test.yaml:5:19 (stack s): error: jvm-options: -Xmx1g is given by smack
          hint: set heap: instead"#]],
    );
    check(
        &application("zookeeper", "jvm-options: [Dx=y]"),
        &expect![[r#"
        test.yaml:5:19 (stack s): error: jvm-options: Dx=y is no option of a Java machine
          hint: an option starts with -, one per item of the list"#]],
    );
    check(
        &application("zookeeper", "jvm-options: ['-cp', '-jar']"),
        &expect![[r#"
        test.yaml:5:19 (stack s): error: jvm-options: -cp is given by smack
          hint: the catalog gives the class path
        test.yaml:5:26 (stack s): error: jvm-options: -jar is given by smack
          hint: the catalog gives the main class"#]],
    );
}

#[test]
fn kafka_versions_and_modes() {
    check(
        &application("kafka", "version: 3.9"),
        &expect![[r#"
        test.yaml:3:3 (stack s): error: Kafka 3.9.2 needs a ZooKeeper
          hint: add an application of type zookeeper and depend on it, or give zookeeper: host:port, or take version: 4.3, which needs none"#]],
    );
    check(
        &application("kafka", "version: 4.1"),
        &expect![[r#"
        test.yaml:5:5 (stack s): error: version: unknown version `4.1` of kafka
          hint: did you mean 4.3.1? known: 3.9.2, 4.3.1"#]],
    );
    check(
        &application("kafka", "version: 2.8.1"),
        &expect![[r#"
        test.yaml:5:5 (stack s): error: version: unknown version `2.8.1` of kafka
          hint: did you mean 3.9.2? known: 3.9.2, 4.3.1"#]],
    );
    check(
        &application("kafka", "version: 3.9\ncontrollers: 3\nzookeeper: 'z:2181'"),
        &expect![[r#"
        test.yaml:6:5 (stack s): error: controllers: Kafka 3.9.2 runs on ZooKeeper
          hint: take version: 4.3"#]],
    );
    check(
        &application("kafka", "zookeeper: 'z:2181'\nversion: 4.3"),
        &expect![[r#"
        test.yaml:5:5 (stack s): error: zookeeper: Kafka 4.3.1 has controllers of its own
          hint: take it out, or take version: 3.9"#]],
    );
    check(
        &application("kafka", "version: 3.9\nzookeeper: zk"),
        &expect![[r#"
        test.yaml:6:5 (stack s): error: zookeeper: zk is no ZooKeeper of this stack
          hint: name an application of type zookeeper, or give host:port,host:port"#]],
    );
    check(
        &application("kafka", "version: 3.9\nzookeeper: 'z:2181'\nchroot: kafka/"),
        &expect![[r#"
        test.yaml:7:5 (stack s): error: chroot: "kafka/" is no path in ZooKeeper
          hint: write /kafka"#]],
    );
    check(
        &application("kafka", "instances: 3\ncontrollers: 5"),
        &expect![[r#"
        test.yaml:6:5 (stack s): error: controllers: 5 of 3 brokers cannot be controllers
          hint: raise instances, or have them apart: roles: {controllers: 3}"#]],
    );
    check(
        &application("kafka", "instances: 3\ncontrollers: 2"),
        &expect![[r#"
        test.yaml:6:5 (stack s): notice: 2 controllers survive no more losses than 1
          hint: choose an odd number"#]],
    );
    check(
        &application("kafka", "roles: {controler: 3}"),
        &expect![[r#"
        test.yaml:5:5 (stack s): error: roles.controllers: is missing
          hint: say how many: roles: {controllers: 3}
        test.yaml:5:13 (stack s): error: unknown key roles.controler
          hint: did you mean controllers?"#]],
    );
    check(
        &application(
            "kafka",
            "instances: 3\ncontrollers: 3\nroles: {controllers: 3}",
        ),
        &expect![[r#"
        test.yaml:6:5 (stack s): error: controllers: roles: {controllers: …} says it already
          hint: take one of them out"#]],
    );
    check(
        &application("kafka", "instances: 2000"),
        &expect![[r#"
        test.yaml:5:5 (stack s): error: instances is 2000
          hint: from 1 to 1000 is allowed"#]],
    );
}

#[test]
fn kafka_configuration() {
    check(
        &application("kafka", "config: {log.retention.hour: 1}"),
        &expect![[r#"
        test.yaml:5:14 (stack s): error: config.log.retention.hour is not known to kafka 4.3.1
          hint: did you mean log.retention.hours?"#]],
    );
    check(
        &application("kafka", "config: {broker.id: 5}"),
        &expect![[r#"
        test.yaml:5:14 (stack s): error: config.broker.id is written by smack
          hint: broker-N has the id N"#]],
    );
    check(
        &application("kafka", "config: {listeners: 'PLAINTEXT://0.0.0.0:9092'}"),
        &expect![[r#"
        test.yaml:5:14 (stack s): error: config.listeners is written by smack
          hint: a broker listens on, and advertises, its own address; set ports: {client: …} for another port"#]],
    );
    check(
        &application("kafka", "config: {log.dirs: /tmp}"),
        &expect![[r#"
        test.yaml:5:14 (stack s): error: config.log.dirs is written by smack
          hint: the data lies in the volume `data`"#]],
    );
    check(
        &application("kafka", "config: {controller.quorum.voters: '1@a:1'}"),
        &expect![[r#"
        test.yaml:5:14 (stack s): error: config.controller.quorum.voters is written by smack
          hint: set controllers: … or roles: {controllers: …}"#]],
    );
    check(
        &application("kafka", "config: {default.replication.factor: 3}"),
        &expect![[r#"
        test.yaml:5:14 (stack s): error: config.default.replication.factor is 3, but there is 1 broker
          hint: lower it or raise instances"#]],
    );
    check(
        &application(
            "kafka",
            "version: 3.9\nzookeeper: 'z:2181'\nconfig: {zookeeper.session.timeout.ms: 6s}",
        ),
        &expect![[r#"
        test.yaml:7:14 (stack s): error: config.zookeeper.session.timeout.ms wants milliseconds, found "6s"
          hint: for example 6000"#]],
    );
    check(
        &application(
            "kafka",
            "config: {share.coordinator.state.topic.min.isr: 2}\nversion: 3.9\nzookeeper: 'z:1'",
        ),
        &expect![[r#"
        test.yaml:5:14 (stack s): error: config.share.coordinator.state.topic.min.isr is not known to kafka 3.9.2
          hint: it has 329 keys, none like this"#]],
    );
}

#[test]
fn topics() {
    check(
        &application("kafka", "topics: {events: {replication: 3}}"),
        &expect![[r#"
        test.yaml:5:23 (stack s): error: topics.events.replication: 3 copies of each partition, but there is 1 broker
          hint: lower it or raise instances"#]],
    );
    check(
        &application("kafka", "instances: 2\ntopics: {events: {replication: 3}}"),
        &expect![[r#"
        test.yaml:6:23 (stack s): error: topics.events.replication: 3 copies of each partition, but there are 2 brokers
          hint: lower it or raise instances"#]],
    );
    check(
        &application("kafka", "topics: {events: {partitions: 0}}"),
        &expect![[r#"
        test.yaml:5:23 (stack s): error: topics.events.partitions is 0
          hint: from 1 to 100000 is allowed"#]],
    );
    check(
        &application("kafka", "topics: {events: {retention: 3}}"),
        &expect![[r#"
        test.yaml:5:23 (stack s): error: unknown key topics.events.retention
          hint: known are config, partitions, replication"#]],
    );
    check(
        &application("kafka", "topics: {events: {config: {retention.m: 3}}}"),
        &expect![[r#"
        test.yaml:5:32 (stack s): error: topics.events.config.retention.m is not known to topics of kafka 4.3.1
          hint: did you mean retention.ms?"#]],
    );
    check(
        &application(
            "kafka",
            "topics: {events: {config: {zzzzzzzzzzzzzzzzzzzz: 3}}}",
        ),
        &expect![[r#"
        test.yaml:5:32 (stack s): error: topics.events.config.zzzzzzzzzzzzzzzzzzzz is not known to topics of kafka 4.3.1
          hint: known are cleanup.policy, compression.gzip.level, compression.lz4.level, compression.type, compression.zstd.level, delete.retention.ms, file.delete.delay.ms, flush.messages, flush.ms, follower.replication.throttled.replicas, index.interval.bytes, internal.segment.bytes, leader.replication.throttled.replicas, local.retention.bytes, local.retention.ms, max.compaction.lag.ms, max.message.bytes, message.timestamp.after.max.ms, message.timestamp.before.max.ms, message.timestamp.type, min.cleanable.dirty.ratio, min.compaction.lag.ms, min.insync.replicas, preallocate, remote.log.copy.disable, remote.log.delete.on.disable, remote.storage.enable, retention.bytes, retention.ms, segment.bytes, segment.index.bytes, segment.jitter.ms, segment.ms, unclean.leader.election.enable"#]],
    );
    check(
        &application("kafka", "topics: {'my topic': {}}"),
        &expect![[r#"
        test.yaml:5:14 (stack s): error: topics.my topic: is no name of a topic
          hint: letters, digits, . _ and -, at most 249"#]],
    );
    check(
        &application("kafka", "topics: {__consumer_offsets: {}}"),
        &expect![[r#"
        test.yaml:5:14 (stack s): error: topics.__consumer_offsets: is the product's own topic
          hint: leave it out"#]],
    );
    check(
        &application("kafka", "topics: {a.b: {}, a_b: {}}"),
        &expect![[r#"
        test.yaml:5:23 (stack s): error: topics.a_b: cannot be told from a.b in metrics
          hint: topics should not differ only in . and _"#]],
    );
    check(
        &application(
            "kafka",
            "instances: 3\ntopics: {events: {replication: 2, config: {min.insync.replicas: 3}}}",
        ),
        &expect![[r#"
        test.yaml:6:39 (stack s): error: topics.events: min.insync.replicas 3 of 2 copies: nothing could be written with acks=all
          hint: set it to at most 2"#]],
    );
    check(
        &application("kafka", "topics: [events]"),
        &expect!["test.yaml:5:5 (stack s): error: topics wants a map, found a list"],
    );
}

#[test]
fn ports_and_constraints() {
    check(
        &application("kafka", "ports: 99999"),
        &expect![[r#"
        test.yaml:5:5 (stack s): error: ports: 99999 is no port
          hint: a number from 1 to 65535, a range such as "31000-31100", or any"#]],
    );
    check(
        &application("kafka", "ports: {client: 0}\nversion: 4.3"),
        &expect![[""]],
    );
    check(
        &application("kafka", "ports: {cleint: 9092}"),
        &expect![[r#"
        test.yaml:5:13 (stack s): error: unknown key ports.cleint
          hint: did you mean client?"#]],
    );
    check(
        &application("zookeeper", "ports: {client: 2888}"),
        &expect![[r#"
        test.yaml:5:5 (stack s): error: ports: client and quorum both want 2888
          hint: give each its own number, or any"#]],
    );
    check(
        &application("command", "command: [x]\nports: [80, 70000]"),
        &expect![[r#"
        test.yaml:6:17 (stack s): error: ports: 70000 is no port
          hint: a number from 1 to 65535, a range such as "31000-31100", or any"#]],
    );
    check(
        &application("command", "command: [x]\nports: {web ui: 80}"),
        &expect![[r#"
        test.yaml:6:13 (stack s): error: ports: "web ui" is no DNS label: ' ' is not one of a-z, 0-9 and -; try "web-ui"
          hint: a port's name is a DNS label"#]],
    );
    check(
        &application("command", "command: [x]\nports: {web: 90-80}"),
        &expect![[r#"
        test.yaml:6:13 (stack s): error: ports: 90-80 is no port
          hint: a number from 1 to 65535, a range such as "31000-31100", or any"#]],
    );
    check(
        &application("command", "command: [x]\nconstraints: [[hostname, UNIQ]]"),
        &expect![[r#"
        test.yaml:6:19 (stack s): error: constraints: "UNIQ" is no operator: known are UNIQUE, CLUSTER, GROUP_BY, LIKE, UNLIKE, MAX_PER, IS, IS_NOT
          hint: for example [hostname, UNIQUE], [rack, LIKE, "a.*"] or "hostname=unique""#]],
    );
    check(
        &application("command", "command: [x]\nconstraints: hostname"),
        &expect![[r#"
        test.yaml:6:5 (stack s): error: constraints: a constraint is [attribute, OPERATOR] or [attribute, OPERATOR, value], or the text attribute=operator:value
          hint: for example [hostname, UNIQUE], [rack, LIKE, "a.*"] or "hostname=unique""#]],
    );
    check(
        &application("command", "command: [x]\nconstraints: [[rack, LIKE, '(']]"),
        &expect![[r#"
        test.yaml:6:19 (stack s): error: constraints: "(" is no regular expression: found open group without closing ')'
          hint: for example [hostname, UNIQUE], [rack, LIKE, "a.*"] or "hostname=unique""#]],
    );
    check(
        &application(
            "command",
            "command: [x]\nconstraints: [[rack, MAX_PER, few]]",
        ),
        &expect![[r#"
        test.yaml:6:19 (stack s): error: constraints: MAX_PER wants a number, not "few"
          hint: for example [hostname, UNIQUE], [rack, LIKE, "a.*"] or "hostname=unique""#]],
    );
}

#[test]
fn commands() {
    check(
        &application("command", "cpu: 1"),
        &expect![[r#"
        test.yaml:3:3 (stack s): error: a has no command
          hint: add command: [program, argument] or launch_command: a line of the shell"#]],
    );
    check(
        &application("command", "command: sleep 60"),
        &expect![[r#"
        test.yaml:5:5 (stack s): error: command: a program and its arguments are a list
          hint: write a list: [sleep, "60"]; or launch_command: for a line of the shell"#]],
    );
    check(
        &application("command", "command: []"),
        &expect![[r#"
        test.yaml:5:5 (stack s): error: command: names no program
          hint: write a list: [sleep, "60"]"#]],
    );
    check(
        &application("command", "command: [a]\nlaunch_command: b"),
        &expect![[r#"
        test.yaml:6:5 (stack s): error: launch_command: there is a command as well
          hint: take one of them out"#]],
    );
    check(
        &application("command", "launch_command: b\nargs: [c]"),
        &expect![[r#"
        test.yaml:6:5 (stack s): error: args: goes with command
          hint: append them to launch_command"#]],
    );
    check(
        &application("command", "command: [a]\nscheduler: {b: c}"),
        &expect![[r#"
        test.yaml:6:5 (stack s): error: scheduler: goes with launch_command
          hint: append the options to command"#]],
    );
    check(
        &application("command", "comand: [a]"),
        &expect![[r#"
        test.yaml:3:3 (stack s): error: a has no command
          hint: add command: [program, argument] or launch_command: a line of the shell
        test.yaml:5:5 (stack s): error: unknown key comand
          hint: did you mean command?"#]],
    );
    check(
        &application("command", "command: [a]\ncpu: lots"),
        &expect![[r#"test.yaml:6:5 (stack s): error: cpu wants a number, found the text "lots""#]],
    );
    check(
        &application("command", "command: [a]\ncpu: 0"),
        &expect![[r#"
        test.yaml:6:5 (stack s): error: cpu is 0
          hint: from 0.001 to 4096 is allowed"#]],
    );
    check(
        &application("command", "command: [a]\nstop: {signal: SIGFOO}"),
        &expect![[r#"
        test.yaml:6:12 (stack s): error: stop.signal: "SIGFOO" is no signal
          hint: for example TERM, INT, HUP, QUIT or 15"#]],
    );
    check(
        &application("command", "command: [a]\nvolumes: [data, data, /tmp]"),
        &expect![[r#"
        test.yaml:6:21 (stack s): error: volumes: data is there twice
          hint: take one out
        test.yaml:6:27 (stack s): error: volumes: "/tmp" is no DNS label: '/' is not one of a-z, 0-9 and -; try "tmp"
          hint: a volume is named, not a path"#]],
    );
    check(
        &application("command", "command: [a]\nenv: {A: [b]}"),
        &expect!["test.yaml:6:11 (stack s): error: env.A wants a text, found a list"],
    );
    check(
        &application("command", "command: [a]\nenv: {'A=B': c}"),
        &expect![[r#"
        test.yaml:6:11 (stack s): error: env: "A=B" is no name of a variable
          hint: it may not be empty or have a ="#]],
    );
    check(
        &application("command", "command: [a]\nlabels: 5"),
        &expect!["test.yaml:6:5 (stack s): error: labels wants a map, found the integer 5"],
    );
    check(
        &application("command", "command: [a]\nuser: {name: x}"),
        &expect!["test.yaml:6:5 (stack s): error: user wants a text, found a map"],
    );
    check(
        &application("command", "command: [{a: b}]"),
        &expect!["test.yaml:5:15 (stack s): error: command wants a list of texts, found a map"],
    );
}

#[test]
fn old_keys() {
    check(
        &application("docker", "docker: {image: x}\nlaunch_command: y"),
        &expect![[r#"
        test.yaml:4:5 (stack s): notice: type docker is not known, so a runs as a plain command
          hint: write type: command
        test.yaml:5:5 (stack s): error: docker: needs a grid that runs images
          hint: give the program itself: command: [..] or launch_command: …"#]],
    );
    check(
        &application("command", "command: [a]\nbefore_scheduler: [rm -rf /]"),
        &expect![[r#"
        test.yaml:6:5 (stack s): notice: before_scheduler is dropped
          hint: it ran on the server of old; make it a job that others depend on"#]],
    );
    check(
        &application("command", "launch_command: a\ntasks: {x: {id: 0}}"),
        &expect![[r#"
        test.yaml:6:5 (stack s): error: tasks: needs a framework of its own, a plain program has none
          hint: say instances: for several of the same"#]],
    );
    check(
        &application("run-once", "launch_command: a\nstart_time: '0 0 0 * * *'"),
        &expect![""],
    );
    check(
        &application("job", "command: [a]\nhealthcheck: /x"),
        &expect![[r#"
        test.yaml:6:5 (stack s): notice: healthcheck is dropped
          hint: a job is ready when it has ended well"#]],
    );
}

#[test]
fn health_checks() {
    check(
        &application("command", "command: [a]\nhealthcheck: /health"),
        &expect![[r#"
        test.yaml:6:5 (stack s): error: healthcheck: there is no port to ask
          hint: add ports: [8080]"#]],
    );
    check(
        &application("command", "command: [a]\nports: [1]\nhealthcheck: health"),
        &expect![[r#"
        test.yaml:7:5 (stack s): error: healthcheck: "health" is no path
          hint: a path starts with /"#]],
    );
    check(
        &application("command", "command: [a]\nports: [1]\nhealthcheck: {}"),
        &expect![[r#"
        test.yaml:7:5 (stack s): error: healthcheck wants one of http, tcp and exec
          hint: for example {http: /health}, {tcp: port0} or {exec: [./check]}"#]],
    );
    check(
        &application(
            "command",
            "command: [a]\nports: [1]\nhealthcheck: {http: /x, tcp: true}",
        ),
        &expect![[r#"
        test.yaml:7:5 (stack s): error: healthcheck wants one of http, tcp and exec
          hint: for example {http: /health}, {tcp: port0} or {exec: [./check]}"#]],
    );
    check(
        &application(
            "command",
            "command: [a]\nports: {web: 1}\nhealthcheck: {tcp: wbe}",
        ),
        &expect![[r#"
        test.yaml:7:19 (stack s): error: healthcheck.tcp: there is no port wbe
          hint: there are web"#]],
    );
    check(
        &application(
            "command",
            "command: [a]\nports: [1]\nhealthcheck: {htpp: /x}",
        ),
        &expect![[r#"
        test.yaml:7:5 (stack s): error: healthcheck wants one of http, tcp and exec
          hint: for example {http: /health}, {tcp: port0} or {exec: [./check]}
        test.yaml:7:19 (stack s): error: unknown key healthcheck.htpp
          hint: did you mean http?"#]],
    );
    check(
        &application("command", "command: [a]\nhealthcheck: {tcp: true}"),
        &expect![[r#"
        test.yaml:6:19 (stack s): error: healthcheck.tcp: there is no port to ask
          hint: add ports: [8080]"#]],
    );
}

#[test]
fn several_zookeepers_and_names_of_exports() {
    let zookeepers = "name: s\napplications:\n  z1: {type: zookeeper}\n  z2: {type: zookeeper}\n";
    check(
        &format!("{zookeepers}  k: {{type: kafka, version: 3.9, dependencies: [z1, z2]}}\n"),
        &expect![[r#"
        test.yaml:5:3 (stack s): error: several ZooKeepers among the dependencies: z1, z2
          hint: say which: zookeeper: z1"#]],
    );
    check(
        &format!(
            "{zookeepers}  k: {{type: kafka, version: 3.9, dependencies: [z1], zookeeper: z3}}\n"
        ),
        &expect![[r#"
        test.yaml:5:54 (stack s): error: zookeeper: z3 is no ZooKeeper of this stack
          hint: did you mean z1?"#]],
    );
    check(
        &format!(
            "{zookeepers}  c: {{type: command, command: [x, '${{z1.conect}}', '${{z1.zzzz}}'], dependencies: [z1]}}\n"
        ),
        &expect![[r#"
            test.yaml:5:35 (stack s): error: z1 publishes no conect
              hint: did you mean ${z1.connect}?
            test.yaml:5:51 (stack s): error: z1 publishes no zzzz
              hint: it publishes connect, hosts, server-0, zkConnect"#]],
    );
    check(
        "name: s\napplications:\n  k: {type: kafka, instances: 0, heap: 5x, config: {a.b: c}}\n  z: {type: zookeeper, mem: 0}\n  q: {type: q}\n",
        &expect![[r#"
            test.yaml:3:20 (stack s): error: instances is 0
              hint: from 1 to 1000 is allowed
            test.yaml:3:34 (stack s): error: heap wants an amount such as 256m, 1g or 512MiB, found the text "5x"
            test.yaml:3:53 (stack s): error: config.a.b is not known to kafka 4.3.1
              hint: it has 360 keys, none like this
            test.yaml:4:24 (stack s): error: mem: 0 MiB is out of range
              hint: from 1m to 16t is allowed
            test.yaml:5:7 (stack s): error: type q is not known
              hint: known are zookeeper, kafka, cassandra, zipkin, command, job"#]],
    );
}

#[test]
fn a_zookeeper_shared_left_out_or_idle() {
    let zookeeper =
        "name: s\napplications:\n  z: {type: zookeeper}\n  k: {type: kafka, dependencies: [z]}\n";
    check(
        &format!("{zookeeper}  a: {{type: kafka, zookeeper: z, dependencies: [z]}}\n"),
        &expect![[r#"
        test.yaml:5:3 (stack s): error: k keeps its data at the same place in ZooKeeper
          hint: give this one its own: chroot: /a"#]],
    );
    check(
        &format!("{zookeeper}  a: {{type: kafka, dependencies: [z], chroot: /a}}\n"),
        &expect![[""]],
    );
    check(
        &format!("{zookeeper}  a: {{type: kafka, version: 3.9, zookeeper: z, chroot: /a}}\n"),
        &expect![[r#"
            test.yaml:5:34 (stack s): error: zookeeper: it does not depend on z
              hint: add dependencies: [z]"#]],
    );
    check(
        &format!("{zookeeper}  a: {{type: kafka, version: 3.9}}\n"),
        &expect![[r#"
        test.yaml:5:3 (stack s): error: Kafka 3.9.2 needs a ZooKeeper
          hint: add dependencies: [z]"#]],
    );
    check(
        &format!("{zookeeper}  a: {{type: kafka, version: 4.3, dependencies: [z]}}\n"),
        &expect![[r#"
        test.yaml:5:49 (stack s): notice: Kafka 4.3.1 has controllers of its own and makes no use of z
          hint: take version: 3.9, or leave the ZooKeeper out"#]],
    );
}

#[test]
fn what_only_follows_from_a_mistake_of_another_is_not_told() {
    let stack = |zookeeper: &str, kafka: &str| {
        format!(
            "name: s\napplications:\n  z: {{{zookeeper}}}\n  k: {{type: kafka, {kafka}}}\n  c: {{type: command, cpi: 1}}\n"
        )
    };
    for (zookeeper, kafka) in [
        ("type: zookeper", "version: 3.9, dependencies: [z]"),
        ("type: [zookeeper]", "version: 3.9, dependencies: [z]"),
        (
            "type: zookeeper, heap: '${hep}'",
            "version: 3.9, zookeeper: z, dependencies: [z]",
        ),
        ("type: zookeeper", "version: 3.9, dependencies: [zz]"),
        (
            "type: zookeeper, dependencies: [k]",
            "version: 3.9, dependencies: [z]",
        ),
    ] {
        let told = built(&stack(zookeeper, kafka)).unwrap_err().to_string();
        let lines = told.lines().filter(|line| !line.starts_with(' '));
        let own = "test.yaml:5:22 (stack s): error: unknown key cpi";
        assert_eq!(lines.clone().count(), 3, "{told}");
        assert!(lines.clone().any(|line| line == own), "{told}");
    }
}

#[test]
fn an_id_that_leaves_no_room_for_the_number_of_a_task() {
    let id = "a".repeat(62);
    check(
        &format!("name: s\napplications:\n  {id}: {{type: command, command: [x]}}\n"),
        &expect![[r#"
        test.yaml:3:3 (stack s): error: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-0" is longer than the 63 characters of a DNS label
          hint: its tasks are named after it: give it a shorter id"#]],
    );
}

#[test]
fn schedules() {
    let job = |lines: &str| application("job", &format!("command: [x]\n{lines}"));
    check(
        &job("schedule: 61 * * * *"),
        &expect![[r#"
        test.yaml:6:5 (stack s): error: schedule: minute: 61 is not from 0 to 59
          hint: for example "30 2 * * *", "0 30 2 * * *" with seconds, @daily, or every 6h"#]],
    );
    check(
        &job(
            "schedule: 0 0 30 2 *\ntime-zone: Europe/Berln\noverlap: maybe\nstarting-deadline: soon",
        ),
        &expect![[r#"
            test.yaml:6:5 (stack s): error: schedule: there is no such day
              hint: for example "30 2 * * *", "0 30 2 * * *" with seconds, @daily, or every 6h
            test.yaml:7:5 (stack s): error: time-zone: "Europe/Berln" is no time zone
              hint: for example Europe/Berlin, UTC or local
            test.yaml:8:5 (stack s): error: overlap: "maybe" is not known
              hint: write skip, replace
            test.yaml:9:5 (stack s): error: starting-deadline wants a duration such as 500ms, 10s, 5m or 2h, found the text "soon""#]],
    );
    check(
        &job("time-zone: UTC\noverlap: skip"),
        &expect![[r#"
        test.yaml:6:5 (stack s): error: time-zone: there is no schedule
          hint: for example "30 2 * * *", "0 30 2 * * *" with seconds, @daily, or every 6h
        test.yaml:7:5 (stack s): error: overlap: there is no schedule
          hint: for example "30 2 * * *", "0 30 2 * * *" with seconds, @daily, or every 6h"#]],
    );
    check(
        &job("schedule: '@daily'\nonce: true"),
        &expect![[r#"
        test.yaml:7:5 (stack s): error: once: it has a schedule, so it runs again and again
          hint: take one of them out"#]],
    );
    check(
        &job("schedule: '@daily'\ntime_schedule: '@evry 5s'"),
        &expect![[r#"
            test.yaml:6:5 (stack s): error: schedule: there are two: start_time and time_schedule are those of old
              hint: keep schedule and schedule-start
            test.yaml:7:5 (stack s): error: time_schedule: @evry 5s is none of @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly and @every
              hint: for example "30 2 * * *", "0 30 2 * * *" with seconds, @daily, or every 6h"#]],
    );
    check(
        &application(
            "command",
            "command: [x]\nschedule: '@daily'\nstart_time: '@daily'",
        ),
        &expect![[r#"
            test.yaml:6:5 (stack s): error: unknown key schedule
              hint: did you mean scheduler?
            test.yaml:7:5 (stack s): error: start_time: runs by the clock are for jobs
              hint: make it a job: type: job"#]],
    );
}

#[test]
fn the_times_of_a_check() {
    check(
        &application(
            "command",
            "command: [a]\nports: [1]\nhealthcheck: {tcp: true, every: 0s, timeout: soon, failures: 0, grace: -1s, evry: 2s}",
        ),
        &expect![[r#"
            test.yaml:7:30 (stack s): error: healthcheck.every: is no time
              hint: for example 10s
            test.yaml:7:41 (stack s): error: healthcheck.timeout wants a duration such as 500ms, 10s, 5m or 2h, found the text "soon"
            test.yaml:7:56 (stack s): error: healthcheck.failures is 0
              hint: from 1 to 1000 is allowed
            test.yaml:7:69 (stack s): error: healthcheck.grace wants a duration such as 500ms, 10s, 5m or 2h, found the text "-1s"
            test.yaml:7:81 (stack s): error: unknown key healthcheck.evry
              hint: did you mean every?"#]],
    );
}
