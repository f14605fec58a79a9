//! One network: makes it as it was ordered, mends it when a keeper has ended, leaves nothing of it in the end.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Signal, pidfd_send_signal};
use smack_model::{Isolation, NetworkOrder, Refusal, VdcId};

use super::files::Lack;
use super::keeper::{self, Keeper, Kind, Trouble};
use super::{TOKENS, files, members};
use crate::local::agent::Agent;
use crate::local::process;
use crate::local::sandbox::reason;
use crate::local::sockets;

/// A keeper that ends sooner has not lived.
const SHORT: Duration = Duration::from_millis(200);
/// So many in a row, and the next is started only when somebody asks.
const SHORT_MAX: u32 = 20;

#[derive(Debug, Default)]
pub(crate) struct Network {
    order: Option<NetworkOrder>,
    holder: Option<Keeper>,
    relay: Option<Keeper>,
    hosts: Option<String>,
    /// What the relay is told: of exposed ports, and of imported ones.
    table: String,
    imports: String,
    /// The watch on its directory.
    watch: Option<i32>,
    short_lives: u32,
    /// The problem that was told last.
    pub(crate) told: Option<String>,
}

impl Network {
    /// As ordered; the error is for people.
    pub(crate) fn be(&mut self, agent: &Agent, order: &NetworkOrder) -> Result<(), String> {
        self.order = Some(order.clone());
        self.short_lives = 0;
        self.have_holder(agent, &order.vdc)?;
        self.have_relay(agent, &order.vdc)?;
        self.relays_problem(agent, &order.vdc)
    }

    /// What was there is to be there again. Nothing is made that nobody has asked this server for, unless tasks live
    /// in it.
    pub(crate) fn mend(&mut self, agent: &Agent, vdc: &VdcId) -> Result<(), String> {
        let directory = agent.home.network(vdc);
        if !directory.is_dir() {
            return Ok(());
        }
        self.find(agent, vdc, &directory, Kind::Holder);
        self.find(agent, vdc, &directory, Kind::Relay);
        if self.short_lives > SHORT_MAX {
            return Err("its keepers end as soon as they are started".to_owned());
        }
        if self.holder.is_none() && self.order.is_none() && members::member(agent, vdc).is_none() {
            return Ok(());
        }
        self.have_holder(agent, vdc)?;
        if self.order.is_none() && self.relay.is_none() {
            // As the server before had it.
            let read = |name: &str| fs::read_to_string(directory.join(name)).unwrap_or_default();
            (self.table, self.imports) = (read("table"), read("imports"));
            if !self.table.is_empty() || !self.imports.is_empty() {
                self.start_relay(agent, vdc, &directory)?;
            }
        } else if self.order.is_some() {
            self.have_relay(agent, vdc)?;
        }
        self.relays_problem(agent, vdc)
    }

    /// The namespaces are there and have the names that were ordered last.
    pub(crate) fn have_holder(&mut self, agent: &Agent, vdc: &VdcId) -> Result<(), String> {
        if agent.options.isolation == Isolation::Open {
            return Err("this node does nothing stricter than level open".to_owned());
        }
        let directory = agent.home.network(vdc);
        self.write_files(agent, vdc, &directory)
            .map_err(|error| format!("{}: {}", directory.display(), reason(&error)))?;
        self.find(agent, vdc, &directory, Kind::Holder);
        if self.holder.is_some() {
            return Ok(());
        }
        let begun = Instant::now();
        let (pid, descriptor) = start_holder(agent, vdc, &directory)?;
        tracing::debug!(%vdc, pid, took = ?begun.elapsed(), "its network has a holder");
        self.watch(agent, vdc, Kind::Holder, pid, descriptor);
        Ok(())
    }

    fn write_files(&mut self, agent: &Agent, vdc: &VdcId, directory: &Path) -> io::Result<()> {
        if !directory.is_dir() {
            fs::DirBuilder::new().mode(0o700).create(directory)?;
            self.hosts = None;
        }
        if self.watch.is_none() {
            match agent.watch.add_directory(directory) {
                Ok(watch) => {
                    self.watch = Some(watch);
                    let mut watched = agent.networks.watched();
                    watched.directories.insert(watch, vdc.clone());
                }
                Err(error) => tracing::warn!(%vdc, %error, "its relay's problems will not be seen"),
            }
        }
        let resolver = directory.join("resolv.conf");
        if !resolver.exists() {
            files::write_in_place(&resolver, files::RESOLVER)?;
        }
        let path = directory.join("hosts");
        let hosts = match &self.order {
            Some(order) => files::hosts(&order.names),
            None if path.exists() => return Ok(()),
            None => files::hosts(&Default::default()),
        };
        if self.hosts.as_ref() != Some(&hosts) {
            files::write_in_place(&path, &hosts)?;
            self.hosts = Some(hosts);
        }
        Ok(())
    }

