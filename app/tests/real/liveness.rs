//! A program that was ready and fails its checks is ended and comes back; a changed check is made from then on. No Java needed.

use std::time::Duration;

use crate::home::{Home, text};

const STACK: &str = "
name: shop
applications:
  web:
    type: command
    instances: 2
    launch_command: 'touch well; exec sleep 100000'
    retry: {delay: 100ms}
    healthcheck: {exec: [test, -e, FILE], every: 200ms, timeout: 2s, failures: 2}
";

#[test]
fn what_fails_its_checks_is_ended_and_comes_back() {
    let home = Home::new();
    let file = home.path().join("shop.yaml");
    let run = |checked: &str| {
        std::fs::write(&file, STACK.replace("FILE", checked)).expect("a file");
        home.good(&["run", &file.display().to_string()]);
    };
    let attempts = || -> Vec<(String, u64)> {
        let tasks = home.tasks("shop");
        let of = |task: &serde_json::Value| {
            let attempt = task["attempt"].as_u64().expect("a number");
            (text(&task["name"]).to_owned(), attempt)
        };
        tasks.iter().map(of).collect()
    };
    let of =
        |first: u64, second: u64| vec![("web-0".to_owned(), first), ("web-1".to_owned(), second)];
    run("well");
    assert_eq!(attempts(), of(1, 1));
    home.good(&["exec", "shop", "web/web-0", "--", "rm", "well"]);
    home.wait_until("web-0 is back", Duration::from_secs(30), || {
        let ready = |task: &serde_json::Value| text(&task["state"]) == "ready";
        attempts() == of(2, 1) && home.tasks("shop").iter().all(ready)
    });
    let journal = home.events("shop");
    let told = journal.iter().any(|event| {
        let text = text(&event["text"]);
        text.starts_with("was not ready in time: exit code 1")
    });
    assert!(told, "{journal:?}");

    // Another check, and nobody restarts for it: it is made of those that run.
    home.good(&["exec", "shop", "web/web-1", "--", "touch", "better"]);
    home.good(&["exec", "shop", "web/web-0", "--", "touch", "better"]);
    run("better");
    assert_eq!(attempts(), of(2, 1));
    home.good(&["exec", "shop", "web/web-1", "--", "rm", "better"]);
    home.wait_until("web-1 was ended", Duration::from_secs(30), || {
        attempts()
            .iter()
            .any(|(name, attempt)| name == "web-1" && *attempt > 1)
    });
    home.good(&["down", "shop", "--check"]);
}
