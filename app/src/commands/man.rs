//! `smack man`: the manual page, or one per command into a directory, or all of it as Markdown.

use std::path::PathBuf;

use clap::CommandFactory as _;

use crate::cli::Cli;
use crate::failure::Failure;
use crate::manual;
use crate::session::Session;

/// Print the manual page, or write one per command into a directory
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The directory, `~/.local/share/man/man1` for example
    dir: Option<PathBuf>,
    /// Print the manual of the command line as Markdown
    #[arg(long, conflicts_with = "dir")]
    markdown: bool,
}

pub(crate) fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let mut command = Cli::command();
    command.build();
    if args.markdown {
        return session.output.data(&manual::markdown(&command));
    }
    let failed =
        |error: std::io::Error| Failure::failed(format!("cannot write the manual: {error}"));
    let Some(dir) = &args.dir else {
        let mut page = Vec::new();
        clap_mangen::Man::new(command)
            .render(&mut page)
            .map_err(failed)?;
        return session.output.bytes(&page);
    };
    std::fs::create_dir_all(dir).map_err(failed)?;
    clap_mangen::generate_to(command, dir).map_err(failed)?;
    session
        .output
        .note(&format!("the pages are in {}", dir.display()));
    Ok(())
}
