//! What every grid is to the rest of smack.

use smack_model::{Action, Epoch};

/// Performs actions in the world. What comes of them is told as [`smack_model::Event`]s to the function that the grid
/// was made with. Every action may be repeated.
pub trait Grid: Send + Sync {
    /// The word that stack files use: `local`.
    fn name(&self) -> &str;

    /// Takes the action on; returns at once. Actions that are other parts' to perform are passed over.
    fn perform(&self, epoch: Epoch, action: &Action);
}
