//! `smack version`: of this program and of the server that runs.

use serde_json::json;
use smack_control::wire::Server;

use crate::failure::Failure;
use crate::session::Session;

/// Show the version of smack and of the server, if one runs
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let ours = env!("CARGO_PKG_VERSION");
    let server = match session.running()? {
        Some(client) => client.get::<Server>("/v1/server").ok(),
        None => None,
    };
    if session.output.is_json() {
        return session
            .output
            .value(&json!({"smack": ours, "server": server.map(|server| server.version)}));
    }
    let server = server.map_or_else(|| "none runs".to_owned(), |server| server.version);
    session
        .output
        .data(&format!("smack  {ours}\nserver {server}"))
}
