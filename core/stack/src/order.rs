//! What the dependencies of applications must allow: an order to start in, and every export read after it is
//! published.

use smack_model::{Problem, Problems};

use crate::application::Application;
use crate::exports::Exports;
use crate::graph;
use crate::substitute::Use;

/// Names each circle of dependencies.
pub(crate) fn refuse_cycles(
    applications: &[Application],
    edges: &[Vec<usize>],
    problems: &mut Problems,
) {
    for cycle in graph::cycles(edges) {
        let names: Vec<&str> = cycle
            .iter()
            .map(|number| applications[*number].shown_id.as_str())
            .collect();
        let first = &applications[cycle[0]];
        let next = &applications[cycle[1]].id;
        let place = first
            .dependencies
            .iter()
            .find(|(id, _)| id.own() == Some(next))
            .map(|(_, place)| place);
        problems.push(
            Problem::error(
                place,
                format!("dependencies go in a circle: {}", names.join(" -> ")),
            )
            .hint("remove one of them"),
        );
    }
}

/// Whoever reads an export must start after its publisher.
pub(crate) fn refuse_loose_exports(
    applications: &[Application],
    edges: &[Vec<usize>],
    uses: &[Vec<Use>],
    exports: &Exports,
    problems: &mut Problems,
) {
    for (number, uses) in uses.iter().enumerate() {
        let mut loose = uses
            .iter()
            .filter(|used| !edges[number].contains(&used.application))
            .peekable();
        if loose.peek().is_none() {
            continue;
        }
        let reached = graph::reached(edges, number);
        for used in loose.filter(|used| !reached.contains(&used.application)) {
            let id = exports.shown(used.application);
            let user = &applications[number].shown_id;
            let what = format!(
                "{user} uses ${{{id}.{}}} without depending on {id}",
                used.name
            );
            problems.push(
                Problem::error(Some(&used.place), what)
                    .hint(format!("add to {user}: dependencies: [{id}]")),
            );
        }
    }
}
