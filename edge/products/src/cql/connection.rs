//! One session with one node: frames in turn, nothing compressed, no paging.

use std::io;
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::error::{Code, Error};
use super::reader::{Garbled, Reader};
use super::rows::{self, Answer};
use crate::reach::{Reach, reason, shown, within};

/// What is longer is not believed: a ring of a thousand nodes tells of itself in less.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

const VERSION: u8 = 4;
/// Set in the version of every answer.
const ANSWER: u8 = 0x80;

const STARTUP: u8 = 0x01;
const OPTIONS: u8 = 0x05;
const QUERY: u8 = 0x07;

const ERROR: u8 = 0x00;
const READY: u8 = 0x02;
const AUTHENTICATE: u8 = 0x03;
const SUPPORTED: u8 = 0x06;
const RESULT: u8 = 0x08;

/// How many of the nodes that have a row must agree on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Consistency {
    One = 0x01,
    All = 0x05,
}

/// The kind and the body of an answer.
type Frame = (u8, u8, Vec<u8>);

/// Requests and answers in turn. After an error that is not `Refused` it is of no more use.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    place: String,
    timeout: Duration,
}

impl Connection {
    /// Connects and opens a session. `timeout` holds for each exchange.
    pub(crate) async fn open(
        reach: &dyn Reach,
        address: &str,
        port: u16,
        timeout: Duration,
    ) -> Result<Self, Error> {
        let place = format!("{address}:{port}");
        let stream = match within(timeout, reach.connect(address, port)).await {
            Ok(stream) => stream,
            Err(error) => {
                let reason = reason(&error);
                return Err(Error::Unreachable { place, reason });
            }
        };
        let mut connection = Self {
            stream,
            place,
            timeout,
        };
        connection.options().await?;
        connection.startup().await?;
        Ok(connection)
    }

    /// Whether it is CQL at all, before anything is said of a session.
    async fn options(&mut self) -> Result<(), Error> {
        match self.exchange(OPTIONS, &[]).await? {
            (SUPPORTED, ..) => Ok(()),
            frame => Err(self.unexpected("OPTIONS", &frame)),
        }
    }

    async fn startup(&mut self) -> Result<(), Error> {
        let mut body = BytesMut::new();
        body.put_u16(2);
        for text in ["CQL_VERSION", "3.0.0", "DRIVER_NAME", "smack"] {
            put_short_text(&mut body, text);
        }
        let frame = self.exchange(STARTUP, &body).await?;
        match frame {
            (READY, ..) => Ok(()),
            (AUTHENTICATE, flags, ref body) => {
                let read = |reader: &mut Reader<'_>| reader.short_text();
                let by = self.read(flags, body, read)?.1;
                let place = self.place.clone();
                Err(Error::Locked { place, by })
            }
            frame => Err(self.unexpected("STARTUP", &frame)),
        }
    }

    /// Asks with consistency ONE, which is all the same for what a node has of its own.
    pub(crate) async fn ask(&mut self, query: &str) -> Result<Answer, Error> {
        self.query(query, Consistency::One).await
    }

    pub(crate) async fn query(
        &mut self,
        query: &str,
        consistency: Consistency,
    ) -> Result<Answer, Error> {
        let mut body = BytesMut::new();
        body.put_u32(u32::try_from(query.len()).unwrap_or(u32::MAX));
        body.put_slice(query.as_bytes());
        body.put_u16(consistency as u16);
        body.put_u8(0); // no values, no page size
        let frame = self.exchange(QUERY, &body).await?;
        match frame {
            (RESULT, flags, ref body) => {
                let (warnings, rows) = self.read(flags, body, rows::read)?;
                Ok(Answer { rows, warnings })
            }
            frame => Err(self.unexpected("QUERY", &frame)),
        }
    }

