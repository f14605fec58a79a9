//! `smack exports`: the values that the applications of a VDC publish.

use std::collections::BTreeMap;

use crate::failure::Failure;
use crate::picture;
use crate::session::Session;
use crate::target;

/// Show what applications publish once they are ready: addresses, connect strings
///
/// With --json a flat map: {"kafka.brokers": "…"}.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The virtual data center; may be left out if only one is up
    name: Option<String>,
    /// One application of it, or one export: `kafka`, `kafka.brokers`
    part: Option<String>,
}

pub(crate) fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let target = target::find(session, args.name.as_deref(), None)?;
    let all: BTreeMap<String, String> = session.client()?.get(&target.path("/exports"))?;
    let output = session.output;
    let Some(part) = &args.part else {
        if all.is_empty() && !output.is_json() {
            output.note(&format!(
                "{} publishes nothing yet; `smack why {0}` says why",
                target.text()
            ));
        }
        return if output.is_json() {
            output.value(&all)
        } else {
            output.data(&picture::pairs(&all))
        };
    };
    let part = part.to_ascii_lowercase();
    // One value alone is for scripts: no name before it.
    if let Some(value) = all.get(&part) {
        return if output.is_json() {
            output.value(value)
        } else {
            output.data(value)
        };
    }
    let start = format!("{part}.");
    let some: BTreeMap<&String, &String> = all
        .iter()
        .filter(|(name, _)| name.starts_with(&start))
        .collect();
    if some.is_empty() {
        let known = all.keys().map(String::as_str);
        let failure = Failure::failed(format!("{} publishes no {part}", target.text()));
        return Err(match smack_model::did_you_mean(&part, known.clone()) {
            Some(near) => failure.hint(format!("did you mean {near}?")),
            None if all.is_empty() => failure.hint("it publishes nothing yet"),
            None => failure.hint(format!(
                "it publishes {}",
                known.collect::<Vec<_>>().join(", ")
            )),
        });
    }
    if output.is_json() {
        output.value(&some)
    } else {
        output.data(&picture::pairs(some))
    }
}
