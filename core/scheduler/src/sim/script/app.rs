//! `app NAME option …`: a service as a script describes it, in a line.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use smack_model::{
    ApplicationPath, Calendar, Check, Constraint, Launch, Minimum, Name, Operation, OperationSpec,
    Pace, Part, Phase, Piece, PortSpec, PortWish, Probe, Requirement, Resources, Retry, Schedule,
    ServiceSpec, Span, StopOrder, StopSpec, Strategy, TaskGoal, TaskName, TaskSpec, Template,
    Tolerance, Until, VolumeSpec, When,
};

use super::{number, span};

/// What the options of one `app` say so far; later ones count more.
#[derive(Debug, Clone)]
pub(super) struct App {
    tasks: u32,
    needs: Resources,
    requires: Vec<Requirement>,
    reads: Vec<(ApplicationPath, String)>,
    /// How many of the tasks each phase takes; the rest goes into the last.
    phases: Vec<u32>,
    after: Until,
    strategy: Strategy,
    goal: TaskGoal,
    check: bool,
    probe: bool,
    volume: bool,
    drain: bool,
    budget: u32,
    pub(super) roll_last: bool,
    operations: Vec<(String, u32)>,
    /// Done when asked for, or every so often.
    occasions: Vec<(String, When)>,
    /// The one of them that is done after a task was replaced, too.
    after_replacing: Option<String>,
    seeds: Option<u32>,
    /// The layer that the system spans, and the zone of this part.
    scope: Option<Name>,
    pub(super) zone: Option<Name>,
    replacing: bool,
    minimum: u32,
    together: bool,
    left_alone: Option<Span>,
    retry: Retry,
    ready_within: Span,
    unready_within: Option<Span>,
    grace: Span,
    port: PortWish,
    constraints: Vec<Constraint>,
    artifacts: Vec<String>,
    pub(super) env: BTreeMap<String, String>,
    pub(super) labels: BTreeMap<String, String>,
    /// Blanks are written as `_`.
    schedule: Option<Schedule>,
}

impl Default for App {
    fn default() -> Self {
        Self {
            tasks: 1,
            needs: Resources {
                cpu_millis: 100,
                memory_mib: 256,
            },
            requires: Vec::new(),
            reads: Vec::new(),
            phases: Vec::new(),
            after: Until::Ready,
            strategy: Strategy::Parallel,
            goal: TaskGoal::Running,
            check: false,
            probe: true,
            volume: false,
            drain: false,
            budget: 1,
            roll_last: false,
            operations: Vec::new(),
            occasions: Vec::new(),
            after_replacing: None,
            seeds: None,
            scope: None,
            zone: None,
            replacing: false,
            minimum: 0,
            together: false,
            left_alone: None,
            retry: Retry::default(),
            ready_within: Span::minutes(2),
            unready_within: None,
            grace: Span::seconds(30),
            port: PortWish::Any,
            constraints: Vec::new(),
            artifacts: Vec::new(),
            env: BTreeMap::new(),
            labels: BTreeMap::new(),
            schedule: None,
        }
    }
}

const OPTIONS: &str = "\
tasks=3 cpu=0.5 mem=512 needs=other[:placed],… reads=other.addresses serial founding phases=1,2 placed job once check noprobe volume
drain budget=2 roll-last ops=events[:partitions],… asked=tidy,… every=repair:24h,… after-replacing=repair seeds=2 replacing scope=LAYER minimum=2 together left-alone=5s delay=1s max-delay=1m max-tries=3 stable=5m
schedule=@every_30s zone=Europe/Berlin start=0_30_12_*_*_* replaces deadline=5m tolerate=CODE:WINDOW:DELAY ready-within=2m unready-within=20s grace=30s port=9092 env=TEXT constraint=hostname=unique supply=NAME";

impl App {
    /// Takes one option in: `tasks=3`, `serial`.
    pub(super) fn option(&mut self, option: &str) -> Result<(), String> {
        match option.split_once('=') {
            Some((key, value)) => self.pair(key, value)?,
            None => self.flag(option)?,
        }
        self.check_operations()
    }

    /// Operations are known by their names.
    fn check_operations(&self) -> Result<(), String> {
        let wanted = self.operations.iter().map(|(name, _)| name);
        let mut known = BTreeSet::new();
        for name in wanted.chain(self.occasions.iter().map(|(name, _)| name)) {
            if name.is_empty() {
                return Err("an operation without a name".to_owned());
            }
            if !known.insert(name) {
                return Err(format!("operation {name} twice"));
            }
        }
        Ok(())
    }

