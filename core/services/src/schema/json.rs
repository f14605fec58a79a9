//! The keys of all services as JSON Schema (2020-12), for editors. What surrounds an application is left to the language.

use serde_json::{Map, Value, json};

use super::{COMMON, FieldSchema, JAVA, Sort};
use crate::program::OLD_KEYS;
use crate::{ALL, Service};

/// Keys that every application has, whatever its type.
const OF_THE_LANGUAGE: &[FieldSchema] = &[
    FieldSchema::new(
        "id",
        Sort::Text,
        "its key",
        "The name that others depend on; a DNS label.",
    ),
    FieldSchema::new("grid", Sort::Text, "local", "Where its tasks run."),
    FieldSchema::new(
        "scope",
        Sort::OneOf(&["zone", "cluster", "datacenter"]),
        "zone",
        "How far the system reaches.",
    ),
    FieldSchema::new(
        "dependencies",
        Sort::List(&Sort::Text),
        "",
        "Applications that must be ready first.",
    ),
];

/// The schema of one application: which keys are known follows from its `type`. A key that ends in `+` appends to the list
/// of a file beneath, and null deletes, so both are allowed everywhere.
pub fn application_schema() -> Value {
    let kinds: Vec<&str> = ALL.iter().map(|service| service.kind()).collect();
    let kind = json!({
        "anyOf": [{ "enum": kinds }, { "type": "string" }],
        "description": "What runs it.",
    });
    let branches: Vec<Value> = ALL.iter().map(|service| branch(*service)).collect();
    json!({
        "type": ["object", "null"],
        "properties": { "type": kind },
        "allOf": branches,
    })
}

/// If it is of this type, these are its keys.
fn branch(service: &dyn Service) -> Value {
    let java: &[FieldSchema] = if service.is_on_java() { JAVA } else { &[] };
    let fields = OF_THE_LANGUAGE
        .iter()
        .chain(COMMON)
        .chain(java)
        .chain(service.fields());
    let mut properties: Map<String, Value> = fields
        .map(|field| (field.key.to_owned(), described(field)))
        .collect();
    properties.insert("type".to_owned(), json!({}));
    if !service.is_on_java() {
        properties.extend(OLD_KEYS.iter().map(|key| ((*key).to_owned(), json!({}))));
    }
    json!({
        "if": { "properties": { "type": { "const": service.kind() } }, "required": ["type"] },
        "then": {
            "description": service.doc(),
            "properties": properties,
            "patternProperties": { "\\+$": { "type": "array" } },
            "additionalProperties": false,
        },
    })
}

fn described(field: &FieldSchema) -> Value {
    let mut doc = field.doc.to_owned();
    if !field.default.is_empty() {
        doc = format!("{doc} Default: {}.", field.default);
    }
    json!({ "description": doc, "anyOf": [of(&field.sort), { "type": "null" }] })
}

/// A number may always be a parameter instead: `${brokers}`.
fn of(sort: &Sort) -> Value {
    const REFERENCE: &str = "\\$\\{";
    let or_reference =
        |sort: Value| json!({ "anyOf": [sort, { "type": "string", "pattern": REFERENCE }] });
    match sort {
        Sort::Text => json!({ "type": ["string", "number", "boolean", "null"] }),
        Sort::Integer { min, max } => {
            or_reference(json!({ "type": "integer", "minimum": min, "maximum": max }))
        }
        Sort::Number => or_reference(json!({ "type": "number" })),
        Sort::Bool => or_reference(json!({ "type": "boolean" })),
        Sort::Memory => {
            let text = json!({ "type": "string", "pattern": "^[0-9.]+ ?([kmgtKMGT]i?[bB]?)?$" });
            or_reference(json!({ "anyOf": [{ "type": "number" }, text] }))
        }
        Sort::Duration => {
            or_reference(json!({ "type": "string", "pattern": "^[0-9.]+ ?(ms|s|sec|m|min|h|d)$" }))
        }
        Sort::OneOf(words) => or_reference(json!({ "enum": words })),
        Sort::List(item) => json!({ "anyOf": [{ "type": "array", "items": of(item) }, of(item)] }),
        Sort::Map(value) => json!({ "type": "object", "additionalProperties": of(value) }),
        Sort::Fields(fields) => {
            let known: Map<String, Value> = fields
                .iter()
                .map(|field| (field.key.to_owned(), described(field)))
                .collect();
            json!({ "type": ["object", "null"], "properties": known, "additionalProperties": false })
        }
        Sort::AnyOf(sorts) => json!({ "anyOf": sorts.iter().map(of).collect::<Vec<_>>() }),
    }
}
