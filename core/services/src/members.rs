//! The numbers by which a product knows its members: `instances: 3` are 0, 1 and 2; `ids:` names them one by one.

use std::collections::BTreeSet;

use smack_model::Problem;
use smack_stack::{Reader, Value};

use crate::schema::{FieldSchema, Sort};
use crate::shape;

pub(crate) const IDS: FieldSchema = FieldSchema::new(
    "ids",
    Sort::AnyOf(&[Sort::Text, Sort::List(&Sort::Text)]),
    "0 and up, one for each of instances",
    "The numbers of the members, in place of instances: `70`, `\"0..2\"`, `[0, 1, 5]`. They stay with their data.",
);

/// Reads `instances:` or `ids:`; sorted, at least one. Numbers go up to `last`.
pub(crate) fn read(reader: &mut Reader<'_>, most: u32, last: u32) -> Vec<u32> {
    let instances = shape::count(reader, "instances", 1, most);
    let Some(value) = reader.value("ids") else {
        return (0..instances.unwrap_or(1)).collect();
    };
    if reader.has("instances") {
        let what = "ids: says how many there are";
        reader.refuse("instances", what, "take one of them out");
    }
    let items = value.as_list().unwrap_or(std::slice::from_ref(value));
    let mut ids = BTreeSet::new();
    for item in items {
        if let Err((what, hint)) = take(item, last, &mut ids) {
            let problem = Problem::error(Some(&item.place), format!("ids: {what}"));
            reader.problems().push(problem.hint(hint));
        }
    }
    if items.is_empty() {
        reader.refuse("ids", "the list is empty", "for example ids: [0, 1, 2]");
    }
    if ids.len() > most as usize {
        let what = format!("{} are too many", ids.len());
        reader.refuse("ids", &what, &format!("up to {most}"));
    }
    if ids.is_empty() {
        // Told already.
        return vec![0];
    }
    ids.into_iter().collect()
}

/// `5`, `0..2` or `0,1,5`.
fn take(item: &Value, last: u32, ids: &mut BTreeSet<u32>) -> Result<(), (String, String)> {
    let example = || "for example 70, \"0..2\" or [0, 1, 5]".to_owned();
    let text = item
        .to_literal()
        .ok_or_else(|| (format!("{} is no number", item.described()), example()))?;
    for part in text.split(',') {
        let number = |text: &str| text.trim().parse::<u32>().ok();
        let bounds = match part.split_once("..") {
            Some((first, last)) => number(first).zip(number(last)),
            None => number(part).map(|one| (one, one)),
        };
        let Some((low, high)) = bounds.filter(|(low, high)| low <= high) else {
            return Err((
                format!("{part:?} is neither a number nor a range"),
                example(),
            ));
        };
        if high > last {
            return Err((format!("{high} is too large"), format!("up to {last}")));
        }
        for id in low..=high {
            if !ids.insert(id) {
                return Err((format!("{id} stands twice"), "name each once".to_owned()));
            }
        }
    }
    Ok(())
}
