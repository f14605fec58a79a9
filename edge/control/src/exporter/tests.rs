//! Deliveries to small collectors that keep what they get.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};

use serde_json::Value;
use smack_model::{Isolation, Name, SystemId, VdcId, VdcRecord};
use smack_products::Direct;
use smack_scheduler::{SystemState, SystemStatus, VdcStatus, View};
use smack_store::{Commit, NewEntry, Store};

use super::*;

/// Answers one request after the other with these statuses, the last again and again; gives path and body of each.
fn collector(statuses: &[u16]) -> (u16, Receiver<(String, Value)>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, told) = channel();
    let mut statuses = statuses.to_vec();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut bytes = Vec::new();
            let (head, length) = loop {
                let mut more = [0; 4096];
                let count = stream.read(&mut more).unwrap();
                assert!(count > 0, "a request ends with its body");
                bytes.extend_from_slice(&more[..count]);
                let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
                let Some((head, _)) = text.split_once("\r\n\r\n") else {
                    continue;
                };
                assert!(head.contains("content-type: application/json"), "{head}");
                let length = head
                    .lines()
                    .find_map(|line| line.strip_prefix("content-length: "));
                break (head.to_owned(), length.unwrap().parse::<usize>().unwrap());
            };
            while bytes.len() < head.len() + 4 + length {
                let mut more = [0; 4096];
                let count = stream.read(&mut more).unwrap();
                bytes.extend_from_slice(&more[..count]);
            }
            let status = if statuses.len() > 1 {
                statuses.remove(0)
            } else {
                statuses[0]
            };
            let answer =
                format!("HTTP/1.1 {status} x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).unwrap();
            let path = head.split(' ').nth(1).unwrap().to_owned();
            let body = serde_json::from_slice(&bytes[head.len() + 4..]).unwrap();
            if tell.send((path, body)).is_err() {
                return;
            }
        }
    });
    (port, told)
}

fn vdc() -> VdcId {
    VdcId {
        zone: Name::new("default").unwrap(),
        name: Name::new("qa").unwrap(),
    }
}

/// A VDC whose Zipkin takes spans at that port, or is not ready.
fn published(port: Option<u16>) -> Published {
    let id = SystemId {
        scope: vdc().zone,
        run: vdc().name,
        application: Name::new("tracing").unwrap(),
        incarnation: 1,
    };
    let url = port.map(|port| format!("http://127.0.0.1:{port}/api/v2/spans"));
    let exports = url.map(|url| ("spans".to_owned(), url));
    let system = SystemStatus {
        id: Some(id),
        kind: "zipkin".to_owned(),
        exports: Arc::new(exports.into_iter().collect()),
        ..SystemStatus::default()
    };
    let record = VdcRecord {
        id: vdc(),
        shown: "qa".to_owned(),
        stack: "s".to_owned(),
        revision: 1,
        created: Timestamp(0),
        updated: Timestamp(0),
        down: false,
        isolation: Isolation::default(),
        expires: None,
        ttl: None,
        warned: 0,
    };
    let status = VdcStatus {
        record,
        state: SystemState::Ready,
        systems: vec![Arc::new(system)],
        uses: Default::default(),
        imports: Default::default(),
        network_problem: None,
    };
    let view = View {
        now: Timestamp(0),
        vdcs: BTreeMap::from([(vdc(), Arc::new(status))]),
    };
    Published {
        view: Arc::new(view),
        is_settled: true,
        halted: None,
    }
}

/// A journal with these lines about the VDC: part, kind and text.
struct Journal {
    _home: tempfile::TempDir,
    store: Store,
    epoch: smack_store::Epoch,
}

impl Journal {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut store = Store::open(&home.path().join("store.db")).unwrap();
        let epoch = store.take_epoch().unwrap();
        Self {
            _home: home,
            store,
            epoch,
        }
    }

    fn write(&mut self, at: u64, lines: &[(&str, &str, &str)]) {
        let entry = |(part, kind, text): &(&str, &str, &str)| NewEntry {
            at_millis: at,
            kind: (*kind).to_owned(),
            subject: format!("{}{part}", vdc()),
            body: serde_json::to_string(text).unwrap(),
        };
        let commit = Commit {
            writes: Vec::new(),
            entries: lines.iter().map(entry).collect(),
        };
        self.store.commit(self.epoch, &commit).unwrap();
    }
}

