//! Starts a server in the background for commands that find none: a clean environment, a session of its own, a log
//! file, and a bounded wait with the reason if it does not come up. Who may be server the home's lock decides.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::client::answers;
use crate::failure::Failure;

/// What a server that finds the home taken exits with: then the one that has it is waited for.
pub(crate) const TAKEN: u8 = 75;

const UP_WITHIN: Duration = Duration::from_secs(15);
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// A home that was taken is tried again after so long without an answer.
const AGAIN_AFTER: Duration = Duration::from_millis(300);
/// A log longer than this is put aside before a new server writes to it.
const LOG_MAX: u64 = 8 << 20;
/// So many lines of the log are shown as the reason.
const REASON_LINES: usize = 8;

/// Starts `smack server --auto` and waits until the socket answers; `options` come on top.
pub(crate) fn start(home: &Path, socket: &Path, options: &[String]) -> Result<(), Failure> {
    let unwritable = |error: std::io::Error| {
        Failure::failed(format!("cannot use the home {}: {error}", home.display()))
            .hint("choose another with --home or SMACK_HOME")
    };
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(home)
        .map_err(unwritable)?;
    let log_path = home.join("server.log");
    let mut log = open_log(&log_path).map_err(unwritable)?;
    let began_at = log.seek(SeekFrom::End(0)).map_err(unwritable)?;
    let mut server = spawn(home, options, log)?;
    let deadline = Instant::now() + UP_WITHIN;
    let mut again_at: Option<Instant> = None;
    loop {
        if answers(socket) {
            return Ok(());
        }
        if again_at.is_none()
            && let Ok(Some(status)) = server.try_wait()
        {
            if status.code() != Some(i32::from(TAKEN)) {
                let reason = reason(&log_path, began_at);
                return Err(Failure::unreachable(format!(
                    "the server did not start ({status}){reason}"
                ))
                .hint(format!("all of it is in {}", log_path.display())));
            }
            // Another command was faster and its server will answer; or the holder was just dying and never will.
            again_at = Some(Instant::now() + AGAIN_AFTER);
        }
        if again_at.is_some_and(|at| Instant::now() >= at) {
            server = spawn(home, options, open_log(&log_path).map_err(unwritable)?)?;
            again_at = None;
        }
        if Instant::now() >= deadline {
            let seconds = UP_WITHIN.as_secs();
            let reason = reason(&log_path, began_at);
            return Err(Failure::unreachable(format!(
                "the server did not answer within {seconds} s{reason}"
            ))
            .hint(format!("see {}", log_path.display())));
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

fn open_log(path: &Path) -> std::io::Result<File> {
    if fs::metadata(path).is_ok_and(|found| found.len() > LOG_MAX) {
        fs::rename(path, path.with_extension("log.1"))?;
    }
    File::options()
        .create(true)
        .append(true)
        .read(true)
        .mode(0o600)
        .open(path)
}

fn spawn(home: &Path, options: &[String], log: File) -> Result<Child, Failure> {
    let failed = |error: std::io::Error| Failure::failed(format!("cannot start a server: {error}"));
    let program = std::env::current_exe().map_err(failed)?;
    let mut command = Command::new(program);
    command
        .arg("server")
        .arg("--auto")
        .arg("--home")
        .arg(home)
        .args(options);
    command
        .env_clear()
        .envs(std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(is_kept)));
    command
        .stdin(Stdio::null())
        .stdout(log.try_clone().map_err(failed)?)
        .stderr(log);
    // The server makes a session of its own as its first act, away from the terminal's ctrl-C.
    command.current_dir("/");
    command.spawn().map_err(failed)
}

/// What a server may inherit: enough to find Java, Maven and the network, nothing that a shell had by chance.
fn is_kept(name: &str) -> bool {
    const EXACT: [&str; 12] = [
        "PATH",
        "HOME",
        "USER",
        "LOGNAME",
        "LANG",
        "TMPDIR",
        "TZ",
        "JAVA_HOME",
        "http_proxy",
        "https_proxy",
        "no_proxy",
        "all_proxy",
    ];
    const STARTS: [&str; 4] = ["MAVEN_", "SMACK_", "XDG_", "LC_"];
    const UPPER: [&str; 4] = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"];
    let is_command = name == "SMACK_API" || name == "SMACK_HOME";
    (EXACT.contains(&name)
        || UPPER.contains(&name)
        || STARTS.iter().any(|start| name.starts_with(start)))
        && !is_command
}

/// The end of what the server wrote since it was started.
fn reason(log: &Path, from: u64) -> String {
    let mut text = Vec::new();
    let read = File::open(log).and_then(|mut file| {
        file.seek(SeekFrom::Start(from))?;
        file.take(1 << 20).read_to_end(&mut text)
    });
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    if read.is_err() || lines.is_empty() {
        return String::new();
    }
    let shown = &lines[lines.len().saturating_sub(REASON_LINES)..];
    format!(":\n  {}", shown.join("\n  "))
}

#[cfg(test)]
mod tests {
    use super::{is_kept, open_log, reason};
    use std::fs;

    #[test]
    fn only_what_finds_java_maven_and_the_network_is_inherited() {
        for kept in [
            "PATH",
            "JAVA_HOME",
            "MAVEN_OPTS",
            "SMACK_NODES",
            "XDG_CACHE_HOME",
            "https_proxy",
        ] {
            assert!(is_kept(kept), "{kept}");
        }
        for dropped in [
            "LD_PRELOAD",
            "SSH_AUTH_SOCK",
            "DISPLAY",
            "PS1",
            "SMACK_API",
            "SMACK_HOME",
        ] {
            assert!(!is_kept(dropped), "{dropped}");
        }
    }

    #[test]
    fn the_reason_is_the_end_of_what_this_server_wrote() {
        let home = tempfile::tempdir().unwrap();
        let log = home.path().join("server.log");
        let old = "an old one\n";
        fs::write(&log, old).unwrap();
        assert_eq!(reason(&log, old.len() as u64), "");
        let lines: String = (1..=9).map(|number| format!("line {number}\n\n")).collect();
        fs::write(&log, format!("{old}{lines}")).unwrap();
        let reason = reason(&log, old.len() as u64);
        assert!(
            reason.starts_with(":\n  line 2\n") && reason.ends_with("\n  line 9"),
            "{reason}"
        );
    }

    #[test]
    fn a_long_log_is_put_aside() {
        let home = tempfile::tempdir().unwrap();
        let log = home.path().join("server.log");
        let file = open_log(&log).unwrap();
        file.set_len(super::LOG_MAX + 1).unwrap();
        drop(open_log(&log).unwrap());
        assert_eq!(fs::metadata(&log).unwrap().len(), 0);
        assert!(home.path().join("server.log.1").exists());
    }
}
