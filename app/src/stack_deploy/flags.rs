//! Flags as Go's `flag` package reads them: `-x` and `--x` are the same, a value follows after a blank or a `=`, a
//! switch takes its value by `=` only, and `--` ends them. Other than Go's, words may stand between flags.

use std::collections::BTreeMap;

/// What a flag takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    /// A whole number.
    Number,
    /// `true` or `false`.
    Switch,
    /// Any number of texts.
    Texts,
    /// Any number of `name=value`.
    Pairs,
}

/// A flag of one command.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flag {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) doc: &'static str,
}

pub(super) const fn flag(name: &'static str, kind: Kind, doc: &'static str) -> Flag {
    Flag { name, kind, doc }
}

/// What was given to a command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Given {
    /// What is no flag.
    pub(super) words: Vec<String>,
    values: BTreeMap<&'static str, Vec<String>>,
}

impl Given {
    /// The last value of a flag.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let values = self.values.get(name)?;
        values.last().map(String::as_str)
    }

    pub(super) fn number(&self, name: &str) -> Option<i64> {
        self.text(name)?.parse().ok()
    }

    pub(super) fn is_on(&self, name: &str) -> bool {
        self.text(name).and_then(truth).unwrap_or(false)
    }

    pub(super) fn all(&self, name: &str) -> &[String] {
        self.values.get(name).map_or(&[], Vec::as_slice)
    }

    /// The values of a flag as names and values.
    pub(super) fn pairs(&self, name: &str) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self.all(name).iter();
        pairs.filter_map(|pair| pair.split_once('='))
    }
}

/// Reads the words of a command. The error is the line that Go would print.
pub(super) fn read(flags: &[Flag], words: &[String]) -> Result<Given, String> {
    let mut given = Given::default();
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        if word == "--" {
            given.words.extend(rest.cloned());
            break;
        }
        let Some(named) = word.strip_prefix('-').filter(|named| !named.is_empty()) else {
            given.words.push(word.clone());
            continue;
        };
        let named = named.strip_prefix('-').unwrap_or(named);
        let (name, value) = match named.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (named, None),
        };
        if name.is_empty() || name.starts_with('-') {
            return Err(format!("bad flag syntax: {word}"));
        }
        let Some(flag) = flags.iter().find(|flag| flag.name == name) else {
            return Err(format!("flag provided but not defined: -{name}"));
        };
        let value = match (value, flag.kind) {
            (Some(value), _) => value,
            (None, Kind::Switch) => "true".to_owned(),
            (None, _) => rest
                .next()
                .cloned()
                .ok_or_else(|| format!("flag needs an argument: -{name}"))?,
        };
        if let Some(wanted) = misfit(flag.kind, &value) {
            return Err(format!(
                "invalid value {value:?} for flag -{name}: {wanted}"
            ));
        }
        given.values.entry(flag.name).or_default().push(value);
    }
    Ok(given)
}

/// What was wanted, if the value does not fit.
fn misfit(kind: Kind, value: &str) -> Option<&'static str> {
    match kind {
        Kind::Text | Kind::Texts => None,
        Kind::Number => value
            .parse::<i64>()
            .is_err()
            .then_some("a whole number is wanted"),
        Kind::Switch => truth(value).is_none().then_some("true or false is wanted"),
        Kind::Pairs => {
            let is_pair = value
                .split_once('=')
                .is_some_and(|(name, _)| !name.is_empty());
            (!is_pair).then_some("name=value is wanted")
        }
    }
}

/// Go's `ParseBool`.
fn truth(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Flag, Kind, flag, read};

    const FLAGS: &[Flag] = &[
        flag("zone", Kind::Text, ""),
        flag("max.wait", Kind::Number, ""),
        flag("force", Kind::Switch, ""),
        flag("skip", Kind::Texts, ""),
        flag("var", Kind::Pairs, ""),
    ];

    fn check(line: &str, expected: &str) {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let told = match read(FLAGS, &words) {
            Ok(given) => {
                let mut told = vec![given.words.join(" ")];
                told.extend(
                    given
                        .values
                        .iter()
                        .map(|(name, values)| format!("{name}: {}", values.join(", "))),
                );
                told.join("; ")
            }
            Err(error) => error,
        };
        assert_eq!(told, expected, "{line}");
    }

    #[test]
    fn flags_are_read_as_go_does() {
        check("cassandra --zone z1", "cassandra; zone: z1");
        check("cassandra -zone=z1 -zone z2", "cassandra; zone: z1, z2");
        check("a --max.wait -1", "a; max.wait: -1");
        check("a --force b", "a b; force: true");
        check("a --force=false", "a; force: false");
        check(
            "a --var k=v=w --var x= --skip k.*",
            "a; skip: k.*; var: k=v=w, x=",
        );
        check("a --zone -- --force", "a; force: true; zone: --");
        check("-- --zone -", "--zone -");
        check("- a", "- a");
    }

    #[test]
    fn what_is_wrong_is_told_in_the_words_of_go() {
        check("a --zones z", "flag provided but not defined: -zones");
        check("a --zone", "flag needs an argument: -zone");
        check("a ---zone x", "bad flag syntax: ---zone");
        check("a --=x", "bad flag syntax: --=x");
        check(
            "a --max.wait soon",
            "invalid value \"soon\" for flag -max.wait: a whole number is wanted",
        );
        check(
            "a --force=maybe",
            "invalid value \"maybe\" for flag -force: true or false is wanted",
        );
        check(
            "a --var k",
            "invalid value \"k\" for flag -var: name=value is wanted",
        );
        check(
            "a --var =v",
            "invalid value \"=v\" for flag -var: name=value is wanted",
        );
    }
}
