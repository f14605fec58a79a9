//! Downloads from a server that breaks off, stalls, forgets or says nothing.

use std::time::{Duration, Instant};

use super::{Limits, fetch_all};
use crate::fetch::Reason;
use crate::store::Store;
use crate::testing::{Manner, artifact, serve};

const CONTENT: &[u8] = b"0123456789abcdef0123456789abcdef";

fn limits() -> Limits {
    let short = Duration::from_millis(250);
    Limits {
        connect: short,
        answer: short,
        stretch: short,
        parallel: 1,
    }
}

/// The reason of failure, the starts of the ranges asked for, and the seconds it took.
fn fetch(manner: Manner, partial: Option<&[u8]>) -> (Option<Reason>, Vec<usize>, f64) {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path()).unwrap();
    let jar = artifact("a", CONTENT);
    if let Some(partial) = partial {
        std::fs::write(store.partial(&jar.sha256), partial).unwrap();
    }
    let server = serve(CONTENT, manner);
    let start = Instant::now();
    let answers = fetch_all(
        &store,
        &server.base,
        std::slice::from_ref(&jar),
        &limits(),
        &|_, _, _| {},
    )
    .unwrap();
    let starts = server
        .requests
        .lock()
        .unwrap()
        .iter()
        .map(|(_, start)| *start)
        .collect();
    let reason = answers.into_iter().next().map(|(_, reason)| reason);
    assert_eq!(reason.is_none(), store.get(&jar).unwrap().is_some());
    (reason, starts, start.elapsed().as_secs_f64())
}

#[test]
fn a_broken_download_goes_on_where_it_stopped() {
    assert_eq!(fetch(Manner::Good, None).1, [0]);
    let (reason, starts, _) = fetch(Manner::BreaksAfter(12), None);
    assert_eq!((reason, starts), (None, vec![0, 12, 24]));
}

#[test]
fn what_an_earlier_run_left_is_used() {
    let (reason, starts, _) = fetch(Manner::Good, Some(&CONTENT[..20]));
    assert_eq!((reason, starts), (None, vec![20]));
    let (reason, starts, _) = fetch(Manner::Good, Some(CONTENT));
    assert_eq!((reason, starts), (None, vec![]));
}

#[test]
fn a_damaged_rest_is_thrown_away() {
    let (reason, starts, _) = fetch(Manner::Good, Some(b"xxxx"));
    assert_eq!((reason, starts), (None, vec![4, 0]));
    let longer = [CONTENT, CONTENT].concat();
    assert_eq!(fetch(Manner::Good, Some(&longer)).0, None);
}

#[test]
fn a_server_without_ranges_starts_over_but_not_for_ever() {
    let (reason, starts, _) = fetch(Manner::BreaksAndForgets(12), None);
    assert!(matches!(reason, Some(Reason::Failed(_))), "{reason:?}");
    assert!(starts.len() <= 4, "{starts:?}");
}

#[test]
fn refusals_and_silence_have_their_reasons() {
    for (manner, expected) in [
        (Manner::Status(404), "not there"),
        (Manner::Status(403), "HTTP status 403"),
        (Manner::Status(503), "HTTP status 503"),
        (Manner::Silent, "no answer for"),
        (Manner::Stalls, "no answer for"),
    ] {
        let (reason, _, seconds) = fetch(manner, None);
        let text = reason.map(|reason| reason.to_string()).unwrap_or_default();
        assert!(text.starts_with(expected), "{manner:?}: {text}");
        assert!(seconds < 3.0, "{manner:?} took {seconds} s");
    }
}
