//! The outbound queue in memory: what `store/src/queue.rs` does in SQL, with time as an argument.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use hookswitch_domain::delivery::State;
use hookswitch_domain::destination::Hold;
use hookswitch_domain::flow::Class;
use hookswitch_domain::id::{DeliveryId, DestinationId, EventId, TenantId};
use hookswitch_domain::lease::{After, Due, NEVER, Written};
use hookswitch_store::commit::KEY_KEPT_MS;
use hookswitch_store::queue::{Accept, Accepted, Claimed, Lane, Look, NewDelivery, NewEvent, Remember, Settle, Want};

use crate::health::Health;

use crate::mutant::Mutant;

#[derive(Debug, Default)]
pub struct Memory {
    pub tenants: BTreeMap<TenantId, Tenant>,
    pub lanes: BTreeMap<DestinationId, LaneRow>,
    pub deliveries: BTreeMap<DeliveryId, Row>,
    events: BTreeMap<EventId, NewEvent>,
    keys: BTreeMap<(TenantId, String, String), (Remember, i64)>,
    due: BTreeMap<DeliveryId, (Due, DestinationId, Class)>,
    /// `due` by lane, class and time, and for one moment in the order of insertion.
    by_lane: BTreeSet<(DestinationId, Class, i64, u64, DeliveryId)>,
    /// What is kept of destinations that fail.
    pub health: BTreeMap<DestinationId, Health>,
    /// Of each ordering key the head, which is in `due`, and those behind it, which aren't.
    lines: BTreeMap<(DestinationId, String), VecDeque<DeliveryId>>,
    pub mutant: Option<Mutant>,
}

#[derive(Debug, Default, Clone, Copy)]
pub struct Tenant {
    pub epoch: i64,
    pub sending_paused: bool,
}

#[derive(Debug, Clone, Copy)]
pub struct LaneRow {
    pub tenant: TenantId,
    pub next_at: i64,
    pub hold: Option<Hold>,
}

/// A delivery, with its tries.
#[derive(Debug, Clone)]
pub struct Row {
    pub tenant: TenantId,
    pub event: EventId,
    pub destination: DestinationId,
    pub state: State,
    pub attempts: u32,
    pub records: u32,
    pub interruptions: u32,
    pub replayed_from: Option<DeliveryId>,
    pub class: Class,
    pub key: Option<String>,
    /// (record, number) of what was tried.
    pub tries: Vec<(u32, Option<u32>)>,
    /// Its place among all deliveries, from 0.
    pub place: u64,
}

impl Memory {
    pub fn with(mutant: Option<Mutant>) -> Self {
        Self { mutant, ..Self::default() }
    }

    pub fn add_lane(&mut self, tenant: TenantId, destination: DestinationId) {
        self.tenants.entry(tenant).or_default();
        self.lanes.insert(destination, LaneRow { tenant, next_at: NEVER, hold: None });
    }

    pub fn accept(&mut self, now: i64, ask: &Accept) -> Accepted {
        let epoch = self.tenants.get(&ask.tenant).map(|tenant| tenant.epoch);
        if epoch != Some(ask.epoch) && self.mutant != Some(Mutant::FansOutFromAnOldCopy) {
            return Accepted::Stale;
        }
        if let Some(remember) = &ask.remember {
            let key = (ask.tenant, remember.scope.clone(), remember.key.clone());
            if let Some((known, _)) = self.keys.get(&key).filter(|(_, at)| now - at <= KEY_KEPT_MS) {
                return match known.request_hash == remember.request_hash {
                    true => Accepted::Repeated { status: known.status, response: known.response.clone() },
                    false => Accepted::KeyReused,
                };
            }
            self.keys.insert(key, (remember.clone(), now));
        }
        for event in &ask.events {
            self.events.insert(event.id, event.clone());
            for delivery in &event.deliveries {
                self.insert(now, ask.tenant, event.id, delivery, None, ask.lease_ms);
            }
        }
        Accepted::Stored
    }

