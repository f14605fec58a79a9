//! Sockets that the standard library does not make: messages that carry descriptors, sockets not yet connected or bound
//! without listening, and the kernel's list of listeners.

use std::ffi::{c_int, c_uint, c_void};
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, FromRawFd as _, OwnedFd, RawFd};

use super::{O_CLOEXEC, O_NONBLOCK, checked};

const UNIX: u16 = 1;
const INET: u16 = 2;
const INET6: u16 = 10;
const NETLINK: u16 = 16;
const STREAM: c_int = 1;
const RAW: c_int = 3;
const SEQPACKET: c_int = 5;
const SOCKET_LEVEL: c_int = 1;
const DONT_WAIT: c_int = 0x40;
const NO_SIGNAL: c_int = 0x4000;
const CLOSE_ON_EXEC: c_int = 0x4000_0000;

/// More than are ever sent in one message.
pub(crate) const DESCRIPTORS_MAX: usize = 16;
/// Header and descriptors of a control message, in words of the kernel's alignment.
const CONTROL_WORDS: usize = HEADER_WORDS + DESCRIPTORS_MAX * 4 / WORD;
const WORD: usize = size_of::<usize>();
/// `struct cmsghdr`: its length, then two integers.
const HEADER_WORDS: usize = 1 + 8 / WORD;

unsafe extern "C" {
    fn socket(family: c_int, kind: c_int, protocol: c_int) -> c_int;
    fn bind(fd: c_int, address: *const c_void, length: c_uint) -> c_int;
    fn connect(fd: c_int, address: *const c_void, length: c_uint) -> c_int;
    fn listen(fd: c_int, backlog: c_int) -> c_int;
    fn accept4(fd: c_int, address: *mut c_void, length: *mut c_uint, flags: c_int) -> c_int;
    fn setsockopt(
        fd: c_int,
        level: c_int,
        name: c_int,
        value: *const c_void,
        length: c_uint,
    ) -> c_int;
    fn sendmsg(fd: c_int, message: *const Message, flags: c_int) -> isize;
    fn recvmsg(fd: c_int, message: *mut Message, flags: c_int) -> isize;
    fn send(fd: c_int, buffer: *const c_void, length: usize, flags: c_int) -> isize;
    fn recv(fd: c_int, buffer: *mut c_void, length: usize, flags: c_int) -> isize;
}

#[repr(C)]
struct Slice {
    base: *mut c_void,
    length: usize,
}

/// `struct msghdr`.
#[repr(C)]
struct Message {
    name: *mut c_void,
    name_length: c_uint,
    slices: *mut Slice,
    slice_count: usize,
    control: *mut c_void,
    control_length: usize,
    flags: c_int,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    V4,
    V6,
}

fn new(family: u16, kind: c_int, protocol: c_int) -> io::Result<OwnedFd> {
    // SAFETY: plain numbers; the descriptor is new and ours.
    unsafe {
        let fd = checked(socket(c_int::from(family), kind | O_CLOEXEC, protocol))?;
        Ok(OwnedFd::from_raw_fd(fd))
    }
}

/// A TCP socket in the network of this process, which it keeps wherever it goes. Nothing on it waits.
pub(crate) fn stream(family: Family) -> io::Result<OwnedFd> {
    let family = match family {
        Family::V4 => INET,
        Family::V6 => INET6,
    };
    new(family, STREAM | O_NONBLOCK, 0)
}

/// A socket that answers who listens in the network of this process, see [`listens`].
pub(crate) fn diagnosis() -> io::Result<OwnedFd> {
    const SOCK_DIAG: c_int = 4;
    new(NETLINK, RAW | O_NONBLOCK, SOCK_DIAG)
}

/// `struct sockaddr_in`.
pub(super) fn inet(address: Ipv4Addr, port: u16) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..2].copy_from_slice(&INET.to_ne_bytes());
    bytes[2..4].copy_from_slice(&port.to_be_bytes());
    bytes[4..8].copy_from_slice(&address.octets());
    bytes
}

/// Not the error if it is merely under way.
pub(crate) fn connect_stream(socket: &OwnedFd, address: Ipv4Addr, port: u16) -> io::Result<()> {
    const EINPROGRESS: i32 = 115;
    let address = inet(address, port);
    // SAFETY: the address outlives the call.
    match checked(unsafe { connect(socket.as_raw_fd(), address.as_ptr().cast(), 16) }) {
        Err(error) if error.raw_os_error() != Some(EINPROGRESS) => Err(error),
        _ => Ok(()),
    }
}

/// The socket has the address then and does not listen yet: who connects is refused.
pub(crate) fn bind_stream(socket: &OwnedFd, address: Ipv4Addr, port: u16) -> io::Result<()> {
    const REUSE_ADDRESS: c_int = 2;
    // Connections that have just ended would be in the way.
    set(socket, SOCKET_LEVEL, REUSE_ADDRESS, &1_i32.to_ne_bytes())?;
    let address = inet(address, port);
    // SAFETY: the address outlives the call.
    checked(unsafe { bind(socket.as_raw_fd(), address.as_ptr().cast(), 16) }).map(drop)
}

