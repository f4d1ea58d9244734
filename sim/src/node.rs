//! A node as a sender is: its clock, its copy of the configuration, what it has in hand. All of it
//! is lost in a crash.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hookswitch_domain::delivery::Outcome;
use hookswitch_domain::destination::{Hold, MAX_IN_FLIGHT_DEFAULT};
use hookswitch_domain::id::DestinationId;
use hookswitch_domain::lease::{Before, LEASE};
use hookswitch_domain::retry::Policy;
use hookswitch_domain::time::Timestamp;
use hookswitch_store::queue::Claimed;

/// The tenant's outbound configuration, as it is copied.
#[derive(Debug, Clone)]
pub struct Config {
    pub epoch: i64,
    pub paused: bool,
    pub outlets: Vec<Outlet>,
}

#[derive(Debug, Clone)]
pub struct Outlet {
    pub id: DestinationId,
    pub revision: i64,
    pub hold: Option<Hold>,
    pub policy: Policy,
    pub max_in_flight: u32,
    pub ordered: bool,
}

impl Config {
    pub fn outlet(&self, id: DestinationId) -> Option<&Outlet> {
        self.outlets.iter().find(|outlet| outlet.id == id)
    }
}

#[derive(Debug, Default)]
pub struct Node {
    pub skew_ms: i64,
    pub up: bool,
    /// Goes up with every start: what belongs to an earlier life is void.
    pub life: u32,
    pub stopping: bool,
    pub config: Option<Arc<Config>>,
    pub in_hand: BTreeMap<DestinationId, u32>,
    pub in_the_air: BTreeMap<DestinationId, u32>,
    /// A look is on its way.
    pub rung: bool,
}

impl Node {
    /// Its own clock, right or wrong.
    pub fn clock(&self, now: i64) -> Timestamp {
        Timestamp::from_millis(now + self.skew_ms)
    }

    pub fn cap(&self, destination: DestinationId) -> u32 {
        let outlet = self.config.as_ref().and_then(|config| config.outlet(destination).map(|outlet| outlet.max_in_flight));
        outlet.unwrap_or(MAX_IN_FLIGHT_DEFAULT)
    }

    pub fn room(&self, destination: DestinationId) -> u32 {
        self.cap(destination).saturating_sub(self.in_hand.get(&destination).copied().unwrap_or(0))
    }

    pub fn take(&mut self, destination: DestinationId) {
        *self.in_hand.entry(destination).or_default() += 1;
    }

    pub fn give_back(&mut self, destination: DestinationId) {
        lower(&mut self.in_hand, destination);
    }

    pub fn land(&mut self, destination: DestinationId) {
        lower(&mut self.in_the_air, destination);
    }

    /// Requests in the air to this destination.
    pub fn flying(&self, destination: DestinationId) -> u32 {
        self.in_the_air.get(&destination).copied().unwrap_or(0)
    }

    pub fn is_idle(&self) -> bool {
        self.in_hand.values().all(|count| *count == 0)
    }

    pub fn die(&mut self) {
        *self = Self { skew_ms: self.skew_ms, life: self.life + 1, ..Self::default() };
    }

    pub fn start(&mut self) {
        (self.up, self.stopping) = (true, false);
        self.life += 1;
    }
}

fn lower(counts: &mut BTreeMap<DestinationId, u32>, destination: DestinationId) {
    if let Some(count) = counts.get_mut(&destination) {
        *count = count.saturating_sub(1);
    }
}

/// A delivery in a node's hands.
#[derive(Debug, Clone)]
pub struct Work {
    pub node: usize,
    pub life: u32,
    pub claimed: Claimed,
    pub config: Option<Arc<Config>>,
    /// From before the commit that leased it, on a clock that nobody sets.
    pub leased_from: i64,
    pub came: i64,
    pub flying: bool,
    pub outcome: Option<Outcome>,
}

impl Work {
    /// What the sender knows just before the request goes out.
    pub fn before(&self, now: i64, config: &Config, outlet: &Outlet, stopping: bool) -> Before {
        Before {
            held: outlet.hold.is_some() || config.paused,
            stopping,
            interruptions: self.claimed.interruptions,
            timeout: outlet.policy.timeout(),
            lease_left: LEASE.saturating_sub(Duration::from_millis((now - self.leased_from).max(0) as u64)),
        }
    }
}