    fn flag(&mut self, flag: &str) -> Result<(), String> {
        match flag {
            "serial" => self.strategy = Strategy::Serial,
            "founding" => self.strategy = Strategy::Founding,
            "placed" => self.after = Until::Placed,
            "job" => self.goal = TaskGoal::Finish,
            "once" => self.goal = TaskGoal::Once,
            "check" => self.check = true,
            "noprobe" => self.probe = false,
            "volume" => self.volume = true,
            "drain" => self.drain = true,
            "roll-last" => self.roll_last = true,
            "together" => self.together = true,
            "replacing" => self.replacing = true,
            "replaces" => self.schedule()?.replaces = true,
            _ => return Err(format!("{flag:?} is no option:\n{OPTIONS}")),
        }
        Ok(())
    }

    fn pair(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "tasks" => self.tasks = number(value)?,
            "cpu" => self.needs.cpu_millis = millis(value)?,
            "mem" => self.needs.memory_mib = number(value)?,
            "needs" => {
                self.requires = value
                    .split(',')
                    .map(requirement)
                    .collect::<Result<_, _>>()?
            }
            "reads" => self.reads = value.split(',').map(export).collect::<Result<_, _>>()?,
            "phases" => self.phases = value.split(',').map(number).collect::<Result<_, _>>()?,
            "budget" => self.budget = number(value)?,
            "ops" => self.operations = value.split(',').map(operation).collect::<Result<_, _>>()?,
            "asked" => {
                self.occasions.retain(|(_, when)| *when != When::Asked);
                let asked = value.split(',').filter(|name| !name.is_empty());
                self.occasions
                    .extend(asked.map(|name| (name.to_owned(), When::Asked)));
            }
            "every" => {
                self.occasions.retain(|(_, when)| *when == When::Asked);
                for part in value.split(',').filter(|part| !part.is_empty()) {
                    let (name, period) = part
                        .split_once(':')
                        .ok_or_else(|| format!("{part:?} is not NAME:TIME"))?;
                    let when = When::Every(span(period)?);
                    self.occasions.push((name.to_owned(), when));
                }
            }
            "after-replacing" => self.after_replacing = Some(value.to_owned()),
            "seeds" => self.seeds = Some(number(value)?),
            "scope" => self.scope = Some(Name::new(value).map_err(|error| error.to_string())?),
            "minimum" => self.minimum = number(value)?,
            "delay" => self.retry.delay = span(value)?,
            "max-delay" => self.retry.max_delay = span(value)?,
            "max-tries" => self.retry.max_tries = number(value)?,
            "stable" => self.retry.stable = span(value)?,
            "tolerate" => self.retry.tolerate = Some(tolerance(value)?),
            "ready-within" => self.ready_within = span(value)?,
            "unready-within" => self.unready_within = Some(span(value)?),
            "grace" => self.grace = span(value)?,
            "left-alone" => self.left_alone = Some(span(value)?),
            "schedule" if value.is_empty() => self.schedule = None,
            "schedule" => {
                let calendar = calendar(value)?;
                self.schedule = Some(Schedule {
                    calendar,
                    start: None,
                    zone: "UTC".parse()?,
                    replaces: false,
                    deadline: Span::minutes(5),
                });
            }
            "start" => self.schedule()?.start = Some(calendar(value)?),
            "zone" => self.schedule()?.zone = value.parse()?,
            "deadline" => self.schedule()?.deadline = span(value)?,
            "env" => drop(self.env.insert("value".to_owned(), value.to_owned())),
            "port" => self.port = PortWish::Fixed(number(value)?),
            "roll-last" => self.roll_last = true,
            "supply" => self.artifacts = value.split(',').map(str::to_owned).collect(),
            "constraint" => {
                self.constraints =
                    Constraint::from_text(value).map_err(|error| error.to_string())?;
            }
            _ => return Err(format!("{key:?} is no option:\n{OPTIONS}")),
        }
        Ok(())
    }

    fn schedule(&mut self) -> Result<&mut Schedule, String> {
        let missing = || "there is no schedule".to_owned();
        self.schedule.as_mut().ok_or_else(missing)
    }

    /// The service that the options describe.
    pub(super) fn spec(&self, application: &Name) -> ServiceSpec {
        let names: Vec<TaskName> = (0..self.tasks)
            .filter_map(|index| Name::new(&format!("{application}-{index}")).ok())
            .collect();
        let members = names.iter().zip(0_u32..);
        let drains = if self.drain {
            members
                .clone()
                .map(|(name, broker)| (name.clone(), Operation::KafkaLeave { broker }))
                .collect()
        } else {
            BTreeMap::new()
        };
        let task = |(name, member): (&TaskName, u32)| {
            (name.clone(), Arc::new(self.task(application, member)))
        };
        ServiceSpec {
            kind: "script".to_owned(),
            tasks: members.map(task).collect(),
            phases: self.phases(&names),
            requires: self.requires.clone(),
            budget: self.budget,
            roll_last: self.roll_last.then(|| "leader".to_owned()),
            check: self.check.then(|| Check::ZooKeeper { port: main_port() }),
            operations: self
                .operations
                .iter()
                .map(|(topic, partitions)| wanted(topic, *partitions))
                .chain(
                    self.occasions
                        .iter()
                        .map(|(name, when)| self.occasion(name, *when, &names)),
                )
                .collect(),
            drains,
            minimum: Minimum {
                tasks: self.minimum,
                reason: "fewer hold no quorum".to_owned(),
            },
            stop_order: if self.together {
                StopOrder::Together
            } else {
                StopOrder::PhasesReversed
            },
            exports: BTreeMap::from([("addresses".to_owned(), addresses(&names))]),
            labels: self.labels.clone(),
            schedule: self.schedule.clone().map(Box::new),
            part: self.part(&names),
        }
    }

    fn occasion(&self, name: &str, when: When, tasks: &[TaskName]) -> OperationSpec {
        let operation = Operation::Exec {
            tasks: tasks.to_vec(),
            command: vec![name.to_owned()],
            within: Span::minutes(60),
        };
        OperationSpec {
            name: name.to_owned(),
            operation,
            when,
            after_replacing: self.after_replacing.as_deref() == Some(name),
        }
    }

    /// Of a system that spans more than a zone: what is asked of a part that comes, and of one that goes.
    fn part(&self, names: &[TaskName]) -> Option<Part> {
        let place = self.zone.as_ref().map_or_else(String::new, Name::to_string);
        let asked = |name: &str, operation| OperationSpec {
            name: name.to_owned(),
            operation,
            when: When::Always,
            after_replacing: false,
        };
        let rebuild = Operation::CassandraRebuild {
            tasks: names.to_vec(),
            source: None,
        };
        let forget = Operation::CassandraWithdraw {
            data_center: place.clone(),
        };
        let withdraw = Operation::CassandraWithdraw {
            data_center: place.clone(),
        };
        Some(Part {
            scope: self.scope.clone()?,
            place,
            agreed: BTreeMap::new(),
            between: BTreeSet::from([main_port()]),
            joining: Some(asked("rebuild", rebuild)),
            leaving: vec![asked("withdraw", withdraw)],
            left: Some(asked("forget", forget)),
        })
    }

    fn phases(&self, names: &[TaskName]) -> Vec<Phase> {
        let mut rest = names;
        let mut phases = Vec::new();
        for (index, size) in self.phases.iter().chain(&[u32::MAX]).enumerate() {
            let size = usize::try_from(*size).unwrap_or(usize::MAX).min(rest.len());
            let (tasks, after) = rest.split_at(size);
            rest = after;
            if !tasks.is_empty() {
                let (strategy, tasks) = (self.strategy, tasks.to_vec());
                phases.push(Phase {
                    name: format!("phase-{}", index + 1),
                    tasks,
                    strategy,
                    after: self.after,
                });
            }
        }
        phases
    }

    fn task(&self, application: &Name, member: u32) -> TaskSpec {
        let mut env: BTreeMap<String, Template> = self
            .env
            .iter()
            .map(|(key, value)| (key.clone(), value.as_str().into()))
            .collect();
        for (application, export) in &self.reads {
            let hole = Piece::Export(application.clone(), export.clone());
            env.insert(format!("{application}.{export}"), hole.into());
        }
        let mut command: Vec<Template> = vec![application.to_string().into()];
        if let Some(count) = self.seeds {
            command.push(Template::new().text("seeds=").piece(Piece::Seeds(count)));
        }
        for (application, export) in self.reads.iter().filter(|(of, _)| of.vdc.is_some()) {
            let hole = Piece::Export(application.clone(), export.clone());
            command.push(Template::new().text(format!("{export}=")).piece(hole));
        }
        if self.replacing {
            let text = Template::new().text("replace=").piece(Piece::Address(None));
            command.push(Piece::Replacing(text).into());
        }
        if self.scope.is_some() {
            command.push(Piece::Joining("without-data".into()).into());
        }
        let launch = Launch {
            command,
            env,
            artifacts: self.artifacts.clone(),
            ..Launch::default()
        };
        let is_server = self.goal == TaskGoal::Running;
        TaskSpec {
            goal: self.goal,
            launch: Arc::new(launch),
            needs: self.needs,
            ports: vec![PortSpec {
                name: main_port(),
                wish: self.port,
            }],
            volumes: if self.volume {
                vec![VolumeSpec { name: main_port() }]
            } else {
                Vec::new()
            },
            constraints: self.constraints.clone(),
            probe: (self.probe && is_server).then(|| Probe::Tcp { port: main_port() }),
            pace: Pace {
                unready_within: self.unready_within,
                ..Pace::default()
            },
            ready_within: self.ready_within,
            stop: StopSpec {
                signal: 15,
                grace: self.grace,
                left_alone: self.left_alone,
            },
            retry: self.retry.clone(),
            member: self.volume.then_some(member),
            exposed: BTreeSet::new(),
        }
    }
}

