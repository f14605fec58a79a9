//! Which address is inside which network, and sockets from there. A socket stays in the network in which its holder
//! made it, so whoever has it connects it as any other.

use std::collections::BTreeMap;
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendFlags, SocketAddrUnix,
    SocketFlags, SocketType, recvmsg, send, socket_with, sockopt,
};
use smack_model::VdcId;

use crate::local::home::Home;

/// A holder answers at once, or is about to be replaced.
const PATIENCE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Routes {
    home: Home,
    addresses: RwLock<BTreeMap<IpAddr, VdcId>>,
    doors: Mutex<BTreeMap<VdcId, Arc<Door>>>,
}

/// The conversation with a holder.
#[derive(Debug, Default)]
struct Door(Mutex<Option<OwnedFd>>);

impl Routes {
    pub(crate) fn new(home: Home) -> Self {
        Self {
            home,
            addresses: RwLock::default(),
            doors: Mutex::default(),
        }
    }

    /// Whatever listens on the address does so inside this network, or in none.
    pub(crate) fn set(&self, address: &str, vdc: Option<&VdcId>) {
        let Ok(address) = address.parse() else {
            return;
        };
        let mut addresses = self
            .addresses
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        match vdc {
            Some(vdc) => drop(addresses.insert(address, vdc.clone())),
            None => drop(addresses.remove(&address)),
        }
    }

    pub(crate) fn end(&self, vdc: &VdcId) {
        let mut addresses = self
            .addresses
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        addresses.retain(|_, inside| inside != vdc);
        drop(addresses);
        let mut doors = self.doors.lock().unwrap_or_else(PoisonError::into_inner);
        drop(doors.remove(vdc));
    }

    /// The network that the address is in.
    pub(crate) fn of(&self, address: IpAddr) -> Option<VdcId> {
        let addresses = self
            .addresses
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        addresses.get(&address).cloned()
    }

    /// A TCP socket for a connection to the address, in a network or in the machine's own; nothing on it waits.
    pub(crate) fn socket(&self, inside: Option<&VdcId>, to: IpAddr) -> io::Result<OwnedFd> {
        if let Some(vdc) = inside {
            return self.door(vdc).socket(&self.home, vdc, to.is_ipv6());
        }
        let family = match to {
            IpAddr::V4(_) => AddressFamily::INET,
            IpAddr::V6(_) => AddressFamily::INET6,
        };
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        Ok(socket_with(family, SocketType::STREAM, flags, None)?)
    }

    /// Connects from inside a network, or from the machine's own.
    pub(crate) fn connect(
        &self,
        inside: Option<&VdcId>,
        to: SocketAddr,
        within: Duration,
    ) -> io::Result<TcpStream> {
        let socket = self.socket(inside, to.ip())?;
        match rustix::net::connect(&socket, &to) {
            Err(Errno::INPROGRESS) => {
                let mut all = [PollFd::new(&socket, PollFlags::OUT)];
                let timeout = Timespec::try_from(within).map_err(io::Error::other)?;
                match poll(&mut all, Some(&timeout)) {
                    Ok(0) => return Err(io::ErrorKind::TimedOut.into()),
                    other => other?,
                };
                sockopt::socket_error(&socket)??;
            }
            other => other?,
        }
        let stream = TcpStream::from(socket);
        stream.set_nonblocking(false)?;
        Ok(stream)
    }

    fn door(&self, vdc: &VdcId) -> Arc<Door> {
        let mut doors = self.doors.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(doors.entry(vdc.clone()).or_default())
    }
}

impl Door {
    /// Asks the holder; one that was replaced since the last time is asked once more.
    fn socket(&self, home: &Home, vdc: &VdcId, is_v6: bool) -> io::Result<OwnedFd> {
        let mut connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(holder) = connection.as_ref()
            && let Ok(socket) = ask(holder, is_v6)
        {
            return Ok(socket);
        }
        *connection = None;
        let holder = connect(home, vdc)?;
        let socket = ask(&holder, is_v6)?;
        *connection = Some(holder);
        Ok(socket)
    }
}

/// Through a descriptor of the directory, for the socket's own path may be longer than an address can be.
fn connect(home: &Home, vdc: &VdcId) -> io::Result<OwnedFd> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = rustix::fs::open(home.network(vdc), flags, Mode::empty());
    let absent = |error: Errno| match error {
        Errno::NOENT | Errno::CONNREFUSED => io::Error::new(
            io::ErrorKind::NotConnected,
            format!("the network of {vdc} is not there, or is just being mended"),
        ),
        other => other.into(),
    };
    let directory = directory.map_err(absent)?;
    let path = format!("/proc/self/fd/{}/hold", directory.as_raw_fd());
    let flags = SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, Some(PATIENCE))?;
    rustix::net::connect(&socket, &SocketAddrUnix::new(path)?).map_err(absent)?;
    Ok(socket)
}

/// One socket, as the shim's `door.rs` has it: a letter and a count; 0 and a descriptor, or 1, the letter and an errno.
fn ask(holder: &OwnedFd, is_v6: bool) -> io::Result<OwnedFd> {
    let letter = if is_v6 { b'6' } else { b's' };
    send(holder, &[letter, 1], SendFlags::NOSIGNAL)?;
    let mut bytes = [0; 64];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(16))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut slices = [IoSliceMut::new(&mut bytes)];
    let received = recvmsg(holder, &mut slices, &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let socket = control.drain().find_map(|message| {
        let RecvAncillaryMessage::ScmRights(mut descriptors) = message else {
            return None;
        };
        descriptors.next()
    });
    match (&bytes[..received.bytes], socket) {
        ([0, ..], Some(socket)) => Ok(socket),
        ([1, _, a, b, c, d, ..], _) => {
            let errno = i32::from_ne_bytes([*a, *b, *c, *d]);
            Err(io::Error::from_raw_os_error(errno))
        }
        _ => Err(io::ErrorKind::BrokenPipe.into()),
    }
}
