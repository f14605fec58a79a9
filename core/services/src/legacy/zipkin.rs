//! `zipkin-mesos-0.1.x`: collectors, query and web. Three programs then, three roles of one today.

use std::collections::BTreeMap;

use smack_model::{Problem, did_you_mean};
use smack_stack::{Data, Map, Text, Value};

use super::tasks::{Task, Tasks, literal, pairs, plainly};

const ROLES: [&str; 3] = ["collector", "query", "web"];

pub(super) fn translate(tasks: &mut Tasks<'_>) {
    tasks.constraints();
    tasks.times();
    roles(tasks);
    environment(tasks);
    flags(tasks);
    for key in ["type", "id", "cpu", "mem", "heap", "port"] {
        tasks.each(key);
    }
    tasks.dropped(&["adminPort"], "a process has one port for all it serves");
    tasks.dropped(&["configFile"], "storage: and config: say the same");
}

/// `roles: {query: {instances, cpu, mem, heap, ports}}`.
fn roles(tasks: &mut Tasks<'_>) {
    for task in tasks.tasks() {
        let Some(role) = role(tasks, &task) else {
            continue;
        };
        let mut settings = Map::new();
        let id = task.map.get("id");
        if let Some(id) = id {
            let count = count(&id.to_literal().unwrap_or_default());
            match count {
                Some(count) => {
                    drop(settings.insert("instances".to_owned(), literal(&count.to_string(), id)))
                }
                None => {
                    let what = format!("id: {} is neither a number nor a range", id.shown());
                    let hint = "for example id: 0 or id: \"0..2\"";
                    tasks
                        .problems
                        .push(Problem::error(Some(&id.place), what).hint(hint));
                }
            }
        }
        for (old, today) in [("cpu", "cpu"), ("mem", "mem"), ("heap", "heap")] {
            if let Some(value) = task.map.get(old) {
                settings.insert(today.to_owned(), plainly(value.clone()));
            }
        }
        if let Some(port) = task.map.get("port") {
            let text = port.to_literal().unwrap_or_default();
            let port = literal(&text.replace("..", "-"), port);
            settings.insert("ports".to_owned(), plainly(port));
        }
        let value = Value::new(Data::Map(settings), task.place.clone());
        tasks.put_below("roles", role, value);
    }
}

fn role(tasks: &mut Tasks<'_>, task: &Task<'_>) -> Option<&'static str> {
    let Some(value) = task.map.get("type") else {
        let what = "a task of zipkin-mesos says what it is";
        let problem = Problem::error(Some(task.place), what);
        tasks
            .problems
            .push(problem.hint("type: collector, type: query or type: web"));
        return None;
    };
    let text = value.to_literal().unwrap_or_default();
    let found = ROLES.iter().find(|role| **role == text);
    if found.is_none() {
        let problem = Problem::error(
            Some(&value.place),
            format!("type: {} of a task is not known", value.shown()),
        );
        tasks.problems.push(match did_you_mean(&text, ROLES) {
            Some(near) => problem.hint(format!("did you mean {near}?")),
            None => problem.hint("known are collector, query and web"),
        });
    }
    found.copied()
}

/// How many `0`, `0,2` and `0..3` are.
fn count(text: &str) -> Option<u32> {
    let part = |part: &str| -> Option<u32> {
        let number = |text: &str| text.trim().parse::<u32>().ok();
        match part.split_once("..") {
            Some((low, high)) => number(high)?.checked_sub(number(low)?)?.checked_add(1),
            None => number(part).map(|_| 1),
        }
    };
    text.split(',').map(part).sum()
}

/// `env: "K=V,K=V"`: where spans come from, and where they are kept.
fn environment(tasks: &mut Tasks<'_>) {
    let mut said: BTreeMap<String, (Text, Value)> = BTreeMap::new();
    for value in tasks.each("env") {
        for (key, text) in pairs(&value.to_text().unwrap_or_default()) {
            said.entry(key).or_insert((text, value.clone()));
        }
    }
    let mut dropped = Vec::new();
    for (key, (text, at)) in &said {
        let value = || Value::new(Data::Text(text.clone()), at.place.clone());
        match key.as_str() {
            "KAFKA_TOPIC" => put_kafka(tasks, "topic", value()),
            "KAFKA_GROUP_ID" => put_kafka(tasks, "group", value()),
            "KAFKA_STREAMS" => put_kafka(tasks, "streams", value()),
            // A broker is reached directly today; which, the dependencies tell.
            "KAFKA_ZOOKEEPER" => {}
            "KAFKA_BOOTSTRAP_SERVERS" => put_kafka(tasks, "brokers", value()),
            "CASSANDRA_CONTACT_POINTS" => storage(tasks, text, at),
            "COLLECTOR_SAMPLE_RATE" => {
                tasks.put_below("config", "zipkin.collector.sample-rate", value());
            }
            _ => dropped.push((key.clone(), at.place.clone())),
        }
    }
    let reads_kafka = said.keys().any(|key| key.starts_with("KAFKA_"));
    if !reads_kafka && !said.is_empty() {
        let place = tasks.application.kind.place.clone();
        tasks.put_below("collectors", "kafka", Value::text("false", place));
    }
    if let Some((_, place)) = dropped.first() {
        let keys: Vec<&str> = dropped.iter().map(|(key, _)| key.as_str()).collect();
        let what = format!("env: {} is without effect", keys.join(", "));
        let hint = "config: takes the properties of today's server";
        tasks
            .problems
            .push(Problem::notice(Some(place), what).hint(hint));
    }
}

fn put_kafka(tasks: &mut Tasks<'_>, key: &str, value: Value) {
    let place = value.place.clone();
    let inner = Map::from_iter([(key.to_owned(), value.clone())]);
    tasks.put_below("collectors", "kafka", Value::new(Data::Map(inner), place));
    tasks.put_two_below("collectors", "kafka", key, value);
}

/// The ring of the stack whose addresses are named, or one elsewhere.
fn storage(tasks: &mut Tasks<'_>, text: &Text, at: &Value) {
    let of_stack = text
        .exports()
        .next()
        .and_then(|(id, _)| tasks.all.get(id.own()?));
    match of_stack {
        Some(ring) => {
            let id = ring.shown_id.clone();
            tasks.put("storage", literal(&id, at));
        }
        None => {
            let value = Value::new(Data::Text(text.clone()), at.place.clone());
            tasks.put_below("storage", "cassandra", value);
        }
    }
}

/// `flags: "zipkin.web.query.dest=…"`: of programs that are no more.
fn flags(tasks: &mut Tasks<'_>) {
    for value in tasks.each("flags") {
        let keys: Vec<String> = pairs(&value.to_text().unwrap_or_default())
            .into_iter()
            .map(|(key, _)| key)
            .collect();
        let what = format!("flags: {} is without effect", keys.join(", "));
        let hint = if keys.iter().any(|key| key == "zipkin.web.query.dest") {
            "the page of today asks the storage itself"
        } else {
            "config: takes the properties of today's server"
        };
        tasks
            .problems
            .push(Problem::notice(Some(&value.place), what).hint(hint));
    }
}
