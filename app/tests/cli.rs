//! The command line from outside: the program as a user runs it, against a fake server with canned answers or, where
//! it is about servers, against real ones.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod cli_docs;
mod commands;
mod marathon;
mod starting;
mod support;
mod wrong;
