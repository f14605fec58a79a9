//! Grids: what runs tasks on machines. A grid performs actions and reports events; it decides nothing.
//! `local` runs them on this machine.

#[cfg(feature = "fuzz")]
#[doc(hidden)]
pub mod fuzz;
mod grid;
pub mod limits;
mod local;
pub mod logs;
mod nodes;
mod reach;

#[cfg(test)]
#[path = "../shim/main.rs"]
mod shim;

/// The shim has a `main` of its own; here it is only checked.
#[cfg(test)]
const _: fn() -> std::process::ExitCode = shim::main;

pub use grid::Grid;
pub use local::{Error, LaunchPaths, LocalGrid, LogLimits, Options};
pub use nodes::virtual_nodes;
pub use reach::{Output, Reach, ReachError};
