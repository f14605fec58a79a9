//! Lines of the simulator's script language. Numbers have two digits: a million nodes are slow, not wrong. Time
//! passes in one case of 128: to simulate it takes a thousand times as long as to read a line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smack_scheduler::sim::Interpreter;

fuzz_target!(|text: &str| {
    let is_large = |word: &str| {
        word.split(|c: char| !c.is_ascii_digit())
            .any(|number| number.len() > 2)
    };
    let passes = |line: &&str| {
        let passing = ["run", "wait", "down"];
        text.len().is_multiple_of(128) || !passing.iter().any(|word| line.trim_start().starts_with(word))
    };
    let mut interpreter = Interpreter::default();
    for line in text.lines().filter(passes).take(24) {
        if !line.split_whitespace().any(is_large) {
            drop(interpreter.line(line));
        }
    }
});
