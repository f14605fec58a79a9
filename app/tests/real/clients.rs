//! Apache's own clients, with the locked jars: independent of everything of ours that speaks Kafka's protocol.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use smack_supply::catalog::{Catalog, Part, prepare};
use smack_supply::cds::class_path_text;
use smack_supply::fetch::{Fetcher, Sources};
use smack_supply::java::{Places, choose};
use smack_supply::maven::Maven;
use smack_supply::store::Store;

/// The command line tools of one Kafka version.
pub struct Tools {
    java: PathBuf,
    class_path: String,
}

/// What a producer or consumer said at its end.
pub struct Told {
    /// Its lines, each a JSON object with a `name`.
    pub lines: Vec<Value>,
}

impl Tools {
    pub fn of(home: &Path, version: &str) -> Self {
        let catalog = Catalog::embedded();
        let entry = catalog.find("kafka", version).expect("in the catalog");
        let store = Store::open(home).expect("a store");
        let sources = Sources { maven: Some(Maven::of_user()), ..Sources::default() };
        let fetcher = Fetcher::new(&store, sources, &|_| {});
        let jars = prepare(&fetcher, entry, Part::Tools).expect("the tools are fetched");
        let java = choose("kafka", &entry.java, &Places::of_user().search()).expect("a Java").found.program();
        Self { java, class_path: class_path_text(&jars) }
    }

    fn start(&self, class: &str, arguments: &[&str]) -> Child {
        Command::new(&self.java)
            .args(["-Xmx128m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"])
            .args(["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", &self.class_path, class])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a client starts")
    }

    /// Starts a producer with acks=all; `throughput` records a second, -1 for as fast as it goes.
    pub fn produce(&self, brokers: &str, topic: &str, records: u64, throughput: i64) -> Running {
        let (records, throughput) = (records.to_string(), throughput.to_string());
        Running(self.start(
            "org.apache.kafka.tools.VerifiableProducer",
            &[
                "--bootstrap-server", brokers, "--topic", topic, "--acks", "-1", "--max-messages", &records,
                "--throughput", &throughput,
            ],
        ))
    }

    /// Reads `records` records of a topic from its beginning; gives the distinct values read.
    pub fn consume(&self, brokers: &str, topic: &str, group: &str, records: u64) -> std::collections::BTreeSet<String> {
        let count = records.to_string();
        let running = Running(self.start(
            "org.apache.kafka.tools.VerifiableConsumer",
            &[
                "--bootstrap-server", brokers, "--topic", topic, "--group-id", group, "--max-messages", &count,
                "--reset-policy", "earliest", "--verbose",
            ],
        ));
        let told = running.end();
        let data = told.lines.iter().filter(|line| line["name"] == "record_data");
        data.map(|line| format!("{}", line["value"])).collect()
    }

    /// The names of all topics.
    pub fn topics(&self, brokers: &str) -> Vec<String> {
        let child = self.start("org.apache.kafka.tools.TopicCommand", &["--bootstrap-server", brokers, "--list"]);
        let output = child.wait_with_output().expect("it ends");
        String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
    }

    /// What Kafka's own tool says of a topic.
    pub fn describe(&self, brokers: &str, topic: &str) -> String {
        let arguments = ["--bootstrap-server", brokers, "--describe", "--topic", topic];
        let child = self.start("org.apache.kafka.tools.TopicCommand", &arguments);
        let output = child.wait_with_output().expect("it ends");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

/// A client at work.
pub struct Running(Child);

impl Running {
    pub fn end(mut self) -> Told {
        let output = self.0.stdout.take().expect("it is piped");
        let lines = BufReader::new(output).lines().map_while(Result::ok);
        let lines = lines.filter_map(|line| serde_json::from_str(&line).ok()).collect();
        drop(self.0.wait());
        Told { lines }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Told {
    /// Acknowledged records.
    pub fn acknowledged(&self) -> u64 {
        let of = |line: &&Value| line["name"] == "producer_send_success";
        self.lines.iter().filter(of).count() as u64
    }

    /// The values that were acknowledged.
    pub fn values(&self) -> std::collections::BTreeSet<String> {
        let of = |line: &&Value| line["name"] == "producer_send_success";
        self.lines.iter().filter(of).map(|line| format!("{}", line["value"])).collect()
    }

    /// Records that were not acknowledged, with what the client said.
    pub fn errors(&self) -> Vec<&Value> {
        self.lines.iter().filter(|line| line["name"] == "producer_send_error").collect()
    }
}
