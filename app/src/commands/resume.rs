//! `smack resume`: the opposite of `smack pause`.

use crate::failure::Failure;
use crate::session::Session;
use crate::verbs;

/// Decide again about what was paused
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    verb: verbs::Words,
}

pub(crate) fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    verbs::ask(session, &args.verb, "resume", "goes on")
}
