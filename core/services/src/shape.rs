//! What applications of all services have in common: resources, retries, stopping, labels, constraints, environment.

use std::collections::BTreeMap;

use smack_model::{
    ApplicationPath, Constraint, Piece, Problem, Requirement, Resources, Retry, Span, StopSpec,
    Template, Until, VolumeSpec,
};
use smack_stack::{Application, Reader, Value};

use crate::names::label;
use crate::text::template;

/// The common part of a validated application.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    pub(crate) needs: Resources,
    pub(crate) env: BTreeMap<String, Template>,
    pub(crate) constraints: Vec<Constraint>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) retry: Retry,
    pub(crate) stop: StopSpec,
    pub(crate) ready_within: Span,
    pub(crate) dependencies: Vec<ApplicationPath>,
}

/// What holds where the stack says nothing.
#[derive(Debug, Clone)]
pub(crate) struct Defaults {
    pub(crate) needs: Resources,
    pub(crate) retry: Retry,
    pub(crate) ready_within: Span,
}

/// Reads the common keys.
pub(crate) fn read(
    reader: &mut Reader<'_>,
    application: &Application,
    defaults: Defaults,
) -> Shape {
    // Read once the ports are known: `expose.rs`.
    reader.value("expose");
    Shape {
        needs: Resources {
            cpu_millis: cpu_millis(reader).unwrap_or(defaults.needs.cpu_millis),
            memory_mib: memory(reader, "mem", 1).unwrap_or(defaults.needs.memory_mib),
        },
        env: environment(reader),
        constraints: constraints(reader),
        labels: labels(reader),
        retry: retry(reader, defaults.retry),
        stop: stop(reader),
        ready_within: duration(reader, "ready-within").unwrap_or(defaults.ready_within),
        dependencies: application
            .dependencies
            .iter()
            .map(|(name, _)| name.clone())
            .collect(),
    }
}

/// Every dependency must be ready first.
pub(crate) fn wait_for_all(dependencies: &[ApplicationPath]) -> Vec<Requirement> {
    let requirement = |application: &ApplicationPath| Requirement {
        application: application.clone(),
        until: Until::Ready,
    };
    dependencies.iter().map(requirement).collect()
}

pub(crate) fn volume(name: &'static str) -> VolumeSpec {
    VolumeSpec { name: label(name) }
}

/// MiB; zero and absurd amounts are refused.
pub(crate) fn memory(reader: &mut Reader<'_>, key: &str, least: u32) -> Option<u32> {
    const MOST: u32 = 16 << 20;
    let found = reader.memory(key)?;
    let fitting = u32::try_from(found)
        .ok()
        .filter(|mib| (least..=MOST).contains(mib));
    if fitting.is_none() {
        reader.refuse(
            key,
            &format!("{found} MiB is out of range"),
            &format!("from {least}m to 16t is allowed"),
        );
    }
    fitting
}

/// An integer that fits 32 bits.
pub(crate) fn count(reader: &mut Reader<'_>, key: &str, least: u32, most: u32) -> Option<u32> {
    let found = reader.integer(key, i64::from(least)..=i64::from(most))?;
    Some(u32::try_from(found).expect("lies between two u32"))
}

pub(crate) fn duration(reader: &mut Reader<'_>, key: &str) -> Option<Span> {
    reader
        .duration(key)
        .map(|milliseconds| Span(u64::try_from(milliseconds).unwrap_or(0)))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "lies between 1 and 4,096,000"
)]
pub(crate) fn cpu_millis(reader: &mut Reader<'_>) -> Option<u32> {
    reader
        .number("cpu", 0.001..=4096.0)
        .map(|cores| (cores * 1000.0).round() as u32)
}

/// The stack's own over the identity that every process carries.
fn environment(reader: &mut Reader<'_>) -> BTreeMap<String, Template> {
    let mut env = BTreeMap::from([("SMACK_PATH".to_owned(), Piece::Path.into())]);
    for (key, value) in reader.text_map("env").unwrap_or_default() {
        if key.is_empty() || key.contains(['=', '\0']) {
            let what = format!("env: {key:?} is no name of a variable");
            reader.problems().push(
                Problem::error(Some(&value.place), what).hint("it may not be empty or have a ="),
            );
        }
        env.insert(key, template(&value.value));
    }
    env
}

