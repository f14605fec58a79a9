//! Finds a process that lives in a network whose holder is gone.

use std::fs;
use std::os::fd::OwnedFd;

use smack_model::VdcId;

use crate::local::agent::Agent;
use crate::local::sandbox;

/// A task inside: a descriptor of its process and no other.
pub(crate) fn member(agent: &Agent, vdc: &VdcId) -> Option<OwnedFd> {
    let written = fs::read_to_string(agent.home.network(vdc).join("namespaces")).ok()?;
    let network = written.split(' ').next_back()?.trim().to_owned();
    let attempts = agent.lock();
    let living = attempts
        .all
        .iter()
        .filter(|(id, attempt)| !attempt.is_ended() && id.system.vdc() == *vdc);
    let living: Vec<_> = living.map(|(id, _)| agent.home.sandbox(id)).collect();
    drop(attempts);
    let processes = living
        .iter()
        .flat_map(|sandbox| sandbox::processes(sandbox));
    processes
        .filter_map(|process| {
            let descriptor = process.open().ok().flatten()?;
            // While the descriptor is there the number is nobody else's unnoticed: joining would fail.
            let inside = fs::read_link(format!("/proc/{}/ns/net", process.pid)).ok()?;
            (inside.to_str() == Some(network.as_str())).then_some(descriptor)
        })
        .next()
}
