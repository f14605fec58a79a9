//! `isolation:` and `require: {isolation: …}`: how far a virtual data center is kept apart, by the nearest file that says
//! so, and how far it must be, by any.

use smack_model::{Isolation, Problem, Problems};

use crate::document::Document;
use crate::near::near;
use crate::value::{Data, Setting, Value};

/// What the files of a run say of the level.
#[derive(Debug, Default)]
pub(crate) struct Levels {
    pub(crate) wanted: Option<Setting<Isolation>>,
    pub(crate) required: Option<Setting<Isolation>>,
}

pub(crate) fn resolve(documents: &[Document], problems: &mut Problems) -> Levels {
    let mut levels = Levels::default();
    for document in documents {
        if let Some(value) = present(document.isolation.as_ref()) {
            levels.wanted = level("isolation", value, problems).or(levels.wanted);
        }
        if let Some(value) = present(document.require.as_ref())
            && let Some(required) = requirement(value, problems)
        {
            let known = levels.required.as_ref().map(|known| known.value);
            if known.is_none_or(|known| known < required.value) {
                levels.required = Some(required);
            }
        }
    }
    if let (Some(wanted), Some(required)) = (&levels.wanted, &levels.required)
        && wanted.value < required.value
    {
        let what = format!(
            "isolation is {}, but {} is required",
            wanted.value, required.value
        );
        let hint = format!("required by {}", required.place);
        problems.push(Problem::error(Some(&wanted.place), what).hint(hint));
    }
    levels
}

fn present(value: Option<&Value>) -> Option<&Value> {
    value.filter(|value| !value.is_null())
}

fn requirement(value: &Value, problems: &mut Problems) -> Option<Setting<Isolation>> {
    let Data::Map(map) = &value.data else {
        let what = format!("require wants a map, found {}", value.described());
        problems.push(Problem::error(Some(&value.place), what).hint("require: {isolation: vdc}"));
        return None;
    };
    for (key, value) in map.iter().filter(|(key, _)| *key != "isolation") {
        let what = format!("unknown key {key} in require");
        problems.push(Problem::error(Some(&value.place), what).hint("require: {isolation: vdc}"));
    }
    level(
        "require.isolation",
        present(map.get("isolation"))?,
        problems,
    )
}

fn level(key: &str, value: &Value, problems: &mut Problems) -> Option<Setting<Isolation>> {
    let words = Isolation::ALL.map(Isolation::word);
    let text = value.to_literal();
    let known = Isolation::ALL
        .into_iter()
        .find(|level| text.as_deref() == Some(level.word()));
    if known.is_none() {
        let what = format!(
            "{key} is one of {}, found {}",
            words.join(", "),
            value.described()
        );
        let problem = Problem::error(Some(&value.place), what);
        problems.push(match text.and_then(|text| near(&text, words)) {
            Some(word) => problem.hint(format!("did you mean {word}?")),
            None => problem.hint("vdc: a network of its own; open: addresses only"),
        });
    }
    Some(Setting {
        value: known?,
        place: value.place.clone(),
    })
}
