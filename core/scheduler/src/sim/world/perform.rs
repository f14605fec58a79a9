//! What the grid does with actions, and what its processes do by themselves.

use smack_model::Template;

use super::*;

impl World {
    pub(super) fn arrive(&mut self, epoch: Epoch, action: Action) {
        let fenced = epoch < self.epoch;
        self.epoch = self.epoch.max(epoch);
        match action {
            Action::Launch(order) if fenced => {
                let refusal = Refusal::StaleEpoch {
                    ours: epoch,
                    theirs: self.epoch,
                };
                self.late.push((order.id.clone(), refusal.clone()));
                let event = Event::Refused {
                    id: order.id.clone(),
                    refusal,
                };
                self.push(WIRE, Happening::Deliver(Some(epoch), Box::new(event)));
            }
            // Only the server in charge moves the world; the others may look.
            Action::Stop { .. } | Action::Operate(_) | Action::Release(_) | Action::Forget(_)
                if fenced => {}
            Action::Launch(order) => self.launch(*order),
            Action::Stop {
                id, node, grace, ..
            } => self.stop(&id, node.as_ref(), grace),
            Action::Ask(None) => self.tell_inventory(None),
            Action::Ask(Some(id)) => self.tell_state(&id),
            Action::Operate(order) => self.operate(order.system, order.name, order.digest),
            Action::Release(volume) => {
                self.volumes.remove(&volume);
                self.tell(Event::VolumeReleased(volume));
            }
            Action::Forget(system) => self.forget(system),
            Action::Supply(name) => self.supply(name),
            Action::Probe(order) => {
                self.probed.insert(order.id.clone());
                self.tell_probe(&order.id);
            }
            Action::ProbeEnd(id) => {
                self.probed.remove(&id);
            }
            Action::Question(question) => self.answer(*question, epoch),
            Action::Network(order) => self.tell(Event::Network {
                vdc: order.vdc,
                problem: None,
            }),
            Action::NetworkEnd(_) => {}
        }
    }

    fn launch(&mut self, order: LaunchOrder) {
        let LaunchOrder {
            id,
            node,
            ports,
            volumes,
            launch,
            ..
        } = order;
        if !self.is_reachable(node.as_ref()) {
            return;
        }
        if self.processes.contains_key(&id) {
            return self.tell_state(&id);
        }
        let task = (id.system.clone(), id.name.clone());
        let newest = self.newest.get(&task).copied().unwrap_or(0);
        if self.forgotten.contains(&id.system) || id.attempt < newest {
            self.bury(&id, node);
            return self.tell_state(&id);
        }
        self.newest.insert(task, id.attempt);
        let taken = ports
            .values()
            .find(|port| self.strangers.contains(port))
            .copied();
        let mut refusal = taken.map(|port| Refusal::PortTaken {
            port,
            pid: Some(4242),
            program: Some("nc".to_owned()),
        });
        if refusal.is_none()
            && (self.refuses_by_plan(&id) || self.random.chance(self.faults.refusals))
        {
            refusal = Some(Refusal::Other {
                reason: "the node would not".to_owned(),
            });
        }
        if let Some(refusal) = refusal {
            let state = ProcessState::Ended {
                end: End::Refused(refusal),
                at: self.now,
            };
            self.processes.insert(id.clone(), Process::new(node, state));
            return self.tell_state(&id);
        }
        for volume in volumes.into_values() {
            self.volumes.insert(volume, node.clone());
        }
        let arguments: Vec<String> = launch.command.iter().map(Template::shown).collect();
        let process = Process {
            command: arguments.join(" "),
            ..Process::new(node, ProcessState::Preparing)
        };
        self.processes.insert(id.clone(), process);
        self.tell_state(&id);
        let start = self.behaviour(&id).start;
        self.push(start, Happening::Up(id));
    }

    fn refuses_by_plan(&mut self, id: &TaskId) -> bool {
        match self.behaviour_mut(id) {
            Some(behaviour) if behaviour.refuses > 0 => {
                behaviour.refuses -= 1;
                true
            }
            _ => false,
        }
    }

    fn bury(&mut self, id: &TaskId, node: Option<NodeId>) {
        self.processes
            .insert(id.clone(), Process::new(node, ProcessState::Burned));
    }

    fn stop(&mut self, id: &TaskId, node: Option<&NodeId>, grace: Span) {
        let Some(process) = self.processes.get(id) else {
            if self.is_reachable(node) {
                let task = (id.system.clone(), id.name.clone());
                let newest = self.newest.entry(task).or_default();
                *newest = id.attempt.max(*newest);
                self.bury(id, node.cloned());
                self.tell_state(id);
            }
            return;
        };
        if !self.is_reachable(process.node.as_ref()) {
            return;
        }
        if !process.is_alive() {
            return self.tell_state(id);
        }
        let stops_at = process.stops_at;
        let behaviour = self.behaviour(id);
        let (after, signal) = if behaviour.ignores_stop || behaviour.stop > grace {
            (grace, 9)
        } else {
            (behaviour.stop, 15)
        };
        let at = self.now + after;
        // Only a shorter grace says anything new.
        if stops_at.is_some_and(|earlier| earlier <= at) {
            return;
        }
        if let Some(process) = self.processes.get_mut(id) {
            process.stops_at = Some(at);
        }
        self.push(after, Happening::Exit(id.clone(), End::Signal(signal)));
    }

    fn forget(&mut self, system: SystemId) {
        let alive = self
            .processes
            .iter()
            .filter(|(id, process)| id.system == system && process.is_alive());
        let alive: Vec<TaskId> = alive.map(|(id, _)| id.clone()).collect();
        for id in alive {
            self.exit(&id, End::Signal(9));
        }
        self.forgotten.insert(system.clone());
        self.tell(Event::Forgotten(system));
    }

