//! What becomes of each key of Marathon: a table, which the manual repeats.

use smack_model::{Problem, Problems};

use super::{error, is_nothing, notice};
use crate::near::near;
use crate::value::Map;

/// What becomes of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It means here what it means there.
    Kept,
    /// It becomes something of ours.
    Translated,
    /// Nothing is lost without it, or the server wrote it itself.
    Unheard,
    /// Without effect, with a notice that says why.
    Dropped(&'static str),
    /// It cannot run so: why, and what to do.
    Refused(&'static str, &'static str),
}

use Fate::{Dropped, Kept, Refused, Translated, Unheard};

type Table = &'static [(&'static str, Fate)];

const NO_SECRETS: Fate = Refused(
    "there is no store of secrets yet",
    "put the value into a file that only its user can read, and name the file",
);
const NO_IMAGES: Fate = Refused(
    "needs a grid that runs images",
    "give the program itself: cmd with fetch",
);

pub(super) const OF_APP: Table = &[
    ("id", Translated),
    ("cmd", Kept),
    ("args", Kept),
    ("cpus", Kept),
    ("mem", Kept),
    ("disk", Dropped("disk space is not counted")),
    (
        "gpus",
        Refused(
            "no node here offers one",
            "take it out if it can do without",
        ),
    ),
    ("instances", Kept),
    (
        "resourceLimits",
        Dropped("a task gets what it asks for: cpus and mem"),
    ),
    (
        "executor",
        Refused("there are no executors of Mesos here", "give it as cmd"),
    ),
    ("executorResources", Unheard),
    ("user", Kept),
    ("env", Kept),
    ("secrets", NO_SECRETS),
    ("labels", Kept),
    ("role", Unheard),
    ("acceptedResourceRoles", Unheard),
    ("constraints", Kept),
    ("fetch", Translated),
    ("uris", Translated),
    ("storeUrls", Dropped("it had no effect in Marathon either")),
    ("container", Translated),
    ("networks", Translated),
    ("portDefinitions", Translated),
    ("ports", Translated),
    (
        "ipAddress",
        Dropped("every task has an address of its own, $HOST"),
    ),
    ("requirePorts", Translated),
    ("healthChecks", Translated),
    (
        "check",
        Dropped("it only reported; make it one of healthChecks"),
    ),
    ("readinessChecks", Translated),
    ("upgradeStrategy", Translated),
    ("backoffSeconds", Translated),
    (
        "backoffFactor",
        Dropped("the delay doubles with each failure"),
    ),
    ("maxLaunchDelaySeconds", Translated),
    (
        "killSelection",
        Dropped("of fewer instances the last ones end"),
    ),
    (
        "unreachableStrategy",
        Dropped("what cannot be reached is not ended: smack replace says so"),
    ),
    ("taskKillGracePeriodSeconds", Translated),
    ("dependencies", Translated),
    ("tty", Dropped("there is no terminal")),
    ("residency", Unheard),
    ("version", Translated),
    ("versionInfo", Unheard),
    ("tasks", Unheard),
    ("tasksStaged", Unheard),
    ("tasksRunning", Unheard),
    ("tasksHealthy", Unheard),
    ("tasksUnhealthy", Unheard),
    ("taskStats", Unheard),
    ("deployments", Unheard),
    ("lastTaskFailure", Unheard),
    ("readinessCheckResults", Unheard),
];

pub(super) const OF_GROUP: Table = &[
    ("id", Translated),
    ("apps", Translated),
    ("groups", Translated),
    ("dependencies", Translated),
    (
        "pods",
        Refused(
            "tasks of several containers are not run",
            "make each container an app",
        ),
    ),
    ("enforceRole", Unheard),
    ("version", Unheard),
];

pub(super) const OF_CONTAINER: Table = &[
    ("type", Unheard),
    ("docker", NO_IMAGES),
    ("linuxInfo", Dropped("its settings were those of Mesos")),
    ("volumes", Translated),
    ("portMappings", Translated),
];

