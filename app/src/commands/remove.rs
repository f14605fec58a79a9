//! `smack remove`: takes a stack or layer out of the library.

use crate::client::encoded;
use crate::failure::Failure;
use crate::session::Session;

/// Take a stack or layer out of the library; what runs goes on
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Its name
    name: String,
    /// With everything that builds on it
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let force = if args.force { "?force=true" } else { "" };
    let removed: Vec<String> = session
        .client()?
        .delete(&format!("/v1/library/{}{force}", encoded(&args.name)))?;
    if session.output.is_json() {
        return session.output.value(&removed);
    }
    session
        .output
        .note(&format!("removed {}", removed.join(", ")));
    Ok(())
}
