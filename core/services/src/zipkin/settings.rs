//! What a stack may say about a Zipkin, validated.

use std::collections::BTreeMap;

use smack_model::{PortSpec, Problem, Problems, Resources, Retry, Span, Template};
use smack_stack::{Application, Reader, Setting, Text};

use super::collectors::{self, Collectors};
use super::storage::{self, Sight, Storage};
use crate::jvm::Jvm;
use crate::product::{self, Owned};
use crate::schema::{FieldSchema, PORT, Sort};
use crate::shape::{self, Defaults, Shape};
use crate::{Surroundings, ports};

const PROCESSES_MOST: u32 = 1000;
const PROCESSES: Sort = Sort::Integer {
    min: 0,
    max: PROCESSES_MOST as i64,
};

pub(super) const FIELDS: &[FieldSchema] = &[
    FieldSchema::new(
        "instances",
        Sort::Integer {
            min: 1,
            max: PROCESSES_MOST as i64,
        },
        "1",
        "Servers that do everything; more than one need a storage that they share.",
    ),
    FieldSchema::new(
        "roles",
        Sort::Fields(ROLES),
        "",
        "Processes by what they do, in place of servers that do everything.",
    ),
    FieldSchema::new(
        "storage",
        Sort::AnyOf(&[Sort::Text, Sort::Fields(storage::FIELDS)]),
        "the Cassandra among the dependencies, else memory",
        "memory, an application of type cassandra, or http://host:9200 of Elasticsearch.",
    ),
    FieldSchema::new(
        "collectors",
        Sort::Fields(collectors::FIELDS),
        "",
        "How spans come in.",
    ),
    FieldSchema::new(
        "ports",
        Sort::AnyOf(&[PORT, Sort::Fields(PORTS)]),
        "",
        "Its port, by name or alone.",
    ),
];

const ROLES: &[FieldSchema] = &[
    FieldSchema::new("collector", ROLE, "0", "Take spans in."),
    FieldSchema::new("query", ROLE, "0", "Answer the query API."),
    FieldSchema::new("web", ROLE, "0", "Serve the page, and the API it asks."),
];

/// How many, or what is other with these processes.
const ROLE: Sort = Sort::AnyOf(&[PROCESSES, Sort::Fields(OF_A_ROLE)]);

const OF_A_ROLE: &[FieldSchema] = &[
    FieldSchema::new("instances", PROCESSES, "1", "How many."),
    FieldSchema::new("cpu", Sort::Number, "that of all", "Cores of each."),
    FieldSchema::new(
        "mem",
        Sort::Memory,
        "that of all",
        "What each takes of its node.",
    ),
    FieldSchema::new(
        "heap",
        Sort::Memory,
        "that of all",
        "The Java heap of each.",
    ),
    FieldSchema::new(
        "ports",
        Sort::AnyOf(&[PORT, Sort::Fields(PORTS)]),
        "those of all",
        "The port, by name or alone.",
    ),
];

const PORTS: &[FieldSchema] = &[FieldSchema::new(
    "http",
    PORT,
    "9411",
    "Spans, queries and the page.",
)];

const BY_ROLES: &str = "set roles: {collector: …, query: …, web: …}";
const BY_STORAGE: &str = "set storage";
const BY_KAFKA: &str = "set collectors: {kafka: {brokers: …, topic: …, streams: …, group: …}}";
const BY_HTTP: &str = "set collectors: {http: …}";
const BY_PORTS: &str = "set ports: {http: …}";

