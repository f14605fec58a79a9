//! Ten seeded faults; `why` must name the true cause of each.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::home::{Home, kill, text};

/// Asks until `why` says all of `expected`, or fails with what it says.
fn names(home: &Home, vdc: &str, expected: &[&str]) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let began = Instant::now();
        let said = home.smack(&["why", vdc]).stdout;
        let took = began.elapsed();
        if expected.iter().all(|words| said.contains(words)) {
            println!("why of {vdc}: {took:?}");
            return;
        }
        assert!(
            Instant::now() < deadline,
            "why {vdc} does not say {expected:?}:\n{said}"
        );
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn run(home: &Home, name: &str, applications: &str) {
    let file = home.path().join(format!("{name}.yaml"));
    let stack = format!("name: {name}\napplications:\n{applications}");
    std::fs::write(&file, stack).expect("a file");
    let ran = home.smack(&["run", &file.display().to_string(), "--detach"]);
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
}

#[test]
fn faults_of_plain_programs_are_named() {
    let home = Home::new();
    let retry = "    retry: {delay: 50ms, max-delay: 50ms, max-tries: 2}\n";
    run(
        &home,
        "missing",
        &format!("  a:\n    type: command\n    command: [/no/such/program]\n{retry}"),
    );
    names(&home, "missing", &["/no/such/program", "cannot be run"]);

    run(
        &home,
        "full",
        &format!(
            "  a:\n    type: command\n    launch_command: 'echo data | cat > /dev/full'\n{retry}"
        ),
    );
    names(
        &home,
        "full",
        &["gave up after 2 failures", "No space left on device"],
    );

    let pair = "  base:\n    type: command\n    command: [sleep, '1000']\n    ports: {web: 8000}\n    healthcheck: {http: /, port: web}\n  \
                user:\n    type: command\n    command: [sleep, '1000']\n    dependencies: [base]\n";
    run(&home, "pair", pair);
    names(
        &home,
        "pair",
        &["user", "base is not ready", "connection refused"],
    );

    let huge = "  a:\n    type: command\n    command: [sleep, '1000']\n    mem: 900g\n";
    let file = home.path().join("huge.yaml");
    std::fs::write(&file, format!("name: huge\napplications:\n{huge}")).expect("a file");
    let refused = home.smack(&["run", &file.display().to_string()]);
    assert_eq!(refused.code, 1);
    let said = format!("{}{}", refused.stdout, refused.stderr);
    assert!(said.contains("MiB") && said.contains("lacks"), "{said}");
    let partial = home.smack(&["run", &file.display().to_string(), "--partial", "--detach"]);
    assert_eq!(partial.code, 0, "{}", partial.stderr);
    names(&home, "huge", &["no node fits", "lacks"]);

    run(
        &home,
        "killed",
        &format!("  a:\n    type: command\n    launch_command: 'sleep 0.2; kill -9 $$'\n{retry}"),
    );
    names(&home, "killed", &["killed by signal 9"]);

    let port = "  a:\n    type: command\n    command: [sleep, '1000']\n    ports: {web: 8000}\n";
    run(&home, "port", port);
    home.wait_until("it is up", Duration::from_secs(10), || {
        home.tasks("port")
            .iter()
            .any(|task| text(&task["state"]) == "ready")
    });
    let address = text(&home.tasks("port")[0]["address"]).to_owned();
    home.good(&["stop", "port"]);
    home.wait_until("it is stopped", Duration::from_secs(10), || {
        home.tasks("port")
            .iter()
            .all(|task| text(&task["state"]) == "stopped")
    });
    let stranger = TcpListener::bind((address.as_str(), 8000)).expect("the address is free");
    home.good(&["start", "port"]);
    names(
        &home,
        "port",
        &["port 8000 is taken by", &std::process::id().to_string()],
    );
    drop(stranger);
    for vdc in ["missing", "full", "pair", "huge", "killed", "port"] {
        home.good(&["down", vdc, "--check"]);
    }
}

#[test]
fn faults_of_products_are_named() {
    let Some(home) = Home::real("faults of products") else {
        return;
    };
    let zookeeper = "  zookeeper: {type: zookeeper, instances: 3}\n";
    run(&home, "quorum", zookeeper);
    home.good(&[
        "run",
        &home.path().join("quorum.yaml").display().to_string(),
    ]);
    let stopped = [
        home.pid("quorum", "server-0"),
        home.pid("quorum", "server-1"),
    ];
    for pid in stopped {
        kill(pid, "-STOP");
    }
    names(&home, "quorum", &["server-0", "no answer"]);
    for pid in stopped {
        kill(pid, "-CONT");
    }
    home.good(&["down", "quorum", "--check"]);

    let heap = "  kafka:\n    type: kafka\n    version: 4\n    instances: 1\n    heap: 16m\n    retry: {delay: 50ms, max-tries: 2}\n";
    run(&home, "heap", heap);
    names(&home, "heap", &["OutOfMemoryError"]);
    home.good(&["down", "heap", "--check"]);

    let value = "  kafka:\n    type: kafka\n    version: 4\n    instances: 1\n    config: {num.io.threads: many}\n    retry: {delay: 50ms, max-tries: 2}\n";
    run(&home, "value", value);
    names(&home, "value", &["num.io.threads", "many"]);
    home.good(&["down", "value", "--check"]);
}

#[test]
fn an_artifact_that_no_source_has_is_named() {
    let home = Home::new();
    std::fs::remove_file(home.path().join("artifacts")).expect("the shared artifacts");
    let file = home.path().join("unreachable.yaml");
    std::fs::write(
        &file,
        "name: unreachable\napplications:\n  zookeeper: {type: zookeeper, instances: 1}\n",
    )
    .expect("a file");
    let mut command = home.command(&["run", &file.display().to_string(), "--detach"]);
    // A user with a Java but neither Maven nor anything fetched before.
    let java = std::env::var("JAVA_HOME").unwrap_or_default();
    let ran = command
        .env("HOME", home.path())
        .env("PATH", "/usr/sbin:/sbin")
        .env("JAVA_HOME", java)
        .env_remove("MAVEN_HOME")
        .env_remove("M2_HOME")
        .output()
        .expect("it runs");
    assert!(
        ran.status.success(),
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    let deadline = Instant::now() + Duration::from_secs(20);
    let said = loop {
        let said = home.smack(&["why", "unreachable"]).stdout;
        if said.contains("could not be had") || Instant::now() > deadline {
            break said;
        }
        std::thread::sleep(Duration::from_millis(200));
    };
    // Without a Java either it is that which is named first.
    assert!(
        said.contains("no source has") || said.contains("Java"),
        "{said}"
    );
    home.good(&["down", "unreachable", "--check"]);
}
