//! What a stack uses of another virtual data center: allowed, or refused with both places.

use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use smack_model::{Problems, VdcId};
use smack_services::{Catalog, Platform, Provider, check_uses};
use smack_stack::{LayerSource, Level, Request, Resolved, Source};

/// `d/c/z`, `d/c/y`, `d/b/x` and `e/a/w`.
fn layers() -> BTreeMap<String, LayerSource> {
    let all = [
        ("d", Level::Datacenter, None),
        ("e", Level::Datacenter, None),
        ("c", Level::Cluster, Some("d")),
        ("b", Level::Cluster, Some("d")),
        ("a", Level::Cluster, Some("e")),
        ("z", Level::Zone, Some("c")),
        ("y", Level::Zone, Some("c")),
        ("x", Level::Zone, Some("b")),
        ("w", Level::Zone, Some("a")),
    ];
    let layer = |(name, level, parent): (&str, Level, Option<&str>)| {
        let source = Source::new(format!("{name}.yaml"), format!("name: {name}\n"));
        let parent = parent.map(str::to_owned);
        let layer = LayerSource {
            level,
            parent,
            source,
        };
        (name.to_owned(), layer)
    };
    all.into_iter().map(layer).collect()
}

fn load(file: &str, text: &str, zone: &str) -> Result<(Resolved, Platform), Problems> {
    let request = Request {
        stack: &Source::new(file, text),
        parents: &BTreeMap::new(),
        layers: &layers(),
        zone,
        run: None,
        vars: &[],
        predefined: &BTreeMap::new(),
    };
    smack_services::load(
        &request,
        Catalog::embedded(),
        &smack_services::some_nodes(3),
        smack_services::Hooks::Dropped,
    )
}

/// `provider` is up in zone z, `user` is to run in `zone`.
fn check(provider: &str, user: &str, zone: &str, expected: &Expect) {
    let shown = match load("user.yaml", user, zone) {
        Err(problems) => problems.to_string(),
        Ok((user, _)) => {
            let (resolved, platform) =
                load("provider.yaml", provider, "z").expect("a sound provider");
            let id = VdcId {
                zone: resolved.zone.clone(),
                name: resolved.run.clone(),
            };
            let specs = platform.specs;
            let up = BTreeMap::from([(id, Provider { resolved, specs })]);
            check_uses(&user, &up).to_string()
        }
    };
    expected.assert_eq(&shown);
}

const TELEMETRY: &str = "name: telemetry
applications:
  zookeeper: {type: zookeeper, share: nobody}
  kafka: {type: kafka, version: 3.9, dependencies: [zookeeper]}
  web: {type: command, command: [sleep, '1'], ports: {http: 8080}, share: cluster}
  registry: {type: command, command: [sleep, '1'], share: datacenter}
";

fn user(dependency: &str, reads: &str) -> String {
    format!(
        "name: shop\nuses: {{t: {{run: telemetry, zone: z}}}}\napplications:\n  \
         a: {{type: command, command: [echo, '{reads}'], dependencies: [t.{dependency}]}}\n"
    )
}

#[test]
fn who_may_use_what_is_said_by_both_places() {
    let refused = |dependency: &str, zone: &str, expected: Expect| {
        check(TELEMETRY, &user(dependency, "x"), zone, &expected);
    };
    refused(
        "zookeeper",
        "z",
        expect![[r#"
        user.yaml:4:59 (stack shop): error: zookeeper of z/telemetry is shared with nobody
          hint: share: nobody stands at provider.yaml:3:32 (stack telemetry); share: zone would allow it"#]],
    );
    refused("kafka", "z", expect![[""]]);
    refused(
        "kafka",
        "y",
        expect![[r#"
        user.yaml:4:59 (stack shop): error: kafka of z/telemetry is shared with those of its zone only
          hint: it says nothing of share: at provider.yaml:4:3 (stack telemetry); share: cluster would allow it"#]],
    );
    refused("web", "y", expect![[""]]);
    refused(
        "web",
        "x",
        expect![[r#"
        user.yaml:4:59 (stack shop): error: web of z/telemetry is shared with those of its cluster only
          hint: share: cluster stands at provider.yaml:5:68 (stack telemetry); share: datacenter would allow it"#]],
    );
    refused("registry", "x", expect![[""]]);
    refused(
        "registry",
        "w",
        expect![[r#"
        user.yaml:4:59 (stack shop): error: registry of z/telemetry is shared with those of its datacenter only
          hint: share: datacenter stands at provider.yaml:6:52 (stack telemetry); the two have no layer in common"#]],
    );
}

#[test]
fn what_is_not_there_is_told_with_advice() {
    let refused = |dependency: &str, reads: &str, expected: Expect| {
        check(TELEMETRY, &user(dependency, reads), "z", &expected);
    };
    refused("kafka", "${t.kafka.brokers}", expect![[""]]);
    refused(
        "kafak",
        "x",
        expect![[r#"
        user.yaml:4:59 (stack shop): error: z/telemetry has no application kafak
          hint: did you mean kafka?"#]],
    );
    refused(
        "other",
        "x",
        expect![[r#"
        user.yaml:4:59 (stack shop): error: z/telemetry has no application other
          hint: it has kafka, registry, web, zookeeper"#]],
    );
    refused(
        "kafka",
        "${t.kafka.broker}",
        expect![[r#"
        user.yaml:4:38 (stack shop): error: z/telemetry/kafka publishes no broker
          hint: did you mean brokers?"#]],
    );
    refused(
        "kafka",
        "${t.kafka.zzz}",
        expect![[r#"
        user.yaml:4:38 (stack shop): error: z/telemetry/kafka publishes no zzz
          hint: it publishes bootstrap, broker-0, brokers, hosts"#]],
    );
    let nobody = user("kafka", "x").replace("run: telemetry", "run: absent");
    check(
        TELEMETRY,
        &nobody,
        "z",
        &expect![[r#"
        user.yaml:4:59 (stack shop): error: z/absent is not up
          hint: run it first: smack run … --zone z --as absent"#]],
    );
}

/// A product is told of one elsewhere by what that publishes.
#[test]
fn products_take_what_others_publish() {
    let (_, platform) = load(
        "user.yaml",
        "name: shop
uses: {t: {run: telemetry}}
applications:
  kafka: {type: kafka, version: 3.9, zookeeper: '${t.zookeeper.connect}', chroot: /shop, dependencies: [t.zookeeper]}
  zipkin:
    type: zipkin
    storage: {cassandra: '${t.cassandra.cql}', dc: '${t.cassandra.dc}'}
    collectors: {kafka: '${t.kafka.brokers}'}
    dependencies: [t.cassandra, t.kafka]
",
        "z",
    )
    .expect("sound");
    let uses = |name: &str| {
        let uses = platform.specs[name].uses().into_iter();
        uses.map(|path| path.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(uses("kafka"), ["z/telemetry/zookeeper"]);
    assert_eq!(
        uses("zipkin"),
        ["z/telemetry/cassandra", "z/telemetry/kafka"]
    );
    let ports = |name: &str| {
        let (_, telemetry) = load("telemetry.yaml", TELEMETRY, "z").expect("sound");
        let ports = telemetry.specs[name].published_ports();
        ports
            .into_iter()
            .map(|port| port.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(ports("kafka"), ["client"]);
    assert_eq!(ports("zookeeper"), ["client"]);
    assert_eq!(ports("web"), ["http"]);
    assert!(ports("registry").is_empty());
}
