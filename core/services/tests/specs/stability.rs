//! What restarts a task and what does not: the launch digests before and after a change.

use crate::support::{built, digests, spec};

const KRAFT: &str =
    "name: s\napplications:\n  kafka:\n    type: kafka\n    version: 4.3\n    instances: 3\n";
const ON_ZOOKEEPER: &str = "name: s\napplications:\n  zookeeper: {type: zookeeper, instances: 3}\n  kafka:\n    type: kafka\n    version: 3.9\n    dependencies: [zookeeper]\n    instances: 3\n";

/// Tasks that both have, and whose digest differs.
fn restarted(before: &str, after: &str, application: &str) -> Vec<String> {
    let (before, after) = (digests(before, application), digests(after, application));
    let changed = before
        .into_iter()
        .filter(|(task, digest)| after.get(task).is_some_and(|now| now != digest));
    changed.map(|(task, _)| task).collect()
}

#[test]
fn a_fourth_broker_restarts_none_of_the_three() {
    for text in [KRAFT, ON_ZOOKEEPER] {
        let four = text.replace("    instances: 3", "    instances: 4");
        assert_eq!(restarted(text, &four, "kafka"), Vec::<String>::new());
        assert_eq!(digests(&four, "kafka").len(), 4);
        let nine = text.replace("    instances: 3", "    instances: 9");
        assert_eq!(restarted(text, &nine, "kafka"), Vec::<String>::new());
    }
    let apart = format!("{KRAFT}    roles: {{controllers: 3}}\n");
    let four = apart.replace("    instances: 3", "    instances: 4");
    assert_eq!(restarted(&apart, &four, "kafka"), Vec::<String>::new());
}

#[test]
fn what_is_not_launched_restarts_nothing() {
    for text in [KRAFT, ON_ZOOKEEPER] {
        for more in [
            "    topics: {events: {partitions: 3, config: {retention.ms: 60000}}}\n",
            "    labels: {team: core}\n",
            "    retry: {delay: 5s, max-tries: 3}\n",
            "    ready-within: 1m\n",
            "    stop: {grace: 5s}\n",
            "    cpu: 2\n",
            "    mem: 1g\n",
            "    constraints: [[hostname, UNIQUE]]\n",
        ] {
            assert_eq!(
                restarted(text, &format!("{text}{more}"), "kafka"),
                Vec::<String>::new(),
                "{more}"
            );
        }
    }
}

#[test]
fn what_is_launched_restarts_all() {
    for text in [KRAFT, ON_ZOOKEEPER] {
        for more in [
            "    heap: 384m\n",
            "    config: {log.retention.hours: 1}\n",
            "    jvm-options: [-Dx=y]\n",
            "    java: 21\n",
            "    env: {A: b}\n",
        ] {
            assert_eq!(
                restarted(text, &format!("{text}{more}"), "kafka").len(),
                3,
                "{more}"
            );
        }
    }
}

#[test]
fn a_growing_ensemble_restarts_no_broker() {
    let grown = ON_ZOOKEEPER.replace("zookeeper, instances: 3", "zookeeper, instances: 5");
    assert_eq!(
        restarted(ON_ZOOKEEPER, &grown, "kafka"),
        Vec::<String>::new()
    );
    assert_eq!(restarted(ON_ZOOKEEPER, &grown, "zookeeper").len(), 3);
}

#[test]
fn more_of_a_command_restarts_none_of_it() {
    let one = "name: s\napplications:\n  c: {type: command, command: [sleep, '9'], ports: [1234], instances: 1}\n";
    let many = one.replace(
        "instances: 1",
        "instances: 50, labels: {a: b}, healthcheck: {tcp: true}",
    );
    assert_eq!(restarted(one, &many, "c"), Vec::<String>::new());
    assert_eq!(digests(&many, "c").len(), 50);
}

#[test]
fn an_own_session_timeout_moves_the_window_of_forgiven_exits() {
    let window = |text: &str| {
        let spec = spec(text, "kafka");
        spec.tasks["broker-0"]
            .retry
            .tolerate
            .as_ref()
            .map(|tolerate| tolerate.window.to_string())
    };
    assert_eq!(window(ON_ZOOKEEPER).as_deref(), Some("21s"));
    let slow = format!("{ON_ZOOKEEPER}    config: {{zookeeper.session.timeout.ms: 18000}}\n");
    assert_eq!(window(&slow).as_deref(), Some("33s"));
    assert_eq!(window(KRAFT), None);
}

