//! Clients of old under the real binary: the HTTP API with right, wrong and missing keys, an old script of curl lines, and
//! the command line as it was typed. No Java needed.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use expect_test::expect_file;

use crate::home::Home;

/// A server that listens by TCP, as of old.
pub(crate) struct Server {
    process: Child,
    pub(crate) address: String,
    /// Of the first admin.
    pub(crate) key: String,
}

impl Server {
    pub(crate) fn start(home: &Home) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let address = port.expect("a free port").to_string();
        let mut command = home.command(&["stack-deploy", "server", "--api", &address]);
        let mut process = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary runs");
        let mut lines = BufReader::new(process.stdout.take().expect("piped")).lines();
        let key = lines
            .find_map(|line| Some(line.ok()?.strip_prefix("Admin user key: ")?.to_owned()))
            .expect("the key of the first admin");
        Self {
            process,
            address,
            key,
        }
    }

    /// Status and text of an answer.
    fn ask(&self, path: &str, user: Option<(&str, &str)>, body: &str) -> String {
        let mut request = format!(
            "POST {path} HTTP/1.1\r\nHost: smack\r\nConnection: close\r\nContent-Length: {}\r\n",
            body.len()
        );
        if let Some((name, key)) = user {
            let _ = write!(request, "X-Api-User: {name}\r\nX-Api-Key: {key}\r\n");
        }
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .expect("a timeout");
        stream
            .write_all(format!("{request}\r\n{body}").as_bytes())
            .expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (head, text) = answer.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).unwrap_or_default();
        format!("{status} {text}").trim_end().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

const DUO: &str = "name: duo\napplications:\n  one:\n    type: whatever\n    id: one\n    cpu: 0.01\n    mem: 8\n    launch_command: sleep 1000\n  two:\n    type: whatever\n    id: two\n    cpu: 0.01\n    mem: 8\n    launch_command: echo ${one.host}; sleep 1000\n    dependencies: [one]\n";
const BEAT: &str = "name: beat\napplications:\n  beat:\n    type: run-once\n    id: beat\n    cpu: 0.01\n    mem: 8\n    launch_command: echo beat\n    time_schedule: '@every 1s'\n";
const STACK: &str = "name: sleepers\napplications:\n  one:\n    type: whatever\n    id: one\n    cpu: 0.01\n    mem: 8\n    launch_command: sleep ${long}\n";

#[test]
fn every_path_with_right_wrong_and_missing_keys_and_bodies() {
    let home = Home::new();
    let server = Server::start(&home);
    let admin = ("admin", server.key.as_str());
    let regular = server.ask(
        "/createuser",
        Some(admin),
        r#"{"name": "ann", "role": "user"}"#,
    );
    let ann = regular.strip_prefix("201 ").expect("a key").to_owned();
    let mut told = String::new();
    let paths = [
        "/health",
        "/list",
        "/get",
        "/createstack",
        "/createlayer",
        "/removestack",
        "/run",
        "/scheduled",
        "/scheduled/delete",
        "/createuser",
        "/refreshtoken",
        "/nowhere",
    ];
    for path in paths {
        let _ = writeln!(told, "{path}");
        let asked = [
            ("no key", None, "{}"),
            ("wrong key", Some(("admin", "wrong")), "{}"),
            ("unknown user", Some(("bob", server.key.as_str())), "{}"),
            ("empty", Some(("ann", ann.as_str())), ""),
            ("no JSON", Some(admin), "{"),
            (
                "wrong types",
                Some(admin),
                r#"{"name": 1, "stackfile": 1, "id": "x"}"#,
            ),
            ("unknown", Some(admin), r#"{"name": "none", "id": 7}"#),
        ];
        for (what, user, body) in asked {
            let mut answer = server.ask(path, user, body);
            if answer.starts_with("20") && answer.len() == "201 ".len() + 36 {
                answer.replace_range(4.., "a key");
            }
            let _ = writeln!(told, "  {what}: {}", answer.replace('\n', "\n    "));
        }
    }
    expect_file!["stack_deploy/answers.txt"].assert_eq(&told);
}

#[test]
fn an_old_script_of_curl_lines_passes() {
    const SCRIPT: &str = r#"set -eu
        api() { curl -sS --fail-with-body -X POST -H "X-Api-User: $SD_USER" -H "X-Api-Key: $SD_KEY" -d "$2" "http://$SD_API/$1"; echo; }
        curl -sS "http://$SD_API/health"
        api createlayer '{"stackfile": "name: dc\n", "layer": "datacenter"}'
        api createlayer '{"stackfile": "name: cluster\n", "layer": "cluster", "parent": "dc"}'
        api createlayer '{"stackfile": "name: zone1\napplications:\n  one: {mem: 9}\n", "layer": "zone", "parent": "cluster"}'
        api createstack "{\"stackfile\": \"$STACK\"}"
        api list '{}'
        api get '{"name": "zone1"}'
        api run '{"name": "sleepers", "zone": "zone1", "maxwait": 60, "variables": {"long": "1000"}}'
        api removestack '{"name": "dc", "force": true}'
        api list '{}'
    "#;
    let home = Home::new();
    let server = Server::start(&home);
    let ran = Command::new("sh")
        .args(["-c", SCRIPT])
        .env("SD_API", &server.address)
        .env("SD_USER", "admin")
        .env("SD_KEY", &server.key)
        .env("STACK", STACK.replace('\n', "\\n"))
        .output()
        .expect("sh runs");
    let told = format!(
        "{}{}{}",
        ran.status,
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr)
    );
    expect_file!["stack_deploy/curl.txt"].assert_eq(&told);
    let tasks = home.tasks("zone1/sleepers");
    assert_eq!(tasks.len(), 1, "{tasks:?}");
    home.good(&["down", "zone1/sleepers", "--check"]);
}

