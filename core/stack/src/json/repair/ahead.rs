//! Whether a quote ends a text is told by what comes behind it. No look goes farther than the next blanks and one key.

/// What a text is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Key,
    InMap,
    InList,
    /// The whole.
    Alone,
}

/// Longer keys are not recognized.
const KEY_MAX: usize = 100;

/// Whether a quote before `rest` can end a text.
pub(super) fn closes(rest: &str, role: Role) -> bool {
    let next = without_blanks(rest);
    let broken = rest[..rest.len() - next.len()].contains('\n');
    match (role, next.chars().next()) {
        (Role::Key, next) => next == Some(':'),
        (_, None) => true,
        (Role::Alone, Some(_)) => false,
        (_, Some('}' | ']')) => ends_more(&next[1..]),
        (Role::InMap, Some(',')) => {
            let behind = without_blanks(&next[1..]);
            let line_ends = next[1..next.len() - behind.len()].contains('\n');
            is_key(behind, line_ends) || behind.starts_with('}')
        }
        (Role::InMap, Some(_)) => broken && is_key(next, true),
        (Role::InList, Some(',')) => without_blanks(&next[1..])
            .starts_with(|c: char| c.is_ascii_digit() || "\"'“”„-{[tfn]".contains(c)),
        (Role::InList, Some(_)) => false,
    }
}

/// Whether after blanks comes a key in quotes, as if the line before had ended.
pub(super) fn follows_key(rest: &str) -> bool {
    let next = without_blanks(rest);
    next.starts_with(['"', '“', '”']) && is_key(next, false)
}

/// Behind a closing bracket: another, a comma, or nothing.
fn ends_more(rest: &str) -> bool {
    let next = without_blanks(rest);
    next.is_empty() || next.starts_with([',', '}', ']'])
}

/// `"key":`, or `key:` if a line has ended before it.
fn is_key(text: &str, may_be_bare: bool) -> bool {
    let mut quoted = text.strip_prefix(['"', '\'', '“', '”', '„']);
    if quoted.is_none() && may_be_bare {
        quoted = text
            .starts_with(|c: char| c.is_ascii_alphabetic())
            .then_some(text);
    }
    let Some(key) = quoted else { return false };
    let is_quoted = key.len() < text.len();
    for (at, c) in key.char_indices().take(KEY_MAX) {
        match c {
            '"' | '\'' | '“' | '”' => {
                return is_quoted && without_blanks(&key[at + c.len_utf8()..]).starts_with(':');
            }
            ':' if !is_quoted => return true,
            '\n' | '\r' => return false,
            c if !(is_quoted || c.is_ascii_alphanumeric() || c == '_') => return false,
            _ => {}
        }
    }
    false
}

fn without_blanks(text: &str) -> &str {
    text.trim_start_matches([' ', '\t', '\n', '\r'])
}
