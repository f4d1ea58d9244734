//! What a publisher's request becomes: the fan-out, its commit, the answer, and the hand-over
//! (`outbound/publish.rs`).

use bytes::Bytes;
use hookswitch_domain::hands::Place;
use hookswitch_domain::id::{DeliveryId, EventId, uuid_v7};
use hookswitch_store::queue::{Accept, Accepted, Claimed, NewDelivery, NewEvent, Remember};

use crate::mutant::Mutant;
use crate::trace::What;
use crate::world::{Event, LEASE_MS, World};

/// Events of a request stand in line under one of these.
const KEYS: [&str; 3] = ["", "a", "b"];

impl World {
    /// The publisher sends its request to any node, and again until it is answered.
    pub fn publish(&mut self, request: usize) {
        if self.requests[request].acknowledged {
            return;
        }
        self.later(2_000, Event::Publish(request));
        let open: Vec<usize> = (0..self.nodes.len()).filter(|node| self.nodes[*node].up && !self.nodes[*node].stopping).collect();
        if open.is_empty() {
            return;
        }
        let node = *self.rng.pick(&open);
        self.prepare(node, request);
    }

    /// The fan-out, made from the node's copy of the configuration.
    fn prepare(&mut self, node: usize, request: usize) {
        let config = match &self.nodes[node].config {
            Some(config) => config.clone(),
            None => self.config_at(node, 0),
        };
        let clock = self.nodes[node].clock(self.now);
        let event = EventId(uuid_v7(clock, self.rng.bytes()));
        let (mut deliveries, mut places) = (Vec::new(), Vec::new());
        let ordering_key = KEYS[request % KEYS.len()];
        let tenant = self.tenants[self.plan.tenant_of(request)];
        for outlet in config.outlets.iter().filter(|outlet| outlet.tenant == tenant) {
            let key = outlet.ordered.then(|| ordering_key.to_owned());
            let may = key.is_none() && outlet.hold.is_none() && !config.paused;
            let now = self.moment();
            let place = may.then(|| self.nodes[node].hands.reserve(outlet.of(), 0, now)).flatten();
            if place.is_some() {
                let found = self.check.flow.handed_over(self.now, ((node, self.nodes[node].life), outlet.id));
                self.check.mind(found);
            }
            let id = DeliveryId(uuid_v7(clock, self.rng.bytes()));
            deliveries.push(NewDelivery { id, destination: outlet.id, leased: place.is_some(), key });
            places.push(place);
        }
        let row =
            NewEvent { id: event, event_type: "a.b".into(), payload: Bytes::new(), meta: ordering_key.to_owned(), deliveries };
        let remember = Remember {
            key: request.to_string(),
            scope: String::new(),
            request_hash: [0; 32],
            status: 202,
            response: event.to_string(),
        };
        let accept = Box::new(Accept {
            tenant,
            epoch: config.epoch,
            platform_epoch: None,
            events: vec![row],
            remember: Some(remember),
            lease_ms: LEASE_MS,
        });
        if self.mutant == Some(Mutant::AnswersBeforeTheCommit) {
            self.acknowledge(request, &accept);
        }
        let (life, leased_from, delay) = (self.nodes[node].life, self.now, self.rng.between(0, 20));
        self.later(delay, Event::Commit { node, life, request, leased_from, accept, places });
    }

    pub fn commit(
        &mut self,
        node: usize,
        life: u32,
        request: usize,
        leased_from: i64,
        accept: &Accept,
        places: Vec<Option<Place>>,
    ) {
        if !self.is_alive(node, life) || self.perhaps_dies(node) {
            return;
        }
        let answer = self.memory.accept(self.now, accept);
        if answer != Accepted::Stored {
            let now = self.moment();
            for place in places.iter().flatten() {
                self.nodes[node].hands.give_back(place, now);
            }
            self.hear(node);
            self.note(What::Refused { node });
        }
        match answer {
            Accepted::Stored => self.stored(node, request, leased_from, accept, places),
            Accepted::Stale => {
                self.nodes[node].config = Some(self.config.clone());
                self.prepare(node, request);
            }
            Accepted::Repeated { response, .. } => {
                let known = self.requests[request].event.map(|event| event.to_string());
                if known.as_deref() != Some(&response) {
                    self.check.fail(23, "a repeated request heard of another event".to_owned());
                }
                self.requests[request].acknowledged = true;
            }
            Accepted::KeyReused => self.check.fail(23, "the same request was taken for another one".to_owned()),
        }
        self.ends(node);
    }

    fn stored(&mut self, node: usize, request: usize, leased_from: i64, accept: &Accept, places: Vec<Option<Place>>) {
        let event = &accept.events[0];
        let wanted = self.config.outlets.iter().filter(|outlet| outlet.tenant == accept.tenant);
        self.check.stored(event.deliveries.iter().map(|delivery| delivery.destination).collect(), wanted.map(|o| o.id).collect());
        if self.plan.calm && self.plan.tenant_of(request) != 0 {
            event.deliveries.iter().for_each(|delivery| self.check.flow.expect_soon(self.now, delivery.id));
        }
        self.requests[request].event = Some(event.id);
        event.deliveries.iter().for_each(|delivery| self.check.stands(delivery));
        self.note(What::Stored { node, event: request as u32, deliveries: event.deliveries.len() as u32 });
        let holder = (node, self.nodes[node].life);
        for delivery in event.deliveries.iter().filter(|delivery| delivery.leased) {
            self.check.leased(self.now, holder, delivery.id, 1, self.now + LEASE_MS);
        }
        self.perhaps_loses_a_bell();
        // Committed, and nobody has been told.
        if self.perhaps_dies(node) {
            return self.remember_for_later(accept);
        }
        self.acknowledge(request, accept);
        self.hand_over(node, leased_from, accept, places);
    }

    /// Committed without an answer: the next try of the publisher is told of it, and it counts too.
    fn remember_for_later(&mut self, accept: &Accept) {
        self.acknowledged.push(accept.events[0].deliveries.iter().map(|delivery| delivery.id).collect());
    }

    fn acknowledge(&mut self, request: usize, accept: &Accept) {
        let deliveries: Vec<DeliveryId> = accept.events[0].deliveries.iter().map(|delivery| delivery.id).collect();
        self.check.acknowledged(&self.memory, &deliveries);
        self.requests[request].acknowledged = true;
        self.acknowledged.push(deliveries);
        self.note(What::Acknowledged { event: request as u32 });
    }

    fn hand_over(&mut self, node: usize, leased_from: i64, accept: &Accept, places: Vec<Option<Place>>) {
        let event = &accept.events[0];
        let config = self.nodes[node].config.clone();
        for (delivery, place) in event.deliveries.iter().zip(places) {
            let Some(place) = place else { continue };
            self.note(What::HandedOver { node, delivery: self.number(delivery.id) });
            let claimed = Claimed::at_accept(accept.tenant, accept.epoch, event, delivery);
            // The copy that the fan-out was made from.
            let config = config.clone().filter(|config| config.epoch == accept.epoch);
            self.carry(node, claimed, config, leased_from, place);
        }
        if event.deliveries.iter().any(|delivery| !delivery.leased) {
            self.ring(node);
        }
    }
}
