//! What tasks write, merged or one alone, as it is or as it comes.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path as UrlPath, Query, State};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use serde::Deserialize;
use smack_grids::logs::{Stream, last_lines, read};
use smack_scheduler::VdcStatus;

use super::status::attempt;
use super::{Refused, Shared, VdcPath};

#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    application: Option<String>,
    task: Option<String>,
    /// Of each stream, before following.
    lines: Option<usize>,
    #[serde(default)]
    follow: bool,
}

/// How often a followed log is looked at.
const FOLLOW_EVERY: Duration = Duration::from_millis(100);
const LINES: usize = 100;
const READ_MAX: usize = 1 << 20;

/// One stream of one attempt that is being read.
struct Source {
    /// Before every line; empty if there is only one task.
    prefix: String,
    sandbox: PathBuf,
    stream: Stream,
    next: u64,
    /// A line that has not ended yet.
    rest: Vec<u8>,
}

pub(super) async fn logs(
    State(shared): State<Arc<Shared>>,
    UrlPath((zone, name)): VdcPath,
    Query(asked): Query<Asked>,
) -> Result<Response, Refused> {
    let vdc = shared.vdc(&zone, &name)?;
    let mut followed = sources(&shared, &vdc, &asked)?;
    let mut first = Vec::new();
    for source in &mut followed {
        let lines = asked.lines.unwrap_or(LINES);
        let chunk = last_lines(&source.sandbox, source.stream, lines).unwrap_or_default();
        source.next = chunk.next();
        source.take(&chunk.bytes, &mut first);
    }
    if !asked.follow {
        for source in &mut followed {
            source.flush(&mut first);
        }
        return Ok(Response::new(Body::from(first)));
    }
    let state = (shared, zone, name, asked, followed, Some(first));
    let stream = stream::unfold(
        state,
        |(shared, zone, name, asked, mut followed, first)| async move {
            if let Some(first) = first {
                let bytes = Bytes::from(first);
                return Some((
                    Ok::<_, Infallible>(bytes),
                    (shared, zone, name, asked, followed, None),
                ));
            }
            loop {
                tokio::time::sleep(FOLLOW_EVERY).await;
                let mut out = Vec::new();
                for source in &mut followed {
                    if let Ok(chunk) = read(&source.sandbox, source.stream, source.next, READ_MAX) {
                        source.next = chunk.next();
                        source.take(&chunk.bytes, &mut out);
                    }
                }
                // A restarted task writes into another sandbox; a VDC that is down has nothing more to say.
                let vdc = shared.vdc(&zone, &name).ok()?;
                for new in sources(&shared, &vdc, &asked).ok()? {
                    let is_new =
                        |old: &Source| old.sandbox != new.sandbox || old.stream != new.stream;
                    if followed.iter().all(is_new) {
                        followed.push(new);
                    }
                }
                if !out.is_empty() {
                    return Some((
                        Ok(Bytes::from(out)),
                        (shared, zone, name, asked, followed, None),
                    ));
                }
            }
        },
    );
    Ok(Response::new(Body::from_stream(stream)))
}

fn sources(shared: &Shared, vdc: &VdcStatus, asked: &Asked) -> Result<Vec<Source>, Refused> {
    let wants = |wanted: &Option<String>, name: &str| {
        wanted
            .as_deref()
            .is_none_or(|wanted| wanted.eq_ignore_ascii_case(name))
    };
    let mut named = Vec::new();
    for system in vdc
        .systems
        .iter()
        .filter(|system| wants(&asked.application, system.application()))
    {
        for state in system
            .tasks
            .iter()
            .filter(|state| wants(&asked.task, state.name.as_str()))
        {
            named.push((system.application(), state.name.as_str()));
        }
    }
    if named.is_empty() {
        let what = [asked.application.as_deref(), asked.task.as_deref()];
        let what = what.into_iter().flatten().collect::<Vec<_>>().join("/");
        return Err(Refused::not_found(format!(
            "{} has no {what}",
            vdc.record.id
        )));
    }
    let merged = named.len() > 1;
    let mut sources = Vec::new();
    for (application, task) in named {
        let Some(id) = attempt(vdc, application, task) else {
            continue;
        };
        let prefix = if merged {
            format!("{application}/{task} | ")
        } else {
            String::new()
        };
        for stream in [Stream::Output, Stream::Errors] {
            let (prefix, sandbox) = (prefix.clone(), shared.grid.sandbox(&id));
            sources.push(Source {
                prefix,
                sandbox,
                stream,
                next: 0,
                rest: Vec::new(),
            });
        }
    }
    Ok(sources)
}

impl Source {
    /// Adds the whole lines of `bytes` to `out` and keeps the rest.
    fn take(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.rest.extend_from_slice(bytes);
        let Some(end) = self.rest.iter().rposition(|byte| *byte == b'\n') else {
            return;
        };
        let rest = self.rest.split_off(end + 1);
        for line in self.rest.split_inclusive(|byte| *byte == b'\n') {
            out.extend_from_slice(self.prefix.as_bytes());
            out.extend_from_slice(line);
        }
        self.rest = rest;
    }

    fn flush(&mut self, out: &mut Vec<u8>) {
        if !self.rest.is_empty() {
            self.rest.push(b'\n');
            self.take(&[], out);
        }
    }
}
