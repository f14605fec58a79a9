//! What a task takes of its node: processor, memory, ports.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Name;

/// Processor in thousandths of a core, memory in MiB.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Resources {
    pub cpu_millis: u32,
    pub memory_mib: u32,
}

/// Which number a port gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PortWish {
    Fixed(u16),
    /// The lowest free one of an inclusive range.
    Range(u16, u16),
    Any,
}

/// A port that a task listens on, by name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PortSpec {
    pub name: Name,
    pub wish: PortWish,
}

/// The chosen numbers by name, in the order of the names.
pub type Ports = BTreeMap<Name, u16>;
