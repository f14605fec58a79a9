//! stacks/pipeline.yaml: ZooKeeper x3 and Kafka 3.9 x3, from nothing to records, through changes, to nothing.

use std::time::Duration;

use crate::clients::Tools;
use crate::home::{Home, text};

const STACK: &str = "stacks/pipeline.yaml";

#[test]
fn the_main_job_takes_ten_thousand_records_and_every_change_without_losing_one() {
    let Some(home) = Home::real("the main job") else {
        return;
    };
    let done = home.smack(&["run", STACK]);
    assert_eq!(done.code, 0, "{}\n{}", done.stdout, done.stderr);
    let brokers = home.export("pipeline", "kafka.brokers");
    assert_eq!(brokers.split(',').count(), 3, "{brokers}");
    let tools = Tools::of(home.path(), "3.9");

    ready_is_the_products_word(&home, &tools, &brokers);
    records_go_in_and_come_out(&tools, &brokers);
    a_label_restarts_nothing_and_a_second_run_is_silent(&home);
    a_roll_under_load_loses_nothing(&home, &tools, &brokers);
    zookeeper_rolls_with_its_leader_last(&home);
    a_topic_grows_without_a_restart(&home, &tools, &brokers);
    brokers_come_and_go(&home, &tools, &brokers);
    a_replaced_broker_comes_back_under_its_id(&home, &tools, &brokers);
    a_killed_broker_comes_back(&home);

    home.good(&["down", "pipeline", "--check"]);
    assert_eq!(home.json(&["status", "--json"]), serde_json::json!([]));
}

fn ready_is_the_products_word(home: &Home, tools: &Tools, brokers: &str) {
    let roles: Vec<String> = home
        .tasks("pipeline")
        .iter()
        .filter(|task| text(&task["application"]) == "zookeeper")
        .map(|task| text(&task["role"]).to_owned())
        .collect();
    assert_eq!(
        roles.iter().filter(|role| *role == "leader").count(),
        1,
        "{roles:?}"
    );
    assert_eq!(
        roles.iter().filter(|role| *role == "follower").count(),
        2,
        "{roles:?}"
    );
    let described = tools.describe(brokers, "events");
    assert_eq!(described.matches("Partition:").count(), 3, "{described}");
    for (line, isr) in in_sync_sets(&described) {
        assert_eq!(isr.len(), 3, "{line}");
    }
}

/// The in-sync broker ids of each partition that Kafka's own tool describes, with its line.
fn in_sync_sets(described: &str) -> impl Iterator<Item = (&str, Vec<&str>)> {
    let partitions = described.lines().filter(|line| line.contains("Partition:"));
    partitions.map(|line| {
        let ids = line.split("Isr:").nth(1).unwrap_or_default();
        let ids = ids.split_whitespace().next().unwrap_or_default();
        (line, ids.split(',').collect())
    })
}

fn records_go_in_and_come_out(tools: &Tools, brokers: &str) {
    let told = tools.produce(brokers, "events", 10_000, -1).end();
    assert_eq!(told.errors().len(), 0, "{:?}", told.errors().first());
    assert_eq!(told.acknowledged(), 10_000);
    let read = tools.consume(brokers, "events", "first", 10_000);
    assert_eq!(read.len(), 10_000);
}

fn a_label_restarts_nothing_and_a_second_run_is_silent(home: &Home) {
    let before = home.attempts("pipeline");
    home.good(&["run", STACK]);
    let plan = home.json(&["plan", STACK, "--json"]);
    assert_eq!(plan["silent"], true, "{plan}");
    let file = home.path().join("labelled.yaml");
    let stack = std::fs::read_to_string(crate::home::repository().join(STACK)).expect("the stack");
    let labelled = stack.replace(
        "    type: kafka\n",
        "    type: kafka\n    labels: {team: data}\n",
    );
    assert_ne!(labelled, stack);
    std::fs::write(&file, labelled).expect("a file");
    home.good(&["run", &file.display().to_string()]);
    assert_eq!(
        home.attempts("pipeline"),
        before,
        "a label restarted something"
    );
}

