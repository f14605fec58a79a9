//! Waits until a VDC is as it was asked for, or gone: follows events and states, shows them, ends at trouble, at the
//! time limit or at ctrl-C. A server that dies meanwhile is started again and the wait goes on.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use smack_control::wire::{Event, Vdc};

use crate::client::{Client, Interrupts};
use crate::failure::Failure;
use crate::output::{Output, Style};
use crate::progress::{self, Marks, Piece};
use crate::session::Session;
use crate::text::{milliseconds, seconds};

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// Everything is as the stack says.
    Converged,
    /// There is no such VDC any more.
    Gone,
}

/// How a wait ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    Reached(Option<Box<Vdc>>),
    /// Nothing more happens without a person.
    Failed,
    TimedOut,
    Interrupted,
}

/// A wait and what it saw.
#[derive(Debug)]
pub(crate) struct Watch<'a> {
    session: &'a Session<'a>,
    vdc: String,
    until: Until,
    /// The kind of the event with which it began, and the number of the last event seen.
    command: &'static str,
    after: Option<u64>,
    began: Instant,
    watched: Instant,
    /// It begins with the command; states from before it say nothing.
    pub(crate) progress: Marks,
    latest: Option<Vdc>,
    /// When something was told last, and what of the waits.
    told: Instant,
    said: BTreeMap<String, String>,
}

/// The longest silence before states are looked at again.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// The longest silence before it is said what is waited for.
const SILENCE: Duration = Duration::from_secs(4);
/// So often a server that went away is brought back before the command gives up.
const RETURNS: u32 = 5;

