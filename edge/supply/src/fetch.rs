//! Fetching a set of artifacts: the store first, then a bundle, the mirrors the user lists, the user's local Maven
//! repository and at last the user's Maven client. Every file is checked against its locked hash; one that does not fit
//! is refused and the next source asked. Two processes may fetch the same set: one works, the other waits and finds it.

use std::fmt;
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use smack_services::catalog::Artifact;

use crate::store::{self, Store};
use crate::{archive, boot, bundle, maven, mirror};

/// Where artifacts may come from, in the user's settings.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// a directory (flat, Maven layout, or a copy of a store) or a tar of such files
    pub bundle: Option<PathBuf>,
    /// base addresses in Maven layout, asked in order
    pub mirrors: Vec<String>,
    /// the user's Maven client; `None` never asks it
    pub maven: Option<maven::Maven>,
}

/// How far a fetch is; given to the callback after every file and about every megabyte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// the file at hand, or what is waited for
    pub artifact: String,
    /// files of the set that are in the store
    pub files_done: usize,
    /// files of the set
    pub files_total: usize,
    /// bytes of the set that are in the store or on their way
    pub bytes: u64,
    /// bytes of the set
    pub bytes_total: u64,
}

/// One source that was asked and what it answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// `bundle /media/stick`, `mirror https://…`, `Maven client /usr/bin/mvn`
    pub source: String,
    /// why it did not help
    pub reason: Reason,
}

/// Why a source did not give a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// it has no such file
    Missing,
    /// it has one with other content
    Hash {
        /// the file
        file: String,
        /// locked in the catalog
        expected: String,
        /// of what the source gave
        found: String,
    },
    /// it did not answer in time
    Timeout(Duration),
    /// it failed otherwise, in its own words
    Failed(String),
}

/// Why a set could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// every source was asked in vain
    #[error("no source has {artifact}{}: {}", others(*missing), list(tried))]
    NoSource {
        artifact: String,
        missing: usize,
        tried: Vec<Tried>,
    },
    /// the store cannot be used
    #[error(transparent)]
    Store(#[from] store::Error),
    /// the jar of the set cannot be unpacked
    #[error(transparent)]
    Unpack(#[from] archive::Error),
    /// another process holds the lock on this set for too long
    #[error("another process has been fetching {set} for {} s", waited.as_secs())]
    Busy { set: String, waited: Duration },
}

impl Error {
    /// What the user can do.
    pub fn hint(&self) -> String {
        match self {
            Error::NoSource { tried, .. } if tried.is_empty() => {
                "install Maven (`mvn`), or name a mirror or a bundle in the settings".to_owned()
            }
            Error::NoSource { tried, .. } if tried.iter().any(|t| matches!(t.reason, Reason::Hash { .. })) => {
                "a source gave a file with other content than the catalog has locked; it was refused. Delete the \
                 damaged copy or name another source"
                    .to_owned()
            }
            Error::NoSource { .. } => "check the network, or name a mirror or a bundle in the settings".to_owned(),
            Error::Store(error) => error.hint().to_owned(),
            Error::Unpack(error) => error.hint().to_owned(),
            Error::Busy { .. } => "wait for it, or end it".to_owned(),
        }
    }
}

impl fmt::Display for Tried {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.source, self.reason)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Missing => write!(formatter, "not there"),
            Reason::Hash {
                file,
                expected,
                found,
            } => {
                write!(
                    formatter,
                    "{file} refused, its hash is {found}, expected {expected}"
                )
            }
            Reason::Timeout(after) => write!(formatter, "no answer for {} s", after.as_secs_f32()),
            Reason::Failed(text) => write!(formatter, "{text}"),
        }
    }
}

/// Fetches into one store from the user's sources.
pub struct Fetcher<'a> {
    store: &'a Store,
    sources: Sources,
    progress: &'a (dyn Fn(Progress) + Sync),
    limits: mirror::Limits,
}