    fn read<T>(
        &self,
        flags: u8,
        body: &[u8],
        read: impl Fn(&mut Reader<'_>) -> Result<T, Garbled>,
    ) -> Result<(Vec<String>, T), Error> {
        answer(flags, body, read).map_err(|garbled| self.malformed(garbled))
    }

    /// An ERROR in Cassandra's words, or a frame of a kind that does not belong here.
    fn unexpected(&self, asked: &str, (kind, flags, body): &Frame) -> Error {
        if *kind != ERROR {
            return self.malformed(Garbled(format!("a frame of kind {kind:#04x} to {asked}")));
        }
        match self.read(*flags, body, refusal) {
            Ok((_, (code, message))) => {
                let place = self.place.clone();
                Error::Refused {
                    place,
                    code,
                    message,
                }
            }
            Err(garbled) => garbled,
        }
    }

    async fn exchange(&mut self, kind: u8, body: &[u8]) -> Result<Frame, Error> {
        let mut frame = BytesMut::new();
        frame.put_slice(&[VERSION, 0, 0, 0, kind]);
        frame.put_u32(u32::try_from(body.len()).unwrap_or(u32::MAX));
        frame.put_slice(body);
        let timeout = self.timeout;
        let stream = &mut self.stream;
        let exchanging = async {
            stream.write_all(&frame).await?;
            let mut header = [0; 9];
            stream.read_exact(&mut header).await?;
            let (kind, flags, length) = match head(header) {
                Ok(read) => read,
                Err(garbled) => return Ok(Err(garbled)),
            };
            // Grows with what comes: a length alone reserves nothing.
            let mut body = Vec::new();
            stream.take(length as u64).read_to_end(&mut body).await?;
            if body.len() < length {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            Ok(Ok((kind, flags, body)))
        };
        match within(timeout, exchanging).await {
            Ok(Ok(frame)) => Ok(frame),
            Ok(Err(garbled)) => Err(self.malformed(garbled)),
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// An answer without something that every node tells.
    pub(crate) fn misses(&self, what: &str) -> Error {
        self.malformed(Garbled(format!("{what} is missing")))
    }

    fn failed(&self, error: &io::Error) -> Error {
        let place = self.place.clone();
        if error.kind() == io::ErrorKind::TimedOut {
            let within = shown(self.timeout);
            return Error::Silent { place, within };
        }
        Error::Broken {
            place,
            reason: reason(error),
        }
    }

    fn malformed(&self, Garbled(reason): Garbled) -> Error {
        let place = self.place.clone();
        Error::Malformed { place, reason }
    }
}

/// The kind, the flags and the length of the body.
fn head(header: [u8; 9]) -> Result<(u8, u8, usize), Garbled> {
    let [version, flags, _, _, kind, length @ ..] = header;
    // A server that does not know our version says so in its own.
    if version & ANSWER == 0 || (version != ANSWER | VERSION && kind != ERROR) {
        return Err(Garbled(format!("it begins with {header:02x?}")));
    }
    let length = u32::from_be_bytes(length) as usize;
    if length > ANSWER_BYTES_MAX {
        return Err(Garbled(format!("a body of {length} bytes")));
    }
    Ok((kind, flags, length))
}

/// What stands before every body as its flags say, then the body itself: the warnings, and what `read` reads.
pub(super) fn answer<T>(
    flags: u8,
    body: &[u8],
    read: impl Fn(&mut Reader<'_>) -> Result<T, Garbled>,
) -> Result<(Vec<String>, T), Garbled> {
    const COMPRESSED: u8 = 0x01;
    const TRACED: u8 = 0x02;
    const PAYLOAD: u8 = 0x04;
    const WARNINGS: u8 = 0x08;
    if flags & COMPRESSED != 0 {
        return Err(Garbled("a compressed body nobody asked for".to_owned()));
    }
    let mut reader = Reader::new(body);
    if flags & TRACED != 0 {
        reader.take(16)?;
    }
    let warnings = if flags & WARNINGS == 0 {
        Vec::new()
    } else {
        reader.short_texts()?
    };
    if flags & PAYLOAD != 0 {
        reader.skip_bytes_map()?;
    }
    Ok((warnings, read(&mut reader)?))
}

/// The body of an ERROR. What follows the message says the same in numbers.
pub(super) fn refusal(reader: &mut Reader<'_>) -> Result<(Code, String), Garbled> {
    Ok((Code(reader.i32()?), reader.short_text()?))
}

fn put_short_text(body: &mut BytesMut, text: &str) {
    body.put_u16(u16::try_from(text.len()).unwrap_or(u16::MAX));
    body.put_slice(text.as_bytes());
}
