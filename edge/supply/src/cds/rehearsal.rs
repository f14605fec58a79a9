//! The rehearsal of a product: the smallest configuration that takes it through the classes of a real start, on a
//! loopback address of its own, and the protocol question that says it serves. A Kafka that keeps its metadata in
//! ZooKeeper rehearses with a ZooKeeper beside it.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Archives, Error, Process, Recording, record};
use crate::catalog::{Entry, Mode};
use crate::java::Found;
use crate::store;

/// A server as it is really started, without its configuration.
#[derive(Debug, Clone)]
pub struct Server {
    /// what it is
    pub entry: &'static Entry,
    /// on which Java
    pub java: Found,
    /// as in real starts, letter by letter
    pub class_path: Vec<PathBuf>,
    /// as in real starts
    pub flags: Vec<String>,
}

/// One recording start of a server.
#[derive(Debug, Clone)]
pub struct Rehearsal {
    /// where the archive goes
    pub archives: Archives,
    /// the server to record
    pub server: Server,
    /// the ZooKeeper that a Kafka in ZooKeeper mode needs
    pub companion: Option<Server>,
    /// a loopback address on which nothing listens; the products' own ports are used on it
    pub address: Ipv4Addr,
    /// a directory of its own; removed at the end
    pub scratch: PathBuf,
}

impl Rehearsal {
    /// Records the archive and gives its path. Blocks for some seconds.
    pub fn run(&self) -> Result<PathBuf, Error> {
        let done = self.perform();
        drop(fs::remove_dir_all(&self.scratch));
        done
    }

    fn perform(&self) -> Result<PathBuf, Error> {
        let address = self.address;
        let recording = self.recording(&self.server)?;
        let ready = readiness(self.server.entry, address);
        let Some(companion) = &self.companion else {
            return record(&self.archives, &recording, &*ready);
        };
        let beside = self.recording(companion)?;
        let mut process = Process::start(&beside, None)?;
        process.wait_ready(&*readiness(companion.entry, address))?;
        let recorded = record(&self.archives, &recording, &*ready);
        process.stop()?;
        recorded
    }

