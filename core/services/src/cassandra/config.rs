//! `config:` of a ring: keys of the version's own `cassandra.yaml`, with values of any shape. A key that smack writes, one
//! that the version does not know, and one that it knows by another name are errors with what to write instead.

use std::collections::BTreeMap;

use smack_model::{Problem, Template};
use smack_stack::{Data, Reader, Value};

use super::yaml;
use crate::product::{Chosen, Owned};

const OWN_ADDRESS: &str = "a node listens on its own address only; set ports: {cql: …}";
const TOKENS: &str = "a node's tokens follow from its number, so that any number of nodes shares the ring evenly; set num-tokens";
const VOLUME: &str = "the data lies in the volume `data`";
const PLACE: &str = "set dc and rack";
const SEEDS: &str = "the first nodes are the seeds; set seeds: 2 for how many";

const OWNED: &[Owned] = &[
    ("cluster_name", "set cluster-name"),
    ("num_tokens", "set num-tokens"),
    ("initial_token", TOKENS),
    ("allocate_tokens_for_keyspace", TOKENS),
    ("allocate_tokens_for_local_replication_factor", TOKENS),
    ("partitioner", TOKENS),
    ("listen_address", OWN_ADDRESS),
    ("listen_interface", OWN_ADDRESS),
    ("listen_interface_prefer_ipv6", OWN_ADDRESS),
    ("listen_on_broadcast_address", OWN_ADDRESS),
    ("broadcast_address", OWN_ADDRESS),
    ("rpc_address", OWN_ADDRESS),
    ("rpc_interface", OWN_ADDRESS),
    ("rpc_interface_prefer_ipv6", OWN_ADDRESS),
    ("broadcast_rpc_address", OWN_ADDRESS),
    ("native_transport_port", "set ports: {cql: …}"),
    ("storage_port", "set ports: {storage: …}"),
    ("ssl_storage_port", "set ports: {storage: …}"),
    (
        "start_native_transport",
        "a node that does not serve is never ready",
    ),
    ("endpoint_snitch", PLACE),
    ("seed_provider", SEEDS),
    ("data_file_directories", VOLUME),
    ("local_system_data_file_directory", VOLUME),
    ("commitlog_directory", VOLUME),
    ("hints_directory", VOLUME),
    ("saved_caches_directory", VOLUME),
    ("cdc_raw_directory", VOLUME),
    (
        "auto_bootstrap",
        "the first nodes of an empty ring start at once, and each later one takes over its rows",
    ),
];

/// Keys of versions before that have no successor.
const GONE: &[Owned] = &[
    ("start_rpc", "Thrift is gone since 4.0: leave it out"),
    ("rpc_port", "Thrift is gone since 4.0; set ports: {cql: …}"),
    ("rpc_server_type", "Thrift is gone since 4.0: leave it out"),
    (
        "thrift_framed_transport_size_in_mb",
        "Thrift is gone since 4.0: leave it out",
    ),
    (
        "thrift_prepared_statements_cache_size_mb",
        "Thrift is gone since 4.0: leave it out",
    ),
    (
        "request_scheduler",
        "it went with Thrift in 4.0: leave it out",
    ),
    ("index_interval", "since 2.1 it is a setting of each table"),
    (
        "back_pressure_enabled",
        "it is gone since 5.0: leave it out",
    ),
    (
        "otc_coalescing_strategy",
        "it is gone since 4.0: leave it out",
    ),
];

/// Units that stood at the end of a name and now stand with the value.
const UNITS: &[(&str, &str)] = &[
    ("_in_ms", "ms"),
    ("_interval_ms", "ms"),
    ("_in_secs", "s"),
    ("_in_sec", "s"),
    ("_timeout_seconds", "s"),
    ("_in_minutes", "m"),
    ("_in_bytes", "B"),
    ("_in_kb", "KiB"),
    ("_in_mb", "MiB"),
    ("_size_mb", "MiB"),
    ("_megabits_per_sec", "Mibps"),
    ("_mb_per_sec", "MiB/s"),
];

/// Reads `config:`; the values are in flow style.
pub(super) fn read(reader: &mut Reader<'_>, chosen: &Chosen<'_>) -> BTreeMap<String, Template> {
    let mut config = BTreeMap::new();
    let Some(map) = reader.map("config") else {
        return config;
    };
    for (key, value) in map {
        match refused(key, value, chosen) {
            Some((what, hint)) => {
                let problem = Problem::error(Some(&value.place), format!("config.{key} {what}"));
                reader.problems().push(problem.hint(hint));
            }
            None => drop(config.insert(key.clone(), yaml::flow(value))),
        }
    }
    config
}

/// What is wrong with a key, and what to write instead.
fn refused(key: &str, value: &Value, chosen: &Chosen<'_>) -> Option<(String, String)> {
    if let Some((_, hint)) = OWNED.iter().find(|(owned, _)| *owned == key) {
        return Some(("is written by smack".to_owned(), (*hint).to_owned()));
    }
    let entry = chosen.entry;
    if !chosen.is_known || entry.knows_key(key) {
        return None;
    }
    let version = format!("{} {}", entry.product, entry.version);
    if let Some(now) = entry.renamed_key(key) {
        let owned = OWNED.iter().find(|(owned, _)| *owned == now);
        let hint = owned.map_or_else(
            || format!("write {now}: {}", with_unit(key, value)),
            |(_, hint)| (*hint).to_owned(),
        );
        return Some((format!("is a key of older versions than {version}"), hint));
    }
    if let Some((_, hint)) = GONE.iter().find(|(gone, _)| *gone == key) {
        return Some((
            format!("is a key of older versions than {version}"),
            (*hint).to_owned(),
        ));
    }
    let hint = match entry.nearest_key(key) {
        Some(near) => format!("did you mean {near}?"),
        None => format!(
            "it has {} keys, none like this",
            entry.locked.config_keys.len()
        ),
    };
    Some((format!("is not known to {version}"), hint))
}

/// `5000` of `read_request_timeout_in_ms` is `5000ms` now.
fn with_unit(key: &str, value: &Value) -> String {
    let unit = UNITS
        .iter()
        .find(|(ending, _)| key.ends_with(ending))
        .map_or("", |(_, unit)| *unit);
    match &value.data {
        Data::Integer(number) => format!("{number}{unit}"),
        Data::Null
        | Data::Bool(_)
        | Data::Number(_)
        | Data::Text(_)
        | Data::List(_)
        | Data::Map(_) => value.shown(),
    }
}
