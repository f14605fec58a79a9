//! Stacks and layers by name. Adding one changes nothing that runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path as UrlPath, Query, State};
use serde::{Deserialize, Serialize};
use smack_model::{Problem, Problems};
use smack_stack::{LayerSource, Level, Source, heading};
use smack_store::Write;

use super::{Answer, Refused, Shared};
use crate::{clock, key, wire};

/// A row of the library.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Stored {
    pub(super) name: String,
    /// `None`: a stack.
    pub(super) level: Option<String>,
    pub(super) parent: Option<String>,
    pub(super) file: String,
    pub(super) text: String,
    pub(super) updated_ms: u64,
    /// Grows with every replacement.
    pub(super) version: u32,
}

/// The library as the resolver wants it: stacks and layers by name.
pub(super) type Sources = (BTreeMap<String, Source>, BTreeMap<String, LayerSource>);

pub(super) fn all(shared: &Shared) -> Result<Vec<Stored>, Refused> {
    let rows = shared.reader().range(key::LIBRARY)?;
    rows.iter()
        .map(|row| key::decode::<Stored>(row).map_err(Refused::from))
        .collect()
}

pub(super) fn sources(stored: Vec<Stored>) -> Sources {
    let (mut stacks, mut layers) = (BTreeMap::new(), BTreeMap::new());
    for Stored {
        name,
        level,
        parent,
        file,
        text,
        ..
    } in stored
    {
        let source = Source::new(file, text);
        match level.as_deref().and_then(Level::parse) {
            Some(level) => drop(layers.insert(
                name,
                LayerSource {
                    level,
                    parent,
                    source,
                },
            )),
            None => drop(stacks.insert(name, source)),
        }
    }
    (stacks, layers)
}

pub(super) async fn list(State(shared): State<Arc<Shared>>) -> Answer<Vec<wire::LibraryEntry>> {
    Ok(Json(
        all(&shared)?
            .into_iter()
            .map(|stored| entry(stored, false))
            .collect(),
    ))
}

pub(super) async fn show(
    State(shared): State<Arc<Shared>>,
    UrlPath(name): UrlPath<String>,
) -> Answer<wire::LibraryEntry> {
    Ok(Json(entry(find(&shared, &name)?, true)))
}

fn find(shared: &Shared, name: &str) -> Result<Stored, Refused> {
    let mut stored = all(shared)?;
    let position = stored
        .iter()
        .position(|stored| stored.name.eq_ignore_ascii_case(name));
    match position {
        Some(position) => Ok(stored.swap_remove(position)),
        None => {
            let refused = Refused::not_found(format!("the library has no {name}"));
            let near =
                smack_model::did_you_mean(name, stored.iter().map(|stored| stored.name.as_str()));
            Err(match near {
                Some(near) => refused.hint(format!("did you mean {near}?")),
                None => refused.hint("`smack list` shows what there is"),
            })
        }
    }
}

pub(super) async fn add(
    State(shared): State<Arc<Shared>>,
    Json(body): Json<wire::LibraryBody>,
) -> Answer<wire::LibraryEntry> {
    let source = Source::new(body.source.file.as_str(), body.source.text.as_str());
    let heading = heading(&source).map_err(Refused::problems)?;
    let Some(name) = heading.name else {
        let problem = Problem::error(None, format!("{} has no name", body.source.file));
        let problem = problem.hint("say it at the top: `name: pipeline`");
        return Err(Refused::problems(Problems(vec![problem])));
    };
    let level = body
        .level
        .clone()
        .or_else(|| heading.level.map(|level| level.value.as_str().to_owned()));
    if let Some(level) = &level
        && Level::parse(level).is_none()
    {
        let error = format!("{level:?} is no level: a layer is a datacenter, a cluster or a zone");
        return Err(Refused::bad_request(error));
    }
    let parent = body.parent.clone().or_else(|| {
        let written = heading
            .parent
            .or_else(|| heading.from.clone().filter(|_| level.is_some()));
        written.map(|parent| parent.value)
    });
    let stored = all(&shared)?;
    let known = stored.iter().find(|stored| stored.name == name.value);
    if let Some(known) = known.filter(|known| is_same(known, &body, &level, &parent)) {
        return Ok(Json(entry(known.clone(), false)));
    }
    if known.is_some() && !body.replace {
        let refused = Refused::conflict(format!("the library has {} already", name.value));
        return Err(refused
            .hint("remove it first, or put this one in its place with `smack add --replace`"));
    }
    if let Some(parent) = &parent {
        let Some(above) = stored.iter().find(|stored| stored.name == *parent) else {
            let refused = Refused::not_found(format!("the library has no parent {parent}"));
            return Err(refused.hint("add the parent first"));
        };
        refuse_parent(level.as_deref(), above)?;
    }
    let new = Stored {
        name: name.value,
        level,
        parent,
        file: body.source.file,
        text: body.source.text,
        updated_ms: clock::now().0,
        version: known.map_or(1, |known| known.version + 1),
    };
    shared
        .write(vec![Write::put(key::library(&new.name), key::encode(&new))])
        .await?;
    Ok(Json(entry(new, false)))
}

