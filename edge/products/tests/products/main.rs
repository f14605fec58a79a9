//! Probes, checks and operations against scripted products on loopback: good, half, silent and garbled answers.

#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up fails")]

mod answers;
mod cassandra;
mod cassandra_operations;
mod check;
mod fake;
mod garbage;
mod operations;
mod probe;
mod ring;
