//! How fast one destination is sent to: its rate limit, how many requests may be in the air, a rest
//! when it asks for one, and what part of its traffic may be retries.
//!
//! Pure: moments are handed in. Figures: `reliability.md` 5, and where they say so, our own.

use std::collections::VecDeque;
use std::time::Duration;

use crate::time::Timestamp;

const SECOND: Duration = Duration::from_secs(1);

/// The largest `rate_limit_per_second`.
pub const RATE_MAX: u32 = 1_000;

/// At most so many sends in any second, however the second is cut: each send waits until the one
/// `per_second` places before it is a second ago. A burst of that size goes at once.
#[derive(Debug, Clone)]
pub struct Rate {
    per_second: u32,
    /// The moments of the last `per_second` sends, the oldest first.
    sent: VecDeque<Timestamp>,
}

impl Rate {
    pub fn new(per_second: u32) -> Self {
        Self { per_second: per_second.max(1), sent: VecDeque::new() }
    }

    pub const fn per_second(&self) -> u32 {
        self.per_second
    }

    /// Follows a change of the limit without forgetting what was sent.
    pub fn set(&mut self, per_second: u32) {
        self.per_second = per_second.max(1);
        let too_many = self.sent.len().saturating_sub(self.per_second as usize);
        self.sent.drain(..too_many);
    }

    /// The moment at which the next send may leave.
    pub fn next(&self, now: Timestamp) -> Timestamp {
        let full = self.sent.len() >= self.per_second as usize;
        let free = self.sent.front().filter(|_| full).map_or(now, |oldest| oldest.plus(SECOND));
        free.max(now).max(self.sent.back().copied().unwrap_or(now))
    }

    /// Takes the next send's place, which is at the moment returned.
    pub fn take(&mut self, now: Timestamp) -> Timestamp {
        let moment = self.next(now);
        if self.sent.len() >= self.per_second as usize {
            self.sent.pop_front();
        }
        self.sent.push_back(moment);
        moment
    }

    /// How many sends may leave no later than `moment`, if nothing is sent in between.
    pub fn free(&self, moment: Timestamp) -> u32 {
        if self.sent.back().is_some_and(|last| *last > moment) {
            return 0;
        }
        let passed = self.sent.partition_point(|sent| sent.plus(SECOND) <= moment);
        (self.per_second as usize - self.sent.len() + passed) as u32
    }

    /// Whether it remembers nothing that still matters.
    pub fn is_idle(&self, now: Timestamp) -> bool {
        self.sent.back().is_none_or(|last| last.plus(SECOND) <= now)
    }
}

/// An answer that takes longer than this, and so many times as long as usual, says that the
/// receiver is slowing down. One that always takes its time isn't.
const SLOW: Duration = Duration::from_secs(1);
const SLOW_TIMES: f64 = 4.0;
/// Weight of one answer in what is usual.
const USUAL_WEIGHT: f64 = 1.0 / 16.0;

/// How many requests may be in the air: all that the destination allows, until it answers 429, 502
/// or 504, not at all, or slowly. Each such sign halves it, those of one moment together once; each
/// good answer lets it grow again, by one per round of answers.
#[derive(Debug, Clone)]
pub struct InFlight {
    limit: f64,
    max: u32,
    halved_at: Option<Timestamp>,
    usual_ms: Option<f64>,
}

impl InFlight {
    pub fn new(max: u32) -> Self {
        Self { limit: f64::from(max.max(1)), max: max.max(1), halved_at: None, usual_ms: None }
    }

    pub fn limit(&self) -> u32 {
        (self.limit as u32).clamp(1, self.max)
    }

    /// Follows a change of `max_in_flight`: a limit that was not lowered goes along.
    pub fn set_max(&mut self, max: u32) {
        let max = max.max(1);
        if self.limit >= f64::from(self.max) || self.limit > f64::from(max) {
            self.limit = f64::from(max);
        }
        self.max = max;
    }

    pub fn is_lowered(&self) -> bool {
        self.limit() < self.max
    }

    /// After a breaker closed: what waited goes at a walk first.
    pub fn begin_slowly(&mut self) {
        self.limit = 1.0;
    }

    /// A good answer to what was sent at `started_at`.
    pub fn good(&mut self, started_at: Timestamp, now: Timestamp) {
        let took_ms = now.since(started_at).as_millis() as f64;
        let usual = *self.usual_ms.get_or_insert(took_ms);
        self.usual_ms = Some(usual + (took_ms - usual) * USUAL_WEIGHT);
        if took_ms > SLOW.as_millis() as f64 && took_ms > usual * SLOW_TIMES {
            return self.overloaded(started_at, now);
        }
        if self.limit < f64::from(self.max) {
            self.limit = (self.limit + 1.0 / self.limit).min(f64::from(self.max));
        }
    }