/// What `change` says to a running system that is to become another.
fn change(before: &str, after: &str, application: &str) -> String {
    let (before, after) = (spec(before, application), spec(after, application));
    smack_services::change(&before, &after).to_string()
}

#[test]
fn changes_that_would_lose_data_are_refused() {
    let zookeeper = |instances: u32| {
        format!("name: s\napplications:\n  zk: {{type: zookeeper, instances: {instances}}}\n")
    };
    assert_eq!(change(&zookeeper(3), &zookeeper(5), "zk"), "");
    assert_eq!(change(&zookeeper(1), &zookeeper(2), "zk"), "");
    assert_eq!(change(&zookeeper(5), &zookeeper(3), "zk"), "");
    assert_eq!(
        change(&zookeeper(1), &zookeeper(3), "zk"),
        "error: from 1 to 3 members at once, the new ones could elect a leader without data\n  hint: run with instances: 2 first, then with 3"
    );
    assert_eq!(
        change(&zookeeper(3), &zookeeper(9), "zk"),
        "error: from 3 to 9 members at once, the new ones could elect a leader without data\n  hint: run with instances: 5 first, then with 9"
    );
    let one = KRAFT.replace("    instances: 3", "    instances: 1");
    assert_eq!(
        change(&one, KRAFT, "kafka"),
        "error: the controllers of a running cluster stay: broker-0 -> broker-0, broker-1, broker-2\n  hint: set controllers: 1"
    );
    assert_eq!(
        change(&one, &format!("{KRAFT}    controllers: 1\n"), "kafka"),
        ""
    );
    assert_eq!(
        change(ON_ZOOKEEPER, KRAFT, "kafka"),
        "error: a running cluster cannot change between ZooKeeper and controllers of its own\n  hint: run the new version under another name and mirror the topics"
    );
}

#[test]
fn the_first_three_brokers_vote_whatever_comes_after() {
    let minimum = |instances: u32| {
        let text = KRAFT.replace("    instances: 3", &format!("    instances: {instances}"));
        let platform = built(&text).expect("a good file");
        platform.specs["kafka"].minimum.tasks
    };
    assert_eq!([1, 2, 3, 4, 9].map(minimum), [1, 2, 3, 3, 3]);
}

#[test]
fn another_kind_and_an_older_version_are_refused() {
    let command = "name: s\napplications:\n  kafka: {type: command, command: [x]}\n";
    assert_eq!(
        change(command, KRAFT, "kafka"),
        "error: a running command cannot become a kafka\n  hint: give the new one an id of its own"
    );
    let mut older = spec(ON_ZOOKEEPER, "zookeeper");
    for task in older.tasks.values_mut() {
        let task = std::sync::Arc::make_mut(task);
        std::sync::Arc::make_mut(&mut task.launch).artifacts = vec!["zookeeper-4.0.0".to_owned()];
    }
    let wanted = spec(ON_ZOOKEEPER, "zookeeper");
    assert_eq!(
        smack_services::change(&older, &wanted).to_string(),
        "error: zookeeper 3.9.5 does not take over the data of 4.0.0\n  hint: it takes over from 3.8, 3.9"
    );
}

#[test]
fn one_for_each_node_that_may_have_it() {
    let tasks = |constraints: &str| {
        let text = format!(
            "name: s\napplications:\n  agent: {{type: command, command: [a], instances: all, constraints: {constraints}}}\n"
        );
        crate::support::spec(&text, "agent").tasks.len()
    };
    for (constraints, expected) in [
        ("[]", 3),
        ("[[hostname, UNIQUE]]", 3),
        ("[[hostname, UNLIKE, node-2]]", 2),
        (
            "[[hostname, LIKE, 'node-[12]'], [hostname, IS_NOT, node-1]]",
            1,
        ),
        ("[[rack, UNLIKE, r1]]", 3),
        // It waits for one that may have it.
        ("[[rack, LIKE, r1]]", 1),
    ] {
        assert_eq!(tasks(constraints), expected, "{constraints}");
    }
}
