//! All applications of a resolved stack become specs, all problems at once. Finds the service of a `type:`, also of an
//! old one, and checks that what applications read of each other is published.

use std::collections::BTreeMap;

use smack_model::{
    Addressing, ApplicationPath, Isolation, Name, Node, NodeId, Problem, Problems, Resources,
    ServiceSpec, did_you_mean,
};
use smack_stack::{Application, Data, Request, Resolved, Value};

use crate::catalog::Catalog;
use crate::change::upgrade;
use crate::expose;
use crate::legacy;
use crate::shared;
use crate::{ALL, Built, Service, Surroundings};

/// Everything that a run wants.
#[derive(Debug, Clone, Default)]
pub struct Platform {
    pub specs: BTreeMap<Name, ServiceSpec>,
    /// Worth telling, but no reason to stop.
    pub notices: Problems,
}

/// The service of a `type:`; `run-once` is a job.
pub fn find(kind: &str) -> Option<&'static dyn Service> {
    let kind = if kind == "run-once" { "job" } else { kind };
    ALL.iter().find(|service| service.kind() == kind).copied()
}

/// What becomes of the hooks of stack files of 2016.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hooks {
    /// They are told, and have no effect.
    Dropped,
    Jobs,
}

/// Resolves a run and builds its applications. The error holds all problems, those of the language and of the services.
pub fn load(
    request: &Request<'_>,
    catalog: &Catalog,
    nodes: &[Node],
    hooks: Hooks,
) -> Result<(Resolved, Platform), Problems> {
    let (mut resolved, mut problems) = smack_stack::resolve_sound(request);
    if let (Some(resolved), Hooks::Jobs) = (&mut resolved, hooks) {
        resolved.applications = legacy::hooks_as_jobs(&resolved.applications, &mut problems);
    }
    match resolved.map(|resolved| (build(&resolved, catalog, nodes), resolved)) {
        Some((Ok(platform), resolved)) if !problems.has_errors() => Ok((resolved, platform)),
        Some((Err(found), _)) => {
            problems.extend(found);
            Err(problems.sorted())
        }
        Some((Ok(_), _)) | None => Err(problems),
    }
}

/// Nodes of which no more is known than that they are there: what a stack comes to where there is no grid.
pub fn some_nodes(count: u32) -> Vec<Node> {
    let node = |number: u32| Node {
        id: NodeId::new(&format!("node-{number}")).expect("letters and a number"),
        attributes: BTreeMap::new(),
        capacity: Resources::default(),
        addressing: Addressing::PerTask {
            first_block: 0,
            last_block: 0,
            foreign: Vec::new(),
        },
        starting: None,
        isolation: Isolation::default(),
    };
    (1..=count).map(node).collect()
}

/// Builds every application; `instances: all` is as many as there are of these nodes. The error holds all problems.
pub fn build(resolved: &Resolved, catalog: &Catalog, nodes: &[Node]) -> Result<Platform, Problems> {
    let mut problems = Problems::default();
    let applications = legacy::translate(&resolved.applications, &mut problems);
    let surroundings = Surroundings {
        catalog,
        applications: &applications,
        nodes,
        zone: &resolved.zone_shown,
        run: &resolved.run,
        stack: &resolved.stack,
    };
    let mut specs = BTreeMap::new();
    let mut services = BTreeMap::new();
    for (id, application) in &applications {
        refuse_other_grids(application, &mut problems);
        if let Some(service) = service(application, &mut problems) {
            shared::refuse(application, service, &mut problems);
            services.insert(id, service);
        }
    }
    for (&id, service) in &services {
        let application = &applications[id];
        let needed = application.dependencies.iter();
        let mut needed = needed.filter_map(|(needed, _)| needed.own());
        if !needed.all(|needed| services.contains_key(needed)) {
            // Told already: that there is no ZooKeeper, say, would only follow.
            continue;
        }
        match service.spec(application, &surroundings) {
            Ok(Built { mut spec, notices }) => {
                expose::apply(application, &mut spec, &mut problems);
                legacy::publish(&resolved.applications[id], &mut spec);
                specs.insert(id.clone(), spec);
                problems.extend(notices);
            }
            Err(found) => problems.extend(found),
        }
    }
    for application in resolved.applications.values() {
        let publisher = |path: &ApplicationPath| specs.get(path.own()?);
        check_exports(&application.settings, &publisher, &mut problems);
    }
    let problems = problems.sorted();
    if problems.has_errors() {
        Err(problems)
    } else {
        Ok(Platform {
            specs,
            notices: problems,
        })
    }
}

