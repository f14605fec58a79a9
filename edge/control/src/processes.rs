//! Whose the processes, ports and files of this machine are, as the kernel tells it from outside: by the environment a
//! task was launched with, by the shim above it, by the home's directories. Looks once, then only answers.

mod files;
mod kernel;
mod sockets;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use smack_model::{TaskId, VdcId};
use smack_scheduler::View;

use crate::wire;
use kernel::Entry;
use sockets::Listener;

/// Everything that runs, at one moment.
pub(crate) struct Processes {
    home: PathBuf,
    view: Arc<View>,
    all: BTreeMap<u32, Entry>,
    /// Of those that are smack's.
    places: BTreeMap<u32, Place>,
}

/// Where a process belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// A task's own process, or one that it has started.
    Task(TaskId),
    Shim(TaskId),
    Holder(VdcId),
    Relay(VdcId),
}

impl Place {
    fn path(&self) -> String {
        match self {
            Self::Task(id) | Self::Shim(id) => path(id),
            Self::Holder(id) | Self::Relay(id) => id.to_string(),
        }
    }

    fn attempt(&self) -> Option<u32> {
        match self {
            Self::Task(id) | Self::Shim(id) => Some(id.attempt),
            Self::Holder(_) | Self::Relay(_) => None,
        }
    }
}

fn path(id: &TaskId) -> String {
    format!("{}/{}", id.system.path(), id.name)
}

impl Processes {
    pub(crate) fn look(home: &Path, view: Arc<View>) -> Self {
        let mut processes = Self {
            home: home.to_owned(),
            view,
            all: kernel::all(),
            places: BTreeMap::new(),
        };
        processes.places = processes.find_places();
        processes
    }

    fn find_places(&self) -> BTreeMap<u32, Place> {
        let mut known: BTreeMap<u32, Option<Place>> = BTreeMap::new();
        for pid in self.all.keys() {
            let mut line = Vec::new();
            let mut at = *pid;
            // Up to the first that is known or says itself whose it is; what it says holds for all below.
            let found = loop {
                if let Some(found) = known.get(&at) {
                    break found.clone();
                }
                if let Some(own) = self.own_place(at) {
                    known.insert(at, Some(own.clone()));
                    break Some(own);
                }
                line.push(at);
                match self.all.get(&at) {
                    // Numbers are given again, so that what is read one after the other may go in a circle.
                    Some(entry) if !line.contains(&entry.parent) => at = entry.parent,
                    Some(_) | None => break None,
                }
            };
            let found = found.map(below);
            known.extend(line.into_iter().map(|pid| (pid, found.clone())));
        }
        let ours = known.into_iter();
        ours.filter_map(|(pid, place)| Some((pid, place?)))
            .collect()
    }

    /// What the process itself says: smack's own by their command lines, tasks by their environment.
    fn own_place(&self, pid: u32) -> Option<Place> {
        let words = kernel::command_line(pid);
        if let [program, verb, rest @ ..] = words.as_slice()
            && Path::new(program).starts_with(self.home.join("bin"))
            && let Some(directory) = rest.last().and_then(|path| Path::new(path).file_name())
        {
            let name = directory.to_string_lossy();
            let task = || TaskId::from_file_name(&name);
            return match verb.as_str() {
                "run" | "attach" => task().map(Place::Shim),
                "hold" | "rejoin" => files::vdc(&name).map(Place::Holder),
                "relay" => files::vdc(&name).map(Place::Relay),
                _ => None,
            };
        }
        let sandbox = kernel::variable(pid, "SMACK_SANDBOX")?;
        let name = Path::new(&sandbox)
            .strip_prefix(self.home.join("sandboxes"))
            .ok()?;
        TaskId::from_file_name(name.to_str()?).map(Place::Task)
    }

