//! Start archives (class data sharing): what a JVM has loaded and laid out once, mapped by the next start, which then
//! needs about half the CPU. An archive fits one Java build, one class path text and one set of `-XX:` flags, so those
//! are its key. It is recorded by a rehearsal: one start of the product in a scratch directory. Nothing depends on an
//! archive: a missing or unfit one is ignored by the JVM, a failed recording only logged.

mod rehearsal;

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, setpriority_process};
use sha2::{Digest, Sha256};

pub use rehearsal::{Rehearsal, Server};

use crate::java::Found;
use crate::store;

/// The first Java that can add to its own archive at exit (JEP 350).
const FEATURE_FROM: u32 = 13;

/// The archives of one home: `<home>/cds/<key>.jsa`.
#[derive(Debug, Clone)]
pub struct Archives {
    directory: PathBuf,
}

/// What an archive depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key(String);

/// Why there is no new archive.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// this Java cannot record
    #[error("Java {feature} cannot record start archives, {FEATURE_FROM} or newer can")]
    Unsupported { feature: u32 },
    /// another process records the same
    #[error("another process is recording {}", archive.display())]
    Busy { archive: PathBuf },
    /// a program could not be started
    #[error("cannot start {program}")]
    Start { program: String, source: io::Error },
    /// the product ended or was not ready in time
    #[error("{product} {what}; its last words: {last}")]
    Product {
        product: String,
        what: String,
        last: String,
    },
    /// the JVM left no archive, or one that it does not take
    #[error("no usable archive: {what}")]
    Unusable { what: String },
    /// a file could not be written
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Key {
    /// The key of a Java, a class path (which names the set with its digest) and JVM flags. Heap sizes and system
    /// properties do not matter to an archive.
    pub fn new(java: &Found, class_path: &[PathBuf], flags: &[String]) -> Key {
        let mut hasher = Sha256::new();
        hasher.update(format!(
            "{}\n{}\n{}\n",
            java.home.display(),
            java.build,
            class_path_text(class_path)
        ));
        for flag in flags.iter().filter(|flag| flag.starts_with("-XX:")) {
            hasher.update(format!("{flag}\n"));
        }
        Key(format!("{:x}", hasher.finalize())
            .chars()
            .take(24)
            .collect())
    }
}

impl Archives {
    /// The archives of a home; the directory is made when one is recorded.
    pub fn of(home: &Path) -> Archives {
        Archives {
            directory: home.join("cds"),
        }
    }

    /// Where the archive of this key lies, or would.
    pub fn path(&self, key: &Key) -> PathBuf {
        self.directory.join(format!("{}.jsa", key.0))
    }

    /// The archive of this key, if it has been recorded.
    pub fn existing(&self, key: &Key) -> Option<PathBuf> {
        Some(self.path(key)).filter(|path| path.is_file())
    }

    /// The flag that uses the archive, if there is one. An archive that does not fit is ignored by the JVM.
    pub fn flag(&self, key: &Key) -> Option<String> {
        Some(format!(
            "-XX:SharedArchiveFile={}",
            self.existing(key)?.display()
        ))
    }

    /// Every recorded archive with its size.
    pub fn list(&self) -> Vec<(PathBuf, u64)> {
        let entries = fs::read_dir(&self.directory)
            .into_iter()
            .flatten()
            .flatten();
        let archives =
            entries.filter(|entry| entry.path().extension().is_some_and(|end| end == "jsa"));
        let mut list: Vec<(PathBuf, u64)> = archives
            .filter_map(|entry| Some((entry.path(), entry.metadata().ok()?.len())))
            .collect();
        list.sort();
        list
    }
}

/// The `-cp` argument.
pub fn class_path_text(class_path: &[PathBuf]) -> String {
    class_path
        .iter()
        .map(|jar| jar.to_string_lossy())
        .collect::<Vec<_>>()
        .join(":")
}

/// One start of a product that is only made to record it.
#[derive(Debug, Clone)]
pub struct Recording {
    /// for messages
    pub product: String,
    /// which Java
    pub java: Found,
    /// in order
    pub class_path: Vec<PathBuf>,
    /// the flags of real starts: `-XX:…`, heap, properties
    pub flags: Vec<String>,
    /// main class, then its arguments
    pub main: Vec<String>,
    /// where it runs; its output goes to `out.log` there
    pub directory: PathBuf,
    /// for it to become ready
    pub ready_timeout: Duration,
    /// for it to stop, which includes writing the archive
    pub stop_timeout: Duration,
}

/// Records an archive: start, wait until `ready` says so, stop by SIGTERM, check the archive, put it in place. Gives its
/// path; at once if there is one already.
pub fn record(
    archives: &Archives,
    recording: &Recording,
    ready: &dyn Fn() -> bool,
) -> Result<PathBuf, Error> {
    let key = Key::new(&recording.java, &recording.class_path, &recording.flags);
    if let Some(path) = archives.existing(&key) {
        return Ok(path);
    }
    if recording.java.feature < FEATURE_FROM {
        return Err(Error::Unsupported {
            feature: recording.java.feature,
        });
    }
    store::make_directory(&archives.directory)?;
    let archive = archives.path(&key);
    let _lock = take_lock(&archive)?;
    let draft = archives.directory.join(format!("{}.draft", key.0));
    remove(&draft);
    let mut process = Process::start(recording, Some(&draft))?;
    process.wait_ready(ready)?;
    let status = process.stop()?;
    let checked = check(recording, &draft, status);
    let placed = checked.and_then(|()| {
        fs::rename(&draft, &archive)
            .map_err(|source| store::Error::new("place", &archive, source).into())
    });
    remove(&draft);
    placed?;
    tracing::info!(product = recording.product, archive = %archive.display(), "start archive recorded");
    Ok(archive)
}

