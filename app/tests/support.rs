//! What the tests of the command line share: the program in a home of its own, and a fake server with canned answers.

mod fake;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

pub(crate) use fake::{Answer, Fake};

/// The program, a home, and perhaps a server on its socket.
pub(crate) struct Smack {
    home: tempfile::TempDir,
    /// Where stack files are written and commands run.
    pub(crate) work: tempfile::TempDir,
    pub(crate) server: Option<Fake>,
}

/// What a command did.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Smack {
    /// With a fake server that has one VDC, see [`vdc`].
    pub(crate) fn new() -> Self {
        let mut smack = Self::alone();
        let fake = Fake::start(&smack.home().join("api.sock"));
        fake.on("GET /v1/server", server());
        fake.on("GET /v1/vdcs", json!([vdc()]));
        fake.on("GET /v1/vdcs/default/pipeline", vdc());
        smack.server = Some(fake);
        smack
    }

    /// Without a server.
    pub(crate) fn alone() -> Self {
        Self {
            home: tempfile::tempdir().unwrap(),
            work: tempfile::tempdir().unwrap(),
            server: None,
        }
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn fake(&self) -> &Fake {
        self.server.as_ref().unwrap()
    }

    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.work.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_smack"));
        command
            .args(arguments)
            .current_dir(self.work.path())
            .stdin(Stdio::null());
        for name in [
            "SMACK_API",
            "SMACK_LISTEN",
            "SD_API",
            "SD_USER",
            "SD_KEY",
            "SMACK_NODES",
            "SMACK_MIRRORS",
            "SMACK_BUNDLE",
            "SMACK_ZIPKIN",
            "SMACK_OTLP",
            "RUST_LOG",
            "NO_COLOR",
        ] {
            command.env_remove(name);
        }
        command
            .env("SMACK_HOME", self.home.path())
            .env("SMACK_NO_MAVEN", "1")
            .env("SMACK_NO_ARCHIVES", "1");
        command
    }

    /// Runs a command to its end; none may take longer than half a minute.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.finish(self.command(arguments))
    }

    pub(crate) fn finish(&self, mut command: Command) -> Ran {
        let child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let pid = rustix::process::Pid::from_child(&child);
        let (done, watch) = std::sync::mpsc::channel::<()>();
        let guard = std::thread::spawn(move || {
            if watch.recv_timeout(Duration::from_secs(30))
                == Err(std::sync::mpsc::RecvTimeoutError::Timeout)
            {
                rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
            }
        });
        let output = child.wait_with_output().unwrap();
        drop(done);
        guard.join().unwrap();
        self.ran(&output)
    }

    fn ran(&self, output: &Output) -> Ran {
        let text = |bytes: &[u8]| self.stable(&String::from_utf8_lossy(bytes));
        Ran {
            code: output.status.code(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    /// Without what differs between machines and runs.
    pub(crate) fn stable(&self, text: &str) -> String {
        let text = text.replace(&self.home.path().display().to_string(), "HOME");
        without_times(&text.replace(&self.work.path().display().to_string(), "WORK"))
    }
}

/// `12.3s` becomes `#s`: how long things took is not what these tests are about.
fn without_times(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(at);
        let end = from
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(from.len());
        let (number, after) = from.split_at(end);
        let is_time = number.contains('.')
            && after.starts_with('s')
            && !after[1..].starts_with(char::is_alphanumeric);
        out.push_str(if is_time {
            before.trim_end_matches("   ")
        } else {
            before
        });
        out.push_str(if is_time { "#" } else { number });
        rest = after;
    }
    out + rest
}

impl Ran {
    /// Exit code, then what was told, then the data.
    pub(crate) fn told(&self) -> String {
        let code = self
            .code
            .map_or_else(|| "killed".to_owned(), |code| code.to_string());
        let mut text = format!("exit {code}\n");
        for (name, stream) in [("err", &self.stderr), ("out", &self.stdout)] {
            for line in stream.lines() {
                text.push_str(format!("{name}: {line}").trim_end());
                text.push('\n');
            }
        }
        text
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error} in {:?}", self.stdout))
    }
}

/// Waits until something holds, for at most ten seconds.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// `GET /v1/server`.
pub(crate) fn server() -> Value {
    json!({
        "version": env!("CARGO_PKG_VERSION"), "pid": 4711, "epoch": 3, "home": "HOME", "started_ms": 1,
        "isolation": "open", "limits": "not enforced", "nodes": [{"name": "local-0", "cpu_millis": 2000, "memory_mib": 8192}],
    })
}

/// A VDC with one application that is ready and one that is not.
pub(crate) fn vdc() -> Value {
    json!({
        "vdc": "default/pipeline", "name": "pipeline", "zone": "default", "state": "starting", "converged": false,
        "stack": "pipeline", "revision": 2, "created_ms": 1000, "updated_ms": 2000, "isolation": "open",
        "limits": "not enforced",
        "applications": [
            {"name": "kafka", "kind": "kafka", "state": "starting", "ready": false, "converged": false, "paused": false,
             "revision": 2, "requires": ["zookeeper"], "waiting": [],
             "operations": [{"name": "topic events", "done": false, "text": "not asked for yet"}], "exports": {}},
            {"name": "zookeeper", "kind": "zookeeper", "state": "ready", "ready": true, "converged": true, "paused": false,
             "revision": 2, "requires": [], "waiting": [], "operations": [], "exports": {"connect": "127.1.0.2:2181"}},
        ],
        "tasks": [
            task("kafka", "broker-0", "waiting", Some("zookeeper is not ready")),
            task("zookeeper", "zk-0", "ready", None),
        ],
    })
}

pub(crate) fn task(application: &str, name: &str, state: &str, waiting: Option<&str>) -> Value {
    let runs = state == "ready" || state == "running";
    json!({
        "application": application, "name": name, "state": state, "node": runs.then_some("local-0"),
        "address": runs.then_some("127.1.0.2"), "ports": if runs { json!({"client": 2181}) } else { json!({}) },
        "attempt": u32::from(runs), "pid": runs.then_some(99), "waiting": waiting, "since_ms": null, "failures": 0,
        "role": (state == "ready").then_some("leader"), "outdated": false,
    })
}

/// The same VDC with everything ready.
pub(crate) fn ready() -> Value {
    let mut vdc = vdc();
    vdc["state"] = json!("ready");
    vdc["converged"] = json!(true);
    vdc["applications"][0]["state"] = json!("ready");
    vdc["applications"][0]["ready"] = json!(true);
    vdc["applications"][0]["converged"] = json!(true);
    vdc["applications"][0]["operations"][0]["done"] = json!(true);
    vdc["applications"][0]["exports"] = json!({"brokers": "127.1.0.3:9092"});
    vdc["tasks"] = json!([
        task("kafka", "broker-0", "ready", None),
        task("zookeeper", "zk-0", "ready", None)
    ]);
    vdc
}

/// `POST /v1/runs`.
pub(crate) fn run_answer() -> Value {
    json!({
        "vdc": "default/pipeline", "revision": 2, "silent": false, "notices": [],
        "plan": [{"application": "kafka", "kind": "kafka", "steps": [
            {"subject": "broker-0", "effect": "restart", "reasons": ["-Xmx512m -> -Xmx1g"], "after": ["the product says broker-0 may go"]},
            {"subject": "broker-1", "effect": "leave", "reasons": [], "after": []},
        ]}],
    })
}

/// A line of the journal.
pub(crate) fn event(seq: u64, at_ms: u64, subject: &str, kind: &str, text: &str) -> Value {
    json!({"seq": seq, "at_ms": at_ms, "subject": subject, "kind": kind, "text": text})
}
