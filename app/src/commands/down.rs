//! `smack down`: ends a VDC, waits until it is gone and, if asked to, looks for what it left behind.

use std::time::{Duration, Instant};

use serde_json::json;
use smack_control::wire::{ApplicationPlan, Cause, DownBody, Remains};

use crate::commands::run::DETACHED;
use crate::failure::Failure;
use crate::output::Style;
use crate::picture;
use crate::session::Session;
use crate::target::{self, Target};
use crate::text::{self, milliseconds, seconds};
use crate::verbs::Gates;
use crate::watching::{Outcome, Until, Watch};

/// What only a part of a shared system has.
const DATA: &str = "data";

/// Whether the word after `--force` is no gate.
fn is_of_down(word: &str) -> bool {
    matches!(word, USERS | DATA)
}

/// End a virtual data center: its processes, addresses and data
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The virtual data center: `pipeline`, `qa/pipeline`
    name: String,
    /// Keep its data
    #[arg(long)]
    keep: bool,
    /// Show what would be done, and what each step would wait for; changes nothing
    #[arg(long, conflicts_with_all = ["check", "timeout"])]
    plan: bool,
    /// Look for what is left afterwards, and fail if anything is
    #[arg(long)]
    check: bool,
    /// Wait at most this long
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = text::duration)]
    timeout: Duration,
    /// Do not wait for this gate during the next ten minutes: check, budget or minimum. users: end it although other
    /// virtual data centers use it. data, only with --keep: its parts leave shared systems at once
    #[arg(long, value_name = "GATE", value_parser = ["check", "budget", "minimum", USERS, DATA])]
    force: Vec<String>,
}

/// What `--force` opens beside the gates.
const USERS: &str = "users";

pub(crate) fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let began = Instant::now();
    let found = target::find_named(session, &args.name, None);
    let target = match found {
        Ok(target) => target,
        // Looking twice is no mistake.
        Err(failure) if args.check => match gone_already(session, &args.name)? {
            Some(name) => return check(session, &name, None),
            None => return Err(failure),
        },
        Err(failure) => return Err(failure),
    };
    let forces = |what: &str| args.force.iter().any(|gate| gate == what);
    let body = DownBody {
        keep: args.keep,
        force_users: forces(USERS),
        force_data: forces(DATA),
    };
    if args.plan {
        return plan(&target, &body, session);
    }
    let gates = args.force.iter().filter(|gate| !is_of_down(gate));
    Gates::from(gates.cloned()).force(session, &target)?;
    let vdc = target.vdc.vdc.clone();
    session.client()?.post::<()>(&target.path("/down"), &body)?;
    let mut watch = Watch::new(session, &vdc, Until::Gone, ("down", began));
    let output = session.output;
    match watch.wait(args.timeout)? {
        Outcome::Reached(_) => {
            let elapsed = watch.elapsed_ms();
            if args.check {
                return check(session, &vdc, Some(elapsed));
            }
            if output.is_json() {
                return output.value(&json!({"vdc": vdc, "elapsed_ms": elapsed}));
            }
            let kept = if args.keep { "; its data is kept" } else { "" };
            output.note(&format!(
                "Done in {}: {vdc} is gone{kept}",
                seconds(elapsed)
            ));
            Ok(())
        }
        Outcome::Interrupted => {
            output.note(&format!(
                "detached; {vdc} goes on ending\n  smack status   shows how it goes"
            ));
            Err(Failure::Told(DETACHED))
        }
        Outcome::TimedOut | Outcome::Failed => {
            let after = seconds(milliseconds(args.timeout));
            output.trouble(
                &output.paint_note(Style::Bad, &format!("{vdc} is not gone after {after}:")),
            );
            let causes: Vec<Cause> = session.client()?.get(&target.path("/why"))?;
            output.trouble(&picture::causes(output, &causes));
            Err(Failure::Told(1))
        }
    }
}

fn plan(target: &Target, body: &DownBody, session: &Session<'_>) -> Result<(), Failure> {
    let path = format!(
        "/down?keep={}&force_users={}&force_data={}",
        body.keep, body.force_users, body.force_data
    );
    let plan: Vec<ApplicationPlan> = session.client()?.get(&target.path(&path))?;
    let output = session.output;
    if output.is_json() {
        return output.value(&plan);
    }
    let head = format!("{}: this would end\n", target.vdc.vdc);
    output.data(&format!("{head}{}", picture::plan(output, &plan)))
}

/// `zone/name` of a VDC that is not up but was once.
fn gone_already(session: &Session<'_>, name: &str) -> Result<Option<String>, Failure> {
    let lower = name.to_ascii_lowercase();
    let full = if lower.contains('/') {
        lower
    } else {
        format!("default/{lower}")
    };
    let path = format!(
        "/v1/events?last=1&subject={}",
        crate::client::encoded(&full)
    );
    let events: Vec<smack_control::wire::Event> = session.client()?.get(&path)?;
    Ok(if events.is_empty() { None } else { Some(full) })
}

fn check(session: &Session<'_>, vdc: &str, elapsed_ms: Option<u64>) -> Result<(), Failure> {
    let remains: Remains = session.client()?.get(&format!("/v1/vdcs/{vdc}/remains"))?;
    let is_clean = remains == Remains::default();
    let output = session.output;
    if output.is_json() {
        output.value(&json!({"vdc": vdc, "elapsed_ms": elapsed_ms, "remains": remains}))?;
    } else {
        let done = elapsed_ms
            .map(|elapsed| format!("Done in {}: ", seconds(elapsed)))
            .unwrap_or_default();
        if is_clean {
            output.note(&format!("{done}{vdc} is gone and has left nothing"));
        } else {
            output.trouble(&output.paint_note(Style::Bad, &format!("{vdc} is gone but has left:")));
            let Remains {
                processes,
                addresses,
                files,
                records,
            } = remains;
            let kinds = [
                ("process", processes),
                ("address", addresses),
                ("file", files),
                ("record", records),
            ];
            for (kind, found) in kinds {
                for one in found {
                    output.data(&format!("{kind:<8}  {one}\n"))?;
                }
            }
        }
    }
    if is_clean {
        Ok(())
    } else {
        Err(Failure::Told(1))
    }
}
