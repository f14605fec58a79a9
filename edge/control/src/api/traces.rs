//! Traces, derived from the journal whenever somebody asks.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path as UrlPath, Query, State};
use serde::Deserialize;
use smack_scheduler::trace::{Trace, Tracers};
use smack_store::{Seq, Unavailable};

use super::{Answer, Refused, Shared};
use crate::exporter::entry;
use crate::{clock, wire};

/// Entries read at once.
const PAGE: usize = 1_000;
const LIMIT: usize = 100;
const LIMIT_MAX: usize = 10_000;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    /// `zone/name`; absent: of all.
    vdc: Option<String>,
    limit: Option<usize>,
}

pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    Query(asked): Query<Asked>,
) -> Answer<Vec<wire::TraceLine>> {
    let limit = asked.limit.unwrap_or(LIMIT).min(LIMIT_MAX);
    let mut lines = read(shared, Vec::new(), move |lines, trace| {
        if asked.vdc.as_ref().is_some_and(|vdc| *vdc != trace.vdc) {
            return;
        }
        // What was told before is told better now.
        let of_it = |known: &wire::TraceLine| known.id == trace.id;
        match lines.iter().rposition(of_it) {
            Some(index) => lines[index] = line(&trace),
            None => lines.push(line(&trace)),
        }
    })
    .await?;
    lines.sort_by_key(|line| std::cmp::Reverse(line.began_ms));
    lines.truncate(limit);
    Ok(Json(lines))
}

pub(super) async fn one(
    State(shared): State<Arc<Shared>>,
    UrlPath(id): UrlPath<String>,
) -> Answer<Trace> {
    let wanted = id.clone();
    let found = read(shared, None, move |found, trace| {
        if trace.id == wanted {
            *found = Some(trace);
        }
    });
    let found = found.await?;
    let unknown = || {
        Refused::not_found(format!("there is no trace {id}"))
            .hint("`smack trace --list` shows those that the journal still tells of")
    };
    Ok(Json(found.ok_or_else(unknown)?))
}

/// Goes through the whole journal, away from the thread that answers, and gives every trace to `take`.
async fn read<T: Send + 'static>(
    shared: Arc<Shared>,
    mut found: T,
    mut take: impl FnMut(&mut T, Trace) + Send + 'static,
) -> Result<T, Refused> {
    let reading = tokio::task::spawn_blocking(move || {
        let (mut tracers, mut after) = (Tracers::default(), Seq(0));
        loop {
            // Others may read between two pages.
            let entries = shared.reader().after(after, PAGE)?;
            for entry in entries.iter().map(entry) {
                if let Some(trace) = tracers.take(&entry) {
                    take(&mut found, trace);
                }
            }
            match entries.last() {
                Some(last) => after = last.seq,
                None => break,
            }
        }
        for trace in tracers.underway(clock::now()) {
            take(&mut found, trace);
        }
        Ok::<T, Unavailable>(found)
    });
    let found = reading.await.map_err(|_| Refused::ending())?;
    Ok(found?)
}

fn line(trace: &Trace) -> wire::TraceLine {
    wire::TraceLine {
        id: trace.id.clone(),
        vdc: trace.vdc.clone(),
        title: trace.title(),
        began_ms: trace.began_ms,
        elapsed_ms: trace.elapsed_ms(),
        outcome: trace.outcome.word().to_owned(),
        spans: trace.spans.len(),
    }
}
