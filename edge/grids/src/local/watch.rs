//! One thread waits for everything that happens by itself: a shim's end, by process descriptors, and a program's
//! start, by watches on the `.smack` directories; and the same of the keepers of networks.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rustix::event::{EventfdFlags, epoll, eventfd};
use rustix::fs::inotify;

use super::agent::Agent;
use super::vdc;

const WAKE: u64 = u64::MAX;
const DIRECTORIES: u64 = u64::MAX - 1;

/// What the thread waits on. Watches may be added from any thread.
#[derive(Debug)]
pub(crate) struct Watch {
    all: OwnedFd,
    directories: OwnedFd,
    wake: OwnedFd,
}

impl Watch {
    pub(crate) fn new() -> io::Result<Self> {
        let watch = Self {
            all: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            directories: inotify::init(
                inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK,
            )?,
            wake: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
        };
        watch.add(&watch.wake, WAKE)?;
        watch.add(&watch.directories, DIRECTORIES)?;
        Ok(watch)
    }

    fn add(&self, descriptor: &OwnedFd, token: u64) -> io::Result<()> {
        let data = epoll::EventData::new_u64(token);
        Ok(epoll::add(
            &self.all,
            descriptor,
            data,
            epoll::EventFlags::IN,
        )?)
    }

    pub(crate) fn wake(&self) {
        // Fails only if it was woken already.
        let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
    }

    pub(crate) fn add_process(&self, descriptor: &OwnedFd, token: u64) -> io::Result<()> {
        self.add(descriptor, token)
    }

    pub(crate) fn remove_process(&self, descriptor: &OwnedFd) {
        let _ = epoll::delete(&self.all, descriptor);
    }

    /// Tells when a file gets its name in the directory, which may itself move.
    pub(crate) fn add_directory(&self, directory: &Path) -> io::Result<i32> {
        let flags = inotify::WatchFlags::MOVED_TO | inotify::WatchFlags::ONLYDIR;
        Ok(inotify::add_watch(&self.directories, directory, flags)?)
    }

    pub(crate) fn remove_directory(&self, watch: i32) {
        // The directory may be gone, and the watch with it.
        let _ = inotify::remove_watch(&self.directories, watch);
    }

    fn news(&self) -> Vec<News> {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = inotify::Reader::new(&self.directories, &mut buffer);
        let mut news = Vec::new();
        while let Ok(event) = reader.next() {
            if event.events().contains(inotify::ReadFlags::QUEUE_OVERFLOW) {
                news.push(News::Lost);
            } else if event.file_name().is_some_and(|name| name == c"pid") {
                news.push(News::Started(event.wd()));
            } else if event.file_name().is_some_and(|name| name == c"problems") {
                news.push(News::Problems(event.wd()));
            }
        }
        news
    }
}

/// What a watch says.
enum News {
    Started(i32),
    Problems(i32),
    /// Some of it was lost, so all must be looked at.
    Lost,
}

/// Until the agent is closed.
pub(crate) fn run(agent: &Arc<Agent>) {
    let mut events = Vec::with_capacity(64);
    while !agent.closed.load(Ordering::SeqCst) {
        events.clear();
        let waited = epoll::wait(
            &agent.watch.all,
            rustix::buffer::spare_capacity(&mut events),
            None,
        );
        match waited {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => {
                tracing::error!(%error, "the grid no longer sees what happens");
                return;
            }
        }
        // Starts first: a short task's start comes before its end.
        for news in agent.watch.news() {
            match news {
                News::Started(watch) => agent.started(Some(watch)),
                News::Problems(watch) => agent.problems_changed(Some(watch)),
                News::Lost => {
                    agent.started(None);
                    agent.problems_changed(None);
                }
            }
        }
        for event in &events {
            match event.data.u64() {
                WAKE | DIRECTORIES => {}
                token if token & vdc::TOKENS != 0 => agent.keeper_ended(token),
                token => agent.shim_ended(token),
            }
        }
    }
}
