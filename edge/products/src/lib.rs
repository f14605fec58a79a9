//! Asks real products in their own protocols: is it ready, is it whole, may one go, do this.
//!
//! Answers are facts for core to decide on. Every question ends: with an answer or when its time is over.
//! Knows nothing of grids, stores or stack files, and starts neither threads nor background tasks.

mod cassandra;
mod check;
mod cql;
#[cfg(feature = "fuzz")]
#[doc(hidden)]
pub mod fuzz;
mod http;
mod operations;
mod probe;
mod reach;
mod reader;
mod zookeeper;

pub mod kafka;

pub use check::answer;
pub use operations::{drift, only_in, perform};
pub use probe::{Probed, probe};
pub use reach::{Connecting, Direct, Ran, Reach, Running};
