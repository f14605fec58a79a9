//! Measures what the relay of an exposed port costs: request and response one after the other, and bytes in bulk, to
//! the same server outside and inside a virtual data center; and what holder and relay weigh, and how soon they are
//! there. Usage: `cargo run --release -p smack-grids --example relay`.
#![expect(clippy::print_stdout, reason = "a measurement prints its figures")]

use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use smack_grids::{Grid, LaunchPaths, LocalGrid, Options, virtual_nodes};
use smack_model::{
    Action, Epoch, Event, Isolation, JavaNeed, Launch, LaunchOrder, Name, NetworkOrder, Ports,
    Resources, Span, SystemId, TaskId, VdcId,
};

type Failure = Box<dyn std::error::Error>;

const OUTSIDE: &str = "127.60.1.1";
const INSIDE: &str = "127.60.1.2";
const ECHO: u16 = 7000;
const SINK: u16 = 7001;

const REQUESTS: usize = 20_000;
const REQUEST: usize = 100;
const BULK: u64 = 4 << 30;
const CHUNK: usize = 256 << 10;

struct Nothing;

impl LaunchPaths for Nothing {
    fn java(&self, _: &JavaNeed) -> Result<PathBuf, String> {
        Err("not here".to_owned())
    }
    fn class_path(&self, _: &str) -> Result<String, String> {
        Err("not here".to_owned())
    }
    fn shared_archive(&self, _: &str, _: &Path, _: &[String]) -> Option<String> {
        None
    }
    fn fetch(&self, _: &str, _: &Path) -> Result<(), String> {
        Err("not here".to_owned())
    }
}

fn main() -> Result<(), Failure> {
    if let Some(address) = std::env::args().nth(1) {
        return serve(&address);
    }
    let home = std::env::temp_dir().join(format!("smack-relay-{}", std::process::id()));
    let measured = measure(&home);
    std::fs::remove_dir_all(&home)?;
    measured
}

/// Says again what it hears on one port, and on the other only how much it was.
fn serve(address: &str) -> Result<(), Failure> {
    let sink = TcpListener::bind(format!("{address}:{SINK}"))?;
    std::thread::spawn(move || {
        for stream in sink.incoming().flatten() {
            std::thread::spawn(move || swallow(stream));
        }
    });
    for stream in TcpListener::bind(format!("{address}:{ECHO}"))?.incoming() {
        let stream = stream?;
        std::thread::spawn(move || echo(stream));
    }
    Ok(())
}

fn echo(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut request = [0; REQUEST];
    loop {
        stream.read_exact(&mut request)?;
        stream.write_all(&request)?;
    }
}

fn swallow(mut stream: TcpStream) -> io::Result<()> {
    let mut bytes = vec![0; CHUNK];
    let mut total = 0_u64;
    loop {
        match stream.read(&mut bytes)? {
            0 => return stream.write_all(&total.to_be_bytes()),
            count => total += count as u64,
        }
    }
}

fn measure(home: &Path) -> Result<(), Failure> {
    let (sender, events) = channel();
    let sender = Mutex::new(sender);
    let tell = move |event| {
        if let Ok(sender) = sender.lock() {
            drop(sender.send(event));
        }
    };
    let nodes = virtual_nodes(1, "relay", home);
    let options = Options::new(home, "relay", nodes, Arc::new(Nothing), tell);
    let grid = LocalGrid::start(options)?;
    let vdc = VdcId {
        zone: Name::new("bench")?,
        name: Name::new("relay")?,
    };
    let exposed = [ECHO, SINK].map(|port| ((INSIDE.to_owned(), port), true));
    let order = NetworkOrder {
        vdc: vdc.clone(),
        names: BTreeMap::new(),
        exposed: BTreeMap::from(exposed),
        imported: BTreeMap::new(),
    };
    let begun = Instant::now();
    grid.perform(Epoch(1), &Action::Network(Box::new(order)));
    wait(&events, |event| matches!(event, Event::Network { .. }))?;
    println!("holder and relay are there after {:?}", begun.elapsed());

    let program = std::env::current_exe()?;
    let task = launch(&program, &vdc)?;
    let id = task.id.clone();
    grid.perform(Epoch(1), &Action::Launch(Box::new(task)));
    wait(&events, |event| matches!(event, Event::Running { .. }))?;
    let mut plain = Command::new(&program)
        .arg(OUTSIDE)
        .stdin(Stdio::null())
        .spawn()?;
    let directory = home.join("vdcs/bench.relay");
    let relay = std::fs::read_to_string(directory.join("relay.pid"))?;
    let relay = relay.split(' ').next().unwrap_or_default().to_owned();
    let compared = compare(&relay);
    plain.kill()?;
    plain.wait()?;
    for file in ["hold.pid", "relay.pid"] {
        let pid = std::fs::read_to_string(directory.join(file))?;
        let pid = pid.split(' ').next().unwrap_or_default();
        println!("{file}: {} KB (PSS)", proportional(pid)?);
    }
    let stop = Action::Stop {
        id,
        node: None,
        signal: 9,
        grace: Span::seconds(1),
    };
    grid.perform(Epoch(1), &stop);
    wait(&events, |event| matches!(event, Event::Ended { .. }))?;
    grid.perform(Epoch(1), &Action::NetworkEnd(vdc));
    while directory.exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
    compared
}

