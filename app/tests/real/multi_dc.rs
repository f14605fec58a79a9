//! One Cassandra ring over two zones, of two nodes each, from the five files and six lines of `stacks/two-zones`: the second
//! joins a first that is written to, serves alone while the first is away, and leaves; what only one of them has is not let go.

use std::os::unix::fs::symlink;
use std::process::Command;

use expect_test::expect_file;
use serde_json::Value;

use crate::clients::{Quorum, Running, Stored, Tools};
use crate::home::{Home, repository};

const VDCS: [&str; 2] = ["cassandra-zone1/cassandra", "cassandra-zone2/cassandra"];
const ROWS: u64 = 100_000;
/// A writer that is told to end has not come so far.
const MANY: u64 = 1_000_000;

#[test]
fn a_ring_gets_a_second_zone_and_loses_it_under_writes() {
    let Some(home) = Home::real("Cassandra over two zones") else {
        return;
    };
    slide(&home);
    let first = home.attempts(VDCS[0]);
    let tools = Tools::zipkin(home.path());
    let client = |vdc| {
        let contact_points = home.export(vdc, "cassandra.contact-points");
        Quorum::of(&tools, &contact_points, &home.export(vdc, "cassandra.dc"))
    };
    let here = client(VDCS[0]);
    let mut rows = written(here.write("app", 0..ROWS, 10_000), Vec::new());

    let plan = home.smack(&["plan", "cassandra", "--zone", "cassandra_zone2"]);
    expect_file!["multi_dc/joins.txt"].assert_eq(&plan.stdout);
    let (writer, line) = here.write("app", rows..MANY, 200).under_way(4);
    home.good(&["run", "cassandra", "--zone", "cassandra_zone2"]);
    rows += written(writer, line);
    assert_eq!(up_and_normal(&home), 4);
    assert_eq!(home.attempts(VDCS[0]), first, "nobody restarts");

    // Everything is in the second zone, and it goes on by itself.
    let there = client(VDCS[1]);
    assert_eq!(there.read("app"), Stored::of(rows));
    home.good(&["stop", VDCS[0]]);
    rows += written(there.write("app", rows..rows + 2_000, 500), Vec::new());
    home.good(&["start", VDCS[0]]);
    home.good(&["run", "cassandra", "--zone", "cassandra_zone1"]);

    for command in [&["down", VDCS[0], "--plan"][..], &["down", VDCS[0]]] {
        let refused = home.smack(command);
        assert_eq!(refused.code, 1);
        expect_file!["multi_dc/stays.txt"].assert_eq(&refused.stderr);
    }
    let plan = home.good(&["down", VDCS[1], "--plan"]);
    expect_file!["multi_dc/leaves.txt"].assert_eq(&plan);
    let first = home.attempts(VDCS[0]);
    let (writer, line) = here.write("app", rows..MANY, 200).under_way(4);
    home.good(&["down", VDCS[1]]);
    rows += written(writer, line);
    assert_eq!(up_and_normal(&home), 2, "no ghost");
    assert_eq!(home.attempts(VDCS[0]), first, "nobody restarts");
    assert_eq!(here.read("app"), Stored::of(rows));
    println!("{rows} rows are where they belong");
    home.good(&["down", VDCS[0], "--check"]);
}

/// The six lines, as they are typed.
fn slide(home: &Home) {
    let bin = home.path().join("bin");
    std::fs::create_dir(&bin).expect("a directory");
    symlink(env!("CARGO_BIN_EXE_smack"), bin.join("stack-deploy")).expect("a link");
    let path = std::env::var("PATH").unwrap_or_default();
    let ran = Command::new(repository().join("stacks/two-zones/slide.sh"))
        .env("PATH", format!("{}:{path}", bin.display()))
        .env("SMACK_HOME", home.path())
        .env_remove("SD_API")
        .env_remove("SMACK_API")
        .output()
        .expect("a script");
    let told = String::from_utf8_lossy(&ran.stdout);
    let (told, time) = told.rsplit_once(" in ").unwrap_or((&told, ""));
    let added = "Stack added\n".repeat(5);
    let expected = format!("{added}Running stack cassandra\nDone");
    assert_eq!(told, expected, "{time} {ran:?}");
    assert!(ran.status.success(), "{ran:?}");
}

/// The end of a writer of whose rows none may be missing: how many it wrote.
fn written(writer: Running, first: Vec<Value>) -> u64 {
    let told = if first.is_empty() {
        writer.end()
    } else {
        writer.stop_after(first)
    };
    let last = told.last();
    assert_eq!(last["errors"], 0, "{last}");
    assert_eq!(last["written"], last["sent"], "{last}");
    last["written"].as_u64().expect("a number of rows")
}

/// How many nodes are up and normal, of all that the ring knows.
fn up_and_normal(home: &Home) -> usize {
    let nodetool = ["--", "bin/nodetool", "status"];
    let status = home.good(&[&["exec", VDCS[0], "cassandra/node-0"], &nodetool[..]].concat());
    let lines = |start: &str| {
        status
            .lines()
            .filter(|line| line.starts_with(start))
            .count()
    };
    assert_eq!(lines("DN "), 0, "{status}");
    lines("UN ")
}
