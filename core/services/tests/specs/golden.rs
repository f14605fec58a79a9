//! Whole specs, as the scheduler gets them.

use expect_test::{Expect, expect};
use crate::support::{rendered, spec};

fn check(text: &str, application: &str, expected: &Expect) {
    expected.assert_eq(&rendered(&spec(text, application)));
}

#[test]
fn three_zookeepers() {
    check(
        "name: s\napplications:\n  zookeeper: {type: zookeeper, instances: 3, config: {tickTime: 1000, maxClientCnxns: 100}, labels: {team: core}}\n",
        "zookeeper",
        &expect![[r#"
            zookeeper: budget 1, stop PhasesReversed, roll last Some("leader")
            minimum 2 "2 of 3 members are the quorum: with fewer, acknowledged writes could be lost"
            phase servers: server-0 server-1 server-2 Parallel after Placed
            check {"zoo_keeper":{"port":"client"}}
            export connect = {{address of server-0}}:{{port client of server-0}},{{address of server-1}}:{{port client of server-1}},{{address of server-2}}:{{port client of server-2}}
            export hosts = {{address of server-0}},{{address of server-1}},{{address of server-2}}
            export server-0 = {{address of server-0}}:{{port client of server-0}}
            export server-1 = {{address of server-1}}:{{port client of server-1}}
            export server-2 = {{address of server-2}}:{{port client of server-2}}
            export zkConnect = {{address of server-0}}:{{port client of server-0}},{{address of server-1}}:{{port client of server-1}},{{address of server-2}}:{{port client of server-2}}
            label team=core
            server-0: member 1, goal Running, 100 millis, 160 MiB, ready within 5m
              stop 15 after 30s; retry 1s to 1m, 10 tries, stable 5m
              port client 2181
              port quorum 2888
              port election 3888
              volume data
              probe {"zoo_keeper":{"port":"client"}}
              $ java -Xmx64m -XX:+ExitOnOutOfMemoryError -Dorg.slf4j.simpleLogger.logFile=System.out -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Dorg.slf4j.simpleLogger.defaultLogLevel=info -Dorg.slf4j.simpleLogger.showDateTime=true -Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX -Dzookeeper.jmx.log4j.disable=true {{class data archive of zookeeper-3.9.5}} -cp {{class path of zookeeper-3.9.5}} org.apache.zookeeper.server.quorum.QuorumPeerMain {{sandbox}}/zoo.cfg
              env SMACK_PATH={{path}}
              artifacts zookeeper-3.9.5; java >=11 <26, best 17
              file zoo.cfg (sandbox, restart)
                | 4lw.commands.whitelist=srvr,ruok,mntr,stat,conf
                | admin.enableServer=false
                | autopurge.purgeInterval=24
                | clientPort={{port client}}
                | clientPortAddress={{address}}
                | dataDir={{volume data}}
                | initLimit=10
                | maxClientCnxns=100
                | quorumListenOnAllIPs=false
                | server.1={{address of server-0}}:{{port quorum of server-0}}:{{port election of server-0}}
                | server.2={{address of server-1}}:{{port quorum of server-1}}:{{port election of server-1}}
                | server.3={{address of server-2}}:{{port quorum of server-2}}:{{port election of server-2}}
                | standaloneEnabled=false
                | syncLimit=5
                | tickTime=1000
              file myid (volume data, restart)
                | 1
            server-1: as server-0
            server-2: as server-0
        "#]],
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
        &expect![[r#"
            zookeeper: budget 1, stop PhasesReversed, roll last Some("leader")
            minimum 1 "the one member has all the data"
            phase servers: server-0 Parallel after Placed
            check {"zoo_keeper":{"port":"client"}}
            export connect = {{address of server-0}}:{{port client of server-0}}
            export hosts = {{address of server-0}}
            export server-0 = {{address of server-0}}:{{port client of server-0}}
            export zkConnect = {{address of server-0}}:{{port client of server-0}}
            server-0: member 1, goal Running, 500 millis, 224 MiB, ready within 5m
              stop 15 after 10s; retry 2s to 30s, 3 tries, stable 5m
              port client 12181
              volume data
              constraint hostname UNIQUE
              probe {"zoo_keeper":{"port":"client"}}
              $ java -Xmx128m -XX:+ExitOnOutOfMemoryError -Dorg.slf4j.simpleLogger.logFile=System.out -XX:TieredStopAtLevel=1 -Dorg.slf4j.simpleLogger.defaultLogLevel=info -Dorg.slf4j.simpleLogger.showDateTime=true -Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX -Dzookeeper.jmx.log4j.disable=true -XX:+UseG1GC -Dx=y {{class data archive of zookeeper-3.9.5}} -cp {{class path of zookeeper-3.9.5}} org.apache.zookeeper.server.quorum.QuorumPeerMain {{sandbox}}/zoo.cfg
              env SMACK_PATH={{path}}
              artifacts zookeeper-3.9.5; java >=21 <22, best 21
              file zoo.cfg (sandbox, restart)
                | 4lw.commands.whitelist=srvr,ruok,mntr,stat,conf
                | admin.enableServer=false
                | autopurge.purgeInterval=24
                | clientPort={{port client}}
                | clientPortAddress={{address}}
                | dataDir={{volume data}}
                | initLimit=10
                | syncLimit=5
                | tickTime=2000
              file myid (volume data, restart)
                | 1
        "#]],
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
        &expect![[r#"
            kafka: budget 1, stop PhasesReversed, roll last None
            minimum 3 "the product's own topics: a copy each on 3 of the brokers"
            phase brokers: broker-0 broker-1 broker-2 Parallel after Placed
            requires zookeeper Placed
            check {"kafka":{"port":"client","brokers":{"broker-0":0,"broker-1":1,"broker-2":2}}}
            topic events: 3 partitions x3 {"min.insync.replicas": "2"}
            topic single: 1 partitions x1 {"min.insync.replicas": "1"}
            topic plain: 1 partitions x3 {}
            drain broker-0: {"kafka_leave":{"broker":0}}
            drain broker-1: {"kafka_leave":{"broker":1}}
            drain broker-2: {"kafka_leave":{"broker":2}}
            export bootstrap = {{address of broker-0}}:{{port client of broker-0}},{{address of broker-1}}:{{port client of broker-1}},{{address of broker-2}}:{{port client of broker-2}}
            export broker-0 = {{address of broker-0}}:{{port client of broker-0}}
            export broker-1 = {{address of broker-1}}:{{port client of broker-1}}
            export broker-2 = {{address of broker-2}}:{{port client of broker-2}}
            export brokers = {{address of broker-0}}:{{port client of broker-0}},{{address of broker-1}}:{{port client of broker-1}},{{address of broker-2}}:{{port client of broker-2}}
            export hosts = {{address of broker-0}},{{address of broker-1}},{{address of broker-2}}
            broker-0: member 0, goal Running, 250 millis, 512 MiB, ready within 5m
              stop 15 after 30s; retry 1s to 1m, 10 tries, stable 5m
              tolerate exit 1 for 21s, again after 1s: its registration in ZooKeeper outlives it until the session is over
              port client 9092
              volume data
              probe {"kafka_broker":{"port":"client","broker":0}}
              $ java -Xmx256m -XX:+ExitOnOutOfMemoryError -Dorg.slf4j.simpleLogger.logFile=System.out -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Dorg.slf4j.simpleLogger.defaultLogLevel=info -Dorg.slf4j.simpleLogger.showDateTime=true -Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX {{class data archive of kafka-3.9.2}} -cp {{class path of kafka-3.9.2}} kafka.Kafka {{sandbox}}/server.properties
              env SMACK_PATH={{path}}
              artifacts kafka-3.9.2; java >=8 <24, best 17
              file server.properties (sandbox, restart)
                | advertised.listeners=PLAINTEXT://{{address}}:{{port client}}
                | broker.id=0
                | controlled.shutdown.retry.backoff.ms=1000
                | default.replication.factor=3
                | group.initial.rebalance.delay.ms=0
                | listeners=PLAINTEXT://{{address}}:{{port client}}
                | log.cleaner.dedupe.buffer.size=4194304
                | log.dirs={{volume data}}
                | min.insync.replicas=2
                | num.io.threads=2
                | num.network.threads=1
                | num.partitions=1
                | num.recovery.threads.per.data.dir=1
                | offsets.topic.num.partitions=3
                | offsets.topic.replication.factor=3
                | transaction.state.log.min.isr=2
                | transaction.state.log.num.partitions=1
                | transaction.state.log.replication.factor=3
                | zookeeper.connect=${zookeeper.connect}
                | zookeeper.connection.timeout.ms=60000
                | zookeeper.session.timeout.ms=6000
            broker-1: as broker-0
            broker-2: as broker-0
        "#]],
    );
}

#[test]
fn three_combined_nodes() {
    check(
        "name: s\napplications:\n  kafka: {type: kafka, version: 4.3, instances: 3, topics: {events: {partitions: 3}}}\n",
        "kafka",
        &expect![[r#"
            kafka: budget 1, stop Together, roll last None
            minimum 3 "the first 3 brokers are the controllers, and voters cannot leave"
            phase controllers and brokers: broker-0 broker-1 broker-2 Parallel after Placed
            check {"kafka":{"port":"client","brokers":{"broker-0":0,"broker-1":1,"broker-2":2}}}
            topic events: 3 partitions x3 {}
            drain broker-0: {"kafka_leave":{"broker":0}}
            drain broker-1: {"kafka_leave":{"broker":1}}
            drain broker-2: {"kafka_leave":{"broker":2}}
            export bootstrap = {{address of broker-0}}:{{port client of broker-0}},{{address of broker-1}}:{{port client of broker-1}},{{address of broker-2}}:{{port client of broker-2}}
            export broker-0 = {{address of broker-0}}:{{port client of broker-0}}
            export broker-1 = {{address of broker-1}}:{{port client of broker-1}}
            export broker-2 = {{address of broker-2}}:{{port client of broker-2}}
            export brokers = {{address of broker-0}}:{{port client of broker-0}},{{address of broker-1}}:{{port client of broker-1}},{{address of broker-2}}:{{port client of broker-2}}
            export hosts = {{address of broker-0}},{{address of broker-1}},{{address of broker-2}}
            broker-0: member 0, goal Running, 250 millis, 512 MiB, ready within 5m
              stop 15 after 30s; retry 1s to 1m, 10 tries, stable 5m
              port client 9092
              port controller 9093
              volume data
              probe {"kafka_broker":{"port":"client","broker":0}}
              $ java -Xmx256m -XX:+ExitOnOutOfMemoryError -Dorg.slf4j.simpleLogger.logFile=System.out -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Dorg.slf4j.simpleLogger.defaultLogLevel=info -Dorg.slf4j.simpleLogger.showDateTime=true -Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX {{class data archive of kafka-4.3.1}} -cp {{class path of kafka-4.3.1}} kafka.Kafka {{sandbox}}/server.properties
              env SMACK_PATH={{path}}
              artifacts kafka-4.3.1; java >=17 <26, best 17
              file server.properties (sandbox, restart)
                | advertised.listeners=PLAINTEXT://{{address}}:{{port client}}
                | broker.heartbeat.interval.ms=500
                | broker.session.timeout.ms=3000
                | controller.listener.names=CONTROLLER
                | controller.quorum.append.linger.ms=0
                | controller.quorum.election.backoff.max.ms=200
                | controller.quorum.election.timeout.ms=500
                | controller.quorum.voters=0@{{address of broker-0}}:{{port controller of broker-0}},1@{{address of broker-1}}:{{port controller of broker-1}},2@{{address of broker-2}}:{{port controller of broker-2}}
                | default.replication.factor=3
                | group.initial.rebalance.delay.ms=0
                | inter.broker.listener.name=PLAINTEXT
                | listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
                | listeners=PLAINTEXT://{{address}}:{{port client}},CONTROLLER://{{address}}:{{port controller}}
                | log.cleaner.dedupe.buffer.size=4194304
                | log.dirs={{volume data}}
                | min.insync.replicas=2
                | node.id=0
                | num.io.threads=2
                | num.network.threads=1
                | num.partitions=1
                | num.recovery.threads.per.data.dir=1
                | offsets.topic.num.partitions=3
                | offsets.topic.replication.factor=3
                | process.roles=broker,controller
                | share.coordinator.state.topic.min.isr=2
                | share.coordinator.state.topic.num.partitions=1
                | share.coordinator.state.topic.replication.factor=3
                | transaction.state.log.min.isr=2
                | transaction.state.log.num.partitions=1
                | transaction.state.log.replication.factor=3
              file meta.properties (volume data, once, restart)
                | cluster.id={{stamp}}
                | directory.id={{stamp of data}}
                | node.id=0
                | version=1
              file bootstrap.checkpoint (volume data, once, restart)
                411 bytes
            broker-1: as broker-0
            broker-2: as broker-0
        "#]],
    );
}

#[test]
fn a_fourth_broker_is_no_controller() {
    check("name: s\napplications:\n  kafka: {type: kafka, instances: 4}\n", "kafka", &expect![[r#"
        kafka: budget 1, stop Together, roll last None
        minimum 3 "the first 3 brokers are the controllers, and voters cannot leave"
        phase controllers and brokers: broker-0 broker-1 broker-2 Parallel after Placed
        phase brokers: broker-3 Parallel after Placed
        check {"kafka":{"port":"client","brokers":{"broker-0":0,"broker-1":1,"broker-2":2,"broker-3":3}}}
        drain broker-0: {"kafka_leave":{"broker":0}}
        drain broker-1: {"kafka_leave":{"broker":1}}
        drain broker-2: {"kafka_leave":{"broker":2}}
        drain broker-3: {"kafka_leave":{"broker":3}}
        export bootstrap = {{address of broker-0}}:{{port client of broker-0}},{{address of broker-1}}:{{port client of broker-1}},{{address of broker-2}}:{{port client of broker-2}},{{address of broker-3}}:{{port client of broker-3}}
        export broker-0 = {{address of broker-0}}:{{port client of broker-0}}
        export broker-1 = {{address of broker-1}}:{{port client of broker-1}}
        export broker-2 = {{address of broker-2}}:{{port client of broker-2}}
        export broker-3 = {{address of broker-3}}:{{port client of broker-3}}
        export brokers = {{address of broker-0}}:{{port client of broker-0}},{{address of broker-1}}:{{port client of broker-1}},{{address of broker-2}}:{{port client of broker-2}},{{address of broker-3}}:{{port client of broker-3}}
        export hosts = {{address of broker-0}},{{address of broker-1}},{{address of broker-2}},{{address of broker-3}}
        broker-0: member 0, goal Running, 250 millis, 512 MiB, ready within 5m
          stop 15 after 30s; retry 1s to 1m, 10 tries, stable 5m
          port client 9092
          port controller 9093
          volume data
          probe {"kafka_broker":{"port":"client","broker":0}}
          $ java -Xmx256m -XX:+ExitOnOutOfMemoryError -Dorg.slf4j.simpleLogger.logFile=System.out -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Dorg.slf4j.simpleLogger.defaultLogLevel=info -Dorg.slf4j.simpleLogger.showDateTime=true -Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX {{class data archive of kafka-4.3.1}} -cp {{class path of kafka-4.3.1}} kafka.Kafka {{sandbox}}/server.properties
          env SMACK_PATH={{path}}
          artifacts kafka-4.3.1; java >=17 <26, best 17
          file server.properties (sandbox, restart)
            | advertised.listeners=PLAINTEXT://{{address}}:{{port client}}
            | broker.heartbeat.interval.ms=500
            | broker.session.timeout.ms=3000
            | controller.listener.names=CONTROLLER
            | controller.quorum.append.linger.ms=0
            | controller.quorum.election.backoff.max.ms=200
            | controller.quorum.election.timeout.ms=500
            | controller.quorum.voters=0@{{address of broker-0}}:{{port controller of broker-0}},1@{{address of broker-1}}:{{port controller of broker-1}},2@{{address of broker-2}}:{{port controller of broker-2}}
            | default.replication.factor=3
            | group.initial.rebalance.delay.ms=0
            | inter.broker.listener.name=PLAINTEXT
            | listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
            | listeners=PLAINTEXT://{{address}}:{{port client}},CONTROLLER://{{address}}:{{port controller}}
            | log.cleaner.dedupe.buffer.size=4194304
            | log.dirs={{volume data}}
            | min.insync.replicas=2
            | node.id=0
            | num.io.threads=2
            | num.network.threads=1
            | num.partitions=1
            | num.recovery.threads.per.data.dir=1
            | offsets.topic.num.partitions=3
            | offsets.topic.replication.factor=3
            | process.roles=broker,controller
            | share.coordinator.state.topic.min.isr=2
            | share.coordinator.state.topic.num.partitions=1
            | share.coordinator.state.topic.replication.factor=3
            | transaction.state.log.min.isr=2
            | transaction.state.log.num.partitions=1
            | transaction.state.log.replication.factor=3
          file meta.properties (volume data, once, restart)
            | cluster.id={{stamp}}
            | directory.id={{stamp of data}}
            | node.id=0
            | version=1
          file bootstrap.checkpoint (volume data, once, restart)
            411 bytes
        broker-1: as broker-0
        broker-2: as broker-0
        broker-3: member 3, goal Running, 250 millis, 512 MiB, ready within 5m
          stop 15 after 30s; retry 1s to 1m, 10 tries, stable 5m
          port client 9092
          volume data
          probe {"kafka_broker":{"port":"client","broker":3}}
          $ java -Xmx256m -XX:+ExitOnOutOfMemoryError -Dorg.slf4j.simpleLogger.logFile=System.out -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Dorg.slf4j.simpleLogger.defaultLogLevel=info -Dorg.slf4j.simpleLogger.showDateTime=true -Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX {{class data archive of kafka-4.3.1}} -cp {{class path of kafka-4.3.1}} kafka.Kafka {{sandbox}}/server.properties
          env SMACK_PATH={{path}}
          artifacts kafka-4.3.1; java >=17 <26, best 17
          file server.properties (sandbox, restart)
            | advertised.listeners=PLAINTEXT://{{address}}:{{port client}}
            | broker.heartbeat.interval.ms=500
            | broker.session.timeout.ms=3000
            | controller.listener.names=CONTROLLER
            | controller.quorum.append.linger.ms=0
            | controller.quorum.election.backoff.max.ms=200
            | controller.quorum.election.timeout.ms=500
            | controller.quorum.voters=0@{{address of broker-0}}:{{port controller of broker-0}},1@{{address of broker-1}}:{{port controller of broker-1}},2@{{address of broker-2}}:{{port controller of broker-2}}
            | default.replication.factor=3
            | group.initial.rebalance.delay.ms=0
            | inter.broker.listener.name=PLAINTEXT
            | listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
            | listeners=PLAINTEXT://{{address}}:{{port client}}
            | log.cleaner.dedupe.buffer.size=4194304
            | log.dirs={{volume data}}
            | min.insync.replicas=2
            | node.id=3
            | num.io.threads=2
            | num.network.threads=1
            | num.partitions=1
            | num.recovery.threads.per.data.dir=1
            | offsets.topic.num.partitions=3
            | offsets.topic.replication.factor=3
            | process.roles=broker
            | share.coordinator.state.topic.min.isr=2
            | share.coordinator.state.topic.num.partitions=1
            | share.coordinator.state.topic.replication.factor=3
            | transaction.state.log.min.isr=2
            | transaction.state.log.num.partitions=1
            | transaction.state.log.replication.factor=3
          file meta.properties (volume data, once, restart)
            | cluster.id={{stamp}}
            | directory.id={{stamp of data}}
            | node.id=3
            | version=1
          file bootstrap.checkpoint (volume data, once, restart)
            411 bytes
    "#]]);
}

#[test]
fn controllers_apart() {
    check(
        "name: s\napplications:\n  kafka: {type: kafka, instances: 2, roles: {controllers: 3}, heap: 512m}\n",
        "kafka",
        &expect![[r#"
            kafka: budget 1, stop PhasesReversed, roll last None
            minimum 5 "3 controllers are voters and cannot leave; the product's own topics: a copy each on 2 of the brokers"
            phase controllers: controller-0 controller-1 controller-2 Parallel after Placed
            phase brokers: broker-0 broker-1 Parallel after Placed
            check {"kafka":{"port":"client","brokers":{"broker-0":0,"broker-1":1}}}
            drain broker-0: {"kafka_leave":{"broker":0}}
            drain broker-1: {"kafka_leave":{"broker":1}}
            export bootstrap = {{address of broker-0}}:{{port client of broker-0}},{{address of broker-1}}:{{port client of broker-1}}
            export broker-0 = {{address of broker-0}}:{{port client of broker-0}}
            export broker-1 = {{address of broker-1}}:{{port client of broker-1}}
            export brokers = {{address of broker-0}}:{{port client of broker-0}},{{address of broker-1}}:{{port client of broker-1}}
            export hosts = {{address of broker-0}},{{address of broker-1}}
            broker-0: member 0, goal Running, 250 millis, 768 MiB, ready within 5m
              stop 15 after 30s; retry 1s to 1m, 10 tries, stable 5m
              port client 9092
              volume data
              probe {"kafka_broker":{"port":"client","broker":0}}
              $ java -Xmx512m -XX:+ExitOnOutOfMemoryError -Dorg.slf4j.simpleLogger.logFile=System.out -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Dorg.slf4j.simpleLogger.defaultLogLevel=info -Dorg.slf4j.simpleLogger.showDateTime=true -Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX {{class data archive of kafka-4.3.1}} -cp {{class path of kafka-4.3.1}} kafka.Kafka {{sandbox}}/server.properties
              env SMACK_PATH={{path}}
              artifacts kafka-4.3.1; java >=17 <26, best 17
              file server.properties (sandbox, restart)
                | advertised.listeners=PLAINTEXT://{{address}}:{{port client}}
                | broker.heartbeat.interval.ms=500
                | broker.session.timeout.ms=3000
                | controller.listener.names=CONTROLLER
                | controller.quorum.append.linger.ms=0
                | controller.quorum.election.backoff.max.ms=200
                | controller.quorum.election.timeout.ms=500
                | controller.quorum.voters=1000@{{address of controller-0}}:{{port controller of controller-0}},1001@{{address of controller-1}}:{{port controller of controller-1}},1002@{{address of controller-2}}:{{port controller of controller-2}}
                | default.replication.factor=2
                | group.initial.rebalance.delay.ms=0
                | inter.broker.listener.name=PLAINTEXT
                | listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
                | listeners=PLAINTEXT://{{address}}:{{port client}}
                | log.cleaner.dedupe.buffer.size=4194304
                | log.dirs={{volume data}}
                | min.insync.replicas=1
                | node.id=0
                | num.io.threads=2
                | num.network.threads=1
                | num.partitions=1
                | num.recovery.threads.per.data.dir=1
                | offsets.topic.num.partitions=3
                | offsets.topic.replication.factor=2
                | process.roles=broker
                | share.coordinator.state.topic.min.isr=1
                | share.coordinator.state.topic.num.partitions=1
                | share.coordinator.state.topic.replication.factor=2
                | transaction.state.log.min.isr=1
                | transaction.state.log.num.partitions=1
                | transaction.state.log.replication.factor=2
              file meta.properties (volume data, once, restart)
                | cluster.id={{stamp}}
                | directory.id={{stamp of data}}
                | node.id=0
                | version=1
              file bootstrap.checkpoint (volume data, once, restart)
                411 bytes
            broker-1: as broker-0
            controller-0: member 1000, goal Running, 250 millis, 768 MiB, ready within 5m
              stop 15 after 30s; retry 1s to 1m, 10 tries, stable 5m
              port controller 9093
              volume data
              probe {"kafka_controller":{"port":"controller"}}
              $ java -Xmx512m -XX:+ExitOnOutOfMemoryError -Dorg.slf4j.simpleLogger.logFile=System.out -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Dorg.slf4j.simpleLogger.defaultLogLevel=info -Dorg.slf4j.simpleLogger.showDateTime=true -Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX {{class data archive of kafka-4.3.1}} -cp {{class path of kafka-4.3.1}} kafka.Kafka {{sandbox}}/server.properties
              env SMACK_PATH={{path}}
              artifacts kafka-4.3.1; java >=17 <26, best 17
              file server.properties (sandbox, restart)
                | broker.heartbeat.interval.ms=500
                | broker.session.timeout.ms=3000
                | controller.listener.names=CONTROLLER
                | controller.quorum.append.linger.ms=0
                | controller.quorum.election.backoff.max.ms=200
                | controller.quorum.election.timeout.ms=500
                | controller.quorum.voters=1000@{{address of controller-0}}:{{port controller of controller-0}},1001@{{address of controller-1}}:{{port controller of controller-1}},1002@{{address of controller-2}}:{{port controller of controller-2}}
                | default.replication.factor=2
                | group.initial.rebalance.delay.ms=0
                | listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
                | listeners=CONTROLLER://{{address}}:{{port controller}}
                | log.cleaner.dedupe.buffer.size=4194304
                | log.dirs={{volume data}}
                | min.insync.replicas=1
                | node.id=1000
                | num.io.threads=2
                | num.network.threads=1
                | num.partitions=1
                | num.recovery.threads.per.data.dir=1
                | offsets.topic.num.partitions=3
                | offsets.topic.replication.factor=2
                | process.roles=controller
                | share.coordinator.state.topic.min.isr=1
                | share.coordinator.state.topic.num.partitions=1
                | share.coordinator.state.topic.replication.factor=2
                | transaction.state.log.min.isr=1
                | transaction.state.log.num.partitions=1
                | transaction.state.log.replication.factor=2
              file meta.properties (volume data, once, restart)
                | cluster.id={{stamp}}
                | directory.id={{stamp of data}}
                | node.id=1000
                | version=1
              file bootstrap.checkpoint (volume data, once, restart)
                411 bytes
            controller-1: as controller-0
            controller-2: as controller-0
        "#]],
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
    healthcheck: {http: /health, port: admin}
    stop: {signal: SIGINT, grace: 5s}
    labels: {tier: front}
",
        "web",
        &expect![[r#"
            command: budget 1, stop PhasesReversed, roll last None
            minimum 0 ""
            phase tasks: web-0 web-1 Parallel after Placed
            requires store Ready
            export address = {{address of web-0}}:{{port http of web-0}}
            export addresses = {{address of web-0}}:{{port http of web-0}},{{address of web-1}}:{{port http of web-1}}
            export api = http://{{address of web-0}}:{{port http of web-0}}
            export host = {{address of web-0}}
            export hosts = {{address of web-0}},{{address of web-1}}
            export port-admin = {{port admin of web-0}}
            export port-http = {{port http of web-0}}
            export port0 = {{port http of web-0}}
            export port1 = {{port admin of web-0}}
            export web-0 = {{address of web-0}}:{{port http of web-0}}
            export web-1 = {{address of web-1}}:{{port http of web-1}}
            label tier=front
            web-0: goal Running, 250 millis, 64 MiB, ready within 5m
              stop 2 after 5s; retry 1s to 1m, 10 tries, stable 5m
              port http 8080
              port admin any
              volume data
              probe {"http":{"port":"admin","path":"/health"}}
              $ /usr/bin/web --listen all --store=${store.host}
              env HOST={{address}}
              env LEVEL=debug
              env MESOS_SANDBOX={{sandbox}}
              env PORT={{port http}}
              env PORT0={{port http}}
              env PORT1={{port admin}}
              env PORTS={{port http}},{{port admin}}
              env PORT_ADMIN={{port admin}}
              env PORT_HTTP={{port http}}
              env SMACK_PATH={{path}}
              env STACK_LABELS=zone=default;stack=s
              env VOLUME_DATA={{volume data}}
              user nobody
            web-1: as web-0
        "#]],
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
        &expect![[r#"
            command: budget 1, stop PhasesReversed, roll last None
            minimum 0 ""
            phase tasks: web-0 Parallel after Placed
            export address = {{address of web-0}}:{{port port0 of web-0}}
            export addresses = {{address of web-0}}:{{port port0 of web-0}}
            export api = http://{{address of web-0}}:{{port port0 of web-0}}
            export host = {{address of web-0}}
            export hosts = {{address of web-0}}
            export port0 = {{port port0 of web-0}}
            export port1 = {{port port1 of web-0}}
            export web-0 = {{address of web-0}}:{{port port0 of web-0}}
            web-0: goal Running, 100 millis, 512 MiB, ready within 5m
              stop 15 after 30s; retry 1s to 1m, 10 tries, stable 5m
              port port0 31990
              port port1 any
              constraint hostname LIKE node.*
              probe {"http":{"port":"port0","path":"/health"}}
              $ /bin/sh -c ./web.sh scheduler --api http://$HOST:$PORT0 --master 127.0.0.1:5050 --debug true
              env HOST={{address}}
              env MESOS_SANDBOX={{sandbox}}
              env PORT={{port port0}}
              env PORT0={{port port0}}
              env PORT1={{port port1}}
              env PORTS={{port port0}},{{port port1}}
              env SMACK_PATH={{path}}
              env STACK_LABELS=zone=default;stack=s
              url http://repo.example/web.tgz
              url http://repo.example/jre.tgz
        "#]],
    );
}

#[test]
fn jobs() {
    check(
        "name: s\napplications:\n  load: {type: job, command: [load, data], retry: {max-tries: 5}}\n",
        "load",
        &expect![[r#"
            job: budget 1, stop PhasesReversed, roll last None
            minimum 0 ""
            phase runs: load-0 Parallel after Placed
            export address = {{address of load-0}}
            export addresses = {{address of load-0}}
            export host = {{address of load-0}}
            export hosts = {{address of load-0}}
            export load-0 = {{address of load-0}}
            load-0: goal Finish, 10 millis, 16 MiB, ready within 24h0m
              stop 15 after 30s; retry 1s to 1m, 5 tries, stable 5m
              $ load data
              env HOST={{address}}
              env MESOS_SANDBOX={{sandbox}}
              env SMACK_PATH={{path}}
              env STACK_LABELS=zone=default;stack=s
        "#]],
    );
    check(
        "name: s\napplications:\n  old: {type: run-once, id: old, cpu: 0.1, mem: 8, launch_command: 'echo done', instances: all}\n",
        "old",
        &expect![[r#"
            job: budget 1, stop PhasesReversed, roll last None
            minimum 0 ""
            phase runs: old-0 old-1 old-2 Parallel after Placed
            export address = {{address of old-0}}
            export addresses = {{address of old-0}},{{address of old-1}},{{address of old-2}}
            export host = {{address of old-0}}
            export hosts = {{address of old-0}},{{address of old-1}},{{address of old-2}}
            export old-0 = {{address of old-0}}
            export old-1 = {{address of old-1}}
            export old-2 = {{address of old-2}}
            old-0: goal Once, 100 millis, 8 MiB, ready within 24h0m
              stop 15 after 30s; retry 1s to 1m, 1 tries, stable 5m
              $ /bin/sh -c echo done
              env HOST={{address}}
              env MESOS_SANDBOX={{sandbox}}
              env SMACK_PATH={{path}}
              env STACK_LABELS=zone=default;stack=s
            old-1: as old-0
            old-2: as old-0
        "#]],
    );
}
