//! The script language: a conversation with a simulated grid, a line in, text out. The tests record it, and `smack sim`
//! opens the same prompt on a user's own stack.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use smack_model::{Isolation, Name, ServiceSpec, Span, TaskName, Timestamp, VdcId};

use super::server::Sim;
use crate::engine::{Command, RunRequest, Ttl, Verb};
use app::App;

mod acts;
mod app;
mod show;

/// Takes command lines and gives what they answer.
pub struct Interpreter {
    pub sim: Sim,
    vdc: VdcId,
    /// Of the one that lines speak of.
    stack: Stack,
    /// Of the others.
    others: BTreeMap<VdcId, Stack>,
    counted: (u64, u64),
}

/// What is written of one virtual data center.
#[derive(Default)]
struct Stack {
    specs: BTreeMap<Name, ServiceSpec>,
    /// How the applications that the script itself made were described.
    apps: BTreeMap<Name, App>,
    revision: u32,
    ran: BTreeMap<Name, ServiceSpec>,
}

/// How something is to end.
#[derive(Clone, Copy, Default)]
struct Ending {
    keep_volumes: bool,
    force: bool,
    at_once: bool,
}

/// What a line was refused for.
type Answer = Result<String, String>;

/// Nothing has moved for so long: what is still to come needs news.
const QUIET: Span = Span::seconds(90);
const LONGEST: Span = Span::minutes(60);

const COMMANDS: &str = "\
world:   node NAME [cpu=4] [mem=4096] [starting=CPU] [attribute=value …]   nodes N [cpu=…] [mem=…]
         lose NODE   back NODE   gone NODE
         kill TASK [SIGNAL]   exit TASK CODE   unready TASK   serve TASK   reboot
         slow APP[/TASK] SECONDS   never APP[/TASK]   fail APP[/TASK] [code=1] [after=1s] [times=N]   well APP[/TASK]
         refuse APP[/TASK] TIMES   stubborn APP[/TASK]   stranger PORT [gone]   lag TIME
         supply NAME fails|present|slow [TIME]   operation APP NAME [takes=5s] [fails=2]   says APP gate|health yes|no|true
stack:   vdc ZONE/NAME   app NAME [option …]   change APP [option …]   set APP KEY=VALUE   label APP KEY=VALUE   tasks APP N   drop APP
server:  crash [before|after N]   pause-server   wake-server   count
verbs:   run [partial] [ttl=2h]   wait SECONDS   plan [down]   stop|start|restart|replace|pause|resume [APP[/TASK]]
         operate OPERATION [APP]   unschedule APP   ttl TIME|never   force GATE APP   down [keep|force|soon|at-once]   status   why [APP[/TASK]]
         launched TASK   help";

impl Default for Interpreter {
    fn default() -> Self {
        let name = |text| Name::new(text).expect("a DNS label");
        Self::with_specs(
            VdcId {
                zone: name("sim"),
                name: name("stack"),
            },
            BTreeMap::new(),
        )
    }
}

impl Interpreter {
    /// A simulated grid without nodes, and a stack that `run` starts on it.
    pub fn with_specs(vdc: VdcId, specs: BTreeMap<Name, ServiceSpec>) -> Self {
        let sim = Sim::new(0);
        let stack = Stack {
            specs,
            ..Stack::default()
        };
        Self {
            sim,
            vdc,
            stack,
            others: BTreeMap::new(),
            counted: (0, 0),
        }
    }

    /// Brings up another virtual data center, which the one that lines speak of may use.
    pub fn beside(&mut self, vdc: VdcId, specs: BTreeMap<Name, ServiceSpec>) -> String {
        let own = self.vdc.to_string();
        let stack = Stack {
            specs,
            ..Stack::default()
        };
        let id = vdc.to_string();
        self.others.insert(vdc, stack);
        ["vdc", "run", "vdc"]
            .iter()
            .zip([id.as_str(), "", own.as_str()])
            .map(|(command, id)| self.line(&format!("{command} {id}")))
            .collect()
    }