const BEGUN: [(&str, &str, &str); 2] = [
    ("", "run", "revision 1 of stack s"),
    ("/app/t-0", "placed", "attempt 1 on a at 127.1.0.2"),
];
const DONE: [(&str, &str, &str); 3] = [
    ("/app/t-0", "ready", "attempt 1, pid 4"),
    ("/app", "ready", "is ready"),
    ("", "converged", "everything is as asked for"),
];

fn exporter(published: watch::Receiver<Published>, collectors: Vec<Collector>) -> Arc<Exporter> {
    Arc::new(Exporter {
        published,
        reach: Arc::new(Direct),
        collectors,
        patience: Patience {
            first: Duration::from_millis(20),
            longest: Duration::from_millis(40),
            whole: Duration::from_secs(20),
        },
        requests: Semaphore::new(REQUESTS_MAX),
        state: Mutex::default(),
    })
}

/// Runs the exporter beside `work`.
fn beside(exporter: &Arc<Exporter>, journal: Reader, work: impl FnOnce()) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let run = Arc::clone(exporter).run(journal);
    let running = std::thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                () = run => {}
                _ = ended => {}
            }
        });
        runtime.shutdown_background();
    });
    work();
    drop(end);
    running.join().unwrap();
}

const SOON: Duration = Duration::from_secs(15);

