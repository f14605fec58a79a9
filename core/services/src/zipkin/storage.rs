//! Where a Zipkin keeps its spans: in its own memory, in a Cassandra of the stack or elsewhere, or in Elasticsearch. Checks
//! that the ring of the stack is one on which Zipkin's tables work.

use std::collections::BTreeMap;

use smack_model::{Piece, Place, Problem, Template, did_you_mean};
use smack_stack::{Application, Reader, Setting, Text, Value};

use super::{depended_on, of_kind};
use crate::Surroundings;
use crate::schema::{FieldSchema, Sort};
use crate::text::template;

const KEYSPACE: &str = "zipkin.storage.cassandra3.keyspace";

pub(super) const FIELDS: &[FieldSchema] = &[
    FieldSchema::new(
        "cassandra",
        Sort::Text,
        "",
        "An application of type cassandra, or host:port,… of a ring elsewhere.",
    ),
    FieldSchema::new(
        "dc",
        Sort::Text,
        "",
        "With a ring elsewhere: its data center.",
    ),
    FieldSchema::new(
        "elasticsearch",
        Sort::Text,
        "",
        "http://host:9200, several with commas.",
    ),
];

const EXAMPLES: &str =
    "write memory, the id of an application of type cassandra, or http://host:9200";

/// A validated storage.
pub(super) enum Storage {
    Memory,
    Cassandra {
        /// `a:9042,b:9042`
        contact_points: Template,
        dc: Template,
    },
    Elasticsearch {
        /// `http://a:9200,http://b:9200`
        hosts: Template,
    },
}

/// What a stack may know of where it looks.
pub(super) struct Sight<'a, 'b> {
    pub(super) application: &'a Application,
    pub(super) surroundings: &'a Surroundings<'b>,
}

/// Reads `storage:`; without it the one Cassandra among the dependencies, else memory. `None` after an error.
pub(super) fn read(
    reader: &mut Reader<'_>,
    sight: &Sight<'_, '_>,
    config: &BTreeMap<String, Setting<Text>>,
) -> Option<Storage> {
    let place = reader.place_of("storage").clone();
    let (storage, ring) = match reader.value("storage") {
        None => by_dependencies(reader, sight)?,
        Some(value) if value.as_map().is_some() => {
            let mut inner = reader.sub("storage")?;
            let found = by_fields(&mut inner, sight);
            inner.finish();
            found?
        }
        Some(_) => by_word(reader, sight)?,
    };
    if let Some(ring) = ring {
        check_ring(reader, &place, ring, config);
    }
    Some(storage)
}

/// The storage, and the ring of the stack behind it.
type Found<'b> = (Storage, Option<&'b Application>);

fn by_dependencies<'b>(reader: &mut Reader<'_>, sight: &Sight<'_, 'b>) -> Option<Found<'b>> {
    let rings = depended_on(sight.application, sight.surroundings, "cassandra");
    match rings.as_slice() {
        [] => Some((Storage::Memory, None)),
        [ring] => Some((of_stack(ring), Some(*ring))),
        [first, ..] => {
            let list: Vec<&str> = rings.iter().map(|ring| ring.shown_id.as_str()).collect();
            let what = format!(
                "several Cassandras among the dependencies: {}",
                list.join(", ")
            );
            let problem = Problem::error(Some(reader.place()), what);
            let hint = format!("say which: storage: {}", first.shown_id);
            reader.problems().push(problem.hint(hint));
            None
        }
    }
}

/// `storage: memory`, an application, or addresses of Elasticsearch.
fn by_word<'b>(reader: &mut Reader<'_>, sight: &Sight<'_, 'b>) -> Option<Found<'b>> {
    let text = reader.text("storage")?;
    let shown = text.source();
    if shown == "memory" {
        return Some((Storage::Memory, None));
    }
    if shown.contains("://") {
        return Some((elasticsearch(reader, "storage", &text)?, None));
    }
    if shown.contains([':', ',']) {
        let hint = "write storage: {cassandra: \"host:9042\", dc: …}, or http://host:9200";
        reader.refuse(
            "storage",
            &format!("{shown} does not say what is there"),
            hint,
        );
        return None;
    }
    let ring = named(reader, "storage", &shown, sight)?;
    Some((of_stack(ring), Some(ring)))
}

