//! The one way to tasks: probes, exec and exposed ports go through here, so that isolation can put itself in between.
//! At level `open` it is the plain way.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use smack_model::TaskId;

use crate::local::home::Home;
use crate::local::sandbox::{self, Record};

/// How much of each stream of a command is kept.
const KEPT_MAX: u64 = 4 << 20;

/// What a command in a task's place came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// As the shell counts it, 128 + signal.
    pub code: i32,
    pub output: Vec<u8>,
    pub errors: Vec<u8>,
}

#[derive(Debug, thiserror::Error)]
pub enum ReachError {
    #[error("{0} was never launched here, or has been removed")]
    Unknown(TaskId),
    #[error("{0} has no address")]
    NoAddress(TaskId),
    #[error("the command names no program")]
    NoProgram,
    #[error("could not run {program}")]
    Run {
        program: String,
        #[source]
        source: io::Error,
    },
    #[error("{program} had not ended after {within:?} and was killed")]
    TooSlow { program: String, within: Duration },
    #[error("could not connect to {address}")]
    Connect {
        address: SocketAddr,
        #[source]
        source: io::Error,
    },
}

/// The way to the tasks of a grid.
#[derive(Debug, Clone)]
pub struct Reach {
    home: Home,
}

impl Reach {
    pub(crate) fn new(home: Home) -> Self {
        Self { home }
    }

    /// Connects to a port of a task.
    pub fn connect(
        &self,
        id: &TaskId,
        port: u16,
        within: Duration,
    ) -> Result<TcpStream, ReachError> {
        let ip: Option<IpAddr> = self.record(id)?.address.and_then(|text| text.parse().ok());
        let address = SocketAddr::new(ip.ok_or_else(|| ReachError::NoAddress(id.clone()))?, port);
        TcpStream::connect_timeout(&address, within)
            .map_err(|source| ReachError::Connect { address, source })
    }

    /// The variables that the task was launched with.
    pub fn environment(&self, id: &TaskId) -> Result<BTreeMap<String, String>, ReachError> {
        Ok(self.record(id)?.env)
    }

    /// Runs a program in the task's sandbox, with its user and environment and `env` on top.
    pub fn exec(
        &self,
        id: &TaskId,
        command: &[String],
        env: &BTreeMap<String, String>,
        within: Duration,
    ) -> Result<Output, ReachError> {
        let record = self.record(id)?;
        let (program, arguments) = command.split_first().ok_or(ReachError::NoProgram)?;
        let failed = |source| ReachError::Run {
            program: program.clone(),
            source,
        };
        let mut child = Command::new(program);
        child
            .args(arguments)
            .env_clear()
            .envs(&record.env)
            .envs(env)
            .current_dir(self.home.sandbox(id))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        if let Some(user) = &record.user {
            child.uid(user.user).gid(user.group);
        }
        let mut child = child.spawn().map_err(failed)?;
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let deadline = Instant::now() + within;
        let output = collect(child.stdout.take());
        let errors = collect(child.stderr.take());
        // Both streams end with the program and whatever it has started.
        let collected = output.until(deadline).zip(errors.until(deadline));
        let status = match &collected {
            Some(_) => wait(&mut child, deadline).map_err(failed)?,
            None => None,
        };
        let (Some((output, errors)), Some(status)) = (collected, status) else {
            if let Some(group) = group {
                let _ = kill_process_group(group, Signal::KILL);
            }
            drop(child.wait());
            let program = program.clone();
            return Err(ReachError::TooSlow { program, within });
        };
        let signal = std::os::unix::process::ExitStatusExt::signal(&status);
        Ok(Output {
            code: status.code().unwrap_or(128 + signal.unwrap_or(0)),
            output,
            errors,
        })
    }

    fn record(&self, id: &TaskId) -> Result<Record, ReachError> {
        sandbox::record(&self.home.sandbox(id)).map_err(|_| ReachError::Unknown(id.clone()))
    }
}

fn wait(
    child: &mut std::process::Child,
    deadline: Instant,
) -> io::Result<Option<std::process::ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

struct Collecting(mpsc::Receiver<Vec<u8>>);

impl Collecting {
    fn until(self, deadline: Instant) -> Option<Vec<u8>> {
        let left = deadline.saturating_duration_since(Instant::now());
        self.0.recv_timeout(left).ok()
    }
}

/// Reads to the end on a thread of its own; what is too much is read and dropped.
fn collect(stream: Option<impl Read + Send + 'static>) -> Collecting {
    let (sender, receiver) = mpsc::channel();
    let read = move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            let kept = stream.by_ref().take(KEPT_MAX).read_to_end(&mut bytes);
            if kept.is_ok() {
                drop(io::copy(&mut stream, &mut io::sink()));
            }
        }
        // Nobody waits any more after a deadline.
        drop(sender.send(bytes));
    };
    if let Err(error) = std::thread::Builder::new()
        .name("exec-read".to_owned())
        .spawn(read)
    {
        tracing::warn!(%error, "what a command says cannot be read");
    }
    Collecting(receiver)
}
