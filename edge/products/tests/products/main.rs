//! Probes, checks and operations against scripted products on loopback: good, half, silent and garbled answers.

mod answers;
mod check;
mod fake;
mod garbage;
mod operations;
mod probe;
