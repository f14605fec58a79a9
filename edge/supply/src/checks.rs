//! What this machine offers and lacks, for `smack doctor`: each check says what was found, and what a lack costs or how
//! to mend it. Probes only: nothing is changed but a file that is written to the home and removed again.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{Access, access, statvfs};
use rustix::process::{Resource, getrlimit};

use crate::catalog::Catalog;
use crate::fetch::chain;
use crate::java::{Places, choose};
use crate::maven::Maven;
use crate::store::Store;

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// as it should be
    Good,
    /// works, with what `hint` says it costs
    Lack,
    /// the main job will fail
    Bad,
}

/// One fact about the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// what was looked at
    pub name: String,
    /// how it came out
    pub state: State,
    /// what was found
    pub found: String,
    /// what the lack costs and what to do; empty if good
    pub hint: String,
}

/// All checks of this module; `deep` hashes every stored file anew and moves damaged ones aside.
pub fn checks(home: &Path, deep: bool) -> Vec<Check> {
    let mut checks = java(&Places::of_user());
    checks.extend([
        maven(&Maven::of_user()),
        home_writable(home),
        disk(home),
        clock(SystemTime::now()),
        limit(
            "open files",
            Resource::Nofile,
            4096,
            "a Kafka broker opens a file per segment; raise `ulimit -n`",
        ),
        limit(
            "processes",
            Resource::Nproc,
            1024,
            "every JVM has some 50 threads; raise `ulimit -u`",
        ),
        loopback(),
        landlock(),
        cgroup(),
    ]);
    if deep {
        checks.push(store(home));
    }
    checks
}

impl Check {
    fn new(name: &str, state: State, found: impl Into<String>, hint: &str) -> Check {
        let hint = if state == State::Good {
            String::new()
        } else {
            hint.to_owned()
        };
        Check {
            name: name.to_owned(),
            state,
            found: found.into(),
            hint,
        }
    }
}

fn java(places: &Places) -> Vec<Check> {
    let found = places.search();
    let entries = Catalog::embedded().entries().iter();
    entries
        .map(|entry| {
            let name = format!("Java for {} {}", entry.product, entry.version);
            match choose(&entry.name(), &entry.java, &found) {
                Ok(choice) => Check::new(
                    &name,
                    State::Good,
                    format!("{} ({})", choice.found, choice.why),
                    "",
                ),
                Err(none) => Check::new(&name, State::Bad, none.to_string(), &none.hint()),
            }
        })
        .collect()
}

fn maven(maven: &Maven) -> Check {
    let hint = "artifacts come only from the store, a bundle or mirrors: install Maven, or name one of those";
    match &maven.program {
        Some(program) => Check::new("Maven", State::Good, program.display().to_string(), ""),
        None => Check::new("Maven", State::Lack, "no `mvn` in MAVEN_HOME or PATH", hint),
    }
}

fn home_writable(home: &Path) -> Check {
    let hint = "nothing can be kept: make it writable for this user, or set SMACK_HOME to another directory";
    let probe = home.join(format!(".doctor-{}", std::process::id()));
    let written = fs::create_dir_all(home)
        .and_then(|()| fs::write(&probe, b"x"))
        .and_then(|()| fs::remove_file(&probe));
    match written {
        Ok(()) => Check::new(
            "home",
            State::Good,
            format!("{} is writable", home.display()),
            "",
        ),
        Err(error) => Check::new(
            "home",
            State::Bad,
            format!("{}: {error}", home.display()),
            hint,
        ),
    }
}

fn disk(home: &Path) -> Check {
    const GIB: u64 = 1 << 30;
    let hint = "artifacts take 0.1 GiB, a broker's data grows: free some space, or set SMACK_HOME to a larger disk";
    let place = home
        .ancestors()
        .find(|place| place.exists())
        .unwrap_or(Path::new("/"));
    match statvfs(place) {
        Ok(found) => {
            let free = found.f_bavail.saturating_mul(found.f_frsize);
            let state = match free {
                _ if free < GIB / 2 => State::Bad,
                _ if free < 4 * GIB => State::Lack,
                _ => State::Good,
            };
            let tenths = free / (GIB / 10);
            Check::new(
                "disk",
                state,
                format!(
                    "{}.{} GiB free at {}",
                    tenths / 10,
                    tenths % 10,
                    place.display()
                ),
                hint,
            )
        }
        Err(error) => Check::new(
            "disk",
            State::Lack,
            format!("{}: {error}", place.display()),
            hint,
        ),
    }
}

fn clock(now: SystemTime) -> Check {
    const YEAR_2026: u64 = 1_767_225_600;
    let hint = "certificates are refused and logs mislead: set the clock, or start a time service";
    let seconds = now
        .duration_since(UNIX_EPOCH)
        .map(|since| since.as_secs())
        .unwrap_or(0);
    let state = if seconds < YEAR_2026 {
        State::Bad
    } else {
        State::Good
    };
    Check::new("clock", state, format!("{seconds} s since 1970"), hint)
}

