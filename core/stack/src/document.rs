//! One file: its heading (name, level, parent) and its blocks, with the keys of the top level checked. Knows nothing
//! of how files are laid over each other.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smack_model::{Name, Place, Problem, Problems};

use crate::marathon::{self, Found};
use crate::near::near;
use crate::resolve::Source;
use crate::value::{Data, Map, Setting, Value};
use crate::yaml;

/// Where a layer stands; the lowest is a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Datacenter,
    Cluster,
    Zone,
}

impl Level {
    /// `datacenter`, `cluster` or `zone`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Datacenter => "datacenter",
            Self::Cluster => "cluster",
            Self::Zone => "zone",
        }
    }

    /// The level of that name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Datacenter, Self::Cluster, Self::Zone]
            .into_iter()
            .find(|level| level.as_str() == text)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a file says of itself: enough to store it and to find the files it builds on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Heading {
    pub name: Option<Setting<String>>,
    /// The stack that a stack extends; the parent, in a layer that spells it as of old.
    pub from: Option<Setting<String>>,
    /// Of a layer only.
    pub level: Option<Setting<Level>>,
    /// Of a layer only.
    pub parent: Option<Setting<String>>,
}

/// Reads the heading of a stack or layer without checking the rest.
pub fn heading(source: &Source) -> Result<Heading, Problems> {
    let mut problems = Problems::default();
    let root = match marathon::load(source, &mut problems) {
        Found::Stack(root) => {
            // What is wrong with its apps is told by whoever resolves it.
            problems = Problems::default();
            Some(root)
        }
        Found::Broken => None,
        Found::Other => yaml::load(source, &mut problems),
    };
    let Some(root) = root else {
        return Err(problems.sorted());
    };
    let heading = match root.as_map() {
        Some(map) => read_heading(map, &mut problems),
        None => {
            problems.push(not_a_file(&root));
            Heading::default()
        }
    };
    if problems.has_errors() {
        Err(problems.sorted())
    } else {
        Ok(heading)
    }
}

/// A loaded file, its blocks apart.
pub(crate) struct Document {
    pub(crate) file: Arc<str>,
    pub(crate) heading: Heading,
    /// `zone qa`, `stack pipeline`.
    pub(crate) label: Arc<str>,
    /// None in a stack.
    pub(crate) level: Option<Level>,
    /// From another language: what is wrong in the file has been told, and stands here as if it were right.
    pub(crate) is_translated: bool,
    pub(crate) parameters: Map,
    pub(crate) applications: Map,
    pub(crate) grid: Option<Value>,
    pub(crate) isolation: Option<Value>,
    pub(crate) require: Option<Value>,
    /// `uses:`, other virtual data centers.
    pub(crate) uses: Map,
    /// `final:`, only in layers.
    pub(crate) fixed: Block,
    /// `limits:`, only in layers.
    pub(crate) limits: Block,
}

/// The three things that `final:` and `limits:` speak of.
#[derive(Default)]
pub(crate) struct Block {
    pub(crate) parameters: Map,
    pub(crate) applications: Map,
    pub(crate) grid: Option<Value>,
}

/// The name, file and level under which a file was asked for.
pub(crate) struct Wanted<'a> {
    pub(crate) source: &'a Source,
    /// None: the name stands in the file.
    pub(crate) name: Option<&'a str>,
    pub(crate) level: Option<Level>,
}

