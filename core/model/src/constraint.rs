//! Where a task may run, in one language on all grids and in both spellings of the originals.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A rule over one attribute of the nodes; `hostname` is the node's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Constraint {
    pub attribute: String,
    pub rule: Rule,
}

/// The operators of Marathon, and those of the Mesos frameworks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// No two tasks on the same value.
    Unique,
    /// All tasks on one value: the given one, or that of the first task placed.
    Cluster(Option<String>),
    /// Spread evenly over the values; with a number, over at least so many.
    GroupBy(Option<u32>),
    /// The whole value matches a regular expression.
    Like(String),
    Unlike(String),
    /// At most so many tasks on one value.
    MaxPer(u32),
    Is(String),
    IsNot(String),
}

/// Why a text is no constraint; says what is known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAConstraint {
    #[error(
        "a constraint is [attribute, OPERATOR] or [attribute, OPERATOR, value], or the text attribute=operator:value"
    )]
    Shape,
    #[error(
        "{0:?} is no operator: known are UNIQUE, CLUSTER, GROUP_BY, LIKE, UNLIKE, MAX_PER, IS, IS_NOT"
    )]
    Operator(String),
    #[error("{0} needs a value")]
    NoValue(&'static str),
    #[error("{0} wants a number, not {1:?}")]
    Number(&'static str, String),
    #[error("{0:?} is no regular expression: {1}")]
    Expression(String, String),
}

impl Constraint {
    /// Reads `[attribute, OPERATOR, value]`.
    pub fn from_list(parts: &[&str]) -> Result<Self, NotAConstraint> {
        let (attribute, operator, value) = match parts {
            [attribute, operator] => (attribute, operator, None),
            [attribute, operator, value] => (attribute, operator, Some(*value)),
            _ => return Err(NotAConstraint::Shape),
        };
        Ok(Self {
            attribute: (*attribute).to_owned(),
            rule: Rule::parse(operator, value)?,
        })
    }

    /// Reads `attribute=operator:value`, several separated by commas.
    pub fn from_text(text: &str) -> Result<Vec<Self>, NotAConstraint> {
        text.split(',')
            .map(|part| {
                let (attribute, rule) = part.trim().split_once('=').ok_or(NotAConstraint::Shape)?;
                let (operator, value) = match rule.split_once(':') {
                    Some((operator, value)) => (operator, Some(value)),
                    None => (rule, None),
                };
                Ok(Self {
                    attribute: attribute.to_owned(),
                    rule: Rule::parse(operator, value)?,
                })
            })
            .collect()
    }
}

impl Constraint {
    /// Whether a node may have such tasks at all; what depends on where others run does not count. `value`: of the node's
    /// attribute, if it has it.
    pub fn admits(&self, value: Option<&str>) -> bool {
        let Some(value) = value else {
            return matches!(self.rule, Rule::Unlike(_) | Rule::IsNot(_));
        };
        match &self.rule {
            Rule::Unique | Rule::Cluster(None) | Rule::GroupBy(_) | Rule::MaxPer(_) => true,
            Rule::Cluster(Some(wanted)) | Rule::Is(wanted) => value == wanted,
            Rule::Like(expression) => matches_whole(expression, value),
            Rule::Unlike(expression) => !matches_whole(expression, value),
            Rule::IsNot(other) => value != other,
        }
    }
}

impl Rule {
    fn parse(operator: &str, value: Option<&str>) -> Result<Self, NotAConstraint> {
        let needed = |name| {
            value
                .filter(|v| !v.is_empty())
                .map(str::to_owned)
                .ok_or(NotAConstraint::NoValue(name))
        };
        let number = |name: &'static str, text: &str| {
            text.parse::<u32>()
                .map_err(|_| NotAConstraint::Number(name, text.to_owned()))
        };
        let expression = |name| {
            let text = needed(name)?;
            regex_lite::Regex::new(&text)
                .map_err(|error| NotAConstraint::Expression(text.clone(), error.to_string()))?;
            Ok(text)
        };
        let value = value.filter(|v| !v.is_empty());
        match operator.to_ascii_uppercase().replace('_', "").as_str() {
            "UNIQUE" => Ok(Self::Unique),
            "CLUSTER" => Ok(Self::Cluster(value.map(str::to_owned))),
            "GROUPBY" => value
                .map(|v| number("GROUP_BY", v))
                .transpose()
                .map(Self::GroupBy),
            "LIKE" => expression("LIKE").map(Self::Like),
            "UNLIKE" => expression("UNLIKE").map(Self::Unlike),
            "MAXPER" => number("MAX_PER", &needed("MAX_PER")?).map(Self::MaxPer),
            "IS" => needed("IS").map(Self::Is),
            "ISNOT" => needed("IS_NOT").map(Self::IsNot),
            _ => Err(NotAConstraint::Operator(operator.to_owned())),
        }
    }
}

/// Whether the whole of `value` matches `expression`; one that does not compile matches nothing.
pub fn matches_whole(expression: &str, value: &str) -> bool {
    regex_lite::Regex::new(&format!("^(?:{expression})$")).is_ok_and(|regex| regex.is_match(value))
}

/// Whether `expression` is found anywhere in `value`; the error is why it does not compile.
pub fn is_found(expression: &str, value: &str) -> Result<bool, String> {
    let compiled = regex_lite::Regex::new(expression).map_err(|error| error.to_string())?;
    Ok(compiled.is_match(value))
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.attribute)?;
        match &self.rule {
            Rule::Unique => f.write_str("UNIQUE"),
            Rule::Cluster(None) => f.write_str("CLUSTER"),
            Rule::Cluster(Some(value)) => write!(f, "CLUSTER {value}"),
            Rule::GroupBy(None) => f.write_str("GROUP_BY"),
            Rule::GroupBy(Some(number)) => write!(f, "GROUP_BY {number}"),
            Rule::Like(expression) => write!(f, "LIKE {expression}"),
            Rule::Unlike(expression) => write!(f, "UNLIKE {expression}"),
            Rule::MaxPer(number) => write!(f, "MAX_PER {number}"),
            Rule::Is(value) => write!(f, "IS {value}"),
            Rule::IsNot(value) => write!(f, "IS_NOT {value}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_mean_the_same() {
        let list = Constraint::from_list(&["hostname", "GROUP_BY", "3"]).unwrap();
        assert_eq!(
            vec![list],
            Constraint::from_text("hostname=groupBy:3").unwrap()
        );
        let two = Constraint::from_text("hostname=unique,type=like:kafka.*").unwrap();
        assert_eq!(two[0].to_string(), "hostname UNIQUE");
        assert_eq!(two[1].to_string(), "type LIKE kafka.*");
    }

    #[test]
    fn wrong_constraints_say_why() {
        for (parts, expected) in [
            (vec!["hostname"], "a constraint is [attribute, OPERATOR]"),
            (vec!["hostname", "UNIQ"], "\"UNIQ\" is no operator"),
            (vec!["rack", "LIKE"], "LIKE needs a value"),
            (vec!["rack", "LIKE", "("], "\"(\" is no regular expression"),
            (vec!["rack", "MAX_PER", "x"], "MAX_PER wants a number"),
        ] {
            let error = Constraint::from_list(&parts).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn like_matches_the_whole_value() {
        assert!(matches_whole("kaf.*", "kafka"));
        assert!(!matches_whole("kaf", "kafka"));
    }
}
