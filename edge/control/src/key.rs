//! The only place that knows the store's keys and the form of its values: versioned JSON, a row per record.

use std::fmt::Display;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use smack_model::{
    Digest, Header, Launch, OperationRecord, SystemId, TaskRecord, TaskSpec, VdcId, VdcRecord,
    VolumeRecord,
};
use smack_scheduler::{Change, Image};
use smack_store::{Row, Write};

/// The version of every value written here; older ones are converted when they are read.
const VERSION: u32 = 1;

/// A row that cannot be understood.
#[derive(Debug, thiserror::Error)]
#[error("the stored row {key} is not understood: {reason}")]
pub struct BadRow {
    key: String,
    reason: String,
}

#[derive(Serialize)]
struct Outgoing<'a, T> {
    v: u32,
    d: &'a T,
}

#[derive(Deserialize)]
struct Incoming<T> {
    v: u32,
    d: T,
}

fn value(data: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(&Outgoing {
        v: VERSION,
        d: data,
    })
    .expect("plain data becomes JSON")
}

fn data<T: DeserializeOwned>(row: &Row) -> Result<T, BadRow> {
    let bad = |reason: String| BadRow {
        key: row.key.clone(),
        reason,
    };
    let incoming: Incoming<T> =
        serde_json::from_slice(&row.value).map_err(|error| bad(error.to_string()))?;
    if incoming.v != VERSION {
        return Err(bad(format!(
            "it has version {}, and this smack knows {VERSION}",
            incoming.v
        )));
    }
    Ok(incoming.d)
}

fn vdc(id: &VdcId) -> String {
    format!("vdc/{id}")
}

fn system(id: &SystemId) -> String {
    format!("system/{id}")
}

fn of_system(kind: &str, id: &SystemId, rest: impl Display) -> String {
    format!("{kind}/{id}/{rest}")
}

/// The row that a change writes or deletes.
pub(crate) fn write(change: &Change) -> Write {
    match change {
        Change::Vdc(record) => Write::put(vdc(&record.id), value(record)),
        Change::VdcGone(id) => Write::delete(vdc(id)),
        Change::Header(id, header) => Write::put(system(id), value(header)),
        Change::Task(record) => Write::put(
            of_system("task", &record.id.system, &record.id.name),
            value(record),
        ),
        Change::TaskGone(id, name) => Write::delete(of_system("task", id, name)),
        Change::Launch(id, digest, launch) => Write::put(
            of_system("launch", id, &digest.0),
            value(&Stored {
                digest: digest.clone(),
                launch: launch.clone(),
            }),
        ),
        Change::LaunchGone(id, digest) => Write::delete(of_system("launch", id, &digest.0)),
        Change::Operation(id, name, record) => {
            Write::put(of_system("operation", id, name), value(record))
        }
        Change::OperationGone(id, name) => Write::delete(of_system("operation", id, name)),
        Change::Volume(record) => Write::put(format!("volume/{}", record.id), value(record)),
        Change::VolumeGone(id) => Write::delete(format!("volume/{id}")),
    }
}

#[derive(Serialize, Deserialize)]
struct Stored {
    digest: Digest,
    launch: Arc<Launch>,
}

/// Everything the scheduler remembers, out of all rows.
#[cfg(any(test, feature = "fuzz"))]
pub(crate) fn image(rows: impl IntoIterator<Item = Row>) -> Result<Image, BadRow> {
    let mut image = Image::default();
    for row in rows {
        take(&mut image, &row)?;
    }
    Ok(image)
}

/// Adds what one more row says; of tasks of one system the rows come one after the other.
pub(crate) fn take(image: &mut Image, row: &Row) -> Result<(), BadRow> {
    let bad = || BadRow {
        key: row.key.clone(),
        reason: "its key is not well-formed".to_owned(),
    };
    let (kind, rest) = row.key.split_once('/').ok_or_else(bad)?;
    match kind {
        "vdc" => image.vdcs.push(data::<VdcRecord>(row)?),
        "system" => {
            let id = SystemId::parse(rest).ok_or_else(bad)?;
            image.headers.push((id, sharing(data::<Header>(row)?)));
        }
        "task" => {
            let task = alike(data::<TaskRecord>(row)?, image.tasks.last());
            image.tasks.push(task);
        }
        "launch" => {
            let (id, _) = split_system(rest).ok_or_else(bad)?;
            let Stored { digest, launch } = data(row)?;
            image
                .launches
                .push((id, digest, Arc::unwrap_or_clone(launch)));
        }
        "operation" => {
            let (id, name) = split_system(rest).ok_or_else(bad)?;
            image
                .operations
                .push((id, name.to_owned(), data::<OperationRecord>(row)?));
        }
        "volume" => image.volumes.push(data::<VolumeRecord>(row)?),
        // Not the scheduler's.
        "revision" | "library" | "user" => {}
        _ => return Err(bad()),
    }
    Ok(())
}