/// Loads one file. None if it is no stack and no layer at all; then a problem says why.
pub(crate) fn load(wanted: &Wanted<'_>, problems: &mut Problems) -> Option<Document> {
    let mut own = Problems::default();
    let found = marathon::load(wanted.source, &mut own);
    let is_translated = matches!(found, Found::Stack(_));
    let mut root = match found {
        Found::Stack(root) => Some(root),
        Found::Broken => None,
        Found::Other => yaml::load(wanted.source, &mut own),
    };
    let written = root
        .as_ref()
        .and_then(Value::as_map)
        .and_then(|map| map.get("name"))
        .and_then(Value::to_literal);
    let name = wanted
        .name
        .map(str::to_owned)
        .or(written)
        .or_else(|| root.is_none().then(|| glimpse(wanted.source))?);
    let name = name.unwrap_or_default();
    let word = wanted.level.map_or("stack", Level::as_str);
    let label: Arc<str> = if name.is_empty() {
        word.into()
    } else {
        format!("{word} {name}").into()
    };
    for place in own
        .0
        .iter_mut()
        .filter_map(|problem| problem.place.as_mut())
    {
        place.layer = label.clone();
    }
    problems.extend(own);
    let mut root = root.take()?;
    settle_tasks(&mut root);
    yaml::settle(&mut root, &label);
    let Data::Map(mut map) = root.data else {
        problems.push(not_a_file(&root));
        return None;
    };
    let heading = read_heading(&map, problems);
    for legacy in ["namespace", "layer", "rwmutex"] {
        map.shift_remove(legacy);
    }
    let is_layer = wanted.level.is_some();
    refuse_unknown(&map, is_layer, problems);
    let mut block = |key: &str| map.shift_remove(key);
    let (parameters, applications) = (block("parameters"), block("applications"));
    let (grid, fixed, limits) = (block("grid"), block("final"), block("limits"));
    let (isolation, require, uses) = (block("isolation"), block("require"), block("uses"));
    Some(Document {
        file: wanted.source.file.clone(),
        heading,
        label,
        level: wanted.level,
        is_translated,
        parameters: as_block("parameters", parameters, problems),
        applications: applications_of(applications, problems),
        grid,
        isolation,
        require,
        uses: as_block("uses", uses, problems),
        fixed: read_block("final", fixed.filter(|_| is_layer), problems),
        limits: read_block("limits", limits.filter(|_| is_layer), problems),
    })
}

/// The tasks of legacy applications have scalar rules of their own.
fn settle_tasks(root: &mut Value) {
    let Data::Map(root) = &mut root.data else {
        return;
    };
    if let Some(fixed) = root.get_mut("final") {
        settle_tasks(fixed);
    }
    let Some(Value {
        data: Data::Map(applications),
        ..
    }) = root.get_mut("applications")
    else {
        return;
    };
    for application in applications.values_mut() {
        let Data::Map(settings) = &mut application.data else {
            continue;
        };
        for key in ["tasks", "tasks+"] {
            if let Some(Value {
                data: Data::Map(tasks),
                ..
            }) = settings.get_mut(key)
            {
                // A task itself is a map, or a mistake that is reported later.
                tasks
                    .values_mut()
                    .filter(|task| !task.is_null())
                    .for_each(yaml::settle_tasks);
            } else if let Some(tasks) = settings
                .get_mut(key)
                .filter(|tasks| tasks.as_list().is_some())
            {
                yaml::settle_tasks(tasks);
            }
        }
    }
}

/// The name in a text that cannot be read as YAML, if it has the plain form.
fn glimpse(source: &Source) -> Option<String> {
    let name = source
        .text
        .lines()
        .find_map(|line| line.strip_prefix("name:"))?
        .trim();
    Name::new(name).is_ok().then(|| name.to_owned())
}

fn not_a_file(root: &Value) -> Problem {
    Problem::error(
        Some(&root.place),
        format!("a stack or layer is a map, this is {}", root.sort()),
    )
    .hint("start with: name: my-stack")
}

