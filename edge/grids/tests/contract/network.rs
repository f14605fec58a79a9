//! Level `vdc`: networks of their own, entered and reached, and gone in the end. All of it as root, if this is root,
//! and as an ordinary user.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::world::{Agent, World, eventually, is_alive, name, order, signal};
use rustix::process::Signal;
use smack_grids::limits::isolation;
use smack_model::{
    Action, End, Epoch, Event, Isolation, Launch, LaunchOrder, NetworkOrder, Refusal, Span, TaskId,
    VdcId,
};

pub(crate) const SOON: Duration = Duration::from_secs(2);

/// The user that most machines have for nobody's files.
const ORDINARY: u32 = 65_534;

pub(crate) fn vdc(run: &str) -> VdcId {
    VdcId {
        zone: name("qa"),
        name: name(run),
    }
}

/// A task of a virtual data center with a network of its own.
pub(crate) fn inside(run: &str, task: &str, address: &str, command: &[&str]) -> LaunchOrder {
    let mut order = order(task, 1, command);
    order.id.system.run = name(run);
    order.address = Some(address.to_owned());
    order.isolation = Isolation::Vdc;
    order
}

/// A server that greets with its name and then says again whatever it hears.
pub(crate) fn server(run: &str, task: &str, address: &str, listens: &str) -> LaunchOrder {
    let program = std::env::current_exe().unwrap();
    let program = program.to_str().unwrap();
    let command = [program, "--exact", "network::a_server", "--nocapture"];
    let mut order = inside(run, task, address, &command);
    let mut launch: Launch = (*order.launch).clone();
    launch.env.insert("SERVE".to_owned(), listens.into());
    launch.env.insert("GREET".to_owned(), run.into());
    order.launch = Arc::new(launch);
    order
}

/// No test, but what [`server`] runs.
#[test]
fn a_server() {
    let Ok(address) = std::env::var("SERVE") else {
        return;
    };
    let greeting = format!("{}\n", std::env::var("GREET").unwrap());
    for stream in TcpListener::bind(address).unwrap().incoming() {
        let (mut stream, greeting) = (stream.unwrap(), greeting.clone());
        std::thread::spawn(move || {
            let mut reader = stream.try_clone().unwrap();
            stream.write_all(greeting.as_bytes()).unwrap();
            drop(std::io::copy(&mut reader, &mut stream));
        });
    }
}

pub(crate) fn network(run: &str, names: &[(&str, &str)]) -> NetworkOrder {
    let mut order = NetworkOrder {
        vdc: vdc(run),
        names: BTreeMap::new(),
        exposed: BTreeMap::new(),
        imported: BTreeMap::new(),
    };
    for (name, address) in names {
        let addresses = order.names.entry((*name).to_owned()).or_default();
        addresses.push((*address).to_owned());
    }
    order
}

impl Agent {
    /// Orders the network and gives the problem.
    pub(crate) fn network(&self, order: NetworkOrder) -> Option<String> {
        let wanted = order.vdc.clone();
        self.perform(Action::Network(Box::new(order)));
        self.networked(&wanted)
    }

    pub(crate) fn networked(&self, wanted: &VdcId) -> Option<String> {
        self.wait("Network", |event| match event {
            Event::Network { vdc, problem } if vdc == *wanted => Some(problem),
            _ => None,
        })
    }

    pub(crate) fn up(&self, order: LaunchOrder) -> (TaskId, u32) {
        let id = self.launch(order);
        let pid = self.running(&id);
        (id, pid)
    }

    pub(crate) fn say(&self, id: &TaskId, command: &[&str]) -> (i32, String) {
        let command: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
        let reach = self.grid.reach();
        let output = reach.exec(id, &command, &BTreeMap::new(), Duration::from_secs(5));
        let output = output.unwrap();
        (output.code, String::from_utf8(output.output).unwrap())
    }

    pub(crate) fn connect(&self, address: &str, port: u16) -> std::io::Result<TcpStream> {
        let address: IpAddr = address.parse().unwrap();
        self.grid.reach().connect_to(address, port, SOON)
    }

