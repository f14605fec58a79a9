//! Which virtual data center, application or task a command means: `pipeline`, `qa/pipeline`, `kafka`,
//! `kafka/broker-0`, in any case. Names are looked up among what is up; an unknown one gets the nearest and the list.

use smack_control::wire::Vdc;
use smack_model::did_you_mean;

use crate::client::encoded;
use crate::failure::Failure;
use crate::session::Session;

/// A VDC with what of it is meant.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) vdc: Vdc,
    pub(crate) application: Option<String>,
    pub(crate) task: Option<String>,
}

impl Target {
    /// `/v1/vdcs/{zone}/{name}{rest}`.
    pub(crate) fn path(&self, rest: &str) -> String {
        format!("/v1/vdcs/{}{rest}", self.vdc.vdc)
    }

    /// `?application=…&task=…`, as far as they are named; `more` comes on top.
    pub(crate) fn query(&self, more: &[(&str, String)]) -> String {
        let own = [("application", &self.application), ("task", &self.task)];
        let own = own
            .into_iter()
            .filter_map(|(key, value)| Some((key, value.clone()?)));
        let pairs = own.chain(more.iter().cloned());
        let text = pairs
            .map(|(key, value)| format!("{key}={}", encoded(&value)))
            .collect::<Vec<_>>()
            .join("&");
        if text.is_empty() {
            text
        } else {
            format!("?{text}")
        }
    }

    /// `default/pipeline`, `default/pipeline/kafka/broker-0`.
    pub(crate) fn text(&self) -> String {
        let parts = [
            Some(&self.vdc.vdc),
            self.application.as_ref(),
            self.task.as_ref(),
        ];
        parts
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join("/")
    }
}

/// The target of `NAME` and `APP[/TASK]`; without a name, the only VDC that is up. A single word that names no VDC may
/// name a part of the only one.
pub(crate) fn find(
    session: &Session<'_>,
    name: Option<&str>,
    part: Option<&str>,
) -> Result<Target, Failure> {
    let vdcs: Vec<Vdc> = session.client()?.get("/v1/vdcs")?;
    choose(vdcs, name, part)
}

/// The same, but the name has to be given: for what cannot be undone.
pub(crate) fn find_named(
    session: &Session<'_>,
    name: &str,
    part: Option<&str>,
) -> Result<Target, Failure> {
    let vdcs: Vec<Vdc> = session.client()?.get("/v1/vdcs")?;
    let vdc = by_name(&vdcs, name)?.clone();
    narrowed(vdc, part)
}

fn choose(vdcs: Vec<Vdc>, name: Option<&str>, part: Option<&str>) -> Result<Target, Failure> {
    let Some(name) = name else {
        return narrowed(only(vdcs)?, part);
    };
    match (by_name(&vdcs, name), part, vdcs.as_slice()) {
        (Ok(vdc), part, _) => narrowed(vdc.clone(), part),
        // `smack logs kafka/broker-0` with one VDC up.
        (Err(unknown), None, [vdc]) => match narrowed(vdc.clone(), Some(name)) {
            Ok(target) => Ok(target),
            Err(within) => {
                let application = name.split('/').next().unwrap_or(name);
                let known = vdc
                    .applications
                    .iter()
                    .any(|known| known.name.eq_ignore_ascii_case(application));
                Err(if known { within } else { unknown })
            }
        },
        (Err(unknown), _, _) => Err(unknown),
    }
}

fn only(mut vdcs: Vec<Vdc>) -> Result<Vdc, Failure> {
    match (vdcs.pop(), vdcs.is_empty()) {
        (Some(vdc), true) => Ok(vdc),
        (Some(last), false) => {
            let names = vdcs
                .iter()
                .chain([&last])
                .map(|vdc| vdc.vdc.as_str())
                .collect::<Vec<_>>();
            Err(
                Failure::usage("several virtual data centers are up, so say which one")
                    .hint(format!("there are {}", names.join(", "))),
            )
        }
        (None, _) => Err(nothing_is_up(Failure::failed("nothing is up"))),
    }
}

fn nothing_is_up(failure: Failure) -> Failure {
    failure.hint("`smack run STACK` starts something")
}

fn by_name<'a>(vdcs: &'a [Vdc], name: &str) -> Result<&'a Vdc, Failure> {
    let lower = name.to_ascii_lowercase();
    let of_name = |vdc: &&Vdc| match lower.split_once('/') {
        Some(_) => vdc.vdc == lower,
        None => short(vdc) == lower,
    };
    let found: Vec<&Vdc> = vdcs.iter().filter(of_name).collect();
    match found.as_slice() {
        [vdc] => Ok(vdc),
        [] => {
            let unknown = Failure::failed(format!("there is no virtual data center {name}"));
            let names = || vdcs.iter().flat_map(|vdc| [vdc.vdc.as_str(), short(vdc)]);
            let list = vdcs
                .iter()
                .map(|vdc| vdc.vdc.as_str())
                .collect::<Vec<_>>()
                .join(", ");
            Err(match did_you_mean(&lower, names()) {
                _ if vdcs.is_empty() => nothing_is_up(unknown),
                Some(near) => unknown.hint(format!("did you mean {near}? There are {list}")),
                None => unknown.hint(format!("there are {list}")),
            })
        }
        several => {
            let list = several
                .iter()
                .map(|vdc| vdc.vdc.as_str())
                .collect::<Vec<_>>()
                .join(", ");
            Err(Failure::usage(format!("{name} is up in several zones"))
                .hint(format!("say which: {list}")))
        }
    }
}

/// The name without the zone.
fn short(vdc: &Vdc) -> &str {
    vdc.vdc.rsplit('/').next().unwrap_or(&vdc.vdc)
}

/// A part of a VDC that is known already.
pub(crate) fn narrow(vdc: Vdc, part: &str) -> Result<Target, Failure> {
    narrowed(vdc, Some(part))
}

fn narrowed(vdc: Vdc, part: Option<&str>) -> Result<Target, Failure> {
    let Some(part) = part else {
        return Ok(Target {
            vdc,
            application: None,
            task: None,
        });
    };
    let lower = part.to_ascii_lowercase();
    let (application, task) = match lower.split_once('/') {
        Some((application, task)) => (application, Some(task)),
        None => (lower.as_str(), None),
    };
    let applications = || {
        vdc.applications
            .iter()
            .map(|application| application.name.as_str())
    };
    if !applications().any(|known| known == application) {
        return Err(unknown(
            &vdc.vdc,
            "application",
            application,
            applications().collect(),
        ));
    }
    let tasks = || {
        vdc.tasks
            .iter()
            .filter(|known| known.application == application)
            .map(|task| task.name.as_str())
    };
    if let Some(task) = task
        && !tasks().any(|known| known == task)
    {
        return Err(unknown(application, "task", task, tasks().collect()));
    }
    let (application, task) = (Some(application.to_owned()), task.map(str::to_owned));
    Ok(Target {
        application,
        task,
        vdc,
    })
}

fn unknown(whose: &str, what: &str, name: &str, known: Vec<&str>) -> Failure {
    let list = known.join(", ");
    let failure = Failure::failed(format!("{whose} has no {what} {name}"));
    match did_you_mean(name, known) {
        Some(near) => failure.hint(format!("did you mean {near}? It has {list}")),
        None => failure.hint(format!("it has {list}")),
    }
}