#[test]
fn the_commands_of_old_as_they_were_typed() {
    const SCRIPT: &str = r#"
        stack-deploy ping
        stack-deploy addlayer --file dc.stack --level datacenter
        stack-deploy addlayer --file zone1.stack --parent dc
        stack-deploy add --file sleepers.stack
        stack-deploy add --file sleepers.stack
        stack-deploy list
        stack-deploy show dc
        stack-deploy run sleepers --zone zone1
        stack-deploy run sleepers --zone zone1 --var long=1000 | sed 's/in .*/in a moment/'
        stack-deploy run failing --zone zone1 --max.wait 2 | sed 's/; failure .*//'
        stack-deploy run duo --zone zone1 --skip one
        stack-deploy run duo --zone zone1 --skip one --var one.host=10.0.0.1 | sed 's/in .*/in a moment/'
        stack-deploy run duo --zone zone1 --skip 'one('
        stack-deploy add --file beat.stack
        stack-deploy run beat --zone zone1 | sed 's/in .*/in a moment/'
        sleep 3
        stack-deploy scheduled | sed 's/^\[[0-9]*\]/[ID]/'
        stack-deploy scheduled --remove $(stack-deploy scheduled | sed -n 's/^\[\([0-9]*\)\].*/\1/p') | sed 's/^[0-9]*/ID/'
        stack-deploy scheduled
        stack-deploy scheduled --remove 7
        stack-deploy run none
        stack-deploy scheduled
        stack-deploy remove dc
        stack-deploy remove dc --force
        stack-deploy remove sleepers
        stack-deploy list
    "#;
    let home = Home::new();
    let work = home.path().join("work");
    std::fs::create_dir(&work).expect("a directory");
    symlink(env!("CARGO_BIN_EXE_smack"), work.join("stack-deploy")).expect("a link");
    let failing = STACK
        .replace("name: sleepers", "name: failing")
        .replace("sleep ${long}", "exit 3");
    for (name, text) in [
        ("dc.stack", "name: dc\n"),
        ("zone1.stack", "name: zone1\n"),
        ("sleepers.stack", STACK),
        ("failing.stack", &failing),
        ("duo.stack", DUO),
        ("beat.stack", BEAT),
    ] {
        std::fs::write(work.join(name), text).expect("a file");
    }
    for name in ["failing.stack", "duo.stack"] {
        home.good(&["add", &work.join(name).display().to_string()]);
    }
    let path = std::env::var("PATH").unwrap_or_default();
    let ran = Command::new("sh")
        .args(["-c", SCRIPT])
        .current_dir(&work)
        .env("PATH", format!("{}:{path}", work.display()))
        .env("SMACK_HOME", home.path())
        .env_remove("SD_API")
        .env_remove("SMACK_API")
        .output()
        .expect("sh runs");
    let told = format!(
        "{}{}",
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr)
    );
    expect_file!["stack_deploy/typed.txt"].assert_eq(&told);
    assert_eq!(home.tasks("zone1/duo").len(), 1);
    let logs = home.good(&["logs", "zone1/duo", "two"]);
    assert!(logs.contains("10.0.0.1"), "{logs}");
    let events = home.events("zone1/beat");
    let beats = events.iter().filter(|event| event["kind"] == "due").count();
    assert!((2..=8).contains(&beats), "{beats} beats: {events:?}");
    for vdc in ["zone1/beat", "zone1/sleepers", "zone1/failing", "zone1/duo"] {
        home.good(&["down", vdc]);
    }
}

const HOOKED: &str = "name: hooked\napplications:\n  web:\n    type: whatever\n    id: web\n    cpu: 0.01\n    mem: 8\n    before_scheduler: [echo one, echo two]\n    after_tasks: ['echo ${web.host} is up']\n    launch_command: sleep 1000\n";

#[test]
fn hooks_run_as_jobs_if_the_server_allows_them() {
    let home = Home::new();
    let file = home.path().join("hooked.stack");
    std::fs::write(&file, HOOKED).expect("a file");
    let file = file.display().to_string();
    let ran = home.smack(&["run", &file]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("before_scheduler is dropped"),
        "{}",
        ran.stderr
    );
    assert_eq!(home.tasks("hooked").len(), 1);
    home.good(&["server", "--replace", "--hooks"]);
    home.good(&["run", &file]);
    assert_eq!(home.tasks("hooked").len(), 3);
    let before = home.good(&["logs", "hooked", "web-before-scheduler"]);
    assert_eq!(before, "one\ntwo\n");
    let after = home.good(&["logs", "hooked", "web-after-tasks"]);
    assert!(
        after.ends_with(" is up\n") && after.starts_with("127."),
        "{after}"
    );
    home.good(&["down", "hooked", "--check"]);
}
