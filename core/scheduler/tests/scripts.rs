//! Every file under `scripts/` is a conversation with a simulated grid: lines that start with `> ` are answered, and the
//! answers must be those that stand there. `UPDATE_EXPECT=1` rewrites them.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test reads its scripts and may stop where it stands"
)]

use std::path::{Path, PathBuf};

use smack_scheduler::sim::Interpreter;

#[test]
fn every_script_is_answered_as_recorded() {
    let update = std::env::var("UPDATE_EXPECT").is_ok();
    let only = std::env::var("SCRIPT").ok();
    let mut wrong = Vec::new();
    for path in scripts() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if only.as_ref().is_some_and(|only| !name.contains(only)) {
            continue;
        }
        let recorded = std::fs::read_to_string(&path).unwrap();
        let answered = answer(&recorded);
        if update {
            std::fs::write(&path, &answered).unwrap();
        } else if answered != recorded {
            wrong.push(format!("{name}:\n{}", difference(&recorded, &answered)));
        }
        let last = answered.trim_end().lines().last().unwrap_or_default();
        if last != "> run" {
            wrong.push(format!(
                "{name}: a script ends in a `run` that is silent, not in {last:?}"
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{}\n(UPDATE_EXPECT=1 records the new answers)",
        wrong.join("\n")
    );
}

fn scripts() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    let entries = std::fs::read_dir(folder).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    paths.sort();
    paths
}

/// The script with every answer replaced by what is answered now; comments and empty lines stay.
fn answer(script: &str) -> String {
    let mut interpreter = Interpreter::default();
    let mut out = String::new();
    for line in script.lines() {
        if let Some(command) = line.strip_prefix("> ") {
            out.push_str(line);
            out.push('\n');
            out.push_str(&interpreter.line(command));
        } else if line.is_empty() || line.starts_with('#') {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

fn difference(recorded: &str, answered: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) =
        (recorded.lines().collect(), answered.lines().collect());
    let same = old
        .iter()
        .zip(&new)
        .take_while(|(old, new)| old == new)
        .count();
    let shown = |lines: &[&str]| {
        lines
            .iter()
            .skip(same)
            .take(12)
            .map(|line| format!("  {line}\n"))
            .collect::<String>()
    };
    format!(
        "from line {} recorded:\n{}answered:\n{}",
        same + 1,
        shown(&old),
        shown(&new)
    )
}
