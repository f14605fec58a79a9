//! Archives that others made: unpacking what a user's `artifact_urls` name (tar, tar.gz, zip). Nothing may land outside
//! the target: a name with `..`, an absolute one, a link that leads out or a device is refused by name, and so is what
//! is larger than the limits. On refusal nothing is left behind.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};

use flate2::read::GzDecoder;

use self::meter::Allowance;
use crate::fetch::Reason;
use crate::mirror;
use crate::store;

mod meter;

/// How much an archive may bring.
#[derive(Debug, Clone)]
pub struct Limits {
    /// bytes of all unpacked files together, and of a download
    pub bytes_max: u64,
    /// number of entries
    pub entries_max: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            bytes_max: mirror::SIZE_MAX,
            entries_max: 100_000,
        }
    }
}

/// What was unpacked or fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// a tar, plain or compressed by gzip
    Tar,
    /// a zip (a `.jar` or `.war` is copied as it is)
    Zip,
    /// no archive: copied under its own name
    Plain,
}

/// Why an archive or address was refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// an entry that would land or point outside, or is no file
    #[error("{archive}: entry `{entry}` refused: {why}")]
    Entry {
        archive: String,
        entry: String,
        why: &'static str,
    },
    /// more than the limits allow
    #[error("{archive}: refused at entry `{entry}`: {why}")]
    Limit {
        archive: String,
        entry: String,
        why: String,
    },
    /// the archive itself is damaged
    #[error("{archive}: cannot be unpacked")]
    Damaged { archive: String, source: io::Error },
    /// the file is not the one that was named
    #[error("{url}: hash is {found}, expected {expected}")]
    HashMismatch {
        url: String,
        expected: String,
        found: String,
    },
    /// an address of no known kind
    #[error("{url}: neither a file nor an http(s) address")]
    Address { url: String },
    /// the server did not give it
    #[error("{url}: {reason}")]
    Fetch { url: String, reason: Reason },
    /// the target cannot be written
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Error {
    /// What the user can do.
    pub fn hint(&self) -> &'static str {
        match self {
            Error::Entry { .. } => {
                "pack it anew with relative names below one directory, without links that lead out"
            }
            Error::Limit { .. } => "split the archive, or fetch it in the launch command",
            Error::Damaged { .. } => "fetch or pack it again",
            Error::HashMismatch { .. } => {
                "the file was replaced or damaged; correct the hash only if you trust it"
            }
            Error::Address { .. } => "write a path, file:///… or https://…",
            Error::Fetch { .. } => "check the address and the network",
            Error::Store(error) => error.hint(),
        }
    }
}

/// Gets a file by path, `file://` or `http(s)://` into the directory `to` under its own name; gives its path.
pub fn fetch_url(url: &str, sha256: Option<&str>, to: &Path) -> Result<PathBuf, Error> {
    let bare = url.split(['?', '#']).next().unwrap_or(url);
    let name = Path::new(bare).file_name().ok_or_else(|| Error::Address {
        url: url.to_owned(),
    })?;
    store::make_directory(to)?;
    let target = to.join(name);
    if url.starts_with("http://") || url.starts_with("https://") {
        mirror::download_whole(url, &target).map_err(|failure| match failure {
            mirror::Failure::Source(reason) => Error::Fetch {
                url: url.to_owned(),
                reason,
            },
            mirror::Failure::Store(error) => Error::Store(error),
        })?;
    } else {
        let path = match url.split_once("://") {
            None => Path::new(url),
            Some(("file", path)) => Path::new(path.strip_prefix("localhost").unwrap_or(path)),
            Some(_) => {
                return Err(Error::Address {
                    url: url.to_owned(),
                });
            }
        };
        let missing = |source: io::Error| {
            let reason = Reason::Failed(source.to_string());
            Error::Fetch {
                url: url.to_owned(),
                reason,
            }
        };
        let mut source = File::open(path).map_err(missing)?;
        let copied = File::create(&target).and_then(|mut file| io::copy(&mut source, &mut file));
        copied.map_err(|source| store::Error::new("write", &target, source))?;
    }
    if let Some(expected) = sha256 {
        let found = store::hash_file(&target)?;
        if !found.eq_ignore_ascii_case(expected) {
            drop(fs::remove_file(&target));
            return Err(Error::HashMismatch {
                url: url.to_owned(),
                expected: expected.to_owned(),
                found,
            });
        }
    }
    Ok(target)
}

