//! `smack events`: the journal.

use std::time::Duration;

use smack_control::wire::Event;

use crate::client::encoded;
use crate::failure::Failure;
use crate::output::Style;
use crate::session::Session;
use crate::target;
use crate::text::{self, moment};

/// Show what happened: the journal of the server
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only of this virtual data center, or of what was one
    name: Option<String>,
    /// Go on as more happens, until ctrl-C
    #[arg(long, short)]
    follow: bool,
    /// Only what came after this number
    #[arg(long, value_name = "SEQ", default_value_t = 0, value_parser = text::number,
        allow_negative_numbers = true)]
    after: u64,
    /// Only the newest so many
    #[arg(long, short = 'n', value_name = "COUNT", conflicts_with = "after", value_parser = text::number,
        allow_negative_numbers = true)]
    last: Option<u64>,
}

/// As long as a server waits at most for the next event.
const WAIT: Duration = Duration::from_secs(25);

pub(crate) fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let client = session.client()?;
    let subject = match &args.name {
        None => String::new(),
        Some(name) => format!("&subject={}", encoded(&subject(session, name)?)),
    };
    let mut after = args.after;
    if let Some(last) = args.last {
        let newest: Vec<Event> = client.get(&format!("/v1/events?last={last}{subject}"))?;
        for event in &newest {
            tell(session, event)?;
            after = event.seq;
        }
        if !args.follow {
            return Ok(());
        }
    }
    loop {
        let wait = if args.follow { WAIT } else { Duration::ZERO };
        let path = format!(
            "/v1/events?after={after}{subject}&wait_ms={}",
            wait.as_millis()
        );
        let events: Vec<Event> = client.get_waiting(&path, wait)?;
        for event in &events {
            tell(session, event)?;
            after = event.seq;
        }
        if events.is_empty() && !args.follow {
            return Ok(());
        }
    }
}

/// `zone/name` of a VDC that is up; a VDC that is gone has a past too.
pub(super) fn subject(session: &Session<'_>, name: &str) -> Result<String, Failure> {
    match target::find_named(session, name, None) {
        Ok(target) => Ok(target.vdc.vdc),
        Err(_) if name.contains('/') => Ok(name.to_ascii_lowercase()),
        Err(unknown) => {
            let gone = format!("default/{}", name.to_ascii_lowercase());
            let path = format!("/v1/events?last=1&subject={}", encoded(&gone));
            let events: Vec<Event> = session.client()?.get(&path)?;
            if events.is_empty() {
                Err(unknown)
            } else {
                Ok(gone)
            }
        }
    }
}

/// With `--json` an object per line, so that it can be followed.
fn tell(session: &Session<'_>, event: &Event) -> Result<(), Failure> {
    let output = session.output;
    if output.is_json() {
        let line =
            serde_json::to_string(event).map_err(|error| Failure::failed(error.to_string()))?;
        return output.data(&line);
    }
    let style = match event.kind.as_str() {
        "ready" => Style::Good,
        "retry" | "gave-up" | "unready" => Style::Bad,
        _ => Style::Plain,
    };
    let at = format!("{:>6}  {}", event.seq, moment(event.at_ms));
    let kind = output.paint(style, &event.kind);
    output.data(&format!(
        "{}  {}  {kind}: {}",
        output.paint(Style::Dim, &at),
        event.subject,
        event.text
    ))
}
