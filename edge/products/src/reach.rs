//! The one place where connections to products begin, so that isolation can put itself in between.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::time::Duration;

use smack_model::{SystemId, TaskName};
use tokio::net::TcpStream;

/// A connection being made.
pub type Connecting<'a> = Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send + 'a>>;

/// A program being run in a task's place.
pub type Running<'a> = Pin<Box<dyn Future<Output = io::Result<Ran>> + Send + 'a>>;

/// What a program came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ran {
    /// As the shell counts it, 128 + signal.
    pub code: i32,
    pub output: Vec<u8>,
    pub errors: Vec<u8>,
}

/// How a product is reached from here.
pub trait Reach: Send + Sync {
    /// Connects to an address and port of a product.
    fn connect<'a>(&'a self, address: &'a str, port: u16) -> Connecting<'a>;

    /// Runs a program where this attempt of a task runs, in its sandbox and with its environment, to its end; after
    /// `within` it is killed, which is an error of kind `TimedOut`. Whoever knows no grid says `Unsupported`.
    fn exec<'a>(
        &'a self,
        _system: &'a SystemId,
        task: &'a TaskName,
        _attempt: u32,
        _command: &'a [String],
        _within: Duration,
    ) -> Running<'a> {
        let reason = format!("no program can be run in the place of {task} from here");
        Box::pin(async { Err(io::Error::new(io::ErrorKind::Unsupported, reason)) })
    }
}

/// Plain TCP from where we are.
#[derive(Debug, Clone, Copy, Default)]
pub struct Direct;

impl Reach for Direct {
    fn connect<'a>(&'a self, address: &'a str, port: u16) -> Connecting<'a> {
        Box::pin(async move {
            let stream = match address.parse::<IpAddr>() {
                Ok(ip) => TcpStream::connect((ip, port)).await?,
                Err(_) => TcpStream::connect((address, port)).await?,
            };
            stream.set_nodelay(true)?;
            Ok(stream)
        })
    }
}

/// Waits at most `time`; then it is an error of kind `TimedOut` that says how long.
pub(crate) async fn within<T>(
    time: Duration,
    work: impl Future<Output = io::Result<T>>,
) -> io::Result<T> {
    match tokio::time::timeout(time, work).await {
        Ok(result) => result,
        Err(_) => Err(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("no answer within {}", shown(time)),
        )),
    }
}

/// A duration as people read it.
pub(crate) fn shown(time: Duration) -> smack_model::Span {
    smack_model::Span(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

/// An error of the network as people read it, without the number of the system.
pub(crate) fn reason(error: &io::Error) -> String {
    let known = [
        (io::ErrorKind::ConnectionRefused, "connection refused"),
        (io::ErrorKind::ConnectionReset, "connection reset"),
        (
            io::ErrorKind::UnexpectedEof,
            "the connection ended in the middle of an answer",
        ),
    ];
    let found = known.iter().find(|(kind, _)| *kind == error.kind());
    found.map_or_else(|| error.to_string(), |(_, text)| (*text).to_owned())
}
