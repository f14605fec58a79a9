//! `smack dns`: the names of what is up, as the server's own name server tells them, and how to ask it.

use smack_control::wire::{Dns, Vdc};

use crate::client::encoded;
use crate::failure::Failure;
use crate::output::Style;
use crate::picture::Grid;
use crate::session::Session;
use crate::target;

/// Show the DNS names of what is up, and where they are served
///
/// The server answers on loopback, UDP and TCP, for names that end in .smack: `broker-0.kafka.build92.default.smack`,
/// `kafka.build92.default.smack` for all tasks of an application, SRV records such as
/// `_client._tcp.kafka.build92.default.smack` for ports, and the reverse names of the addresses.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A virtual data center, or a full name: `kafka.build92.default.smack`
    name: Option<String>,
}

pub(crate) fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let query = match args.name.as_deref() {
        None => String::new(),
        Some(name) if name.contains('.') => format!("?name={}", encoded(name)),
        Some(name) => {
            let Vdc { vdc, .. } = target::find_named(session, name, None)?.vdc;
            let (zone, name) = vdc.split_once('/').unwrap_or(("default", &vdc));
            format!("?zone={}&vdc={}", encoded(zone), encoded(name))
        }
    };
    let dns: Dns = session.client()?.get(&format!("/v1/dns{query}"))?;
    let output = session.output;
    if output.is_json() {
        return output.value(&dns);
    }
    if dns.records.is_empty() {
        let nothing = match args.name.as_deref() {
            Some(name) => format!("{name} has no records now"),
            None => "nothing is up, so there are no names".to_owned(),
        };
        output.note(&nothing);
    } else {
        output.data(&table(&dns).text(output))?;
    }
    output.note(&advice(&dns));
    Ok(())
}

fn table(dns: &Dns) -> Grid {
    let mut grid = Grid::new(&["NAME", "TYPE", "VALUE"]);
    for record in &dns.records {
        let cells = [&record.name, &record.kind, &record.value];
        grid.row(Style::Plain, cells.map(String::clone));
    }
    grid
}

/// How this machine is made to ask.
fn advice(dns: &Dns) -> String {
    let Dns { domain, .. } = dns;
    let Some(server) = &dns.server else {
        let why = dns.problem.as_deref().unwrap_or("nobody says why");
        return format!("names are not served on this machine: {why}");
    };
    let (host, port) = server.rsplit_once(':').unwrap_or((server, "53"));
    let mut records = dns.records.iter();
    let example = records.find(|record| record.kind == "A");
    let name = example.map_or(domain, |record| &record.name);
    format!(
        "served at {server}, UDP and TCP; each record is true for {} s\n  \
         ask it:            dig @{host} -p {port} {name}\n  \
         systemd-resolved:  [Resolve] DNS={server} Domains=~{domain}\n  \
         dnsmasq:           server=/{domain}/{host}#{port}",
        dns.ttl_seconds
    )
}