fn until(what: impl Fn() -> bool) {
    let deadline = std::time::Instant::now() + SOON;
    while !what() {
        assert!(std::time::Instant::now() < deadline, "it never comes");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_complete_trace_goes_to_the_own_zipkin_and_to_every_collector() {
    let mut journal = Journal::new();
    let (own_port, own) = collector(&[202]);
    let (zipkin_port, zipkin) = collector(&[503, 202]);
    let (otlp_port, otlp) = collector(&[200]);
    let collectors = vec![
        Collector::zipkin(&format!("http://127.0.0.1:{zipkin_port}")).unwrap(),
        Collector::otlp(&format!("http://127.0.0.1:{otlp_port}/")).unwrap(),
    ];
    // It began under a server that is gone, and its Zipkin is not ready when it ends.
    let now = clock::now().0;
    journal.write(now - 500, &BEGUN);
    let (publish, receiver) = watch::channel(published(None));
    let exporter = exporter(receiver, collectors);
    beside(&exporter, journal.store.reader().unwrap(), || {
        journal.write(now, &DONE);
        publish.send_replace(published(None));
        let (path, spans) = zipkin.recv_timeout(SOON).unwrap();
        assert_eq!(path, "/api/v2/spans");
        let (_, again) = zipkin.recv_timeout(SOON).unwrap();
        assert_eq!(spans, again, "what was refused for now is sent again");
        let (path, request) = otlp.recv_timeout(SOON).unwrap();
        assert_eq!(path, "/v1/traces");
        assert!(request["resourceSpans"].as_array().unwrap().len() == 2);
        assert!(own.try_recv().is_err(), "it is not ready");
        publish.send_replace(published(Some(own_port)));
        let (path, own_spans) = own.recv_timeout(SOON).unwrap();
        assert_eq!((path.as_str(), &own_spans), ("/api/v2/spans", &spans));
        let root = &spans[0];
        assert_eq!(root["localEndpoint"]["serviceName"], "smack");
        assert_eq!(root["tags"]["smack.path"], "default/qa");
        assert_eq!(root["duration"], 500_000);
        assert_eq!(root["timestamp"], (now - 500) * 1000);
        let services: Vec<&Value> = spans.as_array().unwrap()[1..]
            .iter()
            .map(|span| &span["localEndpoint"]["serviceName"])
            .collect();
        assert!(
            services.iter().all(|service| **service == "app"),
            "{services:?}"
        );
        until(|| exporter.state().underway == 0);
    });
    let state = exporter.state();
    let counts: Vec<(String, u64, u64)> = state
        .counts
        .iter()
        .map(|(target, count)| (target.clone(), count.sent, count.given_up))
        .collect();
    let expected = ["otlp at 127.0.0.1", "tracing", "zipkin at 127.0.0.1"];
    assert_eq!(counts, expected.map(|target| (target.to_owned(), 1, 0)));
}

#[test]
fn a_refused_trace_is_given_up_and_the_next_is_taken() {
    let mut journal = Journal::new();
    let (port, told) = collector(&[400, 202]);
    let collectors = vec![Collector::zipkin(&format!("http://127.0.0.1:{port}/spans")).unwrap()];
    let now = clock::now().0;
    journal.write(now, &[BEGUN.as_slice(), &DONE].concat());
    let (publish, receiver) = watch::channel(Published::default());
    let exporter = exporter(receiver, collectors);
    let target = "zipkin at 127.0.0.1";
    beside(&exporter, journal.store.reader().unwrap(), || {
        assert_eq!(told.recv_timeout(SOON).unwrap().0, "/spans");
        until(|| {
            exporter
                .state()
                .counts
                .get(target)
                .is_some_and(|count| count.given_up == 1)
        });
        journal.write(now, &[BEGUN.as_slice(), &DONE].concat());
        publish.send_replace(Published::default());
        told.recv_timeout(SOON).unwrap();
        until(|| exporter.state().counts[target].sent == 1);
    });
    assert!(!exporter.state().counts[target].troubled);
}

#[test]
fn what_ended_long_ago_or_has_nobody_to_go_to_is_not_sent() {
    let mut journal = Journal::new();
    let (port, told) = collector(&[202]);
    let collectors = vec![Collector::zipkin(&format!("http://127.0.0.1:{port}")).unwrap()];
    let now = clock::now().0;
    journal.write(now - 60_000, &[BEGUN.as_slice(), &DONE].concat());
    journal.write(now, &BEGUN);
    let (publish, receiver) = watch::channel(Published::default());
    let exporter = exporter(receiver, collectors);
    beside(&exporter, journal.store.reader().unwrap(), || {
        journal.write(now + 1, &[("", "down", "asked for")]);
        publish.send_replace(Published::default());
        let (_, spans) = told.recv_timeout(SOON).unwrap();
        assert_eq!(spans[0]["tags"]["outcome"], "superseded");
        journal.write(now + 2, &[("", "down", "everything has ended")]);
        publish.send_replace(Published::default());
        let (_, spans) = told.recv_timeout(SOON).unwrap();
        assert_eq!(spans[0]["name"], "down");
    });
    assert!(told.try_recv().is_err());
}

#[test]
fn more_than_can_wait_are_given_up() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let collectors = vec![Collector::zipkin(&format!("http://127.0.0.1:{port}")).unwrap()];
    let mut journal = Journal::new();
    let now = clock::now().0;
    for _ in 0..UNDERWAY_MAX + 6 {
        journal.write(now, &[BEGUN.as_slice(), &DONE].concat());
    }
    // Nobody takes its connections, so nothing is answered.
    let (_publish, receiver) = watch::channel(Published::default());
    let exporter = exporter(receiver, collectors);
    beside(&exporter, journal.store.reader().unwrap(), || {
        let given_up = || {
            exporter
                .state()
                .counts
                .values()
                .map(|count| count.given_up)
                .sum::<u64>()
        };
        until(|| given_up() == 6);
        assert_eq!(exporter.state().underway, UNDERWAY_MAX);
    });
}

#[test]
fn collectors_are_named_by_their_urls() {
    let url = |made: Result<Collector, String>| made.map(|collector| collector.url().to_owned());
    let ok = |url: &str| Ok(url.to_owned());
    assert_eq!(
        url(Collector::zipkin("http://a:9411")),
        ok("http://a:9411/api/v2/spans")
    );
    assert_eq!(
        url(Collector::zipkin("https://a/z/spans")),
        ok("https://a/z/spans")
    );
    assert_eq!(
        url(Collector::otlp("http://[::1]:4318/")),
        ok("http://[::1]:4318/v1/traces")
    );
    for wrong in ["", "a:9411", "ftp://a", "/spans", "http://", "http:// a"] {
        assert!(Collector::zipkin(wrong).is_err(), "{wrong}");
    }
    let secret = Collector::otlp("https://user:secret@collector.example/v1/traces").unwrap();
    assert_eq!(secret.to_string(), "otlp at collector.example");
    assert!(Collector::zipkin("http://127.3.4.5:1").unwrap().is_here());
    assert!(!secret.is_here());
}
