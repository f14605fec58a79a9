//! What a launch prepares, and why it is refused.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use crate::world::{Agent, World, name, order};
use smack_grids::{LocalGrid, ReachError};
use smack_model::{
    Action, Content, End, FilePlace, FileSpec, JavaNeed, Launch, LaunchOrder, OnChange, Piece,
    Refusal, Span, SystemId, Template, VolumeId, stamp,
};

fn with(
    name: &str,
    attempt: u32,
    command: &[&str],
    change: impl FnOnce(&mut Launch),
) -> LaunchOrder {
    let mut order = order(name, attempt, command);
    let mut launch = (*order.launch).clone();
    change(&mut launch);
    order.launch = Arc::new(launch);
    order
}

fn refusal(agent: &Agent, order: LaunchOrder) -> Refusal {
    let id = agent.launch(order);
    agent.refused(&id)
}

fn volume(generation: u32) -> VolumeId {
    VolumeId {
        system: SystemId::parse("qa/run/app!1").unwrap(),
        task: name("task"),
        volume: name("data"),
        generation,
    }
}

fn file(place: FilePlace, path: &str, text: impl Into<Template>) -> FileSpec {
    FileSpec {
        place,
        path: path.to_owned(),
        content: Content::Text(text.into()),
        on_change: OnChange::Restart,
    }
}

#[test]
fn a_task_knows_who_and_where_it_is() {
    let world = World::new();
    let agent = world.agent();
    let mut order = with(
        "task",
        3,
        &["sh", "-c", "env | sort > env; pwd > where"],
        |launch| {
            launch.env.insert("HEAP".to_owned(), "256m".into());
            launch.env.insert("SMACK_TASK".to_owned(), "another".into());
            launch.env.insert(
                "DIR".to_owned(),
                Template::new().piece(Piece::Sandbox).text("/x"),
            );
        },
    );
    order.address = Some("127.99.1.2".to_owned());
    order.ports = [(name("client"), 18_181), (name("peer-x"), 12_888)].into();
    let id = agent.launch(order);
    assert_eq!(agent.ended(&id), End::Exit(0));
    let env = world.file(&id, "env");
    for line in [
        "SMACK_PATH=qa/run/app/task",
        "SMACK_TASK=task",
        "SMACK_ATTEMPT=3",
        "SMACK_NODE=local",
        "HOST=127.99.1.2",
        "PORT0=18181",
        "PORT1=12888",
        "PORT_CLIENT=18181",
        "PORT_PEER_X=12888",
        "HEAP=256m",
        &format!("DIR={}/x", world.sandbox(&id).display()),
    ] {
        assert!(
            env.lines().any(|found| found == line),
            "{line} is not in\n{env}"
        );
    }
    assert!(
        !env.contains("CARGO"),
        "the server's own environment stays outside:\n{env}"
    );
    assert_eq!(
        world.file(&id, "where").trim(),
        world.sandbox(&id).to_str().unwrap()
    );
}

#[test]
fn what_lies_in_bin_can_be_run() {
    let world = World::new();
    let agent = world.agent();
    let order = with("task", 1, &["bin/tool/say"], |launch| {
        launch.files = vec![file(
            FilePlace::Sandbox,
            "bin/tool/say",
            "#!/bin/sh\nstat -c %a bin/tool/say > mode\n",
        )];
    });
    let id = agent.launch(order);
    assert_eq!(agent.ended(&id), End::Exit(0));
    assert_eq!(world.file(&id, "mode"), "755\n");
}

#[test]
fn files_and_volumes_are_there_before_the_program() {
    let world = World::new();
    let agent = world.agent();
    let data = || name("data");
    let launch = |attempt: u32, text: &str| {
        let show =
            "cat conf/a.conf; cat $DATA/once/b $DATA/always; od -An -tx1 raw; ./run.sh; cat f";
        let mut order = with("task", attempt, &["sh", "-c", show], |launch| {
            let path = Template::new()
                .text("dir=")
                .piece(Piece::Volume(data()))
                .text("\n");
            launch.files = vec![
                file(FilePlace::Sandbox, "conf/a.conf", path),
                file(
                    FilePlace::VolumeOnce(data()),
                    "once/b",
                    format!("once {text}\n"),
                ),
                file(
                    FilePlace::Volume(data()),
                    "always",
                    format!("always {text}\n"),
                ),
                file(FilePlace::Sandbox, "run.sh", "#!/bin/sh\necho ran\n"),
            ];
            launch.files.push(FileSpec {
                content: Content::Hex("00ff10".to_owned()),
                ..file(FilePlace::Sandbox, "raw", "")
            });
            launch
                .env
                .insert("DATA".to_owned(), Piece::Volume(data()).into());
            launch.urls = vec!["test:f".to_owned()];
        });
        order.volumes.insert(data(), volume(1));
        let id = agent.launch(order);
        assert_eq!(
            agent.ended(&id),
            End::Exit(0),
            "{}",
            world.file(&id, "stderr.log")
        );
        world.file(&id, "stdout.log")
    };
    let path = world.home().join("volumes").join(volume(1).file_name());
    let path = path.display();
    let expected = |once, always| {
        format!("dir={path}\nonce {once}\nalways {always}\n 00 ff 10\nran\nfetched\n")
    };
    assert_eq!(launch(1, "one"), expected("one", "one"));
    assert_eq!(
        launch(2, "two"),
        expected("one", "two"),
        "what a product finds in its volume is its own"
    );
    let (_, volumes) = world.agent().inventory();
    assert_eq!(volumes, [volume(1)]);
    for _ in 0..2 {
        agent.perform(Action::Release(volume(1)));
        agent.wait("VolumeReleased", |event| {
            (event == smack_model::Event::VolumeReleased(volume(1))).then_some(())
        });
    }
    assert_eq!(
        std::fs::read_dir(world.home().join("volumes"))
            .unwrap()
            .count(),
        0
    );
}

