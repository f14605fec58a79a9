//! `smack operate`: has a product do what is done when somebody asks: repair, clean up, take a snapshot.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::json;
use smack_control::wire::{Application, Event, Operation, PART_OF_READY, Vdc, VerbBody};
use smack_model::did_you_mean;

use super::run::DETACHED;
use crate::failure::Failure;
use crate::output::Style;
use crate::picture::{Grid, row_style};
use crate::session::Session;
use crate::target::{self, Target};
use crate::text::{self, age, ends_in, milliseconds, now_ms, seconds};

/// Have a product do what is done when somebody asks: repair, clean up, take a snapshot
///
/// It begins when everything is ready and nothing moves, and no roll begins meanwhile. Without an operation it lists
/// those there are, with when they were last done and when they are next due.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The virtual data center: `telemetry`, `qa/telemetry`
    name: String,
    /// The operation, or an application to list those of; the application may be left out where only one has it
    #[arg(value_name = "[APP/]OPERATION")]
    operation: Option<String>,
    /// Do not wait until it is done
    #[arg(long, short, visible_alias = "no-wait")]
    detach: bool,
    /// Wait at most this long
    #[arg(long, value_name = "TIME", default_value = "6h", value_parser = text::duration)]
    timeout: Duration,
}

/// The longest time between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// So often a server that went away is brought back before the command gives up.
const RETURNS: u32 = 5;

pub(crate) fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let target = target::find_named(session, &args.name, None)?;
    match meant(&target.vdc, args.operation.as_deref())? {
        Meant::List(application) => list(session, &target.vdc, application.as_deref()),
        Meant::One(application, operation) => {
            let target = Target {
                application: Some(application),
                ..target
            };
            ask(session, &target, &operation, args)
        }
    }
}

/// What the words of the command line mean.
#[derive(Debug)]
enum Meant {
    /// All operations, or those of an application.
    List(Option<String>),
    One(String, String),
}

fn meant(vdc: &Vdc, words: Option<&str>) -> Result<Meant, Failure> {
    let Some(words) = words else {
        return Ok(Meant::List(None));
    };
    let is = |name: &str, word: &str| name.eq_ignore_ascii_case(word);
    if let Some((application, operation)) = words.split_once('/') {
        let target = target::narrow(vdc.clone(), application)?;
        let name = target.application.unwrap_or_default();
        let known = vdc.applications.iter().find(|known| known.name == name);
        let operations = known.map_or(&[][..], |known| &known.operations);
        let found = operations.iter().find(|known| is(&known.name, operation));
        return match found {
            Some(found) if found.when == PART_OF_READY => Err(Failure::failed(format!(
                "{} is part of being ready: it is done by itself, whenever it is due",
                found.name
            ))),
            Some(found) => Ok(Meant::One(name, found.name.clone())),
            None => Err(unknown(
                &name,
                operation,
                operations.iter().filter(asked_for),
            )),
        };
    }
    if let Some(known) = vdc.applications.iter().find(|known| is(&known.name, words)) {
        return Ok(Meant::List(Some(known.name.clone())));
    }
    let having: Vec<(&Application, &Operation)> = occasional(vdc)
        .filter(|(_, operation)| is(&operation.name, words))
        .collect();
    match having.as_slice() {
        [(application, operation)] => {
            let (application, operation) = (application.name.clone(), operation.name.clone());
            Ok(Meant::One(application, operation))
        }
        [] => {
            let operations = occasional(vdc).map(|(_, operation)| operation);
            Err(unknown(&vdc.vdc, words, operations))
        }
        several => {
            let which = several
                .iter()
                .map(|(application, operation)| format!("{}/{}", application.name, operation.name))
                .collect::<Vec<_>>()
                .join(", ");
            let failure = Failure::usage(format!("several applications have {words}"));
            Err(failure.hint(format!("say which: {which}")))
        }
    }
}

fn asked_for(operation: &&Operation) -> bool {
    operation.when != PART_OF_READY
}

fn occasional(vdc: &Vdc) -> impl Iterator<Item = (&Application, &Operation)> {
    vdc.applications.iter().flat_map(|application| {
        let operations = application.operations.iter().filter(asked_for);
        operations.map(move |operation| (application, operation))
    })
}