fn a_roll_under_load_loses_nothing(home: &Home, tools: &Tools, brokers: &str) {
    let before = home.attempts("pipeline");
    let change = ["--var", "heap=288m"];
    let plan = home.json(&["plan", STACK, change[0], change[1], "--json"]);
    let steps: Vec<&serde_json::Value> = plan["plan"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|plan| plan["steps"].as_array().into_iter().flatten())
        .collect();
    let restarts: Vec<&&serde_json::Value> = steps
        .iter()
        .filter(|step| step["effect"] == "restart")
        .collect();
    assert_eq!(restarts.len(), 3, "{plan}");
    for step in &restarts {
        let reasons = step["reasons"].to_string();
        assert!(reasons.contains("-Xmx256m -> -Xmx288m"), "{reasons}");
        assert!(
            !step["after"].as_array().expect("a list").is_empty(),
            "{step}"
        );
    }
    // It works for a second before the roll begins.
    let (producer, first) = tools
        .produce(brokers, "events", 40_000, 2_000)
        .under_way(2_000);
    home.good(&["run", STACK, change[0], change[1]]);
    let after = home.attempts("pipeline");
    let told = producer.end_after(first);
    assert_eq!(
        told.errors().len(),
        0,
        "{:?}\n{}",
        told.errors().first(),
        tools.complaints()
    );
    assert_eq!(told.acknowledged(), 40_000);
    let acknowledged = told.values();
    let read = tools.consume(brokers, "events", "after-roll", 40_000);
    let lost: Vec<&String> = acknowledged.difference(&read).take(3).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    for ((name, old, _), (_, new, _)) in before.iter().zip(&after) {
        let restarted = u64::from(name.starts_with("kafka/"));
        assert_eq!(*new, old + restarted, "{name}");
    }
    one_at_a_time(home, "kafka");
}

/// From the journal: nobody was asked to stop while another was away.
fn one_at_a_time(home: &Home, application: &str) {
    let mut away: Option<String> = None;
    for event in home.events("pipeline") {
        let subject = text(&event["subject"]).to_owned();
        if !subject.contains(&format!("/{application}/")) {
            continue;
        }
        match text(&event["kind"]) {
            "stopping" => {
                assert_eq!(away, None, "{subject} was stopped while another was away");
                away = Some(subject);
            }
            "ready" if away.as_ref() == Some(&subject) => away = None,
            _ => {}
        }
    }
}

fn zookeeper_rolls_with_its_leader_last(home: &Home) {
    let leader = |home: &Home| {
        let tasks = home.tasks("pipeline");
        let leader = tasks
            .iter()
            .find(|task| text(&task["role"]) == "leader")
            .expect("there is a leader");
        text(&leader["name"]).to_owned()
    };
    let first = leader(home);
    let events_before = home.events("pipeline").len();
    home.good(&["restart", "pipeline", "zookeeper"]);
    home.wait_until("zookeeper has rolled", Duration::from_secs(90), || {
        let tasks = home.tasks("pipeline");
        let mut servers = tasks
            .iter()
            .filter(|task| text(&task["application"]) == "zookeeper");
        servers.all(|task| task["attempt"] == 2 && text(&task["state"]) == "ready")
    });
    let stopped: Vec<String> = home.events("pipeline")[events_before..]
        .iter()
        .filter(|event| {
            text(&event["kind"]) == "stopping" && text(&event["subject"]).contains("/zookeeper/")
        })
        .map(|event| {
            text(&event["subject"])
                .rsplit('/')
                .next()
                .unwrap_or_default()
                .to_owned()
        })
        .collect();
    assert_eq!(stopped.len(), 3, "{stopped:?}");
    assert_eq!(stopped.last(), Some(&first), "{stopped:?}");
    one_at_a_time(home, "zookeeper");
    home.good(&["run", STACK, "--var", "heap=288m"]);
}

