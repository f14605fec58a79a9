//! `healthcheck:` — how a program shows that it is ready: a path, a port or a command.

use smack_model::{Name, Pace, PortSpec, Probe, Problem, Span};
use smack_stack::{Reader, Value};

use crate::schema::{FieldSchema, Sort};
use crate::shape;
use crate::text::template;

pub(super) const SORT: Sort = Sort::AnyOf(&[
    Sort::Text,
    Sort::Fields(&[
        FieldSchema::new(
            "http",
            Sort::Text,
            "",
            "A path that answers with a status from 200 to 399.",
        ),
        FieldSchema::new(
            "tcp",
            Sort::AnyOf(&[Sort::Bool, Sort::Text]),
            "",
            "A port that takes connections, by name; true is the first.",
        ),
        FieldSchema::new(
            "exec",
            Sort::List(&Sort::Text),
            "",
            "A command that ends with code 0, run beside the program.",
        ),
        FieldSchema::new(
            "port",
            Sort::Text,
            "",
            "The name of the port for http; the first one without it.",
        ),
        FieldSchema::new(
            "every",
            Sort::Duration,
            "5s",
            "How often it is asked once it is ready.",
        ),
        FieldSchema::new(
            "timeout",
            Sort::Duration,
            "2s",
            "How long an answer may take.",
        ),
        FieldSchema::new(
            "failures",
            Sort::Integer {
                min: 1,
                max: FAILURES_MOST,
            },
            "",
            "After so many in a row a task that was ready is ended and started again; without it, after ready-within.",
        ),
        FieldSchema::new(
            "grace",
            Sort::Duration,
            "",
            "How long failures count for nothing until it is ready for the first time; instead of ready-within.",
        ),
    ]),
]);

const FAILURES_MOST: i64 = 1_000;

/// How readiness is shown, and what comes of it when it is lost.
pub(super) struct Health {
    pub(super) probe: Probe,
    pub(super) pace: Pace,
    /// For the first time, if it says.
    pub(super) ready_within: Option<Span>,
}

/// `healthcheck: /path`, or a map of one kind of check.
pub(super) fn read(reader: &mut Reader<'_>, ports: &[PortSpec]) -> Option<Health> {
    let value = reader.value("healthcheck")?;
    let first = ports.first().map(|port| port.name.clone());
    if value.as_map().is_none() {
        let path = reader
            .string("healthcheck")
            .filter(|path| !path.is_empty())?;
        return Some(Health {
            probe: http(reader, "healthcheck", path, first)?,
            pace: Pace::default(),
            ready_within: None,
        });
    }
    let mut inner = reader.sub("healthcheck")?;
    let kinds = ["http", "tcp", "exec"]
        .into_iter()
        .filter(|kind| inner.has(kind))
        .count();
    if kinds != 1 {
        let place = inner.place().clone();
        let problem = Problem::error(Some(&place), "healthcheck wants one of http, tcp and exec");
        inner
            .problems()
            .push(problem.hint("for example {http: /health}, {tcp: port0} or {exec: [./check]}"));
    }
    let named = inner.string("port").or_else(|| {
        inner
            .value("tcp")
            .and_then(Value::to_literal)
            .filter(|port| port != "true")
    });
    let port = match named {
        Some(name) => found_port(&mut inner, &name, ports),
        None => first,
    };
    let probe = if inner.has("http") {
        inner
            .string("http")
            .and_then(|path| http(&mut inner, "http", path, port))
    } else if inner.has("tcp") {
        if port.is_none() && ports.is_empty() {
            inner.refuse("tcp", "there is no port to ask", "add ports: [8080]");
        }
        port.map(|port| Probe::Tcp { port })
    } else {
        let command = inner.texts("exec").unwrap_or_default();
        Some(Probe::Exec {
            command: command.iter().map(|item| template(&item.value)).collect(),
        })
    };
    for key in ["http", "tcp", "exec"] {
        inner.value(key);
    }
    let (pace, ready_within) = pace(&mut inner);
    inner.finish();
    Some(Health {
        probe: probe?,
        pace,
        ready_within,
    })
}

/// Of checks that are made every `every`, `failures` in a row take `(failures - 1) * every`, and the last one its time-out.
fn pace(reader: &mut Reader<'_>) -> (Pace, Option<Span>) {
    let mut time = |key: &str| {
        let span = shape::duration(reader, key)?;
        if span.0 == 0 && key != "grace" {
            reader.refuse(key, "is no time", "for example 10s");
            return None;
        }
        Some(span)
    };
    let (every, timeout, grace) = (time("every"), time("timeout"), time("grace"));
    let failures = reader.integer("failures", 1..=FAILURES_MOST);
    let failures = failures.and_then(|failures| u64::try_from(failures).ok());
    let unready_within = failures.map(|failures| {
        let (every, timeout) = (every.unwrap_or(EVERY), timeout.unwrap_or(TIMEOUT));
        Span(
            every
                .0
                .saturating_mul(failures - 1)
                .saturating_add(timeout.0),
        )
    });
    let pace = Pace {
        every,
        timeout,
        unready_within,
    };
    let more = unready_within.unwrap_or_default();
    (
        pace,
        grace.map(|grace| Span(grace.0.saturating_add(more.0))),
    )
}

/// What holds where nothing is said.
const EVERY: Span = Span::seconds(5);
const TIMEOUT: Span = Span::seconds(2);

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
        let hint = if known.is_empty() {
            "add ports: [8080]".to_owned()
        } else {
            format!("there are {}", known.join(", "))
        };
        let key = if reader.has("tcp") { "tcp" } else { "port" };
        reader.refuse(key, &format!("there is no port {name}"), &hint);
    }
    found.map(|port| port.name.clone())
}
