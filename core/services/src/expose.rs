//! `expose:` of any application: which ports are reached from outside its virtual data center.

use std::collections::BTreeSet;
use std::sync::Arc;

use smack_model::{Name, Problem, Problems, ServiceSpec, did_you_mean};
use smack_stack::{Application, Data, Value};

/// Narrows what the service shows by itself, or names the ports.
pub(crate) fn apply(application: &Application, spec: &mut ServiceSpec, problems: &mut Problems) {
    let settings = application.settings.as_map();
    let Some(value) = settings.and_then(|settings| settings.get("expose")) else {
        return;
    };
    let ports: BTreeSet<Name> = spec
        .tasks
        .values()
        .flat_map(|task| task.ports.iter().map(|port| port.name.clone()))
        .collect();
    let Some(wanted) = wanted(value, &ports, problems) else {
        return;
    };
    for task in spec.tasks.values_mut() {
        let task = Arc::make_mut(task);
        let own = task.ports.iter().map(|port| &port.name);
        task.exposed = own.filter(|name| wanted.contains(*name)).cloned().collect();
    }
}

/// The named ports; `None`: what the service shows by itself.
fn wanted(
    value: &Value,
    ports: &BTreeSet<Name>,
    problems: &mut Problems,
) -> Option<BTreeSet<Name>> {
    let items = match &value.data {
        Data::Null => return None,
        Data::Bool(true) => return None,
        Data::Bool(false) => return Some(BTreeSet::new()),
        Data::List(items) => items.as_slice(),
        Data::Text(_) => std::slice::from_ref(value),
        Data::Integer(_) | Data::Number(_) | Data::Map(_) => {
            let what = format!(
                "expose wants true, false or names of ports, found {}",
                value.described()
            );
            problems.push(Problem::error(Some(&value.place), what));
            return None;
        }
    };
    let mut wanted = BTreeSet::new();
    for item in items {
        let text = item.to_literal().unwrap_or_default();
        if let Some(port) = ports.iter().find(|port| port.as_str() == text) {
            wanted.insert(port.clone());
            continue;
        }
        let problem = Problem::error(
            Some(&item.place),
            format!("expose: there is no port {text:?}"),
        );
        let known = || ports.iter().map(Name::as_str);
        problems.push(match did_you_mean(&text, known()) {
            Some(near) => problem.hint(format!("did you mean {near}?")),
            None if ports.is_empty() => problem.hint("it has no ports"),
            None => problem.hint(format!("it has {}", known().collect::<Vec<_>>().join(", "))),
        });
    }
    Some(wanted)
}
