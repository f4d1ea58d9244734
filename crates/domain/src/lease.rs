//! Who may work on a delivery, and until when. A delivery that isn't finished is due at a moment;
//! whoever takes it holds a lease under a claim number, and every write afterwards names that
//! number. A lease that ran out is taken by the next one, under the next number, and what its old
//! holder writes then changes nothing.
//!
//! The store keeps these rules in SQL, because that is where rows are compared and changed in one
//! step. Here they are as functions: the simulator and the model check run them, and the store's
//! conformance suite holds both to the same tests.

use std::time::Duration;

use crate::delivery::{self, Next, ParkedReason};
use crate::time::Timestamp;

/// How long a lease lasts: longer than any attempt, short enough that a dead node's work is soon
/// taken over.
pub const LEASE: Duration = Duration::from_secs(90);

/// Kept between an attempt's deadline and its lease's end, for settling.
pub const MARGIN: Duration = Duration::from_secs(10);

/// When something is due that only a person makes due.
pub const NEVER: i64 = i64::MAX;

/// What waits: a delivery's place in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Due {
    /// In milliseconds of the database's clock; while leased, when the lease runs out.
    pub next_at: i64,
    pub leased: bool,
    /// How often it was taken.
    pub claim: i64,
}

/// Whether a delivery stays in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum After {
    Finished,
    /// Due again after this many milliseconds of the database's clock.
    DueIn(i64),
    /// Held until somebody lets it go on.
    Held,
}

/// A place in the queue after a write that names a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// Somebody else has taken it since: nothing was written.
    Stale,
    Gone,
    Kept(Due),
}

impl Due {
    pub const fn at(now: i64) -> Self {
        Self { next_at: now, leased: false, claim: 0 }
    }

    /// Inserted in the hands of the node that accepted it: the happy path has no claim.
    pub const fn handed_over(now: i64, lease_ms: i64) -> Self {
        Self { next_at: now.saturating_add(lease_ms), leased: true, claim: 1 }
    }

    /// Takes it, if it is due; the second value says that it was taken from somebody whose lease
    /// ran out.
    #[must_use]
    pub const fn take(self, now: i64, lease_ms: i64) -> Option<(Self, bool)> {
        if self.next_at > now {
            return None;
        }
        Some((Self { next_at: now.saturating_add(lease_ms), leased: true, claim: self.claim + 1 }, self.leased))
    }

    #[must_use]
    pub const fn settle(self, claim: i64, after: After, now: i64) -> Written {
        // A holder that wrote already holds nothing any more, also if its number is still the latest.
        if self.claim != claim || !self.leased {
            return Written::Stale;
        }
        match after {
            After::Finished => Written::Gone,
            After::DueIn(millis) => Written::Kept(Self { next_at: now.saturating_add(millis), leased: false, claim }),
            After::Held => Written::Kept(Self { next_at: NEVER, leased: false, claim }),
        }
    }

    /// Given back unsent.
    #[must_use]
    pub const fn release(self, claim: i64, now: i64) -> Written {
        self.settle(claim, After::DueIn(0), now)
    }
}

/// Where a settled delivery waits. `now` is the clock that `next` was made with: only the span
/// counts, so that a node whose clock is wrong schedules right.
pub fn after(next: Next, now: Timestamp) -> After {
    match next {
        Next::Delivered | Next::Filtered | Next::DeadLetter | Next::Fail => After::Finished,
        Next::Retry { at } | Next::Park { look_again: Some(at), .. } => After::DueIn(at.since(now).as_millis() as i64),
        // Behind a held lane it waits like the rest, and goes on with them.
        Next::Park { reason: ParkedReason::ReceiverGone, .. } => After::DueIn(0),
        Next::Park { look_again: None, .. } => After::Held,
    }
}

/// What is known just before a request goes out.
#[derive(Debug, Clone, Copy)]
pub struct Before {
    /// The destination is held, or its tenant paused.
    pub held: bool,
    /// The process is ending.
    pub stopping: bool,
    pub interruptions: u32,
    pub timeout: Duration,
    /// Counted on the local monotonic clock from before the commit that leased it.
    pub lease_left: Duration,
}

/// What a sender does with a delivery in its hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    Send,
    /// Give it back unsent, as it was.
    Release,
    /// Its senders keep dying: it goes to the dead letters unsent.
    GiveUp,
}

/// A request goes out only if the lease outlives its deadline, with time left to settle.
pub fn begin(before: Before) -> Begin {
    if before.held || before.stopping {
        return Begin::Release;
    }
    if delivery::after_interruption(before.interruptions).is_some() {
        return Begin::GiveUp;
    }
    match before.timeout + MARGIN > before.lease_left {
        true => Begin::Release,
        false => Begin::Send,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLEAR: Before =
        Before { held: false, stopping: false, interruptions: 0, timeout: Duration::from_secs(15), lease_left: LEASE };

    #[test]
    fn a_lease_is_exclusive_until_it_runs_out_and_then_its_holder_writes_nothing() {
        let (first, interrupted) = Due::at(5).take(5, 100).unwrap();
        assert!(!interrupted);
        assert_eq!(first.take(104, 100), None);
        let (second, interrupted) = first.take(105, 100).unwrap();
        assert!(interrupted);
        assert_eq!(second.settle(first.claim, After::Finished, 106), Written::Stale);
        assert_eq!(second.settle(second.claim, After::Finished, 106), Written::Gone);
        let Written::Kept(again) = second.settle(second.claim, After::DueIn(5), 106) else { panic!("it is kept") };
        assert_eq!(again.settle(second.claim, After::Finished, 106), Written::Stale, "the same result twice");
    }

    #[test]
    fn nothing_is_sent_that_could_outlive_its_lease() {
        assert_eq!(begin(CLEAR), Begin::Send);
        assert_eq!(begin(Before { lease_left: Duration::from_secs(24), ..CLEAR }), Begin::Release);
        assert_eq!(begin(Before { held: true, interruptions: 9, ..CLEAR }), Begin::Release);
        assert_eq!(begin(Before { interruptions: 5, ..CLEAR }), Begin::GiveUp);
    }
}
