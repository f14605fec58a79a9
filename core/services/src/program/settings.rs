//! What a stack may say about a program, validated.

use smack_model::{Name, PortSpec, Probe, Problem, Problems, Resources, Retry, Span, TaskGoal, TaskName, Template};
use smack_stack::{Application, Data, Reader, Value};

use super::{Kind, legacy};
use crate::schema::{FieldSchema, PORT, Sort};
use crate::shape::{self, Defaults, Shape};
use crate::text::template;
use crate::{Surroundings, ports};

const INSTANCES_MOST: u32 = 100_000;

const HEALTH: Sort = Sort::AnyOf(&[
    Sort::Text,
    Sort::Fields(&[
        FieldSchema::new("http", Sort::Text, "", "A path that answers with a status from 200 to 399."),
        FieldSchema::new("tcp", Sort::AnyOf(&[Sort::Bool, Sort::Text]), "", "A port that takes connections, by name; true is the first."),
        FieldSchema::new("exec", Sort::List(&Sort::Text), "", "A command that ends with code 0, run beside the program."),
        FieldSchema::new("port", Sort::Text, "", "The name of the port for http; the first one without it."),
    ]),
]);

const SHARED: [FieldSchema; 12] = [
    FieldSchema::new("command", Sort::List(&Sort::Text), "", "The program and its arguments; no shell is involved."),
    FieldSchema::new("launch_command", Sort::Text, "", "A line for /bin/sh -c."),
    FieldSchema::new("args", Sort::List(&Sort::Text), "", "Further arguments of command."),
    FieldSchema::new("scheduler", Sort::Map(&Sort::Text), "", "Appended to launch_command as --key value."),
    FieldSchema::new("instances", Sort::AnyOf(&[Sort::Integer { min: 1, max: INSTANCES_MOST as i64 }, Sort::OneOf(&["all"])]), "1", "How many of it; all: as many as there are nodes."),
    FieldSchema::new("ports", Sort::AnyOf(&[PORT, Sort::List(&PORT), Sort::Map(&PORT)]), "", "A list gives port0, port1, …; a map gives names."),
    FieldSchema::new("volumes", Sort::List(&Sort::Text), "", "Directories that outlive it, by name: $VOLUME_NAME."),
    FieldSchema::new("artifact_urls", Sort::List(&Sort::Text), "", "Files and archives fetched into its directory."),
    FieldSchema::new("additional_artifacts", Sort::List(&Sort::Text), "", "Appended to artifact_urls."),
    FieldSchema::new("user", Sort::Text, "", "The user it runs as."),
    FieldSchema::new("version", Sort::Text, "", "For people."),
    FieldSchema::new("healthcheck", HEALTH, "", "How it shows that it is ready; a text is a path on the first port."),
];

pub(crate) const COMMAND_FIELDS: &[FieldSchema] = &SHARED;

pub(crate) const JOB_FIELDS: &[FieldSchema] = &{
    let mut fields = SHARED;
    fields[11] = FieldSchema::new("once", Sort::Bool, "false", "Never again, not even when it changes.");
    fields
};

/// A validated program.
pub(super) struct Program {
    pub(super) kind: &'static str,
    pub(super) goal: TaskGoal,
    pub(super) tasks: Vec<TaskName>,
    pub(super) command: Vec<Template>,
    pub(super) urls: Vec<String>,
    pub(super) user: Option<String>,
    pub(super) ports: Vec<PortSpec>,
    pub(super) volumes: Vec<Name>,
    pub(super) probe: Option<Probe>,
    pub(super) stack_labels: String,
    pub(super) shape: Shape,
}

