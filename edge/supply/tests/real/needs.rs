//! What a real test needs of the machine. Where it is lacking the test says so and passes; with `SMACK_REAL=required`
//! (continuous integration) it fails.

use std::env;
use std::path::PathBuf;

/// The program of this name in `PATH`. `None` means: return from the test, the lack has been told.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path)
        .map(|place| place.join(name))
        .find(|file| file.is_file());
    if found.is_none() {
        let text = format!("NOT TESTED: `{name}` is not in PATH, and this test runs the real one");
        assert!(
            env::var("SMACK_REAL").as_deref() != Ok("required"),
            "{text}"
        );
        println!("{text}");
    }
    found
}
