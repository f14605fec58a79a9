//! A grid, a store and a server in memory, with faults and a virtual clock, and the script language over them. Pure and
//! deterministic: the same script and the same seed give the same bytes.

mod random;
mod script;
mod server;
mod store;
mod world;

pub use random::Random;
pub use script::{Interpreter, service};
pub use server::{Crash, Fault, Sim, Step};
pub use store::{CommitFault, MemoryStore, Rejected};
pub use world::{Behaviour, Faults, OperationPlan, Process, SupplyPlan, World};
