//! Talks to a server: HTTP/1.1 over the home's unix socket, or over TCP where SMACK_API says so. Knows the transport
//! and the form of refusals; which paths there are, the commands know.

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request, Response, body::Incoming};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use smack_control::wire::Refusal;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::Failure;

/// No answer may take longer; requests that wait on purpose say how long on top.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Socket(PathBuf),
    /// `host:port`
    Tcp(String),
}

/// A client of one server. Its calls block.
#[derive(Debug)]
pub(crate) struct Client {
    endpoint: Endpoint,
    runtime: Runtime,
    /// What every request says on top: credentials.
    headers: Vec<(&'static str, String)>,
    /// The connection of the last request, if it may be used again.
    idle: RefCell<Option<SendRequest<Full<Bytes>>>>,
}

/// Ctrl-C while something is waited for.
#[derive(Debug)]
pub(crate) struct Interrupts(Signal);

impl Endpoint {
    /// Reads `http://host:port`.
    pub(crate) fn from_url(url: &str) -> Result<Self, Failure> {
        let wrong = |what: String| Failure::usage(what).hint("write http://127.0.0.1:PORT");
        let Some(rest) = url.strip_prefix("http://") else {
            return Err(wrong(format!(
                "{url:?} is no address of a server that smack can use"
            )));
        };
        let address = rest.trim_end_matches('/');
        match address.rsplit_once(':') {
            Some((host, port))
                if !host.is_empty() && !address.contains('/') && port.parse::<u16>().is_ok() =>
            {
                Ok(Self::Tcp(address.to_owned()))
            }
            _ => Err(wrong(format!("{url:?} has no host and port"))),
        }
    }

    /// The endpoint for people.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Socket(path) => path.display().to_string(),
            Self::Tcp(address) => format!("http://{address}"),
        }
    }
}

impl Client {
    /// A client that has not connected yet.
    pub(crate) fn new(endpoint: Endpoint) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::failed(format!("cannot make an event loop: {error}")))?;
        Ok(Self {
            endpoint,
            runtime,
            headers: Vec::new(),
            idle: RefCell::new(None),
        })
    }

    /// The same, with these headers on every request.
    pub(crate) fn with_headers(
        mut self,
        headers: impl Iterator<Item = (&'static str, String)>,
    ) -> Self {
        self.headers.extend(headers);
        self
    }

    pub(crate) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        decode(&self.runtime.block_on(self.call(
            Method::GET,
            path,
            Bytes::new(),
            Duration::ZERO,
        ))?)
    }

    pub(crate) fn text(&self, path: &str) -> Result<String, Failure> {
        let bytes =
            self.runtime
                .block_on(self.call(Method::GET, path, Bytes::new(), Duration::ZERO))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    pub(crate) fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Failure> {
        decode(&self.runtime.block_on(self.call(
            Method::POST,
            path,
            encode(body)?,
            Duration::ZERO,
        ))?)
    }

    /// Text in answer to a body; the server may hold the request for `wait`.
    pub(crate) fn ask(
        &self,
        path: &str,
        body: &impl Serialize,
        wait: Duration,
    ) -> Result<String, Failure> {
        let call = self.call(Method::POST, path, encode(body)?, wait);
        let bytes = self.runtime.block_on(call)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    pub(crate) fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        decode(&self.runtime.block_on(self.call(
            Method::DELETE,
            path,
            Bytes::new(),
            Duration::ZERO,
        ))?)
    }

    /// The number of the newest event: what comes after it is news.
    pub(crate) fn newest_event(&self) -> Result<u64, Failure> {
        let newest: Vec<smack_control::wire::Event> = self.get("/v1/events?last=1")?;
        Ok(newest.last().map_or(0, |event| event.seq))
    }

    /// A request that the server may hold for `wait` before it answers.
    pub(crate) fn get_waiting<T: DeserializeOwned>(
        &self,
        path: &str,
        wait: Duration,
    ) -> Result<T, Failure> {
        decode(
            &self
                .runtime
                .block_on(self.call(Method::GET, path, Bytes::new(), wait))?,
        )
    }

    /// Gives the body to `take` as it comes, until it ends.
    pub(crate) fn stream(
        &self,
        path: &str,
        mut take: impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.runtime.block_on(async {
            let (response, _sender) =
                within(ANSWER_WITHIN, self.send(Method::GET, path, Bytes::new())).await?;
            let status = response.status().as_u16();
            let mut body = response.into_body();
            if status >= 400 {
                let bytes = self.collect(body).await?;
                return Err(refused(status, &bytes));
            }
            while let Some(frame) = body.frame().await {
                let frame = frame.map_err(|error| self.broken(&error))?;
                if let Some(bytes) = frame.data_ref() {
                    take(bytes)?;
                }
            }
            Ok(())
        })
    }

    /// From here on ctrl-C no longer ends the process: waits have to look for it.
    pub(crate) fn interrupts(&self) -> Result<Interrupts, Failure> {
        let _inside = self.runtime.enter();
        let signals = signal(SignalKind::interrupt());
        signals
            .map(Interrupts)
            .map_err(|error| Failure::failed(format!("cannot listen for ctrl-C: {error}")))
    }

    /// The same as [`Client::get_waiting`], given up at ctrl-C: then `None`.
    pub(crate) fn get_until<T: DeserializeOwned>(
        &self,
        interrupts: &mut Interrupts,
        path: &str,
        wait: Duration,
    ) -> Result<Option<T>, Failure> {
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                _ = interrupts.0.recv() => Ok(None),
                answer = self.call(Method::GET, path, Bytes::new(), wait) => decode(&answer?).map(Some),
            }
        })
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
        wait: Duration,
    ) -> Result<Bytes, Failure> {
        within(ANSWER_WITHIN + wait, async {
            let (response, sender) = self.send(method, path, body).await?;
            let status = response.status().as_u16();
            let bytes = self.collect(response.into_body()).await?;
            *self.idle.borrow_mut() = Some(sender);
            if status >= 400 {
                Err(refused(status, &bytes))
            } else {
                Ok(bytes)
            }
        })
        .await
    }

    async fn collect(&self, body: Incoming) -> Result<Bytes, Failure> {
        let collected = body.collect().await.map_err(|error| self.broken(&error))?;
        Ok(collected.to_bytes())
    }

    /// Sends on the idle connection if it still stands, else on a new one.
    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<(Response<Incoming>, SendRequest<Full<Bytes>>), Failure> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "smack")
            .header("content-type", "application/json");
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let request = request
            .body(Full::new(body))
            .map_err(|error| Failure::failed(format!("{path} cannot be asked: {error}")))?;
        let idle = self.idle.borrow_mut().take();
        let request = match idle {
            None => request,
            Some(mut sender) => match sender.try_send_request(request).await {
                Ok(response) => return Ok((response, sender)),
                Err(mut error) => match error.take_message() {
                    // The server had closed it; nothing was sent.
                    Some(request) => request,
                    None => return Err(self.broken(error.error())),
                },
            },
        };
        let mut sender = self.connect().await?;
        let response = sender
            .send_request(request)
            .await
            .map_err(|error| self.broken(&error))?;
        Ok((response, sender))
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, Failure> {
        let connecting = async {
            match &self.endpoint {
                Endpoint::Socket(path) => {
                    let stream = tokio::net::UnixStream::connect(path)
                        .await
                        .map_err(|error| self.unreachable(&error))?;
                    self.shake(TokioIo::new(stream)).await
                }
                Endpoint::Tcp(address) => {
                    let stream = tokio::net::TcpStream::connect(address)
                        .await
                        .map_err(|error| self.unreachable(&error))?;
                    drop(stream.set_nodelay(true));
                    self.shake(TokioIo::new(stream)).await
                }
            }
        };
        within(CONNECT_WITHIN, connecting).await
    }

    async fn shake<T>(&self, stream: T) -> Result<SendRequest<Full<Bytes>>, Failure>
    where
        T: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    {
        let (sender, connection) = handshake(stream)
            .await
            .map_err(|error| self.broken(&error))?;
        // Its errors reach the requests.
        drop(tokio::spawn(async move { drop(connection.await) }));
        Ok(sender)
    }

    fn unreachable(&self, error: &io::Error) -> Failure {
        Failure::unreachable(format!(
            "no server answers at {}: {error}",
            self.endpoint.text()
        ))
    }

    fn broken(&self, error: &hyper::Error) -> Failure {
        Failure::unreachable(format!(
            "the server at {} broke off: {error}",
            self.endpoint.text()
        ))
    }
}

