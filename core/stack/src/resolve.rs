//! The one entry: texts of a run -> one resolved stack, or all problems at once. Loads, sets parameters, lays the
//! files over each other, builds the applications and checks the bounds, in this order. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smack_model::{Name, Problem, Problems};

use crate::application::{Application, Builder};
use crate::bounds::{self, Finals};
use crate::chain::{self, Chain};
use crate::document::{Level, option_place};
use crate::merge::{self, Context};
use crate::near::near;
use crate::parameter::{self, Parameter};
use crate::substitute::{Filling, Origin, Variables};
use crate::value::{Data, Map, Value};

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// As the user named it.
    pub file: Arc<str>,
    pub text: Arc<str>,
}

impl Source {
    pub fn new(file: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        Self {
            file: file.into(),
            text: text.into(),
        }
    }
}

/// A layer, as it was added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerSource {
    pub level: Level,
    /// The name of its parent; None: as the file says.
    pub parent: Option<String>,
    pub source: Source,
}

/// Everything that a run is resolved from.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    pub stack: &'a Source,
    /// Stacks by name, for `from`.
    pub parents: &'a BTreeMap<String, Source>,
    /// Layers by name.
    pub layers: &'a BTreeMap<String, LayerSource>,
    /// `default` needs no layer; any other must be there.
    pub zone: &'a str,
    /// `--as`; None: the name of the stack.
    pub run: Option<&'a str>,
    /// `--var name=value`; of a repeated name the last counts.
    pub vars: &'a [(String, String)],
    /// What the grid and the server know: `mesos.master`, ….
    pub predefined: &'a BTreeMap<String, String>,
}

/// A run with everything decided but what is known only once it runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Resolved {
    pub stack: Name,
    pub zone: Name,
    /// Datacenter, cluster, zone: those that there are.
    pub layer_path: Vec<Name>,
    pub run: Name,
    /// The name of the run as it was spelled.
    pub shown: String,
    pub parameters: BTreeMap<String, Parameter>,
    /// By id.
    pub applications: BTreeMap<Name, Application>,
    /// Everything worth telling that is no error.
    pub notices: Problems,
}

/// Resolves a run. The error holds all problems, notices included.
pub fn resolve(request: &Request<'_>) -> Result<Resolved, Problems> {
    let mut problems = Problems::default();
    let chain = chain::load(request, &mut problems);
    let shown = request
        .run
        .map_or_else(|| chain.stack_shown.clone(), str::to_owned);
    let run = match request.run {
        Some(run) => chain::to_name(run, &option_place("--as"), "run", &mut problems),
        None => chain.stack.clone(),
    };
    if !chain.is_complete {
        // What follows needs every file: it would report what the missing ones supply.
        return Err(problems.sorted());
    }
    let mut variables = predefined(request, &chain, run.as_ref());
    let vars = last_of_each(request.vars);
    let mut parameters = parameter::resolve(&chain.documents, &vars, &mut variables, &mut problems);
    let merged = merged(&chain, &variables, &mut problems);
    let mut builder = Builder {
        documents: &chain.documents,
        variables: &variables,
        problems: &mut problems,
    };
    let built = builder.build(merged);
    for parameter in parameters.values_mut() {
        let value = parameter.value.clone();
        let mut filling = Filling::new(&variables, &built.exports, &mut problems);
        parameter.value = filling.fill_parameter(value);
    }
    let limited: Vec<(&str, &Value)> = built
        .applications
        .values()
        .map(|application| (application.key.as_str(), &application.settings))
        .collect();
    bounds::check_limits(&chain.documents, &parameters, &limited, &mut problems);
    for name in variables.unused() {
        let problem = Problem::notice(
            Some(&option_place("--var")),
            format!("{name} is used nowhere"),
        );
        let known = variables.names().filter(|known| *known != name);
        problems.push(match near(name, known) {
            Some(word) => problem.hint(format!("did you mean {word}?")),
            None => problem.hint(format!("the stack has no ${{{name}}}")),
        });
    }
    if built.applications.is_empty() && !problems.has_errors() {
        let place = option_place(&request.stack.file);
        problems.push(
            Problem::error(Some(&place), "the stack has no applications")
                .hint("add an entry with a type below `applications:`"),
        );
    }
    let problems = problems.sorted();
    match (problems.has_errors(), chain.stack, chain.zone, run) {
        (false, Some(stack), Some(zone), Some(run)) => Ok(Resolved {
            stack,
            zone,
            layer_path: chain.layer_path,
            run,
            shown,
            parameters,
            applications: built.applications,
            notices: problems,
        }),
        _ => Err(problems),
    }
}

fn predefined(request: &Request<'_>, chain: &Chain, run: Option<&Name>) -> Variables {
    let mut variables = Variables::default();
    let run = run.map(Name::to_string).unwrap_or_default();
    let zone = chain.zone.as_ref().map(Name::to_string).unwrap_or_default();
    let own = [
        ("zone", chain.zone_shown.clone()),
        ("stack", chain.stack_shown.clone()),
        ("vdc", format!("{zone}/{run}")),
        ("run", run),
    ];
    let given = request
        .predefined
        .iter()
        .map(|(name, text)| (name.as_str(), text.clone()));
    for (name, text) in own.into_iter().chain(given) {
        variables.add(name, parameter::predefined(&text), Origin::Predefined);
    }
    variables
}

fn last_of_each(vars: &[(String, String)]) -> Vec<(String, String)> {
    let last: BTreeMap<&str, &str> = vars
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    last.into_iter()
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
        .collect()
}

/// The applications of all files, the later over the earlier.
fn merged(chain: &Chain, variables: &Variables, problems: &mut Problems) -> Map {
    let mut merged = Map::new();
    let mut finals = Finals::default();
    let mut dropped = Vec::new();
    for document in &chain.documents {
        dropped.extend(merge::dropped_by_the_original(&merged, document, variables));
        merge::into_map(
            &mut merged,
            document.applications.clone(),
            Context::Applications,
            variables,
            problems,
        );
        let fixed = document.fixed.applications.clone();
        merge::into_map(
            &mut merged,
            fixed,
            Context::Applications,
            variables,
            problems,
        );
        finals.check(document, &merged, variables, problems);
    }
    merge::sweep(&mut merged, Context::Applications);
    for (application, notice) in dropped {
        if let Some(Value {
            data: Data::Map(map),
            ..
        }) = merged.get(&application)
            && merge::is_legacy(map)
        {
            problems.push(notice);
        }
    }
    merged
}
