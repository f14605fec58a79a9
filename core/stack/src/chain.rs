//! Which files make up a run, lowest precedence first: datacenter, cluster, zone, oldest parent stack, …, stack.
//! Loads them all, finds what is missing and what goes in circles. Knows nothing of what is in their blocks.

use std::collections::BTreeMap;

use smack_model::{Name, Place, Problem, Problems};

use crate::document::{self, Document, Level, Wanted, option_place};
use crate::near::near;
use crate::resolve::{LayerSource, Request};
use crate::value::Setting;

/// The files of a run and what they are called.
pub(crate) struct Chain {
    /// Lowest precedence first.
    pub(crate) documents: Vec<Document>,
    pub(crate) layer_path: Vec<Name>,
    pub(crate) layers: BTreeMap<Level, Name>,
    pub(crate) zone: Option<Name>,
    /// The zone as it was spelled.
    pub(crate) zone_shown: String,
    pub(crate) stack: Option<Name>,
    pub(crate) stack_shown: String,
    /// Every file was there and could be read.
    pub(crate) is_complete: bool,
}

impl Chain {
    /// The layer of each level that the run has.
    pub(crate) fn levels(&self) -> Vec<(Level, Name)> {
        let levels = self.documents.iter().filter_map(|document| document.level);
        levels.zip(self.layer_path.iter().cloned()).collect()
    }
}

/// Loads every file of the run.
pub(crate) fn load(request: &Request<'_>, problems: &mut Problems) -> Chain {
    let (mut documents, layers, has_layers) = layers(request, problems);
    // Levels sort from the datacenter down.
    let layer_path: Vec<Name> = layers.values().cloned().collect();
    let zone_shown = documents
        .last()
        .and_then(|zone| zone.heading.name.as_ref())
        .map_or_else(|| request.zone.to_owned(), |name| name.value.clone());
    let (stacks, has_stacks) = stacks(request, problems);
    let shown = stacks.last().and_then(|stack| stack.heading.name.clone());
    let stack = shown
        .as_ref()
        .and_then(|name| to_name(&name.value, &name.place, "stack", problems));
    documents.extend(stacks);
    Chain {
        documents,
        zone: layer_path.last().cloned(),
        layer_path,
        layers,
        zone_shown,
        stack,
        stack_shown: shown.map(|name| name.value).unwrap_or_default(),
        is_complete: has_layers && has_stacks,
    }
}

/// What a run has of layers: the files from the datacenter down, their names, and whether none is missing.
type Layers = (Vec<Document>, BTreeMap<Level, Name>, bool);

fn layers(request: &Request<'_>, problems: &mut Problems) -> Layers {
    let mut is_complete = true;
    let mut found = Vec::new();
    let mut path = BTreeMap::new();
    let mut wanted = Setting {
        value: request.zone.to_owned(),
        place: option_place("--zone"),
    };
    let mut below: Option<(String, Level)> = None;
    loop {
        let Some((key, layer)) = find(request.layers, &wanted.value) else {
            if below.is_none() && wanted.value.eq_ignore_ascii_case("default") {
                let name = to_name(&wanted.value, &wanted.place, "zone", problems);
                path.extend(name.map(|name| (Level::Zone, name)));
            } else {
                problems.push(no_such(&wanted, "layer", request.layers.keys()));
                is_complete = false;
            }
            break;
        };
        if !check_level(request, key, layer.level, &below, &wanted.place, problems) {
            is_complete = false;
            break;
        }
        let asked = Wanted {
            source: &layer.source,
            name: Some(key),
            level: Some(layer.level),
        };
        let Some(document) = document::load(&asked, problems) else {
            is_complete = false;
            break;
        };
        check_heading(&document, key, layer.parent.as_deref(), problems);
        let place = document
            .heading
            .name
            .as_ref()
            .map_or_else(|| option_place("--zone"), |name| name.place.clone());
        let name = to_name(key, &place, layer.level.as_str(), problems);
        path.extend(name.map(|name| (layer.level, name)));
        let heading = &document.heading;
        let parent = layer
            .parent
            .as_ref()
            .map(|parent| Setting {
                value: parent.clone(),
                place: place.clone(),
            })
            .or_else(|| heading.parent.clone().or_else(|| heading.from.clone()));
        below = Some((key.clone(), layer.level));
        found.push(document);
        match parent {
            Some(parent) => wanted = parent,
            None => break,
        }
    }
    found.reverse();
    (found, path, is_complete)
}

/// A run starts at a zone and each parent stands higher; false where following the parents makes no sense any more.
fn check_level(
    request: &Request<'_>,
    key: &str,
    level: Level,
    below: &Option<(String, Level)>,
    place: &Place,
    problems: &mut Problems,
) -> bool {
    let problem = match below {
        None if level != Level::Zone => {
            let is_zone = |layer: &&LayerSource| layer.level == Level::Zone;
            let zones = request.layers.iter().filter(|(_, layer)| is_zone(layer));
            let zones: Vec<&str> = zones.map(|(name, _)| name.as_str()).collect();
            let problem = Problem::error(Some(place), format!("{key} is a {level}, not a zone"));
            problems.push(match zones.as_slice() {
                [] => problem.hint("add one: smack addlayer FILE --level zone"),
                zones => problem.hint(format!("zones are: {}", zones.join(", "))),
            });
            return true;
        }
        Some((child, lower)) if level >= *lower => Problem::error(
            Some(place),
            format!("the {lower} {child} has the {level} {key} as its parent"),
        ),
        _ => return true,
    };
    problems.push(problem.hint("a parent stands higher: datacenter > cluster > zone"));
    false
}

