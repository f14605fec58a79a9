//! `smack restart`: new processes, as carefully as in a roll.

use crate::failure::Failure;
use crate::session::Session;
use crate::verbs;

/// Restart tasks, one at a time where the product needs it
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    verb: verbs::Words,
}

pub(crate) fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    verbs::ask(session, &args.verb, "restart", "is being restarted")
}
