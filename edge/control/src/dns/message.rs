//! Messages of DNS as bytes (RFC 1035 §4, RFC 6891): questions in, answers out. Reads no more than a question needs and
//! follows no pointers, so it cannot be led in circles; records of answers are whole or left out.

use std::net::Ipv4Addr;

pub(super) const A: u16 = 1;
pub(super) const NS: u16 = 2;
pub(super) const SOA: u16 = 6;
pub(super) const PTR: u16 = 12;
pub(super) const SRV: u16 = 33;
const OPT: u16 = 41;
pub(super) const IXFR: u16 = 251;
pub(super) const AXFR: u16 = 252;
pub(super) const ANY: u16 = 255;

pub(super) const CLASS_IN: u16 = 1;
pub(super) const CLASS_ANY: u16 = 255;

const HEADER: usize = 12;
const NAME_MAX: usize = 255;
const LABEL_MAX: usize = 63;

/// So much fits into an answer over UDP when the question does not say otherwise, and at most.
const UDP: u16 = 512;
/// Not cut into pieces anywhere (DNS flag day 2020).
const UDP_MAX: u16 = 1232;

/// Bits of the second and third pair of bytes.
const RESPONSE: u16 = 0x8000;
const OPCODE: u16 = 0x7800;
const AUTHORITATIVE: u16 = 0x0400;
const TRUNCATED: u16 = 0x0200;
const RECURSION_DESIRED: u16 = 0x0100;
const CHECKING_DISABLED: u16 = 0x0010;

/// What an answer says of the question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    Fine = 0,
    Malformed = 1,
    NoSuchName = 3,
    NotImplemented = 4,
    Refused = 5,
    BadVersion = 16,
}

/// A question, as far as it could be read: one that is malformed can still be told so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Query<'a> {
    id: u16,
    flags: u16,
    /// Name, type and class as they came; empty if there is no such thing.
    raw: &'a [u8],
    /// In lower case, without the final dot; what no name of ours has is a `?`.
    pub(super) name: String,
    pub(super) kind: u16,
    pub(super) class: u16,
    /// Version and how much its sender takes over UDP.
    extension: Option<(u8, u16)>,
    /// Why it cannot be answered.
    pub(super) refused: Option<Code>,
}

/// What a record holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Data {
    Address(Ipv4Addr),
    Service {
        port: u16,
        target: String,
    },
    Pointer(String),
    NameServer(String),
    /// The name of the server, and a number that grows.
    Authority(String, u32),
}

/// A record of an answer. Without a name it is of the name that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) name: Option<String>,
    pub(super) ttl: u32,
    pub(super) data: Data,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) code: Code,
    pub(super) authoritative: bool,
    pub(super) answers: Vec<Record>,
    pub(super) authority: Vec<Record>,
    pub(super) additional: Vec<Record>,
}

/// Bytes that are read from the front.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let taken = self.bytes.get(self.at..self.at.checked_add(count)?)?;
        self.at += count;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn pair(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    /// A name without pointers: before a question there is nothing to point to.
    fn name(&mut self) -> Option<String> {
        let start = self.at;
        let mut name = String::new();
        loop {
            let length = usize::from(self.byte()?);
            if length > LABEL_MAX || self.at + length - start > NAME_MAX - 1 && length > 0 {
                return None;
            }
            if length == 0 {
                return Some(name);
            }
            if !name.is_empty() {
                name.push('.');
            }
            name.extend(self.take(length)?.iter().map(|byte| match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => {
                    char::from(byte.to_ascii_lowercase())
                }
                _ => '?',
            }));
        }
    }

    /// Past a name of a record, which may end in a pointer.
    fn skip_name(&mut self) -> Option<()> {
        loop {
            match usize::from(self.byte()?) {
                0 => return Some(()),
                pointer if pointer >= 0xC0 => return self.byte().map(drop),
                length if length > LABEL_MAX => return None,
                length => drop(self.take(length)?),
            }
        }
    }
}

