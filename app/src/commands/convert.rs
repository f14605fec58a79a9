//! `smack convert`: a stack file of 2016 in today's language.

use std::path::PathBuf;

use smack_model::Problem;

use crate::failure::Failure;
use crate::files::{self, Named};
use crate::session::Session;
use crate::{text, wiring};

/// Write a stack file of old in today's language, with comments for what changed
///
/// Asks no server. The result runs the same tasks; values of --var are written down in it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A stack file, `-` for standard input
    file: String,
    /// Set a variable of the stack
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = text::variable)]
    vars: Vec<(String, String)>,
    /// Where to, a new file [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let Named::File { stack, parents } = files::stack(&args.file)? else {
        let failure = Failure::usage(format!("{} is no file", args.file));
        return Err(failure.hint("convert reads a stack file"));
    };
    let (today, notices) = wiring::converted(&stack, &parents, &args.vars)?;
    let comments: String = notices.iter().map(comment).collect();
    let text = format!("{comments}{today}");
    let Some(path) = &args.output else {
        return session.output.data(&text);
    };
    let written = std::fs::File::create_new(path);
    let written =
        written.and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()));
    written
        .map_err(|error| Failure::failed(format!("cannot write {}: {error}", path.display())))?;
    session.output.note(&format!(
        "{} is {} in today's language; {} things changed",
        path.display(),
        args.file,
        notices.len()
    ));
    Ok(())
}

fn comment(notice: &Problem) -> String {
    let text = notice.to_string().replace(": notice: ", ": ");
    text.lines().map(|line| format!("# {line}\n")).collect()
}