    /// Answers one command line; every answer ends with a line end unless it is empty.
    pub fn line(&mut self, line: &str) -> String {
        let words: Vec<&str> = line.split_whitespace().collect();
        let Some((command, arguments)) = words.split_first() else {
            return String::new();
        };
        if command.starts_with('#') {
            return String::new();
        }
        let before = self.sim.now;
        let answer = self.command(command, arguments);
        let mut out = self.notes();
        match answer {
            Ok(text) => out.push_str(&text),
            Err(text) => {
                let _ = writeln!(out, "error: {text}");
            }
        }
        if matches!(*command, "run" | "down")
            && (!out.is_empty() || before == self.sim.now)
            && !out.starts_with("error")
        {
            out.push_str(&self.outcome(out.is_empty()));
        }
        out
    }

    fn command(&mut self, command: &str, arguments: &[&str]) -> Answer {
        match (command, arguments) {
            ("node", [name, options @ ..]) => self.node(name, options),
            ("nodes", [count, options @ ..]) => self.nodes(count, options),
            ("lose", [node]) => self.lose(node),
            ("back", [node]) => self.back(node),
            ("gone", [node]) => self.gone(node),
            ("app", [name, options @ ..]) => self.app(name, options, false),
            ("change", [name, options @ ..]) => self.app(name, options, true),
            ("tasks", [name, count]) => self.app(name, &[&format!("tasks={count}")], true),
            ("set", [name, pair]) => self.set(name, pair),
            ("label", [name, pair]) => self.label(name, pair),
            ("drop", [name]) => self.drop_app(name),
            ("run", options) => self.run(options),
            ("wait", [time]) => self.wait(time),
            ("kill", [task]) => self.kill(task, "9"),
            ("kill", [task, signal]) => self.kill(task, signal),
            ("exit", [task, code]) => self.exit(task, code),
            ("unready", [task]) => self.serve(task, false),
            ("serve", [task]) => self.serve(task, true),
            ("reboot", []) => self.reboot(),
            ("slow" | "never" | "fail" | "well" | "refuse" | "stubborn", [whom, options @ ..]) => {
                self.behave(command, whom, options)
            }
            ("stranger", [port]) => self.stranger(port, true),
            ("stranger", [port, "gone"]) => self.stranger(port, false),
            ("lag", [time]) => self.lag(time),
            ("supply", [name, rest @ ..]) => self.supply(name, rest),
            ("operation", [app, name, options @ ..]) => self.operation(app, name, options),
            ("says", [app, what, verdict]) => self.says(app, what, verdict),
            ("stop", rest) => self.verb(Verb::Stop, rest),
            ("start", rest) => self.verb(Verb::Start, rest),
            ("restart", rest) => self.verb(Verb::Restart, rest),
            ("unschedule", [app]) => self.unschedule(app),
            ("replace", rest) => self.verb(Verb::Replace, rest),
            ("pause", rest) => self.verb(Verb::Pause, rest),
            ("resume", rest) => self.verb(Verb::Resume, rest),
            ("operate", [name, rest @ ..]) => self.verb(
                Verb::Operate {
                    operation: name.replace('_', " "),
                },
                rest,
            ),
            ("ttl", [time]) => self.live(time),
            ("launched", [task]) => self.launched(task),
            ("force", [gate, rest @ ..]) => self.verb(
                Verb::Force {
                    gate: (*gate).to_owned(),
                },
                rest,
            ),
            ("down", ["soon"]) => self.down_soon(Ending::default()).map(|()| String::new()),
            ("vdc", [id]) => self.speak_of(id),
            ("down", []) => self.down(Ending::default()),
            ("down", ["keep"]) => self.down(Ending {
                keep_volumes: true,
                ..Ending::default()
            }),
            ("down", ["force"]) => self.down(Ending {
                force: true,
                ..Ending::default()
            }),
            ("down", ["at-once"]) => self.down(Ending {
                keep_volumes: true,
                at_once: true,
                ..Ending::default()
            }),
            ("crash", rest) => self.crash(rest),
            ("pause-server", []) => self.pause_server(),
            ("wake-server", []) => self.wake_server(),
            ("count", []) => Ok(self.count()),
            ("status", []) => Ok(self.status()),
            ("why", []) => self.why(None),
            ("why", [whom]) => self.why(Some(whom)),
            ("plan", []) => Ok(self.plan()),
            ("plan", ["down"]) => self.plan_down(),
            ("help", []) => Ok(format!("{COMMANDS}\n")),
            _ => Err(format!(
                "`{command}` with {} arguments is not known:\n{COMMANDS}",
                arguments.len()
            )),
        }
    }