const OWNED: &[Owned] = &[
    ("armeria.ports", BY_PORTS),
    ("server.port", BY_PORTS),
    ("zipkin.collector.http.enabled", BY_HTTP),
    ("zipkin.collector.grpc.enabled", BY_HTTP),
    ("zipkin.collector.kafka.bootstrap-servers", BY_KAFKA),
    ("zipkin.collector.kafka.enabled", BY_KAFKA),
    ("zipkin.collector.kafka.group-id", BY_KAFKA),
    ("zipkin.collector.kafka.streams", BY_KAFKA),
    ("zipkin.collector.kafka.topic", BY_KAFKA),
    ("zipkin.query.enabled", BY_ROLES),
    ("zipkin.ui.enabled", BY_ROLES),
    ("zipkin.storage.type", BY_STORAGE),
    ("zipkin.storage.cassandra3.contact-points", BY_STORAGE),
    ("zipkin.storage.cassandra3.local-dc", BY_STORAGE),
    ("zipkin.storage.elasticsearch.hosts", BY_STORAGE),
];

/// Variables that mean the same; what smack says goes over them, in silence.
const OWNED_ENV: &[Owned] = &[
    ("CASSANDRA_CONTACT_POINTS", BY_STORAGE),
    ("CASSANDRA_LOCAL_DC", BY_STORAGE),
    ("COLLECTOR_GRPC_ENABLED", BY_HTTP),
    ("COLLECTOR_HTTP_ENABLED", BY_HTTP),
    ("COLLECTOR_KAFKA_ENABLED", BY_KAFKA),
    ("ES_HOSTS", BY_STORAGE),
    ("HTTP_COLLECTOR_ENABLED", BY_HTTP),
    ("KAFKA_BOOTSTRAP_SERVERS", BY_KAFKA),
    ("KAFKA_GROUP_ID", BY_KAFKA),
    ("KAFKA_STREAMS", BY_KAFKA),
    ("KAFKA_TOPIC", BY_KAFKA),
    ("QUERY_ENABLED", BY_ROLES),
    ("QUERY_PORT", BY_PORTS),
    ("STORAGE_TYPE", BY_STORAGE),
    ("UI_ENABLED", BY_ROLES),
];

/// What a process of it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Everything,
    Collector,
    Query,
    Web,
}

impl Role {
    /// The start of its tasks' names.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Everything => "zipkin",
            Self::Collector => "collector",
            Self::Query => "query",
            Self::Web => "web",
        }
    }

    pub(super) fn collects(self) -> bool {
        matches!(self, Self::Everything | Self::Collector)
    }

    /// The page asks the API of the server that it came from.
    pub(super) fn answers(self) -> bool {
        self != Self::Collector
    }

    pub(super) fn shows(self) -> bool {
        matches!(self, Self::Everything | Self::Web)
    }
}

/// A validated Zipkin.
pub(super) struct Server<'a> {
    pub(super) jvm: Jvm<'a>,
    /// At least one process in all.
    pub(super) processes: Vec<Processes>,
    pub(super) storage: Storage,
    pub(super) collectors: Collectors,
    pub(super) config: BTreeMap<String, Template>,
    pub(super) shape: Shape,
}

/// Processes of one role.
#[derive(Debug, Clone)]
pub(super) struct Processes {
    pub(super) role: Role,
    pub(super) count: u32,
    pub(super) heap_mib: u32,
    pub(super) needs: Resources,
    pub(super) ports: Vec<PortSpec>,
}

