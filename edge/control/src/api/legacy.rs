//! The API of stack-deploy, path for path, for the scripts and clients of old: JSON in, by any method; plain text out.
//! Where it answers otherwise than the original did, the manual says so (`docs/stack-deploy.md`). Stands below
//! `/stack-deploy` on the socket of the home, and at the root by TCP, where users and keys are asked for.

mod users;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path as UrlPath, Query, State};
use axum::http::StatusCode;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::{Json, Router, body::Bytes};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use smack_model::{Digest, Name, Severity, Timestamp, VdcId};
use smack_scheduler::{Cause, Command, SystemState, VdcStatus, View};
use tokio::time::Instant;

use super::{Refused, Shared, library, marathon, runs};
use crate::{clock, wire};
pub(super) use users::uuid;

/// As long as a client of old waits that says nothing else, in seconds.
const WAIT_DEFAULT: u64 = 600;
/// A platform that was asked for and is nowhere to be seen after this has been taken down meanwhile.
const SEEN_WITHIN: Duration = Duration::from_secs(5);

pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/health", any(|| async {}))
        .route("/list", any(list))
        .route("/get", any(get))
        .route("/createstack", any(create_stack))
        .route("/createlayer", any(create_layer))
        .route("/removestack", any(remove))
        .route("/run", any(run))
        .route("/scheduled", any(scheduled))
        .route("/scheduled/delete", any(unschedule))
        .route("/createuser", any(users::create))
        .route("/refreshtoken", any(users::refresh))
}

/// What is served by TCP. The key of the first admin, if one was made, is told once.
pub(super) async fn by_tcp(
    shared: &Arc<Shared>,
    tell_key: impl FnOnce(&str),
) -> Result<Router<Arc<Shared>>, Refused> {
    if let Some(secret) = users::first_admin(shared).await? {
        tell_key(&secret);
    }
    let admit = middleware::from_fn_with_state(Arc::clone(shared), users::admit);
    let nowhere = || async { Said(StatusCode::NOT_FOUND, "there is no such path".to_owned()) };
    let router = router().merge(marathon::router());
    Ok(router.fallback(nowhere).layer(admit))
}

/// An answer of old: a status and a line or more of text.
#[derive(Debug)]
struct Said(StatusCode, String);

type Answer = Result<String, Said>;

impl IntoResponse for Said {
    fn into_response(self) -> Response {
        (self.0, self.1).into_response()
    }
}

/// Everything that a refusal of today says, as text.
impl From<Refused> for Said {
    fn from(refused: Refused) -> Self {
        let wire::Refusal {
            error,
            hint,
            problems,
        } = refused.body;
        let errors = problems
            .iter()
            .filter(|problem| problem.severity == Severity::Error);
        let mut text = String::new();
        for problem in errors {
            let _ = writeln!(text, "{problem}");
        }
        if text.is_empty() {
            text = error;
        }
        if let Some(hint) = hint {
            let _ = write!(text, "\n  hint: {hint}");
        }
        // A problem without a place begins so, and every client says it anyway.
        let text = text.strip_prefix("error: ").unwrap_or(&text);
        Self(refused.status, text.trim_end().to_owned())
    }
}

fn bad(text: impl Into<String>) -> Said {
    Said(StatusCode::BAD_REQUEST, text.into())
}

/// A body of JSON; none at all says nothing.
fn read<T: DeserializeOwned + Default>(body: &Bytes) -> Result<T, Said> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(T::default());
    }
    serde_json::from_slice(body)
        .map_err(|error| bad(format!("the body is not understood: {error}")))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Named {
    name: String,
    force: bool,
}

impl Named {
    fn read(body: &Bytes) -> Result<Self, Said> {
        let named: Self = read(body)?;
        if named.name.is_empty() {
            return Err(bad("Stack name required"));
        }
        Ok(named)
    }
}

/// The names of all stacks and layers, as a YAML list.
async fn list(State(shared): State<Arc<Shared>>) -> Answer {
    let mut names: Vec<String> = library::all(&shared)?
        .into_iter()
        .map(|stored| stored.name)
        .collect();
    if names.is_empty() {
        return Ok("[]\n".to_owned());
    }
    names.sort();
    Ok(names
        .iter()
        .map(|name| format!("- {}\n", quoted(name)))
        .collect())
}

