//! Groups, apps by their paths and whom they wait for, as one stack.

use std::collections::{BTreeMap, BTreeSet};

use smack_model::{Place, Problem, Problems, did_you_mean};

use super::app::{self, App};
use super::{error, fields, notice, path};
use crate::resolve::Source;
use crate::value::{Data, Map, Value};

/// What is found on the way through the tree.
#[derive(Default)]
struct Tree<'a> {
    apps: Vec<App<'a>>,
    groups: BTreeSet<String>,
    /// Of groups: the group, what it waits for, and where that stands.
    waits: Vec<(String, String, Place)>,
}

/// The top of a stack file.
pub(super) fn stack(root: &Value, source: &Source, problems: &mut Problems) -> Value {
    let mut tree = Tree::default();
    let place = &root.place;
    let named = tree.top(root, problems);
    let (shown, at) = named.unwrap_or_else(|| (String::new(), place.clone()));
    let name = path::name(&shown).unwrap_or_else(|| of_file(source));
    let mut applications = Map::new();
    let names = tree.names(problems);
    let edges = tree.edges(&names, problems);
    for app in &tree.apps {
        let Some(name) = names.get(app.path.as_str()) else {
            continue;
        };
        let mut map = app::translate(app, problems);
        let waits_for: Vec<Value> = edges[app.path.as_str()]
            .iter()
            .map(|(path, place)| Value::text(names[path.as_str()].clone(), place.clone()))
            .collect();
        if !waits_for.is_empty() {
            let place = waits_for[0].place.clone();
            let list = Value::new(Data::List(waits_for), place);
            map.insert("dependencies".to_owned(), list);
        }
        applications.insert(name.clone(), Value::new(Data::Map(map), app.place.clone()));
    }
    let entries = [
        ("name", Value::text(name, at)),
        (
            "applications",
            Value::new(Data::Map(applications), place.clone()),
        ),
    ];
    super::map_of(entries, place)
}

/// What became of the keys of each app.
pub(super) fn tell_translated(root: &Value, problems: &mut Problems) {
    let mut tree = Tree::default();
    tree.top(root, &mut Problems::default());
    for app in &tree.apps {
        fields::tell_translated(app.map, &app.path, problems);
    }
}

/// `prod.json` -> `prod`.
fn of_file(source: &Source) -> String {
    let file = source.file.rsplit(['/', '\\']).next().unwrap_or_default();
    let stem = file.split('.').next().unwrap_or_default();
    match stem.is_empty() || stem.starts_with('<') {
        true => "marathon".to_owned(),
        false => stem.to_ascii_lowercase().replace('_', "-"),
    }
}

impl<'a> Tree<'a> {
    /// The path of what the file is about.
    fn top(&mut self, root: &'a Value, problems: &mut Problems) -> Option<(String, Place)> {
        let map = match &root.data {
            Data::List(items) => {
                items.iter().for_each(|item| self.app(item, "/", problems));
                return None;
            }
            Data::Map(map) => map,
            Data::Null | Data::Bool(_) | Data::Integer(_) | Data::Number(_) | Data::Text(_) => {
                return None;
            }
        };
        // What Marathon answers when asked for one app.
        if let Some(app) = map.get("app").filter(|app| app.as_map().is_some()) {
            return self.top(app, problems);
        }
        if map.contains_key("apps") || map.contains_key("groups") || map.contains_key("pods") {
            let id = self.group(map, &root.place, "/", problems);
            let place = map.get("id").map_or(&root.place, |id| &id.place);
            return Some((id, place.clone()));
        }
        self.app(root, "/", problems);
        let only = self.apps.first()?;
        Some((only.path.clone(), only.place.clone()))
    }

    fn group(&mut self, map: &'a Map, at: &Place, base: &str, problems: &mut Problems) -> String {
        let own = id(map, problems);
        let path = path::absolute(own.as_deref().unwrap_or(""), base);
        if own.is_none() && base != "/" {
            error(
                at,
                "a group without an id",
                "add \"id\": \"name\"",
                problems,
            );
        }
        self.groups.insert(path.clone());
        for (wanted, place) in links(map, problems) {
            self.waits
                .push((path.clone(), path::absolute(&wanted, &path), place));
        }
        for app in list(map, "apps", problems) {
            self.app(app, &path, problems);
        }
        for group in list(map, "groups", problems) {
            match group.as_map() {
                Some(inner) => drop(self.group(inner, &group.place, &path, problems)),
                None => error(
                    &group.place,
                    format!("a group is a map, found {}", group.described()),
                    "write {\"id\": …, \"apps\": […]}",
                    problems,
                ),
            }
        }
        fields::tell(fields::OF_GROUP, map, "the group", problems);
        path
    }

    fn app(&mut self, value: &'a Value, base: &str, problems: &mut Problems) {
        let Some(map) = value.as_map() else {
            let what = format!("an app is a map, found {}", value.described());
            error(
                &value.place,
                what,
                "write {\"id\": …, \"cmd\": …}",
                problems,
            );
            return;
        };
        let Some(own) = id(map, problems).filter(|id| path::name(id).is_some()) else {
            if !map.contains_key("id") {
                let hint = "add \"id\": \"/name\"";
                error(&value.place, "an app without an id", hint, problems);
            }
            return;
        };
        self.apps.push(App {
            path: path::absolute(&own, base),
            map,
            place: map["id"].place.clone(),
        });
    }

