//! `ports`, `portDefinitions` and `portMappings`: by name if one has a name, else in a list. Ports that are not required
//! are any.

use smack_model::{Place, Problems};

use super::app::App;
use super::{error, fields, number};
use crate::value::{Data, Map, Value};

/// The ports of an app in the order of `$PORT0`, `$PORT1`, ….
pub(super) struct Ports {
    ports: Vec<Port>,
    place: Place,
}

struct Port {
    name: Option<String>,
    /// What the JSON says; 0 is any.
    said: i64,
    /// The number it has to be; `None`: any.
    fixed: Option<i64>,
    place: Place,
}

impl Ports {
    pub(super) fn read(app: &App<'_>, problems: &mut Problems) -> Self {
        let mapped = app.map.get("container").and_then(Value::as_map);
        let mapped = mapped.and_then(|container| container.get("portMappings"));
        let of_docker = mapped.filter(|value| !super::is_nothing(value));
        let is_required = app.flag("requirePorts", problems);
        let (list, key, is_required) = match of_docker {
            // A program in a network of its own listens on the port of the container.
            Some(list) => (Some(list), "containerPort", true),
            None => match app.said("portDefinitions") {
                Some(list) => (Some(list), "port", is_required),
                None => (app.map.get("ports"), "port", is_required),
            },
        };
        let list = list.filter(|list| !list.is_null());
        let place = list.map_or(&app.place, |list| &list.place).clone();
        let Some(list) = list else {
            let any = Port {
                name: None,
                said: 0,
                fixed: None,
                place: place.clone(),
            };
            let ports = vec![any];
            return Self { ports, place };
        };
        let items = list.as_list().unwrap_or_else(|| {
            let what = format!("ports are a list, found {}", list.described());
            error(&list.place, what, "write […]", problems);
            &[]
        });
        let mut ports = Vec::with_capacity(items.len());
        for item in items {
            ports.extend(Port::read(item, key, is_required, problems));
        }
        Self { ports, place }
    }

    /// The name of the port at an index, as a check asks for it.
    pub(super) fn name(&self, index: usize) -> Option<String> {
        let port = self.ports.get(index)?;
        Some(self.name_of(index, port))
    }

    /// The name of the port that the JSON calls by this number.
    pub(super) fn numbered(&self, wanted: i64) -> Option<String> {
        let mut all = self.ports.iter().enumerate();
        let (index, port) = all.find(|(_, port)| port.said == wanted)?;
        Some(self.name_of(index, port))
    }

    pub(super) fn named(&self, wanted: &str) -> Option<String> {
        let mut all = self.ports.iter();
        all.find_map(|port| port.name.clone().filter(|name| name == wanted))
    }

    fn name_of(&self, index: usize, port: &Port) -> String {
        port.name.clone().unwrap_or_else(|| format!("port{index}"))
    }

    /// `ports:` of today.
    pub(super) fn value(&self, problems: &mut Problems) -> Option<Value> {
        if self.ports.is_empty() {
            return None;
        }
        let wish = |port: &Port| match port.fixed {
            Some(fixed) => number(fixed, &port.place),
            None => Value::text("any", port.place.clone()),
        };
        if self.ports.iter().all(|port| port.name.is_none()) {
            let list = self.ports.iter().map(wish).collect();
            return Some(Value::new(Data::List(list), self.place.clone()));
        }
        let mut map = Map::new();
        for (index, port) in self.ports.iter().enumerate() {
            let name = self.name_of(index, port);
            if map.contains_key(&name) {
                let what = format!("two ports have the name {name}");
                error(&port.place, what, "give each its own", problems);
            }
            map.insert(name, wish(port));
        }
        Some(Value::new(Data::Map(map), self.place.clone()))
    }
}

impl Port {
    fn read(item: &Value, key: &str, is_required: bool, problems: &mut Problems) -> Option<Self> {
        let (said, name) = match &item.data {
            Data::Map(map) => {
                fields::tell(fields::OF_PORT, map, "a port", problems);
                let name = map.get("name").and_then(Value::to_literal);
                let said = match map.get(key) {
                    Some(value) if !value.is_null() => as_port(value, problems)?,
                    _ => 0,
                };
                (said, name.filter(|name| !name.is_empty()))
            }
            Data::Null
            | Data::Bool(_)
            | Data::Integer(_)
            | Data::Number(_)
            | Data::Text(_)
            | Data::List(_) => (as_port(item, problems)?, None),
        };
        Some(Self {
            name: name.map(|name| name.to_ascii_lowercase()),
            said,
            fixed: (is_required && said > 0).then_some(said),
            place: item.place.clone(),
        })
    }
}

fn as_port(value: &Value, problems: &mut Problems) -> Option<i64> {
    let number = value.to_literal().and_then(|text| text.parse().ok());
    let found = number.filter(|number| (0..=65535).contains(number));
    if found.is_none() {
        let what = format!("{} is no port", value.shown());
        let hint = "a number from 1 to 65535, or 0 for any";
        error(&value.place, what, hint, problems);
    }
    found
}
