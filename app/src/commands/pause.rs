//! `smack pause`: freezes decisions about a VDC or an application.

use crate::failure::Failure;
use crate::session::Session;
use crate::verbs;

/// Leave everything as it is: nothing is started, stopped or replaced until `smack resume`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    verb: verbs::Words,
}

pub(crate) fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    verbs::ask(session, &args.verb, "pause", "is paused")
}
