//! `uses:` at the top of the files: other virtual data centers by a name of this stack's own, so that
//! `dependencies: [telemetry.kafka]` and `${telemetry.kafka.brokers}` mean something. Knows nothing of what is up.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use smack_model::{ApplicationPath, Name, Place, Problem, Problems, VdcId};

use crate::chain::to_name;
use crate::document::Document;
use crate::exports::Exports;
use crate::merge::{self, Context};
use crate::near::near;
use crate::substitute::{Filling, Variables};
use crate::value::{Data, Map, Value};

/// What stands in the place of a zone's name for the own one.
const SAME: &str = "same";
const FORM: &str = "uses: {telemetry: {run: telemetry, zone: same}}";

/// A virtual data center that a stack uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    pub vdc: VdcId,
    pub place: Place,
}

/// The uses of a run by the name that the stack gives them.
#[derive(Default)]
pub(crate) struct Uses {
    pub(crate) all: BTreeMap<Name, Usage>,
    /// Names that say nothing sound; whoever needs them is not blamed.
    broken: BTreeSet<String>,
}

/// What a text like `telemetry.kafka` means.
pub(crate) enum Found {
    Application(ApplicationPath),
    /// Told already, or told now.
    Wrong,
    /// No use has this name.
    Nothing,
}

/// Lays the blocks of all files over each other and reads them.
pub(crate) fn resolve(
    documents: &[Document],
    own: Option<&VdcId>,
    variables: &Variables,
    problems: &mut Problems,
) -> Uses {
    let mut merged = Map::new();
    for document in documents {
        let block = document.uses.clone();
        merge::into_map(&mut merged, block, Context::Plain, variables, problems);
    }
    merge::sweep(&mut merged, Context::Plain);
    let mut uses = Uses::default();
    let Some(own) = own else { return uses };
    for (key, value) in merged {
        match read(&key, &value, own, variables, problems) {
            Some((name, usage)) => drop(uses.all.insert(name, usage)),
            None => drop(uses.broken.insert(key.to_ascii_lowercase())),
        }
    }
    uses
}

fn read(
    key: &str,
    value: &Value,
    own: &VdcId,
    variables: &Variables,
    problems: &mut Problems,
) -> Option<(Name, Usage)> {
    let place = &value.place;
    let name = match Name::new(key) {
        Ok(name) => name,
        Err(reason) => {
            let hint = format!("a dot ends it in `dependencies: [telemetry.kafka]`: {reason}");
            let what = format!("{key:?} cannot be the name of a use");
            problems.push(Problem::error(Some(place), what).hint(hint));
            return None;
        }
    };
    let empty = Map::new();
    let map = match &value.data {
        Data::Map(map) => map,
        Data::Null => &empty,
        Data::Bool(_) | Data::Integer(_) | Data::Number(_) | Data::Text(_) | Data::List(_) => {
            let what = format!("uses.{key} wants a map, found {}", value.described());
            problems.push(Problem::error(Some(place), what).hint(FORM));
            return None;
        }
    };
    let errors_before = problems.0.len();
    for (inner, value) in map {
        if !["run", "zone"].contains(&inner.as_str()) {
            let problem = Problem::error(
                Some(&value.place),
                format!("unknown key {inner} in uses.{key}"),
            );
            problems.push(match near(inner, ["run", "zone"]) {
                Some(word) => problem.hint(format!("did you mean {word}?")),
                None => problem.hint(FORM),
            });
        }
    }
    let mut text = |inner: &str| -> Option<(String, Place)> {
        let value = map.get(inner).filter(|value| !value.is_null())?;
        let none = Exports::default();
        let filled = Filling::new(variables, &none, problems).fill(value.clone());
        let literal = filled.to_literal().filter(|text| !text.is_empty());
        if literal.is_none() {
            let what = format!(
                "uses.{key}.{inner} wants a name, found {}",
                value.described()
            );
            problems.push(Problem::error(Some(&value.place), what).hint(FORM));
        }
        Some((literal?, value.place.clone()))
    };
    let (run, zone) = (text("run"), text("zone"));
    let run = match run {
        Some((run, place)) => to_name(&run, &place, "run", problems),
        None => Some(name.clone()),
    };
    let zone = match zone.filter(|(zone, _)| zone != SAME) {
        Some((zone, place)) => to_name(&zone, &place, "zone", problems),
        None => Some(own.zone.clone()),
    };
    if problems.0[errors_before..]
        .iter()
        .any(|problem| problem.severity == smack_model::Severity::Error)
    {
        return None;
    }
    let vdc = VdcId {
        zone: zone?,
        name: run?,
    };
    if vdc == *own {
        let what = format!("{key} is {vdc}, which is this virtual data center itself");
        let hint = "its own applications are named without it: dependencies: [kafka]";
        problems.push(Problem::error(Some(place), what).hint(hint));
        return None;
    }
    let place = place.clone();
    Some((name, Usage { vdc, place }))
}

impl Uses {
    /// The application that `telemetry.kafka` stands for; dots of an old id are dashes, as in its own stack.
    pub(crate) fn find(&self, text: &str, place: &Place, problems: &mut Problems) -> Found {
        let Some((name, application)) = text.split_once('.') else {
            return Found::Nothing;
        };
        if self.broken.contains(&name.to_ascii_lowercase()) {
            return Found::Wrong;
        }
        let usage = Name::new(name).ok().and_then(|name| self.all.get(&name));
        let Some(usage) = usage else {
            return Found::Nothing;
        };
        match Name::new(&application.replace(['.', '_'], "-")) {
            Ok(application) => Found::Application(ApplicationPath::of(&usage.vdc, application)),
            Err(reason) => {
                let what = format!("{text} names no application of {}: {reason}", usage.vdc);
                problems
                    .push(Problem::error(Some(place), what).hint(format!("write {name}.kafka")));
                Found::Wrong
            }
        }
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.all.keys().map(Name::as_str)
    }

    /// A use and an application of one name would make `${telemetry.kafka}` two things.
    pub(crate) fn refuse_taken<'a>(
        &self,
        applications: impl Iterator<Item = (&'a Name, &'a Place)>,
        problems: &mut Problems,
    ) {
        for (id, place) in applications {
            if let Some(usage) = self.all.get(id) {
                let what = format!("{id} is the name of a use and of an application");
                let hint = format!(
                    "the application stands at {place}; call the use otherwise: uses: {{other-{id}: {{run: {}}}}}",
                    usage.vdc.name
                );
                problems.push(Problem::error(Some(&usage.place), what).hint(hint));
            }
        }
    }

    /// Tells of each use that no application depends on.
    pub(crate) fn notice_idle(&self, used: &BTreeSet<&VdcId>, problems: &mut Problems) {
        for (name, usage) in self
            .all
            .iter()
            .filter(|(_, usage)| !used.contains(&usage.vdc))
        {
            let what = format!("nothing depends on an application of {name}");
            let hint = format!("depend on one: dependencies: [{name}.kafka], or take the use out");
            problems.push(Problem::notice(Some(&usage.place), what).hint(hint));
        }
    }
}
