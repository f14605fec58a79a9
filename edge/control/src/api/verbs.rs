//! What people ask for: verbs and the end.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path as UrlPath, Query, State};
use smack_model::{Name, Problem, Problems, VdcId};
use smack_scheduler::{Command, Departure, Ttl, Verb};

use super::{Answer, Refused, Shared, VdcPath, vdc_id};
use crate::decider::Failure;
use crate::inside::Inside;
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
    match (body.force_data, body.keep) {
        (true, false) => {
            let refused =
                Refused::bad_request("data would be lost: force it only with keep".to_owned());
            return Err(refused.hint("smack down --keep --force data"));
        }
        (true, true) => {}
        (false, _) => refuse_loss(&shared, &vdc).await?,
    }
    shared
        .command(
            Command::Down {
                vdc,
                keep_volumes: body.keep,
                force: body.force_users,
                at_once: body.force_data,
            },
            Vec::new(),
        )
        .await?;
    Ok(Json(()))
}

pub(super) async fn plan_down(
    State(shared): State<Arc<Shared>>,
    UrlPath((zone, name)): VdcPath,
    Query(ending): Query<wire::DownBody>,
) -> Answer<Vec<wire::ApplicationPlan>> {
    drop(shared.vdc(&zone, &name)?);
    let vdc = vdc_id(&zone, &name)?;
    if !ending.force_data {
        refuse_loss(&shared, &vdc).await?;
    }
    let plans = shared
        .look(move |engine| engine.plan_down(&vdc, ending.keep, ending.force_users))
        .await?;
    let plans = plans.map_err(Failure::from)?;
    Ok(Json(plans.into_iter().map(Into::into).collect()))
}

/// An error if rows would be gone with the virtual data center although the systems that they are in go on.
async fn refuse_loss(shared: &Shared, vdc: &VdcId) -> Result<(), Refused> {
    let looked_at = vdc.clone();
    let departures = shared
        .look(move |engine| engine.departures(&looked_at))
        .await?;
    let reach = Inside(shared.grid.reach());
    let mut problems = Problems::default();
    for Departure {
        system,
        place,
        members,
    } in departures
    {
        let application = &system.application;
        match smack_products::only_in(&reach, &members, &place).await {
            Ok(keyspaces) => {
                for keyspace in keyspaces {
                    let what =
                        format!("{application}: keyspace {keyspace} is replicated only in {place}");
                    let hint = "give it copies elsewhere or drop it; --keep --force data goes without them";
                    problems.push(Problem::error(None, what).hint(hint));
                }
            }
            Err(reason) => {
                let what =
                    format!("{application}: it cannot be told what only {place} has: {reason}");
                let hint = "start a node of it; --keep --force data goes without asking";
                problems.push(Problem::error(None, what).hint(hint));
            }
        }
    }
    match problems.has_errors() {
        true => Err(Refused::problems(problems)),
        false => Ok(()),
    }
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
