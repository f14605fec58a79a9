//! `smack run`: makes a stack file or a stack of the library run, or a running one as the file says now, and waits.

use std::time::{Duration, Instant};

use serde_json::json;
use smack_control::wire::{Cause, RunAnswer, RunBody, Vdc};

use crate::client::encoded;
use crate::failure::Failure;
use crate::files::{self, Named};
use crate::output::Style;
use crate::picture;
use crate::progress::{Segment, chain, finished, per_step};
use crate::session::Session;
use crate::target::Target;
use crate::text::{self, milliseconds, seconds};
use crate::verbs::Gates;
use crate::watching::{Outcome, Until, Watch};

/// After ctrl-C, as shells count it: 128 + SIGINT.
pub(crate) const DETACHED: u8 = 130;

/// Run a stack: start it, or make what runs what the stack says now
///
/// Waits until everything is as asked for and says what took how long. Ctrl-C detaches (exit code 130): the platform
/// goes on.
#[derive(Debug, clap::Args)]
#[command(visible_alias = "up")]
pub(crate) struct Args {
    #[command(flatten)]
    what: What,
    /// Start what fits even if not everything does
    #[arg(long)]
    partial: bool,
    /// End it by itself after this time from now, or `never`; without it, what is set stays
    #[arg(long, value_name = "TIME", value_parser = text::lifetime, allow_hyphen_values = true)]
    ttl: Option<String>,
    /// Do not wait
    #[arg(long, short)]
    detach: bool,
    /// Wait at most this long
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = text::duration)]
    timeout: Duration,
    /// The same in seconds, as of old
    #[arg(
        long = "max.wait",
        value_name = "SECONDS",
        hide = true,
        conflicts_with = "timeout"
    )]
    max_wait: Option<u64>,
    #[command(flatten)]
    gates: Gates,
}

/// What is to run: shared with `smack plan`.
#[derive(Debug, clap::Args)]
pub(crate) struct What {
    /// A stack file, `-` for standard input, or a stack of the library
    #[arg(value_name = "STACK|FILE")]
    stack: String,
    /// The zone to run in
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    /// The name of the virtual data center, if not the stack's
    #[arg(long = "as", value_name = "NAME")]
    run_as: Option<String>,
    /// Set a parameter of the stack
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = text::variable)]
    vars: Vec<(String, String)>,
    /// Leave the applications in whose id this is found as they are: up or not
    #[arg(long, value_name = "REGEX")]
    skip: Vec<String>,
}

impl What {
    pub(crate) fn body(self, partial: bool) -> Result<RunBody, Failure> {
        let Self {
            stack,
            zone,
            run_as,
            vars,
            skip,
        } = self;
        let zone = zone.filter(|zone| !zone.is_empty());
        let mut body = RunBody {
            zone,
            run_as,
            vars,
            skip,
            partial,
            ..RunBody::default()
        };
        match files::stack(&stack)? {
            Named::File { stack, parents } => (body.stack, body.parents) = (Some(stack), parents),
            Named::Library(name) => body.name = Some(name),
        }
        Ok(body)
    }
}

pub(crate) fn run(args: Args, session: &Session<'_>) -> Result<(), Failure> {
    let began = Instant::now();
    let body = RunBody {
        ttl: args.ttl,
        ..args.what.body(args.partial)?
    };
    let answer: RunAnswer = session.client()?.post("/v1/runs", &body)?;
    session.output.problems(&answer.notices);
    if !args.gates.is_empty() {
        args.gates.force(session, &target(session, &answer.vdc)?)?;
    }
    let limit = args.max_wait.map_or(args.timeout, Duration::from_secs);
    if args.detach {
        detached(session, &answer)
    } else {
        wait(session, &answer, began, limit)
    }
}

/// Waits until what a run or a rollback asked for is there, and accounts for it.
pub(crate) fn wait(
    session: &Session<'_>,
    answer: &RunAnswer,
    began: Instant,
    limit: Duration,
) -> Result<(), Failure> {
    let output = session.output;
    output.note(&format!(
        "{} revision {}{}",
        answer.vdc,
        answer.revision,
        said(answer)
    ));
    let mut watch = Watch::new(session, &answer.vdc, Until::Converged, ("run", began));
    match watch.wait(limit)? {
        Outcome::Reached(vdc) => {
            let segments = chain(&watch.progress);
            let done = Done {
                segments,
                began_ms: watch.progress.began_ms,
                elapsed_ms: watch.elapsed_ms(),
            };
            tell(session, answer, vdc.as_deref(), &done)
        }
        Outcome::Failed => {
            output
                .trouble(&output.paint_note(Style::Bad, &format!("{} cannot go on:", answer.vdc)));
            tell_why(session, answer, "Mend the cause, then `smack run` again")
        }
        Outcome::TimedOut => {
            let after = seconds(milliseconds(limit));
            output.trouble(&output.paint_note(
                Style::Bad,
                &format!("{} is not there after {after}:", answer.vdc),
            ));
            tell_why(session, answer, "It goes on without this command")
        }
        Outcome::Interrupted => {
            let name = &answer.vdc;
            output.note(&format!(
                "detached; {name} goes on without this command\n  smack status {name} -w   shows how it goes\n  \
                 the same `smack run` again   waits for it\n  smack down {name}   ends it"
            ));
            Err(Failure::Told(DETACHED))
        }
    }
}

