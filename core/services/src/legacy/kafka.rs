//! `kafka-mesos-0.9.x`: brokers.

use smack_stack::{Data, Piece, Text, Value};

use super::service_of;
use super::tasks::{Tasks, literal};

/// What a broker must not be told by an option: smack writes it.
const OURS: [&str; 11] = [
    "broker.id",
    "port",
    "host.name",
    "advertised.host.name",
    "advertised.port",
    "advertised.listeners",
    "listeners",
    "log.dir",
    "zookeeper.connect",
    "kafka.metrics",
    "inter.broker.protocol.version",
];

pub(super) fn translate(tasks: &mut Tasks<'_>) {
    tasks.ids("id");
    tasks.resources("cpus");
    if let Some(cpu) = tasks.largest("cpu") {
        tasks.put("cpu", cpu.clone());
    }
    tasks.port("port", "client");
    tasks.constraints();
    tasks.times();
    tasks.jvm_options("jvmOptions");
    tasks.config("options", &OURS);
    zookeeper(tasks);
    tasks.dropped(&["volume"], "the data lies in the volume `data`");
    tasks.dropped(
        &["bindAddress", "syslog", "log4jOptions", "javaCmd"],
        "smack gives address, Java and logs",
    );
    tasks.dropped(
        &["stickinessPeriod"],
        "a broker stays with its data for as long as it has any",
    );
    tasks.dropped(
        &["containerType", "containerImage", "containerMounts"],
        "needs a grid that runs images",
    );
}

/// `zk:` of its scheduler: an ensemble of the stack or elsewhere, and a path in it.
fn zookeeper(tasks: &mut Tasks<'_>) {
    let settings = tasks.application.settings.as_map();
    let scheduler = settings.and_then(|map| map.get("scheduler")?.as_map());
    let Some(zk) = scheduler.and_then(|map| map.get("zk")) else {
        return;
    };
    let Some(text) = zk.to_text().filter(|text| !text.is_empty()) else {
        return;
    };
    let (connect, chroot) = split_path(text);
    let of_stack = connect.exports().next().and_then(|(id, _)| {
        let known = tasks.all.get(id.own()?)?;
        let kind = known.kind.value.as_str();
        let is_ensemble = kind == "zookeeper" || service_of(kind) == Some("zookeeper");
        is_ensemble.then(|| known.shown_id.clone())
    });
    match of_stack {
        Some(id) => tasks.put("zookeeper", literal(&id, zk)),
        None => tasks.put(
            "zookeeper",
            Value::new(Data::Text(connect), zk.place.clone()),
        ),
    }
    if let Some(chroot) = chroot {
        tasks.put("chroot", literal(&chroot, zk));
    }
}

/// `a:2181,b:2181/kafka` as the hosts and the path.
fn split_path(mut text: Text) -> (Text, Option<String>) {
    let Some(Piece::Literal(last)) = text.pieces.last_mut() else {
        return (text, None);
    };
    let Some((hosts, path)) = last.split_once('/') else {
        return (text, None);
    };
    let path = format!("/{path}");
    *last = hosts.to_owned();
    if last.is_empty() {
        text.pieces.pop();
    }
    (text, Some(path).filter(|path| path != "/"))
}
