//! Everything of ours dies under a running platform, again and again: the server, the holder of a network, its relay.

use std::time::Duration;

use serde_json::Value;

use crate::clients::Tools;
use crate::home::{Home, kill, text};

const STACK: &str = "
name: bus
applications:
  zookeeper: {type: zookeeper, version: 3.9}
  kafka:
    type: kafka
    version: 3.9
    dependencies: [zookeeper]
    topics:
      events: {partitions: 3, replication: 1}
";

/// `SMACK_KILLS` for more; the victims and the pauses between them are the same each time.
const KILLS: u64 = 24;

/// The producer is outside, so every byte goes through the relay.
#[test]
fn whoever_is_killed_no_acknowledged_record_is_lost_and_no_task_restarted() {
    let Some(home) = Home::real("a platform whose helpers die") else {
        return;
    };
    let kills = std::env::var("SMACK_KILLS").map_or(KILLS, |text| text.parse().expect("a number"));
    let file = home.path().join("bus.yaml");
    std::fs::write(&file, STACK).expect("a file");
    home.good(&["run", &file.display().to_string()]);
    if home.keepers().is_empty() {
        println!("NOT RUN: this machine refuses namespaces, so there is no holder and no relay");
        assert_ne!(std::env::var("SMACK_REAL").as_deref(), Ok("required"));
        return;
    }
    let before = home.attempts("bus");
    let brokers = home.export("bus", "kafka.brokers");
    let tools = Tools::of(home.path(), "3.9");
    let writer = tools.produce(&brokers, "events", kills * 300, 300);
    let (writer, first) = writer.under_way(300);

    let mut random = random_numbers(20_161_123);
    for _ in 0..kills {
        match random() % 3 {
            0 => home.kill_server(),
            1 => kill(home.keeper("holder"), "-KILL"),
            _ => kill(home.keeper("relay"), "-KILL"),
        }
        std::thread::sleep(Duration::from_millis(random() % 700));
    }

    let told = writer.end_after(first);
    assert_eq!(told.errors().len(), 0, "{:?}", told.errors().first());
    let acknowledged = told.values();
    assert_eq!(acknowledged.len() as u64, kills * 300);
    let read = tools.consume(&brokers, "events", "after", acknowledged.len());
    assert!(
        acknowledged.is_subset(&read),
        "{} of {} acknowledged values were found",
        acknowledged.intersection(&read).count(),
        acknowledged.len()
    );
    assert_eq!(home.attempts("bus"), before, "a task was restarted");
    println!("{kills} kills of server, holder and relay: no record lost, no task restarted");
    home.good(&["down", "bus", "--check"]);
}

/// Knuth's linear congruential generator, its upper half.
fn random_numbers(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed;
    move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    }
}

impl Home {
    /// Holders and relays: role and pid.
    fn keepers(&self) -> Vec<(String, u64)> {
        let processes = self.json(&["ps", "--all", "--json"]);
        let keeper = |process: &Value| {
            let role = text(&process["role"]);
            let pid = process["pid"].as_u64()?;
            matches!(role, "holder" | "relay").then(|| (role.to_owned(), pid))
        };
        processes
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(keeper)
            .collect()
    }

    /// The only one of its kind, which may be on its way.
    fn keeper(&self, role: &str) -> u64 {
        let mut found = 0;
        self.wait_until(
            &format!("there is a {role}"),
            Duration::from_secs(20),
            || {
                let keepers = self.keepers();
                let pid = keepers.iter().find(|(kind, _)| kind == role);
                found = pid.map_or(0, |(_, pid)| *pid);
                found != 0
            },
        );
        found
    }
}
