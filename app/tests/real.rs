//! The real thing: real ZooKeeper and Kafka under the real binary, asked by Apache's own clients. Each test has a home of
//! its own; they run one after the other, for they share two cores. What is missing is named; with SMACK_REAL=required
//! that is a failure.
#![expect(
    clippy::print_stdout,
    reason = "what is not run, and figures, are for whoever reads the test's output"
)]

#[path = "real/cassandra.rs"]
mod cassandra;
#[path = "real/chaos.rs"]
mod chaos;
#[path = "real/clients.rs"]
mod clients;
#[path = "real/commands.rs"]
mod commands;
#[path = "real/home.rs"]
mod home;
#[path = "real/isolation.rs"]
mod isolation;
#[path = "real/kraft.rs"]
mod kraft;
#[path = "real/legacy.rs"]
mod legacy;
#[path = "real/liveness.rs"]
mod liveness;
#[path = "real/marathon_api.rs"]
mod marathon_api;
#[path = "real/marathon_slides.rs"]
mod marathon_slides;
#[path = "real/multi_dc.rs"]
mod multi_dc;
#[path = "real/pipeline.rs"]
mod pipeline;
#[path = "real/stack_deploy.rs"]
mod stack_deploy;
#[path = "real/survival.rs"]
mod survival;
#[path = "real/telemetry.rs"]
mod telemetry;
#[path = "real/uses.rs"]
mod uses;
#[path = "real/why.rs"]
mod why;
