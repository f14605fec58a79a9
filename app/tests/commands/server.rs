//! `smack server`: what is told; real servers are started in `starting`.

use expect_test::expect;
use serde_json::json;

use super::check;
use crate::support::Smack;

#[test]
fn stopping_none_is_no_mistake() {
    check(
        &Smack::alone(),
        &["server", "--stop"],
        &expect![[r#"
        exit 0
        err: no server runs
    "#]],
    );
    check(
        &Smack::alone(),
        &["server", "--stop", "--json"],
        &expect![[r#"
        exit 0
        out: {
        out:   "stopped": false
        out: }
    "#]],
    );
}

#[test]
fn what_contradicts_itself_is_refused() {
    let smack = Smack::alone();
    check(
        &smack,
        &["server", "--stop", "--replace"],
        &expect![[r#"
        exit 2
        err: error: the argument '--stop' cannot be used with '--replace'
        err:
        err: Usage: smack server --stop --no-maven --no-archives
        err:
        err: For more information, try '--help'.
    "#]],
    );
    check(
        &smack,
        &["server", "--nodes", "0"],
        &expect![[r#"
        exit 2
        err: error: invalid value '0' for '--nodes <N>': 0 is not in 1..=256
        err:
        err: For more information, try '--help'.
    "#]],
    );
    check(
        &smack,
        &["server", "--api", "http://127.0.0.1:1"],
        &expect![[r#"
        exit 2
        err: error: --api names another server, so none is run here
        err:   hint: leave out --api and SMACK_API
    "#]],
    );
}

#[test]
fn another_version_is_told_and_never_replaced_unasked() {
    let smack = Smack::new();
    let mut server = crate::support::server();
    server["version"] = json!("0.0.9");
    smack.fake().on("GET /v1/server", server.clone());
    smack.fake().on("GET /v1/library", json!([]));
    check(
        &smack,
        &["list"],
        &expect![[r#"
        exit 0
        err: note: the server is of version 0.0.9, this is 0.1.0
        err:   hint: `smack server --replace` puts a new one in its place; tasks go on
        err: the library is empty; `smack add FILE` puts a stack into it
    "#]],
    );
    server["version"] = json!("99.0.0");
    smack.fake().on("GET /v1/server", server);
    check(
        &smack,
        &["list"],
        &expect![[r#"
        exit 0
        err: note: the server is of version 99.0.0, this is only 0.1.0: some commands may not fit
        err: the library is empty; `smack add FILE` puts a stack into it
    "#]],
    );
    assert_eq!(smack.fake().changes(), Vec::<String>::new());
}