/// Unpacks an archive into the directory `to`, or copies a file that is none. Whole or not at all: it is unpacked
/// beside the target first. Existing files of the same names are replaced.
pub fn unpack(archive: &Path, to: &Path, limits: &Limits) -> Result<Kind, Error> {
    store::make_directory(to)?;
    let draft = to.join(format!(".unpack-{}", std::process::id()));
    drop(fs::remove_dir_all(&draft));
    store::make_directory(&draft)?;
    let unpacked = unpack_draft(archive, &draft, limits)
        .and_then(|kind| merge(&draft, to).map(|()| kind).map_err(Error::from));
    drop(fs::remove_dir_all(&draft));
    unpacked
}

fn unpack_draft(path: &Path, draft: &Path, limits: &Limits) -> Result<Kind, Error> {
    let archive = path
        .file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned();
    let damaged = |source| Error::Damaged {
        archive: archive.clone(),
        source,
    };
    let mut target = Target {
        archive: archive.clone(),
        root: draft,
        limits,
        bytes: 0,
        entries: 0,
        links: Vec::new(),
    };
    let mut file = File::open(path).map_err(damaged)?;
    let kind = match kind(&mut file, &archive).map_err(damaged)? {
        Format::Tar => target.unpack_tar(file).map(|()| Kind::Tar)?,
        Format::TarGz => target
            .unpack_tar(GzDecoder::new(BufReader::new(file)))
            .map(|()| Kind::Tar)?,
        Format::Zip => target.unpack_zip(file).map(|()| Kind::Zip)?,
        Format::Plain => {
            let mut to = target.create(Path::new(&archive), 0o644)?;
            io::copy(&mut file, &mut to)
                .map_err(|source| store::Error::new("write", draft, source))?;
            Kind::Plain
        }
    };
    target.make_links()?;
    Ok(kind)
}

enum Format {
    Tar,
    TarGz,
    Zip,
    Plain,
}

/// By its first bytes; a jar is a zip that stays whole, a gzip that holds no tar is a plain file.
fn kind(file: &mut File, name: &str) -> io::Result<Format> {
    let head = |reader: &mut dyn Read| -> io::Result<Vec<u8>> {
        let mut head = Vec::new();
        reader.take(262).read_to_end(&mut head)?;
        Ok(head)
    };
    let bytes = head(file)?;
    file.seek(SeekFrom::Start(0))?;
    let is_tar = |bytes: &[u8]| bytes.get(257..262) == Some(b"ustar");
    if is_tar(&bytes) {
        return Ok(Format::Tar);
    }
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let inner = head(&mut GzDecoder::new(&mut *file));
        file.seek(SeekFrom::Start(0))?;
        let named = name.ends_with(".tar.gz") || name.ends_with(".tgz");
        let tar = inner.map(|bytes| is_tar(&bytes)).unwrap_or(false);
        return Ok(if tar || named {
            Format::TarGz
        } else {
            Format::Plain
        });
    }
    let whole = name.ends_with(".jar") || name.ends_with(".war");
    let zip = bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06");
    Ok(if zip && !whole {
        Format::Zip
    } else {
        Format::Plain
    })
}

/// Where an archive is unpacked, and what it has brought so far.
struct Target<'a> {
    archive: String,
    root: &'a Path,
    limits: &'a Limits,
    bytes: u64,
    entries: usize,
    /// symbolic links are made last, so that no entry is written through one
    links: Vec<(PathBuf, PathBuf)>,
}

