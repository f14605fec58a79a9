//! Wrong commands and files with what they are answered, against a real server: each `wrong/*.txt` is both the input and
//! the golden output. A case is `## title`, files as `--- name` with their text, `! …` lines that prepare the machine, and
//! `$ [NAME=value …] smack …` lines; one with `?` instead is asked again until its answer comes. `WORK` and `HOME` stand
//! for the directories of the test; a case with a home below `WORK` has a server of its own. `UPDATE_EXPECT=1` rewrites
//! the answers.

mod machine;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use expect_test::{ExpectFile, expect_file};

use crate::support::Smack;
use machine::Machine;

#[test]
fn wrong_input_is_answered_with_what_is_wrong_and_what_to_do() {
    let table = include_str!("wrong/table.txt");
    check(table, 62, &expect_file!["wrong/table.txt"]);
}

#[test]
fn wrong_names_levels_and_questions_about_virtual_data_centers() {
    let table = include_str!("wrong/vdc.txt");
    check(table, 20, &expect_file!["wrong/vdc.txt"]);
}

/// Runs a table of at least so many cases and compares the file with itself and the answers found now.
fn check(table: &str, least: usize, file: &ExpectFile) {
    let mut smack = Smack::alone();
    let mut machine = Machine::default();
    let mut out = String::new();
    let (mut cases, mut open) = (0, None::<(String, String)>);
    for line in table.lines() {
        let is_mark = ["## ", "--- ", "$ ", "? ", "! "]
            .iter()
            .any(|mark| line.starts_with(mark));
        match &mut open {
            Some((_, text)) if !is_mark => {
                let _ = writeln!(text, "{line}");
                let _ = writeln!(out, "{line}");
                continue;
            }
            Some((name, text)) => {
                smack.file(
                    name,
                    &text.replace("WORK", &smack.work.path().display().to_string()),
                );
                open = None;
            }
            None => {}
        }
        if let Some(title) = line.strip_prefix("## ") {
            cases += 1;
            machine.end(&smack);
            smack.work = tempfile::tempdir().unwrap();
            let gap = if cases > 1 { "\n" } else { "" };
            let _ = writeln!(out, "{gap}## {title}");
        } else if let Some(name) = line.strip_prefix("--- ") {
            let _ = writeln!(out, "{line}");
            open = Some((name.to_owned(), String::new()));
        } else if let Some(preparation) = line.strip_prefix("! ") {
            let _ = writeln!(out, "{line}");
            machine.prepare(&smack, preparation);
        } else if let Some(command) = line.strip_prefix("$ ") {
            let _ = writeln!(out, "{line}");
            out.push_str(&answer(&smack, &machine, command));
        } else if let Some(command) = line.strip_prefix("? ") {
            let _ = writeln!(out, "{line}");
            out.push_str(&final_answer(&smack, &machine, command, table));
        }
    }
    machine.end(&smack);
    smack.run(&["server", "--stop"]);
    assert!(cases >= least, "{cases} cases");
    file.assert_eq(&out);
}

/// Asks until the answer is one that the table has for this line, for at most ten seconds.
fn final_answer(smack: &Smack, machine: &Machine, line: &str, table: &str) -> String {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let answer = answer(smack, machine, line);
        if table.contains(&format!("? {line}\n{answer}")) || Instant::now() > deadline {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Runs a line as a shell would, words only.
fn answer(smack: &Smack, machine: &Machine, line: &str) -> String {
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
    let ran = smack.finish(machine.wrapped(smack, command));
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
    stable(&ran.told())
}

/// Without what differs between machines: numbers of processes, loopback addresses, free memory, this program's name;
/// and without where the time went, of which a fast one has nothing to say.
fn stable(text: &str) -> String {
    let lines = text.split_inclusive('\n');
    let text: String = lines
        .filter(|line| !line.contains("err:   time: "))
        .collect();
    let text = masked(&text, "pid ", |character| character.is_ascii_digit());
    let text = text.replace("127.0.0.1", "LOCALHOST");
    let text = masked(&text, "127.", |character| {
        character.is_ascii_digit() || character == '.'
    });
    let text = text.replace("LOCALHOST", "127.0.0.1");
    let text = masked(&text, "local lacks ", |character| {
        character.is_ascii_digit()
    });
    let text = masked(&text, "MiB: ", |character| character.is_ascii_digit());
    let text = masked(&text, "asked and ", |character| character.is_ascii_digit());
    let text = masked(&text, "MiB are free: ", |character| {
        character.is_ascii_digit()
    });
    let text = masked(&text, "one-0.1.1.", |character| {
        character.is_ascii_digit() || character == '-'
    });
    let text = masked(&text, "pid # (", |character| character != ')');
    // Where names are served, and the name of an address.
    let marks = [
        "served at 127.0.0.1:",
        "DNS=127.0.0.1:",
        "127.0.0.1#",
        "127.0.0.1 -p ",
    ];
    let text = marks.into_iter().fold(text, |text, mark| {
        masked(&text, mark, |character| character.is_ascii_digit())
    });
    masked(&text, "taken by cli-", |character| {
        character.is_ascii_hexdigit()
    })
}

/// `#` for what follows each `mark`, as far as the characters go.
fn masked(text: &str, mark: &str, is_part: impl Fn(char) -> bool) -> String {
    let mut parts = text.split(mark);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(&is_part);
        let has_any = rest.len() < part.len();
        out.push_str(mark);
        out.push_str(if has_any { "#" } else { "" });
        out.push_str(rest);
    }
    out
}
