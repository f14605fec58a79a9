//! `smack list`: the stacks and layers of the library.

use smack_control::wire::LibraryEntry;

use crate::failure::Failure;
use crate::output::Style;
use crate::picture::Grid;
use crate::session::Session;
use crate::text::{age, now_ms};

/// List the stacks and layers of the library
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let mut entries: Vec<LibraryEntry> = session.client()?.get("/v1/library")?;
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    let output = session.output;
    if output.is_json() {
        return output.value(&entries);
    }
    if entries.is_empty() {
        output.note("the library is empty; `smack add FILE` puts a stack into it");
        return Ok(());
    }
    let now = now_ms();
    let mut grid = Grid::new(&["NAME", "LEVEL", "PARENT", "VERSION", "UPDATED", "FILE"]);
    for entry in entries {
        let updated = format!("{} ago", age(entry.updated_ms, now));
        let parent = entry.parent.unwrap_or_default();
        grid.row(
            Style::Plain,
            [
                entry.name,
                entry.level,
                parent,
                entry.version.to_string(),
                updated,
                entry.file,
            ],
        );
    }
    output.data(&grid.text(output))
}
