//! Questions as bytes and their answers in words, by a reader of this file's own; then over real sockets.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use smack_model::{Name, Status, SystemId, Timestamp, VdcId, VdcRecord};
use smack_scheduler::{SystemState, SystemStatus, TaskState, VdcStatus, View};
use tokio::sync::watch;

use super::*;

const BROKER: &str = "broker-0.kafka.build92.default.smack";

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn view(addresses: &[String]) -> Arc<View> {
    let tasks = addresses
        .iter()
        .enumerate()
        .map(|(index, address)| TaskState {
            name: name(&format!("broker-{index}")),
            status: Some(Status::Ready { pid: 7 }),
            since: None,
            node: None,
            address: Some(address.as_str().into()),
            ports: Arc::new(BTreeMap::from([(name("client"), 9092)])),
            exposed: Default::default(),
            attempt: 1,
            failures: 0,
            role: None,
            outdated: false,
            waiting: None,
        });
    let id = VdcId {
        zone: name("default"),
        name: name("build92"),
    };
    let system = SystemStatus {
        id: SystemId::parse("default/build92/kafka!1"),
        tasks: tasks.collect(),
        ..SystemStatus::default()
    };
    let vdc = VdcStatus {
        record: VdcRecord {
            id: id.clone(),
            shown: "Build92".to_owned(),
            stack: "a".to_owned(),
            revision: 1,
            created: Timestamp(0),
            updated: Timestamp(0),
            down: false,
            isolation: Default::default(),
            expires: None,
            ttl: None,
            warned: 0,
        },
        state: SystemState::Ready,
        systems: vec![Arc::new(system)],
        uses: Default::default(),
        imports: Default::default(),
        network_problem: None,
    };
    Arc::new(View {
        now: Timestamp(5_000),
        vdcs: BTreeMap::from([(id, Arc::new(vdc))]),
    })
}

fn wire_name(name: &str) -> Vec<u8> {
    let labels = name.split('.').filter(|label| !label.is_empty());
    let mut bytes: Vec<u8> = labels
        .flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat())
        .collect();
    bytes.push(0);
    bytes
}

/// A question with the recursion-desired bit, as resolvers ask; `extension` is the version and size of EDNS.
fn question(name: &str, kind: u16, extension: Option<(u8, u16)>) -> Vec<u8> {
    let additional = u8::from(extension.is_some());
    let mut bytes = vec![0xAB, 0xCD, 1, 0, 0, 1, 0, 0, 0, 0, 0, additional];
    bytes.extend(wire_name(name));
    bytes.extend(kind.to_be_bytes());
    bytes.extend([0, 1]);
    if let Some((version, size)) = extension {
        bytes.extend([0, 0, 41]);
        bytes.extend(size.to_be_bytes());
        bytes.extend([0, version, 0, 0, 0, 0]);
    }
    bytes
}

fn read_name(bytes: &[u8], mut at: usize) -> (String, usize) {
    let (mut labels, mut end) = (Vec::new(), None);
    loop {
        let length = usize::from(bytes[at]);
        match length {
            0 => return (labels.join("."), end.unwrap_or(at + 1)),
            0xC0.. => {
                end.get_or_insert(at + 2);
                at = (length - 0xC0) << 8 | usize::from(bytes[at + 1]);
            }
            _ => {
                labels.push(String::from_utf8(bytes[at + 1..=at + length].to_vec()).unwrap());
                at += length + 1;
            }
        }
    }
}

