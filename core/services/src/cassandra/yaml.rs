//! `cassandra.yaml`: a key per line, sorted, values in flow style; holes stand within quotes. Knows nothing of what the
//! keys mean.

use std::collections::BTreeMap;

use smack_model::{Piece, Template};
use smack_stack::{Data, Value};

use crate::text::template;

/// The lines of the file, sorted by key.
#[derive(Debug, Clone, Default)]
pub(super) struct Document(BTreeMap<String, Template>);

impl Document {
    /// What the catalog says, as it stands there.
    pub(super) fn new(minimal: &BTreeMap<String, String>) -> Self {
        let lines = minimal.iter();
        Self(
            lines
                .map(|(key, value)| (key.clone(), value.as_str().into()))
                .collect(),
        )
    }

    /// Sets `key` to a value in flow style; a later one wins.
    pub(super) fn set(&mut self, key: &str, value: impl Into<Template>) {
        self.0.insert(key.to_owned(), value.into());
    }

    /// The file.
    pub(super) fn text(&self) -> Template {
        self.0.iter().fold(Template::new(), |text, (key, value)| {
            text.text(format!("{key}: ")).then(value).text("\n")
        })
    }
}

/// A value of a stack file, in flow style.
pub(super) fn flow(value: &Value) -> Template {
    match &value.data {
        Data::Null => "null".into(),
        Data::Bool(_) | Data::Integer(_) | Data::Number(_) => {
            value.to_literal().unwrap_or_default().into()
        }
        Data::Text(text) => quoted(&template(text)),
        Data::List(items) => {
            let items = items.iter().map(flow);
            Template::from("[").then(&listed(items)).text("]")
        }
        Data::Map(map) => {
            let entries = map
                .iter()
                .map(|(key, value)| quoted(&key.as_str().into()).text(": ").then(&flow(value)));
            Template::from("{").then(&listed(entries)).text("}")
        }
    }
}

/// A text in double quotes; what fills its holes are addresses, numbers and lists of them.
pub(super) fn quoted(text: &Template) -> Template {
    let inner = text.0.iter().map(|piece| {
        if let Piece::Text(raw) = piece {
            Piece::Text(escaped(raw))
        } else {
            piece.clone()
        }
    });
    let mut quoted = Template::from("\"");
    inner.for_each(|piece| quoted.push(piece));
    quoted.text("\"")
}

fn listed(items: impl Iterator<Item = Template>) -> Template {
    items
        .enumerate()
        .fold(Template::new(), |list, (index, item)| {
            list.text(if index == 0 { "" } else { ", " }).then(&item)
        })
}

/// The escapes of a double-quoted scalar (YAML 1.1, section 5.7).
fn escaped(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    for c in raw.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            '\r' => text.push_str("\\r"),
            c if c.is_control() => text.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => text.push(c),
        }
    }
    text
}
