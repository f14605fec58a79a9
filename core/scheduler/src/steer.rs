//! One system, no capacity in sight: what its tasks should do next, and what each of them waits for.

use std::collections::BTreeMap;

use smack_model::{
    About, Action, Answer, Check, End, Goal, LaunchOrder, Name, Phase, Ports, ProbeOrder, Question,
    Span, Status, Strategy, System, TaskGoal, TaskName, TaskRecord, TaskSpec, Timestamp, Until,
    retry_delay,
};

use crate::change::Change;
use crate::launching;
use crate::peers::{self, Peers, members};
use crate::place::Wish;
use crate::seen::{Seen, Sent, TaskSeen};
use crate::waiting::Waiting;

mod leave;
mod operate;
pub(crate) mod part;
mod rounds;
mod stop;

pub(crate) use operate::{digest, next_due};
pub(crate) use rounds::next_due as next_round;

/// What is to be done for one system, and why the rest waits.
#[derive(Debug, Default)]
pub struct Steering {
    /// Saved before any action is performed.
    pub changes: Vec<Change>,
    pub actions: Vec<Action>,
    pub wishes: Vec<Wish>,
    pub waiting: BTreeMap<TaskName, Waiting>,
    /// What the system as a whole waits for.
    pub whole: Vec<Waiting>,
    /// Every task has an address.
    pub placed: bool,
    /// The product says that it serves, and everything declared is done.
    pub ready: bool,
    /// Ready, and nothing is left to change.
    pub converged: bool,
    /// When to look again if nothing happens; always later than `now`.
    pub wake_at: Option<Timestamp>,
}

/// How often the product is asked while an answer is awaited, and once all is well.
const ASK_SOON: Span = Span(50);
const ASK_GATE: Span = Span(200);
const ASK_CALM: Span = Span::seconds(10);
const ASK_SLOWEST: Span = Span::seconds(5);
/// So long a task counts among those that its node starts at once: a virtual machine has loaded its classes by then.
const STARTS_WITHIN: Span = Span::seconds(20);
/// A task that nothing asks counts as up after so long.
const STANDS_AFTER: Span = Span(300);
/// A stateless task whose node has been silent for so long is started elsewhere.
const UNREACHABLE_AFTER: Span = Span::minutes(5);

/// Decides from state alone; calling it again without news changes nothing but what is due.
pub fn steer(system: &System, seen: &Seen, peers: &Peers, now: Timestamp) -> Steering {
    let mut steer = Steer {
        system,
        seen,
        peers,
        now,
        out: Steering::default(),
        candidates: Vec::new(),
        moving: Vec::new(),
        asking: None,
        begun: None,
    };
    steer.out.placed = steer.is_placed();
    match system.header.intent.goal {
        Goal::Running => steer.converge(),
        Goal::Stopped => {
            steer.rounds();
            steer.interrupt();
            steer.release_again();
            steer.halt();
        }
        Goal::Gone {
            keep_volumes,
            at_once,
        } => steer.end(keep_volumes, at_once),
    }
    if let Some(wake_at) = steer.out.wake_at {
        assert!(
            wake_at > now,
            "a wake-up must lie ahead, or the loop would spin"
        );
    }
    steer.out
}

struct Steer<'a> {
    system: &'a System,
    seen: &'a Seen,
    peers: &'a Peers,
    now: Timestamp,
    out: Steering,
    /// Ready tasks that should be launched anew, in order.
    candidates: Vec<TaskName>,
    /// Tasks that began to leave or stop in this very steering.
    moving: Vec<TaskName>,
    /// The one of whom the product is being asked whether it may go: the next is asked when that is answered.
    asking: Option<TaskName>,
    /// The occasional operation that begins in this very steering.
    begun: Option<String>,
}

