//! The ids of a run's applications and of those that it uses, to find whose export `${dse-mesos-0.2.x.cassandraConnect}` is.

use std::collections::{BTreeMap, BTreeSet};

use smack_model::{ApplicationPath, Name};

/// The applications whose exports may be referred to.
#[derive(Default)]
pub(crate) struct Exports {
    /// Ids in lower case, as written and as DNS labels.
    by_id: BTreeMap<String, usize>,
    /// Ids by map key.
    by_key: BTreeMap<String, usize>,
    names: Vec<(ApplicationPath, String)>,
    /// The names of other virtual data centers.
    uses: BTreeSet<String>,
}

impl Exports {
    /// Adds application number `names.len()`.
    pub(crate) fn add(&mut self, id: &Name, shown: &str, key: &str) {
        let number = self.names.len();
        self.names.push((id.clone().into(), shown.to_owned()));
        self.by_id.insert(id.to_string(), number);
        self.by_id.insert(shown.to_ascii_lowercase(), number);
        self.by_key.insert(key.to_ascii_lowercase(), number);
    }

    /// Adds an application of another virtual data center as it is written here, once.
    pub(crate) fn add_used(&mut self, path: ApplicationPath, shown: &str) -> usize {
        let known = self.names.iter().position(|(known, _)| *known == path);
        let number = known.unwrap_or_else(|| {
            self.names.push((path, shown.to_owned()));
            self.names.len() - 1
        });
        if let Some((name, _)) = shown.split_once('.') {
            let label = &self.names[number].0.application;
            let id = format!("{}.{label}", name.to_ascii_lowercase());
            self.by_id.insert(id, number);
        }
        number
    }

    /// Adds the name of another virtual data center.
    pub(crate) fn add_use(&mut self, name: &str) {
        self.uses.insert(name.to_owned());
    }

    /// What must be done for `telemetry.kafka.brokers` to mean something, if it begins with a use.
    pub(crate) fn advice(&self, reference: &str) -> Option<String> {
        let (name, rest) = reference.split_once('.')?;
        if !self.uses.contains(&name.to_ascii_lowercase()) {
            return None;
        }
        Some(match rest.rsplit_once('.') {
            Some((application, _)) => format!("depend on it: dependencies: [{name}.{application}]"),
            None => format!("name its application, too: ${{{name}.kafka.{rest}}}"),
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    pub(crate) fn name(&self, number: usize) -> &ApplicationPath {
        &self.names[number].0
    }

    pub(crate) fn by_id(&self, id: &str) -> Option<usize> {
        let lower = id.to_ascii_lowercase();
        let known = self.by_id.get(&lower);
        let known = known.or_else(|| {
            // Elsewhere an old id goes by its label.
            let (name, application) = lower.split_once('.')?;
            let is_use = self.uses.contains(name);
            let label = is_use.then(|| application.replace(['.', '_'], "-"))?;
            self.by_id.get(&format!("{name}.{label}"))
        });
        known.copied()
    }

    pub(crate) fn by_key(&self, key: &str) -> Option<usize> {
        self.by_key.get(&key.to_ascii_lowercase()).copied()
    }

    pub(crate) fn shown(&self, number: usize) -> &str {
        &self.names[number].1
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(|(_, shown)| shown.as_str())
    }

    /// The application with the longest id that starts `reference`, and the rest as the name of its export.
    pub(crate) fn find<'a>(
        &self,
        reference: &'a str,
        lookup: impl Fn(&str) -> Option<usize>,
    ) -> Option<(usize, &'a str)> {
        reference.rmatch_indices('.').find_map(|(dot, _)| {
            let number = lookup(&reference[..dot])?;
            Some((number, &reference[dot + 1..]))
        })
    }
}
