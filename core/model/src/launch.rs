//! What a task is launched with, and the digest that tells whether two launches differ.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{Name, Template};

/// Everything a node needs to start one attempt. Holes are filled in two steps, see [`crate::Piece`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launch {
    /// Program and arguments; no shell is involved.
    pub command: Vec<Template>,
    pub env: BTreeMap<String, Template>,
    pub files: Vec<FileSpec>,
    /// Catalog artifact sets by name (`kafka-3.9.2`), present on the node before the start.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<String>,
    /// The Java that the command's [`crate::Piece::Java`] stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub java: Option<JavaNeed>,
    /// Files and archives fetched into the sandbox, archives unpacked there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
}

impl Launch {
    /// All texts with holes.
    pub fn templates(&self) -> impl Iterator<Item = &Template> {
        let files = self.files.iter().filter_map(|file| match &file.content {
            Content::Text(text) => Some(text),
            Content::Hex(_) => None,
        });
        self.command.iter().chain(self.env.values()).chain(files)
    }

    /// The same, to be changed.
    pub fn templates_mut(&mut self) -> impl Iterator<Item = &mut Template> {
        let files = self.files.iter_mut();
        let files = files.filter_map(|file| match &mut file.content {
            Content::Text(text) => Some(text),
            Content::Hex(_) => None,
        });
        self.command
            .iter_mut()
            .chain(self.env.values_mut())
            .chain(files)
    }
}

/// The versions of Java that will do, most wanted first: `["17", ">=11 <25"]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct JavaNeed {
    pub versions: String,
    pub preferred: u32,
}

/// A file written before the start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSpec {
    pub place: FilePlace,
    /// Relative, without `..`. What lies in `bin/` of the sandbox is executable.
    pub path: String,
    pub content: Content,
    /// What a changed content does to a running task.
    pub on_change: OnChange,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FilePlace {
    Sandbox,
    /// In a volume; an existing file is left as it is, for the product owns what it finds there.
    VolumeOnce(Name),
    /// In a volume, written anew at each start.
    Volume(Name),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    Text(Template),
    /// Bytes in lower-case hexadecimal.
    Hex(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnChange {
    Restart,
    /// Rewritten in place, then the signal of this number is sent.
    Reload(i32),
}

/// The fingerprint of what a task is launched with: 16 lower-case hexadecimal digits.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(pub String);

impl Launch {
    /// Over everything that a restart would change: the command, environment, artifacts, and files marked Restart.
    /// Holes count by name, not by what fills them: a peer that moves rolls nobody.
    pub fn digest(&self) -> Digest {
        let restarting: Vec<&FileSpec> = self
            .files
            .iter()
            .filter(|file| file.on_change == OnChange::Restart)
            .collect();
        let parts = (
            &self.command,
            &self.env,
            &restarting,
            &self.artifacts,
            &self.java,
            &self.urls,
            &self.user,
        );
        Digest::of(&serde_json::to_vec(&parts).expect("plain data becomes JSON"))
    }

    /// What differs from `newer`, a line each, for `plan` and `why`: `env HEAP: 256m -> 512m`.
    pub fn differences(&self, newer: &Launch) -> Vec<String> {
        let mut lines = Vec::new();
        let shown = |command: &[Template]| command.iter().map(Template::shown).collect::<Vec<_>>();
        differing_lines(
            "command",
            &shown(&self.command),
            &shown(&newer.command),
            &mut lines,
        );
        let pairs = |launch: &Launch| {
            launch
                .env
                .iter()
                .map(|(key, value)| format!("{key}={}", value.shown()))
                .collect::<Vec<_>>()
        };
        differing_lines("env", &pairs(self), &pairs(newer), &mut lines);
        let paths: std::collections::BTreeSet<&str> = self
            .files
            .iter()
            .chain(&newer.files)
            .map(|file| file.path.as_str())
            .collect();
        for path in paths {
            let text = |launch: &Launch| {
                launch
                    .files
                    .iter()
                    .find(|file| file.path == path)
                    .map_or_else(Vec::new, |file| file.lines())
            };
            differing_lines(path, &text(self), &text(newer), &mut lines);
        }
        differing_lines("artifacts", &self.artifacts, &newer.artifacts, &mut lines);
        differing_lines("urls", &self.urls, &newer.urls, &mut lines);
        if self.user != newer.user {
            lines.push(format!("user: {:?} -> {:?}", self.user, newer.user));
        }
        lines
    }
}

impl FileSpec {
    fn lines(&self) -> Vec<String> {
        match &self.content {
            Content::Text(text) => text.shown().lines().map(str::to_owned).collect(),
            Content::Hex(hex) => vec![format!("{} bytes", hex.len() / 2)],
        }
    }
}

/// Lines that only one side has, as `label: old -> new` pairs in order, then what is left over on either side.
fn differing_lines(label: &str, old: &[String], new: &[String], lines: &mut Vec<String>) {
    let gone: Vec<&String> = old.iter().filter(|line| !new.contains(line)).collect();
    let come: Vec<&String> = new.iter().filter(|line| !old.contains(line)).collect();
    for index in 0..gone.len().max(come.len()) {
        lines.push(match (gone.get(index), come.get(index)) {
            (Some(old), Some(new)) => format!("{label}: {old} -> {new}"),
            (Some(old), None) => format!("{label}: - {old}"),
            (None, Some(new)) => format!("{label}: + {new}"),
            (None, None) => continue,
        });
    }
}

impl Digest {
    /// The first 64 bits of SHA-256.
    pub fn of(bytes: &[u8]) -> Self {
        let mut text = String::with_capacity(16);
        for byte in &Sha256::digest(bytes)[..8] {
            write!(text, "{byte:02x}").expect("a String takes every write");
        }
        Self(text)
    }
}

/// 22 characters of URL-safe base64 (RFC 4648 §5, no padding) over the first 16 bytes of SHA-256: the form of Kafka's ids.
pub fn stamp(text: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let hash = Sha256::digest(text.as_bytes());
    let number = u128::from_be_bytes(hash[..16].try_into().expect("16 of 32 bytes"));
    // 128 bits in groups of six from the left; the last group holds two bits.
    (0..22)
        .map(|group| {
            let shift = 122_i32 - 6 * group;
            let bits = if shift >= 0 {
                number >> shift
            } else {
                number << -shift
            };
            char::from(ALPHABET[(bits & 63) as usize])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn launch(heap: &str) -> Launch {
        Launch {
            command: vec!["java".into(), format!("-Xmx{heap}").into()],
            ..Launch::default()
        }
    }

    #[test]
    fn a_changed_heap_changes_the_digest_and_is_named() {
        assert_ne!(launch("256m").digest(), launch("512m").digest());
        assert_eq!(launch("256m").digest(), launch("256m").digest());
        assert_eq!(
            launch("256m").differences(&launch("512m")),
            ["command: -Xmx256m -> -Xmx512m"]
        );
    }

    #[test]
    fn stamps_have_the_form_of_kafka_ids() {
        // The last character carries two bits, so it is one of A, Q, g, w: Kafka's decoder refuses others.
        let text = stamp("default/pipeline/kafka!1");
        assert_eq!(text.len(), 22);
        assert!("AQgw".contains(text.chars().last().unwrap()), "{text}");
        assert_ne!(text, stamp("default/pipeline/kafka!2"));
    }
}