impl<'a> Steer<'a> {
    fn converge(&mut self) {
        self.rounds();
        self.leave();
        self.release_again();
        self.begin_joining();
        let requirement = self.unmet_requirement();
        let mut earlier: Option<Waiting> = None;
        let system = self.system;
        for (index, phase) in system.header.spec.phases.iter().enumerate() {
            let blocked = requirement.clone().or_else(|| earlier.clone());
            self.phase(phase, blocked);
            if let Some(next) = system.header.spec.phases.get(index + 1)
                && earlier.is_none()
            {
                let open = phase.tasks.iter().find(|task| match next.after {
                    Until::Ready => !self.is_settled(task),
                    Until::Placed => !self.has_address(task),
                });
                earlier = open.map(|task| Waiting::Phase {
                    phase: phase.name.clone(),
                    task: task.clone(),
                });
            }
        }
        self.roll();
        self.whole();
    }

    fn phase(&mut self, phase: &Phase, blocked: Option<Waiting>) {
        let mut blocked = blocked;
        let joining = self.joining(phase);
        for name in &phase.tasks {
            let Some(spec) = self.system.header.spec.tasks.get(name) else {
                continue;
            };
            let other = joining.filter(|other| *other != name && !self.has_joined(name));
            let alone = other.map(|task| Waiting::Phase {
                phase: phase.name.clone(),
                task: task.clone(),
            });
            let elsewhere = match self.has_joined(name) {
                true => None,
                false => self.after_siblings(),
            };
            let blocked_now = blocked.as_ref().or(alone.as_ref()).or(elsewhere.as_ref());
            self.task(name, spec, blocked_now);
            if phase.strategy == Strategy::Serial && blocked.is_none() && !self.is_settled(name) {
                blocked = Some(Waiting::Phase {
                    phase: phase.name.clone(),
                    task: name.clone(),
                });
            }
        }
    }

