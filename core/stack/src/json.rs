//! JSON text -> a tree of values with places, by the letter of RFC 8259: what YAML would forgive is an error here. Budgets
//! bound what a text can cost. Knows nothing of what the values mean.

mod repair;

use std::sync::Arc;

use smack_model::{Place, Problem, Problems};

use crate::resolve::Source;
use crate::value::{Data, Map, Value};
pub(crate) use repair::{Repair, repair};

/// Lists and maps within each other.
const DEPTH_MAX: usize = 64;
/// Values of one text.
const VALUES_MAX: usize = 1_000_000;

/// Reads one value. None: it is no JSON; then the last problem says why. An entry of a map stands where its key does.
pub(crate) fn read(source: &Source, problems: &mut Problems) -> Option<Value> {
    let mut reader = Reader {
        cursor: Cursor::new(&source.text),
        file: source.file.clone(),
        layer: Arc::from(""),
        problems,
        depth: 0,
        values: 0,
    };
    match reader.document() {
        Ok(value) => Some(value),
        Err(problem) => {
            problems.push(problem);
            None
        }
    }
}

/// A position in a text, which knows its line and column, both from 1.
#[derive(Debug, Clone)]
struct Cursor<'a> {
    rest: &'a str,
    line: u32,
    column: u32,
}

impl<'a> Cursor<'a> {
    fn new(text: &'a str) -> Self {
        let rest = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self {
            rest,
            line: 1,
            column: 1,
        }
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn take(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.rest = &self.rest[next.len_utf8()..];
        if next == '\n' {
            self.line = self.line.saturating_add(1);
            self.column = 1;
        } else {
            self.column = self.column.saturating_add(1);
        }
        Some(next)
    }

    /// Takes what fulfils the condition.
    fn take_while(&mut self, mut fits: impl FnMut(char) -> bool) -> &'a str {
        let start = self.rest;
        while self.peek().is_some_and(&mut fits) {
            self.take();
        }
        &start[..start.len() - self.rest.len()]
    }

    fn skip_blanks(&mut self) {
        self.take_while(|c| matches!(c, ' ' | '\t' | '\n' | '\r'));
    }
}

struct Reader<'a> {
    cursor: Cursor<'a>,
    file: Arc<str>,
    layer: Arc<str>,
    problems: &'a mut Problems,
    depth: usize,
    values: usize,
}