struct Done {
    segments: Vec<Segment>,
    began_ms: u64,
    elapsed_ms: u64,
}

fn tell(
    session: &Session<'_>,
    answer: &RunAnswer,
    vdc: Option<&Vdc>,
    done: &Done,
) -> Result<(), Failure> {
    let output = session.output;
    let exports: Vec<(String, String)> = vdc.into_iter().flat_map(exports).collect();
    if output.is_json() {
        let path = done.segments.iter().map(|segment| {
            json!({
                "subject": segment.subject, "step": segment.kind.key(),
                "from_ms": segment.from_ms - done.began_ms, "until_ms": segment.until_ms - done.began_ms,
            })
        });
        let steps = per_step(&done.segments).into_iter();
        let steps = steps.map(|(kind, spent)| (kind.key().to_owned(), json!(spent)));
        return output.value(&json!({
            "vdc": answer.vdc, "revision": answer.revision, "state": vdc.map(|vdc| &vdc.state),
            "silent": answer.silent, "elapsed_ms": done.elapsed_ms,
            "steps_ms": steps.collect::<serde_json::Map<_, _>>(), "critical_path": path.collect::<Vec<_>>(),
            "exports": exports.into_iter().collect::<std::collections::BTreeMap<_, _>>(),
        }));
    }
    output.note(&format!(
        "{} {} is {}",
        output.paint_note(
            Style::Good,
            &format!("Done in {}:", seconds(done.elapsed_ms))
        ),
        answer.vdc,
        vdc.map_or("as asked for", |vdc| vdc.state.as_str()),
    ));
    for line in finished(&done.segments, done.began_ms, done.elapsed_ms) {
        output.note(&line);
    }
    output.data(&picture::pairs(
        exports.iter().map(|(name, value)| (name, value)),
    ))
}

/// `application.export` and its value.
pub(crate) fn exports(vdc: &Vdc) -> Vec<(String, String)> {
    let of = |application: &smack_control::wire::Application| {
        let name = application.name.clone();
        let exports = application.exports.clone().into_iter();
        exports
            .map(move |(export, value)| (format!("{name}.{export}"), value))
            .collect::<Vec<_>>()
    };
    vdc.applications.iter().flat_map(of).collect()
}

fn said(answer: &RunAnswer) -> &'static str {
    if answer.silent {
        ": nothing to change"
    } else {
        ""
    }
}

fn detached(session: &Session<'_>, answer: &RunAnswer) -> Result<(), Failure> {
    if session.output.is_json() {
        return session.output.value(answer);
    }
    let name = &answer.vdc;
    let (revision, said) = (answer.revision, said(answer));
    session.output.note(&format!(
        "{name} revision {revision}{said}; `smack status {name} -w` shows how it goes"
    ));
    Ok(())
}

/// The reasons, then exit code 1.
fn tell_why(session: &Session<'_>, answer: &RunAnswer, advice: &str) -> Result<(), Failure> {
    let vdc = &answer.vdc;
    let causes: Vec<Cause> = session.client()?.get(&format!("/v1/vdcs/{vdc}/why"))?;
    if session.output.is_json() {
        let value = json!({"vdc": vdc, "revision": answer.revision, "why": causes});
        session.output.value(&value)?;
    } else {
        session
            .output
            .trouble(&picture::causes(session.output, &causes));
        let more = format!("`smack logs {vdc}` has more, `smack down {vdc}` ends it");
        session.output.note(&format!("{advice}; {more}"));
    }
    Err(Failure::Told(1))
}

fn target(session: &Session<'_>, vdc: &str) -> Result<Target, Failure> {
    let path = vdc.split('/').map(encoded).collect::<Vec<_>>().join("/");
    let vdc = session.client()?.get(&format!("/v1/vdcs/{path}"))?;
    Ok(Target {
        vdc,
        application: None,
        task: None,
    })
}
