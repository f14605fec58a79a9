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
mod starting;
mod target;
mod text;
mod verbs;
mod watching;
mod waterfall;
mod wiring;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::Cli;
use crate::output::Output;

fn main() -> ExitCode {
    bug::report_panics();
    let cli = Cli::parse();
    let output = Output::new(&cli.global);
    match commands::run(cli, &output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output.failure(&failure);
            ExitCode::from(failure.exit_code())
        }
    }
}