    /// The relay is there if something is exposed or imported, and knows what.
    fn have_relay(&mut self, agent: &Agent, vdc: &VdcId) -> Result<(), String> {
        let directory = agent.home.network(vdc);
        let exposed = self.order.as_ref().map(|order| &order.exposed);
        let table = exposed.map(files::table).unwrap_or_default();
        let imported = self.order.as_ref().map(|order| &order.imported);
        let imports = imported.map(|all| files::imports(all, |vdc| agent.home.network_name(vdc)));
        let imports = imports.unwrap_or_default();
        self.find(agent, vdc, &directory, Kind::Relay);
        if table.is_empty() && imports.is_empty() {
            if let Some(relay) = self.relay.take() {
                release(agent, &relay);
            }
            for name in ["table", "imports"] {
                drop(fs::remove_file(directory.join(name)));
            }
            self.table.clear();
            self.imports.clear();
            return Ok(());
        }
        let mut is_changed = false;
        for (name, text, known) in [
            ("table", table, &mut self.table),
            ("imports", imports, &mut self.imports),
        ] {
            let is_lost = !text.is_empty() && !directory.join(name).exists();
            if *known != text || is_lost {
                files::replace(&directory.join(name), &text)
                    .map_err(|error| format!("{}: {}", directory.display(), reason(&error)))?;
                *known = text;
                is_changed = true;
            }
        }
        if is_changed && let Some(relay) = &self.relay {
            // Gone this moment: its successor reads the tables.
            let _ = pidfd_send_signal(&relay.descriptor, Signal::USR1);
        }
        if self.relay.is_none() {
            self.start_relay(agent, vdc, &directory)?;
        }
        Ok(())
    }

    fn start_relay(&mut self, agent: &Agent, vdc: &VdcId, directory: &Path) -> Result<(), String> {
        let started = keeper::start(&agent.shim, "relay", directory, None);
        let (pid, descriptor) = started.map_err(|trouble| {
            format!("what it exposes or uses is not reached: {}", trouble.text())
        })?;
        self.watch(agent, vdc, Kind::Relay, pid, descriptor);
        Ok(())
    }

    /// What the relay cannot have, and who has it.
    fn relays_problem(&self, agent: &Agent, vdc: &VdcId) -> Result<(), String> {
        if self.relay.is_none() {
            return Ok(());
        }
        let text = fs::read_to_string(agent.home.network(vdc).join("problems"));
        let problems: Vec<String> = files::problems(&text.unwrap_or_default())
            .into_iter()
            .map(|lack| problem(&lack))
            .collect();
        if problems.is_empty() {
            return Ok(());
        }
        Err(problems.join("; "))
    }

    /// Refuses if a stranger has a port outside that this address exposes.
    pub(crate) fn check_exposed(&self, address: &str) -> Result<(), Refusal> {
        let Some(order) = &self.order else {
            return Ok(());
        };
        let relay = self.relay.as_ref().map(|relay| relay.pid);
        for (exposed, port) in order.exposed.keys() {
            if exposed != address {
                continue;
            }
            match sockets::check(address, std::iter::once(*port)) {
                Err(Refusal::PortTaken { pid, .. }) if pid.is_some() && pid == relay => {}
                other => other?,
            }
        }
        Ok(())
    }

    /// Takes note of one that runs, whoever has started it.
    fn find(&mut self, agent: &Agent, vdc: &VdcId, directory: &Path, kind: Kind) {
        let known = self.keeper(kind);
        if let Some(keeper) = known {
            if !keeper::is_gone(&keeper.descriptor, Duration::ZERO) {
                return;
            }
            if let Some(keeper) = known.take() {
                self.note_end(&keeper);
                release(agent, &keeper);
            }
        }
        if let Some((pid, descriptor)) = keeper::find(directory, kind) {
            self.watch(agent, vdc, kind, pid, descriptor);
        }
    }

    fn keeper(&mut self, kind: Kind) -> &mut Option<Keeper> {
        match kind {
            Kind::Holder => &mut self.holder,
            Kind::Relay => &mut self.relay,
        }
    }

