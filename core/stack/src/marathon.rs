//! Marathon's app and group JSON as a stack: recognized by its form, translated before anything else sees it, every value
//! with its place in the JSON. An app becomes an application of `type: command`. What is wrong with the values of keys that
//! both know, the service says. Knows no service and no task.

mod app;
mod fields;
mod file;
mod group;
mod health;
mod path;
mod ports;
mod prelude;
mod urls;

use smack_model::{Place, Problem, Problems};

use crate::json::{self, Repair, repair};
use crate::resolve::Source;
use crate::value::{Data, Map, Value};
pub use file::MarathonFile;

/// What a text is.
pub(crate) enum Found {
    /// No file of Marathon.
    Other,
    /// One that cannot be read; the problems say why.
    Broken,
    /// The top of a stack file.
    Stack(Value),
}

/// Reads a file of Marathon.
pub(crate) fn load(source: &Source, problems: &mut Problems) -> Found {
    match recognize(source) {
        Recognized::Other => Found::Other,
        Recognized::Wrong(found) => {
            problems.extend(found);
            Found::Broken
        }
        Recognized::Valid(root, doubles) => {
            problems.extend(doubles);
            Found::Stack(group::stack(&root, source, problems))
        }
    }
}

/// The text of a Marathon file with its mistakes mended, and what was wrong; None: there is nothing to mend, or it cannot be
/// done.
pub fn mended(source: &Source) -> Option<(String, Problems)> {
    let mut told = Problems::default();
    let text = match looks_like_json(source).then(|| repair(source))? {
        Repair::Hopeless(_) => return None,
        Repair::Valid => source.text.to_string(),
        Repair::Mended { text, problems } => {
            told = problems;
            text
        }
    };
    let whole = Source::new(source.file.clone(), text.as_str());
    let root = json::read(&whole, &mut Problems::default())?;
    if !is_marathon(&root) {
        return None;
    }
    let addresses = urls::in_file(&root);
    let text = urls::mend(&text, &addresses);
    told.extend(addresses.problems);
    told.has_errors().then(|| (text, told.sorted()))
}

/// What became of the keys of a file of Marathon: for whoever reads it in today's language. Nothing for all others.
pub fn translated(source: &Source) -> Problems {
    let mut problems = Problems::default();
    if let Recognized::Valid(root, _) = recognize(source) {
        group::tell_translated(&root, &mut problems);
    }
    problems
}

enum Recognized {
    Other,
    Wrong(Problems),
    Valid(Value, Problems),
}

fn recognize(source: &Source) -> Recognized {
    if !looks_like_json(source) {
        return Recognized::Other;
    }
    let mut problems = Problems::default();
    match repair(source) {
        Repair::Valid => match json::read(source, &mut problems) {
            Some(root) if is_marathon(&root) => Recognized::Valid(root, problems),
            _ => Recognized::Other,
        },
        Repair::Mended {
            text,
            problems: told,
        } => {
            let whole = Source::new(source.file.clone(), text);
            match json::read(&whole, &mut problems) {
                Some(root) if is_marathon(&root) => Recognized::Wrong(told),
                _ => Recognized::Other,
            }
        }
        Repair::Hopeless(problem) if source.file.ends_with(".json") => {
            let hint = "it cannot be repaired; begin with what is said here";
            Recognized::Wrong(Problems(vec![match problem.hint {
                Some(_) => problem,
                None => problem.hint(hint),
            }]))
        }
        Repair::Hopeless(_) => Recognized::Other,
    }
}

fn looks_like_json(source: &Source) -> bool {
    let text = source.text.trim_start_matches('\u{feff}').trim_start();
    text.starts_with(['{', '[']) || text.starts_with("//") || text.starts_with("/*")
}

/// An app, a group, a list of apps, or the answer that Marathon gives when asked for one of these.
fn is_marathon(root: &Value) -> bool {
    match &root.data {
        Data::List(items) => {
            let mut apps = items.iter().map(Value::as_map);
            !items.is_empty() && apps.all(|map| map.is_some_and(|map| map.contains_key("id")))
        }
        Data::Map(map) => {
            let is_stack = ["applications", "name", "level", "from"]
                .iter()
                .any(|key| map.contains_key(*key));
            let is_ours = ["id", "apps", "groups", "app", "cmd"]
                .iter()
                .any(|key| map.contains_key(*key));
            is_ours && !is_stack
        }
        Data::Null | Data::Bool(_) | Data::Integer(_) | Data::Number(_) | Data::Text(_) => false,
    }
}

/// A text that stands for itself: Marathon knows no references, `${PORT0}` is the shell's.
fn plainly(text: &str, place: &Place) -> Value {
    Value::text(text.replace("${", "$${"), place.clone())
}

fn number(number: i64, place: &Place) -> Value {
    written(Data::Integer(number), &number.to_string(), place)
}

fn written(data: Data, text: &str, place: &Place) -> Value {
    let mut value = Value::new(data, place.clone());
    value.written = text.into();
    value
}

fn seconds(number: i64, place: &Place) -> Value {
    Value::text(format!("{number}s"), place.clone())
}

fn map_of(entries: impl IntoIterator<Item = (&'static str, Value)>, place: &Place) -> Value {
    let map: Map = entries
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect();
    Value::new(Data::Map(map), place.clone())
}

/// A list or map of nothing, zero, false, an empty text or null: as if it were not said.
fn is_nothing(value: &Value) -> bool {
    match &value.data {
        Data::Null | Data::Bool(false) | Data::Integer(0) => true,
        Data::Number(number) => *number == 0.0,
        Data::Text(text) => text.is_empty(),
        Data::List(items) => items.is_empty(),
        Data::Map(map) => map.is_empty(),
        Data::Bool(true) | Data::Integer(_) => false,
    }
}

fn notice(place: &Place, what: impl Into<String>, hint: &str, problems: &mut Problems) {
    problems.push(Problem::notice(Some(place), what).hint(hint));
}

fn error(place: &Place, what: impl Into<String>, hint: &str, problems: &mut Problems) {
    problems.push(Problem::error(Some(place), what).hint(hint));
}
