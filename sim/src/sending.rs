//! What a node does with a delivery whose turn has come: one more look, send, settle. Each is a step of
//! its own, and the node may die before and after each.

use hookswitch_domain::breaker;
use hookswitch_domain::delivery::{InHand, Next, Outcome, State};
use hookswitch_domain::destination::Hold;
use hookswitch_domain::failing::{Change, DISABLE_AFTER};
use hookswitch_domain::flow::{Answered, Changes, Said};
use hookswitch_domain::id::DestinationId;
use hookswitch_domain::lease::{self, After, Begin};
use hookswitch_domain::signature::message_id;
use hookswitch_domain::time::Timestamp;
use hookswitch_store::queue::{AttemptRecord, Claimed, Settle};

use crate::check::Settling;
use crate::mutant::Mutant;
use crate::node::{Outlet, Work};
use crate::receiver::Reaction;
use crate::trace::What;
use crate::world::{Event, World};

/// Whoever waited longer for its turn looks at its delivery again (`LOOK_AGAIN` of the sender).
const LOOK_AGAIN_MS: i64 = 250;

impl World {
    /// A node that is told to end does so once its hands are empty.
    pub fn ends(&mut self, node: usize) -> bool {
        let ends = self.nodes[node].up && self.nodes[node].stopping && self.nodes[node].is_idle();
        if ends {
            self.check.stopped(self.now, &self.memory, (node, self.nodes[node].life));
            self.nodes[node].die();
            let delay = self.rng.between(100, 20_000);
            self.later(delay, Event::Start(node));
        }
        ends
    }

    pub fn proceed(&mut self, work: usize) {
        let node = self.works[work].node;
        let (id, claim, epoch) = {
            let claimed = &self.works[work].claimed;
            (claimed.delivery, claimed.claim, claimed.epoch)
        };
        let mut config = match self.works[work].config.clone() {
            Some(config) => config,
            None => self.config_at(node, epoch),
        };
        let destination = self.works[work].claimed.destination;
        if self.now - self.works[work].came >= LOOK_AGAIN_MS {
            // Cancelled or taken over meanwhile: nothing is left to do.
            let Some(epoch) = self.memory.still_held(id, claim) else { return self.put_down(work) };
            config = self.config_at(node, epoch);
        }
        let Some(outlet) = config.outlet(destination).cloned() else { return self.put_down(work) };
        let mut before = self.works[work].before(self.now, &config, &outlet, self.nodes[node].stopping);
        if self.mutant == Some(Mutant::SendsWithoutLookingAtTheLease) {
            before.lease_left = lease::LEASE;
        }
        self.works[work].config = Some(config);
        match lease::begin(before) {
            Begin::Send => self.send(work, &outlet),
            Begin::Release => self.release(work),
            Begin::GiveUp => {
                self.works[work].outcome = Some(Outcome::Forbidden);
                self.later(1, Event::Settle(work));
            }
        }
    }

    pub fn release(&mut self, work: usize) {
        let (node, id, claim) = (self.works[work].node, self.works[work].claimed.delivery, self.works[work].claimed.claim);
        if self.perhaps_dies(node) {
            return;
        }
        if self.mutant != Some(Mutant::EndsWithItsHandsFull) {
            self.memory.release(self.now, id, claim);
            self.check.released(id, claim);
            self.note(What::Released { node, delivery: self.number(id) });
        }
        self.put_down(work);
    }

    fn send(&mut self, work: usize, outlet: &Outlet) {
        let claimed = self.works[work].claimed.clone();
        let node = self.works[work].node;
        if self.healed_at.is_none() && self.rng.chance(self.plan.faults.secret) {
            self.works[work].outcome = Some(Outcome::SecretUnavailable);
            return self.later(1, Event::Settle(work));
        }
        let mut message = message_id(claimed.tenant, claimed.event, claimed.destination);
        if self.mutant == Some(Mutant::RenamesOnRetry) {
            message.push_str(&claimed.attempts.to_string());
        }
        let ends_by = self.now + outlet.policy.timeout_ms as i64;
        self.check.sent(self.now, &self.memory, claimed.delivery, claimed.claim, ends_by, &message);
        let found = self.check.flow.went_out(self.now, claimed.delivery, self.plan.fair_within_ms());
        self.check.mind(found);
        let holder = (node, self.works[work].life);
        let found = self.check.flow.sent(self.now, holder, outlet.id, outlet.rate_per_second);
        self.check.mind(found);
        self.works[work].sent_at = self.now;
        *self.nodes[node].in_the_air.entry(outlet.id).or_default() += 1;
        let count = self.nodes[node].flying(outlet.id);
        // A lowered cap doesn't call back what is in the air.
        let cap = self.plan.destinations.iter().map(|each| each.max_in_flight).max().unwrap_or(0).max(outlet.max_in_flight);
        let steady = self.config.outlet(outlet.id).is_some_and(|now| now.revision == 1);
        self.check.in_the_air(count, if steady { outlet.max_in_flight } else { cap });
        self.note(What::Sent { node, delivery: self.number(claimed.delivery), number: claimed.attempts + 1 });
        // The bytes may be on their way when the node dies.
        let dies = self.perhaps_dies(node);
        if !dies || self.rng.chance(500) {
            let delay = self.rng.between(1, 300);
            self.later(delay, Event::Arrive { work, answered: !dies });
        }
    }

