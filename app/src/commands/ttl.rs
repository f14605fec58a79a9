//! `smack ttl`: when a VDC ends by itself; shows it, sets it, takes it back.

use serde_json::json;
use smack_control::wire::{TtlBody, Vdc};

use crate::failure::Failure;
use crate::session::Session;
use crate::text::{ends_in, lifetime, now_ms};
use crate::{target, text};

/// Show when a virtual data center ends by itself, or set how long it lives from now on
///
/// One hour, ten minutes and one minute before the end `smack events` has a warning. At the end it goes down by itself,
/// with its data.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The virtual data center: `pipeline`, `qa/pipeline`
    name: String,
    /// From now on: `90m`, `4h`, `7d`; `never` takes it back
    #[arg(value_name = "TIME|never", value_parser = lifetime, allow_hyphen_values = true)]
    ttl: Option<String>,
}

pub(crate) fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let target = target::find_named(session, &args.name, None)?;
    let Some(ttl) = &args.ttl else {
        return tell(session, &target.vdc);
    };
    let client = session.client()?;
    client.post::<()>(&target.path("/ttl"), &TtlBody { ttl: ttl.clone() })?;
    tell(session, &client.get(&target.path(""))?)
}

fn tell(session: &Session<'_>, vdc: &Vdc) -> Result<(), Failure> {
    let now = now_ms();
    if session.output.is_json() {
        let left = vdc.expires_ms.map(|at| at.saturating_sub(now));
        let value = json!({"vdc": vdc.vdc, "expires_ms": vdc.expires_ms, "ends_in_ms": left});
        return session.output.value(&value);
    }
    let name = &vdc.vdc;
    session.output.data(&match vdc.expires_ms {
        Some(at) => {
            let at_text = text::moment(at);
            format!("{name} ends in {} ({at_text} UTC)\n", ends_in(at, now))
        }
        None => format!("{name} does not end by itself\n"),
    })
}
