//! Stacks, their parents, layers above them, and options of the command line, in one text.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if text.len() <= smack_fuzz::TEXT_MAX {
        smack_fuzz::Run::parse(text).through();
    }
});
