//! What people do while all this goes on, and how it all calms down at the end.

use std::sync::Arc;

use hookswitch_domain::delivery::State;
use hookswitch_domain::destination::Hold;
use hookswitch_domain::id::{DeliveryId, DestinationId, uuid_v7};
use hookswitch_domain::lease::NEVER;
use hookswitch_domain::time::Timestamp;
use hookswitch_store::queue::NewDelivery;

use crate::node::{Config, Outlet};
use crate::receiver::Temper;
use crate::trace::What;
use crate::world::{LEASE_MS, World};

impl World {
    /// Each is a change with an epoch of its own.
    fn change(&mut self, change: impl FnOnce(&mut Config)) {
        let mut config = Config::clone(&self.config);
        config.epoch += 1;
        change(&mut config);
        for tenant in self.memory.tenants.values_mut() {
            (tenant.epoch, tenant.sending_paused) = (config.epoch, config.paused);
        }
        self.config = Arc::new(config);
    }

    pub fn set_hold(&mut self, destination: DestinationId, hold: Option<Hold>) {
        self.change(|config| {
            if let Some(outlet) = config.outlets.iter_mut().find(|outlet| outlet.id == destination) {
                outlet.hold = hold;
            }
        });
        self.memory.set_hold(destination, hold);
        self.check.held(self.now, destination, hold.is_some());
        if hold.is_none() {
            self.check.flow.cleared(destination);
        }
    }

    /// A person lets it go on, by way of one node, which forgets what it knows of its failures.
    fn let_go_on(&mut self, node: usize, destination: DestinationId) {
        self.set_hold(destination, None);
        let life = self.nodes[node].life;
        self.nodes[node].hands.forget_failures(destination);
        self.check.flow.forget((node, life), destination);
        self.check.flow.works_again(destination);
    }

    fn pause_all(&mut self, paused: bool) {
        self.change(|config| config.paused = paused);
        self.check.paused(self.now, paused);
    }

    /// Something that a person or a machine does now and then.
    pub fn doing(&mut self) {
        if self.healed_at.is_some() {
            return;
        }
        let place = self.rng.index(self.config.outlets.len());
        let destination = self.config.outlets[place].id;
        let subject = place as u32;
        let did = match self.rng.below(14) {
            0 => {
                self.set_hold(destination, Some(Hold::Paused));
                "pause"
            }
            1 | 2 => {
                let node = self.rng.index(self.nodes.len());
                self.let_go_on(node, destination);
                "resume"
            }
            3 => {
                self.set_hold(destination, Some(Hold::Disabled));
                "disable"
            }
            4 => {
                self.pause_all(true);
                "pause all"
            }
            5 => {
                self.pause_all(false);
                "resume all"
            }
            6 => return self.cancel_one(),
            7 => return self.replay_one(),
            8 => {
                self.edit(place);
                "edit"
            }
            9 => {
                let node = self.rng.index(self.nodes.len());
                return self.crash(node);
            }
            10 => return self.stop_one(),
            11 => {
                self.add(place);
                "add"
            }
            12 => {
                self.remove(place);
                "remove"
            }
            _ => {
                let temper = Temper::draw(&mut self.rng);
                self.tempers.insert(destination, temper);
                "temper"
            }
        };
        self.note(What::Person { did, subject });
        // One node hears of it; the others find out when they look.
        let node = self.rng.index(self.nodes.len());
        self.ring(node);
    }

    fn edit(&mut self, place: usize) {
        let (cap, turns) = (*self.rng.pick(&[1, 3, 10]), self.rng.chance(300));
        self.change(|config| {
            config.outlets[place].revision += 1;
            config.outlets[place].max_in_flight = cap;
            config.outlets[place].ordered ^= turns;
        });
    }

    /// A destination more, like this one.
    fn add(&mut self, place: usize) {
        let id = DestinationId(uuid::Uuid::from_bytes(self.rng.bytes()));
        let outlet = Outlet { id, revision: 1, hold: None, ..self.config.outlets[place].clone() };
        self.memory.add_lane(outlet.tenant, id);
        self.tempers.insert(id, Temper::GOOD);
        self.change(|config| config.outlets.push(outlet));
    }

