//! How services read settings: types, units, unknown keys, nested maps.

use expect_test::{Expect, expect};
use smack_model::Problems;
use smack_stack::{Reader, Value, duration_milliseconds, memory_mib};

use super::harness::Run;

fn settings(yaml: &str) -> Value {
    let indented: String = yaml.lines().map(|line| format!("    {line}\n")).collect();
    let text = format!(
        "name: s\napplications:\n  z: {{type: z}}\n  a:\n    type: command\n    dependencies: [z]\n{indented}"
    );
    let mut resolved = Run::parse(&text).resolve().expect("valid");
    resolved.applications.remove("a").expect("there").settings
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "a table reads better with the expectation last"
)]
fn check(yaml: &str, read: impl FnOnce(&mut Reader<'_>) -> String, expected: Expect) {
    let settings = settings(yaml);
    let mut problems = Problems::default();
    let mut reader = Reader::new(&settings, &mut problems);
    let values = read(&mut reader);
    reader.finish();
    expected.assert_eq(&format!("{values}\n{}\n", problems.sorted()));
}

#[test]
fn good_values_are_read_by_type() {
    check(
        "version: 0.10\ninstances: '3'\ncpu: 0.5\nflag: yes\ndelay: 1.5s\nheap: 1g\nmem: 512\nports: [1, 2]\none: x\nenv: {A: 1, B: '${z.connect}', C: }\nmode: fast\n",
        |reader| {
            format!(
                "{:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
                reader.string("version"),
                reader.integer("instances", 1..=99),
                reader.number("cpu", 0.0..=64.0),
                reader.bool("flag"),
                reader.duration("delay"),
                reader.memory("heap"),
                reader.memory("mem"),
                reader
                    .integers("ports", 0..=65_535)
                    .map(|ports| ports.iter().map(|port| port.value).collect::<Vec<_>>()),
                reader.strings("one").map(|texts| texts.len()),
                reader.string_map("env").map(|env| env
                    .iter()
                    .map(|(k, v)| format!("{k}={v}"))
                    .collect::<Vec<_>>()),
                reader.choice("mode", &[("fast", 1), ("safe", 2)]),
                reader.text("absent"),
            )
        },
        expect![[r#"
            Some("0.10") Some(3) Some(0.5) Some(true) Some(1500) Some(1024) Some(512) Some([1, 2]) Some(1) Some(["A=1", "B=${z.connect}", "C="]) Some(1) None

        "#]],
    );
}

#[test]
fn wrong_values_say_what_was_found_and_what_is_wanted() {
    check(
        "a: many\nb: 100\nc: [1]\nd: {x: 1}\ne: 5 parsecs\nf: lots\ng: ${z.connect}\nh: 010\ni: 3\nj: fst\nk: [a, {b: c}]\nl: {x: [1]}\nm: [x]\n",
        |reader| {
            let range = 1..=99;
            reader.integer("a", range.clone());
            reader.integer("b", range.clone());
            reader.text("c");
            reader.number("d", 0.0..=1.0);
            reader.duration("e");
            reader.memory("f");
            reader.string("g");
            reader.integer("h", range.clone());
            reader.map("i");
            reader.choice("j", &[("fast", ()), ("safe", ())]);
            reader.texts("k");
            reader.text_map("l");
            reader.integers("m", range);
            reader.bool("n");
            reader.required("o", "write o: 1");
            String::new()
        },
        expect![[r#"

            stack.yaml:4:3 (stack s): error: o is missing
              hint: write o: 1
            stack.yaml:7:5 (stack s): error: a wants an integer, found the text "many"
            stack.yaml:8:5 (stack s): error: b is 100
              hint: from 1 to 99 is allowed
            stack.yaml:9:5 (stack s): error: c wants a text, found a list
            stack.yaml:10:5 (stack s): error: d wants a number, found a map
            stack.yaml:11:5 (stack s): error: e wants a duration such as 500ms, 10s, 5m or 2h, found the text "5 parsecs"
            stack.yaml:12:5 (stack s): error: f wants an amount such as 256m, 1g or 512MiB, found the text "lots"
            stack.yaml:13:5 (stack s): error: g cannot refer to ${z.connect}
              hint: it must be known before anything starts
            stack.yaml:14:5 (stack s): error: h wants an integer, found the text "010"
              hint: a leading zero once meant octal: remove it
            stack.yaml:15:5 (stack s): error: i wants a map, found the integer 3
            stack.yaml:16:5 (stack s): error: j: "fst" is not known
              hint: did you mean fast?
            stack.yaml:17:12 (stack s): error: k wants a list of texts, found a map
            stack.yaml:18:9 (stack s): error: l.x wants a text, found a list
            stack.yaml:19:9 (stack s): error: m wants integers from 1 to 99, found "x"
        "#]],
    );
}

#[test]
fn keys_that_nobody_asked_for_are_unknown_also_in_nested_maps() {
    check(
        "instnaces: 3\nother: 1\nconfig: {heap: 1g, haep: 2g}\ntopics: {one: {partitions: 3}, two: , three: 3}\nold: 1\n",
        |reader| {
            reader.integer("instances", 1..=9);
            let mut config = reader.sub("config").expect("there");
            let heap = config.memory("heap");
            config.finish();
            let mut topics = Vec::new();
            reader.each("topics", |name, mut topic| {
                topics.push((name.to_owned(), topic.integer("partitions", 1..=9)));
                topic.finish();
            });
            reader.dropped(&["old", "older"], "the product does this itself now");
            format!("{heap:?} {topics:?}")
        },
        expect![[r#"
            Some(1024) [("one", Some(3)), ("two", None), ("three", None)]
            stack.yaml:7:5 (stack s): error: unknown key instnaces
              hint: did you mean instances?
            stack.yaml:8:5 (stack s): error: unknown key other
              hint: known are config, instances, old, older, topics
            stack.yaml:9:24 (stack s): error: unknown key config.haep
              hint: did you mean heap?
            stack.yaml:10:43 (stack s): error: topics.three wants a map, found the integer 3
            stack.yaml:11:5 (stack s): notice: old is dropped
              hint: the product does this itself now
        "#]],
    );
}

#[test]
fn what_is_left_can_be_taken_as_a_whole() {
    check(
        "a: 1\nb: 2\nc: 3\n",
        |reader| {
            reader.value("a");
            reader
                .rest()
                .iter()
                .map(|(key, value)| format!("{key}={} ", value.shown()))
                .collect()
        },
        expect![[r#"
            b=2 c=3 

        "#]],
    );
}

#[test]
fn units() {
    for (text, wanted) in [
        ("500ms", Some(500)),
        ("10s", Some(10_000)),
        ("5m", Some(300_000)),
        ("30min", Some(1_800_000)),
        ("2h", Some(7_200_000)),
        ("1d", Some(86_400_000)),
        ("1.5s", Some(1_500)),
        ("10", None),
        ("-1s", None),
        ("s", None),
        ("", None),
        ("1e9h", None),
    ] {
        assert_eq!(duration_milliseconds(text), wanted, "{text}");
    }
    for (text, wanted) in [
        ("256m", Some(256)),
        ("1g", Some(1024)),
        ("512MiB", Some(512)),
        ("1 GiB", Some(1024)),
        ("1k", Some(1)),
        ("512", Some(512)),
        ("1.5g", Some(1536)),
        ("2t", Some(2_097_152)),
        ("x", None),
        ("1p", None),
        ("-1m", None),
    ] {
        assert_eq!(memory_mib(text), wanted, "{text}");
    }
}
