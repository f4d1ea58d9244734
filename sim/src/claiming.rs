//! How a node takes up what waits: look, share out, claim (`outbound/worker.rs`).

use std::collections::BTreeMap;

use hookswitch_domain::failing::Failing;
use hookswitch_domain::flow::Class;
use hookswitch_domain::hands::{Open, Portion};
use hookswitch_domain::id::{DestinationId, TenantId};
use hookswitch_domain::time::Timestamp;
use hookswitch_store::queue::{Claimed, Lane, Want};

use crate::mutant::Mutant;
use crate::node::{Node, Outlet, of};
use crate::plan::CAPACITY;
use crate::trace::What;
use crate::world::{Event, LEASE_MS, World};

const LANES_PER_LOOK: usize = 256;

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
        if polls {
            self.sweep(node);
        }
        let pause = if self.nodes[node].stopping { self.plan.poll_ms } else { self.claim_what_fits(node) };
        if polls && self.is_alive(node, life) {
            self.later(pause.clamp(1, self.plan.poll_ms), Event::Look { node, life, polls: true });
        }
    }

    /// Lost bells are mended, and what other nodes saw of failing destinations is taken over.
    fn sweep(&mut self, node: usize) {
        if self.mutant != Some(Mutant::NeverSweeps) {
            self.memory.sweep();
        }
        let (config, now) = (self.config_at(node, 0), self.moment());
        let kept: Vec<_> = self.memory.health.iter().map(|(id, health)| (*id, *health)).collect();
        let holder = (node, self.nodes[node].life);
        let hands = &mut self.nodes[node].hands;
        for (id, health) in kept {
            let Some(outlet) = config.outlet(id) else { continue };
            let failing = Failing::recorded(Timestamp::from_millis(health.failing_since), health.warned);
            let open = health.failed_probes.map(|failed| (Timestamp::from_millis(health.not_before), failed));
            hands.adopt(outlet.of(), failing, open, now);
        }
        hands.tidy(now);
        for outlet in config.outlets.iter().filter(|outlet| hands.shown(outlet.id).is_none()) {
            self.check.flow.forget(holder, outlet.id);
        }
    }

    /// The moment by which leases are judged.
    fn database_clock(&self, node: usize) -> i64 {
        match self.mutant {
            Some(Mutant::LeasesByTheNodesClock) => self.nodes[node].clock(self.now).millis(),
            _ => self.now,
        }
    }

    /// One round, as the worker does it. Returns when to look again.
    fn claim_what_fits(&mut self, node: usize) -> i64 {
        let (clock, now, poll) = (self.database_clock(node), self.moment(), self.plan.poll_ms);
        // Known before the first claim, so that the limits hold right after a start too.
        let config = self.config_at(node, 0);
        let capacity = self.nodes[node].hands.capacity();
        if capacity == 0 {
            return poll;
        }
        let look = self.memory.look(clock, LANES_PER_LOOK);
        let (mut open, mut pause) = (Vec::new(), look.next_in_ms.unwrap_or(poll));
        for lane in look.ready {
            let mut room = self.nodes[node].hands.room(of(&config, lane), now);
            if let Some(until) = room.until {
                pause = pause.min(until.millis() - self.now);
            }
            if self.mutant == Some(Mutant::LetsRetriesCrowdOut) && !room.is_none() && !room.probe {
                (room.retries, room.replays) = (capacity, capacity);
            }
            if !room.is_none() {
                open.push(Open { tenant: lane.tenant, lane, room });
            }
        }
        let portions = self.portions(node, &open, capacity);
        if portions.is_empty() || self.perhaps_dies(node) {
            return pause;
        }
        if self.claim(node, clock, &portions) > 0 && self.nodes[node].up {
            // There may be more.
            self.ring(node);
        }
        pause
    }

    fn portions(&mut self, node: usize, open: &[Open<TenantId, Lane>], capacity: u32) -> Vec<Portion<Lane>> {
        let whole = |lane: Lane, count: u32| {
            let of = [Class::Fresh, Class::Retry, Class::Replay].map(|class| (class, count));
            Portion { lane, all: count, of, probe: false }
        };
        match self.mutant {
            Some(Mutant::ClaimsBehindAHold) => {
                let lane = |outlet: &Outlet| Lane { destination: outlet.id, tenant: outlet.tenant };
                return self.config.outlets.iter().map(|outlet| whole(lane(outlet), 1)).collect();
            }
            Some(Mutant::SharesByArrival) => return open.iter().map(|each| whole(each.lane, capacity)).collect(),
            _ => {}
        }
        let Node { hands, rounds, .. } = &mut self.nodes[node];
        let tenants = open.iter().map(|each| (each.tenant, hands.tenant_room(each.tenant)));
        let rooms: BTreeMap<TenantId, u32> = tenants.collect();
        rounds.share(open, capacity, |tenant| rooms.get(tenant).copied().unwrap_or(0))
    }

    /// Returns how many were leased.
    fn claim(&mut self, node: usize, clock: i64, portions: &[Portion<Lane>]) -> usize {
        let want = |portion: &Portion<Lane>| Want {
            lane: portion.lane,
            all: portion.all.into(),
            of: portion.of.map(|(class, count)| (class, i64::from(count))),
            probe: portion.probe,
            ordered: true,
        };
        let (leased_from, before) = (self.now, self.check.takeovers);
        let claimed = self.memory.claim(clock, portions.iter().map(want).collect(), LEASE_MS);
        let is_probe = |lane: DestinationId| portions.iter().any(|each| each.lane.destination == lane && each.probe);
        for each in &claimed {
            self.check.claimed_from(&self.memory, each.destination);
            let found = self.check.flow.claimed_from(self.now, each.destination);
            self.check.mind(found);
            self.check.leased(self.now, (node, self.nodes[node].life), each.delivery, each.claim, clock + LEASE_MS);
            let interrupted = self.check.takeovers > before;
            self.note(What::Claimed { node, delivery: self.number(each.delivery), claim: each.claim, interrupted });
        }
        for each in claimed.iter().filter(|each| is_probe(each.destination)) {
            self.check.flow.probing(each.destination, self.now + LEASE_MS);
        }
        if claimed.iter().any(|each| each.class.is_late() && !is_probe(each.destination)) {
            let late =
                self.works.iter().filter(|work| work.node == node && work.place.as_ref().is_some_and(|p| p.class.is_late()));
            let found = self.check.flow.late_claimed(late.count(), CAPACITY / 10);
            self.check.mind(found);
        }
        self.perhaps_loses_a_bell();
        // Leased, and nobody will ever send it.
        if claimed.is_empty() || self.perhaps_dies(node) {
            return 0;
        }
        self.take_in_hand(node, portions, claimed, leased_from)
    }

    fn take_in_hand(&mut self, node: usize, portions: &[Portion<Lane>], claimed: Vec<Claimed>, leased_from: i64) -> usize {
        let (mut got, count) = (BTreeMap::new(), claimed.len());
        for each in claimed {
            *got.entry((each.destination, each.class)).or_insert(0) += 1;
            let config = self.config_at(node, each.epoch);
            let lane = Lane { destination: each.destination, tenant: each.tenant };
            let place = self.nodes[node].hands.claimed(of(&config, lane), each.class, 0, Timestamp::from_millis(self.now));
            self.carry(node, each, Some(config), leased_from, place);
        }
        for portion in portions {
            let destination = portion.lane.destination;
            for (class, backlog) in portion.backlogs(|class| got.get(&(destination, class)).copied().unwrap_or(0)) {
                self.nodes[node].hands.set_backlog(destination, class, backlog, Timestamp::from_millis(self.now));
            }
        }
        count
    }
}
