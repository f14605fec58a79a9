//! Lines of the simulator's script language. Numbers stay below a thousand: a million nodes are slow, not wrong.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smack_scheduler::sim::Interpreter;

fuzz_target!(|text: &str| {
    let is_large = |word: &str| {
        word.split(|c: char| !c.is_ascii_digit())
            .any(|number| number.len() > 3)
    };
    let mut interpreter = Interpreter::default();
    for line in text.lines().take(24) {
        if !line.split_whitespace().any(is_large) {
            drop(interpreter.line(line));
        }
    }
});
