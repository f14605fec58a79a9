//! `smack replace`: gives up a task's node and data; it comes back under the same name.

use crate::failure::Failure;
use crate::session::Session;
use crate::verbs::{self, Gates};
use crate::{target, text};

/// Give up the node and the data of a task; it comes back under the same name
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The virtual data center: `pipeline`, `qa/pipeline`
    name: String,
    /// The task
    #[arg(value_name = "APP/TASK")]
    task: String,
    #[command(flatten)]
    gates: Gates,
}

pub(crate) fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    text::needs(
        args.task.contains('/'),
        "replace is asked of one task: APP/TASK",
    )?;
    let target = target::find_named(session, &args.name, Some(&args.task))?;
    args.gates.force(session, &target)?;
    verbs::post(session, &target, "replace", None)?;
    verbs::asked(session, &target, "replace", "is being replaced")
}
