//! The server dies in the middle of everything; nothing is lost, nothing is doubled.

use std::time::Duration;

use crate::home::{Home, text};

#[test]
fn a_killed_server_loses_nothing_in_run_roll_and_down() {
    let Some(home) = Home::real("survival") else {
        return;
    };
    let stack = "stacks/pipeline.yaml";

    let mut run = home.command(&["run", stack]).spawn().expect("it starts");
    home.wait_until("something was placed", Duration::from_secs(60), || {
        home.path()
            .join("sandboxes")
            .read_dir()
            .is_ok_and(|entries| entries.count() >= 3)
    });
    home.kill_server();
    drop(run.wait());
    home.good(&["run", stack]);
    let first = home.attempts("pipeline");
    assert!(
        first.iter().all(|(_, attempt, _)| *attempt == 1),
        "something was restarted: {first:?}"
    );

    // Twenty servers in a row under a running platform.
    for _ in 0..20 {
        home.kill_server();
        home.good(&["status"]);
    }
    assert_eq!(home.attempts("pipeline"), first);

    let mut roll = home
        .command(&["run", stack, "--var", "heap=272m"])
        .spawn()
        .expect("it starts");
    home.wait_until("the roll has begun", Duration::from_secs(30), || {
        home.tasks("pipeline")
            .iter()
            .any(|task| text(&task["state"]) == "stopping" || task["attempt"] == 2)
    });
    home.kill_server();
    drop(roll.wait());
    home.good(&["run", stack, "--var", "heap=272m"]);
    for (name, attempt, _) in home.attempts("pipeline") {
        let expected = if name.starts_with("kafka/") { 2 } else { 1 };
        assert_eq!(attempt, expected, "{name}");
    }

    let mut down = home
        .command(&["down", "pipeline"])
        .spawn()
        .expect("it starts");
    home.wait_until("it stops", Duration::from_secs(30), || {
        let tasks = home.tasks("pipeline");
        tasks.is_empty() || tasks.iter().any(|task| text(&task["state"]) == "stopping")
    });
    home.kill_server();
    drop(down.wait());
    home.wait_until("it is gone", Duration::from_secs(60), || {
        home.json(&["status", "--json"]) == serde_json::json!([])
    });
    assert_eq!(
        home.path()
            .join("sandboxes")
            .read_dir()
            .map_or(0, |entries| entries.count()),
        0
    );
}

#[test]
fn two_copies_stand_side_by_side_on_standard_ports() {
    let Some(home) = Home::real("two copies") else {
        return;
    };
    let stack = home.path().join("small.yaml");
    std::fs::write(
        &stack,
        "name: small\nparameters:\n  topic: {type: string, default: one}\napplications:\n  zookeeper: {type: zookeeper, instances: 1}\n  \
         kafka:\n    type: kafka\n    version: 3.9\n    instances: 1\n    dependencies: [zookeeper]\n    topics:\n      only-here: {partitions: 1, replication: 1}\n",
    )
    .expect("a file");
    let other = home.path().join("other.yaml");
    let text = std::fs::read_to_string(&stack)
        .expect("a file")
        .replace("only-here", "only-there");
    std::fs::write(&other, text).expect("a file");
    home.good(&["run", &stack.display().to_string(), "--as", "a"]);
    home.good(&["run", &other.display().to_string(), "--as", "b"]);
    let (a, b) = (
        home.export("a", "kafka.brokers"),
        home.export("b", "kafka.brokers"),
    );
    assert_ne!(a, b);
    assert!(a.ends_with(":9092") && b.ends_with(":9092"), "{a} {b}");
    let tools = crate::clients::Tools::of(home.path(), "3.9");
    assert_eq!(tools.topics(&a), ["only-here"]);
    assert_eq!(tools.topics(&b), ["only-there"]);
    home.good(&["down", "a", "--check"]);
    assert_eq!(tools.topics(&b), ["only-there"]);
    home.good(&["down", "b", "--check"]);
}
