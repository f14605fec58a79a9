//! Apache's own clients, with the locked jars: independent of everything of ours that speaks Kafka's protocol.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;
use smack_supply::catalog::{Catalog, Part, prepare};
use smack_supply::cds::class_path_text;
use smack_supply::fetch::{Fetcher, Sources};
use smack_supply::java::{Places, choose};
use smack_supply::maven::Maven;
use smack_supply::store::Store;

/// The command line tools of one Kafka version.
pub(crate) struct Tools {
    pub(crate) java: PathBuf,
    class_path: String,
    /// What any producer has and this tool turns off unless told: it tries again.
    producer: PathBuf,
}

/// What a producer or consumer said at its end.
pub(crate) struct Told {
    /// Its lines, each a JSON object with a `name`.
    pub(crate) lines: Vec<Value>,
}

impl Tools {
    pub(crate) fn of(home: &Path, version: &str) -> Self {
        Self::with(home, "kafka", version, Part::Tools)
    }

    /// The jars of Zipkin.
    pub(crate) fn zipkin(home: &Path) -> Self {
        Self::with(home, "zipkin", "3.6.1", Part::Server)
    }

    fn with(home: &Path, product: &str, version: &str, part: Part) -> Self {
        let catalog = Catalog::embedded();
        let entry = catalog.find(product, version).expect("in the catalog");
        let store = Store::open(home).expect("a store");
        let sources = Sources {
            maven: Some(Maven::of_user()),
            ..Sources::default()
        };
        let fetcher = Fetcher::new(&store, sources, &|_| {});
        let jars = prepare(&fetcher, entry, part).expect("the tools are fetched");
        let java = choose(product, &entry.java, &Places::of_user().search())
            .expect("a Java")
            .found
            .program();
        let producer = home.join(format!("{product}-{version}.properties"));
        std::fs::write(&producer, "retries=2147483647\nenable.idempotence=true\n").expect("a file");
        Self {
            java,
            class_path: class_path_text(&jars),
            producer,
        }
    }

    /// What the clients log: the place to look when a test fails.
    fn log(&self) -> Stdio {
        let path = self.producer.with_extension("log");
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(path);
        log.map_or_else(|_| Stdio::null(), Stdio::from)
    }

    /// The lines of that log that complain, the last ones of each kind.
    pub(crate) fn complaints(&self) -> String {
        let log = std::fs::read_to_string(self.producer.with_extension("log")).unwrap_or_default();
        let lines: Vec<&str> = log
            .lines()
            .filter(|line| line.contains("WARN") || line.contains("ERROR"))
            .collect();
        format!(
            "{} complaints, the first and last:\n{}\n…\n{}",
            lines.len(),
            lines[..lines.len().min(20)].join("\n"),
            lines[lines.len().saturating_sub(20)..].join("\n")
        )
    }

    fn start(&self, class: &str, arguments: &[&str]) -> Child {
        self.start_with(class, arguments, Stdio::null())
    }

    fn start_with(&self, class: &str, arguments: &[&str], input: Stdio) -> Child {
        Command::new(&self.java)
            .args(["-Xmx128m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"])
            .args([
                "-Dorg.slf4j.simpleLogger.defaultLogLevel=info",
                "-Dorg.slf4j.simpleLogger.showDateTime=true",
                "-cp",
                &self.class_path,
                class,
            ])
            .args(arguments)
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(self.log())
            .spawn()
            .expect("a client starts")
    }

    /// Starts a producer with acks=all; `throughput` records a second, -1 for as fast as it goes.
    pub(crate) fn produce(
        &self,
        brokers: &str,
        topic: &str,
        records: u64,
        throughput: i64,
    ) -> Running {
        let (records, throughput) = (records.to_string(), throughput.to_string());
        let settings = self.producer.display().to_string();
        Running::new(self.start(
            "org.apache.kafka.tools.VerifiableProducer",
            &[
                "--bootstrap-server",
                brokers,
                "--topic",
                topic,
                "--acks",
                "-1",
                "--max-messages",
                &records,
                "--throughput",
                &throughput,
                "--producer.config",
                &settings,
            ],
        ))
    }

    /// Reads a topic from its beginning until `values` different values have been seen, or none comes for a minute;
    /// gives them. How many records it took is printed: more than were acknowledged were sent again by the client.
    pub(crate) fn consume(
        &self,
        brokers: &str,
        topic: &str,
        group: &str,
        wanted: usize,
    ) -> BTreeSet<String> {
        let running = Running::new(self.start(
            "org.apache.kafka.tools.VerifiableConsumer",
            &[
                "--bootstrap-server",
                brokers,
                "--topic",
                topic,
                "--group-id",
                group,
                "--reset-policy",
                "earliest",
                "--verbose",
            ],
        ));
        let mut places = BTreeSet::new();
        let mut values = BTreeSet::new();
        while values.len() < wanted {
            let Ok(line) = running.lines.recv_timeout(Duration::from_secs(60)) else {
                break;
            };
            if line["name"] == "record_data" {
                places.insert((line["partition"].as_i64(), line["offset"].as_i64()));
                values.insert(line["value"].to_string());
            }
        }
        drop(running);
        println!(
            "{topic}, {group}: {} values in {} records",
            values.len(),
            places.len()
        );
        values
    }

    /// Sends one record, of one line.
    pub(crate) fn send(&self, brokers: &str, topic: &str, value: &str) {
        let arguments = ["--bootstrap-server", brokers, "--topic", topic];
        let mut child = self.start_with("kafka.tools.ConsoleProducer", &arguments, Stdio::piped());
        let mut input = child.stdin.take().expect("it is piped");
        writeln!(input, "{value}").expect("it reads");
        drop(input);
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{output:?}");
    }

