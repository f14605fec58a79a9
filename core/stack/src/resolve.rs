//! The one entry: texts of a run -> one resolved stack, or all problems at once. Loads, sets parameters, lays the
//! files over each other, builds the applications and checks the bounds, in this order. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smack_model::{Isolation, Name, Place, Problem, Problems, Severity, VdcId};

use crate::application::{Application, Builder};
use crate::bounds::{self, Finals};
use crate::chain::{self, Chain};
use crate::document::{Document, Level, option_place};
use crate::isolation;
use crate::merge::{self, Context};
use crate::near::near;
use crate::parameter::{self, Parameter};
use crate::substitute::{Filling, Origin, Variables};
use crate::uses::{self, Usage};
use crate::value::{Data, Map, Setting, Value};

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
    /// Its name as it was spelled.
    pub zone_shown: String,
    /// Datacenter, cluster, zone: those that there are.
    pub layer_path: Vec<Name>,
    /// The same by their levels.
    #[serde(default)]
    pub layers: BTreeMap<Level, Name>,
    pub run: Name,
    /// The name of the run as it was spelled.
    pub shown: String,
    pub parameters: BTreeMap<String, Parameter>,
    /// How far the virtual data center is to be kept apart; absent: as far as the nodes can.
    #[serde(default)]
    pub isolation: Option<Setting<Isolation>>,
    /// How far it must be.
    #[serde(default)]
    pub required_isolation: Option<Setting<Isolation>>,
    /// Other virtual data centers, by the name that this stack gives them.
    #[serde(default)]
    pub uses: BTreeMap<Name, Usage>,
    /// By id.
    pub applications: BTreeMap<Name, Application>,
    /// Everything worth telling that is no error.
    pub notices: Problems,
}

/// Resolves a run. The error holds all problems, notices included.
pub fn resolve(request: &Request<'_>) -> Result<Resolved, Problems> {
    match resolve_sound(request) {
        (Some(resolved), problems) if !problems.has_errors() => Ok(resolved),
        (_, problems) => Err(problems),
    }
}

/// As [`resolve`]. With errors come the applications that none of them touches, also not by a dependency: whoever knows
/// services can tell at once what else is wrong, and nothing that only follows.
pub fn resolve_sound(request: &Request<'_>) -> (Option<Resolved>, Problems) {
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
        return (None, problems.sorted());
    }
    let mut variables = predefined(request, &chain, run.as_ref());
    let vars = last_of_each(request.vars);
    let errors_before = errors(&problems).count();
    let mut parameters = parameter::resolve(&chain.documents, &vars, &mut variables, &mut problems);
    let has_parameters = errors(&problems).count() == errors_before;
    let merged = merged(&chain, &variables, &mut problems);
    let own = chain.zone.clone().zip(run.clone());
    let own = own.map(|(zone, name)| VdcId { zone, name });
    let uses = uses::resolve(&chain.documents, own.as_ref(), &variables, &mut problems);
    let mut builder = Builder {
        uses: &uses,
        documents: &chain.documents,
        levels: &chain.levels(),
        variables: &variables,
        problems: &mut problems,
    };
    let mut built = builder.build(merged);
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
    let levels = isolation::resolve(&chain.documents, &mut problems);
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
    // Of Marathon's apps all may be switched off.
    let may_be_empty = chain
        .documents
        .iter()
        .any(|document| document.is_translated);
    if built.applications.is_empty() && !may_be_empty && !problems.has_errors() {
        let place = option_place(&request.stack.file);
        problems.push(
            Problem::error(Some(&place), "the stack has no applications")
                .hint("add an entry with a type below `applications:`"),
        );
    }
    let problems = problems.sorted();
    let (Some(stack), Some(zone), Some(run)) = (chain.stack, chain.zone, run) else {
        return (None, problems);
    };
    if problems.has_errors() {
        let touched = Touched::of(&problems, &chain.documents, has_parameters);
        touched.leave_out(&mut built.applications, &chain.documents);
    }
    let resolved = Resolved {
        stack,
        zone,
        zone_shown: chain.zone_shown,
        layer_path: chain.layer_path,
        layers: chain.layers,
        uses: uses.all,
        run,
        shown,
        parameters,
        isolation: levels.wanted,
        required_isolation: levels.required,
        applications: built.applications,
        notices: problems.clone(),
    };
    (Some(resolved), problems)
}

fn errors(problems: &Problems) -> impl Iterator<Item = &Problem> {
    let is_error = |problem: &&Problem| problem.severity == Severity::Error;
    problems.0.iter().filter(is_error)
}

/// What errors lie on.
struct Touched<'a> {
    places: BTreeSet<&'a Place>,
    /// No parameter is wrong, so every reference to one has a true value.
    has_parameters: bool,
}

impl<'a> Touched<'a> {
    /// All errors, but those of files whose values stand as if they were right.
    fn of(problems: &'a Problems, documents: &[Document], has_parameters: bool) -> Self {
        let is_translated = |place: &&Place| {
            let mut documents = documents.iter();
            documents.any(|document| document.is_translated && document.file == place.file)
        };
        let places = errors(problems).filter_map(|problem| problem.place.as_ref());
        Self {
            places: places.filter(|place| !is_translated(place)).collect(),
            has_parameters,
        }
    }

    /// Takes out the applications that have a touched value in any file, and those that need them.
    fn leave_out(&self, applications: &mut BTreeMap<Name, Application>, documents: &[Document]) {
        let mut needed_by: BTreeMap<&Name, Vec<&Name>> = BTreeMap::new();
        let mut open = Vec::new();
        for (id, application) in &*applications {
            let own = application.dependencies.iter();
            for needed in own.filter_map(|(needed, _)| needed.own()) {
                needed_by.entry(needed).or_default().push(id);
            }
            let mut entries = documents.iter().flat_map(|document| {
                let blocks = [&document.applications, &document.fixed.applications];
                blocks.map(|block| block.get(&application.key))
            });
            if entries.any(|entry| entry.is_some_and(|entry| self.is_in(entry))) {
                open.push(id);
            }
        }
        let mut out = BTreeSet::new();
        while let Some(id) = open.pop() {
            if out.insert(id.clone()) {
                open.extend(needed_by.get(id).into_iter().flatten());
            }
        }
        applications.retain(|id, _| !out.contains(id));
    }

    fn is_in(&self, value: &Value) -> bool {
        let is_inside = match &value.data {
            Data::List(items) => items.iter().any(|item| self.is_in(item)),
            Data::Map(map) => map.values().any(|item| self.is_in(item)),
            Data::Text(text) => !self.has_parameters && text.to_string().contains("${"),
            Data::Null | Data::Bool(_) | Data::Integer(_) | Data::Number(_) => false,
        };
        is_inside || self.places.contains(&value.place)
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
