//! Files of Marathon beneath layers and as parents of stacks; and anything in their keys.

use expect_test::expect;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use smack_stack::{Request, Source, mended, resolve};

use super::harness::outcome;

#[test]
fn a_zone_lies_over_an_app_and_a_stack_extends_it() {
    let text = r#"
== zone qa qa.yaml
name: qa
level: zone
applications: {prod-web: {instances: 1, env: {LEVEL: debug}}}
final: {applications: {prod-web: {mem: 64}}}
== from prod-web web.json
{"id": "/prod/web", "cmd": "exec ./web ${PORT0}", "mem": 64, "env": {"A": "${B}"}, "ports": []}
== stack mine.yaml
name: mine
from: prod-web
applications: {prod-web: {env: {A: mine}, healthcheck: null}}
== run --zone qa
"#;
    expect![[r##"
        # run mine in qa
        name: mine
        applications:
          prod-web:
            type: command  # stack prod-web: web.json:1:2
            id: prod-web
            grid: local  # default
            instances: 1  # zone qa: qa.yaml:3:27
            env:
              LEVEL: debug  # zone qa: qa.yaml:3:47
              MARATHON_APP_ID: /prod/web  # stack prod-web: web.json:1:2
              MARATHON_APP_RESOURCE_CPUS: "1.0"  # stack prod-web: web.json:1:2
              MARATHON_APP_RESOURCE_MEM: "64.0"  # stack prod-web: web.json:1:51
              MARATHON_APP_RESOURCE_DISK: "0.0"  # stack prod-web: web.json:1:2
              MARATHON_APP_RESOURCE_GPUS: "0"  # stack prod-web: web.json:1:2
              MARATHON_APP_LABELS: ""  # stack prod-web: web.json:1:2
              A: mine  # stack mine: mine.yaml:3:33, hides web.json:1:70
            mem: 64  # stack prod-web: web.json:1:51, hides qa.yaml:4:35
            launch_command: "exec ./web $${PORT0}"  # stack prod-web: web.json:1:21
            cpu: 1  # stack prod-web: web.json:1:2
            retry:
              delay: 1s  # stack prod-web: web.json:1:2
              max-delay: 300s  # stack prod-web: web.json:1:2
              max-tries: 0  # stack prod-web: web.json:1:2
            healthcheck: null  # stack mine: mine.yaml:3:43
    "##]]
    .assert_eq(&outcome(text));
}

/// Keys that mean something, with values of any sort.
fn any_app() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3_i64..70_000).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-zA-Z0-9/.${} _-]{0,8}".prop_map(Value::from),
        Just(json!(["hostname", "UNIQUE"])),
    ];
    let key = prop::sample::select(vec![
        "id",
        "cmd",
        "args",
        "cpus",
        "mem",
        "instances",
        "env",
        "labels",
        "constraints",
        "fetch",
        "uris",
        "uri",
        "container",
        "volumes",
        "containerPath",
        "persistent",
        "hostPath",
        "portMappings",
        "portDefinitions",
        "ports",
        "port",
        "name",
        "requirePorts",
        "healthChecks",
        "protocol",
        "portIndex",
        "command",
        "value",
        "gracePeriodSeconds",
        "intervalSeconds",
        "maxConsecutiveFailures",
        "readinessChecks",
        "portName",
        "upgradeStrategy",
        "minimumHealthCapacity",
        "backoffSeconds",
        "maxLaunchDelaySeconds",
        "dependencies",
        "destPath",
        "executable",
        "groups",
        "apps",
        "docker",
        "version",
        "strange",
    ]);
    let inner = leaf.prop_recursive(4, 48, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key.clone(), inner, 0..8).prop_map(|map| {
                let entries = map.into_iter().map(|(key, value)| (key.to_owned(), value));
                Value::Object(entries.collect::<Map<_, _>>())
            }),
        ]
    });
    (inner, any::<bool>()).prop_map(|(mut value, good)| {
        if let (Some(map), true) = (value.as_object_mut(), good) {
            map.insert("id".to_owned(), json!("/a/b"));
            map.entry("cmd").or_insert_with(|| json!("x"));
        }
        value
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn nothing_in_an_app_is_too_strange(app in any_app()) {
        let text = app.to_string();
        let none = std::collections::BTreeMap::new();
        let source = Source::new("a.json", text.as_str());
        let request = Request {
            stack: &source,
            parents: &none,
            layers: &std::collections::BTreeMap::new(),
            zone: "default",
            run: None,
            vars: &[],
            predefined: &none.keys().map(|name: &String| (name.clone(), String::new())).collect(),
        };
        let first = resolve(&request);
        prop_assert_eq!(&first, &resolve(&request));
        if let Ok(resolved) = first {
            let shown = smack_stack::render(&resolved, false);
            let again = Source::new("a.yaml", shown.as_str());
            let again = resolve(&Request { stack: &again, ..request });
            prop_assert!(again.is_ok() || resolved.applications.is_empty(), "{}", shown);
        }
        if let Some((mended_text, _)) = mended(&source) {
            prop_assert_eq!(mended(&Source::new("a.json", mended_text.as_str())), None);
        }
    }
}
