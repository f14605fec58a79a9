//! A file per command: right and wrong input, and what it told, printed and asked of the server.

mod add;
mod addlayer;
mod completions;
mod doctor;
mod down;
mod events;
mod exec;
mod exports;
mod list;
mod logs;
mod man;
mod pause;
mod plan;
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
mod start;
mod status;
mod stop;
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
    let before = smack.fake().changes().len();
    let told = smack.run(arguments).told();
    let changes = smack.fake().changes().split_off(before);
    expected.assert_eq(&format!(
        "{told}{}",
        changes
            .iter()
            .map(|change| format!("ask: {change}\n"))
            .collect::<String>()
    ));
}
