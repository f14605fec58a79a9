//! Mends what people get wrong in JSON: quotes inside texts, line breaks, curly quotes, commas, comments, missing ends. Says
//! where and what, and gives the mended text, which is valid; or says that it cannot. Linear: each look ahead is bounded.

mod ahead;

use smack_model::{Place, Problem, Problems};

use super::read;
use crate::resolve::Source;
use ahead::{Role, closes, follows_key};

/// What became of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Repair {
    /// It is valid as it is.
    Valid,
    /// Valid now, and what was wrong where.
    Mended { text: String, problems: Problems },
    /// What is wrong first.
    Hopeless(Problem),
}

/// Mends a text if it is not valid JSON.
pub(crate) fn repair(source: &Source) -> Repair {
    let mut problems = Problems::default();
    if read(source, &mut problems).is_some() {
        return Repair::Valid;
    }
    let first = problems.0.pop().expect("reading says why it ends");
    // JSON may stand in a text of JSON; what looks so may also be a brace and no more.
    let mended = mended(source, true).or_else(|| mended(source, false));
    mended.unwrap_or(Repair::Hopeless(first))
}

fn mended(source: &Source, nested: bool) -> Option<Repair> {
    let mut mender = Mender::new(source, nested);
    if !mender.mend() {
        return None;
    }
    let mended = Source::new(source.file.clone(), mender.out.as_str());
    read(&mended, &mut Problems::default())?;
    Some(Repair::Mended {
        text: mender.out,
        problems: mender.problems,
    })
}

/// What may come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wants {
    Value,
    /// A key, or the end of the map.
    Key,
    Colon,
    /// A comma, or the end of what is open.
    Comma,
}

struct Mender<'a> {
    source: &'a Source,
    text: &'a str,
    /// What a text opens behind a quote of its own, it closes before it ends.
    nested: bool,
    at: usize,
    line: u32,
    column: u32,
    out: String,
    /// `}` or `]` of what is open.
    open: Vec<char>,
    wants: Wants,
    /// In `out`, behind the last whole value.
    value_end: usize,
    /// In `out`, a comma behind which nothing has come yet.
    comma: Option<(usize, Place)>,
    /// A text without an end ended in one.
    swallowed_comma: bool,
    problems: Problems,
}

impl<'a> Mender<'a> {
    fn new(source: &'a Source, nested: bool) -> Self {
        let text = source.text.as_ref();
        Self {
            source,
            text: text.strip_prefix('\u{feff}').unwrap_or(text),
            nested,
            at: 0,
            line: 1,
            column: 1,
            out: String::with_capacity(text.len() + 16),
            open: Vec::new(),
            wants: Wants::Value,
            value_end: 0,
            comma: None,
            swallowed_comma: false,
            problems: Problems::default(),
        }
    }

    /// False: it cannot be mended.
    fn mend(&mut self) -> bool {
        while let Some(next) = self.peek() {
            let goes_on = match next {
                ' ' | '\t' | '\n' | '\r' => {
                    self.copy();
                    true
                }
                '#' => self.comment("\n"),
                '/' if self.rest().starts_with("//") => self.comment("\n"),
                '/' if self.rest().starts_with("/*") => self.comment("*/"),
                '{' | '[' => self.opens(next),
                '}' | ']' => self.ends(next),
                ':' => {
                    let fits = self.wants == Wants::Colon;
                    self.wants = Wants::Value;
                    self.copy();
                    fits
                }
                ',' => self.takes_comma(),
                '"' | '\'' | '“' | '”' | '„' => self.scalar(Self::quoted),
                _ => self.scalar(Self::bare),
            };
            if !goes_on {
                return false;
            }
        }
        self.close_all()
    }

    fn opens(&mut self, opener: char) -> bool {
        if !self.starts_value() {
            return false;
        }
        self.copy();
        let is_map = opener == '{';
        self.open.push(if is_map { '}' } else { ']' });
        self.wants = if is_map { Wants::Key } else { Wants::Value };
        true
    }

    fn ends(&mut self, closer: char) -> bool {
        let after_colon = self.wants == Wants::Value && self.open.last() == Some(&'}');
        if self.open.pop() != Some(closer) || self.wants == Wants::Colon || after_colon {
            return false;
        }
        if let Some((comma, place)) = self.comma.take() {
            self.out.remove(comma);
            self.tell(&place, "a comma with nothing behind it", "take it out");
        }
        self.copy();
        self.ends_value();
        true
    }

