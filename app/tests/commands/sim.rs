//! `smack sim`.

use std::io::Write as _;
use std::process::Stdio;

use expect_test::expect;

use super::check;
use crate::support::Smack;

const STACK: &str = "\
name: web
applications:
  web: {type: command, id: web, cpu: 0.5, mem: 64, instances: 2, launch_command: run me}
";

/// Runs a conversation.
fn talk(smack: &Smack, arguments: &[&str], lines: &str) -> String {
    let mut command = smack.command(arguments);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(lines.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_stack_comes_up_and_a_killed_task_comes_back() {
    let smack = Smack::alone();
    smack.file("web.yaml", STACK);
    let told = talk(
        &smack,
        &["sim", "web.yaml", "--nodes", "2"],
        "run\nkill web-0\nrun\nquit\nrun\n",
    );
    assert!(
        told.starts_with("> run\n") && told.contains("web-0"),
        "{told}"
    );
    assert!(told.contains("> kill web-0\n"), "{told}");
    assert_eq!(told.matches("> run\n").count(), 2, "quit ends: {told}");
}

#[test]
fn an_empty_grid_has_help() {
    assert!(talk(&Smack::alone(), &["sim"], "help\n").contains("lose NODE"));
}

#[test]
fn a_wrong_stack_is_refused_before_the_prompt() {
    let smack = Smack::alone();
    smack.file(
        "web.yaml",
        "name: web\napplications:\n  web: {type: comand}\n",
    );
    check(
        &smack,
        &["sim", "web.yaml"],
        &expect![[r#"
        exit 1
        err: web.yaml:3:9 (stack web): error: type comand is not known
        err:   hint: did you mean command?
        err: error: 1 problem
    "#]],
    );
    check(
        &smack,
        &["sim", "web"],
        &expect![[r#"
        exit 2
        err: error: web is no file
        err:   hint: sim reads a stack file
    "#]],
    );
}
