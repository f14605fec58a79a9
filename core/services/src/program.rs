//! Programs of the user: what `command` and `job` share. Reads the keys, today's and those of a plain application of old,
//! and builds one task per instance.

mod health;
mod legacy;
mod schedule;
mod settings;

use std::collections::BTreeMap;
use std::sync::Arc;

use smack_model::{
    Launch, Name, Phase, Piece, Problems, Retry, ServiceSpec, Span, Strategy, TaskGoal, TaskName,
    TaskSpec, Template, Until, VolumeSpec,
};
use smack_stack::Application;

use crate::shape::wait_for_all;
use crate::{Built, Surroundings};
pub use legacy::OLD_KEYS;
use settings::Program;
pub(crate) use settings::{COMMAND_FIELDS, JOB_FIELDS};

/// What a program is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Command,
    /// `once`: what holds without that key.
    Job {
        once: bool,
    },
}

/// Validates the application, then builds.
pub(crate) fn spec(
    application: &Application,
    surroundings: &Surroundings<'_>,
    kind: &Kind,
    defaults: (Retry, Span),
) -> Result<Built, Problems> {
    let (program, notices) = settings::read(application, surroundings, kind, defaults)?;
    Ok(Built {
        spec: build(&program),
        notices,
    })
}

/// The system. Cannot fail: the settings are valid.
fn build(program: &Program) -> ServiceSpec {
    let task = Arc::new(task(program));
    ServiceSpec {
        kind: program.kind.to_owned(),
        tasks: program
            .tasks
            .iter()
            .map(|name| (name.clone(), task.clone()))
            .collect(),
        phases: vec![Phase {
            name: if program.goal == TaskGoal::Running {
                "tasks"
            } else {
                "runs"
            }
            .to_owned(),
            tasks: program.tasks.clone(),
            strategy: Strategy::Parallel,
            after: Until::Placed,
        }],
        requires: wait_for_all(&program.shape.dependencies),
        budget: program.budget,
        exports: exports(program),
        labels: program.shape.labels.clone(),
        schedule: program.schedule.clone(),
        ..ServiceSpec::default()
    }
}

fn task(program: &Program) -> TaskSpec {
    let shape = &program.shape;
    TaskSpec {
        goal: program.goal,
        launch: Arc::new(Launch {
            command: program.command.clone(),
            env: environment(program),
            urls: program.urls.clone(),
            user: program.user.clone(),
            ..Launch::default()
        }),
        needs: shape.needs,
        ports: program.ports.clone(),
        volumes: program
            .volumes
            .iter()
            .map(|name| VolumeSpec { name: name.clone() })
            .collect(),
        constraints: shape.constraints.clone(),
        probe: program.probe.clone(),
        pace: program.pace,
        ready_within: shape.ready_within,
        stop: shape.stop.clone(),
        retry: shape.retry.clone(),
        member: None,
        exposed: program.ports.iter().map(|port| port.name.clone()).collect(),
    }
}

/// `HOST`, `PORT0` …, `PORT`, `PORTS` and `STACK_LABELS` as of old, `PORT_<NAME>` and `VOLUME_<NAME>`; then the stack's own.
fn environment(program: &Program) -> BTreeMap<String, Template> {
    let mut env: BTreeMap<String, Template> = BTreeMap::new();
    let mut set = |key: String, value: Template| drop(env.insert(key, value));
    set("HOST".to_owned(), Piece::Address(None).into());
    set(
        "STACK_LABELS".to_owned(),
        program.stack_labels.clone().into(),
    );
    set("MESOS_SANDBOX".to_owned(), Piece::Sandbox.into());
    let mut all = Template::new();
    for (index, port) in program.ports.iter().enumerate() {
        let number: Template = Piece::Port(None, port.name.clone()).into();
        all = all.text(if index == 0 { "" } else { "," }).then(&number);
        if index == 0 {
            set("PORT".to_owned(), number.clone());
        }
        set(format!("PORT{index}"), number.clone());
        if port.name.as_str() != format!("port{index}") {
            set(format!("PORT_{}", variable(&port.name)), number);
        }
    }
    if !program.ports.is_empty() {
        set("PORTS".to_owned(), all);
    }
    for volume in &program.volumes {
        set(
            format!("VOLUME_{}", variable(volume)),
            Piece::Volume(volume.clone()).into(),
        );
    }
    env.extend(program.shape.env.clone());
    // Who comes from Marathon may know itself by this; for all others it would only be noise.
    if env.contains_key("MARATHON_APP_ID") {
        let id = Template::from(Piece::Path).text("#").piece(Piece::Attempt);
        env.entry("MESOS_TASK_ID".to_owned()).or_insert(id);
    }
    env
}

fn variable(name: &Name) -> String {
    name.as_str().to_ascii_uppercase().replace('-', "_")
}

/// `host`, `hosts`, `port0` …, `port-<name>`, `address`, `addresses`, `api`, and an address per task.
fn exports(program: &Program) -> BTreeMap<String, Template> {
    let host = |task: &TaskName| Template::from(Piece::Address(Some(task.clone())));
    let address = |task: &TaskName| match program.ports.first() {
        Some(port) => host(task)
            .text(":")
            .piece(Piece::Port(Some(task.clone()), port.name.clone())),
        None => host(task),
    };
    let listed = |each: &dyn Fn(&TaskName) -> Template| {
        program
            .tasks
            .iter()
            .enumerate()
            .fold(Template::new(), |list, (index, task)| {
                list.text(if index == 0 { "" } else { "," })
                    .then(&each(task))
            })
    };
    let mut exports: BTreeMap<String, Template> = program
        .tasks
        .iter()
        .map(|task| (task.to_string(), address(task)))
        .collect();
    exports.insert("hosts".to_owned(), listed(&host));
    exports.insert("addresses".to_owned(), listed(&address));
    if let Some(first) = program.tasks.first() {
        exports.insert("host".to_owned(), host(first));
        exports.insert("address".to_owned(), address(first));
        for (index, port) in program.ports.iter().enumerate() {
            let number: Template = Piece::Port(Some(first.clone()), port.name.clone()).into();
            exports.insert(format!("port{index}"), number.clone());
            if port.name.as_str() != format!("port{index}") {
                exports.insert(format!("port-{}", port.name), number);
            }
        }
        if !program.ports.is_empty() {
            exports.insert(
                "api".to_owned(),
                Template::from("http://").then(&address(first)),
            );
        }
    }
    exports
}