impl Target<'_> {
    fn unpack_tar(&mut self, reader: impl Read) -> Result<(), Error> {
        let allowance = Allowance::new();
        let mut tar = tar::Archive::new(allowance.meter(reader));
        let damaged = |source, archive: &str| Error::Damaged {
            archive: archive.to_owned(),
            source,
        };
        for entry in tar
            .entries()
            .map_err(|source| damaged(source, &self.archive))?
        {
            let mut entry = entry.map_err(|source| damaged(source, &self.archive))?;
            let name = entry
                .path()
                .map_err(|source| damaged(source, &self.archive))?
                .into_owned();
            let path = self.admit(&name)?;
            let mode = entry.header().mode().unwrap_or(0o644);
            let link = entry
                .link_name()
                .ok()
                .flatten()
                .map(|link| link.into_owned());
            match (entry.header().entry_type(), link) {
                (tar::EntryType::Directory, _) => store::make_directory(&self.root.join(path))?,
                (tar::EntryType::Regular | tar::EntryType::Continuous, _) => {
                    allowance.lift();
                    self.write(&path, mode, &mut entry)?;
                }
                (tar::EntryType::Symlink, Some(link)) => self.links.push((path, link)),
                (tar::EntryType::Link, Some(link)) => self.hard_link(&path, &link)?,
                (tar::EntryType::XGlobalHeader, _) => {}
                _ => return Err(self.refuse(&name, "it is a device, a pipe or of an unknown kind")),
            }
            allowance.renew();
        }
        Ok(())
    }

    fn unpack_zip(&mut self, file: File) -> Result<(), Error> {
        let archive = self.archive.clone();
        let damaged = |error: zip::result::ZipError| Error::Damaged {
            archive: archive.clone(),
            source: error.into(),
        };
        let mut zip = zip::ZipArchive::new(BufReader::new(file)).map_err(damaged)?;
        for index in 0..zip.len() {
            let mut entry = zip.by_index(index).map_err(damaged)?;
            let name = PathBuf::from(entry.name());
            let path = self.admit(&name)?;
            let mode = entry.unix_mode().unwrap_or(0o644);
            if entry.is_dir() {
                store::make_directory(&self.root.join(path))?;
            } else if entry.is_symlink() {
                let mut link = String::new();
                let read = (&mut entry).take(4096).read_to_string(&mut link);
                read.map_err(|source| Error::Damaged {
                    archive: archive.clone(),
                    source,
                })?;
                self.links.push((path, PathBuf::from(link)));
            } else if matches!(mode & 0o170_000, 0 | 0o100_000) {
                self.write(&path, mode, &mut entry)?;
            } else {
                return Err(self.refuse(&name, "it is a device, a pipe or of an unknown kind"));
            }
        }
        Ok(())
    }

    /// Counts an entry and gives its name without `.` parts, if it stays inside.
    fn admit(&mut self, name: &Path) -> Result<PathBuf, Error> {
        self.entries += 1;
        if self.entries > self.limits.entries_max {
            return Err(self.too_much(
                name,
                format!("more than {} entries", self.limits.entries_max),
            ));
        }
        let mut path = PathBuf::new();
        for component in name.components() {
            match component {
                Component::Normal(part) => path.push(part),
                Component::CurDir => {}
                Component::ParentDir => {
                    return Err(self.refuse(name, "`..` leads out of the archive"));
                }
                Component::RootDir | Component::Prefix(_) => {
                    return Err(self.refuse(name, "the name is absolute"));
                }
            }
        }
        Ok(path)
    }

    fn write(&mut self, path: &Path, mode: u32, reader: &mut dyn Read) -> Result<(), Error> {
        let mut file = self.create(path, mode)?;
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let read = match reader.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(read) => read,
                Err(source) => {
                    return Err(Error::Damaged {
                        archive: self.archive.clone(),
                        source,
                    });
                }
            };
            self.bytes += read as u64;
            if self.bytes > self.limits.bytes_max {
                return Err(self.too_much(
                    path,
                    format!("more than {} bytes unpacked", self.limits.bytes_max),
                ));
            }
            io::Write::write_all(&mut file, &buffer[..read])
                .map_err(|source| store::Error::new("write", &self.root.join(path), source))?;
        }
    }

    fn create(&self, path: &Path, mode: u32) -> Result<File, Error> {
        let full = self.root.join(path);
        store::make_directory(full.parent().unwrap_or(self.root))?;
        let open = || -> io::Result<File> {
            let file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .open(&full)?;
            file.set_permissions(Permissions::from_mode(mode & 0o777 | 0o600))?;
            Ok(file)
        };
        open().map_err(|source| store::Error::new("write", &full, source).into())
    }

    fn hard_link(&mut self, path: &Path, link: &Path) -> Result<(), Error> {
        let inside = link
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if !inside || !self.root.join(link).is_file() {
            return Err(self.refuse(
                path,
                "the hard link leads to no earlier file of the archive",
            ));
        }
        let full = self.root.join(path);
        store::make_directory(full.parent().unwrap_or(self.root))?;
        fs::hard_link(self.root.join(link), &full)
            .map_err(|source| store::Error::new("link", &full, source))?;
        Ok(())
    }

    /// Makes the symbolic links, if every one of them, followed through the others, stays inside.
    fn make_links(&mut self) -> Result<(), Error> {
        let links: BTreeMap<PathBuf, PathBuf> =
            std::mem::take(&mut self.links).into_iter().collect();
        for (path, link) in &links {
            if !stays_inside(path, link, &links, 0) {
                return Err(self.refuse(path, "the link leads out of the archive"));
            }
        }
        for (path, link) in &links {
            let full = self.root.join(path);
            store::make_directory(full.parent().unwrap_or(self.root))?;
            symlink(link, &full).map_err(|source| store::Error::new("link", &full, source))?;
        }
        Ok(())
    }

    fn refuse(&self, entry: &Path, why: &'static str) -> Error {
        Error::Entry {
            archive: self.archive.clone(),
            entry: entry.display().to_string(),
            why,
        }
    }

    fn too_much(&self, entry: &Path, why: String) -> Error {
        Error::Limit {
            archive: self.archive.clone(),
            entry: entry.display().to_string(),
            why,
        }
    }
}

