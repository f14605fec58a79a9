//! For tests of this crate: small artifacts, and an HTTP server on loopback that misbehaves as told.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sha2::{Digest, Sha256};
use smack_services::catalog::Artifact;

/// An artifact `test:<name>:1` of this content.
pub(crate) fn artifact(name: &str, content: &[u8]) -> Artifact {
    Artifact {
        at: format!("test:{name}:1"),
        size: content.len() as u64,
        sha256: format!("{:x}", Sha256::digest(content)),
    }
}

/// What the server does with a request for its content.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Manner {
    /// the whole content, or the range asked for
    Good,
    /// closes after this many bytes of what was asked for
    BreaksAfter(usize),
    /// the same, and knows nothing of ranges
    BreaksAndForgets(usize),
    /// another content of the same length
    Corrupts,
    /// takes the request and says nothing
    Silent,
    /// sends the head and half of the content, then says nothing
    Stalls,
    /// answers with this status
    Status(u16),
}

/// A running server; its requests are kept as (path, start of the range).
pub(crate) struct Server {
    pub(crate) base: String,
    pub(crate) requests: Arc<Mutex<Vec<(String, usize)>>>,
}

/// Serves `content` under every path. Ends with the test process.
pub(crate) fn serve(content: &'static [u8], manner: Manner) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}/repository/", listener.local_addr().unwrap());
    let requests = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&requests);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let seen = Arc::clone(&seen);
            std::thread::spawn(move || answer(stream, content, manner, &seen));
        }
    });
    Server { base, requests }
}

fn answer(
    mut stream: TcpStream,
    content: &[u8],
    manner: Manner,
    seen: &Mutex<Vec<(String, usize)>>,
) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let path = lines.next().and_then(Result::ok).unwrap_or_default();
    let path = path.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut start = 0;
    for line in lines
        .map_while(Result::ok)
        .take_while(|line| !line.is_empty())
    {
        if let Some(range) = line.to_lowercase().strip_prefix("range: bytes=") {
            start = range.trim_end_matches('-').parse().unwrap();
        }
    }
    seen.lock().unwrap().push((path, start));
    let other: Vec<u8> = content.iter().map(|byte| byte ^ 1).collect();
    let (body, from, sent) = match manner {
        Manner::Good => (content, start, usize::MAX),
        Manner::BreaksAfter(bytes) => (content, start, bytes),
        Manner::BreaksAndForgets(bytes) => (content, 0, bytes),
        Manner::Corrupts => (other.as_slice(), start, usize::MAX),
        Manner::Stalls => (content, 0, content.len() / 2),
        Manner::Silent => return std::thread::sleep(Duration::from_secs(5)),
        Manner::Status(status) => {
            drop(write!(
                stream,
                "HTTP/1.1 {status} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            ));
            return;
        }
    };
    let body = &body[from.min(body.len())..];
    let head = if from > 0 {
        format!(
            "206 Partial Content\r\nContent-Range: bytes {from}-{}/{}",
            content.len() - 1,
            content.len()
        )
    } else {
        "200 OK".to_owned()
    };
    drop(write!(
        stream,
        "HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    ));
    drop(stream.write_all(&body[..sent.min(body.len())]));
    drop(stream.flush());
    if manner == Manner::Stalls {
        std::thread::sleep(Duration::from_secs(5));
    }
}