#[test]
fn holes_of_the_node_are_filled() {
    let world = World::new();
    let agent = world.agent();
    let java = |java: &str, sets: &[&str]| {
        let mut order = with("java", 1, &[], |launch| {
            launch.java = Some(JavaNeed {
                versions: java.to_owned(),
                preferred: 17,
            });
            launch.artifacts = sets.iter().map(|set| (*set).to_owned()).collect();
            launch.command = vec![
                Piece::Java.into(),
                "-Xmx1g".into(),
                Piece::SharedArchive("archived".to_owned()).into(),
                Piece::SharedArchive("none".to_owned()).into(),
                "".into(),
                Piece::ClassPath("kafka".to_owned()).into(),
                Piece::VolumeStamp(name("data")).into(),
            ];
        });
        order.volumes.insert(name("data"), volume(2));
        order
    };
    let id = agent.launch(java("17", &["kafka"]));
    assert_eq!(agent.ended(&id), End::Exit(0));
    // /bin/echo stands for java. The empty argument that was written stays, the one for lack of an archive does not.
    let expected = format!(
        "-Xmx1g -XX:SharedArchiveFile=archived for -Xmx1g  /sets/kafka/a.jar:/sets/kafka/b.jar {}\n",
        stamp(&volume(2).to_string())
    );
    assert_eq!(world.file(&id, "stdout.log"), expected);

    let mut other = java("none", &[]);
    other.id.attempt = 2;
    let none = "none was found".to_owned();
    assert_eq!(refusal(&agent, other), Refusal::NoJava { reason: none });
    let mut other = java("17", &["missing"]);
    other.id.attempt = 3;
    assert!(
        matches!(refusal(&agent, other), Refusal::NoArtifact { artifact, .. } if artifact == "missing")
    );
}

#[test]
fn what_cannot_be_is_refused_with_its_reason() {
    let world = World::new();
    let agent = world.agent();
    let said = |order| refusal(&agent, order).to_string();
    let text = |path: &str| file(FilePlace::Sandbox, path, "");
    let not_executable = world.home().join("plain");
    std::fs::write(&not_executable, "text").unwrap();
    let cases: Vec<(LaunchOrder, &str)> = vec![
        (
            order("a", 1, &["no-such-program"]),
            "no-such-program cannot be run: there is no such file",
        ),
        (
            order("b", 1, &[not_executable.to_str().unwrap()]),
            "it is not executable",
        ),
        (order("c", 1, &[]), "the command names no program"),
        (
            with("d", 1, &["true"], |launch| {
                launch.files = vec![text("../x")]
            }),
            "\"../x\" must be a file's relative path",
        ),
        (
            with("e", 1, &["true"], |launch| launch.files = vec![text("/x")]),
            "\"/x\" must be a file's relative path",
        ),
        (
            with("f", 1, &["true"], |launch| {
                launch.files = vec![text(".smack/pid")]
            }),
            "is smack's own name",
        ),
        (
            with("g", 1, &["true"], |launch| {
                launch.urls = vec!["http://x/y".to_owned()]
            }),
            "could not be had: nobody answers",
        ),
        (
            with("h", 1, &["true"], |launch| {
                launch.user = Some("nobody-at-all".to_owned())
            }),
            "there is no user",
        ),
        (
            with("i", 1, &["true"], |launch| {
                launch
                    .command
                    .push(Piece::Address(Some(name("peer"))).into())
            }),
            "{{address of peer}} was not known at the launch",
        ),
        (
            with("j", 1, &["true"], |launch| {
                launch.command.push(Piece::Volume(name("x")).into())
            }),
            "{{volume x}}",
        ),
        (
            with("k", 1, &["true"], |launch| {
                drop(launch.env.insert("A=B".to_owned(), "".into()))
            }),
            "\"A=B\" cannot be",
        ),
    ];
    for (order, expected) in cases {
        let id = order.id.clone();
        let said = said(order.clone());
        assert!(said.contains(expected), "{said}");
        // The same attempt is refused for the same reason for ever, by whichever server.
        let other = world.agent();
        other.launch(order);
        assert_eq!(other.refused(&id).to_string(), said);
    }
    assert_eq!(
        std::fs::read_dir(world.home().join("staging"))
            .unwrap()
            .count(),
        0
    );
}

