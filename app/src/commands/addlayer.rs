//! `smack addlayer`: keeps a datacenter, cluster or zone file.

use smack_stack::{Source, heading};

use super::add;
use crate::failure::Failure;
use crate::session::Session;

/// Keep a layer (datacenter, cluster or zone) in the library under its name; changes nothing that runs
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    file: add::File,
    /// Where it stands: datacenter, cluster or zone; as the file says, else zone
    #[arg(long, value_name = "LEVEL", value_parser = ["datacenter", "cluster", "zone"])]
    level: Option<String>,
    /// The layer above it; as the file says if absent
    #[arg(long, value_name = "NAME")]
    parent: Option<String>,
}

pub(crate) fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let mut body = args.file.body()?;
    let source = Source::new(body.source.file.as_str(), body.source.text.as_str());
    let written = heading(&source)
        .map_err(|problems| Failure::problems(problems.0))?
        .level;
    let level = args
        .level
        .clone()
        .or_else(|| written.map(|level| level.value.to_string()));
    body.level = Some(level.unwrap_or_else(|| "zone".to_owned()));
    body.parent.clone_from(&args.parent);
    add::put(session, body)
}