fn a_topic_grows_without_a_restart(home: &Home, tools: &Tools, brokers: &str) {
    let before = home.attempts("pipeline");
    let file = home.path().join("grown.yaml");
    let stack = std::fs::read_to_string(crate::home::repository().join(STACK)).expect("the stack");
    let grown = stack.replace("partitions: 3", "partitions: 6");
    assert_ne!(grown, stack);
    std::fs::write(&file, grown).expect("a file");
    home.good(&["run", &file.display().to_string(), "--var", "heap=288m"]);
    assert_eq!(home.attempts("pipeline"), before);
    // The controller tells the other brokers a moment later.
    home.wait_until("every broker knows six", Duration::from_secs(20), || {
        let described = tools.describe(brokers, "events");
        described.matches("Partition:").count() == 6
    });
    // Kafka cannot take partitions away: that is said, not done.
    let back = home.smack(&["run", STACK, "--var", "heap=288m", "--timeout", "5s"]);
    assert_eq!(back.code, 1, "{}", back.stdout);
    let why = home.smack(&["why", "pipeline"]).stdout;
    assert!(why.contains("drift"), "{why}");
    home.good(&["run", &file.display().to_string(), "--var", "heap=288m"]);
}

fn brokers_come_and_go(home: &Home, tools: &Tools, brokers: &str) {
    let file = home.path().join("grown.yaml").display().to_string();
    let before = home.attempts("pipeline");
    home.good(&["run", &file, "--var", "heap=288m", "--var", "brokers=4"]);
    let four = home.export("pipeline", "kafka.brokers");
    assert_eq!(four.split(',').count(), 4, "{four}");
    // A topic of its own on the new broker, so that leaving has something to move.
    let wide = home.path().join("wide.yaml");
    let stack = std::fs::read_to_string(&file).expect("the stack");
    let with_topic = stack.replace(
        "    topics:\n",
        "    topics:\n      wide: {partitions: 12, replication: 3}\n",
    );
    std::fs::write(&wide, with_topic).expect("a file");
    let wide = wide.display().to_string();
    home.good(&["run", &wide, "--var", "heap=288m", "--var", "brokers=4"]);
    assert_eq!(
        tools.produce(&four, "wide", 2_000, -1).end().acknowledged(),
        2_000
    );
    home.good(&["run", &wide, "--var", "heap=288m", "--var", "brokers=3"]);
    let after = home.attempts("pipeline");
    assert_eq!(after, before, "the others were restarted");
    let described = tools.describe(brokers, "wide");
    for (line, isr) in in_sync_sets(&described) {
        assert_eq!(isr.len(), 3, "{line}");
        assert!(!isr.contains(&"3"), "{line}");
    }
    assert_eq!(tools.consume(brokers, "wide", "wide", 2_000).len(), 2_000);
    let drained = home
        .events("pipeline")
        .iter()
        .any(|event| text(&event["text"]).starts_with("drain broker-3"));
    assert!(drained, "broker-3 left without being drained");
}

fn a_replaced_broker_comes_back_under_its_id(home: &Home, tools: &Tools, brokers: &str) {
    home.good(&["replace", "pipeline", "kafka/broker-1"]);
    home.wait_until("broker-1 is replaced", Duration::from_secs(90), || {
        let status = home.json(&["status", "pipeline", "--json"]);
        let vdc = status
            .as_array()
            .and_then(|vdcs| vdcs.first())
            .cloned()
            .unwrap_or(status);
        vdc["converged"] == true
    });
    assert_eq!(
        tools
            .consume(brokers, "events", "after-replace", 40_000)
            .len(),
        40_000
    );
    let described = tools.describe(brokers, "events");
    for (line, isr) in in_sync_sets(&described) {
        assert!(isr.contains(&"1"), "{line}");
    }
}

fn a_killed_broker_comes_back(home: &Home) {
    let pid = home.pid("pipeline", "broker-2");
    let seen = home.events("pipeline").len();
    crate::home::kill(pid, "-KILL");
    home.wait_until("broker-2 is back", Duration::from_secs(60), || {
        let tasks = home.tasks("pipeline");
        let broker = tasks
            .iter()
            .find(|task| text(&task["name"]) == "broker-2")
            .expect("it is listed");
        text(&broker["state"]) == "ready" && broker["pid"].as_u64() != Some(pid)
    });
    let events = home.events("pipeline");
    let ended = events[seen..]
        .iter()
        .find(|event| text(&event["kind"]) == "ended")
        .expect("its end is told");
    assert!(
        text(&ended["text"]).contains("killed by signal 9"),
        "{ended}"
    );
    let failures = home
        .tasks("pipeline")
        .iter()
        .map(|task| task["failures"].as_u64().unwrap_or(0))
        .max();
    assert_eq!(
        failures,
        Some(1),
        "exits owed to the old session are not failures"
    );
}
