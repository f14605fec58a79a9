//! Sends complete traces away: to the Zipkin of their own VDC and to the collectors that the settings name. Follows the
//! journal as everybody may; the loop knows nothing of it, and what cannot be delivered is given up after a while.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use smack_model::Timestamp;
use smack_products::Reach;
use smack_scheduler::Note;
use smack_scheduler::trace::{Entry, Outcome, Trace, Tracers, otlp, zipkin};
use smack_store::{Reader, Seq};
use tokio::sync::{Semaphore, watch};

use crate::clock;
use crate::decider::Published;

mod collector;
mod post;
#[cfg(test)]
mod tests;

pub use collector::Collector;
use collector::Format;

/// Entries read at once.
const PAGE: usize = 1_000;
/// The journal is looked at so often at most.
const PAUSE: Duration = Duration::from_millis(100);
/// Deliveries under way; what comes on top is given up.
const UNDERWAY_MAX: usize = 64;
/// Requests to collectors at a time: each holds a thread that probes may need.
const REQUESTS_MAX: usize = 2;
/// In one request, so that no collector finds it too long.
const SPANS_MAX: usize = 1_000;

/// How long and how often a delivery is tried.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    first: Duration,
    longest: Duration,
    whole: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            longest: Duration::from_secs(60),
            whole: Duration::from_secs(600),
        }
    }
}

/// What became of the deliveries to one target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Count {
    sent: u64,
    given_up: u64,
    /// It was said that it fails, and it has not taken anything since.
    troubled: bool,
}

/// Sends traces until the server ends.
pub(crate) struct Exporter {
    published: watch::Receiver<Published>,
    reach: Arc<dyn Reach>,
    collectors: Vec<Collector>,
    patience: Patience,
    requests: Semaphore,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    underway: usize,
    /// By the name of the target.
    counts: BTreeMap<String, Count>,
}

/// Where a trace goes.
#[derive(Debug, Clone)]
enum Target {
    /// The Zipkin of the trace's own VDC: the name of the application.
    Own(String),
    Collector(Collector),
}

/// Why a delivery failed.
#[derive(Debug)]
enum Failure {
    /// It may go well later.
    Later(String),
    /// It will never.
    Never(String),
    /// There is nobody any more to deliver to.
    Gone,
}

/// An entry of the journal as core takes it.
pub(crate) fn entry(entry: &smack_store::Entry) -> Entry {
    Entry {
        seq: entry.seq.0,
        note: Note {
            at: Timestamp(entry.at_millis),
            subject: entry.subject.clone(),
            kind: entry.kind.clone(),
            text: serde_json::from_str(&entry.body).unwrap_or_else(|_| entry.body.clone()),
        },
    }
}

impl Exporter {
    pub(crate) fn new(
        published: watch::Receiver<Published>,
        reach: Arc<dyn Reach>,
        collectors: Vec<Collector>,
    ) -> Arc<Self> {
        Arc::new(Self {
            published,
            reach,
            collectors,
            patience: Patience::default(),
            requests: Semaphore::new(REQUESTS_MAX),
            state: Mutex::default(),
        })
    }

    /// Follows the journal from its beginning; what ended while no server could send it is sent now.
    pub(crate) async fn run(self: Arc<Self>, mut journal: Reader) {
        let (mut published, mut tracers) = (self.published.clone(), Tracers::default());
        let mut after = Seq(0);
        loop {
            published.mark_unchanged();
            loop {
                let read = tokio::task::spawn_blocking(move || {
                    let entries = journal.after(after, PAGE);
                    (journal, entries)
                });
                let entries = match read.await {
                    Ok((reader, entries)) => {
                        journal = reader;
                        entries
                    }
                    Err(error) => {
                        return tracing::error!(%error, "no traces are sent any more");
                    }
                };
                let entries = match entries {
                    Ok(entries) => entries,
                    Err(error) => {
                        tracing::debug!(%error, "the journal cannot be read now");
                        break;
                    }
                };
                for entry in entries.iter().map(entry) {
                    if let Some(trace) = tracers.take(&entry) {
                        self.send(trace);
                    }
                }
                match entries.last() {
                    Some(last) => after = last.seq,
                    None => break,
                }
            }
            tokio::time::sleep(PAUSE).await;
            if published.changed().await.is_err() {
                return;
            }
        }
    }

    /// Begins the deliveries of a trace, unless it is older than anything that is still tried.
    fn send(self: &Arc<Self>, trace: Trace) {
        let age = clock::now().since(Timestamp(trace.ended_ms));
        if !trace.is_complete() || u128::from(age.0) > self.patience.whole.as_millis() {
            return;
        }
        let trace = Arc::new(trace);
        let collectors = self.collectors.iter().cloned().map(Target::Collector);
        for target in self.own(&trace).into_iter().chain(collectors) {
            if !self.begin(&target, &trace) {
                continue;
            }
            let (exporter, trace) = (Arc::clone(self), Arc::clone(&trace));
            tokio::spawn(async move {
                exporter.deliver(&target, &trace).await;
                exporter.state().underway -= 1;
            });
        }
    }

