//! A ring over several data centers, one for each zone: what its parts agree on, what a part that comes is asked, and what
//! one that goes.

use std::collections::{BTreeMap, BTreeSet};

use smack_model::{Operation, OperationSpec, Part, Span, TaskName, When};

use super::Node;
use super::settings::Ring;
use crate::names::label;

/// `None` for a ring of one zone.
pub(super) fn of(ring: &Ring<'_>, nodes: &[Node]) -> Option<Part> {
    let scope = ring.scope.clone()?;
    let tasks: Vec<TaskName> = nodes.iter().map(|node| node.name.clone()).collect();
    let agreed = [
        ("version", ring.jvm.entry.version.clone()),
        ("cluster-name", ring.cluster.clone()),
        ("num-tokens", ring.tokens.to_string()),
    ];
    let place = ring.data_center.clone();
    let rebuild = Operation::CassandraRebuild {
        tasks: tasks.clone(),
        source: None,
    };
    let withdraw = || Operation::CassandraWithdraw {
        data_center: place.clone(),
    };
    Some(Part {
        scope,
        agreed: agreed
            .map(|(key, value)| (key.to_owned(), value))
            .into_iter()
            .collect::<BTreeMap<_, _>>(),
        between: BTreeSet::from([label("storage")]),
        joining: Some(asked("rebuild", rebuild)),
        leaving: vec![
            asked("repair before leaving", repair(tasks)),
            asked(&format!("keyspaces without {place}"), withdraw()),
        ],
        // The product insists on its own keyspace of roles in every data center that has nodes.
        left: Some(asked(&format!("nothing of {place}"), withdraw())),
        place,
    })
}

/// In full and of all ranges of each node: what only this data center has heard of may lie on any of its copies, and the
/// ranges for which a node of it is the first are no more than a part of them.
fn repair(tasks: Vec<TaskName>) -> Operation {
    let command = [
        "bin/nodetool",
        "repair",
        "--full",
        "--ignore-unreplicated-keyspaces",
    ];
    Operation::Exec {
        tasks,
        command: command.map(str::to_owned).to_vec(),
        within: Span::minutes(24 * 60),
    }
}

fn asked(name: &str, operation: Operation) -> OperationSpec {
    OperationSpec {
        name: name.to_owned(),
        operation,
        when: When::Always,
        after_replacing: false,
    }
}
