//! The grid's directories: `sandboxes/<attempt>`, `staging/` before the claim, `volumes/<volume>`, `trash/` on the way
//! out, `bin/` for shims, `vdcs/<zone>.<name>` for networks; and what must be known for ever: the greatest epoch seen, and the systems that have ended.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use smack_model::{Epoch, Name, SystemId, TaskId, VdcId, VolumeId};

use super::Error;
use super::sandbox::Tombstone;

/// Compiled by the build script.
pub(crate) static SHIM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/shim"));

/// `shim-` and a hash.
const SHIM_NAME: &str = env!("SMACK_SHIM");

/// Makes names in `staging` and `trash` unique within this process; the process id does the rest.
static UNIQUE: AtomicU64 = AtomicU64::new(1);

#[derive(Debug, Clone)]
pub(crate) struct Home {
    root: Arc<Path>,
    ended: Arc<Mutex<Ended>>,
}

/// The file of ended systems as it was last read: the greatest incarnation by path.
#[derive(Debug, Default)]
struct Ended {
    length: u64,
    incarnations: BTreeMap<String, u32>,
}

impl Home {
    pub(crate) fn at(root: &Path) -> Self {
        Self {
            root: root.into(),
            ended: Arc::default(),
        }
    }

    /// Makes the directories and writes the shim.
    pub(crate) fn open(root: &Path) -> Result<Self, Error> {
        let home = Self::at(root);
        for name in [
            "",
            "bin",
            "sandboxes",
            "staging",
            "trash",
            "vdcs",
            "volumes",
        ] {
            let path = root.join(name);
            fs::create_dir_all(&path).map_err(failed("create", &path))?;
        }
        let shim = home.shim();
        if !shim.exists() {
            home.write_shim(&shim).map_err(failed("write", &shim))?;
        }
        // Those of earlier versions; what runs of them keeps its file as long as it needs it.
        let bin = root.join("bin");
        let is_earlier = |name: &&String| name.starts_with("shim-") && *name != SHIM_NAME;
        for name in names(&bin).iter().filter(is_earlier) {
            drop(fs::remove_file(bin.join(name)));
        }
        Ok(home)
    }

    fn write_shim(&self, shim: &Path) -> io::Result<()> {
        let new = self.root.join("bin").join(unique("new"));
        let mut file = OpenOptions::new()
            .create_new(true)
            .write(true)
            .mode(0o755)
            .open(&new)?;
        file.write_all(SHIM)?;
        file.set_permissions(fs::Permissions::from_mode(0o755))?;
        file.sync_all()?;
        drop(file);
        fs::rename(&new, shim)
    }

    pub(crate) fn shim(&self) -> PathBuf {
        self.root.join("bin").join(SHIM_NAME)
    }

    pub(crate) fn sandboxes(&self) -> PathBuf {
        self.root.join("sandboxes")
    }

    pub(crate) fn sandbox(&self, id: &TaskId) -> PathBuf {
        self.sandboxes().join(id.file_name())
    }

    pub(crate) fn volume(&self, id: &VolumeId) -> PathBuf {
        self.root.join("volumes").join(id.file_name())
    }

    /// Says on which node the volume was made.
    pub(crate) fn volume_node(&self, id: &VolumeId) -> PathBuf {
        self.root
            .join("volumes")
            .join(format!("{}.node", id.file_name()))
    }

    /// What the network of a virtual data center needs.
    pub(crate) fn network(&self, vdc: &VdcId) -> PathBuf {
        self.root.join("vdcs").join(self.network_name(vdc))
    }

    /// The name of its directory, beside those of all others.
    pub(crate) fn network_name(&self, vdc: &VdcId) -> String {
        format!("{}.{}", vdc.zone, vdc.name)
    }

    /// Every virtual data center whose network has a directory, sorted.
    pub(crate) fn networks(&self) -> Vec<VdcId> {
        let names = names(&self.root.join("vdcs"));
        let mut ids: Vec<VdcId> = names
            .iter()
            .filter_map(|name| {
                let (zone, name) = name.split_once('.')?;
                Some(VdcId {
                    zone: Name::new(zone).ok()?,
                    name: Name::new(name).ok()?,
                })
            })
            .collect();
        ids.sort();
        ids
    }

    pub(crate) fn volumes(&self) -> Vec<VolumeId> {
        let names = names(&self.root.join("volumes"));
        let mut volumes: Vec<VolumeId> = names.iter().filter_map(|name| volume(name)).collect();
        volumes.sort();
        volumes
    }

    /// Every attempt that has a directory, sorted.
    pub(crate) fn attempts(&self) -> Vec<TaskId> {
        let names = names(&self.sandboxes());
        let ids = names.iter().filter_map(|name| TaskId::from_file_name(name));
        let mut ids: Vec<TaskId> = ids.collect();
        ids.sort();
        ids
    }

    /// A new, empty directory for an attempt to be prepared in.
    pub(crate) fn stage(&self, id: &TaskId, epoch: Epoch) -> io::Result<PathBuf> {
        let name = unique(&format!("{}.{}", id.file_name(), epoch.0));
        let path = self.root.join("staging").join(name);
        fs::create_dir(&path)?;
        fs::DirBuilder::new()
            .mode(0o700)
            .create(path.join(".smack"))?;
        Ok(path)
    }

