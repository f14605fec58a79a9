//! A stack file in, specs out, as compact text: for the tables of these tests.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use smack_model::{
    Content, Digest, FilePlace, Launch, Name, OnChange, Operation, PortWish, Problems, ServiceSpec,
    TaskSpec, Template,
};
use smack_services::{Catalog, Platform};
use smack_stack::{Request, Source};

/// The specs of a file that needs no other.
pub(crate) fn built(text: &str) -> Result<Platform, Problems> {
    let request = Request {
        stack: &Source::new("test.yaml", text),
        parents: &BTreeMap::new(),
        layers: &BTreeMap::new(),
        zone: "default",
        run: None,
        vars: &[],
        predefined: &BTreeMap::from([("mesos.master".to_owned(), "127.0.0.1:5050".to_owned())]),
    };
    let loaded = smack_services::load(
        &request,
        Catalog::embedded(),
        &smack_services::some_nodes(3),
        smack_services::Hooks::Dropped,
    );
    loaded.map(|(_, platform)| platform)
}

/// The spec of one application of a good file.
pub(crate) fn spec(text: &str, application: &str) -> ServiceSpec {
    built(text)
        .unwrap_or_else(|problems| panic!("{problems}"))
        .specs[application]
        .clone()
}

/// The launch digest of every task of one application.
pub(crate) fn digests(text: &str, application: &str) -> BTreeMap<String, Digest> {
    let spec = spec(text, application);
    spec.tasks
        .iter()
        .map(|(name, task)| (name.to_string(), task.launch.digest()))
        .collect()
}

/// The whole spec. Tasks equal to the one before but for their own number are shown by name only.
pub(crate) fn rendered(spec: &ServiceSpec) -> String {
    let mut out = String::new();
    let w = &mut out;
    writeln!(
        w,
        "{}: budget {}, stop {:?}, roll last {:?}",
        spec.kind, spec.budget, spec.stop_order, spec.roll_last
    )
    .unwrap();
    writeln!(
        w,
        "minimum {} {:?}",
        spec.minimum.tasks, spec.minimum.reason
    )
    .unwrap();
    for phase in &spec.phases {
        writeln!(
            w,
            "phase {}: {} {:?} after {:?}",
            phase.name,
            names(&phase.tasks),
            phase.strategy,
            phase.after
        )
        .unwrap();
    }
    for requirement in &spec.requires {
        writeln!(
            w,
            "requires {} {:?}",
            requirement.application, requirement.until
        )
        .unwrap();
    }
    if let Some(check) = &spec.check {
        writeln!(w, "check {}", plain(check)).unwrap();
    }
    for operation in &spec.operations {
        let Operation::KafkaTopic {
            partitions,
            replication,
            config,
            ..
        } = &operation.operation
        else {
            let when = plain(&operation.when);
            let what = plain(&operation.operation);
            writeln!(w, "operation {} {when}: {what}", operation.name).unwrap();
            continue;
        };
        writeln!(
            w,
            "{}: {partitions} partitions x{replication} {config:?}",
            operation.name
        )
        .unwrap();
    }
    for (task, drain) in &spec.drains {
        writeln!(w, "drain {task}: {}", plain(drain)).unwrap();
    }
    for (name, template) in &spec.exports {
        writeln!(w, "export {name} = {}", template.shown()).unwrap();
    }
    for (key, value) in &spec.labels {
        writeln!(w, "label {key}={value}").unwrap();
    }
    let mut shown: Vec<(String, String)> = Vec::new();
    for (name, task) in &spec.tasks {
        let text = task_text(name, task);
        let folded = folded(&text, task);
        match shown.iter().find(|(known, _)| *known == folded) {
            Some((_, other)) => writeln!(w, "{name}: as {other}").unwrap(),
            None => {
                write!(w, "{name}: {text}").unwrap();
                shown.push((folded, name.to_string()));
            }
        }
    }
    out
}

/// The text without the numbers of the task itself.
fn folded(text: &str, task: &TaskSpec) -> String {
    let member = task.member.unwrap_or(0);
    let is_own = |line: &&str| !line.starts_with("    | initial_token: ");
    let text: String = text.split_inclusive('\n').filter(is_own).collect();
    text.replace(&format!("member {member},"), "member N,")
        .replace(&format!(".id={member}\n"), ".id=N\n")
        .replace(&format!("\"broker\":{member},"), "\"broker\":N,")
        .replace(&format!("\"broker\":{member}}}"), "\"broker\":N}")
        .replace(&format!("| {member}\n"), "| N\n")
}

