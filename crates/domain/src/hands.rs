//! What one node has in hand: a place is taken before work is leased and given back when it is settled,
//! so that neither a destination's limits nor a tenant's share nor the node's budget is ever exceeded,
//! also right after a crash. The node's lanes and the simulator drive the same books.
//!
//! * [`Hands`] are the books ([`books`]): what may be taken up, and whose turn it is.
//! * [`Rounds`] share what a claim may take out among tenants, lanes and classes ([`rounds`]).
//!
//! Whatever is held back stays in the store and costs no attempt. Pure: moments are handed in, and
//! whoever waits for a turn is a [`Waiter`].

mod books;
mod rounds;

use std::time::Duration;

use crate::breaker::Sent;
use crate::flow::{Class, Limits};
use crate::id::{DestinationId, TenantId};
use crate::time::Timestamp;

pub use books::Hands;
pub use rounds::{Open, Portion, Rounds};

/// What a node may have in hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Deliveries.
    pub count: usize,
    /// Bytes of their payloads.
    pub bytes: usize,
    /// What one claim takes at most.
    pub per_round: usize,
}

impl Default for Capacity {
    fn default() -> Self {
        Self { count: 4_096, bytes: 64 << 20, per_round: 256 }
    }
}

/// Which lane, and what it is configured with.
#[derive(Debug, Clone, Copy)]
pub struct Of {
    pub tenant: TenantId,
    pub destination: DestinationId,
    pub limits: Limits,
}

/// How much of a lane may be claimed now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Room {
    pub fresh: u32,
    pub retries: u32,
    pub replays: u32,
    /// One delivery alone, to ask whether the receiver is back.
    pub probe: bool,
    /// When there is room again, where time alone makes it.
    pub until: Option<Timestamp>,
}

impl Room {
    pub fn of(&self, class: Class) -> u32 {
        match class {
            Class::Fresh => self.fresh,
            Class::Retry => self.retries,
            Class::Replay => self.replays,
        }
    }

    pub fn is_none(&self) -> bool {
        self.fresh + self.retries + self.replays == 0
    }
}

/// What the books know a delivery in hand by.
#[derive(Debug, Clone)]
pub struct Place {
    pub tenant: TenantId,
    pub destination: DestinationId,
    pub class: Class,
    pub bytes: usize,
    pub sent: Sent,
    /// Counts among the requests in the air.
    pub flying: bool,
    /// Has no place of the rate limit yet.
    pub unpaced: bool,
    pub answered: bool,
    pub taken: Timestamp,
    /// For its turn.
    pub waited: Duration,
}

impl Place {
    /// It was its turn when it was taken.
    pub const fn is_on_its_way(&self) -> bool {
        self.flying && !self.unpaced
    }
}

/// Somebody who waits for a turn.
pub trait Waiter {
    /// `go`: it is in the air now; else it is given back unsent. Returns whether anybody heard.
    fn hear(self, go: bool) -> bool;
}

/// What somebody hears who asks whether it is its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    Go,
    /// Not any more: the breaker opened, or the receiver asked for a rest.
    Refused,
    /// The rate limit's place.
    At(Timestamp),
    /// The waiter that was made hears of it.
    Wait,
}
