//! The `parameters:` of stacks: types, bounds and defaults, and whether a value fits. Knows nothing of who sets them.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use smack_model::{Place, Problem, Problems};

use crate::document::Document;
use crate::merge::{self, Context};
use crate::near::near;
use crate::parameter::ParameterType;
use crate::substitute::Variables;
use crate::text;
use crate::value::{Data, Map, Value};

/// What a stack says of a parameter.
pub(crate) struct Declaration {
    pub(crate) type_: ParameterType,
    pub(crate) values: Vec<String>,
    min: Option<f64>,
    max: Option<f64>,
    pub(crate) default: Option<Value>,
    pub(crate) doc: Option<String>,
    pub(crate) place: Place,
    /// It has a default, but a wrong one.
    pub(crate) is_broken: bool,
}

/// The declarations of all stacks of the run, the nearer over the farther.
pub(crate) fn of_stacks(
    documents: &[Document],
    variables: &Variables,
    problems: &mut Problems,
) -> BTreeMap<String, Declaration> {
    let mut merged = Map::new();
    for document in documents.iter().filter(|document| document.level.is_none()) {
        let mut block = Map::new();
        for (name, value) in &document.parameters {
            let value = match value.data {
                Data::Map(_) | Data::Null => value.clone(),
                // `brokers: 3` in a stack is its default.
                Data::Bool(_)
                | Data::Integer(_)
                | Data::Number(_)
                | Data::Text(_)
                | Data::List(_) => {
                    let default = IndexMap::from([("default".to_owned(), value.clone())]);
                    Value::new(Data::Map(default), value.place.clone())
                }
            };
            block.insert(name.clone(), value);
        }
        merge::into_map(&mut merged, block, Context::Plain, variables, problems);
    }
    merge::sweep(&mut merged, Context::Plain);
    let mut declarations = BTreeMap::new();
    for (name, value) in merged {
        if variables.is_predefined(&name) {
            let problem = Problem::error(
                Some(&value.place),
                format!("{name} is set by smack and cannot be declared"),
            );
            problems.push(problem.hint("use another name"));
        } else if !text::is_reference(&name) {
            let problem = Problem::error(
                Some(&value.place),
                format!("{name:?} is no name for a parameter"),
            );
            problems.push(problem.hint("use letters, digits, _ and -"));
        } else if let Data::Map(map) = &value.data {
            declarations.insert(
                name.clone(),
                Declaration::read(&name, map, &value.place, problems),
            );
        }
    }
    declarations
}

impl Declaration {
    fn read(name: &str, map: &Map, place: &Place, problems: &mut Problems) -> Self {
        const KEYS: [&str; 6] = ["type", "default", "min", "max", "values", "doc"];
        for (key, value) in map.iter().filter(|(key, _)| !KEYS.contains(&key.as_str())) {
            let problem = Problem::error(
                Some(&value.place),
                format!("unknown key {key} in parameter {name}"),
            );
            problems.push(match near(key, KEYS) {
                Some(word) => problem.hint(format!("did you mean {word}?")),
                None => problem.hint(format!("a parameter has {}", KEYS.join(", "))),
            });
        }
        let written = map.get("type").and_then(|value| {
            let type_ = value
                .to_literal()
                .and_then(|text| ParameterType::parse(&text));
            if type_.is_none() {
                let what = format!("parameter {name}: {} is no type", value.shown());
                problems.push(
                    Problem::error(Some(&value.place), what)
                        .hint("write int, number, string, bool, list or enum"),
                );
            }
            type_
        });
        let inferred = || match map.get("default").map(|default| &default.data) {
            Some(Data::Integer(_)) => ParameterType::Integer,
            Some(Data::Number(_)) => ParameterType::Number,
            Some(Data::Bool(_)) => ParameterType::Bool,
            Some(Data::List(_)) => ParameterType::List,
            Some(Data::Text(_) | Data::Null | Data::Map(_)) | None => ParameterType::Text,
        };
        let mut declaration = Self {
            type_: written.unwrap_or_else(inferred),
            values: values(name, map, problems),
            min: bound(name, "min", map, problems),
            max: bound(name, "max", map, problems),
            default: None,
            doc: map.get("doc").and_then(Value::to_literal),
            place: place.clone(),
            is_broken: false,
        };
        if let (Some(min), Some(max)) = (declaration.min, declaration.max)
            && min > max
        {
            let what = format!("parameter {name}: min {min} is more than max {max}");
            problems.push(Problem::error(
                map.get("min").map(|value| &value.place),
                what,
            ));
            declaration.min = None;
        }
        let is_number = matches!(
            declaration.type_,
            ParameterType::Integer | ParameterType::Number
        );
        for key in ["min", "max"] {
            if let Some(value) = map.get(key).filter(|_| !is_number) {
                let what = format!(
                    "parameter {name}: {key} means nothing for a {}",
                    declaration.type_
                );
                problems.push(
                    Problem::error(Some(&value.place), what)
                        .hint("write type: int or type: number"),
                );
            }
        }
        if map.get("type").and_then(Value::to_literal).as_deref() == Some("enum")
            && declaration.values.is_empty()
        {
            problems.push(
                Problem::error(
                    Some(place),
                    format!("parameter {name} is an enum without values"),
                )
                .hint("add values: [a, b]"),
            );
        }
        let default = map.get("default").filter(|default| !default.is_null());
        declaration.default =
            default.and_then(|default| declaration.check(name, default.clone(), problems));
        declaration.is_broken = default.is_some() && declaration.default.is_none();
        declaration
    }

