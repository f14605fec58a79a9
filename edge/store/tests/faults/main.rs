//! What the machine does to a store: killed processes, full disks, damaged and foreign files.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod disk_full;
mod killed;
mod opening;
mod process;
