//! How spans come to a Zipkin: by HTTP, and from a topic of a Kafka of the stack or elsewhere.

use smack_model::{Name, Piece, Problem, Template, Until, did_you_mean};
use smack_stack::{Application, Reader, Text, Value};

use super::storage::Sight;
use super::{depended_on, of_kind};
use crate::schema::{FieldSchema, Sort};
use crate::shape;
use crate::text::template;

const STREAMS_MOST: u32 = 1000;
const TOPIC: &str = "zipkin";

pub(super) const FIELDS: &[FieldSchema] = &[
    FieldSchema::new(
        "http",
        Sort::Bool,
        "true",
        "Whether spans are taken by POST /api/v2/spans.",
    ),
    FieldSchema::new(
        "kafka",
        Sort::AnyOf(&[Sort::Bool, Sort::Text, Sort::Fields(KAFKA)]),
        "the one among the dependencies",
        "The Kafka from which spans are read; false for none.",
    ),
];

const KAFKA: &[FieldSchema] = &[
    FieldSchema::new(
        "brokers",
        Sort::Text,
        "the one among the dependencies",
        "An application of type kafka, or host:port,… of a cluster elsewhere.",
    ),
    FieldSchema::new(
        "topic",
        Sort::Text,
        TOPIC,
        "The topic that spans come from.",
    ),
    FieldSchema::new(
        "streams",
        Sort::Integer {
            min: 1,
            max: STREAMS_MOST as i64,
        },
        "1",
        "Consumers in each collecting process; more than partitions are idle.",
    ),
    FieldSchema::new(
        "group",
        Sort::Text,
        "zipkin",
        "The consumer group; every group reads all spans.",
    ),
];

/// Validated collectors.
pub(super) struct Collectors {
    pub(super) http: bool,
    pub(super) kafka: Option<Source>,
}

/// A topic that spans come from.
pub(super) struct Source {
    /// None: not of this virtual data center.
    pub(super) application: Option<Name>,
    pub(super) brokers: Template,
    pub(super) topic: String,
    pub(super) streams: u32,
    pub(super) group: String,
    /// How far Kafka must be. A declared topic must be there first: a consumer would make it with the defaults.
    pub(super) until: Until,
    /// Whether the stack names it, rather than a dependency.
    pub(super) is_named: bool,
}

/// Reads `collectors:`.
pub(super) fn read(reader: &mut Reader<'_>, sight: &Sight<'_, '_>) -> Collectors {
    let Some(mut inner) = reader.sub("collectors") else {
        let kafka = by_dependencies(reader, sight);
        let kafka = kafka.map(|cluster| source(of_stack(cluster), sight, false));
        return Collectors { http: true, kafka };
    };
    let http = inner.bool("http").unwrap_or(true);
    let kafka = match inner.value("kafka") {
        Some(value) if value.as_map().is_some() => by_fields(&mut inner, sight),
        Some(value) => by_word(&mut inner, value, sight),
        None => by_dependencies(&mut inner, sight)
            .map(|cluster| source(of_stack(cluster), sight, false)),
    };
    inner.finish();
    Collectors { http, kafka }
}

/// The application and the brokers.
type Cluster = (Option<Name>, Template);

fn source((application, brokers): Cluster, sight: &Sight<'_, '_>, is_named: bool) -> Source {
    let mut source = Source {
        application,
        brokers,
        topic: TOPIC.to_owned(),
        streams: 1,
        group: "zipkin".to_owned(),
        until: Until::Placed,
        is_named,
    };
    source.until = until(&source, sight);
    source
}

fn of_stack(cluster: &Application) -> Cluster {
    let brokers = Piece::Export(cluster.id.clone().into(), "brokers".to_owned());
    (Some(cluster.id.clone()), brokers.into())
}

fn by_dependencies<'b>(reader: &mut Reader<'_>, sight: &Sight<'_, 'b>) -> Option<&'b Application> {
    let clusters = depended_on(sight.application, sight.surroundings, "kafka");
    if let [first, _, ..] = clusters.as_slice() {
        let list: Vec<&str> = clusters
            .iter()
            .map(|other| other.shown_id.as_str())
            .collect();
        let what = format!("several Kafkas among the dependencies: {}", list.join(", "));
        let problem = Problem::error(Some(reader.place()), what);
        let hint = format!("say which: collectors: {{kafka: {}}}", first.shown_id);
        reader.problems().push(problem.hint(hint));
    }
    clusters.first().copied()
}

/// `kafka: NAME`, `kafka: host:port,…` or `kafka: false`.
fn by_word(reader: &mut Reader<'_>, value: &Value, sight: &Sight<'_, '_>) -> Option<Source> {
    if value.to_literal().as_deref() == Some("false") {
        return None;
    }
    let text = reader.text("kafka")?;
    Some(source(cluster(reader, "kafka", &text, sight)?, sight, true))
}