fn task_text(_name: &Name, task: &TaskSpec) -> String {
    let mut out = String::new();
    let w = &mut out;
    let member = task
        .member
        .map_or_else(String::new, |member| format!("member {member}, "));
    let needs = task.needs;
    writeln!(
        w,
        "{member}goal {:?}, {} millis, {} MiB, ready within {}",
        task.goal, needs.cpu_millis, needs.memory_mib, task.ready_within
    )
    .unwrap();
    if task.pace != smack_model::Pace::default() {
        let shown = |span: Option<smack_model::Span>| span.map(|span| span.to_string());
        let smack_model::Pace {
            every,
            timeout,
            unready_within,
        } = task.pace;
        let parts = [
            ("every", shown(every)),
            ("timeout", shown(timeout)),
            ("unready within", shown(unready_within)),
        ];
        let parts = parts.into_iter();
        let parts = parts.filter_map(|(what, span)| Some(format!(" {what} {}", span?)));
        writeln!(w, "  probed{}", parts.collect::<String>()).unwrap();
    }
    let retry = &task.retry;
    writeln!(
        w,
        "  stop {} after {}; retry {} to {}, {} tries, stable {}",
        task.stop.signal,
        task.stop.grace,
        retry.delay,
        retry.max_delay,
        retry.max_tries,
        retry.stable
    )
    .unwrap();
    if let Some(tolerate) = &retry.tolerate {
        writeln!(
            w,
            "  tolerate exit {} for {}, again after {}: {}",
            tolerate.code, tolerate.window, tolerate.delay, tolerate.reason
        )
        .unwrap();
    }
    for port in &task.ports {
        let wish = match port.wish {
            PortWish::Fixed(port) => port.to_string(),
            PortWish::Range(from, to) => format!("{from}-{to}"),
            PortWish::Any => "any".to_owned(),
        };
        writeln!(w, "  port {} {wish}", port.name).unwrap();
    }
    for volume in &task.volumes {
        writeln!(w, "  volume {}", volume.name).unwrap();
    }
    for constraint in &task.constraints {
        writeln!(w, "  constraint {constraint}").unwrap();
    }
    if let Some(probe) = &task.probe {
        writeln!(w, "  probe {}", plain(probe)).unwrap();
    }
    launch_text(w, &task.launch);
    out
}

fn launch_text(w: &mut String, launch: &Launch) {
    writeln!(
        w,
        "  $ {}",
        launch
            .command
            .iter()
            .map(Template::shown)
            .collect::<Vec<_>>()
            .join(" ")
    )
    .unwrap();
    for (key, value) in &launch.env {
        writeln!(w, "  env {key}={}", value.shown()).unwrap();
    }
    for url in &launch.urls {
        writeln!(w, "  url {url}").unwrap();
    }
    if let Some(user) = &launch.user {
        writeln!(w, "  user {user}").unwrap();
    }
    if let Some(java) = &launch.java {
        writeln!(
            w,
            "  artifacts {}; java {}, best {}",
            launch.artifacts.join(" "),
            java.versions,
            java.preferred
        )
        .unwrap();
    }
    for file in &launch.files {
        let place = match &file.place {
            FilePlace::Sandbox => "sandbox".to_owned(),
            FilePlace::Volume(volume) => format!("volume {volume}"),
            FilePlace::VolumeOnce(volume) => format!("volume {volume}, once"),
        };
        let change = if file.on_change == OnChange::Restart {
            "restart"
        } else {
            "reload"
        };
        writeln!(w, "  file {} ({place}, {change})", file.path).unwrap();
        match &file.content {
            Content::Text(text) => text
                .shown()
                .lines()
                .for_each(|line| writeln!(w, "    | {line}").unwrap()),
            Content::Hex(hex) => writeln!(w, "    {} bytes", hex.len() / 2).unwrap(),
        }
    }
}

fn names(names: &[Name]) -> String {
    names.iter().map(Name::as_str).collect::<Vec<_>>().join(" ")
}

fn plain(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap()
}
