//! `healthChecks` and `readinessChecks` as one `healthcheck:`: how a task shows that it is ready, and when it is ended
//! because it does not.

use smack_model::{Place, Problems};

use super::app::App;
use super::ports::Ports;
use super::{error, fields, notice, plainly, seconds};
use crate::value::{Data, Map, Value};

/// Defaults of Marathon, in seconds.
const GRACE: i64 = 300;
const INTERVAL: i64 = 60;
const TIMEOUT: i64 = 20;
const FAILURES: i64 = 3;
/// More count as so many.
const FAILURES_MOST: i64 = 1_000;
/// In seconds: as good as for ever.
const YEAR: i64 = 365 * 24 * 3600;

/// `healthcheck:` and `ready-within:` of today.
pub(super) fn translate(
    app: &App<'_>,
    ports: &Ports,
    problems: &mut Problems,
) -> Vec<(&'static str, Value)> {
    let checks = app.list("healthChecks", problems);
    let Some(first) = checks.first() else {
        return readiness(app, ports, problems);
    };
    for other in &checks[1..] {
        let what = format!(
            "{} has several healthChecks: only the first is asked",
            app.path
        );
        let hint = "one COMMAND can ask for all";
        notice(&other.place, what, hint, problems);
    }
    if let Some(readiness) = app.said("readinessChecks") {
        let what = format!("{}: readinessChecks are dropped", app.path);
        let hint = "the health check shows readiness, too";
        notice(&readiness.place, what, hint, problems);
    }
    let Some(check) = as_check(first, fields::OF_HEALTH_CHECK, problems) else {
        return Vec::new();
    };
    let Some(mut asked) = check.asked(ports, problems) else {
        return Vec::new();
    };
    let fate = check.liveness(&mut asked, problems);
    let health = Value::new(Data::Map(asked), first.place.clone());
    let mut entries = vec![("healthcheck", health)];
    entries.extend(fate);
    entries
}

fn readiness(app: &App<'_>, ports: &Ports, problems: &mut Problems) -> Vec<(&'static str, Value)> {
    let checks = app.list("readinessChecks", problems);
    let Some(first) = checks.first() else {
        return Vec::new();
    };
    let Some(check) = as_check(first, fields::OF_READINESS_CHECK, problems) else {
        return Vec::new();
    };
    let wanted = check.text("portName").unwrap_or("http-api".to_owned());
    let Some(port) = ports.named(&wanted) else {
        let what = format!("readinessChecks: there is no port {wanted}");
        let hint = "name one in portDefinitions";
        error(check.place_of("portName"), what, hint, problems);
        return Vec::new();
    };
    let place = &first.place;
    let mut asked = check.http();
    asked.insert("port".to_owned(), Value::text(port, place.clone()));
    vec![
        ("healthcheck", Value::new(Data::Map(asked), place.clone())),
        ("ready-within", seconds(YEAR, place)),
    ]
}

fn as_check<'a>(
    value: &'a Value,
    table: &'static [(&'static str, fields::Fate)],
    problems: &mut Problems,
) -> Option<Check<'a>> {
    let Some(map) = value.as_map() else {
        let what = format!("a check is a map, found {}", value.described());
        error(
            &value.place,
            what,
            "write {\"protocol\": \"HTTP\", …}",
            problems,
        );
        return None;
    };
    fields::tell(table, map, "the check", problems);
    let place = &value.place;
    Some(Check { map, place })
}

struct Check<'a> {
    map: &'a Map,
    place: &'a Place,
}

