//! A node as a sender is: its clock, its copy of the configuration, what it has in hand. All of it
//! is lost in a crash.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use hookswitch_domain::delivery::Outcome;
use hookswitch_domain::destination::{Hold, MAX_IN_FLIGHT_DEFAULT};
use hookswitch_domain::flow::{Changes, Limits};
use hookswitch_domain::hands::{Hands, Of, Place, Rounds, Waiter};
use hookswitch_domain::id::{DestinationId, TenantId};
use hookswitch_domain::lease::{Before, LEASE};
use hookswitch_domain::retry::Policy;
use hookswitch_domain::time::Timestamp;
use hookswitch_store::queue::{Claimed, Lane};

use crate::plan::Plan;

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
    pub tenant: TenantId,
    pub revision: i64,
    pub hold: Option<Hold>,
    pub policy: Policy,
    pub max_in_flight: u32,
    pub rate_per_second: Option<u32>,
    pub ordered: bool,
}

impl Outlet {
    pub fn of(&self) -> Of {
        let limits = Limits { max_in_flight: self.max_in_flight, rate_per_second: self.rate_per_second };
        Of { tenant: self.tenant, destination: self.id, limits }
    }
}

impl Config {
    pub fn outlet(&self, id: DestinationId) -> Option<&Outlet> {
        self.outlets.iter().find(|outlet| outlet.id == id)
    }
}

/// What this node has of a lane, or what holds until it knows.
pub fn of(config: &Config, lane: Lane) -> Of {
    let Lane { tenant, destination } = lane;
    let unknown = Limits { max_in_flight: MAX_IN_FLIGHT_DEFAULT, rate_per_second: None };
    config.outlet(destination).map_or(Of { tenant, destination, limits: unknown }, Outlet::of)
}

/// Who waits for a turn, and the box in which the answer is found.
pub struct Ticket {
    pub work: usize,
    pub heard: Rc<RefCell<Vec<(usize, bool)>>>,
}

impl Waiter for Ticket {
    fn hear(self, go: bool) -> bool {
        self.heard.borrow_mut().push((self.work, go));
        true
    }
}

pub struct Node {
    pub skew_ms: i64,
    pub up: bool,
    /// Goes up with every start: what belongs to an earlier life is void.
    pub life: u32,
    pub stopping: bool,
    pub config: Option<Arc<Config>>,
    /// Production's books.
    pub hands: Hands<Ticket>,
    pub rounds: Rounds<TenantId, Lane>,
    /// What those who wait for a turn heard.
    pub heard: Rc<RefCell<Vec<(usize, bool)>>>,
    /// Requests in the air, counted apart from the books.
    pub in_the_air: BTreeMap<DestinationId, u32>,
    /// A look is on its way.
    pub rung: bool,
}

impl Node {
    pub fn new(skew_ms: i64) -> Self {
        Self {
            skew_ms,
            up: false,
            life: 0,
            stopping: false,
            config: None,
            hands: Hands::new(Plan::capacity()),
            rounds: Rounds::default(),
            heard: Rc::default(),
            in_the_air: BTreeMap::new(),
            rung: false,
        }
    }

    /// Its own clock, right or wrong.
    pub fn clock(&self, now: i64) -> Timestamp {
        Timestamp::from_millis(now + self.skew_ms)
    }

    pub fn land(&mut self, destination: DestinationId) {
        if let Some(count) = self.in_the_air.get_mut(&destination) {
            *count = count.saturating_sub(1);
        }
    }

    /// Requests in the air to this destination.
    pub fn flying(&self, destination: DestinationId) -> u32 {
        self.in_the_air.get(&destination).copied().unwrap_or(0)
    }

    pub fn is_idle(&self) -> bool {
        self.hands.is_at_rest()
    }

    pub fn die(&mut self) {
        *self = Self { life: self.life + 1, ..Self::new(self.skew_ms) };
    }

    pub fn start(&mut self) {
        (self.up, self.stopping) = (true, false);
        self.life += 1;
    }
}

/// A delivery in a node's hands.
pub struct Work {
    pub node: usize,
    pub life: u32,
    pub claimed: Claimed,
    pub config: Option<Arc<Config>>,
    /// From before the commit that leased it, on a clock that nobody sets.
    pub leased_from: i64,
    pub came: i64,
    /// Until it is put down.
    pub place: Option<Place>,
    /// It was its turn (on the clock that nobody sets).
    pub turned: bool,
    pub sent_at: i64,
    pub waits_since: i64,
    pub outcome: Option<Outcome>,
    /// What the answer changed about its destination.
    pub changes: Changes,
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
