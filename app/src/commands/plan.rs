//! `smack plan`: what `smack run` would do, step by step, and what each step would wait for. Changes nothing.

use smack_control::wire::RunAnswer;

use super::run::What;
use crate::failure::Failure;
use crate::picture;
use crate::session::Session;

/// Show what `smack run` would do, and what each step would wait for; changes nothing
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    what: What,
}

pub(crate) fn run(args: Args, session: &Session<'_>) -> Result<(), Failure> {
    let body = args.what.body(false)?;
    let answer: RunAnswer = session.client()?.post("/v1/plans", &body)?;
    let output = session.output;
    if output.is_json() {
        return output.value(&answer);
    }
    output.problems(&answer.notices);
    let head = if answer.silent {
        format!(
            "{}: nothing to do, revision {} is what runs\n",
            answer.vdc, answer.revision
        )
    } else {
        format!(
            "{}: this would be revision {}\n",
            answer.vdc, answer.revision
        )
    };
    output.data(&format!("{head}{}", picture::plan(output, &answer.plan)))
}
