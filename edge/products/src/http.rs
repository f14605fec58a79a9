//! The status of one HTTP/1.1 GET; redirects are not followed, bodies are not read.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::reach::{Reach, reason, within};

/// A status line is short; what is longer is not HTTP.
const STATUS_LINE_BYTES_MAX: u64 = 4096;

/// The status code of `GET path`. The error says why there is none.
pub(crate) async fn status(
    reach: &dyn Reach,
    address: &str,
    port: u16,
    path: &str,
    timeout: Duration,
) -> Result<u16, String> {
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
        status_line(&mut stream).await
    };
    match within(timeout, asking).await {
        Ok(line) => parse(&String::from_utf8_lossy(&line)),
        Err(error) => Err(reason(&error)),
    }
}

async fn status_line(stream: &mut tokio::net::TcpStream) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    let mut bounded = stream.take(STATUS_LINE_BYTES_MAX);
    while !line.contains(&b'\n') {
        if bounded.read_buf(&mut line).await? == 0 {
            break;
        }
    }
    Ok(line)
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
}