fn limit(name: &str, resource: Resource, least: u64, hint: &str) -> Check {
    let found = getrlimit(resource);
    let text = |value: Option<u64>| {
        value.map_or_else(|| "unlimited".to_owned(), |value| value.to_string())
    };
    let enough = |value: Option<u64>| value.is_none_or(|value| value >= least);
    // A soft limit can be raised to the hard one when tasks are started.
    let state = if enough(found.maximum) {
        State::Good
    } else {
        State::Lack
    };
    Check::new(
        name,
        state,
        format!("{} (at most {})", text(found.current), text(found.maximum)),
        hint,
    )
}

fn loopback() -> Check {
    let hint =
        "every task gets an address of its own in 127.0.0.0/8; only Linux gives the whole block";
    match TcpListener::bind((Ipv4Addr::new(127, 83, 77, 1), 0)) {
        Ok(_) => Check::new(
            "loopback addresses",
            State::Good,
            "the whole of 127.0.0.0/8",
            "",
        ),
        Err(error) => Check::new("loopback addresses", State::Bad, error.to_string(), hint),
    }
}

fn landlock() -> Check {
    let hint =
        "isolation level `task` is not possible: a kernel from 6.7 with Landlock enabled has it";
    match fs::read_to_string("/sys/kernel/security/lsm") {
        Ok(modules) if modules.split(',').any(|module| module.trim() == "landlock") => {
            Check::new("Landlock", State::Good, "enabled", "")
        }
        Ok(modules) => Check::new(
            "Landlock",
            State::Lack,
            format!("not among {}", modules.trim()),
            hint,
        ),
        Err(error) => Check::new(
            "Landlock",
            State::Lack,
            format!("cannot be told: {error}"),
            hint,
        ),
    }
}

fn cgroup() -> Check {
    let hint = "limits on memory and CPU are not enforced: run in a session with a delegated cgroup (systemd-run --user --scope -p Delegate=yes)";
    let text = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let Some(own) = text.lines().find_map(|line| line.strip_prefix("0::")) else {
        return Check::new("cgroup", State::Lack, "no unified hierarchy", hint);
    };
    let directory = PathBuf::from("/sys/fs/cgroup").join(own.trim_start_matches('/'));
    let writable = |path: &Path| access(path, Access::WRITE_OK).is_ok();
    let controllers = fs::read_to_string(directory.join("cgroup.controllers")).unwrap_or_default();
    let delegated = writable(&directory) && writable(&directory.join("cgroup.subtree_control"));
    let both = ["memory", "cpu"]
        .iter()
        .all(|wanted| controllers.split_whitespace().any(|found| found == *wanted));
    let state = if delegated && both {
        State::Good
    } else {
        State::Lack
    };
    let found = format!(
        "{} is {}delegated, controllers: {}",
        directory.display(),
        if delegated { "" } else { "not " },
        if controllers.trim().is_empty() {
            "none"
        } else {
            controllers.trim()
        }
    );
    Check::new("cgroup", state, found, hint)
}

fn store(home: &Path) -> Check {
    let hint = "the damaged files were moved aside and are fetched again at the next run";
    match Store::open(home).and_then(|store| store.verify()) {
        Ok(corrupt) if corrupt.is_empty() => Check::new(
            "artifacts",
            State::Good,
            "every stored file fits its hash",
            "",
        ),
        Ok(corrupt) => {
            let list = corrupt
                .iter()
                .map(|file| format!("{} is {}", file.expected, file.found))
                .collect::<Vec<_>>();
            Check::new("artifacts", State::Lack, list.join(", "), hint)
        }
        Err(error) => Check::new("artifacts", State::Bad, chain(&error), error.hint()),
    }
}

#[cfg(test)]
mod tests {
    use super::{State, checks, clock, java, maven};
    use crate::java::Places;
    use crate::maven::Maven;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn every_lack_has_a_hint() {
        let home = tempfile::tempdir().unwrap();
        for check in checks(home.path(), true) {
            assert_eq!(
                check.hint.is_empty(),
                check.state == State::Good,
                "{check:?}"
            );
            assert!(!check.found.is_empty(), "{check:?}");
        }
        assert!(!home.path().join(".doctor").exists());
    }

    #[test]
    fn a_machine_without_anything_is_told_so() {
        assert!(
            java(&Places::default())
                .iter()
                .all(|check| check.state == State::Bad)
        );
        assert_eq!(maven(&Maven::default()).state, State::Lack);
        assert_eq!(clock(UNIX_EPOCH + Duration::from_secs(5)).state, State::Bad);
    }

    #[test]
    fn an_unwritable_home_is_bad() {
        let place = tempfile::NamedTempFile::new().unwrap();
        let check = super::home_writable(&place.path().join("below-a-file"));
        assert_eq!(check.state, State::Bad, "{check:?}");
    }
}