fn labels(reader: &mut Reader<'_>) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    for (key, value) in reader.text_map("labels").unwrap_or_default() {
        match value.value.as_literal() {
            Some(text) => drop(labels.insert(key, text.to_owned())),
            None => {
                let what = format!("labels.{key} cannot refer to exports");
                let hint = "it must be known before anything starts";
                reader
                    .problems()
                    .push(Problem::error(Some(&value.place), what).hint(hint));
            }
        }
    }
    labels
}

fn constraints(reader: &mut Reader<'_>) -> Vec<Constraint> {
    let Some(value) = reader.value("constraints") else {
        return Vec::new();
    };
    let items = value.as_list().unwrap_or(std::slice::from_ref(value));
    let mut constraints = Vec::new();
    for item in items {
        match constraint(item) {
            Ok(found) => constraints.extend(found),
            Err(why) => {
                let hint =
                    "for example [hostname, UNIQUE], [rack, LIKE, \"a.*\"] or \"hostname=unique\"";
                reader.problems().push(
                    Problem::error(Some(&item.place), format!("constraints: {why}")).hint(hint),
                );
            }
        }
    }
    constraints
}

fn constraint(item: &Value) -> Result<Vec<Constraint>, String> {
    if let Some(parts) = item.as_list() {
        let parts: Option<Vec<String>> = parts.iter().map(Value::to_literal).collect();
        let parts = parts.ok_or("only texts and numbers may stand in a constraint")?;
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        return Constraint::from_list(&parts)
            .map(|constraint| vec![constraint])
            .map_err(|why| why.to_string());
    }
    let text = item
        .to_literal()
        .ok_or_else(|| format!("{} is no constraint", item.sort()))?;
    Constraint::from_text(&text).map_err(|why| why.to_string())
}

/// `retry:`, or `failover:` and `failoverDelay …` as the frameworks of old spelled it.
fn retry(reader: &mut Reader<'_>, defaults: Retry) -> Retry {
    let mut retry = defaults;
    let old = [
        duration(reader, "failoverDelay"),
        duration(reader, "failoverMaxDelay"),
    ];
    let old_tries = count(reader, "failoverMaxTries", 0, 1_000_000);
    retry.delay = old[0].unwrap_or(retry.delay);
    retry.max_delay = old[1].unwrap_or(retry.max_delay);
    retry.max_tries = old_tries.unwrap_or(retry.max_tries);
    for key in ["failover", "retry"] {
        let Some(mut inner) = reader.sub(key) else {
            continue;
        };
        let delay = duration(&mut inner, "delay");
        let max_delay = duration(&mut inner, "max-delay");
        retry.max_tries = count(&mut inner, "max-tries", 0, 1_000_000).unwrap_or(retry.max_tries);
        retry.stable = duration(&mut inner, "stable").unwrap_or(retry.stable);
        retry.delay = delay.unwrap_or(retry.delay);
        retry.max_delay = max_delay.unwrap_or(retry.max_delay.max(retry.delay));
        if retry.max_delay < retry.delay {
            let what = format!(
                "{} is shorter than the delay of {}",
                retry.max_delay, retry.delay
            );
            inner.refuse("max-delay", &what, "it is the delay after many failures");
        }
        inner.finish();
    }
    retry
}

fn stop(reader: &mut Reader<'_>) -> StopSpec {
    let mut stop = StopSpec::default();
    let Some(mut inner) = reader.sub("stop") else {
        return stop;
    };
    stop.grace = duration(&mut inner, "grace").unwrap_or(stop.grace);
    if let Some(text) = inner.string("signal") {
        match signal(&text) {
            Some(number) => stop.signal = number,
            None => inner.refuse(
                "signal",
                &format!("{text:?} is no signal"),
                "for example TERM, INT, HUP, QUIT or 15",
            ),
        }
    }
    inner.finish();
    stop
}

/// The number of a signal given by name, with or without SIG, or by number (Linux).
fn signal(text: &str) -> Option<i32> {
    const NAMES: &[(&str, i32)] = &[
        ("HUP", 1),
        ("INT", 2),
        ("QUIT", 3),
        ("ABRT", 6),
        ("KILL", 9),
        ("USR1", 10),
        ("USR2", 12),
        ("ALRM", 14),
        ("TERM", 15),
        ("WINCH", 28),
        ("PWR", 30),
    ];
    if let Ok(number) = text.parse::<i32>() {
        return (1..=64).contains(&number).then_some(number);
    }
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    NAMES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, number)| *number)
}
