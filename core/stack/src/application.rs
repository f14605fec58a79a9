//! Merged entries -> applications: type, id, grid, dependencies, filled settings; and the checks that need all of them:
//! duplicate ids, unknown dependencies, cycles, exports used without a dependency. Knows no service.

mod dependencies;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use smack_model::{ApplicationPath, Name, Place, Problem, Problems};

use crate::chain::to_name;
use crate::document::{Document, Level, option_place};
use crate::exports::Exports;
use crate::near::near;
use crate::order;
use crate::share::Share;
use crate::substitute::{Filling, Use, Variables};
use crate::uses::Uses;
use crate::value::{Data, Map, Setting, Value};

/// One entry of a resolved stack.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Application {
    pub id: Name,
    /// The id as it was written.
    pub shown_id: String,
    /// The key of its entry in the files.
    pub key: String,
    /// `type:`, the service that runs it.
    pub kind: Setting<String>,
    /// `grid:`, where its tasks run: its own, else of the nearest file that says so, else `local`.
    pub grid: Setting<String>,
    /// `scope:`, the layer that its system spans together with those of its name in other zones; `None`: its zone alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Setting<Name>>,
    pub dependencies: Vec<(ApplicationPath, Place)>,
    /// `share:`, which other virtual data centers may use it; absent: those of the zone.
    #[serde(default)]
    pub share: Option<Setting<Share>>,
    /// A map of all other keys.
    pub settings: Value,
    pub place: Place,
}

/// Legacy fields in which an application may refer to its own exports: they are read after it is ready.
const READ_WHEN_READY: [&str; 5] = [
    "tasks",
    "before_task",
    "after_task",
    "after_tasks",
    "after_scheduler",
];

/// Keys that the language reads itself or drops; all others are settings.
const NOT_SETTINGS: [&str; 9] = [
    "type",
    "id",
    "grid",
    "dependencies",
    "scope",
    "uses",
    "share",
    "rwmutex",
    "namespace",
];

/// What is known of an entry before anything refers to it.
struct Entry {
    key: String,
    map: Map,
    place: Place,
    id: Name,
    shown_id: String,
    kind: Setting<String>,
}

/// Builds the applications of a run.
pub(crate) struct Builder<'a> {
    pub(crate) uses: &'a Uses,
    pub(crate) documents: &'a [Document],
    /// The layer of each level that the run has.
    pub(crate) levels: &'a [(Level, Name)],
    pub(crate) variables: &'a Variables,
    pub(crate) problems: &'a mut Problems,
}

/// The applications, and the means to fill what refers to them.
pub(crate) struct Built {
    pub(crate) applications: BTreeMap<Name, Application>,
    pub(crate) exports: Exports,
}

