//! A delivery in hand waits for its turn, and gives its place back (`outbound/lanes.rs`).

use std::sync::Arc;

use hookswitch_domain::breaker::Sent;
use hookswitch_domain::flow::Changes;
use hookswitch_domain::hands::{Place, Turn};
use hookswitch_domain::time::Timestamp;
use hookswitch_store::queue::Claimed;

use crate::check::Goes;
use crate::mutant::Mutant;
use crate::node::{Config, Node, Ticket, Work};
use crate::world::{Event, World};

impl World {
    pub fn carry(&mut self, node: usize, claimed: Claimed, config: Option<Arc<Config>>, leased_from: i64, place: Place) {
        let (life, came, flies) = (self.nodes[node].life, self.now, place.flying);
        self.works.push(Work {
            node,
            life,
            claimed,
            config,
            leased_from,
            came,
            place: Some(place),
            // Handed over at accept it was its turn already.
            turned: flies,
            sent_at: 0,
            waits_since: 0,
            outcome: None,
            changes: Changes::default(),
        });
        self.open_works += 1;
        let work = self.works.len() - 1;
        let slow = !self.plan.calm && self.rng.chance(100);
        let delay = self.rng.between(0, if slow { 100_000 } else { 10 });
        self.later(delay, Event::Begin(work));
    }

    /// The place is given back.
    pub fn put_down(&mut self, work: usize) {
        let Some(place) = self.works[work].place.take() else { return };
        let (node, life, destination) = (self.works[work].node, self.works[work].life, place.destination);
        self.open_works -= 1;
        let wake = self.nodes[node].hands.give_back(&place, Timestamp::from_millis(self.now));
        if !place.answered {
            self.check.flow.put_down((node, life), destination, work);
        }
        self.hear(node);
        // The end of an ordering key's head makes the next one due.
        if !self.ends(node) && (wake || self.works[work].claimed.key.is_some()) {
            self.ring(node);
        }
    }

    /// Those who waited for a turn hear whether it has come.
    pub fn hear(&mut self, node: usize) {
        let heard = std::mem::take(&mut *self.nodes[node].heard.borrow_mut());
        for (work, go) in heard {
            let (now, since) = (self.moment(), Timestamp::from_millis(self.works[work].waits_since));
            let Some(place) = self.works[work].place.as_mut() else { continue };
            if !go {
                self.later(0, Event::Paced(work));
                continue;
            }
            place.flying = true;
            self.nodes[node].hands.waited(place, now.since(since));
            self.goes(work);
            self.later(0, Event::Begin(work));
        }
    }

    pub fn as_it_goes(&self, work: usize) -> Option<Goes> {
        let Work { node, life, place, .. } = &self.works[work];
        let place = place.as_ref()?;
        let (destination, is_probe) = (place.destination, place.sent == Sent::Probe);
        Some(Goes { holder: (*node, *life), destination, work, is_probe })
    }

    /// Its turn has come: what the books say to that.
    fn goes(&mut self, work: usize) {
        let Some(goes) = self.as_it_goes(work) else { return };
        self.works[work].turned = true;
        let found = self.check.flow.goes(self.now, goes);
        self.check.mind(found);
    }

    /// Asks whether it may be sent.
    pub fn begin(&mut self, work: usize) {
        let (node, life) = (self.works[work].node, self.works[work].life);
        if !self.is_alive(node, life) {
            return;
        }
        let Some(mut place) = self.works[work].place.take() else { return };
        if place.is_on_its_way() || self.mutant == Some(Mutant::IgnoresTheCap) {
            self.works[work].place = Some(place);
            return self.proceed(work);
        }
        let Node { hands, heard, .. } = &mut self.nodes[node];
        let turn = hands.turn(&mut place, Timestamp::from_millis(self.now), || Ticket { work, heard: heard.clone() });
        self.works[work].place = Some(place);
        self.works[work].waits_since = self.now;
        self.hear(node);
        match turn {
            Turn::Wait => return,
            Turn::Refused if self.mutant != Some(Mutant::SendsThroughTheBreaker) => return self.release(work),
            _ if !self.works[work].turned => self.goes(work),
            _ => {}
        }
        match turn {
            Turn::At(moment) if self.mutant != Some(Mutant::IgnoresTheRate) => {
                self.check.flow.paced += 1;
                self.later(moment.millis() - self.now, Event::Paced(work));
            }
            _ => self.proceed(work),
        }
    }

    /// After a wait for the rate limit, or sent back by one whose turn it is not.
    pub fn paced(&mut self, work: usize) {
        let (node, life) = (self.works[work].node, self.works[work].life);
        if !self.is_alive(node, life) {
            return;
        }
        let Some(place) = &self.works[work].place else { return };
        let may = place.flying && self.nodes[node].hands.may_send(place);
        if !may && (self.mutant != Some(Mutant::SendsThroughTheBreaker) || !place.flying) {
            return self.release(work);
        }
        self.proceed(work);
    }
}
