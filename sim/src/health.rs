//! What the store keeps of destinations that fail, in memory: what `store/src/health.rs` does in SQL.

use hookswitch_domain::id::DestinationId;

use crate::memory::Memory;
use crate::mutant::Mutant;

#[derive(Debug, Default, Clone, Copy)]
pub struct Health {
    pub failing_since: i64,
    pub warned: u32,
    /// Present while a breaker is open.
    pub failed_probes: Option<u32>,
    /// Nothing is claimed before this.
    pub not_before: i64,
}

impl Memory {
    pub fn may_be_claimed(&self, now: i64, destination: DestinationId) -> bool {
        let after = self.health.get(&destination).map_or(i64::MIN, |health| health.not_before);
        after <= now || self.mutant == Some(Mutant::ClaimsPastTheBreaker)
    }

    /// `false`: this many warnings or more were given before.
    pub fn record_failing(&mut self, destination: DestinationId, since: i64, warned: u32) -> bool {
        if !self.lanes.contains_key(&destination) {
            return false;
        }
        if let Some(known) = self.health.get_mut(&destination) {
            let more = known.warned < warned;
            known.warned = known.warned.max(warned);
            return more;
        }
        self.health.insert(destination, Health { failing_since: since, warned, ..Health::default() });
        true
    }

    pub fn open_breaker(&mut self, now: i64, destination: DestinationId, failed_probes: u32, wait_ms: i64) {
        if self.lanes.contains_key(&destination) && self.mutant != Some(Mutant::KeepsTheBreakerToItself) {
            let health = self.health.entry(destination).or_insert(Health { failing_since: now, ..Health::default() });
            (health.failed_probes, health.not_before) = (Some(failed_probes), now + wait_ms);
        }
    }

    /// The lane's one probe: `false` if another node was faster.
    pub(crate) fn take_probe(&mut self, now: i64, destination: DestinationId, hold_ms: i64) -> bool {
        if !self.may_be_claimed(now, destination) {
            return false;
        }
        if let Some(health) = self.health.get_mut(&destination) {
            health.not_before = now + hold_ms;
        }
        true
    }

    pub(crate) fn give_probe_back(&mut self, now: i64, destination: DestinationId) {
        if let Some(health) = self.health.get_mut(&destination) {
            health.not_before = now;
        }
    }
}
