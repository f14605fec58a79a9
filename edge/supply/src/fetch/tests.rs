//! Sources in order, refusals, and two fetchers at once.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use smack_services::catalog::Artifact;

use super::{Error, Fetcher, Progress, Reason, Sources};
use crate::maven::Maven;
use crate::mirror::Limits;
use crate::store::Store;
use crate::testing::{Manner, artifact, serve};

const CONTENT: &[u8] = b"the jar";

fn home() -> (tempfile::TempDir, Store) {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path()).unwrap();
    (home, store)
}

fn quick() -> Limits {
    let short = Duration::from_millis(300);
    Limits {
        connect: short,
        answer: short,
        stretch: short,
        parallel: 2,
    }
}

fn prepare(store: &Store, sources: Sources, artifacts: &[Artifact]) -> Result<PathBuf, Error> {
    Fetcher::new(store, sources, &|_| {})
        .with_limits(quick())
        .prepare("set-1", artifacts)
}

fn write(path: &Path, content: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

#[test]
fn nothing_is_asked_for_what_is_there() {
    let (_home, store) = home();
    let jar = artifact("a", CONTENT);
    store.put(&jar, &mut &*CONTENT).unwrap();
    let mirror = serve(CONTENT, Manner::Good);
    let sources = Sources {
        mirrors: vec![mirror.base.clone()],
        ..Sources::default()
    };
    prepare(&store, sources, &[jar]).unwrap();
    assert!(mirror.requests.lock().unwrap().is_empty());
}

#[test]
fn a_bundle_may_be_flat_a_repository_or_a_store() {
    let jar = artifact("a", CONTENT);
    for place in [
        jar.path(),
        jar.file(),
        format!("sha256/{}/{}", &jar.sha256[..2], jar.sha256),
    ] {
        let (home, store) = home();
        let bundle = home.path().join("bundle");
        write(&bundle.join(&place), CONTENT);
        let sources = Sources {
            bundle: Some(bundle),
            ..Sources::default()
        };
        let directory = prepare(&store, sources, std::slice::from_ref(&jar)).unwrap();
        assert_eq!(
            fs::read(directory.join("a-1.jar")).unwrap(),
            CONTENT,
            "{place}"
        );
    }
}

#[test]
fn a_bundle_may_be_a_tar() {
    let (home, store) = home();
    let jar = artifact("a", CONTENT);
    let path = home.path().join("bundle.tar");
    let mut tar = tar::Builder::new(fs::File::create(&path).unwrap());
    let mut header = tar::Header::new_gnu();
    header.set_size(CONTENT.len() as u64);
    tar.append_data(&mut header, "some/where/a-1.jar", CONTENT)
        .unwrap();
    tar.finish().unwrap();
    let sources = Sources {
        bundle: Some(path),
        ..Sources::default()
    };
    prepare(&store, sources, &[jar]).unwrap();
}

#[test]
fn a_corrupted_download_is_refused_and_the_next_source_asked() {
    let (_home, store) = home();
    let jar = artifact("a", CONTENT);
    let (bad, good) = (
        serve(CONTENT, Manner::Corrupts),
        serve(CONTENT, Manner::Good),
    );
    let only_bad = Sources {
        mirrors: vec![bad.base.clone()],
        ..Sources::default()
    };
    let Err(error @ Error::NoSource { .. }) = prepare(&store, only_bad, std::slice::from_ref(&jar))
    else {
        panic!("taken");
    };
    let text = error.to_string();
    assert!(
        text.contains(&format!("expected {}", jar.sha256))
            && text.contains("a-1.jar refused, its hash is"),
        "{text}"
    );
    let both = Sources {
        mirrors: vec![bad.base, good.base],
        ..Sources::default()
    };
    prepare(&store, both, &[jar]).unwrap();
}

#[test]
fn every_source_that_was_asked_is_named() {
    let (home, store) = home();
    let jars = [artifact("a", CONTENT), artifact("b", b"other")];
    let mirror = serve(CONTENT, Manner::Status(404));
    let maven = Maven {
        user_home: Some(home.path().to_owned()),
        ..Maven::default()
    };
    let sources = Sources {
        bundle: Some(home.path().to_owned()),
        mirrors: vec![mirror.base.clone()],
        maven: Some(maven),
    };
    let Err(Error::NoSource {
        artifact,
        missing,
        tried,
    }) = prepare(&store, sources, &jars)
    else {
        panic!("found")
    };
    let told: Vec<_> = tried
        .iter()
        .map(|tried| {
            (
                tried.source.split(' ').next().unwrap(),
                tried.reason.clone(),
            )
        })
        .collect();
    assert_eq!((artifact.as_str(), missing), ("test:a:1", 2));
    let no_client = Reason::Failed("no `mvn` in MAVEN_HOME or PATH".to_owned());
    assert_eq!(
        told,
        [
            ("bundle", Reason::Missing),
            ("mirror", Reason::Missing),
            ("local", Reason::Missing),
            ("Maven", no_client)
        ]
    );
}

#[test]
fn without_any_source_the_hint_says_what_to_install() {
    let (_home, store) = home();
    let error = prepare(&store, Sources::default(), &[artifact("a", CONTENT)]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no source has test:a:1: there is no bundle, no mirror and no Maven client"
    );
    assert!(error.hint().contains("install Maven"));
}

#[test]
fn progress_counts_files_and_bytes() {
    let (_home, store) = home();
    let jar = artifact("a", CONTENT);
    let mirror = serve(CONTENT, Manner::Good);
    let seen = Mutex::new(Vec::new());
    let progress = |progress: Progress| seen.lock().unwrap().push(progress);
    let sources = Sources {
        mirrors: vec![mirror.base],
        ..Sources::default()
    };
    Fetcher::new(&store, sources, &progress)
        .prepare("set-1", &[jar])
        .unwrap();
    let seen = seen.into_inner().unwrap();
    let last = seen.last().unwrap();
    assert_eq!(
        (
            last.files_done,
            last.files_total,
            last.bytes,
            last.bytes_total
        ),
        (1, 1, 7, 7)
    );
    assert!(
        seen.iter()
            .all(|progress| progress.bytes <= 7 && progress.files_done <= 1),
        "{seen:?}"
    );
}

#[test]
fn of_two_fetchers_one_fetches_and_both_have_the_set() {
    let (_home, store) = home();
    let jars: Vec<Artifact> = (0..8)
        .map(|number| artifact(&format!("a{number}"), CONTENT))
        .collect();
    let mirror = serve(CONTENT, Manner::Good);
    let waits = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let count = |progress: Progress| {
                    waits.fetch_add(
                        usize::from(progress.artifact.starts_with("another process")),
                        Ordering::Relaxed,
                    );
                };
                let sources = Sources {
                    mirrors: vec![mirror.base.clone()],
                    ..Sources::default()
                };
                let store = Store::open(store.root().parent().unwrap()).unwrap();
                let directory = Fetcher::new(&store, sources, &count)
                    .prepare("set-1", &jars)
                    .unwrap();
                assert_eq!(fs::read_dir(directory).unwrap().count(), 8);
            });
        }
    });
    // Equal content is one stored file, but every name was asked for at most once by whoever held the lock.
    assert!(mirror.requests.lock().unwrap().len() <= 8, "fetched twice");
}

#[test]
fn a_mirror_that_cannot_be_reached_ends() {
    let (_home, store) = home();
    let sources = Sources {
        mirrors: vec!["http://127.0.0.1:9/".to_owned()],
        ..Sources::default()
    };
    let start = std::time::Instant::now();
    let error = prepare(&store, sources, &[artifact("a", CONTENT)]).unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(5), "{error}");
}
