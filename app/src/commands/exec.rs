//! `smack exec`: a command with the environment and the directory of a task, in place of this process.

use std::io::ErrorKind;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use smack_control::wire::Environment;

use crate::failure::Failure;
use crate::session::Session;
use crate::{target, text};

/// Run a command with the environment of a task, in its directory
///
/// Its exit code becomes that of smack; 127 if there is no such command.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The virtual data center: `pipeline`, `qa/pipeline`
    name: String,
    /// The task
    #[arg(value_name = "APP/TASK")]
    task: String,
    /// The command and its arguments, after `--`
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<std::ffi::OsString>,
}

/// As shells have it.
const NO_SUCH_COMMAND: u8 = 127;

pub(crate) fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    text::needs(args.task.contains('/'), "exec needs one task: APP/TASK")?;
    let target = target::find_named(session, &args.name, Some(&args.task))?;
    let path = format!("{}{}", target.path("/environment"), target.query(&[]));
    let environment: Environment = session.client()?.get(&path)?;
    let Some((program, arguments)) = args.command.split_first() else {
        return Err(Failure::usage("exec needs a command"));
    };
    let mut command = match environment.way_in.split_first() {
        Some((enter, words)) => {
            let mut command = Command::new(enter);
            command.args(words).arg(program);
            command
        }
        None => Command::new(program),
    };
    command.args(arguments).env_clear();
    // What a terminal program needs and no task has.
    let kept = ["TERM", "COLORTERM", "PATH", "HOME", "LANG"];
    command.envs(
        kept.iter()
            .filter_map(|name| Some((name, std::env::var_os(name)?))),
    );
    command
        .envs(&environment.variables)
        .current_dir(&environment.directory);
    let error = command.exec();
    let shown = program.to_string_lossy();
    session
        .output
        .trouble(&if error.kind() == ErrorKind::NotFound {
            let directory = &environment.directory;
            format!("error: there is no command {shown} (or no directory {directory})")
        } else {
            format!("error: cannot run {shown}: {error}")
        });
    Err(Failure::Told(NO_SUCH_COMMAND))
}