    fn recording(&self, server: &Server) -> Result<Recording, Error> {
        let entry = server.entry;
        let directory = self.scratch.join(&entry.product);
        let data = directory.join("data");
        store::make_directory(&data)?;
        let mut files: Vec<(PathBuf, Vec<u8>)> = entry
            .assets()
            .map(|(name, bytes)| (data.join(name), bytes.to_vec()))
            .collect();
        let (address, data_text) = (self.address, data.display().to_string());
        let settings = match (entry.product.as_str(), entry.mode) {
            ("kafka", Some(Mode::Kraft)) => {
                let ids = "cluster.id=smackAAAAAAAAAAAAAAAAw\ndirectory.id=smackBBBBBBBBBBBBBBBBw\nnode.id=1\nversion=1\n";
                files.push((data.join("meta.properties"), ids.into()));
                kraft_settings(address, &data_text)
            }
            ("kafka", _) => zookeeper_mode_settings(address, &data_text),
            ("zipkin", _) => String::new(),
            ("cassandra", _) => {
                let logging = "<configuration><root level=\"INFO\"/></configuration>\n";
                files.push((directory.join("logback.xml"), logging.into()));
                cassandra_settings(address)
            }
            _ => {
                files.push((data.join("myid"), b"1\n".to_vec()));
                zookeeper_settings(address, &data_text)
            }
        };
        let is_yaml = entry.product == "cassandra";
        let minimal = entry.minimal.iter().map(|(key, value)| {
            let between = if is_yaml { ": " } else { "=" };
            format!("{key}{between}{value}\n")
        });
        files.push((
            directory.join("server.cfg"),
            (minimal.collect::<String>() + &settings).into_bytes(),
        ));
        for (path, bytes) in files {
            write(&path, &bytes)?;
        }
        let mut flags = server.flags.clone();
        if !flags.iter().any(|flag| flag.starts_with("-Xmx")) {
            flags.push(format!("-Xmx{}m", entry.heap_mib));
        }
        let mut main = vec![entry.main_class.clone()];
        if is_yaml {
            flags.extend(cassandra_flags(entry, &directory));
        } else if entry.product == "zipkin" {
            flags.push(format!("-Djava.io.tmpdir={}", directory.display()));
            main.extend(zipkin_arguments(address));
        } else {
            main.push(directory.join("server.cfg").display().to_string());
        }
        Ok(Recording {
            product: entry.name(),
            java: server.java.clone(),
            class_path: server.class_path.clone(),
            flags,
            main,
            directory,
            ready_timeout: Duration::from_secs(120),
            stop_timeout: Duration::from_secs(60),
        })
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), store::Error> {
    fs::write(path, bytes).map_err(|source| store::Error::new("write", path, source))
}

/// An ensemble of one, so that election and quorum are rehearsed as well.
fn zookeeper_settings(address: Ipv4Addr, data: &str) -> String {
    format!(
        "dataDir={data}\nclientPort=2181\nclientPortAddress={address}\nquorumListenOnAllIPs=false\n\
         standaloneEnabled=false\nserver.1={address}:2888:3888\n"
    )
}

fn zookeeper_mode_settings(address: Ipv4Addr, data: &str) -> String {
    format!(
        "broker.id=1\nzookeeper.connect={address}:2181\nlisteners=PLAINTEXT://{address}:9092\nlog.dirs={data}\n"
    )
}

fn kraft_settings(address: Ipv4Addr, data: &str) -> String {
    format!(
        "process.roles=broker,controller\nnode.id=1\nlog.dirs={data}\n\
         listeners=PLAINTEXT://{address}:9092,CONTROLLER://{address}:9093\n\
         advertised.listeners=PLAINTEXT://{address}:9092\ncontroller.listener.names=CONTROLLER\n\
         listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\n\
         controller.quorum.voters=1@{address}:9093\n"
    )
}

/// A ring of one.
fn cassandra_settings(address: Ipv4Addr) -> String {
    format!(
        "cluster_name: rehearsal\npartitioner: org.apache.cassandra.dht.Murmur3Partitioner\n\
         num_tokens: 1\ninitial_token: '0'\nendpoint_snitch: SimpleSnitch\n\
         listen_address: {address}\nrpc_address: {address}\n\
         seed_provider: [{{class_name: org.apache.cassandra.locator.SimpleSeedProvider, \
         parameters: [{{seeds: '{address}'}}]}}]\n"
    )
}

/// It is told by system properties, and needs the catalog's options for modules.
fn cassandra_flags(entry: &Entry, directory: &Path) -> Vec<String> {
    let shown = directory.display();
    let others = entry
        .jvm_flags
        .iter()
        .filter(|flag| !flag.starts_with("-X"));
    let own = [
        format!("-Dcassandra.config=file:{shown}/server.cfg"),
        format!("-Dcassandra.storagedir={shown}/data"),
        format!("-Dlogback.configurationFile={shown}/logback.xml"),
        format!("-Djava.io.tmpdir={shown}"),
        format!("-Djna.tmpdir={shown}"),
        "-Dcassandra.skip_wait_for_gossip_to_settle=0".to_owned(),
    ];
    others.cloned().chain(own).collect()
}

/// Kafka and Cassandra where nobody answers: what asks them is loaded all the same. Spans in memory need little of that.
fn zipkin_arguments(address: Ipv4Addr) -> [String; 7] {
    [
        "--zipkin.storage.type=cassandra3".to_owned(),
        format!("--zipkin.storage.cassandra3.contact-points={address}:9042"),
        format!("--zipkin.collector.kafka.bootstrap-servers={address}:9092"),
        "--zipkin.collector.kafka.topic=zipkin".to_owned(),
        format!("--armeria.ports[0].ip={address}"),
        "--armeria.ports[0].port=9411".to_owned(),
        "--armeria.ports[0].protocols[0]=http".to_owned(),
    ]
}

fn readiness(entry: &Entry, address: Ipv4Addr) -> Box<dyn Fn() -> bool> {
    match entry.product.as_str() {
        "kafka" => Box::new(move || lists_a_broker(address).unwrap_or(false)),
        "cassandra" => Box::new(move || supports_cql(address).unwrap_or(false)),
        "zipkin" => Box::new(move || tells_its_health(address).unwrap_or(false)),
        _ => Box::new(move || has_a_mode(address).unwrap_or(false)),
    }
}

fn connect(address: Ipv4Addr, port: u16) -> std::io::Result<TcpStream> {
    let patience = Duration::from_secs(2);
    let stream = TcpStream::connect_timeout(&SocketAddr::from((address, port)), patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    Ok(stream)
}

/// ZooKeeper: the four-letter word `srvr` names a mode only when the server serves.
fn has_a_mode(address: Ipv4Addr) -> std::io::Result<bool> {
    let mut stream = connect(address, 2181)?;
    stream.write_all(b"srvr")?;
    let mut answer = String::new();
    stream.take(64 * 1024).read_to_string(&mut answer)?;
    Ok(answer.contains("Mode: "))
}

/// Kafka: Metadata v1 for no topics (key 3, version 1, correlation 7, client `smack`) lists at least one broker.
fn lists_a_broker(address: Ipv4Addr) -> std::io::Result<bool> {
    const REQUEST: &[u8] = b"\0\0\0\x13\0\x03\0\x01\0\0\0\x07\0\x05smack\0\0\0\0";
    let mut stream = connect(address, 9092)?;
    stream.write_all(REQUEST)?;
    let mut head = [0; 12]; // size, correlation id, number of brokers
    stream.read_exact(&mut head)?;
    Ok(head[8..].iter().any(|byte| *byte != 0))
}

/// Cassandra: CQL's OPTIONS (opcode 5) is answered with SUPPORTED (6) once the node has joined.
fn supports_cql(address: Ipv4Addr) -> std::io::Result<bool> {
    const REQUEST: &[u8] = b"\x04\0\0\0\x05\0\0\0\0";
    let mut stream = connect(address, 9042)?;
    stream.write_all(REQUEST)?;
    let mut head = [0; 5]; // version, flags, stream (2), opcode
    stream.read_exact(&mut head)?;
    Ok(head[4] == 6)
}

/// Zipkin: `/health` is answered with a verdict, here that its storage is down.
fn tells_its_health(address: Ipv4Addr) -> std::io::Result<bool> {
    let mut stream = connect(address, 9411)?;
    // It asks its storage and collectors before it answers.
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let request = format!("GET /health HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.take(64 * 1024).read_to_string(&mut answer)?;
    Ok(answer.contains("\"zipkin\""))
}