    /// Who answers there, once somebody does.
    pub(crate) fn greeting(&self, address: &str, port: u16) -> String {
        let mut greeting = String::new();
        eventually(|| match self.connect(address, port) {
            Ok(stream) => {
                greeting = line(&stream);
                true
            }
            Err(error) => {
                assert_eq!(
                    error.kind(),
                    std::io::ErrorKind::ConnectionRefused,
                    "{error}"
                );
                false
            }
        });
        greeting
    }
}

pub(crate) fn line(stream: &TcpStream) -> String {
    try_line(stream, Duration::from_secs(5)).unwrap()
}

pub(crate) fn try_line(mut stream: &TcpStream, within: Duration) -> std::io::Result<String> {
    stream.set_read_timeout(Some(within))?;
    let mut line = String::new();
    let mut byte = [0];
    while stream.read(&mut byte)? == 1 && byte[0] != b'\n' {
        line.push(byte[0].into());
    }
    Ok(line)
}

pub(crate) fn keeper(world: &World, run: &str, file: &str) -> u32 {
    let directory = world.home().join("vdcs").join(format!("qa.{run}"));
    let text = fs::read_to_string(directory.join(file)).unwrap_or_default();
    let pid = text.split(' ').next().unwrap_or_default();
    pid.parse().unwrap_or(0)
}

fn space(pid: u32) -> String {
    let link = fs::read_link(format!("/proc/{pid}/ns/net")).unwrap();
    link.to_string_lossy().into_owned()
}

/// Everything that mentions the home: processes, by their arguments and mounts.
fn traces(home: &Path) -> Vec<String> {
    let home = home.to_str().unwrap();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<u32>().ok())
        else {
            continue;
        };
        for file in ["cmdline", "mountinfo"] {
            let text = fs::read(entry.path().join(file)).unwrap_or_default();
            let text = String::from_utf8_lossy(&text).replace('\0', " ");
            if pid != std::process::id() && text.contains(home) {
                found.push(format!("{pid} {file}: {}", text.lines().next().unwrap()));
            }
        }
    }
    found
}

#[test]
fn the_machine_can_do_it() {
    let begun = Instant::now();
    let (level, detail) = isolation();
    println!("{level}: {detail} (tried in {:?})", begun.elapsed());
    assert_eq!(level, Isolation::Vdc, "{detail}");
}

#[test]
fn each_has_its_own_network_and_names() {
    let world = World::new();
    let agent = world.agent();
    let port = 9092;
    for (run, address) in [("one", "127.61.1.1"), ("two", "127.61.2.1")] {
        let names = [
            ("kafka", address),
            ("broker-0.kafka", address),
            ("kafka", "127.61.9.9"),
        ];
        assert_eq!(agent.network(network(run, &names)), None);
    }
    // Both on the wildcard address and the same port.
    let (one, _) = agent.up(server("one", "a", "127.61.1.1", "0.0.0.0:9092"));
    let (two, _) = agent.up(server("two", "a", "127.61.2.1", "0.0.0.0:9092"));
    assert_eq!(agent.greeting("127.61.1.1", port), "one");
    assert_eq!(agent.greeting("127.61.2.1", port), "two");
    let reach = agent.grid.reach();
    assert_eq!(line(&reach.connect(&one, port, SOON).unwrap()), "one");
    // Nothing of one is seen from the other or from outside: there its address leads to oneself.
    let at = |address: &str| address.parse::<IpAddr>().unwrap();
    let (_, ours) = agent.up(server("one", "b", "127.61.1.2", "127.61.1.2:7000"));
    assert!(is_alive(ours));
    assert_eq!(agent.greeting("127.61.1.2", 7000), "one");
    reach
        .try_from(&vdc("one"), at("127.61.1.2"), 7000, SOON)
        .unwrap();
    let refused = reach.try_from(&vdc("two"), at("127.61.1.2"), 7000, SOON);
    assert_eq!(
        refused.unwrap_err().kind(),
        std::io::ErrorKind::ConnectionRefused
    );
    let outside = TcpStream::connect("127.61.1.2:7000").unwrap_err();
    assert_eq!(outside.kind(), std::io::ErrorKind::ConnectionRefused);
    // Names are of the libc.
    let (code, hosts) = agent.say(&two, &["getent", "hosts", "broker-0.kafka"]);
    assert_eq!((code, hosts.contains("127.61.2.1")), (0, true), "{hosts}");
    let (code, hosts) = agent.say(&two, &["getent", "ahostsv4", "kafka"]);
    assert_eq!(code, 0);
    assert!(
        hosts.contains("127.61.2.1") && hosts.contains("127.61.9.9"),
        "{hosts}"
    );
    let (code, own) = agent.say(&two, &["sh", "-c", "getent hosts $(uname -n)"]);
    assert_eq!(code, 0, "the machine's own name: {own}");
    let asked = Instant::now();
    assert_ne!(
        agent.say(&two, &["getent", "hosts", "not.there.example"]).0,
        0
    );
    // A resolver that asked somebody who does not answer would take five.
    assert!(
        asked.elapsed() < Duration::from_secs(4),
        "{:?}",
        asked.elapsed()
    );
    // A name that moves is seen at once, by what runs already.
    assert_eq!(
        agent.network(network("two", &[("kafka", "127.61.2.7")])),
        None
    );
    let (_, hosts) = agent.say(&two, &["getent", "hosts", "kafka"]);
    assert!(
        hosts.contains("127.61.2.7") && !hosts.contains("127.61.9.9"),
        "{hosts}"
    );
}

