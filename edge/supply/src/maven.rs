//! The user's own Maven client as a source: its settings, mirrors, credentials and local repository, asked for exactly
//! the named files (every dependency with wildcard exclusions, so that nothing is resolved beyond the lock). Runs the
//! client as a child process with a time limit; its repository is only read.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use smack_services::catalog::Artifact;

use crate::fetch::{Answers, Reason, Report, from_directory};
use crate::store::{self, Store};

/// A Maven client and how it is called.
#[derive(Debug, Clone)]
pub struct Maven {
    /// the `mvn` to run; `None` if there is none: then only the local repository is read
    pub program: Option<PathBuf>,
    /// the user's home directory, where `.m2` lies
    pub user_home: Option<PathBuf>,
    /// further arguments, e.g. `-s settings.xml`, `-Dmaven.repo.local=…`
    pub arguments: Vec<String>,
    /// for the whole call
    pub timeout: Duration,
    /// without a word from the client
    pub silence: Duration,
}

impl Maven {
    /// The client of this user: `MAVEN_HOME`, `M2_HOME`, then `PATH`; arguments from `MAVEN_ARGS` and `MAVEN_OPTS` count.
    pub fn of_user() -> Maven {
        let homes = ["MAVEN_HOME", "M2_HOME"]
            .into_iter()
            .filter_map(env::var_os)
            .map(|home| PathBuf::from(home).join("bin"));
        let path = env::var_os("PATH").unwrap_or_default();
        let program = homes
            .chain(env::split_paths(&path))
            .map(|place| place.join("mvn"))
            .find(|file| file.is_file());
        Maven {
            program,
            user_home: env::home_dir(),
            ..Maven::default()
        }
    }

    /// For messages.
    pub fn describe(&self) -> String {
        match &self.program {
            Some(program) => format!("Maven client {}", program.display()),
            None => "Maven client".to_owned(),
        }
    }

    /// Where the client keeps what it has fetched: `-Dmaven.repo.local`, the settings' `localRepository`, or
    /// `~/.m2/repository`.
    pub fn local_repository(&self) -> PathBuf {
        let options = ["MAVEN_OPTS", "MAVEN_ARGS"]
            .into_iter()
            .filter_map(|name| env::var(name).ok())
            .collect::<Vec<_>>();
        let words = self
            .arguments
            .iter()
            .map(String::as_str)
            .chain(options.iter().flat_map(|text| text.split_whitespace()));
        if let Some(place) = words
            .filter_map(|word| word.strip_prefix("-Dmaven.repo.local="))
            .next()
        {
            return PathBuf::from(place);
        }
        let home = self.user_home.clone().unwrap_or_default();
        let settings = fs::read_to_string(home.join(".m2/settings.xml")).unwrap_or_default();
        configured_repository(&settings, &home).unwrap_or_else(|| home.join(".m2/repository"))
    }

    /// Lets the client fetch all wanted artifacts and takes those that fit.
    pub(crate) fn fetch_all(
        &self,
        store: &Store,
        wanted: &[Artifact],
        report: Report<'_>,
    ) -> Result<Answers, store::Error> {
        let Some(program) = &self.program else {
            let reason = Reason::Failed("no `mvn` in MAVEN_HOME or PATH".to_owned());
            return Ok(wanted
                .iter()
                .map(|artifact| (artifact.clone(), reason.clone()))
                .collect());
        };
        let work = Scratch::new(store)?;
        let pom = work.0.join("pom.xml");
        fs::write(&pom, pom_text(wanted))
            .map_err(|source| store::Error::new("write", &pom, source))?;
        let failure = self.run(program, &work.0, report);
        let mut answers = from_directory(store, &work.0.join("lib"), wanted, report)?;
        if let Some(failure) = failure {
            for (_, reason) in answers
                .iter_mut()
                .filter(|(_, reason)| *reason == Reason::Missing)
            {
                *reason = failure.clone();
            }
        }
        Ok(answers)
    }

