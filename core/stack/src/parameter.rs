//! Parameters: declared by stacks, set by layers and `--var`. Gives each its type and value, with what it hides, and
//! the variables of the run.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use smack_model::{Place, Problem, Problems};

use crate::declaration::{self, Declaration};
use crate::document::{Document, option_place};
use crate::scalar;
use crate::substitute::{Origin, Variables};
use crate::text::Text;
use crate::value::{Data, Value};

/// What a parameter may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParameterType {
    Integer,
    Number,
    Text,
    Bool,
    List,
}

impl ParameterType {
    /// As a stack file writes it: `int`, `number`, `string`, `bool`, `list`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Integer => "int",
            Self::Number => "number",
            Self::Text => "string",
            Self::Bool => "bool",
            Self::List => "list",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "enum" => Some(Self::Text),
            _ => [
                Self::Integer,
                Self::Number,
                Self::Text,
                Self::Bool,
                Self::List,
            ]
            .into_iter()
            .find(|type_| type_.as_str() == text),
        }
    }

    /// The value as this type, or what it is instead.
    pub(crate) fn read(self, value: &Value) -> Result<Value, String> {
        let fits = match self {
            Self::Integer => matches!(value.data, Data::Integer(_)),
            Self::Number => value.as_number().is_some_and(f64::is_finite),
            Self::Bool => matches!(value.data, Data::Bool(_)),
            Self::List => matches!(value.data, Data::List(_)),
            Self::Text => {
                let Some(text) = value.to_text() else {
                    return Err(value.described());
                };
                return Ok(Value {
                    data: Data::Text(text),
                    written: Box::default(),
                    ..value.clone()
                });
            }
        };
        if fits {
            Ok(value.clone())
        } else {
            Err(value.described())
        }
    }
}

impl fmt::Display for ParameterType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A parameter of a resolved stack.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Parameter {
    /// The value in force, with its origin and what it hides.
    pub value: Value,
    pub type_: ParameterType,
    /// The only values allowed; empty: any.
    pub values: Vec<String>,
    pub doc: Option<String>,
    /// Where it was declared.
    pub declared: Place,
}

/// The parameters of all files and of the command line, and the bounds that layers put on them.
pub(crate) fn resolve(
    documents: &[Document],
    vars: &[(String, String)],
    variables: &mut Variables,
    problems: &mut Problems,
) -> BTreeMap<String, Parameter> {
    let declarations = declaration::of_stacks(documents, variables, problems);
    let mut set = sets(documents, &declarations, variables, problems);
    let fixed = fixed(documents);
    for (name, raw) in vars {
        if variables.is_predefined(name) {
            problems.push(
                Problem::error(
                    Some(&option_place("--var")),
                    format!("{name} is set by smack and cannot be given"),
                )
                .hint("remove the --var, or use another name"),
            );
        } else if let Some(declaration) = declarations.get(name) {
            let value = var_value(raw, declaration.type_);
            set.take(name, declaration.check(name, value, problems));
        } else {
            variables.add(name, scalar_of(raw), Origin::Var);
        }
    }
    let mut parameters = BTreeMap::new();
    for (name, declaration) in declarations {
        let Some(mut value) = set
            .values
            .remove(&name)
            .or_else(|| declaration.default.clone())
        else {
            if !declaration.is_broken && !set.broken.contains(&name) {
                problems.push(
                    Problem::error(
                        Some(&declaration.place),
                        format!("parameter {name} has no value"),
                    )
                    .hint(format!(
                        "give it: --var {name}=…, set it in a layer, or add a default"
                    )),
                );
            }
            // So that its uses are not reported as well.
            variables.add(&name, predefined(""), Origin::Parameter);
            continue;
        };
        if let Some(default) = declaration
            .default
            .as_ref()
            .filter(|default| default.place != value.place)
        {
            value.hides.push(default.hidden());
            value.hides.extend(default.hides.iter().cloned());
        }
        if let Some(fixed) = fixed.get(&name)
            && !fixed.says_the_same(&value)
            && declaration
                .type_
                .read(fixed)
                .is_ok_and(|fixed| !fixed.says_the_same(&value))
        {
            problems.push(contradiction(&format!("parameter {name}"), &value, fixed));
        }
        variables.add(&name, value.clone(), Origin::Parameter);
        let Declaration {
            type_,
            values,
            doc,
            place,
            ..
        } = declaration;
        parameters.insert(
            name,
            Parameter {
                value,
                type_,
                values,
                doc,
                declared: place,
            },
        );
    }
    parameters
}

