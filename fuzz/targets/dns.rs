//! A datagram that comes to the name server.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Some(answer) = smack_control::fuzz::answer(bytes) {
        assert!(answer.len() <= 1232 && answer.starts_with(&bytes[..2]));
    }
});
