//! One POST of JSON: through the grid's way to a task, or to a collector anywhere.

use std::io;
use std::time::Duration;

use axum::http::Uri;
use smack_products::Reach;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use ureq::Agent;

use super::{Collector, Failure};

const CONNECTED_WITHIN: Duration = Duration::from_secs(10);
const ANSWERED_WITHIN: Duration = Duration::from_secs(20);
/// A head is short; what is longer is not HTTP.
const HEAD_BYTES_MAX: u64 = 16 * 1024;

/// To a task, whose URL has an address and a port.
pub(super) async fn inside(reach: &dyn Reach, url: &str, body: &[u8]) -> Result<(), Failure> {
    let uri: Uri = url
        .parse()
        .map_err(|_| Failure::Later(format!("{url:?} is no URL")))?;
    let (host, port) = (uri.host().unwrap_or_default(), uri.port_u16().unwrap_or(80));
    let path = uri
        .path_and_query()
        .map_or("/", |path_and_query| path_and_query.as_str());
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUser-Agent: smack\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let asking = async {
        let mut stream = reach.connect(host.trim_matches(['[', ']']), port).await?;
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body).await?;
        let mut answer = Vec::new();
        while !answer.contains(&b'\n') {
            let left = HEAD_BYTES_MAX.saturating_sub(answer.len() as u64);
            if (&mut stream).take(left).read_buf(&mut answer).await? == 0 {
                break;
            }
        }
        Ok::<_, io::Error>(answer)
    };
    let answer = match tokio::time::timeout(ANSWERED_WITHIN, asking).await {
        Ok(answer) => answer.map_err(|error| Failure::Later(error.to_string()))?,
        Err(_) => return Err(Failure::Later("it does not answer".to_owned())),
    };
    judge(status(&answer).ok_or_else(|| Failure::Later("its answer is not HTTP".to_owned()))?)
}

/// `202` of `HTTP/1.1 202 Accepted`.
fn status(answer: &[u8]) -> Option<u16> {
    let text = String::from_utf8_lossy(answer);
    let rest = text.lines().next()?.strip_prefix("HTTP/1.")?;
    rest.split(' ').nth(1)?.parse().ok()
}

/// To a collector, away from the thread that does everything else.
pub(super) async fn to_collector(collector: &Collector, body: Vec<u8>) -> Result<(), Failure> {
    let collector = collector.clone();
    let posting = tokio::task::spawn_blocking(move || {
        let mut config = Agent::config_builder()
            .timeout_resolve(Some(CONNECTED_WITHIN))
            .timeout_connect(Some(CONNECTED_WITHIN))
            .timeout_global(Some(CONNECTED_WITHIN + ANSWERED_WITHIN))
            .http_status_as_error(false);
        if collector.is_here() {
            config = config.proxy(None);
        }
        let request = Agent::new_with_config(config.build())
            .post(collector.url())
            .header("Content-Type", "application/json");
        match request.send(&body[..]) {
            Ok(answer) => judge(answer.status().as_u16()),
            Err(error) => Err(Failure::Later(error.to_string())),
        }
    });
    let posted = posting.await;
    posted.map_err(|error| Failure::Later(error.to_string()))?
}

/// A collector that refuses what it was sent refuses it the next time too, unless it only had too much to do.
fn judge(status: u16) -> Result<(), Failure> {
    match status {
        200..=299 => Ok(()),
        408 | 429 => Err(Failure::Later(format!("it answers {status}"))),
        400..=499 => Err(Failure::Never(format!("it answers {status}"))),
        _ => Err(Failure::Later(format!("it answers {status}"))),
    }
}
