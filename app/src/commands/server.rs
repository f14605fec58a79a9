//! `smack server`: the control plane itself, in the foreground or as other commands start it; its replacement and end.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Parser as _;
use serde_json::json;
use smack_control::Collector;
use smack_control::wire::Server;

use crate::client::answers;
use crate::failure::Failure;
use crate::session::Session;
use crate::{starting, wiring};

/// Run the control plane in the foreground, or replace or stop the one that runs
///
/// Other commands start one in the background if none runs. Tasks go on without a server.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Run in the foreground until it is told to end (the default)
    #[arg(long, conflicts_with_all = ["auto", "replace", "stop"])]
    foreground: bool,
    /// As other commands start it: ends by itself after ten minutes without anything to look after
    #[arg(long, hide = true, conflicts_with_all = ["replace", "stop"])]
    auto: bool,
    /// Put a server of this version in the place of the one that runs; tasks go on
    #[arg(long, conflicts_with = "stop")]
    replace: bool,
    /// End the server that runs; tasks go on
    #[arg(long)]
    stop: bool,
    #[command(flatten)]
    settings: Settings,
}

/// How a server works.
#[derive(Debug, clap::Args)]
pub(crate) struct Settings {
    /// Virtual nodes on this machine
    #[arg(long, value_name = "N", env = "SMACK_NODES", hide_env_values = true,
        value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=256))]
    pub(crate) nodes: Option<usize>,
    /// Serve stack-deploy's API by TCP, too, to users with a key: `127.0.0.1:4200`
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "SMACK_LISTEN",
        hide_env_values = true
    )]
    pub(crate) listen: Option<SocketAddr>,
    /// Run the hooks of stack files of 2016 as jobs: shell lines of whoever may run a stack
    #[arg(long, env = "SMACK_HOOKS", hide_env_values = true, value_parser = clap::builder::FalseyValueParser::new())]
    pub(crate) hooks: bool,
    /// A mirror in Maven layout to fetch artifacts from; may be given more than once
    #[arg(
        long = "mirror",
        value_name = "URL",
        env = "SMACK_MIRRORS",
        hide_env_values = true,
        value_delimiter = ','
    )]
    pub(crate) mirrors: Vec<String>,
    /// A directory or archive of artifacts to look into before any mirror
    #[arg(
        long,
        value_name = "PATH",
        env = "SMACK_BUNDLE",
        hide_env_values = true
    )]
    pub(crate) bundle: Option<PathBuf>,
    /// Do not ask the user's Maven client for artifacts
    #[arg(long, env = "SMACK_NO_MAVEN", hide_env_values = true, value_parser = clap::builder::FalseyValueParser::new())]
    pub(crate) no_maven: bool,
    /// Do not record start archives in the background
    #[arg(long, env = "SMACK_NO_ARCHIVES", hide_env_values = true, value_parser = clap::builder::FalseyValueParser::new())]
    pub(crate) no_archives: bool,
    /// A Zipkin to send all traces to, beside the virtual data center's own; may be given more than once
    #[arg(
        long = "zipkin",
        value_name = "URL",
        env = "SMACK_ZIPKIN",
        hide_env_values = true,
        value_delimiter = ',',
        value_parser = |url: &str| Named::read(url, Collector::zipkin)
    )]
    pub(crate) zipkin: Vec<Named>,
    /// A collector to send all traces to by OTLP over HTTP; may be given more than once
    #[arg(
        long = "otlp",
        value_name = "URL",
        env = "SMACK_OTLP",
        hide_env_values = true,
        value_delimiter = ',',
        value_parser = |url: &str| Named::read(url, Collector::otlp)
    )]
    pub(crate) otlp: Vec<Named>,
}

/// A collector, or none: of a variable that is empty.
#[derive(Debug, Clone)]
pub(crate) struct Named(pub(crate) Option<Collector>);

impl Named {
    fn read(url: &str, read: fn(&str) -> Result<Collector, String>) -> Result<Self, String> {
        let url = Some(url).filter(|url| !url.is_empty());
        Ok(Self(url.map(read).transpose()?))
    }
}

const IDLE_EXIT: Duration = Duration::from_secs(600);
const ENDED_WITHIN: Duration = Duration::from_secs(30);

