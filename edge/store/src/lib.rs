//! The durable store of the control plane: keyed rows with versions, a journal written in the
//! same transaction, and an epoch that fences servers of the past. Keys are text and values are
//! bytes here; what they mean is not this crate's business.

mod error;
mod faults;
mod image;
mod number;
mod read;
mod reader;
mod schema;
mod store;
mod write;

pub use error::{CommitError, OpenError, Unavailable};
pub use faults::Faults;
pub use image::{Entry, Filter, Image, Row};
pub use number::{Epoch, Seq};
pub use reader::Reader;
pub use schema::{APPLICATION_ID, FORMAT};
pub use store::{Durability, Options, Store};
pub use write::{ABSENT, Commit, NewEntry, Write};
