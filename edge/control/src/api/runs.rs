//! Runs, plans and revisions: texts are resolved, built and compared with what is there; the loop does the rest.

mod following;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path as UrlPath, Query, State};
use serde::{Deserialize, Serialize};
use smack_model::{
    Isolation, Name, Problem, Problems, ServiceSpec, System, SystemId, Timestamp, VdcId,
};
use smack_scheduler::{Command, Engine, Plan, RunRequest, Ttl, VdcStatus, names, plan as effects};
use smack_services::{Catalog, Platform, Provider};
use smack_stack::{Application, LayerSource, Level, Request, Resolved, Source, heading};
use smack_store::Write;

use super::verbs::read_ttl;
use super::{Answer, Refused, Shared, VdcPath, library, vdc_id};
use crate::{clock, key, wire};
pub(crate) use following::follow_nodes;

/// Everything that a revision was resolved from: it can be resolved again whatever becomes of the library.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Revision {
    number: u32,
    at_ms: u64,
    stack: wire::SourceText,
    parents: BTreeMap<String, wire::SourceText>,
    layers: BTreeMap<String, LayerText>,
    zone: String,
    run_as: Option<String>,
    vars: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    skip: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct LayerText {
    level: String,
    parent: Option<String>,
    source: wire::SourceText,
}

/// A revision resolved and built.
struct Ready {
    revision: Revision,
    vdc: VdcId,
    resolved: Resolved,
    specs: BTreeMap<Name, ServiceSpec>,
    isolation: Isolation,
    shown: String,
    notices: Problems,
}

pub(super) async fn run(
    State(shared): State<Arc<Shared>>,
    Json(body): Json<wire::RunBody>,
) -> Answer<wire::RunAnswer> {
    let partial = body.partial;
    let ttl = body.ttl.as_deref().map(read_ttl).transpose()?;
    let ready = prepare(&shared, from_body(&shared, body)?).await?;
    carry_out(&shared, ready, partial, ttl).await
}

pub(super) async fn plan(
    State(shared): State<Arc<Shared>>,
    Json(body): Json<wire::RunBody>,
) -> Answer<wire::RunAnswer> {
    let ready = prepare(&shared, from_body(&shared, body)?).await?;
    let compared = compare(&shared, &ready).await?;
    Ok(Json(answer(&ready, compared)))
}

pub(super) async fn rollback(
    State(shared): State<Arc<Shared>>,
    UrlPath((zone, name)): VdcPath,
    Json(body): Json<wire::RollbackBody>,
) -> Answer<wire::RunAnswer> {
    let current = shared.vdc(&zone, &name)?.record.revision;
    let id = vdc_id(&zone, &name)?;
    let revisions = stored(&shared, &id)?;
    let wanted = match body.to {
        Some(number) => revisions.iter().find(|revision| revision.number == number),
        None => revisions
            .iter()
            .rev()
            .find(|revision| revision.number < current),
    };
    let Some(revision) = wanted else {
        let known = revisions
            .iter()
            .map(|revision| revision.number.to_string())
            .collect::<Vec<_>>()
            .join(", ");
        let refused = Refused::not_found(match body.to {
            Some(number) => format!("{id} has no revision {number}"),
            None => format!("{id} has no revision before {current}"),
        });
        return Err(refused.hint(format!("it has {known}")));
    };
    let ready = prepare(&shared, revision.clone()).await?;
    carry_out(&shared, ready, false, None).await
}

