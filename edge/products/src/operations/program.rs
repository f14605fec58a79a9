//! Programs of a product, run in the places of its tasks.

use std::time::Duration;

use smack_model::{Member, OperationOrder, TaskName};

use super::{Halt, Report};
use crate::reach::{Ran, Reach, reason};

/// How lines begin that do not say what is wrong: places in a program, and where `nodetool` would have one read on.
const MUTE: [&str; 2] = ["at ", "See 'nodetool help"];

/// How much of what a program wrote is told.
const TOLD_MAX: usize = 300;

/// Runs the command for each task in turn; the first that fails ends it.
pub(super) async fn run_in_turn(
    reach: &dyn Reach,
    order: &OperationOrder,
    (tasks, command, within): (&[TaskName], &[String], Duration),
    report: &mut Report<'_>,
) -> Result<String, Halt> {
    let find = |task: &TaskName| {
        let member = order.members.iter().find(|member| member.is_own(task));
        member.ok_or_else(|| Halt::Failed(format!("{task} does not run")))
    };
    // Before anything is run, so that what cannot be done to the end is not begun.
    let members: Vec<&Member> = tasks.iter().map(find).collect::<Result<_, _>>()?;
    let all = members.len();
    for (at, member) in members.into_iter().enumerate() {
        report.say(format!("{} of {all}: {}", at + 1, member.task));
        let program = Program {
            reach,
            order,
            member,
        };
        program.run(command, within).await.map_err(Halt::Failed)?;
    }
    Ok(match tasks {
        [task] => format!("done on {task}"),
        _ => format!("done on {all} tasks"),
    })
}

/// Where a program is run.
pub(super) struct Program<'a> {
    pub(super) reach: &'a dyn Reach,
    pub(super) order: &'a OperationOrder,
    pub(super) member: &'a Member,
}

impl Program<'_> {
    /// Runs it to its end. The error has the task, the exit code and what the program said last.
    pub(super) async fn run(&self, command: &[String], within: Duration) -> Result<(), String> {
        let Member { task, attempt, .. } = self.member;
        let system = &self.order.system;
        let running = self.reach.exec(system, task, *attempt, command, within);
        let said = match running.await {
            Ok(Ran { code: 0, .. }) => return Ok(()),
            Ok(ran) => format!("exit code {}{}", ran.code, last_words(&ran)),
            Err(error) => reason(&error),
        };
        Err(format!("{task}: {}: {said}", command.join(" ")))
    }
}

/// The last line that says something: of the errors if there are any, and not of a stack trace.
fn last_words(ran: &Ran) -> String {
    let words = [&ran.errors, &ran.output].into_iter().find_map(|bytes| {
        let text = String::from_utf8_lossy(bytes);
        let text = text.split("-- StackTrace --").next().unwrap_or_default();
        let mut lines = text.lines().rev().map(str::trim);
        let line = lines
            .find(|line| !line.is_empty() && !MUTE.iter().any(|mute| line.starts_with(mute)))?;
        Some(line.chars().take(TOLD_MAX).collect::<String>())
    });
    words.map_or_else(String::new, |words| format!(": {words}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_words_are_no_stack_trace() {
        let ran = |output: &str, errors: &str| Ran {
            code: 2,
            output: output.into(),
            errors: errors.into(),
        };
        let trace = "error: Not enough nodes\n-- StackTrace --\njava.lang.X: y\n\tat a.b(C.java)\n";
        assert_eq!(
            last_words(&ran("fine\n", trace)),
            ": error: Not enough nodes"
        );
        let tool = "nodetool: Unsupported operation: too few\nSee 'nodetool help' or so.\n";
        assert_eq!(
            last_words(&ran(tool, "")),
            ": nodetool: Unsupported operation: too few"
        );
        assert_eq!(last_words(&ran("one\ntwo\n\n", "")), ": two");
        assert_eq!(last_words(&ran("", "")), "");
    }
}
