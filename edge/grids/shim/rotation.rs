//! Keeps a log short without losing a byte and without its writer knowing: the leading blocks are copied to
//! `<log>.1` (older ones become `.2` and on) and taken out of the file, by collapsing where the file system can, else
//! by punching a hole. `.smack/<log>.base` counts what was collapsed and is locked meanwhile, so that readers see
//! one or the other.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};

use super::order::LogLimits;
use super::sys;

/// Whether there was something to do. A failure leaves the log as it is, to be tried again.
pub(crate) fn rotate(log: &str, limits: &LogLimits) -> io::Result<bool> {
    let metadata = std::fs::metadata(log)?;
    // Allocated blocks: a hole in front does not count.
    if metadata.len() <= limits.bytes || metadata.blocks() * 512 <= limits.bytes {
        return Ok(false);
    }
    let file = OpenOptions::new().read(true).write(true).open(log)?;
    let base = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(format!(".smack/{log}.base"))?;
    if base.try_lock().is_err() {
        // Somebody reads; the next look will do.
        return Ok(true);
    }
    if !sys::can_punch(&file, metadata.len()) {
        return Err(io::ErrorKind::Unsupported.into());
    }
    let block = metadata.blksize().max(1);
    let chunk = (limits.bytes / block).max(1) * block;
    let mut rotated = false;
    loop {
        let start = sys::first_data(&file);
        // Something must stay behind: a range that ends the file cannot be collapsed.
        if start + chunk >= file.metadata()?.len() {
            return Ok(rotated);
        }
        copy(&file, log, start, chunk)?;
        shift(log, limits.keep)?;
        discard(&file, &base, start, chunk, limits.collapse)?;
        rotated = true;
    }
}

/// Into `<log>.0`, which counts for nothing until it becomes `<log>.1`.
fn copy(mut file: &File, log: &str, start: u64, length: u64) -> io::Result<()> {
    let name = format!("{log}.0");
    let copied = File::create(&name).and_then(|mut copy| {
        file.seek(SeekFrom::Start(start))?;
        io::copy(&mut file.take(length), &mut copy)
    });
    match copied {
        Ok(copied) if copied == length => Ok(()),
        other => {
            drop(std::fs::remove_file(&name));
            other.and(Err(io::ErrorKind::UnexpectedEof.into()))
        }
    }
}

fn shift(log: &str, keep: u32) -> io::Result<()> {
    if keep == 0 {
        return std::fs::remove_file(format!("{log}.0"));
    }
    for number in (0..keep).rev() {
        let older = format!("{log}.{}", number + 1);
        match std::fs::rename(format!("{log}.{number}"), older) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn discard(file: &File, base: &File, start: u64, length: u64, collapse: bool) -> io::Result<()> {
    let (offset, size) = (signed(start)?, signed(length)?);
    // Once there is a hole, offsets in the file count from the first byte ever written; that stays so.
    if collapse && start == 0 && sys::collapse(file, offset, size).is_ok() {
        let mut text = String::new();
        let mut reader = base;
        reader.rewind()?;
        reader.read_to_string(&mut text)?;
        let before: u64 = text.trim().parse().unwrap_or(0);
        return base.write_all_at(format!("{:020}\n", before + length).as_bytes(), 0);
    }
    sys::punch(file, 0, offset + size)
}

fn signed(number: u64) -> io::Result<isize> {
    isize::try_from(number).map_err(io::Error::other)
}
