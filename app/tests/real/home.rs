//! A home with a server of its own, and the binary that talks to it.

use std::ffi::OsString;
use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

/// One real test at a time.
static TURN: Mutex<()> = Mutex::new(());

pub(crate) struct Home {
    directory: tempfile::TempDir,
    /// The words before each command line of smack, and the program.
    before: Vec<String>,
    program: PathBuf,
    _turn: MutexGuard<'static, ()>,
}

/// What a command came to.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Home {
    /// `None` if this machine cannot run the products: said aloud, and a failure where everything is required.
    pub(crate) fn real(test: &str) -> Option<Self> {
        let missing: Vec<&str> = [("java", "-version"), ("mvn", "-version")]
            .into_iter()
            .filter(|(program, argument)| {
                let ran = Command::new(program)
                    .arg(argument)
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .status();
                !ran.is_ok_and(|status| status.success())
            })
            .map(|(program, _)| program)
            .collect();
        if missing.is_empty() {
            return Some(Self::new());
        }
        let text = format!(
            "{test} needs {}, which this machine does not have",
            missing.join(" and ")
        );
        assert!(
            std::env::var("SMACK_REAL").as_deref() != Ok("required"),
            "{text}"
        );
        println!("NOT RUN: {text}");
        None
    }

    pub(crate) fn new() -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let directory = tempfile::Builder::new()
            .prefix("smack-real-")
            .tempdir()
            .expect("a temporary directory");
        share_artifacts(directory.path());
        Self {
            directory,
            before: Vec::new(),
            program: env!("CARGO_BIN_EXE_smack").into(),
            _turn: turn,
        }
    }

    /// The same, with every command started by another one: `before` with smack's command line behind it.
    pub(crate) fn behind(mut self, before: &[&str]) -> Self {
        self.before = before.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    /// The same, of another user; the program is copied, for the directory of the build may be nobody else's business.
    pub(crate) fn given_to(mut self, user: u32, before: &[&str]) -> Self {
        let program = self.path().join("smack");
        std::fs::copy(&self.program, &program).expect("a copy");
        std::fs::remove_file(self.path().join("artifacts")).expect("a link");
        std::fs::set_permissions(self.path(), Permissions::from_mode(0o755)).expect("permissions");
        chown(self.path(), Some(user), Some(user)).expect("root may");
        self.program = program;
        self.behind(before)
    }

    pub(crate) fn is_roots(&self) -> bool {
        std::fs::metadata(self.path()).is_ok_and(|home| home.uid() == 0)
    }

    /// How many attempts have a directory.
    pub(crate) fn sandboxes(&self) -> usize {
        let entries = self.path().join("sandboxes").read_dir();
        entries.map_or(0, Iterator::count)
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let words: Vec<OsString> = self
            .before
            .iter()
            .map(OsString::from)
            .chain([self.program.clone().into_os_string()])
            .collect();
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .args(arguments)
            .env("SMACK_HOME", self.path())
            .env_remove("SMACK_API");
        command.current_dir(repository()).stdin(Stdio::null());
        command
    }

    pub(crate) fn smack(&self, arguments: &[&str]) -> Ran {
        let Output {
            status,
            stdout,
            stderr,
        } = self.command(arguments).output().expect("the binary runs");
        Ran {
            code: status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&stdout).into_owned(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
        }
    }

    /// Runs a command that must succeed.
    pub(crate) fn good(&self, arguments: &[&str]) -> String {
        let Ran {
            code,
            stdout,
            stderr,
        } = self.smack(arguments);
        assert_eq!(
            code,
            0,
            "smack {}\n{stdout}\n{stderr}\n{}",
            arguments.join(" "),
            self.server_log()
        );
        stdout
    }

    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let text = self.good(arguments);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    pub(crate) fn export(&self, vdc: &str, name: &str) -> String {
        let exports = self.json(&["exports", vdc, "--json"]);
        exports[name]
            .as_str()
            .unwrap_or_else(|| panic!("{vdc} exports no {name}: {exports}"))
            .to_owned()
    }

    pub(crate) fn tasks(&self, vdc: &str) -> Vec<Value> {
        let status = self.json(&["status", vdc, "--json"]);
        let vdc = status
            .as_array()
            .and_then(|vdcs| vdcs.first())
            .cloned()
            .unwrap_or(status);
        vdc["tasks"].as_array().cloned().unwrap_or_default()
    }

    /// Names with attempts and pids, in order: equal before and after means that nothing was restarted.
    pub(crate) fn attempts(&self, vdc: &str) -> Vec<(String, u64, u64)> {
        let mut attempts: Vec<(String, u64, u64)> = self
            .tasks(vdc)
            .iter()
            .map(|task| {
                let name = format!("{}/{}", text(&task["application"]), text(&task["name"]));
                (
                    name,
                    task["attempt"].as_u64().unwrap_or(0),
                    task["pid"].as_u64().unwrap_or(0),
                )
            })
            .collect();
        attempts.sort();
        attempts
    }

    pub(crate) fn pid(&self, vdc: &str, task: &str) -> u64 {
        let tasks = self.tasks(vdc);
        let found = tasks.iter().find(|state| text(&state["name"]) == task);
        found
            .and_then(|state| state["pid"].as_u64())
            .unwrap_or_else(|| panic!("{task} has no pid: {tasks:?}"))
    }

    pub(crate) fn events(&self, vdc: &str) -> Vec<Value> {
        let text = self.good(&["events", vdc, "--json"]);
        text.lines()
            .map(|line| serde_json::from_str(line).expect("an object per line"))
            .collect()
    }

    pub(crate) fn wait_until(&self, what: &str, limit: Duration, mut holds: impl FnMut() -> bool) {
        let deadline = Instant::now() + limit;
        while !holds() {
            let status = || self.smack(&["status"]).stdout;
            assert!(
                Instant::now() < deadline,
                "not within {limit:?}: {what}\n{}\n{}",
                status(),
                self.server_log()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub(crate) fn server_pid(&self) -> u64 {
        let text = std::fs::read_to_string(self.path().join("lock")).unwrap_or_default();
        let digits: String = text
            .chars()
            .skip_while(|c| !c.is_ascii_digit())
            .take_while(char::is_ascii_digit)
            .collect();
        digits
            .parse()
            .unwrap_or_else(|_| panic!("no server: {text:?}"))
    }

    pub(crate) fn kill_server(&self) {
        kill(self.server_pid(), "-KILL");
    }

    fn server_log(&self) -> String {
        let log = std::fs::read_to_string(self.path().join("server.log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}

impl Drop for Home {
    /// Whatever the test left is ended: every process below this home, by its own files and environment.
    fn drop(&mut self) {
        if std::thread::panicking() && std::env::var("SMACK_KEEP").is_ok() {
            println!("kept: {}", self.path().display());
        }
        let server = std::fs::read_to_string(self.path().join("lock")).unwrap_or_default();
        if !server.is_empty() {
            drop(self.smack(&["server", "--stop"]));
        }
        for pid in processes_below(self.path()) {
            kill(pid, "-KILL");
        }
    }
}

/// The fetched jars are shared by all tests: hash-checked files, linked into each home.
fn share_artifacts(home: &Path) {
    let shared = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("artifacts");
    std::fs::create_dir_all(&shared).expect("a writable target directory");
    std::os::unix::fs::symlink(&shared, home.join("artifacts")).expect("a link");
}

/// Pids whose current directory or program lies below `directory`.
fn processes_below(directory: &Path) -> Vec<u64> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| {
        let pid: u64 = entry.file_name().to_str()?.parse().ok()?;
        let is_below = |link: &str| {
            std::fs::read_link(entry.path().join(link))
                .is_ok_and(|target| target.starts_with(directory))
        };
        (is_below("cwd") || is_below("exe")).then_some(pid)
    });
    pids.collect()
}

pub(crate) fn kill(pid: u64, signal: &str) {
    let status = Command::new("kill")
        .args([signal, &pid.to_string()])
        .stderr(Stdio::null())
        .status();
    drop(status);
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .expect("the repository")
}
