//! What a stack may say about a program, validated.

use smack_model::{
    Name, Node, Pace, PortSpec, Probe, Problem, Problems, Resources, Retry, Schedule, Span,
    TaskGoal, TaskName, Template,
};
use smack_stack::{Application, Data, Reader, Text, Value};

use super::{Kind, health, legacy, schedule};
use crate::schema::{FieldSchema, PORT, Sort};
use crate::shape::{self, Defaults, Shape};
use crate::text::template;
use crate::{Surroundings, ports};

const INSTANCES_MOST: u32 = 100_000;

const SHARED: [FieldSchema; 13] = [
    FieldSchema::new(
        "command",
        Sort::List(&Sort::Text),
        "",
        "The program and its arguments; no shell is involved.",
    ),
    FieldSchema::new("launch_command", Sort::Text, "", "A line for /bin/sh -c."),
    FieldSchema::new(
        "args",
        Sort::List(&Sort::Text),
        "",
        "Further arguments of command.",
    ),
    FieldSchema::new(
        "scheduler",
        Sort::Map(&Sort::Text),
        "",
        "Appended to launch_command as --key value.",
    ),
    FieldSchema::new(
        "instances",
        Sort::AnyOf(&[
            Sort::Integer {
                min: 1,
                max: INSTANCES_MOST as i64,
            },
            Sort::OneOf(&["all"]),
        ]),
        "1",
        "How many of it; all: as many as there are nodes.",
    ),
    FieldSchema::new(
        "budget",
        Sort::Integer {
            min: 1,
            max: INSTANCES_MOST as i64,
        },
        "1",
        "How many may be away at once when they are restarted.",
    ),
    FieldSchema::new(
        "ports",
        Sort::AnyOf(&[PORT, Sort::List(&PORT), Sort::Map(&PORT)]),
        "",
        "A list gives port0, port1, …; a map gives names.",
    ),
    FieldSchema::new(
        "volumes",
        Sort::List(&Sort::Text),
        "",
        "Directories that outlive it, by name: $VOLUME_NAME.",
    ),
    FieldSchema::new(
        "artifact_urls",
        Sort::List(&Sort::Text),
        "",
        "Files and archives fetched into its directory.",
    ),
    FieldSchema::new(
        "additional_artifacts",
        Sort::List(&Sort::Text),
        "",
        "Appended to artifact_urls.",
    ),
    FieldSchema::new("user", Sort::Text, "", "The user it runs as."),
    FieldSchema::new("version", Sort::Text, "", "For people."),
    FieldSchema::new(
        "healthcheck",
        health::SORT,
        "",
        "How it shows that it is ready; a text is a path on the first port.",
    ),
];

pub(crate) const COMMAND_FIELDS: &[FieldSchema] = &SHARED;

pub(crate) const JOB_FIELDS: &[FieldSchema] = &{
    const OWN: usize = SHARED.len();
    let mut fields = [SHARED[0]; OWN + schedule::FIELDS.len()];
    let mut index = 0;
    while index < OWN {
        fields[index] = SHARED[index];
        index += 1;
    }
    // In place of `healthcheck`.
    fields[OWN - 1] = FieldSchema::new(
        "once",
        Sort::Bool,
        "false",
        "Never again, not even when it changes.",
    );
    while index < fields.len() {
        fields[index] = schedule::FIELDS[index - OWN];
        index += 1;
    }
    fields
};

/// A validated program.
pub(super) struct Program {
    pub(super) kind: &'static str,
    pub(super) goal: TaskGoal,
    pub(super) tasks: Vec<TaskName>,
    pub(super) budget: u32,
    pub(super) command: Vec<Template>,
    pub(super) urls: Vec<String>,
    pub(super) user: Option<String>,
    pub(super) ports: Vec<PortSpec>,
    pub(super) volumes: Vec<Name>,
    pub(super) probe: Option<Probe>,
    pub(super) pace: Pace,
    pub(super) stack_labels: String,
    pub(super) schedule: Option<Box<Schedule>>,
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
    let needs = Resources {
        cpu_millis: 10,
        memory_mib: 16,
    };
    let mut shape = shape::read(
        &mut reader,
        application,
        Defaults {
            needs,
            retry,
            ready_within,
        },
    );
    let command = command(&mut reader, application);
    let fit = |node: &&Node| {
        let mut constraints = shape.constraints.iter();
        constraints.all(|constraint| constraint.admits(node.attribute(&constraint.attribute)))
    };
    let nodes = surroundings.nodes.iter().filter(fit).count();
    let tasks = tasks(&mut reader, application, nodes);
    let ports = ports::of_program(&mut reader);
    let mut schedule = None;
    let mut pace = Pace::default();
    let (name, goal, probe) = match kind {
        Kind::Command => {
            let says_within = reader.has("ready-within");
            let health = health::read(&mut reader, &ports);
            if let Some(health) = &health {
                pace = health.pace;
                let within = health.ready_within.filter(|_| !says_within);
                shape.ready_within = within.unwrap_or(shape.ready_within);
            }
            (
                "command",
                TaskGoal::Running,
                health.map(|health| health.probe),
            )
        }
        Kind::Job { once } => {
            reader.dropped(&["healthcheck"], "a job is ready when it has ended well");
            schedule = schedule::read(&mut reader);
            ("job", goal(&mut reader, *once, schedule.is_some()), None)
        }
    };
    let program = Program {
        kind: name,
        goal,
        tasks,
        budget: shape::count(&mut reader, "budget", 1, INSTANCES_MOST).unwrap_or(1),
        command,
        urls: legacy::urls(&mut reader),
        user: reader.string("user").filter(|user| !user.is_empty()),
        ports,
        volumes: volumes(&mut reader),
        probe,
        pace,
        schedule,
        stack_labels: format!("zone={};stack={}", surroundings.zone, surroundings.stack),
        shape,
    };
    let read: &[&str] = match kind {
        Kind::Command => &[],
        Kind::Job { .. } => &["start_time", "time_schedule"],
    };
    legacy::drop_old(&mut reader, read);
    reader.finish();
    if problems.has_errors() {
        Err(problems)
    } else {
        Ok((program, problems))
    }
}

