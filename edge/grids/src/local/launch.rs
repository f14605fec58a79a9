//! Launches: everything is prepared in a staging directory, then a shim claims the sandbox with it. Whatever was done
//! before the claim leaves no trace that matters.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, chown};
use std::path::{Component, Path, PathBuf};

use smack_model::{Content, Epoch, FilePlace, FileSpec, LaunchOrder, Refusal};

use super::LogLimits;
use super::agent::{Agent, unable};
use super::attempts::State;
use super::environment::environment;
use super::fill::Filling;
use super::sandbox::Record;
use super::users::{self, User};

/// Names in the sandbox that are smack's.
const OURS: [&str; 3] = [".smack", "stdout.log", "stderr.log"];

impl Agent {
    /// The whole of a launch, up to a shim that is on its way.
    pub(crate) fn launch(self: std::sync::Arc<Self>, epoch: Epoch, order: &LaunchOrder) {
        let id = &order.id;
        if !self.may_begin(epoch, order) {
            return;
        }
        let staged = self
            .home
            .stage(id, epoch)
            .map_err(|error| at(Path::new("the sandbox"), &error));
        let prepared = staged.and_then(|staging| {
            let result = self.prepare(epoch, order, &staging);
            result.map(|()| staging.clone()).inspect_err(|_| {
                drop(self.home.remove(&staging));
            })
        });
        match prepared {
            Ok(staging) => {
                self.claim(order, staging);
                self.retire(id);
            }
            Err(refusal) => {
                let mut attempts = self.lock();
                if !attempts.is_ended(id) {
                    self.refuse(&mut attempts, id, refusal);
                }
            }
        }
    }

    /// Whether this server, this incarnation and this attempt still may, and nobody was first.
    fn may_begin(&self, epoch: Epoch, order: &LaunchOrder) -> bool {
        let id = &order.id;
        let fenced = self.fence(epoch);
        let mut attempts = self.lock();
        if attempts.is_ended(id) {
            // Burned since it was taken on; that has been told.
            return false;
        }
        let over = || match self.home.is_ended(&id.system) {
            Ok(ended) if ended || attempts.is_outdated(id) => Err(Refusal::Burned),
            Ok(_) => Ok(()),
            Err(error) => Err(unable(
                "the list of ended systems could not be read",
                &error,
            )),
        };
        if let Err(refusal) = fenced.and_then(|()| over()) {
            // Not burned: another server may be about to launch it rightly, or it is over anyway.
            attempts.remove(id);
            let id = id.clone();
            self.tell(&attempts, smack_model::Event::Refused { id, refusal });
            return false;
        }
        let is_new = !self.adopt(&mut attempts, id);
        self.repeat_held(&attempts, id);
        is_new
    }

    fn prepare(&self, epoch: Epoch, order: &LaunchOrder, staging: &Path) -> Result<(), Refusal> {
        let network = self.enter_network(order)?;
        let user = order
            .launch
            .user
            .as_deref()
            .map(users::find)
            .transpose()?
            .flatten();
        let filling = Filling::new(order, &self.home, self.options.paths.as_ref())?;
        let mut shim = ShimOrder::default();
        let record = Record {
            installation: self.options.installation.clone(),
            boot_id: self.boot_id.clone(),
            epoch,
            id: order.id.clone(),
            node: order.node.clone(),
            command: filling.command()?,
            env: environment(order, &filling, user.as_ref())?,
            address: order.address.clone(),
            ports: order.ports.clone(),
            volumes: order.volumes.clone(),
            user,
            isolation: order.isolation,
        };
        if let Some(network) = &network {
            shim.path("network", network);
        }
        for id in order.volumes.values() {
            shim.path("dir", &self.home.volume(id));
            let node = self.home.volume_node(id);
            if let Some(name) = &order.node
                && !node.exists()
            {
                shim.put(staging, &node, true, name.as_str().as_bytes())?;
            }
        }
        for file in &order.launch.files {
            place(file, &filling, staging, &mut shim)?;
        }
        for url in &order.launch.urls {
            let fetched = self.options.paths.fetch(url, staging);
            fetched.map_err(|reason| Refusal::NoArtifact {
                artifact: url.clone(),
                reason,
            })?;
        }
        if let Some(user) = &record.user {
            own_all(staging, user).map_err(|error| at(staging, &error))?;
        }
        shim.add(&record, &self.options.logs);
        let text =
            serde_json::to_vec(&record).map_err(|error| unable("the launch", &error.into()))?;
        write(&staging.join(".smack/launch.json"), &text)?;
        write(&staging.join(".smack/order"), &shim.records)
    }