    /// The processes of all tasks by path, a task's own first; `all`: smack's too.
    pub(crate) fn of_tasks(&self, all: bool) -> Vec<wire::Process> {
        let wanted = self.places.iter().filter(|(_, place)| match place {
            Place::Task(_) => true,
            Place::Shim(_) | Place::Holder(_) | Place::Relay(_) => all,
        });
        let ports = self.ports(wanted.clone().map(|(pid, _)| *pid));
        let mut shown: Vec<wire::Process> = wanted
            .filter_map(|(pid, _)| {
                let mut process = self.shown(*pid)?;
                process.ports = ports.get(pid).cloned().unwrap_or_default();
                Some(process)
            })
            .collect();
        shown.sort_by_cached_key(|process| {
            let is_child = process.role == "child";
            (process.path.clone(), process.attempt, is_child, process.pid)
        });
        shown
    }

    /// Where each listens.
    fn ports(&self, pids: impl Iterator<Item = u32> + Clone) -> BTreeMap<u32, Vec<String>> {
        let listeners: BTreeMap<u64, Listener> = sockets::listeners(pids.clone())
            .into_iter()
            .map(|listener| (listener.inode, listener))
            .collect();
        let of = |pid: u32| {
            let own = kernel::sockets(pid).into_iter();
            let own = own.filter_map(|inode| listeners.get(&inode));
            let mut own: Vec<&Listener> = own.collect();
            own.sort_by_key(|listener| (listener.port, listener.address));
            own.dedup();
            (pid, own.into_iter().map(Listener::text).collect())
        };
        pids.map(of).collect()
    }

    /// `None`: it has ended.
    fn shown(&self, pid: u32) -> Option<wire::Process> {
        let entry = self.all.get(&pid)?;
        let place = self.places.get(&pid);
        let role = match place {
            Some(Place::Task(id)) if self.program(id) == Some(pid) => "program",
            Some(Place::Task(_)) => "child",
            Some(Place::Shim(_)) => "shim",
            Some(Place::Holder(_)) => "holder",
            Some(Place::Relay(_)) => "relay",
            None => "stranger",
        };
        Some(wire::Process {
            pid,
            parent: entry.parent,
            program: entry.program.clone(),
            role: role.to_owned(),
            path: place.map(Place::path),
            attempt: place.and_then(Place::attempt),
            state: entry.state().to_owned(),
            cpu_ms: entry.cpu_ms,
            memory_kib: entry.memory_kib,
            ports: Vec::new(),
        })
    }

    /// The process that the launch of the task became: as the view has it; else the first of it.
    fn program(&self, id: &TaskId) -> Option<u32> {
        let task = self.view.vdcs.get(&id.system.vdc()).and_then(|vdc| {
            let system = vdc.system(id.system.application.as_str())?;
            let mut tasks = system.tasks.iter();
            tasks.find(|task| task.name == id.name && task.attempt == id.attempt)
        });
        let pid = task.and_then(|task| task.status.as_ref()?.pid());
        pid.or_else(|| {
            let is_of = |(_, place): &(&u32, &Place)| **place == Place::Task(id.clone());
            let own = self.places.iter().filter(is_of).map(|(pid, _)| pid);
            let first = own.min_by_key(|pid| self.all.get(pid).map(|entry| entry.started));
            first.copied()
        })
    }

    /// Empty if there is no such process.
    pub(crate) fn of_pid(&self, pid: u32) -> Vec<wire::Owner> {
        let Some(mut process) = self.shown(pid) else {
            return Vec::new();
        };
        process.ports = self
            .ports(std::iter::once(pid))
            .remove(&pid)
            .unwrap_or_default();
        let how = match process.role.as_str() {
            "program" => "is what the task launched".to_owned(),
            "child" => "was started by the task".to_owned(),
            "shim" => "is the shim that watches the task".to_owned(),
            "holder" => "keeps the network of the virtual data center".to_owned(),
            "relay" => "relays the exposed ports of the virtual data center".to_owned(),
            _ => "is no process of smack's".to_owned(),
        };
        vec![owner(how, Some(process))]
    }