/// Runs a rehearsal in a thread of its own; what comes of it is only logged.
pub fn record_in_background(rehearsal: Rehearsal) -> io::Result<JoinHandle<()>> {
    thread::Builder::new()
        .name("start-archive".to_owned())
        .spawn(move || {
            if let Err(error) = rehearsal.run() {
                let error = crate::fetch::chain(&error);
                tracing::warn!(
                    product = rehearsal.server.entry.name(),
                    error,
                    "no start archive, starts stay slower"
                );
            }
        })
}

fn take_lock(archive: &Path) -> Result<File, Error> {
    let path = archive.with_extension("lock");
    let file = File::create(&path).map_err(|source| store::Error::new("open", &path, source))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Busy {
            archive: archive.to_owned(),
        }),
        Err(TryLockError::Error(source)) => Err(store::Error::new("lock", &path, source).into()),
    }
}

/// Lets the JVM itself say whether it takes the archive: `-Xshare:on` fails where `auto` would ignore it.
fn check(recording: &Recording, draft: &Path, status: ExitStatus) -> Result<(), Error> {
    let unusable = |what: String| Error::Unusable { what };
    if !draft.is_file() {
        return Err(unusable(format!(
            "the JVM ended with {status} and wrote none"
        )));
    }
    let mut command = Command::new(recording.java.program());
    command
        .args(
            recording
                .flags
                .iter()
                .filter(|flag| flag.starts_with("-XX:")),
        )
        .args([
            "-Xshare:on".to_owned(),
            format!("-XX:SharedArchiveFile={}", draft.display()),
        ])
        .args(["-cp", &class_path_text(&recording.class_path), "-version"])
        .stdin(Stdio::null());
    let start = |source| Error::Start {
        program: recording.java.program().display().to_string(),
        source,
    };
    let output = command.output().map_err(start)?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(if output.stderr.is_empty() {
            &output.stdout
        } else {
            &output.stderr
        });
        return Err(unusable(
            text.lines()
                .next()
                .unwrap_or("the JVM refused it")
                .to_owned(),
        ));
    }
    Ok(())
}

/// A product started for a rehearsal; ended when dropped.
struct Process<'a> {
    recording: &'a Recording,
    child: Child,
}

impl<'a> Process<'a> {
    /// Starts it with low priority, and where `setpriv` is at hand so that it ends with the thread that started it.
    fn start(recording: &'a Recording, archive: Option<&Path>) -> Result<Process<'a>, Error> {
        let out = recording.directory.join("out.log");
        let log = File::create(&out).map_err(|source| store::Error::new("write", &out, source))?;
        let err = log
            .try_clone()
            .map_err(|source| store::Error::new("write", &out, source))?;
        let setpriv = ["/usr/bin/setpriv", "/bin/setpriv"]
            .into_iter()
            .find(|path| Path::new(path).is_file());
        let mut command = match setpriv {
            Some(setpriv) => {
                let mut command = Command::new(setpriv);
                command
                    .args(["--pdeathsig", "TERM"])
                    .arg(recording.java.program());
                command
            }
            None => Command::new(recording.java.program()),
        };
        command.args(&recording.flags);
        if let Some(archive) = archive {
            command.arg(format!("-XX:ArchiveClassesAtExit={}", archive.display()));
        }
        command
            .args(["-cp", &class_path_text(&recording.class_path)])
            .args(&recording.main)
            .current_dir(&recording.directory)
            .env_remove("JAVA_TOOL_OPTIONS")
            .env_remove("JDK_JAVA_OPTIONS")
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(err);
        let program = recording.java.program().display().to_string();
        let child = command
            .spawn()
            .map_err(|source| Error::Start { program, source })?;
        let process = Process { recording, child };
        if let Some(pid) = process.pid()
            && let Err(error) = setpriority_process(Some(pid), 10)
        {
            tracing::debug!(%error, "rehearsal runs with normal priority");
        }
        Ok(process)
    }

    fn pid(&self) -> Option<Pid> {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
    }

    fn wait_ready(&mut self, ready: &dyn Fn() -> bool) -> Result<(), Error> {
        let start = Instant::now();
        while !ready() {
            if let Some(status) = self.child.try_wait().ok().flatten() {
                return Err(self.failed(format!("ended with {status} before it was ready")));
            }
            if start.elapsed() > self.recording.ready_timeout {
                let what = format!(
                    "was not ready after {} s",
                    self.recording.ready_timeout.as_secs()
                );
                return Err(self.failed(what));
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn stop(&mut self) -> Result<ExitStatus, Error> {
        if let Some(pid) = self.pid()
            && let Err(error) = kill_process(pid, Signal::TERM)
        {
            tracing::debug!(%error, "the product has ended by itself");
        }
        let start = Instant::now();
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Ok(status),
                Ok(None) if start.elapsed() < self.recording.stop_timeout => {
                    thread::sleep(Duration::from_millis(20))
                }
                Ok(None) | Err(_) => return Err(self.failed("did not stop".to_owned())),
            }
        }
    }

    fn failed(&self, what: String) -> Error {
        let text = fs::read_to_string(self.recording.directory.join("out.log")).unwrap_or_default();
        let last = text
            .lines()
            .rev()
            .find(|line| !line.trim().is_empty())
            .unwrap_or("none")
            .to_owned();
        Error::Product {
            product: self.recording.product.clone(),
            what,
            last,
        }
    }
}

impl Drop for Process<'_> {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::debug!(path = %path.display(), %error, "left behind");
    }
}

#[cfg(test)]
mod tests;
