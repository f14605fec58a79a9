//! For `bench/scale` alone, behind the feature `bench`: what the loop saves and what it loads, without a server around it.

use smack_scheduler::{Decision, Image};
use smack_store::{Commit, Row};

use crate::{BadRow, decider, key};

/// The transaction that the loop would commit for this decision.
pub fn commit(decision: &Decision) -> Commit {
    decider::commit(decision, Vec::new())
}

/// What the loop would take up from these rows.
///
/// # Errors
/// A row that is not understood.
pub fn image(rows: &[Row]) -> Result<Image, BadRow> {
    key::image(rows)
}