#[test]
fn commands_run_inside_as_tasks_do() {
    let world = World::new();
    let agent = world.agent();
    let (id, pid) = agent.up(inside("one", "task", "127.61.3.1", &["sleep", "100"]));
    let holder = keeper(&world, "one", "hold.pid");
    assert_eq!(space(pid), space(holder));
    assert_ne!(space(pid), space(std::process::id()));
    let (code, text) = agent.say(
        &id,
        &["sh", "-c", "readlink /proc/self/ns/net; id -u; pwd; exit 3"],
    );
    assert_eq!(code, 3);
    let own = rustix::process::geteuid().as_raw().to_string();
    let sandbox = world.sandbox(&id);
    assert_eq!(
        text.lines().collect::<Vec<_>>(),
        [&space(pid), &own, sandbox.to_str().unwrap()]
    );
    let gone = ["no-such-program".to_owned()];
    let error = agent.grid.reach().exec(&id, &gone, &BTreeMap::new(), SOON);
    assert!(error.unwrap_err().to_string().contains("no-such-program"));
    if own == "0" {
        let mut order = inside("one", "nobody", "127.61.3.3", &["sleep", "100"]);
        let mut launch: Launch = (*order.launch).clone();
        launch.user = Some(ORDINARY.to_string());
        order.launch = Arc::new(launch);
        let (id, pid) = agent.up(order);
        let (code, text) = agent.say(
            &id,
            &[
                "sh",
                "-c",
                "readlink /proc/self/ns/net; id -u; cat /etc/hosts",
            ],
        );
        assert_eq!(code, 0, "{text}");
        assert!(
            text.starts_with(&format!("{}\n{ORDINARY}\n", space(pid))),
            "{text}"
        );
    }
    // A port that outside only root may have.
    let (low, _) = agent.up(server("one", "low", "127.61.3.2", "127.61.3.2:80"));
    assert_eq!(agent.greeting("127.61.3.2", 80), "one");
    agent.stop(&low, Span::seconds(5));
    assert_eq!(agent.ended(&low), End::Stopped { code: 143 });
    assert!(agent.grid.reach().way_in(&id).unwrap().len() == 4);
}

