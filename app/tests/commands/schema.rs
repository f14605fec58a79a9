//! `smack schema`.

use expect_test::expect;

use super::check;
use crate::support::Smack;

#[test]
fn it_knows_every_service() {
    let schema = Smack::alone().run(&["schema"]).json();
    let text = schema.to_string();
    for kind in ["zookeeper", "kafka", "command", "job"] {
        assert!(text.contains(&format!("\"{kind}\"")), "{kind}");
    }
    assert_eq!(
        schema["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
}

#[test]
fn it_takes_nothing() {
    check(
        &Smack::alone(),
        &["schema", "kafka"],
        &expect![[r#"
        exit 2
        err: error: unexpected argument 'kafka' found
        err:
        err: Usage: smack schema [OPTIONS]
        err:
        err: For more information, try '--help'.
    "#]],
    );
}
