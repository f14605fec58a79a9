//! The API over a unix socket: JSON in and out, see `wire`. Reads come from the published view and a read-only
//! connection; everything that changes something goes through the loop.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{DefaultBodyLimit, Path as UrlPath, Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use smack_grids::LocalGrid;
use smack_model::{Isolation, Name, Node, Problems, Timestamp, VdcId, did_you_mean};
use smack_scheduler::{Command, Engine, VdcStatus};
use smack_services::Hooks;
use smack_store::{Reader, Write};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{oneshot, watch};

use crate::decider::{Failure, Input, Published};
use crate::wire;

mod events;
mod flows;
mod legacy;
mod library;
mod logs;
mod marathon;
mod names;
mod owners;
mod remains;
mod runs;
mod status;
mod traces;
mod verbs;

pub(crate) use runs::follow_nodes;

/// What every request may use.
pub(crate) struct Shared {
    pub(crate) inputs: Sender<Input>,
    pub(crate) published: watch::Receiver<Published>,
    pub(crate) reader: Mutex<Reader>,
    pub(crate) grid: Arc<LocalGrid>,
    pub(crate) home: PathBuf,
    pub(crate) epoch: u64,
    pub(crate) started: Timestamp,
    pub(crate) nodes: Vec<Node>,
    pub(crate) hooks: Hooks,
    pub(crate) limits: String,
    /// Where names are served, or why they are not.
    pub(crate) dns: Result<SocketAddr, String>,
    /// Held while users are changed.
    pub(crate) users: tokio::sync::Mutex<()>,
    /// The last request: a server in use does not end for idleness.
    pub(crate) touched: Mutex<Instant>,
}

impl Shared {
    /// Where names are served on this machine.
    pub(crate) fn dns_address(&self) -> Option<String> {
        self.dns.as_ref().ok().map(SocketAddr::to_string)
    }

    /// The strictest level that all nodes can do.
    pub(crate) fn isolation(&self) -> Isolation {
        let levels = self.nodes.iter().map(|node| node.isolation);
        levels.min().unwrap_or_default()
    }
}

/// Binds the socket for its owner alone; one that a dead server left is removed. The caller holds the home's lock.
pub(crate) fn listen(path: &Path) -> io::Result<std::os::unix::net::UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let listener = std::os::unix::net::UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// A stack of 16 MiB, each of its bytes written as `\u0007`, and its parents.
const BODY_BYTES_MAX: usize = 128 << 20;

/// A listener by TCP, and who is told the key of the first admin.
pub(crate) struct ByTcp {
    pub(crate) listener: std::net::TcpListener,
    pub(crate) tell_key: fn(&str),
}

/// Where requests come in.
pub(crate) struct Listeners {
    /// For the owner of the home.
    pub(crate) socket: std::os::unix::net::UnixListener,
    /// For users with a key.
    pub(crate) tcp: Option<ByTcp>,
}

