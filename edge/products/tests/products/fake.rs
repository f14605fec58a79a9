//! Products that say what they are told to say. All tasks run on the test's own thread.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::rc::Rc;

use smack_model::{Member, Name, Ports};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What a fake does with a request: its key, version and correlation number, and its body.
pub(crate) type Script = Rc<dyn Fn(i16, i16, &[u8]) -> Reply>;

pub(crate) enum Reply {
    /// The body of an answer; the correlation number is put before it, with tags if `true`.
    Body(bool, Vec<u8>),
    /// These bytes as they are, then the end of the connection.
    Raw(Vec<u8>),
    Silence,
}

pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, test)
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.33.9.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Takes whatever comes first and answers with the bytes; none at all means that it never answers.
pub(crate) async fn replays(bytes: Option<Vec<u8>>) -> u16 {
    let (listener, address) = listen().await;
    tokio::task::spawn_local(async move {
        let mut held = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            match &bytes {
                None => held.push(stream),
                Some(bytes) => {
                    let mut taken = [0; 1024];
                    let _read = stream.read(&mut taken).await;
                    let _sent = stream.write_all(bytes).await;
                }
            }
        }
    });
    address.port()
}

pub(crate) async fn zookeeper(mode: &str) -> u16 {
    let answer = format!("Zookeeper version: 3.9.5\nMode: {mode}\nNode count: 5\n");
    replays(Some(answer.into_bytes())).await
}

/// A broker that frames requests and leaves the answers to the script.
pub(crate) async fn broker(script: Script) -> u16 {
    let (listener, address) = listen().await;
    tokio::task::spawn_local(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let script = Rc::clone(&script);
            tokio::task::spawn_local(async move { serve(stream, script).await });
        }
    });
    address.port()
}

async fn serve(mut stream: TcpStream, script: Script) -> Option<()> {
    loop {
        let length = stream.read_i32().await.ok()?;
        let mut request = vec![0; usize::try_from(length).ok()?];
        stream.read_exact(&mut request).await.ok()?;
        let key = i16::from_be_bytes([request[0], request[1]]);
        let version = i16::from_be_bytes([request[2], request[3]]);
        match script(key, version, &request) {
            Reply::Body(tags, body) => {
                let length = 4 + i32::from(tags) + i32::try_from(body.len()).ok()?;
                let mut answer = length.to_be_bytes().to_vec();
                answer.extend(&request[4..8]);
                answer.extend(tags.then_some(0));
                answer.extend(body);
                stream.write_all(&answer).await.ok()?;
            }
            Reply::Raw(bytes) => {
                stream.write_all(&bytes).await.ok()?;
                return None;
            }
            Reply::Silence => std::future::pending().await,
        }
    }
}

pub(crate) fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

pub(crate) fn ports(port: u16) -> Ports {
    BTreeMap::from([(name("client"), port)])
}

pub(crate) fn member(task: &str, id: u32, port: u16) -> Member {
    Member {
        part: None,
        task: name(task),
        attempt: 1,
        member: Some(id),
        address: "127.33.9.1".to_owned(),
        ports: ports(port),
        ready: true,
    }
}

/// A port on which nobody listens.
pub(crate) async fn nobody() -> u16 {
    let (listener, address) = listen().await;
    drop(listener);
    address.port()
}
