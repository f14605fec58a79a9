//! The nouns that every part speaks of. Knows nothing of stack files, stores, grids or products.

mod constraint;
mod exchange;
mod identity;
mod launch;
mod name;
mod problem;
mod record;
mod resources;
mod schedule;
mod spec;
mod template;
mod time;

pub use constraint::{Constraint, NotAConstraint, Rule, is_found, matches_whole};
pub use exchange::*;
pub use identity::{ApplicationPath, Epoch, NodeId, SystemId, TaskId, TaskName, VdcId, VolumeId};
pub use launch::{Content, Digest, FilePlace, FileSpec, JavaNeed, Launch, OnChange, stamp};
pub use name::{Name, NotAName};
pub use problem::{Place, Problem, Problems, Severity, did_you_mean};
pub use record::*;
pub use resources::{PortSpec, PortWish, Ports, Resources};
pub use schedule::{Calendar, Rounds, Schedule, Zone};
pub use spec::*;
pub use template::{Piece, Template};
pub use time::{Span, Timestamp};