fn compare(relay: &str) -> Result<(), Failure> {
    let direct = OUTSIDE.parse()?;
    let relayed = INSIDE.parse()?;
    // By turns, so that whatever else the machine does meets both.
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..5 {
        for (times, address) in times.iter_mut().zip([direct, relayed]) {
            exchange(SocketAddr::new(address, ECHO), times)?;
        }
    }
    let [direct_median, relayed_median] = times.map(|mut times| {
        times.sort();
        times[times.len() / 2]
    });
    println!(
        "request and response: {direct_median:?} direct, {relayed_median:?} relayed, {:?} added (medians)",
        relayed_median.saturating_sub(direct_median)
    );
    for connections in [1, 2, 8] {
        let before = processor_seconds(relay)?;
        let [direct, relayed] = [direct, relayed].map(|address| {
            let runs = (0..3).map(|_| bulk(SocketAddr::new(address, SINK), connections));
            let runs = runs.collect::<Result<Vec<f64>, _>>();
            runs.map(|mut runs| {
                runs.sort_by(f64::total_cmp);
                runs[1]
            })
        });
        let (direct, relayed) = (direct?, relayed?);
        let spent = (processor_seconds(relay)? - before) / (3.0 * BULK as f64 / 1e9);
        println!(
            "{connections} connections: {direct:.2} GB/s direct, {relayed:.2} GB/s relayed, ratio {:.2} (medians of 3); \
             the relay spent {spent:.2} s of a core per GB",
            relayed / direct
        );
    }
    Ok(())
}

fn exchange(address: SocketAddr, times: &mut Vec<Duration>) -> io::Result<()> {
    let mut stream = connect(address)?;
    stream.set_nodelay(true)?;
    let mut bytes = [7; REQUEST];
    for _ in 0..REQUESTS / 5 {
        let begun = Instant::now();
        stream.write_all(&bytes)?;
        stream.read_exact(&mut bytes)?;
        times.push(begun.elapsed());
    }
    Ok(())
}

/// In GB a second, of all connections together.
fn bulk(address: SocketAddr, connections: u64) -> Result<f64, Failure> {
    let streams = (0..connections).map(|_| connect(address));
    let streams = streams.collect::<io::Result<Vec<_>>>()?;
    let begun = Instant::now();
    let threads: Vec<_> = streams
        .into_iter()
        .map(|mut stream| {
            std::thread::spawn(move || -> io::Result<u64> {
                let bytes = vec![7; CHUNK];
                let mut left = BULK / connections;
                while left > 0 {
                    let count = left.min(CHUNK as u64);
                    stream.write_all(&bytes[..count as usize])?;
                    left -= count;
                }
                stream.shutdown(Shutdown::Write)?;
                let mut total = [0; 8];
                stream.read_exact(&mut total)?;
                Ok(u64::from_be_bytes(total))
            })
        })
        .collect();
    let mut total = 0;
    for thread in threads {
        total += thread.join().map_err(|_| "a connection panicked")??;
    }
    assert_eq!(total, BULK / connections * connections, "all bytes arrive");
    Ok(total as f64 / 1e9 / begun.elapsed().as_secs_f64())
}

fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        match TcpStream::connect(address) {
            Err(_) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(5)),
            other => return other,
        }
    }
}

fn launch(program: &Path, vdc: &VdcId) -> Result<LaunchOrder, Failure> {
    let command = [program.to_string_lossy().into_owned(), INSIDE.to_owned()];
    Ok(LaunchOrder {
        id: TaskId {
            system: SystemId {
                scope: vdc.zone.clone(),
                run: vdc.name.clone(),
                application: Name::new("server")?,
                incarnation: 1,
            },
            name: Name::new("server-0")?,
            attempt: 1,
        },
        node: Some(Name::new("local")?),
        launch: Arc::new(Launch {
            command: command.into_iter().map(Into::into).collect(),
            ..Launch::default()
        }),
        address: Some(INSIDE.to_owned()),
        ports: Ports::new(),
        volumes: BTreeMap::new(),
        needs: Resources::default(),
        isolation: Isolation::Vdc,
    })
}

fn wait(events: &Receiver<Event>, is_it: impl Fn(&Event) -> bool) -> Result<(), Failure> {
    loop {
        let event = events.recv_timeout(Duration::from_secs(30))?;
        if let Event::Refused { refusal, .. } = &event {
            return Err(refusal.to_string().into());
        }
        if is_it(&event) {
            return Ok(());
        }
    }
}

/// Used by the process so far, in user and kernel mode.
fn processor_seconds(pid: &str) -> Result<f64, Failure> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let fields = stat.rsplit(')').next().unwrap_or_default().split(' ');
    let ticks = fields.skip(12).take(2).map(str::parse::<u32>);
    let ticks: u32 = ticks.sum::<Result<u32, _>>()?;
    Ok(f64::from(ticks) / rustix::param::clock_ticks_per_second() as f64)
}

fn proportional(pid: &str) -> Result<u64, Failure> {
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
    let words = line.and_then(|line| line.split_whitespace().next());
    Ok(words.unwrap_or_default().parse()?)
}