/// Reads all keys; the notices come with the server.
pub(super) fn read<'a>(
    application: &Application,
    surroundings: &Surroundings<'a>,
) -> Result<(Server<'a>, Problems), Problems> {
    let mut problems = Problems::default();
    let mut reader = Reader::new(&application.settings, &mut problems);
    let chosen = product::version(&mut reader, surroundings.catalog, "zipkin", |_| true);
    let Some(chosen) = chosen else {
        return Err(problems);
    };
    let jvm = product::jvm(&mut reader, chosen.entry);
    check_heap(&mut reader, &jvm);
    let defaults = Defaults {
        needs: Resources {
            cpu_millis: 250,
            memory_mib: product::memory_mib(&jvm),
        },
        retry: Retry::default(),
        ready_within: Span::minutes(3),
    };
    refuse_env(&mut reader);
    let shape = shape::read(&mut reader, application, defaults);
    product::check_memory(&mut reader, &jvm, shape.needs);
    let config = product::config(&mut reader, &chosen, OWNED);
    let sight = Sight {
        application,
        surroundings,
    };
    let storage = storage::read(&mut reader, &sight, &config);
    let collectors = collectors::read(&mut reader, &sight);
    let all = Processes {
        role: Role::Everything,
        count: 1,
        heap_mib: jvm.heap_mib,
        needs: shape.needs,
        ports: ports::of_product(&mut reader, &[("http", 9411)]),
    };
    let processes = roles(&mut reader, &jvm, all);
    check_memory_alone(&mut reader, storage.as_ref(), &collectors, &processes);
    check_collectors(&mut reader, &collectors, &processes, &sight);
    reader.finish();
    match storage {
        Some(storage) if !problems.has_errors() => {
            let config = with_spans(&storage, &config, &jvm);
            let server = Server {
                jvm,
                processes,
                storage,
                collectors,
                config,
                shape,
            };
            Ok((server, problems))
        }
        _ => Err(problems),
    }
}

fn check_heap(reader: &mut Reader<'_>, jvm: &Jvm<'_>) {
    if jvm.heap_mib < OCCUPIED_MIB {
        let what = format!("{} MiB are too few for the server alone", jvm.heap_mib);
        let hint = format!("at least {OCCUPIED_MIB}m; with spans in memory more");
        reader.refuse("heap", &what, &hint);
    }
}

fn refuse_env(reader: &mut Reader<'_>) {
    for (key, value) in reader.text_map("env").unwrap_or_default() {
        if let Some((_, hint)) = OWNED_ENV.iter().find(|(owned, _)| *owned == key) {
            let what = format!("env.{key} is given by smack");
            let problem = Problem::error(Some(&value.place), what).hint(*hint);
            reader.problems().push(problem);
        }
    }
}

/// `roles:`, or `instances:` that do everything.
fn roles(reader: &mut Reader<'_>, jvm: &Jvm<'_>, all: Processes) -> Vec<Processes> {
    let instances = shape::count(reader, "instances", 1, PROCESSES_MOST);
    if instances.is_some() && reader.has("roles") {
        let what = "roles: says how many processes there are";
        reader.refuse("instances", what, "take one of them out");
    }
    let is_map = reader
        .value("roles")
        .is_some_and(|roles| roles.as_map().is_some());
    let Some(mut inner) = reader.sub("roles") else {
        return vec![Processes {
            count: instances.unwrap_or(1),
            ..all
        }];
    };
    let known = [Role::Collector, Role::Query, Role::Web];
    let read = known.map(|role| of_a_role(&mut inner, role, jvm, &all));
    let said = known.iter().filter(|role| inner.has(role.word())).count();
    let place = inner.place().clone();
    let is_understood = is_map && read.iter().flatten().count() == said;
    inner.finish();
    let processes: Vec<Processes> = read
        .into_iter()
        .flatten()
        .filter(|processes| processes.count > 0)
        .collect();
    if processes.is_empty() && is_understood {
        let what = if said > 0 {
            "roles: of every process there are none"
        } else {
            "roles: says of no process how many"
        };
        let hint = "for example roles: {collector: 1, query: 1, web: 1}";
        reader
            .problems()
            .push(Problem::error(Some(&place), what).hint(hint));
    }
    processes
}

