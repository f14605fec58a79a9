//! A Cassandra ring that says what it is told to say. Each node listens at an address of its own, 127.33.9.10 and on.

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use smack_model::{Member, SystemId, TaskName};
use smack_products::{Connecting, Direct, Ran, Reach, Running};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::fake::{name, ports};

/// What a fake does with a query.
pub(crate) enum Told {
    Rows(Vec<(&'static str, Vec<Cell>)>),
    /// The columns of no rows at all, and warnings.
    Nothing(Vec<&'static str>),
    Error(i32, String),
    /// These bytes as they are, then the end of the connection.
    Raw(Vec<u8>),
    Silence,
}

#[derive(Clone)]
pub(crate) enum Cell {
    Text(String),
    Number(i64),
    Address(Ipv4Addr),
    Uuid([u8; 16]),
    Texts(Vec<(String, String)>),
}

#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) status: &'static str,
    pub(crate) bootstrapped: &'static str,
    pub(crate) data_center: &'static str,
    pub(crate) schema: u8,
    pub(crate) heartbeat: i64,
    /// Reads from all.
    pub(crate) reaches: bool,
    /// Does not answer at all.
    pub(crate) silent: bool,
}

/// What one node knows of another, where that is not what the other says.
#[derive(Clone, Copy)]
pub(crate) enum Sight {
    Absent,
    Status(&'static str),
    Behind(i64),
    NoClients,
    NoPeer,
}

#[derive(Clone)]
pub(crate) struct Ring {
    pub(crate) nodes: BTreeMap<u8, Node>,
    pub(crate) sights: BTreeMap<(u8, u8), Sight>,
    pub(crate) keyspaces: BTreeMap<String, Vec<(String, String)>>,
    /// The statements that changed something.
    pub(crate) changes: Vec<String>,
}

pub(crate) type Shared = Arc<Mutex<Ring>>;

/// Three nodes in `dc1`, and keyspace `app` with three copies.
pub(crate) fn whole() -> Ring {
    let node = Node {
        status: "NORMAL,-9223372036854775808",
        bootstrapped: "COMPLETED",
        data_center: "dc1",
        schema: 7,
        heartbeat: 100,
        reaches: true,
        silent: false,
    };
    let mut ring = Ring {
        nodes: (0..3).map(|id| (id, node.clone())).collect(),
        sights: BTreeMap::new(),
        keyspaces: BTreeMap::new(),
        changes: Vec::new(),
    };
    ring.keyspace("app", "NetworkTopologyStrategy", &[("dc1", 3)]);
    ring.keyspace("system", "LocalStrategy", &[]);
    ring.keyspace(
        "system_auth",
        "SimpleStrategy",
        &[("replication_factor", 1)],
    );
    ring.keyspace(
        "system_distributed",
        "SimpleStrategy",
        &[("replication_factor", 3)],
    );
    ring
}

pub(crate) fn shared(ring: Ring) -> Shared {
    Arc::new(Mutex::new(ring))
}

pub(crate) fn locked(ring: &Shared) -> MutexGuard<'_, Ring> {
    ring.lock().unwrap()
}

impl Ring {
    pub(crate) fn node(&mut self, id: u8) -> &mut Node {
        self.nodes.get_mut(&id).unwrap()
    }

    pub(crate) fn keyspace(&mut self, name: &str, class: &str, copies: &[(&str, u32)]) {
        let class = format!("org.apache.cassandra.locator.{class}");
        let mut pairs = vec![("class".to_owned(), class)];
        pairs.extend(
            copies
                .iter()
                .map(|(name, copies)| ((*name).to_owned(), copies.to_string())),
        );
        self.keyspaces.insert(name.to_owned(), pairs);
    }

    fn answer(&mut self, own: u8, query: &str) -> Told {
        let node = self.nodes[&own].clone();
        if node.silent {
            return Told::Silence;
        }
        let from = query.split(" FROM ").nth(1).unwrap_or_default();
        match from.split_whitespace().next().unwrap_or_default() {
            "system.local" => Told::Rows(vec![
                ("broadcast_address", vec![Cell::Address(address(own))]),
                ("bootstrapped", vec![text(node.bootstrapped)]),
                ("data_center", vec![text(node.data_center)]),
                ("rack", vec![text("r1")]),
                ("schema_version", vec![Cell::Uuid([node.schema; 16])]),
            ]),
            "system_views.gossip_info" => self.gossip(own),
            "system.peers" => self.peers(own),
            "system_views.settings" => {
                let seeds = format!("{{seeds={}:7000,127.33.9.99}}", address(0));
                Told::Rows(vec![("value", vec![text(&seeds)])])
            }
            "system_views.streaming" => Told::Rows(vec![
                ("bytes_sent", vec![Cell::Number(2 << 20)]),
                ("bytes_to_send", vec![Cell::Number(8 << 20)]),
            ]),
            "system_schema.keyspaces" => {
                let (names, pairs) = self
                    .keyspaces
                    .clone()
                    .into_iter()
                    .unzip::<_, _, Vec<_>, Vec<_>>();
                Told::Rows(vec![
                    (
                        "keyspace_name",
                        names.iter().map(|name| text(name)).collect(),
                    ),
                    ("replication", pairs.into_iter().map(Cell::Texts).collect()),
                ])
            }
            "system_auth.network_permissions" if node.reaches => Told::Nothing(Vec::new()),
            "system_auth.network_permissions" => {
                Told::Error(0x1000, "Cannot achieve consistency level ALL".to_owned())
            }
            _ => self.change(query),
        }
    }

    fn gossip(&self, own: u8) -> Told {
        let mut columns: BTreeMap<&'static str, Vec<Cell>> = BTreeMap::new();
        let mut put = |column, cell| columns.entry(column).or_default().push(cell);
        for (&id, node) in &self.nodes {
            let sight = self.sights.get(&(own, id)).copied();
            let mut node = node.clone();
            let mut serves = "true";
            match sight {
                Some(Sight::Absent) => continue,
                Some(Sight::Status(status)) => node.status = status,
                Some(Sight::Behind(seconds)) => node.heartbeat -= seconds,
                Some(Sight::NoClients) => serves = "false",
                Some(Sight::NoPeer) | None => {}
            }
            put("address", Cell::Address(address(id)));
            put("status_with_port", text(node.status));
            put("dc", text(node.data_center));
            put("host_id", text(&format!("host-{id}")));
            put("rpc_ready", text(serves));
            put("generation", Cell::Number(1_795_402_404));
            put("heartbeat", Cell::Number(node.heartbeat));
        }
        Told::Rows(columns.into_iter().collect())
    }

    fn peers(&self, own: u8) -> Told {
        let is_told = |id: &&u8| {
            let sight = self.sights.get(&(own, **id));
            let hidden = matches!(sight, Some(Sight::Absent | Sight::NoPeer));
            **id != own && !hidden && self.nodes[*id].status.starts_with("NORMAL")
        };
        let peers = self
            .nodes
            .keys()
            .filter(is_told)
            .map(|&id| Cell::Address(address(id)));
        Told::Rows(vec![("peer", peers.collect())])
    }

    /// `CREATE KEYSPACE` and `ALTER KEYSPACE`, which the others learn at once.
    fn change(&mut self, query: &str) -> Told {
        self.changes.push(query.to_owned());
        if query.contains("'nowhere'") {
            return Told::Error(0x2300, "Unrecognized strategy option {nowhere}".to_owned());
        }
        let name = query.split('"').nth(1).unwrap().to_owned();
        let inside = query.split(['{', '}']).nth(1).unwrap();
        let pairs = inside.split(", ").map(|pair| {
            let (key, value) = pair.split_once(": ").unwrap();
            (key.replace('\'', ""), value.replace('\'', ""))
        });
        self.keyspaces.insert(name, pairs.collect());
        Told::Nothing(vec!["that is a lot of copies"])
    }
}

pub(crate) fn address(id: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 33, 9, 10 + id)
}

fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}