fn by_fields(reader: &mut Reader<'_>, sight: &Sight<'_, '_>) -> Option<Source> {
    let mut inner = reader.sub("kafka")?;
    let (topic, streams) = (
        inner.string("topic"),
        shape::count(&mut inner, "streams", 1, STREAMS_MOST),
    );
    let group = inner.string("group");
    if let Some(topic) = topic.as_deref().filter(|topic| !is_topic(topic)) {
        let what = format!("{topic:?} is no name of a topic");
        inner.refuse("topic", &what, "letters, digits, . _ and -, at most 249");
    }
    if group.as_deref().is_some_and(str::is_empty) {
        inner.refuse("group", "is empty", "leave it out, or name one");
    }
    let found = match inner.text("brokers") {
        Some(text) => cluster(&mut inner, "brokers", &text, sight),
        None if inner.has("brokers") => None,
        None => by_dependencies(&mut inner, sight).map(of_stack),
    };
    if found.is_none() && !inner.has("brokers") {
        let problem = no_cluster(&inner, sight);
        inner.problems().push(problem);
    }
    inner.finish();
    let mut source = source(found?, sight, true);
    source.topic = topic.unwrap_or(source.topic);
    source.streams = streams.unwrap_or(source.streams);
    source.group = group.unwrap_or(source.group);
    source.until = until(&source, sight);
    Some(source)
}

fn no_cluster(reader: &Reader<'_>, sight: &Sight<'_, '_>) -> Problem {
    let hint = match of_kind(sight.surroundings, "kafka").next() {
        Some(there) => format!("add dependencies: [{}]", there.shown_id),
        None => "add an application of type kafka and depend on it, or give brokers: host:port"
            .to_owned(),
    };
    let what = "collectors.kafka names no Kafka, and none is among the dependencies";
    Problem::error(Some(reader.place()), what).hint(hint)
}

/// A Kafka of the stack by its name, which must be a dependency, or one elsewhere by addresses.
fn cluster(
    reader: &mut Reader<'_>,
    key: &str,
    text: &Text,
    sight: &Sight<'_, '_>,
) -> Option<Cluster> {
    let Some(name) = text.as_literal().filter(|literal| !literal.contains(':')) else {
        let mut exporting = text
            .exports()
            .filter_map(|(application, _)| application.own());
        let is_kafka = |id: &&Name| of_kind(sight.surroundings, "kafka").any(|k| k.id == **id);
        return Some((exporting.find(is_kafka).cloned(), template(text)));
    };
    let mut applications = sight.surroundings.applications.values();
    let found = applications.find(|other| other.shown_id == name || other.id.as_str() == name);
    let Some(found) = found else {
        let known = of_kind(sight.surroundings, "kafka").map(|other| other.shown_id.as_str());
        let hint = match did_you_mean(name, known) {
            Some(near) => format!("did you mean {near}?"),
            None => "name an application of type kafka, or give host:port,host:port".to_owned(),
        };
        reader.refuse(
            key,
            &format!("{name} is no application of this stack"),
            &hint,
        );
        return None;
    };
    if found.kind.value != "kafka" {
        let what = format!("{name} is of type {}, not kafka", found.kind.value);
        let hint = "name an application of type kafka, or give host:port,host:port";
        reader.refuse(key, &what, hint);
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
    Some(of_stack(found))
}

fn until(source: &Source, sight: &Sight<'_, '_>) -> Until {
    match declared(source, sight) {
        Some(_) => Until::Ready,
        None => Until::Placed,
    }
}

/// The topic as its Kafka declares it.
fn declared<'b>(source: &Source, sight: &Sight<'_, 'b>) -> Option<&'b Value> {
    let cluster = sight
        .surroundings
        .applications
        .get(source.application.as_ref()?)?;
    let topics = cluster.settings.as_map()?.get("topics")?.as_map()?;
    topics.get(&source.topic)
}

/// More consumers than partitions are idle.
pub(super) fn notice_idle(
    reader: &mut Reader<'_>,
    source: &Source,
    processes: u32,
    sight: &Sight<'_, '_>,
) {
    let consumers = processes.saturating_mul(source.streams);
    let Some(cluster) = source.application.as_ref() else {
        return;
    };
    let topic = declared(source, sight);
    let partitions = topic.and_then(|topic| topic.as_map()?.get("partitions")?.to_literal());
    let partitions = partitions.and_then(|text| text.parse().ok()).unwrap_or(1);
    if consumers > partitions {
        let ending = if partitions == 1 { "" } else { "s" };
        let what = format!(
            "{consumers} consumers share {partitions} partition{ending} of topic {}: {} are idle",
            source.topic,
            consumers - partitions
        );
        let what = what.replace(": 1 are", ": 1 is");
        let hint = format!(
            "declare it in {cluster}: topics: {{{}: {{partitions: {consumers}}}}}",
            source.topic
        );
        let place = reader.place_of("collectors").clone();
        reader
            .problems()
            .push(Problem::notice(Some(&place), what).hint(hint));
    }
}

fn is_topic(name: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    !name.is_empty()
        && name.len() <= 249
        && !matches!(name, "." | "..")
        && name.chars().all(is_allowed)
}
