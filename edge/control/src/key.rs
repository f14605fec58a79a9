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
pub(crate) fn image(rows: &[Row]) -> Result<Image, BadRow> {
    let mut image = Image::default();
    for row in rows {
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
            "task" => image.tasks.push(data::<TaskRecord>(row)?),
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
            "revision" | "library" => {}
            _ => return Err(bad()),
        }
    }
    Ok(image)
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
            address: Some("127.70.0.1".to_owned()),
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
            generation: 1,
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
            r#""ready_since":3,"claimed":1,"failures":0,"unclean":null,"epoch":7,"restart":0,"replace":0,"generation":1}}"#
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
        let image = image(&rows).expect("understood");
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
        let error = image(&[row]).expect_err("refused");
        assert!(error.to_string().contains("vdc/default/a"), "{error}");
    }
}
