//! Files and clients of Marathon against a real server, with tasks that only sleep: what stood on a slide, checks with a grace,
//! a required port that is taken, and the apps of a group over HTTP.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;

use serde_json::{Value, json};

use crate::support::{Smack, until};

/// Ends the server and what it runs, also when a test fails.
struct Ending<'a>(&'a Smack, &'a str);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.run(&["down", self.1, "--timeout", "10s"]);
        self.0.run(&["server", "--stop"]);
    }
}

fn good(smack: &Smack, arguments: &[&str]) -> String {
    let ran = smack.run(arguments);
    assert_eq!(ran.code, Some(0), "{}", ran.told());
    ran.stdout
}

/// Name, attempt and state of each task.
fn tasks(smack: &Smack, vdc: &str) -> Vec<(String, u64, String)> {
    let status = smack.run(&["status", vdc, "--json"]).json();
    let status = status.get(0).unwrap_or(&status);
    let tasks = status["tasks"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let of = |task: &Value| {
        let attempt = task["attempt"].as_u64().unwrap_or_default();
        (text(&task["name"]), attempt, text(&task["state"]))
    };
    tasks.iter().map(of).collect()
}

/// Status and body of an answer on the socket of the home.
fn ask(smack: &Smack, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let body = body.to_string();
    let mut stream = UnixStream::connect(smack.home().join("api.sock")).unwrap();
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: smack\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
    );
    stream
        .write_all(format!("{head}{body}").as_bytes())
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    (status, serde_json::from_str(body).unwrap())
}

#[test]
fn what_stood_on_a_slide_runs_once_it_is_repaired() {
    let smack = Smack::alone();
    let _ending = Ending(&smack, "telemetry-slide");
    smack.file(
        "slide.json",
        "{\n  \"id\": \"/telemetry/slide\", \"cpus\": 0.01, \"mem\": 16,\n  \
         “cmd”: \"echo \"-Dname=kafka mesos\" $MARATHON_APP_ID ${MESOS_TASK_ID} > told; exec sleep 1000\",\n}\n",
    );
    let refused = smack.run(&["run", "slide.json"]);
    assert_eq!(refused.code, Some(1));
    let causes = [
        "slide.json:3:3: error",
        "slide.json:3:16: error",
        "slide.json:3:95: error",
    ];
    for cause in causes {
        assert!(
            refused.stderr.contains(cause),
            "{cause}: {}",
            refused.told()
        );
    }
    smack.file("repaired.json", &refused.stdout);
    good(&smack, &["run", "repaired.json"]);
    let task = "telemetry-slide/telemetry-slide-0";
    let told = good(
        &smack,
        &["exec", "telemetry-slide", task, "--", "cat", "told"],
    );
    assert_eq!(
        told,
        "-Dname=kafka mesos /telemetry/slide default/telemetry-slide/telemetry-slide/telemetry-slide-0#1\n"
    );
}

#[test]
fn what_fails_its_checks_after_its_grace_is_ended_and_comes_back() {
    let smack = Smack::alone();
    let _ending = Ending(&smack, "checked");
    let app = |grace: u32, first: &str| {
        let check = json!({
            "protocol": "COMMAND", "command": {"value": "test -e well"}, "gracePeriodSeconds": grace,
            "intervalSeconds": 1, "timeoutSeconds": 1, "maxConsecutiveFailures": 1
        });
        let cmd = format!("{first}; exec sleep 1000");
        json!({"id": "checked", "cmd": cmd, "cpus": 0.01, "mem": 16, "backoffSeconds": 0, "healthChecks": [check]})
    };
    smack.file("app.json", &app(60, "touch well").to_string());
    good(&smack, &["run", "app.json"]);
    good(
        &smack,
        &["exec", "checked", "checked/checked-0", "--", "rm", "well"],
    );
    until("the task is back", || {
        tasks(&smack, "checked") == [("checked-0".to_owned(), 2, "ready".to_owned())]
    });
    // Never ready: within the grace it is left alone.
    smack.file("app.json", &app(1000, "true").to_string());
    good(&smack, &["run", "app.json", "-d"]);
    until("the task runs and is not ready", || {
        tasks(&smack, "checked") == [("checked-0".to_owned(), 3, "running".to_owned())]
    });
    smack.file("app.json", &app(1, "true").to_string());
    good(&smack, &["run", "app.json", "-d"]);
    until("its grace is over", || {
        tasks(&smack, "checked")
            .first()
            .is_some_and(|(_, attempt, _)| *attempt > 3)
    });
}