/// Why the running system may not become the wanted one; empty if it may. Asked before a run changes anything.
pub fn change(running: &ServiceSpec, wanted: &ServiceSpec) -> Problems {
    if running.kind != wanted.kind {
        let what = format!("a running {} cannot become a {}", running.kind, wanted.kind);
        let problem = Problem::error(None, what).hint("give the new one an id of its own");
        return Problems(vec![problem]);
    }
    let Some(service) = find(&running.kind) else {
        return Problems::default();
    };
    let mut problems = service.change(running, wanted);
    problems.extend(shared::change(running, wanted));
    problems.extend(upgrade(
        Catalog::embedded(),
        service.kind(),
        running,
        wanted,
    ));
    problems
}

/// Where tasks can run.
const GRIDS: [&str; 1] = ["local"];

/// A grid that is not there must not become this machine in silence.
fn refuse_other_grids(application: &Application, problems: &mut Problems) {
    let grid = application.grid.value.as_str();
    if GRIDS.contains(&grid) {
        return;
    }
    let what = format!("grid of {}: {grid:?} is not there", application.shown_id);
    let problem = Problem::error(Some(&application.grid.place), what);
    problems.push(match did_you_mean(grid, GRIDS) {
        Some(near) => problem.hint(format!("did you mean {near}?")),
        None => problem.hint("leave it out: tasks run on this machine, grid: local"),
    });
}

/// The service of an application. As of old, an unknown type with a program to run is a plain command.
fn service(application: &Application, problems: &mut Problems) -> Option<&'static dyn Service> {
    let kind = application.kind.value.as_str();
    if let Some(service) = find(kind) {
        return Some(service);
    }
    let place = Some(&application.kind.place);
    let near = did_you_mean(kind, ALL.iter().map(|service| service.kind()));
    let runs = |key: &str| {
        application
            .settings
            .as_map()
            .is_some_and(|map| map.get(key).is_some_and(|value| !value.is_null()))
    };
    if near.is_none() && (runs("launch_command") || runs("docker")) {
        let what = format!(
            "type {kind} is not known, so {} runs as a plain command",
            application.shown_id
        );
        problems.push(Problem::notice(place, what).hint("write type: command"));
        return find("command");
    }
    let known: Vec<&str> = ALL.iter().map(|service| service.kind()).collect();
    let hint = near.map_or_else(
        || format!("known are {}", known.join(", ")),
        |near| format!("did you mean {near}?"),
    );
    problems.push(Problem::error(place, format!("type {kind} is not known")).hint(hint));
    None
}

/// Every `${application.name}` must be published by the application.
pub(crate) fn check_exports<'a>(
    value: &Value,
    publisher: &impl Fn(&ApplicationPath) -> Option<&'a ServiceSpec>,
    problems: &mut Problems,
) {
    match &value.data {
        Data::Text(text) => {
            for (application, name) in text.exports() {
                let Some(spec) = publisher(application) else {
                    continue;
                };
                if spec.exports.contains_key(name) {
                    continue;
                }
                let problem = Problem::error(
                    Some(&value.place),
                    format!("{application} publishes no {name}"),
                );
                let known = || spec.exports.keys().map(String::as_str);
                problems.push(match did_you_mean(name, known()) {
                    Some(near) if application.own().is_none() => {
                        problem.hint(format!("did you mean {near}?"))
                    }
                    Some(near) => problem.hint(format!("did you mean ${{{application}.{near}}}?")),
                    None => problem.hint(format!(
                        "it publishes {}",
                        known().collect::<Vec<_>>().join(", ")
                    )),
                });
            }
        }
        Data::List(items) => items
            .iter()
            .for_each(|item| check_exports(item, publisher, problems)),
        Data::Map(map) => map
            .values()
            .for_each(|item| check_exports(item, publisher, problems)),
        Data::Null | Data::Bool(_) | Data::Integer(_) | Data::Number(_) => {}
    }
}
