//! `smack exec`.

use expect_test::expect;
use serde_json::json;

use super::check;
use crate::support::Smack;

fn smack() -> Smack {
    let smack = Smack::new();
    smack.fake().on(
        "GET /v1/vdcs/default/pipeline/environment",
        json!({
            "directory": smack.work.path(), "variables": {"HOST": "127.1.0.2", "PORT0": "2181"},
        }),
    );
    smack
}

#[test]
fn a_command_has_the_environment_of_the_task_and_nothing_of_ours() {
    check(
        &smack(),
        &[
            "exec",
            "pipeline",
            "zookeeper/zk-0",
            "--",
            "sh",
            "-c",
            "echo $HOST:$PORT0 in $PWD, $SMACK_HOME",
        ],
        &expect![[r#"
        exit 0
        out: 127.1.0.2:2181 in WORK,
    "#]],
    );
}

#[test]
fn its_exit_code_is_passed_on() {
    check(
        &smack(),
        &[
            "exec",
            "pipeline",
            "zookeeper/zk-0",
            "--",
            "sh",
            "-c",
            "exit 42",
        ],
        &expect![[r#"
        exit 42
    "#]],
    );
}

#[test]
fn what_cannot_be_run_is_said() {
    let smack = smack();
    check(
        &smack,
        &[
            "exec",
            "pipeline",
            "zookeeper/zk-0",
            "--",
            "no-such-program",
        ],
        &expect![[r#"
        exit 127
        err: error: there is no command no-such-program (or no directory WORK)
    "#]],
    );
    check(
        &smack,
        &["exec", "pipeline", "zookeeper", "--", "true"],
        &expect![[r#"
        exit 2
        err: error: exec needs one task: APP/TASK
    "#]],
    );
    check(
        &smack,
        &["exec", "pipeline", "zookeeper/zk-0"],
        &expect![[r#"
        exit 2
        err: error: the following required arguments were not provided:
        err:   <COMMAND>...
        err:
        err: Usage: smack exec <NAME> <APP/TASK> -- <COMMAND>...
        err:
        err: For more information, try '--help'.
    "#]],
    );
}
