//! One app as the map of an application of `type: command`.

use smack_model::{Place, Problem, Problems};

use super::ports::Ports;
use super::{
    error, fields, health, is_nothing, map_of, number, plainly, prelude, seconds, written,
};
use crate::value::{Data, Map, Value};

/// An app as it is written.
pub(super) struct App<'a> {
    /// Its absolute id.
    pub(super) path: String,
    pub(super) map: &'a Map,
    pub(super) place: Place,
}

/// Defaults of Marathon.
const MEM: i64 = 128;
const BACKOFF: i64 = 1;
const BACKOFF_MAX: i64 = 300;
/// A number longer than this is no number of seconds.
const SECONDS_MAX: i64 = 10 * 365 * 24 * 3600;

/// The application, without its dependencies.
pub(super) fn translate(app: &App<'_>, problems: &mut Problems) -> Map {
    fields::tell(fields::OF_APP, app.map, &app.path, problems);
    let ports = Ports::read(app, problems);
    let place = &app.place;
    let mut today = Map::new();
    let mut set = |key: &str, value: Value| drop(today.insert(key.to_owned(), value));
    set("type", Value::text("command", place.clone()));
    for (key, value) in prelude::translate(app, problems) {
        set(key, value);
    }
    set("cpu", cpu(app, problems));
    set("mem", mem(app, problems));
    for key in ["instances", "user"] {
        if let Some(value) = app.said(key) {
            set(key, value.clone());
        }
    }
    if let Some(ports) = ports.value(problems) {
        set("ports", ports);
    }
    set("env", environment(app, problems));
    if let Some(labels) = app.said("labels").and_then(Value::as_map) {
        let labels = labels.iter();
        let labels = labels.map(|(key, value)| (key.clone(), app.text(value)));
        set(
            "labels",
            Value::new(Data::Map(labels.collect()), app.place_of("labels").clone()),
        );
    }
    if let Some(constraints) = constraints(app, problems) {
        set("constraints", constraints);
    }
    for (key, value) in health::translate(app, &ports, problems) {
        set(key, value);
    }
    if let Some(budget) = budget(app, problems) {
        set("budget", budget);
    }
    set("retry", retry(app, problems));
    if let Some(grace) = app.said("taskKillGracePeriodSeconds") {
        let grace = app.seconds("taskKillGracePeriodSeconds", grace, problems);
        set("stop", map_of([("grace", grace)], place));
    }
    today
}

impl<'a> App<'a> {
    /// The value of a key that says something.
    pub(super) fn said(&self, key: &str) -> Option<&'a Value> {
        self.map.get(key).filter(|value| !is_nothing(value))
    }

    pub(super) fn place_of(&self, key: &str) -> &Place {
        self.map.get(key).map_or(&self.place, |value| &value.place)
    }

    pub(super) fn is_off(&self) -> bool {
        let instances = self.map.get("instances").and_then(Value::to_literal);
        instances.is_some_and(|instances| instances == "0")
    }

    pub(super) fn flag(&self, key: &str, problems: &mut Problems) -> bool {
        match self.map.get(key).map(|value| (&value.data, value)) {
            None | Some((Data::Null, _)) => false,
            Some((Data::Bool(flag), _)) => *flag,
            Some((_, value)) => {
                let what = format!("{key} wants true or false, found {}", value.described());
                error(&value.place, what, "write it without quotes", problems);
                false
            }
        }
    }

    pub(super) fn list(&self, key: &str, problems: &mut Problems) -> &'a [Value] {
        let Some(value) = self.map.get(key).filter(|value| !value.is_null()) else {
            return &[];
        };
        value.as_list().unwrap_or_else(|| {
            let what = format!("{key} wants a list, found {}", value.described());
            error(&value.place, what, "write […]", problems);
            &[]
        })
    }

    /// A number of at least 0, or the default.
    fn number(&self, key: &str, default: f64, problems: &mut Problems) -> f64 {
        let Some(value) = self.map.get(key).filter(|value| !value.is_null()) else {
            return default;
        };
        let number = value.to_literal().and_then(|text| text.parse().ok());
        let fits = |number: &f64| number.is_finite() && *number >= 0.0;
        number.filter(fits).unwrap_or_else(|| {
            let what = format!("{key} wants a number, found {}", value.described());
            error(&value.place, what, "write 0 or more", problems);
            default
        })
    }

    fn seconds(&self, key: &str, value: &Value, problems: &mut Problems) -> Value {
        let found = value.to_literal().and_then(|text| text.parse().ok());
        match found.filter(|seconds| (0..=SECONDS_MAX).contains(seconds)) {
            Some(found) => seconds(found, &value.place),
            None => {
                let what = format!("{key} wants whole seconds, found {}", value.described());
                error(&value.place, what, "write 0 or more", problems);
                seconds(0, &value.place)
            }
        }
    }

    /// A scalar as a text that stands for itself; anything else is left for the service to refuse.
    fn text(&self, value: &Value) -> Value {
        match value.to_literal() {
            Some(text) => plainly(&text, &value.place),
            None => value.clone(),
        }
    }
}

