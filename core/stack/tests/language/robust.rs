//! The loader on anything: arbitrary text, damaged stacks, bombs, and a stack of ten thousand lines.

use std::fmt::Write as _;

use proptest::prelude::*;
use smack_stack::{Resolved, render};

use super::harness::{Run, outcome};

const VALID: &str = r#"name: s
from: base
parameters: {n: {type: int, default: 1, min: 1, max: 9}, l: [1, a], t: "x${zone}"}
grid: local
applications:
  zoo: &zoo {type: zookeeper, id: zoo.1, instances: "${n}"}
  kafka:
    <<: *zoo
    id: kafka
    dependencies: [zoo.1]
    ports+: "${l}"
    env: {A: "${zoo.1.connect}", B: "$${x}", C: '${t}', D: null}
    tasks: {one: {cpu: 0.10, on: yes}, two: {}}
    text: |
      a
      b
"#;
const BASE: &str =
    "name: base\napplications: {kafka: {type: kafka, scheduler: {a: b, c: ''}}, zoo: {type: z}}\n";
const ZONE: &str = "name: qa\nparameters: {n: 2}\nfinal: {applications: {kafka: {mem: 1}}}\nlimits: {parameters: {n: {max: 3}}}\n";

/// `text` with a few stretches cut out, doubled, or replaced.
fn damaged(text: &str, wounds: &[(usize, usize, String)]) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for (at, length, new) in wounds {
        let start = at % (chars.len() + 1);
        let end = (start + length).min(chars.len());
        chars.splice(start..end, new.chars());
    }
    chars.into_iter().collect()
}

fn wounds() -> impl Strategy<Value = Vec<(usize, usize, String)>> {
    let new = prop_oneof![
        Just(String::new()),
        "[-:{}\\[\\],&*!|>'\"#$%@` \n\t]{1,3}",
        Just("${".to_owned()),
        Just("null".to_owned()),
        Just("\n  ".to_owned()),
        Just("<<: ".to_owned()),
        Just("*zoo".to_owned()),
        Just("+".to_owned()),
        ".{0,4}",
    ];
    prop::collection::vec((any::<usize>(), 0..12_usize, new), 1..5)
}

/// 2,000 cases, more by `PROPTEST_CASES`.
fn config() -> ProptestConfig {
    let cases = ProptestConfig::default().cases.max(2_000);
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn arbitrary_text_never_panics(text in "(.|\n){0,200}") {
        Run::of(&text, &text, &text).outcome();
    }

    #[test]
    fn text_of_yaml_characters_never_panics(text in "[-:{}\\[\\],&*!|>'\"#$%@`?ab1 \n\t]{0,120}") {
        Run::of(&format!("applications:\n{text}"), &text, &text).outcome();
    }

    #[test]
    fn damaged_stacks_never_panic(a in wounds(), b in wounds(), c in wounds()) {
        Run::of(&damaged(VALID, &a), BASE, ZONE).outcome();
        Run::of(VALID, &damaged(BASE, &b), &damaged(ZONE, &c)).outcome();
    }

    #[test]
    fn what_resolves_renders_and_loads_again(wounds in wounds()) {
        if let Ok(resolved) = Run::of(&damaged(VALID, &wounds), BASE, ZONE).resolve() {
            let json = serde_json::to_string(&resolved).expect("serializes");
            prop_assert_eq!(&serde_json::from_str::<Resolved>(&json).expect("deserializes"), &resolved);
            // The comment at the top names the zone, which the rendered stack does not know.
            let body = |text: String| text.split_once('\n').map(|(_, body)| body.to_owned());
            let first = render(&resolved, false);
            match Run::parse(&first).resolve() {
                Ok(again) => prop_assert_eq!(body(first), body(render(&again, false))),
                Err(problems) => prop_assert!(false, "{}\n{}", problems, first),
            }
        }
    }
}

#[test]
fn the_undamaged_stack_resolves() {
    let outcome = Run::of(VALID, BASE, ZONE).outcome();
    assert!(!outcome.contains("error:"), "{outcome}");
}

#[test]
fn alias_bombs_are_refused() {
    let mut text = "name: s\na: &a [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (this, last) in ('b'..='z').zip('a'..) {
        let _ = writeln!(
            text,
            "{this}: &{this} [{}]",
            vec![format!("*{last}"); 9].join(", ")
        );
    }
    let outcome = outcome(&text);
    assert!(
        outcome.contains("copy too much") || outcome.contains("hold too much"),
        "{outcome}"
    );
}

#[test]
fn deep_nesting_is_refused() {
    let text = format!("name: s\napplications: {}", "[".repeat(10_000));
    assert!(outcome(&text).contains("error:"));
    let mut text = "name: s\na0: &a0 [[[[[[[[[[x]]]]]]]]]]\n".to_owned();
    for number in 1..100 {
        let _ = writeln!(
            text,
            "a{number}: &a{number} [[[[[[[[[[*a{}]]]]]]]]]]",
            number - 1
        );
    }
    assert!(outcome(&text).contains("within each other"));
}

#[test]
fn references_that_multiply_are_refused() {
    let long = "x".repeat(1 << 20);
    let uses = "${p}".repeat(100);
    let text = format!(
        "name: s\nparameters: {{p: {long}}}\napplications: {{a: {{type: command, t: '{uses}'}}}}\n"
    );
    assert!(outcome(&text).contains("add up to more than"));
}

#[test]
fn ten_thousand_lines_resolve() {
    let mut text = "name: big\nparameters: {n: 3}\napplications:\n".to_owned();
    for number in 0..1_000 {
        let before = if number == 0 {
            String::new()
        } else {
            format!("app-{}", number - 1)
        };
        let _ = write!(
            text,
            "  app-{number}:\n    type: command\n    dependencies: [{before}]\n    instances: ${{n}}\n    cpu: 0.5\n    mem: 64\n    \
             env:\n      NAME: app-{number}\n      ZONE: ${{zone}}\n    launch_command: run ${{vdc}} $HOST\n"
        );
    }
    assert_eq!(text.lines().count(), 10_003);
    let resolved = Run::parse(&text).resolve().expect("valid");
    assert_eq!(resolved.applications.len(), 1_000);
    let last = resolved.applications["app-999"]
        .settings
        .as_map()
        .expect("a map");
    assert_eq!(
        last["launch_command"].to_literal().as_deref(),
        Some("run default/big $HOST")
    );
    assert_eq!(last["launch_command"].place.line, 10_003);
}
