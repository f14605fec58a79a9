//! `smack add`: keeps a stack under its name, for `smack run NAME` and `from:`.

use std::path::PathBuf;

use smack_control::wire::{LibraryBody, LibraryEntry};

use crate::failure::Failure;
use crate::files;
use crate::session::Session;

/// Keep a stack in the library under its name; changes nothing that runs
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    file: File,
}

/// The file of a stack or layer, in today's spelling and the old one.
#[derive(Debug, clap::Args)]
pub(crate) struct File {
    /// The file, `-` for standard input [default: Stackfile]
    #[arg(conflicts_with = "named")]
    file: Option<PathBuf>,
    /// The same, as of old
    #[arg(long = "file", value_name = "FILE", id = "named")]
    named: Option<PathBuf>,
    /// Take the place of the one of that name
    #[arg(long)]
    replace: bool,
}

pub(crate) fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    put(session, args.file.body()?)
}

impl File {
    pub(crate) fn body(&self) -> Result<LibraryBody, Failure> {
        let path = self
            .file
            .as_ref()
            .or(self.named.as_ref())
            .cloned()
            .unwrap_or_else(|| PathBuf::from("Stackfile"));
        Ok(LibraryBody {
            source: files::source(&path)?,
            level: None,
            parent: None,
            replace: self.replace,
        })
    }
}

/// Sends a file to the library.
pub(crate) fn put(session: &Session<'_>, body: LibraryBody) -> Result<(), Failure> {
    let entry: LibraryEntry = session.client()?.post("/v1/library", &body)?;
    if session.output.is_json() {
        return session.output.value(&entry);
    }
    let version = if entry.version > 1 {
        format!(", version {}", entry.version)
    } else {
        String::new()
    };
    session
        .output
        .note(&format!("added {} {}{version}", entry.level, entry.name));
    Ok(())
}
