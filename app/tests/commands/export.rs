//! `smack export`.

use expect_test::expect;
use serde_json::json;

use super::check;
use crate::support::{Answer, Smack};

fn smack() -> Smack {
    let smack = Smack::new();
    let source = |file: &str, text: &str| json!({"file": file, "text": text});
    let layer = |name: &str, level: &str, parent: Option<&str>| {
        let text = format!("name: {name}\n");
        json!({"name": name, "level": level, "parent": parent, "source": source("x.yaml", &text)})
    };
    let sources = json!({
        "vdc": "default/pipeline",
        "revision": 3,
        "stack": source("pipeline.yaml", "name: pipeline\nfrom: base\n"),
        "parents": {"base": source("base.yaml", "name: base\n")},
        "layers": [layer("dc", "datacenter", None), layer("default", "zone", Some("dc"))],
        "zone": "default",
        "as": "Pipeline",
        "vars": [["brokers", "3"], ["greeting", "it's me"]],
        "skip": [],
    });
    smack
        .fake()
        .on("GET /v1/vdcs/default/pipeline/sources", sources);
    smack
}

#[test]
fn files_and_a_script_that_makes_it_again() {
    let smack = smack();
    check(
        &smack,
        &["export", "pipeline"],
        &expect![[r#"
        exit 0
        err: revision 3 of default/pipeline is in Pipeline; Pipeline/run.sh makes it again
    "#]],
    );
    let written =
        |name: &str| std::fs::read_to_string(smack.work.path().join("Pipeline").join(name));
    expect![[r##"
        #!/bin/sh
        # Makes default/pipeline again, as it was in revision 3.
        set -e
        cd "$(dirname "$0")"
        smack addlayer layers/dc.yaml --level datacenter
        smack addlayer layers/default.yaml --level zone --parent dc
        smack run stack.yaml --zone default --as Pipeline --var brokers=3 --var 'greeting=it'\''s me' "$@"
    "##]].assert_eq(&written("run.sh").unwrap());
    assert_eq!(
        written("stack.yaml").unwrap(),
        "name: pipeline\nfrom: base\n"
    );
    assert_eq!(written("base.yaml").unwrap(), "name: base\n");
    assert_eq!(written("layers/dc.yaml").unwrap(), "name: dc\n");
    check(
        &smack,
        &[
            "export",
            "pipeline",
            "--json",
            "--revision",
            "3",
            "elsewhere",
        ],
        &expect![[r#"
            exit 0
            out: {
            out:   "directory": "elsewhere",
            out:   "files": [
            out:     "run.sh",
            out:     "stack.yaml",
            out:     "base.yaml",
            out:     "layers/dc.yaml",
            out:     "layers/default.yaml"
            out:   ],
            out:   "revision": 3,
            out:   "vdc": "default/pipeline"
            out: }
        "#]],
    );
}

#[test]
fn nothing_is_overwritten() {
    let smack = smack();
    smack.file("Pipeline/mine", "");
    check(
        &smack,
        &["export", "pipeline"],
        &expect![[r#"
        exit 1
        err: error: Pipeline is not empty
        err:   hint: name a new directory
    "#]],
    );
    check(
        &smack,
        &["export", "pipelin"],
        &expect![[r#"
        exit 1
        err: error: there is no virtual data center pipelin
        err:   hint: did you mean pipeline? There are default/pipeline
    "#]],
    );
    let unknown = Answer::refusal(404, "default/pipeline has no revision 9", None);
    smack
        .fake()
        .on("GET /v1/vdcs/default/pipeline/sources", unknown);
    check(
        &smack,
        &["export", "pipeline", "new", "--revision", "9"],
        &expect![[r#"
            exit 1
            err: error: default/pipeline has no revision 9
        "#]],
    );
}