    /// The value as the declared type and within its bounds.
    pub(crate) fn check(&self, name: &str, value: Value, problems: &mut Problems) -> Option<Value> {
        let read = match self.type_.read(&value) {
            Ok(read) => read,
            Err(found) => {
                let what = format!(
                    "parameter {name} wants a value of type {}, found {found}",
                    self.type_
                );
                let hint = format!("declared at {}", self.place);
                problems.push(Problem::error(Some(&value.place), what).hint(hint));
                return None;
            }
        };
        if let Some(number) = read.as_number() {
            if let Some(min) = self.min.filter(|min| number < *min) {
                let what = format!("parameter {name} is {number}, at least {min} is allowed");
                problems.push(
                    Problem::error(Some(&value.place), what)
                        .hint(format!("declared at {}", self.place)),
                );
                return None;
            }
            if let Some(max) = self.max.filter(|max| number > *max) {
                let what = format!("parameter {name} is {number}, at most {max} is allowed");
                problems.push(
                    Problem::error(Some(&value.place), what)
                        .hint(format!("declared at {}", self.place)),
                );
                return None;
            }
        }
        let text = read.to_literal().unwrap_or_default();
        if !self.values.is_empty() && !self.values.contains(&text) {
            let what = format!(
                "parameter {name} is {}, which is none of its values",
                read.shown()
            );
            let problem = Problem::error(Some(&value.place), what);
            problems.push(match near(&text, self.values.iter().map(String::as_str)) {
                Some(word) => problem.hint(format!("did you mean {word}?")),
                None => problem.hint(format!("allowed are {}", self.values.join(", "))),
            });
            return None;
        }
        Some(read)
    }
}

fn values(name: &str, map: &Map, problems: &mut Problems) -> Vec<String> {
    let Some(value) = map.get("values") else {
        return Vec::new();
    };
    let literals = value.as_list().map(|items| {
        items
            .iter()
            .map(Value::to_literal)
            .collect::<Option<Vec<_>>>()
    });
    let Some(Some(values)) = literals else {
        let what = format!(
            "parameter {name}: values wants a list of texts, found {}",
            value.described()
        );
        problems.push(Problem::error(Some(&value.place), what).hint("write values: [a, b]"));
        return Vec::new();
    };
    values
}

fn bound(name: &str, key: &str, map: &Map, problems: &mut Problems) -> Option<f64> {
    let value = map.get(key)?;
    let number = value.as_number().filter(|number| number.is_finite());
    if number.is_none() {
        let what = format!(
            "parameter {name}: {key} wants a number, found {}",
            value.described()
        );
        problems.push(Problem::error(Some(&value.place), what));
    }
    number
}
