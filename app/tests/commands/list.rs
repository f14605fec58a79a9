//! `smack list`.

use expect_test::expect;
use serde_json::json;

use super::check;
use crate::support::Smack;

#[test]
fn names_are_sorted() {
    let smack = Smack::new();
    let entry = |name: &str, level: &str, parent: Option<&str>| json!({"name": name, "level": level, "parent": parent, "file": format!("{name}.yaml"), "updated_ms": u64::MAX, "version": 2});
    let library = json!([
        entry("zone1", "zone", Some("dc")),
        entry("dc", "datacenter", None),
        entry("pipeline", "stack", None)
    ]);
    smack.fake().on("GET /v1/library", library);
    check(
        &smack,
        &["list"],
        &expect![[r#"
        exit 0
        out: NAME      LEVEL       PARENT  VERSION  UPDATED  FILE
        out: dc        datacenter          2        0s ago   dc.yaml
        out: pipeline  stack               2        0s ago   pipeline.yaml
        out: zone1     zone        dc      2        0s ago   zone1.yaml
    "#]],
    );
    let names = smack.run(&["list", "--json"]).json();
    assert_eq!(names[0]["name"], "dc");
}

#[test]
fn an_empty_library_says_how_to_fill_it() {
    let smack = Smack::new();
    smack.fake().on("GET /v1/library", json!([]));
    check(
        &smack,
        &["list"],
        &expect![[r#"
        exit 0
        err: the library is empty; `smack add FILE` puts a stack into it
    "#]],
    );
    check(
        &smack,
        &["list", "--json"],
        &expect![[r#"
        exit 0
        out: []
    "#]],
    );
    check(
        &smack,
        &["list", "everything"],
        &expect![[r#"
        exit 2
        err: error: unexpected argument 'everything' found
        err:
        err: Usage: smack list [OPTIONS]
        err:
        err: For more information, try '--help'.
    "#]],
    );
}