impl<'a> Watch<'a> {
    /// A wait for `vdc` since its latest event of kind `command`, which the command given at `began` has caused.
    pub(crate) fn new(
        session: &'a Session<'a>,
        vdc: &str,
        until: Until,
        (command, began): (&'static str, Instant),
    ) -> Self {
        Self {
            session,
            vdc: vdc.to_owned(),
            until,
            command,
            began,
            watched: Instant::now(),
            after: None,
            progress: Marks::new(0),
            latest: None,
            told: Instant::now(),
            said: BTreeMap::new(),
        }
    }

    /// Finds the event that the command has caused: from there on all is news.
    fn begin(&mut self, client: &Client) -> Result<u64, Failure> {
        let (kind, vdc) = (self.command, crate::client::encoded(&self.vdc));
        let path = format!("/v1/events?last=1&kind={kind}&subject={vdc}");
        let caused: Vec<Event> = client.get(&path)?;
        let (after, began_ms) = caused
            .last()
            .map_or((0, 0), |event| (event.seq, event.at_ms));
        self.after = Some(after);
        self.progress = Marks::new(began_ms);
        Ok(after)
    }

    /// Since the command was given.
    pub(crate) fn elapsed_ms(&self) -> u64 {
        milliseconds(self.began.elapsed())
    }

    /// Waits for at most `limit`.
    pub(crate) fn wait(&mut self, limit: Duration) -> Result<Outcome, Failure> {
        let client = self.session.client()?;
        let mut interrupts = client.interrupts()?;
        let mut returns = 0;
        loop {
            match self.look(client, &mut interrupts) {
                Ok(Some(outcome)) => {
                    self.session.output.erase();
                    return Ok(outcome);
                }
                Ok(None) => {}
                Err(failure) if failure.is_unreachable() && returns < RETURNS => {
                    returns += 1;
                    self.session
                        .output
                        .detail(&format!("{failure}; trying again"));
                    self.session.reach_again()?;
                }
                Err(failure) => {
                    self.session.output.erase();
                    return Err(failure);
                }
            }
            if self.began.elapsed() >= limit {
                self.session.output.erase();
                return Ok(Outcome::TimedOut);
            }
        }
    }

    /// One turn: what happened, then how things stand.
    fn look(
        &mut self,
        client: &Client,
        interrupts: &mut Interrupts,
    ) -> Result<Option<Outcome>, Failure> {
        let mut after = match self.after {
            Some(after) => after,
            None => self.begin(client)?,
        };
        let path = events_path(&self.vdc, after, LOOK_EVERY);
        let Some(events) = client.get_until::<Vec<Event>>(interrupts, &path, LOOK_EVERY)? else {
            return Ok(Some(Outcome::Interrupted));
        };
        for event in &events {
            after = after.max(event.seq);
            self.after = Some(after);
            progress::take_event(&mut self.progress, &self.vdc, event);
            let is_detail = smack_scheduler::trace::is_detail(&event.kind);
            if is_worth_a_line(event) || !(is_detail || self.session.output.is_moving()) {
                self.tell(event);
            }
        }
        let found = client.get_until::<Vdc>(
            interrupts,
            &format!("/v1/vdcs/{}", self.vdc),
            Duration::ZERO,
        );
        let vdc = match found {
            Ok(Some(vdc)) => vdc,
            Ok(None) => return Ok(Some(Outcome::Interrupted)),
            Err(failure) if failure.is_not_found() => return Ok(self.is_gone(failure)),
            Err(failure) => return Err(failure),
        };
        let now_ms = self.progress.began_ms + milliseconds(self.watched.elapsed());
        progress::take_state(&mut self.progress, &vdc, now_ms);
        self.tell_waits(&vdc);
        draw(self.session.output, &vdc, self.elapsed_ms());
        // The state may still be the one from before the command.
        let is_current = vdc.updated_ms >= self.progress.began_ms;
        let outcome = match self.until {
            Until::Converged if is_current && vdc.converged => {
                let at = events.last().map_or(now_ms, |event| event.at_ms);
                self.progress.converged(at);
                Some(Outcome::Reached(Some(Box::new(vdc.clone()))))
            }
            Until::Converged if is_current && vdc.state == "failed" => Some(Outcome::Failed),
            Until::Converged | Until::Gone => None,
        };
        self.latest = Some(vdc);
        Ok(outcome)
    }

    fn is_gone(&self, failure: Failure) -> Option<Outcome> {
        match (self.until, &self.latest) {
            (Until::Gone, _) => Some(Outcome::Reached(None)),
            // Not published yet.
            (Until::Converged, None) if self.began.elapsed() < Duration::from_secs(5) => None,
            (Until::Converged, _) => {
                self.session.output.trouble(&failure.to_string());
                Some(Outcome::Failed)
            }
        }
    }

    fn tell(&mut self, event: &Event) {
        self.told = Instant::now();
        let since = event.at_ms.saturating_sub(self.progress.began_ms);
        let part = event
            .subject
            .strip_prefix(&self.vdc)
            .map_or(event.subject.as_str(), |rest| rest.trim_start_matches('/'));
        let subject = if part.is_empty() { &self.vdc } else { part };
        let output = self.session.output;
        let style = match event.kind.as_str() {
            "ready" => Style::Good,
            "retry" | "gave-up" | "unready" => Style::Bad,
            _ => Style::Plain,
        };
        let at = output.paint_note(Style::Dim, &format!("{:>7}", seconds(since)));
        let kind = output.paint_note(style, &event.kind);
        output.note(&format!("{at}  {subject}  {kind}: {}", event.text));
    }

    /// Without a moving view, after some silence: what each application waits for, if it is something new.
    fn tell_waits(&mut self, vdc: &Vdc) {
        let output = self.session.output;
        if output.is_moving() || self.told.elapsed() < SILENCE {
            return;
        }
        self.told = Instant::now();
        for application in &vdc.applications {
            let shape = shape(vdc, application);
            if self
                .said
                .insert(application.name.clone(), shape.clone())
                .as_ref()
                == Some(&shape)
                || shape.is_empty()
            {
                continue;
            }
            let at = output.paint_note(Style::Dim, &format!("{:>7}", seconds(self.elapsed_ms())));
            let waits = progress::waits(vdc, application);
            output.note(&format!(
                "{at}  {}  {}: {waits}",
                application.name, application.state
            ));
        }
    }
}

/// What decides whether a wait is told anew: numbers that only count up make no news.
fn shape(vdc: &Vdc, application: &smack_control::wire::Application) -> String {
    if application.ready && application.converged {
        return String::new();
    }
    let waits = progress::waits(vdc, application);
    waits
        .chars()
        .filter(|character| !character.is_ascii_digit() && *character != '.')
        .collect()
}

/// Beside a moving view only what a person would want to keep is written.
fn is_worth_a_line(event: &Event) -> bool {
    matches!(
        event.kind.as_str(),
        "retry" | "gave-up" | "unready" | "supply" | "stray" | "resumed"
    )
}

fn draw(output: &Output, vdc: &Vdc, elapsed_ms: u64) {
    if output.is_moving() {
        let (columns, rows) = output.note_size();
        let lines = progress::lines(vdc, elapsed_ms, columns, rows);
        output.draw(
            &lines
                .iter()
                .map(|line| painted(output, line))
                .collect::<Vec<_>>(),
        );
    }
}

fn painted(output: &Output, line: &[Piece]) -> String {
    line.iter()
        .map(|(style, text)| output.paint_note(*style, text))
        .collect()
}

fn events_path(vdc: &str, after: u64, wait: Duration) -> String {
    let (subject, wait) = (crate::client::encoded(vdc), wait.as_millis());
    format!("/v1/events?after={after}&subject={subject}&wait_ms={wait}")
}
