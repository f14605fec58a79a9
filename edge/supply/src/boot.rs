//! Executable jars of Spring Boot, unpacked once beside their set: a JVM archives no classes from jars within a jar. The
//! libraries become files as they are, the application's own classes one plain jar, made with the same bytes everywhere.
//! What was unpacked is listed with hashes; it is derived from a locked jar and made anew when it is not as listed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use crate::archive::{Error, Limits};
use crate::store::{self, Corrupt, Store};

const CLASSES: &str = "BOOT-INF/classes/";
const LIBRARIES: &str = "BOOT-INF/lib/";
/// The order of the libraries, as `- "BOOT-INF/lib/a.jar"` lines.
const INDEX: &str = "BOOT-INF/classpath.idx";
const INDEX_BYTES_MAX: u64 = 1 << 20;

/// The list of what was unpacked, `<sha256>  <size>  <file>` in the order of the class path.
const LIST: &str = "class-path";
const CLASSES_JAR: &str = "classes.jar";

/// One unpacked file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Listed {
    sha256: String,
    size: u64,
    file: String,
}

/// Where the jar of this set is unpacked.
fn directory(store: &Store, set: &str) -> PathBuf {
    store.set_path(&format!("{set}.unpacked"))
}

/// The class path of an unpacked set whose every file is in place, or `None`. Costs one look per file.
pub(crate) fn existing(store: &Store, set: &str) -> Option<Vec<PathBuf>> {
    let directory = directory(store, set);
    let listed = read_list(&directory)?;
    let is_whole = |entry: &Listed| {
        let found = fs::metadata(directory.join(&entry.file));
        found.is_ok_and(|found| found.len() == entry.size && store::stamped(&found))
    };
    let whole = !listed.is_empty() && listed.iter().all(is_whole);
    whole.then(|| {
        listed
            .iter()
            .map(|entry| directory.join(&entry.file))
            .collect()
    })
}

/// Unpacks a jar and gives its class path. At once: no one ever sees half of it.
pub(crate) fn unpack(
    store: &Store,
    set: &str,
    jar: &Path,
    limits: &Limits,
) -> Result<Vec<PathBuf>, Error> {
    if let Some(class_path) = existing(store, set) {
        return Ok(class_path);
    }
    let draft = store.draft("unpack");
    let made = make(jar, &draft, limits)
        .and_then(|()| store::place_directory(&draft, &directory(store, set)).map_err(Error::from));
    if made.is_err() {
        drop(fs::remove_dir_all(&draft));
    }
    made?;
    tracing::info!(set, "unpacked");
    existing(store, set).ok_or_else(|| {
        let source = io::Error::other("it changed while it was unpacked");
        store::Error::new("unpack", &directory(store, set), source).into()
    })
}

/// Hashes every unpacked file; a directory with one that does not fit is moved aside, and made anew at the next use.
pub(crate) fn verify(store: &Store, set: &Path) -> Result<Option<Corrupt>, store::Error> {
    for entry in read_list(set).unwrap_or_default() {
        let path = set.join(&entry.file);
        let found = match store::hash_file(&path) {
            Ok(found) if found == entry.sha256 => continue,
            Ok(found) => found,
            Err(_) if !path.exists() => "missing".to_owned(),
            Err(error) => return Err(error),
        };
        let name = set.file_name().unwrap_or_default().to_string_lossy();
        return store.move_aside(set, &name, entry.sha256, found).map(Some);
    }
    Ok(None)
}

fn make(jar: &Path, draft: &Path, limits: &Limits) -> Result<(), Error> {
    store::make_directory(&draft.join("lib"))?;
    let mut boot = Boot::open(jar, limits)?;
    let mut listed = vec![boot.write_classes(draft)?];
    for (name, index) in boot.libraries()? {
        listed.push(boot.write_library(&name, index, draft)?);
    }
    for entry in &listed {
        store::mark(&draft.join(&entry.file))?;
    }
    let text: String = listed
        .iter()
        .map(|entry| format!("{}  {}  {}\n", entry.sha256, entry.size, entry.file))
        .collect();
    let list = draft.join(LIST);
    fs::write(&list, text).map_err(|source| store::Error::new("write", &list, source))?;
    Ok(())
}

