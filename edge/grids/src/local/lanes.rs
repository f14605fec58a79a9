//! Threads for what may take a while: started when there is work, gone after ten idle seconds. Fetching has a lane of
//! its own, so that a download holds up no stop.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

type Job = Box<dyn FnOnce() + Send>;

const IDLE: Duration = Duration::from_secs(10);

#[derive(Clone)]
pub(crate) struct Lane(Arc<Shared>);

struct Shared {
    name: &'static str,
    threads_max: usize,
    queue: Mutex<Queue>,
    news: Condvar,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
    closed: bool,
}

impl Lane {
    pub(crate) fn new(name: &'static str, threads_max: usize) -> Self {
        Self(Arc::new(Shared {
            name,
            threads_max,
            queue: Mutex::default(),
            news: Condvar::new(),
        }))
    }

    /// Runs the job soon, on another thread.
    pub(crate) fn push(&self, job: impl FnOnce() + Send + 'static) {
        let mut queue = self.0.lock();
        if queue.closed {
            return;
        }
        queue.jobs.push_back(Box::new(job));
        if queue.idle < queue.jobs.len() && queue.threads < self.0.threads_max {
            let shared = Arc::clone(&self.0);
            let builder = std::thread::Builder::new().name(self.0.name.to_owned());
            match builder.spawn(move || shared.work()) {
                Ok(_detached) => queue.threads += 1,
                // The threads that are there will get to it; without any, the next push tries again.
                Err(error) => tracing::warn!(%error, "no further thread for the grid"),
            }
        }
        drop(queue);
        self.0.news.notify_one();
    }

    /// Drops what has not begun.
    pub(crate) fn close(&self) {
        let mut queue = self.0.lock();
        queue.closed = true;
        queue.jobs.clear();
        drop(queue);
        self.0.news.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        let mut queue = self.lock();
        loop {
            if let Some(job) = queue.jobs.pop_front() {
                drop(queue);
                job();
                queue = self.lock();
                continue;
            }
            if queue.closed {
                break;
            }
            queue.idle += 1;
            let waited = self.news.wait_timeout(queue, IDLE);
            let (woken, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            queue = woken;
            queue.idle -= 1;
            if timeout.timed_out() && queue.jobs.is_empty() {
                break;
            }
        }
        queue.threads -= 1;
    }
}
