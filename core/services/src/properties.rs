//! A product's own configuration file: the product's defaults of the catalog, then what the service needs, then the
//! stack's `config:`; written with the product's escapes, holes kept.

use std::collections::BTreeMap;

use smack_formats::properties;
use smack_model::{Piece, Template};

/// The lines of a `.properties` file, sorted by key.
#[derive(Debug, Clone, Default)]
pub(crate) struct Properties(BTreeMap<String, Template>);

impl Properties {
    /// What the catalog says.
    pub(crate) fn new(minimal: &BTreeMap<String, String>) -> Self {
        let lines = minimal.iter();
        Self(
            lines
                .map(|(key, value)| (key.clone(), value.as_str().into()))
                .collect(),
        )
    }

    /// Sets `key`; a later value wins.
    pub(crate) fn set(&mut self, key: &str, value: impl Into<Template>) {
        self.0.insert(key.to_owned(), value.into());
    }

    /// Sets all of `lines`.
    pub(crate) fn overlay(&mut self, lines: &BTreeMap<String, Template>) {
        self.0.extend(
            lines
                .iter()
                .map(|(key, value)| (key.clone(), value.clone())),
        );
    }

    /// The file.
    pub(crate) fn text(&self) -> Template {
        let mut text = Template::new();
        for (key, value) in &self.0 {
            let line = properties::line(key, "");
            text.push(Piece::Text(line.trim_end_matches('\n').to_owned()));
            for piece in &value.0 {
                text.push(if let Piece::Text(raw) = piece {
                    Piece::Text(escaped(raw))
                } else {
                    piece.clone()
                });
            }
            text.push(Piece::Text("\n".to_owned()));
        }
        text
    }
}

/// A value, or a part of one, as the file spells it.
fn escaped(raw: &str) -> String {
    let line = properties::line("", raw);
    let value = line.strip_prefix('=').unwrap_or(&line);
    value.strip_suffix('\n').unwrap_or(value).to_owned()
}
