//! Commands that change the world, the stack or the server.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use smack_model::{End, Launch, Name, NodeId, Resources, Span};

use super::app::{App, millis};
use super::{Answer, Interpreter, number, span};
use crate::sim::{Behaviour, Crash, Fault, OperationPlan, SupplyPlan};

impl Interpreter {
    pub(super) fn node(&mut self, name: &str, options: &[&str]) -> Answer {
        let mut capacity = Resources {
            cpu_millis: 4000,
            memory_mib: 4096,
        };
        let mut attributes = BTreeMap::new();
        let mut starting = None;
        for option in options {
            let (key, value) = option
                .split_once('=')
                .ok_or_else(|| format!("{option:?} is not key=value"))?;
            match key {
                "cpu" => capacity.cpu_millis = millis(value)?,
                "starting" => starting = Some(millis(value)?),
                "mem" => capacity.memory_mib = number(value)?,
                _ => {
                    attributes.insert(key.to_owned(), value.to_owned());
                }
            }
        }
        let name = label(name)?;
        self.sim
            .world
            .set_node(name, capacity, attributes, starting);
        self.catch_up();
        Ok(String::new())
    }

    /// `a`, `b`, `c` …
    pub(super) fn nodes(&mut self, count: &str, options: &[&str]) -> Answer {
        let count: u32 = number(count)?;
        for index in 0..count {
            let letter = char::from(b'a' + u8::try_from(index % 26).unwrap_or(0));
            let round = index / 26;
            let name = if round == 0 {
                letter.to_string()
            } else {
                format!("{letter}{round}")
            };
            self.node(&name, options)?;
        }
        Ok(String::new())
    }

    pub(super) fn lose(&mut self, node: &str) -> Answer {
        let node: NodeId = label(node)?;
        if self.sim.world.lose(&node) {
            Ok(String::new())
        } else {
            Err(format!("{node} is not there"))
        }
    }

    pub(super) fn back(&mut self, node: &str) -> Answer {
        let node: NodeId = label(node)?;
        if self.sim.world.bring_back(&node) {
            Ok(String::new())
        } else {
            Err(format!("{node} was not lost"))
        }
    }

    pub(super) fn gone(&mut self, node: &str) -> Answer {
        let node: NodeId = label(node)?;
        if self.sim.world.remove(&node) {
            Ok(String::new())
        } else {
            Err(format!("{node} is not there"))
        }
    }

    pub(super) fn app(&mut self, name: &str, options: &[&str], change: bool) -> Answer {
        let name = label(name)?;
        let mut app = match (change, self.stack.apps.get(&name)) {
            (true, None) => return Err(format!("{name} was not made by `app`")),
            (true, Some(app)) => app.clone(),
            (false, _) => App::default(),
        };
        for option in options {
            app.option(option)?;
        }
        self.put(name, app);
        Ok(String::new())
    }

    fn put(&mut self, name: Name, app: App) {
        let mut app = app;
        app.zone = Some(self.vdc.zone.clone());
        if app.roll_last {
            self.sim.world.led.insert(name.clone());
        }
        self.stack.specs.insert(name.clone(), app.spec(&name));
        self.stack.apps.insert(name, app);
    }

    /// A changed environment variable: a changed launch.
    pub(super) fn set(&mut self, name: &str, pair: &str) -> Answer {
        let (name, key, value) = (label(name)?, pair.split_once('='), pair);
        let (key, value) = key.ok_or_else(|| format!("{value:?} is not key=value"))?;
        if let Some(mut app) = self.stack.apps.get(&name).cloned() {
            app.env.insert(key.to_owned(), value.to_owned());
            self.put(name, app);
            return Ok(String::new());
        }
        let spec = self
            .stack
            .specs
            .get_mut(&name)
            .ok_or_else(|| format!("there is no application {name}"))?;
        for task in spec.tasks.values_mut() {
            let task = Arc::make_mut(task);
            let mut launch = Launch::clone(&task.launch);
            launch.env.insert(key.to_owned(), value.into());
            task.launch = Arc::new(launch);
        }
        Ok(String::new())
    }

