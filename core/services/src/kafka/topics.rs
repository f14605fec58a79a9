//! Declared topics: names, partitions, copies and settings, checked against the product and the number of brokers.

use std::collections::BTreeMap;

use smack_model::{Problem, Problems};
use smack_stack::{Reader, Setting, Text};

use super::settings::{default_in_sync, default_replication, plural};
use crate::product::Chosen;
use crate::schema::{FieldSchema, Sort};
use crate::shape;

const PARTITIONS_MOST: u32 = 100_000;

pub(super) const FIELDS: &[FieldSchema] = &[
    FieldSchema::new(
        "partitions",
        Sort::Integer {
            min: 1,
            max: PARTITIONS_MOST as i64,
        },
        "1",
        "May grow, never shrink.",
    ),
    FieldSchema::new(
        "replication",
        Sort::Integer { min: 1, max: 1000 },
        "3, or as many as there are brokers",
        "Copies of each partition.",
    ),
    FieldSchema::new(
        "config",
        Sort::Map(&Sort::Text),
        "",
        "The topic's own settings: retention.ms, min.insync.replicas, …",
    ),
];

/// One declared topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Topic {
    pub(super) name: String,
    pub(super) partitions: u32,
    pub(super) replication: u16,
    pub(super) config: BTreeMap<String, String>,
}

/// Reads `topics:`, in the order of the file.
pub(super) fn read(
    reader: &mut Reader<'_>,
    chosen: &Chosen<'_>,
    cluster: &BTreeMap<String, Setting<Text>>,
    brokers: u32,
) -> Vec<Topic> {
    let of_cluster = |key: &str| {
        cluster
            .get(key)
            .and_then(|setting| setting.value.as_literal()?.parse::<u32>().ok())
    };
    let defaults = Defaults {
        brokers,
        partitions: of_cluster("num.partitions").unwrap_or(1),
        replication: of_cluster("default.replication.factor")
            .unwrap_or(default_replication(brokers)),
        in_sync: of_cluster("min.insync.replicas").unwrap_or(default_in_sync(brokers)),
    };
    let mut topics: Vec<Topic> = Vec::new();
    reader.each("topics", |name, mut inner| {
        if let Some((why, hint)) = refused_name(name, &topics) {
            let problem = Problem::error(Some(inner.place()), format!("topics.{name}: {why}"));
            inner.problems().push(problem.hint(hint));
        }
        topics.push(topic(name, &mut inner, chosen, &defaults));
        inner.finish();
    });
    topics
}

/// What holds for a topic that says nothing.
struct Defaults {
    brokers: u32,
    partitions: u32,
    replication: u32,
    in_sync: u32,
}

fn topic(name: &str, reader: &mut Reader<'_>, chosen: &Chosen<'_>, defaults: &Defaults) -> Topic {
    let partitions = shape::count(reader, "partitions", 1, PARTITIONS_MOST);
    let replication = shape::count(reader, "replication", 1, 1000).unwrap_or(defaults.replication);
    if replication > defaults.brokers {
        let (is, ending) = plural(defaults.brokers);
        let what = format!(
            "{replication} copies of each partition, but there {is} {} broker{ending}",
            defaults.brokers
        );
        reader.refuse("replication", &what, "lower it or raise instances");
    }
    let mut config = configuration(name, reader, chosen);
    match config
        .get("min.insync.replicas")
        .map(|text| text.parse::<u32>())
    {
        Some(Ok(in_sync)) if in_sync > replication => {
            let place = reader.place_of("config").clone();
            let what = format!(
                "topics.{name}: min.insync.replicas {in_sync} of {replication} copies: nothing could be written with acks=all"
            );
            reader.problems().push(
                Problem::error(Some(&place), what).hint(format!("set it to at most {replication}")),
            );
        }
        // The cluster's own wants more copies than this topic has.
        None if defaults.in_sync > replication => {
            config.insert("min.insync.replicas".to_owned(), replication.to_string());
        }
        Some(_) | None => {}
    }
    Topic {
        name: name.to_owned(),
        partitions: partitions.unwrap_or(defaults.partitions),
        replication: u16::try_from(replication).unwrap_or(u16::MAX),
        config,
    }
}

fn configuration(
    name: &str,
    reader: &mut Reader<'_>,
    chosen: &Chosen<'_>,
) -> BTreeMap<String, String> {
    let mut config = BTreeMap::new();
    let mut problems = Problems::default();
    let entry = chosen.entry;
    for (key, value) in reader.text_map("config").unwrap_or_default() {
        let place = Some(&value.place);
        if chosen.is_known && !entry.knows_topic_key(&key) {
            let what = format!(
                "topics.{name}.config.{key} is not known to topics of {} {}",
                entry.product, entry.version
            );
            let problem = Problem::error(place, what);
            problems.push(match entry.nearest_topic_key(&key) {
                Some(near) => problem.hint(format!("did you mean {near}?")),
                None => problem.hint(format!(
                    "known are {}",
                    entry.locked.topic_config_keys.join(", ")
                )),
            });
        } else if let Some(text) = value.value.as_literal() {
            config.insert(key, text.to_owned());
        } else {
            let what = format!("topics.{name}.config.{key} cannot refer to exports");
            problems
                .push(Problem::error(place, what).hint("it must be known before anything starts"));
        }
    }
    reader.problems().extend(problems);
    config
}

/// The product's rules for names; two that differ only in `.` and `_` collide in its metrics.
fn refused_name(name: &str, others: &[Topic]) -> Option<(String, &'static str)> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty()
        || name.len() > 249
        || name == "."
        || name == ".."
        || !name.chars().all(is_allowed)
    {
        return Some((
            "is no name of a topic".to_owned(),
            "letters, digits, . _ and -, at most 249",
        ));
    }
    if matches!(
        name,
        "__consumer_offsets" | "__transaction_state" | "__share_group_state" | "__cluster_metadata"
    ) {
        return Some(("is the product's own topic".to_owned(), "leave it out"));
    }
    let folded = |name: &str| name.replace('.', "_");
    let twin = others
        .iter()
        .find(|other| folded(&other.name) == folded(name))?;
    Some((
        format!("cannot be told from {} in metrics", twin.name),
        "topics should not differ only in . and _",
    ))
}
