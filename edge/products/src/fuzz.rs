//! For the fuzz targets: every reader of a product's answer, given bytes instead of a connection.

pub use crate::cql::fuzz::body as cql;
pub use crate::kafka::fuzz::{REQUESTS, answer as kafka};

/// Whether it is an answer to `srvr` of ZooKeeper.
pub fn srvr(answer: &str) -> bool {
    crate::zookeeper::parse(answer).is_ok()
}

/// Whether it begins like an answer of HTTP.
pub fn http(answer: &str) -> bool {
    crate::http::parse(answer).is_ok()
}