/// What a layer's file says of itself must agree with how it was added.
fn check_heading(document: &Document, key: &str, parent: Option<&str>, problems: &mut Problems) {
    let heading = &document.heading;
    if let Some(name) = heading
        .name
        .as_ref()
        .filter(|name| !name.value.eq_ignore_ascii_case(key))
    {
        let what = format!(
            "the file says it is {}, but it was added as {key}",
            name.value
        );
        problems.push(Problem::error(Some(&name.place), what).hint("make both the same"));
    }
    if let (Some(said), Some(level)) = (&heading.level, document.level)
        && said.value != level
    {
        let what = format!(
            "the file says it is a {}, but it was added as a {level}",
            said.value
        );
        problems.push(Problem::error(Some(&said.place), what).hint("make both the same"));
    }
    if let (Some(said), Some(parent)) = (&heading.parent, parent)
        && !said.value.eq_ignore_ascii_case(parent)
    {
        let what = format!(
            "the file says its parent is {}, but it was added below {parent}",
            said.value
        );
        problems.push(Problem::error(Some(&said.place), what).hint("make both the same"));
    }
}

/// The stack and what it extends, oldest first, and whether none is missing.
fn stacks(request: &Request<'_>, problems: &mut Problems) -> (Vec<Document>, bool) {
    let mut found: Vec<Document> = Vec::new();
    let asked = Wanted {
        source: request.stack,
        name: None,
        level: None,
    };
    let Some(stack) = document::load(&asked, problems) else {
        return (found, false);
    };
    if stack.heading.name.is_none() {
        let place = Place {
            line: 1,
            column: 1,
            layer: stack.label.clone(),
            ..option_place(&request.stack.file)
        };
        let stem = request
            .stack
            .file
            .rsplit(['/', '\\'])
            .next()
            .and_then(|file| file.split('.').next());
        let stem = stem
            .filter(|stem| Name::new(stem).is_ok())
            .unwrap_or("my-stack");
        problems.push(
            Problem::error(Some(&place), "the stack has no name")
                .hint(format!("add: name: {stem}")),
        );
    }
    let name = stack
        .heading
        .name
        .as_ref()
        .map(|name| name.value.clone())
        .unwrap_or_default();
    let mut line = vec![name];
    let mut from = stack.heading.from.clone();
    let mut is_complete = true;
    found.push(stack);
    while let Some(wanted) = from {
        let already = line
            .iter()
            .position(|name| name.eq_ignore_ascii_case(&wanted.value));
        line.push(wanted.value.clone());
        if let Some(start) = already {
            let what = format!(
                "stacks extend each other in a circle: {}",
                line[start..].join(" -> ")
            );
            problems.push(Problem::error(Some(&wanted.place), what).hint("remove one `from`"));
            is_complete = false;
            break;
        }
        let Some((key, source)) = find(request.parents, &wanted.value) else {
            problems.push(no_such(&wanted, "stack", request.parents.keys()));
            is_complete = false;
            break;
        };
        let asked = Wanted {
            source,
            name: Some(key),
            level: None,
        };
        let Some(parent) = document::load(&asked, problems) else {
            is_complete = false;
            break;
        };
        from = parent.heading.from.clone();
        found.push(parent);
    }
    found.reverse();
    (found, is_complete)
}

/// Names compare in lower case.
fn find<'a, T>(all: &'a BTreeMap<String, T>, name: &str) -> Option<(&'a String, &'a T)> {
    all.get_key_value(name)
        .or_else(|| all.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)))
}

fn no_such<'a>(
    wanted: &Setting<String>,
    what: &str,
    known: impl Iterator<Item = &'a String>,
) -> Problem {
    let problem = Problem::error(
        Some(&wanted.place),
        format!("no {what} {:?} is known", wanted.value),
    );
    match near(&wanted.value, known.map(String::as_str)) {
        Some(word) => problem.hint(format!("did you mean {word}?")),
        None if what == "layer" => problem.hint("add it first: smack addlayer FILE --level zone"),
        None => problem.hint("add it first: smack add FILE"),
    }
}

/// The DNS label of a spelling; dots and underscores of old names become dashes, with a notice.
pub(crate) fn to_name(
    shown: &str,
    place: &Place,
    what: &str,
    problems: &mut Problems,
) -> Option<Name> {
    let reason = match Name::new(shown) {
        Ok(name) => return Some(name),
        Err(reason) => reason,
    };
    match Name::new(&shown.replace(['.', '_'], "-")) {
        Ok(name) => {
            let text = format!("{what} {shown} goes by the DNS label {name}");
            problems.push(Problem::notice(Some(place), text));
            Some(name)
        }
        Err(_) => {
            problems.push(
                Problem::error(Some(place), format!("{what}: {reason}"))
                    .hint("a name has 1 to 63 of a-z, 0-9 and -, and starts and ends with a letter or digit"),
            );
            None
        }
    }
}