    fn takes_comma(&mut self) -> bool {
        if self.wants != Wants::Comma || self.open.is_empty() {
            return false;
        }
        self.before_next();
        self.copy();
        true
    }

    /// With a comma at this very place of `out`.
    fn before_next(&mut self) {
        self.comma = Some((self.out.len(), self.place()));
        self.wants = match self.open.last() {
            Some('}') => Wants::Key,
            _ => Wants::Value,
        };
    }

    /// A key or a value that is no list and no map.
    fn scalar(&mut self, take: impl FnOnce(&mut Self, Role) -> bool) -> bool {
        if self.wants == Wants::Colon {
            return false;
        }
        let in_map = self.open.last() == Some(&'}');
        let is_key = in_map && self.wants != Wants::Value;
        let role = match self.open.last() {
            _ if is_key => Role::Key,
            Some('}') => Role::InMap,
            Some(_) => Role::InList,
            None => Role::Alone,
        };
        if is_key {
            self.needs_comma();
            self.comma = None;
        } else if !self.starts_value() {
            return false;
        }
        if !take(self, role) {
            return false;
        }
        match is_key {
            true => self.wants = Wants::Colon,
            false => self.ends_value(),
        }
        if std::mem::take(&mut self.swallowed_comma) {
            self.before_next();
            self.out.push(',');
        }
        true
    }

    fn starts_value(&mut self) -> bool {
        if self.wants == Wants::Comma && self.open.last() == Some(&']') {
            self.needs_comma();
            self.wants = Wants::Value;
        }
        self.comma = None;
        self.wants == Wants::Value
    }

    /// Puts the comma behind the value before, if there is none.
    fn needs_comma(&mut self) {
        if self.wants == Wants::Comma {
            self.out.insert(self.value_end, ',');
            let place = self.place();
            self.tell(&place, "a comma is missing before this", "add it");
        }
    }

    fn ends_value(&mut self) {
        self.value_end = self.out.len();
        self.wants = Wants::Comma;
    }

    fn close_all(&mut self) -> bool {
        if self.open.is_empty() {
            return self.wants == Wants::Comma;
        }
        let is_whole = self.wants == Wants::Comma
            || self.comma.is_some()
            || self.out.trim_end().ends_with(['{', '[']);
        if !is_whole {
            return false;
        }
        let place = self.place();
        if let Some((comma, _)) = self.comma.take() {
            self.out.remove(comma);
        }
        let closers: String = self.open.drain(..).rev().collect();
        let what = format!("the end is missing: {closers}");
        self.tell(&place, &what, "is the text whole?");
        self.out.push_str(&closers);
        true
    }

    fn comment(&mut self, end: &str) -> bool {
        let place = self.place();
        while !self.rest().is_empty() && !self.rest().starts_with(end) {
            self.skip();
        }
        if end == "*/" {
            self.skip();
            self.skip();
        }
        let hint = "take it out; labels can hold remarks";
        self.tell(&place, "JSON has no comments", hint);
        true
    }

    /// A word without quotes: a number, true, false and null stay.
    fn bare(&mut self, role: Role) -> bool {
        let place = self.place();
        let start = self.at;
        let is_part = |c: char| !c.is_whitespace() && !"{}[]:,\"'“”„#".contains(c);
        while self.peek().is_some_and(is_part) {
            self.skip();
        }
        let word = &self.text[start..self.at];
        let stays = matches!(word, "true" | "false" | "null") || super::is_number(word);
        if word.is_empty() || word.contains(['\\', '=', '(', ';']) {
            return false;
        }
        if role != Role::Key && stays {
            self.out.push_str(word);
            return true;
        }
        let lower = word.to_ascii_lowercase();
        let meant = match lower.as_str() {
            "true" | "false" if role != Role::Key => lower.clone(),
            "none" | "null" if role != Role::Key => "null".to_owned(),
            number if super::is_number(&format!("0{number}")) && number.starts_with('.') => {
                format!("0{number}")
            }
            _ => format!("\"{word}\""),
        };
        self.tell(
            &place,
            &format!("{word} is no JSON"),
            &format!("write {meant}"),
        );
        self.out.push_str(&meant);
        true
    }