fn is_same(
    known: &Stored,
    body: &wire::LibraryBody,
    level: &Option<String>,
    parent: &Option<String>,
) -> bool {
    known.text == body.source.text && known.level == *level && known.parent == *parent
}

#[derive(Debug, Deserialize)]
pub(super) struct Removal {
    #[serde(default)]
    pub(super) force: bool,
}

/// A layer stands below its parent, so that no two are each other's.
fn refuse_parent(level: Option<&str>, parent: &Stored) -> Result<(), Refused> {
    let above = parent.level.as_deref();
    let (Some(own), Some(level)) = (level, level.and_then(Level::parse)) else {
        return Ok(());
    };
    if above
        .and_then(Level::parse)
        .is_some_and(|above| above < level)
    {
        return Ok(());
    }
    let (name, word) = (&parent.name, above.unwrap_or("stack"));
    let refused = Refused::conflict(format!("the {word} {name} cannot be above a {own}"));
    Err(refused.hint("a zone stands below a cluster or a datacenter, a cluster below a datacenter"))
}

/// Removes a definition and, by force, all that build on it. What runs goes on.
pub(super) async fn remove(
    State(shared): State<Arc<Shared>>,
    UrlPath(name): UrlPath<String>,
    Query(removal): Query<Removal>,
) -> Answer<Vec<String>> {
    let root = find(&shared, &name)?.name;
    let stored = all(&shared)?;
    let mut gone = vec![root.clone()];
    let mut index = 0;
    while let Some(parent) = gone.get(index).cloned() {
        let children = stored
            .iter()
            .filter(|stored| parent_of(stored).as_deref() == Some(&parent));
        let children: Vec<String> = children
            .map(|stored| stored.name.clone())
            .filter(|name| !gone.contains(name))
            .collect();
        gone.extend(children);
        index += 1;
    }
    if gone.len() > 1 && !removal.force {
        let verb = if gone.len() == 2 { "builds" } else { "build" };
        let refused = Refused::conflict(format!("{} {verb} on {root}", gone[1..].join(", ")));
        return Err(refused.hint("remove them first, or all together with --force"));
    }
    shared
        .write(
            gone.iter()
                .map(|name| Write::delete(key::library(name)))
                .collect(),
        )
        .await?;
    Ok(Json(gone))
}

/// The parent of a layer, or what a stack extends.
fn parent_of(stored: &Stored) -> Option<String> {
    stored.parent.clone().or_else(|| {
        let heading = heading(&Source::new(stored.file.as_str(), stored.text.as_str())).ok()?;
        Some(heading.from?.value)
    })
}

fn entry(stored: Stored, with_text: bool) -> wire::LibraryEntry {
    wire::LibraryEntry {
        name: stored.name,
        level: stored.level.unwrap_or_else(|| "stack".to_owned()),
        parent: stored.parent,
        file: stored.file,
        updated_ms: stored.updated_ms,
        version: stored.version,
        text: with_text.then_some(stored.text),
    }
}
