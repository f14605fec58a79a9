//! `smack addlayer`.

use expect_test::expect;
use serde_json::json;

use super::{check, check_changes};
use crate::support::Smack;

#[test]
fn the_level_is_given_written_or_zone() {
    let smack = Smack::new();
    smack.file("dc.yaml", "name: dc\nlevel: datacenter\n");
    smack.file("z.yaml", "name: z\n");
    let entry = json!({"name": "dc", "level": "datacenter", "parent": null, "file": "dc.yaml", "updated_ms": 1, "version": 2});
    smack.fake().on("POST /v1/library", entry);
    check_changes(
        &smack,
        &["addlayer", "dc.yaml"],
        &expect![[r#"
        exit 0
        err: added datacenter dc, version 2
        ask: POST /v1/library {"source":{"file":"dc.yaml","text":"name: dc\nlevel: datacenter\n"},"level":"datacenter","parent":null,"replace":false}
    "#]],
    );
    check_changes(
        &smack,
        &[
            "addlayer", "--file", "z.yaml", "--level", "cluster", "--parent", "dc", "-q",
        ],
        &expect![[r#"
        exit 0
        ask: POST /v1/library {"source":{"file":"z.yaml","text":"name: z\n"},"level":"cluster","parent":"dc","replace":false}
    "#]],
    );
    check_changes(
        &smack,
        &["addlayer", "z.yaml", "-q"],
        &expect![[r#"
        exit 0
        ask: POST /v1/library {"source":{"file":"z.yaml","text":"name: z\n"},"level":"zone","parent":null,"replace":false}
    "#]],
    );
}

#[test]
fn a_level_is_one_of_three() {
    let smack = Smack::new();
    smack.file("z.yaml", "name: z\nlevel: continent\n");
    check(
        &smack,
        &["addlayer", "z.yaml", "--level", "continent"],
        &expect![[r#"
        exit 2
        err: error: invalid value 'continent' for '--level <LEVEL>'
        err:   [possible values: datacenter, cluster, zone]
        err:
        err: For more information, try '--help'.
    "#]],
    );
    check(
        &smack,
        &["addlayer", "z.yaml"],
        &expect![[r#"
        exit 1
        err: z.yaml:2:1: error: "continent" is no level
        err:   hint: write datacenter, cluster or zone
        err: error: 1 problem
    "#]],
    );
}
