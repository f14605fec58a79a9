//! Frameworks of 2016 in today's terms: an application of `type: kafka-mesos-0.9.x` becomes one of `type: kafka`, every value
//! with the place it came from. The scheduler that started the framework's tasks is no longer there; its tasks are. Pure
//! translation: what is wrong with the values, today's services say.

mod dse;
mod exhibitor;
mod hooks;
mod kafka;
mod tasks;
mod zipkin;

use std::collections::BTreeMap;

use smack_model::{Name, Piece, Problem, Problems, ServiceSpec, Template, Zone};
use smack_stack::{Application, Data, Map, Setting, Value};

pub(crate) use hooks::hooks_as_jobs;
use tasks::Tasks;

/// A framework, and what it is today.
struct Framework {
    /// Of its types: `kafka-mesos-`.
    start: &'static str,
    /// The service; None: there is none yet.
    service: Option<&'static str>,
    translate: fn(&mut Tasks<'_>),
    /// Why nothing runs it.
    missing: &'static str,
}

const FRAMEWORKS: &[Framework] = &[
    Framework {
        start: "kafka-mesos-",
        service: Some("kafka"),
        translate: kafka::translate,
        missing: "",
    },
    Framework {
        start: "exhibitor-mesos-",
        service: Some("zookeeper"),
        translate: exhibitor::translate,
        missing: "",
    },
    Framework {
        start: "dse-mesos-",
        service: Some("cassandra"),
        translate: dse::translate,
        missing: "",
    },
    Framework {
        start: "zipkin-mesos-",
        service: Some("zipkin"),
        translate: zipkin::translate,
        missing: "",
    },
    Framework {
        start: "statsd-mesos-",
        service: None,
        translate: |_| {},
        missing: "the statsd worker is not there yet",
    },
    Framework {
        start: "syslog-mesos-",
        service: None,
        translate: |_| {},
        missing: "the syslog worker is not there yet",
    },
    Framework {
        start: "go-kafka-client-mesos-",
        service: None,
        translate: |_| {},
        missing: "its workers, mirror and stockpile, are not there yet",
    },
    Framework {
        start: "elasticsearch",
        service: None,
        translate: |_| {},
        missing: "Elasticsearch is not in the catalog; Zipkin takes one that is elsewhere by its URL",
    },
];

/// What the framework's scheduler itself took.
const OF_THE_SCHEDULER: [&str; 14] = [
    "version",
    "cpu",
    "mem",
    "ports",
    "instances",
    "constraints",
    "user",
    "healthcheck",
    "launch_command",
    "args",
    "artifact_urls",
    "additional_artifacts",
    "docker",
    "scheduler",
];
/// Shell lines on the server.
const HOOKS: [&str; 5] = [
    "before_scheduler",
    "after_scheduler",
    "before_task",
    "after_task",
    "after_tasks",
];

fn framework(kind: &str) -> Option<&'static Framework> {
    FRAMEWORKS
        .iter()
        .find(|known| kind.starts_with(known.start))
}

/// The service that an application of old becomes.
pub(crate) fn service_of(kind: &str) -> Option<&'static str> {
    framework(kind)?.service
}

/// Applications of old in today's terms, all others as they are; those that nothing runs yet are left out, with an error.
pub fn translate(
    applications: &BTreeMap<Name, Application>,
    problems: &mut Problems,
) -> BTreeMap<Name, Application> {
    let mut translated = BTreeMap::new();
    for (id, application) in applications {
        let Some(framework) = framework(&application.kind.value) else {
            translated.insert(id.clone(), application.clone());
            continue;
        };
        match framework.service {
            Some(service) => {
                let application = today(application, applications, framework, service, problems);
                translated.insert(id.clone(), application);
            }
            None => {
                let place = Some(&application.kind.place);
                let what = format!(
                    "type {} cannot run: {}",
                    application.kind.value, framework.missing
                );
                problems.push(Problem::error(place, what).hint("take it out of the stack"));
            }
        }
    }
    translated
}

