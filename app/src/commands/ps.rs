//! `smack ps`: the processes of all tasks as the machine sees them, and whose a process, a port or a file is.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use smack_control::wire::{Owner, Process};

use crate::client::encoded;
use crate::failure::Failure;
use crate::output::Style;
use crate::picture::Grid;
use crate::session::Session;
use crate::text::seconds;

/// Show the processes of all tasks, or whose a process, a port or a file is
///
/// Everything that a task has started counts, however it has come away from it. The exit code is 1 if what is asked for
/// is none of smack's.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("asked").multiple(false))]
pub(crate) struct Args {
    /// A process
    #[arg(group = "asked", value_parser = pid)]
    pid: Option<u32>,
    /// A port, of one address or of any: `9092`, `127.1.0.2:9092`
    #[arg(long, group = "asked", value_name = "[ADDRESS:]PORT", value_parser = port)]
    port: Option<Port>,
    /// A file or directory: in a sandbox or volume, or held open
    #[arg(long, group = "asked", value_name = "PATH")]
    file: Option<PathBuf>,
    /// List smack's own processes too: shims, and holders and relays of networks
    #[arg(long, conflicts_with = "asked")]
    all: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Port {
    address: Option<IpAddr>,
    port: u16,
}

pub(crate) fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let query = match (args.pid, args.port, &args.file) {
        (Some(pid), _, _) => format!("pid={pid}"),
        (None, Some(Port { address, port }), _) => match address {
            Some(address) => format!("port={port}&address={}", encoded(&address.to_string())),
            None => format!("port={port}"),
        },
        (None, None, Some(file)) => format!("file={}", encoded(&absolute(file)?)),
        (None, None, None) => return list(args.all, session),
    };
    let owners: Vec<Owner> = session.client()?.get(&format!("/v1/owners?{query}"))?;
    let output = session.output;
    if output.is_json() {
        output.value(&owners)?;
    }
    let (ours, strangers): (Vec<&Owner>, Vec<&Owner>) =
        owners.iter().partition(|owner| owner.path.is_some());
    if ours.is_empty() {
        let told: Vec<String> = strangers.iter().map(|owner| stranger(owner)).collect();
        return Err(Failure::failed(told.join("; ")));
    }
    if output.is_json() {
        return Ok(());
    }
    for owner in strangers {
        output.note(&stranger(owner));
    }
    let mut grid = Grid::new(&["TASK", "TRY", "PID", "PROGRAM", "HOW"]);
    for owner in ours {
        let process = owner.process.as_ref();
        let cells = [
            owner.path.clone().unwrap_or_default(),
            owner.attempt.map(number).unwrap_or_default(),
            process
                .map(|process| number(process.pid))
                .unwrap_or_default(),
            process
                .map(|process| process.program.clone())
                .unwrap_or_default(),
            owner.how.clone(),
        ];
        grid.row(Style::Plain, cells);
    }
    output.data(&grid.text(output))
}

/// What is none of smack's, with the name of its program.
fn stranger(owner: &Owner) -> String {
    match &owner.process {
        Some(Process { pid, program, .. }) => format!("pid {pid} ({program}) {}", owner.how),
        None => owner.how.clone(),
    }
}

fn list(all: bool, session: &Session<'_>) -> Result<(), Failure> {
    let query = if all { "?all=true" } else { "" };
    let processes: Vec<Process> = session.client()?.get(&format!("/v1/processes{query}"))?;
    let output = session.output;
    if output.is_json() {
        return output.value(&processes);
    }
    if processes.is_empty() {
        output.note("no task has a process now");
        return Ok(());
    }
    let mut grid = Grid::new(&[
        "TASK",
        "TRY",
        "PID",
        "PROGRAM",
        "ROLE",
        "STATE",
        "CPU",
        "MEMORY",
        "LISTENS ON",
    ]);
    for process in &processes {
        let cells = [
            process.path.clone().unwrap_or_default(),
            process.attempt.map(number).unwrap_or_default(),
            number(process.pid),
            process.program.clone(),
            process.role.clone(),
            process.state.clone(),
            seconds(process.cpu_ms),
            format!("{} MiB", process.memory_kib.div_ceil(1024)),
            process.ports.join(", "),
        ];
        grid.row(Style::Plain, cells);
    }
    output.data(&grid.text(output))
}

fn number(number: u32) -> String {
    number.to_string()
}

fn absolute(file: &Path) -> Result<String, Failure> {
    let path = std::path::absolute(file)
        .map_err(|error| Failure::usage(format!("{}: {error}", file.display())))?;
    match path.to_str() {
        Some(text) => Ok(text.to_owned()),
        None => Err(Failure::usage(format!(
            "{} is not UTF-8, so it cannot be asked for",
            path.display()
        ))),
    }
}

fn pid(text: &str) -> Result<u32, String> {
    let number = text.parse().ok().filter(|pid: &u32| *pid > 0);
    number.ok_or_else(|| "write the number of a process; --port and --file find others".to_owned())
}

fn port(text: &str) -> Result<Port, String> {
    let wrong = || "write a port, 1 to 65535, or 127.1.0.2:9092".to_owned();
    let (address, port) = match text.rsplit_once(':') {
        Some((address, port)) => {
            let address = address.trim_matches(['[', ']']);
            (Some(address.parse().map_err(|_| wrong())?), port)
        }
        None => (None, text),
    };
    let port = port.parse().ok().filter(|port: &u16| *port > 0);
    Ok(Port {
        address,
        port: port.ok_or_else(wrong)?,
    })
}

#[cfg(test)]
mod tests {
    use super::{Port, port};

    #[test]
    fn a_port_may_have_an_address() {
        let of = |address: Option<&str>, port| {
            let address = address.map(|text| text.parse().unwrap());
            Ok(Port { address, port })
        };
        assert_eq!(port("9092"), of(None, 9092));
        assert_eq!(port("127.1.0.2:9092"), of(Some("127.1.0.2"), 9092));
        assert_eq!(port("[::1]:80"), of(Some("::1"), 80));
        for wrong in [
            "0",
            "65536",
            "kafka",
            "kafka:9092",
            ":9092",
            "127.1.0.2:",
            "",
        ] {
            assert!(port(wrong).is_err(), "{wrong}");
        }
    }
}