fn read_list(directory: &Path) -> Option<Vec<Listed>> {
    let text = fs::read_to_string(directory.join(LIST)).ok()?;
    text.lines()
        .map(|line| {
            let mut parts = line.splitn(3, "  ");
            Some(Listed {
                sha256: parts.next()?.to_owned(),
                size: parts.next()?.parse().ok()?,
                file: parts.next()?.to_owned(),
            })
        })
        .collect()
}

/// An executable jar that is being unpacked.
struct Boot<'a> {
    archive: String,
    zip: ZipArchive<BufReader<File>>,
    limits: &'a Limits,
    bytes: u64,
}

impl<'a> Boot<'a> {
    fn open(jar: &Path, limits: &'a Limits) -> Result<Boot<'a>, Error> {
        let archive = jar
            .file_name()
            .unwrap_or(jar.as_os_str())
            .to_string_lossy()
            .into_owned();
        let damaged = |source: io::Error| Error::Damaged {
            archive: archive.clone(),
            source,
        };
        let file = File::open(jar).map_err(damaged)?;
        let zip = ZipArchive::new(BufReader::new(file)).map_err(|error| damaged(error.into()))?;
        let boot = Boot {
            archive,
            zip,
            limits,
            bytes: 0,
        };
        if boot.zip.len() > limits.entries_max {
            let why = format!("more than {} entries", limits.entries_max);
            let first = boot
                .zip
                .name_for_index(limits.entries_max)
                .unwrap_or_default();
            return Err(boot.too_much(first, why));
        }
        let named = boot.zip.file_names().any(|name| name.starts_with(CLASSES));
        if !named {
            return Err(boot.refuse(CLASSES, "it is not there: this is no jar of Spring Boot"));
        }
        Ok(boot)
    }

    /// The application's own classes, uncompressed and in the order of their names, with the directories that class
    /// path scanners look for.
    fn write_classes(&mut self, draft: &Path) -> Result<Listed, Error> {
        let mut files: BTreeMap<String, usize> = BTreeMap::new();
        let mut directories: BTreeSet<String> = BTreeSet::new();
        for (index, name) in self.names()? {
            let Some(inner) = name.strip_prefix(CLASSES).filter(|inner| !inner.is_empty()) else {
                continue;
            };
            let is_plain = |part: &str| !matches!(part, "" | "." | "..");
            if !inner
                .strip_suffix('/')
                .unwrap_or(inner)
                .split('/')
                .all(is_plain)
            {
                return Err(self.refuse(&name, "the name leads out of the archive"));
            }
            directories.extend(
                inner
                    .match_indices('/')
                    .map(|(end, _)| inner[..=end].to_owned()),
            );
            if !inner.ends_with('/') {
                files.insert(inner.to_owned(), index);
            }
        }
        let path = draft.join(CLASSES_JAR);
        let failed = |source: io::Error| store::Error::new("write", &path, source);
        let file = File::create(&path).map_err(failed)?;
        let mut jar = ZipWriter::new(BufWriter::new(file));
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::default())
            .unix_permissions(0o644);
        for directory in &directories {
            jar.add_directory(directory, options)
                .map_err(|error| failed(error.into()))?;
        }
        for (name, index) in &files {
            jar.start_file(name, options)
                .map_err(|error| failed(error.into()))?;
            self.copy(*index, &mut jar, &path)?;
        }
        let mut file = jar.finish().map_err(|error| failed(error.into()))?;
        file.flush().map_err(failed)?;
        Ok(Listed {
            sha256: store::hash_file(&path)?,
            size: fs::metadata(&path).map_err(failed)?.len(),
            file: CLASSES_JAR.to_owned(),
        })
    }