impl<'a> Query<'a> {
    /// `None`: not even that can be told, or it is no question at all and must not be answered.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut reader = Reader { bytes, at: 0 };
        let (id, flags) = (reader.pair()?, reader.pair()?);
        let counts = [
            reader.pair()?,
            reader.pair()?,
            reader.pair()?,
            reader.pair()?,
        ];
        if flags & RESPONSE != 0 {
            return None;
        }
        let mut query = Self {
            id,
            flags,
            raw: &[],
            name: String::new(),
            kind: 0,
            class: 0,
            extension: None,
            refused: None,
        };
        let [questions, answers, authority, additional] = counts;
        if flags & OPCODE != 0 {
            query.refused = Some(Code::NotImplemented);
        } else if questions != 1
            || answers != 0
            || authority != 0
            || query.read(&mut reader, additional).is_none()
        {
            query.refused = Some(Code::Malformed);
        } else if query.extension.is_some_and(|(version, _)| version != 0) {
            query.refused = Some(Code::BadVersion);
        }
        Some(query)
    }

    fn read(&mut self, reader: &mut Reader<'a>, additional: u16) -> Option<()> {
        self.name = reader.name()?;
        self.kind = reader.pair()?;
        self.class = reader.pair()?;
        self.raw = reader.bytes.get(HEADER..reader.at)?;
        for _ in 0..additional {
            reader.skip_name()?;
            let (kind, class) = (reader.pair()?, reader.pair()?);
            let [_, version, ..] = *reader.take(4)? else {
                return None;
            };
            let length = usize::from(reader.pair()?);
            reader.take(length)?;
            if kind == OPT && self.extension.replace((version, class)).is_some() {
                return None;
            }
        }
        Some(())
    }

    /// How long an answer over UDP may be.
    pub(super) fn udp_max(&self) -> usize {
        let wanted = self.extension.map_or(UDP, |(_, size)| size);
        usize::from(wanted.clamp(UDP, UDP_MAX))
    }

    /// The bytes of a reply of at most `limit`; one that does not fit says so.
    pub(super) fn encode(&self, reply: &Reply, limit: usize) -> Vec<u8> {
        let code = reply.code as u16;
        let kept = self.flags & (OPCODE | RECURSION_DESIRED | CHECKING_DISABLED);
        let mut flags = RESPONSE | kept | (code & 0xF);
        if reply.authoritative {
            flags |= AUTHORITATIVE;
        }
        let extension = self.extension.map(|_| extension(code)).unwrap_or_default();
        let room = limit.saturating_sub(extension.len());
        let mut bytes = vec![0; HEADER];
        bytes.extend_from_slice(self.raw);
        let (answers, fit) = put_all(&mut bytes, &reply.answers, room);
        let (authority, also_fit) = match fit {
            true => put_all(&mut bytes, &reply.authority, room),
            false => (0, true),
        };
        if !(fit && also_fit) {
            flags |= TRUNCATED;
        }
        // Nobody is told that these are missing: they can be asked for.
        let additional = match fit && also_fit {
            true => put_all(&mut bytes, &reply.additional, room).0,
            false => 0,
        };
        let additional = additional + u16::from(self.extension.is_some());
        bytes.extend_from_slice(&extension);
        let header = [
            self.id,
            flags,
            u16::from(!self.raw.is_empty()),
            answers,
            authority,
            additional,
        ];
        for (place, value) in bytes.chunks_exact_mut(2).zip(header) {
            place.copy_from_slice(&value.to_be_bytes());
        }
        bytes
    }
}

/// The record that stands for EDNS, with the upper bits of the code.
fn extension(code: u16) -> Vec<u8> {
    let mut bytes = vec![0];
    bytes.extend_from_slice(&OPT.to_be_bytes());
    bytes.extend_from_slice(&UDP_MAX.to_be_bytes());
    bytes.push(u8::try_from(code >> 4).unwrap_or_default());
    bytes.extend_from_slice(&[0; 5]);
    bytes
}

/// How many records fit, and whether all did.
fn put_all(bytes: &mut Vec<u8>, records: &[Record], room: usize) -> (u16, bool) {
    let mut count = 0;
    for record in records {
        let length = bytes.len();
        // One whose name is none can only be left out; the others are as good without it.
        if put(bytes, record).is_none() {
            bytes.truncate(length);
        } else if bytes.len() > room || count == u16::MAX {
            bytes.truncate(length);
            return (count, false);
        } else {
            count += 1;
        }
    }
    (count, true)
}

fn put(bytes: &mut Vec<u8>, record: &Record) -> Option<()> {
    match &record.name {
        Some(name) => put_name(bytes, name)?,
        // A pointer to the question, which always stands right behind the header.
        None => bytes.extend_from_slice(&[0xC0, 0x0C]),
    }
    let kind = match &record.data {
        Data::Address(_) => A,
        Data::Service { .. } => SRV,
        Data::Pointer(_) => PTR,
        Data::NameServer(_) => NS,
        Data::Authority(..) => SOA,
    };
    bytes.extend_from_slice(&kind.to_be_bytes());
    bytes.extend_from_slice(&CLASS_IN.to_be_bytes());
    bytes.extend_from_slice(&record.ttl.to_be_bytes());
    let length_at = bytes.len();
    bytes.extend_from_slice(&[0; 2]);
    match &record.data {
        Data::Address(address) => bytes.extend_from_slice(&address.octets()),
        Data::Service { port, target } => {
            // Priority and weight: all are equal.
            bytes.extend_from_slice(&[0; 4]);
            bytes.extend_from_slice(&port.to_be_bytes());
            put_name(bytes, target)?;
        }
        Data::Pointer(name) | Data::NameServer(name) => put_name(bytes, name)?,
        Data::Authority(server, serial) => {
            put_name(bytes, server)?;
            put_name(bytes, &format!("nobody.{server}"))?;
            // Refresh, retry and expire mean nothing without a second server; the last says how long a "no" is true.
            for number in [*serial, 60, 60, 60, record.ttl] {
                bytes.extend_from_slice(&number.to_be_bytes());
            }
        }
    }
    let length = u16::try_from(bytes.len() - length_at - 2).ok()?;
    let place = bytes.get_mut(length_at..length_at + 2)?;
    place.copy_from_slice(&length.to_be_bytes());
    Some(())
}

fn put_name(bytes: &mut Vec<u8>, name: &str) -> Option<()> {
    let start = bytes.len();
    for label in name.split('.') {
        let length = u8::try_from(label.len()).ok()?;
        if length == 0 || usize::from(length) > LABEL_MAX {
            return None;
        }
        bytes.push(length);
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.push(0);
    (bytes.len() - start <= NAME_MAX).then_some(())
}
