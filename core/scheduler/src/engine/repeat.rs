//! What no single system sends again until it is answered: the asking for inventories, the stopping of strays, supplies.

use smack_model::{Action, NodeId, Span, SupplyState, TaskId, Timestamp};

use super::Engine;

impl Engine {
    /// Sends what is due again.
    pub(super) fn repeat(&mut self) {
        let now = self.now;
        let is_due = |sent: &crate::seen::Sent| sent.due() <= now;
        if self.awaits_inventory() && is_due(&self.asked) {
            self.asked.sent(now);
            self.pending.actions.push(Action::Ask(None));
        }
        for (id, (node, sent)) in self.strays.iter_mut().filter(|(_, (_, sent))| is_due(sent)) {
            sent.sent(now);
            let (id, node, grace) = (id.clone(), node.clone(), Span::seconds(30));
            self.pending.actions.push(Action::Stop {
                id,
                node,
                signal: 15,
                grace,
            });
        }
        for (name, sent) in self.unanswered.iter_mut().filter(|(_, sent)| is_due(sent)) {
            sent.sent(now);
            self.pending.actions.push(Action::Supply(name.clone()));
        }
        self.repeat_networks();
    }

    /// When something is to be sent again.
    pub(super) fn repeat_at(&self) -> Option<Timestamp> {
        let asked = self.awaits_inventory().then(|| self.asked.due());
        let strays = self.strays.values().map(|(_, sent)| sent.due());
        let supplies = self.unanswered.values().map(crate::seen::Sent::due);
        let networks = self.repeat_networks_at();
        asked
            .into_iter()
            .chain(strays)
            .chain(supplies)
            .chain(networks)
            .min()
    }

    fn awaits_inventory(&self) -> bool {
        !self.inventoried || !self.unheard.is_empty()
    }

    /// An attempt that runs although nothing wants it: an older one, or one of a system that has ended. It is stopped
    /// until its end is heard of.
    pub(super) fn stray(&mut self, id: &TaskId, node: Option<&NodeId>) {
        if self.strays.contains_key(id) {
            return;
        }
        let path = format!("{}/{}", id.system.path(), id.name);
        self.note(
            path,
            "stray",
            format!(
                "attempt {} runs although nobody wants it: stopped",
                id.attempt
            ),
        );
        self.strays
            .insert(id.clone(), (node.cloned(), crate::seen::Sent::default()));
    }

    /// A failed supply is asked for again by the next `run` or `start`.
    pub(super) fn forget_failed_supplies(&mut self) {
        self.supplies
            .retain(|_, state| !matches!(state, SupplyState::Failed { .. }));
    }
}
