//! What can be asked of a VDC, an application or a task: one request each, and the gates that may be forced on the way.

use serde_json::json;
use smack_control::wire::VerbBody;

use crate::failure::Failure;
use crate::session::Session;
use crate::target::{self, Target};

/// The words after a verb.
#[derive(Debug, clap::Args)]
pub(crate) struct Words {
    /// The virtual data center: `pipeline`, `qa/pipeline`
    name: String,
    /// One application of it
    #[arg(value_name = "APP[/TASK]")]
    part: Option<String>,
    #[command(flatten)]
    gates: Gates,
}

/// `--force`.
#[derive(Debug, clap::Args)]
pub(crate) struct Gates {
    /// Do not wait for this gate during the next ten minutes: check, budget or minimum
    #[arg(long, value_name = "GATE", value_parser = ["check", "budget", "minimum"])]
    force: Vec<String>,
}

impl Gates {
    pub(crate) fn from(gates: impl Iterator<Item = String>) -> Self {
        Self {
            force: gates.collect(),
        }
    }

    pub(crate) fn force(&self, session: &Session<'_>, target: &Target) -> Result<(), Failure> {
        for gate in &self.force {
            post(session, target, "force", Some(gate))?;
            session.output.note(&format!(
                "gate {gate} of {} is open for ten minutes",
                target.text()
            ));
        }
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.force.is_empty()
    }
}

/// Asks for `verb` and says in `done` what that means: `is stopping`.
pub(crate) fn ask(
    session: &Session<'_>,
    args: &Words,
    verb: &str,
    done: &str,
) -> Result<(), Failure> {
    let target = target::find_named(session, &args.name, args.part.as_deref())?;
    args.gates.force(session, &target)?;
    post(session, &target, verb, None)?;
    asked(session, &target, verb, done)
}

/// Says what was asked for, as JSON if that is wanted.
pub(crate) fn asked(
    session: &Session<'_>,
    target: &Target,
    verb: &str,
    done: &str,
) -> Result<(), Failure> {
    if session.output.is_json() {
        return session.output.value(&json!({
            "vdc": target.vdc.vdc, "application": target.application, "task": target.task, "verb": verb,
        }));
    }
    session.output.note(&format!(
        "{} {done}; `smack status {} -w` shows it",
        target.text(),
        target.vdc.vdc
    ));
    Ok(())
}

/// One verb, to the server.
pub(crate) fn post(
    session: &Session<'_>,
    target: &Target,
    verb: &str,
    gate: Option<&str>,
) -> Result<(), Failure> {
    let body = VerbBody {
        verb: verb.to_owned(),
        application: target.application.clone(),
        task: target.task.clone(),
        gate: gate.map(str::to_owned),
        operation: None,
    };
    session.client()?.post(&target.path("/verbs"), &body)
}
