//! Who may reach whom, derived from the view; and on request tried, from inside every virtual data center.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Query, State};
use serde::Deserialize;
use smack_grids::Reach;
use smack_model::{Isolation, VdcId};
use smack_scheduler::{Imports, View};

use super::{Answer, Refused, Shared};
use crate::wire;

/// On loopback a connection is there at once or never.
const WITHIN: Duration = Duration::from_secs(1);

#[derive(Debug, Deserialize)]
pub(super) struct Flowing {
    #[serde(default)]
    test: bool,
}

/// A port that a ready task listens on.
struct Target {
    vdc: VdcId,
    level: Isolation,
    /// `application/task:port`.
    name: String,
    address: IpAddr,
    port: u16,
    exposed: bool,
}

/// Where connections are tried from: inside a virtual data center, or outside of all.
struct Source {
    inside: Option<(VdcId, Isolation)>,
    /// What it uses of others.
    imports: Imports,
}

pub(super) async fn flows(
    State(shared): State<Arc<Shared>>,
    Query(flowing): Query<Flowing>,
) -> Answer<Vec<wire::Flow>> {
    let view = Arc::clone(&shared.published.borrow().view);
    let reach = flowing.test.then(|| shared.grid.reach());
    let looked = tokio::task::spawn_blocking(move || all(&view, reach.as_ref())).await;
    Ok(Json(looked.map_err(|_| Refused::ending())?))
}

/// Every source against every target; tried if there is a way. A port on which nobody listens shows nothing.
fn all(view: &View, reach: Option<&Reach>) -> Vec<wire::Flow> {
    let mut targets = targets(view);
    if let Some(reach) = reach {
        targets.retain(|target| target.own_place().try_to(target, reach).is_ok());
    }
    let inside = view.vdcs.iter().map(|(id, vdc)| Source {
        inside: Some((id.clone(), vdc.record.isolation)),
        imports: vdc.imports.clone(),
    });
    let outside = Source {
        inside: None,
        imports: Imports::new(),
    };
    let sources = std::iter::once(outside).chain(inside);
    let pairs = sources.flat_map(|source| {
        let flow = |target: &Target| flow(&source, target, reach);
        targets.iter().map(flow).collect::<Vec<_>>()
    });
    pairs.collect()
}

fn targets(view: &View) -> Vec<Target> {
    let mut targets = Vec::new();
    for (id, vdc) in &view.vdcs {
        for system in &vdc.systems {
            let ready = system.tasks.iter().filter(|task| {
                let status = task.status.as_ref();
                status.is_some_and(smack_model::Status::is_ready)
            });
            for task in ready {
                let Some(address) = task.address.as_ref().and_then(|text| text.parse().ok()) else {
                    continue;
                };
                targets.extend(task.ports.iter().map(|(name, port)| Target {
                    vdc: id.clone(),
                    level: vdc.record.isolation,
                    name: format!("{}/{}:{name}", system.application(), task.name),
                    address,
                    port: *port,
                    exposed: task.exposed.contains(name),
                }));
            }
        }
    }
    targets
}

fn flow(source: &Source, target: &Target, reach: Option<&Reach>) -> wire::Flow {
    let allowed = source.may_reach(target);
    let tried = reach.map(|reach| source.try_to(target, reach));
    wire::Flow {
        from: source.inside.as_ref().map(|(id, _)| id.to_string()),
        to: target.vdc.to_string(),
        target: target.name.clone(),
        address: target.address.to_string(),
        port: target.port,
        allowed,
        open: tried.as_ref().map(Result::is_ok),
        detail: tried.and_then(Result::err).map(|error| error.to_string()),
    }
}

impl Target {
    fn own_place(&self) -> Source {
        Source {
            inside: Some((self.vdc.clone(), self.level)),
            imports: Imports::new(),
        }
    }
}

impl Source {
    /// What the levels say: a network of its own holds its own tasks and what it uses of others, and shows what is
    /// exposed.
    fn may_reach(&self, target: &Target) -> bool {
        match &self.inside {
            Some((id, _)) if *id == target.vdc => true,
            Some((_, Isolation::Vdc)) => self.uses(target),
            Some((_, Isolation::Open)) | None => target.level == Isolation::Open || target.exposed,
        }
    }

    fn uses(&self, target: &Target) -> bool {
        let is_it = |(address, port): &(Arc<str>, u16)| {
            *port == target.port && address.parse() == Ok(target.address)
        };
        self.imports.keys().any(is_it)
    }

    fn try_to(&self, target: &Target, reach: &Reach) -> io::Result<()> {
        match &self.inside {
            Some((id, Isolation::Vdc)) => reach.try_from(id, target.address, target.port, WITHIN),
            Some((_, Isolation::Open)) | None => {
                let address = SocketAddr::new(target.address, target.port);
                TcpStream::connect_timeout(&address, WITHIN).map(drop)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vdc(name: &str) -> VdcId {
        let label = |text| smack_model::Name::new(text).expect("a DNS label");
        VdcId {
            zone: label("default"),
            name: label(name),
        }
    }

    #[test]
    fn a_network_of_its_own_reaches_itself_and_what_it_uses_and_shows_what_is_exposed() {
        use Isolation::{Open, Vdc};
        for (from, level, to, to_level, exposed, used, allowed) in [
            (Some("a"), Vdc, "a", Vdc, false, false, true),
            (Some("a"), Vdc, "b", Vdc, true, false, false),
            (Some("a"), Vdc, "b", Vdc, false, true, true),
            (Some("a"), Vdc, "b", Open, true, false, false),
            (Some("a"), Vdc, "b", Open, false, true, true),
            (Some("a"), Open, "b", Open, false, false, true),
            (Some("a"), Open, "b", Vdc, false, false, false),
            (Some("a"), Open, "b", Vdc, false, true, false),
            (Some("a"), Open, "b", Vdc, true, false, true),
            (None, Open, "a", Vdc, false, false, false),
            (None, Open, "a", Vdc, true, false, true),
            (None, Open, "a", Open, false, false, true),
        ] {
            let imported = smack_scheduler::Imported {
                from: vdc(to),
                application: smack_model::Name::new("kafka").expect("a DNS label"),
                task: smack_model::Name::new("broker-0").expect("a DNS label"),
                runs: true,
            };
            let import = (("127.70.0.1".into(), 9092), imported);
            let source = Source {
                inside: from.map(|name| (vdc(name), level)),
                imports: used.then_some(import).into_iter().collect(),
            };
            let target = Target {
                vdc: vdc(to),
                level: to_level,
                name: String::new(),
                address: IpAddr::from([127, 70, 0, 1]),
                port: 9092,
                exposed,
            };
            assert_eq!(
                source.may_reach(&target),
                allowed,
                "{from:?} to {to} {to_level}"
            );
        }
    }
}
