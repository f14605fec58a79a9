//! Brings what launches need onto this machine: artifact sets, a Java for each, start archives in the background.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use smack_grids::LaunchPaths;
use smack_model::{Event, JavaNeed, SupplyState};
use smack_services::Catalog;
use smack_supply::catalog::{Entry, JavaRange, Part};
use smack_supply::cds::{self, Archives, Key, Rehearsal};
use smack_supply::fetch::{Fetcher, Progress, Sources};
use smack_supply::java::{self, Choice, Found, Places};
use smack_supply::store::Store;

type Tell = dyn Fn(Event) + Send + Sync;

/// The artifacts of one home.
pub(crate) struct Supplier {
    home: PathBuf,
    store: Store,
    sources: Sources,
    tell: Box<Tell>,
    /// By artifact set name (`kafka-3.9.2`).
    sets: Mutex<BTreeMap<String, Supplied>>,
    /// The JVM flags with which the servers of a set were started: what their start archive is recorded with.
    flags: Mutex<BTreeMap<String, Vec<String>>>,
    record_archives: bool,
}

#[derive(Clone)]
struct Supplied {
    entry: &'static Entry,
    jars: Vec<PathBuf>,
    java: Choice,
}

impl Supplier {
    pub(crate) fn new(
        home: &Path,
        sources: Sources,
        record_archives: bool,
        tell: impl Fn(Event) + Send + Sync + 'static,
    ) -> Result<Arc<Self>, smack_supply::store::Error> {
        Ok(Arc::new(Self {
            home: home.to_owned(),
            store: Store::open(home)?,
            sources,
            tell: Box::new(tell),
            sets: Mutex::default(),
            flags: Mutex::default(),
            record_archives,
        }))
    }

    /// Makes a set present, in a thread of its own; told as it goes.
    pub(crate) fn supply(self: &Arc<Self>, name: &str) {
        let (supplier, owned) = (Arc::clone(self), name.to_owned());
        let spawned = std::thread::Builder::new()
            .name("supply".to_owned())
            .spawn(move || {
                let state = match supplier.bring(&owned) {
                    Ok(detail) => SupplyState::Present { detail },
                    Err(reason) => SupplyState::Failed { reason },
                };
                (supplier.tell)(Event::Supply { name: owned, state });
            });
        if let Err(error) = spawned {
            let reason = format!("no thread to fetch it with: {error}");
            (self.tell)(Event::Supply {
                name: name.to_owned(),
                state: SupplyState::Failed { reason },
            });
        }
    }

    fn bring(&self, name: &str) -> Result<String, String> {
        let entry = entry(name)?;
        // First what fails fast: without a Java the jars are of no use.
        let found = Places::of_user().search();
        let java = java::choose(name, &entry.java, &found)
            .map_err(|error| format!("{error}; {}", error.hint()))?;
        let tell = |progress: Progress| {
            let Progress {
                files_done,
                files_total,
                bytes,
                bytes_total,
                ..
            } = progress;
            let detail = format!(
                "{files_done} of {files_total} files, {} of {} MB",
                bytes / 1_000_000,
                bytes_total / 1_000_000
            );
            (self.tell)(Event::Supply {
                name: name.to_owned(),
                state: SupplyState::Fetching { detail },
            });
        };
        let fetcher = Fetcher::new(&self.store, self.sources.clone(), &tell);
        let jars = smack_supply::catalog::prepare(&fetcher, entry, Part::Server)
            .map_err(|error| format!("{}; {}", chain(&error), error.hint()))?;
        let detail = java.why.clone();
        let mut sets = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
        sets.insert(name.to_owned(), Supplied { entry, jars, java });
        Ok(detail)
    }

    fn supplied(&self, name: &str) -> Option<Supplied> {
        self.sets
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .cloned()
    }

