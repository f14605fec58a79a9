//! `expose:`: which ports of an application are reached from outside its virtual data center.

use expect_test::{Expect, expect};

use crate::support::built;

/// The exposed ports of the first task, or the problems.
#[expect(
    clippy::needless_pass_by_value,
    reason = "a table reads better with the expectation last"
)]
fn check(application: &str, expected: Expect) {
    let text = format!("name: s\napplications:\n  a: {{{application}}}\n");
    let told = match built(&text) {
        Ok(platform) => {
            let mut tasks = platform.specs["a"].tasks.values();
            let exposed = &tasks.next().expect("an application has tasks").exposed;
            let names = exposed.iter().map(ToString::to_string);
            names.collect::<Vec<_>>().join(" ")
        }
        Err(problems) => problems.to_string(),
    };
    expected.assert_eq(&told);
}

const KAFKA: &str = "type: kafka, version: 4.3";
const COMMAND: &str =
    "type: command, cpu: 0.1, mem: 16, command: [serve], ports: {web: 80, admin: 81}";

#[test]
fn a_service_shows_its_front_ports() {
    check(KAFKA, expect!["client"]);
    check(&format!("{KAFKA}, expose: true"), expect!["client"]);
    check(&format!("{KAFKA}, expose: null"), expect!["client"]);
    check(&format!("{KAFKA}, expose: false"), expect![""]);
    check("type: zookeeper", expect!["client"]);
    check("type: cassandra", expect!["cql"]);
    check(COMMAND, expect!["admin web"]);
    check("type: job, cpu: 0.1, mem: 16, command: [work]", expect![""]);
}

#[test]
fn a_list_names_exactly_what_is_shown() {
    check(&format!("{COMMAND}, expose: [web]"), expect!["web"]);
    check(&format!("{COMMAND}, expose: web"), expect!["web"]);
    check(&format!("{COMMAND}, expose: []"), expect![""]);
    check("type: cassandra, expose: [jmx, cql]", expect!["cql jmx"]);
}

#[test]
fn a_port_that_is_not_there_and_what_is_no_port() {
    check(
        &format!("{COMMAND}, expose: [wbe]"),
        expect![[r#"
        test.yaml:3:97 (stack s): error: expose: there is no port "wbe"
          hint: did you mean web?"#]],
    );
    check(
        &format!("{COMMAND}, expose: [grpc, 80]"),
        expect![[r#"
        test.yaml:3:97 (stack s): error: expose: there is no port "grpc"
          hint: it has admin, web
        test.yaml:3:103 (stack s): error: expose: there is no port "80"
          hint: it has admin, web"#]],
    );
    check(
        &format!("{COMMAND}, expose: {{web: true}}"),
        expect![
            "test.yaml:3:88 (stack s): error: expose wants true, false or names of ports, found a map"
        ],
    );
    check(
        &format!("{COMMAND}, expose: 80"),
        expect![
            "test.yaml:3:88 (stack s): error: expose wants true, false or names of ports, found the integer 80"
        ],
    );
    check(
        "type: job, cpu: 0.1, mem: 16, command: [work], expose: [web]",
        expect![[r#"
            test.yaml:3:63 (stack s): error: expose: there is no port "web"
              hint: it has no ports"#]],
    );
}