/// Reads all keys; the notices come with the program.
pub(super) fn read(
    application: &Application,
    surroundings: &Surroundings<'_>,
    kind: &Kind,
    (retry, ready_within): (Retry, Span),
) -> Result<(Program, Problems), Problems> {
    let mut problems = Problems::default();
    let mut reader = Reader::new(&application.settings, &mut problems);
    // A program that says nothing counts little.
    let needs = Resources { cpu_millis: 10, memory_mib: 16 };
    let shape = shape::read(&mut reader, application, Defaults { needs, retry, ready_within });
    let command = command(&mut reader, application);
    let tasks = tasks(&mut reader, application, surroundings);
    let ports = ports::of_program(&mut reader);
    let (name, goal, probe) = match kind {
        Kind::Command => ("command", TaskGoal::Running, health(&mut reader, &ports)),
        Kind::Job { once } => {
            reader.dropped(&["healthcheck"], "a job is ready when it has ended well");
            let once = reader.bool("once").unwrap_or(*once);
            ("job", if once { TaskGoal::Once } else { TaskGoal::Finish }, None)
        }
    };
    let program = Program {
        kind: name,
        goal,
        tasks,
        command,
        urls: legacy::urls(&mut reader),
        user: reader.string("user").filter(|user| !user.is_empty()),
        ports,
        volumes: volumes(&mut reader),
        probe,
        stack_labels: format!("zone={};stack={}", surroundings.zone, surroundings.stack),
        shape,
    };
    legacy::drop_old(&mut reader);
    reader.finish();
    if problems.has_errors() { Err(problems) } else { Ok((program, problems)) }
}

/// `command:` with `args:`, or `launch_command:` with the options of `scheduler:`.
fn command(reader: &mut Reader<'_>, application: &Application) -> Vec<Template> {
    let is_line = matches!(reader.value("command").map(|value| &value.data), Some(Data::Text(_)));
    let items = reader.texts("command");
    let line = reader.text("launch_command").filter(|line| !line.is_empty());
    let arguments = reader.texts("args").unwrap_or_default();
    let options = legacy::scheduler_options(reader);
    let mut command: Vec<Template> =
        items.iter().flatten().chain(&arguments).map(|item| template(&item.value)).collect();
    match (&items, line) {
        (Some(_), Some(_)) => reader.refuse("launch_command", "there is a command as well", "take one of them out"),
        (Some(items), None) => {
            let first = items.first().map(|item| item.value.to_string());
            if is_line && first.as_ref().is_some_and(|text| text.contains(char::is_whitespace)) {
                let hint = "write a list: [sleep, \"60\"]; or launch_command: for a line of the shell";
                reader.refuse("command", "a program and its arguments are a list", hint);
            } else if first.is_none_or(|program| program.is_empty()) {
                reader.refuse("command", "names no program", "write a list: [sleep, \"60\"]");
            }
            if !options.0.is_empty() {
                reader.refuse("scheduler", "goes with launch_command", "append the options to command");
            }
        }
        (None, Some(line)) => {
            if !arguments.is_empty() {
                reader.refuse("args", "goes with command", "append them to launch_command");
            }
            command = vec!["/bin/sh".into(), "-c".into(), template(&line).then(&options)];
        }
        (None, None) if reader.has("command") || reader.has("launch_command") || reader.has("docker") => {}
        // As of old, options alone are a line.
        (None, None) if !options.0.is_empty() => {
            command = vec!["/bin/sh".into(), "-c".into(), options];
        }
        (None, None) => {
            let place = reader.place().clone();
            let problem = Problem::error(Some(&place), format!("{} has no command", application.shown_id));
            reader.problems().push(problem.hint("add command: [program, argument] or launch_command: a line of the shell"));
        }
    }
    command
}