/// Whether anything accepts connections on the socket.
pub(crate) fn answers(socket: &Path) -> bool {
    std::os::unix::net::UnixStream::connect(socket).is_ok()
}

async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    match tokio::time::timeout(limit, work).await {
        Ok(result) => result,
        Err(_) => Err(Failure::unreachable(format!(
            "the server did not answer within {} s",
            limit.as_secs()
        ))
        .hint("`smack server --replace` starts another one; tasks go on")),
    }
}

fn encode(body: &impl Serialize) -> Result<Bytes, Failure> {
    serde_json::to_vec(body)
        .map(Bytes::from)
        .map_err(|error| Failure::failed(format!("cannot be sent: {error}")))
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(bytes).map_err(|error| {
        Failure::failed(format!("the server's answer makes no sense: {error}"))
            .hint("is it of another version? `smack version` tells")
    })
}

fn refused(status: u16, bytes: &[u8]) -> Failure {
    let refusal = serde_json::from_slice(bytes).unwrap_or_else(|_| {
        let text = String::from_utf8_lossy(bytes);
        let text = text.trim();
        let error = if text.is_empty() {
            format!("the server answered {status}")
        } else {
            text.to_owned()
        };
        Refusal {
            error,
            hint: None,
            problems: Vec::new(),
        }
    });
    Failure::Refused { status, refusal }
}

/// A text as a part of a path or query.
pub(crate) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Endpoint, encoded};

    #[test]
    fn an_address_needs_a_scheme_a_host_and_a_port() {
        let tcp = |text: &str| Endpoint::Tcp(text.to_owned());
        assert_eq!(
            Endpoint::from_url("http://127.0.0.1:4200").unwrap(),
            tcp("127.0.0.1:4200")
        );
        assert_eq!(
            Endpoint::from_url("http://127.0.0.1:4200/").unwrap(),
            tcp("127.0.0.1:4200")
        );
        for wrong in [
            "127.0.0.1:4200",
            "https://127.0.0.1:4200",
            "http://127.0.0.1",
            "http://:1",
            "http://a:1/v1",
        ] {
            assert_eq!(
                Endpoint::from_url(wrong).unwrap_err().exit_code(),
                2,
                "{wrong}"
            );
        }
    }

    #[test]
    fn what_means_something_in_a_query_is_escaped() {
        assert_eq!(encoded("a/b c&d=é"), "a%2Fb%20c%26d%3D%C3%A9");
    }
}