    /// At the receiver, which knows nothing of our nodes.
    pub fn arrive(&mut self, work: usize, answered: bool) {
        let claimed = &self.works[work].claimed;
        let (id, destination) = (claimed.delivery, claimed.destination);
        let temper = self.tempers.get(&destination).copied().unwrap_or_default();
        let reaction = temper.react(&mut self.rng, self.now);
        self.note(What::Arrived { delivery: self.number(id), status: reaction.status() });
        if !answered {
            return;
        }
        let timeout = self.works[work].config.as_ref().and_then(|config| config.outlet(destination).map(|o| o.policy.timeout_ms));
        let timeout = timeout.unwrap_or(1_000) as i64;
        let delay = match reaction {
            Reaction::Hangs => timeout - 300,
            _ => self.rng.between(0, 300).min(timeout - 300),
        };
        self.later(delay, Event::Answer { work, reaction });
    }

    pub fn answer(&mut self, work: usize, reaction: Reaction) {
        let (node, life, destination) = (self.works[work].node, self.works[work].life, self.works[work].claimed.destination);
        if !self.is_alive(node, life) {
            return;
        }
        self.nodes[node].land(destination);
        let outcome = reaction.outcome(self.nodes[node].clock(self.now));
        self.learn(work, &outcome, reaction);
        self.works[work].outcome = Some(outcome);
        let stalls = self.healed_at.is_none() && self.rng.chance(self.plan.faults.stall);
        let delay = if stalls { self.rng.between(0, 200_000) } else { self.rng.between(0, 10) };
        self.later(delay, Event::Settle(work));
    }

    /// The lane learns from the answer.
    fn learn(&mut self, work: usize, outcome: &Outcome, reaction: Reaction) {
        let status = Some(reaction.status()).filter(|status| *status > 0);
        let (Some(said), Some(goes)) = (Said::of(outcome, status, reaction == Reaction::Hangs), self.as_it_goes(work)) else {
            return;
        };
        let (now, unit) = (self.moment(), self.rng.unit());
        let node = self.works[work].node;
        let started_at = Timestamp::from_millis(self.works[work].sent_at);
        let Some(place) = self.works[work].place.as_mut() else { return };
        place.answered = true;
        let heard = match said {
            Said::TooMuch { .. } if self.mutant == Some(Mutant::ForgetsToRest) => Said::Failed,
            said => said,
        };
        let answered = Answered { sent: place.sent, started_at, said: heard };
        let hands = &mut self.nodes[node].hands;
        let was_closed = hands.shown(goes.destination).is_none_or(|(_, breaker)| breaker == breaker::Shown::Closed);
        self.works[work].changes = hands.answered(goes.destination, answered, now, unit);
        self.check.flow.answered(self.now, goes, said, was_closed);
        self.hear(node);
    }

    pub fn settle(&mut self, work: usize) {
        let (node, life) = (self.works[work].node, self.works[work].life);
        if !self.is_alive(node, life) || self.perhaps_dies(node) {
            return;
        }
        let (claimed, config, outcome) = {
            let Work { claimed, config, outcome, .. } = &self.works[work];
            (claimed.clone(), config.clone(), outcome.clone())
        };
        let (Some(config), Some(outcome)) = (config, outcome) else { return self.put_down(work) };
        let Some(outlet) = config.outlet(claimed.destination) else { return self.put_down(work) };
        let mut policy = outlet.policy.clone();
        if self.mutant == Some(Mutant::NeverGivesUp) {
            policy.max_attempts = u32::MAX;
        }
        let now = self.nodes[node].clock(self.now);
        let settled = InHand { attempts_made: claimed.attempts }.settle(&outcome, &policy, now, self.rng.unit());
        let unchanged = self.config.outlet(outlet.id).is_some_and(|now| now.revision == outlet.revision && now.hold.is_none());
        if settled.disable_destination {
            self.hold_gone(&claimed, outlet);
            if self.perhaps_dies(node) {
                return;
            }
        }
        let written = Settle {
            tenant: claimed.tenant,
            delivery: claimed.delivery,
            destination: claimed.destination,
            claim: claimed.claim,
            state: settled.next.state(),
            after: self.wait(&settled.next, &outcome, now),
            attempts: settled.attempt_number.unwrap_or(claimed.attempts),
            parked_reason: None,
            record: AttemptRecord {
                record: claimed.records + 1,
                number: settled.attempt_number,
                outcome: "",
                started_at: now,
                status: None,
                reason: String::new(),
                detail: String::new(),
            },
            key: claimed.key.clone(),
        };
        self.write(node, &written, &outcome, outlet, unchanged);
        if self.perhaps_dies(node) {
            return;
        }
        self.follow(work);
        if self.healed_at.is_some() {
            self.people_tidy_up(claimed.delivery, claimed.destination);
        }
        if !self.perhaps_dies(node) {
            self.put_down(work);
        }
    }

