//! `smack add`.

use expect_test::expect;
use serde_json::json;

use super::{check, check_changes};
use crate::support::{Answer, Smack};

#[test]
fn a_file_in_either_spelling_or_the_stackfile() {
    let smack = Smack::new();
    smack.file("a.yaml", "name: a\n");
    smack.file("Stackfile", "name: s\n");
    let entry = json!({"name": "a", "level": "stack", "parent": null, "file": "a.yaml", "updated_ms": 1, "version": 1});
    smack.fake().on("POST /v1/library", entry);
    check_changes(
        &smack,
        &["add", "a.yaml"],
        &expect![[r#"
        exit 0
        err: added stack a
        ask: POST /v1/library {"source":{"file":"a.yaml","text":"name: a\n"},"level":null,"parent":null,"replace":false}
    "#]],
    );
    check_changes(
        &smack,
        &["add", "--file", "a.yaml", "--replace", "--json"],
        &expect![[r#"
        exit 0
        out: {
        out:   "name": "a",
        out:   "level": "stack",
        out:   "parent": null,
        out:   "file": "a.yaml",
        out:   "updated_ms": 1,
        out:   "version": 1
        out: }
        ask: POST /v1/library {"source":{"file":"a.yaml","text":"name: a\n"},"level":null,"parent":null,"replace":true}
    "#]],
    );
    check_changes(
        &smack,
        &["add"],
        &expect![[r#"
        exit 0
        err: added stack a
        ask: POST /v1/library {"source":{"file":"Stackfile","text":"name: s\n"},"level":null,"parent":null,"replace":false}
    "#]],
    );
}

#[test]
fn what_is_there_already_is_refused() {
    let smack = Smack::new();
    smack.file("a.yaml", "name: a\n");
    smack.fake().on(
        "POST /v1/library",
        Answer::refusal(
            409,
            "the library has a already",
            Some("--replace puts this one in its place; what runs is not touched"),
        ),
    );
    check(
        &smack,
        &["add", "a.yaml"],
        &expect![[r#"
        exit 1
        err: error: the library has a already
        err:   hint: --replace puts this one in its place; what runs is not touched
    "#]],
    );
    check(
        &smack,
        &["add", "b.yaml"],
        &expect![[r#"
        exit 1
        err: error: cannot read b.yaml: No such file or directory (os error 2)
        err:   hint: did you mean a.yaml?
    "#]],
    );
    check(
        &smack,
        &["add", "a.yaml", "--file", "a.yaml"],
        &expect![[r#"
        exit 2
        err: error: the argument '[FILE]' cannot be used with '--file <FILE>'
        err:
        err: Usage: smack add <FILE>
        err:
        err: For more information, try '--help'.
    "#]],
    );
}
