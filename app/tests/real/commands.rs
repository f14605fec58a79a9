//! Command stacks under the real binary: no Java needed, so these run everywhere.

use std::time::Duration;

use crate::home::{Home, kill, text};

const HUNDRED: &str = "name: hundred\napplications:\n  sleepers:\n    type: command\n    instances: 100\n    cpu: 0.01\n    mem: 4m\n    command: [sleep, '100000']\n";

fn stack(home: &Home, name: &str, text: &str) -> String {
    let file = home.path().join(name);
    std::fs::write(&file, text).expect("a file");
    file.display().to_string()
}

#[test]
fn fifty_servers_under_a_hundred_tasks_restart_none() {
    let home = Home::new();
    let file = stack(&home, "hundred.yaml", HUNDRED);
    home.good(&["run", &file]);
    let before = home.attempts("hundred");
    assert_eq!(before.len(), 100);
    for _ in 0..50 {
        home.kill_server();
        home.good(&["status", "hundred", "--json"]);
    }
    assert_eq!(home.attempts("hundred"), before);
    home.good(&["down", "hundred", "--check"]);
}

/// Of what the tasks of zone1/two were launched with, as the store has them.
fn digests(home: &Home) -> Vec<(String, String)> {
    let store = smack_store::Store::open(&home.path().join("smack.db")).expect("a store");
    let rows = store
        .reader()
        .and_then(|reader| reader.range("task/zone1/two/"));
    let digest = |row: &smack_store::Row| {
        let value: serde_json::Value = serde_json::from_slice(&row.value).expect("JSON");
        let name = row.key.rsplit('/').next().unwrap_or_default().to_owned();
        (name, text(&value["d"]["digest"]).to_owned())
    };
    rows.expect("rows").iter().map(digest).collect()
}

#[test]
fn an_export_makes_the_same_again() {
    const DC: &str = "name: dc\napplications:\n  one: {mem: 8m, cpu: 0.01}\n";
    const ZONE: &str = "name: zone1\nparameters: {seconds: 1000}\n";
    const BASE: &str = "name: base\nparameters: {seconds: {type: int, default: 5}}\napplications:\n  \
        one: {type: command, command: [sleep, '${seconds}'], env: {WORD: '${word}'}, ports: [any]}\n";
    const STACK: &str = "name: two\nfrom: base\napplications:\n  two: {type: command, launch_command: \"sleep 1000 # ${one.address}\", dependencies: [one]}\n";
    let home = Home::new();
    let dc = stack(&home, "dc.yaml", DC);
    let zone = stack(&home, "zone1.yaml", ZONE);
    stack(&home, "base.yaml", BASE);
    let file = stack(&home, "two.yaml", STACK);
    home.good(&["addlayer", &dc, "--level", "datacenter"]);
    home.good(&["addlayer", &zone, "--parent", "dc"]);
    let word = "word=it's $HOME";
    home.good(&[
        "run", &file, "--zone", "zone1", "--as", "Two", "--var", word,
    ]);
    let before = digests(&home);
    assert!(
        before.len() == 2 && before.iter().all(|(_, digest)| digest.len() > 8),
        "{before:?}"
    );
    let directory = home.path().join("exported");
    home.good(&["export", "zone1/two", &directory.display().to_string()]);
    let again = |home: &Home| {
        let program = std::path::Path::new(env!("CARGO_BIN_EXE_smack"));
        let mut path = program
            .parent()
            .expect("a directory")
            .as_os_str()
            .to_owned();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        let ran = std::process::Command::new(directory.join("run.sh"))
            .env("SMACK_HOME", home.path())
            .env("PATH", path)
            .output()
            .expect("the script runs");
        let told = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert!(ran.status.success(), "{told}");
        told
    };
    let attempts = home.attempts("zone1/two");
    again(&home);
    assert_eq!(
        home.attempts("zone1/two"),
        attempts,
        "nothing is to be done"
    );
    home.good(&["down", "zone1/two", "--check"]);
    home.good(&["remove", "dc", "--force"]);
    again(&home);
    assert_eq!(digests(&home), before);
    home.good(&["down", "zone1/two", "--check"]);
}