    /// One delivery of an event that is there: fan-out and replay.
    pub fn insert(
        &mut self,
        now: i64,
        tenant: TenantId,
        event: EventId,
        delivery: &NewDelivery,
        replayed_from: Option<DeliveryId>,
        lease_ms: i64,
    ) {
        let row = Row {
            tenant,
            event,
            destination: delivery.destination,
            state: State::Pending,
            attempts: 0,
            records: 0,
            interruptions: 0,
            replayed_from,
            class: if replayed_from.is_some() { Class::Replay } else { Class::Fresh },
            key: delivery.key.clone(),
            tries: Vec::new(),
            place: self.deliveries.len() as u64,
        };
        self.deliveries.insert(delivery.id, row);
        if let Some(key) = &delivery.key {
            let line = self.lines.entry((delivery.destination, key.clone())).or_default();
            line.push_back(delivery.id);
            if line.len() > 1 {
                return;
            }
        }
        let due = if delivery.leased { Due::handed_over(now, lease_ms) } else { Due::at(now) };
        self.put(delivery.id, delivery.destination, Some(due));
        self.ring(delivery.destination, due.next_at);
    }

    /// `false`: the lease was taken over by somebody else.
    pub fn settle(&mut self, now: i64, ask: &Settle) -> bool {
        let Some((due, destination, _)) = self.due.get(&ask.delivery).copied() else { return false };
        let claim = if self.mutant == Some(Mutant::IgnoresTheClaimNumber) { due.claim } else { ask.claim };
        let kept = match due.settle(claim, ask.after, now) {
            Written::Stale => return false,
            Written::Gone => None,
            Written::Kept(due) => Some(due),
        };
        if let Some(row) = self.deliveries.get_mut(&ask.delivery) {
            row.state = ask.state;
            row.attempts = ask.attempts;
            row.records = ask.record.record;
            row.tries.push((ask.record.record, ask.record.number));
            if kept.is_some() && ask.attempts > 0 {
                row.class = Class::Retry;
            }
        }
        self.put(ask.delivery, destination, kept);
        if let Some(due) = kept {
            self.ring(destination, due.next_at);
        }
        let passes = self.mutant == Some(Mutant::LetsTheNextPass) && matches!(ask.after, After::DueIn(_));
        if let Some(key) = ask.key.clone().filter(|_| kept.is_none() || passes) {
            self.leave(now, ask.delivery, (destination, key));
        }
        true
    }

    /// It stands in its key's line no more; if it was the head, the next one is due.
    fn leave(&mut self, now: i64, delivery: DeliveryId, name: (DestinationId, String)) {
        let destination = name.0;
        let Some(line) = self.lines.get_mut(&name) else { return };
        let was_head = line.front() == Some(&delivery);
        line.retain(|each| *each != delivery);
        let next = line.front().copied();
        if line.is_empty() {
            self.lines.remove(&name);
        }
        if let Some(next) = next.filter(|_| was_head && self.mutant != Some(Mutant::ForgetsWhoIsNext)) {
            self.put(next, destination, Some(Due::at(now)));
            self.ring(destination, now);
        }
    }

    pub fn ordering_key(&self, event: EventId) -> Option<String> {
        self.events.get(&event).map(|event| event.meta.clone())
    }

    /// The head of an ordering key, which waits for a person.
    pub fn is_head(&self, delivery: DeliveryId) -> bool {
        let key = self.deliveries.get(&delivery).and_then(|row| row.key.as_ref());
        key.is_some() && self.due(delivery).is_some_and(|due| due.next_at == NEVER)
    }

    /// The event again, as a new delivery: in the place of a head, else behind all.
    pub fn replay(&mut self, now: i64, old: DeliveryId, new: &NewDelivery, lease_ms: i64) {
        let Some(row) = self.deliveries.get(&old).cloned() else { return };
        if !self.is_head(old) {
            self.end(now, old, State::Discarded);
            return self.insert(now, row.tenant, row.event, new, Some(old), lease_ms);
        }
        let key = row.key.clone().unwrap_or_default();
        // Inserted as if it had no order, and then put where the old one stood.
        self.insert(now, row.tenant, row.event, &NewDelivery { key: None, ..new.clone() }, Some(old), lease_ms);
        if let Some(head) = self.lines.get_mut(&(row.destination, key.clone())).and_then(|line| line.front_mut()) {
            *head = new.id;
        }
        if let Some(fresh) = self.deliveries.get_mut(&new.id) {
            fresh.key = Some(key);
        }
        self.put(old, row.destination, None);
        if let Some(old) = self.deliveries.get_mut(&old) {
            old.state = State::Discarded;
        }
    }

