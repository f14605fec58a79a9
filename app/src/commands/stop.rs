//! `smack stop`: ends processes and keeps everything else.

use crate::failure::Failure;
use crate::session::Session;
use crate::verbs;

/// Stop a virtual data center or an application; its membership, addresses and data stay
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    verb: verbs::Words,
}

pub(crate) fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    verbs::ask(session, &args.verb, "stop", "is being stopped")
}
