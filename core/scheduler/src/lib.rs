//! What runs next, where, and why not. Pure: state and `now` in, changes and actions out. Knows nothing of products,
//! stores and grids.

mod change;
mod engine;
mod fleet;
mod launching;
pub mod names;
mod peers;
mod place;
mod plan;
mod seen;
#[cfg(feature = "sim")]
pub mod sim;
mod status;
mod steer;
pub mod trace;
mod waiting;
mod why;

pub use change::{Change, Image, Note};
pub use engine::{Command, Decision, Departure, Engine, Refused, RunRequest, Ttl, Verb};
pub use fleet::Fleet;
pub use peers::{Peer, Peers, Sibling};
pub use place::{Placed, Placing, Tally, Unplaced, Wish, place};
pub use plan::{Effect, Plan, Step, plan};
pub use seen::Seen;
pub use status::{
    Clock, Imported, Imports, OperationState, SystemState, SystemStatus, TaskState, VdcStatus, View,
};
pub use steer::{Steering, steer};
pub use waiting::Waiting;
pub use why::{Cause, why};
