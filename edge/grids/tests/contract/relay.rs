//! What a virtual data center exposes is reached from outside on the same address, by plain means.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crate::network::{inside, keeper, line, network, server, try_line, vdc};
use crate::world::{World, eventually, is_alive, signal};
use rustix::process::Signal;
use smack_model::{NetworkOrder, Refusal, Span};

/// Outside all meet, and two users may be running this.
pub(crate) fn at(rest: &str) -> String {
    let is_root = rustix::process::geteuid().is_root();
    format!("127.{}.{rest}", if is_root { 62 } else { 63 })
}

fn exposing(run: &str, places: &[(&str, u16, bool)]) -> NetworkOrder {
    let mut order = network(run, &[]);
    for (address, port, runs) in places {
        order.exposed.insert((at(address), *port), *runs);
    }
    order
}

/// A connection that is made in the moment in which its relay is killed may never hear of it, not even by a reset: seen
/// in packet captures, the reason is not known for certain. The next one is served.
const LOST: Duration = Duration::from_secs(1);

fn kind(address: &str) -> Result<String, ErrorKind> {
    let stream = TcpStream::connect(at(address));
    let greeting = stream.and_then(|stream| try_line(&stream, LOST));
    greeting.map_err(|error| error.kind())
}

#[test]
fn refused_is_refused_and_open_is_open() {
    let world = World::new();
    let agent = world.agent();
    let places = |runs| [("1.1", 7000, runs), ("1.1", 7001, runs)];
    assert_eq!(agent.network(exposing("one", &places(false))), None);
    let refused = Err(ErrorKind::ConnectionRefused);
    assert_eq!(kind("1.1:7000"), refused);
    // Runs, but does not listen yet.
    let (idle, _) = agent.up(inside("one", "idle", &at("1.1"), &["sleep", "100"]));
    assert_eq!(agent.network(exposing("one", &places(true))), None);
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(kind("1.1:7000"), refused);
    let (id, _) = agent.up(server("one", "a", &at("1.1"), "0.0.0.0:7000"));
    let begun = Instant::now();
    eventually(|| kind("1.1:7000") == Ok("one".to_owned()));
    println!("open outside {:?} after the program runs", begun.elapsed());
    assert_eq!(kind("1.1:7001"), refused, "its neighbour is not");
    assert_eq!(agent.greeting(&at("1.1"), 7000), "one", "inside too");
    // Gone before anybody has said so: the first to come finds out, and then it is refused.
    agent.stop(&id, Span::seconds(5));
    agent.ended(&id);
    if let Ok(mut stream) = TcpStream::connect(at("1.1:7000")) {
        let found = stream.read(&mut [0]);
        assert!(found.is_err(), "{found:?}");
    }
    eventually(|| kind("1.1:7000") == refused);
    // And back again, without anybody saying so.
    agent.up(server("one", "b", &at("1.1"), &at("1.1:7000")));
    eventually(|| kind("1.1:7000") == Ok("one".to_owned()));
    agent.stop(&idle, Span::seconds(5));
    // Not exposed any more.
    assert_eq!(agent.network(exposing("one", &[])), None);
    assert_eq!(kind("1.1:7000"), refused);
}

#[test]
fn bytes_half_closes_and_resets_pass() {
    let world = World::new();
    let agent = world.agent();
    let places = [("2.1", 7000, true)];
    assert_eq!(agent.network(exposing("one", &places)), None);
    let (id, _) = agent.up(server("one", "a", &at("2.1"), "0.0.0.0:7000"));
    eventually(|| kind("2.1:7000").is_ok());
    // More than all buffers together, while nobody reads; then everything comes back.
    let mut stream = TcpStream::connect(at("2.1:7000")).unwrap();
    assert_eq!(line(&stream), "one");
    let bytes: Vec<u8> = (0..40_000_000_u32).map(|n| (n ^ (n >> 8)) as u8).collect();
    let mut writer = stream.try_clone().unwrap();
    let sent = bytes.clone();
    let writing = std::thread::spawn(move || {
        writer.write_all(&sent).unwrap();
        writer.shutdown(Shutdown::Write).unwrap();
    });
    std::thread::sleep(Duration::from_millis(200));
    let mut back = Vec::new();
    stream.read_to_end(&mut back).unwrap();
    writing.join().unwrap();
    assert!(back == bytes, "{} bytes came back", back.len());
    // Many at once, each with its own.
    let streams: Vec<TcpStream> = (0..200)
        .map(|_| TcpStream::connect(at("2.1:7000")).unwrap())
        .collect();
    for (number, mut stream) in streams.iter().enumerate() {
        assert_eq!(line(stream), "one");
        writeln!(stream, "{number}").unwrap();
    }
    for (number, stream) in streams.iter().enumerate() {
        assert_eq!(line(stream), number.to_string());
    }
    // A server that is killed resets its connections.
    signal(world.pid(&id, "pid"), Signal::KILL);
    agent.ended(&id);
    for mut stream in &streams {
        assert!(matches!(stream.read(&mut [0]), Ok(0) | Err(_)));
    }
}

