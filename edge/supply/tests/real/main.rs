//! With the user's real Maven client: a set is fetched, and a lock is regenerated and compared.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "all of this is test code, also outside #[test]"
)]

mod needs;
mod rehearsal;

use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

use smack_supply::catalog::{Catalog, Part, prepare};
use smack_supply::fetch::{Fetcher, Sources};
use smack_supply::maven::Maven;
use smack_supply::store::Store;

#[test]
fn zookeeper_is_fetched_by_the_maven_client() {
    let Some(mvn) = needs::program("mvn") else {
        return;
    };
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path()).unwrap();
    let entry = Catalog::embedded().find("zookeeper", "3.9").unwrap();
    let seen = Mutex::new(Vec::new());
    let progress = |progress| seen.lock().unwrap().push(progress);
    // No home of the user here, so the client itself is asked and not its repository.
    let maven = Maven {
        program: Some(mvn),
        user_home: Some(home.path().to_owned()),
        ..Maven::default()
    };
    let sources = Sources {
        maven: Some(maven),
        ..Sources::default()
    };
    let jars = prepare(
        &Fetcher::new(&store, sources, &progress),
        entry,
        Part::Server,
    )
    .unwrap();
    assert_eq!(jars.len(), 6);
    assert!(jars.iter().all(|jar| jar.is_file()), "{jars:?}");
    let last = seen.lock().unwrap().last().cloned().unwrap();
    assert_eq!(
        (last.files_done, last.bytes),
        (last.files_total, last.bytes_total)
    );

    // From now on no source is needed.
    let again = prepare(
        &Fetcher::new(&store, Sources::default(), &|_| {}),
        entry,
        Part::Server,
    )
    .unwrap();
    assert_eq!(again, jars);
}

#[test]
fn a_lock_made_anew_is_the_same() {
    if needs::program("mvn").is_none()
        || needs::program("python3").is_none()
        || needs::program("javap").is_none()
    {
        return;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../catalog/relock");
    let output = Command::new(script)
        .args(["--check", "zookeeper-3.9.5"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