impl Check<'_> {
    /// One of `http`, `tcp` and `exec`, with its port.
    fn asked(&self, ports: &Ports, problems: &mut Problems) -> Option<Map> {
        let protocol = self.text("protocol").unwrap_or("HTTP".to_owned());
        let bare = protocol.strip_prefix("MESOS_").unwrap_or(&protocol);
        if bare == "COMMAND" {
            return self.command(problems);
        }
        let port = self.port(ports, problems)?;
        let port = Value::text(port, self.place.clone());
        match bare {
            "TCP" => Some(Map::from_iter([("tcp".to_owned(), port)])),
            "HTTPS" => {
                let what = "HTTPS is asked as TCP: whether the port takes connections";
                let hint = "a COMMAND with curl asks for more";
                notice(self.place_of("protocol"), what, hint, problems);
                Some(Map::from_iter([("tcp".to_owned(), port)]))
            }
            "HTTP" => {
                let mut asked = self.http();
                asked.insert("port".to_owned(), port);
                Some(asked)
            }
            _ => {
                let what = format!("the check asks by {protocol}, which nobody knows");
                let hint = "write HTTP, HTTPS, TCP, MESOS_HTTP, MESOS_HTTPS, MESOS_TCP or COMMAND";
                error(self.place_of("protocol"), what, hint, problems);
                None
            }
        }
    }

    fn http(&self) -> Map {
        let path = self.text("path").filter(|path| !path.is_empty());
        let path = plainly(path.as_deref().unwrap_or("/"), self.place_of("path"));
        Map::from_iter([("http".to_owned(), path)])
    }

    fn command(&self, problems: &mut Problems) -> Option<Map> {
        let inner = self.map.get("command");
        let line = inner.and_then(|inner| match inner.as_map() {
            Some(map) => map.get("value").and_then(Value::to_literal),
            None => inner.to_literal(),
        });
        let Some(line) = line.filter(|line| !line.is_empty()) else {
            let what = "the check has no command";
            let hint = "write \"command\": {\"value\": \"./check\"}";
            error(self.place, what, hint, problems);
            return None;
        };
        let place = self.place_of("command");
        let items = ["/bin/sh", "-c", &line].map(|item| plainly(item, place));
        let list = Value::new(Data::List(items.into()), place.clone());
        Some(Map::from_iter([("exec".to_owned(), list)]))
    }

    fn port(&self, ports: &Ports, problems: &mut Problems) -> Option<String> {
        if let Some(value) = self.map.get("port").filter(|value| !value.is_null()) {
            let wanted = self.number("port", 0, problems);
            let found = ports.numbered(wanted);
            if found.is_none() {
                let what = format!("the check asks port {wanted}, which is none of its ports");
                let hint = "write portIndex: 0 is the first of its ports";
                error(&value.place, what, hint, problems);
            }
            return found;
        }
        let index = self.number("portIndex", 0, problems);
        let found = usize::try_from(index)
            .ok()
            .and_then(|index| ports.name(index));
        if found.is_none() {
            let what = format!("the check asks for the port at index {index}, which is not there");
            let hint = "the first of its ports is 0";
            error(self.place_of("portIndex"), what, hint, problems);
        }
        found
    }

    /// How often it is asked and when the task is ended; without an end it has a year to become ready.
    fn liveness(&self, asked: &mut Map, problems: &mut Problems) -> Option<(&'static str, Value)> {
        let number = |key, default, problems: &mut Problems| {
            let place = self.place_of(key);
            (self.number(key, default, problems), place)
        };
        let (interval, at) = number("intervalSeconds", INTERVAL, problems);
        let (timeout, of_timeout) = number("timeoutSeconds", TIMEOUT, problems);
        let (grace, of_grace) = number("gracePeriodSeconds", GRACE, problems);
        let (failures, of_failures) = number("maxConsecutiveFailures", FAILURES, problems);
        let mut set = |key: &str, value: Value| drop(asked.insert(key.to_owned(), value));
        set("every", seconds(interval.clamp(1, YEAR), at));
        set("timeout", seconds(timeout.clamp(1, YEAR), of_timeout));
        if failures == 0 {
            return Some(("ready-within", seconds(YEAR, of_failures)));
        }
        set(
            "failures",
            super::number(failures.min(FAILURES_MOST), of_failures),
        );
        set("grace", seconds(grace.min(YEAR), of_grace));
        None
    }

    fn number(&self, key: &str, default: i64, problems: &mut Problems) -> i64 {
        let Some(value) = self.map.get(key).filter(|value| !value.is_null()) else {
            return default;
        };
        let number = value.to_literal().and_then(|text| text.parse().ok());
        number.filter(|number| *number >= 0).unwrap_or_else(|| {
            let what = format!("{key} wants a number, found {}", value.described());
            error(&value.place, what, "write 0 or more, in seconds", problems);
            default
        })
    }

    fn text(&self, key: &str) -> Option<String> {
        self.map.get(key).and_then(Value::to_literal)
    }

    fn place_of(&self, key: &str) -> &Place {
        self.map.get(key).map_or(self.place, |value| &value.place)
    }
}
