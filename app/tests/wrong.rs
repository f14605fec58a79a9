//! Wrong commands and files with what they are answered, against a real server: `wrong/table.txt` is both the input and
//! the golden output. A case is `## title`, files as `--- name` with their text, and `$ [NAME=value …] smack …` lines;
//! `WORK` and `HOME` stand for the directories of the test. `UPDATE_EXPECT=1` rewrites the answers.

use std::fmt::Write as _;

use expect_test::expect_file;

use crate::support::Smack;

#[test]
fn wrong_input_is_answered_with_what_is_wrong_and_what_to_do() {
    let table = include_str!("wrong/table.txt");
    let mut smack = Smack::alone();
    let mut out = String::new();
    let (mut cases, mut file) = (0, None::<(String, String)>);
    for line in table.lines() {
        let is_mark = ["## ", "--- ", "$ "]
            .iter()
            .any(|mark| line.starts_with(mark));
        match &mut file {
            Some((_, text)) if !is_mark => {
                let _ = writeln!(text, "{line}");
                let _ = writeln!(out, "{line}");
                continue;
            }
            Some((name, text)) => {
                smack.file(name, text);
                file = None;
            }
            None => {}
        }
        if let Some(title) = line.strip_prefix("## ") {
            cases += 1;
            smack.work = tempfile::tempdir().unwrap();
            let gap = if cases > 1 { "\n" } else { "" };
            let _ = writeln!(out, "{gap}## {title}");
        } else if let Some(name) = line.strip_prefix("--- ") {
            let _ = writeln!(out, "{line}");
            file = Some((name.to_owned(), String::new()));
        } else if let Some(command) = line.strip_prefix("$ ") {
            let _ = writeln!(out, "{line}");
            out.push_str(&answer(&smack, command));
        }
    }
    smack.run(&["server", "--stop"]);
    assert!(cases >= 30, "{cases} cases");
    expect_file!["wrong/table.txt"].assert_eq(&out);
}

/// Runs a line as a shell would, words only.
fn answer(smack: &Smack, line: &str) -> String {
    let place = |word: &str| {
        let word = word.replace("WORK", &smack.work.path().display().to_string());
        word.replace("HOME/", &format!("{}/", smack.home().display()))
    };
    let words: Vec<String> = line.split(' ').map(place).collect();
    let program = words
        .iter()
        .position(|word| word == "smack")
        .expect("a line runs smack");
    let arguments: Vec<&str> = words[program + 1..].iter().map(String::as_str).collect();
    let mut command = smack.command(&arguments);
    for variable in &words[..program] {
        let (name, value) = variable
            .split_once('=')
            .expect("variables stand before smack");
        command.env(name, value);
    }
    let ran = smack.finish(command);
    assert!(
        ran.code.is_some_and(|code| (0..=3).contains(&code)),
        "{line}: {}",
        ran.told()
    );
    assert!(
        !ran.stderr.contains("panicked") && !ran.stderr.contains("a bug in smack"),
        "{line}: {}",
        ran.told()
    );
    without_pids(&ran.told())
}

fn without_pids(text: &str) -> String {
    let mut parts = text.split("pid ");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str("pid #");
        out.push_str(part.trim_start_matches(|character: char| character.is_ascii_digit()));
    }
    out
}