    /// Sends the shim, unless the attempt was burned meanwhile.
    fn claim(&self, order: &LaunchOrder, staging: PathBuf) {
        let id = &order.id;
        let mut attempts = self.lock();
        let Some(attempt) = attempts
            .all
            .get_mut(id)
            .filter(|attempt| !attempt.is_ended())
        else {
            drop(attempts);
            drop(self.home.remove(&staging));
            return;
        };
        attempt.state = State::Claiming;
        attempt.staging = Some(staging.clone());
        match self.watch.add_directory(&staging.join(".smack")) {
            Ok(watch) => self.set_watch(&mut attempts, id, watch),
            Err(error) => tracing::warn!(task = %id, %error, "its start will not be seen"),
        }
        drop(attempts);
        let spawned = self.spawn_shim(&[Path::new("run"), &staging, &self.home.sandbox(id)]);
        let mut attempts = self.lock();
        match spawned {
            Ok(descriptor) => self.watch_shim(&mut attempts, id, descriptor),
            Err(error) => {
                drop(self.home.remove(&staging));
                if !attempts.is_ended(id) {
                    self.refuse(
                        &mut attempts,
                        id,
                        unable("no shim could be started", &error),
                    );
                }
            }
        }
    }
}

/// What the shim reads: records `key=value`, each ended by a NUL.
#[derive(Default)]
struct ShimOrder {
    records: Vec<u8>,
    puts: usize,
}

impl ShimOrder {
    fn record(&mut self, key: &str, value: &[u8]) {
        self.records.extend_from_slice(key.as_bytes());
        self.records.push(b'=');
        self.records.extend_from_slice(value);
        self.records.push(0);
    }

    fn path(&mut self, key: &str, path: &Path) {
        self.record(key, path.as_os_str().as_encoded_bytes());
    }

    /// A file outside the sandbox, which gets its place after the claim: until then it may be another attempt's.
    fn put(
        &mut self,
        staging: &Path,
        to: &Path,
        once: bool,
        content: &[u8],
    ) -> Result<(), Refusal> {
        let from = format!(".smack/put-{}", self.puts);
        self.puts += 1;
        write(&staging.join(&from), content)?;
        let value = [from.as_bytes(), b"\n", to.as_os_str().as_encoded_bytes()].concat();
        self.record(if once { "put-once" } else { "put" }, &value);
        Ok(())
    }

    fn add(&mut self, record: &Record, logs: &LogLimits) {
        for argument in &record.command {
            self.record("arg", argument.as_bytes());
        }
        for (name, value) in &record.env {
            self.record("env", format!("{name}={value}").as_bytes());
        }
        if let Some(User {
            user,
            group,
            groups,
            ..
        }) = &record.user
        {
            let groups: Vec<String> = groups.iter().map(u32::to_string).collect();
            self.record(
                "user",
                format!("{user}:{group}:{}", groups.join(",")).as_bytes(),
            );
        }
        let every = logs.every.as_millis().to_string();
        self.record("log-bytes", logs.bytes.to_string().as_bytes());
        self.record("log-keep", logs.keep.to_string().as_bytes());
        self.record("log-every-ms", every.as_bytes());
        self.record("log-collapse", if logs.collapse { b"1" } else { b"0" });
    }
}

