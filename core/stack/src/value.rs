//! Values of a stack: what was written, where, and what it hides. Knows nothing of YAML text, applications or merging.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use smack_model::Place;

use crate::text::Text;

/// One setting, with its origin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Value {
    pub data: Data,
    /// A null, bool or number as it was written (`0.10`, `True`, `~`); empty for texts, lists and maps.
    pub written: Box<str>,
    /// Of an entry of a map: where its key stands. Of an item of a list: where the item stands.
    pub place: Place,
    /// The values it overrides, nearest first.
    pub hides: Vec<Hidden>,
}

/// What a [`Value`] is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Data {
    Null,
    Bool(bool),
    Integer(i64),
    Number(f64),
    Text(Text),
    List(Vec<Value>),
    Map(Map),
}

/// The entries of a map, in the order of the file.
pub type Map = IndexMap<String, Value>;

/// A value that another one overrides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hidden {
    /// The value, shortened, for people.
    pub shown: String,
    pub place: Place,
}

/// Something read from a value, with the place it was read from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting<T> {
    pub value: T,
    pub place: Place,
}

impl Value {
    /// A value that hides nothing.
    pub fn new(data: Data, place: Place) -> Self {
        Self {
            data,
            written: Box::default(),
            place,
            hides: Vec::new(),
        }
    }

    /// A text without references.
    pub fn text(text: impl Into<String>, place: Place) -> Self {
        Self::new(Data::Text(Text::literal(text)), place)
    }

    /// The entries, if it is a map.
    pub fn as_map(&self) -> Option<&Map> {
        if let Data::Map(map) = &self.data {
            Some(map)
        } else {
            None
        }
    }

    /// The items, if it is a list.
    pub fn as_list(&self) -> Option<&[Value]> {
        if let Data::List(items) = &self.data {
            Some(items)
        } else {
            None
        }
    }

    /// Whether nothing is set.
    pub fn is_null(&self) -> bool {
        matches!(self.data, Data::Null)
    }

    /// The text of a scalar as it was written: `0.10` stays `0.10`. None for null, lists and maps.
    pub fn to_text(&self) -> Option<Text> {
        match &self.data {
            Data::Text(text) => Some(text.clone()),
            Data::Bool(_) | Data::Integer(_) | Data::Number(_) => {
                Some(Text::literal(self.written.as_ref()))
            }
            Data::Null | Data::List(_) | Data::Map(_) => None,
        }
    }

    /// As [`Value::to_text`], only if no export is referred to.
    pub fn to_literal(&self) -> Option<String> {
        self.to_text()?.as_literal().map(str::to_owned)
    }

    /// What it is, with an article: `an integer`.
    pub fn sort(&self) -> &'static str {
        match self.data {
            Data::Null => "nothing",
            Data::Bool(_) => "a bool",
            Data::Integer(_) => "an integer",
            Data::Number(_) => "a number",
            Data::Text(_) => "a text",
            Data::List(_) => "a list",
            Data::Map(_) => "a map",
        }
    }

    /// The value on one line, shortened, for people.
    pub fn shown(&self) -> String {
        const SHOWN: usize = 60;
        let mut shown = String::new();
        self.show_into(&mut shown, SHOWN);
        if shown.chars().count() > SHOWN {
            shown = shown.chars().take(SHOWN).collect::<String>() + "…";
        }
        shown
    }

    /// Appends the value on one line; may stop once `enough` characters are there.
    fn show_into(&self, out: &mut String, enough: usize) {
        match &self.data {
            Data::Null => out.push_str("null"),
            Data::Bool(_) | Data::Integer(_) | Data::Number(_) => out.push_str(&self.written),
            Data::Text(text) if text.is_empty() => out.push_str("\"\""),
            Data::Text(text) => out.push_str(&text.to_string().replace(['\n', '\r'], " ")),
            Data::List(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if out.len() > enough * 4 {
                        break;
                    }
                    out.push_str(if index == 0 { "" } else { ", " });
                    item.show_into(out, enough);
                }
                out.push(']');
            }
            Data::Map(map) => {
                out.push('{');
                for (index, (key, item)) in map.iter().enumerate() {
                    if out.len() > enough * 4 {
                        break;
                    }
                    out.push_str(if index == 0 { "" } else { ", " });
                    out.push_str(key);
                    out.push_str(": ");
                    item.show_into(out, enough);
                }
                out.push('}');
            }
        }
    }

    /// What it is and which: `the text "many"`, `a list`.
    pub fn described(&self) -> String {
        match &self.data {
            Data::Null => "nothing".to_owned(),
            Data::Bool(_) => format!("the bool {}", self.written),
            Data::Integer(_) => format!("the integer {}", self.written),
            Data::Number(_) => format!("the number {}", self.written),
            Data::Text(_) => format!("the text {:?}", self.shown()),
            Data::List(_) => "a list".to_owned(),
            Data::Map(_) => "a map".to_owned(),
        }
    }

    /// Whether both say the same: places do not count; `4.1` and `"4.1"` are equal, `4.10` is not.
    pub(crate) fn says_the_same(&self, other: &Value) -> bool {
        match (&self.data, &other.data) {
            (Data::Null, Data::Null) => true,
            (Data::List(a), Data::List(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.says_the_same(b))
            }
            (Data::Map(a), Data::Map(b)) => {
                a.len() == b.len()
                    && a.iter()
                        .all(|(key, a)| b.get(key).is_some_and(|b| a.says_the_same(b)))
            }
            _ => self
                .to_text()
                .is_some_and(|a| other.to_text().is_some_and(|b| a == b)),
        }
    }

    /// The number it is; a text is none.
    #[expect(clippy::cast_precision_loss, reason = "settings are far below 2^53")]
    pub(crate) fn as_number(&self) -> Option<f64> {
        match self.data {
            Data::Integer(number) => Some(number as f64),
            Data::Number(number) => Some(number),
            Data::Null | Data::Bool(_) | Data::Text(_) | Data::List(_) | Data::Map(_) => None,
        }
    }

    /// How this value is remembered by one that overrides it.
    pub(crate) fn hidden(&self) -> Hidden {
        Hidden {
            shown: self.shown(),
            place: self.place.clone(),
        }
    }
}
