//! Books of their own about breakers, rates, rests and shares (invariants 16, 17 and 18). They know
//! what was answered, sent and written down, and nothing of what a node believes. Where a node has
//! reason to be stricter than they are, it may.

use std::collections::{BTreeMap, VecDeque};

use hookswitch_domain::breaker::{FAILURES_IN_A_ROW, GOOD_TO_CLOSE, PROBE_AFTER, PROBE_AFTER_MAX};
use hookswitch_domain::failing::DISABLE_AFTER;
use hookswitch_domain::flow::Said;
use hookswitch_domain::id::{DeliveryId, DestinationId};

use super::Holder;

type Key = (Holder, DestinationId);
pub type Found = Result<(), (u8, String)>;

#[derive(Debug, Default)]
pub struct FlowBooks {
    breakers: BTreeMap<Key, Book>,
    /// Written down: nobody claims before this.
    left_alone: BTreeMap<DestinationId, i64>,
    /// A receiver that said 429: from when, until when at least.
    rests: BTreeMap<Key, (i64, i64)>,
    sends: BTreeMap<Key, VecDeque<i64>>,
    /// Since when every answer was a failure, on all nodes.
    failing: BTreeMap<DestinationId, i64>,
    expected: BTreeMap<DeliveryId, i64>,
    pub opened: u64,
    pub paced: u64,
    pub beside_a_burst: u64,
    pub disabled: u64,
}

#[derive(Debug, Default)]
struct Book {
    in_a_row: u32,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    not_before: i64,
    failed: u32,
    good: u32,
    probe: Option<usize>,
}

/// Somebody's turn has come.
#[derive(Debug, Clone, Copy)]
pub struct Goes {
    pub holder: Holder,
    pub destination: DestinationId,
    pub work: usize,
    pub is_probe: bool,
}

fn broken(invariant: u8, what: String) -> Found {
    Err((invariant, what))
}

impl FlowBooks {
    /// A turn was given: from here on the request may leave.
    pub fn goes(&mut self, now: i64, goes: Goes) -> Found {
        let key = (goes.holder, goes.destination);
        if let Some((from, until)) = self.rests.get(&key)
            && (*from..*until).contains(&now)
            && !goes.is_probe
        {
            return broken(16, format!("sent {} ms before the rest that the receiver asked for was over", until - now));
        }
        let Some(open) = self.breakers.get_mut(&key).and_then(|book| book.open.as_mut()) else { return Ok(()) };
        if now < open.not_before {
            return broken(16, format!("sent {} ms before the next probe's time", open.not_before - now));
        }
        if let Some(other) = open.probe.filter(|other| *other != goes.work) {
            return broken(16, format!("sent while another probe ({other}) is in the air"));
        }
        open.probe = Some(goes.work);
        Ok(())
    }

    /// Taken in hand as it is accepted, which no probe is.
    pub fn handed_over(&self, now: i64, key: Key) -> Found {
        if self.breakers.get(&key).is_some_and(|book| book.open.is_some()) {
            return broken(16, "handed over past an open breaker".to_owned());
        }
        match self.rests.get(&key) {
            Some((_, until)) if now < *until => broken(16, "handed over while the receiver rests".to_owned()),
            _ => Ok(()),
        }
    }

    /// It was not sent after all.
    pub fn put_down(&mut self, holder: Holder, destination: DestinationId, work: usize) {
        if let Some(open) = self.breakers.get_mut(&(holder, destination)).and_then(|book| book.open.as_mut()) {
            open.probe = open.probe.filter(|probe| *probe != work);
        }
    }

    /// The bytes leave. `per_second`: the destination's rate.
    pub fn sent(&mut self, now: i64, holder: Holder, destination: DestinationId, per_second: Option<u32>) -> Found {
        let Some(most) = per_second else { return Ok(()) };
        let sends = self.sends.entry((holder, destination)).or_default();
        while sends.front().is_some_and(|first| *first <= now - 1_000) {
            sends.pop_front();
        }
        sends.push_back(now);
        match sends.len() as u32 {
            within if within > most => broken(17, format!("{within} sends in one second, the rate is {most}")),
            _ => Ok(()),
        }
    }

