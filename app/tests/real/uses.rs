//! A virtual data center that uses what another one runs: let through on the same address, whoever is killed, and only as
//! far and as long as it is used.

use std::time::Duration;

use crate::home::{Home, kill, text};

const SOON: Duration = Duration::from_secs(20);

const TELEMETRY: &str = "
name: telemetry
applications:
  feed:
    type: command
    launch_command: 'echo news > news; exec python3 -m http.server --bind $HOST $PORT_HTTP'
    ports: {http: 8080}
    healthcheck: {http: /news, port: http}
    expose: false
  hidden:
    type: command
    launch_command: 'exec python3 -m http.server --bind $HOST $PORT_HTTP'
    ports: {http: 8081}
    healthcheck: {http: /, port: http}
    expose: false
    share: nobody
";

const SHOP: &str = "
name: shop
uses: {telemetry: {}}
applications:
  reader:
    type: command
    launch_command: 'exec sleep 100000'
    env: {FEED: '${telemetry.feed.address}'}
    dependencies: [telemetry.feed]
";

/// What the reader gets from an address, by its own means.
fn read(home: &Home, from: &str) -> (i32, String) {
    let script = format!(
        "import urllib.request as r; print(r.urlopen('http://'+{from}+'/news', timeout=5).read().decode())"
    );
    let words = ["exec", "shop", "reader/reader-0", "--"];
    let program = ["python3", "-c", &script];
    let ran = home.smack(&[&words[..], &program[..]].concat());
    (ran.code, ran.stdout)
}

const FEED: &str = "__import__('os').environ['FEED']";

fn reads(home: &Home, from: &str) {
    home.wait_until("the feed is read", SOON, || {
        let (code, said) = read(home, from);
        code == 0 && said.contains("news")
    });
}

fn keeper(home: &Home, vdc: &str, role: &str) -> u64 {
    let all = home.json(&["ps", "--all", "--json"]);
    let found = all
        .as_array()
        .into_iter()
        .flatten()
        .find(|one| text(&one["role"]) == role && text(&one["path"]).ends_with(vdc));
    found
        .and_then(|one| one["pid"].as_u64())
        .unwrap_or_else(|| panic!("no {role}: {all}"))
}

#[test]
fn a_stack_reads_from_another_and_nobody_else_may() {
    let home = Home::new();
    let file = |name: &str, stack: &str| {
        let path = home.path().join(name);
        std::fs::write(&path, stack).expect("a file");
        path.display().to_string()
    };
    let (telemetry, shop) = (file("telemetry.yaml", TELEMETRY), file("shop.yaml", SHOP));
    let refused = home.smack(&["run", &shop]);
    assert_eq!(refused.code, 1, "{}", refused.stdout);
    assert!(
        refused.stderr.contains("shop.yaml:9") && refused.stderr.contains("is not up"),
        "{}",
        refused.stderr
    );
    home.good(&["run", &telemetry]);
    home.good(&["run", &shop]);
    reads(&home, FEED);
    reads(&home, "'feed-0.feed.telemetry.default.smack:8080'");
    let status = home.good(&["status"]);
    assert!(status.contains("uses default/telemetry/feed"), "{status}");
    assert!(status.contains("used by default/shop"), "{status}");

    // As derived: the feed and not its neighbour, and none of it from outside.
    let flows = home.smack(&["flows", "--test", "--json"]);
    assert_eq!(flows.code, 0, "{}{}", flows.stdout, flows.stderr);
    let flows: serde_json::Value = serde_json::from_str(&flows.stdout).expect("JSON");
    let open = |from: Option<&str>, to: &str| {
        let all = flows.as_array().into_iter().flatten();
        let mut those =
            all.filter(|flow| flow["from"].as_str() == from && text(&flow["target"]) == to);
        those
            .next()
            .map(|flow| flow["open"].as_bool() == Some(true))
    };
    assert_eq!(
        open(Some("default/shop"), "feed/feed-0:http"),
        Some(true),
        "{flows}"
    );
    assert_eq!(
        open(Some("default/shop"), "hidden/hidden-0:http"),
        Some(false),
        "{flows}"
    );
    assert_eq!(open(None, "feed/feed-0:http"), Some(false), "{flows}");

    let tries = home.attempts("shop");
    for (vdc, role) in [
        ("default/shop", "relay"),
        ("default/telemetry", "holder"),
        ("default/shop", "holder"),
    ] {
        kill(keeper(&home, vdc, role), "KILL");
        reads(&home, FEED);
    }
    home.kill_server();
    reads(&home, FEED);
    kill(home.pid("telemetry", "feed-0"), "KILL");
    home.wait_until("the feed is back", SOON, || read(&home, FEED).0 == 0);
    assert_eq!(
        home.attempts("shop"),
        tries,
        "whoever reads was not started anew"
    );

    let refused = home.smack(&["down", "telemetry"]);
    assert_eq!(refused.code, 1, "{}", refused.stdout);
    assert!(
        refused.stderr.contains("default/shop/reader"),
        "{}",
        refused.stderr
    );
    let greedy = file(
        "greedy.yaml",
        &SHOP
            .replace("feed", "hidden")
            .replace("name: shop", "name: greedy"),
    );
    let refused = home.smack(&["run", &greedy]);
    assert!(
        refused.stderr.contains("shared with nobody")
            && refused.stderr.contains("telemetry.yaml:16"),
        "{}",
        refused.stderr
    );
    home.good(&["down", "telemetry", "--force", "users"]);
    assert_ne!(read(&home, FEED).0, 0, "nothing is there");
    home.good(&["run", &telemetry]);
    reads(&home, FEED);
    assert_eq!(home.attempts("shop"), tries);
    home.good(&["down", "shop", "--check"]);
    home.good(&["down", "telemetry", "--check"]);
}
