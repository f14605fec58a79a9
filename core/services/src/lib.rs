//! What smack knows how to run: a file per service, each turning a resolved application into a [`ServiceSpec`]; and the
//! catalog of real software. Pure: no IO. The one crate that knows both applications and tasks; knows no grid.

mod build;
mod cassandra;
pub mod catalog;
mod change;
mod command;
mod expose;
mod job;
mod jvm;
mod kafka;
mod legacy;
mod members;
mod names;
mod ports;
mod product;
mod program;
mod properties;
mod schema;
mod shape;
mod shared;
mod skip;
mod text;
mod uses;
mod zipkin;
mod zookeeper;

use std::collections::BTreeMap;

use smack_model::{Name, Node, Problems, ServiceSpec};
use smack_stack::Application;

pub use build::{Hooks, Platform, build, change, find, load, some_nodes};
pub use catalog::Catalog;
pub use legacy::{convert, translate};
pub use program::OLD_KEYS;
pub use schema::{COMMON, FieldSchema, JAVA, Sort, application_schema};
pub use shared::{agree, one_level};
pub use skip::skip;
pub use uses::{Provider, check_uses};

/// A kind of application that smack knows how to run.
pub trait Service: Sync {
    /// `type:` in a stack file.
    fn kind(&self) -> &'static str;

    /// One sentence for people.
    fn doc(&self) -> &'static str;

    /// The keys of its own; those of [`COMMON`], and of [`JAVA`] if it runs on one, come on top.
    fn fields(&self) -> &'static [FieldSchema];

    /// Whether the keys of [`JAVA`] belong to it.
    fn is_on_java(&self) -> bool {
        true
    }

    /// Validates the application, then builds. The error holds all its problems, notices included.
    fn spec(
        &self,
        application: &Application,
        surroundings: &Surroundings<'_>,
    ) -> Result<Built, Problems>;

    /// Whether parts in several zones can be one system.
    fn can_be_shared(&self) -> bool {
        false
    }

    /// Why the running system may not become the wanted one; empty if it may.
    fn change(&self, _running: &ServiceSpec, _wanted: &ServiceSpec) -> Problems {
        Problems::default()
    }
}

/// What a service wants, and what is worth telling about it.
#[derive(Debug, Clone)]
pub struct Built {
    pub spec: ServiceSpec,
    pub notices: Problems,
}

/// What a service may see beside its own application.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    pub catalog: &'a Catalog,
    /// All applications of the virtual data center.
    pub applications: &'a BTreeMap<Name, Application>,
    /// Those that there are, for `instances: all`.
    pub nodes: &'a [Node],
    /// As it was spelled.
    pub zone: &'a str,
    /// The name of the virtual data center in its zone.
    pub run: &'a Name,
    pub stack: &'a Name,
}

/// All services, in the order of the manual.
pub static ALL: &[&dyn Service] = &[
    &zookeeper::ZooKeeper,
    &kafka::Kafka,
    &cassandra::Cassandra,
    &zipkin::Zipkin,
    &command::Command,
    &job::Job,
];
