//! The JSON Schema (draft 2020-12) of stacks and layers, for editors. Services say what their kinds have; the language
//! adds what it reads itself.

use serde_json::{Map as Object, Value as Json, json};

/// A kind of application and its settings.
#[derive(Debug, Clone, Copy)]
pub struct KindSchema<'a> {
    /// `type:` in a stack file.
    pub kind: &'a str,
    pub doc: &'a str,
    pub fields: &'a [FieldSchema<'a>],
}

/// A setting of a kind.
#[derive(Debug, Clone, Copy)]
pub struct FieldSchema<'a> {
    pub name: &'a str,
    pub type_: FieldType<'a>,
    pub doc: &'a str,
}

/// What a setting may hold. `${…}` may stand for any of them.
#[derive(Debug, Clone, Copy)]
pub enum FieldType<'a> {
    /// Any scalar, taken as it is written.
    Text,
    Integer,
    Number,
    Bool,
    /// `500ms`, `10s`, `5m`, `2h`.
    Duration,
    /// `256m`, `1g`, `512MiB`, or a number of MiB.
    Memory,
    /// One of these words.
    Choice(&'a [&'a str]),
    /// A list of scalars.
    Texts,
    /// A list of anything.
    List,
    /// A map of scalars.
    TextMap,
    /// A map of anything.
    Map,
    Any,
}

impl FieldType<'_> {
    fn schema(self) -> Json {
        let scalar = json!({"type": ["string", "number", "boolean", "null"]});
        match self {
            Self::Text => scalar,
            Self::Integer => or_reference(json!({"type": "integer"})),
            Self::Number => or_reference(json!({"type": "number"})),
            Self::Bool => or_reference(json!({"type": "boolean"})),
            Self::Duration => or_reference(
                json!({"type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?(ms|s|sec|m|min|h|d)$"}),
            ),
            Self::Memory => json!({"anyOf": [
                {"type": "integer", "minimum": 0},
                {"type": "string", "pattern": "^[0-9]+(\\.[0-9]+)? ?([kKmMgGtT]([iI]?[bB])?)?$"},
                reference(),
            ]}),
            Self::Choice(words) => or_reference(json!({"enum": words})),
            Self::Texts => or_reference(json!({"type": "array", "items": scalar})),
            Self::List => or_reference(json!({"type": "array"})),
            Self::TextMap => json!({"type": ["object", "null"], "additionalProperties": scalar}),
            Self::Map => json!({"type": ["object", "null"]}),
            Self::Any => json!({}),
        }
    }
}

/// The schema of a stack or layer file whose applications are of `kinds`, or of any other (legacy) type.
pub fn json_schema(kinds: &[KindSchema<'_>]) -> Json {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "smack stack or layer",
        "type": "object",
        "additionalProperties": false,
        "required": ["name"],
        "properties": {
            "name": documented("The name of the stack or layer.", json!({"type": ["string", "number"]})),
            "doc": documented("What it is for.", json!({"type": "string"})),
            "from": documented("The stack that this one extends.", json!({"type": ["string", "null"]})),
            "level": documented("Of a layer: where it stands.", json!({"enum": ["datacenter", "cluster", "zone"]})),
            "parent": documented("Of a layer: the layer above it.", json!({"type": ["string", "null"]})),
            "grid": {"$ref": "#/$defs/grid"},
            "isolation": documented(
                "How far the virtual data center is kept apart; as far as the nodes can if left out.",
                json!({"enum": ["open", "vdc", null]}),
            ),
            "require": documented(
                "What a run must have: it is refused where the nodes can do less.",
                json!({
                    "type": ["object", "null"],
                    "additionalProperties": false,
                    "properties": {"isolation": {"enum": ["open", "vdc", null]}},
                }),
            ),
            "uses": documented(
                "Other virtual data centers by a name of this stack's own: dependencies: [NAME.kafka].",
                json!({
                    "type": ["object", "null"],
                    "additionalProperties": {
                        "type": ["object", "null"],
                        "additionalProperties": false,
                        "properties": {
                            "run": documented("Its name; that of the use if left out.", json!({"type": ["string", "number", "null"]})),
                            "zone": documented("Its zone, or same.", json!({"type": ["string", "number", "null"]})),
                        },
                    },
                }),
            ),
            "parameters": documented(
                "In a stack: what may be set from outside. In a layer: values for them.",
                json!({"type": ["object", "null"], "additionalProperties": {"$ref": "#/$defs/parameter"}}),
            ),
            "applications": {"$ref": "#/$defs/applications"},
            "final": documented("Of a layer: what nothing below may contradict.", block(json!({"type": "object"}))),
            "limits": documented(
                "Of a layer: bounds of numbers, as {min: 1, max: 9}; the application * is any.",
                json!({
                    "type": "object",
                    "additionalProperties": false,
                    "properties": {
                        "parameters": {"type": "object", "additionalProperties": {"$ref": "#/$defs/limit"}},
                        "applications": {"type": "object", "additionalProperties": {"$ref": "#/$defs/limit"}},
                    },
                }),
            ),
            "namespace": dropped(),
            "layer": dropped(),
            "rwmutex": dropped(),
        },
        "$defs": definitions(kinds),
    })
}