    /// The one that joins alone, if the phase has its tasks join so and there are members to join.
    fn joining<'p>(&self, phase: &'p Phase) -> Option<&'p TaskName> {
        if phase.strategy != Strategy::Founding || !self.is_founded() {
            return None;
        }
        let new = || phase.tasks.iter().filter(|name| !self.has_joined(name));
        let has_begun = |name: &&TaskName| {
            let record = self.system.tasks.get(*name);
            record.is_some_and(|record| record.status != Status::Ended(End::Retired))
        };
        new().find(has_begun).or_else(|| new().next())
    }

    fn has_joined(&self, name: &TaskName) -> bool {
        let replace = self.system.header.intent.replace.get(name).copied();
        self.system.tasks.get(name).is_some_and(|record| {
            record.has_joined() && record.replace >= replace.unwrap_or_default()
        })
    }

    fn task(&mut self, name: &TaskName, spec: &TaskSpec, blocked: Option<&Waiting>) {
        let has_begun = self
            .system
            .header
            .rounds
            .is_some_and(|rounds| rounds.begun > 0);
        if let Some(waiting) = self.until_due().filter(|_| !has_begun) {
            return self.wait(name, waiting);
        }
        let Some(record) = self.system.tasks.get(name) else {
            return self.launch_new(name, spec, None, blocked);
        };
        let outdated = self.is_outdated(record);
        match &record.status {
            Status::Ended(end) => {
                if !is_done(self.system, record, spec) {
                    let again = matches!(
                        end,
                        End::Stopped { .. } | End::Reboot | End::NodeGone | End::Retired
                    );
                    self.launch_new(name, spec, Some(record), blocked.filter(|_| again));
                }
            }
            Status::Stopping { .. } => self.await_stop(record, spec),
            // A paused system is left as it is, but a claim that was not taken could only be launched as it is wanted now.
            Status::Claimed if outdated => self.stop(record, spec, false),
            Status::Starting | Status::Running { .. }
                if outdated && !self.system.header.intent.paused =>
            {
                self.stop(record, spec, false);
            }
            Status::Claimed => self.claimed(record, spec),
            Status::Starting => self.await_readiness(record, spec),
            Status::Running { pid } => match (spec.goal, &spec.probe) {
                (TaskGoal::Running, Some(_)) => {
                    self.probe(record, spec);
                    self.await_readiness(record, spec);
                }
                (TaskGoal::Running, None) => self.put(record, Status::Ready { pid: *pid }),
                (TaskGoal::Finish | TaskGoal::Once, _) => {
                    let until = record.since + spec.ready_within;
                    if until <= self.now {
                        return self.stop(record, spec, true);
                    }
                    self.wake(until);
                    self.wait(
                        name,
                        Waiting::Finish {
                            since: record.since,
                        },
                    );
                }
            },
            Status::Ready { .. } => {
                self.probe(record, spec);
                if outdated {
                    self.candidates.push(name.clone());
                }
            }
            // It was leaving and is wanted again.
            Status::Draining { pid } => self.put(record, Status::Ready { pid: *pid }),
            Status::Unreachable => self.unreachable(record, spec),
        }
    }

    fn launch_new(
        &mut self,
        name: &TaskName,
        spec: &TaskSpec,
        last: Option<&TaskRecord>,
        blocked: Option<&Waiting>,
    ) {
        if let Some(waiting) = last.and_then(|record| self.backoff(record, spec)) {
            return self.wait(name, waiting);
        }
        // What was there comes back: a pause holds up changes, not repairs.
        if self.system.header.intent.paused && last.is_none() {
            return self.wait(name, Waiting::Paused);
        }
        if let Some(waiting) = blocked {
            return self.wait(name, waiting.clone());
        }
        if let Some(waiting) = self.missing_supply(spec) {
            return self.wait(name, waiting);
        }
        let replaced = last.is_some_and(|record| record.replace < self.replaces(name));
        let node = last
            .filter(|_| !replaced)
            .and_then(|record| record.node.clone());
        let bound = node.clone().filter(|_| !spec.volumes.is_empty());
        self.out.wishes.push(Wish {
            system: self.system.id.clone(),
            task: name.clone(),
            needs: spec.needs,
            ports: spec.ports.clone(),
            constraints: spec.constraints.clone(),
            bound,
            prefer: node,
            address: last.and_then(|record| record.address.as_deref().map(str::to_owned)),
            kept_ports: last
                .map(|record| Ports::clone(&record.ports))
                .unwrap_or_default(),
            starts_until: spec.probe.as_ref().map(|_| self.now + STARTS_WITHIN),
            since: last.map_or(self.system.header.since, |record| record.since),
        });
    }

    /// Why a task that ended is not tried again right now.
    fn backoff(&mut self, record: &TaskRecord, spec: &TaskSpec) -> Option<Waiting> {
        let Status::Ended(end) = &record.status else {
            return None;
        };
        let forgiven = record.since <= self.system.header.intent.forgiven;
        if forgiven || record.replace < self.replaces(&record.id.name) {
            return None;
        }
        if let Some((at, reason)) = tolerated(record, spec) {
            if at <= self.now {
                return None;
            }
            self.wake(at);
            return Some(Waiting::Settling { reason, at });
        }
        // Given up before it began: no failure, but not to be tried without a pause either.
        let burned = matches!(end, End::Refused(_)) && !end.is_failure();
        if burned && record.since + spec.retry.delay > self.now {
            let at = record.since + spec.retry.delay;
            self.wake(at);
            return Some(Waiting::Settling {
                reason: end.to_string(),
                at,
            });
        }
        if !end.is_failure() && !is_failed_job(end, spec) || record.failures == 0 {
            return None;
        }
        let retry = &spec.retry;
        if retry.max_tries > 0 && record.failures >= retry.max_tries {
            return Some(Waiting::GaveUp {
                end: end.clone(),
                failures: record.failures,
            });
        }
        let at = record.since + retry_delay(retry, record.failures);
        if at <= self.now {
            return None;
        }
        self.wake(at);
        Some(Waiting::Retry {
            end: end.clone(),
            at,
            failures: record.failures,
            max_tries: retry.max_tries,
        })
    }

    fn missing_supply(&mut self, spec: &TaskSpec) -> Option<Waiting> {
        use smack_model::SupplyState;
        for name in &spec.launch.artifacts {
            let (detail, failed) = match self.peers.supplies.get(name) {
                Some(SupplyState::Present { .. }) => continue,
                Some(SupplyState::Fetching { detail }) => (detail.clone(), false),
                Some(SupplyState::Failed { reason }) => (reason.clone(), true),
                None => {
                    self.out.actions.push(Action::Supply(name.clone()));
                    ("asked for".to_owned(), false)
                }
            };
            return Some(Waiting::Supply {
                name: name.clone(),
                detail,
                failed,
            });
        }
        None
    }

    fn claimed(&mut self, record: &TaskRecord, spec: &TaskSpec) {
        let name = &record.id.name;
        match launching::order(self.system, record, spec, self.peers) {
            Err(what) => self.wait(name, Waiting::Value { what }),
            Ok(order) => {
                if let Some(again) = self.due(self.task_seen(name).launch) {
                    self.out
                        .actions
                        .push(Action::Launch(Box::new(LaunchOrder::clone(&order))));
                    self.wake(again);
                }
                self.wait(
                    name,
                    Waiting::Launch {
                        since: record.claimed,
                    },
                );
            }
        }
    }

    fn await_readiness(&mut self, record: &TaskRecord, spec: &TaskSpec) {
        let seen = self.task_seen(&record.id.name);
        let again = spec.pace.unready_within.filter(|_| seen.served);
        let within = again.unwrap_or(spec.ready_within);
        let until = record.claimed.max(record.since) + within;
        if until <= self.now {
            return self.stop(record, spec, true);
        }
        self.wake(until);
        let detail = if seen.detail.is_empty() {
            "not probed yet".to_owned()
        } else {
            seen.detail
        };
        self.wait(
            &record.id.name,
            Waiting::Readiness {
                since: record.since,
                detail,
                until,
            },
        );
    }

    fn probe(&mut self, record: &TaskRecord, spec: &TaskSpec) {
        let seen = self.task_seen(&record.id.name);
        if seen.probe.times > 0 && seen.answered {
            return;
        }
        let (Some(probe), Some(address)) = (&spec.probe, &record.address) else {
            return;
        };
        let Some(again) = self.due(seen.probe) else {
            return;
        };
        self.wake(again);
        let mut probe = probe.clone();
        if let smack_model::Probe::Exec { command } = &mut probe {
            for argument in command {
                *argument = launching::own_text(self.system, record, self.peers, argument);
            }
        }
        self.out.actions.push(Action::Probe(Box::new(ProbeOrder {
            id: record.id.clone(),
            address: address.to_string(),
            ports: Ports::clone(&record.ports),
            probe,
            pace: spec.pace,
        })));
    }

    fn unreachable(&mut self, record: &TaskRecord, spec: &TaskSpec) {
        let name = &record.id.name;
        let given_up = record.replace < self.replaces(name);
        let movable = spec.volumes.is_empty() && spec.member.is_none();
        let at = record.since + UNREACHABLE_AFTER;
        if given_up || (movable && at <= self.now) {
            return self.put(record, Status::Ended(End::NodeGone));
        }
        if movable {
            self.wake(at);
        }
        self.wait(
            name,
            Waiting::Unreachable {
                since: record.since,
            },
        );
    }

    /// Restarts ready tasks that are out of date: as many as the budget allows, each only when the product agrees.
    fn roll(&mut self) {
        if self.candidates.is_empty() {
            return;
        }
        let last = self.system.header.spec.roll_last.as_ref();
        let mut candidates = std::mem::take(&mut self.candidates);
        candidates.sort_by_key(|name| last.is_some() && self.task_seen(name).role.as_ref() == last);
        for name in candidates {
            let Some((record, spec)) = self
                .system
                .tasks
                .get(&name)
                .zip(self.system.header.spec.tasks.get(&name))
            else {
                continue;
            };
            if let Some(waiting) = self.held_back(&name) {
                self.wait(&name, waiting);
                continue;
            }
            self.stop(record, spec, false);
        }
    }

    /// Why a task that serves may not be stopped now, by choice.
    fn held_back(&mut self, name: &TaskName) -> Option<Waiting> {
        let budget = self.system.header.spec.budget.max(1);
        if self.system.header.intent.paused {
            return Some(Waiting::Paused);
        }
        if let Some(waiting) = self.operation_first() {
            return Some(waiting);
        }
        let others = self.others_away(name);
        if others.len() >= budget as usize && !self.is_forced("budget") {
            return Some(Waiting::Budget {
                away: others,
                budget,
            });
        }
        let check = self.system.header.spec.check.clone()?;
        if self.is_forced("check") {
            return None;
        }
        if !self.moving.is_empty() {
            // Its word was given before another went.
            let detail = format!(
                "{} goes first",
                self.moving
                    .iter()
                    .map(Name::as_str)
                    .collect::<Vec<_>>()
                    .join(", ")
            );
            return Some(Waiting::Gate {
                gate: "check".to_owned(),
                detail,
            });
        }
        if let Some(first) = &self.asking {
            let detail = format!("{first} is asked for first");
            return Some(Waiting::Gate {
                gate: "check".to_owned(),
                detail,
            });
        }
        let detail = match self.ask(About::Without(name.clone()), &check, ASK_GATE) {
            Some(Answer::Yes) => return None,
            Some(Answer::No(detail) | Answer::Unknown(detail)) => detail,
            None => {
                self.asking = Some(name.clone());
                "asking whether it may go".to_owned()
            }
        };
        Some(Waiting::Gate {
            gate: "check".to_owned(),
            detail,
        })
    }

    /// See [`peers::away`]; with those that go in this very steering.
    fn away(&self) -> Vec<TaskName> {
        let mut away = peers::away(self.system);
        away.extend(self.moving.iter().cloned());
        away.sort();
        away.dedup();
        away
    }

    /// Readiness of the whole: every task, what is required, the product's own word, what is declared.
    fn whole(&mut self) {
        let system = self.system;
        let settled = system
            .header
            .spec
            .tasks
            .keys()
            .all(|name| self.is_settled(name));
        let mut ready = settled;
        if let Some(waiting) = self.peer_not_ready() {
            self.out.whole.push(waiting);
            ready = false;
        }
        if settled && let Some(check) = &system.header.spec.check {
            let spacing = if self.seen.healthy {
                ASK_CALM
            } else {
                ASK_SOON
            };
            match self.ask(About::Health, check, spacing) {
                Some(Answer::Yes) => {}
                Some(Answer::No(detail) | Answer::Unknown(detail)) => {
                    self.out.whole.push(Waiting::Health { detail });
                    ready = false;
                }
                None if self.seen.healthy => {}
                None => {
                    self.out.whole.push(Waiting::Health {
                        detail: "asking the product".to_owned(),
                    });
                    ready = false;
                }
            }
        }
        let done = self.declared(ready) && self.joined_others(ready);
        self.out.ready = ready && done;
        let outdated = system.tasks.values().any(|record| {
            let wanted = system.header.spec.tasks.contains_key(&record.id.name);
            record.status.is_live() && wanted && self.is_outdated(record)
        });
        self.out.converged =
            self.out.ready && !outdated && system.header.leaving.is_empty() && self.has_stood_up();
        self.occasional();
    }

    /// Whether every task that nothing asks has run for a moment: one that ends at once has never been up.
    fn has_stood_up(&mut self) -> bool {
        let header = &self.system.header;
        let unasked = self.system.tasks.values().filter(|record| {
            let spec = header.spec.tasks.get(&record.id.name);
            record.status.is_ready() && spec.is_some_and(|spec| spec.probe.is_none())
        });
        let at = unasked.map(|record| record.since + STANDS_AFTER).max();
        match at.filter(|at| *at > self.now) {
            Some(at) => {
                self.wake(at);
                false
            }
            None => true,
        }
    }

    /// The latest usable answer; asks again when the last asking lies `spacing` back. An answer that began before the
    /// latest change is not used, nor a permission that has grown old.
    fn ask(&mut self, about: About, check: &Check, spacing: Span) -> Option<Answer> {
        let is_gate = about != About::Health;
        let usable = self.seen.answers.get(&about).filter(|observation| {
            let is_young = self.now.since(observation.began) <= ASK_CALM;
            let changed = match is_gate {
                true => self.changed_anywhere(),
                false => self.seen.changed,
            };
            observation.began > changed && (is_young || !is_gate)
        });
        let answer = usable.map(|observation| observation.answer.clone());
        if is_gate && answer == Some(Answer::Yes) {
            return answer;
        }
        // Who has waited long is not asked often: a twentieth of the time since the last change.
        let patient = Span(self.now.since(self.seen.changed).0 / 20).min(ASK_SLOWEST);
        let spacing = spacing.max(patient);
        let next = self
            .seen
            .asked
            .get(&about)
            .map_or(self.now, |at| *at + spacing);
        if next <= self.now {
            // How a part is by itself is its own affair; whether a task may go is that of all.
            let members = match is_gate {
                true => self.all_members(|_| true),
                false => members(self.system),
            };
            let question = Question {
                system: self.system.id.clone(),
                about,
                check: check.clone(),
                members,
            };
            self.out.actions.push(Action::Question(Box::new(question)));
            self.wake(self.now + spacing);
        } else {
            self.wake(next);
        }
        answer
    }

    fn unmet_requirement(&self) -> Option<Waiting> {
        self.system
            .header
            .spec
            .requires
            .iter()
            .find_map(|requirement| {
                let peer = self.peers.applications.get(&requirement.application);
                let met = peer.is_some_and(|peer| match requirement.until {
                    Until::Placed => peer.placed,
                    Until::Ready => peer.ready,
                });
                (!met).then(|| Waiting::Requirement {
                    application: requirement.application.clone(),
                    until_ready: requirement.until == Until::Ready,
                })
            })
    }

    fn peer_not_ready(&self) -> Option<Waiting> {
        let requires = &self.system.header.spec.requires;
        let ready = |name| {
            self.peers
                .applications
                .get(name)
                .is_some_and(|peer| peer.ready)
        };
        let open = requires
            .iter()
            .find(|requirement| !ready(&requirement.application))?;
        Some(Waiting::Requirement {
            application: open.application.clone(),
            until_ready: true,
        })
    }

    /// A changed launch is for the next round of what runs by the clock.
    fn is_outdated(&self, record: &TaskRecord) -> bool {
        is_outdated(self.system, record)
    }

    fn replaces(&self, name: &TaskName) -> u32 {
        replaces(self.system, name)
    }

    /// Whether the task does what it is there for: serves, or has ended well.
    fn is_settled(&self, name: &TaskName) -> bool {
        if self.is_by_the_clock() {
            return true;
        }
        let Some((record, spec)) = self
            .system
            .tasks
            .get(name)
            .zip(self.system.header.spec.tasks.get(name))
        else {
            return false;
        };
        record.status.is_ready() || is_done(self.system, record, spec)
    }

    fn has_address(&self, name: &TaskName) -> bool {
        self.system
            .tasks
            .get(name)
            .is_some_and(|record| record.address.is_some())
    }

    fn is_placed(&self) -> bool {
        let tasks = &self.system.header.spec.tasks;
        self.system.header.intent.goal == Goal::Running
            && tasks.keys().all(|name| self.has_address(name))
    }

    fn is_forced(&self, gate: &str) -> bool {
        self.system
            .header
            .intent
            .force
            .get(gate)
            .is_some_and(|until| *until > self.now)
    }

    fn task_seen(&self, name: &TaskName) -> TaskSeen {
        self.seen.tasks.get(name).cloned().unwrap_or_default()
    }

    /// When to send again after sending now; `None` if it is not due yet, and then a wake-up is set.
    fn due(&mut self, sent: Sent) -> Option<Timestamp> {
        if sent.due() > self.now {
            self.wake(sent.due());
            return None;
        }
        let mut next = sent;
        next.sent(self.now);
        Some(next.due())
    }

    fn put(&mut self, record: &TaskRecord, status: Status) {
        let now = status.is_ready().then_some(self.now);
        let ready_since = record.ready_since.or(now);
        let changed = TaskRecord {
            status,
            since: self.now,
            ready_since,
            settled: settled(record, ready_since),
            ..record.clone()
        };
        self.out.changes.push(Change::Task(Box::new(changed)));
    }

    fn wait(&mut self, name: &TaskName, waiting: Waiting) {
        self.out.waiting.insert(name.clone(), waiting);
    }

    fn wake(&mut self, at: Timestamp) {
        let at = at.max(self.now + Span(1));
        self.out.wake_at = Some(self.out.wake_at.map_or(at, |earlier| earlier.min(at)));
    }
}

