//! `smack stack-deploy`, and the program called by that name.

use std::os::unix::fs::symlink;
use std::process::Command;

use expect_test::expect;
use serde_json::json;

use super::{check, check_changes};
use crate::support::{Answer, Smack};

#[test]
fn the_six_lines_of_the_slide() {
    let smack = Smack::new();
    for name in ["dc", "cluster", "zone1", "zone2"] {
        smack.file(&format!("{name}.stack"), &format!("name: {name}\n"));
    }
    smack.file("Stackfile", "name: cassandra\n");
    for path in ["createlayer", "createstack", "run"] {
        let path = format!("POST /stack-deploy/{path}");
        smack.fake().on(&path, Answer::text(""));
    }
    check_changes(
        &smack,
        &[
            "stack-deploy",
            "addlayer",
            "--file",
            "dc.stack",
            "--level",
            "datacenter",
        ],
        &expect![[r#"
            exit 0
            out: Stack added
            ask: POST /stack-deploy/createlayer {"file":"dc.stack","layer":"datacenter","parent":"","stackfile":"name: dc\n"}
        "#]],
    );
    check_changes(
        &smack,
        &[
            "stack-deploy",
            "addlayer",
            "-file=zone1.stack",
            "--parent",
            "cluster",
        ],
        &expect![[r#"
            exit 0
            out: Stack added
            ask: POST /stack-deploy/createlayer {"file":"zone1.stack","layer":"zone","parent":"cluster","stackfile":"name: zone1\n"}
        "#]],
    );
    check_changes(
        &smack,
        &["stack-deploy", "add"],
        &expect![[r#"
            exit 0
            out: Stack added
            ask: POST /stack-deploy/createstack {"file":"Stackfile","stackfile":"name: cassandra\n"}
        "#]],
    );
    check_changes(
        &smack,
        &[
            "stack-deploy",
            "run",
            "cassandra",
            "--zone",
            "zone1",
            "--max.wait",
            "60",
            "--var",
            "nodes=2",
            "-var",
            "a=b=c",
            "--skip",
            "kafka.*",
        ],
        &expect![[r#"
            exit 0
            out: Running stack cassandra
            out: Done in 0s
            ask: POST /stack-deploy/run {"maxwait":60,"name":"cassandra","skip":["kafka.*"],"variables":{"a":"b=c","nodes":"2"},"zone":"zone1"}
        "#]],
    );
}

#[test]
fn the_other_commands_answer_as_of_old() {
    let smack = Smack::new();
    let answers = [
        ("health", ""),
        ("list", "- zone1\n- \"yes\"\n- cassandra\n"),
        ("get", "name: cassandra\n"),
        ("removestack", ""),
    ];
    for (path, answer) in answers {
        let path = format!("POST /stack-deploy/{path}");
        smack.fake().on(&path, Answer::text(answer));
    }
    check(
        &smack,
        &["stack-deploy", "ping"],
        &expect![[r#"
            exit 0
            out: Pong
        "#]],
    );
    check(
        &smack,
        &["stack-deploy", "list"],
        &expect![[r#"
            exit 0
            out: cassandra
            out: yes
            out: zone1
        "#]],
    );
    check_changes(
        &smack,
        &["stack-deploy", "show", "cassandra"],
        &expect![[r#"
            exit 0
            out: name: cassandra
            ask: POST /stack-deploy/get {"name":"cassandra"}
        "#]],
    );
    check_changes(
        &smack,
        &["stack-deploy", "remove", "cassandra", "--force"],
        &expect![[r#"
            exit 0
            out: Removing stack cassandra
            out: Stack removed
            ask: POST /stack-deploy/removestack {"force":true,"name":"cassandra"}
        "#]],
    );
}

#[test]
fn users_and_schedules() {
    let smack = Smack::new();
    let answers = [
        ("createuser", "a-key"),
        ("refreshtoken", "another-key"),
        ("scheduled/delete", "7 deleted"),
    ];
    for (path, answer) in answers {
        let path = format!("POST /stack-deploy/{path}");
        smack.fake().on(&path, Answer::text(answer));
    }
    smack.fake().on(
        "POST /stack-deploy/scheduled",
        json!([{"id": 7, "name": "nightly", "start_time": "", "time_schedule": "@daily"}]),
    );
    check_changes(
        &smack,
        &["stack-deploy", "adduser", "--name", "ann", "--admin"],
        &expect![[r#"
            exit 0
            out: User added. Key: a-key
            ask: POST /stack-deploy/createuser {"name":"ann","role":"admin"}
        "#]],
    );
    check(
        &smack,
        &["stack-deploy", "refreshtoken", "--name", "ann"],
        &expect![[r#"
            exit 0
            out: New key generated: another-key
        "#]],
    );
    check(
        &smack,
        &["stack-deploy", "scheduled"],
        &expect![[r#"
            exit 0
            out: [7] nightly
            out: 	start: ''
            out: 	schedule: '@daily'
        "#]],
    );
    check_changes(
        &smack,
        &["stack-deploy", "scheduled", "--remove", "7"],
        &expect![[r#"
            exit 0
            out: 7 deleted
            ask: POST /stack-deploy/scheduled/delete {"id":7}
        "#]],
    );
}

#[test]
fn errors_are_told_on_stdout() {
    let smack = Smack::new();
    let refusal = Answer {
        status: 400,
        body: b"stack.yaml:1:1: no name".to_vec(),
    };
    smack.file("Stackfile", "{}");
    smack.fake().on("POST /stack-deploy/createstack", refusal);
    check(
        &smack,
        &["stack-deploy", "add"],
        &expect![[r#"
            exit 1
            out: ERROR: stack.yaml:1:1: no name
        "#]],
    );
    check(
        &smack,
        &["stack-deploy", "add", "--file", "none"],
        &expect![[r#"
            exit 1
            out: ERROR: cannot read none: No such file or directory (os error 2)
        "#]],
    );
    check(
        &smack,
        &["stack-deploy", "adduser"],
        &expect![[r#"
            exit 1
            out: ERROR: User name required
            out:   hint: give --name
        "#]],
    );
}

#[test]
fn wrong_flags_are_wrong_usage() {
    let smack = Smack::new();
    check(
        &smack,
        &["stack-deploy", "remove", "cassandra", "--zone", "z"],
        &expect![[r#"
            exit 2
            err: error: flag provided but not defined: -zone
            err:   hint: usage: stack-deploy remove NAME [FLAGS]
            err:   --api        the server, HOST:PORT [default: SD_API, else the server of this home]
            err:   --force      even if others stand on it
        "#]],
    );
    check(
        &smack,
        &["stack-deploy", "run"],
        &expect![[r#"
            exit 2
            err: error: run wants a NAME
            err:   hint: usage: stack-deploy run NAME [FLAGS]
            err:   --api        the server, HOST:PORT [default: SD_API, else the server of this home]
            err:   --zone       the zone to run it in
            err:   --max.wait   seconds to wait for each application [default: 600]
            err:   --var        a variable, name=value; any number of them
            err:   --skip       applications to leave as they are, a regular expression; any number of them
        "#]],
    );
    check(
        &smack,
        &["stack-deploy", "lst"],
        &expect![[r#"
            exit 2
            err: error: stack-deploy has no command lst
            err:   hint: did you mean list?
        "#]],
    );
    check(
        &smack,
        &["stack-deploy", "list", "--api", "https://127.0.0.1:1"],
        &expect![[r#"
            exit 2
            err: error: "https://127.0.0.1:1" is no address of a server that smack can use
            err:   hint: write http://127.0.0.1:PORT
        "#]],
    );
    check(
        &smack,
        &["stack-deploy", "ping", "--api", "127.0.0.1:1"],
        &expect![[r#"
            exit 1
            out: ERROR: no server answers at http://127.0.0.1:1: Connection refused (os error 111)
        "#]],
    );
    check(
        &smack,
        &["stack-deploy", "server", "--api", "nowhere"],
        &expect![[r#"
            exit 2
            err: error: invalid value 'nowhere' for '--listen <ADDRESS>': invalid socket address syntax
            err:   hint: for example 127.0.0.1:4200
        "#]],
    );
}

#[test]
fn the_name_of_the_program_decides() {
    let smack = Smack::new();
    smack
        .fake()
        .on("POST /stack-deploy/health", Answer::text(""));
    let program = smack.work.path().join("stack-deploy");
    symlink(env!("CARGO_BIN_EXE_smack"), &program).unwrap();
    let run = |words: &[&str]| {
        let mut command = Command::new(&program);
        command
            .args(words)
            .env_remove("SD_API")
            .env_remove("SMACK_API")
            .env("SMACK_HOME", smack.home());
        smack.finish(command).told()
    };
    expect![[r#"
        exit 0
        out: Pong
    "#]]
    .assert_eq(&run(&["ping"]));
    expect![[r#"
        exit 0
        out: 0.3.5.2
    "#]]
    .assert_eq(&run(&["--version"]));
    expect![[r#"
        exit 1
        err: usage: stack-deploy COMMAND [FLAGS]
        err:
        err:   add           add a stack
        err:   addlayer      add a layer
        err:   adduser       let somebody use the server, with a key of theirs
        err:   list          list all stacks and layers
        err:   ping          ask whether the server answers
        err:   refreshtoken  give a user a new key
        err:   remove        remove a stack or layer; what runs goes on
        err:   run           run a stack and wait until it is there
        err:   scheduled     list what runs by the clock, or remove one of it
        err:   server        serve by TCP in the foreground
        err:   show          print a stack or layer
        err:
        err: The server is found by --api or SD_API, credentials are SD_USER and SD_KEY; without an
        err: address it is the one of this home, which is started if none runs.
    "#]]
    .assert_eq(&run(&[]));
}
