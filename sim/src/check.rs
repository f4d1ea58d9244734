//! The invariants of `reliability.md` 3, by their numbers, held against what the queue and the
//! receivers say. The books here are kept apart from the core's own: a claim is judged by the
//! leases that were seen, a retry by the promise that was seen.

mod flow;

use std::collections::BTreeMap;
use std::fmt;

use hookswitch_domain::delivery::{Outcome, State};
use hookswitch_domain::id::{DeliveryId, DestinationId};
use hookswitch_domain::lease::NEVER;
use hookswitch_domain::retry::Policy;
use hookswitch_store::queue::NewDelivery;

use crate::memory::{Memory, Row};
pub use flow::{FlowBooks, Goes};

/// What is checked here, and in which words.
pub const INVARIANTS: &[(u8, &str)] = &[
    (1, "an acknowledged event's deliveries are each waiting or ended, never absent"),
    (2, "an event is acknowledged after its commit alone"),
    (3, "fan-out is atomic, and its destinations are those of the commit point"),
    (4, "one live lease per delivery"),
    (5, "what the holder of an old claim writes changes nothing"),
    (6, "leases are judged by the database's clock, whatever the nodes' clocks say"),
    (7, "attempts count 1..n, records 1..m; what wasn't sent has no number"),
    (8, "never more attempts than the policy allows"),
    (9, "one message id for all attempts and replays of an event to a destination"),
    (10, "at most one more send for each sender that stopped in the middle"),
    (11, "what was delivered or ended is not sent again by itself"),
    (12, "a retry is promised within its bounds, and never comes before its promise"),
    (13, "the last attempt and the end are one write"),
    (14, "a 410 holds its destination, and loses nothing"),
    (15, "nothing goes out to what is paused, disabled or gone"),
    (
        16,
        "an open breaker lets one probe per interval through, on all nodes; what only fails for five days is disabled, and not before",
    ),
    (17, "never more in the air than a destination's cap, nor more in a second than its rate, also after a crash"),
    (18, "a tenant's event goes out within a bound, whatever another one's backlog; retries and replays have a bounded share"),
    (19, "once nothing goes wrong any more, everything is finished within a bound"),
    (20, "of an ordering key, one is sent when the one before has ended"),
    (23, "the same request under the same key gets the same answer"),
    (28, "a replay is a new delivery, linked to the one before, once per request"),
    (30, "counts agree with the rows that they count"),
    (33, "a process that ends leaves nothing leased"),
];

/// A claim reads the lane, a send may follow this much later without another look (invariant 15).
pub const GRACE_MS: i64 = 250;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub invariant: u8,
    pub what: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = INVARIANTS.iter().find(|(number, _)| *number == self.invariant).map_or("", |(_, rule)| rule);
        write!(f, "invariant {} ({rule}): {}", self.invariant, self.what)
    }
}

/// A node in one of its lives.
pub type Holder = (usize, u32);

#[derive(Debug, Clone, Copy)]
struct Lease {
    holder: Holder,
    claim: i64,
    until: i64,
}

/// What was seen of a delivery.
#[derive(Debug, Default, Clone)]
struct Seen {
    lease: Option<Lease>,
    claim: i64,
    sends: u32,
    /// Not before this.
    promised: i64,
    ended: Option<State>,
}

#[derive(Debug, Default)]
pub struct Check {
    pub failure: Option<Failure>,
    seen: BTreeMap<DeliveryId, Seen>,
    messages: BTreeMap<(uuid::Uuid, DestinationId), String>,
    /// Of each ordering key, all that ever stood in its line, and which line a delivery stood in.
    lines: BTreeMap<(DestinationId, String), Vec<DeliveryId>>,
    line_of: BTreeMap<DeliveryId, (DestinationId, String)>,
    held_since: BTreeMap<DestinationId, i64>,
    paused_since: Option<i64>,
    /// Breakers, rates and shares.
    pub flow: FlowBooks,
    /// Stale writes that were refused, takeovers, and so on: a run in which nothing happened proves nothing.
    pub stale: u64,
    pub takeovers: u64,
    pub deliveries: u64,
}

