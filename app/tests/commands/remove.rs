//! `smack remove`.

use expect_test::expect;
use serde_json::json;

use super::{check, check_changes};
use crate::support::{Answer, Smack};

#[test]
fn alone_or_with_what_builds_on_it() {
    let smack = Smack::new();
    smack
        .fake()
        .on("DELETE /v1/library/dc", json!(["dc", "zone1"]));
    check_changes(
        &smack,
        &["remove", "dc", "--force"],
        &expect![[r#"
        exit 0
        err: removed dc, zone1
        ask: DELETE /v1/library/dc?force=true
    "#]],
    );
    check_changes(
        &smack,
        &["remove", "dc", "--json"],
        &expect![[r#"
        exit 0
        out: [
        out:   "dc",
        out:   "zone1"
        out: ]
        ask: DELETE /v1/library/dc
    "#]],
    );
}

#[test]
fn what_others_build_on_is_kept() {
    let smack = Smack::new();
    smack.fake().on(
        "DELETE /v1/library/dc",
        Answer::refusal(
            409,
            "zone1 build on dc",
            Some("remove them first, or all together with --force"),
        ),
    );
    check(
        &smack,
        &["remove", "dc"],
        &expect![[r#"
        exit 1
        err: error: zone1 build on dc
        err:   hint: remove them first, or all together with --force
    "#]],
    );
    check(
        &smack,
        &["remove"],
        &expect![[r#"
        exit 2
        err: error: the following required arguments were not provided:
        err:   <NAME>
        err:
        err: Usage: smack remove <NAME>
        err:
        err: For more information, try '--help'.
    "#]],
    );
}
