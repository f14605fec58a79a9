//! `smack sim`: the user's own stack on a grid in memory, with a prompt to break things at: what if node b dies now?

use std::io::{BufRead as _, IsTerminal as _};

use crate::failure::Failure;
use crate::files::{self, Named};
use crate::session::Session;
use crate::{text, wiring};

/// Open a simulated grid on a stack: what if a node dies during the roll-out?
///
/// Reads commands, one a line, from the terminal or standard input; `help` lists them, `quit` ends. Touches nothing.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A stack file; an empty grid without one
    stack: Option<String>,
    /// Set a parameter of the stack
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = text::variable)]
    vars: Vec<(String, String)>,
    /// So many nodes to begin with
    #[arg(long, value_name = "N", default_value_t = 3)]
    nodes: u32,
}

pub(crate) fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let output = session.output;
    let mut simulation = match &args.stack {
        None => wiring::Simulation::empty(),
        Some(stack) => {
            let Named::File { stack, parents } = files::stack(stack)? else {
                return Err(
                    Failure::usage(format!("{stack} is no file")).hint("sim reads a stack file")
                );
            };
            let (simulation, notices) =
                wiring::Simulation::of(&stack, &parents, &args.vars, args.nodes)?;
            output.problems(&notices);
            simulation
        }
    };
    if args.nodes > 0 {
        output.data(&simulation.line(&format!("nodes {} cpu=8 mem=16384", args.nodes)))?;
    }
    let input = std::io::stdin();
    let is_typed = input.is_terminal();
    if is_typed {
        output.note(
            "a simulated grid: `run` starts the stack, `help` lists the commands, `quit` ends",
        );
    }
    loop {
        if is_typed {
            output.prompt("> ");
        }
        let mut line = String::new();
        let read = input.lock().read_line(&mut line);
        let read = read
            .map_err(|error| Failure::failed(format!("cannot read the next command: {error}")))?;
        let line = line.trim();
        if read == 0 || matches!(line, "quit" | "exit") {
            return Ok(());
        }
        if !is_typed && !line.is_empty() {
            output.data(&format!("> {line}"))?;
        }
        output.data(&simulation.line(line))?;
    }
}
