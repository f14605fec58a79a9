//! What a running system may become: versions it can be upgraded to in place.

use smack_model::{Problem, Problems, ServiceSpec};

use crate::catalog::Catalog;

/// An error if the wanted version does not take over the data of the running one.
pub(crate) fn upgrade(
    catalog: &Catalog,
    product: &str,
    running: &ServiceSpec,
    wanted: &ServiceSpec,
) -> Problems {
    let mut problems = Problems::default();
    if let (Some(before), Some(after)) = (version(product, running), version(product, wanted))
        && before != after
        && let Ok(entry) = catalog.find(product, after)
        && !entry.upgrades_from(before)
    {
        let what = format!("{product} {after} does not take over the data of {before}");
        let hint = format!("it takes over from {}", entry.upgrades_from.join(", "));
        problems.push(Problem::error(None, what).hint(hint));
    }
    problems
}

/// The version in the artifact set of its tasks: `kafka-3.9.2`.
fn version<'a>(product: &str, spec: &'a ServiceSpec) -> Option<&'a str> {
    let mut artifacts = spec.tasks.values().flat_map(|task| &task.launch.artifacts);
    artifacts.find_map(|artifact| artifact.strip_prefix(product)?.strip_prefix('-'))
}
