//! Start archives recorded with the real products, and what they are worth: the CPU of one start with and without.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use smack_supply::catalog::{Catalog, Part, prepare};
use smack_supply::cds::{Archives, Key, Rehearsal, Server, class_path_text};
use smack_supply::fetch::{Fetcher, Sources};
use smack_supply::java::{Places, choose};
use smack_supply::maven::Maven;
use smack_supply::store::Store;

use crate::needs;

/// A server of the catalog, its jars fetched into this home.
fn server(home: &Path, product: &str, version: &str) -> Server {
    let entry = Catalog::embedded().find(product, version).unwrap();
    let java = choose(&entry.name(), &entry.java, &Places::of_user().search())
        .unwrap()
        .found;
    let store = Store::open(home).unwrap();
    let sources = Sources {
        maven: Some(Maven::of_user()),
        ..Sources::default()
    };
    let class_path = prepare(&Fetcher::new(&store, sources, &|_| {}), entry, Part::Server).unwrap();
    let mut flags = entry.jvm_flags.clone();
    flags.push(format!("-Xmx{}m", entry.heap_mib));
    Server {
        entry,
        java,
        class_path,
        flags,
    }
}

fn rehearse(home: &Path, server: &Server, companion: Option<Server>, address: Ipv4Addr) -> PathBuf {
    let archives = Archives::of(home);
    let scratch = home.join("scratch");
    let rehearsal = Rehearsal {
        archives: archives.clone(),
        server: server.clone(),
        companion,
        address,
        scratch: scratch.clone(),
    };
    let start = Instant::now();
    let path = rehearsal.run().unwrap();
    let size = fs::metadata(&path).unwrap().len();
    println!(
        "{}: recorded {} MB in {:?}",
        server.entry.name(),
        size / 1_000_000,
        start.elapsed()
    );
    let key = Key::new(&server.java, &server.class_path, &server.flags);
    assert_eq!(archives.existing(&key), Some(path.clone()));
    assert!(size > 1_000_000 && !scratch.exists());
    path
}

#[test]
fn zookeeper_starts_with_less_cpu_from_its_archive() {
    if needs::program("mvn").is_none() || needs::program("java").is_none() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let server = server(home.path(), "zookeeper", "3.9");
    let archive = rehearse(home.path(), &server, None, Ipv4Addr::new(127, 83, 91, 1));
    let flag = format!("-XX:SharedArchiveFile={}", archive.display());
    let plain = cpu_until_served(home.path(), &server, None);
    let shared = cpu_until_served(home.path(), &server, Some(&flag));
    println!("cpu until ready: {plain:?} without, {shared:?} with the archive");
    assert!(shared < plain);
}

#[test]
fn kafka_on_zookeeper_rehearses_with_a_zookeeper() {
    if needs::program("mvn").is_none() || needs::program("java").is_none() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let companion = server(home.path(), "zookeeper", "3.9");
    let server = server(home.path(), "kafka", "3.9");
    rehearse(
        home.path(),
        &server,
        Some(companion),
        Ipv4Addr::new(127, 83, 91, 2),
    );
}

#[test]
fn kafka_with_controllers_rehearses_alone() {
    if needs::program("mvn").is_none() || needs::program("java").is_none() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let server = server(home.path(), "kafka", "4");
    rehearse(home.path(), &server, None, Ipv4Addr::new(127, 83, 91, 3));
}

#[test]
fn cassandra_rehearses_alone() {
    if needs::program("mvn").is_none() || needs::program("java").is_none() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let server = server(home.path(), "cassandra", "5.0");
    rehearse(home.path(), &server, None, Ipv4Addr::new(127, 83, 91, 4));
}

/// Its jar holds the class path inside: what was unpacked is one set, and the archive takes classes out of it.
#[test]
fn zipkin_is_unpacked_and_rehearses_alone() {
    if needs::program("mvn").is_none() || needs::program("java").is_none() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let server = server(home.path(), "zipkin", "3.6");
    assert!(server.class_path[0].ends_with("classes.jar"));
    assert!(server.class_path.len() > 100 && server.class_path.iter().all(|jar| jar.is_file()));
    let archive = rehearse(home.path(), &server, None, Ipv4Addr::new(127, 83, 91, 5));
    // Far more than what the JVM brings itself.
    assert!(fs::metadata(archive).unwrap().len() > 40_000_000);
}

/// User and system time of one ZooKeeper from its start to its first `Mode:`; the least of three.
fn cpu_until_served(home: &Path, server: &Server, archive: Option<&str>) -> Duration {
    (0..3)
        .map(|_| one_start(home, server, archive))
        .min()
        .unwrap()
}

fn one_start(home: &Path, server: &Server, archive: Option<&str>) -> Duration {
    let directory = home.join("measured");
    drop(fs::remove_dir_all(&directory));
    fs::create_dir_all(&directory).unwrap();
    let minimal: String = server
        .entry
        .minimal
        .iter()
        .map(|(key, value)| format!("{key}={value}\n"))
        .collect();
    let settings = format!(
        "{minimal}dataDir={}\nclientPort=2181\nclientPortAddress=127.83.91.4\n",
        directory.display()
    );
    fs::write(directory.join("zoo.cfg"), settings).unwrap();
    let mut child = Command::new(server.java.program())
        .args(&server.flags)
        .args(archive)
        .args([
            "-cp",
            &class_path_text(&server.class_path),
            &server.entry.main_class,
        ])
        .arg(directory.join("zoo.cfg"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while !serves() && start.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(10));
    }
    let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(start.elapsed() < Duration::from_secs(60), "not ready");
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

fn serves() -> bool {
    use std::io::{Read, Write};
    let ask = || -> std::io::Result<String> {
        let mut stream = std::net::TcpStream::connect("127.83.91.4:2181")?;
        // A connection made while the server is still starting may never be answered.
        stream.set_read_timeout(Some(Duration::from_millis(300)))?;
        stream.write_all(b"srvr")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.contains("Mode: "))
}
