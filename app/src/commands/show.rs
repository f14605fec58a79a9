//! `smack show`: the resolved stack of a VDC, its revisions, or a file of the library.

use smack_control::wire::{LibraryEntry, Revision};

use crate::client::encoded;
use crate::failure::Failure;
use crate::output::Style;
use crate::picture::Grid;
use crate::session::Session;
use crate::target;
use crate::text::moment;

/// Show the stack that a virtual data center runs, every value resolved; or a file of the library
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A virtual data center that is up, else a name of the library
    name: String,
    /// Say of every value where it was written and what it hides
    #[arg(long)]
    origin: bool,
    /// An earlier revision
    #[arg(long, value_name = "N", value_parser = super::rollback::revision)]
    revision: Option<u32>,
    /// List the revisions there are
    #[arg(long, conflicts_with_all = ["origin", "revision"])]
    revisions: bool,
}

pub(crate) fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let client = session.client()?;
    let output = session.output;
    let target = match target::find_named(session, &args.name, None) {
        Ok(target) => target,
        Err(unknown) if args.origin || args.revisions || args.revision.is_some() => {
            return Err(unknown);
        }
        Err(unknown) => {
            match client.get::<LibraryEntry>(&format!("/v1/library/{}", encoded(&args.name))) {
                Ok(entry) if output.is_json() => return output.value(&entry),
                Ok(entry) => return output.data(entry.text.as_deref().unwrap_or_default()),
                Err(failure) if failure.is_not_found() => return Err(unknown),
                Err(failure) => return Err(failure),
            }
        }
    };
    if args.revisions {
        return revisions(session, &target.path("/revisions"));
    }
    let revision = args.revision.map(|number| ("revision", number.to_string()));
    let origin = args.origin.then(|| ("origin", "true".to_owned()));
    let query = target.query(&revision.into_iter().chain(origin).collect::<Vec<_>>());
    let text = client.text(&format!("{}{query}", target.path("/show")))?;
    if output.is_json() {
        output.value(&serde_json::json!({"vdc": target.vdc.vdc, "stack": text}))
    } else {
        output.data(&text)
    }
}

fn revisions(session: &Session<'_>, path: &str) -> Result<(), Failure> {
    let revisions: Vec<Revision> = session.client()?.get(path)?;
    let output = session.output;
    if output.is_json() {
        return output.value(&revisions);
    }
    let mut grid = Grid::new(&["REVISION", "MADE (UTC)", "FROM", ""]);
    for revision in revisions {
        let style = if revision.current {
            Style::Strong
        } else {
            Style::Plain
        };
        let current = if revision.current { "runs" } else { "" };
        grid.row(
            style,
            [
                revision.number.to_string(),
                moment(revision.at_ms),
                revision.stack,
                current.to_owned(),
            ],
        );
    }
    output.data(&grid.text(output))
}