impl Builder<'_> {
    pub(crate) fn build(&mut self, merged: Map) -> Built {
        let mut exports = Exports::default();
        let entries = self.entries(merged, &mut exports);
        let named = entries.iter().map(|entry| (&entry.id, &entry.place));
        self.uses.refuse_taken(named, self.problems);
        self.uses.names().for_each(|name| exports.add_use(name));
        // All before any is filled: what one depends on, another may read.
        let dependencies: Vec<_> = entries
            .iter()
            .map(|entry| self.dependencies(entry, &mut exports))
            .collect();
        let numbers = |of: &Vec<(usize, Place)>| of.iter().map(|(number, _)| *number).collect();
        let mut edges: Vec<Vec<usize>> = dependencies.iter().map(numbers).collect();
        // Those of other virtual data centers: where they lead is not of this stack.
        edges.resize(exports.len(), Vec::new());
        let mut uses = Vec::with_capacity(entries.len());
        let mut applications: Vec<Application> = Vec::with_capacity(entries.len());
        for (entry, dependencies) in entries.into_iter().zip(dependencies) {
            let (application, used) = self.application(entry, &exports, dependencies);
            uses.push(used);
            applications.push(application);
        }
        order::refuse_cycles(&applications, &edges, self.problems);
        order::refuse_loose_exports(&applications, &edges, &uses, &exports, self.problems);
        let paths = applications.iter().flat_map(|of| &of.dependencies);
        let used = paths.filter_map(|(path, _)| path.vdc.as_deref()).collect();
        self.uses.notice_idle(&used, self.problems);
        let applications = applications
            .into_iter()
            .map(|application| (application.id.clone(), application))
            .collect();
        Built {
            applications,
            exports,
        }
    }

    /// Entries with a type and an id of their own.
    fn entries(&mut self, merged: Map, exports: &mut Exports) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::with_capacity(merged.len());
        let mut taken: BTreeMap<Name, usize> = BTreeMap::new();
        for (key, value) in merged {
            let Data::Map(map) = value.data else { continue };
            let Some(kind) = self.kind(&key, &map, &value.place) else {
                continue;
            };
            let written = self
                .literal(&key, "id", map.get("id"))
                .filter(|id| !id.value.is_empty());
            let id = written.unwrap_or_else(|| Setting {
                value: key.clone(),
                place: value.place.clone(),
            });
            let Some(name) = to_name(&id.value, &id.place, "application", self.problems) else {
                continue;
            };
            if let Some(&first) = taken.get(&name) {
                let first: &Entry = &entries[first];
                let what = format!("two applications have the id {}", id.value);
                let hint = format!("the other is {} at {}", first.key, first.place);
                self.problems
                    .push(Problem::error(Some(&id.place), what).hint(hint));
                continue;
            }
            exports.add(&name, &id.value, &key);
            taken.insert(name.clone(), entries.len());
            entries.push(Entry {
                key,
                map,
                place: value.place,
                id: name,
                shown_id: id.value,
                kind,
            });
        }
        entries
    }

    fn kind(&mut self, key: &str, map: &Map, place: &Place) -> Option<Setting<String>> {
        let kind = self.literal(key, "type", map.get("type"));
        if kind.as_ref().is_some_and(|kind| !kind.value.is_empty()) {
            return kind;
        }
        let is_wrong = map.get("type").is_some_and(|value| {
            !value.is_null() && value.to_literal().is_none_or(|text| !text.is_empty())
        });
        let mut stacks = self
            .documents
            .iter()
            .filter(|document| document.level.is_none());
        if is_wrong {
            // Reported already.
        } else if stacks.any(|stack| {
            stack
                .applications
                .get(key)
                .is_some_and(|value| !value.is_null())
        }) {
            self.problems.push(
                Problem::error(Some(place), format!("application {key} has no type"))
                    .hint("say what runs it: type: command, type: kafka, …"),
            );
        } else {
            self.problems.push(
                Problem::notice(
                    Some(place),
                    format!("{key} has no type, so it does not run"),
                )
                .hint("it is a default for stacks that name it"),
            );
            return None;
        }
        // An entry without a type is kept: else whoever refers to it would be blamed, too.
        Some(Setting {
            value: String::new(),
            place: place.clone(),
        })
    }

    /// A text that must be known before anything starts; None if it is absent or wrong.
    fn literal(
        &mut self,
        key: &str,
        field: &str,
        value: Option<&Value>,
    ) -> Option<Setting<String>> {
        let value = value.filter(|value| !value.is_null())?;
        let none = Exports::default();
        let before = self.problems.0.len();
        let filled = Filling::new(self.variables, &none, self.problems).fill(value.clone());
        let literal = filled.to_literal();
        if self.problems.0.len() > before {
            return None;
        }
        if literal.is_none() {
            let what = format!(
                "{field} of {key} wants a text, found {}",
                filled.described()
            );
            self.problems.push(Problem::error(Some(&value.place), what));
        }
        Some(Setting {
            value: literal?,
            place: value.place.clone(),
        })
    }

    fn application(
        &mut self,
        entry: Entry,
        exports: &Exports,
        dependencies: Vec<(usize, Place)>,
    ) -> (Application, Vec<Use>) {
        self.refuse_misplaced(&entry);
        self.check_tasks(&entry);
        let grid = self.grid(&entry);
        let share = self.share(&entry);
        let scope = self.scope(&entry);
        let own = exports.by_id(&entry.shown_id);
        let mut settings = Map::with_capacity(entry.map.len());
        let mut uses = Vec::new();
        for (key, value) in entry.map {
            if NOT_SETTINGS.contains(&key.as_str()) {
                continue;
            }
            let mut filling = Filling::new(self.variables, exports, self.problems);
            filling.is_text = key == "tasks";
            let value = filling.fill(value);
            let found = std::mem::take(&mut filling.uses);
            for used in found {
                if Some(used.application) != own {
                    uses.push(used);
                } else if !READ_WHEN_READY.contains(&key.as_str()) {
                    let what = format!(
                        "{} uses its own export {} before it is ready",
                        entry.shown_id, used.name
                    );
                    self.problems.push(
                        Problem::error(Some(&used.place), what)
                            .hint("$HOST and $PORT0 are known to a task when it starts"),
                    );
                }
            }
            settings.insert(key, value);
        }
        let application = Application {
            id: entry.id,
            shown_id: entry.shown_id,
            key: entry.key,
            kind: entry.kind,
            grid,
            scope,
            dependencies: dependencies
                .into_iter()
                .map(|(number, place)| (exports.name(number).clone(), place))
                .collect(),
            share,
            settings: Value::new(Data::Map(settings), entry.place.clone()),
            place: entry.place,
        };
        (application, uses)
    }

    fn refuse_misplaced(&mut self, entry: &Entry) {
        if let Some(uses) = entry.map.get("uses").filter(|uses| !uses.is_null()) {
            let what = "uses stands at the top of a file, for all its applications";
            self.problems.push(
                Problem::error(Some(&uses.place), what)
                    .hint("move it beside `applications:`; who uses what is said by dependencies"),
            );
        }
    }

    /// The layer above the zone that the application names by its level.
    fn scope(&mut self, entry: &Entry) -> Option<Setting<Name>> {
        let scope = self.literal(&entry.key, "scope", entry.map.get("scope"))?;
        let known = [Level::Zone, Level::Cluster, Level::Datacenter];
        let level = known.iter().find(|level| level.as_str() == scope.value);
        let Some(level) = level else {
            let what = format!(
                "scope: {} is none of zone, cluster, datacenter",
                scope.value
            );
            let problem = Problem::error(Some(&scope.place), what);
            let near = near(&scope.value, known.map(Level::as_str));
            let hint = match near {
                Some(near) => format!("did you mean {near}?"),
                None => "leave it out: an application is its zone's".to_owned(),
            };
            self.problems.push(problem.hint(hint));
            return None;
        };
        if *level == Level::Zone {
            return None;
        }
        let Some((_, layer)) = self.levels.iter().find(|(of, _)| of == level) else {
            let what = format!("scope: {level}, but the zone of this run has no {level} above it");
            let hint = format!(
                "add one (smack addlayer FILE --level {level}) and name it as the zone's parent"
            );
            let problem = Problem::error(Some(&scope.place), what).hint(hint);
            self.problems.push(problem);
            return None;
        };
        Some(Setting {
            value: layer.clone(),
            place: scope.place,
        })
    }

    /// A task that is no map crashed the original; here it is an error.
    fn check_tasks(&mut self, entry: &Entry) {
        let Some(tasks) = entry.map.get("tasks").filter(|tasks| !tasks.is_null()) else {
            return;
        };
        match &tasks.data {
            Data::List(_) => {}
            Data::Map(map) => {
                for (name, task) in map.iter().filter(|(_, task)| task.as_map().is_none()) {
                    let what = format!("task {name} of {} has no settings", entry.shown_id);
                    self.problems.push(
                        Problem::error(Some(&task.place), what)
                            .hint("write its settings below it, indented"),
                    );
                }
            }
            Data::Null | Data::Bool(_) | Data::Integer(_) | Data::Number(_) | Data::Text(_) => {
                let what = format!(
                    "tasks of {} wants a map, found {}",
                    entry.shown_id,
                    tasks.described()
                );
                self.problems.push(Problem::error(Some(&tasks.place), what));
            }
        }
    }

    fn share(&mut self, entry: &Entry) -> Option<Setting<Share>> {
        let written = self.literal(&entry.key, "share", entry.map.get("share"))?;
        let words = Share::ALL.map(Share::word);
        let share = Share::ALL
            .into_iter()
            .find(|share| share.word() == written.value);
        if share.is_none() {
            let what = format!(
                "share of {}: {:?} is nobody known",
                entry.shown_id, written.value
            );
            let problem = Problem::error(Some(&written.place), what);
            self.problems.push(match near(&written.value, words) {
                Some(word) => problem.hint(format!("did you mean {word}?")),
                None => problem.hint(format!("write {}", words.join(", "))),
            });
        }
        Some(Setting {
            value: share?,
            place: written.place,
        })
    }

    fn grid(&mut self, entry: &Entry) -> Setting<String> {
        let nearest = || {
            self.documents.iter().rev().find_map(|document| {
                document
                    .fixed
                    .grid
                    .as_ref()
                    .or(document.grid.as_ref())
                    .filter(|grid| !grid.is_null())
            })
        };
        let value = entry
            .map
            .get("grid")
            .filter(|grid| !grid.is_null())
            .or_else(nearest)
            .cloned();
        let grid = self.literal(&entry.key, "grid", value.as_ref());
        let grid = grid.unwrap_or_else(|| Setting {
            value: "local".to_owned(),
            place: option_place("default"),
        });
        if let Some(fixed) = self
            .documents
            .iter()
            .find_map(|document| document.fixed.grid.as_ref())
            && let Some(wanted) = self.literal(&entry.key, "grid", Some(fixed))
            && wanted.value != grid.value
        {
            let what = format!(
                "grid of {} is {}, but it is final: {}",
                entry.shown_id, grid.value, wanted.value
            );
            let hint = format!("set by {}; say the same or leave it out", fixed.place);
            self.problems
                .push(Problem::error(Some(&grid.place), what).hint(hint));
        }
        grid
    }
}