    fn watch(&mut self, agent: &Agent, vdc: &VdcId, kind: Kind, pid: u32, descriptor: OwnedFd) {
        let mut watched = agent.networks.watched();
        watched.last_token += 1;
        let token = TOKENS | watched.last_token;
        watched.keepers.insert(token, (vdc.clone(), kind));
        drop(watched);
        if let Err(error) = agent.watch.add_process(&descriptor, token) {
            tracing::error!(%vdc, %error, "the end of its keeper will not be seen");
        }
        *self.keeper(kind) = Some(Keeper {
            pid,
            descriptor,
            token,
            since: Instant::now(),
        });
    }

    /// The watch says that it has ended.
    pub(crate) fn bury(&mut self, agent: &Agent, kind: Kind, token: u64) {
        let keeper = self.keeper(kind);
        if keeper.as_ref().is_some_and(|keeper| keeper.token == token)
            && let Some(keeper) = keeper.take()
        {
            tracing::warn!(pid = keeper.pid, ?kind, "a network's keeper has ended");
            self.note_end(&keeper);
            release(agent, &keeper);
        }
    }

    fn note_end(&mut self, keeper: &Keeper) {
        if keeper.since.elapsed() < SHORT {
            self.short_lives += 1;
        } else {
            self.short_lives = 0;
        }
    }

    /// Leaves nothing: no process, and with the last one no namespace and no mount, no file, no way to it.
    pub(crate) fn end(&mut self, agent: &Agent, vdc: &VdcId) {
        let directory = agent.home.network(vdc);
        self.find(agent, vdc, &directory, Kind::Relay);
        self.find(agent, vdc, &directory, Kind::Holder);
        for keeper in [self.relay.take(), self.holder.take()]
            .into_iter()
            .flatten()
        {
            release(agent, &keeper);
        }
        if let Some(watch) = self.watch.take() {
            agent.networks.watched().directories.remove(&watch);
            agent.watch.remove_directory(watch);
        }
        agent.networks.routes.end(vdc);
        *self = Self::default();
        // Out of the way first: whoever is just being started by another server finds that out by itself, and whoever
        // was started before is found.
        let gone = agent.home.discard(&directory).and_then(|gone| {
            for kind in [Kind::Relay, Kind::Holder] {
                if let Some((_, descriptor)) = keeper::find(&gone, kind) {
                    keeper::kill(&descriptor);
                }
            }
            agent.home.remove(&gone)
        });
        if let Err(error) = gone {
            tracing::warn!(%vdc, %error, "its network's directory could not be removed");
        }
    }
}

/// A holder of the namespaces in which tasks live already, or of new ones.
fn start_holder(agent: &Agent, vdc: &VdcId, directory: &Path) -> Result<(u32, OwnedFd), String> {
    let mut trouble = None;
    for _ in 0..3 {
        let member = members::member(agent, vdc);
        let verb = if member.is_some() { "rejoin" } else { "hold" };
        match keeper::start(&agent.shim, verb, directory, member.as_ref()) {
            Ok(started) => return Ok(started),
            Err(found) => trouble = Some(found),
        }
        // Another server was faster.
        if let Some(found) = keeper::find(directory, Kind::Holder) {
            return Ok(found);
        }
        if trouble
            .as_ref()
            .is_none_or(|trouble| trouble.step != "join")
        {
            break;
        }
    }
    Err(trouble
        .as_ref()
        .map(Trouble::text)
        .unwrap_or_else(|| "its holder could not be started".to_owned()))
}

/// Ends it if it has not ended, and forgets it.
fn release(agent: &Agent, keeper: &Keeper) {
    agent.networks.watched().keepers.remove(&keeper.token);
    agent.watch.remove_process(&keeper.descriptor);
    if keeper::is_gone(&keeper.descriptor, Duration::ZERO) {
        process::reap(&keeper.descriptor);
    } else {
        keeper::kill(&keeper.descriptor);
    }
}

fn problem(lack: &Lack) -> String {
    let Lack {
        address,
        port,
        errno,
        is_inside,
    } = *lack;
    let error = io::Error::from_raw_os_error(errno);
    if is_inside {
        let why = if error.kind() == io::ErrorKind::AddrInUse {
            "a program inside listens on this port of all addresses"
        } else {
            &reason(&error)
        };
        return format!("{address}:{port} cannot be imported: {why}");
    }
    if error.kind() == io::ErrorKind::AddrInUse {
        let refusal = sockets::taken(address, port);
        return format!("{address} outside: {refusal}");
    }
    format!("{address}:{port} cannot be exposed: {}", reason(&error))
}