impl<'a> Fetcher<'a> {
    /// A fetcher with the default time limits.
    pub fn new(
        store: &'a Store,
        sources: Sources,
        progress: &'a (dyn Fn(Progress) + Sync),
    ) -> Fetcher<'a> {
        Fetcher {
            store,
            sources,
            progress,
            limits: mirror::Limits::default(),
        }
    }

    /// The same with other time limits for mirrors.
    pub fn with_limits(self, limits: mirror::Limits) -> Fetcher<'a> {
        Fetcher { limits, ..self }
    }

    /// The directory with the files of a set, all of them whole. At once if they are there already.
    pub fn prepare(&self, set: &str, artifacts: &[Artifact]) -> Result<PathBuf, Error> {
        if let Some(directory) = self.store.set(set, artifacts) {
            return Ok(directory);
        }
        let lock = self.lock(set)?;
        let mut tally = Tally {
            fetcher: self,
            artifacts,
            missing: Vec::new(),
        };
        for artifact in artifacts {
            if self.store.get(artifact)?.is_none() {
                tally.missing.push(artifact.clone());
            }
        }
        let tried = self.ask_sources(&mut tally)?;
        if let Some(artifact) = tally.missing.first() {
            let (artifact, missing) = (artifact.at.clone(), tally.missing.len());
            return Err(Error::NoSource {
                artifact,
                missing,
                tried,
            });
        }
        let directory = self.store.make_set(set, artifacts)?;
        drop(lock);
        Ok(directory)
    }

    /// As [`Fetcher::prepare`] for one executable jar of Spring Boot: the class path that it has inside.
    pub(crate) fn prepare_boot(
        &self,
        set: &str,
        artifacts: &[Artifact],
    ) -> Result<Vec<PathBuf>, Error> {
        let directory = self.prepare(set, artifacts)?;
        if let Some(class_path) = boot::existing(self.store, set) {
            return Ok(class_path);
        }
        let _lock = self.lock(set)?;
        let jar = directory.join(artifacts.first().map(Artifact::file).unwrap_or_default());
        let limits = archive::Limits::default();
        Ok(boot::unpack(self.store, set, &jar, &limits)?)
    }

    fn ask_sources(&self, tally: &mut Tally<'_>) -> Result<Vec<Tried>, Error> {
        let mut tried = Vec::new();
        let store = self.store;
        if let Some(place) = &self.sources.bundle {
            let source = format!("bundle {}", place.display());
            tally.ask(&source, &mut tried, |wanted, report| match place.is_dir() {
                true => from_directory(store, place, wanted, report),
                false => bundle::from_bundle(store, place, wanted, report),
            })?;
        }
        for base in &self.sources.mirrors {
            tally.ask(&format!("mirror {base}"), &mut tried, |wanted, report| {
                mirror::fetch_all(store, base, wanted, &self.limits, report)
            })?;
        }
        if let Some(maven) = &self.sources.maven {
            let repository = maven.local_repository();
            let source = format!("local Maven repository {}", repository.display());
            tally.ask(&source, &mut tried, |wanted, report| {
                from_directory(store, &repository, wanted, report)
            })?;
            tally.ask(&maven.describe(), &mut tried, |wanted, report| {
                maven.fetch_all(store, wanted, report)
            })?;
        }
        Ok(tried)
    }

    /// Takes the lock of a set. Whoever holds it has time limits of his own and loses it when he ends, so this ends too.
    fn lock(&self, set: &str) -> Result<File, Error> {
        const PATIENCE: Duration = Duration::from_secs(30 * 60);
        let path = self.store.root().join("locks").join(format!("{set}.lock"));
        let file =
            File::create(&path).map_err(|source| store::Error::new("open", &path, source))?;
        let start = Instant::now();
        let mut told = false;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) if start.elapsed() < PATIENCE => {
                    if !told {
                        told = true;
                        let text = format!("another process is fetching {set}: waiting for it");
                        self.tell(&[], &[], (&text, 0, 0));
                    }
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::Busy {
                        set: set.to_owned(),
                        waited: start.elapsed(),
                    });
                }
                Err(TryLockError::Error(source)) => {
                    return Err(store::Error::new("lock", &path, source).into());
                }
            }
        }
    }

    /// Progress of the source at hand: the file or line, then files and bytes it has given so far.
    fn tell(
        &self,
        all: &[Artifact],
        missing: &[Artifact],
        (text, files, bytes): (&str, usize, u64),
    ) {
        let size =
            |artifacts: &[Artifact]| artifacts.iter().map(|artifact| artifact.size).sum::<u64>();
        (self.progress)(Progress {
            artifact: text.to_owned(),
            files_done: all.len() - missing.len() + files,
            files_total: all.len(),
            bytes: size(all) - size(missing) + bytes,
            bytes_total: size(all),
        });
    }
}

/// How a source tells of its progress: the file at hand, the files and the bytes it has given so far.
pub(crate) type Report<'a> = &'a (dyn Fn(&str, usize, u64) + Sync);

