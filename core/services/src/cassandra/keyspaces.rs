//! Declared keyspaces: names and copies, checked against the data center and the number of nodes.

use std::collections::BTreeMap;

use smack_model::{Operation, OperationSpec, Problem, When, did_you_mean};
use smack_stack::{Data, Reader, Value};

use crate::schema::{FieldSchema, Sort};

/// More copies than these nobody has.
const COPIES_MOST: u32 = 1000;

/// Those of the product whose copies a stack may set; its other keyspaces are on every node anyway.
const OF_THE_PRODUCT: [&str; 3] = ["system_auth", "system_distributed", "system_traces"];

pub(super) const FIELDS: &[FieldSchema] = &[
    FieldSchema::new(
        "replication",
        Sort::AnyOf(&[COPIES, Sort::Map(&COPIES)]),
        "3, or as many as there are nodes",
        "Copies of each row in this data center, or by the name of the data center.",
    ),
    FieldSchema::new(
        "per-zone",
        COPIES,
        "",
        "The same as `replication` with a number: copies in the data center of each zone.",
    ),
];

const COPIES: Sort = Sort::Integer {
    min: 1,
    max: COPIES_MOST as i64,
};

/// One declared keyspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Keyspace {
    pub(super) name: String,
    /// In the data center of the nodes; `None`: it is one of other data centers.
    pub(super) copies: Option<u32>,
}

/// For what keyspaces are read.
#[derive(Clone, Copy)]
pub(super) struct Here<'a> {
    pub(super) data_center: &'a str,
    pub(super) nodes: u32,
    /// The ring has other data centers.
    pub(super) is_shared: bool,
}

impl Keyspace {
    pub(super) fn operation(&self, data_center: &str) -> Option<OperationSpec> {
        Some(OperationSpec {
            name: format!("keyspace {}", self.name),
            operation: Operation::CassandraKeyspace {
                keyspace: self.name.clone(),
                replication: BTreeMap::from([(data_center.to_owned(), self.copies?)]),
            },
            when: When::Always,
            after_replacing: false,
        })
    }
}

/// Reads `keyspaces:`, in the order of the file. Of a shared ring the product's own come with it: each data center has copies
/// of them.
pub(super) fn read(reader: &mut Reader<'_>, here: Here<'_>) -> Vec<Keyspace> {
    let nodes = here.nodes;
    let mut keyspaces = Vec::new();
    reader.each("keyspaces", |name, mut inner| {
        if let Some((why, hint)) = refused_name(name) {
            let what = format!("keyspaces.{name}: {why}");
            let problem = Problem::error(Some(inner.place()), what);
            inner.problems().push(problem.hint(hint));
        }
        let per_zone = inner.value("per-zone");
        let copies = match inner.value("replication") {
            Some(_) if per_zone.is_some() => {
                let what = "per-zone says the same as replication";
                inner.refuse("per-zone", what, "leave one of them out");
                None
            }
            Some(value) if value.as_map().is_some() => {
                by_data_center(name, &mut inner, value, here)
            }
            Some(value) => number(&mut inner, &format!("keyspaces.{name}.replication"), value),
            None => match per_zone {
                Some(value) => number(&mut inner, &format!("keyspaces.{name}.per-zone"), value),
                None => Some(nodes.min(3)),
            },
        };
        if let Some(copies) = copies.filter(|copies| *copies > nodes) {
            let (is, ending) = if nodes == 1 { ("is", "") } else { ("are", "s") };
            let what = format!("{copies} copies of each row, but there {is} {nodes} node{ending}");
            inner.refuse("replication", &what, "lower it or raise instances");
        }
        keyspaces.push(Keyspace {
            name: name.to_owned(),
            copies: copies.or((!here.is_shared).then_some(1)),
        });
        inner.finish();
    });
    if here.is_shared {
        for name in OF_THE_PRODUCT {
            if !keyspaces.iter().any(|known| known.name == name) {
                keyspaces.push(Keyspace {
                    name: name.to_owned(),
                    copies: Some(nodes.min(3)),
                });
            }
        }
    }
    keyspaces
}

/// `{dc1: 2}`. What a shared ring has in other data centers is the affair of the parts there.
fn by_data_center(
    keyspace: &str,
    reader: &mut Reader<'_>,
    value: &Value,
    here: Here<'_>,
) -> Option<u32> {
    let data_center = here.data_center;
    let mut copies = None;
    let path = format!("keyspaces.{keyspace}.replication");
    for (name, value) in value.as_map()? {
        if name == data_center {
            copies = number(reader, &format!("{path}.{name}"), value);
            continue;
        }
        if here.is_shared {
            number(reader, &format!("{path}.{name}"), value);
            continue;
        }
        let what = format!("{path}: {name} is no data center of this ring");
        let hint = match did_you_mean(name, [data_center]) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("it has one, {data_center}; write replication: 2 for copies there"),
        };
        let problem = Problem::error(Some(&value.place), what).hint(hint);
        reader.problems().push(problem);
    }
    copies
}

fn number(reader: &mut Reader<'_>, key: &str, value: &Value) -> Option<u32> {
    let found = match &value.data {
        Data::Integer(number) => u32::try_from(*number).ok(),
        Data::Text(text) => text.as_literal().and_then(|text| text.parse().ok()),
        Data::Null | Data::Bool(_) | Data::Number(_) | Data::List(_) | Data::Map(_) => None,
    };
    let fitting = found.filter(|copies| (1..=COPIES_MOST).contains(copies));
    if fitting.is_none() {
        let what = format!("{key}: {} is no number of copies", value.shown());
        let hint = "for example replication: 2, or replication: {dc1: 2}";
        let problem = Problem::error(Some(&value.place), what).hint(hint);
        reader.problems().push(problem);
    }
    fitting
}

/// The product's rules for names. Upper case is refused, for CQL lowers a name that is not quoted.
fn refused_name(name: &str) -> Option<(String, String)> {
    if OF_THE_PRODUCT.contains(&name) {
        return None;
    }
    if name == "system" || name.starts_with("system_") {
        return Some((
            "is the product's own keyspace".to_owned(),
            format!(
                "leave it out; of its own, {} may be set",
                OF_THE_PRODUCT.join(", ")
            ),
        ));
    }
    let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let starts_well = name.starts_with(|c: char| c.is_ascii_lowercase());
    if starts_well && name.len() <= 48 && name.chars().all(is_allowed) {
        return None;
    }
    let lower = name.to_ascii_lowercase();
    let near = lower.replace(|c| !is_allowed(c), "_");
    let near = near.trim_start_matches(|c: char| !c.is_ascii_lowercase());
    let hint = if near.is_empty() || near.len() > 48 {
        "lower-case letters, digits and _, a letter first, at most 48".to_owned()
    } else {
        format!("lower-case letters, digits and _, a letter first; for example {near}")
    };
    Some(("is no name of a keyspace".to_owned(), hint))
}