fn pair(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

/// `code flags: records`, a word each; sections are separated by `|`.
fn told(bytes: &[u8]) -> String {
    assert_eq!(&bytes[..2], [0xAB, 0xCD]);
    let flags = pair(bytes, 2);
    let mut words = Vec::new();
    for (bit, word) in [(0x400, "aa"), (0x200, "tc"), (0x80, "ra")] {
        if flags & bit != 0 {
            words.push(word.to_owned());
        }
    }
    let mut at = 12;
    for _ in 0..pair(bytes, 4) {
        at = read_name(bytes, at).1 + 4;
    }
    for section in [6, 8, 10] {
        words.push("|".to_owned());
        for _ in 0..pair(bytes, section) {
            let (owner, next) = read_name(bytes, at);
            let (kind, length) = (pair(bytes, next), usize::from(pair(bytes, next + 8)));
            let data = next + 10;
            let value = match kind {
                1 => format!("{:?}", &bytes[data..data + 4]).replace(", ", "."),
                2 | 6 | 12 => read_name(bytes, data).0,
                33 => format!("{}:{}", read_name(bytes, data + 6).0, pair(bytes, data + 4)),
                _ => format!("edns {} version {}", bytes[next + 4], bytes[next + 5]),
            };
            words.push(format!("{owner} {kind} {value};"));
            at = data + length;
        }
    }
    assert_eq!(at, bytes.len(), "nothing is left over");
    format!("{} {}", flags & 0xF, words.join(" "))
}

fn asked(name: &str, kind: u16) -> String {
    let view = view(&["127.1.0.2".to_owned(), "127.1.0.3".to_owned()]);
    told(&answer(&view, &question(name, kind, None), Transport::Udp).unwrap())
}

#[test]
fn questions_have_their_answers() {
    let no = "smack 6 localhost;";
    for (name, kind, expected) in [
        (BROKER, 1, format!("0 aa | {BROKER} 1 [127.1.0.2]; | |")),
        // The case of the question comes back, and does not matter.
        (
            "KAFKA.Build92.default.SMACK",
            1,
            "0 aa | KAFKA.Build92.default.SMACK 1 [127.1.0.2]; KAFKA.Build92.default.SMACK 1 [127.1.0.3]; | |"
                .to_owned(),
        ),
        (BROKER, 28, format!("0 aa | | {no} |")),
        (BROKER, 65, format!("0 aa | | {no} |")),
        (BROKER, 65_280, format!("0 aa | | {no} |")),
        ("nobody.build92.default.smack", 1, format!("3 aa | | {no} |")),
        ("kafka.build93.default.smack", 255, format!("3 aa | | {no} |")),
        ("build92.default.smack", 1, format!("0 aa | | {no} |")),
        ("smack", 6, "0 aa | smack 6 localhost; | |".to_owned()),
        ("smack", 2, "0 aa | smack 2 localhost; | |".to_owned()),
        ("smack", 1, format!("0 aa | | {no} |")),
        (
            "2.0.1.127.in-addr.arpa",
            12,
            format!("0 aa | 2.0.1.127.in-addr.arpa 12 {BROKER}; | |"),
        ),
        (
            "9.0.1.127.in-addr.arpa",
            12,
            "3 aa | | 127.in-addr.arpa 6 localhost; |".to_owned(),
        ),
        ("example.org", 1, "5 | | |".to_owned()),
        ("", 2, "5 | | |".to_owned()),
        ("smack", 252, "5 | | |".to_owned()),
    ] {
        assert_eq!(asked(name, kind), expected, "{name} {kind}");
    }
    let service = asked("_client._tcp.kafka.build92.default.smack", 33);
    let one = "_client._tcp.kafka.build92.default.smack 33 broker";
    let kafka = "kafka.build92.default.smack";
    assert_eq!(
        service,
        format!(
            "0 aa | {one}-0.{kafka}:9092; {one}-1.{kafka}:9092; | | \
             broker-0.{kafka} 1 [127.1.0.2]; broker-1.{kafka} 1 [127.1.0.3];"
        )
    );
}

#[test]
fn an_extension_is_answered_with_one() {
    let view = view(&["127.1.0.2".to_owned()]);
    let ask = |version| {
        let question = question(BROKER, 1, Some((version, 4096)));
        told(&answer(&view, &question, Transport::Udp).unwrap())
    };
    assert_eq!(
        ask(0),
        format!("0 aa | {BROKER} 1 [127.1.0.2]; | |  41 edns 0 version 0;")
    );
    assert_eq!(ask(1), "0 | | |  41 edns 1 version 0;");
}

#[test]
fn what_does_not_fit_into_a_datagram_says_so() {
    let addresses: Vec<String> = (0..200).map(|index| format!("127.1.0.{index}")).collect();
    let view = view(&addresses);
    let kafka = "kafka.build92.default.smack";
    for (extension, longest) in [(None, 512), (Some((0, 100)), 512), (Some((0, 9000)), 1232)] {
        let bytes = answer(&view, &question(kafka, 1, extension), Transport::Udp).unwrap();
        assert!(
            bytes.len() <= longest && bytes.len() > longest - 30,
            "{}",
            bytes.len()
        );
        assert!(told(&bytes).starts_with("0 aa tc |"));
    }
    let bytes = answer(&view, &question(kafka, 1, None), Transport::Tcp).unwrap();
    assert_eq!(told(&bytes).matches("127.1.0").count(), 200);
}

#[test]
fn what_is_no_question_is_refused_or_left_alone() {
    let view = view(&[]);
    let told_of = |bytes: &[u8]| answer(&view, bytes, Transport::Udp).map(|bytes| told(&bytes));
    let good = question(BROKER, 1, None);
    let with = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        bytes
    };
    assert_eq!(told_of(&[]), None);
    assert_eq!(told_of(&good[..11]), None);
    // An answer: two servers must not talk for ever.
    assert_eq!(told_of(&with(2, 0x81)), None);
    assert_eq!(told_of(&with(2, 0x29)), Some("4 | | |".to_owned()));
    for malformed in [
        good[..good.len() - 1].to_vec(),
        with(5, 0),
        with(5, 2),
        with(7, 1),
        with(11, 1),
        // A pointer to itself, and a label that is too long.
        with(12, 0xC0),
        with(12, 64),
        question(&["a"; 128].join("."), 1, None),
    ] {
        assert_eq!(
            told_of(&malformed),
            Some("1 | | |".to_owned()),
            "{malformed:?}"
        );
    }
}