pub(crate) async fn serve(listeners: Listeners, shared: Arc<Shared>) {
    if let Some(tcp) = listeners.tcp {
        tokio::spawn(serve_tcp(tcp, Arc::clone(&shared)));
    }
    let listener = match UnixListener::from_std(listeners.socket) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "the socket cannot be served"),
    };
    let app = Router::new()
        .route("/v1/server", get(status::server))
        .route("/v1/shutdown", post(status::shutdown))
        .route("/v1/runs", post(runs::run))
        .route("/v1/plans", post(runs::plan))
        .route("/v1/vdcs", get(status::vdcs))
        .route("/v1/vdcs/{zone}/{name}", get(status::vdc))
        .route("/v1/vdcs/{zone}/{name}/why", get(status::why))
        .route("/v1/vdcs/{zone}/{name}/exports", get(status::exports))
        .route("/v1/vdcs/{zone}/{name}/verbs", post(verbs::verb))
        .route(
            "/v1/vdcs/{zone}/{name}/down",
            post(verbs::down).get(verbs::plan_down),
        )
        .route("/v1/vdcs/{zone}/{name}/ttl", post(verbs::ttl))
        .route("/v1/vdcs/{zone}/{name}/rollback", post(runs::rollback))
        .route("/v1/vdcs/{zone}/{name}/revisions", get(runs::revisions))
        .route("/v1/vdcs/{zone}/{name}/show", get(runs::show))
        .route("/v1/vdcs/{zone}/{name}/sources", get(runs::sources))
        .route("/v1/vdcs/{zone}/{name}/logs", get(logs::logs))
        .route(
            "/v1/vdcs/{zone}/{name}/environment",
            get(status::environment),
        )
        .route("/v1/vdcs/{zone}/{name}/remains", get(remains::remains))
        .route("/v1/events", get(events::events))
        .route("/v1/traces", get(traces::list))
        .route("/v1/traces/{id}", get(traces::one))
        .route("/v1/flows", get(flows::flows))
        .route("/v1/dns", get(names::dns))
        .route("/v1/processes", get(owners::processes))
        .route("/v1/owners", get(owners::owners))
        .route("/v1/library", get(library::list).post(library::add))
        .route(
            "/v1/library/{name}",
            get(library::show).delete(library::remove),
        )
        .nest("/stack-deploy", legacy::router())
        .merge(marathon::router())
        .fallback(|| async { Refused::not_found("there is no such path".to_owned()) });
    let app = within_limits(app, shared);
    if let Err(error) = axum::serve(listener, app).await {
        tracing::error!(%error, "the API ended");
    }
}

/// Serves those who come with a name and a key.
async fn serve_tcp(tcp: ByTcp, shared: Arc<Shared>) {
    let ByTcp { listener, tell_key } = tcp;
    let listener = listener
        .set_nonblocking(true)
        .and_then(|()| TcpListener::from_std(listener));
    let listener = match listener {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "TCP cannot be served"),
    };
    let app = match legacy::by_tcp(&shared, tell_key).await {
        Ok(router) => within_limits(router, shared),
        Err(refused) => {
            return tracing::error!(error = refused.body.error, "TCP cannot be served");
        }
    };
    if let Err(error) = axum::serve(listener, app).await {
        tracing::error!(%error, "TCP is served no longer");
    }
}

fn within_limits(router: Router<Arc<Shared>>, shared: Arc<Shared>) -> Router {
    router
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), touch))
        .with_state(shared)
}

/// A request that comes right after the start waits until there is something true to answer.
const SETTLED_WITHIN: Duration = Duration::from_secs(10);

async fn touch(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let mut published = shared.published.clone();
    let settled = published.wait_for(|published| published.is_settled);
    if tokio::time::timeout(SETTLED_WITHIN, settled).await.is_err() {
        tracing::warn!("answering before the grid has told its inventory");
    }
    *shared
        .touched
        .lock()
        .unwrap_or_else(PoisonError::into_inner) = Instant::now();
    next.run(request).await
}

/// A refused request with its status.
#[derive(Debug)]
pub(crate) struct Refused {
    status: StatusCode,
    body: wire::Refusal,
}

impl Refused {
    pub(crate) fn new(status: StatusCode, error: String) -> Self {
        Self {
            status,
            body: wire::Refusal {
                error,
                hint: None,
                problems: Vec::new(),
            },
        }
    }

