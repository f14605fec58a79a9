//! Bounds what a tar may have between its files. Long names and extended headers are read into memory whole before an
//! entry is seen, and a few kilobytes of gzip make gigabytes of them.

use std::cell::Cell;
use std::io::{self, Read};

/// Names, headers and what is skipped, between two files.
const BETWEEN_MAX: u64 = 1 << 20;

/// How much may still be read before somebody says that all is well.
#[derive(Debug)]
pub(super) struct Allowance(Cell<u64>);

/// Reads as long as the allowance lasts.
pub(super) struct Metered<'a, R> {
    reader: R,
    allowance: &'a Allowance,
}

impl Allowance {
    pub(super) fn new() -> Allowance {
        Allowance(Cell::new(BETWEEN_MAX))
    }

    /// What is read next is the content of a file, which has a limit of its own.
    pub(super) fn lift(&self) {
        self.0.set(u64::MAX);
    }

    /// What is read next stands between two files.
    pub(super) fn renew(&self) {
        self.0.set(BETWEEN_MAX);
    }

    pub(super) fn meter<R: Read>(&self, reader: R) -> Metered<'_, R> {
        Metered {
            reader,
            allowance: self,
        }
    }
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        let left = self.allowance.0.get().checked_sub(read as u64);
        let left = left.ok_or_else(|| {
            io::Error::other("a name or header of more than 1 MiB, which no archive needs")
        })?;
        self.allowance.0.set(left);
        Ok(read)
    }
}