/// `storage: {cassandra: …}` or `{elasticsearch: …}`.
fn by_fields<'b>(reader: &mut Reader<'_>, sight: &Sight<'_, 'b>) -> Option<Found<'b>> {
    let (cassandra, elastic) = (reader.text("cassandra"), reader.text("elasticsearch"));
    let dc = reader.text("dc");
    match (cassandra, elastic) {
        (Some(_), Some(_)) => {
            let what = "spans are kept in one place, cassandra: says another";
            reader.refuse("elasticsearch", what, "take one of them out");
            None
        }
        (Some(text), None) => on_cassandra(reader, sight, &text, dc.as_ref()),
        (None, Some(text)) => {
            if dc.is_some() {
                reader.refuse("dc", "Elasticsearch has no data centers", "take it out");
            }
            Some((elasticsearch(reader, "elasticsearch", &text)?, None))
        }
        (None, None) => {
            if !reader.has("cassandra") && !reader.has("elasticsearch") {
                let what = "storage says neither cassandra nor elasticsearch";
                let problem = Problem::error(Some(reader.place()), what).hint(EXAMPLES);
                reader.problems().push(problem);
            }
            None
        }
    }
}

/// A ring of the stack by its name, or one elsewhere by addresses.
fn on_cassandra<'b>(
    reader: &mut Reader<'_>,
    sight: &Sight<'_, 'b>,
    text: &Text,
    dc: Option<&Text>,
) -> Option<Found<'b>> {
    let shown = text.source();
    if text.as_literal().is_some() && !shown.contains([':', ',']) {
        if dc.is_some() {
            let hint = "take it out: the application tells its data center";
            reader.refuse("dc", "it is for a ring elsewhere", hint);
        }
        let ring = named(reader, "cassandra", &shown, sight)?;
        return Some((of_stack(ring), Some(ring)));
    }
    let Some(dc) = dc else {
        let what = "the data center of a ring elsewhere must be told";
        let hint = "add dc: …; `nodetool status` shows it";
        reader.refuse("cassandra", what, hint);
        return None;
    };
    let storage = Storage::Cassandra {
        contact_points: template(text),
        dc: template(dc),
    };
    Some((storage, None))
}

fn of_stack(ring: &Application) -> Storage {
    let export =
        |name: &str| Template::from(Piece::Export(ring.id.clone().into(), name.to_owned()));
    Storage::Cassandra {
        contact_points: export("cql"),
        dc: export("dc"),
    }
}

/// The ring of this name, which must be a dependency.
fn named<'b>(
    reader: &mut Reader<'_>,
    key: &str,
    name: &str,
    sight: &Sight<'_, 'b>,
) -> Option<&'b Application> {
    let mut applications = sight.surroundings.applications.values();
    let found = applications.find(|other| other.shown_id == name || other.id.as_str() == name);
    let Some(found) = found else {
        let rings = of_kind(sight.surroundings, "cassandra").map(|ring| ring.shown_id.as_str());
        let hint = match did_you_mean(name, rings.chain(["memory"])) {
            Some(near) => format!("did you mean {near}?"),
            None => EXAMPLES.to_owned(),
        };
        reader.refuse(
            key,
            &format!("{name} is no application of this stack"),
            &hint,
        );
        return None;
    };
    if found.kind.value != "cassandra" {
        let what = format!("{name} is of type {}, not cassandra", found.kind.value);
        reader.refuse(key, &what, EXAMPLES);
        return None;
    }
    let dependencies = &sight.application.dependencies;
    if !dependencies
        .iter()
        .any(|(dependency, _)| dependency.own() == Some(&found.id))
    {
        let hint = format!("add dependencies: [{}]", found.shown_id);
        reader.refuse(key, &format!("it does not depend on {name}"), &hint);
    }
    Some(found)
}