    /// What follows is about another virtual data center.
    fn speak_of(&mut self, id: &str) -> Answer {
        let id = VdcId::parse(id).ok_or_else(|| format!("{id:?} is not zone/name"))?;
        let stack = self.others.remove(&id).unwrap_or_default();
        if id == self.vdc {
            return Ok(String::new());
        }
        self.sim.world.zone = Some(id.zone.clone());
        let before = std::mem::replace(&mut self.stack, stack);
        let before_id = std::mem::replace(&mut self.vdc, id);
        self.others.insert(before_id, before);
        Ok(String::new())
    }

    fn run(&mut self, options: &[&str]) -> Answer {
        let (mut partial, mut ttl) = (false, None);
        for option in options {
            match option.split_once('=') {
                None if *option == "partial" => partial = true,
                Some(("ttl", value)) => ttl = Some(lifetime(value)?),
                _ => return Err(format!("{option:?} is none of partial, ttl=2h")),
            }
        }
        if self.stack.specs != self.stack.ran || self.stack.revision == 0 {
            self.stack.revision += 1;
        }
        let request = RunRequest {
            vdc: self.vdc.clone(),
            shown: self.vdc.name.to_string(),
            stack: self.vdc.name.to_string(),
            revision: self.stack.revision,
            systems: self.stack.specs.clone(),
            isolation: Isolation::Open,
            partial,
            ttl,
        };
        // The grid speaks first: what it has said already counts.
        self.catch_up();
        self.take(Command::Run(Box::new(request)))?;
        self.stack.ran = self.stack.specs.clone();
        self.settle(LONGEST);
        Ok(String::new())
    }

    fn down(&mut self, ending: Ending) -> Answer {
        self.down_soon(ending)?;
        self.settle(LONGEST);
        Ok(String::new())
    }

    /// Asks for it and waits for nothing.
    fn down_soon(&mut self, ending: Ending) -> Result<(), String> {
        self.catch_up();
        self.take(Command::Down {
            vdc: self.vdc.clone(),
            keep_volumes: ending.keep_volumes,
            force: ending.force,
            at_once: ending.at_once,
        })?;
        self.stack.ran.clear();
        Ok(())
    }

    fn verb(&mut self, verb: Verb, whom: &[&str]) -> Answer {
        let (application, task) = match whom {
            [] => (None, None),
            [whom] => {
                let (application, task) = self.whom(whom)?;
                (Some(application), task)
            }
            _ => return Err("one application or task at a time".to_owned()),
        };
        self.catch_up();
        self.take(Command::Verb {
            vdc: self.vdc.clone(),
            application,
            task,
            verb,
        })?;
        Ok(String::new())
    }

    fn live(&mut self, time: &str) -> Answer {
        self.catch_up();
        self.take(Command::Live {
            vdc: self.vdc.clone(),
            ttl: lifetime(time)?,
        })?;
        Ok(String::new())
    }

    fn unschedule(&mut self, application: &str) -> Answer {
        self.catch_up();
        self.take(Command::Unschedule {
            vdc: self.vdc.clone(),
            application: Name::new(application).map_err(|error| error.to_string())?,
        })?;
        Ok(String::new())
    }

    fn take(&mut self, command: Command) -> Result<(), String> {
        match self.sim.command(command) {
            None => Err("no server runs".to_owned()),
            Some(Err(refused)) => Err(refused.to_string()),
            Some(Ok(())) => {
                self.sim.decide();
                Ok(())
            }
        }
    }

