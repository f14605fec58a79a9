//! What a ring is asked from time to time, by hand or on a schedule: repair, cleanup and snapshot, by the product's own
//! `nodetool` on each node in turn.

use smack_model::{Operation, OperationSpec, Span, TaskName, When};
use smack_stack::{Reader, duration_milliseconds};

use crate::schema::{FieldSchema, Sort};
use crate::shape;

pub(super) const FIELDS: &[FieldSchema] = &[
    FieldSchema::new(
        "repair",
        Sort::Text,
        "by hand",
        "Makes all copies equal: `every 7d`, or `by hand`.",
    ),
    FieldSchema::new(
        "cleanup",
        Sort::Text,
        "by hand",
        "Drops the rows that a node gave to others.",
    ),
    FieldSchema::new(
        "snapshot",
        Sort::Text,
        "by hand",
        "Keeps the tables as they are now, beside the data.",
    ),
    FieldSchema::new(
        "keep",
        Sort::Duration,
        "7 times the time between two; for ever by hand",
        "How long a snapshot stays.",
    ),
];

/// When what is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Maintenance {
    repair: When,
    cleanup: When,
    snapshot: When,
    /// How long a snapshot stays; `None`: for ever.
    keep: Option<Span>,
}

impl Default for Maintenance {
    fn default() -> Self {
        Self {
            repair: When::Asked,
            cleanup: When::Asked,
            snapshot: When::Asked,
            keep: None,
        }
    }
}

/// Reads `maintenance:`.
pub(super) fn read(reader: &mut Reader<'_>) -> Maintenance {
    let Some(mut inner) = reader.sub("maintenance") else {
        return Maintenance::default();
    };
    let repair = when(&mut inner, "repair");
    let cleanup = when(&mut inner, "cleanup");
    let snapshot = when(&mut inner, "snapshot");
    let keep = shape::duration(&mut inner, "keep");
    if let Some(keep) = keep.filter(|keep| *keep < Span::minutes(1)) {
        inner.refuse("keep", &format!("{keep} is too short"), "at least 1m");
    }
    inner.finish();
    Maintenance {
        repair,
        cleanup,
        snapshot,
        keep: keep.or(match snapshot {
            When::Every(span) => Some(Span(span.0.saturating_mul(7))),
            When::Always | When::Asked => None,
        }),
    }
}

/// `every 7d`, or `by hand`.
fn when(reader: &mut Reader<'_>, key: &str) -> When {
    let Some(text) = reader.string(key) else {
        return When::Asked;
    };
    if text == "by hand" {
        return When::Asked;
    }
    let span = text
        .strip_prefix("every ")
        .and_then(|span| u64::try_from(duration_milliseconds(span.trim())?).ok())
        .map(Span);
    match span {
        Some(span) if span >= Span::minutes(1) => When::Every(span),
        Some(span) => {
            reader.refuse(
                key,
                &format!("every {span} is too often"),
                "at least every 1m",
            );
            When::Asked
        }
        None => {
            let what = format!("{text:?} is no time for it");
            reader.refuse(key, &what, "write every 7d, or by hand");
            When::Asked
        }
    }
}

impl Maintenance {
    /// The three operations. A repair is a full one: an incremental one passes over rows repaired before, which a node
    /// that holds them only since a change of copies would lack.
    pub(super) fn operations(&self, tasks: &[TaskName]) -> Vec<OperationSpec> {
        let mut snapshot = vec!["snapshot".to_owned()];
        if let Some(keep) = self.keep {
            snapshot.extend(["--ttl".to_owned(), format!("{}s", keep.0 / 1000)]);
        }
        let repair = ["repair", "--full", "-pr", "--ignore-unreplicated-keyspaces"]
            .map(str::to_owned)
            .to_vec();
        let hours = |hours: u64| Span::minutes(60 * hours);
        [
            ("repair", self.repair, repair, hours(24)),
            (
                "cleanup",
                self.cleanup,
                vec!["cleanup".to_owned()],
                hours(24),
            ),
            ("snapshot", self.snapshot, snapshot, hours(1)),
        ]
        .map(|(name, when, arguments, within)| OperationSpec {
            name: name.to_owned(),
            operation: Operation::Exec {
                tasks: tasks.to_vec(),
                command: std::iter::once("bin/nodetool".to_owned())
                    .chain(arguments)
                    .collect(),
                within,
            },
            when,
            after_replacing: name == "repair",
        })
        .into()
    }
}
