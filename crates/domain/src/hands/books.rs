//! The books: what is in hand of each lane and each tenant, and who waits for a turn.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::{Capacity, Of, Place, Room, Turn, Waiter};
use crate::breaker::{self, Sent};
use crate::failing::Failing;
use crate::flow::{Answered, Changes, Class, Flow, Limits, Permit};
use crate::id::{DestinationId, TenantId};
use crate::time::Timestamp;

/// Claimed work may wait in memory for its turn: this many times what may be in the air, so that the
/// next request is at hand when one ends.
const PREFETCH: u32 = 2;
/// Fresh work of a lane that flows may wait in memory up to so many times, so that a busy destination
/// isn't fed by small claims.
const DEPTH_MAX: u32 = 8;
/// A lane flows while its slots pass the gate this fast and are given back this soon; it stops when
/// one waited so long for its turn.
const FLOWS: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(250));
const STOPS: Duration = Duration::from_millis(250);

/// A claim doesn't know sizes before it has read the rows; it is bounded as if all were this large
/// (the default of `limits.event_bytes`).
const PAYLOAD_ASSUMED: usize = 256 << 10;

/// Retries and replays together have at most this share of the node, and of a lane while fresh work
/// waits in it (reliability.md 5: 10 %).
const LATE_SHARE: usize = 10;
/// A tenant's share of the node while others wait, and when none does: somebody may come at any moment
/// (reliability.md 5: 20 %).
const TENANT_SHARE: usize = 5;
const TENANT_SHARE_ALONE: (usize, usize) = (4, 5);

/// Work is paced in memory for at most so long.
const PACED_AHEAD: Duration = Duration::from_secs(1);

/// A lane that nothing happened on for so long is forgotten; one that is failing is remembered for
/// longer than any two attempts lie apart.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);
const FAILING_FORGOTTEN_AFTER: Duration = Duration::from_secs(48 * 3_600);

struct Lane<W> {
    flow: Flow,
    tenant: TenantId,
    limits: Limits,
    in_hand: u32,
    /// Of them retries and replays.
    late: u32,
    flying: u32,
    /// In hand without a place of the rate limit.
    unpaced: u32,
    /// So many times what may be in the air is taken in hand: 1 to [`DEPTH_MAX`].
    depth: u32,
    queue: VecDeque<W>,
    /// By class: work is (or may be) waiting in the store. Fresh newcomers queue behind fresh work.
    backlog: [bool; 3],
    touched: Timestamp,
}

#[derive(Debug, Default)]
struct Tenant {
    in_hand: usize,
    bytes: usize,
    /// Its lanes with a backlog.
    waiting: usize,
}

/// All that a node has in hand.
pub struct Hands<W> {
    capacity: Capacity,
    lanes: HashMap<DestinationId, Lane<W>>,
    tenants: HashMap<TenantId, Tenant>,
    /// Tenants with a lane that has a backlog.
    tenants_waiting: usize,
    bytes: usize,
    count: usize,
    late: usize,
    /// Somebody found the node full: the worker is rung once there is room.
    starved: bool,
}

impl<W: Waiter> Hands<W> {
    pub fn new(capacity: Capacity) -> Self {
        Self {
            capacity,
            lanes: HashMap::new(),
            tenants: HashMap::new(),
            tenants_waiting: 0,
            bytes: 0,
            count: 0,
            late: 0,
            starved: false,
        }
    }

    fn lane(&mut self, of: Of, now: Timestamp) -> &mut Lane<W> {
        let lane = self.lanes.entry(of.destination).or_insert_with(|| Lane {
            flow: Flow::new(of.limits),
            tenant: of.tenant,
            limits: of.limits,
            in_hand: 0,
            late: 0,
            flying: 0,
            unpaced: 0,
            depth: 1,
            queue: VecDeque::new(),
            backlog: [false; 3],
            touched: now,
        });
        lane.touched = now;
        if lane.limits != of.limits {
            lane.limits = of.limits;
            lane.flow.configure(of.limits);
        }
        lane
    }

    /// Takes over what the store kept of a destination that fails.
    pub fn adopt(&mut self, of: Of, failing: Failing, open: Option<(Timestamp, u32)>, now: Timestamp) {
        self.lane(of, now).flow.adopt(failing, open);
    }

