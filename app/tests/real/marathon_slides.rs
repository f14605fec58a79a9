//! The two texts of slides, which are no JSON: refused with what is wrong, printed repaired, and then run, with a stand-in for
//! the program and its files. No Java needed.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use crate::home::{Home, repository, text};

/// Serves the directory on the first port, whatever else is said.
const STAND_IN: &str =
    "#!/bin/sh\necho \"$@\" > arguments\nexec python3 -m http.server --bind $HOST $PORT0\n";

#[test]
fn both_run_once_they_are_repaired() {
    let home = Home::new();
    let files = home.path().join("files");
    std::fs::create_dir(&files).expect("a directory");
    let stand_in = files.join("stand-in");
    std::fs::write(&stand_in, STAND_IN).expect("a script");
    std::fs::set_permissions(&stand_in, std::fs::Permissions::from_mode(0o755)).expect("a mode");
    std::fs::write(files.join("kafka-mesos-0.9.4.0.jar"), "jar").expect("a file");
    for archive in ["kafka_2.10%200.9.0.0.tgz", "monarch.tgz"] {
        let packed = Command::new("tar")
            .args(["czf", archive, "stand-in"])
            .current_dir(&files)
            .status();
        assert!(packed.is_ok_and(|status| status.success()));
    }
    let place = files.display().to_string();
    for (name, vdc, port, arguments) in [
        (
            "slide-kafka.json",
            "kafka-mesos",
            7000,
            "-Dframework=kafka mesos -Dzk=zk1:2181, zk2:2181/chroot -Dempty=\n",
        ),
        (
            "slide-monarch.json",
            "telemetry-monarch",
            8080,
            "--greeting it is \"up\"\n",
        ),
    ] {
        let slide = repository().join("core/services/tests/specs/marathon");
        let refused = home.smack(&["run", &slide.join(name).display().to_string()]);
        assert_eq!(refused.code, 1);
        let told = format!("{name}:3:");
        assert!(refused.stderr.contains(&told), "{}", refused.stderr);
        let repaired = refused
            .stdout
            .replace("https://files.example.com/", &format!("file://{place}/"))
            .replace(
                "python3 -m http.server --bind $HOST $PORT0",
                &format!("{place}/stand-in"),
            )
            .replace(
                "python3 -m http.server --bind $HOST $PORT_HTTP",
                &format!("{place}/stand-in"),
            );
        let file = home.path().join(name);
        std::fs::write(&file, repaired).expect("a file");
        home.good(&["run", &file.display().to_string()]);
        let tasks = home.tasks(vdc);
        let [task] = &tasks[..] else {
            panic!("{tasks:?}");
        };
        assert_eq!(text(&task["state"]), "ready");
        let mut ports = task["ports"].as_object().expect("ports").values();
        assert!(ports.any(|known| *known == port), "{task:?}");
        let path = format!("{vdc}/{vdc}-0");
        let told = home.good(&["exec", vdc, &path, "--", "cat", "arguments"]);
        assert_eq!(told, arguments);
        home.good(&["down", vdc, "--check"]);
    }
}