fn unknown<'a>(
    whose: &str,
    operation: &str,
    known: impl Iterator<Item = &'a Operation>,
) -> Failure {
    let known: BTreeSet<&str> = known.map(|operation| operation.name.as_str()).collect();
    let list = Vec::from_iter(known.iter().copied()).join(", ");
    let failure = Failure::failed(format!(
        "{whose} has no operation {operation} that is done when asked for"
    ));
    match did_you_mean(operation, known.iter().copied()) {
        _ if known.is_empty() => failure.hint("it has none"),
        Some(near) => failure.hint(format!("did you mean {near}? It has {list}")),
        None => failure.hint(format!("it has {list}")),
    }
}

fn list(session: &Session<'_>, vdc: &Vdc, application: Option<&str>) -> Result<(), Failure> {
    let output = session.output;
    let rows: Vec<_> = occasional(vdc)
        .filter(|(known, _)| application.is_none_or(|application| known.name == application))
        .collect();
    if output.is_json() {
        let value = |(application, operation): &(&Application, &Operation)| {
            json!({
                "application": application.name, "operation": operation.name, "when": operation.when,
                "state": operation.state, "text": operation.text, "done_ms": operation.done_ms,
                "due_ms": operation.due_ms,
            })
        };
        return output.value(&rows.iter().map(value).collect::<Vec<_>>());
    }
    if rows.is_empty() {
        let whose = application.unwrap_or(&vdc.vdc);
        return output.data(&format!(
            "{whose} has nothing that is done when asked for\n"
        ));
    }
    let now = now_ms();
    let mut grid = Grid::new(&["OPERATION", "WHEN", "STATE", "LAST DONE", "NEXT", ""]);
    for (application, operation) in rows {
        let when = match operation.when.as_str() {
            "asked" => "asked for".to_owned(),
            every => format!("every {every}"),
        };
        let done = operation.done_ms;
        let cells = [
            format!("{}/{}", application.name, operation.name),
            when,
            operation.state.clone(),
            done.map_or_else(|| "never".to_owned(), |at| format!("{} ago", age(at, now))),
            operation
                .due_ms
                .map(|at| format!("in {}", ends_in(at, now)))
                .unwrap_or_default(),
            operation.text.clone(),
        ];
        grid.row(row_style(&operation.state), cells);
    }
    output.data(&grid.text(output))
}

fn ask(
    session: &Session<'_>,
    target: &Target,
    operation: &str,
    args: &Args,
) -> Result<(), Failure> {
    let began = Instant::now();
    let body = VerbBody {
        verb: "operate".to_owned(),
        application: target.application.clone(),
        task: None,
        gate: None,
        operation: Some(operation.to_owned()),
    };
    session
        .client()?
        .post::<()>(&target.path("/verbs"), &body)?;
    let mut wait = Wait {
        session,
        target,
        operation,
        began,
        wanted: None,
        said: String::new(),
    };
    if args.detach {
        return wait.detached();
    }
    let told = wait.until(args.timeout)?;
    wait.tell(told)
}

/// Waits until the asking is taken in and answered.
struct Wait<'a> {
    session: &'a Session<'a>,
    target: &'a Target,
    operation: &'a str,
    began: Instant,
    /// The number of our asking, or of one after it.
    wanted: Option<u32>,
    said: String,
}

enum Told {
    Done(Operation),
    Failed(Operation),
    TimedOut,
    Interrupted,
}

