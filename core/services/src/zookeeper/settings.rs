//! What a stack may say about an ensemble, validated.

use std::collections::BTreeMap;

use smack_model::{PortSpec, Problem, Problems, Resources, Retry, Span, Template};
use smack_stack::{Application, Reader, Setting, Text};

use crate::jvm::Jvm;
use crate::product::{self, Owned};
use crate::schema::{FieldSchema, PORT, Sort};
use crate::shape::{self, Defaults, Shape};
use crate::{Surroundings, members, ports};

pub(super) const FIELDS: &[FieldSchema] = &[
    FieldSchema::new(
        "instances",
        Sort::Integer { min: 1, max: 255 },
        "1",
        "Members; an odd number survives most losses for its size.",
    ),
    members::IDS,
    FieldSchema::new(
        "ports",
        Sort::AnyOf(&[PORT, Sort::Fields(PORTS)]),
        "",
        "Its ports by name; a single number is that for clients.",
    ),
];

const PORTS: &[FieldSchema] = &[
    FieldSchema::new("client", PORT, "2181", "For clients."),
    FieldSchema::new(
        "quorum",
        PORT,
        "2888",
        "For followers; only the leader listens.",
    ),
    FieldSchema::new("election", PORT, "3888", "For elections."),
];

/// The product's `myid` goes from 1 to 255.
const MEMBERS_MOST: u32 = 255;

const MEMBERS: &str = "the members are the tasks of the application";
const NO_TLS: &str = "the listener for TLS needs jars that the catalog leaves out";
const NO_ADMIN: &str =
    "the admin server needs jars that the catalog leaves out; `srvr` and `mntr` tell the same";

const OWNED: &[Owned] = &[
    ("clientPort", "set ports: {client: …}"),
    (
        "clientPortAddress",
        "a member listens on its own address only",
    ),
    (
        "quorumListenOnAllIPs",
        "a member listens on its own address only",
    ),
    ("dataDir", "the data lies in the volume `data`"),
    ("dataLogDir", "the data lies in the volume `data`"),
    ("server.", MEMBERS),
    ("standaloneEnabled", MEMBERS),
    ("dynamicConfigFile", MEMBERS),
    ("reconfigEnabled", MEMBERS),
    ("secureClientPort", NO_TLS),
    ("secureClientPortAddress", NO_TLS),
    ("admin.enableServer", NO_ADMIN),
];

/// A validated ensemble.
pub(super) struct Ensemble<'a> {
    pub(super) jvm: Jvm<'a>,
    /// Of the tasks; the product counts them from 1.
    pub(super) ids: Vec<u32>,
    pub(super) config: BTreeMap<String, Template>,
    pub(super) ports: Vec<PortSpec>,
    pub(super) shape: Shape,
}

/// Reads all keys; the notices come with the ensemble.
pub(super) fn read<'a>(
    application: &Application,
    surroundings: &Surroundings<'a>,
) -> Result<(Ensemble<'a>, Problems), Problems> {
    let mut problems = Problems::default();
    let mut reader = Reader::new(&application.settings, &mut problems);
    let Some(chosen) = product::version(&mut reader, surroundings.catalog, "zookeeper", |_| true)
    else {
        return Err(problems);
    };
    let ids = members::read(&mut reader, MEMBERS_MOST, MEMBERS_MOST - 1);
    let members = ids.len();
    if members.is_multiple_of(2) {
        let key = if reader.has("ids") {
            "ids"
        } else {
            "instances"
        };
        let place = reader.place_of(key).clone();
        let what = format!(
            "{members} members survive no more losses than {}",
            members - 1
        );
        reader
            .problems()
            .push(Problem::notice(Some(&place), what).hint("choose an odd number"));
    }
    let jvm = product::jvm(&mut reader, chosen.entry);
    let defaults = Defaults {
        needs: Resources {
            cpu_millis: 100,
            memory_mib: product::memory_mib(&jvm),
        },
        retry: Retry::default(),
        ready_within: Span::minutes(5),
    };
    let shape = shape::read(&mut reader, application, defaults);
    product::check_memory(&mut reader, &jvm, shape.needs);
    let config = product::config(&mut reader, &chosen, OWNED);
    check_words(&mut reader, &config);
    let ports = ports::of_product(
        &mut reader,
        &[("client", 2181), ("quorum", 2888), ("election", 3888)],
    );
    reader.finish();
    if problems.has_errors() {
        return Err(problems);
    }
    Ok((
        Ensemble {
            jvm,
            ids,
            config: product::templates(&config),
            ports,
            shape,
        },
        problems,
    ))
}

/// Readiness is asked with `srvr`.
fn check_words(reader: &mut Reader<'_>, config: &BTreeMap<String, Setting<Text>>) {
    let Some(words) = config.get("4lw.commands.whitelist") else {
        return;
    };
    let allows = |text: &str| {
        text.split(',')
            .any(|word| matches!(word.trim(), "srvr" | "*"))
    };
    if !words.value.as_literal().is_some_and(allows) {
        let what = "config.4lw.commands.whitelist lacks srvr, so readiness could not be asked";
        reader
            .problems()
            .push(Problem::error(Some(&words.place), what).hint("add srvr"));
    }
}