    fn wait(&self, next: &Next, outcome: &Outcome, now: Timestamp) -> After {
        let after = lease::after(*next, now);
        match (self.mutant, after, outcome) {
            (Some(Mutant::RetriesAtOnce), After::DueIn(_), _) => After::DueIn(0),
            (Some(Mutant::ForgetsTheExhausted), After::Held, _) => After::Finished,
            (Some(Mutant::ListensToEveryWish), After::DueIn(_), Outcome::Retryable { retry_after: Some(wish) }) => {
                After::DueIn(wish.as_millis() as i64)
            }
            _ => after,
        }
    }

    fn write(&mut self, node: usize, settle: &Settle, outcome: &Outcome, outlet: &Outlet, unchanged: bool) {
        let before = self.memory.deliveries.get(&settle.delivery).cloned();
        let written = self.memory.settle(self.now, settle);
        self.note(What::Settled { node, delivery: self.number(settle.delivery), state: settle.state.as_str(), stale: !written });
        let (delivery, claim, policy) = (settle.delivery, settle.claim, &outlet.policy);
        let settling = Settling { delivery, claim, outcome, policy, written, before, unchanged };
        self.check.settled(self.now, &self.memory, &settling);
        self.perhaps_loses_a_bell();
        if self.mutant == Some(Mutant::SendsTheDelivered) && settle.state == State::Delivered && self.rng.chance(100) {
            self.memory.resurrect(self.now, settle.delivery);
        }
    }

    /// Only what is as it was when the request went out, and still ours.
    fn hold_gone(&mut self, claimed: &Claimed, outlet: &Outlet) {
        let same = self.config.outlet(outlet.id).is_some_and(|now| now.hold.is_none() && now.revision == outlet.revision);
        if same && self.memory.is_claimed(claimed.delivery, claimed.claim) && self.mutant != Some(Mutant::IgnoresGone) {
            self.set_hold(claimed.destination, Some(Hold::ReceiverGone));
        }
    }

    /// Writes down what an answer changed about its destination (`outbound/health.rs`).
    fn follow(&mut self, work: usize) {
        let Changes { breaker, failing } = std::mem::take(&mut self.works[work].changes);
        let (destination, now) = (self.works[work].claimed.destination, self.now);
        match failing {
            Some(Change::Clear) => {
                self.memory.health.remove(&destination);
                self.check.flow.cleared(destination);
            }
            Some(Change::Record { since }) => drop(self.memory.record_failing(destination, since.millis(), 0)),
            Some(Change::Warn { since, .. }) if self.mutant == Some(Mutant::GivesUpTooSoon) => {
                self.memory.record_failing(destination, since.millis(), 9);
                self.give_up(destination, 0);
            }
            Some(Change::Warn { since, warning }) => {
                self.memory.record_failing(destination, since.millis(), warning);
            }
            Some(Change::Disable { .. }) => self.give_up(destination, DISABLE_AFTER.as_millis() as i64),
            None => {}
        }
        let clears = matches!(failing, Some(Change::Clear | Change::Disable { .. }));
        if let Some(breaker::Change::Opened { probe_at, failed_probes }) = breaker.filter(|_| !clears) {
            self.memory.open_breaker(now, destination, failed_probes, probe_at.millis() - now);
            if self.memory.lanes.contains_key(&destination) {
                self.check.flow.opened(destination, probe_at.millis());
            }
        }
    }

    /// Looks again in the store: another node may have had a success, or a person been there.
    fn give_up(&mut self, destination: DestinationId, after_ms: i64) {
        let lasted = self.memory.health.get(&destination).map_or(-1, |health| self.now - health.failing_since);
        let open = self.config.outlet(destination).is_some_and(|outlet| outlet.hold.is_none());
        if open && lasted >= after_ms {
            let found = self.check.flow.disabled(self.now, destination);
            self.check.mind(found);
            self.set_hold(destination, Some(Hold::Failing));
        }
    }
}
