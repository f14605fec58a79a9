//! Asks a running product from the command line: `ask zookeeper|kafka|controller ADDRESS:PORT…`,
//! `ask zookeeper-health|kafka-health ID=ADDRESS:PORT…`, `ask zookeeper-without|kafka-without ID ID=A:P…`,
//! `ask leave ID ID=A:P…`, `ask topic|drift NAME PARTITIONS REPLICATION KEY=VALUE,… ID=ADDRESS:PORT…` (`-` for no configs),
//! `ask cassandra ADDRESS:PORT…`, `ask cassandra-health ID=ADDRESS:PORT…`, `ask cassandra-without ID ID=A:P…`,
//! `ask keyspace|keyspace-drift NAME DC=COPIES,… ID=ADDRESS:PORT…`, `ask ring-leave ID ID=ADDRESS:PORT…`,
//! `ask exec ID,… COMMAND ID=ADDRESS:PORT…`; the last two run programs in `$SANDBOXES`, in which `%` is the id.
#![expect(clippy::print_stdout, reason = "a command for developers")]

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use smack_model::{
    About, Check, Digest, Member, Name, Operation, OperationOrder, Ports, Probe, ProbeOrder,
    Question, Span, SystemId, TaskId, TaskName,
};
use smack_products::{Connecting, Direct, Ran, Reach, Running, answer, drift, perform, probe};

const TIMEOUT: Duration = Duration::from_secs(5);

type Problem = Box<dyn std::error::Error>;

/// Reaches what runs on this machine, and runs programs in `$SANDBOXES`.
struct Here;

impl Reach for Here {
    fn connect<'a>(&'a self, address: &'a str, port: u16) -> Connecting<'a> {
        Direct.connect(address, port)
    }

    fn exec<'a>(
        &'a self,
        _system: &'a SystemId,
        task: &'a TaskName,
        _attempt: u32,
        command: &'a [String],
        within: Duration,
    ) -> Running<'a> {
        let id = task.as_str().trim_start_matches("task-");
        let sandbox = std::env::var("SANDBOXES").unwrap_or_default();
        let sandbox = PathBuf::from(sandbox.replace('%', id));
        Box::pin(async move {
            let (program, arguments) = command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
            let mut running = std::process::Command::new(sandbox.join(program));
            running.args(arguments).current_dir(&sandbox);
            let ended = tokio::task::spawn_blocking(move || running.output());
            let ended = tokio::time::timeout(within, ended).await;
            let output = ended.map_err(|_| io::ErrorKind::TimedOut)???;
            Ok(Ran {
                code: output.status.code().unwrap_or(-1),
                output: output.stdout,
                errors: output.stderr,
            })
        })
    }
}

fn main() -> Result<(), Problem> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let began = Instant::now();
    runtime.block_on(ask(&arguments))?;
    println!("({} ms)", began.elapsed().as_millis());
    Ok(())
}

async fn ask(arguments: &[&str]) -> Result<(), Problem> {
    match arguments {
        [
            what @ ("zookeeper" | "kafka" | "controller" | "cassandra"),
            places @ ..,
        ] => {
            for member in members(places)? {
                let order = probe_order(what, &member)?;
                println!("{:?}", probe(&Direct, &order, TIMEOUT).await);
            }
        }
        [
            what @ ("zookeeper-health" | "kafka-health" | "cassandra-health"),
            places @ ..,
        ] => {
            let question = question(what, About::Health, members(places)?)?;
            println!("{:?}", answer(&Direct, &question, TIMEOUT).await);
        }
        [
            what @ ("zookeeper-without" | "kafka-without" | "cassandra-without"),
            id,
            places @ ..,
        ] => {
            let about = About::Without(Name::new(&format!("task-{id}"))?);
            let question = question(what, about, members(places)?)?;
            println!("{:?}", answer(&Direct, &question, TIMEOUT).await);
        }
        ["leave", id, places @ ..] => {
            let operation = Operation::KafkaLeave {
                broker: id.parse()?,
            };
            act(operation, members(places)?).await?;
        }
        [
            what @ ("topic" | "drift"),
            topic,
            partitions,
            replication,
            config,
            places @ ..,
        ] => {
            let pairs = config.split(',').filter_map(|pair| pair.split_once('='));
            let operation = Operation::KafkaTopic {
                topic: (*topic).to_owned(),
                partitions: partitions.parse()?,
                replication: replication.parse()?,
                config: pairs
                    .map(|(key, value)| (key.to_owned(), value.to_owned()))
                    .collect(),
            };
            if *what == "drift" {
                println!("{:?}", drift(&Direct, &members(places)?, &operation).await);
            } else {
                act(operation, members(places)?).await?;
            }
        }
        _ => return ask_ring(arguments).await,
    }
    Ok(())
}