    /// The applications by path; those that are switched off are left out, those of one name are told.
    fn names(&self, problems: &mut Problems) -> BTreeMap<&str, String> {
        let mut names: BTreeMap<&str, String> = BTreeMap::new();
        let mut taken: BTreeMap<String, &App<'_>> = BTreeMap::new();
        for app in &self.apps {
            let Some(name) = path::name(&app.path) else {
                continue;
            };
            if app.is_off() {
                let what = format!("{} has 0 instances, so it is not there", app.path);
                let hint = "whoever depends on it does not wait for it";
                notice(app.place_of("instances"), what, hint, problems);
                continue;
            }
            if let Some(other) = taken.get(&name) {
                let what = match other.path == app.path {
                    true => format!("the app {} is there twice", app.path),
                    false => format!(
                        "{} and {} are both called {name} here",
                        other.path, app.path
                    ),
                };
                let hint = format!("the other is at {}; change one id", other.place);
                problems.push(Problem::error(Some(&app.place), what).hint(hint));
                continue;
            }
            taken.insert(name.clone(), app);
            names.insert(&app.path, name);
        }
        names
    }

    /// Whom each app waits for, by path, with the place that says so.
    fn edges(
        &self,
        names: &BTreeMap<&str, String>,
        problems: &mut Problems,
    ) -> BTreeMap<&str, BTreeMap<String, Place>> {
        let mut edges: BTreeMap<&str, BTreeMap<String, Place>> = BTreeMap::new();
        for app in &self.apps {
            let mut own = BTreeMap::new();
            for (wanted, place) in links(app.map, problems) {
                let group = path::absolute("..", &app.path);
                let seen_from = [app.path.as_str(), group.as_str()];
                let paths = seen_from.map(|base| path::absolute(&wanted, base));
                let found = paths.iter().find(|path| self.is_known(path));
                self.add(
                    found.unwrap_or(&paths[0]),
                    &place,
                    names,
                    &mut own,
                    problems,
                );
            }
            own.remove(&app.path);
            edges.insert(&app.path, own);
        }
        for (group, wanted, place) in &self.waits {
            let mut all = BTreeMap::new();
            self.add(wanted, place, names, &mut all, problems);
            for app in self.apps.iter().filter(|app| path::is_in(&app.path, group)) {
                let others = all.iter().filter(|(path, _)| **path != app.path);
                let others = others.map(|(path, place)| (path.clone(), place.clone()));
                edges.entry(&app.path).or_default().extend(others);
            }
        }
        edges
    }

    fn is_known(&self, path: &str) -> bool {
        self.groups.contains(path) || self.apps.iter().any(|app| app.path == path)
    }

    /// The apps of a path: one, or all of a group.
    fn add(
        &self,
        wanted: &str,
        place: &Place,
        names: &BTreeMap<&str, String>,
        found: &mut BTreeMap<String, Place>,
        problems: &mut Problems,
    ) {
        if !self.is_known(wanted) {
            let known = self.apps.iter().map(|app| app.path.as_str());
            let known = known.chain(self.groups.iter().map(String::as_str));
            let problem = Problem::error(
                Some(place),
                format!("{wanted} is no app and no group of this file"),
            );
            problems.push(match did_you_mean(wanted, known) {
                Some(near) => problem.hint(format!("did you mean {near}?")),
                None => problem
                    .hint("put both into one group; a stack names what is of another by `uses:`"),
            });
        }
        let is_group = self.groups.contains(wanted);
        let inside = |path: &&str| *path == wanted || is_group && path::is_in(path, wanted);
        let running = names.keys().copied().filter(|path| inside(path));
        found.extend(running.map(|path| (path.to_owned(), place.clone())));
    }
}

/// The id as it is written; a wrong one as it might be, so that the rest is looked at.
fn id(map: &Map, problems: &mut Problems) -> Option<String> {
    let value = map.get("id")?;
    let Some(id) = value.to_literal() else {
        let what = format!("id wants a text, found {}", value.described());
        error(
            &value.place,
            what,
            "write \"id\": \"/group/name\"",
            problems,
        );
        return None;
    };
    if let Some(why) = path::refusal(&id) {
        let hint = "write it in small letters, digits and dashes";
        error(&value.place, why, hint, problems);
        return Some(path::mended(&id));
    }
    Some(id)
}

fn list<'a>(map: &'a Map, key: &str, problems: &mut Problems) -> &'a [Value] {
    let Some(value) = map.get(key).filter(|value| !value.is_null()) else {
        return &[];
    };
    value.as_list().unwrap_or_else(|| {
        let what = format!("{key} wants a list, found {}", value.described());
        error(&value.place, what, "write […]", problems);
        &[]
    })
}

/// `dependencies`, as they are written.
fn links(map: &Map, problems: &mut Problems) -> Vec<(String, Place)> {
    let items = list(map, "dependencies", problems).iter();
    let mut found = Vec::new();
    for item in items {
        match item.to_literal() {
            Some(text) => found.push((text, item.place.clone())),
            None => {
                let what = format!("a dependency is an id, found {}", item.described());
                error(&item.place, what, "write \"/group/name\"", problems);
            }
        }
    }
    found
}