    /// A sign of overload in the answer to what was sent at `started_at`.
    pub fn overloaded(&mut self, started_at: Timestamp, now: Timestamp) {
        // What was in the air when it was halved tells nothing about the lower limit.
        if self.halved_at.is_some_and(|halved| started_at <= halved) {
            return;
        }
        self.limit = (self.limit / 2.0).max(1.0);
        self.halved_at = Some(now);
    }
}

/// A destination that answers 429 is left alone for a moment; without a wish of its own for a
/// second first, each time twice as long.
const REST_FIRST: Duration = SECOND;
const REST_MAX: Duration = Duration::from_secs(30);
/// A wish is honoured for the whole destination up to this; for the delivery, retry.rs decides.
const REST_WISHED_MAX: Duration = Duration::from_secs(60);

/// Nothing is sent before this is over.
#[derive(Debug, Clone, Default)]
pub struct Rest {
    until: Option<Timestamp>,
    in_a_row: u32,
}

impl Rest {
    pub fn until(&self, now: Timestamp) -> Option<Timestamp> {
        self.until.filter(|until| *until > now)
    }

    /// The receiver said that it gets too much.
    pub fn begin(&mut self, retry_after: Option<Duration>, now: Timestamp) {
        let own = REST_FIRST.saturating_mul(1 << self.in_a_row.min(10)).min(REST_MAX);
        let until = now.plus(retry_after.map_or(own, |wish| wish.min(REST_WISHED_MAX)));
        // One rest for what was in the air together.
        if self.until(now).is_none() {
            self.in_a_row = self.in_a_row.saturating_add(1);
        }
        self.until = Some(self.until.map_or(until, |old| old.max(until)));
    }

    pub fn end(&mut self) {
        *self = Self::default();
    }
}

/// Retries that may be sent in a second whatever else is sent.
pub const RETRY_FLOOR_PER_SECOND: u32 = 10;
/// Beyond that, one retry per so many first sends: 20 %.
const SENDS_PER_RETRY: f64 = 5.0;
/// What first sends earned is kept up to this.
const EARNED_MAX: f64 = 100.0;

/// How much of what a destination gets may be retries, so that a receiver in trouble isn't kept
/// there by them. First sends are never held back by it.
#[derive(Debug, Clone)]
pub struct RetryBudget {
    floor: f64,
    filled_at: Timestamp,
    earned: f64,
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self { floor: f64::from(RETRY_FLOOR_PER_SECOND), filled_at: Timestamp::from_millis(i64::MIN), earned: 0.0 }
    }
}

impl RetryBudget {
    fn floor(&self, now: Timestamp) -> f64 {
        let gained = now.since(self.filled_at).as_secs_f64() * f64::from(RETRY_FLOOR_PER_SECOND);
        (self.floor + gained).min(f64::from(RETRY_FLOOR_PER_SECOND))
    }

    /// Retries that may be taken up now.
    pub fn available(&self, now: Timestamp) -> u32 {
        self.floor(now) as u32 + self.earned as u32
    }

    /// The moment at which one more may be.
    pub fn next(&self, now: Timestamp) -> Timestamp {
        if self.available(now) > 0 {
            return now;
        }
        let missing = 1.0 - self.floor(now);
        now.plus(Duration::from_secs_f64(missing.max(0.0) / f64::from(RETRY_FLOOR_PER_SECOND)) + Duration::from_millis(1))
    }

    pub fn first_send(&mut self) {
        self.earned = (self.earned + 1.0 / SENDS_PER_RETRY).min(EARNED_MAX);
    }

    /// One retry is taken up. What goes beyond the budget (a probe) is owed.
    pub fn retry(&mut self, now: Timestamp) {
        self.floor = self.floor(now);
        self.filled_at = now;
        if self.floor < 1.0 && self.earned >= 1.0 {
            self.earned -= 1.0;
        } else {
            self.floor -= 1.0;
        }
    }

