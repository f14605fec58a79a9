//! What the name server says, for people: the records of all or one virtual data center, or of one name.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use serde::Deserialize;
use smack_model::did_you_mean;
use smack_scheduler::View;
use smack_scheduler::names::{self, DOMAIN, Found, Record};

use super::{Answer, Refused, Shared};
use crate::{dns, wire};

#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    zone: Option<String>,
    vdc: Option<String>,
    name: Option<String>,
}

pub(super) async fn dns(
    State(shared): State<Arc<Shared>>,
    Query(asked): Query<Asked>,
) -> Answer<wire::Dns> {
    let view = Arc::clone(&shared.published.borrow().view);
    let records = match (&asked.name, &asked.vdc) {
        (Some(name), _) => of_name(&view, name)?,
        (None, Some(vdc)) => {
            let zone = asked.zone.as_deref().unwrap_or("default");
            names::records(shared.vdc(zone, vdc)?.as_ref())
        }
        (None, None) => all(&view),
    };
    Ok(Json(wire::Dns {
        server: shared.dns_address(),
        problem: shared.dns.as_ref().err().cloned(),
        domain: DOMAIN.to_owned(),
        ttl_seconds: dns::TTL_SECONDS,
        records: records.into_iter().map(shown).collect(),
    }))
}

fn all(view: &View) -> Vec<(String, Record)> {
    let vdcs = view.vdcs.values();
    vdcs.flat_map(|vdc| names::records(vdc)).collect()
}

fn of_name(view: &View, name: &str) -> Result<Vec<(String, Record)>, Refused> {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    match names::find(view, &name) {
        Found::Records(records) => Ok(records
            .into_iter()
            .map(|record| (name.clone(), record))
            .collect()),
        Found::Foreign => Err(Refused::bad_request(format!(
            "{} is not for this server to know",
            if name.is_empty() { "." } else { &name }
        ))
        .hint(format!(
            "its names end in .{DOMAIN}: broker-0.kafka.build92.default.{DOMAIN}"
        ))),
        Found::Nothing => {
            let refused = Refused::not_found(format!("there is no name {name}"));
            let known = all(view);
            Err(
                match did_you_mean(&name, known.iter().map(|(name, _)| name.as_str())) {
                    Some(near) => refused.hint(format!("did you mean {near}?")),
                    None if view.vdcs.is_empty() => {
                        refused.hint("nothing is up; `smack run` starts something")
                    }
                    None => refused.hint("`smack dns` lists all names"),
                },
            )
        }
    }
}

fn shown((name, record): (String, Record)) -> wire::DnsRecord {
    let (kind, value) = match record {
        Record::Address(address) => ("A", address.to_string()),
        Record::Service { port, target } => ("SRV", format!("0 0 {port} {target}")),
        Record::Pointer(name) => ("PTR", name),
    };
    wire::DnsRecord {
        name,
        kind: kind.to_owned(),
        value,
    }
}
