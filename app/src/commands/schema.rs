//! `smack schema`: the stack language as a JSON Schema, for editors.

use crate::failure::Failure;
use crate::session::Session;
use crate::wiring;

/// Print the JSON Schema of stacks and layers, for editors
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    session.output.value(&wiring::schema())
}
