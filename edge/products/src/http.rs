//! One HTTP/1.1 GET; redirects are not followed. The body is read only if the status is a refusal, for what it says.

use std::io;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::reach::{Reach, reason, within};

/// A head is short; what is longer is not HTTP.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Of a body no more is looked at.
const BODY_BYTES_MAX: usize = 16 * 1024;

/// Of what it says no more is shown.
const SAID_CHARS_MAX: usize = 200;

/// How long a body is waited for once the head is there: the status is an answer already.
const BODY_PATIENCE: Duration = Duration::from_millis(200);

/// A status, and the body of a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    body: Vec<u8>,
}

impl Answer {
    /// Whether the status is one from 200 to 399.
    pub(crate) fn is_good(&self) -> bool {
        (200..=399).contains(&self.status)
    }

    /// The body's errors if it is JSON that has some, else the body on one line; shortened. `None` if there is nothing.
    pub(crate) fn says(&self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.body);
        let mut errors = Vec::new();
        if let Ok(value) = serde_json::from_slice::<Value>(&self.body) {
            find_errors(&value, "", &mut errors);
        }
        let said = if errors.is_empty() {
            one_line(&text)
        } else {
            one_line(&errors.join("; "))
        };
        let mut shown: String = said.chars().take(SAID_CHARS_MAX).collect();
        if shown.len() < said.len() {
            shown.pop();
            shown.push('…');
        }
        (!shown.is_empty()).then_some(shown)
    }
}

/// The answer to `GET path`. The error says why there is none.
pub(crate) async fn get(
    reach: &dyn Reach,
    address: &str,
    port: u16,
    path: &str,
    timeout: Duration,
) -> Result<Answer, String> {
    let slash = if path.starts_with('/') { "" } else { "/" };
    if path.contains(|c: char| c.is_ascii_control() || c == ' ') {
        return Err(format!(
            "the path {path:?} may not hold spaces or control characters"
        ));
    }
    let host = if address.contains(':') {
        format!("[{address}]:{port}")
    } else {
        format!("{address}:{port}")
    };
    let request = format!(
        "GET {slash}{path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: smack\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    );
    let asking = async {
        let mut stream = reach.connect(address, port).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut head = Vec::new();
        let is_done = |bytes: &[u8]| bytes.contains(&b'\n');
        read_until(&mut stream, &mut head, HEAD_BYTES_MAX, is_done).await?;
        Ok((stream, head))
    };
    let (mut stream, mut bytes) = within(timeout, asking)
        .await
        .map_err(|error: io::Error| reason(&error))?;
    let status = parse(&String::from_utf8_lossy(&bytes))?;
    let mut answer = Answer {
        status,
        body: Vec::new(),
    };
    if !answer.is_good() {
        let reading = read_until(
            &mut stream,
            &mut bytes,
            HEAD_BYTES_MAX + BODY_BYTES_MAX,
            is_complete,
        );
        // What has come until then is better than nothing.
        drop(tokio::time::timeout(timeout.min(BODY_PATIENCE), reading).await);
        answer.body = body(&bytes);
    }
    Ok(answer)
}

/// Reads until it is done, the other side has ended or there is too much.
async fn read_until(
    stream: &mut TcpStream,
    bytes: &mut Vec<u8>,
    bytes_max: usize,
    is_done: impl Fn(&[u8]) -> bool,
) -> io::Result<()> {
    while !is_done(bytes) && bytes.len() < bytes_max {
        let left = (bytes_max - bytes.len()) as u64;
        if (&mut *stream).take(left).read_buf(bytes).await? == 0 {
            break;
        }
    }
    Ok(())
}

pub(crate) fn parse(text: &str) -> Result<u16, String> {
    let line = text.lines().next().unwrap_or_default();
    if line.is_empty() {
        return Err("it ended the connection without an answer".to_owned());
    }
    let status = line
        .strip_prefix("HTTP/1.")
        .and_then(|rest| rest.split(' ').nth(1))
        .filter(|code| code.len() == 3)
        .and_then(|code| code.parse().ok());
    status.ok_or_else(|| {
        let shown: String = line.chars().take(80).collect();
        format!("its answer is not HTTP: {shown:?}")
    })
}

/// Head and what follows it, if the head is whole.
fn split(answer: &[u8]) -> Option<(String, &[u8])> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    Some((head, &answer[end + 4..]))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = head.lines().filter_map(|line| line.split_once(':'));
    lines
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.trim())
}

fn is_chunked(head: &str) -> bool {
    header(head, "transfer-encoding").is_some_and(|coding| coding.contains("chunked"))
}

/// Whether all of a body is there whose length is known.
fn is_complete(answer: &[u8]) -> bool {
    let Some((head, rest)) = split(answer) else {
        return false;
    };
    if is_chunked(&head) {
        return rest.ends_with(b"0\r\n\r\n");
    }
    let length = header(&head, "content-length").and_then(|length| length.parse().ok());
    length.is_some_and(|length: usize| rest.len() >= length)
}

