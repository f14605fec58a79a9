//! What becomes of each key of Marathon: a table, which the manual repeats.

use smack_model::{Problem, Problems};

use super::{error, is_nothing, notice};
use crate::near::near;
use crate::value::Map;

/// What becomes of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It means here what it means there, or is read with the key that it stands in.
    Kept,
    /// It becomes this of ours.
    Translated(&'static str),
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
    ("id", Translated("the name of the application")),
    ("cmd", Translated("launch_command")),
    ("args", Translated("command")),
    ("cpus", Translated("cpu")),
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
    ("fetch", Translated("artifact_urls")),
    ("uris", Translated("artifact_urls")),
    ("storeUrls", Dropped("it had no effect in Marathon either")),
    ("container", Translated("volumes")),
    ("networks", Translated("an address for each task")),
    ("portDefinitions", Translated("ports")),
    ("ports", Translated("ports")),
    (
        "ipAddress",
        Dropped("every task has an address of its own, $HOST"),
    ),
    ("requirePorts", Translated("ports")),
    ("healthChecks", Translated("healthcheck")),
    (
        "check",
        Dropped("it only reported; make it one of healthChecks"),
    ),
    ("readinessChecks", Translated("healthcheck")),
    ("upgradeStrategy", Translated("budget")),
    ("backoffSeconds", Translated("retry.delay")),
    (
        "backoffFactor",
        Dropped("the delay doubles with each failure"),
    ),
    ("maxLaunchDelaySeconds", Translated("retry.max-delay")),
    (
        "killSelection",
        Dropped("of fewer instances the last ones end"),
    ),
    (
        "unreachableStrategy",
        Dropped("what cannot be reached is not ended: smack replace says so"),
    ),
    ("taskKillGracePeriodSeconds", Translated("stop.grace")),
    (
        "dependencies",
        Translated("dependencies, by the names of applications"),
    ),
    ("tty", Dropped("there is no terminal")),
    ("residency", Unheard),
    ("version", Translated("env.MARATHON_APP_VERSION")),
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
    ("id", Kept),
    ("apps", Kept),
    ("groups", Kept),
    ("dependencies", Kept),
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
    ("volumes", Kept),
    ("portMappings", Kept),
];

pub(super) const OF_VOLUME: Table = &[
    ("containerPath", Kept),
    ("hostPath", Kept),
    ("persistent", Kept),
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
    ("port", Kept),
    ("containerPort", Kept),
    ("hostPort", Unheard),
    ("servicePort", Dropped("there is no proxy before the apps")),
    ("name", Kept),
    ("protocol", Unheard),
    ("labels", Dropped("there is no proxy before the apps")),
    ("networkNames", Unheard),
];

pub(super) const OF_FETCH: Table = &[
    ("uri", Kept),
    ("extract", Kept),
    ("executable", Kept),
    ("destPath", Kept),
    ("outputFile", Kept),
    ("cache", Unheard),
];

pub(super) const OF_HEALTH_CHECK: Table = &[
    ("protocol", Kept),
    ("path", Kept),
    ("port", Kept),
    ("portIndex", Kept),
    ("command", Kept),
    ("gracePeriodSeconds", Kept),
    ("intervalSeconds", Kept),
    ("timeoutSeconds", Kept),
    ("maxConsecutiveFailures", Kept),
    ("delaySeconds", Unheard),
    ("ignoreHttp1xx", Unheard),
    ("ipProtocol", Unheard),
];

pub(super) const OF_READINESS_CHECK: Table = &[
    ("name", Unheard),
    ("protocol", Kept),
    ("path", Kept),
    ("portName", Kept),
    ("intervalSeconds", Unheard),
    ("timeoutSeconds", Unheard),
    ("httpStatusCodesForReady", Unheard),
    ("preserveLastResponse", Unheard),
];

pub(super) const OF_UPGRADE: Table = &[
    ("minimumHealthCapacity", Kept),
    ("maximumOverCapacity", Unheard),
];

/// Tells what is said and without effect, what is refused, and what nobody knows.
pub(super) fn tell(table: Table, map: &Map, of: &str, problems: &mut Problems) {
    for (key, value) in map {
        let known = table.iter().find(|(known, _)| known == key);
        match known.map(|(_, fate)| fate) {
            Some(Kept | Translated(_) | Unheard) => {}
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

/// Tells what became of each key that an app says.
pub(super) fn tell_translated(map: &Map, of: &str, problems: &mut Problems) {
    for (key, value) in map.iter().filter(|(_, value)| !is_nothing(value)) {
        let known = OF_APP.iter().find(|(known, _)| known == key);
        if let Some((_, Translated(today))) = known {
            let what = format!("{key} of {of} is {today} now");
            problems.push(Problem::notice(Some(&value.place), what));
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
                Translated(_) => "| translated |",
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