/// The members of the ring, all of which listen but those in `down`.
pub(crate) async fn members(ring: &Shared, down: &[u8]) -> Vec<Member> {
    let ids: Vec<u8> = locked(ring).nodes.keys().copied().collect();
    let mut members = Vec::new();
    for id in ids {
        let listener = TcpListener::bind((address(id), 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        if !down.contains(&id) {
            let ring = Arc::clone(ring);
            let script = move |query: &str| locked(&ring).answer(id, query);
            serve_all(listener, Rc::new(script));
        }
        members.push(Member {
            part: None,
            task: name(&format!("node-{id}")),
            attempt: 1,
            member: Some(id.into()),
            address: address(id).to_string(),
            ports: ports(port),
            ready: true,
        });
    }
    members
}

type Script = Rc<dyn Fn(&str) -> Told>;

/// A node whose answers to queries are the script's.
pub(crate) async fn node(script: Script) -> u16 {
    let listener = TcpListener::bind("127.33.9.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    serve_all(listener, script);
    port
}

fn serve_all(listener: TcpListener, script: Script) {
    tokio::task::spawn_local(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let script = Rc::clone(&script);
            tokio::task::spawn_local(async move { serve(stream, script).await });
        }
    });
}

async fn serve(mut stream: TcpStream, script: Script) -> Option<()> {
    loop {
        let mut header = [0; 9];
        stream.read_exact(&mut header).await.ok()?;
        let length = u32::from_be_bytes([header[5], header[6], header[7], header[8]]);
        let mut body = vec![0; usize::try_from(length).ok()?];
        stream.read_exact(&mut body).await.ok()?;
        let answer = match header[4] {
            5 => frame(6, 0, &[0, 0]),
            1 => frame(2, 0, &[]),
            _ => {
                let query = String::from_utf8_lossy(&body[4..body.len() - 3]).into_owned();
                match script(&query) {
                    Told::Rows(columns) => frame(8, 0, &rows(&columns)),
                    Told::Nothing(warnings) => {
                        let mut body = short(warnings.len());
                        warnings
                            .iter()
                            .for_each(|text| put_short_text(&mut body, text));
                        body.extend([0, 0, 0, 1]);
                        frame(8, 8, &body)
                    }
                    Told::Error(code, message) => {
                        let mut body = code.to_be_bytes().to_vec();
                        put_short_text(&mut body, &message);
                        frame(0, 0, &body)
                    }
                    Told::Raw(bytes) => {
                        stream.write_all(&bytes).await.ok()?;
                        return None;
                    }
                    Told::Silence => std::future::pending().await,
                }
            }
        };
        stream.write_all(&answer).await.ok()?;
    }
}

pub(crate) fn frame(kind: u8, flags: u8, body: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x84, flags, 0, 0, kind];
    frame.extend(long(body.len()));
    frame.extend(body);
    frame
}