/// As [`translate`], and plain programs by their names of today: what `smack convert` writes down.
pub fn convert(
    applications: &BTreeMap<Name, Application>,
    problems: &mut Problems,
) -> BTreeMap<Name, Application> {
    let mut converted = translate(applications, problems);
    for application in converted.values_mut() {
        let kind = &mut application.kind;
        let is_known = crate::ALL
            .iter()
            .any(|service| service.kind() == kind.value);
        if is_known {
            continue;
        }
        let is_job = kind.value == "run-once";
        let place = kind.place.clone();
        (if is_job { "job" } else { "command" }).clone_into(&mut kind.value);
        if let Data::Map(map) = &mut application.settings.data
            && is_job
        {
            let start = map.shift_remove("start_time");
            let (calendar, start) = match (map.shift_remove("time_schedule"), start) {
                (None, start) => (start, None),
                both => both,
            };
            let by_the_clock = calendar.is_some();
            for (key, value) in [("schedule", calendar), ("schedule-start", start)] {
                if let Some(value) = value {
                    map.insert(key.to_owned(), value);
                }
            }
            if by_the_clock {
                let local = Value::text(Zone::LOCAL, place.clone());
                map.entry("time-zone".to_owned()).or_insert(local);
            }
            // As of old: once for ever, and not again after a failure.
            let tries = tasks::plainly(Value::text("1", place.clone()));
            let retry = Map::from_iter([("max-tries".to_owned(), tries)]);
            let retry = Value::new(Data::Map(retry), place.clone());
            map.entry("retry".to_owned()).or_insert(retry);
            if !by_the_clock {
                let once = tasks::plainly(Value::text("true", place));
                map.entry("once".to_owned()).or_insert(once);
            }
        }
    }
    converted
}

fn today(
    old: &Application,
    all: &BTreeMap<Name, Application>,
    framework: &Framework,
    service: &'static str,
    problems: &mut Problems,
) -> Application {
    let empty = Map::new();
    let settings = old.settings.as_map().unwrap_or(&empty);
    tell_dropped(old, settings, service, problems);
    let of_the_scheduler = |key: &str| {
        key == "tasks" || key == "env" || OF_THE_SCHEDULER.contains(&key) || HOOKS.contains(&key)
    };
    // What is said in today's words stays.
    let kept = settings.iter().filter(|(key, _)| !of_the_scheduler(key));
    let kept: Map = kept
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let mut tasks = Tasks::new(old, all, kept, problems);
    (framework.translate)(&mut tasks);
    let settings = tasks.finish();
    Application {
        kind: Setting {
            value: service.to_owned(),
            place: old.kind.place.clone(),
        },
        settings: Value::new(Data::Map(settings), old.settings.place.clone()),
        ..old.clone()
    }
}

/// One notice for all that the scheduler needed, one for the hooks.
fn tell_dropped(old: &Application, settings: &Map, service: &str, problems: &mut Problems) {
    let said = |keys: &[&'static str]| -> Vec<&'static str> {
        let is_said = |key: &&&str| settings.get(**key).is_some_and(|value| !value.is_null());
        keys.iter().filter(is_said).copied().collect()
    };
    let place = Some(&old.kind.place);
    let mut dropped = said(&OF_THE_SCHEDULER);
    dropped.extend(said(&["env"]));
    let what = format!("{} runs as type: {service}", old.shown_id);
    let notice = Problem::notice(place, what);
    problems.push(match dropped.is_empty() {
        true => notice,
        false => notice.hint(format!(
            "without effect, for its scheduler is not needed any more: {}",
            dropped.join(", ")
        )),
    });
    let hooks = said(&HOOKS);
    if !hooks.is_empty() {
        let what = format!("{}: dropped: {}", old.shown_id, hooks.join(", "));
        let hint = "it ran on the server of old; make it a job that others depend on";
        problems.push(Problem::notice(place, what).hint(hint));
    }
}

/// What the framework published, by its names, beside what the service does.
pub(crate) fn publish(old: &Application, spec: &mut ServiceSpec) {
    if framework(&old.kind.value).is_none() {
        return;
    }
    let mut exports: BTreeMap<String, Template> = BTreeMap::new();
    for (position, (name, task)) in spec.tasks.iter().enumerate() {
        let host: Template = Piece::Address(Some(name.clone())).into();
        let port = |port: &Name| Template::from(Piece::Port(Some(name.clone()), port.clone()));
        let first = task.ports.first();
        let address = match first {
            Some(first) => host.clone().text(":").then(&port(&first.name)),
            None => host.clone(),
        };
        if position == 0 {
            exports.insert("host".to_owned(), host.clone());
            exports.insert("api".to_owned(), Template::from("http://").then(&address));
            for (index, known) in task.ports.iter().enumerate() {
                exports.insert(format!("port{index}"), port(&known.name));
            }
        }
        match spec.kind.as_str() {
            "zookeeper" => drop(exports.insert(format!("exhibitor-{position}"), address)),
            "cassandra" => {
                let node = task.member.unwrap_or_default();
                exports.insert(format!("cassandra-{node}"), address);
                exports.insert(format!("cassandra-{node}.host"), host.clone());
                exports.insert(format!("cassandra-node-{position}"), host);
                for known in &task.ports {
                    let export = format!("cassandra-{node}.{}Port", known.name);
                    exports.insert(export, port(&known.name));
                }
            }
            _ => {}
        }
    }
    for (name, template) in exports {
        spec.exports.entry(name).or_insert(template);
    }
}
