//! `smack rollback`: an earlier revision becomes what is asked for.

use std::time::{Duration, Instant};

use smack_control::wire::{RollbackBody, RunAnswer};

use super::run::wait;
use crate::failure::Failure;
use crate::session::Session;
use crate::{target, text};

/// Go back to an earlier revision
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The virtual data center: `pipeline`, `qa/pipeline`
    name: String,
    /// The revision, as `smack show NAME --revisions` numbers them; the one before if absent
    #[arg(long, value_name = "N", value_parser = revision)]
    to: Option<u32>,
    /// Do not wait
    #[arg(long, short)]
    detach: bool,
    /// Wait at most this long
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = text::duration)]
    timeout: Duration,
}

/// Reads the number of a revision.
pub(super) fn revision(text: &str) -> Result<u32, String> {
    text.parse()
        .map_err(|_| "write a number as `smack show NAME --revisions` lists them".to_owned())
}

pub(crate) fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let began = Instant::now();
    let target = target::find_named(session, &args.name, None)?;
    let body = RollbackBody { to: args.to };
    let answer: RunAnswer = session.client()?.post(&target.path("/rollback"), &body)?;
    session.output.problems(&answer.notices);
    if args.detach {
        if session.output.is_json() {
            return session.output.value(&answer);
        }
        session.output.note(&format!(
            "{} becomes revision {}",
            answer.vdc, answer.revision
        ));
        return Ok(());
    }
    wait(session, &answer, began, args.timeout)
}
