//! The way of a cluster to its ZooKeeper: which ensemble, which path in it, and that no other cluster uses the same.

use std::collections::BTreeMap;

use smack_model::{Name, Place, Problem, Problems, Span, Template, did_you_mean};
use smack_stack::{Application, Reader, Setting, Text};

use super::settings::{Coordination, refuse};
use super::zookeeper;
use crate::Surroundings;
use crate::catalog::{Entry, Mode};
use crate::product::{self, Chosen};
use crate::text::template;

/// The way to a ZooKeeper.
pub(super) struct Link {
    /// None: not of this virtual data center.
    pub(super) application: Option<Name>,
    pub(super) connect: Template,
    pub(super) session_timeout: Span,
}

/// The ZooKeeper applications among the dependencies.
pub(super) fn ensembles(application: &Application, surroundings: &Surroundings<'_>) -> Vec<Name> {
    let is_ensemble = |name: &Name| {
        surroundings
            .applications
            .get(name)
            .is_some_and(|other| other.kind.value == "zookeeper")
    };
    application
        .dependencies
        .iter()
        .filter_map(|(path, _)| path.own())
        .filter(|name| is_ensemble(name))
        .cloned()
        .collect()
}

/// The version; without one the newest, of those on ZooKeeper if it has one.
pub(super) fn version<'a>(
    reader: &mut Reader<'_>,
    ensembles: &[Name],
    surroundings: &Surroundings<'a>,
) -> Option<Chosen<'a>> {
    let on_zookeeper = reader.has("zookeeper") || !ensembles.is_empty();
    let newest = |entry: &Entry| !on_zookeeper || entry.mode == Some(Mode::Zookeeper);
    product::version(reader, surroundings.catalog, "kafka", newest)
}

/// ZooKeeper mode: the ensemble is named, given as a connect string, or the only one among the dependencies.
pub(super) fn read(
    reader: &mut Reader<'_>,
    entry: &Entry,
    config: &BTreeMap<String, Setting<Text>>,
    ensembles: &[Name],
    surroundings: &Surroundings<'_>,
) -> Option<Coordination> {
    refuse(
        reader,
        &["controllers", "roles"],
        &format!("Kafka {} runs on ZooKeeper", entry.version),
        "take version: 4.3",
    );
    let chroot = chroot(reader);
    let session_timeout = session_timeout(reader, config);
    let (application, connect) = match reader.text("zookeeper") {
        Some(text) => match text.as_literal().filter(|literal| !literal.contains(':')) {
            Some(name) => named(reader, name, ensembles, surroundings)?,
            None => (foreign(&text, surroundings), template(&text)),
        },
        None => match ensembles {
            [one] => (Some(one.clone()), connect_of(one)),
            [] if reader.has("zookeeper") => return None,
            _ => {
                let problem = no_single(reader.place(), entry, ensembles, surroundings);
                reader.problems().push(problem);
                return None;
            }
        },
    };
    let connect = connect.text(chroot);
    Some(Coordination::ZooKeeper(Link {
        application,
        connect,
        session_timeout,
    }))
}

/// None or several ZooKeepers among the dependencies.
fn no_single(
    place: &Place,
    entry: &Entry,
    ensembles: &[Name],
    surroundings: &Surroundings<'_>,
) -> Problem {
    if let Some(first) = ensembles.first() {
        let list: Vec<&str> = ensembles.iter().map(Name::as_str).collect();
        let what = format!(
            "several ZooKeepers among the dependencies: {}",
            list.join(", ")
        );
        return Problem::error(Some(place), what).hint(format!("say which: zookeeper: {first}"));
    }
    let there = surroundings
        .applications
        .values()
        .find(|other| other.kind.value == "zookeeper");
    let hint = match there {
        Some(there) => format!("add dependencies: [{}]", there.shown_id),
        None => "add an application of type zookeeper and depend on it, or give zookeeper: host:port, or take version: 4.3, which needs none".to_owned(),
    };
    Problem::error(
        Some(place),
        format!("Kafka {} needs a ZooKeeper", entry.version),
    )
    .hint(hint)
}

