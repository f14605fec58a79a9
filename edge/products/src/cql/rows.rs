//! The body of a RESULT: rows, with values of the types that Cassandra's own tables have.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use super::reader::{Garbled, Reader};

/// How deep types may lie in each other; Cassandra's own tables need three.
const DEPTH_MAX: u8 = 8;

/// What a query gave.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Answer {
    /// None for a query that gives no rows.
    pub(crate) rows: Vec<Row>,
    /// What Cassandra warns of.
    pub(crate) warnings: Vec<String>,
}

/// The values of a row by the names of its columns, which all rows of an answer share.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Row {
    columns: Arc<Vec<String>>,
    values: Vec<Value>,
}

/// A value of a column. What is of another type than these is `Other`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Text(String),
    Number(i64),
    Flag(bool),
    Uuid([u8; 16]),
    Address(IpAddr),
    /// A list or a set.
    List(Vec<Value>),
    Map(Vec<(Value, Value)>),
    Other,
}

impl Row {
    fn value(&self, column: &str) -> Option<&Value> {
        let place = self.columns.iter().position(|name| name == column)?;
        self.values.get(place)
    }

    /// The column's text, or that of its number, uuid or address; nothing if it is null or not there.
    pub(crate) fn text(&self, column: &str) -> Option<String> {
        self.value(column)?.shown()
    }

    pub(crate) fn number(&self, column: &str) -> Option<i64> {
        let Value::Number(number) = self.value(column)? else {
            return None;
        };
        Some(*number)
    }

    pub(crate) fn address(&self, column: &str) -> Option<IpAddr> {
        let Value::Address(address) = self.value(column)? else {
            return None;
        };
        Some(*address)
    }

    /// The pairs of a map whose keys and values are texts.
    pub(crate) fn texts(&self, column: &str) -> BTreeMap<String, String> {
        let Some(Value::Map(pairs)) = self.value(column) else {
            return BTreeMap::new();
        };
        let text = |(key, value): &(Value, Value)| Some((key.shown()?, value.shown()?));
        pairs.iter().filter_map(text).collect()
    }
}

impl Value {
    fn shown(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.clone()),
            Self::Number(number) => Some(number.to_string()),
            Self::Flag(flag) => Some(flag.to_string()),
            Self::Address(address) => Some(address.to_string()),
            Self::Uuid(bytes) => {
                let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                let part = |from, to| hex.get(from..to).unwrap_or_default().concat();
                let parts = [
                    part(0, 4),
                    part(4, 6),
                    part(6, 8),
                    part(8, 10),
                    part(10, 16),
                ];
                Some(parts.join("-"))
            }
            Self::Null | Self::List(_) | Self::Map(_) | Self::Other => None,
        }
    }
}

/// The type of a column, as far as values of it are read.
#[derive(Debug, Clone, PartialEq)]
enum Kind {
    Text,
    Number,
    Flag,
    Uuid,
    Address,
    List(Box<Kind>),
    Map(Box<(Kind, Kind)>),
    Other,
}

/// Reads the body of a RESULT after what comes before every body.
pub(super) fn read(reader: &mut Reader<'_>) -> Result<Vec<Row>, Garbled> {
    const ROWS: i32 = 2;
    const KINDS: std::ops::RangeInclusive<i32> = 1..=5; // void, rows, keyspace set, prepared, schema changed
    match reader.i32()? {
        ROWS => rows(reader),
        kind if KINDS.contains(&kind) => Ok(Vec::new()),
        kind => Err(Garbled(format!("a result of kind {kind}"))),
    }
}