/// All restarts asked of the task so far.
pub(crate) fn restarts(system: &System, name: &TaskName) -> u32 {
    let intent = &system.header.intent;
    let begun = system.header.rounds.map_or(0, |rounds| rounds.begun);
    intent.restart + intent.restart_task.get(name).copied().unwrap_or(0) + begun
}

/// All replacements asked of the task so far.
fn replaces(system: &System, name: &TaskName) -> u32 {
    let replace = &system.header.intent.replace;
    replace.get(name).copied().unwrap_or(0)
}

fn is_outdated(system: &System, record: &TaskRecord) -> bool {
    let is_changed = system.digests.get(&record.id.name) != Some(&record.digest);
    let is_by_the_clock = system.header.spec.schedule.is_some();
    is_changed && !is_by_the_clock
        || record.restart < restarts(system, &record.id.name)
        || record.replace < replaces(system, &record.id.name)
}

/// A job that has ended well with what it would be launched with now.
pub(crate) fn is_done(system: &System, record: &TaskRecord, spec: &TaskSpec) -> bool {
    let ended_well = record.status == Status::Ended(End::Exit(0));
    match spec.goal {
        TaskGoal::Running => false,
        TaskGoal::Finish => ended_well && !is_outdated(system, record),
        TaskGoal::Once => ended_well,
    }
}

/// The generation that has been ready, once this one has.
pub(crate) fn settled(record: &TaskRecord, ready_since: Option<Timestamp>) -> u32 {
    ready_since.map_or(record.settled, |_| record.generation)
}

/// When and why an exit that the product owes to its unclean end before is tried again.
pub(crate) fn tolerated(record: &TaskRecord, spec: &TaskSpec) -> Option<(Timestamp, String)> {
    let tolerance = spec.retry.tolerate.as_ref()?;
    let unclean = record.unclean?;
    let within = record.since <= unclean + tolerance.window;
    (record.status == Status::Ended(End::Exit(tolerance.code)) && within)
        .then(|| (record.since + tolerance.delay, tolerance.reason.clone()))
}

/// A job that ended with another code than 0 has failed; a server that ended has failed whatever the code.
fn is_failed_job(end: &End, spec: &TaskSpec) -> bool {
    spec.goal != TaskGoal::Running && !matches!(end, End::Exit(0) | End::Stopped { .. })
}
