//! What people ask for: verbs and the end.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path as UrlPath, State};
use smack_model::Name;
use smack_scheduler::{Command, Ttl, Verb};

use super::{Answer, Refused, Shared, VdcPath, vdc_id};
use crate::wire;

pub(super) async fn verb(
    State(shared): State<Arc<Shared>>,
    UrlPath((zone, name)): VdcPath,
    Json(body): Json<wire::VerbBody>,
) -> Answer<()> {
    drop(shared.vdc(&zone, &name)?);
    let vdc = vdc_id(&zone, &name)?;
    let label = |text: Option<String>| {
        let name = text.as_deref().map(Name::new).transpose();
        name.map_err(|error| Refused::bad_request(error.to_string()))
    };
    let (application, task) = (label(body.application)?, label(body.task)?);
    let verb = match (body.verb.as_str(), body.gate) {
        ("operate", _) => Verb::Operate {
            operation: body
                .operation
                .ok_or_else(|| Refused::bad_request("operate needs an operation".to_owned()))?,
        },
        ("stop", _) => Verb::Stop,
        ("start", _) => Verb::Start,
        ("restart", _) => Verb::Restart,
        ("replace", _) => Verb::Replace,
        ("pause", _) => Verb::Pause,
        ("resume", _) => Verb::Resume,
        ("force", Some(gate)) => Verb::Force { gate },
        ("force", None) => return Err(Refused::bad_request("force needs a gate".to_owned())),
        (other, _) => return Err(Refused::bad_request(format!("{other:?} is no verb"))),
    };
    if task.is_some() && !matches!(verb, Verb::Restart | Verb::Replace | Verb::Force { .. }) {
        let error = format!(
            "{} is asked of a whole application, not of a task",
            body.verb
        );
        return Err(Refused::bad_request(error));
    }
    shared
        .command(
            Command::Verb {
                vdc,
                application,
                task,
                verb,
            },
            Vec::new(),
        )
        .await?;
    Ok(Json(()))
}

pub(super) async fn down(
    State(shared): State<Arc<Shared>>,
    UrlPath((zone, name)): VdcPath,
    Json(body): Json<wire::DownBody>,
) -> Answer<()> {
    drop(shared.vdc(&zone, &name)?);
    let vdc = vdc_id(&zone, &name)?;
    shared
        .command(
            Command::Down {
                vdc,
                keep_volumes: body.keep,
                force: body.force_users,
            },
            Vec::new(),
        )
        .await?;
    Ok(Json(()))
}

pub(super) async fn ttl(
    State(shared): State<Arc<Shared>>,
    UrlPath((zone, name)): VdcPath,
    Json(body): Json<wire::TtlBody>,
) -> Answer<()> {
    drop(shared.vdc(&zone, &name)?);
    let vdc = vdc_id(&zone, &name)?;
    let ttl = read_ttl(&body.ttl)?;
    shared
        .command(Command::Live { vdc, ttl }, Vec::new())
        .await?;
    Ok(Json(()))
}

/// How long something is to live, or why that is no time.
pub(super) fn read_ttl(text: &str) -> Result<Ttl, Refused> {
    wire::ttl(text)
        .map_err(|hint| Refused::bad_request(format!("{text:?} is no time to live")).hint(hint))
}
