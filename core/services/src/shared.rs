//! Systems that span more than one zone: who may, what their parts must agree on, and what must differ.

use smack_model::{Isolation, Part, Problem, Problems, ServiceSpec, SystemId, VdcId};
use smack_stack::Application;

use crate::{ALL, Service};

/// An error if the application asks for a scope that its service does not have.
pub(crate) fn refuse(application: &Application, service: &dyn Service, problems: &mut Problems) {
    let Some(scope) = application.scope.as_ref() else {
        return;
    };
    if service.can_be_shared() {
        return;
    }
    let able = ALL.iter().filter(|service| service.can_be_shared());
    let able: Vec<&str> = able.map(|service| service.kind()).collect();
    let what = format!(
        "{} cannot be shared by zones: a {} belongs to its zone",
        application.shown_id,
        service.kind()
    );
    let hint = format!("leave scope out; {} can be shared", able.join(", "));
    problems.push(Problem::error(Some(&scope.place), what).hint(hint));
}

/// A system stays what it is a part of: its data does not move to another ring.
pub(crate) fn change(running: &ServiceSpec, wanted: &ServiceSpec) -> Problems {
    let scope = |spec: &ServiceSpec| spec.part.as_ref().map(|part| part.scope.clone());
    let (before, after) = (scope(running), scope(wanted));
    if before == after {
        return Problems::default();
    }
    let shown = |scope| match scope {
        Some(layer) => format!("layer {layer}"),
        None => "its zone alone".to_owned(),
    };
    let what = format!("its scope stays: {} -> {}", shown(before), shown(after));
    let problem = Problem::error(None, what)
        .hint("`smack down` it first, or give the new one an id of its own");
    Problems(vec![problem])
}

/// Why a spec may not be a part of the system that `others` are the other parts of. `first`: the eldest of them, unless the
/// wanted one is elder: what all must agree on is as that says.
pub fn agree(
    application: &Application,
    wanted: &ServiceSpec,
    first: Option<(&SystemId, &ServiceSpec)>,
    others: &[(&SystemId, &ServiceSpec)],
) -> Problems {
    let mut problems = Problems::default();
    let Some(part) = &wanted.part else {
        return problems;
    };
    let scope = application.scope.as_ref().map(|scope| &scope.place);
    let place = |key: &str| {
        let settings = application.settings.as_map();
        let value = settings.and_then(|settings| settings.get(key));
        value.map(|value| &value.place).or(scope)
    };
    if let Some((id, spec)) = first {
        if spec.kind != wanted.kind {
            let what = format!("{} is a {}, not a {}", id.path(), spec.kind, wanted.kind);
            problems.push(
                Problem::error(Some(&application.kind.place), what).hint(
                    "parts of one system are of one type; or give it a name of its own by --as",
                ),
            );
        }
        for (key, mine, theirs) in differences(part, spec) {
            let what = format!("{key}: {mine} here, {theirs} in {}", id.path());
            let hint = format!(
                "parts of one system agree on it, and {} was first",
                id.path()
            );
            problems.push(Problem::error(place(key), what).hint(hint));
        }
    }
    for (id, spec) in others {
        if spec
            .part
            .as_ref()
            .is_some_and(|other| other.place == part.place)
        {
            let what = format!("{} is the place of {} already", part.place, id.path());
            problems.push(
                Problem::error(place("dc"), what)
                    .hint("each part has one of its own; without a word it is its zone"),
            );
        }
    }
    problems
}

/// An error if the virtual data centers of the other parts are kept apart otherwise: neither could reach the other.
pub fn one_level<'a>(
    application: &Application,
    own: Isolation,
    others: impl Iterator<Item = (&'a VdcId, Isolation)>,
) -> Problems {
    let scope = application.scope.as_ref().map(|scope| &scope.place);
    let mut others = others.filter(|(_, level)| *level != own);
    let problem = others.next().map(|(vdc, level)| {
        let what = format!("isolation is {own} here, {level} in {vdc}");
        Problem::error(scope, what).hint("parts of one system reach each other at one level only")
    });
    Problems(problem.into_iter().collect())
}

fn differences<'a>(
    part: &'a Part,
    first: &'a ServiceSpec,
) -> impl Iterator<Item = (&'a str, &'a str, &'a str)> {
    let theirs = first.part.as_ref().map(|part| &part.agreed);
    part.agreed.iter().filter_map(move |(key, mine)| {
        let theirs = theirs?.get(key)?;
        (theirs != mine).then_some((key.as_str(), mine.as_str(), theirs.as_str()))
    })
}