fn cpu(app: &App<'_>, problems: &mut Problems) -> Value {
    let cpus = app.number("cpus", 1.0, problems).clamp(0.001, 4096.0);
    written(Data::Number(cpus), &cpus.to_string(), app.place_of("cpus"))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "out of range is out of range"
)]
fn mem(app: &App<'_>, problems: &mut Problems) -> Value {
    let place = app.place_of("mem");
    match app.map.get("mem").filter(|mem| !mem.is_null()) {
        None => number(MEM, place),
        Some(_) => number(
            (app.number("mem", 1.0, problems).ceil() as i64).max(1),
            place,
        ),
    }
}

/// What Marathon told its tasks about themselves, then what the app says.
fn environment(app: &App<'_>, problems: &mut Problems) -> Value {
    let mut env = Map::new();
    let mut set = |key: &str, text: &str, place: &Place| {
        env.insert(key.to_owned(), plainly(text, place));
    };
    set("MARATHON_APP_ID", &app.path, &app.place);
    if let Some(version) = app.said("version").and_then(Value::to_literal) {
        set("MARATHON_APP_VERSION", &version, app.place_of("version"));
    }
    for (key, default, variable) in [
        ("cpus", 1.0, "CPUS"),
        ("mem", 128.0, "MEM"),
        ("disk", 0.0, "DISK"),
        ("gpus", 0.0, "GPUS"),
    ] {
        let mut unheard = Problems::default();
        let number = app.number(key, default, &mut unheard);
        let text = match key {
            "gpus" => format!("{number}"),
            _ => format!("{number:?}"),
        };
        let variable = format!("MARATHON_APP_RESOURCE_{variable}");
        set(&variable, &text, app.place_of(key));
    }
    let labels = app.said("labels").and_then(Value::as_map);
    let mut names = Vec::new();
    for (key, value) in labels.into_iter().flatten() {
        let upper = |c: char| match c.is_ascii_alphanumeric() {
            true => c.to_ascii_uppercase(),
            false => '_',
        };
        let name: String = key.chars().map(upper).collect();
        let text = value.to_literal().unwrap_or_default();
        set(&format!("MARATHON_APP_LABEL_{name}"), &text, &value.place);
        names.push(name);
    }
    let of_labels = app.place_of("labels");
    set("MARATHON_APP_LABELS", &names.join(" "), of_labels);
    let own = app.said("env");
    if let Some(value) = own.filter(|value| value.as_map().is_none()) {
        let what = format!("env wants a map, found {}", value.described());
        error(&value.place, what, "write {\"NAME\": \"value\"}", problems);
    }
    for (key, value) in own.and_then(Value::as_map).into_iter().flatten() {
        if value.as_map().is_some_and(|map| map.contains_key("secret")) {
            let what = format!("env.{key}: there is no store of secrets yet");
            let hint = "put the value into a file that only its user can read, and name the file";
            error(&value.place, what, hint, problems);
            continue;
        }
        env.insert(key.clone(), app.text(value));
    }
    Value::new(Data::Map(env), app.place_of("env").clone())
}

