//! Plain HTTP(S) with resumption: a download grows in the store's `partial/`, goes on where it broke off, and ends when
//! the bytes stop coming. Knows where a file lies in Maven layout; the hash decides whether it is taken.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use smack_services::catalog::Artifact;
use ureq::{Agent, Timeout};

use crate::fetch::{Answers, Reason, Report, chain};
use crate::store::{self, Store};

/// How long a silent server is waited for.
#[derive(Debug, Clone)]
pub struct Limits {
    /// to be connected
    pub connect: Duration,
    /// for the head of an answer
    pub answer: Duration,
    /// one request's body; what came by then stays and the rest is asked for again, unless nothing came
    pub stretch: Duration,
    /// downloads at a time
    pub parallel: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connect: Duration::from_secs(10),
            answer: Duration::from_secs(20),
            stretch: Duration::from_secs(30),
            parallel: 4,
        }
    }
}

/// The most that is taken from an address whose size nobody has locked.
pub(crate) const SIZE_MAX: u64 = 4 << 30;

/// Attempts that may bring nothing new before a download is given up.
const FRUITLESS_MAX: u32 = 2;

/// What one request came to.
enum Stretch {
    Whole,
    Broken(Reason),
}

/// A download that failed.
pub(crate) enum Failure {
    Source(Reason),
    Store(store::Error),
}

/// Fetches all wanted artifacts from one mirror, several at a time.
pub(crate) fn fetch_all(
    store: &Store,
    base: &str,
    wanted: &[Artifact],
    limits: &Limits,
    report: Report<'_>,
) -> Result<Answers, store::Error> {
    let client = Client::new(limits);
    let (next, files, bytes) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicU64::new(0));
    let answers = Mutex::new(Vec::new());
    let failed = Mutex::new(None);
    let work = || {
        while let Some(artifact) = wanted.get(next.fetch_add(1, Ordering::Relaxed)) {
            let count = |more: u64| {
                let sum = bytes.fetch_add(more, Ordering::Relaxed) + more;
                report(&artifact.file(), files.load(Ordering::Relaxed), sum);
            };
            match fetch(store, &client, base, artifact, &count) {
                Ok(()) => {
                    files.fetch_add(1, Ordering::Relaxed);
                    count(0);
                }
                Err(Failure::Source(reason)) => {
                    // A server that cannot be reached at all is not asked for every single file.
                    if matches!(reason, Reason::Timeout(_)) {
                        next.store(wanted.len(), Ordering::Relaxed);
                    }
                    lock(&answers).push((artifact.clone(), reason));
                }
                Err(Failure::Store(error)) => {
                    next.store(wanted.len(), Ordering::Relaxed);
                    *lock(&failed) = Some(error);
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..limits.parallel.clamp(1, wanted.len().max(1)) {
            scope.spawn(work);
        }
    });
    if let Some(error) = lock(&failed).take() {
        return Err(error);
    }
    let mut answers = std::mem::take(&mut *lock(&answers));
    let reason = answers
        .first()
        .map(|(_, reason): &(Artifact, Reason)| reason.clone());
    for artifact in wanted {
        let answered = answers.iter().any(|(answered, _)| answered == artifact);
        if let Some(reason) = &reason
            && !answered
            && store.get(artifact)?.is_none()
        {
            answers.push((artifact.clone(), reason.clone()));
        }
    }
    answers.sort_by_key(|(artifact, _)| wanted.iter().position(|wanted| wanted == artifact));
    Ok(answers)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// An HTTP client with its limits; shared by the downloads of one mirror.
struct Client<'a> {
    agent: Agent,
    limits: &'a Limits,
}

impl Client<'_> {
    fn new(limits: &Limits) -> Client<'_> {
        let config = Agent::config_builder()
            .timeout_resolve(Some(limits.connect))
            .timeout_connect(Some(limits.connect))
            .timeout_recv_response(Some(limits.answer))
            .timeout_recv_body(Some(limits.stretch))
            .http_status_as_error(false);
        Client {
            agent: Agent::new_with_config(config.build()),
            limits,
        }
    }
}

fn fetch(
    store: &Store,
    client: &Client<'_>,
    base: &str,
    artifact: &Artifact,
    count: &dyn Fn(u64),
) -> Result<(), Failure> {
    let url = format!("{}/{}", base.trim_end_matches('/'), artifact.path());
    let (draft, mut file) = open_partial(store, &artifact.sha256).map_err(Failure::Store)?;
    let resumed = file.metadata().is_ok_and(|found| found.len() > 0);
    download(client, &url, &mut file, &draft, Some(artifact.size), count)?;
    match store.adopt(artifact, &draft) {
        Ok(_) => Ok(()),
        // What an earlier try left may be what does not fit: once more from the beginning.
        Err(store::Error::HashMismatch { .. }) if resumed => {
            fetch(store, client, base, artifact, count)
        }
        Err(store::Error::HashMismatch {
            name,
            expected,
            found,
        }) => Err(Failure::Source(Reason::Hash {
            file: name,
            expected,
            found,
        })),
        Err(error) => Err(Failure::Store(error)),
    }
}

/// The growing file of a hash; if another download is at it, one of our own that nobody resumes.
fn open_partial(store: &Store, sha256: &str) -> Result<(std::path::PathBuf, File), store::Error> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let mut path = store.partial(sha256);
    loop {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|source| store::Error::new("open", &path, source))?;
        match file.try_lock() {
            Ok(()) => return Ok((path, file)),
            Err(TryLockError::WouldBlock) => {
                let count = COUNT.fetch_add(1, Ordering::Relaxed);
                path = store.partial(&format!("{sha256}.{}-{count}", std::process::id()));
            }
            Err(TryLockError::Error(source)) => {
                return Err(store::Error::new("lock", &path, source));
            }
        }
    }
}

