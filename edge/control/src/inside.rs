//! The products' clients reach tasks through the grid: into the network of a virtual data center where it has one.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use smack_grids::{Reach as TaskReach, ReachError};
use smack_model::{SystemId, TaskId, TaskName};
use smack_products::{Connecting, Ran, Reach, Running};
use tokio::net::{TcpSocket, TcpStream};

/// The grid's way to tasks.
#[derive(Debug, Clone)]
pub(crate) struct Inside(pub(crate) TaskReach);

impl Reach for Inside {
    fn connect<'a>(&'a self, address: &'a str, port: u16) -> Connecting<'a> {
        Box::pin(async move {
            let stream = match address.parse::<IpAddr>() {
                Ok(ip) => {
                    let socket = self.0.socket_to(ip)?;
                    socket.set_nonblocking(true)?;
                    let socket = TcpSocket::from_std_stream(socket);
                    socket.connect(SocketAddr::new(ip, port)).await?
                }
                Err(_) => return Err(io::Error::other(format!("{address:?} is no IP address"))),
            };
            stream.set_nodelay(true)?;
            Ok::<TcpStream, io::Error>(stream)
        })
    }

    fn exec<'a>(
        &'a self,
        system: &'a SystemId,
        task: &'a TaskName,
        attempt: u32,
        command: &'a [String],
        within: Duration,
    ) -> Running<'a> {
        let id = TaskId {
            system: system.clone(),
            name: task.clone(),
            attempt,
        };
        let (reach, command) = (self.0.clone(), command.to_vec());
        let run = move || reach.exec(&id, &command, &BTreeMap::new(), within);
        Box::pin(async move {
            let ran = tokio::task::spawn_blocking(run).await;
            let output = ran.map_err(io::Error::other)?.map_err(|error| {
                let kind = match &error {
                    ReachError::TooSlow { .. } => io::ErrorKind::TimedOut,
                    ReachError::Unknown(_)
                    | ReachError::NoAddress(_)
                    | ReachError::NoProgram
                    | ReachError::Run { .. }
                    | ReachError::Enter { .. }
                    | ReachError::Connect { .. } => io::ErrorKind::Other,
                };
                io::Error::new(kind, error)
            })?;
            Ok(Ran {
                code: output.code,
                output: output.output,
                errors: output.errors,
            })
        })
    }
}
