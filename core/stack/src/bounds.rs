//! `final:` and `limits:` of layers: what nothing below may contradict, and the bounds of numbers. Both name the place
//! of the rule and the place of the value.

use std::collections::BTreeMap;

use smack_model::{Problem, Problems};

use crate::document::{Block, Document};
use crate::parameter::{Parameter, contradiction};
use crate::substitute::Variables;
use crate::units::{duration_milliseconds, memory_mib};
use crate::value::{Data, Map, Value};

/// The final settings seen so far.
#[derive(Default)]
pub(crate) struct Finals {
    /// Path below `applications` and the value that it must keep.
    leaves: Vec<(Vec<String>, Value)>,
}

impl Finals {
    /// Looks whether `document`, now part of `merged`, changed a final setting; then adds its own ones.
    pub(crate) fn check(
        &mut self,
        document: &Document,
        merged: &Map,
        variables: &Variables,
        problems: &mut Problems,
    ) {
        self.leaves.retain(|(path, fixed)| {
            let now = at(merged, path).filter(|now| !now.is_null());
            let is_kept = match now {
                Some(now) => !fixed.is_null() && variables.says_the_same(fixed, now),
                None => fixed.is_null(),
            };
            if !is_kept {
                let what = path.join(".");
                let place = nearest(&document.applications, path)
                    .or_else(|| nearest(&document.fixed.applications, path))
                    .or_else(|| now.map(|now| &now.place));
                problems.push(match now {
                    Some(now) => contradiction(
                        &what,
                        &Value {
                            place: place.unwrap_or(&now.place).clone(),
                            ..now.clone()
                        },
                        fixed,
                    ),
                    None => Problem::error(
                        place,
                        format!("{what} is removed, but it is final: {}", fixed.shown()),
                    )
                    .hint(format!("set by {}; leave it alone", fixed.place)),
                });
            }
            is_kept
        });
        let mut path = Vec::new();
        self.add(&document.fixed.applications, &mut path, problems);
    }

    fn add(&mut self, map: &Map, path: &mut Vec<String>, problems: &mut Problems) {
        for (key, value) in map {
            if key.ends_with('+') {
                let problem = Problem::error(
                    Some(&value.place),
                    format!("final: {key} cannot be appended to"),
                );
                problems.push(problem.hint("a final list is written whole"));
                continue;
            }
            path.push(key.clone());
            match &value.data {
                Data::Map(inner) => self.add(inner, path, problems),
                Data::Null
                | Data::Bool(_)
                | Data::Integer(_)
                | Data::Number(_)
                | Data::Text(_)
                | Data::List(_) => self.leaves.push((path.clone(), value.clone())),
            }
            path.pop();
        }
    }
}

fn at<'a>(map: &'a Map, path: &[String]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    let value = map.get(first)?;
    if rest.is_empty() {
        Some(value)
    } else {
        at(value.as_map()?, rest)
    }
}

/// The place of the deepest entry of a file that lies on `path`.
fn nearest<'a>(map: &'a Map, path: &[String]) -> Option<&'a smack_model::Place> {
    let (first, rest) = path.split_first()?;
    let value = map.get(first).or_else(|| map.get(&format!("{first}+")))?;
    value
        .as_map()
        .and_then(|map| nearest(map, rest))
        .or(Some(&value.place))
}

/// Checks the bounds that layers put on parameters and on settings of applications (by map key; `*` is any).
pub(crate) fn check_limits(
    documents: &[Document],
    parameters: &BTreeMap<String, Parameter>,
    applications: &[(&str, &Value)],
    problems: &mut Problems,
) {
    for Block {
        parameters: limits,
        applications: all_limits,
        grid,
    } in documents.iter().map(|document| &document.limits)
    {
        if let Some(grid) = grid {
            problems.push(
                Problem::error(Some(&grid.place), "a grid has no bounds")
                    .hint("use final: {grid: …}"),
            );
        }
        for (name, limit) in limits {
            let value = parameters.get(name).map(|parameter| &parameter.value);
            walk(limit, value, &mut format!("parameter {name}"), problems);
        }
        for (key, limit) in all_limits {
            let mut is_checked = false;
            for (name, settings) in applications
                .iter()
                .filter(|(name, _)| key == "*" || *name == key)
            {
                is_checked = true;
                walk(limit, Some(settings), &mut (*name).to_owned(), problems);
            }
            if !is_checked {
                walk(limit, None, &mut key.clone(), problems);
            }
        }
    }
}

/// Follows limits and values in parallel; a map of only `min` and `max` with scalars is a bound.
fn walk(limit: &Value, value: Option<&Value>, path: &mut String, problems: &mut Problems) {
    let Some(map) = limit.as_map() else {
        let problem = Problem::error(
            Some(&limit.place),
            format!("limits: {path} wants min and max"),
        );
        problems.push(problem.hint("write {max: 3}, {min: 1} or both"));
        return;
    };
    let is_bound = |(key, bound): (&String, &Value)| {
        matches!(key.as_str(), "min" | "max")
            && bound.as_map().is_none()
            && bound.as_list().is_none()
    };
    if !map.is_empty() && map.iter().all(is_bound) {
        for (key, bound) in map {
            check_bound(key == "min", bound, value, path, problems);
        }
        return;
    }
    for (key, inner) in map {
        let length = path.len();
        path.push('.');
        path.push_str(key);
        walk(
            inner,
            value.and_then(Value::as_map).and_then(|map| map.get(key)),
            path,
            problems,
        );
        path.truncate(length);
    }
}

fn check_bound(
    is_min: bool,
    bound: &Value,
    value: Option<&Value>,
    path: &str,
    problems: &mut Problems,
) {
    if number(bound).is_none()
        && read(bound, memory_mib).is_none()
        && read(bound, duration_milliseconds).is_none()
    {
        let what = format!(
            "limits: {path}: {} is no number, memory or duration",
            bound.shown()
        );
        problems.push(Problem::error(Some(&bound.place), what).hint("write 3, 512m or 10s"));
        return;
    }
    let Some(value) = value.filter(|value| !value.is_null()) else {
        return;
    };
    let word = if is_min { "at least" } else { "at most" };
    let what = match comparable(value, bound) {
        Some((found, limit)) if (is_min && found < limit) || (!is_min && found > limit) => {
            format!(
                "{path} is {}, {word} {} is allowed",
                value.shown(),
                bound.shown()
            )
        }
        Some(_) => return,
        None => format!(
            "{path} is {}, which cannot be compared with {word} {}",
            value.shown(),
            bound.shown()
        ),
    };
    problems
        .push(Problem::error(Some(&value.place), what).hint(format!("limited by {}", bound.place)));
}

/// Both as numbers, as memory or as durations, whichever fits both first.
fn comparable(value: &Value, bound: &Value) -> Option<(f64, f64)> {
    let both = |read: &dyn Fn(&Value) -> Option<f64>| Some((read(value)?, read(bound)?));
    both(&number)
        .or_else(|| both(&|value| read(value, memory_mib)))
        .or_else(|| both(&|value| read(value, duration_milliseconds)))
}

fn number(value: &Value) -> Option<f64> {
    value
        .as_number()
        .or_else(|| value.to_literal()?.parse().ok())
        .filter(|number| number.is_finite())
}

#[expect(clippy::cast_precision_loss, reason = "settings are far below 2^53")]
fn read(value: &Value, unit: fn(&str) -> Option<i64>) -> Option<f64> {
    unit(&value.to_literal()?).map(|number| number as f64)
}