fn rows(reader: &mut Reader<'_>) -> Result<Vec<Row>, Garbled> {
    const ONE_TABLE: i32 = 1;
    const MORE_PAGES: i32 = 2;
    const NO_COLUMNS: i32 = 4;
    let flags = reader.i32()?;
    let count = reader.count()?;
    if flags & MORE_PAGES != 0 {
        reader.bytes_or_null()?;
    }
    if flags & NO_COLUMNS != 0 || count == 0 {
        return Err(Garbled("rows without columns".to_owned()));
    }
    if flags & ONE_TABLE != 0 {
        reader.short_text()?;
        reader.short_text()?;
    }
    let columns: Vec<(String, Kind)> = reader.items(count, |reader| {
        if flags & ONE_TABLE == 0 {
            reader.short_text()?;
            reader.short_text()?;
        }
        Ok((reader.short_text()?, kind(reader, DEPTH_MAX)?))
    })?;
    let (columns, kinds): (Vec<String>, Vec<Kind>) = columns.into_iter().unzip();
    let columns = Arc::new(columns);
    let count = reader.count()?;
    reader.items(count, |reader| {
        let values = kinds.iter().map(|kind| cell(kind, reader));
        Ok(Row {
            values: values.collect::<Result<_, _>>()?,
            columns: Arc::clone(&columns),
        })
    })
}

fn kind(reader: &mut Reader<'_>, depth: u8) -> Result<Kind, Garbled> {
    let Some(deeper) = depth.checked_sub(1) else {
        return Err(Garbled(format!("types more than {DEPTH_MAX} deep")));
    };
    Ok(match reader.u16()? {
        0x0000 => {
            reader.short_text()?;
            Kind::Other
        }
        0x0001 | 0x000A | 0x000D => Kind::Text, // ascii, text, varchar
        0x0002 | 0x0005 | 0x0009 | 0x000B | 0x0013 | 0x0014 => Kind::Number, // bigint, counter, int, timestamp, smallint, tinyint
        0x0004 => Kind::Flag,
        0x000C | 0x000F => Kind::Uuid, // uuid, timeuuid
        0x0010 => Kind::Address,
        0x0020 | 0x0022 => Kind::List(Box::new(kind(reader, deeper)?)), // list, set
        0x0021 => Kind::Map(Box::new((kind(reader, deeper)?, kind(reader, deeper)?))),
        0x0030 => {
            // A type of a user: keyspace, name, fields.
            reader.short_text()?;
            reader.short_text()?;
            for _ in 0..reader.u16()? {
                reader.short_text()?;
                kind(reader, deeper)?;
            }
            Kind::Other
        }
        0x0031 => {
            for _ in 0..reader.u16()? {
                kind(reader, deeper)?;
            }
            Kind::Other
        }
        _ => Kind::Other,
    })
}

fn value(kind: &Kind, bytes: &[u8]) -> Result<Value, Garbled> {
    let mut reader = Reader::new(bytes);
    Ok(match kind {
        Kind::Text => Value::Text(reader.utf8(bytes.len())?),
        Kind::Number if bytes.is_empty() => Value::Null,
        Kind::Number => Value::Number(number(bytes)?),
        Kind::Flag => Value::Flag(reader.i8()? != 0),
        Kind::Uuid => Value::Uuid(reader.fixed()?),
        Kind::Address => Value::Address(address(bytes)?),
        Kind::List(each) => {
            let count = reader.count()?;
            let item = |reader: &mut Reader<'_>| cell(each, reader);
            Value::List(reader.items(count, item)?)
        }
        Kind::Map(pair) => {
            let count = reader.count()?;
            let item =
                |reader: &mut Reader<'_>| Ok((cell(&pair.0, reader)?, cell(&pair.1, reader)?));
            Value::Map(reader.items(count, item)?)
        }
        Kind::Other => Value::Other,
    })
}

fn cell(kind: &Kind, reader: &mut Reader<'_>) -> Result<Value, Garbled> {
    match reader.bytes_or_null()? {
        Some(bytes) => value(kind, bytes),
        None => Ok(Value::Null),
    }
}

