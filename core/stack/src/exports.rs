//! The ids of a run's applications, to find whose export `${dse-mesos-0.2.x.cassandraConnect}` is.

use std::collections::BTreeMap;

use smack_model::Name;

/// The applications whose exports may be referred to.
#[derive(Default)]
pub(crate) struct Exports {
    /// Ids in lower case, as written and as DNS labels.
    by_id: BTreeMap<String, usize>,
    /// Ids by map key.
    by_key: BTreeMap<String, usize>,
    names: Vec<(Name, String)>,
}

impl Exports {
    /// Adds application number `names.len()`.
    pub(crate) fn add(&mut self, id: &Name, shown: &str, key: &str) {
        let number = self.names.len();
        self.names.push((id.clone(), shown.to_owned()));
        self.by_id.insert(id.to_string(), number);
        self.by_id.insert(shown.to_ascii_lowercase(), number);
        self.by_key.insert(key.to_ascii_lowercase(), number);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    pub(crate) fn name(&self, number: usize) -> &Name {
        &self.names[number].0
    }

    pub(crate) fn by_id(&self, id: &str) -> Option<usize> {
        self.by_id.get(&id.to_ascii_lowercase()).copied()
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
