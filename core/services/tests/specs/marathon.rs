//! Marathon's JSON: what each app becomes in today's terms, that the converted file has the same tasks, and what is told.

use std::fmt::Write as _;

use expect_test::{ExpectFile, expect_file};
use smack_stack::{Source, mended};

use crate::legacy::outcome;

fn check(file: &str, text: &str, expected: &ExpectFile) {
    expected.assert_eq(&outcome(file, text, &[]));
}

#[test]
fn every_key_of_an_app() {
    check(
        "every-key.json",
        include_str!("marathon/every-key.json"),
        &expect_file!["golden/marathon-every-key.txt"],
    );
}

#[test]
fn a_group_with_groups_within() {
    check(
        "group.json",
        include_str!("marathon/group.json"),
        &expect_file!["golden/marathon-group.txt"],
    );
}

/// `## situation`, the file, `----`, the problems. `UPDATE_EXPECT=1` writes the problems.
#[test]
fn wrong_files_are_told_what_is_wrong() {
    let table = include_str!("marathon/wrong.txt");
    let mut sections = table.split("\n## ");
    let mut found = sections.next().unwrap_or_default().to_owned();
    for case in sections {
        let (situation, rest) = case.split_once('\n').expect("a line with the situation");
        let (input, _) = rest.split_once("----\n").expect("---- before the problems");
        let problems = outcome("app.json", input, &[]);
        write!(found, "\n## {situation}\n{input}----\n{problems}").unwrap();
    }
    expect_file!["marathon/wrong.txt"].assert_eq(&found);
}

/// Like the two texts that were shown on slides: quotes inside the command, a line broken for show, blanks in addresses.
#[test]
fn what_stood_on_slides_runs_once_it_is_repaired() {
    for (file, text, expected) in [
        (
            "slide-kafka.json",
            include_str!("marathon/slide-kafka.json"),
            expect_file!["golden/marathon-slide-kafka.txt"],
        ),
        (
            "slide-monarch.json",
            include_str!("marathon/slide-monarch.json"),
            expect_file!["golden/marathon-slide-monarch.txt"],
        ),
    ] {
        let (repaired, problems) = mended(&Source::new(file, text)).expect("it can be repaired");
        assert_eq!(mended(&Source::new(file, repaired.as_str())), None);
        let told = outcome(file, text, &[]);
        let then = outcome(file, &repaired, &[]);
        expected.assert_eq(&format!(
            "{told}== all that is to be repaired\n{problems}\n== repaired\n{repaired}== then\n{then}"
        ));
    }
}
