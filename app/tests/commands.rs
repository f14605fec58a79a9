//! A file per command: right and wrong input, and what it told, printed and asked of the server.

mod add;
mod addlayer;
mod completions;
mod convert;
mod dns;
mod doctor;
mod down;
mod events;
mod exec;
mod export;
mod exports;
mod flows;
mod list;
mod logs;
mod man;
mod operate;
mod pause;
mod plan;
mod ps;
mod remove;
mod replace;
mod restart;
mod resume;
mod rollback;
mod run;
mod schema;
mod server;
mod show;
mod sim;
mod stack_deploy;
mod start;
mod status;
mod stop;
mod trace;
mod ttl;
mod version;
mod why;

use expect_test::Expect;

use crate::support::Smack;

/// Runs a command and compares exit code, what was told and the data.
fn check(smack: &Smack, arguments: &[&str], expected: &Expect) {
    expected.assert_eq(&smack.run(arguments).told());
}

/// The same, and what the server was asked to change.
fn check_changes(smack: &Smack, arguments: &[&str], expected: &Expect) {
    expected.assert_eq(&told_with_changes(smack, arguments));
}

/// What a command told and what it asked the server to change.
fn told_with_changes(smack: &Smack, arguments: &[&str]) -> String {
    let before = smack.fake().changes().len();
    let told = smack.run(arguments).told();
    let changes = smack.fake().changes().split_off(before);
    let asked: String = changes
        .iter()
        .map(|change| format!("ask: {change}\n"))
        .collect();
    told + &asked
}

/// What the verbs have in common that are asked of a VDC or an application: `said` is what is told of the whole.
fn check_verb(verb: &str, said: &str) {
    let path = "/v1/vdcs/default/pipeline/verbs";
    let smack = Smack::new();
    smack
        .fake()
        .on(&format!("POST {path}"), serde_json::json!(null));
    let ask = |verb: &str, application: &str, gate: &str| {
        format!(
            "ask: POST {path} {{\"verb\":\"{verb}\",\"application\":{application},\"task\":null,\"gate\":{gate}}}\n"
        )
    };
    let told = |arguments: &[&str]| told_with_changes(&smack, arguments);
    assert_eq!(
        told(&[verb, "pipeline"]),
        format!(
            "exit 0\nerr: default/pipeline {said}; `smack status default/pipeline -w` shows it\n{}",
            ask(verb, "null", "null")
        )
    );
    assert_eq!(
        told(&[
            verb,
            "Default/Pipeline",
            "kafka",
            "--force",
            "budget",
            "--json"
        ]),
        format!(
            "exit 0\nerr: gate budget of default/pipeline/kafka is open for ten minutes\n\
             out: {{\nout:   \"application\": \"kafka\",\nout:   \"task\": null,\n\
             out:   \"vdc\": \"default/pipeline\",\nout:   \"verb\": \"{verb}\"\nout: }}\n{}{}",
            ask("force", "\"kafka\"", "\"budget\""),
            ask(verb, "\"kafka\"", "null")
        )
    );
    check_needs_a_name(&smack, verb);
}

/// A verb without a name, and with names that are not there.
fn check_needs_a_name(smack: &Smack, verb: &str) {
    let told = |arguments: &[&str]| smack.run(arguments).told();
    assert_eq!(
        told(&[verb]),
        format!(
            "exit 2\nerr: error: the following required arguments were not provided:\nerr:   <NAME>\nerr:\n\
             err: Usage: smack {verb} <NAME> [APP[/TASK]]\nerr:\nerr: For more information, try '--help'.\n"
        )
    );
    assert_eq!(
        told(&[verb, "pipelin"]),
        "exit 1\nerr: error: there is no virtual data center pipelin\n\
         err:   hint: did you mean pipeline? There are default/pipeline\n"
    );
    assert_eq!(
        told(&[verb, "pipeline", "kafak"]),
        "exit 1\nerr: error: default/pipeline has no application kafak\n\
         err:   hint: did you mean kafka? It has kafka, zookeeper\n"
    );
}