pub(crate) fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    if session.address()?.is_some() && !args.stop {
        return Err(
            Failure::usage("--api names another server, so none is run here")
                .hint("leave out --api and SMACK_API"),
        );
    }
    let home = session.home()?;
    if args.stop {
        return stop(session);
    }
    if args.replace {
        return replace(session, &args.settings, &home);
    }
    session.socket()?;
    wiring::log(session.verbosity(), wiring::Log::Server);
    if args.auto {
        // Away from the terminal of the command that started it.
        if let Err(error) = rustix::process::setsid() {
            tracing::warn!(%error, "no session of its own");
        }
    }
    wiring::serve(&home, &args.settings, args.auto.then_some(IDLE_EXIT))
}

/// As `smack server --listen ADDRESS`, all else by the environment.
pub(crate) fn serve_at(address: &str, session: &Session<'_>) -> Result<(), Failure> {
    #[derive(clap::Parser)]
    #[command(name = "server")]
    struct Line {
        #[command(flatten)]
        args: Args,
    }
    let line = Line::try_parse_from(["server", "--listen", address]);
    let line = line.map_err(|error| {
        let text = error.to_string();
        let first = text.lines().next().unwrap_or_default();
        Failure::usage(first.trim_start_matches("error: ")).hint("for example 127.0.0.1:4200")
    })?;
    run(&line.args, session)
}

fn stop(session: &Session<'_>) -> Result<(), Failure> {
    let ended = end(session)?;
    if session.output.is_json() {
        return session.output.value(&json!({"stopped": ended.is_some()}));
    }
    session.output.note(match ended {
        Some(_) => "the server has ended; tasks go on",
        None => "no server runs",
    });
    Ok(())
}

fn replace(session: &Session<'_>, settings: &Settings, home: &Path) -> Result<(), Failure> {
    let old = end(session)?;
    let nodes = settings.nodes.or(old
        .as_ref()
        .map(|old| old.nodes.len())
        .filter(|nodes| *nodes > 0));
    let mut options = Vec::new();
    let mut option = |name: &str, value: String| options.extend([name.to_owned(), value]);
    if let Some(nodes) = nodes {
        option("--nodes", nodes.to_string());
    }
    if let Some(address) = settings.listen {
        option("--listen", address.to_string());
    }
    for mirror in &settings.mirrors {
        option("--mirror", mirror.clone());
    }
    if let Some(bundle) = &settings.bundle {
        option("--bundle", bundle.display().to_string());
    }
    for (name, named) in [("--zipkin", &settings.zipkin), ("--otlp", &settings.otlp)] {
        for collector in named.iter().filter_map(|named| named.0.as_ref()) {
            option(name, collector.url().to_owned());
        }
    }
    let flags = [
        ("--hooks", settings.hooks),
        ("--no-maven", settings.no_maven),
        ("--no-archives", settings.no_archives),
    ];
    options.extend(
        flags
            .into_iter()
            .filter(|(_, given)| *given)
            .map(|(name, _)| name.to_owned()),
    );
    starting::start(home, &session.socket()?, &options)?;
    let new: Server = session.client()?.get("/v1/server")?;
    if session.output.is_json() {
        return session.output.value(&new);
    }
    let before = old.map_or_else(
        || "none ran before".to_owned(),
        |old| format!("it replaces {}", old.version),
    );
    session.output.note(&format!(
        "server {} runs as pid {}; {before}",
        new.version, new.pid
    ));
    Ok(())
}

/// Ends the server that runs and waits until it is gone; what it was.
fn end(session: &Session<'_>) -> Result<Option<Server>, Failure> {
    let Some(client) = session.running()? else {
        return Ok(None);
    };
    let server: Server = client.get("/v1/server")?;
    match client.post::<()>("/v1/shutdown", &json!({})) {
        // It may be gone before its answer is.
        Err(failure) if !failure.is_unreachable() => return Err(failure),
        Ok(()) | Err(_) => {}
    }
    let deadline = Instant::now() + ENDED_WITHIN;
    let is_there = || match session.address() {
        Ok(None) => session.socket().is_ok_and(|socket| answers(&socket)) || is_alive(server.pid),
        Ok(Some(_)) | Err(_) => client.get::<Server>("/v1/server").is_ok(),
    };
    while is_there() {
        if Instant::now() >= deadline {
            let seconds = ENDED_WITHIN.as_secs();
            return Err(Failure::failed(format!(
                "the server (pid {}) has not ended within {seconds} s",
                server.pid
            )));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(Some(server))
}

/// Its lock is free only once the process is gone.
fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // A zombie that its parent has not collected holds nothing any more.
    let state = stat
        .rsplit_once(") ")
        .and_then(|(_, rest)| rest.chars().next());
    state.is_some_and(|state| state != 'Z' && state != 'X')
}
