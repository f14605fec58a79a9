//! A stack file: its heading, what it resolves to, and what its services make of it.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if text.len() <= smack_fuzz::TEXT_MAX && !text.contains("\n== ") {
        smack_fuzz::Run::parse(text).through();
    }
});
