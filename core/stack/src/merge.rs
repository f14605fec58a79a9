//! Laying one file over another: maps merge key by key, scalars and lists replace, `key+` appends, null deletes.
//! Says where the original engine would have dropped the child's value.

use smack_model::{Problem, Problems};

use crate::document::Document;
use crate::substitute::Variables;
use crate::value::{Data, Map, Value};

/// Fields that the original never merged: once an ancestor mentioned the application, the child's value was lost.
const NEVER_MERGED: [&str; 8] = [
    "type",
    "instances",
    "constraints",
    "args",
    "env",
    "docker",
    "start_time",
    "time_schedule",
];

/// Keys that only applications of the original have.
const LEGACY_KEYS: [&str; 9] = [
    "scheduler",
    "tasks",
    "artifact_urls",
    "additional_artifacts",
    "before_scheduler",
    "after_scheduler",
    "before_task",
    "after_task",
    "after_tasks",
];

/// Which map is merged; some have rules of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Context {
    Applications,
    Application,
    /// `scheduler:` of a legacy application: an empty text deletes, too.
    Scheduler,
    Plain,
}

impl Context {
    fn inside(self, key: &str) -> Self {
        match (self, key) {
            (Self::Applications, _) => Self::Application,
            (Self::Application, "scheduler") => Self::Scheduler,
            _ => Self::Plain,
        }
    }

    /// The tasks of a legacy application are a list of steps in the dress of a map: a child replaces them all.
    fn replaces(self, key: &str) -> bool {
        self == Self::Application && key == "tasks"
    }

    /// Whether a value deletes what it hides. One that hides nothing is itself: a topic with nothing but defaults, an
    /// empty flag.
    fn deletes(self, value: &Value) -> bool {
        match &value.data {
            _ if value.hides.is_empty() => false,
            Data::Null => true,
            Data::Text(text) => self == Self::Scheduler && text.is_empty(),
            Data::Bool(_) | Data::Integer(_) | Data::Number(_) | Data::List(_) | Data::Map(_) => {
                false
            }
        }
    }
}

/// Lays `child` over `base`. What is deleted stays until [`sweep`], so that deleting twice is deleting.
pub(crate) fn into_map(
    base: &mut Map,
    child: Map,
    context: Context,
    variables: &Variables,
    problems: &mut Problems,
) {
    Merge {
        variables,
        problems,
    }
    .map(base, child, context);
}

/// Takes out what was deleted.
pub(crate) fn sweep(map: &mut Map, context: Context) {
    map.retain(|key, value| {
        if let Data::Map(inner) = &mut value.data {
            sweep(inner, context.inside(key));
        }
        !context.deletes(value)
    });
}

struct Merge<'a> {
    variables: &'a Variables,
    problems: &'a mut Problems,
}

