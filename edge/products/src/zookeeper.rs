//! ZooKeeper's four-letter word `srvr`: whether a server serves, and as what.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::reach::{Reach, reason, within};

/// An answer to `srvr` is a few hundred bytes; what is longer is not ZooKeeper's.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

/// What a server says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Serving {
    /// `leader`, `follower`, `standalone`, `observer`.
    As(String),
    /// It answers but does not serve: no quorum yet, or the word is not allowed.
    Not(String),
}

/// Asks `srvr`. The error says why there is no answer.
pub(crate) async fn serving(
    reach: &dyn Reach,
    address: &str,
    port: u16,
    timeout: Duration,
) -> Result<Serving, String> {
    let asking = async {
        let mut stream = reach.connect(address, port).await?;
        stream.write_all(b"srvr").await?;
        let mut answer = Vec::new();
        let read = (&mut stream)
            .take(ANSWER_BYTES_MAX)
            .read_to_end(&mut answer)
            .await;
        match read {
            // The server may reset the connection after its last byte: what came before counts.
            Err(error) if answer.is_empty() => Err(error),
            _ => Ok(answer),
        }
    };
    let answer: io::Result<Vec<u8>> = within(timeout, asking).await;
    match answer {
        Ok(answer) => parse(&String::from_utf8_lossy(&answer)),
        Err(error) => Err(reason(&error)),
    }
}

pub(crate) fn parse(answer: &str) -> Result<Serving, String> {
    let mode = answer.lines().find_map(|line| line.strip_prefix("Mode: "));
    if let Some(mode) = mode {
        return Ok(Serving::As(mode.trim().to_owned()));
    }
    let first = answer.lines().next().unwrap_or_default().trim();
    if answer.contains("not currently serving") {
        Ok(Serving::Not(
            "not currently serving requests: no quorum yet".to_owned(),
        ))
    } else if answer.contains("not in the whitelist") {
        Ok(Serving::Not(
            "srvr is not allowed: add it to 4lw.commands.whitelist".to_owned(),
        ))
    } else if first.is_empty() {
        Err("it ended the connection without an answer".to_owned())
    } else {
        let shown: String = first.chars().take(80).collect();
        Err(format!("its answer to srvr names no mode: {shown:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_to_srvr() {
        let serving = "Zookeeper version: 3.9.5\nLatency min/avg/max: 0/0.0/0\nMode: follower\n";
        assert_eq!(parse(serving), Ok(Serving::As("follower".to_owned())));
        let mute = "This ZooKeeper instance is not currently serving requests\n";
        assert!(matches!(parse(mute), Ok(Serving::Not(why)) if why.contains("no quorum")));
        let refused = "srvr is not executed because it is not in the whitelist.\n";
        assert!(matches!(parse(refused), Ok(Serving::Not(why)) if why.contains("whitelist")));
        assert!(parse("").is_err());
        assert!(parse("HTTP/1.1 400 Bad Request\r\n").is_err());
    }
}