#[test]
fn a_port_that_a_stranger_holds_is_refused_and_the_stranger_named() {
    let world = World::new();
    let agent = world.agent();
    // Held by this test: on the very address, then on all addresses.
    for (attempt, address) in [(1, "127.98.7.1"), (2, "0.0.0.0"), (3, "[::]")] {
        let listener = TcpListener::bind(format!("{address}:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut order = order("task", attempt, &["sleep", "100"]);
        order.address = Some("127.98.7.1".to_owned());
        order.ports.insert(name("client"), port);
        let refusal = refusal(&agent, order);
        let Refusal::PortTaken {
            port: told,
            pid,
            program,
        } = refusal
        else {
            panic!("{refusal}");
        };
        assert_eq!((told, pid), (port, Some(std::process::id())));
        assert!(program.is_some());
    }
}

#[test]
fn a_home_that_cannot_be_written_is_named() {
    let world = World::new();
    let blocked = world.home().join("file");
    std::fs::write(&blocked, "").unwrap();
    let (sender, _events) = std::sync::mpsc::channel();
    let mut options = world.options(sender);
    options.home = blocked.join("home");
    let Err(error) = LocalGrid::start(options) else {
        panic!("a home below a file");
    };
    assert!(error.to_string().starts_with("could not create"), "{error}");
    // Lost while the server runs: the launch is refused.
    let agent = world.agent();
    let staging = world.home().join("staging");
    std::fs::remove_dir(&staging).unwrap();
    std::fs::write(&staging, "").unwrap();
    let refusal = refusal(&agent, order("task", 1, &["true"]));
    assert!(
        matches!(&refusal, Refusal::Other { reason } if reason.contains("could not be made")),
        "{refusal}"
    );
}

#[test]
fn a_task_may_run_as_another_user() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let world = World::new();
    std::fs::set_permissions(
        world.home(),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    let agent = world.agent();
    let script = "id -un; echo $HOME; cat conf; echo new > written; echo data > $DATA/written";
    let mut order = with("task", 1, &["sh", "-c", script], |launch| {
        launch.user = Some("nobody".to_owned());
        launch.files = vec![
            file(FilePlace::Sandbox, "conf", "for the user\n"),
            file(FilePlace::Volume(name("data")), "sub/conf", "x"),
        ];
        launch
            .env
            .insert("DATA".to_owned(), Piece::Volume(name("data")).into());
    });
    order.volumes.insert(name("data"), volume(1));
    let id = agent.launch(order);
    assert_eq!(
        agent.ended(&id),
        End::Exit(0),
        "{}",
        world.file(&id, "stderr.log")
    );
    assert!(
        world
            .file(&id, "stdout.log")
            .starts_with("nobody\n/nonexistent\nfor the user\n")
    );
}

#[test]
fn commands_run_in_a_tasks_place() {
    let world = World::new();
    let agent = world.agent();
    let listener = TcpListener::bind("127.98.8.1:0").unwrap();
    let mut order = with("task", 1, &["sleep", "100"], |launch| {
        drop(launch.env.insert("A".to_owned(), "b".into()))
    });
    order.address = Some("127.98.8.1".to_owned());
    let id = agent.launch(order);
    agent.running(&id);
    let reach = agent.grid.reach();
    let second = Duration::from_secs(5);
    let exec = |script: &str, within| {
        let command = ["sh", "-c", script].map(str::to_owned);
        reach.exec(
            &id,
            &command,
            &[("C".to_owned(), "d".to_owned())].into(),
            within,
        )
    };
    let output = exec("echo $A $C $HOST; echo bad >&2; exit 3", second).unwrap();
    assert_eq!(String::from_utf8_lossy(&output.output), "b d 127.98.8.1\n");
    assert_eq!(
        (output.errors.as_slice(), output.code),
        (b"bad\n".as_slice(), 3)
    );
    let slow = exec("sleep 100 & sleep 100", Duration::from_millis(50));
    assert!(matches!(slow, Err(ReachError::TooSlow { .. })), "{slow:?}");
    let port = listener.local_addr().unwrap().port();
    reach.connect(&id, port, second).unwrap();
    let missing = reach.exec(&id, &["no-such".to_owned()], &Default::default(), second);
    assert!(
        matches!(missing, Err(ReachError::Run { .. })),
        "{missing:?}"
    );
    agent.stop(&id, Span::seconds(5));
    assert_eq!(agent.ended(&id), End::Stopped { code: 143 });
}