/// Tasks that are alike share one spec, as they did when they were built: most of a large system's memory.
fn sharing(mut header: Header) -> Header {
    let mut last: Option<Arc<TaskSpec>> = None;
    for task in Arc::make_mut(&mut header.spec).tasks.values_mut() {
        match &last {
            Some(known) if *known == *task => *task = Arc::clone(known),
            _ => last = Some(Arc::clone(task)),
        }
    }
    header
}

/// The rows of tasks of one system are neighbours, with the same names and mostly the same ports: kept once.
fn alike(mut task: TaskRecord, last: Option<&TaskRecord>) -> TaskRecord {
    if let Some(last) = last {
        if last.id.system == task.id.system {
            task.id.system = last.id.system.clone();
        }
        if last.ports == task.ports {
            task.ports = Arc::clone(&last.ports);
        }
    }
    task
}

/// `scope/run/application!incarnation/rest`.
fn split_system(text: &str) -> Option<(SystemId, &str)> {
    let end = text.match_indices('/').nth(2)?.0;
    Some((SystemId::parse(&text[..end])?, &text[end + 1..]))
}

/// The common starts of all rows that a VDC leaves when it ends; what holds an address comes first.
pub(crate) fn of_vdc(id: &VdcId) -> [String; 4] {
    ["task", "operation", "launch", "volume"].map(|kind| format!("{kind}/{id}/"))
}

/// A revision: everything that it was resolved from, so that it can be run again.
pub(crate) fn revision(id: &VdcId, number: u32) -> String {
    format!("revision/{id}/{number:08}")
}

/// The common start of all revisions of a VDC.
pub(crate) fn revisions(id: &VdcId) -> String {
    format!("revision/{id}/")
}

/// A stack or layer of the library.
pub(crate) fn library(name: &str) -> String {
    format!("library/{name}")
}

/// The common start of the whole library.
pub(crate) const LIBRARY: &str = "library/";

/// Somebody who may use the server by TCP.
pub(crate) fn user(name: &str) -> String {
    format!("user/{name}")
}

/// The common start of all users.
pub(crate) const USERS: &str = "user/";

/// A value of ours other than the scheduler's, as bytes.
pub(crate) fn encode(data: &impl Serialize) -> Vec<u8> {
    value(data)
}

/// And back.
pub(crate) fn decode<T: DeserializeOwned>(row: &Row) -> Result<T, BadRow> {
    data(row)
}

#[cfg(test)]
mod tests {
    use super::*;
    use smack_model::{Epoch, Name, Status, TaskId, Timestamp};
    use std::collections::BTreeMap;

    fn record() -> TaskRecord {
        TaskRecord {
            id: TaskId::parse("default/pipeline/kafka!1/broker-0#2").expect("well-formed"),
            digest: Digest("0123456789abcdef".to_owned()),
            node: Some(Name::new("local").expect("a label")),
            address: Some("127.70.0.1".into()),
            ports: Arc::new(BTreeMap::from([(
                Name::new("client").expect("a label"),
                9092,
            )])),
            status: Status::Ready { pid: 42 },
            since: Timestamp(3),
            ready_since: Some(Timestamp(3)),
            claimed: Timestamp(1),
            failures: 0,
            unclean: None,
            epoch: Epoch(7),
            restart: 0,
            replace: 0,
            settled: 0,
            generation: 1,
        }
    }

    /// As the first version of smack wrote them, before there were levels of isolation, times to live and operations
    /// that are asked for: what is absent has its value of then.
    #[test]
    fn rows_of_the_first_smack_are_understood() {
        let rows = [
            (
                "vdc/default/pipeline",
                r#"{"v":1,"d":{"id":{"zone":"default","name":"pipeline"},"shown":"Pipeline","stack":"pipeline","revision":2,"created":1,"updated":2,"down":false}}"#,
            ),
            (
                "system/default/pipeline/kafka!1",
                r#"{"v":1,"d":{"intent":{"goal":"running","paused":false,"restart":0,"forgiven":5},"revision":2,"spec":{"kind":"kafka","tasks":{},"phases":[],"requires":[],"budget":1,"roll_last":null,"check":null,"operations":[{"name":"topic events","operation":{"kafka_topic":{"topic":"events","partitions":3,"replication":1,"config":{}}}}],"drains":{},"minimum":{"tasks":0,"reason":""},"stop_order":"phases_reversed","exports":{},"labels":{}},"since":1,"ended":null}}"#,
            ),
            (
                "task/default/pipeline/kafka!1/broker-0",
                r#"{"v":1,"d":{"id":"default/pipeline/kafka!1/broker-0#2","digest":"0123456789abcdef","node":"local","address":"127.70.0.1","ports":{"client":9092},"status":{"ready":{"pid":42}},"since":3,"ready_since":3,"claimed":1,"failures":0,"unclean":null,"epoch":7,"restart":0,"replace":0,"generation":1}}"#,
            ),
            (
                "operation/default/pipeline/kafka!1/topic events",
                r#"{"v":1,"d":{"digest":"ab","status":{"done":{"result":"there"}},"since":9,"failures":0}}"#,
            ),
        ];
        let rows = rows.map(|(key, value)| Row {
            key: key.to_owned(),
            version: 1,
            value: value.as_bytes().to_vec(),
        });
        let image = image(rows).expect("understood");
        let [vdc] = image.vdcs.as_slice() else {
            panic!("one record");
        };
        assert_eq!((vdc.expires, vdc.ttl, vdc.warned), (None, None, 0));
        assert_eq!(vdc.isolation, smack_model::Isolation::Open);
        let (_, header) = &image.headers[0];
        assert!(header.intent.operate.is_empty());
        assert_eq!(header.spec.operations[0].when, smack_model::When::Always);
        assert_eq!(image.tasks, [record()]);
        let (_, _, operation) = &image.operations[0];
        assert_eq!((operation.asked, operation.done), (0, None));
        assert_eq!(operation.last_done(), Some(Timestamp(9)));
    }

