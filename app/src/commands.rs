//! One file per command: what it takes and what it does. Here they are only told apart.

use crate::cli::{Cli, Command};
use crate::failure::Failure;
use crate::output::Output;
use crate::session::Session;
use crate::wiring;

pub(crate) mod add;
pub(crate) mod addlayer;
pub(crate) mod completions;
pub(crate) mod convert;
pub(crate) mod dns;
pub(crate) mod doctor;
pub(crate) mod down;
pub(crate) mod events;
pub(crate) mod exec;
pub(crate) mod export;
pub(crate) mod exports;
pub(crate) mod flows;
pub(crate) mod list;
pub(crate) mod logs;
pub(crate) mod man;
pub(crate) mod operate;
pub(crate) mod pause;
pub(crate) mod plan;
pub(crate) mod ps;
pub(crate) mod remove;
pub(crate) mod replace;
pub(crate) mod restart;
pub(crate) mod resume;
pub(crate) mod rollback;
pub(crate) mod run;
pub(crate) mod schema;
pub(crate) mod server;
pub(crate) mod show;
pub(crate) mod sim;
pub(crate) mod stack_deploy;
pub(crate) mod start;
pub(crate) mod status;
pub(crate) mod stop;
pub(crate) mod trace;
pub(crate) mod ttl;
pub(crate) mod version;
pub(crate) mod why;

/// Runs the command of a command line.
pub(crate) fn run(cli: Cli, output: &Output) -> Result<(), Failure> {
    let session = &Session::new(cli.global, output);
    let is_server = matches!(&cli.command, Command::Server(_))
        || matches!(&cli.command, Command::StackDeploy(args) if args.is_server());
    if !is_server {
        wiring::log(session.verbosity(), wiring::Log::Command);
    }
    match cli.command {
        Command::Run(args) => run::run(args, session),
        Command::Plan(args) => plan::run(args, session),
        Command::Status(args) => status::run(&args, session),
        Command::Why(args) => why::run(&args, session),
        Command::Logs(args) => logs::run(&args, session),
        Command::Exports(args) => exports::run(&args, session),
        Command::Export(args) => export::run(&args, session),
        Command::Convert(args) => convert::run(&args, session),
        Command::Exec(args) => exec::run(&args, session),
        Command::Stop(args) => stop::run(&args, session),
        Command::Start(args) => start::run(&args, session),
        Command::Restart(args) => restart::run(&args, session),
        Command::Replace(args) => replace::run(&args, session),
        Command::Operate(args) => operate::run(&args, session),
        Command::Pause(args) => pause::run(&args, session),
        Command::Resume(args) => resume::run(&args, session),
        Command::Down(args) => down::run(&args, session),
        Command::Ttl(args) => ttl::run(&args, session),
        Command::Rollback(args) => rollback::run(&args, session),
        Command::Add(args) => add::run(&args, session),
        Command::Addlayer(args) => addlayer::run(&args, session),
        Command::List(args) => list::run(&args, session),
        Command::Show(args) => show::run(&args, session),
        Command::Remove(args) => remove::run(&args, session),
        Command::Events(args) => events::run(&args, session),
        Command::Trace(args) => trace::run(&args, session),
        Command::Flows(args) => flows::run(&args, session),
        Command::Dns(args) => dns::run(&args, session),
        Command::Ps(args) => ps::run(&args, session),
        Command::Sim(args) => sim::run(&args, session),
        Command::Schema(args) => schema::run(&args, session),
        Command::StackDeploy(args) => stack_deploy::run(&args, session),
        Command::Doctor(args) => doctor::run(&args, session),
        Command::Server(args) => server::run(&args, session),
        Command::Completions(args) => completions::run(&args, session),
        Command::Man(args) => man::run(&args, session),
        Command::Version(args) => version::run(&args, session),
    }
}