#[test]
fn a_killed_holder_is_replaced_and_nothing_else_notices() {
    let world = World::new();
    let agent = world.agent();
    assert_eq!(agent.network(network("one", &[("a", "127.61.4.1")])), None);
    let (_, pid) = agent.up(server("one", "a", "127.61.4.1", "0.0.0.0:7000"));
    assert_eq!(agent.greeting("127.61.4.1", 7000), "one");
    let connection = agent.connect("127.61.4.1", 7000).unwrap();
    let before = space(pid);
    for round in 0..5_u32 {
        let holder = keeper(&world, "one", "hold.pid");
        signal(holder, Signal::KILL);
        let killed = Instant::now();
        // At once, while the next is only coming.
        let task = format!("b-{round}");
        let (id, other) = agent.up(inside("one", &task, "127.61.4.2", &["sleep", "100"]));
        assert_eq!(space(other), before, "it joins those that were there");
        assert_eq!(agent.greeting("127.61.4.1", 7000), "one");
        let (_, hosts) = agent.say(&id, &["getent", "hosts", "a"]);
        assert!(hosts.contains("127.61.4.1"), "{hosts}");
        let now = keeper(&world, "one", "hold.pid");
        println!(
            "a task joined the network {:?} after its holder was killed",
            killed.elapsed()
        );
        assert!(now != holder && is_alive(now) && is_alive(pid));
    }
    // Killed while no server is there, and found so by the next.
    drop(agent);
    let holder = keeper(&world, "one", "hold.pid");
    signal(holder, Signal::KILL);
    eventually(|| !is_alive(holder));
    let agent = world.agent();
    eventually(|| is_alive(keeper(&world, "one", "hold.pid")));
    assert_eq!(agent.greeting("127.61.4.1", 7000), "one");
    assert_eq!(space(keeper(&world, "one", "hold.pid")), before);
    (&connection).write_all(b"still\n").unwrap();
    assert_eq!(line(&connection), "one");
    assert_eq!(line(&connection), "still");
}

#[test]
fn holders_and_tasks_outlive_the_server() {
    let world = World::new();
    let agent = world.agent();
    let (id, pid) = agent.up(server("one", "a", "127.61.5.1", "0.0.0.0:7000"));
    let holder = keeper(&world, "one", "hold.pid");
    drop(agent);
    let agent = world.agent_of(2);
    let found = agent.wait("Networks", |event| match event {
        Event::Networks(found) => Some(found),
        _ => None,
    });
    assert_eq!(found, [vdc("one")]);
    assert_eq!(agent.greeting("127.61.5.1", 7000), "one");
    assert_eq!(agent.network(network("one", &[])), None);
    assert_eq!(keeper(&world, "one", "hold.pid"), holder);
    // A server whose time is over changes nothing.
    agent.grid.reach().connect(&id, 7000, SOON).unwrap();
    smack_grids::Grid::perform(&agent.grid, Epoch(1), &Action::NetworkEnd(vdc("one")));
    let order = Box::new(network("one", &[]));
    smack_grids::Grid::perform(&agent.grid, Epoch(1), &Action::Network(order));
    assert!(agent.networked(&vdc("one")).is_some());
    assert!(is_alive(holder) && is_alive(pid));
}

