//! What a history is made of, drawn from its seed: machines, destinations, policies, and how often
//! what goes wrong.

use std::time::Duration;

use hookswitch_domain::destination::{Hold, MAX_IN_FLIGHT_DEFAULT};
use hookswitch_domain::hands::Capacity;
use hookswitch_domain::retry::{OnExhausted, Policy};

use crate::receiver::Temper;
use crate::rng::Rng;

/// Where every history begins, in milliseconds.
pub const BEGIN: i64 = 1_700_000_000_000;

/// Small, so that a few deliveries fill a node.
pub const CAPACITY: usize = 20;

/// Clocks of nodes are wrong by up to this (invariant 6).
const SKEW_MS: i64 = 600_000;

#[derive(Debug, Clone)]
pub struct Plan {
    /// How wrong each node's clock is.
    pub skews_ms: Vec<i64>,
    pub tenants: usize,
    pub destinations: Vec<DestinationPlan>,
    pub events: u32,
    /// Events of the first tenant that come at once, on top.
    pub burst: u32,
    /// Nothing goes wrong but the busy tenant's receivers, so that what the others get can be judged.
    pub calm: bool,
    /// How long things go wrong.
    pub chaos_ms: i64,
    /// A node looks at least this often.
    pub poll_ms: i64,
    /// After the chaos everything has to be finished within this.
    pub patience_ms: i64,
    pub faults: Faults,
}

#[derive(Debug, Clone)]
pub struct DestinationPlan {
    pub tenant: usize,
    pub policy: Policy,
    pub max_in_flight: u32,
    pub rate_per_second: Option<u32>,
    pub temper: Temper,
    pub hold: Option<Hold>,
    /// One after the other per ordering key.
    pub ordered: bool,
}

/// How often in a thousand, each time it could.
#[derive(Debug, Clone, Copy)]
pub struct Faults {
    /// A node dies between two steps.
    pub crash: u32,
    /// The store is away, or the process stalls, before a result is written.
    pub stall: u32,
    /// A bell is lost to the race that PostgreSQL allows.
    pub lost_bell: u32,
    /// A secret can't be resolved.
    pub secret: u32,
    /// How many times people and machines do something.
    pub doings: u32,
}

impl Plan {
    pub fn draw(rng: &mut Rng) -> Self {
        // Most histories are minutes long; some live through the default schedule's three days.
        let slow = rng.chance(100);
        let nodes = 1 + rng.index(3);
        let hour = 3_600_000;
        let tenants = 1 + rng.index(3);
        // A few go on until a destination that only fails is given up.
        let longest = if rng.chance(200) { 8 * 24 } else { 60 };
        let plan = Self {
            skews_ms: (0..nodes).map(|_| rng.between(-SKEW_MS, SKEW_MS)).collect(),
            tenants,
            destinations: (0..1 + rng.index(3)).map(|place| DestinationPlan::draw(rng, slow, place % tenants)).collect(),
            events: 3 + rng.below(14) as u32,
            burst: if !slow && rng.chance(120) { 20 + rng.below(40) as u32 } else { 0 },
            calm: false,
            chaos_ms: if slow { rng.between(10 * hour, longest * hour) } else { rng.between(20_000, 400_000) },
            poll_ms: if slow { 600_000 } else { 5_000 },
            patience_ms: if slow { 60 * hour } else { 2 * hour },
            faults: Faults::draw(rng),
        };
        if plan.burst > 0 && rng.chance(600) { plan.calmed(rng) } else { plan }
    }

    /// Two tenants: one with a burst to receivers that never answer, and one with a few events.
    fn calmed(self, rng: &mut Rng) -> Self {
        let mut destinations: Vec<_> = (0..3).map(|place| DestinationPlan::draw(rng, false, usize::from(place == 2))).collect();
        for each in &mut destinations {
            (each.hold, each.ordered, each.rate_per_second, each.max_in_flight) = (None, false, None, MAX_IN_FLIGHT_DEFAULT);
            each.temper = if each.tenant == 0 { Temper { hangs: 1_000, ..Temper::GOOD } } else { Temper::GOOD };
            each.policy.timeout_ms = 60_000;
        }
        let faults = Faults { crash: 0, stall: 0, lost_bell: 0, secret: 0, doings: 0 };
        Self { tenants: 2, destinations, events: 4 + rng.below(6) as u32, calm: true, chaos_ms: 100_000, faults, ..self }
    }

    pub fn capacity() -> Capacity {
        Capacity { count: CAPACITY, per_round: 6, ..Capacity::default() }
    }

    /// Whose request it is. Bursts are the first tenant's.
    pub fn tenant_of(&self, request: usize) -> usize {
        match request {
            _ if request >= self.events as usize => 0,
            _ if self.calm => 1,
            _ => request % self.tenants,
        }
    }

    /// The longest that another tenant's event waits for a burst to make room: some looks.
    pub fn fair_within_ms(&self) -> i64 {
        3 * self.poll_ms
    }
}

impl DestinationPlan {
    fn draw(rng: &mut Rng, slow: bool, tenant: usize) -> Self {
        let ends = [OnExhausted::DeadLetter, OnExhausted::DeadLetter, OnExhausted::Park, OnExhausted::Discard];
        let quick = Policy {
            max_attempts: 1 + rng.below(6) as u32,
            schedule_seconds: vec![0, 1, 2 + rng.below(5), 10, 20],
            timeout_ms: *rng.pick(&[1_000, 5_000, 15_000, 60_000]),
            jitter: rng.unit(),
            on_exhausted: *rng.pick(&ends),
        };
        Self {
            tenant,
            policy: if slow { Policy::default() } else { quick },
            max_in_flight: *rng.pick(&[1, 2, MAX_IN_FLIGHT_DEFAULT]),
            rate_per_second: rng.chance(250).then(|| 1 + rng.below(4) as u32),
            temper: Temper::draw(rng),
            hold: rng.chance(100).then_some(Hold::Paused),
            ordered: rng.chance(300),
        }
    }

    pub fn timeout(&self) -> Duration {
        self.policy.timeout()
    }
}

impl Faults {
    fn draw(rng: &mut Rng) -> Self {
        let mut often = |most: u64| if rng.chance(300) { 0 } else { rng.below(most) as u32 };
        Self { crash: often(60), stall: often(80), lost_bell: often(100), secret: often(60), doings: often(14) }
    }
}
