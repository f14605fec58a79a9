//! The time as core is told it: it never goes back.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use smack_model::Timestamp;

static LAST: AtomicU64 = AtomicU64::new(0);

/// Milliseconds since 1970, at least what was given out before.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
    Timestamp(LAST.fetch_max(millis, Ordering::Relaxed).max(millis))
}