/// As many connections may wait as the kernel lets.
pub(crate) fn start_listening(socket: &OwnedFd) -> io::Result<()> {
    // SAFETY: plain numbers.
    checked(unsafe { listen(socket.as_raw_fd(), 65_535) }).map(drop)
}

/// The next connection; nothing on it waits.
pub(crate) fn accept(socket: &OwnedFd) -> io::Result<OwnedFd> {
    let (none, no_length) = (std::ptr::null_mut(), std::ptr::null_mut());
    let flags = O_CLOEXEC | O_NONBLOCK;
    // SAFETY: no address is asked for; the descriptor is new and ours.
    unsafe {
        let fd = checked(accept4(socket.as_raw_fd(), none, no_length, flags))?;
        Ok(OwnedFd::from_raw_fd(fd))
    }
}

/// Small messages go at once.
pub(crate) fn do_not_delay(socket: &OwnedFd) {
    const TCP: c_int = 6;
    const NO_DELAY: c_int = 1;
    // Slower without, but not wrong.
    drop(set(socket, TCP, NO_DELAY, &1_i32.to_ne_bytes()));
}

/// Closing the socket resets the connection.
pub(crate) fn reset_on_close(socket: &impl AsRawFd) {
    const LINGER: c_int = 13;
    let mut value = [0; 8];
    value[..4].copy_from_slice(&1_i32.to_ne_bytes());
    // It would be closed in the orderly way: the other side learns a little later.
    drop(set(socket, SOCKET_LEVEL, LINGER, &value));
}

fn set(socket: &impl AsRawFd, level: c_int, name: c_int, value: &[u8]) -> io::Result<()> {
    let length = c_uint::try_from(value.len()).map_err(io::Error::other)?;
    // SAFETY: the value outlives the call and has this length.
    let result = unsafe {
        setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            value.as_ptr().cast(),
            length,
        )
    };
    checked(result).map(drop)
}

/// `struct sockaddr_un` of a short name in the working directory.
fn unix(name: &str) -> io::Result<([u8; 110], c_uint)> {
    let mut bytes = [0; 110];
    bytes[..2].copy_from_slice(&UNIX.to_ne_bytes());
    let place = bytes.get_mut(2..2 + name.len());
    place
        .ok_or(io::ErrorKind::InvalidInput)?
        .copy_from_slice(name.as_bytes());
    let length = c_uint::try_from(2 + name.len() + 1).map_err(io::Error::other)?;
    Ok((bytes, length))
}

/// Listens for conversations of messages under a name in the working directory, for this user only.
pub(crate) fn message_listener(name: &str) -> io::Result<OwnedFd> {
    let listener = new(UNIX, SEQPACKET | O_NONBLOCK, 0)?;
    let (address, length) = unix(name)?;
    super::only_for_owner(|| {
        // SAFETY: the address outlives the call and has this length.
        checked(unsafe { bind(listener.as_raw_fd(), address.as_ptr().cast(), length) })
    })?;
    start_listening(&listener)?;
    Ok(listener)
}

pub(crate) fn message_connection(name: &str) -> io::Result<OwnedFd> {
    let socket = new(UNIX, SEQPACKET, 0)?;
    let (address, length) = unix(name)?;
    // SAFETY: the address outlives the call and has this length.
    checked(unsafe { connect(socket.as_raw_fd(), address.as_ptr().cast(), length) })?;
    Ok(socket)
}

