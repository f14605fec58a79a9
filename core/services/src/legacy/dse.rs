//! `dse-mesos-0.1.x` and `0.2.x`: nodes of DataStax Enterprise, which run as Apache Cassandra.

use std::collections::BTreeSet;

use smack_model::Problem;
use smack_stack::{Data, Value};

use super::tasks::{Tasks, literal};

pub(super) fn translate(tasks: &mut Tasks<'_>) {
    let key = if tasks.each("node").is_empty() {
        "id"
    } else {
        "node"
    };
    tasks.ids(key);
    tasks.resources("cpu");
    for (old, name) in [
        ("cqlPort", "cql"),
        ("storagePort", "storage"),
        ("jmxPort", "jmx"),
    ] {
        tasks.port(old, name);
    }
    for (old, today) in [("cluster", "cluster-name"), ("dc", "dc")] {
        if let Some(value) = tasks.same(old) {
            tasks.put(today, value.clone());
        }
    }
    racks(tasks);
    seeds(tasks);
    tasks.constraints();
    tasks.times();
    tasks.jvm_options("cassandraJvmOptions");
    tasks.config(
        "cassandraDotYaml",
        &["cluster_name", "num_tokens", "listen_", "rpc_", "seed"],
    );
    let name = &tasks.application.id;
    let mut others = tasks.all.values();
    let is_read = others.any(|other| {
        other.kind.value.starts_with("zipkin-mesos-")
            && other
                .dependencies
                .iter()
                .any(|(needed, _)| needed.own() == Some(name))
    });
    if is_read {
        // Zipkin searches by an index that today's Cassandra has off.
        let on = Value::text("true", tasks.application.kind.place.clone());
        tasks.put_below("config", "sasi_indexes_enabled", on);
    }
    tasks.dropped(&["api"], "there is no scheduler to be told");
    tasks.dropped(
        &["dataFileDirs", "commitLogDir", "savedCachesDir"],
        "the data lies in the volume `data`",
    );
    tasks.dropped(
        &[
            "bindAddress",
            "addressDotYaml",
            "jvmOptions",
            "stickinessPeriod",
            "seedConstraints",
        ],
        "smack gives addresses and seeds, and a node stays with its data",
    );
    tasks.dropped(
        &[
            "thriftPort",
            "agentPort",
            "solrHttpPort",
            "solrShardPort",
            "solrEnabled",
            "jmxRemote",
            "jmxUser",
            "jmxPassword",
        ],
        "Apache Cassandra of today has none of it",
    );
}

/// A rack for each task; several are taken in turns.
fn racks(tasks: &mut Tasks<'_>) {
    let values = tasks.each("rack");
    let Some(first) = values.first() else { return };
    let mut names = BTreeSet::new();
    let different = values
        .iter()
        .filter(|value| names.insert(value.to_literal()));
    let racks: Vec<Value> = different.map(|value| Value::clone(value)).collect();
    if racks.len() > 1 {
        let what = "the nodes take the racks of all tasks in turns";
        tasks
            .problems
            .push(Problem::notice(Some(&first.place), what));
    }
    let list = Value::new(Data::List(racks), first.place.clone());
    tasks.put("rack", list);
}

/// Of old every node said whether it was a seed; today the first so many are.
fn seeds(tasks: &mut Tasks<'_>) {
    let values = tasks.each("seed");
    let Some(first) = values.first() else { return };
    let is_on = |value: &Value| value.to_literal().as_deref() == Some("true");
    let nodes = |text: &str| -> usize {
        let parts = text.split(',').map(|part| match part.split_once("..") {
            Some((low, high)) => {
                let number = |text: &str| text.trim().parse::<usize>().unwrap_or(0);
                number(high).saturating_sub(number(low)) + 1
            }
            None => 1,
        });
        parts.sum()
    };
    let seeding = tasks
        .tasks()
        .into_iter()
        .filter(|task| task.map.get("seed").is_some_and(is_on));
    let ids = seeding.filter_map(|task| {
        task.map
            .get("node")
            .or_else(|| task.map.get("id"))?
            .to_literal()
    });
    let count: usize = ids.map(|text| nodes(&text)).sum();
    if count > 0 {
        tasks.put("seeds", literal(&count.to_string(), first));
    }
}
