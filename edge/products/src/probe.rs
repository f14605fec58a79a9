//! Is this task ready? Asked once, in the product's own protocol; asking again is the caller's.

use std::time::Duration;

use smack_model::{Name, Ports, Probe, ProbeOrder};

use crate::cassandra::{Status, View, view};
use crate::cql;
use crate::kafka::{Connection, Which};
use crate::reach::{Reach, reason, shown, within};
use crate::zookeeper::{Serving, serving};
use crate::{http, kafka};

/// The role of the active controller of a Kafka cluster.
const CONTROLLER: &str = "controller";

/// The role of a Cassandra node that others find the ring by.
const SEED: &str = "seed";

/// What a readiness probe found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probed {
    pub ready: bool,
    /// What the product says it is among its kind: `leader`.
    pub role: Option<String>,
    /// Why it is not ready, or what it said.
    pub detail: String,
}

/// Asks once, for at most `timeout` in all.
pub async fn probe(reach: &dyn Reach, order: &ProbeOrder, timeout: Duration) -> Probed {
    let asking = ask(reach, order, timeout);
    match tokio::time::timeout(timeout, asking).await {
        Ok(probed) => probed.unwrap_or_else(not_ready),
        Err(_) => not_ready(format!("no answer within {}", shown(timeout))),
    }
}

async fn ask(reach: &dyn Reach, order: &ProbeOrder, timeout: Duration) -> Result<Probed, String> {
    let address = order.address.as_str();
    let number = |name| number(&order.ports, name);
    let probed = match &order.probe {
        Probe::Tcp { port } => tcp(reach, address, number(port)?, timeout).await,
        Probe::Http { port, path } => http(reach, address, number(port)?, path, timeout).await,
        Probe::ZooKeeper { port } => zookeeper(reach, address, number(port)?, timeout).await,
        Probe::KafkaBroker { port, broker } => {
            let mut connection = open(reach, address, number(port)?, timeout).await?;
            let broker = i32::try_from(*broker).map_err(|_| format!("{broker} is no broker id"))?;
            kafka_broker(&mut connection, broker)
                .await
                .map_err(|error| error.to_string())?
        }
        Probe::KafkaController { port } => {
            let mut connection = open(reach, address, number(port)?, timeout).await?;
            kafka_controller(&mut connection).await
        }
        Probe::Cassandra { port } => cassandra(reach, address, number(port)?, timeout).await,
        Probe::Exec { .. } => {
            return Err("a command is run by the task's grid, not asked of a product".to_owned());
        }
    };
    Ok(probed)
}

async fn tcp(reach: &dyn Reach, address: &str, port: u16, timeout: Duration) -> Probed {
    match within(timeout, reach.connect(address, port)).await {
        Ok(_) => ready(None, format!("{address}:{port} accepts connections")),
        Err(error) => not_ready(format!("{address}:{port}: {}", reason(&error))),
    }
}

async fn http(
    reach: &dyn Reach,
    address: &str,
    port: u16,
    path: &str,
    timeout: Duration,
) -> Probed {
    match http::get(reach, address, port, path, timeout).await {
        Ok(answer) if answer.is_good() => {
            ready(None, format!("GET {path} answered {}", answer.status))
        }
        Ok(answer) => not_ready(match answer.says() {
            Some(says) => format!("GET {path} answered {}: {says}", answer.status),
            None => format!("GET {path} answered {}", answer.status),
        }),
        Err(reason) => not_ready(format!("GET {path} of {address}:{port}: {reason}")),
    }
}

async fn zookeeper(reach: &dyn Reach, address: &str, port: u16, timeout: Duration) -> Probed {
    match serving(reach, address, port, timeout).await {
        Ok(Serving::As(mode)) => ready(Some(mode.clone()), mode),
        Ok(Serving::Not(why)) => not_ready(why),
        Err(reason) => not_ready(format!("{address}:{port}: {reason}")),
    }
}

