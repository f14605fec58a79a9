//! What a system may see of the other systems of its virtual data center and of the grid.

use std::collections::BTreeMap;
use std::sync::Arc;

use smack_model::{Isolation, Name, SupplyState};

/// The other applications of the VDC by name, and what the grid has at hand.
#[derive(Debug, Clone, Default)]
pub struct Peers {
    pub applications: BTreeMap<Name, Peer>,
    pub supplies: BTreeMap<String, SupplyState>,
    /// Applications that require this one, are going away as well and are still there.
    pub leaving_users: Vec<Name>,
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
