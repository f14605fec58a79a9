//! What a system may see of the other systems that it uses, and of the grid.

use std::collections::BTreeMap;
use std::sync::Arc;

use smack_model::{ApplicationPath, Isolation, SupplyState};

/// The other applications that it uses, of the same VDC by name, and what the grid has at hand.
#[derive(Debug, Clone, Default)]
pub struct Peers {
    pub applications: BTreeMap<ApplicationPath, Peer>,
    pub supplies: BTreeMap<String, SupplyState>,
    /// Applications that require this one, are going away as well and are still there.
    pub leaving_users: Vec<ApplicationPath>,
    /// How the tasks of the virtual data center are kept apart.
    pub isolation: Isolation,
}

/// One other application.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Peer {
    /// Every task has an address.
    pub placed: bool,
    pub ready: bool,
    /// Filled as soon as the addresses in them are known.
    pub exports: Arc<BTreeMap<String, String>>,
}
