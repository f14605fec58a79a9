//! What comes on top for a part of a system: what is asked once when it comes to others, and before it leaves them.

use smack_model::{Goal, OperationStatus, ServiceSpec, System};

use super::{Effect, Step};

/// What is asked of a part that comes to others, if it does.
pub(super) fn joining(
    system: Option<&System>,
    spec: &ServiceSpec,
    siblings: &[&System],
) -> Option<Step> {
    let joining = spec.part.as_ref()?.joining.as_ref()?;
    let others = members(siblings);
    let record = system.and_then(|system| system.operations.get(&joining.name));
    let is_new = system.is_none_or(|system| system.tasks.is_empty());
    let is_open = match record {
        Some(record) => !matches!(record.status, OperationStatus::Done { .. }),
        None => is_new && !others.is_empty(),
    };
    is_open.then(|| Step {
        subject: joining.name.clone(),
        effect: Effect::Operate,
        reasons: vec![format!("once, for it comes to {}", paths(&others))],
        after: vec!["everything else is done".to_owned()],
        due: None,
    })
}

/// What is asked of a part that leaves others, in this order.
pub(super) fn leaving(system: Option<&System>, siblings: &[&System]) -> Vec<Step> {
    let others = members(siblings);
    let (Some(system), false) = (system, others.is_empty()) else {
        return Vec::new();
    };
    let spec = &system.header.spec;
    let steps = spec.part.iter().flat_map(|part| &part.leaving);
    let drained = system.tasks.keys().rev();
    let drains = drained.filter(|name| spec.drains.contains_key(*name));
    let mut names: Vec<String> = steps.map(|step| step.name.clone()).collect();
    names.extend(drains.map(|name| format!("drain {name}")));
    let left = spec.part.iter().filter_map(|part| part.left.as_ref());
    names.extend(left.map(|left| left.name.clone()));
    let mut after: Option<String> = None;
    let step = |name: String| {
        let before = after.replace(name.clone());
        Step {
            subject: name,
            effect: Effect::Operate,
            reasons: vec![format!("for it leaves {}", paths(&others))],
            after: before
                .map(|name| format!("{name} done"))
                .into_iter()
                .collect(),
            due: None,
        }
    };
    names.into_iter().map(step).collect()
}

/// Those that have members and stay.
fn members<'a>(siblings: &[&'a System]) -> Vec<&'a System> {
    let staying = siblings.iter().copied().filter(|other| {
        let leaves = matches!(other.header.intent.goal, Goal::Gone { .. });
        !leaves && other.tasks.values().any(|record| record.has_joined())
    });
    staying.collect()
}

fn paths(others: &[&System]) -> String {
    let paths: Vec<String> = others.iter().map(|other| other.id.path()).collect();
    paths.join(", ")
}