/// A try's end, as it was written.
pub struct Settling<'a> {
    pub delivery: DeliveryId,
    pub claim: i64,
    pub outcome: &'a Outcome,
    pub policy: &'a Policy,
    pub written: bool,
    pub before: Option<Row>,
    /// Nobody has changed the destination since the request went out.
    pub unchanged: bool,
}

impl Check {
    pub fn fail(&mut self, invariant: u8, what: String) {
        self.failure.get_or_insert(Failure { invariant, what });
    }

    fn hold(&mut self, invariant: u8, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.fail(invariant, what());
        }
    }

    /// An event was committed with these destinations, while those were wanted.
    pub fn stored(&mut self, mut stored: Vec<DestinationId>, mut wanted: Vec<DestinationId>) {
        stored.sort();
        wanted.sort();
        self.hold(3, stored == wanted, || format!("stored for {} destinations, {} were there", stored.len(), wanted.len()));
    }

    pub fn acknowledged(&mut self, memory: &Memory, deliveries: &[DeliveryId]) {
        let there = deliveries.iter().all(|id| memory.deliveries.contains_key(id));
        self.hold(2, there, || "the publisher heard 202 and the event is not there".to_owned());
    }

    pub fn leased(&mut self, now: i64, holder: Holder, delivery: DeliveryId, claim: i64, until: i64) {
        let seen = self.seen.entry(delivery).or_default();
        let (old, promised, ended, last) = (seen.lease, seen.promised, seen.ended, seen.claim);
        seen.lease = Some(Lease { holder, claim, until });
        seen.claim = claim;
        let live = old.filter(|old| old.until > now);
        self.takeovers += u64::from(old.is_some() && live.is_none());
        self.hold(4, live.is_none(), || {
            format!("claim {claim} while claim {} lives for {} ms", last, live.map_or(0, |l| l.until - now))
        });
        self.hold(4, claim > last, || format!("claim {claim} after claim {last}"));
        self.hold(11, ended.is_none(), || format!("claimed although {}", ended.map_or("", State::as_str)));
        self.hold(12, now >= promised, || format!("claimed {} ms before its promise", promised - now));
    }

    /// A worker claimed from a lane; what is handed over at accept is judged by the epoch instead.
    pub fn claimed_from(&mut self, memory: &Memory, destination: DestinationId) {
        let held = memory.lanes.get(&destination).is_some_and(|lane| lane.hold.is_some());
        self.hold(15, !held, || "claimed from a held lane".to_owned());
    }

    /// What the books of breakers, rates and shares found broken.
    pub fn mind(&mut self, found: Result<(), (u8, String)>) {
        if let Err((invariant, what)) = found {
            self.fail(invariant, what);
        }
    }

    pub fn sent(&mut self, now: i64, memory: &Memory, delivery: DeliveryId, claim: i64, ends_by: i64, message: &str) {
        let Some(row) = memory.deliveries.get(&delivery).cloned() else { return };
        self.judge_order(delivery);
        let seen = self.seen.entry(delivery).or_default();
        seen.sends += 1;
        let (sends, ended, lease) = (seen.sends, seen.ended, seen.lease);
        self.deliveries += 1;
        let known = self.messages.entry((row.event.uuid(), row.destination)).or_insert_with(|| message.to_owned()).clone();
        self.hold(9, known == message, || format!("{message} after {known}"));
        // Whoever has it in hand while a person cancels it doesn't know yet: what is in the air may arrive.
        let by_itself = ended.is_none_or(|state| matches!(state, State::Cancelled | State::Discarded));
        self.hold(11, by_itself, || format!("sent although {}", ended.map_or("", State::as_str)));
        let excused = row.attempts + row.interruptions + 1;
        self.hold(10, sends <= excused, || {
            format!("send {sends} with {} attempts and {} interruptions", row.attempts, row.interruptions)
        });
        let lasts = ended.is_some() || lease.is_some_and(|lease| lease.claim == claim && lease.until >= ends_by);
        self.hold(4, lasts, || "a request went out that could outlive its lease".to_owned());
        let held = self.held_since.get(&row.destination).or(self.paused_since.as_ref()).copied();
        self.hold(15, held.is_none_or(|since| now <= since + GRACE_MS), || {
            format!("sent {} ms after it was held", now - held.unwrap_or(now))
        });
    }

    pub fn in_the_air(&mut self, count: u32, cap: u32) {
        self.hold(17, count <= cap, || format!("{count} in the air, the cap is {cap}"));
    }

    pub fn released(&mut self, delivery: DeliveryId, claim: i64) {
        if let Some(seen) = self.seen.get_mut(&delivery) {
            seen.lease = seen.lease.filter(|lease| lease.claim != claim);
        }
    }

    pub fn settled(&mut self, now: i64, memory: &Memory, settling: &Settling<'_>) {
        let Some(row) = memory.deliveries.get(&settling.delivery).cloned() else { return };
        let seen = self.seen.entry(settling.delivery).or_default();
        let (latest, already) = (seen.claim, seen.ended);
        let mine = latest == settling.claim && already.is_none();
        let Some(before) = &settling.before else { return };
        if !settling.written {
            self.stale += 1;
            let same = (before.state, before.attempts, before.records) == (row.state, row.attempts, row.records);
            return self
                .hold(5, same && !mine, || "a write that was refused changed something, or should not have been".to_owned());
        }
        self.hold(5, mine, || format!("claim {} was written, the latest is {latest}", settling.claim));
        self.judge_numbers(before, &row, settling);
        self.judge_wait(now, memory, &row, settling);
        let lane = memory.lanes.get(&row.destination);
        if *settling.outcome == Outcome::Gone && settling.unchanged {
            self.hold(14, lane.is_some_and(|lane| lane.hold.is_some()), || "its destination is still open".to_owned());
        }
        let due = memory.due(settling.delivery);
        if let Some(seen) = self.seen.get_mut(&settling.delivery) {
            seen.lease = None;
            seen.promised = due.map_or(0, |due| if due.next_at == NEVER { 0 } else { due.next_at });
            seen.ended = row.state.is_terminal().then_some(row.state);
        }
    }

    fn judge_numbers(&mut self, before: &Row, row: &Row, settling: &Settling<'_>) {
        let sent = u32::from(settling.outcome.was_sent());
        self.hold(7, row.attempts == before.attempts + sent, || format!("attempt {} after {}", row.attempts, before.attempts));
        let numbers: Vec<u32> = row.tries.iter().filter_map(|(_, number)| *number).collect();
        let gapless =
            numbers.iter().copied().eq(1..=row.attempts) && row.tries.iter().map(|(record, _)| *record).eq(1..=row.records);
        self.hold(7, gapless, || format!("{:?} with {} attempts and {} records", row.tries, row.attempts, row.records));
        let most = settling.policy.max_attempts;
        self.hold(8, row.attempts <= most, || format!("attempt {} of {most}", row.attempts));
    }

    fn judge_wait(&mut self, now: i64, memory: &Memory, row: &Row, settling: &Settling<'_>) {
        let due = memory.due(settling.delivery);
        self.hold(1, row.state.is_terminal() != due.is_some(), || format!("{} and {due:?}", row.state));
        let failed = matches!(settling.outcome, Outcome::Retryable { .. } | Outcome::Gone);
        let used_up = failed && row.attempts >= settling.policy.max_attempts;
        let ended = row.state.is_terminal() || due.is_some_and(|due| due.next_at == NEVER);
        self.hold(13, !used_up || ended, || format!("attempt {} was the last, and it is {}", row.attempts, row.state));
        let (Outcome::Retryable { retry_after }, Some(due)) = (settling.outcome, due) else { return };
        if due.next_at == NEVER {
            return;
        }
        let (wait, scheduled) = (due.next_at - now, settling.policy.scheduled(row.attempts + 1).as_millis() as i64);
        let bound = if retry_after.is_some() { (2 * scheduled).max(3_600_000) } else { scheduled };
        let jitter = ((bound as f64 * settling.policy.jitter) as i64).min(900_000) + 1;
        self.hold(12, (scheduled..=bound + jitter).contains(&wait), || format!("again in {wait} ms, scheduled are {scheduled}"));
    }

    /// It takes its place behind all that came before under its key.
    pub fn stands(&mut self, delivery: &NewDelivery) {
        if let Some(key) = &delivery.key {
            let line = (delivery.destination, key.clone());
            self.lines.entry(line.clone()).or_default().push(delivery.id);
            self.line_of.insert(delivery.id, line);
        }
    }

    /// It takes the place of a head.
    pub fn follows(&mut self, head: DeliveryId, fresh: DeliveryId) {
        let Some(name) = self.line_of.get(&head).cloned() else { return };
        if let Some(line) = self.lines.get_mut(&name) {
            let place = line.iter().position(|each| *each == head).unwrap_or(0);
            line.insert(place + 1, fresh);
        }
        self.line_of.insert(fresh, name);
    }

    fn judge_order(&mut self, delivery: DeliveryId) {
        let Some(line) = self.line_of.get(&delivery).and_then(|name| self.lines.get(name)) else { return };
        let before = line.iter().take_while(|each| **each != delivery);
        let waits = before.filter(|each| self.seen.get(*each).is_none_or(|seen| seen.ended.is_none())).count();
        self.hold(20, waits == 0, || format!("sent before {waits} that came before it"));
    }

    /// A person or a 410 held the destination, or let it go on.
    pub fn held(&mut self, now: i64, destination: DestinationId, held: bool) {
        match held {
            true => drop(self.held_since.entry(destination).or_insert(now)),
            false => drop(self.held_since.remove(&destination)),
        }
    }

    pub fn paused(&mut self, now: i64, paused: bool) {
        self.paused_since = paused.then_some(self.paused_since.unwrap_or(now));
    }

    /// A person ended it.
    pub fn ended(&mut self, delivery: DeliveryId, state: State) {
        let seen = self.seen.entry(delivery).or_default();
        (seen.lease, seen.ended) = (None, Some(state));
    }

    /// The process has gone in good order.
    pub fn stopped(&mut self, now: i64, memory: &Memory, holder: Holder) {
        let left = self.seen.iter().find(|(id, seen)| {
            let lease = seen.lease.filter(|lease| lease.holder == holder && lease.until > now);
            lease.is_some_and(|lease| memory.due(**id).is_some_and(|due| due.leased && due.claim == lease.claim))
        });
        let left = left.map(|(_, seen)| seen.claim);
        self.hold(33, left.is_none(), || format!("claim {} is still leased", left.unwrap_or_default()));
    }

    /// Everything has settled down.
    pub fn at_the_end(&mut self, memory: &Memory, acknowledged: &[Vec<DeliveryId>]) {
        for id in acknowledged.iter().flatten() {
            let ended = memory.deliveries.get(id).is_some_and(|row| row.state.is_terminal());
            self.hold(1, ended, || "an acknowledged delivery neither waits nor has ended".to_owned());
        }
        let open = memory.deliveries.values().filter(|row| !row.state.is_terminal()).count();
        self.hold(30, open == memory.waiting(), || format!("{open} open, {} in the queue", memory.waiting()));
        let replays = memory.deliveries.values().filter_map(|row| row.replayed_from.map(|from| (from, row)));
        let linked = replays.clone().all(|(from, row)| {
            memory.deliveries.get(&from).is_some_and(|old| old.event == row.event && old.destination == row.destination)
        });
        self.hold(28, linked, || "a replay is linked to nothing, or to another event".to_owned());
    }
}