/// `zookeeper: NAME`.
fn named(
    reader: &mut Reader<'_>,
    name: &str,
    ensembles: &[Name],
    surroundings: &Surroundings<'_>,
) -> Option<(Option<Name>, Template)> {
    let known = || {
        surroundings
            .applications
            .values()
            .filter(|other| other.kind.value == "zookeeper")
    };
    if let Some(found) = known().find(|other| other.shown_id == name || other.id.as_str() == name) {
        if !ensembles.contains(&found.id) {
            let hint = format!("add dependencies: [{}]", found.shown_id);
            reader.refuse("zookeeper", &format!("it does not depend on {name}"), &hint);
        }
        return Some((Some(found.id.clone()), connect_of(&found.id)));
    }
    let hint = match did_you_mean(name, known().map(|other| other.shown_id.as_str())) {
        Some(near) => format!("did you mean {near}?"),
        None => "name an application of type zookeeper, or give host:port,host:port".to_owned(),
    };
    reader.refuse(
        "zookeeper",
        &format!("{name} is no ZooKeeper of this stack"),
        &hint,
    );
    None
}

fn connect_of(ensemble: &Name) -> Template {
    smack_model::Piece::Export(ensemble.clone().into(), "connect".to_owned()).into()
}

/// The ensemble of this stack that a connect string refers to: `${zookeeper.connect}`.
fn foreign(text: &Text, surroundings: &Surroundings<'_>) -> Option<Name> {
    let is_ensemble = |name: &&Name| {
        surroundings
            .applications
            .get(*name)
            .is_some_and(|other| other.kind.value == "zookeeper")
    };
    text.exports()
        .filter_map(|(application, _)| application.own())
        .find(is_ensemble)
        .cloned()
}

fn chroot(reader: &mut Reader<'_>) -> String {
    let Some(path) = reader.string("chroot") else {
        return String::new();
    };
    if path == "/" {
        return String::new();
    }
    let is_path = path.starts_with('/')
        && path[1..]
            .split('/')
            .all(|part| !part.is_empty() && part != "." && part != "..");
    if !is_path {
        reader.refuse(
            "chroot",
            &format!("{path:?} is no path in ZooKeeper"),
            "write /kafka",
        );
    }
    path
}

fn session_timeout(reader: &mut Reader<'_>, config: &BTreeMap<String, Setting<Text>>) -> Span {
    let key = "zookeeper.session.timeout.ms";
    let Some(setting) = config.get(key) else {
        return zookeeper::SESSION_TIMEOUT;
    };
    match setting
        .value
        .as_literal()
        .and_then(|text| text.parse().ok())
    {
        Some(milliseconds) => Span(milliseconds),
        None => {
            let what = format!(
                "config.{key} wants milliseconds, found {:?}",
                setting.value.to_string()
            );
            reader
                .problems()
                .push(Problem::error(Some(&setting.place), what).hint("for example 6000"));
            zookeeper::SESSION_TIMEOUT
        }
    }
}

/// Two clusters at one place in ZooKeeper would be one, with two brokers of each id. The later in the files is told.
pub(super) fn refuse_shared(
    reader: &mut Reader<'_>,
    application: &Application,
    connect: &Template,
    surroundings: &Surroundings<'_>,
) {
    let others = surroundings
        .applications
        .values()
        .filter(|other| other.kind.value == "kafka");
    let before =
        others.filter(|other| (&other.place, &other.id) < (&application.place, &application.id));
    for other in before {
        if connect_quietly(other, surroundings).as_ref() == Some(connect) {
            let place = reader.place_of("chroot").clone();
            let what = format!(
                "{} keeps its data at the same place in ZooKeeper",
                other.shown_id
            );
            let hint = format!("give this one its own: chroot: /{}", application.id);
            reader
                .problems()
                .push(Problem::error(Some(&place), what).hint(hint));
        }
    }
}

/// The place in ZooKeeper of another cluster, whose own problems are told elsewhere.
fn connect_quietly(other: &Application, surroundings: &Surroundings<'_>) -> Option<Template> {
    let mut unheard = Problems::default();
    let mut reader = Reader::new(&other.settings, &mut unheard);
    let ensembles = ensembles(other, surroundings);
    let chosen = version(&mut reader, &ensembles, surroundings)?;
    if !chosen.is_known || chosen.entry.mode != Some(Mode::Zookeeper) {
        return None;
    }
    match read(
        &mut reader,
        chosen.entry,
        &BTreeMap::new(),
        &ensembles,
        surroundings,
    )? {
        Coordination::ZooKeeper(link) => Some(link.connect),
        Coordination::Combined(_) | Coordination::Apart(_) => None,
    }
}
