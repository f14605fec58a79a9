//! The table of mended texts, and that nothing valid is touched.

use expect_test::{Expect, expect};
use proptest::prelude::*;
use smack_model::Problems;

use super::{Repair, repair};
use crate::json::read;
use crate::resolve::Source;

fn check(text: &str, expected: &Expect) {
    let outcome = match repair(&Source::new("app.json", text)) {
        Repair::Valid => "valid\n".to_owned(),
        Repair::Mended { text, problems } => format!("{text}\n{problems}\n"),
        Repair::Hopeless(problem) => format!("hopeless: {problem}\n"),
    };
    expected.assert_eq(&outcome);
}

#[test]
fn quotes_inside_texts() {
    check(
        r#"{"id": "/kafka", "cmd": "java -Dfoo="bar" -Dempty="" -jar a.jar", "mem": 1}"#,
        &expect![[r#"
            {"id": "/kafka", "cmd": "java -Dfoo=\"bar\" -Dempty=\"\" -jar a.jar", "mem": 1}
            app.json:1:37: error: not valid JSON: a quote inside a text, and 3 more in it
              hint: write \" for each
        "#]],
    );
    check(
        "{\n  \"cmd\": \"sh -c \"a, b\", \"c\" ; echo {\"k\": \"v\"}\"\n}",
        &expect![[r#"
            {
              "cmd": "sh -c \"a, b\", \"c\" ; echo {\"k\": \"v\"}"
            }
            app.json:2:17: error: not valid JSON: a quote inside a text, and 7 more in it
              hint: write \" for each
        "#]],
    );
    check(
        r#"{"args": ["-Dfoo="bar"", "b "c" d"]}"#,
        &expect![[r#"
        {"args": ["-Dfoo=\"bar\"", "b \"c\" d"]}
        app.json:1:18: error: not valid JSON: a quote inside a text, and 1 more in it
          hint: write \" for each
        app.json:1:29: error: not valid JSON: a quote inside a text, and 1 more in it
          hint: write \" for each
    "#]],
    );
    check(
        r#"{"cmd": "x --opts="{"zk": "a", "user": "root"}" -v", "user": "b"}"#,
        &expect![[r#"
            {"cmd": "x --opts=\"{\"zk\": \"a\", \"user\": \"root\"}\" -v", "user": "b"}
            app.json:1:19: error: not valid JSON: a quote inside a text, and 9 more in it
              hint: write \" for each
        "#]],
    );
    check(
        r#"{"cmd": "say "{" now", "a": ["[", "]"]}"#,
        &expect![[r#"
        {"cmd": "say \"{\" now", "a": ["[", "]"]}
        app.json:1:14: error: not valid JSON: a quote inside a text, and 1 more in it
          hint: write \" for each
    "#]],
    );
    check(
        r#"{"a "b" c": 1}"#,
        &expect![[r#"
        {"a \"b\" c": 1}
        app.json:1:5: error: not valid JSON: a quote inside a text, and 1 more in it
          hint: write \" for each
    "#]],
    );
}

#[test]
fn texts_that_were_broken_for_show() {
    check(
        "{\"cmd\": \"java \\\n   -jar\n   a.jar\",\n \"id\": \"x\"}",
        &expect![[r#"
            {"cmd": "java -jar a.jar",
             "id": "x"}
            app.json:1:15: error: not valid JSON: a line break inside a text
              hint: it became a blank; write \n where a line is to end
            app.json:2:8: error: not valid JSON: a line break inside a text
              hint: it became a blank; write \n where a line is to end
        "#]],
    );
    check(
        "{\"id\": \"/a,\n \"cmd\": \"sleep 60\n}",
        &expect![[r#"
            hopeless: app.json:1:12: error: not valid JSON: a line break inside a text
        "#]],
    );
    check(
        "{\"id\": \"/a,\n \"cmd\": \"sleep 60\"\n}",
        &expect![[r#"
            {"id": "/a",
             "cmd": "sleep 60"
            }
            app.json:1:8: error: not valid JSON: this text has no end
              hint: close it with a quote
        "#]],
    );
    check(
        "{\"a\": \"tab\there\"}",
        &expect![[r#"
        {"a": "tab\there"}
        app.json:1:11: error: not valid JSON: a control character inside a text
          hint: write \t
    "#]],
    );
}

#[test]
fn other_quotes() {
    check(
        "{“id”: “/a”, 'cmd': 'echo \"x\"'}",
        &expect![[r#"
        {"id": "/a", "cmd": "echo \"x\""}
        app.json:1:2: error: not valid JSON: “ is no quote in JSON
          hint: write "
        app.json:1:8: error: not valid JSON: “ is no quote in JSON
          hint: write "
        app.json:1:14: error: not valid JSON: ' is no quote in JSON
          hint: write "
        app.json:1:21: error: not valid JSON: ' is no quote in JSON
          hint: write "
        app.json:1:27: error: not valid JSON: a quote inside a text, and 1 more in it
          hint: write \" for each
    "#]],
    );
    check(
        "{id: /a/b, cpus: .5, wait: True}",
        &expect![[r#"
            {"id": "/a/b", "cpus": 0.5, "wait": true}
            app.json:1:2: error: not valid JSON: id is no JSON
              hint: write "id"
            app.json:1:6: error: not valid JSON: /a/b is no JSON
              hint: write "/a/b"
            app.json:1:12: error: not valid JSON: cpus is no JSON
              hint: write "cpus"
            app.json:1:18: error: not valid JSON: .5 is no JSON
              hint: write 0.5
            app.json:1:22: error: not valid JSON: wait is no JSON
              hint: write "wait"
            app.json:1:28: error: not valid JSON: True is no JSON
              hint: write true
        "#]],
    );
}

#[test]
fn commas_comments_and_ends() {
    check(
        "{\"a\": [1, 2,], // two\n \"b\": {\"c\": 1,}, # one\n}",
        &expect![[r#"
            {"a": [1, 2], 
             "b": {"c": 1} 
            }
            app.json:1:12: error: not valid JSON: a comma with nothing behind it
              hint: take it out
            app.json:1:16: error: not valid JSON: JSON has no comments
              hint: take it out; labels can hold remarks
            app.json:2:14: error: not valid JSON: a comma with nothing behind it
              hint: take it out
            app.json:2:18: error: not valid JSON: JSON has no comments
              hint: take it out; labels can hold remarks
            app.json:2:16: error: not valid JSON: a comma with nothing behind it
              hint: take it out
        "#]],
    );
    check(
        "{\"a\": 1\n \"b\": [\"x\" \"y\"]}",
        &expect![[r#"
        {"a": 1,
         "b": ["x\" \"y"]}
        app.json:2:2: error: not valid JSON: a comma is missing before this
          hint: add it
        app.json:2:10: error: not valid JSON: a quote inside a text, and 1 more in it
          hint: write \" for each
    "#]],
    );
    check(
        "{\"a\": [{\"b\": 1}",
        &expect![[r#"
        {"a": [{"b": 1}]}
        app.json:1:16: error: not valid JSON: the end is missing: ]}
          hint: is the text whole?
    "#]],
    );
    check(
        r#"{"a": "\d+ it\'s"}"#,
        &expect![[r#"
        {"a": "\\d+ it's"}
        app.json:1:8: error: not valid JSON: a lone backslash inside a text
          hint: write \\
        app.json:1:14: error: not valid JSON: \' is no escape in JSON
          hint: write '
    "#]],
    );
}

#[test]
fn what_cannot_be_mended() {
    for (text, expected) in [
        (
            "",
            expect![[r#"
            hopeless: app.json:1:1: error: not valid JSON: the text ends where a value is missing
        "#]],
        ),
        (
            "{\"a\": }",
            expect![[r#"
            hopeless: app.json:1:7: error: not valid JSON: a value is missing before '}'
        "#]],
        ),
        (
            "{\"a\" 1}",
            expect![[r#"
            hopeless: app.json:1:6: error: not valid JSON: a colon is missing after the key "a"
        "#]],
        ),
        (
            "{\"a\": 1]",
            expect![[r#"
            hopeless: app.json:1:8: error: not valid JSON: a comma or } is missing
        "#]],
        ),
        (
            "{\"a\": 1} x",
            expect![[r#"
            hopeless: app.json:1:10: error: not valid JSON: 'x' after the end
        "#]],
        ),
        (
            "[1,,2]",
            expect![[r#"
            hopeless: app.json:1:4: error: not valid JSON: a value is missing before ','
        "#]],
        ),
        (
            "{\"a\": \"no end",
            expect![[r#"
            hopeless: app.json:1:7: error: not valid JSON: this text has no end
              hint: close it with a quote
        "#]],
        ),
        (
            "just words: of YAML",
            expect![[r#"
            hopeless: app.json:1:1: error: not valid JSON: just is no value
              hint: put a text into quotes
        "#]],
        ),
    ] {
        check(text, &expected);
    }
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        (-1e300..1e300).prop_map(serde_json::Value::from),
        ".*".prop_map(serde_json::Value::from),
        "[\"\\\\,:{}\\[\\]a \n]*".prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(serde_json::Value::from),
            prop::collection::btree_map("[\"a-c:, ]{0,4}", inner, 0..6)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn nothing_valid_is_touched(value in any_json(), pretty: bool) {
        let text = match pretty {
            true => serde_json::to_string_pretty(&value),
            false => serde_json::to_string(&value),
        };
        let source = Source::new("a.json", text.unwrap());
        prop_assert_eq!(repair(&source), Repair::Valid);
    }

    #[test]
    fn what_is_mended_is_valid(text in "[\"'“{}\\[\\]:,\\\\ \nab1#/-]{0,60}") {
        if let Repair::Mended { text, problems } = repair(&Source::new("a.json", text)) {
            prop_assert!(problems.has_errors());
            let again = Source::new("a.json", text.as_str());
            prop_assert!(read(&again, &mut Problems::default()).is_some(), "{}", text);
            prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{}", text);
        }
    }

    /// A quote put anywhere into a text is found, unless what is behind it makes it an end.
    #[test]
    fn a_quote_inside_a_command_is_mended(before in "[a-z =]{0,20}", inside in "[a-z0-9./]{1,20}", after in "[a-z =]{1,20}") {
        let text = format!("{{\"id\": \"/a\", \"cmd\": \"{before}\"{inside}\"{after}\", \"mem\": 1}}");
        let wanted = serde_json::json!({"id": "/a", "cmd": format!("{before}\"{inside}\"{after}"), "mem": 1});
        let Repair::Mended { text, .. } = repair(&Source::new("a.json", text)) else {
            return Err(TestCaseError::fail("not mended"));
        };
        prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), wanted);
    }
}

#[test]
fn a_long_text_is_mended_in_one_go() {
    let text = format!("{{\"a\": \"{}\"}}", "x \" \n, ".repeat(100_000));
    let Repair::Mended { problems, .. } = repair(&Source::new("a.json", text)) else {
        panic!("it can be mended");
    };
    assert!(problems.0.len() > 1000);
}