pub(super) const OF_VOLUME: Table = &[
    ("containerPath", Translated),
    ("hostPath", Translated),
    ("persistent", Translated),
    ("mode", Unheard),
    (
        "external",
        Refused(
            "there are no drivers for volumes",
            "a persistent volume is a directory that stays",
        ),
    ),
    ("secret", NO_SECRETS),
];

pub(super) const OF_PORT: Table = &[
    ("port", Translated),
    ("containerPort", Translated),
    ("hostPort", Unheard),
    ("servicePort", Dropped("there is no proxy before the apps")),
    ("name", Kept),
    ("protocol", Unheard),
    ("labels", Dropped("there is no proxy before the apps")),
    ("networkNames", Unheard),
];

pub(super) const OF_FETCH: Table = &[
    ("uri", Translated),
    ("extract", Translated),
    ("executable", Translated),
    ("destPath", Translated),
    ("outputFile", Translated),
    ("cache", Unheard),
];

pub(super) const OF_HEALTH_CHECK: Table = &[
    ("protocol", Translated),
    ("path", Translated),
    ("port", Translated),
    ("portIndex", Translated),
    ("command", Translated),
    ("gracePeriodSeconds", Translated),
    ("intervalSeconds", Translated),
    ("timeoutSeconds", Translated),
    ("maxConsecutiveFailures", Translated),
    ("delaySeconds", Unheard),
    ("ignoreHttp1xx", Unheard),
    ("ipProtocol", Unheard),
];

pub(super) const OF_READINESS_CHECK: Table = &[
    ("name", Unheard),
    ("protocol", Translated),
    ("path", Translated),
    ("portName", Translated),
    ("intervalSeconds", Unheard),
    ("timeoutSeconds", Unheard),
    ("httpStatusCodesForReady", Unheard),
    ("preserveLastResponse", Unheard),
];

pub(super) const OF_UPGRADE: Table = &[
    ("minimumHealthCapacity", Translated),
    ("maximumOverCapacity", Unheard),
];

/// Tells what is said and without effect, what is refused, and what nobody knows.
pub(super) fn tell(table: Table, map: &Map, of: &str, problems: &mut Problems) {
    for (key, value) in map {
        let known = table.iter().find(|(known, _)| known == key);
        match known.map(|(_, fate)| fate) {
            Some(Kept | Translated | Unheard) => {}
            Some(_) if is_nothing(value) => {}
            Some(Dropped(why)) => {
                notice(
                    &value.place,
                    format!("{key} of {of} is dropped"),
                    why,
                    problems,
                );
            }
            Some(Refused(why, hint)) => {
                error(
                    &value.place,
                    format!("{key} of {of}: {why}"),
                    hint,
                    problems,
                );
            }
            None => {
                let what = format!("{key} of {of} is no key of Marathon: it is left out");
                let problem = Problem::notice(Some(&value.place), what);
                problems.push(match near(key, table.iter().map(|(key, _)| *key)) {
                    Some(near) => problem.hint(format!("did you mean {near}?")),
                    None => problem,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of the manual, `| key | … |`, are those of the table.
    #[test]
    fn the_manual_has_every_key_of_an_app() {
        let manual = include_str!("../../../../docs/marathon.md");
        let mut missing: Vec<&str> = Vec::new();
        for (key, fate) in OF_APP {
            let row = manual
                .lines()
                .find(|line| line.starts_with('|') && line.contains(&format!("`{key}`")));
            let word = match fate {
                Kept => "| kept |",
                Translated => "| translated |",
                Dropped(_) => "| dropped |",
                Refused(..) => "| refused |",
                Unheard => "| ignored |",
            };
            if !row.is_some_and(|row| row.contains(word)) {
                missing.push(key);
            }
        }
        assert!(missing.is_empty(), "not in docs/marathon.md: {missing:?}");
    }
}