/// The body as far as it is there, without the sizes of its chunks.
fn body(answer: &[u8]) -> Vec<u8> {
    let Some((head, mut rest)) = split(answer) else {
        return Vec::new();
    };
    if !is_chunked(&head) {
        return rest.to_vec();
    }
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|two| two == b"\r\n") {
        let size = String::from_utf8_lossy(&rest[..end]);
        let size = size.split(';').next().unwrap_or_default().trim();
        let Some(size) = usize::from_str_radix(size, 16)
            .ok()
            .filter(|size| *size > 0)
        else {
            break;
        };
        rest = &rest[end + 2..];
        body.extend_from_slice(&rest[..size.min(rest.len())]);
        rest = rest.get(size.saturating_add(2)..).unwrap_or_default();
    }
    body
}

/// Errors wherever they stand, each with the name of what they are about: of a health page, the component.
fn find_errors(value: &Value, about: &str, errors: &mut Vec<String>) {
    const ERRORS: [&str; 4] = ["error", "message", "reason", "exception"];
    const FRAMES: [&str; 5] = ["details", "components", "checks", "data", "status"];
    let Value::Object(map) = value else {
        if let Value::Array(items) = value {
            items
                .iter()
                .for_each(|item| find_errors(item, about, errors));
        }
        return;
    };
    for (key, inner) in map {
        match inner {
            Value::String(text) if ERRORS.contains(&key.as_str()) && !text.is_empty() => {
                errors.push(match about {
                    "" => text.clone(),
                    about => format!("{about}: {text}"),
                });
            }
            Value::Object(_) | Value::Array(_) => {
                let name = key.split('{').next().unwrap_or(key);
                let about = if FRAMES.contains(&name) { about } else { name };
                find_errors(inner, about, errors);
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

/// Spaces, line ends and control characters become one space each.
fn one_line(text: &str) -> String {
    let is_space = |c: char| c.is_whitespace() || c.is_control();
    let words: Vec<&str> = text
        .split(is_space)
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_lines() {
        assert_eq!(parse("HTTP/1.1 204 No Content\r\nx: y\r\n"), Ok(204));
        assert_eq!(parse("HTTP/1.0 503\r\n"), Ok(503));
        assert!(parse("").is_err());
        assert!(parse("SSH-2.0-x\r\n").is_err());
        assert!(parse("HTTP/1.1 99999 x\r\n").is_err());
    }

    fn said(answer: &str) -> Option<String> {
        let body = body(answer.as_bytes());
        Answer { status: 503, body }.says()
    }

    #[test]
    fn what_a_refusal_says() {
        for (answer, expected) in [
            ("HTTP/1.1 503 x\r\n\r\n", None),
            ("HTTP/1.1 503 x\r\nunfinished", None),
            (
                "HTTP/1.1 503 x\r\n\r\n  not\r\n\tyet\u{7} ",
                Some("not yet"),
            ),
            (
                "HTTP/1.1 503 x\r\n\r\n{\"status\": \"DOWN\"}",
                Some("{\"status\": \"DOWN\"}"),
            ),
            (
                "HTTP/1.1 503 x\r\n\r\n{\"status\":\"DOWN\",\"zipkin\":{\"status\":\"DOWN\",\"details\":{\"InMemoryStorage{}\":{\"status\":\"UP\"},\
                 \"KafkaCollector{topic=zipkin}\":{\"status\":\"DOWN\",\"details\":{\"error\":\"TimeoutException: no node\"}}}}}",
                Some("KafkaCollector: TimeoutException: no node"),
            ),
            (
                "HTTP/1.1 500 x\r\n\r\n{\"errors\":[{\"message\":\"one\"},{\"message\":\"two\"}]}",
                Some("errors: one; errors: two"),
            ),
            (
                "HTTP/1.1 503 x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwait\r\n6;a=b\r\n a bit\r\n0\r\n\r\n",
                Some("wait a bit"),
            ),
            (
                "HTTP/1.1 503 x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nwait",
                Some("wait"),
            ),
        ] {
            assert_eq!(said(answer).as_deref(), expected, "{answer}");
        }
        let long = said(&format!("HTTP/1.1 503 x\r\n\r\n{}", "é".repeat(1000))).unwrap();
        assert_eq!((long.chars().count(), long.ends_with('…')), (200, true));
    }

    #[test]
    fn a_body_ends_by_its_length_or_its_last_chunk() {
        assert!(is_complete(
            b"HTTP/1.1 503 x\r\nContent-Length: 2\r\n\r\nno"
        ));
        assert!(!is_complete(
            b"HTTP/1.1 503 x\r\nContent-Length: 3\r\n\r\nno"
        ));
        assert!(!is_complete(b"HTTP/1.1 503 x\r\n\r\nno"));
        assert!(is_complete(
            b"HTTP/1.1 503 x\r\ntransfer-encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n"
        ));
    }
}