impl Wait<'_> {
    fn until(&mut self, limit: Duration) -> Result<Told, Failure> {
        let client = self.session.client()?;
        let mut interrupts = client.interrupts()?;
        let (mut after, mut returns) = (client.newest_event()?, 0);
        loop {
            let path = format!(
                "/v1/events?after={after}&wait_ms={}",
                LOOK_EVERY.as_millis()
            );
            match self.look() {
                Ok(Some(told)) => return Ok(told),
                Ok(None) => {}
                Err(failure) if failure.is_unreachable() && returns < RETURNS => {
                    returns += 1;
                    self.session.reach_again()?;
                    continue;
                }
                Err(failure) => return Err(failure),
            }
            if self.began.elapsed() >= limit {
                return Ok(Told::TimedOut);
            }
            match client.get_until::<Vec<Event>>(&mut interrupts, &path, LOOK_EVERY) {
                Ok(Some(events)) => after = events.last().map_or(after, |event| event.seq),
                Ok(None) => return Ok(Told::Interrupted),
                // The next look finds out.
                Err(failure) if failure.is_unreachable() => {}
                Err(failure) => return Err(failure),
            }
        }
    }

    /// How it stands; `None`: not answered yet.
    fn look(&mut self) -> Result<Option<Told>, Failure> {
        let vdc: Vdc = self.session.client()?.get(&self.target.path(""))?;
        let application = vdc
            .applications
            .iter()
            .find(|known| Some(&known.name) == self.target.application.as_ref());
        let found = application.and_then(|application| {
            let operations = &application.operations;
            let found = operations.iter().find(|known| known.name == self.operation);
            found.map(|found| (application, found.clone()))
        });
        let Some((application, operation)) = found else {
            let what = format!("{} is no longer there", self.text());
            return Err(Failure::failed(what));
        };
        let wanted = *self.wanted.get_or_insert(operation.asked);
        let is_taken = operation.taken >= wanted;
        match operation.state.as_str() {
            "done" if is_taken => return Ok(Some(Told::Done(operation))),
            "failed" if is_taken => return Ok(Some(Told::Failed(operation))),
            _ => {}
        }
        let prefix = format!("{}: ", operation.name);
        let mut waiting = application.waiting.iter();
        let waiting = waiting.find_map(|text| text.strip_prefix(&prefix));
        let now = match waiting {
            Some(text) => text.to_owned(),
            None if application.state == "stopped" => {
                "waits until the application is started".to_owned()
            }
            None => operation.text,
        };
        if now != self.said {
            let at = self.session.output.paint_note(
                Style::Dim,
                &format!("{:>7}", seconds(milliseconds(self.began.elapsed()))),
            );
            self.session
                .output
                .note(&format!("{at}  {}: {now}", self.text()));
            self.said = now;
        }
        Ok(None)
    }

    fn tell(&self, told: Told) -> Result<(), Failure> {
        let output = self.session.output;
        let elapsed = milliseconds(self.began.elapsed());
        let (operation, is_done) = match told {
            Told::Done(operation) => (operation, true),
            Told::Failed(operation) => (operation, false),
            Told::TimedOut => {
                let after = seconds(elapsed);
                let what = format!("{} is not done after {after}", self.text());
                let hint = format!("it goes on; `smack why {}` says why", self.target.vdc.vdc);
                return Err(Failure::failed(what).hint(hint));
            }
            Told::Interrupted => {
                self.detached()?;
                return Err(Failure::Told(DETACHED));
            }
        };
        if output.is_json() {
            output.value(&json!({
                "vdc": self.target.vdc.vdc, "application": self.target.application,
                "operation": operation.name, "state": operation.state, "text": operation.text,
                "elapsed_ms": elapsed,
            }))?;
        } else if is_done {
            output.note(&format!(
                "Done in {}: {}: {}",
                seconds(elapsed),
                self.text(),
                operation.text
            ));
        }
        if is_done {
            return Ok(());
        }
        if output.is_json() {
            return Err(Failure::Told(1));
        }
        let what = format!("{} failed: {}", self.text(), operation.text);
        let hint = format!(
            "it is tried again by itself; `smack why {}` shows when",
            self.target.vdc.vdc
        );
        Err(Failure::failed(what).hint(hint))
    }

    fn detached(&self) -> Result<(), Failure> {
        let output = self.session.output;
        if output.is_json() {
            return output.value(&json!({
                "vdc": self.target.vdc.vdc, "application": self.target.application,
                "operation": self.operation, "verb": "operate",
            }));
        }
        output.note(&format!(
            "{} is asked for; `smack operate {}` shows how it goes",
            self.text(),
            self.target.vdc.vdc
        ));
        Ok(())
    }

    /// `default/telemetry/cassandra/repair`.
    fn text(&self) -> String {
        format!("{}/{}", self.target.text(), self.operation)
    }
}
