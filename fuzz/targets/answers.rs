//! What products answer: Kafka to each request and version, ZooKeeper to `srvr`, HTTP. The first two bytes say to what.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smack_products::fuzz::{REQUESTS, http, kafka, srvr};

fuzz_target!(|input: &[u8]| {
    let [request, version, bytes @ ..] = input else {
        return;
    };
    if *request < REQUESTS {
        kafka(*request, *version, bytes);
        return;
    }
    let text = String::from_utf8_lossy(bytes);
    srvr(&text);
    http(&text);
});