/// What one source answered for each file it did not give.
pub(crate) type Answers = Vec<(Artifact, Reason)>;

/// What is still missing of a set.
struct Tally<'a> {
    fetcher: &'a Fetcher<'a>,
    artifacts: &'a [Artifact],
    missing: Vec<Artifact>,
}

impl Tally<'_> {
    fn ask(
        &mut self,
        source: &str,
        tried: &mut Vec<Tried>,
        ask: impl FnOnce(&[Artifact], Report<'_>) -> Result<Answers, store::Error>,
    ) -> Result<(), Error> {
        if self.missing.is_empty() {
            return Ok(());
        }
        let report = |text: &str, files, bytes| {
            self.fetcher
                .tell(self.artifacts, &self.missing, (text, files, bytes))
        };
        let answers = ask(&self.missing, &report)?;
        self.note(source, answers, tried);
        Ok(())
    }

    /// Keeps as missing what was not given, and the most telling reason.
    fn note(&mut self, source: &str, answers: Answers, tried: &mut Vec<Tried>) {
        let telling = answers.iter().max_by_key(|(_, reason)| match reason {
            Reason::Missing => 0,
            Reason::Failed(_) => 1,
            Reason::Timeout(_) => 2,
            Reason::Hash { .. } => 3,
        });
        if let Some((_, reason)) = telling {
            tracing::debug!(source, %reason, files = answers.len(), "source did not give all files");
            tried.push(Tried {
                source: source.to_owned(),
                reason: reason.clone(),
            });
        }
        self.missing = answers.into_iter().map(|(artifact, _)| artifact).collect();
        self.fetcher
            .tell(self.artifacts, &self.missing, (source, 0, 0));
    }
}

/// Takes files from a directory: Maven layout, flat, or a copy of a store.
pub(crate) fn from_directory(
    store: &Store,
    directory: &Path,
    wanted: &[Artifact],
    report: Report<'_>,
) -> Result<Answers, store::Error> {
    let mut answers = Vec::new();
    let mut bytes = 0;
    for (index, artifact) in wanted.iter().enumerate() {
        match from_places(store, directory, artifact)? {
            Some(reason) => answers.push((artifact.clone(), reason)),
            None => bytes += artifact.size,
        }
        report(&artifact.file(), index + 1 - answers.len(), bytes);
    }
    Ok(answers)
}

/// Tries the places where a file may lie; the last refusal, or `None` once it is stored.
fn from_places(
    store: &Store,
    directory: &Path,
    artifact: &Artifact,
) -> Result<Option<Reason>, store::Error> {
    let hash = &artifact.sha256;
    let by_hash = format!("sha256/{}/{hash}", hash.get(..2).unwrap_or(hash));
    let mut reason = Reason::Missing;
    for place in [
        artifact.path(),
        artifact.file(),
        by_hash.clone(),
        format!("artifacts/{by_hash}"),
    ] {
        let path = directory.join(place);
        match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => reason = Reason::Failed(format!("{}: {error}", path.display())),
            Ok(mut file) => match take(store, artifact, &mut file)? {
                None => return Ok(None),
                Some(refused) => reason = refused,
            },
        }
    }
    Ok(Some(reason))
}

/// Puts a file into the store; gives the reason if it is refused or unreadable, an error if the store cannot take it.
pub(crate) fn take(
    store: &Store,
    artifact: &Artifact,
    reader: &mut dyn io::Read,
) -> Result<Option<Reason>, store::Error> {
    match store.put(artifact, reader) {
        Ok(_) => Ok(None),
        Err(store::Error::HashMismatch {
            name,
            expected,
            found,
        }) => Ok(Some(Reason::Hash {
            file: name,
            expected,
            found,
        })),
        Err(error @ store::Error::Io { .. }) => Ok(Some(Reason::Failed(chain(&error)))),
        Err(error @ (store::Error::DiskFull { .. } | store::Error::Unwritable { .. })) => {
            Err(error)
        }
    }
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn others(missing: usize) -> String {
    if missing > 1 {
        format!(" and {} more", missing - 1)
    } else {
        String::new()
    }
}

fn list(tried: &[Tried]) -> String {
    if tried.is_empty() {
        return "there is no bundle, no mirror and no Maven client".to_owned();
    }
    tried
        .iter()
        .map(Tried::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}

#[cfg(test)]
mod tests;