    /// Records the start archives that are missing, one after the other in the background, once nothing is starting.
    pub(crate) fn record_missing_archives(self: &Arc<Self>) {
        if !self.record_archives {
            return;
        }
        let flags = std::mem::take(&mut *self.flags.lock().unwrap_or_else(PoisonError::into_inner));
        if flags.is_empty() {
            return;
        }
        let supplier = Arc::clone(self);
        let record = move || {
            for (name, flags) in flags {
                if let Some(rehearsal) = supplier.rehearsal(&name, flags)
                    && let Err(error) = rehearsal.run()
                {
                    let error = chain(&error);
                    tracing::warn!(set = name, error, "no start archive, starts stay slower");
                }
            }
        };
        if let Err(error) = std::thread::Builder::new()
            .name("start-archives".to_owned())
            .spawn(record)
        {
            tracing::warn!(%error, "no thread to record start archives with");
        }
    }

    fn rehearsal(&self, name: &str, flags: Vec<String>) -> Option<Rehearsal> {
        let supplied = self.supplied(name)?;
        let archives = Archives::of(&self.home);
        let key = Key::new(&supplied.java.found, &supplied.jars, &flags);
        if archives.existing(&key).is_some() {
            return None;
        }
        let server = |supplied: Supplied, flags| cds::Server {
            entry: supplied.entry,
            java: supplied.java.found,
            class_path: supplied.jars,
            flags,
        };
        let is_zookeeper = |name: &String| name.starts_with("zookeeper-");
        let needs_companion = supplied.entry.mode == Some(smack_supply::catalog::Mode::Zookeeper);
        let companion = if needs_companion {
            let names: Vec<String> = self
                .sets
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .keys()
                .cloned()
                .collect();
            let beside = self.supplied(names.iter().find(|name| is_zookeeper(name))?)?;
            Some(server(beside, vec!["-Xmx64m".to_owned()]))
        } else {
            None
        };
        // Below the blocks that VDCs get, and told apart by the home's place.
        let byte = smack_model::Digest::of(self.home.as_os_str().as_encoded_bytes()).0;
        let byte = u8::from_str_radix(&byte[..2], 16).unwrap_or(1);
        Some(Rehearsal {
            archives,
            server: server(supplied, flags),
            companion,
            address: Ipv4Addr::new(127, 63, byte, 1),
            scratch: self.home.join("rehearsal").join(name),
        })
    }
}

impl LaunchPaths for Supplier {
    fn java(&self, need: &JavaNeed) -> Result<PathBuf, String> {
        let found: Vec<Found> = Places::of_user().search();
        let range = JavaRange::try_from(need.versions.clone())?;
        let wanted = smack_supply::catalog::Java {
            range,
            prefer: vec![need.preferred],
        };
        java::choose("it", &wanted, &found)
            .map(|choice| choice.found.program())
            .map_err(|error| format!("{error}; {}", error.hint()))
    }

    fn class_path(&self, set: &str) -> Result<String, String> {
        if self.supplied(set).is_none() {
            self.bring(set)?;
        }
        let supplied = self
            .supplied(set)
            .ok_or_else(|| format!("{set} is not there"))?;
        Ok(cds::class_path_text(&supplied.jars))
    }

    fn shared_archive(&self, set: &str, java: &Path, flags: &[String]) -> Option<String> {
        let supplied = self.supplied(set)?;
        if supplied.java.found.program() != java {
            return None;
        }
        let archives = Archives::of(&self.home);
        let key = Key::new(&supplied.java.found, &supplied.jars, flags);
        let existing = archives.existing(&key);
        if existing.is_none() {
            let mut missing = self.flags.lock().unwrap_or_else(PoisonError::into_inner);
            missing
                .entry(set.to_owned())
                .or_insert_with(|| flags.to_vec());
        }
        existing.map(|path| format!("-XX:SharedArchiveFile={}", path.display()))
    }

    fn fetch(&self, url: &str, into: &Path) -> Result<(), String> {
        use smack_supply::archive;
        let file = archive::fetch_url(url, None, into)
            .map_err(|error| format!("{error}; {}", error.hint()))?;
        // A file that is no archive stays what it is.
        archive::unpack(&file, into, &archive::Limits::default())
            .map(|_| ())
            .map_err(|error| format!("{error}; {}", error.hint()))
    }
}

/// An error with what is behind it, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// The catalog entry that a launch's artifact name stands for.
fn entry(name: &str) -> Result<&'static Entry, String> {
    let catalog = Catalog::embedded();
    let entry = catalog.entries().iter().find(|entry| entry.name() == name);
    entry.ok_or_else(|| format!("{name} is not in the catalog of this smack"))
}
