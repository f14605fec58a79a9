//! For the fuzz targets: the body of an answer to a query, with the flags and the kind of its frame.

use super::connection::{answer, refusal};
use super::rows;

/// Whether `body` is that of a RESULT, or of an ERROR.
pub fn body(error: bool, flags: u8, body: &[u8]) -> bool {
    if error {
        answer(flags, body, refusal).is_ok()
    } else {
        answer(flags, body, rows::read).is_ok()
    }
}
