//! Follows the journal of everything: a tracer for each VDC that it tells of, for as long as there is one.

use std::collections::BTreeMap;

use smack_model::{Name, Timestamp, VdcId};

use super::{Entry, Trace, Tracer};

/// A tracer for every VDC.
#[derive(Debug, Default)]
pub struct Tracers(BTreeMap<VdcId, Tracer>);

impl Tracers {
    /// Takes the next entry of the journal; a trace that is complete now, or that tells of something given up.
    pub fn take(&mut self, entry: &Entry) -> Option<Trace> {
        let vdc = vdc(&entry.note.subject)?;
        let tracer = self
            .0
            .entry(vdc.clone())
            .or_insert_with(|| Tracer::new(&vdc));
        let trace = tracer.take(entry);
        if trace.as_ref().is_some_and(|trace| trace.name == "down") && !tracer.is_underway() {
            self.0.remove(&vdc);
        }
        trace
    }

    /// Those that have not ended, as far as they have come.
    pub fn underway(&self, now: Timestamp) -> impl Iterator<Item = Trace> {
        self.0
            .values()
            .filter_map(move |tracer| tracer.underway(now))
    }
}

/// `zone/name` at the beginning of an identity path.
fn vdc(subject: &str) -> Option<VdcId> {
    let mut labels = subject.split('/');
    let (zone, name) = (labels.next()?, labels.next()?);
    Some(VdcId {
        zone: Name::new(zone).ok()?,
        name: Name::new(name).ok()?,
    })
}