    pub(super) fn label(&mut self, name: &str, pair: &str) -> Answer {
        let name = label(name)?;
        let (key, value) = pair
            .split_once('=')
            .ok_or_else(|| format!("{pair:?} is not key=value"))?;
        if let Some(app) = self.stack.apps.get_mut(&name) {
            app.labels.insert(key.to_owned(), value.to_owned());
        }
        let spec = self
            .stack
            .specs
            .get_mut(&name)
            .ok_or_else(|| format!("there is no application {name}"))?;
        spec.labels.insert(key.to_owned(), value.to_owned());
        Ok(String::new())
    }

    pub(super) fn drop_app(&mut self, name: &str) -> Answer {
        let name = label(name)?;
        self.stack.apps.remove(&name);
        match self.stack.specs.remove(&name) {
            Some(_) => Ok(String::new()),
            None => Err(format!("there is no application {name}")),
        }
    }

    pub(super) fn kill(&mut self, task: &str, signal: &str) -> Answer {
        let signal = number(signal)?;
        self.end(task, End::Signal(signal))
    }

    pub(super) fn exit(&mut self, task: &str, code: &str) -> Answer {
        let code = number(code)?;
        self.end(task, End::Exit(code))
    }

    fn end(&mut self, text: &str, end: End) -> Answer {
        let (application, task) = self.task(text)?;
        if self.sim.world.end(&application, &task, end) {
            Ok(String::new())
        } else {
            Err(format!("no process of {text} is alive"))
        }
    }

    pub(super) fn serve(&mut self, text: &str, serves: bool) -> Answer {
        let (application, task) = self.task(text)?;
        if self.sim.world.set_serving(&application, &task, serves) {
            Ok(String::new())
        } else {
            Err(format!("no process of {text} is alive"))
        }
    }

    pub(super) fn behave(&mut self, how: &str, whom: &str, options: &[&str]) -> Answer {
        let key = self.whom(whom)?;
        let general = self
            .sim
            .world
            .behaviours
            .get(&(key.0.clone(), None))
            .cloned();
        let behaviour = self
            .sim
            .world
            .behaviours
            .entry(key)
            .or_insert_with(|| general.unwrap_or_default());
        match (how, options) {
            ("slow", [time]) => behaviour.ready = Some(span(time)?),
            ("never", []) => behaviour.ready = None,
            ("well", []) => *behaviour = Behaviour::default(),
            ("stubborn", []) => behaviour.ignores_stop = true,
            ("refuse", [times]) => behaviour.refuses = number(times)?,
            ("fail", options) => {
                let (mut code, mut after, mut times) = (1, Span::seconds(1), None);
                for option in options {
                    match option.split_once('=') {
                        Some(("code", value)) => code = number(value)?,
                        Some(("after", value)) => after = span(value)?,
                        Some(("times", value)) => times = Some(number(value)?),
                        _ => {
                            return Err(format!("{option:?} is none of code=1, after=1s, times=3"));
                        }
                    }
                }
                behaviour.exits = Some((after, End::Exit(code), times));
            }
            _ => return Err(format!("`{how}` does not go like this; see `help`")),
        }
        Ok(String::new())
    }

    pub(super) fn stranger(&mut self, port: &str, comes: bool) -> Answer {
        let port = number(port)?;
        if comes {
            self.sim.world.strangers.insert(port);
        } else {
            self.sim.world.strangers.remove(&port);
        }
        Ok(String::new())
    }

    pub(super) fn lag(&mut self, time: &str) -> Answer {
        self.sim.world.faults.late = span(time)?;
        Ok(String::new())
    }