    /// What earlier servers left: once it is out of the way no shim of theirs can claim with it any more.
    pub(crate) fn clear_staging(&self) {
        let staging = self.root.join("staging");
        for name in names(&staging) {
            drop(self.discard(&staging.join(name)));
        }
    }

    /// Takes the directory away in one step, to where it says; [`Home::empty_trash`] deletes it. What is not there need
    /// not be taken away.
    pub(crate) fn discard(&self, path: &Path) -> io::Result<PathBuf> {
        let gone = self.root.join("trash").join(unique("gone"));
        match fs::rename(path, &gone) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(gone),
        }
    }

    /// Deletes the directory; it need not be there.
    pub(crate) fn remove(&self, path: &Path) -> io::Result<()> {
        remove_all(&self.discard(path)?)
    }

    /// Deletes a file that need not be there.
    pub(crate) fn discard_file(&self, path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Leaves a tombstone in a sandbox's place; `false`: something is there.
    pub(crate) fn burn(&self, id: &TaskId, stone: &Tombstone) -> io::Result<bool> {
        let path = self
            .root
            .join("staging")
            .join(unique(&format!("{}.burned", id.file_name())));
        fs::create_dir(&path)?;
        fs::write(path.join("burned"), serde_json::to_vec(stone)?)?;
        match rename_new(&path, &self.sandbox(id)) {
            Ok(()) => Ok(true),
            Err(error) => {
                fs::remove_dir_all(&path)?;
                let taken = [
                    io::ErrorKind::AlreadyExists,
                    io::ErrorKind::DirectoryNotEmpty,
                ];
                if taken.contains(&error.kind()) {
                    Ok(false)
                } else {
                    Err(error)
                }
            }
        }
    }

    pub(crate) fn empty_trash(&self) -> io::Result<()> {
        let trash = self.root.join("trash");
        let mut result = Ok(());
        for name in names(&trash) {
            result = remove_all(&trash.join(name)).and(result);
        }
        result
    }

    /// Whether a server of this epoch may act: no greater one has been seen. The inner error is that greater one.
    pub(crate) fn fence(&self, epoch: Epoch) -> io::Result<Result<(), Epoch>> {
        let path = self.root.join("epoch");
        let seen = read_epoch(&path)?;
        if seen >= epoch {
            return Ok(if seen == epoch { Ok(()) } else { Err(seen) });
        }
        let lock = self.root.join("epoch.lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(lock)?;
        lock.lock()?;
        let seen = read_epoch(&path)?;
        if seen > epoch {
            return Ok(Err(seen));
        }
        let new = self.root.join("epoch.new");
        let mut file = File::create(&new)?;
        writeln!(file, "{}", epoch.0)?;
        file.sync_all()?;
        fs::rename(&new, &path)?;
        File::open(&self.root)?.sync_all()?;
        Ok(Ok(()))
    }

    /// Whether this incarnation, or a later one of the same application, has ended.
    pub(crate) fn is_ended(&self, system: &SystemId) -> io::Result<bool> {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let path = self.root.join("ended");
        let length = match fs::metadata(&path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        if length != ended.length {
            ended.incarnations.clear();
            let text = fs::read_to_string(&path)?;
            for system in text.lines().filter_map(SystemId::parse) {
                let greatest = ended.incarnations.entry(system.path()).or_default();
                *greatest = system.incarnation.max(*greatest);
            }
            ended.length = length;
        }
        let greatest = ended.incarnations.get(&system.path());
        Ok(greatest.is_some_and(|greatest| *greatest >= system.incarnation))
    }

    /// Writes down that the incarnation has ended, before anything of it is removed.
    pub(crate) fn set_ended(&self, system: &SystemId) -> io::Result<()> {
        if self.is_ended(system)? {
            return Ok(());
        }
        let path = self.root.join("ended");
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        file.write_all(format!("{system}\n").as_bytes())?;
        file.sync_all()
    }
}

/// Renames unless something has the new name. The plain call does as well where a file system lacks this one: it never
/// replaces a directory that has content, and a sandbox always has.
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(Errno::NOSYS | Errno::INVAL) => fs::rename(from, to),
        other => Ok(other?),
    }
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Home {
        action,
        path,
        source,
    }
}

fn remove_all(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn unique(stem: &str) -> String {
    let number = UNIQUE.fetch_add(1, Ordering::Relaxed);
    format!("{stem}.{}-{number}", std::process::id())
}

fn read_epoch(path: &Path) -> io::Result<Epoch> {
    match fs::read_to_string(path) {
        Ok(text) => text
            .trim()
            .parse()
            .map(Epoch)
            .map_err(|_| io::Error::other(format!("{} holds no number", path.display()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Epoch(0)),
        Err(error) => Err(error),
    }
}

fn names(directory: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect()
}

/// Reads what [`VolumeId::file_name`] wrote: a task's identity, then volume and generation.
fn volume(text: &str) -> Option<VolumeId> {
    let (rest, generation) = text.rsplit_once('.')?;
    let (task, volume) = rest.rsplit_once('.')?;
    let TaskId { system, name, .. } = TaskId::from_file_name(&format!("{task}.0"))?;
    Some(VolumeId {
        system,
        task: name,
        volume: Name::new(volume).ok()?,
        generation: generation.parse().ok()?,
    })
}