/// The operators are the same; `@hostname` and its like are attributes without the sign.
fn constraints(app: &App<'_>, problems: &mut Problems) -> Option<Value> {
    let value = app.said("constraints")?;
    let mut today = Vec::new();
    for item in app.list("constraints", problems) {
        let Some([field, rest @ ..]) = item.as_list() else {
            let what = format!("a constraint is a list, found {}", item.described());
            let hint = "for example [\"hostname\", \"UNIQUE\"]";
            error(&item.place, what, hint, problems);
            continue;
        };
        let name = field.to_literal().unwrap_or_default();
        let bare = name.strip_prefix('@').unwrap_or(&name);
        let mut parts = vec![plainly(bare, &field.place)];
        parts.extend(rest.iter().map(|part| app.text(part)));
        today.push(Value::new(Data::List(parts), item.place.clone()));
    }
    Some(Value::new(Data::List(today), value.place.clone()))
}

/// How many may be away at once: those that need not be healthy. Tasks are replaced in their places, so it is one at least.
#[expect(
    clippy::cast_possible_truncation,
    reason = "at most the number of instances"
)]
fn budget(app: &App<'_>, problems: &mut Problems) -> Option<Value> {
    let value = app.said("upgradeStrategy")?;
    let Some(map) = value.as_map() else {
        let what = format!("upgradeStrategy wants a map, found {}", value.described());
        error(
            &value.place,
            what,
            "write {\"minimumHealthCapacity\": 0.5}",
            problems,
        );
        return None;
    };
    fields::tell(fields::OF_UPGRADE, map, "upgradeStrategy", problems);
    let capacity = |key: &str, problems: &mut Problems| {
        let Some(value) = map.get(key) else {
            return 1.0;
        };
        let found = value.to_literal().and_then(|text| text.parse().ok());
        let found = found.filter(|number| (0.0..=1.0).contains(number));
        found.unwrap_or_else(|| {
            let what = format!(
                "{key} wants a number from 0 to 1, found {}",
                value.described()
            );
            error(&value.place, what, "0.5 is half of them", problems);
            1.0
        })
    };
    let healthy: f64 = capacity("minimumHealthCapacity", problems);
    let over = capacity("maximumOverCapacity", problems);
    let mut unheard = Problems::default();
    let instances = app.number("instances", 1.0, &mut unheard);
    let away = (instances - (instances * healthy).ceil()).max(0.0);
    if away < 1.0 {
        let what = format!(
            "{}: one instance at a time is away during a change",
            app.path
        );
        let problem = Problem::notice(Some(&value.place), what);
        problems.push(match over > 0.0 {
            true => problem.hint("new ones take the place of old ones, none start beside them"),
            false => problem.hint("to keep all healthy would be never to change any"),
        });
    }
    Some(number((away as i64).max(1), &value.place))
}

/// Marathon never gives up, and waits longer from failure to failure.
fn retry(app: &App<'_>, problems: &mut Problems) -> Value {
    let mut within = |key: &str, default: i64| match app.map.get(key) {
        Some(value) if !value.is_null() => app.seconds(key, value, problems),
        _ => seconds(default, &app.place),
    };
    let delay = within("backoffSeconds", BACKOFF);
    let max = within("maxLaunchDelaySeconds", BACKOFF_MAX);
    let entries = [
        ("delay", delay),
        ("max-delay", max),
        ("max-tries", number(0, &app.place)),
    ];
    map_of(entries, &app.place)
}
