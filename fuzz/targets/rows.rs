//! The rows of a store: a line with the key, a line with the value, and so on.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smack_store::Row;

fuzz_target!(|bytes: &[u8]| {
    let lines: Vec<&[u8]> = bytes.split(|&byte| byte == b'\n').collect();
    let row = |pair: &[&[u8]]| Row {
        key: String::from_utf8_lossy(pair[0]).into_owned(),
        version: 1,
        value: pair[1].to_vec(),
    };
    let rows: Vec<Row> = lines.chunks_exact(2).map(row).collect();
    match smack_control::fuzz::image(rows) {
        Ok(_) => {}
        Err(error) => drop(error.to_string()),
    }
});
