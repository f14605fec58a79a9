//! Is this task ready? Asked once, in the product's own protocol; asking again is the caller's.

use std::time::Duration;

use smack_model::{Name, Ports, Probe, ProbeOrder};

use crate::kafka::{Connection, Which};
use crate::reach::{Reach, reason, shown, within};
use crate::zookeeper::{Serving, serving};
use crate::{http, kafka};

/// The role of the active controller of a Kafka cluster.
const CONTROLLER: &str = "controller";

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
    match http::status(reach, address, port, path, timeout).await {
        Ok(status @ 200..=399) => ready(None, format!("GET {path} answered {status}")),
        Ok(status) => not_ready(format!("GET {path} answered {status}")),
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
