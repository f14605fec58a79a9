//! `share:` of an application: which other virtual data centers may use it, by the layers that they have in common.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use smack_model::Name;

use crate::document::Level;

/// Who may use an application, beside its own virtual data center.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Share {
    Nobody,
    /// Those of its zone.
    #[default]
    Zone,
    /// Those of all zones of its cluster.
    Cluster,
    /// Those of all zones of its datacenter.
    Datacenter,
}

impl Share {
    /// From least to most.
    pub const ALL: [Self; 4] = [Self::Nobody, Self::Zone, Self::Cluster, Self::Datacenter];

    pub fn word(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Zone => "zone",
            Self::Cluster => "cluster",
            Self::Datacenter => "datacenter",
        }
    }

    /// The least that lets a virtual data center with the layers `user` use one with the layers `owner`.
    pub fn needed(owner: &BTreeMap<Level, Name>, user: &BTreeMap<Level, Name>) -> Option<Self> {
        let levels = [
            (Level::Zone, Self::Zone),
            (Level::Cluster, Self::Cluster),
            (Level::Datacenter, Self::Datacenter),
        ];
        let is_common =
            |level: &Level| owner.contains_key(level) && owner.get(level) == user.get(level);
        levels
            .into_iter()
            .find(|(level, _)| is_common(level))
            .map(|(_, share)| share)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_common_layer_says_what_is_needed() {
        let layers = |datacenter: &str, cluster: &str, zone: &str| {
            let all = [
                (Level::Datacenter, datacenter),
                (Level::Cluster, cluster),
                (Level::Zone, zone),
            ];
            let named = all.into_iter().filter(|(_, name)| !name.is_empty());
            let named = named.map(|(level, name)| (level, Name::new(name).expect("a label")));
            named.collect::<BTreeMap<_, _>>()
        };
        for (owner, user, needed) in [
            (("d", "c", "z"), ("d", "c", "z"), Some(Share::Zone)),
            (("d", "c", "z"), ("d", "c", "y"), Some(Share::Cluster)),
            (("d", "c", "z"), ("d", "b", "y"), Some(Share::Datacenter)),
            (("d", "c", "z"), ("e", "b", "y"), None),
            (("d", "", "z"), ("d", "", "y"), Some(Share::Datacenter)),
            (("", "", "z"), ("", "", "y"), None),
        ] {
            let (owner, user) = (
                layers(owner.0, owner.1, owner.2),
                layers(user.0, user.1, user.2),
            );
            assert_eq!(Share::needed(&owner, &user), needed, "{owner:?} {user:?}");
        }
    }
}
