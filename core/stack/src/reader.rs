//! How a service reads its settings: typed, one key at a time, collecting every problem. A key that nobody asked for
//! is an error in the end. Knows nothing of any service.

use std::ops::RangeInclusive;

use indexmap::IndexMap;
use smack_model::{Place, Problem, Problems};

use crate::near::near;
use crate::text::Text;
use crate::units::{duration_milliseconds, memory_mib};
use crate::value::{Data, Map, Setting, Value};

/// Reads the entries of one map. Wrong types are reported with what was found and what is wanted; the answer is then
/// None, as for an absent key.
pub struct Reader<'a> {
    map: &'a Map,
    place: &'a Place,
    /// `settings.heap` for a nested map; empty at the top.
    path: String,
    asked: Vec<String>,
    problems: &'a mut Problems,
}

impl<'a> Reader<'a> {
    /// A reader of `value`, which must be a map; anything else is reported and read as an empty map.
    pub fn new(value: &'a Value, problems: &'a mut Problems) -> Self {
        Self::at(value, String::new(), problems)
    }

    fn at(value: &'a Value, path: String, problems: &'a mut Problems) -> Self {
        static EMPTY: std::sync::LazyLock<Map> = std::sync::LazyLock::new(Map::new);
        let map = value.as_map().unwrap_or_else(|| {
            if !value.is_null() {
                let what = format!(
                    "{} wants a map, found {}",
                    shown_path(&path),
                    value.described()
                );
                problems.push(Problem::error(Some(&value.place), what));
            }
            &EMPTY
        });
        Self {
            map,
            place: &value.place,
            path,
            asked: Vec::new(),
            problems,
        }
    }