/// What runs by the clock runs once for each due time.
fn goal(reader: &mut Reader<'_>, otherwise: bool, by_the_clock: bool) -> TaskGoal {
    let once = reader.bool("once");
    if once == Some(true) && by_the_clock {
        let what = "it has a schedule, so it runs again and again";
        reader.refuse("once", what, "take one of them out");
    }
    match once.unwrap_or(otherwise) && !by_the_clock {
        true => TaskGoal::Once,
        false => TaskGoal::Finish,
    }
}

/// `command:` with `args:`, or `launch_command:` with the options of `scheduler:`.
fn command(reader: &mut Reader<'_>, application: &Application) -> Vec<Template> {
    let is_line = matches!(
        reader.value("command").map(|value| &value.data),
        Some(Data::Text(_))
    );
    let items = reader.texts("command");
    let line = reader.text("launch_command");
    if line.as_ref().is_some_and(Text::is_empty) {
        reader.refuse(
            "launch_command",
            "is empty",
            "write a line for the shell: sleep 60",
        );
    }
    let line = line.filter(|line| !line.is_empty());
    let arguments = reader.texts("args").unwrap_or_default();
    let options = legacy::scheduler_options(reader);
    let mut command: Vec<Template> = items
        .iter()
        .flatten()
        .chain(&arguments)
        .map(|item| template(&item.value))
        .collect();
    match (&items, line) {
        (Some(_), Some(_)) => reader.refuse(
            "launch_command",
            "there is a command as well",
            "take one of them out",
        ),
        (Some(items), None) => {
            let first = items.first().map(|item| item.value.to_string());
            if is_line
                && first
                    .as_ref()
                    .is_some_and(|text| text.contains(char::is_whitespace))
            {
                let hint =
                    "write a list: [sleep, \"60\"]; or launch_command: for a line of the shell";
                reader.refuse("command", "a program and its arguments are a list", hint);
            } else if first.is_none_or(|program| program.is_empty()) {
                reader.refuse(
                    "command",
                    "names no program",
                    "write a list: [sleep, \"60\"]",
                );
            }
            if !options.0.is_empty() {
                reader.refuse(
                    "scheduler",
                    "goes with launch_command",
                    "append the options to command",
                );
            }
        }
        (None, Some(line)) => {
            if !arguments.is_empty() {
                reader.refuse("args", "goes with command", "append them to launch_command");
            }
            command = vec![
                "/bin/sh".into(),
                "-c".into(),
                template(&line).then(&options),
            ];
        }
        (None, None)
            if reader.has("command") || reader.has("launch_command") || reader.has("docker") => {}
        // As of old, options alone are a line.
        (None, None) if !options.0.is_empty() => {
            command = vec!["/bin/sh".into(), "-c".into(), options];
        }
        (None, None) => {
            let place = reader.place().clone();
            let problem = Problem::error(
                Some(&place),
                format!("{} has no command", application.shown_id),
            );
            reader.problems().push(
                problem.hint(
                    "add command: [program, argument] or launch_command: a line of the shell",
                ),
            );
        }
    }
    command
}

/// `<id>-0` and on; `nodes`: those on which it may run.
fn tasks(reader: &mut Reader<'_>, application: &Application, nodes: usize) -> Vec<TaskName> {
    let is_all = reader
        .value("instances")
        .and_then(Value::to_literal)
        .is_some_and(|text| text == "all");
    let instances = if is_all {
        u32::try_from(nodes).unwrap_or(INSTANCES_MOST).max(1)
    } else {
        shape::count(reader, "instances", 1, INSTANCES_MOST).unwrap_or(1)
    };
    let mut tasks = Vec::new();
    for index in 0..instances {
        match Name::new(&format!("{}-{index}", application.id)) {
            Ok(name) => tasks.push(name),
            Err(why) => {
                let problem = Problem::error(Some(&application.place), why.to_string());
                reader
                    .problems()
                    .push(problem.hint("its tasks are named after it: give it a shorter id"));
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
                reader
                    .problems()
                    .push(Problem::error(Some(&text.place), what).hint("take one out"));
            }
            Ok(name) => volumes.push(name),
            Err(why) => {
                let what = format!("volumes: {why}");
                reader.problems().push(
                    Problem::error(Some(&text.place), what).hint("a volume is named, not a path"),
                );
            }
        }
    }
    volumes
}