/// `collector: 2`, or `collector: {instances: 2, mem: 1g}`.
fn of_a_role(
    reader: &mut Reader<'_>,
    role: Role,
    jvm: &Jvm<'_>,
    all: &Processes,
) -> Option<Processes> {
    let is_map = reader.value(role.word())?.as_map().is_some();
    if !is_map {
        let count = shape::count(reader, role.word(), 0, PROCESSES_MOST)?;
        return Some(Processes {
            role,
            count,
            ..all.clone()
        });
    }
    let mut inner = reader.sub(role.word())?;
    let count = shape::count(&mut inner, "instances", 0, PROCESSES_MOST).unwrap_or(1);
    let own = Jvm {
        heap_mib: shape::memory(&mut inner, "heap", 16).unwrap_or(all.heap_mib),
        ..jvm.clone()
    };
    check_heap(&mut inner, &own);
    let memory_mib = match shape::memory(&mut inner, "mem", 1) {
        Some(memory_mib) => memory_mib,
        None if inner.has("heap") => product::memory_mib(&own),
        None => all.needs.memory_mib,
    };
    let needs = Resources {
        cpu_millis: shape::cpu_millis(&mut inner).unwrap_or(all.needs.cpu_millis),
        memory_mib,
    };
    product::check_memory(&mut inner, &own, needs);
    let ports = match inner.value("ports") {
        Some(_) => ports::of_product(&mut inner, &[("http", 9411)]),
        None => all.ports.clone(),
    };
    inner.finish();
    Some(Processes {
        role,
        count,
        heap_mib: own.heap_mib,
        needs,
        ports,
    })
}

/// Memory belongs to one process, which must take spans in and show them.
fn check_memory_alone(
    reader: &mut Reader<'_>,
    storage: Option<&Storage>,
    collectors: &Collectors,
    all: &[Processes],
) {
    if !matches!(storage, Some(Storage::Memory)) {
        return;
    }
    let hint = "keep spans where all see them: storage: an application of type cassandra, or http://host:9200";
    let processes: u32 = all.iter().map(|processes| processes.count).sum();
    if reader.has("roles") {
        let what = "split processes without a storage: each would keep spans in its own memory";
        reader.refuse("roles", what, hint);
    } else if processes > 1 {
        let what = format!("each of {processes} servers would keep spans in its own memory");
        reader.refuse("instances", &what, hint);
    } else if !collectors.http && collectors.kafka.is_none() {
        let what = "no span would ever come into its memory";
        reader.refuse("collectors", what, "leave http on, or add kafka");
    }
}

fn check_collectors(
    reader: &mut Reader<'_>,
    collectors: &Collectors,
    all: &[Processes],
    sight: &Sight<'_, '_>,
) {
    let collecting = all.iter().filter(|processes| processes.role.collects());
    let processes: u32 = collecting.map(|processes| processes.count).sum();
    let is_split = reader.has("roles");
    match &collectors.kafka {
        Some(source) if processes > 0 => {
            collectors::notice_idle(reader, source, processes, sight);
        }
        Some(source) if source.is_named && !all.is_empty() => {
            let what = format!("nobody would read topic {}", source.topic);
            reader.refuse("collectors", &what, "add roles: {collector: 1}");
        }
        None if is_split && processes > 0 && !collectors.http => {
            let what = "collectors would collect nothing";
            reader.refuse(
                "roles",
                what,
                "leave collectors: {http: …} on, or add kafka",
            );
        }
        Some(_) | None => {}
    }
}

/// What the server takes of its heap before it has a span, with room for requests.
const OCCUPIED_MIB: u32 = 64;
/// A span with four tags takes about 1 KiB; twice that must fit.
const SPANS_PER_MIB: u32 = 400;

/// The product's own 500,000 spans do not fit a small heap.
fn with_spans(
    storage: &Storage,
    config: &BTreeMap<String, Setting<Text>>,
    jvm: &Jvm<'_>,
) -> BTreeMap<String, Template> {
    const KEY: &str = "zipkin.storage.mem.max-spans";
    let mut config = product::templates(config);
    if matches!(storage, Storage::Memory) && !config.contains_key(KEY) {
        let free_mib = jvm.heap_mib.saturating_sub(OCCUPIED_MIB).max(16);
        let spans = free_mib.saturating_mul(SPANS_PER_MIB);
        config.insert(KEY.to_owned(), spans.to_string().into());
    }
    config
}