/// One to eight bytes, with their sign.
fn number(bytes: &[u8]) -> Result<i64, Garbled> {
    let (Some(first), 1..=8) = (bytes.first(), bytes.len()) else {
        return Err(Garbled(format!("a number of {} bytes", bytes.len())));
    };
    let sign = if *first >= 0x80 { -1_i64 } else { 0 };
    Ok(bytes
        .iter()
        .fold(sign, |number, byte| number << 8 | i64::from(*byte)))
}

fn address(bytes: &[u8]) -> Result<IpAddr, Garbled> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Ok(Ipv4Addr::from(four).into());
    }
    match <[u8; 16]>::try_from(bytes) {
        Ok(sixteen) => Ok(Ipv6Addr::from(sixteen).into()),
        Err(_) => Err(Garbled(format!("an address of {} bytes", bytes.len()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(kind: &[u8], cell: &[u8]) -> Result<Vec<Row>, Garbled> {
        let mut body = vec![0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1];
        body.extend([0, 1, b'k', 0, 1, b't', 0, 1, b'c']);
        body.extend(kind);
        body.extend([0, 0, 0, 1]);
        body.extend(u32::try_from(cell.len()).unwrap().to_be_bytes());
        body.extend(cell);
        read(&mut Reader::new(&body))
    }

    fn shown(kind: &[u8], cell: &[u8]) -> Option<String> {
        one(kind, cell).unwrap().first().unwrap().text("c")
    }

    #[test]
    fn values_of_each_type() {
        assert_eq!(shown(&[0, 13], b"up").as_deref(), Some("up"));
        assert_eq!(shown(&[0, 9], &[0xff; 4]).as_deref(), Some("-1"));
        assert_eq!(
            shown(&[0, 2], &[0, 0, 0, 0, 0, 0, 1, 0]).as_deref(),
            Some("256")
        );
        assert_eq!(shown(&[0, 4], &[1]).as_deref(), Some("true"));
        assert_eq!(
            shown(&[0, 16], &[127, 0, 0, 1]).as_deref(),
            Some("127.0.0.1")
        );
        let uuid = shown(&[0, 12], &[0xab; 16]);
        assert_eq!(
            uuid.as_deref(),
            Some("abababab-abab-abab-abab-abababababab")
        );
        assert_eq!(shown(&[0, 6], &[1, 2, 3]), None);
        let map = [0, 0, 0, 1, 0, 0, 0, 1, b'a', 0, 0, 0, 1, b'b'];
        let rows = one(&[0, 0x21, 0, 13, 0, 13], &map).unwrap();
        let expected = BTreeMap::from([("a".to_owned(), "b".to_owned())]);
        assert_eq!(rows[0].texts("c"), expected);
    }

    #[test]
    fn lies_about_sizes_are_errors() {
        let deep = [0, 0x20].repeat(1000);
        assert!(one(&deep, &[]).unwrap_err().0.contains("deep"));
        assert!(one(&[0, 0x20, 0, 13], &[0x7f, 0xff, 0xff, 0xff]).is_err());
        assert!(one(&[0, 9], &[0; 9]).is_err());
        assert!(one(&[0, 16], &[0; 5]).is_err());
        assert!(one(&[0, 12], &[0; 15]).is_err());
        // Two thousand million rows of no columns.
        let rows = [0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff];
        assert!(read(&mut Reader::new(&rows)).is_err());
        assert!(read(&mut Reader::new(&[0, 0, 0, 9])).is_err());
    }

    proptest::proptest! {
        #![proptest_config(proptest::test_runner::Config { cases: 20_000, failure_persistence: None, ..Default::default() })]

        #[test]
        fn whatever_follows_a_good_beginning(kinds: Vec<u8>, rest: Vec<u8>) {
            let mut body = vec![0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
            body.extend(kinds.iter().flat_map(|kind| [0, kind % 0x32]));
            body.extend(rest);
            let _rows = read(&mut Reader::new(&body));
        }
    }
}
