//! What the simulator tells: the journal, `status`, `why` and `plan`.

use std::fmt::Write as _;

use super::{Answer, Interpreter, clock};
use crate::plan::{Effect, Plan, plan};
use crate::status::{Clock, OperationState, SystemStatus, TaskState};
use crate::trace::is_detail;
use crate::why::{Cause, why};

impl Interpreter {
    /// The journal since the last answer, a line each.
    pub(super) fn notes(&mut self) -> String {
        let mut out = String::new();
        let prefix = format!("{}/", self.vdc);
        for note in std::mem::take(&mut self.sim.journal) {
            // That it was asked stands in the script; what it waits for `status` and `why` show.
            if note.kind == "run" || note.kind == "asked" || is_detail(&note.kind) {
                continue;
            }
            let subject = note.subject.strip_prefix(&prefix).unwrap_or(&note.subject);
            let _ = writeln!(
                out,
                "{:>8} {subject} {}: {}",
                clock(note.at),
                note.kind,
                note.text
            );
        }
        out
    }

    /// What a `run` or `down` ended with; nothing if it was silent and all is well.
    pub(super) fn outcome(&self, silent: bool) -> String {
        let Some(engine) = self.sim.engine() else {
            return "no server runs\n".to_owned();
        };
        let view = engine.view();
        let Some(vdc) = view.vdcs.get(&self.vdc) else {
            return if silent {
                String::new()
            } else {
                "= nothing is left\n".to_owned()
            };
        };
        let causes = why(&view, vdc, None, None, self.sim.now);
        if causes.is_empty() && silent {
            return String::new();
        }
        let mut out = format!("= {}\n", vdc.state.word());
        if !silent {
            for cause in &causes {
                show(cause, 1, &mut out);
            }
        }
        if silent { String::new() } else { out }
    }

    pub(super) fn status(&self) -> String {
        let Some(engine) = self.sim.engine() else {
            return "no server runs\n".to_owned();
        };
        let view = engine.view();
        let mut out = String::new();
        for vdc in view.vdcs.values() {
            let expires = vdc.record.expires.filter(|_| !vdc.record.down);
            let ends = expires.map_or_else(String::new, |at| {
                format!(", ends in {}", at.since(self.sim.now).words())
            });
            let _ = writeln!(out, "{} {}{ends}", vdc.record.id, vdc.state.word());
            for system in &vdc.systems {
                self.system(system, &mut out);
            }
            for ((address, port), import) in &vdc.imports {
                let runs = if import.runs {
                    ""
                } else {
                    ", which does not run"
                };
                let _ = writeln!(
                    out,
                    "  reaches {address}:{port}, {}/{}/{}{runs}",
                    import.from, import.application, import.task
                );
            }
        }
        if out.is_empty() {
            "nothing is up\n".to_owned()
        } else {
            out
        }
    }

    fn system(&self, system: &SystemStatus, out: &mut String) {
        let paused = if system.paused { ", paused" } else { "" };
        let part = system.part_of.as_ref();
        let part = part.map_or_else(String::new, |whole| format!(" (part of {whole})"));
        let id = system.id.as_ref().map_or(0, |id| id.incarnation);
        let _ = writeln!(
            out,
            "  {}!{id}{part} {}{paused}, revision {}",
            system.application(),
            system.state.word(),
            system.revision
        );
        for task in &system.tasks {
            self.task_line(task, out);
        }
        for waiting in &system.whole {
            let _ = writeln!(out, "    waits: {}", waiting.text(self.sim.now));
        }
        for operation in &system.operations {
            let _ = writeln!(out, "    {}", self.operation_line(operation));
        }
        if let Some(clock) = &system.clock {
            let _ = writeln!(out, "    {}", self.clock_line(clock));
        }
        for (name, value) in system.exports.iter() {
            let _ = writeln!(out, "    {name} = {value}");
        }
    }

    fn clock_line(&self, clock: &Clock) -> String {
        let next = match clock.next {
            Some(at) => format!("next in {}", at.since(self.sim.now).words()),
            None => "never again".to_owned(),
        };
        let (begun, missed) = (clock.rounds.begun, clock.rounds.missed);
        let ending = if begun == 1 { "" } else { "s" };
        format!("{begun} round{ending}, {missed} left out, {next}")
    }

    fn operation_line(&self, operation: &OperationState) -> String {
        let mut line = format!("{}: {}", operation.name, operation.text);
        if operation.is_occasional() {
            line = format!("{} {}", operation.name, operation.word);
            if !operation.text.is_empty() && operation.text != operation.word {
                let _ = write!(line, ": {}", operation.text);
            }
            if let Some(at) = operation.last_done {
                let ago = self.sim.now.since(at).words();
                let _ = write!(line, ", last done {ago} ago");
            }
            if let Some(at) = operation.due {
                let _ = write!(line, ", next in {}", at.since(self.sim.now).words());
            }
        }
        line
    }

