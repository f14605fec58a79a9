//! Blanks inside addresses: slides and pages break them. What is said about them, and the text without them.

use std::collections::BTreeMap;

use smack_model::{Problem, Problems};

use crate::value::{Data, Value};

/// The addresses of a file that are to be repaired, and what is told.
#[derive(Default)]
pub(super) struct Addresses {
    repaired: BTreeMap<String, String>,
    pub(super) problems: Problems,
}

/// Those below `uris` and `uri`, wherever they stand.
pub(super) fn in_file(root: &Value) -> Addresses {
    let mut found = Addresses::default();
    found.walk(root);
    found
}

impl Addresses {
    fn walk(&mut self, value: &Value) {
        match &value.data {
            Data::List(items) => items.iter().for_each(|item| self.walk(item)),
            Data::Map(map) => {
                for (key, value) in map {
                    match key.as_str() {
                        "uris" => value
                            .as_list()
                            .into_iter()
                            .flatten()
                            .for_each(|item| self.take(item)),
                        "uri" => self.take(value),
                        _ => self.walk(value),
                    }
                }
            }
            Data::Null | Data::Bool(_) | Data::Integer(_) | Data::Number(_) | Data::Text(_) => {}
        }
    }

    fn take(&mut self, value: &Value) {
        let Some(text) = value.to_literal() else {
            return;
        };
        if let Some(repaired) = repaired(&text) {
            tell(value, &repaired, &mut self.problems);
            self.repaired.insert(text, repaired);
        }
    }
}

/// The text of valid JSON with its addresses repaired; all else stays as it is written.
pub(super) fn mend(text: &str, addresses: &Addresses) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('"').filter(|_| !addresses.repaired.is_empty()) {
        let end = literal_end(&rest[start..]);
        let literal = &rest[start..start + end];
        out.push_str(&rest[..start]);
        let read: Option<String> = serde_json::from_str(literal).ok();
        match read.and_then(|read| addresses.repaired.get(&read)) {
            Some(repaired) => {
                let quoted = serde_json::to_string(repaired).expect("a text becomes JSON");
                out.push_str(&quoted);
            }
            None => out.push_str(literal),
        }
        rest = &rest[start + end..];
    }
    out + rest
}

/// Bytes of a text in quotes, its quotes included.
fn literal_end(text: &str) -> usize {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '"' if !is_escaped => return at + 1,
            _ => is_escaped = c == '\\' && !is_escaped,
        }
    }
    text.len()
}

/// The address without blanks; None: it has none. At its ends, behind a slash or colon and before a slash a blank is no part
/// of it; within a name it is `%20`.
pub(super) fn repaired(address: &str) -> Option<String> {
    if !address.contains(char::is_whitespace) {
        return None;
    }
    let words: Vec<&str> = address.split_whitespace().collect();
    let mut out = String::with_capacity(address.len());
    for word in words {
        let joins = out.is_empty() || out.ends_with(['/', ':']) || word.starts_with(['/', ':']);
        if !joins {
            out.push_str("%20");
        }
        out.push_str(word);
    }
    Some(out)
}

pub(super) fn tell(value: &Value, repaired: &str, problems: &mut Problems) {
    let what = format!(
        "a blank inside the address {:?}",
        value.to_literal().unwrap_or_default()
    );
    let hint = match repaired.contains("%20") {
        true => format!("write {repaired}, or leave %20 out if the blank was not meant"),
        false => format!("write {repaired}"),
    };
    problems.push(Problem::error(Some(&value.place), what).hint(hint));
}

#[cfg(test)]
mod tests {
    use super::repaired;

    #[test]
    fn blanks_in_addresses() {
        for (address, expected) in [
            ("http://host/a b.tgz", "http://host/a%20b.tgz"),
            ("http://host/ a.tgz", "http://host/a.tgz"),
            ("http:// host /a.tgz ", "http://host/a.tgz"),
            ("file:///a  b/c\nd", "file:///a%20b/c%20d"),
        ] {
            assert_eq!(repaired(address).unwrap(), expected);
        }
        assert_eq!(repaired("http://host/a%20b.tgz"), None);
    }
}