    pub(crate) fn bad_request(error: String) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error)
    }

    pub(crate) fn not_found(error: String) -> Self {
        Self::new(StatusCode::NOT_FOUND, error)
    }

    pub(crate) fn conflict(error: String) -> Self {
        Self::new(StatusCode::CONFLICT, error)
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.body.hint = Some(hint.into());
        self
    }

    pub(crate) fn problems(problems: Problems) -> Self {
        let count = problems
            .0
            .iter()
            .filter(|problem| problem.severity == smack_model::Severity::Error)
            .count();
        let error = if count == 1 {
            "1 problem".to_owned()
        } else {
            format!("{count} problems")
        };
        let body = wire::Refusal {
            error,
            hint: None,
            problems: problems.0,
        };
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            body,
        }
    }

    /// The loop has ended; the process is about to.
    pub(crate) fn ending() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "the server is ending".to_owned(),
        )
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.status, Json(self.body)).into_response()
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        use smack_scheduler::Refused as Core;
        let status = match &failure {
            Failure::Halted(_) => StatusCode::SERVICE_UNAVAILABLE,
            Failure::Refused(
                Core::NoVdc(_)
                | Core::NoApplication { .. }
                | Core::NoTask { .. }
                | Core::NoOperation { .. }
                | Core::NoSchedule { .. },
            ) => StatusCode::NOT_FOUND,
            Failure::Refused(
                Core::NoGate(_)
                | Core::NeedsTask(_)
                | Core::NotOfATask(_)
                | Core::NotAsked(_)
                | Core::NoTime(_),
            ) => StatusCode::BAD_REQUEST,
            Failure::Refused(
                Core::GoingDown(_)
                | Core::DoesNotFit(_)
                | Core::Leaving { .. }
                | Core::InUse { .. }
                | Core::ApplicationInUse { .. }
                | Core::NothingToUse { .. }
                | Core::UsesEnding { .. }
                | Core::Circle(_),
            ) => StatusCode::CONFLICT,
        };
        Self::new(status, failure.to_string())
    }
}

impl From<smack_store::Unavailable> for Refused {
    fn from(error: smack_store::Unavailable) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
    }
}

impl From<crate::key::BadRow> for Refused {
    fn from(error: crate::key::BadRow) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
    }
}

pub(crate) type Answer<T> = Result<Json<T>, Refused>;

impl Shared {
    pub(crate) fn reader(&self) -> std::sync::MutexGuard<'_, Reader> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a command to the loop and waits until it is saved.
    pub(crate) async fn command(
        &self,
        command: Command,
        writes: Vec<Write>,
    ) -> Result<(), Refused> {
        let (reply, answer) = oneshot::channel();
        let input = Input::Command {
            command,
            writes,
            reply,
        };
        self.inputs.send(input).map_err(|_| Refused::ending())?;
        Ok(answer.await.map_err(|_| Refused::ending())??)
    }

    pub(crate) async fn write(&self, writes: Vec<Write>) -> Result<(), Refused> {
        let (reply, answer) = oneshot::channel();
        self.inputs
            .send(Input::Write { writes, reply })
            .map_err(|_| Refused::ending())?;
        Ok(answer.await.map_err(|_| Refused::ending())??)
    }

    /// Looks something up in the loop's own draft.
    pub(crate) async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Engine) -> T + Send + 'static,
    ) -> Result<T, Refused> {
        let (reply, answer) = oneshot::channel();
        let look = Box::new(move |engine: &Engine| drop(reply.send(look(engine))));
        self.inputs
            .send(Input::Look(look))
            .map_err(|_| Refused::ending())?;
        answer.await.map_err(|_| Refused::ending())
    }

    /// The VDC of a path, as it was last published.
    pub(crate) fn vdc(&self, zone: &str, name: &str) -> Result<Arc<VdcStatus>, Refused> {
        let id = vdc_id(zone, name)?;
        let published = self.published.borrow();
        if let Some(vdc) = published.view.vdcs.get(&id) {
            return Ok(Arc::clone(vdc));
        }
        let known: Vec<String> = published.view.vdcs.keys().map(VdcId::to_string).collect();
        let refused = Refused::not_found(format!("there is no virtual data center {id}"));
        Err(
            match did_you_mean(&id.to_string(), known.iter().map(String::as_str)) {
                Some(near) => refused.hint(format!("did you mean {near}?")),
                None if known.is_empty() => {
                    refused.hint("nothing is up; `smack run` starts something")
                }
                None => refused.hint(format!("there are {}", known.join(", "))),
            },
        )
    }
}

pub(crate) fn vdc_id(zone: &str, name: &str) -> Result<VdcId, Refused> {
    let label =
        |text: &str| Name::new(text).map_err(|error| Refused::bad_request(error.to_string()));
    Ok(VdcId {
        zone: label(zone)?,
        name: label(name)?,
    })
}

/// Zone and name of a path.
pub(crate) type VdcPath = UrlPath<(String, String)>;
