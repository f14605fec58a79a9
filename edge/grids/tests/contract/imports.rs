//! What a virtual data center imports of another is reached inside, on the same address, and nothing else of it is.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use smack_model::{Action, Import, NetworkOrder, Span, TaskId};

use crate::network::{inside, keeper, network, server, vdc};
use crate::world::{Agent, World, eventually, is_alive, signal};

const WITHIN: Duration = Duration::from_secs(1);

/// Inside nobody meets: the same addresses in every test.
fn importing(run: &str, from: Option<&str>, places: &[(&str, u16, bool)]) -> NetworkOrder {
    let mut order = network(run, &[]);
    for (address, port, runs) in places {
        let import = Import {
            from: from.map(vdc),
            runs: *runs,
        };
        order
            .imported
            .insert(((*address).to_owned(), *port), import);
    }
    order
}

/// What answers a program that connects, in the place of a task.
fn answer(agent: &Agent, user: &TaskId, address: &str, port: u16) -> Option<String> {
    let script = format!("exec 3<>/dev/tcp/{address}/{port} && head -n1 <&3");
    let (code, said) = agent.say(user, &["bash", "-c", &script]);
    (code == 0).then(|| said.trim_end().to_owned())
}

/// Whether a connection out of the network is let through, and how not.
fn way(agent: &Agent, run: &str, address: &str, port: u16) -> Result<(), ErrorKind> {
    let address = address.parse().unwrap();
    let tried = agent
        .grid
        .reach()
        .try_from(&vdc(run), address, port, WITHIN);
    tried.map_err(|error| error.kind())
}

const REFUSED: Result<(), ErrorKind> = Err(ErrorKind::ConnectionRefused);

/// `shop`, with a task, and `telemetry`, which listens on three ports.
fn two(agent: &Agent) -> (TaskId, TaskId) {
    assert_eq!(agent.network(network("telemetry", &[])), None);
    let (server, _) = agent.up(server("telemetry", "a", "127.9.1.1", "0.0.0.0:7000"));
    agent.up(self::server(
        "telemetry",
        "b",
        "127.9.1.2",
        "127.9.1.2:7001",
    ));
    assert_eq!(agent.network(network("shop", &[])), None);
    let (user, _) = agent.up(inside("shop", "web", "127.9.2.1", &["sleep", "100"]));
    (server, user)
}

#[test]
fn what_is_used_is_reached_and_nothing_else() {
    let world = World::new();
    let agent = world.agent();
    let (id, user) = two(&agent);
    assert_eq!(way(&agent, "shop", "127.9.1.1", 7000), REFUSED);
    let used = |runs| importing("shop", Some("telemetry"), &[("127.9.1.1", 7000, runs)]);
    assert_eq!(agent.network(used(false)), None);
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(
        way(&agent, "shop", "127.9.1.1", 7000),
        REFUSED,
        "does not run"
    );
    assert_eq!(agent.network(used(true)), None);
    let begun = Instant::now();
    eventually(|| way(&agent, "shop", "127.9.1.1", 7000) == Ok(()));
    println!("open inside {:?} after the order", begun.elapsed());
    let said = answer(&agent, &user, "127.9.1.1", 7000);
    assert_eq!(said.as_deref(), Some("telemetry"));
    assert_eq!(
        way(&agent, "shop", "127.9.1.2", 7001),
        REFUSED,
        "another task"
    );
    assert_eq!(
        way(&agent, "shop", "127.9.1.2", 7000),
        REFUSED,
        "the same port elsewhere"
    );
    agent.up(server("shop", "own", "127.9.2.2", "127.9.2.2:7005"));
    eventually(|| way(&agent, "shop", "127.9.2.2", 7005) == Ok(()));
    assert_eq!(
        way(&agent, "telemetry", "127.9.2.2", 7005),
        REFUSED,
        "no way back"
    );
    // What ends is refused, also before anybody says so; what comes back is reached again.
    agent.stop(&id, Span::seconds(5));
    agent.ended(&id);
    eventually(|| way(&agent, "shop", "127.9.1.1", 7000) == REFUSED);
    agent.up(server("telemetry", "c", "127.9.1.1", "127.9.1.1:7000"));
    eventually(|| way(&agent, "shop", "127.9.1.1", 7000) == Ok(()));
    // Moved to another address, then not used any more.
    let moved = importing("shop", Some("telemetry"), &[("127.9.1.2", 7001, true)]);
    assert_eq!(agent.network(moved), None);
    eventually(|| way(&agent, "shop", "127.9.1.2", 7001) == Ok(()));
    assert_eq!(way(&agent, "shop", "127.9.1.1", 7000), REFUSED);
    assert_eq!(agent.network(network("shop", &[])), None);
    assert_eq!(way(&agent, "shop", "127.9.1.2", 7001), REFUSED);
    let relay = keeper(&world, "shop", "relay.pid");
    assert!(!is_alive(relay), "nothing is left to relay");
}

