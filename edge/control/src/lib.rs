//! The control plane: the loop over the store, probes and operations, supply, the API. Decides nothing that core could.

mod api;
mod clock;
mod decider;
mod home;
mod key;
mod prober;
mod serve;
mod supplier;
pub mod wire;

pub use decider::Error as LoopError;
pub use home::{Error as HomeError, socket};
pub use key::BadRow;
pub use serve::{ServeError, ServeOptions, serve};
pub use smack_supply as supply;