    pub fn look(&self, now: i64, limit: usize) -> Look {
        let paused = |lane: &LaneRow| self.tenants.get(&lane.tenant).is_some_and(|tenant| tenant.sending_paused);
        let open = |lane: &LaneRow| lane.hold.is_none();
        let left_alone = |id: &DestinationId| !self.may_be_claimed(now, *id);
        let ready = self.lanes.iter().filter(|(id, lane)| lane.next_at <= now && open(lane) && !paused(lane) && !left_alone(id));
        let mut ready: Vec<_> = ready.map(|(id, lane)| (lane.next_at, Lane { destination: *id, tenant: lane.tenant })).collect();
        ready.sort_by_key(|(next_at, _)| *next_at);
        let later = self.lanes.values().filter(|lane| open(lane) && lane.next_at > now && lane.next_at < NEVER);
        let probes = self.health.values().map(|health| health.not_before).filter(|moment| *moment > now);
        Look {
            ready: ready.into_iter().map(|(_, lane)| lane).take(limit).collect(),
            more: None,
            next_in_ms: later.map(|lane| lane.next_at).chain(probes).map(|moment| moment - now).min(),
        }
    }

    pub fn claim(&mut self, now: i64, mut wants: Vec<Want>, lease_ms: i64) -> Vec<Claimed> {
        wants.sort_by_key(|want| want.lane.destination);
        let mut claimed = Vec::new();
        for want in wants {
            let destination = want.lane.destination;
            let Some(row) = self.lanes.get(&destination).copied() else { continue };
            if row.hold.is_some() && self.mutant != Some(Mutant::ClaimsBehindAHold) {
                continue;
            }
            if want.probe && !self.take_probe(now, destination, lease_ms) {
                continue;
            }
            let mut left = want.all;
            for (class, count) in want.of {
                for delivery in self.candidates(now, destination, class, count.min(left)) {
                    left -= 1;
                    claimed.extend(self.take(now, want.lane, delivery, lease_ms));
                }
            }
            if want.probe && left == want.all {
                self.give_probe_back(now, destination);
            }
            self.advance(destination);
        }
        claimed
    }

    fn candidates(&self, now: i64, lane: DestinationId, class: Class, count: i64) -> Vec<DeliveryId> {
        let from = (lane, class, i64::MIN, 0, DeliveryId(uuid::Uuid::nil()));
        let rows = self.by_lane.range(from..).take_while(|row| (row.0, row.1) == (lane, class) && row.2 <= now);
        rows.take(count.max(0) as usize).map(|row| row.4).collect()
    }

    fn take(&mut self, now: i64, lane: Lane, delivery: DeliveryId, lease_ms: i64) -> Option<Claimed> {
        let (due, destination, _) = *self.due.get(&delivery)?;
        let (due, interrupted) = due.take(now, lease_ms)?;
        self.put(delivery, destination, Some(due));
        let costs = self.mutant == Some(Mutant::CountsInterruptions);
        let epoch = self.tenants.get(&lane.tenant)?.epoch;
        let row = self.deliveries.get_mut(&delivery)?;
        if interrupted {
            row.records += 1;
            row.interruptions += 1;
            row.attempts += u32::from(costs);
            row.tries.push((row.records, None));
        }
        let event = self.events.get(&row.event)?;
        Some(Claimed {
            tenant: lane.tenant,
            epoch,
            delivery,
            destination,
            claim: due.claim,
            attempts: row.attempts,
            records: row.records,
            interruptions: row.interruptions,
            class: row.class,
            key: row.key.clone(),
            replayed_from: row.replayed_from,
            event: row.event,
            event_type: event.event_type.clone(),
            payload: event.payload.clone(),
            meta: event.meta.clone(),
        })
    }

    /// Gives a claimed delivery back unsent, as it was.
    pub fn release(&mut self, now: i64, delivery: DeliveryId, claim: i64) -> bool {
        let Some((due, destination, _)) = self.due.get(&delivery).copied() else { return false };
        let Written::Kept(due) = due.release(claim, now) else { return false };
        self.put(delivery, destination, Some(due));
        self.ring(destination, now);
        true
    }

    /// Ends a delivery that isn't finished, under no claim.
    pub fn end(&mut self, now: i64, delivery: DeliveryId, state: State) -> bool {
        let Some(row) = self.deliveries.get_mut(&delivery).filter(|row| !row.state.is_terminal()) else { return false };
        row.state = state;
        let (destination, key) = (row.destination, row.key.clone());
        self.put(delivery, destination, None);
        if let Some(key) = key {
            self.leave(now, delivery, (destination, key));
        }
        true
    }

