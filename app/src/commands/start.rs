//! `smack start`: the opposite of `smack stop`; also forgives failures.

use crate::failure::Failure;
use crate::session::Session;
use crate::verbs;

/// Start what was stopped, and try again what was given up
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    verb: verbs::Words,
}

pub(crate) fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    verbs::ask(session, &args.verb, "start", "is being started")
}
