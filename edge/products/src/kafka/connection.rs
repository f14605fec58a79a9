//! One connection to one broker: frames, correlation numbers, and the versions both sides know.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use kafka_protocol::messages::{ApiKey, ApiVersionsRequest, RequestHeader};
use kafka_protocol::protocol::{Encodable, HeaderVersion, StrBytes};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Error;
use super::reader::{Garbled, Reader};
use crate::reach::{Reach, reason, shown, within};

/// What is longer is not believed.
const ANSWER_BYTES_MAX: usize = 100 * 1024 * 1024;

/// A request of ours, the versions of it that we speak, and how to read the answer.
pub(super) trait Ask: Encodable + HeaderVersion + Sync {
    const KEY: ApiKey;
    /// As Kafka's documentation calls it.
    const NAME: &'static str;
    /// From and to, both included; all of them flexible, so that answers begin alike.
    const VERSIONS: (i16, i16);
    type Answer;
    fn read(answer: &mut Reader<'_>, version: i16) -> Result<Self::Answer, Garbled>;
}

/// Requests and answers in turn. After an error it is of no more use.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    place: String,
    timeout: Duration,
    correlation: i32,
    /// From and to, by the key of the request.
    versions: BTreeMap<i16, (i16, i16)>,
}

impl Connection {
    /// Connects and learns what the other side speaks.
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
            correlation: 0,
            versions: BTreeMap::new(),
        };
        connection.versions = connection.api_versions().await?;
        Ok(connection)
    }

    /// ApiVersions in version 0, which every Kafka answers.
    async fn api_versions(&mut self) -> Result<BTreeMap<i16, (i16, i16)>, Error> {
        let frame = self.frame(ApiKey::ApiVersions, 0, &ApiVersionsRequest::default())?;
        let answer = self.exchange(&frame).await?;
        let mut reader = Reader::new(&answer);
        let mut read = || {
            reader.i32()?; // the correlation number, checked by `exchange`
            let code = reader.i16()?;
            let known = reader.plain_list(|item| Ok((item.i16()?, (item.i16()?, item.i16()?))))?;
            Ok((code, known))
        };
        let (code, known) = read().map_err(|garbled| self.malformed(garbled))?;
        if code != 0 {
            let doing = format!("ask {} for its versions", self.place);
            return Err(Error::Refused {
                doing,
                code,
                message: None,
            });
        }
        Ok(known.into_iter().collect())
    }

    /// Asks in the highest version that both sides know.
    pub(super) async fn ask<A: Ask>(&mut self, request: &A) -> Result<A::Answer, Error> {
        let version = self.version::<A>()?;
        let frame = self.frame(A::KEY, version, request)?;
        let answer = self.exchange(&frame).await?;
        let mut reader = Reader::new(&answer);
        let mut read = || {
            reader.i32()?;
            reader.skip_tags()?;
            A::read(&mut reader, version)
        };
        read().map_err(|garbled| self.malformed(garbled))
    }

    /// Whether it is part of a KRaft cluster: only there a quorum can be asked for.
    pub(crate) fn has_quorum(&self) -> bool {
        self.versions.contains_key(&(ApiKey::DescribeQuorum as i16))
    }

    fn version<A: Ask>(&self) -> Result<i16, Error> {
        let (from, to) = A::VERSIONS;
        let theirs = self.versions.get(&(A::KEY as i16)).copied();
        let common = theirs.map(|(min, max)| (min.max(from), max.min(to)));
        match common {
            Some((lowest, highest)) if lowest <= highest => Ok(highest),
            _ => Err(Error::Version {
                place: self.place.clone(),
                request: A::NAME,
                theirs: theirs
                    .map_or_else(|| "none".to_owned(), |(min, max)| format!("{min} to {max}")),
                ours: format!("{from} to {to}"),
            }),
        }
    }

    fn frame<R: Encodable + HeaderVersion>(
        &mut self,
        key: ApiKey,
        version: i16,
        request: &R,
    ) -> Result<BytesMut, Error> {
        self.correlation = self.correlation.wrapping_add(1);
        let header = RequestHeader::default()
            .with_request_api_key(key as i16)
            .with_request_api_version(version)
            .with_correlation_id(self.correlation)
            .with_client_id(Some(StrBytes::from_static_str("smack")));
        let mut frame = BytesMut::new();
        frame.put_i32(0);
        header
            .encode(&mut frame, R::header_version(version))
            .and_then(|()| request.encode(&mut frame, version))
            .map_err(|error| self.malformed(Garbled(format!("our {key:?}: {error}"))))?;
        let length = i32::try_from(frame.len() - 4)
            .map_err(|_| self.malformed(Garbled(format!("our {key:?} is too long"))))?;
        frame[..4].copy_from_slice(&length.to_be_bytes());
        Ok(frame)
    }

    /// Sends a frame and takes the one that answers it, from its correlation number on.
    async fn exchange(&mut self, frame: &[u8]) -> Result<Vec<u8>, Error> {
        let timeout = self.timeout;
        let stream = &mut self.stream;
        let exchanging = async {
            stream.write_all(frame).await?;
            let mut length = [0; 4];
            stream.read_exact(&mut length).await?;
            let length = match usize::try_from(i32::from_be_bytes(length)) {
                Ok(length) if (4..=ANSWER_BYTES_MAX).contains(&length) => length,
                _ => {
                    return Ok(Err(format!(
                        "it begins with {length:02x?}, not with a length"
                    )));
                }
            };
            // Grows with what comes: a length alone reserves nothing.
            let mut answer = Vec::new();
            stream.take(length as u64).read_to_end(&mut answer).await?;
            if answer.len() < length {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            Ok(Ok(answer))
        };
        let answer = match within(timeout, exchanging).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(not_a_length)) => return Err(self.malformed(Garbled(not_a_length))),
            Err(error) => return Err(self.failed(&error)),
        };
        if answer.get(..4) != Some(&self.correlation.to_be_bytes()) {
            return Err(self.malformed(Garbled("it answers another request".to_owned())));
        }
        Ok(answer)
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
