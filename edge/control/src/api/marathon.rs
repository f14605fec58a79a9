//! Marathon's API as far as small clients need it: apps, their tasks, restarts and deployments. An app that is sent is a virtual
//! data center of the zone `default` that is called by its path and made of its JSON; those of a file that was run are changed
//! in it. What is not there the manual says (`docs/marathon.md`).

mod answers;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path as UrlPath, Query, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router, body::Bytes};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use smack_model::{Name, Severity, Timestamp, VdcId};
use smack_scheduler::{Command, Verb};

use super::{Refused, Shared, runs, verbs};
use crate::{clock, wire};
use answers::App;

/// What was asked for is in the view after this, or something is wrong.
const SEEN_WITHIN: Duration = Duration::from_secs(5);

pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/ping", get(async || "pong"))
        .route("/v2/info", get(info))
        .route("/v2/leader", get(leader))
        .route("/v2/apps", get(list).post(create).put(put_all))
        .route(
            "/v2/apps/{*path}",
            get(one).put(put).patch(put).delete(delete).post(act),
        )
        .route("/v2/deployments", get(deployments))
        .route("/v2/tasks", get(tasks))
}

/// A refusal as Marathon says it.
#[derive(Debug)]
pub(super) struct Told(StatusCode, Value);

type Answer = Result<Response, Told>;

impl IntoResponse for Told {
    fn into_response(self) -> Response {
        (self.0, Json(self.1)).into_response()
    }
}

impl From<Refused> for Told {
    fn from(refused: Refused) -> Self {
        let wire::Refusal {
            error,
            hint,
            problems,
        } = refused.body;
        let errors = problems
            .iter()
            .filter(|problem| problem.severity == Severity::Error);
        let errors: Vec<String> = errors.map(ToString::to_string).collect();
        if errors.is_empty() {
            let hint = hint.map_or_else(String::new, |hint| format!("; {hint}"));
            return message(refused.status, format!("{error}{hint}"));
        }
        let body = json!({
            "message": "Object is not valid",
            "details": [{"path": "/", "errors": errors}],
        });
        Self(refused.status, body)
    }
}

fn message(status: StatusCode, text: String) -> Told {
    Told(status, json!({"message": text}))
}

fn unknown(path: &str) -> Told {
    message(
        StatusCode::NOT_FOUND,
        format!("App '{path}' does not exist"),
    )
}

/// A body of JSON that is a map.
fn read(body: &[u8]) -> Result<Map<String, Value>, Told> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => {
            let text = "Object is not valid: an app is a map".to_owned();
            Err(message(StatusCode::UNPROCESSABLE_ENTITY, text))
        }
        Err(error) => Err(message(
            StatusCode::BAD_REQUEST,
            format!("Invalid JSON: {error}"),
        )),
    }
}

/// `/prod/web` of `prod/web`, `/prod/web/` and itself.
fn absolute(id: &str) -> String {
    format!("/{}", id.trim_matches('/'))
}