#[test]
fn a_connection_outlives_the_server_and_a_relay_is_replaced() {
    let world = World::new();
    let agent = world.agent();
    let places = [("3.1", 7000, true)];
    assert_eq!(agent.network(exposing("one", &places)), None);
    agent.up(server("one", "a", &at("3.1"), "0.0.0.0:7000"));
    eventually(|| kind("3.1:7000").is_ok());
    let mut stream = TcpStream::connect(at("3.1:7000")).unwrap();
    assert_eq!(line(&stream), "one");
    let relay = keeper(&world, "one", "relay.pid");
    for round in 0..3 {
        let say = |stream: &mut TcpStream, text: &str| {
            writeln!(stream, "{text}").unwrap();
            assert_eq!(line(stream), text);
        };
        say(&mut stream, "there");
        if round == 1 {
            let holder = keeper(&world, "one", "hold.pid");
            signal(holder, Signal::KILL);
            eventually(|| !is_alive(holder));
            say(&mut stream, "nobody holds");
        }
        eventually(|| kind("3.1:7000").is_ok());
        if round == 2 {
            break;
        }
    }
    drop(agent);
    writeln!(stream, "no server").unwrap();
    assert_eq!(line(&stream), "no server");
    assert_eq!(kind("3.1:7000"), Ok("one".to_owned()));
    let agent = world.agent();
    writeln!(stream, "another").unwrap();
    assert_eq!(line(&stream), "another");
    // Its successor finds the relay, and replaces it when it is killed, before anything was ordered of it.
    eventually(|| agent.connect(&at("3.1"), 7000).is_ok());
    assert_eq!(keeper(&world, "one", "relay.pid"), relay);
    std::thread::sleep(Duration::from_millis(100));
    for _ in 0..5 {
        let relay = keeper(&world, "one", "relay.pid");
        signal(relay, Signal::KILL);
        let killed = Instant::now();
        eventually(|| !is_alive(relay));
        eventually(|| kind("3.1:7000").is_ok());
        println!("back {:?} after the kill", killed.elapsed());
    }
}

/// Longer than the address of a socket can be.
#[test]
fn a_home_may_have_a_long_path() {
    let long = tempfile::Builder::new()
        .prefix(&"long".repeat(40))
        .tempdir();
    let world = World::of(long.unwrap());
    let agent = world.agent();
    let places = [("5.1", 7000, true)];
    assert_eq!(agent.network(exposing("one", &places)), None);
    let (id, _) = agent.up(server("one", "a", &at("5.1"), "0.0.0.0:7000"));
    eventually(|| kind("5.1:7000") == Ok("one".to_owned()));
    assert_eq!(agent.greeting(&at("5.1"), 7000), "one");
    let command = ["true".to_owned()];
    let reach = agent.grid.reach();
    let output = reach.exec(&id, &command, &Default::default(), Duration::from_secs(5));
    assert_eq!(output.unwrap().code, 0);
}

/// `SMACK_TEST_FULL=1`: 100 kills.
#[test]
fn whoever_is_killed_the_tasks_and_their_connections_live() {
    let full = std::env::var_os("SMACK_TEST_FULL").is_some();
    let world = World::new();
    let mut agent = world.agent();
    let places = [("6.9", 7000, true)];
    assert_eq!(agent.network(exposing("one", &places)), None);
    let (_, pid) = agent.up(server("one", "a", &at("6.9"), "0.0.0.0:7000"));
    eventually(|| kind("6.9:7000").is_ok());
    let mut within = agent.connect(&at("6.9"), 7000).unwrap();
    assert_eq!(line(&within), "one");
    let mut slowest = Duration::ZERO;
    for round in 0..if full { 100 } else { 20 } {
        // No order to it, but the same at every run.
        let who = (round * 7 + round / 3) % 4;
        let killed = Instant::now();
        if who == 0 {
            drop(agent);
            agent = world.agent();
        }
        if who != 1 {
            signal(keeper(&world, "one", "hold.pid"), Signal::KILL);
        }
        if who != 2 {
            signal(keeper(&world, "one", "relay.pid"), Signal::KILL);
        }
        writeln!(within, "{round}").unwrap();
        assert_eq!(line(&within), round.to_string());
        eventually(|| kind("6.9:7000") == Ok("one".to_owned()));
        slowest = slowest.max(killed.elapsed());
        assert!(is_alive(pid));
    }
    println!("reached again after at most {slowest:?}");
    let (_, other) = agent.up(inside("one", "b", &at("6.10"), &["sleep", "100"]));
    let space = |pid: u32| std::fs::read_link(format!("/proc/{pid}/ns/net")).unwrap();
    assert_eq!(space(other), space(pid));
}

#[test]
fn a_strangers_port_is_told_and_harms_no_other() {
    let world = World::new();
    let agent = world.agent();
    let stranger = TcpListener::bind(at("4.1:7000")).unwrap();
    let places = [("4.1", 7000, true), ("4.1", 7001, true)];
    let problem = agent.network(exposing("one", &places)).unwrap();
    let own = std::process::id().to_string();
    assert!(
        problem.contains("7000") && problem.contains(&own),
        "{problem}"
    );
    assert!(!problem.contains("7001"), "{problem}");
    let id = agent.launch(inside("one", "x", &at("4.1"), &["sleep", "100"]));
    assert!(matches!(
        agent.refused(&id),
        Refusal::PortTaken { port: 7000, .. }
    ));
    let (_, _) = agent.up(server("one", "b", &at("4.2"), "0.0.0.0:7001"));
    eventually(|| kind("4.1:7001") == Ok("one".to_owned()));
    drop(stranger);
    assert_eq!(agent.networked(&vdc("one")), None, "tried again by itself");
    agent.up(server("one", "c", &at("4.1"), "0.0.0.0:7000"));
    eventually(|| kind("4.1:7000") == Ok("one".to_owned()));
}
