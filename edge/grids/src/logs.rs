//! Reads what a task has written, rotated files included, as one stream of bytes counted from its first one. Holes that
//! rotation has left in front are passed over.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use rustix::fs::SeekFrom as Whence;

/// Where a task writes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    Output,
    Errors,
}

/// A piece of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chunk {
    /// The place of the first byte in all that the task has ever written.
    pub from: u64,
    pub bytes: Vec<u8>,
}

impl Chunk {
    /// Where to read on.
    pub fn next(&self) -> u64 {
        self.from + self.bytes.len() as u64
    }
}

impl Stream {
    /// The name of the current file in the sandbox; older ones have `.1` and on behind it.
    pub fn file(self) -> &'static str {
        match self {
            Self::Output => "stdout.log",
            Self::Errors => "stderr.log",
        }
    }
}

/// At most `most` bytes from `from` on; from the oldest byte kept if that one is gone. Empty at the end.
pub fn read(sandbox: &Path, stream: Stream, from: u64, most: usize) -> io::Result<Chunk> {
    let Some(log) = Log::open(sandbox, stream)? else {
        return Ok(Chunk {
            from,
            bytes: Vec::new(),
        });
    };
    log.read(from, most)
}

/// The last `lines` lines, as far as they are kept; one that is not yet ended counts.
pub fn last_lines(sandbox: &Path, stream: Stream, lines: usize) -> io::Result<Chunk> {
    const STEP: u64 = 64 << 10;
    let Some(log) = Log::open(sandbox, stream)? else {
        return Ok(Chunk::default());
    };
    let end = log.end();
    let mut from = end;
    let mut bytes = Vec::new();
    while from > log.begin() && lines > 0 {
        let before = from.saturating_sub(STEP).max(log.begin());
        let mut more = log
            .read(before, usize::try_from(from - before).unwrap_or(usize::MAX))?
            .bytes;
        more.append(&mut bytes);
        bytes = more;
        from = before;
        // The newline that ends the last line begins none.
        let inner = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        let mut newlines = inner
            .iter()
            .enumerate()
            .rev()
            .filter(|(_, byte)| **byte == b'\n');
        if let Some((at, _)) = newlines.nth(lines - 1) {
            bytes.drain(..=at);
            from += at as u64 + 1;
            break;
        }
    }
    Ok(Chunk { from, bytes })
}

/// How many bytes the task has written so far.
pub fn length(sandbox: &Path, stream: Stream) -> io::Result<u64> {
    Ok(Log::open(sandbox, stream)?.map_or(0, |log| log.end()))
}

/// A stream with its files. Rotation waits while it exists.
struct Log {
    parts: Vec<Part>,
    /// Locked against the shim.
    _base: Option<File>,
}

/// A file, or what is behind its hole.
struct Part {
    file: File,
    /// The place of its first byte in the stream, and in the file.
    from: u64,
    offset: u64,
    length: u64,
}

impl Log {
    /// `None`: nothing was ever written.
    fn open(sandbox: &Path, stream: Stream) -> io::Result<Option<Self>> {
        let current = sandbox.join(stream.file());
        let base_path = sandbox
            .join(".smack")
            .join(format!("{}.base", stream.file()));
        loop {
            let base = lock(&base_path)?;
            let Some(file) = open(&current)? else {
                return Ok(None);
            };
            let size = file.metadata()?.len();
            let collapsed = base.as_ref().map_or(Ok(0), number)?;
            if base.is_none() && base_path.exists() {
                // The first rotation has begun in between.
                continue;
            }
            let offset = first_data(&file, size);
            let mut from = collapsed + offset;
            let mut parts = vec![Part {
                from,
                offset,
                length: size - offset,
                file,
            }];
            for age in 1.. {
                let Some(file) = open(&older(&current, age))? else {
                    break;
                };
                let length = file.metadata()?.len();
                from = from.saturating_sub(length);
                parts.push(Part {
                    file,
                    from,
                    offset: 0,
                    length,
                });
            }
            parts.reverse();
            return Ok(Some(Self { parts, _base: base }));
        }
    }

    fn begin(&self) -> u64 {
        self.parts.first().map_or(0, |part| part.from)
    }

    fn end(&self) -> u64 {
        self.parts.last().map_or(0, |part| part.from + part.length)
    }

    fn read(&self, from: u64, most: usize) -> io::Result<Chunk> {
        let from = from.clamp(self.begin(), self.end());
        let mut chunk = Chunk {
            from,
            bytes: Vec::new(),
        };
        for part in &self.parts {
            let next = chunk.next();
            let end = part.from + part.length;
            let room = most - chunk.bytes.len();
            if next < part.from || next >= end || room == 0 {
                continue;
            }
            let count = (end - next).min(room as u64);
            let mut file = &part.file;
            file.seek(SeekFrom::Start(part.offset + (next - part.from)))?;
            file.take(count).read_to_end(&mut chunk.bytes)?;
        }
        Ok(chunk)
    }
}

/// `None`: nothing has been rotated yet.
fn lock(path: &Path) -> io::Result<Option<File>> {
    let base = open(path)?;
    if let Some(base) = &base {
        base.lock_shared()?;
    }
    Ok(base)
}

fn number(mut file: &File) -> io::Result<u64> {
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok(text.trim().parse().unwrap_or(0))
}

fn open(path: &Path) -> io::Result<Option<File>> {
    match OpenOptions::new().read(true).open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn older(current: &Path, age: u32) -> PathBuf {
    let mut name = current.as_os_str().to_owned();
    name.push(format!(".{age}"));
    name.into()
}

/// Where data begins behind the hole in front, if there is one.
fn first_data(file: &File, size: u64) -> u64 {
    rustix::fs::seek(file, Whence::Data(0)).map_or(0, |at| at.min(size))
}