    /// A person lets the destination go on: its past is forgotten.
    pub fn forget_failures(&mut self, destination: DestinationId) {
        if let Some(lane) = self.lanes.get_mut(&destination) {
            lane.flow.reset();
        }
    }

    /// What may be in the air, and the breaker; `None` where there is nothing to know.
    pub fn shown(&self, destination: DestinationId) -> Option<(u32, breaker::Shown)> {
        self.lanes.get(&destination).map(|lane| (lane.flow.in_flight_limit(), lane.flow.breaker()))
    }

    /// A place for work that is about to be accepted: only if it could be sent at once, or soon where
    /// the lane flows, and nothing fresh waits before it in the store. Otherwise the work is a backlog.
    pub fn reserve(&mut self, of: Of, bytes: usize, now: Timestamp) -> Option<Place> {
        let room = self.bytes + bytes <= self.capacity.bytes
            && self.count < self.capacity.count
            && self.tenant_has_room(of.tenant, bytes);
        self.starved |= !room;
        let lane = self.lane(of, now);
        let (at_once, soon) = match lane.flow.permit(now) {
            Permit::Open { in_flight } => {
                let soon = lane.depth > 1 && lane.in_hand - lane.late < in_flight * lane.depth;
                (lane.flying < in_flight && lane.queue.is_empty(), soon)
            }
            _ => (false, false),
        };
        let free = room && !lane.backlog[0] && lane.flow.rate_free(now) > lane.unpaced;
        if !(free && (at_once || soon)) {
            self.set_backlog(of.destination, Class::Fresh, true, now);
            return None;
        }
        lane.flow.begin(Class::Fresh, now);
        lane.flying += u32::from(at_once);
        let place = self.take(of, Class::Fresh, bytes, now);
        Some(Place { flying: at_once, ..place })
    }

    /// A place for work that was claimed.
    pub fn claimed(&mut self, of: Of, class: Class, bytes: usize, now: Timestamp) -> Place {
        let sent = self.lane(of, now).flow.begin(class, now);
        let place = self.take(of, class, bytes, now);
        Place { sent, ..place }
    }

    fn take(&mut self, of: Of, class: Class, bytes: usize, now: Timestamp) -> Place {
        let late = class.is_late();
        self.bytes += bytes;
        self.count += 1;
        self.late += usize::from(late);
        let tenant = self.tenants.entry(of.tenant).or_default();
        tenant.in_hand += 1;
        tenant.bytes += bytes;
        let lane = self.lane(of, now);
        lane.in_hand += 1;
        lane.late += u32::from(late);
        let unpaced = lane.flow.has_rate();
        lane.unpaced += u32::from(unpaced);
        let Of { tenant, destination, .. } = of;
        Place {
            tenant,
            destination,
            class,
            bytes,
            sent: Sent::Freely,
            flying: false,
            unpaced,
            answered: false,
            taken: now,
            waited: Duration::ZERO,
        }
    }

    /// How much of the lane may be claimed now.
    pub fn room(&mut self, of: Of, now: Timestamp) -> Room {
        let late_free = (self.capacity.count / LATE_SHARE).saturating_sub(self.late) as u32;
        let lane = self.lane(of, now);
        let in_flight = match lane.flow.permit(now) {
            Permit::Shut { until } => return Room { until, ..Room::default() },
            // One at a time, of whatever is due.
            Permit::Probe => return Room { fresh: 1, retries: 1, replays: 1, probe: true, until: None },
            Permit::Open { in_flight } => in_flight,
        };
        let paced = lane.flow.rate_free(now.plus(PACED_AHEAD)).saturating_sub(lane.unpaced);
        if paced == 0 {
            // What is in hand may have all the places, and wait for something else than time.
            let until = Some(lane.flow.rate_next(now)).filter(|until| *until > now);
            return Room { until, ..Room::default() };
        }
        let fresh = (in_flight * lane.depth.max(PREFETCH)).saturating_sub(lane.in_hand - lane.late).min(paced);
        // A newcomer queues behind what is in hand: of what can wait that is little.
        let all = in_flight * PREFETCH;
        let beside_fresh = (all / LATE_SHARE as u32).max(1).saturating_sub(lane.late);
        let late = if lane.backlog[0] { beside_fresh } else { all.saturating_sub(lane.in_hand).max(beside_fresh) };
        let late = late.min(late_free).min(paced);
        let retries = late.min(lane.flow.retries_free(now));
        let until = (retries < late).then(|| lane.flow.retries_next(now)).filter(|until| *until > now);
        Room { fresh, retries, replays: late, probe: false, until }
    }

