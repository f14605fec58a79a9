//! stacks/kraft.yaml: Kafka 4 in three combined nodes.

use crate::clients::Tools;
use crate::home::Home;

#[test]
fn kraft_takes_ten_thousand_records_rolls_and_stops_without_hanging() {
    let Some(home) = Home::real("kraft") else {
        return;
    };
    home.good(&["run", "stacks/kraft.yaml"]);
    let brokers = home.export("kraft", "kafka.brokers");
    let tools = Tools::of(home.path(), "4");
    let told = tools.produce(&brokers, "events", 10_000, -1).end();
    assert_eq!((told.acknowledged(), told.errors().len()), (10_000, 0));
    assert_eq!(
        tools.consume(&brokers, "events", "first", 10_000).len(),
        10_000
    );
    home.good(&["restart", "kraft", "kafka"]);
    home.wait_until(
        "kraft has rolled",
        std::time::Duration::from_secs(120),
        || {
            let tasks = home.tasks("kraft");
            tasks
                .iter()
                .all(|task| task["attempt"] == 2 && crate::home::text(&task["state"]) == "ready")
        },
    );
    assert_eq!(
        tools.consume(&brokers, "events", "second", 10_000).len(),
        10_000
    );
    // Stopped one by one the last of three combined nodes would hang for its whole grace.
    let began = std::time::Instant::now();
    home.good(&["down", "kraft", "--check"]);
    assert!(
        began.elapsed() < std::time::Duration::from_secs(25),
        "{:?}",
        began.elapsed()
    );
}