    /// Removes a lane; what waited in it is cancelled.
    pub fn remove_lane(&mut self, destination: DestinationId) -> BTreeSet<DeliveryId> {
        self.lanes.remove(&destination);
        self.health.remove(&destination);
        let due = self.due.iter().filter(|(_, (_, lane, _))| *lane == destination).map(|(id, _)| *id);
        let lines = self.lines.iter().filter(|(name, _)| name.0 == destination).flat_map(|(_, line)| line.iter().copied());
        let waiting: BTreeSet<DeliveryId> = due.chain(lines).collect();
        for id in &waiting {
            self.end(0, *id, State::Cancelled);
        }
        waiting
    }

    pub fn set_hold(&mut self, destination: DestinationId, hold: Option<Hold>) {
        if let Some(lane) = self.lanes.get_mut(&destination) {
            lane.hold = hold;
            lane.next_at = if hold.is_some() { NEVER } else { 0 };
        }
        if hold.is_none() {
            // Whoever lets it go on says that it works.
            self.health.remove(&destination);
        }
    }

    /// Mends lanes whose `next_at` lies behind their work.
    pub fn sweep(&mut self) -> u64 {
        let behind =
            |(id, lane): (&DestinationId, &LaneRow)| (lane.hold.is_none() && self.earliest(*id) < lane.next_at).then_some(*id);
        let lanes: Vec<_> = self.lanes.iter().filter_map(behind).collect();
        lanes.iter().for_each(|lane| self.advance(*lane));
        lanes.len() as u64
    }

    /// The race that PostgreSQL allows: a lane moves on past work that was committed meanwhile.
    pub fn lose_bell(&mut self, destination: DestinationId) {
        if let Some(lane) = self.lanes.get_mut(&destination) {
            lane.next_at = NEVER;
        }
    }

    pub fn is_claimed(&self, delivery: DeliveryId, claim: i64) -> bool {
        self.due.get(&delivery).is_some_and(|(due, ..)| due.claim == claim)
    }

    /// The tenant's epoch, while the delivery is held under this claim.
    pub fn still_held(&self, delivery: DeliveryId, claim: i64) -> Option<i64> {
        let tenant = self.deliveries.get(&delivery)?.tenant;
        self.is_claimed(delivery, claim).then(|| self.tenants.get(&tenant).map(|tenant| tenant.epoch))?
    }

    pub fn due(&self, delivery: DeliveryId) -> Option<Due> {
        self.due.get(&delivery).map(|(due, ..)| *due)
    }

    pub fn waiting(&self) -> usize {
        self.due.len() + self.lines.values().map(|line| line.len().saturating_sub(1)).sum::<usize>()
    }

    /// Puts what ended back into the queue: nothing does that but a mutant.
    pub fn resurrect(&mut self, now: i64, delivery: DeliveryId) {
        let Some(destination) = self.deliveries.get(&delivery).map(|row| row.destination) else { return };
        self.put(delivery, destination, Some(Due::at(now)));
        self.ring(destination, now);
    }

    fn earliest(&self, lane: DestinationId) -> i64 {
        let first = |class| {
            let from = (lane, class, i64::MIN, 0, DeliveryId(uuid::Uuid::nil()));
            self.by_lane.range(from..).next().filter(|row| (row.0, row.1) == (lane, class)).map_or(NEVER, |row| row.2)
        };
        Class::ALL.into_iter().map(first).min().unwrap_or(NEVER)
    }

    fn advance(&mut self, destination: DestinationId) {
        let next_at = self.earliest(destination);
        if let Some(lane) = self.lanes.get_mut(&destination).filter(|lane| lane.hold.is_none()) {
            lane.next_at = next_at;
        }
    }

    fn ring(&mut self, destination: DestinationId, at: i64) {
        if let Some(lane) = self.lanes.get_mut(&destination) {
            lane.next_at = lane.next_at.min(at);
        }
    }

    fn put(&mut self, delivery: DeliveryId, destination: DestinationId, due: Option<Due>) {
        let (place, class) = self.deliveries.get(&delivery).map_or((0, Class::Fresh), |row| (row.place, row.class));
        if let Some((old, _, class)) = self.due.remove(&delivery) {
            self.by_lane.remove(&(destination, class, old.next_at, place, delivery));
        }
        if let Some(due) = due {
            self.due.insert(delivery, (due, destination, class));
            self.by_lane.insert((destination, class, due.next_at, place, delivery));
        }
    }
}
