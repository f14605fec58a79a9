//! The catalog as the supply uses it: the entries are pure data and live with the services; this adds the way from an
//! entry to the directory of its jars.

use std::path::PathBuf;

pub use smack_services::catalog::{
    Artifact, Catalog, Entry, Java, JavaRange, Mode, Unknown, Unpack,
};

use crate::fetch::{self, Fetcher};

/// Which jars of an entry are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// what the server runs with
    Server,
    /// the server's jars and those of the product's command line tools
    Tools,
}

/// The artifacts and the set name of one part of an entry. An entry without tools has them in the server's set.
pub fn artifacts(entry: &Entry, part: Part) -> (String, Vec<Artifact>) {
    let tools = (part == Part::Tools)
        .then(|| entry.tools_set_name())
        .flatten();
    match tools {
        Some(name) => (name, entry.jars_with_tools().cloned().collect()),
        None => (entry.set_name(), entry.locked.jars.clone()),
    }
}

/// Fetches what is missing and gives the jars in class path order, each in the set's directory, or unpacked beside it.
pub fn prepare(
    fetcher: &Fetcher<'_>,
    entry: &Entry,
    part: Part,
) -> Result<Vec<PathBuf>, fetch::Error> {
    let (name, artifacts) = artifacts(entry, part);
    if entry.unpack == Some(Unpack::SpringBoot) {
        return fetcher.prepare_boot(&name, &artifacts);
    }
    let directory = fetcher.prepare(&name, &artifacts)?;
    Ok(artifacts
        .iter()
        .map(|artifact| directory.join(artifact.file()))
        .collect())
}
