//! Supply: turns catalog entries into files on this machine. It finds Java, fetches jars from the sources the user has,
//! keeps them by hash, unpacks user archives safely, records start archives, and tells what the machine lacks.
//! What to fetch and which Java is wanted is decided by the catalog (`smack_services::catalog`), never here.

pub mod archive;
mod boot;
mod bundle;
pub mod catalog;
pub mod cds;
pub mod checks;
pub mod fetch;
pub mod java;
pub mod maven;
pub mod mirror;
pub mod store;
#[cfg(test)]
mod testing;
