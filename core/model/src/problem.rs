//! What is wrong with a user's input, where it stands and what to do: collected, never one at a time.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Where a value was written. `line` and `column` count from 1; 0 means the place is a whole file or a command line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The file as the user named it, or `--var`, `default`.
    pub file: Arc<str>,
    pub line: u32,
    pub column: u32,
    /// The layer or stack that the file defines: `zone qa`, `stack pipeline`.
    pub layer: Arc<str>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        if !self.layer.is_empty() {
            write!(f, " ({})", self.layer)?;
        }
        Ok(())
    }
}

/// Errors refuse the input; notices are shown and the run goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Error,
    Notice,
}

/// One thing to tell about the input.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Problem {
    pub severity: Severity,
    /// Absent only where no single place is to blame.
    pub place: Option<Place>,
    /// What is wrong: a lowercase fragment without a final stop.
    pub what: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Problem {
    pub fn error(place: Option<&Place>, what: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            place: place.cloned(),
            what: what.into(),
            hint: None,
        }
    }

    pub fn notice(place: Option<&Place>, what: impl Into<String>) -> Self {
        Self {
            severity: Severity::Notice,
            place: place.cloned(),
            what: what.into(),
            hint: None,
        }
    }

    /// The same problem with advice.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Notice => "notice",
        };
        match &self.place {
            Some(place) => write!(f, "{place}: {severity}: {}", self.what)?,
            None => write!(f, "{severity}: {}", self.what)?,
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

/// All problems of one input, in the order of their places.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    pub fn push(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    pub fn extend(&mut self, other: Problems) {
        self.0.extend(other.0);
    }

    /// Whether anything refuses the input.
    pub fn has_errors(&self) -> bool {
        self.0
            .iter()
            .any(|problem| problem.severity == Severity::Error)
    }

    /// Sorted by place and without repeats, ready to print.
    pub fn sorted(mut self) -> Self {
        self.0
            .sort_by(|a, b| (&a.place, a.severity, &a.what).cmp(&(&b.place, b.severity, &b.what)));
        self.0.dedup();
        self
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// The nearest of `known` to `word`, if near enough to be what was meant.
pub fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).clamp(1, 4);
    known
        .into_iter()
        .map(|candidate| (edit_distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Edits between two words, in characters: insert, delete, replace, or swap two neighbours (optimal string alignment).
fn edit_distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    // Three rows suffice: a swap looks back two.
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replace = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replace.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::did_you_mean;

    #[test]
    fn the_nearest_word_is_proposed_and_a_stranger_is_not() {
        let known = ["instances", "dependencies", "mem"];
        assert_eq!(did_you_mean("instnaces", known), Some("instances"));
        assert_eq!(did_you_mean("dependancies", known), Some("dependencies"));
        assert_eq!(did_you_mean("zzzzzz", known), None);
        assert_eq!(
            did_you_mean("kafak", ["zookeeper", "kafka", "command"]),
            Some("kafka")
        );
        assert_eq!(did_you_mean("meme", known), Some("mem"));
    }
}