    /// `was_closed`: what was sent before a breaker opened, and is answered after it, counts for nothing.
    pub fn answered(&mut self, now: i64, goes: Goes, said: Said, was_closed: bool) {
        let (good, key) = (said == Said::Good, (goes.holder, goes.destination));
        match said {
            Said::Good => drop(self.rests.remove(&key)),
            Said::TooMuch { retry_after } => {
                let wish = retry_after.map_or(1_000, |wish| wish.as_millis().min(60_000) as i64);
                let (from, until) = self.rests.get(&key).copied().filter(|(_, until)| *until > now).unwrap_or((now, 0));
                self.rests.insert(key, (from, until.max(now + wish)));
            }
            _ => {}
        }
        match good {
            true => self.works_again(goes.destination),
            false => drop(self.failing.entry(goes.destination).or_insert(now)),
        }
        let book = self.breakers.entry(key).or_default();
        let Some(open) = book.open.as_mut() else {
            // One that opened for another reason begins anew when it closes.
            book.in_a_row = if good || !was_closed { 0 } else { book.in_a_row + 1 };
            if book.in_a_row >= FAILURES_IN_A_ROW {
                let not_before = now + PROBE_AFTER.as_millis() as i64;
                book.open = Some(Open { not_before, failed: 0, good: 0, probe: None });
            }
            return;
        };
        if open.probe != Some(goes.work) {
            return;
        }
        open.probe = None;
        if !good {
            (open.failed, open.good) = (open.failed + 1, 0);
            let wait = PROBE_AFTER.saturating_mul(1 << open.failed.min(10)).min(PROBE_AFTER_MAX);
            open.not_before = now + wait.as_millis() as i64;
        } else if open.good + 1 >= GOOD_TO_CLOSE {
            *book = Book::default();
        } else {
            open.good += 1;
        }
    }

    /// A node forgot what it knew of a destination, or a person said that it works.
    pub fn forget(&mut self, holder: Holder, destination: DestinationId) {
        self.breakers.remove(&(holder, destination));
        self.rests.remove(&(holder, destination));
    }

    /// An answer was good, or a person says that it works.
    pub fn works_again(&mut self, destination: DestinationId) {
        self.failing.remove(&destination);
    }

    /// It was written down that nothing is claimed before `until`.
    pub fn opened(&mut self, destination: DestinationId, until: i64) {
        self.opened += 1;
        self.left_alone.insert(destination, until);
    }

    pub fn cleared(&mut self, destination: DestinationId) {
        self.left_alone.remove(&destination);
    }

    pub fn claimed_from(&mut self, now: i64, destination: DestinationId) -> Found {
        match self.left_alone.get(&destination) {
            Some(until) if now < *until => broken(16, format!("claimed {} ms before the next probe's time", until - now)),
            _ => Ok(()),
        }
    }

    /// A probe was claimed: for as long nobody else claims one.
    pub fn probing(&mut self, destination: DestinationId, until: i64) {
        if let Some(left_alone) = self.left_alone.get_mut(&destination) {
            *left_alone = until;
        }
    }

    /// Retries and replays, probes aside, are taken up while they have less than their share.
    pub fn late_claimed(&mut self, in_hand: usize, share: usize) -> Found {
        if in_hand < share {
            return Ok(());
        }
        broken(18, format!("retries or replays were claimed with {in_hand} of them in hand, their share is {share}"))
    }

    /// It is to go out soon, whatever others wait.
    pub fn expect_soon(&mut self, now: i64, delivery: DeliveryId) {
        self.beside_a_burst += 1;
        self.expected.insert(delivery, now);
    }

    /// Judged when it goes out, and at the end.
    pub fn went_out(&mut self, now: i64, delivery: DeliveryId, within_ms: i64) -> Found {
        match self.expected.remove(&delivery) {
            Some(since) if now - since > within_ms => {
                broken(18, format!("sent {} ms after it was accepted, beside another tenant's burst", now - since))
            }
            _ => Ok(()),
        }
    }

    /// The destination was disabled because it only failed.
    pub fn disabled(&mut self, now: i64, destination: DestinationId) -> Found {
        self.disabled += 1;
        let lasted = self.failing.get(&destination).map_or(0, |since| now - since);
        if lasted >= DISABLE_AFTER.as_millis() as i64 {
            return Ok(());
        }
        broken(16, format!("disabled after {lasted} ms of failure alone"))
    }
}