/// Downloads a whole file by address, without resumption of an earlier try. `SIZE_MAX` bounds what is accepted.
pub(crate) fn download_whole(url: &str, to: &Path) -> Result<(), Failure> {
    let make = || {
        OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(to)
    };
    let mut file =
        make().map_err(|source| Failure::Store(store::Error::new("open", to, source)))?;
    let seen = AtomicU64::new(0);
    let count = |more| {
        seen.fetch_add(more, Ordering::Relaxed);
    };
    download(
        &Client::new(&Limits::default()),
        url,
        &mut file,
        to,
        None,
        &count,
    )?;
    if seen.load(Ordering::Relaxed) > SIZE_MAX {
        drop(fs::remove_file(to));
        return Err(Failure::Source(Reason::Failed(format!(
            "larger than {SIZE_MAX} bytes"
        ))));
    }
    Ok(())
}

fn download(
    client: &Client<'_>,
    url: &str,
    file: &mut File,
    path: &Path,
    size: Option<u64>,
    count: &dyn Fn(u64),
) -> Result<(), Failure> {
    let io = |source| Failure::Store(store::Error::new("write", path, source));
    let mut have = file.metadata().map_err(io)?.len();
    if size.is_some_and(|size| have > size) {
        file.set_len(0).map_err(io)?;
        have = 0;
    }
    if have > 0 && size == Some(have) {
        return Ok(());
    }
    let (mut most, mut fruitless) = (have, 0);
    loop {
        match stretch(client, url, file, size, count)? {
            Stretch::Whole => return Ok(()),
            Stretch::Broken(reason) => {
                have = file.metadata().map_err(io)?.len();
                fruitless = if have > most { 0 } else { fruitless + 1 };
                most = most.max(have);
                if fruitless >= FRUITLESS_MAX {
                    return Err(Failure::Source(reason));
                }
                tracing::debug!(url, have, %reason, "download broke off, going on");
            }
        }
    }
}

/// One request for what is missing at the end of the file.
fn stretch(
    client: &Client<'_>,
    url: &str,
    file: &mut File,
    size: Option<u64>,
    count: &dyn Fn(u64),
) -> Result<Stretch, Failure> {
    let io = |source| Failure::Store(store::Error::new("write", Path::new(url), source));
    let have = file.seek(SeekFrom::End(0)).map_err(io)?;
    let mut request = client.agent.get(url);
    if have > 0 {
        request = request.header("Range", format!("bytes={have}-"));
    }
    let mut response = match request.call() {
        Ok(response) => response,
        Err(error) => return Ok(Stretch::Broken(reason(&error, client.limits))),
    };
    let expected = format!("bytes {have}-");
    let range = response
        .headers()
        .get("content-range")
        .and_then(|value| value.to_str().ok());
    match response.status().as_u16() {
        206 if range.is_some_and(|range| range.starts_with(&expected)) => {}
        200 | 206 | 416 if response.status().as_u16() == 200 || have > 0 => {
            file.set_len(0).and_then(|()| file.rewind()).map_err(io)?;
            if response.status().as_u16() != 200 {
                return Ok(Stretch::Broken(Reason::Failed(
                    "the server cannot resume".to_owned(),
                )));
            }
        }
        404 | 410 => return Err(Failure::Source(Reason::Missing)),
        status @ (408 | 429 | 500..) => {
            return Ok(Stretch::Broken(Reason::Failed(format!(
                "HTTP status {status}"
            ))));
        }
        status => {
            return Err(Failure::Source(Reason::Failed(format!(
                "HTTP status {status}"
            ))));
        }
    }
    // One byte more than is wanted proves that it is not what is wanted; a whole disk of it would prove no more.
    let have = file.stream_position().map_err(io)?;
    let bound = size.unwrap_or(SIZE_MAX).saturating_sub(have) + 1;
    let mut reader = response.body_mut().as_reader().take(bound);
    pour(&mut reader, file, count).map_err(io)?.map_or_else(
        || whole(file, size).map_err(io),
        |error| Ok(Stretch::Broken(body_reason(&error, client.limits))),
    )
}

/// Copies until the end; a failed read is a value, a failed write an error.
fn pour(
    reader: &mut dyn Read,
    file: &mut File,
    count: &dyn Fn(u64),
) -> io::Result<Option<io::Error>> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(None),
            Ok(read) => {
                file.write_all(&buffer[..read])?;
                count(read as u64);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Ok(Some(error)),
        }
    }
}

fn whole(file: &File, size: Option<u64>) -> io::Result<Stretch> {
    let have = file.metadata()?.len();
    Ok(match size {
        Some(size) if have < size => Stretch::Broken(Reason::Failed(format!(
            "the server ended after {have} of {size} bytes"
        ))),
        Some(_) | None => Stretch::Whole,
    })
}

fn body_reason(error: &io::Error, limits: &Limits) -> Reason {
    match error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<ureq::Error>())
    {
        Some(error) => reason(error, limits),
        None => Reason::Failed(error.to_string()),
    }
}

fn reason(error: &ureq::Error, limits: &Limits) -> Reason {
    let ureq::Error::Timeout(phase) = error else {
        return Reason::Failed(chain(error));
    };
    let limit = if matches!(phase, Timeout::Connect | Timeout::Resolve) {
        limits.connect
    } else if matches!(phase, Timeout::RecvBody) {
        limits.stretch
    } else {
        limits.answer
    };
    Reason::Timeout(limit)
}

#[cfg(test)]
mod tests;
