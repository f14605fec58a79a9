//! `instances: all` follows the nodes as they come and go: what a revision comes to now is run as the next one.

use std::sync::Arc;

use axum::Json;
use smack_scheduler::{SystemState, VdcStatus};
use smack_stack::Value;

use super::{Refused, Revision, Shared, carry_out, prepare, stored};

/// Runs anew what has an application for each node, after nodes came or went: what its revision comes to now.
pub(crate) async fn follow_nodes(shared: Arc<Shared>) {
    let view = Arc::clone(&shared.published.borrow().view);
    for vdc in view.vdcs.values() {
        let goes = vdc.record.down || vdc.state == SystemState::Stopped;
        let followed = if goes {
            Ok(None)
        } else {
            follow(&shared, vdc).await
        };
        match followed {
            Ok(None) => {}
            Ok(Some(number)) => {
                tracing::info!(vdc = %vdc.record.id, revision = number, "follows the nodes");
            }
            Err(refused) => {
                tracing::warn!(vdc = %vdc.record.id, reason = refused.body.error, "does not follow the nodes");
            }
        }
    }
}

/// The number of its new revision, if it has to follow.
async fn follow(shared: &Arc<Shared>, vdc: &VdcStatus) -> Result<Option<u32>, Refused> {
    let mut revisions = stored(shared, &vdc.record.id)?.into_iter();
    let current = revisions.find(|revision| revision.number == vdc.record.revision);
    let Some(revision) = current.filter(may_follow) else {
        return Ok(None);
    };
    let ready = prepare(shared, revision).await?;
    let tasks = |application: &str| {
        let mut systems = vdc.systems.iter();
        let system = systems.find(|system| system.application() == application);
        system.map_or(0, |system| system.tasks.len())
    };
    let differs = ready.resolved.applications.values().any(|application| {
        let settings = application.settings.as_map();
        let instances = settings.and_then(|settings| settings.get("instances"));
        let is_each = instances.and_then(Value::to_literal).as_deref() == Some("all");
        let wanted = ready
            .specs
            .get(&application.id)
            .map(|spec| spec.tasks.len());
        is_each && wanted.is_some_and(|wanted| wanted != tasks(application.id.as_str()))
    });
    if !differs {
        return Ok(None);
    }
    let Json(answer) = carry_out(shared, ready, false, None).await?;
    Ok(Some(answer.revision))
}

/// Whether `instances: all` can come out of its texts.
fn may_follow(revision: &Revision) -> bool {
    let layers = revision.layers.values().map(|layer| &layer.source);
    let mut texts = layers
        .chain(revision.parents.values())
        .chain([&revision.stack]);
    texts.any(|source| source.text.contains("all"))
        || revision.vars.iter().any(|(_, value)| value == "all")
}
