//! What a script or a seed does to the world.

use super::*;

impl World {
    /// Adds a node, or changes it.
    pub fn set_node(
        &mut self,
        id: NodeId,
        capacity: Resources,
        attributes: BTreeMap<String, String>,
        starting: Option<u32>,
    ) {
        let addressing = Addressing::PerTask {
            first_block: 256,
            last_block: 4096,
            foreign: Vec::new(),
        };
        let node = Node {
            id: id.clone(),
            attributes,
            capacity,
            addressing,
            starting,
            isolation: Isolation::Vdc,
        };
        self.nodes.insert(
            id,
            SimNode {
                node,
                reachable: true,
            },
        );
        self.tell_nodes();
    }

    /// The node falls silent; what runs there goes on.
    pub fn lose(&mut self, node: &NodeId) -> bool {
        let Some(known) = self.nodes.get_mut(node).filter(|node| node.reachable) else {
            return false;
        };
        known.reachable = false;
        for process in self.processes.values_mut() {
            process.orphaned |= process.node.as_ref() == Some(node) && process.is_alive();
        }
        self.tell(Event::NodeLost {
            node: node.clone(),
            gone: false,
        });
        true
    }

    /// The node and all that runs there ceases to be.
    pub fn remove(&mut self, node: &NodeId) -> bool {
        if self.nodes.remove(node).is_none() {
            return false;
        }
        for process in self.processes.values_mut() {
            if process.node.as_ref() == Some(node) && process.is_alive() {
                process.state = ProcessState::Ended {
                    end: End::NodeGone,
                    at: self.now,
                };
                process.serves = false;
            }
        }
        self.volumes.retain(|_, at| at.as_ref() != Some(node));
        self.tell(Event::NodeLost {
            node: node.clone(),
            gone: true,
        });
        true
    }

    /// The node answers again and says what it has.
    pub fn bring_back(&mut self, node: &NodeId) -> bool {
        let Some(known) = self.nodes.get_mut(node).filter(|node| !node.reachable) else {
            return false;
        };
        known.reachable = true;
        self.tell_nodes();
        self.tell_inventory(Some(node));
        true
    }

    /// Every process ends because the machine restarts.
    pub fn reboot(&mut self) {
        for process in self
            .processes
            .values_mut()
            .filter(|process| process.is_alive())
        {
            process.state = ProcessState::Ended {
                end: End::Reboot,
                at: self.now,
            };
            process.serves = false;
        }
        self.leaders.clear();
        self.queue
            .retain(|_, happening| matches!(happening, Happening::Arrive(..)));
    }

    /// The living attempt of a task.
    pub fn living(&self, application: &Name, task: &TaskName) -> Option<TaskId> {
        let mut alive = self
            .processes
            .iter()
            .filter(|(id, process)| self.is_meant(id, application, task) && process.is_alive());
        alive.next_back().map(|(id, _)| id.clone())
    }

    /// Ends the process of a task in the given way; whether there is one.
    pub fn end(&mut self, application: &Name, task: &TaskName, end: End) -> bool {
        let Some(id) = self.living(application, task) else {
            return false;
        };
        self.exit(&id, end);
        true
    }

    /// Makes the running processes of a task serve or not; whether there is one.
    pub fn set_serving(&mut self, application: &Name, task: &TaskName, serves: bool) -> bool {
        let alive = self.processes.iter().filter(|(id, process)| {
            id.system.application == *application && id.name == *task && process.is_alive()
        });
        let alive: Vec<TaskId> = alive.map(|(id, _)| id.clone()).collect();
        for id in &alive {
            self.serve(id, serves);
        }
        !alive.is_empty()
    }

    /// From now on the supply fails, or is at hand so long after it is asked for.
    pub fn plan_supply(&mut self, name: &str, plan: SupplyPlan) {
        self.supply_plans.insert(name.to_owned(), plan);
        self.supplies.remove(name);
    }
}
