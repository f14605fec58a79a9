//! A name server on loopback for the machine itself: the names of every virtual data center, out of the published view
//! at each question. It knows nothing else and asks nobody.

mod answer;
mod message;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::{Semaphore, watch};

use crate::decider::Published;
pub(crate) use answer::{Transport, answer};

/// How long an answer stays true: a task that has moved is found again within it.
pub(crate) const TTL_SECONDS: u32 = 1;

/// Where it listens if nobody else does.
const PORT: u16 = 5354;

/// So often another port is tried that is free for both protocols.
const TRIES: u32 = 16;

/// Open connections; more have to wait.
const CONNECTIONS_MAX: usize = 64;
const IDLE_MAX: Duration = Duration::from_secs(10);

/// After a failure to receive or accept, such as no free descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// Both sockets, on one port.
#[derive(Debug)]
pub(crate) struct Sockets {
    udp: std::net::UdpSocket,
    tcp: std::net::TcpListener,
    pub(crate) address: SocketAddr,
}

/// Takes the usual port, or any that is free.
pub(crate) fn bind() -> io::Result<Sockets> {
    let mut bound = bind_to(PORT);
    for _ in 0..TRIES {
        if bound.is_ok() {
            break;
        }
        bound = bind_to(0);
    }
    bound
}

fn bind_to(port: u16) -> io::Result<Sockets> {
    let udp = std::net::UdpSocket::bind(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))?;
    let address = udp.local_addr()?;
    let tcp = std::net::TcpListener::bind(address)?;
    udp.set_nonblocking(true)?;
    tcp.set_nonblocking(true)?;
    Ok(Sockets { udp, tcp, address })
}

/// Answers for as long as the server runs.
pub(crate) async fn serve(sockets: Sockets, published: watch::Receiver<Published>) {
    let Sockets { udp, tcp, .. } = sockets;
    match (UdpSocket::from_std(udp), TcpListener::from_std(tcp)) {
        (Ok(udp), Ok(tcp)) => {
            tokio::join!(
                datagrams(udp, published.clone()),
                connections(tcp, published)
            );
        }
        (Err(error), _) | (_, Err(error)) => {
            tracing::error!(%error, "names are not served");
        }
    }
}

fn answered(
    published: &watch::Receiver<Published>,
    question: &[u8],
    transport: Transport,
) -> Option<Vec<u8>> {
    let view = Arc::clone(&published.borrow().view);
    answer(&view, question, transport)
}

async fn datagrams(socket: UdpSocket, published: watch::Receiver<Published>) {
    // Nobody sends longer questions; what is cut off is malformed.
    let mut bytes = [0; 4096];
    loop {
        match socket.recv_from(&mut bytes).await {
            Ok((length, from)) => {
                let question = bytes.get(..length).unwrap_or_default();
                if let Some(answer) = answered(&published, question, Transport::Udp)
                    && let Err(error) = socket.send_to(&answer, from).await
                {
                    tracing::debug!(%error, %from, "an answer could not be sent");
                }
            }
            Err(error) => {
                tracing::debug!(%error, "a question could not be received");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn connections(listener: TcpListener, published: watch::Receiver<Published>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let published = published.clone();
                drop(tokio::spawn(async move {
                    if let Err(error) = converse(stream, &published).await {
                        tracing::debug!(%error, "a connection broke off");
                    }
                    drop(place);
                }));
            }
            Err(error) => {
                tracing::debug!(%error, "a connection could not be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Any number of questions, each with its length before it (RFC 7766).
async fn converse(mut stream: TcpStream, published: &watch::Receiver<Published>) -> io::Result<()> {
    loop {
        let question = tokio::time::timeout(IDLE_MAX, question(&mut stream)).await;
        let question = match question {
            Ok(Ok(Some(question))) => question,
            Ok(Ok(None)) | Err(_) => return Ok(()),
            Ok(Err(error)) => return Err(error),
        };
        let Some(answer) = answered(published, &question, Transport::Tcp) else {
            return Ok(());
        };
        let length = u16::try_from(answer.len()).unwrap_or(u16::MAX);
        let bytes = [&length.to_be_bytes()[..], &answer].concat();
        let sent = tokio::time::timeout(IDLE_MAX, stream.write_all(&bytes)).await;
        sent.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    }
}

/// `None`: there is no further one.
async fn question(stream: &mut TcpStream) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 2];
    match stream.read_exact(&mut length).await {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut question = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut question).await?;
    Ok(Some(question))
}