async fn ask_ring(arguments: &[&str]) -> Result<(), Problem> {
    match arguments {
        [
            what @ ("keyspace" | "keyspace-drift"),
            keyspace,
            copies,
            places @ ..,
        ] => {
            let mut replication = BTreeMap::new();
            for pair in copies.split(',') {
                let (name, copies) = pair.split_once('=').ok_or("DC=COPIES is needed")?;
                replication.insert(name.to_owned(), copies.parse()?);
            }
            let operation = Operation::CassandraKeyspace {
                keyspace: (*keyspace).to_owned(),
                replication,
            };
            if *what == "keyspace-drift" {
                println!("{:?}", drift(&Direct, &members(places)?, &operation).await);
            } else {
                act(operation, members(places)?).await?;
            }
        }
        ["ring-leave", id, places @ ..] => {
            let task = Name::new(&format!("task-{id}"))?;
            act(Operation::CassandraLeave { task }, members(places)?).await?;
        }
        ["exec", ids, command, places @ ..] => {
            let tasks = ids.split(',').map(|id| Name::new(&format!("task-{id}")));
            let operation = Operation::Exec {
                tasks: tasks.collect::<Result<_, _>>()?,
                command: command.split(' ').map(str::to_owned).collect(),
                within: Span::minutes(10),
            };
            act(operation, members(places)?).await?;
        }
        _ => println!("see the first lines of the source for how to ask"),
    }
    Ok(())
}

async fn act(operation: Operation, members: Vec<Member>) -> Result<(), Problem> {
    let order = OperationOrder {
        system: SystemId::parse("dev/ask/kafka!1").ok_or("no system")?,
        name: "ask".to_owned(),
        digest: Digest::of(b"ask"),
        operation,
        members,
    };
    let outcome = perform(&Here, &order, |text| println!("… {text}")).await;
    println!("{outcome:?}");
    Ok(())
}

fn members(places: &[&str]) -> Result<Vec<Member>, Problem> {
    let mut members = Vec::new();
    for (at, place) in places.iter().enumerate() {
        let (id, place) = match place.split_once('=') {
            Some((id, place)) => (id.parse()?, place),
            None => (u32::try_from(at)? + 1, *place),
        };
        let (address, port) = place.rsplit_once(':').ok_or("ADDRESS:PORT is needed")?;
        members.push(Member {
            part: None,
            task: Name::new(&format!("task-{id}"))?,
            attempt: 1,
            member: Some(id),
            address: address.to_owned(),
            ports: Ports::from([(Name::new("client")?, port.parse()?)]),
            ready: true,
        });
    }
    Ok(members)
}

fn probe_order(what: &str, member: &Member) -> Result<ProbeOrder, Problem> {
    let port = Name::new("client")?;
    let broker = member.member.unwrap_or_default();
    let probe = match what {
        "zookeeper" => Probe::ZooKeeper { port },
        "kafka" => Probe::KafkaBroker { port, broker },
        "cassandra" => Probe::Cassandra { port },
        _ => Probe::KafkaController { port },
    };
    Ok(ProbeOrder {
        id: TaskId::parse("dev/ask/product!1/task#1").ok_or("no task")?,
        address: member.address.clone(),
        ports: member.ports.clone(),
        probe,
        pace: smack_model::Pace::default(),
    })
}

fn question(what: &str, about: About, members: Vec<Member>) -> Result<Question, Problem> {
    let port = Name::new("client")?;
    let ids = members
        .iter()
        .map(|member| (member.task.clone(), member.member.unwrap_or_default()));
    let brokers: BTreeMap<Name, u32> = ids.collect();
    let check = if what.starts_with("kafka") {
        Check::Kafka { port, brokers }
    } else if what.starts_with("cassandra") {
        Check::Cassandra { port }
    } else {
        Check::ZooKeeper { port }
    };
    Ok(Question {
        system: SystemId::parse("dev/ask/product!1").ok_or("no system")?,
        about,
        check,
        members,
    })
}