    /// Lets what is due this very moment happen.
    fn catch_up(&mut self) {
        let until = self.sim.now + Span(20);
        while self.sim.step(until).is_some() {}
    }

    /// Goes on until everything is as asked, or nothing moves any more.
    fn settle(&mut self, longest: Span) {
        let end = self.sim.now + longest;
        let mut moved_at = self.sim.now;
        while self.sim.now < end && self.sim.now.since(moved_at) < QUIET {
            let until = end.min(moved_at + QUIET);
            let Some(step) = self.sim.step(until) else {
                break;
            };
            if step.moved || self.sim.world.is_moving() {
                moved_at = self.sim.now;
            }
            if !self.sim.world.is_moving() && self.is_settled() {
                break;
            }
        }
    }

    fn is_settled(&self) -> bool {
        let Some(engine) = self.sim.engine() else {
            return true;
        };
        let view = engine.view();
        let soon = self.sim.now + Span(1);
        engine.wake_at().is_none_or(|at| at > soon)
            && view.vdcs.values().all(|vdc| vdc.is_converged())
    }

    fn wait(&mut self, time: &str) -> Answer {
        let until = self.sim.now + span(time)?;
        while self.sim.step(until).is_some() {}
        Ok(String::new())
    }

    /// Where the application or task of `app`, `app/task` or a task's own name is.
    fn whom(&self, text: &str) -> Result<(Name, Option<TaskName>), String> {
        let name = |text: &str| Name::new(text).map_err(|error| error.to_string());
        if let Some((application, task)) = text.split_once('/') {
            return Ok((name(application)?, Some(name(task)?)));
        }
        let known = name(text)?;
        if self.stack.specs.contains_key(&known) {
            return Ok((known, None));
        }
        let having = |spec: &ServiceSpec| spec.tasks.contains_key(&known);
        let found = self
            .stack
            .specs
            .iter()
            .chain(&self.stack.ran)
            .find(|(_, spec)| having(spec));
        let found = found.map(|(application, _)| (application.clone(), Some(known.clone())));
        found.ok_or_else(|| format!("{text} is neither an application nor a task of one"))
    }

    fn task(&self, text: &str) -> Result<(Name, TaskName), String> {
        let (application, task) = self.whom(text)?;
        task.map(|task| (application, task))
            .ok_or_else(|| format!("{text} is an application: name one of its tasks"))
    }

    fn count(&mut self) -> String {
        let (decisions, commits) = (self.sim.decisions, self.sim.commits);
        let since = (decisions - self.counted.0, commits - self.counted.1);
        self.counted = (decisions, commits);
        format!(
            "{} decisions, {} commits since the last count\n",
            since.0, since.1
        )
    }
}

/// The service that the options of `app` describe.
pub fn service(application: &Name, options: &[&str]) -> Result<ServiceSpec, String> {
    let mut app = App::default();
    for option in options {
        app.option(option)?;
    }
    Ok(app.spec(application))
}

/// `10`, `10s`, `250ms`, `5m`, `2h`.
fn span(text: &str) -> Result<Span, String> {
    let (digits, unit) = text.split_at(
        text.find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len()),
    );
    let wrong = || format!("{text:?} is no time: write 10s, 250ms, 5m or 2h");
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    match unit {
        "" | "s" => Ok(Span::seconds(number)),
        "ms" => Ok(Span(number)),
        "m" => Ok(Span::minutes(number)),
        "h" => Ok(Span::minutes(number.saturating_mul(60))),
        _ => Err(wrong()),
    }
}

/// `2h`, `never`.
fn lifetime(text: &str) -> Result<Ttl, String> {
    Ok(match text {
        "never" => Ttl::Never,
        _ => Ttl::For(span(text)?),
    })
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("{text:?} is no number that fits here"))
}

/// The moment as seconds since the script began.
fn clock(at: Timestamp) -> String {
    format!("{}.{:02}", at.0 / 1000, at.0 % 1000 / 10)
}