    /// What the latest attempt at a task was launched with.
    pub(super) fn launched(&self, text: &str) -> Answer {
        let (application, task) = self.task(text)?;
        let command = self.sim.world.command_of(&application, &task);
        command
            .map(|command| format!("{command}\n"))
            .ok_or_else(|| format!("{text} was not launched yet"))
    }

    fn task_line(&self, task: &TaskState, out: &mut String) {
        let _ = write!(out, "    {} {}", task.name, task.word());
        if task.attempt > 0 {
            let _ = write!(out, " #{}", task.attempt);
        }
        if let (Some(node), Some(address)) = (&task.node, &task.address) {
            let _ = write!(out, " on {node} at {address}");
        }
        for port in task.ports.values() {
            let _ = write!(out, ":{port}");
        }
        if let Some(role) = &task.role {
            let _ = write!(out, " {role}");
        }
        if task.outdated {
            out.push_str(" outdated");
        }
        if let Some(waiting) = &task.waiting {
            let _ = write!(out, "; {}", waiting.text(self.sim.now));
        }
        out.push('\n');
    }

    pub(super) fn why(&self, whom: Option<&str>) -> Answer {
        let (application, task) = match whom {
            Some(whom) => {
                let (application, task) = self.whom(whom)?;
                (Some(application), task)
            }
            None => (None, None),
        };
        let engine = self.sim.engine().ok_or("no server runs")?;
        let view = engine.view();
        let vdc = view
            .vdcs
            .get(&self.vdc)
            .ok_or_else(|| format!("{} is not up", self.vdc))?;
        if let (Some(application), Some(task)) = (&application, &task) {
            let tasks = vdc
                .system(application.as_str())
                .into_iter()
                .flat_map(|system| &system.tasks);
            if !tasks.map(|state| &state.name).any(|name| name == task) {
                return Err(format!("{application} has no task {task}"));
            }
        }
        let causes = why(
            &view,
            vdc,
            application.as_ref(),
            task.as_ref(),
            self.sim.now,
        );
        let mut out = String::new();
        for cause in &causes {
            show(cause, 0, &mut out);
        }
        Ok(if out.is_empty() {
            "all is well\n".to_owned()
        } else {
            out
        })
    }

    pub(super) fn plan(&self) -> String {
        let Some(engine) = self.sim.engine() else {
            return "no server runs\n".to_owned();
        };
        let known = engine
            .systems()
            .filter(|system| system.id.vdc() == self.vdc);
        let mut names: Vec<_> = known.map(|system| system.id.application.clone()).collect();
        names.extend(self.stack.specs.keys().cloned());
        names.sort();
        names.dedup();
        let mut out = String::new();
        for name in names {
            let system = engine.system(&self.vdc, name.as_str());
            let spec = self.stack.specs.get(&name);
            let either = spec.or_else(|| system.map(|system| system.header.spec.as_ref()));
            let siblings = either.map(|spec| engine.siblings(&self.vdc, &name, spec));
            self.steps(
                &plan(&name, system, spec, &siblings.unwrap_or_default()),
                &mut out,
            );
        }
        if out.is_empty() {
            "nothing would change\n".to_owned()
        } else {
            out
        }
    }

    pub(super) fn plan_down(&self) -> Answer {
        let Some(engine) = self.sim.engine() else {
            return Ok("no server runs\n".to_owned());
        };
        let plans = engine.plan_down(&self.vdc, false, false);
        let mut out = String::new();
        for plan in plans.map_err(|refused| refused.to_string())? {
            self.steps(&plan, &mut out);
        }
        Ok(out)
    }

    fn steps(&self, plan: &Plan, out: &mut String) {
        let name = &plan.application;
        let steps = plan.steps.iter();
        for step in steps.filter(|step| step.effect != Effect::Unchanged || step.due.is_some()) {
            let _ = write!(out, "{} {name}/{}", step.effect.word(), step.subject);
            if !step.reasons.is_empty() {
                let _ = write!(out, ": {}", step.reasons.join("; "));
            }
            if !step.after.is_empty() {
                let _ = write!(out, " (after: {})", step.after.join(", "));
            }
            if let Some(due) = step.due {
                let _ = write!(out, " (next in {})", due.since(self.sim.now).words());
            }
            out.push('\n');
        }
    }
}

fn show(cause: &Cause, depth: usize, out: &mut String) {
    let mark = if cause.trouble { "!" } else { "-" };
    let _ = writeln!(
        out,
        "{:indent$}{mark} {}: {}",
        "",
        cause.subject,
        cause.text,
        indent = depth * 2
    );
    for because in &cause.because {
        show(because, depth + 1, out);
    }
}