    /// How much the node may claim in one round.
    pub fn capacity(&mut self) -> u32 {
        let count = self.capacity.count.saturating_sub(self.count);
        let sized = self.capacity.bytes.saturating_sub(self.bytes) / PAYLOAD_ASSUMED;
        let capacity = self.capacity.per_round.min(count).min(sized);
        self.starved |= capacity == 0;
        capacity as u32
    }

    fn tenant_share(&self, id: TenantId) -> (usize, usize) {
        let others = self.tenants_waiting - usize::from(self.tenants.get(&id).is_some_and(|tenant| tenant.waiting > 0));
        let Capacity { count, bytes, .. } = self.capacity;
        let (share, of) = TENANT_SHARE_ALONE;
        match others {
            0 => (count / of * share, bytes / of * share),
            _ => (count / TENANT_SHARE, bytes / TENANT_SHARE),
        }
    }

    fn tenant_has_room(&self, id: TenantId, bytes: usize) -> bool {
        let Some(tenant) = self.tenants.get(&id) else { return true };
        let (count, bytes_max) = self.tenant_share(id);
        tenant.in_hand < count && tenant.bytes + bytes <= bytes_max
    }

    /// How much more of this tenant's the node takes: less while others wait.
    pub fn tenant_room(&mut self, id: TenantId) -> u32 {
        let Some(tenant) = self.tenants.get(&id) else { return u32::MAX };
        let (count, bytes) = self.tenant_share(id);
        let sized = bytes.saturating_sub(tenant.bytes) / PAYLOAD_ASSUMED;
        let room = count.saturating_sub(tenant.in_hand).min(sized);
        self.starved |= room == 0;
        room as u32
    }

    /// Whether the store may hold (more) work of this class for the lane.
    pub fn set_backlog(&mut self, destination: DestinationId, class: Class, backlog: bool, now: Timestamp) {
        let Some(lane) = self.lanes.get_mut(&destination) else { return };
        let before = lane.backlog.contains(&true);
        lane.backlog[class.code() as usize] = backlog;
        let after = lane.backlog.contains(&true);
        if backlog {
            lane.touched = now;
        }
        if before != after {
            let tenant = lane.tenant;
            self.count_waiting(tenant, after);
        }
    }

    /// One lane more, or less, of the tenant's waits.
    fn count_waiting(&mut self, id: TenantId, more: bool) {
        let tenant = self.tenants.entry(id).or_default();
        match more {
            true => {
                self.tenants_waiting += usize::from(tenant.waiting == 0);
                tenant.waiting += 1;
            }
            false => {
                tenant.waiting -= 1;
                self.tenants_waiting -= usize::from(tenant.waiting == 0);
            }
        }
        if tenant.waiting == 0 && tenant.in_hand == 0 {
            self.tenants.remove(&id);
        }
    }

    /// Asks whether it may be sent. `wait` makes the waiter of one who has to.
    pub fn turn(&mut self, place: &mut Place, now: Timestamp, wait: impl FnOnce() -> W) -> Turn {
        let Some(lane) = self.lanes.get_mut(&place.destination) else { return Turn::Refused };
        let in_flight = match (place.sent, lane.flow.permit(now)) {
            (Sent::Probe, _) => u32::MAX,
            (Sent::Freely, Permit::Open { in_flight }) => in_flight,
            (Sent::Freely, _) => return Turn::Refused,
        };
        if !place.flying {
            if place.sent == Sent::Freely && (lane.flying >= in_flight || !lane.queue.is_empty()) {
                lane.queue.push_back(wait());
                lane.grant(now);
                return Turn::Wait;
            }
            place.flying = true;
            lane.flying += 1;
        }
        if !place.unpaced {
            return Turn::Go;
        }
        place.unpaced = false;
        lane.unpaced -= 1;
        let moment = lane.flow.next_send(now);
        if moment > now { Turn::At(moment) } else { Turn::Go }
    }