fn read_heading(map: &Map, problems: &mut Problems) -> Heading {
    let mut text = |key: &str| {
        let value = map.get(key).filter(|value| !value.is_null())?;
        let literal = value.to_literal();
        if literal.is_none() {
            let what = format!("{key} wants a text, found {}", value.described());
            problems.push(Problem::error(Some(&value.place), what));
        }
        literal.filter(|text| !text.is_empty()).map(|text| Setting {
            value: text,
            place: value.place.clone(),
        })
    };
    let (name, from, parent, level) = (text("name"), text("from"), text("parent"), text("level"));
    let level = level.and_then(|level| match Level::parse(&level.value) {
        Some(value) => Some(Setting {
            value,
            place: level.place,
        }),
        None => {
            let what = format!("{:?} is no level", level.value);
            problems.push(
                Problem::error(Some(&level.place), what).hint("write datacenter, cluster or zone"),
            );
            None
        }
    });
    Heading {
        name,
        from,
        level,
        parent,
    }
}

fn refuse_unknown(map: &Map, is_layer: bool, problems: &mut Problems) {
    const COMMON: &[&str] = &[
        "name",
        "doc",
        "from",
        "applications",
        "parameters",
        "grid",
        "isolation",
        "require",
        "uses",
    ];
    const LAYER: &[&str] = &["level", "parent", "final", "limits"];
    let known = || {
        COMMON
            .iter()
            .chain(LAYER.iter().filter(|_| is_layer))
            .copied()
    };
    for (key, value) in map {
        if known().any(|known| known == key) {
            continue;
        }
        let place = Some(&value.place);
        problems.push(match key.as_str() {
            key if LAYER.contains(&key) => {
                Problem::error(place, format!("{key} belongs into a layer, not a stack"))
                    .hint("write it to a datacenter, cluster or zone file")
            }
            key => {
                let problem = Problem::error(place, format!("unknown key {key}"));
                match near(key, known()) {
                    Some(word) => problem.hint(format!("did you mean {word}?")),
                    None => problem.hint("applications stand below `applications:`"),
                }
            }
        });
    }
}

/// The map of a block; null is empty.
fn as_block(key: &str, value: Option<Value>, problems: &mut Problems) -> Map {
    match value {
        None => Map::new(),
        Some(value) => match value.data {
            Data::Map(map) => map,
            Data::Null => Map::new(),
            Data::Bool(_) | Data::Integer(_) | Data::Number(_) | Data::Text(_) | Data::List(_) => {
                let what = format!("{key} wants a map, found {}", value.described());
                problems.push(Problem::error(Some(&value.place), what));
                Map::new()
            }
        },
    }
}

/// The entries of `applications`: maps, or null to delete one.
fn applications_of(value: Option<Value>, problems: &mut Problems) -> Map {
    let mut applications = as_block("applications", value, problems);
    applications.retain(|key, value| {
        let what = if key.ends_with('+') {
            format!("{key}: an application cannot be appended to")
        } else if matches!(value.data, Data::Map(_) | Data::Null) {
            return true;
        } else {
            format!("application {key} wants a map, found {}", value.described())
        };
        problems.push(
            Problem::error(Some(&value.place), what)
                .hint("an application is written `name: {type: …}`"),
        );
        false
    });
    applications
}

fn read_block(word: &str, value: Option<Value>, problems: &mut Problems) -> Block {
    let mut map = as_block(word, value, problems);
    let parameters = map.shift_remove("parameters");
    let applications = map.shift_remove("applications");
    let block = Block {
        parameters: as_block("parameters", parameters, problems),
        applications: applications_of(applications, problems),
        grid: map.shift_remove("grid"),
    };
    for (key, value) in &map {
        let problem = Problem::error(Some(&value.place), format!("unknown key {key} in {word}"));
        problems.push(match near(key, ["parameters", "applications", "grid"]) {
            Some(word) => problem.hint(format!("did you mean {word}?")),
            None => problem.hint(format!(
                "write {word}: {{parameters: {{{key}: …}}}} or {word}: {{applications: …}}"
            )),
        });
    }
    block
}

/// A place that is no file: a command line option.
pub(crate) fn option_place(option: &str) -> Place {
    Place {
        file: option.into(),
        line: 0,
        column: 0,
        layer: "".into(),
    }
}
