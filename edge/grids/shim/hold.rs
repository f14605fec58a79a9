//! Keeps the network of one virtual data center: makes its namespaces, or joins those that its tasks still live in,
//! and lets others in through its socket. `shim hold <directory>` makes; `shim rejoin <directory>`, with a descriptor
//! of a process inside as its standard input, joins. Says `ok` on its standard output once it is there, or why not.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd, RawFd};
use std::path::Path;

use super::control;
use super::door;
use super::space::{self, Failure};
use super::sys::{
    self,
    socket::{self, Family},
    space as kernel,
    wait::{self, Waiting},
};

/// Held as long as a holder is in charge.
const LOCK: &str = "hold.lock";
/// Process id and start time of the holder in charge.
const PID: &str = "hold.pid";
/// The namespaces, so that a process inside is known as such.
const NAMESPACES: &str = "namespaces";

const LISTENER: u64 = u64::MAX;

pub(crate) fn hold(directory: &Path, rejoin: bool) -> u8 {
    sys::close_inherited();
    sys::new_session();
    let opened = Holder::open(directory, rejoin);
    report(opened.as_ref().map(drop));
    match opened {
        Ok(mut holder) => holder.serve(),
        Err(_) => super::FAILED,
    }
}

/// Tells whoever started this process, which then has nothing more to say.
pub(crate) fn report(result: Result<(), &Failure>) {
    let text = match result {
        Ok(()) => "ok".to_owned(),
        Err(failure) => failure.text(),
    };
    let mut output = io::stdout();
    drop(output.write_all(text.as_bytes()));
    drop(output.flush());
    if let Ok(nothing) = File::options().read(true).write(true).open("/dev/null") {
        sys::replace_standard(0, &nothing);
        sys::replace_standard(1, &nothing);
    }
}

/// Makes sure that there is one keeper of this kind and that its directory has not been taken away meanwhile: who
/// takes it away afterwards finds the process by its file.
pub(crate) fn take_charge(directory: &Path, pid: &str) -> io::Result<()> {
    control::sign(pid)?;
    if space::is_same(Path::new("."), directory)? {
        return Ok(());
    }
    Err(io::ErrorKind::NotFound.into())
}

struct Holder {
    listener: OwnedFd,
    /// With their letters.
    namespaces: Vec<(u8, File)>,
    waiting: Waiting,
    guests: Vec<OwnedFd>,
}

impl Holder {
    fn open(directory: &Path, rejoin: bool) -> Result<Self, Failure> {
        let outside = std::fs::read_link("/proc/self/ns/user").map_err(Failure::at("directory"))?;
        std::env::set_current_dir(directory).map_err(Failure::at("directory"))?;
        if !control::lock_soon(LOCK).map_err(Failure::at("lock"))? {
            return Err(Failure {
                step: "taken",
                error: io::ErrorKind::AlreadyExists.into(),
            });
        }
        if rejoin {
            join(directory, &outside.to_string_lossy())?;
        } else {
            space::make()?;
        }
        space::cover_files()?;
        let names = space::names().map_err(Failure::at("directory"))?;
        control::replace(NAMESPACES, &names).map_err(Failure::at("directory"))?;
        let mut namespaces = Vec::new();
        for (letter, kind) in [(b'u', "user"), (b'm', "mnt"), (b'n', "net")] {
            let file = File::open(format!("/proc/self/ns/{kind}"));
            namespaces.push((letter, file.map_err(Failure::at("directory"))?));
        }
        if names.starts_with(&*outside.to_string_lossy()) {
            // Whoever comes in has the same users already.
            namespaces.remove(0);
        }
        drop(std::fs::remove_file(door::SOCKET));
        let listener = socket::message_listener(door::SOCKET).map_err(Failure::at("socket"))?;
        let waiting = Waiting::new().map_err(Failure::at("socket"))?;
        let added = waiting.add(&listener, wait::READABLE, LISTENER);
        added.map_err(Failure::at("socket"))?;
        take_charge(directory, PID).map_err(Failure::at("directory"))?;
        Ok(Self {
            listener,
            namespaces,
            waiting,
            guests: Vec::new(),
        })
    }

