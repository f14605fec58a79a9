//! `smack stack-deploy …`: the command line of old, as if the program had been called by its name.

use crate::failure::Failure;
use crate::session::Session;
use crate::stack_deploy;

/// The command line of stack-deploy, for scripts of old; `smack stack-deploy --help` lists its commands
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Args {
    /// A command of stack-deploy and its flags
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "WORD"
    )]
    words: Vec<String>,
}

impl Args {
    /// Whether it runs the server, which logs as one.
    pub(crate) fn is_server(&self) -> bool {
        self.words.first().is_some_and(|word| word == "server")
    }
}

pub(crate) fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    stack_deploy::main(&args.words, session)
}
