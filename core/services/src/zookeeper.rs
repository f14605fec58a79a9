//! `type: zookeeper`: an Apache ZooKeeper ensemble. Its members wait safely for each other, so they start together; the
//! leader goes last in a roll, and one member is away at a time.

mod settings;

use std::sync::Arc;

use smack_model::{
    Check, Content, FilePlace, FileSpec, Launch, Minimum, OnChange, Phase, Piece, Probe, Problem,
    Problems, ServiceSpec, Strategy, TaskGoal, TaskName, TaskSpec, Template, Until,
};
use smack_stack::Application;

use crate::names::{indexed, label};
use crate::properties::Properties;
use crate::shape::{volume, wait_for_all};
use crate::{Built, FieldSchema, Service, Surroundings};
use settings::Ensemble;

/// The service.
#[derive(Debug)]
pub(crate) struct ZooKeeper;

impl Service for ZooKeeper {
    fn kind(&self) -> &'static str {
        "zookeeper"
    }

    fn doc(&self) -> &'static str {
        "An Apache ZooKeeper ensemble."
    }

    fn fields(&self) -> &'static [FieldSchema] {
        settings::FIELDS
    }

    fn spec(
        &self,
        application: &Application,
        surroundings: &Surroundings<'_>,
    ) -> Result<Built, Problems> {
        let (ensemble, notices) = settings::read(application, surroundings)?;
        Ok(Built {
            spec: build(&ensemble),
            notices,
        })
    }

    /// Members are voters: new ones must not be able to elect a leader without the old ones, who alone hold the data.
    fn change(&self, running: &ServiceSpec, wanted: &ServiceSpec) -> Problems {
        let mut problems = Problems::default();
        let known = wanted
            .tasks
            .keys()
            .filter(|task| running.tasks.contains_key(*task))
            .count();
        let (before, after) = (running.tasks.len(), wanted.tasks.len());
        if after > before && after - known >= majority(after) {
            let is_safe = |step: &usize| step - before < majority(*step);
            let mut odd = (before + 1..=after).rev().filter(|step| step % 2 == 1);
            let step = odd.find(is_safe).unwrap_or(before + 1);
            let what = format!(
                "from {before} to {after} members at once, the new ones could elect a leader without data"
            );
            problems.push(Problem::error(None, what).hint(format!(
                "run with instances: {step} first, then with {after}"
            )));
        }
        problems
    }
}

fn majority(members: usize) -> usize {
    members / 2 + 1
}

/// The system. Cannot fail: the settings are valid.
fn build(ensemble: &Ensemble<'_>) -> ServiceSpec {
    let names: Vec<TaskName> = ensemble
        .ids
        .iter()
        .map(|id| indexed("server", *id))
        .collect();
    let tasks = names
        .iter()
        .zip(&ensemble.ids)
        .map(|(name, id)| (name.clone(), Arc::new(task(ensemble, &names, *id))));
    let address = |name: &TaskName| {
        Template::new()
            .piece(Piece::Address(Some(name.clone())))
            .text(":")
            .piece(Piece::Port(Some(name.clone()), label("client")))
    };
    let connect = joined(&names, address);
    let hosts = joined(&names, |name| Piece::Address(Some(name.clone())).into());
    let mut exports: std::collections::BTreeMap<String, Template> = names
        .iter()
        .map(|name| (name.to_string(), address(name)))
        .collect();
    exports.extend([
        ("connect".to_owned(), connect.clone()),
        ("zkConnect".to_owned(), connect),
    ]);
    exports.insert("hosts".to_owned(), hosts);
    let quorum = majority(names.len());
    ServiceSpec {
        kind: "zookeeper".to_owned(),
        tasks: tasks.collect(),
        phases: vec![Phase {
            name: "servers".to_owned(),
            tasks: names.clone(),
            strategy: Strategy::Parallel,
            after: Until::Placed,
        }],
        requires: wait_for_all(&ensemble.shape.dependencies),
        budget: 1,
        roll_last: Some("leader".to_owned()),
        check: Some(Check::ZooKeeper {
            port: label("client"),
        }),
        minimum: Minimum {
            tasks: u32::try_from(quorum).expect("at most 255 members"),
            reason: match names.len() {
                1 => "the one member has all the data".to_owned(),
                all => format!(
                    "{quorum} of {all} members are the quorum: with fewer, acknowledged writes could be lost"
                ),
            },
        },
        exports,
        labels: ensemble.shape.labels.clone(),
        ..ServiceSpec::default()
    }
}

fn joined(names: &[TaskName], each: impl Fn(&TaskName) -> Template) -> Template {
    names
        .iter()
        .enumerate()
        .fold(Template::new(), |list, (index, name)| {
            list.text(if index == 0 { "" } else { "," })
                .then(&each(name))
        })
}

fn task(ensemble: &Ensemble<'_>, names: &[TaskName], id: u32) -> TaskSpec {
    let member = id + 1;
    let files = vec![
        FileSpec {
            place: FilePlace::Sandbox,
            path: "zoo.cfg".to_owned(),
            content: Content::Text(configuration(ensemble, names)),
            on_change: OnChange::Restart,
        },
        FileSpec {
            place: FilePlace::Volume(label("data")),
            path: "myid".to_owned(),
            content: Content::Text(format!("{member}\n").into()),
            on_change: OnChange::Restart,
        },
    ];
    let shape = &ensemble.shape;
    TaskSpec {
        goal: TaskGoal::Running,
        launch: Arc::new(Launch {
            command: ensemble
                .jvm
                .command([Template::from(Piece::Sandbox).text("/zoo.cfg")]),
            env: shape.env.clone(),
            files,
            artifacts: vec![ensemble.jvm.entry.name()],
            java: Some(ensemble.jvm.java.clone()),
            ..Launch::default()
        }),
        needs: shape.needs,
        // A single member talks to no other.
        ports: ensemble
            .ports
            .iter()
            .filter(|port| names.len() > 1 || port.name.as_str() == "client")
            .cloned()
            .collect(),
        volumes: vec![volume("data")],
        constraints: shape.constraints.clone(),
        probe: Some(Probe::ZooKeeper {
            port: label("client"),
        }),
        pace: smack_model::Pace::default(),
        ready_within: shape.ready_within,
        stop: shape.stop.clone(),
        retry: shape.retry.clone(),
        member: Some(member),
        exposed: [label("client")].into(),
    }
}

/// `zoo.cfg`. The members are written with their addresses as holes: one that moves restarts no other.
fn configuration(ensemble: &Ensemble<'_>, names: &[TaskName]) -> Template {
    let mut properties = Properties::new(&ensemble.jvm.entry.minimal);
    // The product keeps every snapshot for ever unless told otherwise.
    properties.set("autopurge.purgeInterval", "24");
    properties.overlay(&ensemble.config);
    properties.set("dataDir", Piece::Volume(label("data")));
    properties.set("clientPort", Piece::Port(None, label("client")));
    properties.set("clientPortAddress", Piece::Address(None));
    if names.len() > 1 {
        properties.set("quorumListenOnAllIPs", "false");
        properties.set("standaloneEnabled", "false");
        for (id, name) in ensemble.ids.iter().zip(names) {
            let member = Template::from(Piece::Address(Some(name.clone())))
                .text(":")
                .piece(Piece::Port(Some(name.clone()), label("quorum")))
                .text(":")
                .piece(Piece::Port(Some(name.clone()), label("election")));
            properties.set(&format!("server.{}", id + 1), member);
        }
    }
    properties.text()
}