    /// Where the map stands.
    pub fn place(&self) -> &'a Place {
        self.place
    }

    /// Where a key stands; of an absent key, where the map does.
    pub fn place_of(&self, key: &str) -> &'a Place {
        self.map.get(key).map_or(self.place, |value| &value.place)
    }

    /// The problems found so far, to add more.
    pub fn problems(&mut self) -> &mut Problems {
        self.problems
    }

    /// Whether a key is there and not null. Does not count as asking for it.
    pub fn has(&self, key: &str) -> bool {
        self.map.get(key).is_some_and(|value| !value.is_null())
    }

    /// The keys of the map, in the order of the file.
    pub fn keys(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.map.keys().map(String::as_str)
    }

    /// The value of a key as it is. Null is as good as absent.
    pub fn value(&mut self, key: &str) -> Option<&'a Value> {
        if !self.asked.iter().any(|asked| asked == key) {
            self.asked.push(key.to_owned());
        }
        self.map.get(key).filter(|value| !value.is_null())
    }

    /// As [`Reader::value`]; an absent key is an error.
    pub fn required(&mut self, key: &str, hint: &str) -> Option<&'a Value> {
        let found = self.value(key);
        if found.is_none() {
            let what = format!("{} is missing", self.path_of(key));
            self.problems
                .push(Problem::error(Some(self.place), what).hint(hint));
        }
        found
    }

    /// A text as it was written; may refer to exports.
    pub fn text(&mut self, key: &str) -> Option<Text> {
        self.read(key, "a text", Value::to_text)
    }

    /// A text that is known now: without references to exports.
    pub fn string(&mut self, key: &str) -> Option<String> {
        let value = self.value(key)?;
        if let Data::Text(text) = &value.data
            && let Some((application, name)) = text.exports().next()
        {
            let what = format!(
                "{} cannot refer to ${{{application}.{name}}}",
                self.path_of(key)
            );
            self.problems.push(
                Problem::error(Some(&value.place), what)
                    .hint("it must be known before anything starts"),
            );
            return None;
        }
        self.read(key, "a text", Value::to_literal)
    }

    /// One of the given words.
    pub fn choice<T: Copy>(&mut self, key: &str, choices: &[(&str, T)]) -> Option<T> {
        let found = self.string(key)?;
        let chosen = choices
            .iter()
            .find(|(word, _)| *word == found)
            .map(|(_, choice)| *choice);
        if chosen.is_none() {
            let what = format!("{}: {found:?} is not known", self.path_of(key));
            let hint = match near(&found, choices.iter().map(|(word, _)| *word)) {
                Some(word) => format!("did you mean {word}?"),
                None => format!("write {}", listed(choices.iter().map(|(word, _)| *word))),
            };
            self.problems
                .push(Problem::error(Some(self.place_of(key)), what).hint(hint));
        }
        chosen
    }

    /// An integer within bounds; a text that is one counts (`"3"`).
    pub fn integer(&mut self, key: &str, range: RangeInclusive<i64>) -> Option<i64> {
        let number = self.read(key, "an integer", |value| match &value.data {
            Data::Integer(number) => Some(*number),
            Data::Text(text) => text
                .as_literal()?
                .parse()
                .ok()
                .filter(|_| !has_leading_zero(text)),
            Data::Null | Data::Bool(_) | Data::Number(_) | Data::List(_) | Data::Map(_) => None,
        })?;
        self.within(key, number, &range, |number| number.to_string())
    }

    /// A finite number within bounds.
    pub fn number(&mut self, key: &str, range: RangeInclusive<f64>) -> Option<f64> {
        let number = self.read(key, "a number", |value| {
            let text = |value: &Value| value.to_literal()?.parse().ok();
            value
                .as_number()
                .or_else(|| text(value))
                .filter(|number| number.is_finite())
        })?;
        self.within(key, number, &range, |number| number.to_string())
    }

    /// `true` or `false`; `yes`, `no`, `on` and `off` as of old.
    pub fn bool(&mut self, key: &str) -> Option<bool> {
        self.read(key, "true or false", |value| {
            match value.to_literal()?.to_ascii_lowercase().as_str() {
                "true" | "yes" | "y" | "on" => Some(true),
                "false" | "no" | "n" | "off" => Some(false),
                _ => None,
            }
        })
    }

    /// A duration in milliseconds: `500ms`, `10s`, `5m`, `2h`, `1d`.
    pub fn duration(&mut self, key: &str) -> Option<i64> {
        self.read(key, "a duration such as 500ms, 10s, 5m or 2h", |value| {
            duration_milliseconds(&value.to_literal()?)
        })
    }

    /// Memory or disk in MiB: `256m`, `1g`, `512MiB`; a bare number counts MiB.
    pub fn memory(&mut self, key: &str) -> Option<i64> {
        self.read(key, "an amount such as 256m, 1g or 512MiB", |value| {
            memory_mib(&value.to_literal()?)
        })
    }

    /// The items of a list.
    pub fn list(&mut self, key: &str) -> Option<&'a [Value]> {
        let value = self.value(key)?;
        self.or_wrong(key, value, "a list", value.as_list())
    }

    /// The entries of a map.
    pub fn map(&mut self, key: &str) -> Option<&'a Map> {
        let value = self.value(key)?;
        self.or_wrong(key, value, "a map", value.as_map())
    }

    /// A list of texts, each with its place; one text counts as a list of one.
    pub fn texts(&mut self, key: &str) -> Option<Vec<Setting<Text>>> {
        let value = self.value(key)?;
        let items = match &value.data {
            Data::List(items) => items.as_slice(),
            Data::Null
            | Data::Bool(_)
            | Data::Integer(_)
            | Data::Number(_)
            | Data::Text(_)
            | Data::Map(_) => std::slice::from_ref(value),
        };
        let mut texts = Vec::with_capacity(items.len());
        for item in items {
            let text = self.or_wrong(key, item, "a list of texts", item.to_text())?;
            texts.push(Setting {
                value: text,
                place: item.place.clone(),
            });
        }
        Some(texts)
    }

    /// As [`Reader::texts`], without references to exports.
    pub fn strings(&mut self, key: &str) -> Option<Vec<Setting<String>>> {
        let texts = self.texts(key)?;
        let mut strings = Vec::with_capacity(texts.len());
        for text in texts {
            let Some(literal) = text.value.as_literal() else {
                let what = format!("{} cannot refer to exports", self.path_of(key));
                let hint = "it must be known before anything starts";
                self.problems
                    .push(Problem::error(Some(&text.place), what).hint(hint));
                return None;
            };
            strings.push(Setting {
                value: literal.to_owned(),
                place: text.place,
            });
        }
        Some(strings)
    }

    /// A list of integers, each within bounds; one integer counts as a list of one.
    pub fn integers(&mut self, key: &str, range: RangeInclusive<i64>) -> Option<Vec<Setting<i64>>> {
        let strings = self.strings(key)?;
        let mut integers = Vec::with_capacity(strings.len());
        for text in strings {
            let number = text
                .value
                .parse()
                .ok()
                .filter(|number| range.contains(number));
            let Some(number) = number else {
                let what = format!(
                    "{} wants integers from {} to {}, found {:?}",
                    self.path_of(key),
                    range.start(),
                    range.end(),
                    text.value
                );
                self.problems.push(Problem::error(Some(&text.place), what));
                return None;
            };
            integers.push(Setting {
                value: number,
                place: text.place,
            });
        }
        Some(integers)
    }

    /// A map of texts, as written: `env`, `config`.
    pub fn text_map(&mut self, key: &str) -> Option<IndexMap<String, Setting<Text>>> {
        let map = self.map(key)?;
        let mut texts = IndexMap::with_capacity(map.len());
        for (name, value) in map {
            let path = format!("{key}.{name}");
            let text = if value.is_null() {
                Some(Text::default())
            } else {
                value.to_text()
            };
            if let Some(text) = self.or_wrong(&path, value, "a text", text) {
                texts.insert(
                    name.clone(),
                    Setting {
                        value: text,
                        place: value.place.clone(),
                    },
                );
            }
        }
        Some(texts)
    }

    /// As [`Reader::text_map`], without places.
    pub fn string_map(&mut self, key: &str) -> Option<IndexMap<String, Text>> {
        Some(
            self.text_map(key)?
                .into_iter()
                .map(|(name, text)| (name, text.value))
                .collect(),
        )
    }

    /// A reader of the map under a key.
    pub fn sub(&mut self, key: &str) -> Option<Reader<'_>> {
        let value = self.value(key)?;
        Some(Reader::at(value, self.path_of(key), self.problems))
    }

    /// Hands each entry of the map under a key to `read`, as a name and a reader of its map; null is an empty map.
    pub fn each(&mut self, key: &str, mut read: impl FnMut(&str, Reader<'_>)) {
        let Some(map) = self.map(key) else { return };
        for (name, value) in map {
            let path = format!("{}.{name}", self.path_of(key));
            read(name, Reader::at(value, path, self.problems));
        }
    }

    /// Drops keys that mean nothing any more: those that are there get a notice.
    pub fn dropped(&mut self, keys: &[&str], why: &str) {
        for key in keys {
            if let Some(value) = self.value(key) {
                let what = format!("{} is dropped", self.path_of(key));
                self.problems
                    .push(Problem::notice(Some(&value.place), what).hint(why));
            }
        }
    }

    /// The entries that nobody asked for; they count as asked for from now on.
    pub fn rest(&mut self) -> Vec<(&'a str, &'a Value)> {
        let map = self.map;
        let rest: Vec<_> = map
            .iter()
            .filter(|(key, _)| !self.asked.contains(key))
            .collect();
        self.asked
            .extend(rest.iter().map(|(key, _)| (*key).clone()));
        rest.into_iter()
            .map(|(key, value)| (key.as_str(), value))
            .collect()
    }

    /// An error at a key.
    pub fn refuse(&mut self, key: &str, what: &str, hint: &str) {
        let what = format!("{}: {what}", self.path_of(key));
        self.problems
            .push(Problem::error(Some(self.place_of(key)), what).hint(hint));
    }

    /// Ends the reading: every key that was not asked for is an error.
    pub fn finish(self) {
        for (key, value) in self.map.iter().filter(|(key, _)| !self.asked.contains(key)) {
            let what = format!("unknown key {}", self.path_of(key));
            let hint = match near(key, self.asked.iter().map(String::as_str)) {
                Some(word) => format!("did you mean {word}?"),
                None if self.asked.is_empty() => "nothing may stand here".to_owned(),
                None => {
                    let mut known: Vec<&str> = self.asked.iter().map(String::as_str).collect();
                    known.sort_unstable();
                    format!("known are {}", listed(known.into_iter()))
                }
            };
            self.problems
                .push(Problem::error(Some(&value.place), what).hint(hint));
        }
    }

    fn read<T>(
        &mut self,
        key: &str,
        wanted: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.value(key)?;
        self.or_wrong(key, value, wanted, read(value))
    }

    fn or_wrong<T>(
        &mut self,
        key: &str,
        value: &Value,
        wanted: &str,
        read: Option<T>,
    ) -> Option<T> {
        if read.is_none() {
            let what = format!(
                "{} wants {wanted}, found {}",
                self.path_of(key),
                value.described()
            );
            let problem = Problem::error(Some(&value.place), what);
            let is_octal = matches!(&value.data, Data::Text(text) if has_leading_zero(text));
            self.problems
                .push(if is_octal && wanted.contains("integer") {
                    problem.hint("a leading zero once meant octal: remove it")
                } else {
                    problem
                });
        }
        read
    }

    fn within<T: PartialOrd>(
        &mut self,
        key: &str,
        number: T,
        range: &RangeInclusive<T>,
        show: impl Fn(&T) -> String,
    ) -> Option<T> {
        if range.contains(&number) {
            return Some(number);
        }
        let hint = format!(
            "from {} to {} is allowed",
            show(range.start()),
            show(range.end())
        );
        let what = format!("{} is {}", self.path_of(key), show(&number));
        self.problems
            .push(Problem::error(Some(self.place_of(key)), what).hint(hint));
        None
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }
}

fn shown_path(path: &str) -> &str {
    if path.is_empty() { "this" } else { path }
}

fn has_leading_zero(text: &Text) -> bool {
    text.as_literal().is_some_and(|text| {
        text.len() > 1 && text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit())
    })
}

fn listed<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<Vec<_>>().join(", ")
}