    fn serve(&mut self) -> ! {
        let mut events = [wait::Event { what: 0, token: 0 }; 64];
        loop {
            let count = self.waiting.wait(&mut events, -1);
            for event in &events[..count] {
                match event.token {
                    LISTENER => self.let_in(),
                    guest => self.converse(guest),
                }
            }
        }
    }

    fn let_in(&mut self) {
        if let Ok(guest) = socket::accept(&self.listener)
            && let Ok(token) = u64::try_from(guest.as_raw_fd())
            && self.waiting.add(&guest, wait::READABLE, token).is_ok()
        {
            self.guests.push(guest);
        }
    }

    fn converse(&mut self, token: u64) {
        let is_it = |guest: &OwnedFd| u64::try_from(guest.as_raw_fd()) == Ok(token);
        let Some(index) = self.guests.iter().position(is_it) else {
            return;
        };
        let mut request = [0; 16];
        let guest = &self.guests[index];
        let answered = match socket::receive_message(guest, &mut request, false) {
            Ok((0, _)) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => self.answer(guest, request[0], request[1]),
            Err(error) => Err(error),
        };
        match answered {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => {
                drop(self.guests.swap_remove(index));
            }
            _ => {}
        }
    }

    fn answer(&self, guest: &OwnedFd, letter: u8, count: u8) -> io::Result<()> {
        match self.find(letter, count) {
            Ok((kinds, descriptors)) => {
                let numbers: Vec<RawFd> = match letter {
                    door::NAMESPACES => {
                        let all = self.namespaces.iter();
                        all.map(|(_, file)| file.as_raw_fd()).collect()
                    }
                    _ => descriptors.iter().map(|fd| fd.as_raw_fd()).collect(),
                };
                let bytes = [&[0, letter], kinds.as_slice()].concat();
                socket::send_message(guest, &bytes, &numbers)
            }
            Err(error) => {
                let errno = error.raw_os_error().unwrap_or(0).to_ne_bytes();
                socket::send_message(guest, &[&[1, letter], errno.as_slice()].concat(), &[])
            }
        }
    }

    /// A byte and, but for the namespaces, a descriptor for each thing asked for.
    fn find(&self, letter: u8, count: u8) -> io::Result<(Vec<u8>, Vec<OwnedFd>)> {
        let count = usize::from(count).clamp(1, socket::DESCRIPTORS_MAX);
        let streams = |family| -> io::Result<Vec<OwnedFd>> {
            (0..count).map(|_| socket::stream(family)).collect()
        };
        let descriptors: Vec<OwnedFd> = match letter {
            door::PING => Vec::new(),
            door::NAMESPACES => {
                let letters = self.namespaces.iter().map(|(letter, _)| *letter);
                return Ok((letters.collect(), Vec::new()));
            }
            door::STREAMS => streams(Family::V4)?,
            door::STREAMS_V6 => streams(Family::V6)?,
            door::DIAGNOSIS => vec![socket::diagnosis()?],
            _ => return Err(io::Error::from_raw_os_error(sys::ENOSYS)),
        };
        Ok((vec![letter; descriptors.len()], descriptors))
    }
}

/// Into the namespaces that a process inside holds, if they are the ones that were written down.
fn join(directory: &Path, outside: &str) -> Result<(), Failure> {
    let expected = std::fs::read_to_string(NAMESPACES).map_err(Failure::at("directory"))?;
    let inside = io::stdin();
    let mut kinds = kernel::NEW_NETWORK | kernel::NEW_MOUNTS;
    if !expected.starts_with(outside) {
        kinds |= kernel::NEW_USERS;
    }
    let member = inside.as_fd();
    kernel::join(&member, kinds).map_err(Failure::at("join"))?;
    std::env::set_current_dir(directory).map_err(Failure::at("directory"))?;
    if space::names().map_err(Failure::at("join"))? == expected {
        return Ok(());
    }
    Err(Failure {
        step: "join",
        error: io::ErrorKind::NotFound.into(),
    })
}