pub(super) async fn revisions(
    State(shared): State<Arc<Shared>>,
    UrlPath((zone, name)): VdcPath,
) -> Answer<Vec<wire::Revision>> {
    let vdc = shared.vdc(&zone, &name)?;
    let shown = |revision: Revision| wire::Revision {
        number: revision.number,
        at_ms: revision.at_ms,
        stack: revision.stack.file,
        current: revision.number == vdc.record.revision,
    };
    Ok(Json(
        stored(&shared, &vdc.record.id)?
            .into_iter()
            .map(shown)
            .collect(),
    ))
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Showing {
    revision: Option<u32>,
    #[serde(default)]
    origin: bool,
}

pub(super) async fn show(
    State(shared): State<Arc<Shared>>,
    UrlPath((zone, name)): VdcPath,
    Query(showing): Query<Showing>,
) -> Result<String, Refused> {
    let revision = revision(&shared, &zone, &name, showing.revision)?;
    let ready = prepare(&shared, revision).await?;
    Ok(smack_stack::render(&ready.resolved, showing.origin))
}

/// What it was made from, as far as it matters.
pub(super) async fn sources(
    State(shared): State<Arc<Shared>>,
    UrlPath((zone, name)): VdcPath,
    Query(showing): Query<Showing>,
) -> Answer<wire::Sources> {
    let shown = shared.vdc(&zone, &name)?.record.shown.clone();
    let revision = revision(&shared, &zone, &name, showing.revision)?;
    let mut layers = Vec::new();
    let mut next = Some(revision.zone.clone());
    while let Some((name, layer)) = next.and_then(|name| revision.layers.get_key_value(&name)) {
        if layers.len() > revision.layers.len() {
            break;
        }
        next = layer.parent.clone();
        layers.push(wire::Layer {
            name: name.clone(),
            level: layer.level.clone(),
            parent: layer.parent.clone(),
            source: layer.source.clone(),
        });
    }
    layers.reverse();
    Ok(Json(wire::Sources {
        vdc: format!("{zone}/{name}"),
        revision: revision.number,
        parents: extended(&revision),
        layers,
        stack: revision.stack,
        zone: revision.zone,
        run_as: shown,
        vars: revision.vars,
        skip: revision.skip,
    }))
}

/// The stacks that a stack extends, and those that these do.
fn extended(revision: &Revision) -> BTreeMap<String, wire::SourceText> {
    let parent = |text: &wire::SourceText| Some(heading(&source(text)).ok()?.from?.value);
    let mut found = BTreeMap::new();
    let mut next = parent(&revision.stack);
    while let Some(name) = next {
        let Some(text) = revision.parents.get(&name) else {
            break;
        };
        next = parent(text);
        if found.insert(name, text.clone()).is_some() {
            break;
        }
    }
    found
}

/// The one that runs, or an earlier one.
fn revision(
    shared: &Shared,
    zone: &str,
    name: &str,
    number: Option<u32>,
) -> Result<Revision, Refused> {
    let vdc = shared.vdc(zone, name)?;
    let number = number.unwrap_or(vdc.record.revision);
    let mut revisions = stored(shared, &vdc.record.id)?.into_iter();
    let found = revisions.find(|revision| revision.number == number);
    found.ok_or_else(|| {
        let id = &vdc.record.id;
        Refused::not_found(format!("{id} has no revision {number}"))
    })
}

/// The text of the stack that it runs, and when that was sent.
pub(super) fn text_of(
    shared: &Shared,
    vdc: &VdcStatus,
) -> Result<Option<(String, Timestamp)>, Refused> {
    let mut revisions = stored(shared, &vdc.record.id)?.into_iter();
    let current = revisions.find(|revision| revision.number == vdc.record.revision);
    Ok(current.map(|revision| (revision.stack.text, Timestamp(revision.at_ms))))
}

fn stored(shared: &Shared, id: &VdcId) -> Result<Vec<Revision>, Refused> {
    let rows = shared.reader().range(&key::revisions(id))?;
    rows.iter()
        .map(|row| key::decode::<Revision>(row).map_err(Refused::from))
        .collect()
}

/// Texts out of a request and the library, not resolved yet. Only the layers and parents that can matter are kept.
fn from_body(shared: &Shared, body: wire::RunBody) -> Result<Revision, Refused> {
    let (mut stacks, layers) = library::sources(library::all(shared)?);
    let stack = match (body.stack, body.name) {
        (Some(stack), _) => stack,
        (None, Some(name)) => {
            let known: Vec<String> = stacks.keys().cloned().collect();
            let found = stacks
                .remove(&name)
                .or_else(|| stacks.remove(&name.to_ascii_lowercase()));
            let Some(source) = found else {
                let refused = Refused::not_found(format!(
                    "there is neither a file nor a stack in the library named {name}"
                ));
                return Err(
                    match smack_model::did_you_mean(&name, known.iter().map(String::as_str)) {
                        Some(near) => refused.hint(format!("did you mean {near}?")),
                        None => {
                            refused.hint("give the path of a stack file, or `smack add` it first")
                        }
                    },
                );
            };
            text(&source)
        }
        (None, None) => return Err(Refused::bad_request("name a stack".to_owned())),
    };
    let mut parents: BTreeMap<String, wire::SourceText> = stacks
        .into_iter()
        .map(|(name, source)| (name, text(&source)))
        .collect();
    parents.extend(body.parents);
    let zone = body.zone.unwrap_or_else(|| "default".to_owned());
    let layers = if zone == "default" && !layers.contains_key("default") {
        BTreeMap::new()
    } else {
        layers
    };
    let layer = |(name, layer): (String, LayerSource)| {
        let LayerSource {
            level,
            parent,
            source,
        } = layer;
        (
            name,
            LayerText {
                level: level.as_str().to_owned(),
                parent,
                source: text(&source),
            },
        )
    };
    let layers = layers.into_iter().map(layer).collect();
    let parents = if mentions_parent(&stack) {
        parents
    } else {
        BTreeMap::new()
    };
    let (run_as, vars, skip) = (body.run_as, body.vars, body.skip);
    Ok(Revision {
        number: 0,
        at_ms: clock::now().0,
        stack,
        parents,
        layers,
        zone,
        run_as,
        vars,
        skip,
    })
}

fn mentions_parent(stack: &wire::SourceText) -> bool {
    heading(&source(stack)).is_ok_and(|heading| heading.from.is_some())
}

fn text(source: &Source) -> wire::SourceText {
    wire::SourceText {
        file: source.file.to_string(),
        text: source.text.to_string(),
    }
}

fn source(text: &wire::SourceText) -> Source {
    Source::new(text.file.as_str(), text.text.as_str())
}

async fn prepare(shared: &Shared, revision: Revision) -> Result<Ready, Refused> {
    let (resolved, mut platform) = resolve(shared, &revision)?;
    let mut notices = resolved.notices.clone();
    notices.extend(std::mem::take(&mut platform.notices));
    let vdc = VdcId {
        zone: resolved.zone.clone(),
        name: resolved.run.clone(),
    };
    if !revision.skip.is_empty() {
        skip(shared, &vdc, &revision, &resolved, &mut platform.specs).await?;
    }
    let isolation = isolation(shared, &vdc, &resolved, &mut notices)?;
    let shown = spelling(shared, &vdc, &resolved.shown, &mut notices);
    check_names(&vdc, &platform.specs)?;
    Ok(Ready {
        revision,
        vdc,
        specs: platform.specs,
        isolation,
        notices: notices.sorted(),
        shown,
        resolved,
    })
}

/// What the texts of a revision say, whatever is up.
fn resolve(shared: &Shared, revision: &Revision) -> Result<(Resolved, Platform), Refused> {
    let parents = revision
        .parents
        .iter()
        .map(|(name, text)| (name.clone(), source(text)))
        .collect();
    let layers = revision.layers.iter().filter_map(|(name, layer)| {
        let level = Level::parse(&layer.level)?;
        let LayerText {
            parent,
            source: text,
            ..
        } = layer;
        Some((
            name.clone(),
            LayerSource {
                level,
                parent: parent.clone(),
                source: source(text),
            },
        ))
    });
    let layers = layers.collect();
    let request = Request {
        stack: &source(&revision.stack),
        parents: &parents,
        layers: &layers,
        zone: &revision.zone,
        run: revision.run_as.as_deref(),
        vars: &revision.vars,
        predefined: &BTreeMap::from([("mesos.master".to_owned(), "127.0.0.1:5050".to_owned())]),
    };
    let loaded = smack_services::load(&request, Catalog::embedded(), &shared.nodes, shared.hooks);
    let (resolved, mut platform) = loaded.map_err(Refused::problems)?;
    for spec in platform.specs.values_mut() {
        if let Some(schedule) = spec.schedule.as_mut().filter(|known| known.zone.is_local()) {
            schedule.zone = clock::local_zone();
        }
    }
    Ok((resolved, platform))
}

/// Refuses a run that uses of other virtual data centers what is not there or not for it.
fn check_uses(shared: &Shared, ready: &Ready) -> Result<(), Refused> {
    let mut up = BTreeMap::new();
    for usage in ready.resolved.uses.values() {
        if let Some(provider) = provider(shared, &usage.vdc)? {
            up.insert(usage.vdc.clone(), provider);
        }
    }
    let problems = smack_services::check_uses(&ready.resolved, &up);
    match problems.has_errors() {
        true => Err(Refused::problems(problems)),
        false => Ok(()),
    }
}

/// Another virtual data center as it was last run; None: it is not up.
fn provider(shared: &Shared, id: &VdcId) -> Result<Option<Provider>, Refused> {
    let up = shared.published.borrow().view.vdcs.get(id).cloned();
    let Some(vdc) = up.filter(|vdc| !vdc.record.down) else {
        return Ok(None);
    };
    let mut revisions = stored(shared, id)?.into_iter();
    let current = revisions.find(|revision| revision.number == vdc.record.revision);
    let Some(revision) = current else {
        return Ok(None);
    };
    let (resolved, platform) = resolve(shared, &revision)?;
    Ok(Some(Provider {
        resolved,
        specs: platform.specs,
    }))
}

/// Applications that the run leaves as they are; what is read of those that are not up is among its variables.
async fn skip(
    shared: &Shared,
    vdc: &VdcId,
    revision: &Revision,
    resolved: &Resolved,
    specs: &mut BTreeMap<Name, ServiceSpec>,
) -> Result<(), Refused> {
    let mut skipped = BTreeSet::new();
    for expression in &revision.skip {
        for (id, application) in &resolved.applications {
            let found = smack_model::is_found(expression, &application.shown_id);
            let found = found.map_err(|why| {
                Refused::bad_request(format!("skip: {expression:?} is no expression: {why}"))
            })?;
            if found {
                skipped.insert(id.clone());
            }
        }
    }
    let given = revision.vars.iter().filter_map(|(name, value)| {
        let of = resolved.applications.values().find_map(|application| {
            let export = name.strip_prefix(application.shown_id.as_str())?;
            Some((application.id.clone(), export.strip_prefix('.')?.to_owned()))
        });
        Some((of?, value.clone()))
    });
    let vdc = vdc.clone();
    let running = move |engine: &Engine| -> BTreeMap<Name, ServiceSpec> {
        let of_vdc = engine.systems().filter(|system| system.id.vdc() == vdc);
        let specs = of_vdc.map(|system| {
            let spec = ServiceSpec::clone(&system.header.spec);
            (system.id.application.clone(), spec)
        });
        specs.collect()
    };
    let running = shared.look(running).await?;
    smack_services::skip(specs, &skipped, &running, &given.collect()).map_err(Refused::problems)
}

/// The name for show: as it was given when the virtual data center was made, whatever it is called by later.
fn spelling(shared: &Shared, vdc: &VdcId, given: &str, notices: &mut Problems) -> String {
    let published = shared.published.borrow();
    let Some(up) = published.view.vdcs.get(vdc) else {
        return given.to_owned();
    };
    let shown = &up.record.shown;
    if shown != given {
        let what = format!("{given} is {vdc}, which is up as {shown} and keeps that spelling");
        notices.push(Problem::notice(None, what).hint("names compare in lower case"));
    }
    shown.clone()
}

/// Every task has a full name, which DNS limits.
fn check_names(vdc: &VdcId, specs: &BTreeMap<Name, ServiceSpec>) -> Result<(), Refused> {
    let mut problems = Problems::default();
    for (application, spec) in specs {
        let full = |task| names::full_name(vdc, application.as_str(), task);
        let longest = spec.tasks.keys().map(full).max_by_key(String::len);
        if let Some(name) = longest.filter(|name| name.len() > names::FULL_NAME_MAX) {
            let what = format!(
                "application {application}: the full name of its tasks has {} characters, {} more than DNS can take: \
                 {name}",
                name.len(),
                name.len() - names::FULL_NAME_MAX
            );
            let hint = "shorten the name of the application, of the run (--as) or of the zone";
            problems.push(Problem::error(None, what).hint(hint));
        }
    }
    match problems.has_errors() {
        true => Err(Refused::problems(problems)),
        false => Ok(()),
    }
}

/// The level in force: what the files say, as far as the nodes can; it stays for as long as the VDC is up.
fn isolation(
    shared: &Shared,
    vdc: &VdcId,
    resolved: &Resolved,
    notices: &mut Problems,
) -> Result<Isolation, Refused> {
    let refuse = |place, what: String, hint: &str| {
        let problem = Problem::error(Some(place), what).hint(hint);
        Err(Refused::problems(Problems(vec![problem])))
    };
    let able = shared.isolation();
    let why = || smack_grids::limits::isolation().1;
    if let Some(required) = &resolved.required_isolation
        && required.value > able
    {
        let what = format!(
            "isolation {} is required, the nodes can do {able}: {}",
            required.value,
            why()
        );
        return refuse(&required.place, what, "`smack doctor` says what is missing");
    }
    let published = shared.published.borrow();
    let current = published.view.vdcs.get(vdc).map(|vdc| vdc.record.isolation);
    let wanted = resolved.isolation.as_ref();
    if let (Some(current), Some(wanted)) = (current, wanted)
        && current != wanted.value.min(able)
    {
        let what = format!("{vdc} is up at isolation {current}, which stays until it goes down");
        return refuse(
            &wanted.place,
            what,
            "`smack down` it first, or run it --as another",
        );
    }
    if let Some(wanted) = wanted.filter(|wanted| wanted.value > able) {
        let what = format!(
            "isolation {} is wanted, {able} is in force: {}",
            wanted.value,
            why()
        );
        notices.push(Problem::notice(Some(&wanted.place), what));
    }
    let wanted = wanted.map_or(DEFAULT_ISOLATION, |wanted| wanted.value);
    Ok(current.unwrap_or_else(|| wanted.min(able)))
}

/// Of virtual data centers whose files say nothing.
const DEFAULT_ISOLATION: Isolation = Isolation::Vdc;

/// What a run would do, told apart from what it changes in the books.
struct Compared {
    plan: Vec<Plan>,
    /// The specs are what they were.
    same: bool,
    /// The VDC's present revision, if it is up.
    current: Option<u32>,
}

async fn compare(shared: &Shared, ready: &Ready) -> Result<Compared, Refused> {
    check_uses(shared, ready)?;
    let (vdc, specs) = (ready.vdc.clone(), ready.specs.clone());
    let (applications, isolation) = (ready.resolved.applications.clone(), ready.isolation);
    let compared = shared
        .look(move |engine| compared(engine, &vdc, &specs, (&applications, isolation)))
        .await?;
    compared.map_err(Refused::problems)
}

fn compared(
    engine: &Engine,
    vdc: &VdcId,
    specs: &BTreeMap<Name, ServiceSpec>,
    (applications, isolation): (&BTreeMap<Name, Application>, Isolation),
) -> Result<Compared, Problems> {
    let current = engine.vdc(vdc).map(|record| record.revision);
    let mut problems = Problems::default();
    let mut plan = Vec::new();
    let mut same = true;
    for (application, spec) in specs {
        let system = engine.system(vdc, application.as_str());
        if let Some(system) = system {
            let mut refused = smack_services::change(&system.header.spec, spec);
            for problem in &mut refused.0 {
                problem.what = format!("{application}: {}", problem.what);
            }
            problems.extend(refused);
        }
        let siblings = engine.siblings(vdc, application, spec);
        if let Some(described) = applications.get(application) {
            let mut refused = agree(described, spec, system, &siblings);
            let levels = siblings
                .iter()
                .filter_map(|other| engine.vdc(&other.id.vdc()));
            let levels = levels.map(|record| (&record.id, record.isolation));
            refused.extend(smack_services::one_level(described, isolation, levels));
            for problem in &mut refused.0 {
                problem.what = format!("{application}: {}", problem.what);
            }
            problems.extend(refused);
        }
        same &= system.is_some_and(|system| *system.header.spec == *spec);
        plan.push(effects(application, system, Some(spec), &siblings));
    }
    let of_vdc = engine.systems().filter(|system| system.id.vdc() == *vdc);
    for system in of_vdc.filter(|system| !specs.contains_key(&system.id.application)) {
        same = false;
        let spec = &system.header.spec;
        let siblings = engine.siblings(vdc, &system.id.application, spec);
        plan.push(effects(
            &system.id.application,
            Some(system),
            None,
            &siblings,
        ));
    }
    if problems.has_errors() {
        Err(problems.sorted())
    } else {
        Ok(Compared {
            plan,
            same,
            current,
        })
    }
}

/// Why the application may not be a part of the system that others are parts of.
fn agree(
    application: &Application,
    spec: &ServiceSpec,
    system: Option<&System>,
    siblings: &[&System],
) -> Problems {
    let others: Vec<(&SystemId, &ServiceSpec)> = siblings
        .iter()
        .map(|other| (&other.id, other.header.spec.as_ref()))
        .collect();
    let age = |system: &System| (system.header.since, system.id.vdc().zone);
    let eldest = siblings.iter().min_by_key(|other| age(other));
    let first = eldest.filter(|eldest| system.is_none_or(|system| age(eldest) < age(system)));
    let first = first.map(|first| (&first.id, first.header.spec.as_ref()));
    smack_services::agree(application, spec, first, &others)
}

async fn carry_out(
    shared: &Arc<Shared>,
    ready: Ready,
    partial: bool,
    ttl: Option<Ttl>,
) -> Answer<wire::RunAnswer> {
    let compared = compare(shared, &ready).await?;
    let known = stored(shared, &ready.vdc)?;
    let last = known.last().map_or(0, |revision| revision.number);
    let number = match compared.current {
        Some(current) if compared.same => current,
        _ => last + 1,
    };
    let mut writes = Vec::new();
    if number > last {
        let revision = Revision {
            number,
            at_ms: clock::now().0,
            ..ready.revision.clone()
        };
        writes.push(Write::put(
            key::revision(&ready.vdc, number),
            key::encode(&revision),
        ));
    }
    let request = RunRequest {
        vdc: ready.vdc.clone(),
        shown: ready.shown.clone(),
        stack: ready.resolved.stack.to_string(),
        revision: number,
        systems: ready.specs.clone(),
        isolation: ready.isolation,
        partial,
        ttl,
    };
    shared
        .command(Command::Run(Box::new(request)), writes)
        .await?;
    let mut answer = answer(&ready, compared);
    answer.revision = number;
    Ok(Json(answer))
}

fn answer(ready: &Ready, compared: Compared) -> wire::RunAnswer {
    let silent = compared.plan.iter().all(Plan::is_silent);
    let next = compared
        .current
        .map_or(1, |current| current + u32::from(!compared.same));
    wire::RunAnswer {
        vdc: ready.vdc.to_string(),
        revision: next,
        notices: ready.notices.0.clone(),
        plan: compared.plan.into_iter().map(Into::into).collect(),
        silent,
    }
}