pub(crate) fn rows(columns: &[(&str, Vec<Cell>)]) -> Vec<u8> {
    let mut body = vec![0, 0, 0, 2, 0, 0, 0, 1];
    body.extend(long(columns.len()));
    put_short_text(&mut body, "keyspace");
    put_short_text(&mut body, "table");
    for (name, cells) in columns {
        put_short_text(&mut body, name);
        body.extend(match cells.first() {
            None | Some(Cell::Address(_)) => vec![0, 0x10],
            Some(Cell::Text(_)) => vec![0, 0x0D],
            Some(Cell::Number(_)) => vec![0, 0x02],
            Some(Cell::Uuid(_)) => vec![0, 0x0C],
            Some(Cell::Texts(_)) => vec![0, 0x21, 0, 0x0D, 0, 0x0D],
        });
    }
    let count = columns.first().map_or(0, |(_, cells)| cells.len());
    body.extend(long(count));
    for at in 0..count {
        for (_, cells) in columns {
            let cell = match &cells[at] {
                Cell::Text(text) => text.clone().into_bytes(),
                Cell::Number(number) => number.to_be_bytes().to_vec(),
                Cell::Address(address) => address.octets().to_vec(),
                Cell::Uuid(bytes) => bytes.to_vec(),
                Cell::Texts(pairs) => {
                    let mut map = long(pairs.len());
                    for text in pairs.iter().flat_map(|(key, value)| [key, value]) {
                        map.extend(long(text.len()));
                        map.extend(text.as_bytes());
                    }
                    map
                }
            };
            body.extend(long(cell.len()));
            body.extend(cell);
        }
    }
    body
}

fn put_short_text(body: &mut Vec<u8>, text: &str) {
    body.extend(short(text.len()));
    body.extend(text.as_bytes());
}

fn short(number: usize) -> Vec<u8> {
    u16::try_from(number).unwrap().to_be_bytes().to_vec()
}

fn long(number: usize) -> Vec<u8> {
    u32::try_from(number).unwrap().to_be_bytes().to_vec()
}

/// Reaches the fakes, and does with programs what it is told to.
pub(crate) struct Place {
    pub(crate) ring: Shared,
    pub(crate) does: fn(&mut Ring, &str) -> io::Result<Ran>,
    pub(crate) ran: Mutex<Vec<String>>,
}

impl Place {
    pub(crate) fn new(ring: &Shared, does: fn(&mut Ring, &str) -> io::Result<Ran>) -> Self {
        Self {
            ring: Arc::clone(ring),
            does,
            ran: Mutex::default(),
        }
    }

    pub(crate) fn ran(self) -> Vec<String> {
        self.ran.into_inner().unwrap()
    }
}

impl Reach for Place {
    fn connect<'a>(&'a self, address: &'a str, port: u16) -> Connecting<'a> {
        Direct.connect(address, port)
    }

    fn exec<'a>(
        &'a self,
        system: &'a SystemId,
        task: &'a TaskName,
        attempt: u32,
        command: &'a [String],
        _within: Duration,
    ) -> Running<'a> {
        let line = format!("{system}/{task}#{attempt}: {}", command.join(" "));
        let ran = (self.does)(&mut locked(&self.ring), &line);
        self.ran.lock().unwrap().push(line);
        Box::pin(async { ran })
    }
}
