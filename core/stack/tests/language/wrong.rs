//! Wrong files and what is said about them: all problems at once, each with its place and advice. The cases are in
//! `tests/wrong/*.txt`: `## situation`, the files, `----`, the problems. `UPDATE_EXPECT=1` writes the problems.

use expect_test::{ExpectFile, expect_file};

use super::harness::outcome;

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
