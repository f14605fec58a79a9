//! `smack doctor`: what this machine offers and lacks, and what each lack costs.

use serde_json::json;
use smack_control::supply::checks::{Check, State, checks};
use smack_control::wire::Server;
use smack_model::Isolation;

use crate::failure::Failure;
use crate::output::Style;
use crate::session::Session;

/// Check this machine: Java, Maven, limits, isolation, disk, and what each lack costs
///
/// Exit code 1 if something is missing without which the main job fails.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Also check every kept artifact against its hash
    #[arg(long)]
    deep: bool,
}

pub(crate) fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let mut checks = checks(&session.home()?, args.deep);
    let server = match session.running()? {
        Some(client) => Some(client.get::<Server>("/v1/server")?),
        None => None,
    };
    checks.push(of_isolation());
    checks.push(of_server(server.as_ref()));
    let is_bad = checks.iter().any(|check| check.state == State::Bad);
    let output = session.output;
    if output.is_json() {
        let checks = checks.iter().map(|check| {
            json!({"name": check.name, "state": word(check.state), "found": check.found, "hint": check.hint})
        });
        output.value(&json!({"checks": checks.collect::<Vec<_>>(), "server": server}))?;
    } else {
        let width = checks
            .iter()
            .map(|check| check.name.len())
            .max()
            .unwrap_or(0);
        for Check {
            name,
            state,
            found,
            hint,
        } in &checks
        {
            let style = match state {
                State::Good => Style::Good,
                State::Lack => Style::Moving,
                State::Bad => Style::Bad,
            };
            let word = output.paint(style, &format!("{:<4}", word(*state)));
            output.data(&format!("{word}  {name:width$}  {found}"))?;
            if !hint.is_empty() {
                output.data(&format!("      {:width$}  {hint}", ""))?;
            }
        }
    }
    if is_bad {
        Err(Failure::Told(1))
    } else {
        Ok(())
    }
}

fn word(state: State) -> &'static str {
    match state {
        State::Good => "good",
        State::Lack => "lack",
        State::Bad => "bad",
    }
}

/// Tried by this command itself: a server of another user, or one that has been there for long, may find something else.
fn of_isolation() -> Check {
    let (level, detail) = smack_control::isolation();
    let (state, hint) = match level {
        Isolation::Open => (
            State::Lack,
            "tasks of all virtual data centers share one network, and names resolve outside only: allow unprivileged user namespaces",
        ),
        Isolation::Vdc => (State::Good, ""),
    };
    Check {
        name: "isolation".to_owned(),
        state,
        found: format!("level {level}: {detail}"),
        hint: hint.to_owned(),
    }
}

fn of_server(server: Option<&Server>) -> Check {
    let (state, found, hint) = match server {
        None => (
            State::Good,
            "none runs; one is started when it is needed".to_owned(),
            String::new(),
        ),
        Some(server) => {
            let nodes = server.nodes.iter();
            let nodes = nodes
                .map(|node| format!("{} ({} MiB)", node.name, node.memory_mib))
                .collect::<Vec<_>>();
            let found = format!(
                "version {}, pid {}, nodes {}, isolation {}, limits: {}",
                server.version,
                server.pid,
                nodes.join(", "),
                server.isolation,
                server.limits
            );
            match &server.halted {
                None => (State::Good, found, String::new()),
                Some(reason) => (
                    State::Bad,
                    found,
                    format!("it decides nothing at the moment: {reason}"),
                ),
            }
        }
    };
    Check {
        name: "server".to_owned(),
        state,
        found,
        hint,
    }
}