impl Merge<'_> {
    fn map(&mut self, base: &mut Map, child: Map, context: Context) {
        let twice: Vec<String> = child
            .keys()
            .filter(|key| {
                key.len() > 1 && key.ends_with('+') && child.contains_key(&key[..key.len() - 1])
            })
            .cloned()
            .collect();
        for (key, value) in child {
            if twice.contains(&key) {
                let plain = key.trim_end_matches('+');
                let what = format!("{plain} is both replaced and appended to in one map");
                self.problems
                    .push(Problem::error(Some(&value.place), what).hint("keep one of the two"));
            } else if key.ends_with("++") {
                let problem = Problem::error(Some(&value.place), format!("{key} means nothing"));
                self.problems.push(problem.hint("one + appends to a list"));
            } else if let Some(target) = key.strip_suffix('+').filter(|target| !target.is_empty()) {
                self.append(base, target, value, context);
            } else {
                self.entry(base, key, value, context);
            }
        }
    }

    fn entry(&mut self, base: &mut Map, key: String, value: Value, context: Context) {
        let inside = context.inside(&key);
        let is_replaced = context.replaces(&key);
        match base.get_mut(&key) {
            Some(Value {
                data: Data::Map(old),
                place,
                ..
            }) if !is_replaced && value.as_map().is_some() => {
                if let Data::Map(new) = value.data {
                    *place = value.place;
                    self.map(old, new, inside);
                }
            }
            Some(old) => {
                let mut new = self.alone(value, inside);
                new.hides.push(old.hidden());
                new.hides.append(&mut old.hides);
                *old = new;
            }
            None => {
                let new = self.alone(value, inside);
                base.insert(key, new);
            }
        }
    }

    /// A value that has nothing below it: its own nulls and `key+` still mean something.
    fn alone(&mut self, mut value: Value, context: Context) -> Value {
        match value.data {
            Data::Map(map) => {
                let mut merged = Map::with_capacity(map.len());
                self.map(&mut merged, map, context);
                value.data = Data::Map(merged);
            }
            Data::List(items) => {
                value.data = Data::List(
                    items
                        .into_iter()
                        .map(|item| self.alone(item, Context::Plain))
                        .collect(),
                );
            }
            Data::Null | Data::Bool(_) | Data::Integer(_) | Data::Number(_) | Data::Text(_) => {}
        }
        value
    }

    fn append(&mut self, base: &mut Map, key: &str, value: Value, context: Context) {
        let value = self.variables.expand_list(value);
        match (base.get_mut(key), value.data) {
            (
                None
                | Some(Value {
                    data: Data::Null, ..
                }),
                Data::List(items),
            ) => {
                let new = self.alone(
                    Value {
                        data: Data::List(items),
                        ..value
                    },
                    context.inside(key),
                );
                base.insert(key.to_owned(), new);
            }
            (
                Some(Value {
                    data: Data::List(old),
                    ..
                }),
                Data::List(items),
            ) => {
                old.extend(
                    items
                        .into_iter()
                        .map(|item| self.alone(item, Context::Plain)),
                );
            }
            (None, Data::Map(map)) if context.replaces(key) => {
                let new = self.alone(
                    Value {
                        data: Data::Map(map),
                        ..value
                    },
                    context.inside(key),
                );
                base.insert(key.to_owned(), new);
            }
            (
                Some(Value {
                    data: Data::Map(old),
                    ..
                }),
                Data::Map(map),
            ) if context.replaces(key) => {
                self.map(old, map, context.inside(key));
            }
            (old, data) => {
                let (old, found) = (
                    old.map(|old| (old.sort(), old.place.clone())),
                    Value { data, ..value },
                );
                let problem = Problem::error(
                    Some(&found.place),
                    match &old {
                        Some((sort, _)) if found.as_list().is_some() => {
                            format!("{key}+ appends to a list, but {key} is {sort}")
                        }
                        _ => format!("{key}+ wants a list, found {}", found.described()),
                    },
                );
                self.problems.push(match old {
                    Some((_, place)) if found.as_list().is_some() => {
                        problem.hint(format!("{key} is set by {place}"))
                    }
                    _ => problem.hint(format!("write {key}+: […]")),
                });
            }
        }
    }
}

/// What the original would have done differently with this file over `base`: candidates, in the order of the file.
pub(crate) fn dropped_by_the_original(
    base: &Map,
    document: &Document,
    variables: &Variables,
) -> Vec<(String, Problem)> {
    let mut found = Vec::new();
    for (name, child) in &document.applications {
        let (Some(Data::Map(old)), Data::Map(new)) =
            (base.get(name).map(|base| &base.data), &child.data)
        else {
            continue;
        };
        for key in NEVER_MERGED {
            let Some(value) = new.get(key).filter(|value| !value.is_null()) else {
                continue;
            };
            let problem = match old.get(key) {
                Some(old) if variables.says_the_same(old, value) => continue,
                Some(old) => Problem::notice(
                    Some(&value.place),
                    format!(
                        "{key} of {name} is {}, no longer {} of {}",
                        value.shown(),
                        old.shown(),
                        old.place
                    ),
                ),
                None => Problem::notice(
                    Some(&value.place),
                    format!("{key} of {name} is {}", value.shown()),
                ),
            };
            let problem = problem.hint(format!(
                "stack-deploy ignored {key} here, because a file above mentions {name}"
            ));
            found.push((name.clone(), problem));
        }
        for (key, value) in new {
            if let Some(old) = old.get(key).filter(|_| is_empty(value))
                && !is_empty(old)
                && !NEVER_MERGED.contains(&key.as_str())
                && key != "scheduler"
            {
                let what = format!(
                    "{key} of {name} is {}, no longer {} of {}",
                    value.shown(),
                    old.shown(),
                    old.place
                );
                let hint =
                    format!("stack-deploy took an empty {key} for none and kept the old value");
                found.push((
                    name.clone(),
                    Problem::notice(Some(&value.place), what).hint(hint),
                ));
            }
        }
    }
    found
}

fn is_empty(value: &Value) -> bool {
    match &value.data {
        Data::Text(text) => text.is_empty(),
        Data::List(items) => items.is_empty(),
        Data::Map(map) => map.is_empty(),
        Data::Integer(number) => *number == 0,
        Data::Number(number) => *number == 0.0,
        Data::Null | Data::Bool(_) => false,
    }
}

/// Whether an application speaks the language of the original.
pub(crate) fn is_legacy(application: &Map) -> bool {
    let kind = application
        .get("type")
        .and_then(Value::to_literal)
        .unwrap_or_default();
    kind.contains("-mesos")
        || kind.starts_with("go-kafka-client")
        || matches!(kind.as_str(), "docker" | "run-once")
        || application
            .keys()
            .any(|key| LEGACY_KEYS.contains(&key.as_str()))
}
