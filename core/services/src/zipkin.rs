//! `type: zipkin`: an OpenZipkin server, or several on one storage. Zipkin is one program; `roles:` starts it as processes
//! that only collect, only answer queries, or serve the web page. It takes its storage and its Kafka from the stack.

mod collectors;
mod settings;
mod storage;

use std::collections::BTreeMap;
use std::sync::Arc;

use smack_model::{
    Launch, Name, Phase, Piece, Probe, Problems, Requirement, ServiceSpec, Strategy, TaskGoal,
    TaskName, TaskSpec, Template, Until,
};
use smack_stack::Application;

use crate::jvm::Jvm;
use crate::names::{indexed, label};
use crate::shape::wait_for_all;
use crate::{Built, FieldSchema, Service, Surroundings};
use settings::{Processes, Role, Server};
use storage::Storage;

/// The service.
#[derive(Debug)]
pub(crate) struct Zipkin;

impl Service for Zipkin {
    fn kind(&self) -> &'static str {
        "zipkin"
    }

    fn doc(&self) -> &'static str {
        "OpenZipkin: collects, keeps and shows traces."
    }

    fn fields(&self) -> &'static [FieldSchema] {
        settings::FIELDS
    }

    fn spec(
        &self,
        application: &Application,
        surroundings: &Surroundings<'_>,
    ) -> Result<Built, Problems> {
        let (server, notices) = settings::read(application, surroundings)?;
        Ok(Built {
            spec: build(&server),
            notices,
        })
    }
}

/// The system. Cannot fail: the settings are valid.
fn build(server: &Server<'_>) -> ServiceSpec {
    let names = |processes: &Processes| {
        let role = processes.role;
        (0..processes.count).map(move |index| (indexed(role.word(), index), role))
    };
    let tasks: Vec<(TaskName, Role)> = server.processes.iter().flat_map(names).collect();
    let specs = server.processes.iter().flat_map(|processes| {
        let spec = Arc::new(task(server, processes));
        names(processes).map(move |(name, _)| (name, Arc::clone(&spec)))
    });
    ServiceSpec {
        kind: "zipkin".to_owned(),
        tasks: specs.collect(),
        phases: phases(server, &tasks),
        requires: requirements(server),
        budget: 1,
        exports: exports(&tasks),
        labels: server.shape.labels.clone(),
        ..ServiceSpec::default()
    }
}

/// The first on Cassandra makes the tables, which several at once may spoil for each other; then the rest.
fn phases(server: &Server<'_>, tasks: &[(TaskName, Role)]) -> Vec<Phase> {
    let names = tasks.iter().map(|(name, _)| name.clone());
    let mut first: Vec<TaskName> = names.collect();
    let others = match server.storage {
        Storage::Cassandra { .. } => first.split_off(1.min(first.len())),
        Storage::Memory | Storage::Elasticsearch { .. } => Vec::new(),
    };
    let mut phases = vec![Phase {
        name: "servers".to_owned(),
        tasks: first,
        strategy: Strategy::Parallel,
        after: Until::Placed,
    }];
    if !others.is_empty() {
        "first".clone_into(&mut phases[0].name);
        phases.push(Phase {
            name: "others".to_owned(),
            tasks: others,
            strategy: Strategy::Parallel,
            after: Until::Ready,
        });
    }
    phases
}

/// Its consumer waits safely for Kafka, so it starts as soon as the addresses are known.
fn requirements(server: &Server<'_>) -> Vec<Requirement> {
    let mut requires = wait_for_all(&server.shape.dependencies);
    if let Some(topic) = &server.collectors.kafka
        && let Some(application) = &topic.application
    {
        for requirement in &mut requires {
            if requirement.application.own() == Some(application) {
                requirement.until = topic.until;
            }
        }
    }
    requires
}

fn exports(tasks: &[(TaskName, Role)]) -> BTreeMap<String, Template> {
    let address = |name: &TaskName| {
        Template::from(Piece::Address(Some(name.clone())))
            .text(":")
            .piece(Piece::Port(Some(name.clone()), label("http")))
    };
    let url =
        |name: &TaskName, path: &str| Template::from("http://").then(&address(name)).text(path);
    let first = |does: fn(Role) -> bool| tasks.iter().find(|(_, role)| does(*role));
    let mut exports = BTreeMap::new();
    for (name, role) in tasks {
        exports.insert(name.to_string(), address(name));
        if *role == Role::Query {
            // What zipkin-mesos of 2016 gave its web process.
            exports.insert(format!("{name}.endpoint"), address(name));
        }
    }
    // A process for queries alone leaves the page to others.
    let answering = first(|role| role == Role::Query).or_else(|| first(Role::answers));
    let fixed = [
        ("url", first(Role::shows), "/zipkin/"),
        ("api", answering, "/api/v2"),
        ("spans", first(Role::collects), "/api/v2/spans"),
    ];
    for (export, task, path) in fixed {
        if let Some((name, _)) = task {
            exports.insert(export.to_owned(), url(name, path));
        }
    }
    exports
}

