//! What a history is made of, drawn from its seed: machines, destinations, policies, and how often
//! what goes wrong.

use std::time::Duration;

use hookswitch_domain::destination::{Hold, MAX_IN_FLIGHT_DEFAULT};
use hookswitch_domain::retry::{OnExhausted, Policy};

use crate::receiver::Temper;
use crate::rng::Rng;

/// Where every history begins, in milliseconds.
pub const BEGIN: i64 = 1_700_000_000_000;

/// Clocks of nodes are wrong by up to this (invariant 6).
const SKEW_MS: i64 = 600_000;

#[derive(Debug, Clone)]
pub struct Plan {
    /// How wrong each node's clock is.
    pub skews_ms: Vec<i64>,
    pub destinations: Vec<DestinationPlan>,
    pub events: u32,
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
    pub policy: Policy,
    pub max_in_flight: u32,
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
        Self {
            skews_ms: (0..nodes).map(|_| rng.between(-SKEW_MS, SKEW_MS)).collect(),
            destinations: (0..1 + rng.index(3)).map(|_| DestinationPlan::draw(rng, slow)).collect(),
            events: 3 + rng.below(14) as u32,
            chaos_ms: if slow { rng.between(10 * hour, 60 * hour) } else { rng.between(20_000, 400_000) },
            poll_ms: if slow { 600_000 } else { 5_000 },
            patience_ms: if slow { 60 * hour } else { 2 * hour },
            faults: Faults::draw(rng),
        }
    }
}

impl DestinationPlan {
    fn draw(rng: &mut Rng, slow: bool) -> Self {
        let ends = [OnExhausted::DeadLetter, OnExhausted::DeadLetter, OnExhausted::Park, OnExhausted::Discard];
        let quick = Policy {
            max_attempts: 1 + rng.below(6) as u32,
            schedule_seconds: vec![0, 1, 2 + rng.below(5), 10, 20],
            timeout_ms: *rng.pick(&[1_000, 5_000, 15_000, 60_000]),
            jitter: rng.unit(),
            on_exhausted: *rng.pick(&ends),
        };
        Self {
            policy: if slow { Policy::default() } else { quick },
            max_in_flight: *rng.pick(&[1, 2, MAX_IN_FLIGHT_DEFAULT]),
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