/// What the virtual data center of an app is called.
fn vdc_of(path: &str) -> Result<VdcId, Told> {
    let label = path.trim_matches('/').replace(['/', '.', '_'], "-");
    let name = Name::new(&label);
    let name = name.map_err(|why| {
        let text = format!("Object is not valid: {path:?} is no id: {why}");
        message(StatusCode::UNPROCESSABLE_ENTITY, text)
    })?;
    Ok(VdcId {
        zone: Name::new("default").expect("a DNS label"),
        name,
    })
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Filter {
    id: Option<String>,
    cmd: Option<String>,
    label: Option<String>,
}

async fn info(State(shared): State<Arc<Shared>>) -> Json<Value> {
    Json(answers::info(&shared))
}

async fn leader() -> Json<Value> {
    Json(json!({"leader": answers::LEADER}))
}

async fn list(State(shared): State<Arc<Shared>>, Query(filter): Query<Filter>) -> Answer {
    let mut apps = Vec::new();
    for app in answers::all(&shared)? {
        if app.fits(&filter) {
            apps.push(app.shown(false));
        }
    }
    Ok(Json(json!({"apps": apps})).into_response())
}

async fn create(State(shared): State<Arc<Shared>>, body: Bytes) -> Answer {
    let definition = read(&body)?;
    let path = absolute(
        definition
            .get("id")
            .and_then(Value::as_str)
            .unwrap_or_default(),
    );
    if answers::find(&shared, &path)?.is_some() {
        let text = format!("An app with id [{path}] already exists.");
        return Err(message(StatusCode::CONFLICT, text));
    }
    let app = run(&shared, &path, definition).await?;
    let id = app.deployment();
    let answer = (StatusCode::CREATED, Json(app.shown(true)));
    Ok(with_deployment(&id, answer.into_response()))
}

/// What follows the path of an app in an address.
fn split(path: &str) -> (String, Option<&'static str>) {
    for what in ["restart", "tasks", "versions"] {
        if let Some(path) = path
            .strip_suffix(what)
            .and_then(|rest| rest.strip_suffix('/'))
        {
            return (absolute(path), Some(what));
        }
    }
    (absolute(path), None)
}

async fn one(State(shared): State<Arc<Shared>>, UrlPath(path): UrlPath<String>) -> Answer {
    let (path, what) = split(&path);
    let app = answers::find(&shared, &path)?.ok_or_else(|| unknown(&path))?;
    let answer = match what {
        None => json!({"app": app.shown(true)}),
        Some("tasks") => json!({"tasks": app.tasks()}),
        Some("versions") => json!({"versions": [app.version()]}),
        Some(_) => return Err(not_so(&path)),
    };
    Ok(Json(answer).into_response())
}

fn not_so(path: &str) -> Told {
    let text = format!("{} is not asked for so", absolute(path));
    message(StatusCode::METHOD_NOT_ALLOWED, text)
}

async fn put(
    State(shared): State<Arc<Shared>>,
    UrlPath(path): UrlPath<String>,
    body: Bytes,
) -> Answer {
    let (path, None) = split(&path) else {
        return Err(not_so(&path));
    };
    let (app, is_new) = changed(&shared, &path, read(&body)?).await?;
    let status = if is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok(deployed(status, &app))
}

async fn put_all(State(shared): State<Arc<Shared>>, body: Bytes) -> Answer {
    let all: Vec<Map<String, Value>> = serde_json::from_slice(&body)
        .map_err(|error| message(StatusCode::BAD_REQUEST, format!("Invalid JSON: {error}")))?;
    let mut last = None;
    for definition in all {
        let id = definition.get("id").and_then(Value::as_str);
        let path = absolute(id.unwrap_or_default());
        last = Some(changed(&shared, &path, definition).await?.0);
    }
    match last {
        Some(app) => Ok(deployed(StatusCode::OK, &app)),
        None => Ok(Json(json!({})).into_response()),
    }
}

/// What a body does not say stays as it is; null takes it away. Whether the app is new comes with it.
async fn changed(
    shared: &Arc<Shared>,
    path: &str,
    body: Map<String, Value>,
) -> Result<(App, bool), Told> {
    let known = answers::find(shared, path)?;
    let is_new = known.is_none();
    let mut definition = match &known {
        Some(app) => app.definition.clone(),
        None => Map::new(),
    };
    for (key, value) in body {
        if key == "id" {
            continue;
        }
        if value.is_null() {
            definition.remove(&key);
        } else {
            definition.insert(key, value);
        }
    }
    let app = match known {
        Some(mut app) => {
            app.file.replace(path, &Value::Object(definition));
            again(shared, &app).await?
        }
        None => run(shared, path, definition).await?,
    };
    Ok((app, is_new))
}

/// Runs an app that is not there, as a virtual data center of its own.
async fn run(
    shared: &Arc<Shared>,
    path: &str,
    mut definition: Map<String, Value>,
) -> Result<App, Told> {
    let vdc = vdc_of(path)?;
    let up = shared.published.borrow().view.vdcs.get(&vdc).cloned();
    if let Some(up) = up {
        let text = if up.record.down {
            format!("{vdc} is still ending: try again when it has")
        } else {
            format!("{vdc} is up, and is no app")
        };
        return Err(message(StatusCode::CONFLICT, text));
    }
    definition.insert("id".to_owned(), path.into());
    let text = serde_json::to_string_pretty(&definition).unwrap_or_default();
    let body = wire::RunBody {
        stack: Some(wire::SourceText {
            file: format!("{}.json", vdc.name),
            text,
        }),
        run_as: Some(vdc.name.to_string()),
        ..wire::RunBody::default()
    };
    carry_out(shared, &vdc, body).await?;
    answers::find(shared, path)?.ok_or_else(|| unknown(path))
}

/// Runs the virtual data center of an app again, from its changed file.
async fn again(shared: &Arc<Shared>, app: &App) -> Result<App, Told> {
    let id = &app.vdc.record.id;
    let current = Query(runs::Showing::default());
    let Json(sources) = runs::sources(State(Arc::clone(shared)), of(id), current).await?;
    let body = wire::RunBody {
        stack: Some(wire::SourceText {
            file: sources.stack.file,
            text: app.file.text(),
        }),
        parents: sources.parents,
        zone: Some(sources.zone),
        run_as: Some(sources.run_as),
        vars: sources.vars,
        skip: sources.skip,
        ..wire::RunBody::default()
    };
    carry_out(shared, id, body).await?;
    let mut apps = answers::all(shared)?;
    apps.retain(|known| known.vdc.record.id == *id);
    // One that was taken out: its deployment is that of the others.
    let place = apps.iter().position(|known| known.path == app.path);
    match apps.is_empty() {
        true => Err(unknown(&app.path)),
        false => Ok(apps.swap_remove(place.unwrap_or(0))),
    }
}

async fn carry_out(shared: &Arc<Shared>, id: &VdcId, body: wire::RunBody) -> Result<(), Told> {
    let began = clock::now();
    drop(runs::run(State(Arc::clone(shared)), Json(body)).await?);
    seen(shared, id, began).await;
    Ok(())
}

fn of(id: &VdcId) -> UrlPath<(String, String)> {
    UrlPath((id.zone.to_string(), id.name.to_string()))
}

/// Waits until the view is as young as what was asked for.
async fn seen(shared: &Shared, id: &VdcId, since: Timestamp) {
    let mut published = shared.published.clone();
    let is_young = |published: &crate::decider::Published| {
        let vdc = published.view.vdcs.get(id);
        vdc.is_some_and(|vdc| vdc.record.updated >= since)
    };
    let young = published.wait_for(is_young);
    if tokio::time::timeout(SEEN_WITHIN, young).await.is_err() {
        tracing::warn!(%id, "what was asked for is not seen yet");
    }
}

/// The last app of a virtual data center ends that.
async fn delete(State(shared): State<Arc<Shared>>, UrlPath(path): UrlPath<String>) -> Answer {
    let (path, None) = split(&path) else {
        return Err(not_so(&path));
    };
    let mut app = answers::find(&shared, &path)?.ok_or_else(|| unknown(&path))?;
    if app.file.remove(&path) {
        return Ok(deployed(StatusCode::OK, &again(&shared, &app).await?));
    }
    let id = &app.vdc.record.id;
    let began = clock::now();
    let body = Json(wire::DownBody::default());
    let Json(()) = verbs::down(State(Arc::clone(&shared)), of(id), body).await?;
    seen(&shared, id, began).await;
    Ok(deployed(StatusCode::OK, &app))
}

async fn act(State(shared): State<Arc<Shared>>, UrlPath(path): UrlPath<String>) -> Answer {
    let (path, Some("restart")) = split(&path) else {
        return Err(not_so(&path));
    };
    let app = answers::find(&shared, &path)?.ok_or_else(|| unknown(&path))?;
    let command = Command::Verb {
        vdc: app.vdc.record.id.clone(),
        application: Name::new(&app.application()).ok(),
        task: None,
        verb: Verb::Restart,
    };
    shared.command(command, Vec::new()).await?;
    Ok(deployed(StatusCode::OK, &app))
}

fn deployed(status: StatusCode, app: &App) -> Response {
    let id = app.deployment();
    let body = json!({"version": app.version(), "deploymentId": id});
    with_deployment(&id, (status, Json(body)).into_response())
}

fn with_deployment(id: &str, mut response: Response) -> Response {
    if let Ok(value) = HeaderValue::from_str(id) {
        let name = HeaderName::from_static("marathon-deployment-id");
        response.headers_mut().insert(name, value);
    }
    response
}

async fn deployments(State(shared): State<Arc<Shared>>) -> Answer {
    Ok(Json(answers::deployments(&shared)?).into_response())
}

async fn tasks(State(shared): State<Arc<Shared>>) -> Answer {
    let apps = answers::all(&shared)?;
    let tasks: Vec<Value> = apps.iter().flat_map(App::tasks).collect();
    Ok(Json(json!({"tasks": tasks})).into_response())
}