    /// The Zipkins of the trace's own VDC; none once that goes down.
    fn own(&self, trace: &Trace) -> Vec<Target> {
        let published = self.published.borrow();
        let mut vdcs = published.view.vdcs.values();
        let vdc = vdcs.find(|vdc| vdc.record.id.to_string() == trace.vdc && !vdc.record.down);
        let systems = vdc.into_iter().flat_map(|vdc| &vdc.systems);
        systems
            .filter(|system| system.kind == "zipkin")
            .map(|system| Target::Own(system.application().to_owned()))
            .collect()
    }

    fn begin(&self, target: &Target, trace: &Trace) -> bool {
        let mut state = self.state();
        if state.underway < UNDERWAY_MAX {
            state.underway += 1;
            return true;
        }
        state.counts.entry(target.to_string()).or_default().given_up += 1;
        drop(state);
        tracing::warn!(%target, trace = trace.id, "too many traces wait to be sent, so this one is not");
        false
    }

    /// Tries until it goes well, with growing pauses, or until it is too late.
    async fn deliver(&self, target: &Target, trace: &Trace) {
        let deadline = tokio::time::Instant::now() + self.patience.whole;
        let mut pause = self.patience.first;
        loop {
            let reason = match self.post(target, trace).await {
                Ok(()) => return self.went_well(target, trace),
                Err(Failure::Gone) => return,
                Err(Failure::Never(reason)) => return self.gave_up(target, trace, &reason),
                Err(Failure::Later(reason)) => reason,
            };
            if tokio::time::Instant::now() + pause > deadline {
                return self.gave_up(target, trace, &reason);
            }
            self.failed(target, &reason);
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(self.patience.longest);
        }
    }

    async fn post(&self, target: &Target, trace: &Trace) -> Result<(), Failure> {
        match target {
            Target::Collector(collector) => {
                for body in bodies(trace, collector.format()) {
                    // Never closed.
                    let _permit = self.requests.acquire().await;
                    post::to_collector(collector, body).await?;
                }
            }
            Target::Own(application) => {
                for body in bodies(trace, Format::Zipkin) {
                    let url = self.spans_url(&trace.vdc, application)?;
                    post::inside(self.reach.as_ref(), &url, &body).await?;
                }
            }
        }
        Ok(())
    }

    /// Where the Zipkin of a VDC takes spans; known once it is ready.
    fn spans_url(&self, vdc: &str, application: &str) -> Result<String, Failure> {
        let published = self.published.borrow();
        let mut vdcs = published.view.vdcs.values();
        let vdc = vdcs.find(|known| known.record.id.to_string() == vdc);
        let vdc = vdc.filter(|vdc| !vdc.record.down).ok_or(Failure::Gone)?;
        let system = vdc.system(application).ok_or(Failure::Gone)?;
        let url = system.exports.get("spans").cloned();
        url.ok_or_else(|| Failure::Later(format!("{application} is not ready")))
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn went_well(&self, target: &Target, trace: &Trace) {
        let mut state = self.state();
        let count = state.counts.entry(target.to_string()).or_default();
        count.sent += 1;
        let (was_troubled, given_up) = (std::mem::take(&mut count.troubled), count.given_up);
        drop(state);
        if was_troubled {
            tracing::info!(%target, given_up, "takes traces again");
        }
        let (vdc, name, id) = (&trace.vdc, &trace.name, &trace.id);
        tracing::debug!(%target, vdc, name, id, spans = trace.spans.len(), "trace sent");
    }

    /// Said once until it goes well again.
    fn failed(&self, target: &Target, reason: &str) {
        let mut state = self.state();
        let count = state.counts.entry(target.to_string()).or_default();
        if !std::mem::replace(&mut count.troubled, true) {
            drop(state);
            tracing::warn!(%target, reason, "a trace cannot be sent now; it is tried again");
        }
    }

    fn gave_up(&self, target: &Target, trace: &Trace, reason: &str) {
        let mut state = self.state();
        let count = state.counts.entry(target.to_string()).or_default();
        count.given_up += 1;
        count.troubled = true;
        let given_up = count.given_up;
        drop(state);
        let (vdc, id) = (&trace.vdc, &trace.id);
        tracing::warn!(%target, vdc, id, given_up, reason, "a trace was not delivered");
    }
}

/// The requests that carry a trace.
fn bodies(trace: &Trace, format: Format) -> Vec<Vec<u8>> {
    let written = |value: &serde_json::Value| serde_json::to_vec(value).unwrap_or_default();
    match format {
        Format::Zipkin => {
            let spans = zipkin::spans(trace);
            let requests = spans.chunks(SPANS_MAX);
            requests.map(|spans| written(&spans.into())).collect()
        }
        Format::Otlp => {
            let requests = trace.spans.chunks(SPANS_MAX).map(|spans| Trace {
                spans: spans.to_vec(),
                critical: Vec::new(),
                outcome: Outcome::Done,
                id: trace.id.clone(),
                vdc: trace.vdc.clone(),
                name: trace.name.clone(),
                ..*trace
            });
            requests
                .map(|part| written(&otlp::request(&part)))
                .collect()
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own(application) => f.write_str(application),
            Self::Collector(collector) => collector.fmt(f),
        }
    }
}