#[test]
fn nothing_that_is_sent_brings_it_down() {
    let view = view(&["127.1.0.2".to_owned()]);
    let seeds = [
        question(BROKER, 255, Some((0, 1232))),
        question("_client._tcp.kafka.build92.default.smack", 33, None),
        question("2.0.1.127.in-addr.arpa", 12, None),
    ];
    // A generator of numbers that are the same each time (Lehmer).
    let mut state = 4711_u64;
    let mut next = |below: usize| {
        state = state * 48_271 % 0x7FFF_FFFF;
        state as usize % below
    };
    for round in 0..50_000 {
        let mut bytes = seeds[round % seeds.len()].clone();
        for _ in 0..1 + next(4) {
            let at = next(bytes.len());
            bytes[at] = next(256) as u8;
        }
        bytes.truncate(1 + next(bytes.len() * 2));
        for transport in [Transport::Udp, Transport::Tcp] {
            let answer = answer(&view, &bytes, transport);
            assert!(answer.is_none_or(|answer| answer.len() <= 65_535));
        }
    }
}

/// A server of its own on a thread, and what its view is set by.
fn served() -> (SocketAddr, watch::Sender<Published>) {
    let sockets = bind_to(0).unwrap();
    let address = sockets.address;
    assert!(address.ip().is_loopback());
    let (publish, published) = watch::channel(Published::default());
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(serve(sockets, published));
    });
    (address, publish)
}

fn publish(publish: &watch::Sender<Published>, address: &str) {
    let view = view(&[address.to_owned()]);
    publish.send_modify(|published| published.view = view);
}

fn ask_udp(server: SocketAddr, question: &[u8]) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let within = Some(Duration::from_secs(10));
    socket.set_read_timeout(within).unwrap();
    socket.send_to(question, server).unwrap();
    let mut bytes = [0; 2048];
    let length = socket.recv(&mut bytes).unwrap();
    told(&bytes[..length])
}

fn ask_tcp(stream: &mut TcpStream, question: &[u8]) -> String {
    let length = (question.len() as u16).to_be_bytes();
    // In pieces, as a network may bring it.
    for piece in [&length[..1], &length[1..], &question[..5], &question[5..]] {
        stream.write_all(piece).unwrap();
    }
    let mut length = [0; 2];
    stream.read_exact(&mut length).unwrap();
    let mut bytes = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut bytes).unwrap();
    told(&bytes)
}

#[test]
fn a_task_that_has_moved_is_found_at_once() {
    let (server, view) = served();
    let question = question(BROKER, 1, None);
    assert_eq!(ask_udp(server, &question), "3 aa | | smack 6 localhost; |");
    let mut stream = TcpStream::connect(server).unwrap();
    for address in ["127.1.0.2", "127.9.8.7"] {
        publish(&view, address);
        let expected = format!("0 aa | {BROKER} 1 [{address}]; | |");
        assert_eq!(ask_udp(server, &question), expected);
        assert_eq!(ask_tcp(&mut stream, &question), expected);
    }
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
}