fn definitions(kinds: &[KindSchema<'_>]) -> Json {
    let names: Vec<&str> = kinds.iter().map(|kind| kind.kind).collect();
    json!({
        "grid": documented(
            "Where tasks run; the nearest wins, `local` if none says.",
            json!({"type": "string", "examples": ["local", "mesos", "kubernetes"]}),
        ),
        "applications": documented(
            "The applications by key.",
            json!({"type": ["object", "null"], "additionalProperties": {"$ref": "#/$defs/application"}}),
        ),
        "parameter": {"anyOf": [
            {"type": ["string", "number", "boolean", "array", "null"]},
            {
                "type": "object",
                "additionalProperties": false,
                "properties": {
                    "type": {"enum": ["int", "number", "string", "bool", "list", "enum"]},
                    "default": {},
                    "min": {"type": "number"},
                    "max": {"type": "number"},
                    "values": {"type": "array", "items": {"type": ["string", "number", "boolean"]}},
                    "doc": {"type": "string"},
                },
            },
        ]},
        "limit": {
            "type": "object",
            "properties": {"min": {}, "max": {}},
            "additionalProperties": {"$ref": "#/$defs/limit"},
        },
        "common": {
            "type": ["object", "null"],
            "properties": {
                "type": documented("The service that runs it.", json!({"anyOf": [{"enum": names}, {"type": "string"}]})),
                "id": documented("Its id; the key if left out.", json!({"type": ["string", "number"]})),
                "grid": {"$ref": "#/$defs/grid"},
                "scope": documented(
                    "How far the system reaches: what has its name in other zones of the cluster or datacenter is part of it.",
                    or_reference(json!({"enum": ["zone", "cluster", "datacenter"]})),
                ),
                "share": documented(
                    "Which other virtual data centers may use it; those of the zone if left out.",
                    or_reference(json!({"enum": crate::share::Share::ALL.map(crate::share::Share::word)})),
                ),
                "dependencies": documented(
                    "Ids of applications that must be ready first.",
                    or_reference(json!({"type": "array", "items": {"type": ["string", "number"]}})),
                ),
                "rwmutex": dropped(),
            },
        },
        "application": {
            "$ref": "#/$defs/common",
            "allOf": kinds.iter().map(kind_rule).collect::<Vec<_>>(),
        },
    })
}

/// Of an application with a known type nothing but its settings may stand there.
fn kind_rule(kind: &KindSchema<'_>) -> Json {
    let mut properties = Object::new();
    for field in kind.fields {
        properties.insert(
            field.name.to_owned(),
            documented(field.doc, field.type_.schema()),
        );
    }
    json!({
        "if": {"type": "object", "required": ["type"], "properties": {"type": {"const": kind.kind}}},
        "then": {
            "description": kind.doc,
            "$ref": "#/$defs/common",
            "properties": properties,
            "patternProperties": {"^.+\\+$": {"type": ["array", "string"]}},
            "unevaluatedProperties": false,
        },
    })
}

fn block(applications: Json) -> Json {
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "parameters": {"type": "object"},
            "applications": applications,
            "grid": {"$ref": "#/$defs/grid"},
        },
    })
}

fn reference() -> Json {
    json!({"type": "string", "pattern": "\\$\\{[^}]+\\}"})
}

fn or_reference(schema: Json) -> Json {
    json!({"anyOf": [schema, reference(), {"type": "null"}]})
}

fn documented(doc: &str, mut schema: Json) -> Json {
    if let Some(object) = schema.as_object_mut() {
        object.insert("description".to_owned(), Json::from(doc));
    }
    schema
}

fn dropped() -> Json {
    documented("Written by old tools; dropped.", json!({}))
}