async fn open(
    reach: &dyn Reach,
    address: &str,
    port: u16,
    timeout: Duration,
) -> Result<Connection, String> {
    Connection::open(reach, address, port, timeout)
        .await
        .map_err(|error| error.to_string())
}

async fn kafka_broker(connection: &mut Connection, broker: i32) -> Result<Probed, kafka::Error> {
    let cluster = connection.cluster(Which::None).await?;
    let listed: Vec<i32> = cluster.brokers.keys().copied().collect();
    if !listed.contains(&broker) {
        return Ok(not_ready(format!(
            "broker {broker} listens but is not registered: it lists {}",
            kafka::ids(&listed)
        )));
    }
    if cluster.controller < 0 {
        return Ok(not_ready(
            "is registered but knows of no controller".to_owned(),
        ));
    }
    // With KRaft the controller of Metadata is any broker; the quorum knows the real one.
    let controller = if connection.has_quorum() {
        connection.quorum_leader().await.ok()
    } else {
        Some(cluster.controller)
    };
    let role = (controller == Some(broker)).then(|| CONTROLLER.to_owned());
    Ok(ready(
        role,
        format!("registered; lists brokers {}", kafka::ids(&listed)),
    ))
}

/// Only the active controller answers for the quorum; the others say that they do not lead it.
async fn kafka_controller(connection: &mut Connection) -> Probed {
    match connection.quorum_leader().await {
        Ok(_) => ready(Some(CONTROLLER.to_owned()), "active controller".to_owned()),
        Err(_) => ready(None, "answers as a controller".to_owned()),
    }
}

/// Its port opens when the node has joined, at the earliest; what it says of itself decides.
async fn cassandra(reach: &dyn Reach, address: &str, port: u16, timeout: Duration) -> Probed {
    let asking = async {
        let mut connection = cql::Connection::open(reach, address, port, timeout).await?;
        let view = view(&mut connection).await?;
        let role = is_seed(&mut connection, &view).await?;
        Ok((view, role.then(|| SEED.to_owned())))
    };
    let (view, role) = match asking.await {
        Ok(seen) => seen,
        Err(cql::Error::Unreachable { reason, .. }) => {
            return not_ready(format!("CQL does not answer yet: {reason}"));
        }
        // Who it lets in is the stack's choice; the open port says that it has joined.
        Err(error @ cql::Error::Locked { .. }) => {
            return ready(None, format!("CQL answers, but {error}"));
        }
        Err(error) => return not_ready(error.to_string()),
    };
    let status = view.itself();
    if status == Status::Normal {
        let (data_center, rack) = (&view.own.data_center, &view.own.rack);
        return ready(role, format!("up and normal in {data_center}, rack {rack}"));
    }
    let rows = if status == Status::Joining {
        ": takes over its part of the rows"
    } else {
        ""
    };
    not_ready(format!("{status}{rows}"))
}

async fn is_seed(connection: &mut cql::Connection, view: &View) -> Result<bool, cql::Error> {
    let answer = connection
        .ask("SELECT value FROM system_views.settings WHERE name = 'seed_provider.parameters'")
        .await?;
    let value = answer.rows.first().and_then(|row| row.text("value"));
    // `{seeds=127.0.0.1,127.0.0.2:7000}`
    let value = value.unwrap_or_default();
    let seeds = value.trim_start_matches("{seeds=").trim_end_matches('}');
    let own = view.own.address.to_string();
    Ok(seeds
        .split(',')
        .map(|seed| seed.trim())
        .any(|seed| seed == own || seed.rsplit_once(':').is_some_and(|(host, _)| host == own)))
}

fn number(ports: &Ports, name: &Name) -> Result<u16, String> {
    ports
        .get(name)
        .copied()
        .ok_or_else(|| format!("the task has no port named {name}"))
}

fn ready(role: Option<String>, detail: String) -> Probed {
    Probed {
        ready: true,
        role,
        detail,
    }
}

fn not_ready(detail: String) -> Probed {
    Probed {
        ready: false,
        role: None,
        detail,
    }
}
