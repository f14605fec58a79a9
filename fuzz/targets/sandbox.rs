//! The files of a sandbox that a server finds: `file: text` each, a line for all of them.
#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

const FILES: [&str; 7] = [
    ".smack/launch.json",
    ".smack/exit",
    ".smack/pid",
    ".smack/pid.new",
    ".smack/shim",
    ".smack/failure",
    "burned",
];
static SANDBOX: LazyLock<PathBuf> = LazyLock::new(|| {
    let sandbox = smack_fuzz::scratch("sandbox");
    fs::create_dir(sandbox.join(".smack")).expect("it is new");
    sandbox
});

fuzz_target!(|bytes: &[u8]| {
    for file in FILES {
        drop(fs::remove_file(SANDBOX.join(file)));
    }
    for line in bytes.split(|&byte| byte == b'\n') {
        let Some((&file, text)) = line.split_first() else {
            continue;
        };
        let file = FILES[usize::from(file.wrapping_sub(b'0')) % FILES.len()];
        fs::write(SANDBOX.join(file), text).expect("there is room");
    }
    assert!(!smack_grids::fuzz::look(&SANDBOX, "boot").is_empty());
});
