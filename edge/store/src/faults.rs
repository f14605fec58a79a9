//! A seam for tests of what is around the store: faults at the two moments that matter, on the
//! same path that a real fault takes.

use crate::{CommitError, Seq};

/// Stands beside every commit; a store without one asks nothing.
pub trait Faults: Send {
    /// All is written, COMMIT is next. An error rolls it back and is the commit's answer:
    /// nothing took effect.
    fn before_commit(&mut self, seq: Seq) -> Result<(), CommitError> {
        let _ = seq;
        Ok(())
    }

    /// COMMIT has succeeded. An error is the commit's answer although it took effect.
    fn after_commit(&mut self, seq: Seq) -> Result<(), CommitError> {
        let _ = seq;
        Ok(())
    }
}