    /// File names and places in the archive, in the order of the index, else of the archive. Those that the index leaves
    /// out come after.
    fn libraries(&mut self) -> Result<Vec<(String, usize)>, Error> {
        let mut libraries = Vec::new();
        for (index, name) in self.names()? {
            let Some(file) = name.strip_prefix(LIBRARIES).filter(|file| !file.is_empty()) else {
                continue;
            };
            let is_plain = !file.contains(['/', '\\', ':']) && !file.starts_with('.');
            if !is_plain || !file.ends_with(".jar") {
                return Err(self.refuse(&name, "it is no jar of a plain name"));
            }
            libraries.push((file.to_owned(), index));
        }
        let order = self.index()?;
        let place = |file: &String| order.iter().position(|known| known == file);
        libraries.sort_by_key(|(file, _)| place(file).unwrap_or(usize::MAX));
        Ok(libraries)
    }

    fn index(&mut self) -> Result<Vec<String>, Error> {
        let Some(index) = self.zip.index_for_name(INDEX) else {
            return Ok(Vec::new());
        };
        let mut text = String::new();
        let archive = self.archive.clone();
        let damaged = |source: io::Error| Error::Damaged { archive, source };
        let read = self.zip.by_index(index).map_err(io::Error::from);
        read.and_then(|entry| entry.take(INDEX_BYTES_MAX).read_to_string(&mut text))
            .map_err(damaged)?;
        let file = |line: &str| {
            let quoted = line.trim().strip_prefix("- \"")?.strip_suffix('"')?;
            Some(quoted.strip_prefix(LIBRARIES)?.to_owned())
        };
        Ok(text.lines().filter_map(file).collect())
    }

    fn write_library(&mut self, name: &str, index: usize, draft: &Path) -> Result<Listed, Error> {
        let path = draft.join("lib").join(name);
        let failed = |source: io::Error| store::Error::new("write", &path, source);
        let file = File::create_new(&path).map_err(failed)?;
        let mut hashing = Hashing {
            file,
            hasher: Sha256::new(),
        };
        let size = self.copy(index, &mut hashing, &path)?;
        Ok(Listed {
            sha256: format!("{:x}", hashing.hasher.finalize()),
            size,
            file: format!("lib/{name}"),
        })
    }

    fn names(&mut self) -> Result<Vec<(usize, String)>, Error> {
        let name = |index: usize| {
            self.zip
                .name_for_index(index)
                .map(|name| (index, name.to_owned()))
        };
        Ok((0..self.zip.len()).filter_map(name).collect())
    }

    /// Copies an entry, whose checksum is verified on the way; gives its bytes.
    fn copy(&mut self, index: usize, to: &mut dyn Write, path: &Path) -> Result<u64, Error> {
        let archive = &self.archive;
        let damaged = |source: io::Error| Error::Damaged {
            archive: archive.clone(),
            source,
        };
        let mut entry = self
            .zip
            .by_index(index)
            .map_err(|error| damaged(error.into()))?;
        let mut buffer = vec![0; 256 * 1024];
        let mut copied = 0;
        loop {
            let read = entry.read(&mut buffer).map_err(damaged)?;
            if read == 0 {
                self.bytes += copied;
                return Ok(copied);
            }
            copied += read as u64;
            if self.bytes + copied > self.limits.bytes_max {
                let name = entry.name().to_owned();
                drop(entry);
                let why = format!("more than {} bytes unpacked", self.limits.bytes_max);
                return Err(self.too_much(&name, why));
            }
            to.write_all(&buffer[..read])
                .map_err(|source| store::Error::new("write", path, source))?;
        }
    }

    fn refuse(&self, entry: &str, why: &'static str) -> Error {
        Error::Entry {
            archive: self.archive.clone(),
            entry: entry.to_owned(),
            why,
        }
    }

    fn too_much(&self, entry: &str, why: String) -> Error {
        Error::Limit {
            archive: self.archive.clone(),
            entry: entry.to_owned(),
            why,
        }
    }
}

/// Hashes what is written to a file.
struct Hashing {
    file: File,
    hasher: Sha256,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests;
