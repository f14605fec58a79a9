//! `smack logs`: what tasks write, merged with the task before each line, or of one task as it is.

use serde_json::json;

use crate::failure::Failure;
use crate::session::Session;
use crate::target::{self, Target};
use crate::text;

/// Show what tasks have written
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The virtual data center; may be left out if only one is up
    name: Option<String>,
    /// One application or task of it
    #[arg(value_name = "APP[/TASK]")]
    part: Option<String>,
    /// Go on as more is written, until ctrl-C
    #[arg(long, short)]
    follow: bool,
    /// So many lines of each stream from before
    #[arg(long, short = 'n', value_name = "LINES", default_value_t = 100, value_parser = text::number)]
    lines: u64,
}

pub(crate) fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let target = target::find(session, args.name.as_deref(), args.part.as_deref())?;
    let mut more = vec![("lines", args.lines.to_string())];
    if args.follow {
        more.push(("follow", "true".to_owned()));
    }
    let path = format!("{}{}", target.path("/logs"), target.query(&more));
    let client = session.client()?;
    if !session.output.is_json() {
        return client.stream(&path, |bytes| session.output.bytes(bytes));
    }
    let mut rest = Vec::new();
    client.stream(&path, |bytes| {
        rest.extend_from_slice(bytes);
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = rest.drain(..=end).collect();
            as_json(session, &target, &line)?;
        }
        Ok(())
    })?;
    if rest.is_empty() {
        Ok(())
    } else {
        as_json(session, &target, &rest)
    }
}

/// A line as an object of its own: `{"task": "kafka/broker-0", "line": "…"}`.
fn as_json(session: &Session<'_>, target: &Target, line: &[u8]) -> Result<(), Failure> {
    let text = String::from_utf8_lossy(line);
    let text = text.trim_end_matches(['\n', '\r']);
    let known = |prefix: &str| {
        target.vdc.tasks.iter().any(|task| {
            prefix.split_once('/') == Some((task.application.as_str(), task.name.as_str()))
        })
    };
    let (task, text) = match text.split_once(" | ") {
        Some((prefix, rest)) if known(prefix) => (prefix.to_owned(), rest),
        _ => (only_task(target), text),
    };
    session
        .output
        .data(&json!({"task": task, "line": text}).to_string())
}

/// Lines without a prefix come from the only task there is.
fn only_task(target: &Target) -> String {
    let fits = |wanted: &Option<String>, name: &String| {
        wanted.as_ref().is_none_or(|wanted| wanted == name)
    };
    let mut tasks = target.vdc.tasks.iter().filter(|task| {
        fits(&target.application, &task.application) && fits(&target.task, &task.name)
    });
    tasks
        .next()
        .map(|task| format!("{}/{}", task.application, task.name))
        .unwrap_or_default()
}