#[test]
fn an_ended_network_leaves_nothing() {
    let world = World::new();
    let agent = world.agent();
    let address = crate::relay::at("6.1");
    let mut order = network("one", &[("a", &address)]);
    order.exposed.insert((address.clone(), 7000), true);
    assert_eq!(agent.network(order), None);
    let (id, _) = agent.up(server("one", "a", &address, "0.0.0.0:7000"));
    let place = format!("{address}:7000");
    eventually(|| TcpStream::connect(&place).is_ok());
    agent.stop(&id, Span::seconds(5));
    agent.ended(&id);
    agent.perform(Action::NetworkEnd(vdc("one")));
    agent.perform(Action::NetworkEnd(vdc("one")));
    eventually(|| fs::read_dir(world.home().join("vdcs")).unwrap().count() == 0);
    let mut left = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(5);
    while Instant::now() < deadline {
        left = traces(world.home());
        if left.is_empty() {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(left, Vec::<String>::new());
    TcpListener::bind(place).unwrap();
    assert_eq!(fs::read_dir(world.home().join("trash")).unwrap().count(), 0);
}

#[test]
fn fifty_rounds_leave_nothing_and_stay_fast() {
    let world = World::new();
    let agent = world.agent();
    let files = || fs::read_dir("/proc/self/fd").unwrap().count();
    let mut times = Vec::new();
    let mut first_files = 0;
    for round in 0..50 {
        let mut order = network("round", &[("a", "127.61.7.1")]);
        order.exposed.insert((crate::relay::at("7.1"), 7000), false);
        let begun = Instant::now();
        assert_eq!(agent.network(order), None);
        times.push(begun.elapsed());
        let holder = keeper(&world, "round", "hold.pid");
        agent.perform(Action::NetworkEnd(vdc("round")));
        // What comes after an end is made anew.
        if round % 10 == 0 {
            assert_eq!(agent.network(network("round", &[])), None);
            assert_ne!(keeper(&world, "round", "hold.pid"), holder);
            agent.perform(Action::NetworkEnd(vdc("round")));
        }
        eventually(|| fs::read_dir(world.home().join("vdcs")).unwrap().count() == 0);
        if round == 10 {
            first_files = files();
        }
    }
    let late = files();
    assert!(
        late <= first_files + 20,
        "{first_files} descriptors, then {late}"
    );
    times.sort();
    println!(
        "made holder and relay in {:?}, the slowest {:?}",
        times[25], times[49]
    );
    assert!(times[25] < Duration::from_millis(500), "{times:?}");
}

#[test]
fn where_namespaces_are_refused_the_reason_is_told() {
    let mut world = World::new();
    world.isolation = Isolation::Open;
    let agent = world.agent();
    let problem = agent.network(network("one", &[])).unwrap();
    assert!(problem.contains("level open"), "{problem}");
    let id = agent.launch(inside("one", "a", "127.61.8.1", &["true"]));
    let refusal = agent.refused(&id);
    assert!(matches!(refusal, Refusal::NoIsolation { .. }), "{refusal}");
    let mut open = inside("one", "b", "127.61.8.1", &["true"]);
    open.isolation = Isolation::Open;
    let id = agent.launch(open);
    assert_eq!(agent.ended(&id), End::Exit(0));
}

/// The kernel's own refusal: in a user namespace in which no further one may be made, without any privilege.
#[test]
fn user_namespaces_that_are_off_are_noticed() {
    if std::env::var_os("NAMESPACES_OFF").is_some() {
        let (level, detail) = isolation();
        assert_eq!(level, Isolation::Open, "{detail}");
        assert!(detail.contains("user.max_user_namespaces is 0"), "{detail}");
        let world = World::new();
        let agent = world.agent();
        let id = agent.launch(inside("one", "a", "127.61.8.2", &["true"]));
        let refusal = agent.refused(&id).to_string();
        assert!(refusal.contains("user namespace"), "{refusal}");
        let problem = agent.network(network("one", &[])).unwrap();
        assert!(problem.contains("user namespace"), "{problem}");
        println!("{refusal}");
        return;
    }
    let script = "echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --bounding-set=-all \
                  --inh-caps=-all \"$0\" --exact network::user_namespaces_that_are_off_are_noticed --nocapture";
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "sh", "-c", script])
        .arg(std::env::current_exe().unwrap())
        .env("NAMESPACES_OFF", "1")
        .output();
    // From util-linux, like setpriv.
    let output = output.expect("there is unshare");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{errors}");
    println!("{text}");
}

/// All of the above again, as somebody else.
#[test]
fn an_ordinary_user_can_do_the_same() {
    if !rustix::process::geteuid().is_root() {
        println!("all of the above was done by an ordinary user");
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let user = Some(ORDINARY);
    std::os::unix::fs::chown(home.path(), user, user).unwrap();
    // Copied: the directory of the build may be nobody else's business.
    let program = home.path().join("contract");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let output = Command::new(&program)
        .args(["network::", "relay::", "--test-threads=2"])
        .env("TMPDIR", home.path())
        .current_dir(home.path())
        .uid(ORDINARY)
        .gid(ORDINARY)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    println!("{text}");
}
