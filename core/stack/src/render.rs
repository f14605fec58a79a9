//! A resolved stack as YAML for people: `smack show`, with `--origin` every value says where it was written and what
//! it hides. Without origins the result loads as a stack of its own.

use std::fmt::Write as _;

use smack_model::{ApplicationPath, Place};

use crate::resolve::Resolved;
use crate::scalar;
use crate::value::{Data, Hidden, Map, Value};

/// The stack as YAML; `with_origin` adds `# zone qa: qa.yaml:9:3, hides pipeline.yaml:3:5` to each value.
pub fn render(resolved: &Resolved, with_origin: bool) -> String {
    let mut out = Writer {
        text: String::new(),
        with_origin,
    };
    let path: Vec<&str> = resolved
        .layer_path
        .iter()
        .map(smack_model::Name::as_str)
        .collect();
    out.comment(&format!("run {} in {}", resolved.shown, path.join("/")));
    out.line(0, "name", &quoted(resolved.stack.as_str()), None);
    if let Some(level) = &resolved.isolation {
        out.line(
            0,
            "isolation",
            level.value.word(),
            Some((&level.place, &[])),
        );
    }
    if !resolved.uses.is_empty() {
        out.text.push_str("uses:\n");
    }
    for (name, usage) in &resolved.uses {
        let value = format!("{{run: {}, zone: {}}}", usage.vdc.name, usage.vdc.zone);
        out.line(2, name.as_str(), &value, Some((&usage.place, &[])));
    }
    if !resolved.parameters.is_empty() {
        out.text.push_str("parameters:\n");
        for (name, parameter) in &resolved.parameters {
            out.entry(name, &parameter.value, 2);
        }
    }
    out.text.push_str(if resolved.applications.is_empty() {
        "applications: {}\n"
    } else {
        "applications:\n"
    });
    for application in resolved.applications.values() {
        out.indent(2);
        let _ = writeln!(out.text, "{}:", quoted(&application.key));
        out.line(
            4,
            "type",
            &quoted(&application.kind.value),
            Some((&application.kind.place, &[])),
        );
        out.line(4, "id", &quoted(&application.shown_id), None);
        out.line(
            4,
            "grid",
            &quoted(&application.grid.value),
            Some((&application.grid.place, &[])),
        );
        if let Some(share) = &application.share {
            out.line(4, "share", share.value.word(), Some((&share.place, &[])));
        }
        if let Some(settings) = application.settings.as_map() {
            out.map(settings, 4);
        }
        if !application.dependencies.is_empty() {
            out.text.push_str("    dependencies:\n");
        }
        for (id, place) in &application.dependencies {
            let shown = shown(id, resolved);
            let _ = write!(out.text, "      - {}", quoted(&shown));
            out.origin(Some((place, &[])));
        }
    }
    out.text
}

/// As a stack names it.
fn shown(path: &ApplicationPath, resolved: &Resolved) -> String {
    let named = resolved
        .uses
        .iter()
        .find(|(_, usage)| path.vdc.as_deref() == Some(&usage.vdc));
    match named {
        Some((name, _)) => format!("{name}.{}", path.application),
        None => path.to_string(),
    }
}

struct Writer {
    text: String,
    with_origin: bool,
}

impl Writer {
    fn comment(&mut self, text: &str) {
        let _ = writeln!(self.text, "# {}", text.replace(['\n', '\r'], " "));
    }

    fn indent(&mut self, indent: usize) {
        self.text.extend(std::iter::repeat_n(' ', indent));
    }

    fn line(&mut self, indent: usize, key: &str, value: &str, origin: Option<(&Place, &[Hidden])>) {
        self.indent(indent);
        let _ = write!(self.text, "{key}: {value}");
        self.origin(origin);
    }

    fn map(&mut self, map: &Map, indent: usize) {
        for (key, value) in map {
            self.entry(key, value, indent);
        }
    }

    fn entry(&mut self, key: &str, value: &Value, indent: usize) {
        self.indent(indent);
        let _ = write!(self.text, "{}:", quoted(key));
        self.value(value, indent);
    }

    /// The value after a `key:` or `-`, to the end of its last line.
    fn value(&mut self, value: &Value, indent: usize) {
        match &value.data {
            Data::Map(map) if !map.is_empty() => {
                self.text.push('\n');
                self.map(map, indent + 2);
            }
            Data::List(items) if !items.is_empty() => {
                self.text.push('\n');
                for item in items {
                    self.indent(indent + 2);
                    self.text.push('-');
                    self.value(item, indent + 2);
                }
            }
            Data::Map(_) => self.scalar("{}", value),
            Data::List(_) => self.scalar("[]", value),
            Data::Null => self.scalar("null", value),
            Data::Bool(_) | Data::Integer(_) | Data::Number(_) => {
                self.scalar(&value.written, value)
            }
            Data::Text(text) => self.scalar(&quoted(&text.source()), value),
        }
    }

    fn scalar(&mut self, text: &str, value: &Value) {
        self.text.push(' ');
        self.text.push_str(text);
        self.origin(Some((&value.place, &value.hides)));
    }

    fn origin(&mut self, origin: Option<(&Place, &[Hidden])>) {
        if let Some((place, hides)) = origin.filter(|_| self.with_origin) {
            self.text.push_str("  # ");
            if !place.layer.is_empty() {
                let _ = write!(self.text, "{}: ", place.layer);
            }
            self.place(place);
            for (index, hidden) in hides.iter().enumerate() {
                self.text
                    .push_str(if index == 0 { ", hides " } else { " and " });
                self.place(&hidden.place);
            }
        }
        self.text.push('\n');
    }

    fn place(&mut self, place: &Place) {
        self.text.push_str(&place.file);
        if place.line > 0 {
            let _ = write!(self.text, ":{}:{}", place.line, place.column);
        }
    }
}

/// A text as a YAML scalar: plain where every YAML reads it as that text, else in double quotes.
fn quoted(text: &str) -> String {
    const YAML_1_1: [&str; 8] = ["y", "n", "yes", "no", "on", "off", "true", "false"];
    let is_tame = |c: char| c.is_ascii_alphanumeric() || "_-./$@+=".contains(c);
    let is_plain = text
        .starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '/' | '.'))
        && text.chars().all(is_tame)
        && matches!(scalar::plain(text), Data::Text(_))
        && scalar::legacy_task(text) == text
        && !YAML_1_1.contains(&text.to_ascii_lowercase().as_str());
    if is_plain {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control()
                || matches!(
                    c,
                    '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
                ) =>
            {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
