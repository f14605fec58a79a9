//! What fuzz targets share: runs of several files in one text, and a directory to work in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use smack_model::Problems;
use smack_services::Catalog;
use smack_stack::{LayerSource, Level, Request, Resolved, Source};

/// Texts beyond this are only slow.
pub const TEXT_MAX: usize = 16 * 1024;

/// A run out of one text, as `core/stack/tests/wrong` writes them: files below `== stack FILE`, `== from NAME FILE`,
/// `== zone NAME FILE [PARENT]` (cluster, datacenter), options in `== run --zone Z --as N --var k=v --known k=v`.
pub struct Run {
    stack: Source,
    parents: BTreeMap<String, Source>,
    layers: BTreeMap<String, LayerSource>,
    zone: String,
    run: Option<String>,
    vars: Vec<(String, String)>,
    known: BTreeMap<String, String>,
}

impl Run {
    /// Anything is a run; what has no heading is one stack.
    pub fn parse(text: &str) -> Self {
        let mut run = Self {
            stack: Source::new("stack.yaml", ""),
            parents: BTreeMap::new(),
            layers: BTreeMap::new(),
            zone: "default".to_owned(),
            run: None,
            vars: Vec::new(),
            known: BTreeMap::new(),
        };
        let mut sections = text.split("\n== ");
        let first = sections.next().unwrap_or_default();
        match first.strip_prefix("== ") {
            Some(section) => run.section(section),
            None => run.stack = Source::new("stack.yaml", first),
        }
        sections.for_each(|section| run.section(section));
        run
    }

    /// One file of Marathon.
    pub fn app(text: &str) -> Self {
        Self {
            stack: Source::new("app.json", text),
            ..Self::parse("")
        }
    }

    fn section(&mut self, section: &str) {
        let (heading, body) = section.split_once('\n').unwrap_or((section, ""));
        let words: Vec<&str> = heading.split_whitespace().collect();
        match words.as_slice() {
            ["from", name, file] => {
                let source = Source::new(*file, body);
                self.parents.insert((*name).to_owned(), source);
            }
            ["run", options @ ..] => options.chunks_exact(2).for_each(|pair| self.option(pair)),
            [level, name, file, parent @ ..] if Level::parse(level).is_some() => {
                let layer = LayerSource {
                    level: Level::parse(level).unwrap_or(Level::Zone),
                    parent: parent.first().map(|&parent| parent.to_owned()),
                    source: Source::new(*file, body),
                };
                self.layers.insert((*name).to_owned(), layer);
            }
            _ => self.stack = Source::new("stack.yaml", body),
        }
    }

    fn option(&mut self, pair: &[&str]) {
        let [option, value] = pair else { return };
        let (name, text) = value.split_once('=').unwrap_or((value, ""));
        match *option {
            "--zone" => (*value).clone_into(&mut self.zone),
            "--as" => self.run = Some((*value).to_owned()),
            "--known" => drop(self.known.insert(name.to_owned(), text.to_owned())),
            _ => self.vars.push((name.to_owned(), text.to_owned())),
        }
    }

    /// Reads every heading, resolves, and builds what resolves. Every problem must be printable.
    pub fn through(&self) {
        let layers = self.layers.values().map(|layer| &layer.source);
        for source in self.parents.values().chain(layers).chain([&self.stack]) {
            shown(smack_stack::heading(source));
        }
        let resolved = smack_stack::resolve(&Request {
            stack: &self.stack,
            parents: &self.parents,
            layers: &self.layers,
            zone: &self.zone,
            run: self.run.as_deref(),
            vars: &self.vars,
            predefined: &self.known,
        });
        if let Some(resolved) = shown(resolved) {
            build(&resolved);
        }
    }
}

/// Builds a resolved stack, and asks what every system says to becoming itself and every other one.
pub fn build(resolved: &Resolved) {
    assert!(!smack_stack::render(resolved, true).is_empty());
    let Some(platform) = shown(smack_services::build(
        resolved,
        Catalog::embedded(),
        &smack_services::some_nodes(3),
    )) else {
        return;
    };
    for spec in platform.specs.values() {
        let itself = smack_services::change(spec, spec);
        assert!(!itself.has_errors(), "{itself}");
        if let Some(first) = platform.specs.values().next() {
            shown(Err::<(), _>(smack_services::change(first, spec)));
        }
    }
}

fn shown<T>(result: Result<T, Problems>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(problems) => {
            assert!(
                problems.to_string().len() < 16 << 20,
                "a problem that nobody can read"
            );
            None
        }
    }
}

/// An empty directory in memory where the machine has one, emptied again by the next call.
pub fn scratch(name: &str) -> PathBuf {
    let memory = Path::new("/dev/shm");
    let base = if memory.is_dir() {
        memory.to_owned()
    } else {
        std::env::temp_dir()
    };
    let directory = base.join(format!("smack-fuzz-{name}-{}", std::process::id()));
    drop(std::fs::remove_dir_all(&directory));
    std::fs::create_dir_all(&directory).expect("the directory for temporary files can be written");
    directory
}
