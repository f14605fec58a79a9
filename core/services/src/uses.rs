//! What a run uses of other virtual data centers: whether it is there, shared with this one and published. Pure: whoever
//! asks brings what is up.

use std::collections::{BTreeMap, BTreeSet};

use smack_model::{
    ApplicationPath, Name, Place, Problem, Problems, ServiceSpec, VdcId, did_you_mean,
};
use smack_stack::{Application, Resolved, Share};

use crate::build::check_exports;

/// A virtual data center that is up, as it was last run.
#[derive(Debug, Clone)]
pub struct Provider {
    pub resolved: Resolved,
    pub specs: BTreeMap<Name, ServiceSpec>,
}

/// Why the run may not use what it wants to; empty if it may. `up` has those of its uses that are up.
pub fn check_uses(resolved: &Resolved, up: &BTreeMap<VdcId, Provider>) -> Problems {
    let mut problems = Problems::default();
    let mut absent: BTreeSet<&VdcId> = BTreeSet::new();
    for application in resolved.applications.values() {
        for (path, place) in &application.dependencies {
            let Some(vdc) = path.vdc.as_deref() else {
                continue;
            };
            match up.get(vdc) {
                Some(provider) => {
                    check_use(resolved, provider, (path, place), &mut problems);
                }
                None if absent.insert(vdc) => problems.push(not_up(vdc, place)),
                None => {}
            }
        }
        let publisher = |path: &ApplicationPath| {
            let provider = up.get(path.vdc.as_deref()?)?;
            provider.specs.get(&path.application)
        };
        check_exports(&application.settings, &publisher, &mut problems);
    }
    problems.sorted()
}

fn not_up(vdc: &VdcId, place: &Place) -> Problem {
    let zone = match vdc.zone.as_str() {
        "default" => String::new(),
        zone => format!(" --zone {zone}"),
    };
    Problem::error(Some(place), format!("{vdc} is not up"))
        .hint(format!("run it first: smack run …{zone} --as {}", vdc.name))
}

fn check_use(
    user: &Resolved,
    provider: &Provider,
    (path, place): (&ApplicationPath, &Place),
    problems: &mut Problems,
) {
    let owner = &provider.resolved;
    let vdc = format!("{}/{}", owner.zone, owner.run);
    let Some(used) = owner.applications.get(&path.application) else {
        let what = format!("{vdc} has no application {}", path.application);
        let known: Vec<&str> = owner.applications.keys().map(Name::as_str).collect();
        let hint = match did_you_mean(path.application.as_str(), known.iter().copied()) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("it has {}", known.join(", ")),
        };
        problems.push(Problem::error(Some(place), what).hint(hint));
        return;
    };
    let share = used
        .share
        .as_ref()
        .map_or(Share::default(), |share| share.value);
    let needed = Share::needed(&owner.layers, &user.layers);
    if needed.is_some_and(|needed| needed <= share) {
        return;
    }
    let what = format!("{} of {vdc} is shared with {}", used.shown_id, with(share));
    problems.push(Problem::error(Some(place), what).hint(remedy(used, share, needed)));
}

fn with(share: Share) -> &'static str {
    match share {
        Share::Nobody => "nobody",
        Share::Zone => "those of its zone only",
        Share::Cluster => "those of its cluster only",
        Share::Datacenter => "those of its datacenter only",
    }
}

/// Where it is said, and what would do.
fn remedy(used: &Application, share: Share, needed: Option<Share>) -> String {
    let said = match &used.share {
        Some(written) => format!("share: {share} stands at {}", written.place),
        None => format!("it says nothing of share: at {}", used.place),
    };
    match needed {
        Some(needed) => format!("{said}; share: {needed} would allow it"),
        None => format!("{said}; the two have no layer in common"),
    }
}
