//! The journal, with long waiting.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Query, State};
use serde::Deserialize;
use smack_store::Seq;

use super::{Answer, Shared};
use crate::wire;

/// Nobody waits longer than this for one answer.
const WAIT_MAX: Duration = Duration::from_secs(30);
const LIMIT_MAX: usize = 10_000;

#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    after: u64,
    limit: Option<usize>,
    /// The start of the subjects that are wanted: `default/pipeline`.
    subject: Option<String>,
    #[serde(default)]
    wait_ms: u64,
}

pub(super) async fn events(
    State(shared): State<Arc<Shared>>,
    Query(asked): Query<Asked>,
) -> Answer<Vec<wire::Event>> {
    let deadline = tokio::time::Instant::now() + Duration::from_millis(asked.wait_ms).min(WAIT_MAX);
    let mut published = shared.published.clone();
    let mut after = asked.after;
    let limit = asked.limit.unwrap_or(1000).min(LIMIT_MAX);
    loop {
        published.mark_unchanged();
        let entries = shared.reader().after(Seq(after), limit)?;
        let full = entries.len() == limit;
        if let Some(last) = entries.last() {
            after = last.seq.0;
        }
        let wanted = |entry: &smack_store::Entry| {
            let subject = asked.subject.as_deref().unwrap_or("");
            let rest = entry.subject.strip_prefix(subject);
            rest.is_some_and(|rest| subject.is_empty() || rest.is_empty() || rest.starts_with('/'))
        };
        let events: Vec<wire::Event> = entries
            .iter()
            .filter(|entry| wanted(entry))
            .map(event)
            .collect();
        if !events.is_empty() {
            return Ok(Json(events));
        }
        if full {
            continue;
        }
        match tokio::time::timeout_at(deadline, published.changed()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return Ok(Json(events)),
        }
    }
}

fn event(entry: &smack_store::Entry) -> wire::Event {
    wire::Event {
        seq: entry.seq.0,
        at_ms: entry.at_millis,
        subject: entry.subject.clone(),
        kind: entry.kind.clone(),
        text: serde_json::from_str(&entry.body).unwrap_or_else(|_| entry.body.clone()),
    }
}
