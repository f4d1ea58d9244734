//! What this node has in hand, per destination, and what each destination may be sent now. A slot is
//! taken before work is leased and given back when the work is settled, so that neither a
//! destination's limits nor a tenant's share nor the node's budget of payload bytes is ever
//! exceeded, also right after a crash.
//!
//! What may be sent is decided by `domain::hands`: books behind one lock, held for a few steps and never
//! across an await. Here are the waiting places around them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hookswitch_domain::breaker;
use hookswitch_domain::failing::Failing;
use hookswitch_domain::flow::{Answered, Changes, Class, Limits, Said};
use hookswitch_domain::hands::{Capacity, Hands, Place, Turn, Waiter};
pub use hookswitch_domain::hands::{Of, Room};
use hookswitch_domain::id::{DestinationId, TenantId};
use hookswitch_domain::time::Timestamp;
use hookswitch_store::health::Kept;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

/// What somebody who waits for a turn hears.
struct Grant(oneshot::Sender<bool>);

impl Waiter for Grant {
    fn hear(self, go: bool) -> bool {
        self.0.send(go).is_ok()
    }
}

/// All lanes of this node.
#[derive(Clone)]
pub struct Lanes {
    hands: Arc<Mutex<Hands<Grant>>>,
    /// Rung when there may be something to claim: new work, or a free slot before a backlog.
    pub wake: Arc<Notify>,
    /// Moments of the flows count from here, on the monotonic clock: no clock that is set back
    /// keeps a breaker open.
    began: Instant,
}

impl Default for Lanes {
    fn default() -> Self {
        let hands = Arc::new(Mutex::new(Hands::new(Capacity::default())));
        Self { hands, wake: Arc::default(), began: Instant::now() }
    }
}

/// What people see of a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    pub in_flight_limit: u32,
    pub breaker: breaker::Shown,
}

/// A place for one delivery. Dropping it gives the place back.
pub struct Slot {
    lanes: Lanes,
    place: Place,
}

impl Slot {
    /// Rings when there may be something to claim.
    pub fn wake(&self) -> Arc<Notify> {
        self.lanes.wake.clone()
    }
}

impl Lanes {
    fn hands(&self) -> MutexGuard<'_, Hands<Grant>> {
        self.hands.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn now(&self) -> Timestamp {
        self.moment(Instant::now())
    }

    fn moment(&self, at: Instant) -> Timestamp {
        Timestamp::from_millis(at.saturating_duration_since(self.began).as_millis() as i64)
    }

    /// A slot for work that is about to be accepted: only if it could be sent at once, or soon where
    /// the lane flows, and nothing fresh waits before it in the store. Otherwise the work is a backlog.
    pub fn reserve(&self, of: Of, bytes: usize) -> Option<Slot> {
        let now = self.now();
        let place = self.hands().reserve(of, bytes, now)?;
        Some(Slot { lanes: self.clone(), place })
    }

    /// How much of the lane may be claimed now.
    pub fn room(&self, of: Of) -> Room {
        let now = self.now();
        self.hands().room(of, now)
    }

    /// How much the node may claim in one round.
    pub fn capacity(&self) -> u32 {
        self.hands().capacity()
    }

    /// How much more of this tenant's the node takes: less while others wait.
    pub fn tenant_room(&self, tenant: TenantId) -> u32 {
        self.hands().tenant_room(tenant)
    }

    /// A slot for work that was claimed.
    pub fn claimed(&self, of: Of, class: Class, bytes: usize) -> Slot {
        let now = self.now();
        let place = self.hands().claimed(of, class, bytes, now);
        Slot { lanes: self.clone(), place }
    }

    /// After a claim: whether the lane may hold more of the class than was taken.
    pub fn set_backlog(&self, destination: DestinationId, class: Class, backlog: bool) {
        let now = self.now();
        self.hands().set_backlog(destination, class, backlog, now);
    }

    /// Takes over what the store kept of failing destinations.
    pub fn adopt(&self, kept: &[Kept], limits: impl Fn(TenantId, DestinationId) -> Limits) {
        let now = self.now();
        let mut hands = self.hands();
        for each in kept {
            let of = Of { tenant: each.tenant, destination: each.destination, limits: limits(each.tenant, each.destination) };
            let since = Timestamp::from_millis(now.millis().saturating_sub(each.failing_for_ms));
            let probe_at = Timestamp::from_millis(now.millis().saturating_add(each.probe_in_ms));
            let open = each.failed_probes.map(|failed| (probe_at, failed));
            hands.adopt(of, Failing::recorded(since, each.warned), open, now);
        }
    }

    /// A person lets the destination go on: its past is forgotten.
    pub fn forget_failures(&self, destination: DestinationId) {
        self.hands().forget_failures(destination);
    }

    /// What this node knows of a lane; `None` where there is nothing to know.
    pub fn shown(&self, destination: DestinationId) -> Option<Shown> {
        let (in_flight_limit, breaker) = self.hands().shown(destination)?;
        Some(Shown { in_flight_limit, breaker })
    }

    /// Forgets lanes that nothing has happened on for a while.
    pub fn tidy(&self) {
        let now = self.now();
        self.hands().tidy(now);
    }
}

impl Slot {
    pub const fn class(&self) -> Class {
        self.place.class
    }

    /// Whether the lane has something to send once this place is free.
    pub fn is_waited_for(&self) -> bool {
        self.lanes.hands().is_waited_for(self.place.destination)
    }

    /// Waits until this may be sent. `false`: give it back unsent.
    pub async fn turn(&mut self) -> bool {
        loop {
            // Handed over at accept, without a rate: it was its turn already.
            if self.place.is_on_its_way() {
                return true;
            }
            let (now, mut granted) = (self.lanes.now(), None);
            let turn = self.lanes.hands().turn(&mut self.place, now, || {
                let (grant, heard) = oneshot::channel();
                granted = Some(heard);
                Grant(grant)
            });
            match turn {
                Turn::Go => return true,
                Turn::Refused => return false,
                Turn::At(moment) => {
                    tokio::time::sleep_until(self.lanes.began + Duration::from_millis(moment.millis().max(0) as u64)).await;
                    return self.lanes.hands().may_send(&self.place);
                }
                Turn::Wait => {
                    let Some(granted) = granted else { return false };
                    if granted.await != Ok(true) {
                        return false;
                    }
                    self.place.flying = true;
                    let waited = self.lanes.now().since(now);
                    self.lanes.hands().waited(&mut self.place, waited);
                }
            }
        }
    }

    /// Tells the lane what the receiver said to what was sent at `started`. `unit` is a random number.
    pub fn answered(&mut self, said: Said, started: Instant, unit: f64) -> Changes {
        self.place.answered = true;
        let (started_at, now) = (self.lanes.moment(started), self.lanes.now());
        let answered = Answered { sent: self.place.sent, started_at, said };
        self.lanes.hands().answered(self.place.destination, answered, now, unit)
    }

    /// How long it is until a moment of the lane's flow.
    pub fn until(&self, moment: Timestamp) -> Duration {
        moment.since(self.lanes.now())
    }

    /// How long ago a moment of the lane's flow is.
    pub fn since(&self, moment: Timestamp) -> Duration {
        self.lanes.now().since(moment)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let now = self.lanes.now();
        let wake = self.lanes.hands().give_back(&self.place, now);
        if wake {
            self.lanes.wake.notify_one();
        }
    }
}

#[cfg(test)]
mod tests;
