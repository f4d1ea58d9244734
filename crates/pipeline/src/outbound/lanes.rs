//! What this node has in hand, per destination. A slot is taken before work is leased and given
//! back when the work is settled, so that neither `max_in_flight` nor the node's budget of payload
//! bytes is ever exceeded, also right after a crash.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hookswitch_domain::id::DestinationId;
use tokio::sync::{Notify, Semaphore};

/// Claimed work may wait in memory for its turn: this many times `max_in_flight`, so that the next
/// request is at hand when one ends.
const PREFETCH: u32 = 2;

/// Payload bytes in hand on this node.
const BYTES_MAX: usize = 64 << 20;
/// Deliveries in hand on this node.
const COUNT_MAX: usize = 4_096;

struct Lane {
    in_hand: u32,
    /// Work is (or may be) waiting in the store: newcomers queue behind it.
    backlog: bool,
    gate: Arc<Semaphore>,
    max_in_flight: u32,
}

#[derive(Default)]
struct Hands {
    lanes: HashMap<DestinationId, Lane>,
    bytes: usize,
    count: usize,
}

/// All lanes of this node.
#[derive(Clone, Default)]
pub struct Lanes {
    hands: Arc<Mutex<Hands>>,
    /// Rung when there may be something to claim: new work, or a free slot before a backlog.
    pub wake: Arc<Notify>,
}

/// A place for one delivery. Dropping it gives the place back.
pub struct Slot {
    lanes: Lanes,
    destination: DestinationId,
    bytes: usize,
    /// Only `max_in_flight` slots of a lane get through at once.
    pub gate: Arc<Semaphore>,
}

impl Slot {
    /// Rings when there may be something to claim.
    pub fn wake(&self) -> Arc<Notify> {
        self.lanes.wake.clone()
    }
}

impl Lanes {
    fn hands(&self) -> MutexGuard<'_, Hands> {
        self.hands.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A slot for work that is about to be accepted: only if it could be sent at once and nothing
    /// waits before it. Otherwise the work is a backlog.
    pub fn reserve(&self, destination: DestinationId, max_in_flight: u32, bytes: usize) -> Option<Slot> {
        let mut hands = self.hands();
        let room = hands.bytes + bytes <= BYTES_MAX && hands.count < COUNT_MAX;
        let lane = hands.lane(destination, max_in_flight);
        if lane.backlog || lane.in_hand >= max_in_flight || !room {
            lane.backlog = true;
            return None;
        }
        Some(self.take(&mut hands, destination, bytes))
    }

    /// How many of the lane's deliveries may be claimed now.
    pub fn room(&self, destination: DestinationId) -> u32 {
        let hands = self.hands();
        if hands.bytes >= BYTES_MAX || hands.count >= COUNT_MAX {
            return 0;
        }
        let free = (COUNT_MAX - hands.count) as u32;
        match hands.lanes.get(&destination) {
            Some(lane) => (lane.max_in_flight * PREFETCH).saturating_sub(lane.in_hand).min(free),
            // Its figures come with its configuration, when the first claimed delivery is looked at.
            None => hookswitch_domain::destination::MAX_IN_FLIGHT_DEFAULT.min(free),
        }
    }

    /// A slot for work that was claimed.
    pub fn claimed(&self, destination: DestinationId, bytes: usize) -> Slot {
        let mut hands = self.hands();
        hands.lane(destination, hookswitch_domain::destination::MAX_IN_FLIGHT_DEFAULT);
        self.take(&mut hands, destination, bytes)
    }

    /// After a claim: whether the lane may hold more than was taken.
    pub fn set_backlog(&self, destination: DestinationId, backlog: bool) {
        if let Some(lane) = self.hands().lanes.get_mut(&destination) {
            lane.backlog = backlog;
        }
    }

    /// Follows a change of the destination's `max_in_flight`.
    pub fn configure(&self, destination: DestinationId, max_in_flight: u32) -> Arc<Semaphore> {
        self.hands().lane_configured(destination, max_in_flight).gate.clone()
    }

    fn take(&self, hands: &mut Hands, destination: DestinationId, bytes: usize) -> Slot {
        hands.bytes += bytes;
        hands.count += 1;
        let lane = hands.lane(destination, hookswitch_domain::destination::MAX_IN_FLIGHT_DEFAULT);
        lane.in_hand += 1;
        Slot { lanes: self.clone(), destination, bytes, gate: lane.gate.clone() }
    }
}

impl Hands {
    fn lane(&mut self, destination: DestinationId, max_in_flight: u32) -> &mut Lane {
        self.lanes.entry(destination).or_insert_with(|| Lane {
            in_hand: 0,
            backlog: false,
            gate: Arc::new(Semaphore::new(max_in_flight as usize)),
            max_in_flight,
        })
    }

    fn lane_configured(&mut self, destination: DestinationId, max_in_flight: u32) -> &mut Lane {
        let lane = self.lane(destination, max_in_flight);
        if lane.max_in_flight != max_in_flight {
            // What is in the air keeps its permit of the old gate; what comes next takes the new one.
            lane.gate = Arc::new(Semaphore::new(max_in_flight as usize));
            lane.max_in_flight = max_in_flight;
        }
        lane
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut hands = self.lanes.hands();
        hands.bytes -= self.bytes;
        hands.count -= 1;
        let mut wake = false;
        if let Some(lane) = hands.lanes.get_mut(&self.destination) {
            lane.in_hand -= 1;
            // Half empty: claim for many slots at once rather than for each.
            wake = lane.backlog && lane.in_hand <= lane.max_in_flight;
            if lane.in_hand == 0 && !lane.backlog {
                hands.lanes.remove(&self.destination);
            }
        }
        drop(hands);
        if wake {
            self.lanes.wake.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn destination(number: u128) -> DestinationId {
        DestinationId(uuid::Uuid::from_u128(number))
    }

    #[test]
    fn a_full_lane_sends_newcomers_to_the_store_until_its_backlog_is_claimed() {
        let lanes = Lanes::default();
        let one = lanes.reserve(destination(1), 1, 10).unwrap();
        assert!(lanes.reserve(destination(1), 1, 10).is_none());
        drop(one);
        assert!(lanes.reserve(destination(1), 1, 10).is_none(), "what waits in the store goes first");
        lanes.set_backlog(destination(1), false);
        assert!(lanes.reserve(destination(1), 1, 10).is_some());
    }

    #[test]
    fn one_lane_never_takes_another_ones_slots() {
        let lanes = Lanes::default();
        let _full = lanes.reserve(destination(1), 1, 10).unwrap();
        assert!(lanes.reserve(destination(1), 1, 10).is_none());
        assert!(lanes.reserve(destination(2), 1, 10).is_some());
    }

    #[test]
    fn the_nodes_byte_budget_holds() {
        let lanes = Lanes::default();
        let _big = lanes.reserve(destination(1), 5, BYTES_MAX).unwrap();
        assert!(lanes.reserve(destination(2), 5, 1).is_none());
        assert_eq!(lanes.room(destination(3)), 0);
    }

    #[test]
    fn everything_given_back_leaves_nothing_behind() {
        let lanes = Lanes::default();
        drop((0..10).map(|n| lanes.reserve(destination(n), 1, 7).unwrap()).collect::<Vec<_>>());
        let hands = lanes.hands();
        assert_eq!((hands.bytes, hands.count, hands.lanes.len()), (0, 0, 0));
    }
}
