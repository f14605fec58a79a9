//! What wins over what, and where it says it came from.

use expect_test::{Expect, expect};
use smack_stack::{Data, render};

use super::harness::{Run, outcome};

#[expect(
    clippy::needless_pass_by_value,
    reason = "a table reads better with the expectation last"
)]
fn check(text: &str, expected: Expect) {
    expected.assert_eq(&outcome(text));
}

#[test]
fn each_level_hides_the_one_above_it() {
    check(
        "
== datacenter dc dc.yaml
name: dc
applications: {a: {x: 1, dc: d, m: {k: 1, l: 1}}}
== cluster prod prod.yaml dc
name: prod
applications: {a: {x: 2, cluster: c, m: {k: 2}}}
== zone qa qa.yaml prod
name: qa
applications: {a: {x: 3, zone: z, m: {k: 3}}}
== from grand grand.yaml
name: grand
applications: {a: {type: command, x: 4, grand: g}}
== from base base.yaml
name: base
from: grand
applications: {a: {x: 5, base: b}}
== stack s.yaml
name: s
from: base
applications: {a: {x: 6, m: {n: 1}}}
== run --zone QA --as Build92
",
        expect![[r##"
            # run Build92 in dc/prod/qa
            name: s
            applications:
              a:
                type: command  # stack grand: grand.yaml:2:20
                id: a
                grid: local  # default
                x: 6  # stack s: s.yaml:3:20, hides base.yaml:3:20 and grand.yaml:2:35 and qa.yaml:2:20 and prod.yaml:2:20 and dc.yaml:2:20
                dc: d  # datacenter dc: dc.yaml:2:26
                m:
                  k: 3  # zone qa: qa.yaml:2:39, hides prod.yaml:2:42 and dc.yaml:2:37
                  l: 1  # datacenter dc: dc.yaml:2:43
                  "n": 1  # stack s: s.yaml:3:30
                cluster: c  # cluster prod: prod.yaml:2:26
                zone: z  # zone qa: qa.yaml:2:26
                grand: g  # stack grand: grand.yaml:2:41
                base: b  # stack base: base.yaml:3:26
        "##]],
    );
}

#[test]
fn lists_replace_or_append_and_null_deletes() {
    check(
        "
== zone qa qa.yaml
name: qa
applications:
  a: {type: command, ports: [1, 2], replaced: [1], gone: 1, m: {gone: 1, stays: 2}, scheduler: {flag: '', gone: x}}
  deleted: {type: command}
== from base b.yaml
name: base
applications: {a: {gone: null, scheduler: {gone: ''}}}
== stack s.yaml
name: s
from: base
parameters: {more: [7, 8]}
applications:
  a: {topics: {bare: }, ports+: [3], replaced: [9], gone: null, m: {gone: ~}, fresh+: ['${zone}'], ports2: [1], env: {EMPTY: ''}}
  deleted: null
  b: {type: command, list+: '${more}'}
== run --zone qa
",
        expect![[r##"
            # run s in qa
            name: s
            parameters:
              more:
                - 7  # stack s: s.yaml:3:21
                - 8  # stack s: s.yaml:3:24
            applications:
              a:
                type: command  # zone qa: qa.yaml:3:7
                id: a
                grid: local  # default
                ports:
                  - 1  # zone qa: qa.yaml:3:30
                  - 2  # zone qa: qa.yaml:3:33
                  - 3  # stack s: s.yaml:5:34
                replaced:
                  - 9  # stack s: s.yaml:5:49
                m:
                  stays: 2  # zone qa: qa.yaml:3:74
                scheduler:
                  flag: ""  # zone qa: qa.yaml:3:97
                topics:
                  bare: null  # stack s: s.yaml:5:16
                fresh:
                  - qa  # stack s: s.yaml:5:88
                ports2:
                  - 1  # stack s: s.yaml:5:109
                env:
                  EMPTY: ""  # stack s: s.yaml:5:119
              b:
                type: command  # stack s: s.yaml:7:7
                id: b
                grid: local  # default
                list:
                  - 7  # stack s: s.yaml:3:21
                  - 8  # stack s: s.yaml:3:24
            s.yaml:5:113 (stack s): notice: env of a is {EMPTY: ""}
              hint: stack-deploy ignored env here, because a file above mentions a
        "##]],
    );
}

#[test]
fn parameters_take_the_nearest_value_and_their_own_type() {
    check(
        r#"
== datacenter dc dc.yaml
name: dc
parameters: {brokers: 2, url: "zk.${zone}:2181"}
== zone qa qa.yaml dc
name: qa
parameters: {brokers: 3, not-of-this-stack: 1}
== stack s.yaml
name: s
parameters:
  brokers: {type: int, default: 1, min: 1, max: 9, doc: How many.}
  url: {type: string, default: localhost}
  debug: false
  ratio: {type: number, default: 0.10}
  mode: {type: enum, values: [fast, safe], default: fast}
  hosts: {type: list, default: [a, "${zone}"]}
applications:
  k:
    type: command
    instances: ${brokers}
    text: "n=${brokers} d=${debug} r=${ratio}"
    url: ${url}
    debug: ${debug}
    mode: ${mode}
    hosts: ${hosts}
    escape: "$${HOME} $HOST:$PORT0 $"
    where: "${vdc} ${stack} ${run} ${m.x}"
    old: ${undeclared}
    typed: ${count}
== run --zone qa --var brokers=4 --var mode=safe --var undeclared=${x} --var count=5 --known m.x=y --as r --var typo=1
"#,
        expect![[r##"
            # run r in dc/qa
            name: s
            parameters:
              brokers: 4  # --var, hides qa.yaml:2:14 and dc.yaml:2:14 and s.yaml:3:24
              debug: false  # stack s: s.yaml:5:3
              hosts:
                - a  # stack s: s.yaml:8:33
                - qa  # stack s: s.yaml:8:36
              mode: safe  # --var, hides s.yaml:7:44
              ratio: 0.10  # stack s: s.yaml:6:25
              url: "zk.qa:2181"  # datacenter dc: dc.yaml:2:26, hides s.yaml:4:23
            applications:
              k:
                type: command  # stack s: s.yaml:11:5
                id: k
                grid: local  # default
                instances: 4  # stack s: s.yaml:12:5
                text: "n=4 d=false r=0.10"  # stack s: s.yaml:13:5
                url: "zk.qa:2181"  # stack s: s.yaml:14:5
                debug: false  # stack s: s.yaml:15:5
                mode: safe  # stack s: s.yaml:16:5
                hosts:
                  - a  # stack s: s.yaml:8:33
                  - qa  # stack s: s.yaml:8:36
                escape: "$${HOME} $HOST:$PORT0 $"  # stack s: s.yaml:18:5
                where: "qa/r s r y"  # stack s: s.yaml:19:5
                old: "$${x}"  # stack s: s.yaml:20:5
                typed: 5  # stack s: s.yaml:21:5
            --var: notice: typo is used nowhere
              hint: the stack has no ${typo}
        "##]],
    );
}

#[test]
fn exports_stay_references_and_the_longest_id_wins() {
    check(
        r#"
name: s
applications:
  kafka: {type: kafka, id: kafka-0.9.x, dependencies: [zoo]}
  zoo: {type: zookeeper}
  kafka2: {type: kafka, id: kafka-0}
  app:
    type: command
    dependencies: [kafka]
    env: {BROKERS: "${kafka-0.9.x.brokers}", ZK: "${zoo.connect}/x", BOTH: "${zoo.a}${zoo.b}"}
"#,
        expect![[r##"
            # run s in default
            name: s
            applications:
              app:
                type: command  # stack s: stack.yaml:7:5
                id: app
                grid: local  # default
                env:
                  BROKERS: "${kafka-0.9.x.brokers}"  # stack s: stack.yaml:9:11
                  ZK: "${zoo.connect}/x"  # stack s: stack.yaml:9:46
                  BOTH: "${zoo.a}${zoo.b}"  # stack s: stack.yaml:9:70
                dependencies:
                  - kafka-0-9-x  # stack s: stack.yaml:8:20
              kafka2:
                type: kafka  # stack s: stack.yaml:5:12
                id: kafka-0
                grid: local  # default
              kafka:
                type: kafka  # stack s: stack.yaml:3:11
                id: kafka-0.9.x
                grid: local  # default
                dependencies:
                  - zoo  # stack s: stack.yaml:3:56
              zoo:
                type: zookeeper  # stack s: stack.yaml:4:9
                id: zoo
                grid: local  # default
            stack.yaml:3:24 (stack s): notice: application kafka-0.9.x goes by the DNS label kafka-0-9-x
            stack.yaml:8:20 (stack s): notice: dependency kafka is the key of kafka-0.9.x
              hint: dependencies go by id: write kafka-0.9.x
        "##]],
    );
}

#[test]
fn grids_come_from_the_nearest_place() {
    check(
        "
== datacenter dc dc.yaml
name: dc
grid: mesos
applications: {b: {grid: kubernetes}}
== zone qa qa.yaml dc
name: qa
== stack s.yaml
name: s
applications: {a: {type: command}, b: {type: command}}
== run --zone qa
",
        expect![[r#"
            # run s in dc/qa
            name: s
            applications:
              a:
                type: command  # stack s: s.yaml:2:20
                id: a
                grid: mesos  # datacenter dc: dc.yaml:2:1
              b:
                type: command  # stack s: s.yaml:2:40
                id: b
                grid: kubernetes  # datacenter dc: dc.yaml:3:20
        "#]],
    );
}

#[test]
fn applications_of_layers_run_if_complete() {
    check(
        "
== zone qa qa.yaml
name: qa
applications:
  complete: {type: command}
  incomplete: {mem: 3}
== stack s.yaml
name: s
applications: {a: {type: command}}
== run --zone qa
",
        expect![[r#"
            # run s in qa
            name: s
            applications:
              a:
                type: command  # stack s: s.yaml:2:20
                id: a
                grid: local  # default
              complete:
                type: command  # zone qa: qa.yaml:3:14
                id: complete
                grid: local  # default
            qa.yaml:4:3 (zone qa): notice: incomplete has no type, so it does not run
              hint: it is a default for stacks that name it
        "#]],
    );
}

#[test]
fn final_settings_may_be_repeated_and_limits_kept() {
    check(
        "
== datacenter dc dc.yaml
name: dc
final: {parameters: {n: 3}, applications: {a: {version: 4.1, env: {A: x}}}}
limits: {parameters: {n: {max: 3}}, applications: {'*': {instances: {max: 3}, heap: {max: 1g}}}}
== zone qa qa.yaml dc
name: qa
parameters: {n: 3}
== stack s.yaml
name: s
parameters: {n: 1}
applications: {a: {type: command, version: '4.1', instances: '${n}', heap: 512m}}
== run --zone qa --var n=3
",
        expect![[r##"
            # run s in dc/qa
            name: s
            parameters:
              "n": 3  # --var, hides qa.yaml:2:14 and dc.yaml:2:22 and s.yaml:2:14
            applications:
              a:
                type: command  # stack s: s.yaml:3:20
                id: a
                grid: local  # default
                version: "4.1"  # stack s: s.yaml:3:35, hides dc.yaml:2:48
                env:
                  A: x  # datacenter dc: dc.yaml:2:68
                instances: 3  # stack s: s.yaml:3:51
                heap: 512m  # stack s: s.yaml:3:70
        "##]],
    );
}

#[test]
fn anchors_and_merge_keys_work() {
    check(
        "
name: s
applications:
  a: &a {type: command, mem: 1, env: {X: 1}}
  b:
    <<: *a
    mem: 2
  c: *a
",
        expect![[r#"
            # run s in default
            name: s
            applications:
              a:
                type: command  # stack s: stack.yaml:3:10
                id: a
                grid: local  # default
                mem: 1  # stack s: stack.yaml:3:25
                env:
                  X: 1  # stack s: stack.yaml:3:39
              b:
                type: command  # stack s: stack.yaml:3:10
                id: b
                grid: local  # default
                mem: 2  # stack s: stack.yaml:6:5
                env:
                  X: 1  # stack s: stack.yaml:3:39
              c:
                type: command  # stack s: stack.yaml:3:10
                id: c
                grid: local  # default
                mem: 1  # stack s: stack.yaml:3:25
                env:
                  X: 1  # stack s: stack.yaml:3:39
        "#]],
    );
}

#[test]
fn rendering_without_origins_loads_as_the_same_stack() {
    let text = r##"
name: s
parameters: {n: 3, t: {default: "yes"}, l: [1, "2"]}
applications:
  z: {type: zookeeper}
  a:
    type: command
    id: a.b
    dependencies: [z]
    strange: ["yes", "0.10", 0.10, "a: b", "# c", "", " x ", "line\nline", "${z.connect}", "$${HOME}", "\u0007", "- d", null, {k: [1], m: {}}]
    "key: odd": {"": 1}
    tasks: {t: {a: yes, b: "x"}}
"##;
    let first = render(&Run::parse(text).resolve().expect("valid"), false);
    let again = render(
        &Run::parse(&first)
            .resolve()
            .expect("what was rendered loads"),
        false,
    );
    assert_eq!(first, again);
}

#[test]
fn an_exact_reference_takes_the_type_of_its_parameter() {
    let resolved = Run::parse(
        "name: s\nparameters: {n: 3}\napplications: {a: {type: command, n: '${n}', t: 'x${n}'}}\n",
    )
    .resolve()
    .expect("valid");
    let settings = resolved.applications["a"].settings.as_map().expect("a map");
    assert_eq!(settings["n"].data, Data::Integer(3));
    assert_eq!(settings["t"].to_literal().as_deref(), Some("x3"));
}

#[test]
fn the_nearest_level_of_isolation_and_the_strictest_requirement_count() {
    let resolved = Run::parse(
        "
== datacenter dc dc.yaml
name: dc
isolation: open
require: {isolation: open}
== zone qa qa.yaml dc
name: qa
isolation: vdc
require: {isolation: vdc}
== from base base.yaml
name: base
isolation: null
== stack s.yaml
name: s
from: base
applications: {a: {type: command}}
== run --zone qa
",
    )
    .resolve()
    .unwrap();
    let told = |setting: Option<smack_stack::Setting<smack_model::Isolation>>| {
        setting.map(|setting| format!("{} {}", setting.value, setting.place))
    };
    assert_eq!(
        told(resolved.isolation).as_deref(),
        Some("vdc qa.yaml:2:1 (zone qa)")
    );
    assert_eq!(
        told(resolved.required_isolation).as_deref(),
        Some("vdc qa.yaml:3:11 (zone qa)")
    );
}

#[test]
fn uses_of_layers_lie_below_those_of_the_stack() {
    check(
        "
== zone qa qa.yaml
name: qa
uses: {telemetry: {run: shared}, logs: {run: logs, zone: west}}
== stack s.yaml
name: s
uses: {telemetry: {zone: East}, logs: {zone: null}}
applications:
  a: {type: command, share: datacenter, dependencies: [telemetry.kafka-mesos-0.9.x, Logs.syslog]}
  b: {type: command, dependencies: [telemetry.kafka-mesos-0-9-x, a], x: '${Telemetry.kafka-mesos-0.9.x.a.b}'}
== run --zone qa
",
        expect![[r##"
            # run s in qa
            name: s
            uses:
              logs: {run: logs, zone: qa}  # stack s: s.yaml:2:33
              telemetry: {run: shared, zone: east}  # stack s: s.yaml:2:8
            applications:
              a:
                type: command  # stack s: s.yaml:4:7
                id: a
                grid: local  # default
                share: datacenter  # stack s: s.yaml:4:22
                dependencies:
                  - telemetry.kafka-mesos-0-9-x  # stack s: s.yaml:4:56
                  - logs.syslog  # stack s: s.yaml:4:85
              b:
                type: command  # stack s: s.yaml:5:7
                id: b
                grid: local  # default
                x: "${Telemetry.kafka-mesos-0.9.x.a.b}"  # stack s: s.yaml:5:70
                dependencies:
                  - telemetry.kafka-mesos-0-9-x  # stack s: s.yaml:5:37
                  - a  # stack s: s.yaml:5:66
        "##]],
    );
}
