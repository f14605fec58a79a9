//! One question, one answer: what `names` finds in the view, in the words of DNS. Pure.

use smack_scheduler::View;
use smack_scheduler::names::{self, DOMAIN, Found, REVERSE_DOMAIN};

use super::TTL_SECONDS;
use super::message::{
    A, ANY, AXFR, CLASS_ANY, CLASS_IN, Code, Data, IXFR, NS, PTR, Query, Record, Reply, SOA, SRV,
};

/// How the question came: it says how long the answer may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    Udp,
    Tcp,
}

/// The server is only ever found here.
const SERVER: &str = "localhost";

/// The answer to the bytes of a question; `None`: they are none, and nothing is said to that.
pub(crate) fn answer(view: &View, question: &[u8], transport: Transport) -> Option<Vec<u8>> {
    let query = Query::parse(question)?;
    let reply = match query.refused {
        Some(code) => refusal(code),
        None => reply(view, &query),
    };
    let limit = match transport {
        Transport::Udp => query.udp_max(),
        Transport::Tcp => usize::from(u16::MAX),
    };
    Some(query.encode(&reply, limit))
}

fn refusal(code: Code) -> Reply {
    Reply {
        code,
        authoritative: false,
        answers: Vec::new(),
        authority: Vec::new(),
        additional: Vec::new(),
    }
}

fn reply(view: &View, query: &Query<'_>) -> Reply {
    let is_transfer = matches!(query.kind, AXFR | IXFR);
    if is_transfer || !matches!(query.class, CLASS_IN | CLASS_ANY) {
        return refusal(Code::Refused);
    }
    let (code, found) = match names::find(view, &query.name) {
        Found::Foreign => return refusal(Code::Refused),
        Found::Nothing => (Code::NoSuchName, Vec::new()),
        Found::Records(records) => (Code::Fine, records),
    };
    let apex = match query.name.ends_with(REVERSE_DOMAIN) {
        true => REVERSE_DOMAIN,
        false => DOMAIN,
    };
    // Seconds since 1970 until 2106, and comparable beyond (RFC 1982).
    let serial = u32::try_from((view.now.0 / 1000) & u64::from(u32::MAX)).unwrap_or_default();
    let authority = Data::Authority(SERVER.to_owned(), serial);
    let own = found.into_iter().map(data);
    let own = own.chain(
        (query.name == apex)
            .then(|| [authority.clone(), Data::NameServer(SERVER.to_owned())])
            .into_iter()
            .flatten(),
    );
    let asked = own.filter(|data| query.kind == ANY || query.kind == kind(data));
    let answers: Vec<Record> = asked.map(|data| record(None, data)).collect();
    let authority = match answers.is_empty() {
        true => vec![record(Some(apex.to_owned()), authority)],
        false => Vec::new(),
    };
    let additional = answers.iter().flat_map(|record| targets(view, record));
    Reply {
        code,
        authoritative: true,
        additional: additional.collect(),
        answers,
        authority,
    }
}

fn record(name: Option<String>, data: Data) -> Record {
    Record {
        name,
        ttl: TTL_SECONDS,
        data,
    }
}

fn data(record: names::Record) -> Data {
    match record {
        names::Record::Address(address) => Data::Address(address),
        names::Record::Service { port, target } => Data::Service { port, target },
        names::Record::Pointer(name) => Data::Pointer(name),
    }
}

fn kind(data: &Data) -> u16 {
    match data {
        Data::Address(_) => A,
        Data::Service { .. } => SRV,
        Data::Pointer(_) => PTR,
        Data::NameServer(_) => NS,
        Data::Authority(..) => SOA,
    }
}

/// The addresses of what a service record names: whoever asks for the one wants the other.
fn targets(view: &View, service: &Record) -> Vec<Record> {
    let Data::Service { target, .. } = &service.data else {
        return Vec::new();
    };
    let Found::Records(found) = names::find(view, target) else {
        return Vec::new();
    };
    let records = found.into_iter().map(data);
    records
        .map(|data| record(Some(target.clone()), data))
        .collect()
}