impl Reader<'_> {
    fn document(&mut self) -> Result<Value, Problem> {
        self.cursor.skip_blanks();
        let value = self.value()?;
        self.cursor.skip_blanks();
        match self.cursor.peek() {
            None => Ok(value),
            Some(found) => Err(self.broken(&format!("{found:?} after the end"))),
        }
    }

    fn value(&mut self) -> Result<Value, Problem> {
        let place = self.place();
        self.values += 1;
        if self.values > VALUES_MAX {
            let what = format!("more than {VALUES_MAX} values in one file");
            return Err(Problem::error(Some(&place), what));
        }
        match self.cursor.peek() {
            Some('{') => self.nested(Self::map, place),
            Some('[') => self.nested(Self::list, place),
            Some('"') => Ok(Value::text(self.text()?, place)),
            Some(c) if c.is_ascii_alphanumeric() || c == '-' => self.word(place),
            Some(found) => Err(self.broken(&format!("a value is missing before {found:?}"))),
            None => Err(self.broken("the text ends where a value is missing")),
        }
    }

    fn nested(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<Data, Problem>,
        place: Place,
    ) -> Result<Value, Problem> {
        if self.depth >= DEPTH_MAX {
            let what = format!("more than {DEPTH_MAX} lists and maps within each other");
            return Err(Problem::error(Some(&place), what));
        }
        self.depth += 1;
        self.cursor.take();
        self.cursor.skip_blanks();
        let data = read(self)?;
        self.depth -= 1;
        Ok(Value::new(data, place))
    }

    fn map(&mut self) -> Result<Data, Problem> {
        let mut map = Map::new();
        if self.takes('}') {
            return Ok(Data::Map(map));
        }
        loop {
            let place = self.place();
            if self.cursor.peek() != Some('"') {
                return Err(self.broken("a key in quotes is missing"));
            }
            let key = self.text()?;
            self.cursor.skip_blanks();
            if !self.takes(':') {
                return Err(self.broken(&format!("a colon is missing after the key {key:?}")));
            }
            self.cursor.skip_blanks();
            let mut value = self.value()?;
            value.place = place;
            if let Some(first) = map.get(&key) {
                let first: &Value = first;
                let what = format!("{key} is there twice in one map");
                let hint = format!("the first is at {}; keep one", first.place);
                self.problems
                    .push(Problem::error(Some(&value.place), what).hint(hint));
            } else {
                map.insert(key, value);
            }
            if self.ends('}')? {
                return Ok(Data::Map(map));
            }
        }
    }

    fn list(&mut self) -> Result<Data, Problem> {
        let mut items = Vec::new();
        if self.takes(']') {
            return Ok(Data::List(items));
        }
        loop {
            items.push(self.value()?);
            if self.ends(']')? {
                return Ok(Data::List(items));
            }
        }
    }

    /// After an entry: the end, or a comma before the next.
    fn ends(&mut self, closer: char) -> Result<bool, Problem> {
        self.cursor.skip_blanks();
        if self.takes(closer) {
            return Ok(true);
        }
        if !self.takes(',') {
            return Err(self.broken(&format!("a comma or {closer} is missing")));
        }
        self.cursor.skip_blanks();
        if self.cursor.peek() == Some(closer) {
            return Err(self.broken(&format!("a comma before {closer}")));
        }
        Ok(false)
    }

    fn takes(&mut self, wanted: char) -> bool {
        let is_there = self.cursor.peek() == Some(wanted);
        if is_there {
            self.cursor.take();
        }
        is_there
    }

    /// true, false, null or a number.
    fn word(&mut self, place: Place) -> Result<Value, Problem> {
        let written = self
            .cursor
            .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.' | '_'));
        let data = match written {
            "true" => Data::Bool(true),
            "false" => Data::Bool(false),
            "null" => Data::Null,
            number if is_number(number) => {
                let whole = number.parse().ok().map(Data::Integer);
                let parsed = whole.or_else(|| number.parse().ok().map(Data::Number));
                parsed
                    .filter(|data| !matches!(data, Data::Number(number) if !number.is_finite()))
                    .ok_or_else(|| Problem::error(Some(&place), "a number beyond all bounds"))?
            }
            word => {
                let what = format!("not valid JSON: {word} is no value");
                return Err(Problem::error(Some(&place), what).hint("put a text into quotes"));
            }
        };
        let mut value = Value::new(data, place);
        value.written = written.into();
        Ok(value)
    }

    fn text(&mut self) -> Result<String, Problem> {
        let start = self.place();
        self.cursor.take();
        let mut text = String::new();
        loop {
            text.push_str(
                self.cursor
                    .take_while(|c| c != '"' && c != '\\' && c >= ' '),
            );
            match self.cursor.peek() {
                Some('"') => {
                    self.cursor.take();
                    return Ok(text);
                }
                Some('\\') => text.push(self.escape()?),
                Some('\n') => return Err(self.broken("a line break inside a text")),
                Some(_) => return Err(self.broken("a control character inside a text")),
                None => {
                    let what = "not valid JSON: this text has no end";
                    return Err(Problem::error(Some(&start), what).hint("close it with a quote"));
                }
            }
        }
    }

    fn escape(&mut self) -> Result<char, Problem> {
        let place = self.place();
        let wrong = || Problem::error(Some(&place), "not valid JSON: no such escape");
        self.cursor.take();
        let plain = match self.cursor.take() {
            Some(same @ ('"' | '\\' | '/')) => same,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => {
                let high = self.unit().ok_or_else(wrong)?;
                if let Some(plain) = char::from_u32(high) {
                    return Ok(plain);
                }
                let follows = self.cursor.rest.starts_with("\\u") && high < 0xdc00;
                if follows {
                    self.cursor.take();
                    self.cursor.take();
                }
                let low = follows.then(|| self.unit()).flatten();
                let low = low.filter(|low| (0xdc00..0xe000).contains(low));
                let pair = low.map(|low| 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00));
                return pair.and_then(char::from_u32).ok_or_else(wrong);
            }
            Some(_) | None => return Err(wrong()),
        };
        Ok(plain)
    }

    /// Four hexadecimal digits.
    fn unit(&mut self) -> Option<u32> {
        let digits = self.cursor.rest.get(..4)?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        for _ in 0..4 {
            self.cursor.take();
        }
        u32::from_str_radix(digits, 16).ok()
    }

    fn broken(&self, what: &str) -> Problem {
        Problem::error(Some(&self.place()), format!("not valid JSON: {what}"))
    }

    fn place(&self) -> Place {
        Place {
            file: self.file.clone(),
            line: self.cursor.line,
            column: self.cursor.column,
            layer: self.layer.clone(),
        }
    }
}

/// `-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?`
fn is_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let exponent = exponent.map(|text| text.strip_prefix(['-', '+']).unwrap_or(text));
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(digits)
}