    /// Whoever listens on the port, in whatever network, and the tasks whose port it is although nobody listens.
    pub(crate) fn of_port(&self, address: Option<IpAddr>, port: u16) -> Vec<wire::Owner> {
        let is_asked = |listener: &Listener| {
            let is_there =
                |wanted: IpAddr| listener.address == wanted || listener.address.is_unspecified();
            listener.port == port && address.is_none_or(is_there)
        };
        let pids = std::iter::once(std::process::id()).chain(self.places.keys().copied());
        let listeners: Vec<Listener> = sockets::listeners(pids)
            .into_iter()
            .filter(is_asked)
            .collect();
        let mut owners = Vec::new();
        for listener in &listeners {
            let holds = |pid: &u32| kernel::sockets(*pid).contains(&listener.inode);
            let holders: Vec<u32> = self.all.keys().copied().filter(holds).collect();
            let at = listener.text();
            if holders.is_empty() {
                let how = format!("somebody listens on {at} whose processes are not ours to see");
                owners.push(owner(how, None));
            }
            owners.extend(
                holders
                    .iter()
                    .map(|pid| self.listening(*pid, listener, &at)),
            );
        }
        let mut silent = self.tasks_with(address, port);
        silent.retain(|silent| owners.iter().all(|owner| owner.path != silent.path));
        owners.extend(silent);
        owners
    }

    fn listening(&self, pid: u32, listener: &Listener, at: &str) -> wire::Owner {
        let process = self.shown(pid);
        let Some(Place::Relay(vdc)) = self.places.get(&pid) else {
            return owner(format!("listens on {at}"), process);
        };
        // What a relay listens on is a task's.
        let how = format!("is reached on {at} through the relay of {vdc}");
        let mut tasks = self.tasks_with(Some(listener.address), listener.port);
        match tasks.pop() {
            Some(task) => wire::Owner {
                how,
                process,
                ..task
            },
            None => owner(how, process),
        }
    }

    /// By the view: whose port it is.
    fn tasks_with(&self, address: Option<IpAddr>, port: u16) -> Vec<wire::Owner> {
        let mut owners = Vec::new();
        for (id, vdc) in &self.view.vdcs {
            for system in &vdc.systems {
                for task in &system.tasks {
                    let own = task.address.as_ref().and_then(|text| text.parse().ok());
                    if address.is_some_and(|wanted| own != Some(wanted)) {
                        continue;
                    }
                    let named = task.ports.iter().find(|(_, number)| **number == port);
                    let Some((name, _)) = named else {
                        continue;
                    };
                    owners.push(wire::Owner {
                        path: Some(format!("{id}/{}/{}", system.application(), task.name)),
                        attempt: (task.attempt > 0).then_some(task.attempt),
                        how: format!("has it as its port {name}; nobody listens there now"),
                        process: None,
                    });
                }
            }
        }
        owners
    }

    /// Whose sandbox or volume it lies in, and who has it open.
    pub(crate) fn of_file(&self, file: &Path) -> Vec<wire::Owner> {
        let mut owners: Vec<wire::Owner> = files::place(&self.home, file).into_iter().collect();
        let open = self.all.keys().filter(|pid| kernel::holds(**pid, file));
        owners.extend(open.map(|pid| owner("has it open".to_owned(), self.shown(*pid))));
        owners
    }
}

/// What a process below one of the place is.
fn below(place: Place) -> Place {
    match place {
        Place::Task(id) | Place::Shim(id) => Place::Task(id),
        Place::Holder(_) | Place::Relay(_) => place,
    }
}

fn owner(how: String, process: Option<wire::Process>) -> wire::Owner {
    wire::Owner {
        path: process.as_ref().and_then(|process| process.path.clone()),
        attempt: process.as_ref().and_then(|process| process.attempt),
        how,
        process,
    }
}
