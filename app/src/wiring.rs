//! The one place that knows concrete types: which server, which services, which simulator, which log.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::Value as Json;
use smack_control::supply::{fetch::Sources, maven::Maven};
use smack_control::wire::SourceText;
use smack_control::{HomeError, Listen, ServeError, ServeOptions};
use smack_model::{Name, Problem, Problems, VdcId};
use smack_scheduler::sim::Interpreter;
use smack_services::{COMMON, Catalog, Hooks, JAVA, Platform, Sort, some_nodes};
use smack_stack::{FieldSchema, FieldType, KindSchema, Request, Resolved, Source, translated};
use tracing_subscriber::EnvFilter;

use crate::commands::server::Settings;
use crate::failure::Failure;
use crate::output;
use crate::starting::TAKEN;

/// Who writes a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Log {
    /// Only what goes wrong, unless more is asked for.
    Command,
    Server,
}

/// Writes what is logged to stderr; `RUST_LOG` overrides how much.
pub(crate) fn log(verbosity: u8, log: Log) {
    let level = match (log, verbosity) {
        (Log::Command, 0) => "error",
        (Log::Command, 1) => "warn",
        (Log::Server, 0) | (Log::Command, 2) => "info",
        (_, 1 | 2) => "debug",
        _ => "trace",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // Set twice only by tests.
    drop(
        subscriber
            .with_ansi(is_terminal)
            .with_target(false)
            .try_init(),
    );
}

/// Runs the server of a home in this process until it ends.
pub(crate) fn serve(
    home: &Path,
    settings: &Settings,
    idle_exit: Option<Duration>,
) -> Result<(), Failure> {
    let sources = Sources {
        bundle: settings.bundle.clone(),
        mirrors: settings
            .mirrors
            .iter()
            .filter(|mirror| !mirror.is_empty())
            .cloned()
            .collect(),
        maven: (!settings.no_maven).then(Maven::of_user),
    };
    let options = ServeOptions {
        home: home.to_owned(),
        nodes: settings.nodes.unwrap_or(1),
        idle_exit,
        sources,
        record_archives: !settings.no_archives,
        hooks: if settings.hooks {
            Hooks::Jobs
        } else {
            Hooks::Dropped
        },
        listen: settings.listen.map(|address| Listen {
            address,
            tell_key: output::admin_key,
        }),
        collectors: settings
            .zipkin
            .iter()
            .chain(&settings.otlp)
            .filter_map(|named| named.0.clone())
            .collect(),
    };
    let is_auto = idle_exit.is_some();
    smack_control::serve(options).map_err(|error| {
        let text = error.to_string();
        let is_held = matches!(error, ServeError::Home(HomeError::Held { .. }));
        if is_auto && is_held {
            tracing::info!("{text}");
            Failure::Told(TAKEN)
        } else {
            Failure::failed(text)
        }
    })
}

/// The JSON Schema of the language with all services.
pub(crate) fn schema() -> Json {
    let fields: Vec<Vec<FieldSchema<'_>>> = smack_services::ALL
        .iter()
        .map(|service| {
            let java = if service.is_on_java() { JAVA } else { &[] };
            let all = service.fields().iter().chain(java).chain(COMMON);
            all.map(|field| FieldSchema {
                name: field.key,
                type_: field_type(field.sort),
                doc: field.doc,
            })
            .collect()
        })
        .collect();
    let kinds: Vec<KindSchema<'_>> = smack_services::ALL
        .iter()
        .zip(&fields)
        .map(|(service, fields)| KindSchema {
            kind: service.kind(),
            doc: service.doc(),
            fields,
        })
        .collect();
    smack_stack::json_schema(&kinds)
}

fn field_type(sort: Sort) -> FieldType<'static> {
    match sort {
        Sort::Text => FieldType::Text,
        Sort::Integer { .. } => FieldType::Integer,
        Sort::Number => FieldType::Number,
        Sort::Bool => FieldType::Bool,
        Sort::Memory => FieldType::Memory,
        Sort::Duration => FieldType::Duration,
        Sort::OneOf(words) => FieldType::Choice(words),
        Sort::List(Sort::Text) => FieldType::Texts,
        Sort::List(_) => FieldType::List,
        Sort::Map(Sort::Text) => FieldType::TextMap,
        Sort::Map(_) | Sort::Fields(_) => FieldType::Map,
        Sort::AnyOf(_) => FieldType::Any,
    }
}

/// A stack resolved and built as a server would that has an empty library.
fn loaded(
    stack: &SourceText,
    parents: &BTreeMap<String, SourceText>,
    vars: &[(String, String)],
    nodes: u32,
) -> Result<(Resolved, Platform), Failure> {
    let source = |text: &SourceText| Source::new(text.file.as_str(), text.text.as_str());
    let parents = parents
        .iter()
        .map(|(name, text)| (name.clone(), source(text)))
        .collect();
    let request = Request {
        stack: &source(stack),
        parents: &parents,
        layers: &BTreeMap::new(),
        zone: "default",
        run: None,
        vars,
        predefined: &BTreeMap::from([("mesos.master".to_owned(), "127.0.0.1:5050".to_owned())]),
    };
    smack_services::load(
        &request,
        Catalog::embedded(),
        &some_nodes(nodes),
        Hooks::Dropped,
    )
    .map_err(|problems| Failure::problems(problems.0))
}

/// The stack in today's language, and what changes.
pub(crate) fn converted(
    stack: &SourceText,
    parents: &BTreeMap<String, SourceText>,
    vars: &[(String, String)],
) -> Result<(String, Vec<Problem>), Failure> {
    let (resolved, platform) = loaded(stack, parents, vars, 1)?;
    let mut notices = resolved.notices.clone();
    notices.extend(platform.notices);
    notices.extend(translated(&Source::new(
        stack.file.as_str(),
        stack.text.as_str(),
    )));
    let mut told = Problems::default();
    let today = Resolved {
        applications: smack_services::convert(&resolved.applications, &mut told),
        ..resolved
    };
    Ok((smack_stack::render(&today, false), notices.sorted().0))
}

/// A grid in memory with a prompt.
pub(crate) struct Simulation(Interpreter);

impl Simulation {
    pub(crate) fn empty() -> Self {
        Self(Interpreter::default())
    }

    /// A simulation of a stack, resolved and built as a server would; with what is worth telling about it.
    pub(crate) fn of(
        stack: &SourceText,
        parents: &BTreeMap<String, SourceText>,
        vars: &[(String, String)],
        nodes: u32,
    ) -> Result<(Self, Vec<Problem>), Failure> {
        let (resolved, platform) = loaded(stack, parents, vars, nodes)?;
        let vdc = VdcId {
            zone: Name::new("sim").expect("a DNS label"),
            name: resolved.run.clone(),
        };
        let mut notices = resolved.notices.0;
        notices.extend(platform.notices.0);
        Ok((Self(Interpreter::with_specs(vdc, platform.specs)), notices))
    }

    /// Answers one command.
    pub(crate) fn line(&mut self, line: &str) -> String {
        self.0.line(line)
    }
}