/// Sends one message, with descriptors that the other side gets as its own; does not wait for room.
pub(crate) fn send_message(
    socket: &OwnedFd,
    bytes: &[u8],
    descriptors: &[RawFd],
) -> io::Result<()> {
    let mut control = [0_usize; CONTROL_WORDS];
    let descriptors = descriptors.get(..DESCRIPTORS_MAX).unwrap_or(descriptors);
    let content = HEADER_WORDS * WORD + descriptors.len() * 4;
    let mut header = content.to_ne_bytes().to_vec();
    header.extend_from_slice(&SOCKET_LEVEL.to_ne_bytes());
    // SCM_RIGHTS.
    header.extend_from_slice(&1_i32.to_ne_bytes());
    header.extend(descriptors.iter().flat_map(|fd| fd.to_ne_bytes()));
    for (word, bytes) in control.iter_mut().zip(header.chunks(WORD)) {
        let mut whole = [0; WORD];
        whole[..bytes.len()].copy_from_slice(bytes);
        *word = usize::from_ne_bytes(whole);
    }
    let mut slice = Slice {
        base: bytes.as_ptr().cast_mut().cast(),
        length: bytes.len(),
    };
    let has_control = !descriptors.is_empty();
    let message = Message {
        name: std::ptr::null_mut(),
        name_length: 0,
        slices: &raw mut slice,
        slice_count: 1,
        control: if has_control {
            control.as_mut_ptr().cast()
        } else {
            std::ptr::null_mut()
        },
        control_length: if has_control {
            content.next_multiple_of(WORD)
        } else {
            0
        },
        flags: 0,
    };
    // SAFETY: all that the message points at outlives the call; the kernel only reads it.
    let sent = unsafe {
        sendmsg(
            socket.as_raw_fd(),
            &raw const message,
            DONT_WAIT | NO_SIGNAL,
        )
    };
    if sent < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// The next message and its descriptors; a length of 0: the other side is gone.
pub(crate) fn receive_message(
    socket: &OwnedFd,
    bytes: &mut [u8],
    wait: bool,
) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut control = [0_usize; CONTROL_WORDS];
    let mut slice = Slice {
        base: bytes.as_mut_ptr().cast(),
        length: bytes.len(),
    };
    let mut message = Message {
        name: std::ptr::null_mut(),
        name_length: 0,
        slices: &raw mut slice,
        slice_count: 1,
        control: control.as_mut_ptr().cast(),
        control_length: CONTROL_WORDS * WORD,
        flags: 0,
    };
    let flags = CLOSE_ON_EXEC | if wait { 0 } else { DONT_WAIT };
    // SAFETY: all that the message points at outlives the call and has the lengths given.
    let length = unsafe { recvmsg(socket.as_raw_fd(), &raw mut message, flags) };
    let length = usize::try_from(length).map_err(|_| io::Error::last_os_error())?;
    let mut descriptors = Vec::new();
    let content = control[0].min(message.control_length);
    if content > HEADER_WORDS * WORD {
        let raw: Vec<u8> = control.iter().flat_map(|word| word.to_ne_bytes()).collect();
        let numbers = raw.get(HEADER_WORDS * WORD..content).unwrap_or_default();
        for number in numbers.chunks_exact(4) {
            let fd = c_int::from_ne_bytes([number[0], number[1], number[2], number[3]]);
            // SAFETY: the kernel has just made this descriptor for this process, which alone has it.
            descriptors.push(unsafe { OwnedFd::from_raw_fd(fd) });
        }
    }
    Ok((length, descriptors))
}

/// Whether a program listens where a connection to this address and port would go, in the network of the
/// [`diagnosis`] socket (sock_diag(7)).
pub(crate) fn listens(diagnosis: &OwnedFd, address: Ipv4Addr, port: u16) -> io::Result<bool> {
    const SOCK_DIAG_BY_FAMILY: u16 = 20;
    const REQUEST_DUMP: u16 = 0x301;
    const TCP: u8 = 6;
    const LISTENING: u32 = 1 << 10;
    for family in [INET, INET6] {
        let mut request = [0_u8; 72];
        request[..4].copy_from_slice(&72_u32.to_ne_bytes());
        request[4..6].copy_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
        request[6..8].copy_from_slice(&REQUEST_DUMP.to_ne_bytes());
        request[16] = family.to_le_bytes()[0];
        request[17] = TCP;
        request[20..24].copy_from_slice(&LISTENING.to_ne_bytes());
        request[24..26].copy_from_slice(&port.to_be_bytes());
        let fd = diagnosis.as_raw_fd();
        // SAFETY: the request outlives the call.
        if unsafe { send(fd, request.as_ptr().cast(), 72, 0) } < 0 {
            return Err(io::Error::last_os_error());
        }
        if read_listeners(diagnosis, address, port)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Reads to the end of one answer.
fn read_listeners(diagnosis: &OwnedFd, address: Ipv4Addr, port: u16) -> io::Result<bool> {
    const ERROR: u16 = 2;
    const DONE: u16 = 3;
    let mut found = false;
    let mut buffer = [0_u8; 8192];
    loop {
        // SAFETY: the buffer outlives the call and has this length.
        let length = unsafe { recv(diagnosis.as_raw_fd(), buffer.as_mut_ptr().cast(), 8192, 0) };
        let length = usize::try_from(length).map_err(|_| io::Error::last_os_error())?;
        let mut rest = &buffer[..length];
        while let Some((header, _)) = rest.split_first_chunk::<16>() {
            let size = u32::from_ne_bytes([header[0], header[1], header[2], header[3]]) as usize;
            let Some(message) = rest.get(..size.max(16)) else {
                break;
            };
            match u16::from_ne_bytes([header[4], header[5]]) {
                DONE => return Ok(found),
                ERROR => {
                    let code = message.get(16..20).unwrap_or(&[0; 4]);
                    let code = i32::from_ne_bytes([code[0], code[1], code[2], code[3]]);
                    return Err(io::Error::from_raw_os_error(-code));
                }
                _ => found |= is_listener(message, address, port),
            }
            rest = rest
                .get(size.next_multiple_of(4).max(16)..)
                .unwrap_or_default();
        }
        if length == 0 {
            return Ok(found);
        }
    }
}

/// `struct inet_diag_msg` behind 16 bytes of header: family, then ports at 4 and the own address at 8.
fn is_listener(message: &[u8], address: Ipv4Addr, port: u16) -> bool {
    let Some(body) = message.get(16..).filter(|body| body.len() >= 24) else {
        return false;
    };
    if body[4..6] != port.to_be_bytes() {
        return false;
    }
    let own = &body[8..24];
    match u16::from(body[0]) {
        INET => own[..4] == address.octets() || own[..4] == [0; 4],
        _ => own == [0; 16] || own[..] == address.to_ipv6_mapped().octets(),
    }
}
