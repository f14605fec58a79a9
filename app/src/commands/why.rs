//! `smack why`: the chain of causes from what is not as asked for down to what has to change.

use smack_control::wire::Cause;

use crate::failure::Failure;
use crate::picture;
use crate::session::Session;
use crate::target;

/// Say why something is not as it was asked for
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The virtual data center; may be left out if only one is up
    name: Option<String>,
    /// One application or task of it
    #[arg(value_name = "APP[/TASK]")]
    part: Option<String>,
}

pub(crate) fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let target = target::find(session, args.name.as_deref(), args.part.as_deref())?;
    let path = format!("{}{}", target.path("/why"), target.query(&[]));
    let causes: Vec<Cause> = session.client()?.get(&path)?;
    let output = session.output;
    if output.is_json() {
        return output.value(&causes);
    }
    if causes.is_empty() {
        return output.data(&format!("{} is as it was asked for\n", target.text()));
    }
    output.data(&picture::causes(output, &causes))
}