fn calendar(text: &str) -> Result<Calendar, String> {
    text.replace('_', " ").parse()
}

fn main_port() -> Name {
    Name::new("main").expect("a DNS label")
}

/// `address:port` of every task, separated by commas.
fn addresses(names: &[TaskName]) -> Template {
    let mut template = Template::new();
    for (index, name) in names.iter().enumerate() {
        let comma = if index > 0 { "," } else { "" };
        let address = Piece::Address(Some(name.clone()));
        let port = Piece::Port(Some(name.clone()), main_port());
        template = template.text(comma).piece(address).text(":").piece(port);
    }
    template
}

fn wanted(topic: &str, partitions: u32) -> OperationSpec {
    let operation = Operation::KafkaTopic {
        topic: topic.to_owned(),
        partitions,
        replication: 3,
        config: BTreeMap::new(),
    };
    OperationSpec {
        name: topic.to_owned(),
        operation,
        when: When::Always,
        after_replacing: false,
    }
}

pub(super) fn millis(text: &str) -> Result<u32, String> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let part = format!("{part:0<3}");
    let whole: u32 = number(whole)?;
    Ok(whole
        .saturating_mul(1000)
        .saturating_add(number(part.get(..3).unwrap_or("0"))?))
}

fn requirement(text: &str) -> Result<Requirement, String> {
    let (application, until) = match text.split_once(':') {
        Some((application, "placed")) => (application, Until::Placed),
        Some((application, "ready")) => (application, Until::Ready),
        Some((_, other)) => return Err(format!("{other:?} is neither placed nor ready")),
        None => (text, Until::Ready),
    };
    let application = path(application)?;
    Ok(Requirement { application, until })
}

/// `other`, or `zone/vdc/other`.
fn path(text: &str) -> Result<ApplicationPath, String> {
    ApplicationPath::parse(text).ok_or_else(|| format!("{text:?} is no application"))
}

fn export(text: &str) -> Result<(ApplicationPath, String), String> {
    let (application, name) = text
        .split_once('.')
        .ok_or_else(|| format!("{text:?} is not application.export"))?;
    Ok((path(application)?, name.to_owned()))
}

fn operation(text: &str) -> Result<(String, u32), String> {
    match text.split_once(':') {
        Some((topic, partitions)) => Ok((topic.to_owned(), number(partitions)?)),
        None => Ok((text.to_owned(), 1)),
    }
}

fn tolerance(text: &str) -> Result<Tolerance, String> {
    let parts: Vec<&str> = text.split(':').collect();
    let [code, window, delay] = parts.as_slice() else {
        return Err(format!("{text:?} is not CODE:WINDOW:DELAY"));
    };
    let reason = "its old session still lives".to_owned();
    Ok(Tolerance {
        code: number(code)?,
        window: span(window)?,
        delay: span(delay)?,
        reason,
    })
}