/// A YAML scalar that is read as this text by every reader.
fn quoted(name: &str) -> String {
    const WORDS: [&str; 10] = [
        "y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan",
    ];
    let is_plain = name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
        && !WORDS.contains(&name.to_ascii_lowercase().as_str());
    if is_plain {
        name.to_owned()
    } else {
        serde_json::to_string(name).expect("text becomes JSON")
    }
}

async fn get(State(shared): State<Arc<Shared>>, body: Bytes) -> Answer {
    let name = Named::read(&body)?.name;
    let Json(entry) = library::show(State(shared), UrlPath(name)).await?;
    Ok(entry.text.unwrap_or_default())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Upload {
    stackfile: String,
    /// What problems call it; clients of old do not say.
    file: String,
    layer: String,
    parent: String,
}

async fn create_stack(State(shared): State<Arc<Shared>>, body: Bytes) -> Answer {
    put(shared, read(&body)?, None, None).await
}

async fn create_layer(State(shared): State<Arc<Shared>>, body: Bytes) -> Answer {
    let mut upload: Upload = read(&body)?;
    let level = std::mem::take(&mut upload.layer);
    if smack_stack::Level::parse(&level).is_none() {
        let text = format!("Invalid layer: {level:?} is none of zone, cluster and datacenter");
        return Err(bad(text));
    }
    let parent = Some(std::mem::take(&mut upload.parent)).filter(|parent| !parent.is_empty());
    put(shared, upload, Some(level), parent).await
}

/// As of old whatever is wrong with an upload is a bad request.
async fn put(
    shared: Arc<Shared>,
    upload: Upload,
    level: Option<String>,
    parent: Option<String>,
) -> Answer {
    let file = Some(upload.file).filter(|file| !file.is_empty());
    let body = wire::LibraryBody {
        source: wire::SourceText {
            file: file.unwrap_or_else(|| "Stackfile".to_owned()),
            text: upload.stackfile,
        },
        level,
        parent,
        replace: false,
    };
    match library::add(State(shared), Json(body)).await {
        Ok(_) => Ok(String::new()),
        Err(refused) => Err(bad(Said::from(refused).1)),
    }
}

async fn remove(State(shared): State<Arc<Shared>>, body: Bytes) -> Answer {
    let Named { name, force } = Named::read(&body)?;
    let removal = library::Removal { force };
    match library::remove(State(shared), UrlPath(name), Query(removal)).await {
        Ok(_) => Ok(String::new()),
        Err(refused) => Err(bad(Said::from(refused).1)),
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Run {
    name: String,
    zone: String,
    maxwait: Option<u64>,
    variables: BTreeMap<String, String>,
    skip: Vec<String>,
}

/// Answers when everything is as it should be, or cannot become so, or takes too long.
async fn run(State(shared): State<Arc<Shared>>, body: Bytes) -> Answer {
    let asked: Run = read(&body)?;
    if asked.name.is_empty() {
        return Err(bad("Stack name required"));
    }
    let began = clock::now();
    let body = wire::RunBody {
        name: Some(asked.name),
        zone: Some(asked.zone).filter(|zone| !zone.is_empty()),
        vars: asked.variables.into_iter().collect(),
        skip: asked.skip,
        ..wire::RunBody::default()
    };
    let Json(answer) = runs::run(State(Arc::clone(&shared)), Json(body)).await?;
    let (zone, name) = answer.vdc.split_once('/').unwrap_or_default();
    let id = super::vdc_id(zone, name)?;
    let limit = Duration::from_secs(asked.maxwait.unwrap_or(WAIT_DEFAULT));
    settled(&shared, &id, began, limit).await
}

/// As of old the limit is that of each application: it begins anew whenever one more is ready.
async fn settled(shared: &Shared, id: &VdcId, began: Timestamp, limit: Duration) -> Answer {
    let mut published = shared.published.clone();
    let mut deadline = Instant::now() + SEEN_WITHIN;
    let mut ready_before = None;
    loop {
        let view = Arc::clone(&published.borrow_and_update().view);
        let found = view.vdcs.get(id).cloned();
        // The state may still be the one from before.
        let current = found.filter(|vdc| vdc.record.updated >= began);
        if let Some(vdc) = &current {
            if vdc.is_converged() {
                return Ok(String::new());
            }
            if vdc.state == SystemState::Failed {
                let text = format!("{id} cannot go on:{}", causes(&view, vdc));
                return Err(Said(StatusCode::INTERNAL_SERVER_ERROR, text));
            }
            let ready = Some(vdc.systems.iter().filter(|system| system.ready).count());
            if ready > ready_before {
                ready_before = ready;
                deadline = Instant::now() + limit;
            }
        }
        match tokio::time::timeout_at(deadline, published.changed()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Err(Refused::ending().into()),
            Err(_) => {
                let seconds = limit.as_secs();
                return Err(match current {
                    Some(vdc) => {
                        let text = format!(
                            "{id} is not there after {seconds} s:{}",
                            causes(&view, &vdc)
                        );
                        Said(StatusCode::GATEWAY_TIMEOUT, text)
                    }
                    None => Said(StatusCode::CONFLICT, format!("{id} has been taken down")),
                });
            }
        }
    }
}

/// What keeps it from being ready, a line each.
fn causes(view: &View, vdc: &VdcStatus) -> String {
    fn tell(cause: &Cause, depth: usize, text: &mut String) {
        let _ = write!(
            text,
            "\n{:indent$}{}: {}",
            "",
            cause.subject,
            cause.text,
            indent = 2 + depth * 2
        );
        for because in &cause.because {
            tell(because, depth + 1, text);
        }
    }
    let mut text = String::new();
    for cause in smack_scheduler::why(view, vdc, None, None, clock::now()) {
        tell(&cause, 0, &mut text);
    }
    text
}

/// A job that runs by the clock, as of old.
#[derive(Debug, Serialize)]
struct ByTheClock {
    id: i64,
    name: String,
    start_time: String,
    time_schedule: String,
    #[serde(skip)]
    path: (VdcId, Name),
}

/// All that have a schedule which was not taken away.
fn by_the_clock(shared: &Shared) -> Vec<ByTheClock> {
    let published = shared.published.borrow();
    let mut found = Vec::new();
    for (vdc, status) in &published.view.vdcs {
        for system in &status.systems {
            let Some(clock) = system.clock.as_ref().filter(|clock| !clock.rounds.off) else {
                continue;
            };
            let Some(id) = &system.id else { continue };
            let text = clock.schedule.calendar.to_string();
            let start = clock.schedule.start.as_ref().map(ToString::to_string);
            found.push(ByTheClock {
                id: number(&id.path()),
                name: id.path(),
                start_time: start.unwrap_or_default(),
                time_schedule: text,
                path: (vdc.clone(), id.application.clone()),
            });
        }
    }
    found
}

/// 63 bits that stay: of the hash of its path.
fn number(path: &str) -> i64 {
    let digest = Digest::of(path.as_bytes()).0;
    let bits = u64::from_str_radix(&digest[..16], 16).unwrap_or(0);
    (bits >> 1).cast_signed()
}

async fn scheduled(State(shared): State<Arc<Shared>>) -> Json<Vec<ByTheClock>> {
    Json(by_the_clock(&shared))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Scheduled {
    id: i64,
}

async fn unschedule(State(shared): State<Arc<Shared>>, body: Bytes) -> Answer {
    let Scheduled { id } = read(&body)?;
    let found = by_the_clock(&shared)
        .into_iter()
        .find(|known| known.id == id);
    let Some(ByTheClock {
        path: (vdc, application),
        ..
    }) = found
    else {
        let text = format!("Task {id} not found");
        return Err(Said(StatusCode::NOT_FOUND, text));
    };
    let command = Command::Unschedule { vdc, application };
    shared.command(command, Vec::new()).await?;
    Ok(format!("{id} deleted"))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn names_are_read_as_the_text_they_are() {
        for plain in ["cassandra", "dse-mesos-0.2.x", "Zone_1"] {
            assert_eq!(quoted(plain), plain);
        }
        for (name, expected) in [
            ("yes", "\"yes\""),
            ("1", "\"1\""),
            ("a: b", "\"a: b\""),
            ("", "\"\""),
        ] {
            assert_eq!(quoted(name), expected);
        }
    }
}
