//! Virtual data centers as an ordinary user, without namespaces, to their own end, and found by name wherever they go.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use crate::home::{Home, text};

const FEW: &str = "
name: few
applications:
  sleeper: {type: command, command: [sleep, '100000'], ports: {http: 8080}, instances: 2}
";

/// Nobody: every machine has it, and it has nothing.
const ORDINARY: u32 = 65_534;

fn file(home: &Home, name: &str, stack: &str) -> String {
    let path = home.path().join(name);
    std::fs::write(&path, stack).expect("a file");
    path.display().to_string()
}

#[test]
fn an_ordinary_user_needs_nothing_from_root() {
    let home = Home::new();
    if !home.is_roots() {
        println!("every test here runs as an ordinary user");
        return;
    }
    let (user, group) = (format!("--reuid={ORDINARY}"), format!("--regid={ORDINARY}"));
    let home = home.given_to(ORDINARY, &["setpriv", &user, &group, "--clear-groups"]);
    home.good(&["run", &file(&home, "few.yaml", FEW)]);
    let status = home.good(&["status", "few"]);
    assert!(status.contains("isolation vdc"), "{status}");
    let doctor = home.smack(&["doctor"]).stdout;
    assert!(doctor.contains("level vdc"), "{doctor}");
    let who = home.good(&[
        "exec",
        "few",
        "sleeper/sleeper-0",
        "--",
        "getent",
        "hosts",
        "sleeper-1.sleeper",
    ]);
    assert!(who.starts_with("127."), "{who}");
    let processes = home.json(&["ps", "--all", "--json"]);
    let roles = ["holder", "relay", "shim", "program"];
    for role in roles {
        assert!(
            processes
                .as_array()
                .is_some_and(|all| all.iter().any(|one| text(&one["role"]) == role)),
            "no {role}: {processes}"
        );
    }
    let flows = home.smack(&["flows", "--test"]);
    assert_eq!(flows.code, 0, "{}{}", flows.stdout, flows.stderr);
    home.good(&["down", "few", "--check"]);
}

/// The kernel's own refusal: a user namespace in which no further one may be made, and no privilege.
const OFF: &str = "echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --bounding-set=-all --inh-caps=-all \"$@\"";

#[test]
fn with_namespaces_off_everything_says_so() {
    let home = Home::new().behind(&[
        "unshare",
        "--user",
        "--map-root-user",
        "sh",
        "-c",
        OFF,
        "sh",
    ]);
    home.good(&["run", &file(&home, "few.yaml", FEW)]);
    let status = home.good(&["status", "few"]);
    assert!(status.contains("isolation open"), "{status}");
    let doctor = home.smack(&["doctor"]);
    let doctor = doctor.stdout + &doctor.stderr;
    assert!(
        doctor.contains("level open") && doctor.contains("user.max_user_namespaces is 0"),
        "{doctor}"
    );
    let strict = file(
        &home,
        "strict.yaml",
        &FEW.replace("name: few", "name: strict\nrequire: {isolation: vdc}"),
    );
    let refused = home.smack(&["run", &strict]);
    assert_eq!(refused.code, 1, "{}", refused.stderr);
    assert!(
        refused.stderr.contains("isolation") && refused.stderr.contains("max_user_namespaces"),
        "{}",
        refused.stderr
    );
    home.good(&["exec", "few", "sleeper/sleeper-0", "--", "true"]);
    home.good(&["down", "few", "--check"]);
}

#[test]
fn a_virtual_data_center_ends_when_its_time_is_over() {
    let home = Home::new();
    let few = file(&home, "few.yaml", FEW);
    home.good(&["run", &few, "--ttl", "4s"]);
    let left = home.good(&["ttl", "few"]);
    assert!(left.contains("ends"), "{left}");
    home.wait_until("it has ended by itself", Duration::from_secs(30), || {
        home.json(&["status", "--json"]) == serde_json::json!([])
    });
    let journal = home.events("few");
    let told: Vec<&str> = journal.iter().map(|event| text(&event["text"])).collect();
    assert!(told.iter().any(|line| line.contains("ttl 4s")), "{told:?}");
    assert_eq!(home.sandboxes(), 0);
    // The same name again, which then shall stay.
    home.good(&["run", &few, "--ttl", "1h"]);
    home.good(&["ttl", "few", "never"]);
    let stays = home.good(&["ttl", "few"]);
    assert!(stays.contains("does not end"), "{stays}");
    home.good(&["down", "few", "--check"]);
}

/// It leaves, others come and take its address, and it comes back.
#[test]
fn a_task_that_has_moved_is_found_at_its_new_address_within_a_second() {
    let home = Home::new();
    let program = "{type: command, command: [sleep, '100000'], ports: {http: 8080}}";
    let stack = |applications: &[&str]| {
        let lines = applications
            .iter()
            .map(|name| format!("  {name}: {program}\n"));
        let text = format!("name: one\napplications:\n{}", lines.collect::<String>());
        home.good(&["run", &file(&home, "one.yaml", &text)]);
        Instant::now()
    };
    let address = |application: &str| {
        let tasks = home.tasks("one");
        let task = tasks
            .iter()
            .find(|task| text(&task["application"]) == application);
        text(&task.expect("it is there")["address"]).to_owned()
    };
    stack(&["web"]);
    let server = home.json(&["status", "--json"])[0]["dns"].clone();
    let name = "web-0.web.one.default.smack";
    let first = address("web");
    assert_eq!(ask(text(&server), name), std::slice::from_ref(&first));
    stack(&["other"]);
    assert_eq!(ask(text(&server), name), [""; 0]);
    stack(&["other", "third"]);
    let ready = stack(&["other", "third", "web"]);
    let second = address("web");
    assert_ne!(first, second);
    while ask(text(&server), name) != std::slice::from_ref(&second) {
        assert!(
            ready.elapsed() < Duration::from_secs(10),
            "{name} is not at {second}"
        );
    }
    home.good(&["down", "one", "--check"]);
    assert_eq!(ask(text(&server), name), [""; 0]);
}

/// The addresses of a name, by one question of type A over UDP (RFC 1035).
fn ask(server: &str, name: &str) -> Vec<String> {
    let mut question = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0".to_vec();
    for label in name.split('.') {
        question.push(u8::try_from(label.len()).expect("a label"));
        question.extend(label.as_bytes());
    }
    question.extend(b"\0\0\x01\0\x01");
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket
        .set_read_timeout(Some(Duration::from_secs(5)))
        .expect("a timeout");
    socket.send_to(&question, server).expect("it is sent");
    let mut answer = [0; 512];
    let length = socket.recv(&mut answer).expect("an answer");
    let count = usize::from(answer[7]);
    // Each record: a name of two bytes that points back, type, class, time to live, length, address.
    let records = answer[question.len()..length].chunks(16).take(count);
    records
        .map(|record| {
            record[12..16]
                .iter()
                .map(u8::to_string)
                .collect::<Vec<_>>()
                .join(".")
        })
        .collect()
}
