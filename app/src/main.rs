//! `smack`, the one binary: reads the command line, runs one command, turns its outcome into an exit code.
//! Knows no product, no grid and no store; what it wires together stands in `wiring`.

mod bug;
mod cli;
mod client;
mod commands;
mod failure;
mod files;
mod manual;
mod output;
mod picture;
mod progress;
mod session;
mod stack_deploy;
mod starting;
mod target;
mod text;
mod verbs;
mod watching;
mod waterfall;
mod wiring;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use crate::cli::Cli;
use crate::output::Output;

fn main() -> ExitCode {
    bug::report_panics();
    let cli = command_line();
    let output = Output::new(&cli.global);
    match commands::run(cli, &output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output.failure(&failure);
            ExitCode::from(failure.exit_code())
        }
    }
}

/// Called as `stack-deploy` it is stack-deploy.
fn command_line() -> Cli {
    let mut words = std::env::args_os();
    match words.next() {
        Some(program) if stack_deploy::is_called(&program) => {
            let start = ["smack", "stack-deploy"].map(OsString::from);
            Cli::parse_from(start.into_iter().chain(words))
        }
        _ => Cli::parse(),
    }
}
