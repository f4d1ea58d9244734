//! When each event was sent, accepted and received. One slot per event, found by the marker in its
//! payload; atomics, because the load and the receiver run on threads of their own.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::clock;

/// Markers have ten digits, so that a prebuilt request can be patched in place.
pub const FIRST_MARKER: u64 = 1_000_000_000;
const MARKER_KEY: &[u8] = b"\"marker\":";

/// Enough for the bare relay at full speed; the load stops when it is used up.
pub const CAPACITY: usize = 1_000_000;

pub struct Ledger {
    slots: Vec<Slot>,
    arrivals: AtomicU64,
    repeats: AtomicU64,
    strangers: AtomicU64,
}

#[derive(Default)]
pub struct Slot {
    pub sent: AtomicU64,
    pub accepted: AtomicU64,
    pub arrived: AtomicU64,
}

impl Ledger {
    pub fn new() -> Self {
        let slots = std::iter::repeat_with(Slot::default).take(CAPACITY).collect();
        Self { slots, arrivals: AtomicU64::new(0), repeats: AtomicU64::new(0), strangers: AtomicU64::new(0) }
    }

    pub fn slot(&self, event: u64) -> Option<&Slot> {
        self.slots.get(event as usize)
    }

    pub fn slots(&self, events: std::ops::Range<u64>) -> &[Slot] {
        let end = (events.end as usize).min(self.slots.len());
        &self.slots[(events.start as usize).min(end)..end]
    }

    /// Called by the receiver for every delivery.
    pub fn arrive(&self, body: &[u8]) {
        let now = clock::nanos();
        let Some(slot) = marker(body).and_then(|marker| self.slot(marker - FIRST_MARKER)) else {
            self.strangers.fetch_add(1, Relaxed);
            return;
        };
        if slot.arrived.compare_exchange(0, now, Relaxed, Relaxed).is_ok() {
            self.arrivals.fetch_add(1, Relaxed);
        } else {
            self.repeats.fetch_add(1, Relaxed);
        }
    }

    /// Events that arrived at least once.
    pub fn arrivals(&self) -> u64 {
        self.arrivals.load(Relaxed)
    }

    pub fn repeats(&self) -> u64 {
        self.repeats.load(Relaxed)
    }

    pub fn strangers(&self) -> u64 {
        self.strangers.load(Relaxed)
    }
}

/// The marker in a delivery's body: the payload stands inside an envelope, its bytes untouched.
pub fn marker(body: &[u8]) -> Option<u64> {
    let at = body.windows(MARKER_KEY.len()).position(|window| window == MARKER_KEY)? + MARKER_KEY.len();
    let digits = body.get(at..at + 10)?;
    let marker = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (marker >= FIRST_MARKER).then_some(marker)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_delivery_counts_once_and_keeps_its_first_time() {
        let ledger = Ledger::new();
        ledger.arrive(br#"{"payload":{"marker":1000000007,"x":1}}"#);
        let first = ledger.slots[7].arrived.load(Relaxed);
        ledger.arrive(br#"{"payload":{"marker":1000000007,"x":1}}"#);
        ledger.arrive(br#"{"payload":{}}"#);
        assert_eq!((ledger.arrivals(), ledger.repeats(), ledger.strangers()), (1, 1, 1));
        assert_eq!(ledger.slots[7].arrived.load(Relaxed), first);
    }
}
