//! For `bench/scale` alone, behind the feature `bench`: what the loop saves and what it loads, without a server around it.

use smack_scheduler::{Decision, Image};
use smack_store::{Commit, Store};

use crate::decider;

/// The transaction that the loop would commit for this decision.
pub fn commit(decision: &Decision) -> Commit {
    decider::commit(decision, Vec::new())
}

/// What the loop takes up from the store.
///
/// # Errors
/// A store that cannot be read, a row that is not understood.
pub fn image(store: &Store) -> Result<Image, decider::Error> {
    decider::image(store)
}