/// Walks a link's target part by part from the link's directory, through links of the same archive.
fn stays_inside(path: &Path, link: &Path, links: &BTreeMap<PathBuf, PathBuf>, depth: u32) -> bool {
    if depth > 8 || link.is_absolute() {
        return false;
    }
    let mut at = path.parent().map(Path::to_owned).unwrap_or_default();
    for component in link.components() {
        match component {
            Component::Normal(part) => at.push(part),
            Component::CurDir => {}
            Component::ParentDir => {
                if !at.pop() {
                    return false;
                }
            }
            Component::RootDir | Component::Prefix(_) => return false,
        }
        if let Some(next) = links.get(&at)
            && (at.as_path() == path
                || !stays_inside(&at, next, links, depth + 1)
                || component != Component::CurDir)
        {
            // A link through another link: what follows would be relative to where that one leads.
            return false;
        }
    }
    true
}

/// Moves everything from the draft into the target directory.
fn merge(draft: &Path, to: &Path) -> Result<(), store::Error> {
    let list =
        |directory: &Path| -> io::Result<Vec<fs::DirEntry>> { fs::read_dir(directory)?.collect() };
    for entry in list(draft).map_err(|source| store::Error::new("list", draft, source))? {
        let (from, target) = (entry.path(), to.join(entry.file_name()));
        let both_directories =
            from.is_dir() && !from.is_symlink() && target.is_dir() && !target.is_symlink();
        if both_directories {
            merge(&from, &target)?;
        } else {
            let moved = match fs::symlink_metadata(&target) {
                Ok(old) if old.is_dir() => {
                    fs::remove_dir_all(&target).and_then(|()| fs::rename(&from, &target))
                }
                _ => fs::rename(&from, &target),
            };
            moved.map_err(|source| store::Error::new("unpack to", &target, source))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