    /// One destination less: what waits for it is cancelled.
    fn remove(&mut self, place: usize) {
        if self.config.outlets.len() < 2 {
            return;
        }
        let id = self.config.outlets[place].id;
        for delivery in self.memory.remove_lane(id) {
            self.check.ended(delivery, State::Cancelled);
        }
        self.change(|config| drop(config.outlets.remove(place)));
    }

    fn stop_one(&mut self) {
        let node = self.rng.index(self.nodes.len());
        if !self.nodes[node].up || self.nodes[node].stopping {
            return;
        }
        self.note(What::Stopping { node });
        self.nodes[node].stopping = true;
        self.ends(node);
    }

    fn any(&mut self, wanted: impl Fn(State) -> bool) -> Option<DeliveryId> {
        let found: Vec<_> =
            self.memory.deliveries.iter().filter(|(_, row)| wanted(row.state)).map(|(id, row)| (row.place, *id)).collect();
        (!found.is_empty()).then(|| self.rng.pick(&found).1)
    }

    fn cancel_one(&mut self) {
        let Some(id) = self.any(|state| !state.is_terminal()) else { return };
        if self.memory.end(self.now, id, State::Cancelled) {
            self.check.ended(id, State::Cancelled);
            self.note(What::Person { did: "cancel", subject: self.number(id) });
        }
    }

    fn replay_one(&mut self) {
        if let Some(id) = self.any(State::is_terminal) {
            self.replay(id);
        }
    }

    fn replay(&mut self, id: DeliveryId) {
        let Some(row) = self.memory.deliveries.get(&id).cloned() else { return };
        if !self.memory.lanes.contains_key(&row.destination) {
            return;
        }
        let fresh = DeliveryId(uuid_v7(Timestamp::from_millis(self.now), self.rng.bytes()));
        let ordered = self.config.outlet(row.destination).is_some_and(|outlet| outlet.ordered);
        let key = self.memory.ordering_key(row.event).filter(|_| ordered);
        let new = NewDelivery { id: fresh, destination: row.destination, leased: false, key };
        match self.memory.is_head(id) {
            // Nothing passes what takes the place of a head.
            true => self.check.follows(id, fresh),
            false => self.check.stands(&new),
        }
        self.memory.replay(self.now, id, &new, LEASE_MS);
        if !row.state.is_terminal() {
            self.check.ended(id, State::Discarded);
        }
        self.note(What::Person { did: "replay", subject: self.number(fresh) });
    }

    /// From here on nothing goes wrong: everything must come to its end within a bound.
    pub fn heal(&mut self) {
        self.healed_at = Some(self.now);
        self.note(What::Healed);
        self.pause_all(false);
        let outlets: Vec<_> = self.config.outlets.iter().map(|outlet| (outlet.id, outlet.hold)).collect();
        for (id, hold) in outlets {
            // What isn't held isn't touched: a lost bell must be found by the sweep.
            if hold.is_some() {
                self.let_go_on(0, id);
            }
            self.tempers.insert(id, Temper::GOOD);
        }
        // Parked for people, who let it go on.
        let held = |id: DeliveryId| self.memory.due(id).is_some_and(|due| due.next_at == NEVER);
        let parked = self.memory.deliveries.iter().filter(|(id, _)| held(**id));
        let mut parked: Vec<_> = parked.map(|(id, row)| (row.place, *id)).collect();
        parked.sort();
        parked.into_iter().for_each(|(_, id)| self.replay(id));
        (0..self.nodes.len()).for_each(|node| self.ring(node));
    }

    /// What began before and ended as something for people: they see to it.
    pub fn people_tidy_up(&mut self, delivery: DeliveryId, destination: DestinationId) {
        if self.memory.lanes.get(&destination).is_some_and(|lane| lane.hold.is_some()) {
            self.let_go_on(0, destination);
        }
        if self.memory.due(delivery).is_some_and(|due| due.next_at == NEVER) {
            self.replay(delivery);
        }
    }
}