    /// Runs the client; gives what it complained of, if it failed.
    fn run(&self, program: &Path, work: &Path, report: Report<'_>) -> Option<Reason> {
        let mut command = Command::new(program);
        command
            .args([
                "-B",
                "-U",
                "-Dstyle.color=never",
                "dependency:copy-dependencies",
                "-DincludeScope=runtime",
            ])
            .args(["-Dmdep.useRepositoryLayout=true", "-DoutputDirectory=lib"])
            .args(&self.arguments)
            .current_dir(work)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => return Some(Reason::Failed(format!("cannot be started: {error}"))),
        };
        let (sender, lines) = mpsc::channel();
        if let Some(out) = child.stdout.take() {
            read_lines(out, sender.clone());
        }
        if let Some(err) = child.stderr.take() {
            read_lines(err, sender);
        }
        let start = Instant::now();
        let mut output = Output::default();
        let ended = loop {
            let left = self
                .timeout
                .saturating_sub(start.elapsed())
                .min(self.silence);
            match lines.recv_timeout(left) {
                Ok(line) => output.note(&line, report),
                Err(RecvTimeoutError::Disconnected) => break true,
                Err(RecvTimeoutError::Timeout) => break false,
            }
        };
        if !ended {
            end(&mut child);
            return Some(Reason::Timeout(start.elapsed()));
        }
        match child.wait() {
            Ok(status) if status.success() => None,
            Ok(status) => Some(Reason::Failed(output.complaint.unwrap_or_else(|| {
                let last = output.last.unwrap_or_default();
                format!("ended with {status}: {last}")
            }))),
            Err(error) => Some(Reason::Failed(error.to_string())),
        }
    }
}

impl Default for Maven {
    fn default() -> Maven {
        Maven {
            program: None,
            user_home: None,
            arguments: Vec::new(),
            timeout: Duration::from_secs(20 * 60),
            silence: Duration::from_secs(120),
        }
    }
}

/// What is kept of the client's output.
#[derive(Default)]
struct Output {
    complaint: Option<String>,
    last: Option<String>,
}

impl Output {
    fn note(&mut self, line: &str, report: Report<'_>) {
        let line = line.trim();
        if let Some(rest) = line.strip_prefix("[ERROR]").map(str::trim) {
            let text = rest.split(" -> [Help").next().unwrap_or(rest);
            if self.complaint.is_none() && !text.is_empty() {
                self.complaint = Some(text.to_owned());
            }
        } else if let Some(address) = line.split("Downloaded from ").nth(1) {
            let file = address
                .split_whitespace()
                .find(|word| word.contains('/'))
                .unwrap_or(address);
            let name = file.rsplit('/').next().unwrap_or(file);
            report(name, 0, 0);
        }
        if !line.is_empty() {
            self.last = Some(line.to_owned());
        }
    }
}

/// A directory of our own inside the store, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(store: &Store) -> Result<Scratch, store::Error> {
        let path = store.partial(&format!(
            "maven-{}-{:?}",
            std::process::id(),
            std::thread::current().id()
        ));
        drop(fs::remove_dir_all(&path));
        store::make_directory(&path)?;
        Ok(Scratch(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

fn read_lines(stream: impl std::io::Read + Send + 'static, sender: mpsc::Sender<String>) {
    std::thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            if sender
                .send(String::from_utf8_lossy(&line).into_owned())
                .is_err()
            {
                break;
            }
        }
    });
}

/// Ends the client and the Java it has started: they are one process group.
fn end(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw)
        && let Err(error) = kill_process_group(group, Signal::KILL)
    {
        tracing::debug!(%error, "the Maven client has ended by itself");
    }
    drop(child.wait());
}

fn pom_text(wanted: &[Artifact]) -> String {
    let mut text = String::from(
        "<project><modelVersion>4.0.0</modelVersion><groupId>local</groupId><artifactId>supply</artifactId>\
         <version>1</version><packaging>pom</packaging><dependencies>\n",
    );
    for artifact in wanted {
        text.push_str("<dependency>");
        for (name, part) in ["groupId", "artifactId", "version", "classifier"]
            .iter()
            .zip(artifact.at.split(':'))
        {
            text.push_str(&format!("<{name}>{part}</{name}>"));
        }
        text.push_str(
            "<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions></dependency>\n",
        );
    }
    text.push_str("</dependencies></project>\n");
    text
}

/// The `localRepository` of a settings file, outside its comments.
fn configured_repository(settings: &str, home: &Path) -> Option<PathBuf> {
    let mut text = String::new();
    for (index, piece) in settings.split("<!--").enumerate() {
        let kept = if index == 0 {
            Some(piece)
        } else {
            piece.split_once("-->").map(|(_, after)| after)
        };
        text.push_str(kept.unwrap_or_default());
    }
    let value = text
        .split_once("<localRepository>")?
        .1
        .split_once("</localRepository>")?
        .0
        .trim();
    let value = value.replace("${user.home}", &home.to_string_lossy());
    (!value.is_empty() && !value.contains("${")).then(|| PathBuf::from(value))
}

#[cfg(test)]
mod tests;
