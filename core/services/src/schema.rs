//! What a stack may say about an application of a service, for editors and the manual. Reading it is left to the services;
//! a test holds the two together.

mod json;

pub use json::application_schema;

/// One key of an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldSchema {
    pub key: &'static str,
    pub sort: Sort,
    /// What holds without it, as a stack would write it; empty: nothing.
    pub default: &'static str,
    /// A sentence.
    pub doc: &'static str,
}

/// What may stand at a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// Any scalar, as written; may refer to exports.
    Text,
    Integer {
        min: i64,
        max: i64,
    },
    Number,
    Bool,
    /// `256m`, `1g`; a bare number counts MiB.
    Memory,
    /// `500ms`, `10s`, `5m`.
    Duration,
    /// One of these words.
    OneOf(&'static [&'static str]),
    List(&'static Sort),
    /// Free keys.
    Map(&'static Sort),
    /// Known keys.
    Fields(&'static [FieldSchema]),
    AnyOf(&'static [Sort]),
}

impl FieldSchema {
    /// A key.
    pub const fn new(
        key: &'static str,
        sort: Sort,
        default: &'static str,
        doc: &'static str,
    ) -> Self {
        Self {
            key,
            sort,
            default,
            doc,
        }
    }
}

/// A port: its number, a range to choose from, or any.
pub(crate) const PORT: Sort = Sort::AnyOf(&[Sort::Integer { min: 1, max: 65535 }, Sort::Text]);

/// Where tasks may run, in both spellings.
pub(crate) const CONSTRAINTS: Sort = Sort::AnyOf(&[
    Sort::Text,
    Sort::List(&Sort::AnyOf(&[Sort::Text, Sort::List(&Sort::Text)])),
]);

/// When a failed task is tried again.
pub(crate) const RETRY: Sort = Sort::Fields(&[
    FieldSchema::new(
        "delay",
        Sort::Duration,
        "1s",
        "Before the first retry; doubled for each further one.",
    ),
    FieldSchema::new("max-delay", Sort::Duration, "1m", "The longest delay."),
    FieldSchema::new(
        "max-tries",
        Sort::Integer {
            min: 0,
            max: 1_000_000,
        },
        "10",
        "Failures in a row before giving up; 0 never gives up.",
    ),
    FieldSchema::new(
        "stable",
        Sort::Duration,
        "5m",
        "Failures are forgotten after so long a readiness.",
    ),
]);

/// How a task is stopped.
pub(crate) const STOP: Sort = Sort::Fields(&[
    FieldSchema::new(
        "grace",
        Sort::Duration,
        "30s",
        "After this the whole process group is killed.",
    ),
    FieldSchema::new(
        "signal",
        Sort::Text,
        "TERM",
        "The signal, by name or number.",
    ),
]);

/// The keys that every service has.
pub const COMMON: &[FieldSchema] = &[
    FieldSchema::new(
        "cpu",
        Sort::Number,
        "",
        "Cores that a task takes of its node.",
    ),
    FieldSchema::new(
        "mem",
        Sort::Memory,
        "",
        "Memory that a task takes of its node.",
    ),
    FieldSchema::new(
        "env",
        Sort::Map(&Sort::Text),
        "",
        "The environment of its processes.",
    ),
    FieldSchema::new(
        "constraints",
        CONSTRAINTS,
        "",
        "Where its tasks may run: [attribute, OPERATOR, value].",
    ),
    FieldSchema::new(
        "labels",
        Sort::Map(&Sort::Text),
        "",
        "For people and discovery; a changed one restarts nothing.",
    ),
    FieldSchema::new(
        "expose",
        Sort::AnyOf(&[Sort::Bool, Sort::List(&Sort::Text)]),
        "true",
        "Which ports are reached from outside on the same address: those meant for clients, none, or those named.",
    ),
    FieldSchema::new("retry", RETRY, "", "When a failed task is tried again."),
    FieldSchema::new(
        "failover",
        RETRY,
        "",
        "The same as retry, as the frameworks of old spelled it.",
    ),
    FieldSchema::new(
        "failoverDelay",
        Sort::Duration,
        "",
        "retry.delay, as of old.",
    ),
    FieldSchema::new(
        "failoverMaxDelay",
        Sort::Duration,
        "",
        "retry.max-delay, as of old.",
    ),
    FieldSchema::new(
        "failoverMaxTries",
        Sort::Integer {
            min: 0,
            max: 1_000_000,
        },
        "",
        "retry.max-tries, as of old.",
    ),
    FieldSchema::new("stop", STOP, "", "How a task is stopped."),
    FieldSchema::new(
        "ready-within",
        Sort::Duration,
        "5m",
        "A task that is not ready after this is stopped and counts as failed.",
    ),
];

/// The keys of every service on a Java virtual machine.
pub const JAVA: &[FieldSchema] = &[
    FieldSchema::new(
        "version",
        Sort::Text,
        "",
        "A version of the catalog: exact, or the start of one (`3.9`).",
    ),
    FieldSchema::new("heap", Sort::Memory, "", "The greatest Java heap (-Xmx)."),
    FieldSchema::new(
        "java",
        Sort::Text,
        "",
        "The Java to run on: `17`, `>=17 <22`.",
    ),
    FieldSchema::new(
        "jvm-options",
        Sort::List(&Sort::Text),
        "",
        "Further options of the Java virtual machine.",
    ),
    FieldSchema::new(
        "config",
        Sort::Map(&Sort::Text),
        "",
        "Keys of the product's own configuration file.",
    ),
];
