//! `ports:` — a number, `any`, a range `"31000-31100"`, by name or in a list.

use smack_model::{Name, PortSpec, PortWish, Problem};
use smack_stack::{Reader, Value};

use crate::names::label;

/// The named ports of a product. A single number is that of the first one.
pub(crate) fn of_product(reader: &mut Reader<'_>, known: &[(&'static str, u16)]) -> Vec<PortSpec> {
    let mut ports: Vec<PortSpec> = known
        .iter()
        .map(|(name, port)| PortSpec {
            name: label(name),
            wish: PortWish::Fixed(*port),
        })
        .collect();
    let is_map = reader
        .value("ports")
        .is_some_and(|value| value.as_map().is_some());
    if is_map {
        if let Some(mut inner) = reader.sub("ports") {
            for (index, (name, _)) in known.iter().enumerate() {
                if let Some(value) = inner.value(name) {
                    take(&mut inner, value, &mut ports[index]);
                }
            }
            inner.finish();
        }
    } else if let Some(value) = reader.value("ports") {
        take(reader, value, &mut ports[0]);
    }
    refuse_doubles(reader, &ports);
    ports
}

/// The ports of a program: a list of numbers (`port0`, `port1`, …; 0 is any), or a map of names.
pub(crate) fn of_program(reader: &mut Reader<'_>) -> Vec<PortSpec> {
    let Some(value) = reader.value("ports") else {
        return Vec::new();
    };
    let mut ports = Vec::new();
    if let Some(map) = value.as_map() {
        for (key, value) in map {
            match Name::new(key) {
                Ok(name) => {
                    ports.push(PortSpec {
                        name,
                        wish: PortWish::Any,
                    });
                    let last = ports.len() - 1;
                    take(reader, value, &mut ports[last]);
                }
                Err(why) => {
                    let what = format!("ports: {why}");
                    reader.problems().push(
                        Problem::error(Some(&value.place), what)
                            .hint("a port's name is a DNS label"),
                    );
                }
            }
        }
    } else {
        let items = value.as_list().unwrap_or(std::slice::from_ref(value));
        for (index, item) in items.iter().enumerate() {
            let name = Name::new(&format!("port{index}")).expect("letters and a number");
            let mut port = PortSpec {
                name,
                wish: PortWish::Any,
            };
            take(reader, item, &mut port);
            ports.push(port);
        }
    }
    refuse_doubles(reader, &ports);
    ports
}

fn take(reader: &mut Reader<'_>, value: &Value, port: &mut PortSpec) {
    match wish(value) {
        Some(wish) => port.wish = wish,
        None => {
            let what = format!("ports: {} is no port", value.shown());
            let hint = "a number from 1 to 65535, a range such as \"31000-31100\", or any";
            reader
                .problems()
                .push(Problem::error(Some(&value.place), what).hint(hint));
        }
    }
}

fn wish(value: &Value) -> Option<PortWish> {
    let text = value.to_literal()?;
    let number = |text: &str| text.trim().parse::<u16>().ok().filter(|&port| port > 0);
    if text == "any" || text == "0" {
        return Some(PortWish::Any);
    }
    match text.split_once('-') {
        Some((from, to)) => {
            let (from, to) = (number(from)?, number(to)?);
            (from <= to).then_some(PortWish::Range(from, to))
        }
        None => number(&text).map(PortWish::Fixed),
    }
}

fn refuse_doubles(reader: &mut Reader<'_>, ports: &[PortSpec]) {
    for (index, port) in ports.iter().enumerate() {
        let PortWish::Fixed(number) = port.wish else {
            continue;
        };
        if let Some(other) = ports[..index].iter().find(|other| other.wish == port.wish) {
            let what = format!("{} and {} both want {number}", other.name, port.name);
            reader.refuse("ports", &what, "give each its own number, or any");
        }
    }
}
