//! `smack status`: what is up and how it is, once or live.

use std::time::Duration;

use serde_json::Value;
use smack_control::wire::{Event, Vdc};

use crate::failure::Failure;
use crate::picture::{self, Grid, row_style};
use crate::session::Session;
use crate::target;
use crate::text::{age, ends_in, now_ms};

/// Show what is up and how each task is
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// One virtual data center: `pipeline`, `qa/pipeline`
    name: Option<String>,
    /// Show it again whenever something changes, until ctrl-C
    #[arg(long, short)]
    watch: bool,
}

/// The longest time between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);

pub(crate) fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let name = match &args.name {
        Some(name) => Some(target::find_named(session, name, None)?.vdc.vdc),
        None => None,
    };
    if args.watch {
        watch(session, name.as_deref())
    } else {
        session.output.data(&shown(session, name.as_deref())?)
    }
}

fn shown(session: &Session<'_>, name: Option<&str>) -> Result<String, Failure> {
    let client = session.client()?;
    let values: Vec<Value> = match name {
        None => client.get("/v1/vdcs")?,
        Some(name) => vec![client.get(&format!("/v1/vdcs/{name}"))?],
    };
    if session.output.is_json() {
        return serde_json::to_string_pretty(&values)
            .map_err(|error| Failure::failed(error.to_string()));
    }
    let vdcs: Vec<Vdc> = serde_json::from_value(Value::Array(values))
        .map_err(|error| Failure::failed(format!("the server's answer makes no sense: {error}")))?;
    Ok(text(session, &vdcs))
}

fn text(session: &Session<'_>, vdcs: &[Vdc]) -> String {
    const IN_FULL: usize = 3;
    let (output, now) = (session.output, now_ms());
    if vdcs.is_empty() {
        return "nothing is up; `smack run STACK` starts something\n".to_owned();
    }
    if vdcs.len() <= IN_FULL {
        return vdcs
            .iter()
            .map(|vdc| picture::vdc(output, vdc, now))
            .collect::<Vec<_>>()
            .join("\n");
    }
    let mut grid = Grid::new(&[
        "VDC", "STATE", "READY", "REVISION", "STACK", "UPDATED", "ENDS",
    ]);
    for vdc in vdcs {
        let ready = vdc
            .tasks
            .iter()
            .filter(|task| matches!(task.state.as_str(), "ready" | "finished"))
            .count();
        let cells = [
            vdc.vdc.clone(),
            vdc.state.clone(),
            format!("{ready}/{}", vdc.tasks.len()),
            vdc.revision.to_string(),
            vdc.stack.clone(),
            format!("{} ago", age(vdc.updated_ms, now)),
            vdc.expires_ms
                .map(|at| format!("in {}", ends_in(at, now)))
                .unwrap_or_default(),
        ];
        grid.row(row_style(&vdc.state), cells);
    }
    grid.text(output)
}

/// Shows the state whenever it is another one; on a terminal in place.
fn watch(session: &Session<'_>, name: Option<&str>) -> Result<(), Failure> {
    let client = session.client()?;
    let mut interrupts = client.interrupts()?;
    let mut shown_before = String::new();
    let mut after = client.newest_event()?;
    loop {
        let text = match shown(session, name) {
            Ok(text) => text,
            Err(failure) if failure.is_not_found() && !shown_before.is_empty() => {
                session
                    .output
                    .note(&format!("{} is gone", name.unwrap_or("it")));
                return Ok(());
            }
            Err(failure) => return Err(failure),
        };
        if session.output.is_moving() && !session.output.is_json() {
            session
                .output
                .draw(&text.lines().map(str::to_owned).collect::<Vec<_>>());
        } else if text != shown_before {
            session.output.data(&text)?;
        }
        shown_before = text;
        let path = format!(
            "/v1/events?after={after}&wait_ms={}",
            LOOK_EVERY.as_millis()
        );
        let Some(events) = client.get_until::<Vec<Event>>(&mut interrupts, &path, LOOK_EVERY)?
        else {
            return Ok(());
        };
        after = events.last().map_or(after, |event| event.seq);
    }
}