    fn operate(&mut self, system: SystemId, name: String, digest: Digest) {
        let key = (system.clone(), name.clone());
        let known = self
            .operations
            .get(&key)
            .filter(|performed| performed.digest == digest);
        match known.map(|performed| performed.state) {
            Some(PerformedState::Underway) => {}
            Some(PerformedState::Done) => self.tell_operation(&system, &name, &digest, true),
            Some(PerformedState::Failed) | None => {
                let plan = self.operation_plan(&system, &name);
                let performed = Performed {
                    digest: digest.clone(),
                    state: PerformedState::Underway,
                };
                self.operations.insert(key, performed);
                self.push(plan.takes, Happening::Operated(system, name, digest));
            }
        }
    }

    fn operation_plan(&self, system: &SystemId, name: &str) -> OperationPlan {
        let key = (system.application.clone(), name.to_owned());
        self.operation_plans.get(&key).copied().unwrap_or_default()
    }

    pub(super) fn operated(&mut self, system: &SystemId, name: &str, digest: &Digest) {
        let plan = self.operation_plan(system, name);
        let fails = plan.fails > 0;
        if fails {
            let key = (system.application.clone(), name.to_owned());
            self.operation_plans.insert(
                key,
                OperationPlan {
                    fails: plan.fails - 1,
                    ..plan
                },
            );
        }
        let key = (system.clone(), name.to_owned());
        let Some(performed) = self
            .operations
            .get_mut(&key)
            .filter(|performed| performed.digest == *digest)
        else {
            return;
        };
        performed.state = if fails {
            PerformedState::Failed
        } else {
            PerformedState::Done
        };
        self.tell_operation(system, name, digest, !fails);
    }

    fn supply(&mut self, name: String) {
        match (
            self.supplies.get(&name),
            self.supply_plans.get(&name).copied(),
        ) {
            (Some(Supplied::Present), _) => {
                let state = SupplyState::Present {
                    detail: "at hand".to_owned(),
                };
                self.tell(Event::Supply { name, state });
            }
            (_, Some(SupplyPlan::Fails)) => {
                let state = SupplyState::Failed {
                    reason: "no source answers".to_owned(),
                };
                self.tell(Event::Supply { name, state });
            }
            (Some(Supplied::Underway), _) => {}
            (None, plan) => {
                self.supplies.insert(name.clone(), Supplied::Underway);
                let takes = if let Some(SupplyPlan::After(takes)) = plan {
                    takes
                } else {
                    Span(10)
                };
                self.push(takes, Happening::Supplied(name));
            }
        }
    }

    pub(super) fn up(&mut self, id: &TaskId) {
        let behaviour = self.behaviour(id);
        let pid = self.pids + 1;
        let Some(process) = self.processes.get_mut(id) else {
            return;
        };
        if process.state != ProcessState::Preparing {
            return;
        }
        self.pids = pid;
        process.state = ProcessState::Running { pid };
        self.tell_state(id);
        if let Some(ready) = behaviour.ready {
            self.push(ready, Happening::Serve(id.clone()));
        }
        let SystemId {
            run, application, ..
        } = &id.system;
        let is_job = self
            .jobs
            .contains(&(run.clone(), application.clone(), id.name.clone()));
        let job_end = is_job.then_some((Span(500), End::Exit(0), None));
        let scripted = behaviour.exits.filter(|(_, _, times)| *times != Some(0));
        if let Some((after, end, times)) = scripted.or(job_end) {
            if times != Some(0) {
                self.push(after, Happening::Exit(id.clone(), end));
            }
            if let Some(Behaviour {
                exits: Some((_, _, Some(times))),
                ..
            }) = self.behaviour_mut(id)
            {
                *times = times.saturating_sub(1);
            }
        }
    }

    pub(super) fn serve(&mut self, id: &TaskId, serves: bool) {
        let Some(process) = self.processes.get_mut(id) else {
            return;
        };
        if !matches!(process.state, ProcessState::Running { .. }) || process.serves == serves {
            return;
        }
        process.serves = serves;
        if !self.elect(&id.system) || !serves {
            self.tell_probe(id);
        }
    }

    pub(super) fn exit(&mut self, id: &TaskId, end: End) {
        let Some(process) = self.processes.get_mut(id) else {
            return;
        };
        if !process.is_alive() {
            return;
        }
        process.state = ProcessState::Ended { end, at: self.now };
        process.serves = false;
        self.elect(&id.system);
        self.tell_state(id);
    }

    /// The leader stays as long as it serves; then the first that serves takes over, and all learn of it.
    fn elect(&mut self, system: &SystemId) -> bool {
        if !self.led.contains(&system.application) {
            return false;
        }
        let all = self
            .processes
            .iter()
            .filter(|(id, process)| id.system == *system && process.serves);
        let serving: Vec<TaskId> = all.map(|(id, _)| id.clone()).collect();
        let old = self.leaders.get(system);
        if old.is_some_and(|old| serving.iter().any(|id| id.name == *old)) {
            return false;
        }
        match serving.first() {
            Some(first) => self.leaders.insert(system.clone(), first.name.clone()),
            None => self.leaders.remove(system),
        };
        for id in serving {
            self.tell_probe(&id);
        }
        true
    }
}

impl Process {
    fn new(node: Option<NodeId>, state: ProcessState) -> Self {
        Self {
            node,
            state,
            serves: false,
            orphaned: false,
            command: String::new(),
            stops_at: None,
        }
    }
}