    #[test]
    fn a_time_to_live_and_an_operation_on_a_schedule_have_this_form() {
        let vdc = VdcRecord {
            id: VdcId {
                zone: Name::new("default").expect("a label"),
                name: Name::new("qa").expect("a label"),
            },
            shown: "QA".to_owned(),
            stack: "telemetry".to_owned(),
            revision: 1,
            created: Timestamp(1),
            updated: Timestamp(2),
            down: false,
            isolation: smack_model::Isolation::Vdc,
            expires: Some(Timestamp(7_200_001)),
            ttl: Some(smack_model::Span(7_200_000)),
            warned: 1,
        };
        let operation = OperationRecord {
            digest: Digest::default(),
            status: smack_model::OperationStatus::Scheduled,
            since: Timestamp(9),
            failures: 0,
            asked: 2,
            done: Some(Timestamp(8)),
        };
        let id = record().id.system;
        let changes = [
            Change::Vdc(vdc),
            Change::Operation(id, "repair".to_owned(), operation),
        ];
        let golden = [
            r#"{"v":1,"d":{"id":{"zone":"default","name":"qa"},"shown":"QA","stack":"telemetry","revision":1,"created":1,"updated":2,"down":false,"isolation":"vdc","expires":7200001,"ttl":7200000,"warned":1}}"#,
            r#"{"v":1,"d":{"digest":"","status":"scheduled","since":9,"failures":0,"asked":2,"done":8}}"#,
        ];
        for (change, golden) in changes.iter().zip(golden) {
            let Write::Put { value, .. } = write(change) else {
                panic!("a put");
            };
            assert_eq!(String::from_utf8(value).expect("JSON"), golden);
        }
    }

    /// The golden form of version 1: a change here is a new version with a conversion.
    #[test]
    fn a_task_row_has_the_form_of_version_1() {
        let Write::Put { key, value, .. } = write(&Change::Task(Box::new(record()))) else {
            panic!("a put");
        };
        assert_eq!(key, "task/default/pipeline/kafka!1/broker-0");
        let golden = concat!(
            r#"{"v":1,"d":{"id":"default/pipeline/kafka!1/broker-0#2","digest":"0123456789abcdef","node":"local","#,
            r#""address":"127.70.0.1","ports":{"client":9092},"status":{"ready":{"pid":42}},"since":3,"#,
            r#""ready_since":3,"claimed":1,"failures":0,"unclean":null,"epoch":7,"restart":0,"replace":0,"generation":1,"settled":0}}"#
        );
        assert_eq!(String::from_utf8(value).expect("JSON"), golden);
    }

    #[test]
    fn rows_read_back_what_changes_wrote() {
        let record = record();
        let operation = OperationRecord {
            digest: Digest("ab".to_owned()),
            status: smack_model::OperationStatus::Done {
                result: "there".to_owned(),
            },
            since: Timestamp(9),
            failures: 0,
            asked: 3,
            done: Some(Timestamp(8)),
        };
        let changes = [
            Change::Task(Box::new(record.clone())),
            Change::Operation(
                record.id.system.clone(),
                "topic a/b".to_owned(),
                operation.clone(),
            ),
            Change::Launch(
                record.id.system.clone(),
                record.digest.clone(),
                Arc::new(Launch::default()),
            ),
        ];
        let rows: Vec<Row> = changes
            .iter()
            .map(|change| match write(change) {
                Write::Put { key, value, .. } => Row {
                    key,
                    version: 1,
                    value,
                },
                Write::Delete { .. } => panic!("a put"),
            })
            .collect();
        let image = image(rows).expect("understood");
        assert_eq!(image.tasks, vec![record.clone()]);
        assert_eq!(
            image.operations,
            vec![(record.id.system.clone(), "topic a/b".to_owned(), operation)]
        );
        assert_eq!(image.launches[0].1, record.digest);
    }

    #[test]
    fn a_row_of_a_later_version_is_refused_by_name() {
        let row = Row {
            key: "vdc/default/a".to_owned(),
            version: 1,
            value: br#"{"v":9,"d":null}"#.to_vec(),
        };
        let error = image([row]).expect_err("refused");
        assert!(error.to_string().contains("vdc/default/a"), "{error}");
    }
}
