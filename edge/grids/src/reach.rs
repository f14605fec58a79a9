//! The one way to tasks: probes, operations and exec go through here. At level `open` it is the plain way; what is in
//! a network of its own is reached through sockets and namespaces that the network's holder hands out.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group};
use smack_model::{Isolation, TaskId, VdcId};

use crate::local::home::Home;
use crate::local::sandbox::{self, Record};
use crate::local::vdc::Routes;

/// How much of each stream of a command is kept.
const KEPT_MAX: u64 = 4 << 20;

/// How the shim's `enter.rs` says that it did not even get inside.
const CANNOT_ENTER: i32 = 125;
const ENTER_MARK: &str = "smack cannot enter the network:";

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
    #[error("could not enter the network of {task}: {reason}")]
    Enter { task: TaskId, reason: String },
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
    routes: Arc<Routes>,
}

impl Reach {
    pub(crate) fn new(home: Home, routes: Arc<Routes>) -> Self {
        Self { home, routes }
    }

    /// A TCP socket that is not yet connected and on which nothing waits, in the network in which the address is: for
    /// whoever connects it by means of its own.
    pub fn socket_to(&self, address: IpAddr) -> io::Result<TcpStream> {
        let inside = self.routes.of(address);
        let socket = self.routes.socket(inside.as_ref(), address)?;
        Ok(TcpStream::from(socket))
    }

    /// Connects to an address of a task, in whatever network it is. Refused is [`io::ErrorKind::ConnectionRefused`]; a
    /// network that is just being mended is [`io::ErrorKind::NotConnected`].
    pub fn connect_to(
        &self,
        address: IpAddr,
        port: u16,
        within: Duration,
    ) -> io::Result<TcpStream> {
        let inside = self.routes.of(address);
        let to = SocketAddr::new(address, port);
        self.routes.connect(inside.as_ref(), to, within)
    }

    /// Tries a connection as a program inside the virtual data center would make it; at level `open` that is one like
    /// any other.
    pub fn try_from(
        &self,
        vdc: &VdcId,
        address: IpAddr,
        port: u16,
        within: Duration,
    ) -> io::Result<()> {
        let inside = self.home.network(vdc).is_dir().then_some(vdc);
        let to = SocketAddr::new(address, port);
        self.routes.connect(inside, to, within).map(drop)
    }

    /// Words to put before a command so that it runs where the task does, as the task's user; none at level `open`.
    pub fn way_in(&self, id: &TaskId) -> Result<Vec<OsString>, ReachError> {
        let record = self.record(id)?;
        if record.isolation == Isolation::Open {
            return Ok(Vec::new());
        }
        let user = record.user.as_ref().map_or_else(
            || "-".to_owned(),
            |user| {
                let groups: Vec<String> = user.groups.iter().map(u32::to_string).collect();
                format!("{}:{}:{}", user.user, user.group, groups.join(","))
            },
        );
        Ok(vec![
            self.home.shim().into(),
            "enter".into(),
            self.home.network(&id.system.vdc()).into(),
            user.into(),
        ])
    }

    /// Connects to a port of a task.
    pub fn connect(
        &self,
        id: &TaskId,
        port: u16,
        within: Duration,
    ) -> Result<TcpStream, ReachError> {
        let record = self.record(id)?;
        let ip: Option<IpAddr> = record.address.and_then(|text| text.parse().ok());
        let address = SocketAddr::new(ip.ok_or_else(|| ReachError::NoAddress(id.clone()))?, port);
        let vdc = id.system.vdc();
        let inside = (record.isolation != Isolation::Open).then_some(&vdc);
        self.routes
            .connect(inside, address, within)
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
        let way_in = self.way_in(id)?;
        let mut child = match way_in.split_first() {
            Some((enter, words)) => {
                let path = env.get("PATH").or_else(|| record.env.get("PATH"));
                find(program, path, &self.home.sandbox(id)).map_err(failed)?;
                let mut child = Command::new(enter);
                child.args(words).arg(program);
                child
            }
            None => Command::new(program),
        };
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
        if let Some(user) = record.user.as_ref().filter(|_| way_in.is_empty()) {
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
        if !way_in.is_empty()
            && status.code() == Some(CANNOT_ENTER)
            && let Some(reason) = String::from_utf8_lossy(&errors).strip_prefix(ENTER_MARK)
        {
            return Err(ReachError::Enter {
                task: id.clone(),
                reason: reason.trim().to_owned(),
            });
        }
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

/// Whether there is such a program, as the one who runs it will look for it.
fn find(program: &str, path: Option<&String>, directory: &Path) -> io::Result<()> {
    let is_there = if program.contains('/') {
        directory.join(program).exists()
    } else {
        let mut directories = path.map_or("/bin:/usr/bin", String::as_str).split(':');
        directories.any(|part| directory.join(part).join(program).exists())
    };
    is_there
        .then_some(())
        .ok_or_else(|| io::Error::from_raw_os_error(Errno::NOENT.raw_os_error()))
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