/// `<id>-0` and on.
fn tasks(reader: &mut Reader<'_>, application: &Application, surroundings: &Surroundings<'_>) -> Vec<TaskName> {
    let is_all = reader.value("instances").and_then(Value::to_literal).is_some_and(|text| text == "all");
    let instances = if is_all {
        surroundings.nodes.max(1)
    } else {
        shape::count(reader, "instances", 1, INSTANCES_MOST).unwrap_or(1)
    };
    let mut tasks = Vec::new();
    for index in 0..instances {
        match Name::new(&format!("{}-{index}", application.id)) {
            Ok(name) => tasks.push(name),
            Err(why) => {
                let problem = Problem::error(Some(&application.place), why.to_string());
                reader.problems().push(problem.hint("its tasks are named after it: give it a shorter id"));
                break;
            }
        }
    }
    tasks
}

fn volumes(reader: &mut Reader<'_>) -> Vec<Name> {
    let mut volumes = Vec::new();
    for text in reader.strings("volumes").unwrap_or_default() {
        match Name::new(&text.value) {
            Ok(name) if volumes.contains(&name) => {
                let what = format!("volumes: {name} is there twice");
                reader.problems().push(Problem::error(Some(&text.place), what).hint("take one out"));
            }
            Ok(name) => volumes.push(name),
            Err(why) => {
                let what = format!("volumes: {why}");
                reader.problems().push(Problem::error(Some(&text.place), what).hint("a volume is named, not a path"));
            }
        }
    }
    volumes
}

/// `healthcheck: /path`, or a map of one kind of check.
fn health(reader: &mut Reader<'_>, ports: &[PortSpec]) -> Option<Probe> {
    let value = reader.value("healthcheck")?;
    let first = ports.first().map(|port| port.name.clone());
    if value.as_map().is_none() {
        let path = reader.string("healthcheck").filter(|path| !path.is_empty())?;
        return http(reader, "healthcheck", path, first);
    }
    let mut inner = reader.sub("healthcheck")?;
    let kinds = ["http", "tcp", "exec"].into_iter().filter(|kind| inner.has(kind)).count();
    if kinds != 1 {
        let place = inner.place().clone();
        let problem = Problem::error(Some(&place), "healthcheck wants one of http, tcp and exec");
        inner.problems().push(problem.hint("for example {http: /health}, {tcp: port0} or {exec: [./check]}"));
    }
    let named = inner.string("port").or_else(|| inner.value("tcp").and_then(Value::to_literal).filter(|port| port != "true"));
    let port = match named {
        Some(name) => found_port(&mut inner, &name, ports),
        None => first,
    };
    let probe = if inner.has("http") {
        inner.string("http").and_then(|path| http(&mut inner, "http", path, port))
    } else if inner.has("tcp") {
        if port.is_none() && ports.is_empty() {
            inner.refuse("tcp", "there is no port to ask", "add ports: [8080]");
        }
        port.map(|port| Probe::Tcp { port })
    } else {
        let command = inner.texts("exec").unwrap_or_default();
        Some(Probe::Exec { command: command.iter().map(|item| template(&item.value)).collect() })
    };
    for key in ["http", "tcp", "exec"] {
        inner.value(key);
    }
    inner.finish();
    probe
}

fn http(reader: &mut Reader<'_>, key: &str, path: String, port: Option<Name>) -> Option<Probe> {
    if !path.starts_with('/') {
        reader.refuse(key, &format!("{path:?} is no path"), "a path starts with /");
    }
    if port.is_none() {
        reader.refuse(key, "there is no port to ask", "add ports: [8080]");
    }
    Some(Probe::Http { port: port?, path })
}

fn found_port(reader: &mut Reader<'_>, name: &str, ports: &[PortSpec]) -> Option<Name> {
    let found = ports.iter().find(|port| port.name.as_str() == name);
    if found.is_none() {
        let known: Vec<&str> = ports.iter().map(|port| port.name.as_str()).collect();
        let hint = if known.is_empty() { "add ports: [8080]".to_owned() } else { format!("there are {}", known.join(", ")) };
        let key = if reader.has("tcp") { "tcp" } else { "port" };
        reader.refuse(key, &format!("there is no port {name}"), &hint);
    }
    found.map(|port| port.name.clone())
}
