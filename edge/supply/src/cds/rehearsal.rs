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
            _ => {
                files.push((data.join("myid"), b"1\n".to_vec()));
                zookeeper_settings(address, &data_text)
            }
        };
        let minimal = entry
            .minimal
            .iter()
            .map(|(key, value)| format!("{key}={value}\n"));
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
        Ok(Recording {
            product: entry.name(),
            java: server.java.clone(),
            class_path: server.class_path.clone(),
            flags,
            main: vec![
                entry.main_class.clone(),
                directory.join("server.cfg").display().to_string(),
            ],
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

fn readiness(entry: &Entry, address: Ipv4Addr) -> Box<dyn Fn() -> bool> {
    match entry.product.as_str() {
        "kafka" => Box::new(move || lists_a_broker(address).unwrap_or(false)),
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
