//! Whose a process, a port or a file of this machine is.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use serde::Deserialize;

use super::{Answer, Refused, Shared};
use crate::processes::Processes;
use crate::wire;

#[derive(Debug, Deserialize)]
pub(super) struct Listing {
    /// Smack's own processes too.
    #[serde(default)]
    all: bool,
}

pub(super) async fn processes(
    State(shared): State<Arc<Shared>>,
    Query(listing): Query<Listing>,
) -> Answer<Vec<wire::Process>> {
    let looked = look(&shared, move |processes| processes.of_tasks(listing.all));
    Ok(Json(looked.await?))
}

#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    pid: Option<u32>,
    port: Option<u16>,
    address: Option<IpAddr>,
    file: Option<PathBuf>,
}

pub(super) async fn owners(
    State(shared): State<Arc<Shared>>,
    Query(asked): Query<Asked>,
) -> Answer<Vec<wire::Owner>> {
    let Asked { port, address, .. } = asked;
    let (owners, nobody) = match (asked.pid, port, asked.file) {
        (Some(pid), _, _) => (
            look(&shared, move |processes| processes.of_pid(pid)).await?,
            format!("there is no process {pid}"),
        ),
        (None, Some(port), _) => {
            let place = match address {
                Some(address) => format!("{address}:{port}"),
                None => format!("port {port}"),
            };
            (
                look(&shared, move |processes| processes.of_port(address, port)).await?,
                format!("nobody listens on {place}, and it is the port of no task"),
            )
        }
        (None, None, Some(file)) => {
            let shown = file.display().to_string();
            let nobody = match file.exists() {
                true => {
                    format!("{shown} is below no sandbox or volume, and no process has it open")
                }
                false => format!("there is no file {shown}, and it is below no sandbox or volume"),
            };
            (
                look(&shared, move |processes| processes.of_file(&file)).await?,
                nobody,
            )
        }
        (None, None, None) => {
            return Err(Refused::bad_request(
                "ask for a pid, a port or a file".to_owned(),
            ));
        }
    };
    match owners.is_empty() {
        true => Err(Refused::not_found(nobody)),
        false => Ok(Json(owners)),
    }
}

/// Looks through all processes, which takes some milliseconds.
async fn look<T: Send + 'static>(
    shared: &Shared,
    look: impl FnOnce(&Processes) -> T + Send + 'static,
) -> Result<T, Refused> {
    let view = Arc::clone(&shared.published.borrow().view);
    let home = shared.home.clone();
    let looked = tokio::task::spawn_blocking(move || look(&Processes::look(&home, view))).await;
    looked.map_err(|_| Refused::ending())
}