fn task(server: &Server<'_>, processes: &Processes) -> TaskSpec {
    let shape = &server.shape;
    // Native libraries are unpacked there, and stay after a kill.
    let temporary = Template::from("-Djava.io.tmpdir=").piece(Piece::Sandbox);
    let options = std::iter::once(temporary).chain(server.jvm.options.iter().cloned());
    let jvm = Jvm {
        options: options.collect(),
        heap_mib: processes.heap_mib,
        ..server.jvm.clone()
    };
    TaskSpec {
        goal: TaskGoal::Running,
        launch: Arc::new(Launch {
            command: jvm.command(arguments(server, processes.role)),
            env: shape.env.clone(),
            artifacts: vec![jvm.entry.name()],
            java: Some(jvm.java.clone()),
            ..Launch::default()
        }),
        needs: processes.needs,
        ports: processes.ports.clone(),
        volumes: Vec::new(),
        constraints: shape.constraints.clone(),
        probe: Some(Probe::Http {
            port: label("http"),
            path: "/health".to_owned(),
        }),
        pace: smack_model::Pace::default(),
        ready_within: shape.ready_within,
        stop: shape.stop.clone(),
        retry: shape.retry.clone(),
        member: None,
        exposed: [label("http")].into(),
    }
}

/// `--key=value`, which go over environment and defaults: the stack's, then what only smack can know.
fn arguments(server: &Server<'_>, role: Role) -> Vec<Template> {
    let mut properties = server.config.clone();
    let mut set = |key: &str, value: Template| drop(properties.insert(key.to_owned(), value));
    match &server.storage {
        Storage::Memory => set("zipkin.storage.type", "mem".into()),
        Storage::Cassandra { contact_points, dc } => {
            set("zipkin.storage.type", "cassandra3".into());
            set(
                "zipkin.storage.cassandra3.contact-points",
                contact_points.clone(),
            );
            set("zipkin.storage.cassandra3.local-dc", dc.clone());
        }
        Storage::Elasticsearch { hosts } => {
            set("zipkin.storage.type", "elasticsearch".into());
            set("zipkin.storage.elasticsearch.hosts", hosts.clone());
        }
    }
    let word = |is: bool| Template::from(if is { "true" } else { "false" });
    let takes_http = role.collects() && server.collectors.http;
    set("zipkin.collector.http.enabled", word(takes_http));
    set("zipkin.collector.grpc.enabled", word(takes_http));
    set("zipkin.query.enabled", word(role.answers()));
    set("zipkin.ui.enabled", word(role.shows()));
    if let Some(topic) = server.collectors.kafka.as_ref().filter(|_| role.collects()) {
        set(
            "zipkin.collector.kafka.bootstrap-servers",
            topic.brokers.clone(),
        );
        set("zipkin.collector.kafka.topic", topic.topic.as_str().into());
        set(
            "zipkin.collector.kafka.group-id",
            topic.group.as_str().into(),
        );
        set(
            "zipkin.collector.kafka.streams",
            topic.streams.to_string().into(),
        );
    }
    set("armeria.ports[0].ip", Piece::Address(None).into());
    set(
        "armeria.ports[0].port",
        Piece::Port(None, label("http")).into(),
    );
    set("armeria.ports[0].protocols[0]", "http".into());
    properties
        .iter()
        .map(|(key, value)| Template::from(format!("--{key}=")).then(value))
        .collect()
}

/// The applications of one type.
fn of_kind<'a>(
    surroundings: &Surroundings<'a>,
    kind: &'static str,
) -> impl Iterator<Item = &'a Application> {
    surroundings
        .applications
        .values()
        .filter(move |other| other.kind.value == kind)
}

/// Those of one type among the dependencies.
fn depended_on<'a>(
    application: &Application,
    surroundings: &Surroundings<'a>,
    kind: &'static str,
) -> Vec<&'a Application> {
    let is_named = |id: &Name| {
        application
            .dependencies
            .iter()
            .any(|(path, _)| path.own() == Some(id))
    };
    of_kind(surroundings, kind)
        .filter(|other| is_named(&other.id))
        .collect()
}
