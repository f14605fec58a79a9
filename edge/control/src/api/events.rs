//! The journal, with long waiting.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Query, State};
use serde::Deserialize;
use smack_store::{Filter, Seq};

use super::{Answer, Shared};
use crate::wire;

/// Nobody waits longer than this for one answer.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// An answer has no more events than this, whatever is asked.
const LIMIT_MAX: usize = 1_000;

#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    after: u64,
    limit: Option<usize>,
    /// Only the newest so many, and no waiting.
    last: Option<usize>,
    /// The start of the subjects that are wanted: `default/pipeline`.
    #[serde(default)]
    subject: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    wait_ms: u64,
}

pub(super) async fn events(
    State(shared): State<Arc<Shared>>,
    Query(asked): Query<Asked>,
) -> Answer<Vec<wire::Event>> {
    let deadline = tokio::time::Instant::now() + Duration::from_millis(asked.wait_ms).min(WAIT_MAX);
    let filter = Filter {
        subject: &asked.subject,
        kind: &asked.kind,
    };
    if let Some(last) = asked.last {
        let entries = shared.reader().newest(filter, last.min(LIMIT_MAX))?;
        return Ok(Json(entries.iter().map(event).collect()));
    }
    let limit = asked.limit.unwrap_or(LIMIT_MAX).min(LIMIT_MAX);
    let (mut published, mut after) = (shared.published.clone(), Seq(asked.after));
    loop {
        published.mark_unchanged();
        let (end, entries) = {
            let reader = shared.reader();
            let end = reader.newest(Filter::default(), 1)?;
            (end, reader.select(filter, after, limit)?)
        };
        if !entries.is_empty() {
            return Ok(Json(entries.iter().map(event).collect()));
        }
        // What was there and not wanted is not looked at again.
        after = end.last().map_or(after, |end| end.seq.max(after));
        match tokio::time::timeout_at(deadline, published.changed()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return Ok(Json(Vec::new())),
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
