//! The time as core is told it: it never goes back.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use smack_model::{Timestamp, Zone};

/// The name of the time zone that this machine lives in (IANA): what `local` means.
pub(crate) fn local_zone() -> Zone {
    let of_link = || {
        let path = std::fs::read_link("/etc/localtime").ok()?;
        let (_, name) = path.to_str()?.split_once("zoneinfo/")?;
        Some(name.to_owned())
    };
    let of_file = || std::fs::read_to_string("/etc/timezone").ok();
    let names = [std::env::var("TZ").ok(), of_link(), of_file()];
    let known = names.into_iter().flatten().find_map(|name| {
        let name = name.trim().trim_start_matches(':');
        name.parse::<Zone>().ok().filter(|zone| !zone.is_local())
    });
    known.unwrap_or_else(|| "UTC".parse().expect("is always known"))
}

static LAST: AtomicU64 = AtomicU64::new(0);

/// Milliseconds since 1970, at least what was given out before.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
    Timestamp(LAST.fetch_max(millis, Ordering::Relaxed).max(millis))
}
