//! Wrong files and what is said about them: all problems at once, each with its place and advice. The cases are in
//! `tests/wrong/*.txt`: `## situation`, the files, `----`, the problems. `UPDATE_EXPECT=1` writes the problems.

use expect_test::{ExpectFile, expect_file};

use super::harness::{Run, outcome};

/// Runs every case of a file and compares the file with itself and the problems found now.
fn check(text: &str, file: &ExpectFile) {
    let mut found = String::new();
    for case in format!("\n{text}").split("\n## ").skip(1) {
        let (situation, rest) = case.split_once('\n').expect("a line with the situation");
        let (input, _) = rest.split_once("----\n").expect("---- before the problems");
        let problems = outcome(input);
        assert!(
            problems.contains("error: "),
            "{situation}: no error in\n{problems}"
        );
        let gap = if found.is_empty() { "" } else { "\n" };
        found += &format!("{gap}## {situation}\n{input}----\n{problems}");
    }
    file.assert_eq(&found);
}

#[test]
fn files() {
    check(
        include_str!("../wrong/files.txt"),
        &expect_file!["../wrong/files.txt"],
    );
}

#[test]
fn headings() {
    check(
        include_str!("../wrong/headings.txt"),
        &expect_file!["../wrong/headings.txt"],
    );
}

#[test]
fn chains() {
    check(
        include_str!("../wrong/chains.txt"),
        &expect_file!["../wrong/chains.txt"],
    );
}

#[test]
fn applications() {
    check(
        include_str!("../wrong/applications.txt"),
        &expect_file!["../wrong/applications.txt"],
    );
}

#[test]
fn references() {
    check(
        include_str!("../wrong/references.txt"),
        &expect_file!["../wrong/references.txt"],
    );
}

#[test]
fn parameters() {
    check(
        include_str!("../wrong/parameters.txt"),
        &expect_file!["../wrong/parameters.txt"],
    );
}

#[test]
fn bounds() {
    check(
        include_str!("../wrong/bounds.txt"),
        &expect_file!["../wrong/bounds.txt"],
    );
}

#[test]
fn isolation() {
    check(
        include_str!("../wrong/isolation.txt"),
        &expect_file!["../wrong/isolation.txt"],
    );
}

#[test]
fn uses() {
    check(
        include_str!("../wrong/uses.txt"),
        &expect_file!["../wrong/uses.txt"],
    );
}

#[test]
fn what_no_error_touches_stays() {
    for (text, sound) in [
        ("nmae: s\napplications: {a: {type: command}}", ""),
        ("name: s\nzzz: 1\napplications: {a: {type: command}}", "a"),
        (
            "name: s\napplications: {a: {type: x, n: '${zzz}'}, b: {type: x}}",
            "b",
        ),
        (
            "name: s\napplications: {a: {type: [x]}, b: {type: x}, c: 3}",
            "b",
        ),
        (
            "name: s\napplications: {a: {type: x, dependencies: [zzz]}, b: {type: x}}",
            "b",
        ),
        (
            "name: s\napplications: {a: {type: x, env+: 3}, b: {type: x}}",
            "b",
        ),
        // Whoever needs one that is touched, also by others.
        (
            "name: s\napplications: {a: {n: 3}, b: {type: x, dependencies: [a]}, c: {type: x, dependencies: [b]}, d: {type: x}}",
            "d",
        ),
        (
            "name: s\napplications: {a: {type: x, dependencies: [b]}, b: {type: x, dependencies: [a]}, c: {type: x}}",
            "c",
        ),
        // A parameter without a true value touches whatever refers to one.
        (
            "name: s\nparameters: {n: {type: int, default: x}}\napplications: {a: {type: x, n: '${n}'}, b: {type: x}}",
            "b",
        ),
        (
            "== zone qa q.yaml\nname: qa\nfinal: {applications: {a: {n: 1}}}\n== stack s.yaml\nname: s\napplications: {a: {type: x, n: 2}, b: {type: x, n: 2}}\n== run --zone qa",
            "b",
        ),
    ] {
        assert_eq!(Run::parse(text).sound().join(" "), sound, "{text}");
    }
}