fn place(
    file: &FileSpec,
    filling: &Filling<'_>,
    staging: &Path,
    shim: &mut ShimOrder,
) -> Result<(), Refusal> {
    let path = checked(&file.path)?;
    let content = match &file.content {
        Content::Text(text) => filling.text(text)?.into_bytes(),
        Content::Hex(hex) => bytes(hex).ok_or_else(|| Refusal::Other {
            reason: format!("the content of {} is not hexadecimal", file.path),
        })?,
    };
    match &file.place {
        FilePlace::Sandbox => {
            let first = path.components().next();
            if OURS
                .iter()
                .any(|ours| first == Some(Component::Normal(ours.as_ref())))
            {
                let reason = format!("{:?} is smack's own name in a sandbox", file.path);
                return Err(Refusal::Other { reason });
            }
            let target = staging.join(path);
            if let Some(parent) = target.parent().filter(|parent| *parent != staging) {
                let mut builder = fs::DirBuilder::new();
                let made = builder.recursive(true).mode(0o755).create(parent);
                made.map_err(|error| at(path, &error))?;
            }
            if path.starts_with("bin") {
                return write_as(&target, &content, 0o755);
            }
            write(&target, &content)
        }
        FilePlace::Volume(volume) => shim.put(
            staging,
            &filling.volume(volume)?.join(path),
            false,
            &content,
        ),
        FilePlace::VolumeOnce(volume) => {
            shim.put(staging, &filling.volume(volume)?.join(path), true, &content)
        }
    }
}

/// Relative, nowhere out and without surprises.
fn checked(path: &str) -> Result<&Path, Refusal> {
    let is_plain =
        |component: Component<'_>| matches!(component, Component::Normal(_) | Component::CurDir);
    let parsed = Path::new(path);
    let is_fine = parsed.file_name().is_some()
        && parsed.components().all(is_plain)
        && !path.ends_with('/')
        && !path.contains(char::is_control);
    is_fine.then_some(parsed).ok_or_else(|| Refusal::Other {
        reason: format!("{path:?} must be a file's relative path without \"..\""),
    })
}

/// Only for the task's own user; a script may be run.
fn write(path: &Path, content: &[u8]) -> Result<(), Refusal> {
    let is_script = content.starts_with(b"#!");
    write_as(path, content, if is_script { 0o700 } else { 0o600 })
}

fn write_as(path: &Path, content: &[u8], mode: u32) -> Result<(), Refusal> {
    let file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(mode)
        .open(path);
    file.and_then(|mut file| file.write_all(content))
        .map_err(|error| at(path, &error))
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    if !hex.is_ascii() || !hex.len().is_multiple_of(2) {
        return None;
    }
    let pairs = (0..hex.len())
        .step_by(2)
        .map(|index| &hex[index..index + 2]);
    pairs
        .map(|pair| u8::from_str_radix(pair, 16).ok())
        .collect()
}

/// Gives what was prepared to the task's user; what is smack's stays smack's.
fn own_all(directory: &Path, user: &User) -> io::Result<()> {
    chown(directory, Some(user.user), Some(user.group))?;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if entry.file_name() == ".smack" {
            own_puts(&entry.path(), user)?;
        } else if kind.is_dir() {
            own_all(&entry.path(), user)?;
        } else if kind.is_file() {
            chown(entry.path(), Some(user.user), Some(user.group))?;
        }
    }
    Ok(())
}

fn own_puts(directory: &Path, user: &User) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("put-") {
            chown(entry.path(), Some(user.user), Some(user.group))?;
        }
    }
    Ok(())
}

fn at(path: &Path, error: &io::Error) -> Refusal {
    let path = path.display();
    if error.kind() == io::ErrorKind::StorageFull {
        return Refusal::DiskFull {
            path: path.to_string(),
        };
    }
    unable(&format!("{path} could not be made"), error)
}
