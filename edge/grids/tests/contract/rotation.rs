//! Logs stay short and lose no byte, while their writer writes as fast as it can.

use std::path::Path;
use std::time::Duration;

use crate::world::{World, eventually, order};
use smack_grids::LogLimits;
use smack_grids::logs::{self, Stream};
use smack_model::End;

const LINES: u64 = 200_000;

fn writes_and_rotates(collapse: bool) {
    let mut world = World::new();
    world.logs = LogLimits {
        bytes: 64 << 10,
        keep: 1000,
        every: Duration::from_millis(20),
        collapse,
    };
    let agent = world.agent();
    let script = format!("seq 1 {LINES}; sleep 0.3; seq -f last-%.0f 1 1000; sleep 0.2");
    let id = agent.launch(order("writer", 1, &["sh", "-c", &script]));
    // A follower reads along, across rotations.
    let sandbox = world.sandbox(&id);
    let mut followed = Vec::new();
    let mut follow = || {
        let chunk = logs::read(&sandbox, Stream::Output, followed.len() as u64, 100_000).unwrap();
        assert_eq!(chunk.from, followed.len() as u64, "nothing was passed over");
        followed.extend_from_slice(&chunk.bytes);
        chunk.bytes.len()
    };
    agent.running(&id);
    eventually(|| {
        follow();
        sandbox.join(".smack/exit").exists()
    });
    while follow() > 0 {}
    assert_eq!(agent.ended(&id), End::Exit(0));
    let numbers = (1..=LINES).map(|number| format!("{number}\n"));
    let expected: String = numbers
        .chain((1..=1000).map(|number| format!("last-{number}\n")))
        .collect();
    assert_eq!(followed.len(), expected.len());
    assert!(followed == expected.as_bytes(), "every byte, in order");
    let whole = logs::read(&sandbox, Stream::Output, 0, usize::MAX).unwrap();
    assert!(whole.bytes == expected.as_bytes(), "also afterwards");
    assert_eq!(
        logs::length(&sandbox, Stream::Output).unwrap(),
        expected.len() as u64
    );
    assert!(sandbox.join("stdout.log.5").exists(), "it was rotated");
    assert!(
        allocated(&sandbox.join("stdout.log")) <= 128 << 10,
        "the current one is short"
    );
    let last = logs::last_lines(&sandbox, Stream::Output, 3).unwrap();
    assert_eq!(
        String::from_utf8_lossy(&last.bytes),
        "last-998\nlast-999\nlast-1000\n"
    );
    let many = logs::last_lines(&sandbox, Stream::Output, 50_000).unwrap();
    assert_eq!(
        many.bytes.iter().filter(|byte| **byte == b'\n').count(),
        50_000
    );
    assert_eq!(many.next(), expected.len() as u64);
}

fn allocated(path: &Path) -> u64 {
    std::os::unix::fs::MetadataExt::blocks(&std::fs::metadata(path).unwrap()) * 512
}

#[test]
fn with_blocks_taken_out_of_the_file() {
    writes_and_rotates(true);
}

#[test]
fn with_holes_left_in_front() {
    writes_and_rotates(false);
}

#[test]
fn only_so_many_older_files_are_kept() {
    let mut world = World::new();
    world.logs = LogLimits {
        bytes: 16 << 10,
        keep: 2,
        every: Duration::from_millis(10),
        collapse: true,
    };
    let agent = world.agent();
    let id = agent.launch(order("writer", 1, &["sh", "-c", "seq 1 50000; sleep 0.2"]));
    assert_eq!(agent.ended(&id), End::Exit(0));
    let sandbox = world.sandbox(&id);
    assert!(sandbox.join("stdout.log.2").exists() && !sandbox.join("stdout.log.3").exists());
    let chunk = logs::read(&sandbox, Stream::Output, 0, usize::MAX).unwrap();
    assert!(chunk.from > 0, "what is gone is passed over");
    assert!(chunk.bytes.ends_with(b"49999\n50000\n"));
    let none = logs::read(&sandbox, Stream::Errors, 0, 100).unwrap();
    assert_eq!(none.bytes, b"");
}
