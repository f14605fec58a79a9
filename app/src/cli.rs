//! The command line as clap sees it: the options of every command and the list of commands. What a command takes stands
//! in its own file.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::commands;

/// Turns this machine into a data platform: real ZooKeeper, Kafka and your own programs from one stack file, deployed
/// in order, kept running, and with a reason when something is not.
#[derive(Debug, Parser)]
#[command(
    name = "smack",
    version,
    max_term_width = 100,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command understands.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Global {
    /// Where everything is kept [default: SMACK_HOME, else ~/.smack]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) home: Option<PathBuf>,
    /// A server to talk to by TCP, `http://127.0.0.1:PORT`; none is started then [default: SMACK_API]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) api: Option<String>,
    /// Print data as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print data and errors only
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// When to paint
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t = ColorChoice::Auto)]
    pub(crate) color: ColorChoice,
    /// Say more about what is being done; twice for still more
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// When to paint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Run(commands::run::Args),
    Plan(commands::plan::Args),
    Status(commands::status::Args),
    Why(commands::why::Args),
    Logs(commands::logs::Args),
    Exports(commands::exports::Args),
    Exec(commands::exec::Args),
    Stop(commands::stop::Args),
    Start(commands::start::Args),
    Restart(commands::restart::Args),
    Replace(commands::replace::Args),
    Operate(commands::operate::Args),
    Pause(commands::pause::Args),
    Resume(commands::resume::Args),
    Down(commands::down::Args),
    Ttl(commands::ttl::Args),
    Rollback(commands::rollback::Args),
    Add(commands::add::Args),
    Addlayer(commands::addlayer::Args),
    List(commands::list::Args),
    Show(commands::show::Args),
    Export(commands::export::Args),
    Convert(commands::convert::Args),
    Remove(commands::remove::Args),
    Events(commands::events::Args),
    Trace(commands::trace::Args),
    Flows(commands::flows::Args),
    Dns(commands::dns::Args),
    Ps(commands::ps::Args),
    Sim(commands::sim::Args),
    Schema(commands::schema::Args),
    StackDeploy(commands::stack_deploy::Args),
    Doctor(commands::doctor::Args),
    Server(commands::server::Args),
    Completions(commands::completions::Args),
    Man(commands::man::Args),
    Version(commands::version::Args),
}
