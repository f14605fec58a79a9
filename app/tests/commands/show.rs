//! `smack show`.

use expect_test::expect;
use serde_json::json;

use super::check;
use crate::support::{Answer, Smack};

#[test]
fn the_resolved_stack_of_what_is_up() {
    let smack = Smack::new();
    smack.fake().on(
        "GET /v1/vdcs/default/pipeline/show",
        Answer::text("name: pipeline\napplications: {}\n"),
    );
    check(
        &smack,
        &["show", "pipeline"],
        &expect![[r#"
        exit 0
        out: name: pipeline
        out: applications: {}
    "#]],
    );
    check(
        &smack,
        &["show", "pipeline", "--json"],
        &expect![[r#"
        exit 0
        out: {
        out:   "stack": "name: pipeline\napplications: {}\n",
        out:   "vdc": "default/pipeline"
        out: }
    "#]],
    );
    smack.run(&["show", "pipeline", "--origin", "--revision", "1"]);
    let asked: Vec<String> = smack
        .fake()
        .requests()
        .into_iter()
        .filter(|request| request.contains("show?"))
        .collect();
    expect![[r#"
        [
            "GET /v1/vdcs/default/pipeline/show?revision=1&origin=true",
        ]
    "#]]
    .assert_debug_eq(&asked);
}

#[test]
fn the_revisions() {
    let smack = Smack::new();
    smack.fake().on("GET /v1/vdcs/default/pipeline/revisions", json!([
        {"number": 1, "at_ms": 1_795_388_727_000u64, "stack": "pipeline.yaml", "current": false},
        {"number": 2, "at_ms": 1_795_388_787_000u64, "stack": "pipeline.yaml", "current": true},
    ]));
    check(
        &smack,
        &["show", "pipeline", "--revisions"],
        &expect![[r#"
        exit 0
        out: REVISION  MADE (UTC)           FROM
        out: 1         2026-11-22 23:05:27  pipeline.yaml
        out: 2         2026-11-22 23:06:27  pipeline.yaml  runs
    "#]],
    );
}

#[test]
fn else_a_file_of_the_library() {
    let smack = Smack::new();
    smack.fake().on("GET /v1/library/zone1", json!({
        "name": "zone1", "level": "zone", "parent": null, "file": "zone1.yaml", "updated_ms": 1, "version": 1, "text": "name: zone1\n",
    }));
    check(
        &smack,
        &["show", "zone1"],
        &expect![[r#"
        exit 0
        out: name: zone1
    "#]],
    );
    check(
        &smack,
        &["show", "zone1", "--origin"],
        &expect![[r#"
        exit 1
        err: error: there is no virtual data center zone1
        err:   hint: there are default/pipeline
    "#]],
    );
    check(
        &smack,
        &["show", "pipelinn"],
        &expect![[r#"
        exit 1
        err: error: there is no virtual data center pipelinn
        err:   hint: did you mean pipeline? There are default/pipeline
    "#]],
    );
    check(
        &smack,
        &["show", "pipeline", "--revisions", "--origin"],
        &expect![[r#"
        exit 2
        err: error: the argument '--revisions' cannot be used with '--origin'
        err:
        err: Usage: smack show --revisions <NAME>
        err:
        err: For more information, try '--help'.
    "#]],
    );
}
