//! What the kernel says of processes (proc_pid_stat(5) and its like), as far as it lets us see. One that ends meanwhile
//! has nothing to say.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// A process as it was when it was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) parent: u32,
    pub(super) program: String,
    letter: char,
    pub(super) cpu_ms: u64,
    pub(super) memory_kib: u64,
    /// In clock ticks since the machine started.
    pub(super) started: u64,
}

impl Entry {
    pub(super) fn state(&self) -> &'static str {
        match self.letter {
            'R' => "running",
            'D' => "waiting",
            'T' | 't' => "stopped",
            'Z' | 'X' => "ended",
            _ => "sleeping",
        }
    }
}

pub(super) fn all() -> BTreeMap<u32, Entry> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let processes = entries.filter_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read(entry.path().join("stat")).ok()?;
        Some((pid, parse(&String::from_utf8_lossy(&stat))?))
    });
    processes.collect()
}

/// `pid (name) state ppid …`: the name may contain anything, so it ends at the last bracket.
pub(super) fn parse(stat: &str) -> Option<Entry> {
    let (head, rest) = stat.rsplit_once(") ")?;
    let (_, program) = head.split_once(" (")?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    let ticks = number(11)? + number(12)?;
    let page_kib = rustix::param::page_size() as u64 / 1024;
    Some(Entry {
        parent: fields.get(1)?.parse().ok()?,
        program: program.to_owned(),
        letter: fields.first()?.chars().next()?,
        cpu_ms: ticks * 1000 / rustix::param::clock_ticks_per_second().max(1),
        memory_kib: number(21)? * page_kib,
        started: number(19)?,
    })
}

pub(super) fn command_line(pid: u32) -> Vec<String> {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let words = text.trim_end_matches('\0').split('\0');
    words.map(str::to_owned).collect()
}

/// A variable of the environment that the process was started with.
pub(super) fn variable(pid: u32, name: &str) -> Option<String> {
    let bytes = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let mut variables = bytes.split(|byte| *byte == 0);
    let value = variables.find_map(|variable| {
        let rest = variable.strip_prefix(name.as_bytes())?;
        rest.strip_prefix(b"=")
    })?;
    Some(String::from_utf8_lossy(value).into_owned())
}

/// What identifies the network in which it is.
pub(super) fn network(pid: u32) -> Option<u64> {
    Some(fs::metadata(format!("/proc/{pid}/ns/net")).ok()?.ino())
}

/// The inodes of the sockets that it has.
pub(super) fn sockets(pid: u32) -> BTreeSet<u64> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd"));
    let entries = entries.into_iter().flatten().flatten();
    let inodes = entries.filter_map(|entry| {
        let target = fs::read_link(entry.path()).ok()?;
        let inode = target.to_str()?.strip_prefix("socket:[")?;
        inode.strip_suffix(']')?.parse().ok()
    });
    inodes.collect()
}

/// Whether it has the file open, runs it or works in it; by what the file is, not by what it is called.
pub(super) fn holds(pid: u32, file: &Path) -> bool {
    let Ok(wanted) = fs::metadata(file) else {
        return false;
    };
    let is_it = |path: &Path| {
        let found = fs::metadata(path);
        found.is_ok_and(|found| (found.dev(), found.ino()) == (wanted.dev(), wanted.ino()))
    };
    let process = Path::new("/proc").join(pid.to_string());
    if ["exe", "cwd"].iter().any(|name| is_it(&process.join(name))) {
        return true;
    }
    let entries = fs::read_dir(process.join("fd"));
    let mut entries = entries.into_iter().flatten().flatten();
    entries.any(|entry| is_it(&entry.path()))
}