#[test]
fn a_keeper_of_either_side_and_the_server_may_die() {
    let world = World::new();
    let mut agent = world.agent();
    let (_, user) = two(&agent);
    let used = importing("shop", Some("telemetry"), &[("127.9.1.1", 7000, true)]);
    assert_eq!(agent.network(used), None);
    eventually(|| way(&agent, "shop", "127.9.1.1", 7000) == Ok(()));
    let mut slowest = Duration::ZERO;
    for (run, file) in [
        ("shop", "relay.pid"),
        ("shop", "hold.pid"),
        ("telemetry", "hold.pid"),
        ("", "server"),
        ("shop", "relay.pid"),
        ("telemetry", "hold.pid"),
    ] {
        let begun = Instant::now();
        if file == "server" {
            drop(agent);
            agent = world.agent();
        } else {
            let pid = keeper(&world, run, file);
            signal(pid, Signal::KILL);
            eventually(|| !is_alive(pid));
        }
        eventually(|| answer(&agent, &user, "127.9.1.1", 7000).as_deref() == Some("telemetry"));
        slowest = slowest.max(begun.elapsed());
    }
    println!("reached again after at most {slowest:?}");
}

/// Without a task nobody keeps the network when its holder dies: the next one has another.
#[test]
fn a_network_made_anew_imports_as_the_one_before() {
    let world = World::new();
    let agent = world.agent();
    assert_eq!(agent.network(network("telemetry", &[])), None);
    agent.up(server("telemetry", "a", "127.9.1.1", "0.0.0.0:7000"));
    let used = importing("shop", Some("telemetry"), &[("127.9.1.1", 7000, true)]);
    assert_eq!(agent.network(used), None);
    eventually(|| way(&agent, "shop", "127.9.1.1", 7000) == Ok(()));
    let holder = keeper(&world, "shop", "hold.pid");
    signal(holder, Signal::KILL);
    eventually(|| !is_alive(holder));
    eventually(|| way(&agent, "shop", "127.9.1.1", 7000) == Ok(()));
    // The other's network ends, and another of its name comes.
    agent.perform(Action::NetworkEnd(vdc("telemetry")));
    eventually(|| way(&agent, "shop", "127.9.1.1", 7000) != Ok(()));
    assert_eq!(agent.network(network("telemetry", &[])), None);
    agent.up(server("telemetry", "b", "127.9.1.1", "0.0.0.0:7000"));
    eventually(|| way(&agent, "shop", "127.9.1.1", 7000) == Ok(()));
}

#[test]
fn what_listens_outside_is_imported_too() {
    let world = World::new();
    let agent = world.agent();
    let outside = TcpListener::bind((crate::relay::at("7.1").as_str(), 7000)).unwrap();
    let (address, port) = (
        crate::relay::at("7.1"),
        outside.local_addr().unwrap().port(),
    );
    let used = importing("shop", None, &[(&address, port, true)]);
    assert_eq!(agent.network(used), None);
    eventually(|| way(&agent, "shop", &address, port) == Ok(()));
    drop(outside);
    eventually(|| way(&agent, "shop", &address, port) == REFUSED);
}

#[test]
fn a_program_on_all_addresses_is_told_as_in_the_way() {
    let world = World::new();
    let agent = world.agent();
    let (_, _) = two(&agent);
    agent.up(server("shop", "own", "127.9.2.2", "0.0.0.0:7000"));
    eventually(|| way(&agent, "shop", "127.9.2.2", 7000) == Ok(()));
    let used = importing("shop", Some("telemetry"), &[("127.9.1.1", 7000, true)]);
    let problem = agent
        .network(used)
        .or_else(|| agent.networked(&vdc("shop")));
    let problem = problem.expect("it is told");
    assert_eq!(
        problem,
        "127.9.1.1:7000 cannot be imported: a program inside listens on this port of all addresses"
    );
}