    /// The names of all topics.
    pub(crate) fn topics(&self, brokers: &str) -> Vec<String> {
        let child = self.start(
            "org.apache.kafka.tools.TopicCommand",
            &["--bootstrap-server", brokers, "--list"],
        );
        let output = child.wait_with_output().expect("it ends");
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// What Kafka's own tool says of a topic.
    pub(crate) fn describe(&self, brokers: &str, topic: &str) -> String {
        let arguments = [
            "--bootstrap-server",
            brokers,
            "--describe",
            "--topic",
            topic,
        ];
        let child = self.start("org.apache.kafka.tools.TopicCommand", &arguments);
        let output = child.wait_with_output().expect("it ends");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

/// A client of Cassandra on the project's own Java driver, see `clients/Quorum.java`.
pub(crate) struct Quorum {
    java: PathBuf,
    class_path: String,
    contact_points: String,
    data_center: String,
}

impl Quorum {
    /// The driver is among the jars of Zipkin, which uses it too.
    pub(crate) fn of(driver: &Tools, contact_points: &str, data_center: &str) -> Self {
        Self {
            java: driver.java.clone(),
            class_path: driver.class_path.clone(),
            contact_points: contact_points.to_owned(),
            data_center: data_center.to_owned(),
        }
    }

    /// The number of a row is in it. Ends when all are written, or by `stop_after`.
    pub(crate) fn write(&self, keyspace: &str, rows: Range<u64>, per_second: u64) -> Running {
        let count = rows.end - rows.start;
        let numbers = [rows.start, count, per_second].map(|number| number.to_string());
        self.start("write", keyspace, &numbers)
    }

    /// All that is there.
    pub(crate) fn read(&self, keyspace: &str) -> Stored {
        let told = self.start("read", keyspace, &[]).end();
        let number = |what: &str| told.last()[what].as_i64();
        Stored {
            found: number("found"),
            checksum: number("checksum"),
        }
    }

    fn start(&self, what: &str, keyspace: &str, numbers: &[String]) -> Running {
        let source = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/real/clients/Quorum.java"
        );
        let child = Command::new(&self.java)
            .args([
                "-Xmx160m",
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-cp",
            ])
            .args([&self.class_path, source, what])
            .args([&self.contact_points, &self.data_center])
            .arg(keyspace)
            .args(numbers)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        Running::new(child.expect("a client starts"))
    }
}

/// How many rows there are, and a sum over what is in them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    found: Option<i64>,
    checksum: Option<i64>,
}

impl Stored {
    /// Of the first `rows` as `write` writes them; reckoned as `Quorum.java` does it.
    pub(crate) fn of(rows: u64) -> Self {
        let rows = i64::try_from(rows).expect("a number of rows");
        let hash = |text: &str| {
            let step = |hash: i32, byte| hash.wrapping_mul(31).wrapping_add(i32::from(byte));
            i64::from(text.bytes().fold(0, step))
        };
        let row = |id: i64| (id + 1).wrapping_mul(hash(&format!("row {id}")));
        Self {
            found: Some(rows),
            checksum: Some((0..rows).map(row).fold(0, i64::wrapping_add)),
        }
    }
}

/// A client at work. Its output is read all the time: a client that cannot print its line for a record stands still.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<Value>,
}

impl Running {
    fn new(mut child: Child) -> Self {
        let output = child.stdout.take().expect("it is piped");
        let (told, lines) = channel();
        drop(std::thread::spawn(move || {
            let all = BufReader::new(output).lines().map_while(Result::ok);
            all.filter_map(|line| serde_json::from_str::<Value>(&line).ok())
                .take_while(|line| told.send(line.clone()).is_ok())
                .count()
        }));
        Self { child, lines }
    }

    /// Waits until it has told so many lines; they are kept for the end.
    pub(crate) fn under_way(self, lines: usize) -> (Self, Vec<Value>) {
        let next = || self.lines.recv_timeout(Duration::from_secs(60)).ok();
        let first: Vec<Value> = std::iter::from_fn(next).take(lines).collect();
        (self, first)
    }

    pub(crate) fn end(self) -> Told {
        self.end_after(Vec::new())
    }

    /// The end of a client that would go on for as long as it is not told to end.
    pub(crate) fn stop_after(mut self, first: Vec<Value>) -> Told {
        drop(self.child.stdin.take());
        self.end_after(first)
    }

    /// Everything that it told, `first` included.
    pub(crate) fn end_after(mut self, first: Vec<Value>) -> Told {
        let mut lines = first;
        lines.extend(self.lines.iter());
        drop(self.child.wait());
        Told { lines }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Told {
    /// The last line.
    pub(crate) fn last(&self) -> &Value {
        self.lines.last().unwrap_or(&Value::Null)
    }

    /// Acknowledged records.
    pub(crate) fn acknowledged(&self) -> u64 {
        let of = |line: &&Value| line["name"] == "producer_send_success";
        self.lines.iter().filter(of).count() as u64
    }

    /// The values that were acknowledged.
    pub(crate) fn values(&self) -> BTreeSet<String> {
        let of = |line: &&Value| line["name"] == "producer_send_success";
        self.lines
            .iter()
            .filter(of)
            .map(|line| format!("{}", line["value"]))
            .collect()
    }

    /// Records that were not acknowledged, with what the client said.
    pub(crate) fn errors(&self) -> Vec<&Value> {
        self.lines
            .iter()
            .filter(|line| line["name"] == "producer_send_error")
            .collect()
    }
}