    /// After a wait for the rate limit.
    pub fn may_send(&mut self, place: &Place) -> bool {
        self.lanes.get(&place.destination).is_some_and(|lane| lane.flow.may_send(place.sent))
    }

    /// Learns what the receiver said. `unit` is a random number.
    pub fn answered(&mut self, destination: DestinationId, answered: Answered, now: Timestamp, unit: f64) -> Changes {
        let Some(lane) = self.lanes.get_mut(&destination) else { return Changes::default() };
        lane.touched = now;
        lane.flow.answered(answered, now, unit)
    }

    /// Whether the lane has something to send once a place is free.
    pub fn is_waited_for(&self, destination: DestinationId) -> bool {
        self.lanes.get(&destination).is_some_and(|lane| !lane.queue.is_empty() || lane.backlog.contains(&true))
    }

    /// The place is free. Returns whether there may be something to claim now.
    pub fn give_back(&mut self, place: &Place, now: Timestamp) -> bool {
        let late = place.class.is_late();
        self.bytes -= place.bytes;
        self.count -= 1;
        self.late -= usize::from(late);
        if let Some(tenant) = self.tenants.get_mut(&place.tenant) {
            tenant.in_hand -= 1;
            tenant.bytes -= place.bytes;
            if tenant.in_hand == 0 && tenant.waiting == 0 {
                self.tenants.remove(&place.tenant);
            }
        }
        let Capacity { count, bytes, .. } = self.capacity;
        let fed = self.starved && self.count <= count / 4 * 3 && self.bytes <= bytes / 4 * 3;
        self.starved &= !fed;
        let Some(lane) = self.lanes.get_mut(&place.destination) else { return fed };
        lane.in_hand -= 1;
        lane.late -= u32::from(late);
        lane.flying -= u32::from(place.flying);
        lane.unpaced -= u32::from(place.unpaced);
        if !place.answered {
            lane.flow.unsent(place.sent);
        }
        if place.answered && place.waited < FLOWS.0 && now.since(place.taken) < FLOWS.1 {
            lane.depth = (lane.depth * 2).min(DEPTH_MAX);
        }
        lane.grant(now);
        // Half empty: claim for many slots at once rather than for each.
        let half = lane.flow.in_flight_limit() * lane.depth.max(PREFETCH) / 2;
        fed || lane.backlog.contains(&true) && lane.in_hand <= half
    }

    /// A slot has waited so long for its turn.
    pub fn waited(&mut self, place: &mut Place, waited: Duration) {
        place.waited = waited;
        if waited >= STOPS
            && let Some(lane) = self.lanes.get_mut(&place.destination)
        {
            lane.depth = 1;
        }
    }

    /// Forgets lanes that nothing has happened on for a while.
    pub fn tidy(&mut self, now: Timestamp) {
        let mut gone = Vec::new();
        self.lanes.retain(|_, lane| {
            let unused = now.since(lane.touched);
            let idle = lane.flow.is_idle(now) && unused >= FORGOTTEN_AFTER || unused >= FAILING_FORGOTTEN_AFTER;
            let keep = lane.in_hand > 0 || !idle;
            if !keep && lane.backlog.contains(&true) {
                gone.push(lane.tenant);
            }
            keep
        });
        gone.into_iter().for_each(|tenant| self.count_waiting(tenant, false));
    }

    /// Nothing is in hand.
    pub const fn is_at_rest(&self) -> bool {
        self.count == 0
    }

    /// Nothing is in hand, and nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0 && self.is_at_rest() && self.late == 0 && self.lanes.is_empty() && self.tenants.is_empty()
    }
}

impl<W: Waiter> Lane<W> {
    /// Lets those who wait go on, or sends them back where nothing may be sent now.
    fn grant(&mut self, now: Timestamp) {
        let in_flight = match self.flow.permit(now) {
            Permit::Open { in_flight } => in_flight,
            _ => 0,
        };
        while let Some(grant) = self.queue.pop_front() {
            if in_flight == 0 {
                grant.hear(false);
                continue;
            }
            if self.flying >= in_flight {
                self.queue.push_front(grant);
                return;
            }
            // Whoever went away meanwhile takes no place.
            self.flying += u32::from(grant.hear(true));
        }
    }
}