    pub(super) fn supply(&mut self, name: &str, rest: &[&str]) -> Answer {
        let plan = match rest {
            ["fails"] => SupplyPlan::Fails,
            ["present"] => SupplyPlan::After(Span(0)),
            ["slow"] => SupplyPlan::After(Span::seconds(10)),
            ["slow", time] => SupplyPlan::After(span(time)?),
            _ => return Err("a supply fails, is present, or slow".to_owned()),
        };
        self.sim.world.plan_supply(name, plan);
        Ok(String::new())
    }

    pub(super) fn operation(&mut self, app: &str, name: &str, options: &[&str]) -> Answer {
        let mut plan = OperationPlan::default();
        for option in options {
            match option.split_once('=') {
                Some(("takes", value)) => plan.takes = span(value)?,
                Some(("fails", value)) => plan.fails = number(value)?,
                _ => return Err(format!("{option:?} is none of takes=5s, fails=2")),
            }
        }
        // Two words in one: an operation is called `drain kafka-3`.
        let name = name.replace('_', " ");
        self.sim
            .world
            .operation_plans
            .insert((label(app)?, name), plan);
        Ok(String::new())
    }

    pub(super) fn says(&mut self, app: &str, what: &str, verdict: &str) -> Answer {
        let what = match what {
            "gate" => "gate",
            "health" => "health",
            _ => return Err(format!("{what:?} is neither gate nor health")),
        };
        let key = (label(app)?, what);
        match verdict {
            "yes" => drop(self.sim.world.verdicts.insert(key, true)),
            "no" => drop(self.sim.world.verdicts.insert(key, false)),
            "true" => drop(self.sim.world.verdicts.remove(&key)),
            _ => return Err("the product says yes, no, or what is true".to_owned()),
        }
        Ok(String::new())
    }

    pub(super) fn reboot(&mut self) -> Answer {
        self.sim.crash();
        self.sim.world.reboot();
        self.sim.start_server();
        Ok(format!("a server of epoch {} starts\n", self.epoch()))
    }

    pub(super) fn crash(&mut self, rest: &[&str]) -> Answer {
        let (crash, nth) = match rest {
            [] => {
                self.sim.crash();
                self.sim.start_server();
                return Ok(format!("a server of epoch {} starts\n", self.epoch()));
            }
            ["before", nth] => (Crash::BeforeCommit, nth),
            ["after", nth] => (Crash::AfterActions(0), nth),
            _ => {
                return Err(
                    "crash now, or `before N` or `after N`: the Nth transaction from now"
                        .to_owned(),
                );
            }
        };
        self.plan_fault(number(nth)?, crash);
        Ok(String::new())
    }

    fn plan_fault(&mut self, nth: usize, crash: Crash) {
        let nth = nth.max(1);
        self.sim.planned.clear();
        self.sim.planned.resize(nth - 1, Fault::default());
        self.sim.planned.push_back(Fault {
            crash: Some(crash),
            ..Fault::default()
        });
    }

    /// The server falls asleep after its next transaction, with the actions in hand.
    pub(super) fn pause_server(&mut self) -> Answer {
        if self.sim.has_sleeper() {
            return Err("one server sleeps already".to_owned());
        }
        self.plan_fault(1, Crash::Asleep);
        Ok(String::new())
    }

    pub(super) fn wake_server(&mut self) -> Answer {
        let (actions, fenced) = self.sim.wake_server().ok_or("no server sleeps")?;
        let fence = if fenced {
            ", and the store fences it off"
        } else {
            ""
        };
        let mut told = format!("the old server wakes and sends {actions} late actions{fence}\n");
        self.sim.world.late.clear();
        self.catch_up();
        for (id, refusal) in &self.sim.world.late {
            let (application, task) = (&id.system.application, &id.name);
            let _ = writeln!(
                told,
                "the node refuses {application}/{task}#{}: {refusal}",
                id.attempt
            );
        }
        Ok(told)
    }

    fn epoch(&self) -> u64 {
        self.sim.engine().map_or(0, |engine| engine.epoch().0)
    }
}

fn label(text: &str) -> Result<Name, String> {
    Name::new(text).map_err(|error| error.to_string())
}