    /// A text, from its opening quote to the one that closes it.
    fn quoted(&mut self, role: Role) -> bool {
        let start = self.place();
        let opening = self.skip().unwrap_or('"');
        let closers: &[char] = match opening {
            '"' => &['"'],
            '\'' => &['\''],
            _ => &['”', '“', '"'],
        };
        if opening != '"' {
            let what = format!("{opening} is no quote in JSON");
            self.tell(&start, &what, "write \"");
        }
        self.out.push('"');
        let mut inner: Option<(Place, u32)> = None;
        let mut open = 0_i32;
        loop {
            let place = self.place();
            match self.peek() {
                None => return false,
                Some(quote) if closers.contains(&quote) => {
                    self.skip();
                    if open <= 0 && closes(self.rest(), role) {
                        break;
                    }
                    if quote == '"' {
                        self.out.push_str("\\\"");
                        inner.get_or_insert((place, 0)).1 += 1;
                    } else {
                        self.out.push(quote);
                    }
                }
                Some('"') => {
                    self.skip();
                    self.out.push_str("\\\"");
                    inner.get_or_insert((place, 0)).1 += 1;
                }
                Some('\\') => self.escape(&place),
                Some('\n' | '\r') if role != Role::Key && follows_key(self.rest()) => {
                    self.swallowed_comma = self.out.ends_with(',');
                    if self.swallowed_comma {
                        self.out.pop();
                    }
                    self.out.push('"');
                    self.tell(&start, "this text has no end", "close it with a quote");
                    return true;
                }
                Some('\n' | '\r') => self.line_break(&place),
                Some(c) if c < ' ' => {
                    self.skip();
                    let escape = match c {
                        '\t' => "\\t".to_owned(),
                        c => format!("\\u{:04x}", u32::from(c)),
                    };
                    let what = "a control character inside a text";
                    self.tell(&place, what, &format!("write {escape}"));
                    self.out.push_str(&escape);
                }
                Some(c) => {
                    open += match c {
                        '{' | '[' if self.nested && inner.is_some() => 1,
                        '}' | ']' if self.nested && inner.is_some() => -1,
                        _ => 0,
                    };
                    self.copy();
                }
            }
        }
        if let Some((place, count)) = inner {
            let what = match count {
                1 => "a quote inside a text".to_owned(),
                count => format!("a quote inside a text, and {} more in it", count - 1),
            };
            self.tell(&place, &what, "write \\\" for each");
        }
        self.out.push('"');
        true
    }

    /// What JSON does not know stands for itself: `\d` of an expression.
    fn escape(&mut self, place: &Place) {
        let mut ahead = self.rest().chars().skip(1);
        match ahead.next() {
            Some('\n' | '\r') => {
                self.skip();
                self.line_break(place);
            }
            Some('"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't') => {
                self.copy();
                self.copy();
            }
            Some('u') if ahead.take(4).filter(char::is_ascii_hexdigit).count() == 4 => {
                (0..6).for_each(|_| self.copy());
            }
            Some('\'') => {
                self.skip();
                self.tell(place, "\\' is no escape in JSON", "write '");
                self.copy();
            }
            _ => {
                self.tell(place, "a lone backslash inside a text", "write \\\\");
                self.out.push('\\');
                self.copy();
            }
        }
    }

    /// A line that was broken for show: one blank.
    fn line_break(&mut self, place: &Place) {
        while self.out.ends_with([' ', '\t']) {
            self.out.pop();
        }
        while self
            .peek()
            .is_some_and(|c| matches!(c, ' ' | '\t' | '\n' | '\r'))
        {
            self.skip();
        }
        self.out.push(' ');
        let hint = "it became a blank; write \\n where a line is to end";
        self.tell(place, "a line break inside a text", hint);
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        if next == '\n' {
            self.line = self.line.saturating_add(1);
            self.column = 1;
        } else {
            self.column = self.column.saturating_add(1);
        }
        Some(next)
    }

    fn copy(&mut self) {
        let next = self.skip();
        self.out.extend(next);
    }

    fn place(&self) -> Place {
        Place {
            file: self.source.file.clone(),
            line: self.line,
            column: self.column,
            layer: "".into(),
        }
    }

    fn tell(&mut self, place: &Place, what: &str, hint: &str) {
        let what = format!("not valid JSON: {what}");
        self.problems
            .push(Problem::error(Some(place), what).hint(hint));
    }
}

#[cfg(test)]
mod tests;
