//! What happened, step by step: small values while a history runs, text only once somebody reads.

use std::fmt;

use hookswitch_domain::time::Timestamp;

/// One step. Nodes, destinations and deliveries go by small numbers, in the order of their making.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    pub at: i64,
    pub what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Stored { node: usize, event: u32, deliveries: u32 },
    Refused { node: usize },
    Acknowledged { event: u32 },
    Claimed { node: usize, delivery: u32, claim: i64, interrupted: bool },
    HandedOver { node: usize, delivery: u32 },
    Released { node: usize, delivery: u32 },
    Sent { node: usize, delivery: u32, number: u32 },
    Arrived { delivery: u32, status: u16 },
    Settled { node: usize, delivery: u32, state: &'static str, stale: bool },
    Crashed { node: usize },
    Started { node: usize },
    Stopping { node: usize },
    Person { did: &'static str, subject: u32 },
    Healed,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  {:?}", Timestamp::from_millis(self.at), self.what)
    }
}