#[test]
fn rounds_of_up_and_down_leave_nothing() {
    let home = Home::new();
    let file = stack(
        &home,
        "few.yaml",
        &HUNDRED
            .replace("instances: 100", "instances: 4")
            .replace("hundred", "few"),
    );
    let rounds: u32 = std::env::var("SMACK_ROUNDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(10);
    let memory = |home: &Home| {
        let status = std::fs::read_to_string(format!("/proc/{}/status", home.server_pid()))
            .unwrap_or_default();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS"))
            .unwrap_or_default()
            .to_owned();
        line.chars()
            .filter(char::is_ascii_digit)
            .collect::<String>()
            .parse::<u64>()
            .unwrap_or(0)
    };
    let mut after_first = 0;
    for round in 0..rounds {
        home.good(&["run", &file]);
        home.good(&["down", "few", "--check"]);
        if round == 2 {
            after_first = memory(&home);
        }
    }
    let last = memory(&home);
    println!("server memory after 3 rounds {after_first} KiB, after {rounds} rounds {last} KiB");
    assert!(
        last < after_first + 2048,
        "the server grew from {after_first} to {last} KiB in {rounds} rounds"
    );
    assert_eq!(
        home.path()
            .join("sandboxes")
            .read_dir()
            .map_or(0, |entries| entries.count()),
        0
    );
    assert_eq!(
        home.path()
            .join("volumes")
            .read_dir()
            .map_or(0, |entries| entries.count()),
        0
    );
}

#[test]
fn a_task_that_fails_backs_off_gives_up_and_says_so() {
    let home = Home::new();
    let file = stack(
        &home,
        "failing.yaml",
        "name: failing\napplications:\n  broken:\n    type: command\n    launch_command: 'echo the disk is on fire >&2; exit 3'\n    \
         retry: {delay: 100ms, max-delay: 1s, max-tries: 4}\n",
    );
    // Without a healthcheck it is ready as soon as it runs, so this may come to either.
    drop(home.smack(&["run", &file]));
    home.wait_until("it gives up", Duration::from_secs(20), || {
        home.tasks("failing")
            .iter()
            .any(|task| text(&task["state"]) == "failed")
    });
    let ran = home.smack(&["run", &file, "--timeout", "20s"]);
    assert!(ran.code <= 1, "{}\n{}", ran.stdout, ran.stderr);
    home.wait_until("it gives up again", Duration::from_secs(20), || {
        home.tasks("failing")
            .iter()
            .any(|task| text(&task["state"]) == "failed")
    });
    let why = home.good(&["why", "failing"]);
    assert!(
        why.contains("gave up after 4 failures") && why.contains("exit code 3"),
        "{why}"
    );
    assert!(why.contains("the disk is on fire"), "{why}");
    let delays: Vec<String> = home
        .events("failing")
        .iter()
        .filter(|event| text(&event["kind"]) == "retry")
        .map(|event| {
            text(&event["text"])
                .split(':')
                .next()
                .unwrap_or_default()
                .to_owned()
        })
        .collect();
    assert_eq!(
        delays,
        [
            "in 100ms", "in 200ms", "in 400ms", "in 100ms", "in 200ms", "in 400ms"
        ]
    );
    home.good(&["down", "failing", "--check"]);
}

#[test]
fn fifty_kills_are_seen_and_answered_at_once() {
    let home = Home::new();
    let file = stack(
        &home,
        "one.yaml",
        "name: one\napplications:\n  sleeper:\n    type: command\n    command: [sleep, '100000']\n    retry: {delay: 1ms, max-delay: 1ms, max-tries: 0}\n",
    );
    home.good(&["run", &file]);
    let kills = 50;
    for _ in 0..kills {
        let pid = home.pid("one", "sleeper-0");
        kill(pid, "-KILL");
        home.wait_until("it is back", Duration::from_secs(10), || {
            let tasks = home.tasks("one");
            tasks
                .iter()
                .any(|task| text(&task["state"]) == "ready" && task["pid"].as_u64() != Some(pid))
        });
    }
    let events = home.events("one");
    let ended: Vec<&serde_json::Value> = events
        .iter()
        .filter(|event| text(&event["kind"]) == "ended")
        .collect();
    assert_eq!(ended.len(), kills);
    let mut seen_after: Vec<u64> = ended
        .iter()
        .map(|event| {
            let after = text(&event["text"])
                .rsplit("seen after ")
                .next()
                .unwrap_or_default();
            after.trim_end_matches("ms").parse().unwrap_or(u64::MAX)
        })
        .collect();
    seen_after.sort_unstable();
    let mut decided_after: Vec<u64> = Vec::new();
    for (index, event) in events
        .iter()
        .enumerate()
        .filter(|(_, event)| text(&event["kind"]) == "ended")
    {
        let retry = events[index..]
            .iter()
            .find(|event| text(&event["kind"]) == "retry")
            .expect("decided");
        decided_after
            .push(retry["at_ms"].as_u64().unwrap_or(0) - event["at_ms"].as_u64().unwrap_or(0));
    }
    decided_after.sort_unstable();
    println!(
        "exit seen after: median {} ms, worst {} ms; restart decided after: median {} ms, worst {} ms",
        seen_after[kills / 2],
        seen_after[kills - 1],
        decided_after[kills / 2],
        decided_after[kills - 1]
    );
    // The figures are the bench's matter; here only that nothing waits for a timer.
    assert!(seen_after[kills / 2] <= 200, "{seen_after:?}");
    home.good(&["down", "one", "--check"]);
}

#[test]
fn a_killed_shim_leaves_its_task_alive() {
    let home = Home::new();
    let file = stack(
        &home,
        "few.yaml",
        &HUNDRED
            .replace("instances: 100", "instances: 2")
            .replace("hundred", "few"),
    );
    home.good(&["run", &file]);
    let before = home.attempts("few");
    for (_, _, pid) in &before {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it lives");
        let parent: u64 = stat
            .rsplit(')')
            .next()
            .and_then(|rest| rest.split_whitespace().nth(1)?.parse().ok())
            .expect("a parent");
        kill(parent, "-KILL");
    }
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(home.attempts("few"), before);
    home.good(&["down", "few", "--check"]);
}

#[test]
fn a_second_server_says_who_holds_the_home() {
    let home = Home::new();
    home.good(&["status"]);
    let holder = home.server_pid();
    let second = home.smack(&["server", "--foreground"]);
    assert_eq!(second.code, 1, "{}", second.stderr);
    assert!(
        second.stderr.contains(&format!("pid {holder}")),
        "{}",
        second.stderr
    );
}

const AGENTS: &str = "
name: agents
applications:
  agent:
    type: command
    instances: all
    constraints: [[hostname, UNIQUE]]
    command: [sleep, '100000']
  other:
    type: command
    command: [sleep, '100000']
";

#[test]
fn one_for_each_node_follows_the_nodes() {
    let home = Home::new();
    let nodes = |count: &str| home.good(&["server", "--replace", "--nodes", count]);
    let agents = || -> Vec<(String, u64)> {
        let tasks = home.tasks("agents");
        let is_agent = |task: &&serde_json::Value| text(&task["application"]) == "agent";
        let ready = tasks.iter().filter(is_agent);
        let ready = ready.filter(|task| text(&task["state"]) == "ready");
        ready
            .map(|task| {
                let attempt = task["attempt"].as_u64().expect("a number");
                (text(&task["node"]).to_owned(), attempt)
            })
            .collect()
    };
    nodes("2");
    home.good(&["run", &stack(&home, "agents.yaml", AGENTS)]);
    let first = agents();
    assert_eq!(first.len(), 2, "{first:?}");
    nodes("4");
    home.wait_until(
        "one more for each node that came",
        Duration::from_secs(30),
        || agents().len() == 4,
    );
    assert!(agents().starts_with(&first), "nobody moves: {:?}", agents());
    let all = agents().into_iter().map(|(node, _)| node);
    assert_eq!(all.collect::<std::collections::BTreeSet<String>>().len(), 4);
    nodes("1");
    home.wait_until("the others end", Duration::from_secs(60), || {
        home.tasks("agents").len() == 2 && agents().len() == 1
    });
    home.good(&["down", "agents", "--check"]);
}