    /// Whether little would be lost by forgetting it.
    pub fn is_idle(&self, now: Timestamp) -> bool {
        self.floor(now) >= f64::from(RETRY_FLOOR_PER_SECOND)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    proptest! {
        #[test]
        fn no_second_has_more_sends_than_the_limit(per_second in 1u32..50, steps in proptest::collection::vec(0i64..400, 1..300)) {
            let (mut rate, mut now, mut sent) = (Rate::new(per_second), 0, Vec::new());
            for step in steps {
                now += step;
                let free = rate.free(at(now));
                let moment = rate.take(at(now));
                prop_assert!(moment >= at(now));
                prop_assert_eq!(free > 0, moment == at(now), "free says what take does");
                sent.push(moment.millis());
            }
            for from in &sent {
                let within = sent.iter().filter(|one| (*from..from + 1_000).contains(*one)).count();
                prop_assert!(within <= per_second as usize, "{} in a second from {}", within, from);
            }
        }

        #[test]
        fn a_limit_is_used_in_full(per_second in 1u32..100) {
            let mut rate = Rate::new(per_second);
            let last = (0..per_second * 3).map(|_| rate.take(at(0))).max().unwrap();
            prop_assert_eq!(last, at(2_000));
        }

        #[test]
        fn the_in_flight_limit_stays_within_its_bounds(max in 1u32..200, signs in proptest::collection::vec((0u8..3, 0i64..20_000), 1..300)) {
            let (mut limit, mut now) = (InFlight::new(max), 0);
            for (sign, took) in signs {
                let (started_at, before) = (at(now), limit.limit());
                now += took;
                match sign {
                    0 => limit.overloaded(started_at, at(now)),
                    _ => limit.good(started_at, at(now)),
                }
                prop_assert!((1..=max).contains(&limit.limit()));
                prop_assert!(limit.limit() >= before / 2 && limit.limit() <= before + 1, "from {} to {}", before, limit.limit());
            }
        }

        #[test]
        fn retries_stay_within_their_share(steps in proptest::collection::vec((0i64..300, any::<bool>()), 1..400)) {
            let (mut budget, mut now, mut firsts, mut retries) = (RetryBudget::default(), 0i64, 0u32, 0u32);
            for (step, retry) in steps {
                now += step;
                if !retry {
                    budget.first_send();
                    firsts += 1;
                } else if budget.available(at(now)) > 0 {
                    budget.retry(at(now));
                    retries += 1;
                }
            }
            let floor = f64::from(RETRY_FLOOR_PER_SECOND) * (1.0 + now as f64 / 1_000.0);
            prop_assert!(f64::from(retries) <= floor + f64::from(firsts) / SENDS_PER_RETRY + 1.0);
        }
    }

    #[test]
    fn overload_halves_once_for_what_was_in_the_air_together() {
        let mut limit = InFlight::new(16);
        for _ in 0..16 {
            limit.overloaded(at(0), at(100));
        }
        assert_eq!(limit.limit(), 8);
        limit.overloaded(at(101), at(200));
        assert_eq!(limit.limit(), 4);
    }

    #[test]
    fn good_answers_let_it_grow_back_to_its_maximum() {
        let mut limit = InFlight::new(10);
        limit.overloaded(at(1), at(2));
        for moment in 0..100 {
            limit.good(at(moment), at(moment + 5));
        }
        assert_eq!((limit.limit(), limit.is_lowered()), (10, false));
    }

    #[test]
    fn a_receiver_that_slows_down_lowers_it_and_one_that_is_always_slow_does_not() {
        let (mut slowing, mut slow) = (InFlight::new(10), InFlight::new(10));
        for moment in 0..50 {
            slowing.good(at(moment), at(moment + 50));
            slow.good(at(moment), at(moment + 5_000));
        }
        slowing.good(at(100), at(5_100));
        assert_eq!((slowing.limit(), slow.limit()), (5, 10));
    }

    #[test]
    fn a_changed_maximum_is_followed() {
        let mut limit = InFlight::new(10);
        limit.set_max(20);
        assert_eq!(limit.limit(), 20);
        limit.overloaded(at(1), at(2));
        limit.set_max(40);
        assert_eq!(limit.limit(), 10, "what was lowered stays so");
        limit.set_max(3);
        assert_eq!(limit.limit(), 3);
    }

    #[test]
    fn rests_follow_the_wish_or_double() {
        let mut rest = Rest::default();
        rest.begin(None, at(0));
        rest.begin(None, at(10));
        assert_eq!(rest.until(at(20)), Some(at(2_010)));
        rest.begin(Some(Duration::from_secs(7)), at(3_000));
        assert_eq!(rest.until(at(3_000)), Some(at(10_000)));
        rest.begin(Some(Duration::from_secs(86_400)), at(10_000));
        assert_eq!(rest.until(at(10_000)), Some(at(70_000)), "no receiver holds its lane for longer by this");
        rest.end();
        assert_eq!(rest.until(at(10_001)), None);
    }
}
