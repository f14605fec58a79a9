//! The order that a shim is started with.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[expect(
    dead_code,
    reason = "the shim is a program of its own, of which only the order is read here"
)]
#[path = "../../edge/grids/shim"]
mod shim {
    pub(crate) mod control;
    pub(crate) mod order;
    mod sys;
}

fuzz_target!(|bytes: &[u8]| {
    match shim::order::Order::parse(bytes) {
        Ok(order) => drop((order.variable("HOME").is_some(), format!("{order:?}"))),
        Err(error) => drop(error.to_string()),
    }
});
