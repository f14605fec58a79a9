//! What lints cannot keep: which crates core may use, a word on every file, companions of every service and command, and
//! that the examples resolve, build and come up in the simulator.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use smack_model::VdcId;
use smack_scheduler::sim::Interpreter;
use smack_services::Catalog;
use smack_stack::{LayerSource, Level, Request, Source, heading};

/// What a crate of core may depend on: of ours and of others. Everything here is pure.
const CORE_MAY_USE: [(&str, &[&str]); 5] = [
    (
        "model",
        &[
            "serde",
            "serde_json",
            "sha2",
            "thiserror",
            "jiff",
            "regex-lite",
            "indexmap",
        ],
    ),
    ("formats", &["thiserror", "serde", "serde_json"]),
    (
        "stack",
        &[
            "smack-model",
            "indexmap",
            "serde",
            "serde_json",
            "granit-parser",
            "thiserror",
        ],
    ),
    (
        "scheduler",
        &[
            "smack-model",
            "serde",
            "serde_json",
            "thiserror",
            "indexmap",
        ],
    ),
    (
        "services",
        &[
            "smack-model",
            "smack-stack",
            "smack-formats",
            "serde",
            "serde_json",
            "thiserror",
            "toml",
            "indexmap",
        ],
    ),
];

/// Who of ours an outer crate may know.
const EDGE_MAY_USE: [(&str, &[&str]); 4] = [
    ("store", &[]),
    ("grids", &["smack-model"]),
    ("products", &["smack-model"]),
    ("supply", &["smack-services"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// All files of the repository below `place`, without what is built and what git keeps.
fn files(place: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![place.to_owned()];
    while let Some(directory) = open.pop() {
        let entries = fs::read_dir(&directory).into_iter().flatten().flatten();
        for path in entries.map(|entry| entry.path()) {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if path.is_dir()
                && !["target", ".git", "node_modules", "corpus", "artifacts"]
                    .contains(&name.as_ref())
            {
                open.push(path);
            } else if path.is_file() {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn of_kind(extension: &str) -> Vec<PathBuf> {
    let is_kind = |path: &PathBuf| path.extension().is_some_and(|found| found == extension);
    files(&root()).into_iter().filter(is_kind).collect()
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root())
        .unwrap_or(path)
        .display()
        .to_string()
}

fn assert_none(what: &str, wrong: &[String]) {
    assert!(wrong.is_empty(), "{what}:\n  {}", wrong.join("\n  "));
}

fn dependencies(manifest: &Path) -> Vec<String> {
    let text = fs::read_to_string(manifest).unwrap();
    let manifest: toml::Table = text.parse().unwrap();
    let table = manifest.get("dependencies").and_then(toml::Value::as_table);
    table
        .into_iter()
        .flat_map(|table| table.keys().cloned())
        .collect()
}

#[test]
fn core_depends_on_nothing_that_touches_the_world() {
    let mut wrong = Vec::new();
    for entry in fs::read_dir(root().join("core"))
        .unwrap()
        .flatten()
        .filter(|entry| entry.path().is_dir())
    {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some((_, allowed)) = CORE_MAY_USE.iter().find(|(known, _)| *known == name) else {
            wrong.push(format!("core/{name} is not in the list of this test"));
            continue;
        };
        let used = dependencies(&entry.path().join("Cargo.toml"));
        let extra = used
            .into_iter()
            .filter(|dependency| !allowed.contains(&dependency.as_str()));
        wrong.extend(extra.map(|dependency| format!("core/{name} uses {dependency}")));
    }
    assert_none("core may not use", &wrong);
}

#[test]
fn the_edges_do_not_know_each_other() {
    let mut wrong = Vec::new();
    for (name, allowed) in EDGE_MAY_USE {
        let used = dependencies(&root().join("edge").join(name).join("Cargo.toml"));
        let ours = used
            .into_iter()
            .filter(|dependency| dependency.starts_with("smack-"));
        let extra = ours.filter(|dependency| !allowed.contains(&dependency.as_str()));
        wrong.extend(extra.map(|dependency| format!("edge/{name} uses {dependency}")));
    }
    assert_none("an edge may not use", &wrong);
}

#[test]
fn the_walls_of_core_stand() {
    let walls = fs::read_to_string(root().join("core/clippy.toml")).unwrap();
    let banned = [
        "SystemTime::now",
        "Instant::now",
        "thread::sleep",
        "env::var",
        "collections::HashMap",
        "fs::File",
        "net::TcpStream",
        "process::Command",
    ];
    assert_none(
        "core/clippy.toml does not ban",
        &banned
            .iter()
            .filter(|ban| !walls.contains(*ban))
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
    );
    let without: Vec<String> = of_kind("toml")
        .iter()
        .filter(|path| path.file_name().is_some_and(|name| name == "Cargo.toml"))
        .filter(|path| {
            let text = fs::read_to_string(path).unwrap();
            text.contains("[package]")
                && !text.contains("[lints]\nworkspace = true")
                && !shown(path).contains("fuzz")
        })
        .map(|path| shown(path))
        .collect();
    assert_none("without the lints of the workspace", &without);
}

#[test]
fn only_one_file_knows_the_keys_of_the_store() {
    let starts = [
        "task",
        "system",
        "operation",
        "launch",
        "volume",
        "vdc",
        "revision",
        "library",
    ];
    let knows = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        // Tests may name rows.
        let text = text
            .split("#[cfg(test)]")
            .next()
            .unwrap_or_default()
            .to_owned();
        starts
            .iter()
            .any(|start| text.contains(&format!("\"{start}/")))
    };
    let control = root().join("edge/control/src");
    let wrong: Vec<String> = of_kind("rs")
        .into_iter()
        .filter(|path| path.starts_with(&control) && !path.ends_with("key.rs"))
        .filter(|path| !path.ends_with("tests.rs") && knows(path))
        .map(|path| shown(&path))
        .collect();
    assert_none("only edge/control/src/key.rs knows keys", &wrong);
}

#[test]
fn every_file_says_what_it_is_for() {
    let mut wrong = Vec::new();
    for path in of_kind("rs") {
        let text = fs::read_to_string(&path).unwrap();
        let lines = text
            .lines()
            .take_while(|line| line.starts_with("//!"))
            .count();
        if lines == 0 || lines > 6 {
            wrong.push(format!(
                "{}: {lines} lines of `//!`, 1 to 6 are wanted",
                shown(&path)
            ));
        }
        if path.file_name().is_some_and(|name| name == "mod.rs") {
            wrong.push(format!(
                "{}: foo.rs beside foo/, never mod.rs",
                shown(&path)
            ));
        }
    }
    assert_none("files", &wrong);
}

#[test]
fn nothing_is_put_off_or_left_out() {
    // Put together here, so that this file does not hold them.
    let words = [
        ["#[ig", "nore"].concat(),
        ["to", "do!("].concat(),
        ["unimple", "mented!("].concat(),
        ["#[al", "low("].concat(),
        ["#![al", "low("].concat(),
    ];
    let mut wrong = Vec::new();
    for path in of_kind("rs") {
        let text = fs::read_to_string(&path).unwrap();
        for (number, line) in text.lines().enumerate() {
            let found = words.iter().filter(|word| line.contains(word.as_str()));
            wrong.extend(found.map(|word| format!("{}:{}: {word}", shown(&path), number + 1)));
        }
    }
    assert_none("found", &wrong);
}

#[test]
fn nothing_says_where_it_was_made() {
    let words = [
        ["/ro", "ot/"].concat(),
        ["/wo", "rk/"].concat(),
        ["repo.maven.", "apache.org"].concat(),
        ["repo1.", "maven.org"].concat(),
        ["central.", "sonatype"].concat(),
        ["archive.", "apache.org"].concat(),
        ["downloads.", "apache.org"].concat(),
        ["crates", ".io"].concat(),
    ];
    let text_like = [
        "rs", "toml", "md", "yaml", "yml", "stack", "txt", "json", "sh", "html", "",
    ];
    let mut wrong = Vec::new();
    for path in files(&root()) {
        let extension = path.extension().unwrap_or_default().to_string_lossy();
        // Cargo writes its lock itself; keys and old stacks are other people's data.
        let is_foreign = path.ends_with("Cargo.lock")
            || shown(&path).contains("catalog/keys")
            || shown(&path).contains("/legacy/");
        if !text_like.contains(&extension.as_ref()) || is_foreign {
            continue;
        }
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        };
        for (number, line) in text.lines().enumerate() {
            let found = words.iter().filter(|word| line.contains(word.as_str()));
            wrong.extend(found.map(|word| format!("{}:{}: {word}", shown(&path), number + 1)));
        }
    }
    assert_none("places and hosts that do not belong here", &wrong);
}

#[test]
fn every_command_has_its_test() {
    let commands = root().join("app/src/commands");
    let missing: Vec<String> = files(&commands)
        .iter()
        .filter_map(|path| path.file_stem()?.to_str().map(str::to_owned))
        .filter(|name| {
            !root()
                .join(format!("app/tests/commands/{name}.rs"))
                .exists()
        })
        .collect();
    assert_none("commands without app/tests/commands/NAME.rs", &missing);
}

#[test]
fn every_service_has_its_page_stack_and_test() {
    let mut wrong = Vec::new();
    let stacks: Vec<String> = examples().into_iter().map(|(_, text)| text).collect();
    let tests: Vec<String> = files(&root().join("core/services/tests"))
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .collect();
    for service in smack_services::ALL {
        let kind = service.kind();
        // Commands and jobs share a page.
        let pages = [format!("docs/{kind}.md"), "docs/command.md".to_owned()];
        let own = if kind == "job" {
            &pages[..]
        } else {
            &pages[..1]
        };
        if !own.iter().any(|page| root().join(page).exists()) {
            wrong.push(format!("{kind} has no {}", own.join(" or ")));
        }
        let says = |text: &String| text.contains(&format!("type: {kind}"));
        if !stacks.iter().any(says) {
            wrong.push(format!("{kind} stands in no file of stacks/"));
        }
        if !tests.iter().any(says) {
            wrong.push(format!("{kind} stands in no test of core/services/tests"));
        }
    }
    assert_none("services", &wrong);
}

/// The files of `stacks/` with their texts.
fn examples() -> Vec<(PathBuf, String)> {
    let is_stack = |path: &PathBuf| {
        path.extension().is_some_and(|found| {
            ["yaml", "yml", "stack", "json"]
                .iter()
                .any(|known| found == *known)
        })
    };
    let paths = files(&root().join("stacks")).into_iter().filter(is_stack);
    paths
        .map(|path| (path.clone(), fs::read_to_string(&path).unwrap()))
        .collect()
}

#[test]
fn every_example_resolves_and_comes_up_in_the_simulator() {
    let all: Vec<(PathBuf, Source)> = examples()
        .into_iter()
        .map(|(path, text)| (path.clone(), Source::new(shown(&path), text)))
        .collect();
    let (mut stacks, mut layers) = (BTreeMap::new(), BTreeMap::new());
    for (path, source) in &all {
        let heading =
            heading(source).unwrap_or_else(|problems| panic!("{}: {problems}", shown(path)));
        let name = heading.name.map(|name| name.value).unwrap_or_default();
        match heading.level {
            Some(level) => drop(layers.insert(
                name,
                LayerSource {
                    level: level.value,
                    parent: None,
                    source: source.clone(),
                },
            )),
            None => drop(stacks.insert(name, source.clone())),
        }
    }
    let zones: Vec<&String> = layers
        .iter()
        .filter(|(_, layer)| layer.level == Level::Zone)
        .map(|(name, _)| name)
        .collect();
    let zones: Vec<&str> = std::iter::once("default")
        .chain(zones.into_iter().map(String::as_str))
        .collect();
    let mut wrong = Vec::new();
    for (name, stack) in &stacks {
        // A stack may be made for its zones: in one of them it has to come up.
        let problems: Vec<String> = zones
            .iter()
            .filter_map(|zone| comes_up(stack, &stacks, &layers, zone).err())
            .collect();
        if problems.len() == zones.len() {
            wrong.push(format!("{name}: {}", problems.join("\n")));
        }
    }
    assert_none("examples that do not come up", &wrong);
}

fn comes_up(
    stack: &Source,
    parents: &BTreeMap<String, Source>,
    layers: &BTreeMap<String, LayerSource>,
    zone: &str,
) -> Result<(), String> {
    let predefined = BTreeMap::from([("mesos.master".to_owned(), "127.0.0.1:5050".to_owned())]);
    let request = Request {
        stack,
        parents,
        layers,
        zone,
        run: None,
        vars: &[],
        predefined: &predefined,
    };
    let built = |request: &Request<'_>| {
        let built = smack_services::load(
            request,
            Catalog::embedded(),
            &smack_services::some_nodes(3),
            smack_services::Hooks::Dropped,
        );
        built.map_err(|problems| problems.to_string())
    };
    let (resolved, platform) = built(&request)?;
    let vdc = VdcId {
        zone: resolved.zone.clone(),
        name: resolved.run.clone(),
    };
    let mut simulation = Interpreter::with_specs(vdc, platform.specs);
    simulation.line("nodes 3 cpu=16 mem=65536");
    let mut told = String::new();
    for usage in resolved.uses.values() {
        let used = parents
            .get(usage.vdc.name.as_str())
            .ok_or_else(|| format!("no stack is called {}", usage.vdc.name))?;
        let used = Request {
            stack: used,
            ..request
        };
        told += &simulation.beside(usage.vdc.clone(), built(&used)?.1.specs);
    }
    told += &simulation.line("run");
    let why = simulation.line("why");
    let silent = simulation.line("run");
    let is_well = why.trim() == "all is well" && silent.trim().is_empty();
    if told.contains("error:") || !is_well {
        Err(format!("{told}{why}{silent}"))
    } else {
        Ok(())
    }
}
