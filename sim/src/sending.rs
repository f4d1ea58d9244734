//! What a node does with what waits: look, claim, one more look, send, settle. Each is a step of
//! its own, and the node may die before and after each.

use std::sync::Arc;

use hookswitch_domain::delivery::{InHand, Next, Outcome, State};
use hookswitch_domain::destination::Hold;
use hookswitch_domain::lease::{self, After, Begin};
use hookswitch_domain::signature::message_id;
use hookswitch_store::queue::{AttemptRecord, Claimed, Settle};

use crate::check::Settling;
use crate::mutant::Mutant;
use crate::node::{Config, Outlet, Work};
use crate::receiver::Reaction;
use crate::trace::What;
use crate::world::{Event, LEASE_MS, World};

const LANES_PER_LOOK: usize = 256;
/// Whoever waited longer for its turn looks at its delivery again (`LOOK_AGAIN` of the sender).
const LOOK_AGAIN_MS: i64 = 250;

impl World {
    /// Wakes a node, unless it is awake already.
    pub fn ring(&mut self, node: usize) {
        let life = self.nodes[node].life;
        if self.nodes[node].up && !std::mem::replace(&mut self.nodes[node].rung, true) {
            let delay = self.rng.between(0, 3);
            self.later(delay, Event::Look { node, life, polls: false });
        }
    }

    pub fn perhaps_loses_a_bell(&mut self) {
        if self.healed_at.is_none() && self.rng.chance(self.plan.faults.lost_bell) {
            let destination = self.rng.pick(&self.config.outlets).id;
            self.memory.lose_bell(destination);
        }
    }

    pub fn look(&mut self, node: usize, life: u32, polls: bool) {
        if !self.is_alive(node, life) {
            return;
        }
        self.nodes[node].rung = false;
        if polls && self.mutant != Some(Mutant::NeverSweeps) {
            self.memory.sweep();
        }
        if !self.nodes[node].stopping {
            self.claim_what_fits(node);
        }
        if polls && self.is_alive(node, life) {
            let clock = self.database_clock(node);
            let next = self.memory.look(clock, LANES_PER_LOOK).next_in_ms.unwrap_or(self.plan.poll_ms);
            self.later(next.clamp(1, self.plan.poll_ms), Event::Look { node, life, polls: true });
        }
    }

    /// The moment by which leases are judged.
    fn database_clock(&self, node: usize) -> i64 {
        match self.mutant {
            Some(Mutant::LeasesByTheNodesClock) => self.nodes[node].clock(self.now).millis(),
            _ => self.now,
        }
    }

    fn claim_what_fits(&mut self, node: usize) {
        // Known before the first claim, so that the cap holds right after a start too.
        self.config_at(node, 0);
        let clock = self.database_clock(node);
        let ready = self.memory.look(clock, LANES_PER_LOOK).ready;
        let all = self.mutant == Some(Mutant::IgnoresTheCap);
        let room = |lane| if all { 100 } else { i64::from(self.nodes[node].room(lane)) };
        let mut wanted: Vec<_> = ready.into_iter().map(|lane| (lane, room(lane.destination))).collect();
        if self.mutant == Some(Mutant::ClaimsBehindAHold) {
            let any = |outlet: &Outlet| (hookswitch_store::queue::Lane { destination: outlet.id, tenant: self.tenant }, 1);
            wanted = self.config.outlets.iter().map(any).collect();
        }
        wanted.retain(|(_, room)| *room > 0);
        if wanted.is_empty() || self.perhaps_dies(node) {
            return;
        }
        let leased_from = self.now;
        let before = self.check.takeovers;
        let claimed = self.memory.claim(clock, wanted, LEASE_MS);
        for each in &claimed {
            self.check.claimed_from(&self.memory, each.destination);
            self.check.leased(self.now, (node, self.nodes[node].life), each.delivery, each.claim, clock + LEASE_MS);
            let interrupted = self.check.takeovers > before;
            self.note(What::Claimed { node, delivery: self.number(each.delivery), claim: each.claim, interrupted });
        }
        self.perhaps_loses_a_bell();
        // Leased, and nobody will ever send it.
        if claimed.is_empty() || self.perhaps_dies(node) {
            return;
        }
        for each in claimed {
            self.nodes[node].take(each.destination);
            let config = self.config_at(node, each.epoch);
            self.carry(node, each, Some(config), leased_from);
        }
    }

    pub fn carry(&mut self, node: usize, claimed: Claimed, config: Option<Arc<Config>>, leased_from: i64) {
        let life = self.nodes[node].life;
        let came = self.now;
        self.works.push(Work { node, life, claimed, config, leased_from, came, flying: true, outcome: None });
        self.open_works += 1;
        let delay = if self.rng.chance(100) { self.rng.between(0, 100_000) } else { self.rng.between(0, 10) };
        self.later(delay, Event::Begin(self.works.len() - 1));
    }

    /// The slot is given back.
    fn put_down(&mut self, work: usize) {
        let (node, destination) = (self.works[work].node, self.works[work].claimed.destination);
        if !std::mem::replace(&mut self.works[work].flying, false) {
            return;
        }
        self.open_works -= 1;
        self.nodes[node].give_back(destination);
        if !self.ends(node) {
            self.ring(node);
        }
    }

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

    pub fn begin(&mut self, work: usize) {
        let (node, life) = (self.works[work].node, self.works[work].life);
        if !self.is_alive(node, life) {
            return;
        }
        let (id, claim, epoch) = {
            let claimed = &self.works[work].claimed;
            (claimed.delivery, claimed.claim, claimed.epoch)
        };
        let mut config = match self.works[work].config.clone() {
            Some(config) => config,
            None => self.config_at(node, epoch),
        };
        let destination = self.works[work].claimed.destination;
        let cap = config.outlet(destination).map_or(1, |outlet| outlet.max_in_flight);
        if self.nodes[node].flying(destination) >= cap && self.mutant != Some(Mutant::IgnoresTheCap) {
            // Its turn comes when another one has landed.
            let delay = self.rng.between(20, 400);
            return self.later(delay, Event::Begin(work));
        }
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

    fn release(&mut self, work: usize) {
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
        self.works[work].outcome = Some(reaction.outcome(self.nodes[node].clock(self.now)));
        let stalls = self.healed_at.is_none() && self.rng.chance(self.plan.faults.stall);
        let delay = if stalls { self.rng.between(0, 200_000) } else { self.rng.between(0, 10) };
        self.later(delay, Event::Settle(work));
    }

    pub fn settle(&mut self, work: usize) {
        let (node, life) = (self.works[work].node, self.works[work].life);
        if !self.is_alive(node, life) || self.perhaps_dies(node) {
            return;
        }
        let Work { claimed, config, outcome, .. } = self.works[work].clone();
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
        if self.healed_at.is_some() {
            self.people_tidy_up(claimed.delivery, claimed.destination);
        }
        if !self.perhaps_dies(node) {
            self.put_down(work);
        }
    }

    fn wait(&self, next: &Next, outcome: &Outcome, now: hookswitch_domain::time::Timestamp) -> After {
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
}
