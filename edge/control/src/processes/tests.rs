//! Lines of the kernel, and processes of this test's own that are found again.

use std::fs;
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

use super::*;

const TASK: &str = "default.a.one.1.one-0.3";
const PATH: &str = "default/a/one/one-0";

/// A home with a sandbox and a volume, and a program as a task would run it, with a child of its own.
struct World {
    home: tempfile::TempDir,
    program: Child,
}

impl World {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let sandbox = home.path().join("sandboxes").join(TASK);
        fs::create_dir_all(&sandbox).unwrap();
        fs::create_dir_all(home.path().join("volumes/default.a.one.1.one-0.data.2")).unwrap();
        let log = fs::File::create(sandbox.join("log")).unwrap();
        let program = Command::new("sh")
            // The child has lost its environment: only its parents tell whose it is.
            .args(["-c", "env -i sleep 100 & wait"])
            .env("SMACK_SANDBOX", &sandbox)
            .stdout(log)
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        let world = Self { home, program };
        // The shell and the `sleep` that `env` has become.
        let is_up = || {
            let listed = world.look().of_tasks(false);
            listed.iter().any(|process| process.program == "sleep")
        };
        for _ in 0..1000 {
            if is_up() {
                return world;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("{:?}", world.look().of_tasks(false));
    }

    fn look(&self) -> Processes {
        Processes::look(self.home.path(), Arc::default())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let group = rustix::process::Pid::from_child(&self.program);
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        drop(self.program.wait());
    }
}

#[test]
fn a_child_without_environment_is_its_tasks() {
    let world = World::new();
    let looked = world.look();
    let listed: Vec<(String, String, Option<String>, Option<u32>)> = looked
        .of_tasks(false)
        .into_iter()
        .map(|process| (process.program, process.role, process.path, process.attempt))
        .collect();
    let row = |program: &str, role: &str| {
        (
            program.to_owned(),
            role.to_owned(),
            Some(PATH.to_owned()),
            Some(3),
        )
    };
    assert_eq!(listed, [row("sh", "program"), row("sleep", "child")]);
    let owners = looked.of_pid(world.program.id());
    assert_eq!(owners[0].path.as_deref(), Some(PATH));
    let stranger = looked.of_pid(std::process::id());
    assert_eq!(stranger[0].path, None);
    assert_eq!(stranger[0].process.as_ref().unwrap().role, "stranger");
    assert_eq!(looked.of_pid(u32::MAX), []);
}

#[test]
fn a_file_belongs_to_whose_it_is_and_to_who_has_it_open() {
    let world = World::new();
    let looked = world.look();
    let of = |file: &str| {
        let owners = looked.of_file(&world.home.path().join(file));
        let told = owners.into_iter().map(|owner| {
            let program = owner.process.map(|process| process.program);
            (owner.how, owner.path.unwrap_or_default(), program)
        });
        told.collect::<Vec<_>>()
    };
    let plain = |how: &str, program: Option<&str>| {
        (how.to_owned(), PATH.to_owned(), program.map(str::to_owned))
    };
    assert_eq!(
        of(&format!("sandboxes/{TASK}/log")),
        [
            plain("has it in its sandbox", None),
            plain("has it open", Some("sh")),
            plain("has it open", Some("sleep")),
        ]
    );
    assert_eq!(
        of("volumes/default.a.one.1.one-0.data.2/segment/0.log"),
        [plain("has it in its volume data", None)]
    );
    assert_eq!(
        of("vdcs/default.a/hosts"),
        [(
            "has it for its network".to_owned(),
            "default/a".to_owned(),
            None
        )]
    );
    assert_eq!(of("smack.db"), []);
    assert_eq!(of("sandboxes/nonsense/log"), []);
}

#[test]
fn a_port_belongs_to_who_listens() {
    let world = World::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let looked = world.look();
    for asked in [None, Some(address.ip())] {
        let owners = looked.of_port(asked, address.port());
        let pids = owners
            .iter()
            .filter_map(|owner| Some(owner.process.as_ref()?.pid));
        assert!(pids.collect::<Vec<_>>().contains(&std::process::id()));
        assert_eq!(owners[0].how, format!("listens on {address}"));
        assert_eq!(owners[0].path, None);
    }
    let elsewhere = Some("127.99.0.1".parse().unwrap());
    assert_eq!(looked.of_port(elsewhere, address.port()), []);
}

#[test]
fn names_of_programs_may_contain_anything() {
    let rest = "S 1 4 4 0 -1 4194304 1 0 0 0 25 17 0 0 20 0 1 0 12345 9 3 18446744073709551615";
    let entry = kernel::parse(&format!("4711 (a ) b) {rest}")).unwrap();
    assert_eq!((entry.program.as_str(), entry.parent), ("a ) b", 1));
    assert_eq!((entry.state(), entry.started), ("sleeping", 12_345));
    let tick = 1000 / rustix::param::clock_ticks_per_second();
    assert_eq!(entry.cpu_ms, 42 * tick);
    assert_eq!(kernel::parse("nonsense"), None);
    assert_eq!(kernel::parse("4711 (a) S 1"), None);
}

#[test]
#[cfg(target_endian = "little")]
fn the_kernels_lines_are_read() {
    let line = "   0: 0200017F:2384 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0";
    let listener = sockets::parse(line, "0A", false).unwrap();
    assert_eq!(
        (listener.text().as_str(), listener.inode),
        ("127.1.0.2:9092", 4711)
    );
    assert_eq!(sockets::parse(line, "07", true), None);
    assert_eq!(sockets::parse("nonsense", "0A", false), None);
}