/// Base addresses, of which each must be `http://host[:port]`.
fn elasticsearch(reader: &mut Reader<'_>, key: &str, text: &Text) -> Option<Storage> {
    let shown = text.source();
    let wrong = shown
        .split(',')
        .find_map(|url| Some((url, refused_url(url)?)));
    if let Some((url, (why, hint))) = wrong {
        // A password is not repeated.
        let shown = url.rsplit_once('@').map_or(url, |(_, host)| host);
        reader.refuse(key, &format!("{shown:?} {why}"), hint);
        return None;
    }
    Some(Storage::Elasticsearch {
        hosts: template(text),
    })
}

fn refused_url(url: &str) -> Option<(&'static str, &'static str)> {
    const EXAMPLE: &str = "for example http://search.example:9200";
    let Some((scheme, rest)) = url.split_once("://") else {
        return Some(("is no URL", EXAMPLE));
    };
    if !matches!(scheme, "http" | "https") {
        return Some(("is neither http nor https", EXAMPLE));
    }
    let host = rest.strip_suffix('/').unwrap_or(rest);
    if host.contains('@') {
        let hint = "set env: {ES_USERNAME: …, ES_PASSWORD: …}: the address stands in the list of processes";
        return Some(("is told with a user", hint));
    }
    if host.contains(['/', '?', '#']) {
        return Some(("has a path, but is to be a base address", EXAMPLE));
    }
    // An address of version 6 stands in brackets; a hole is filled later.
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains([']', '}']) => (name, Some(port)),
        _ => (host, None),
    };
    let is_port = |port: &str| port.contains('$') || port.parse::<u16>().is_ok_and(|port| port > 0);
    if name.is_empty() || name.contains(char::is_whitespace) {
        return Some(("names no host", EXAMPLE));
    }
    (!port.is_none_or(is_port)).then_some(("has no port from 1 to 65535", EXAMPLE))
}

/// Zipkin's tables have SASI indexes; and a keyspace that it has to make itself gets one copy of each row.
fn check_ring(
    reader: &mut Reader<'_>,
    place: &Place,
    ring: &Application,
    config: &BTreeMap<String, Setting<Text>>,
) {
    let at = |keys: &[&str]| {
        let down = |value, key: &&str| Value::as_map(value)?.get(*key);
        keys.iter().try_fold(&ring.settings, down)
    };
    let name = &ring.shown_id;
    if let Some(found) = at(&["config", "sasi_indexes_enabled"])
        && found.to_literal().is_none_or(|text| text != "true")
    {
        let what = format!(
            "Zipkin's tables have SASI indexes, but {name} has sasi_indexes_enabled: {} at {}",
            found.shown(),
            found.place
        );
        let hint = format!("take it out of the config of {name}: smack allows them by default");
        reader
            .problems()
            .push(Problem::error(Some(place), what).hint(hint));
    }
    let keyspace = config
        .get(KEYSPACE)
        .and_then(|setting| setting.value.as_literal());
    let keyspace = keyspace.unwrap_or("zipkin2");
    let nodes = at(&["instances"]).and_then(Value::to_literal);
    let nodes = nodes.and_then(|text| text.parse::<u32>().ok()).unwrap_or(1);
    if nodes > 1 && at(&["keyspaces", keyspace]).is_none() {
        let what = format!(
            "{name} has {nodes} nodes and declares no keyspace {keyspace}, so Zipkin makes it with one copy of each row"
        );
        let hint = format!(
            "add to {name}: keyspaces: {{{keyspace}: {{replication: {}}}}}",
            nodes.min(3)
        );
        reader
            .problems()
            .push(Problem::notice(Some(place), what).hint(hint));
    }
}