/// Below a final value stands another one.
pub(crate) fn contradiction(what: &str, found: &Value, fixed: &Value) -> Problem {
    Problem::error(
        Some(&found.place),
        format!(
            "{what} is {}, but it is final: {}",
            found.shown(),
            fixed.shown()
        ),
    )
    .hint(format!(
        "set by {}; say the same or leave it out",
        fixed.place
    ))
}

/// What layers and `--var` set.
#[derive(Default)]
struct Sets {
    /// The value in force, hiding those before it.
    values: BTreeMap<String, Value>,
    /// Parameters that somebody tried to set and could not.
    broken: BTreeSet<String>,
}

impl Sets {
    fn take(&mut self, name: &str, value: Option<Value>) {
        let Some(mut value) = value else {
            self.broken.insert(name.to_owned());
            return;
        };
        if let Some(old) = self.values.remove(name) {
            value.hides.push(old.hidden());
            value.hides.extend(old.hides);
        }
        self.values.insert(name.to_owned(), value);
    }
}

/// What layers set, lowest precedence first.
fn sets(
    documents: &[Document],
    declarations: &BTreeMap<String, Declaration>,
    variables: &mut Variables,
    problems: &mut Problems,
) -> Sets {
    let mut set = Sets::default();
    let mut fixed: BTreeMap<&str, &Value> = BTreeMap::new();
    for document in documents.iter().filter(|document| document.level.is_some()) {
        for (name, value) in document.parameters.iter().chain(&document.fixed.parameters) {
            variables.note_layer(name, &value.place);
            if let Data::Map(_) = value.data {
                problems.push(
                    Problem::error(
                        Some(&value.place),
                        format!("{name}: a layer sets parameters, it does not declare them"),
                    )
                    .hint(format!(
                        "write {name}: 3; the declaration belongs into the stack"
                    )),
                );
                continue;
            }
            let Some(declaration) = declarations.get(name) else {
                continue;
            };
            if value.is_null() {
                set.values.remove(name);
                continue;
            }
            let read = declaration.check(name, value.clone(), problems);
            match (&read, fixed.get(name.as_str())) {
                (Some(read), Some(fixed)) if !fixed.says_the_same(read) => {
                    problems.push(contradiction(&format!("parameter {name}"), read, fixed));
                }
                _ => set.take(name, read),
            }
        }
        fixed.extend(
            document
                .fixed
                .parameters
                .iter()
                .map(|(name, value)| (name.as_str(), value)),
        );
    }
    set
}

/// The final values of parameters; the highest layer's counts.
fn fixed(documents: &[Document]) -> BTreeMap<String, Value> {
    let mut fixed = BTreeMap::new();
    for (name, value) in documents
        .iter()
        .flat_map(|document| &document.fixed.parameters)
    {
        fixed.entry(name.clone()).or_insert_with(|| value.clone());
    }
    fixed
}

/// The text of a `--var` read as a type; a list is separated by commas.
fn var_value(raw: &str, type_: ParameterType) -> Value {
    let place = option_place("--var");
    // `$${` is how a literal `${` is kept through filling.
    let escaped = raw.replace("${", "$${");
    match type_ {
        ParameterType::Text => Value::text(escaped, place),
        ParameterType::List => {
            let items = escaped
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty());
            Value::new(Data::List(items.map(scalar_of).collect()), place)
        }
        ParameterType::Integer | ParameterType::Number | ParameterType::Bool => scalar_of(raw),
    }
}

/// The text of a `--var` as the type that it looks like.
fn scalar_of(raw: &str) -> Value {
    let place = option_place("--var");
    match scalar::plain(raw) {
        Data::Text(_) | Data::Null => Value::text(raw, place),
        data @ (Data::Bool(_)
        | Data::Integer(_)
        | Data::Number(_)
        | Data::List(_)
        | Data::Map(_)) => Value {
            written: raw.into(),
            ..Value::new(data, place)
        },
    }
}

/// The text of a value that no filling changes.
pub(crate) fn predefined(text: &str) -> Value {
    Value::new(Data::Text(Text::literal(text)), option_place("predefined"))
}