#[test]
fn a_required_port_that_is_taken_names_its_owner() {
    let smack = Smack::alone();
    let _ending = Ending(&smack, "web");
    let taken = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let app = json!({"id": "web", "cmd": "exec sleep 1000", "cpus": 0.01, "mem": 16, "ports": [port], "requirePorts": true});
    smack.file("web.json", &app.to_string());
    good(&smack, &["run", "web.json", "-d"]);
    let owner = format!("port {port} is taken by cli");
    let pid = format!("(pid {})", std::process::id());
    until("why names the owner", || {
        let why = smack.run(&["why", "web"]).stdout;
        why.contains(&owner) && why.contains(&pid)
    });
    drop(taken);
}

#[test]
fn apps_of_a_group_are_changed_over_http() {
    let smack = Smack::alone();
    let _ending = Ending(&smack, "shop");
    let app = |id: &str| json!({"id": id, "cmd": "exec sleep 1000", "cpus": 0.01, "mem": 16});
    let group = json!({"id": "/shop", "apps": [app("web"), app("data")]});
    smack.file("shop.json", &group.to_string());
    good(&smack, &["run", "shop.json"]);
    let is = |expected: &[(&str, u64)]| {
        let ready =
            |(name, attempt): &(&str, u64)| ((*name).to_owned(), *attempt, "ready".to_owned());
        tasks(&smack, "shop") == expected.iter().map(ready).collect::<Vec<_>>()
    };
    let put = |change: Value| ask(&smack, "PUT", "/v2/apps/shop/web", &change).0;
    assert_eq!(put(json!({"instances": 2})), 200);
    until("there are two", || {
        is(&[("shop-data-0", 1), ("shop-web-0", 1), ("shop-web-1", 1)])
    });
    assert_eq!(put(json!({"gpus": 1})), 422);
    assert_eq!(put(json!({"instances": 0})), 200);
    until("it is suspended", || is(&[("shop-data-0", 1)]));
    let (_, answer) = ask(&smack, "GET", "/v2/apps", &Value::Null);
    let apps = answer["apps"].as_array().unwrap().iter();
    let shown: Vec<_> = apps
        .map(|app| (&app["id"], &app["instances"], &app["tasksRunning"]))
        .collect();
    let (data, web) = (json!("/shop/data"), json!("/shop/web"));
    assert_eq!(
        shown,
        [(&data, &json!(1), &json!(1)), (&web, &json!(0), &json!(0))]
    );
    assert_eq!(put(json!({"instances": 1})), 200);
    until("it is back", || {
        is(&[("shop-data-0", 1), ("shop-web-0", 1)])
    });
    assert_eq!(
        ask(&smack, "POST", "/v2/apps/shop/web/restart", &Value::Null).0,
        200
    );
    until("it alone was restarted", || {
        is(&[("shop-data-0", 1), ("shop-web-0", 2)])
    });
    assert_eq!(
        ask(&smack, "DELETE", "/v2/apps/shop/data", &Value::Null).0,
        200
    );
    until("the other is gone", || is(&[("shop-web-0", 2)]));
    assert_eq!(
        ask(&smack, "GET", "/v2/apps/shop/data", &Value::Null).0,
        404
    );
    assert_eq!(
        ask(&smack, "DELETE", "/v2/apps/shop/web", &Value::Null).0,
        200
    );
    until("nothing is up", || {
        smack.run(&["status", "--json"]).json() == json!([])
    });
}
