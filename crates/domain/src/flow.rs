//! What one destination may be sent now: its breaker, rate, in-flight limit, rests, retry budget
//! and the clock of its failures, put together. A node's lanes and the simulator drive this.
//!
//! ```text
//! permit ──► begin ──► next_send ──► (the request) ──► answered ──► changes for the store
//!                                └─► unsent: as if it had never begun
//! ```
//! Whatever is held back here was not sent, and costs no attempt.

use std::time::Duration;

use crate::breaker::{self, Breaker, Pass, Sent};
use crate::delivery::Outcome;
use crate::failing::{self, Failing};
use crate::throttle::{InFlight, Rate, Rest, RetryBudget};
use crate::time::Timestamp;

/// What the destination is configured with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub max_in_flight: u32,
    pub rate_per_second: Option<u32>,
}

/// Work that shares a lane without standing in its own way: what is fresh goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    Fresh,
    Retry,
    Replay,
}

impl Class {
    pub const ALL: [Self; 3] = [Self::Fresh, Self::Retry, Self::Replay];

    /// How it is stored.
    pub const fn code(self) -> i64 {
        match self {
            Self::Fresh => 0,
            Self::Retry => 1,
            Self::Replay => 2,
        }
    }

    /// What the store has; anything unknown is fresh.
    pub fn of_code(code: i64) -> Self {
        Self::ALL.into_iter().find(|class| class.code() == code).unwrap_or(Self::Fresh)
    }

    /// Whether it only gets a bounded share of a node.
    pub const fn is_late(self) -> bool {
        !matches!(self, Self::Fresh)
    }
}

/// What may be taken up now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permit {
    /// So many in the air at once.
    Open { in_flight: u32 },
    /// One delivery, as a probe.
    Probe,
    /// Nothing; look again at this moment, or when a probe has ended.
    Shut { until: Option<Timestamp> },
}

/// An answer, or that none came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answered {
    pub sent: Sent,
    pub started_at: Timestamp,
    pub said: Said,
}

/// What an answer says about its receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    Good,
    Failed,
    /// 502, 504, or nothing within the time given.
    Overloaded,
    /// 429: nothing more for a moment.
    TooMuch {
        retry_after: Option<Duration>,
    },
}

impl Said {
    /// `None` where nothing was sent. `timed_out`: the attempt's whole time passed without an answer.
    pub fn of(outcome: &Outcome, status: Option<u16>, timed_out: bool) -> Option<Self> {
        if !outcome.was_sent() {
            return None;
        }
        let retry_after = match outcome {
            Outcome::Accepted => return Some(Self::Good),
            Outcome::Retryable { retry_after } => *retry_after,
            _ => None,
        };
        Some(match status {
            Some(429) => Self::TooMuch { retry_after },
            Some(502 | 504) => Self::Overloaded,
            None if timed_out => Self::Overloaded,
            _ => Self::Failed,
        })
    }
}

/// What the store, and people, must hear of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Changes {
    pub breaker: Option<breaker::Change>,
    pub failing: Option<failing::Change>,
}

impl Changes {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[derive(Debug, Clone)]
pub struct Flow {
    breaker: Breaker,
    in_flight: InFlight,
    rate: Option<Rate>,
    rest: Rest,
    retries: RetryBudget,
    failing: Failing,
}

impl Flow {
    pub fn new(limits: Limits) -> Self {
        Self {
            breaker: Breaker::default(),
            in_flight: InFlight::new(limits.max_in_flight),
            rate: limits.rate_per_second.map(Rate::new),
            rest: Rest::default(),
            retries: RetryBudget::default(),
            failing: Failing::default(),
        }
    }

    /// Follows a change of the configuration.
    pub fn configure(&mut self, limits: Limits) {
        self.in_flight.set_max(limits.max_in_flight);
        match (&mut self.rate, limits.rate_per_second) {
            (Some(rate), Some(per_second)) if rate.per_second() != per_second => rate.set(per_second),
            (Some(_), Some(_)) => {}
            (rate, wanted) => *rate = wanted.map(Rate::new),
        }
    }

    /// Takes over what the store kept, where that goes further back. `open` is the breaker's next
    /// probe and how many have failed.
    pub fn adopt(&mut self, failing: Failing, open: Option<(Timestamp, u32)>) {
        // A failure may have come in before the store was read; what is kept goes further back.
        if self.failing.since().is_none_or(|own| failing.since().is_some_and(|kept| kept < own)) {
            self.failing = failing;
        }
        if let Some((probe_at, failed_probes)) = open
            && self.breaker.is_closed()
        {
            self.breaker = Breaker::opened(probe_at, failed_probes);
        }
    }

    /// Starts anew, as after a person enabled the destination again.
    pub fn reset(&mut self) {
        (self.breaker, self.failing) = (Breaker::default(), Failing::default());
        self.rest.end();
    }

    pub fn permit(&self, now: Timestamp) -> Permit {
        if let Some(until) = self.rest.until(now) {
            return Permit::Shut { until: Some(until) };
        }
        match self.breaker.pass(now) {
            Pass::Freely => Permit::Open { in_flight: self.in_flight.limit() },
            Pass::Probe => Permit::Probe,
            Pass::NotBefore(until) => Permit::Shut { until: Some(until) },
            Pass::ProbeInTheAir => Permit::Shut { until: None },
        }
    }

    /// How many more may be sent until `moment` by the rate limit.
    pub fn rate_free(&self, moment: Timestamp) -> u32 {
        self.rate.as_ref().map_or(u32::MAX, |rate| rate.free(moment))
    }

    /// The moment at which the rate limit has room again.
    pub fn rate_next(&self, now: Timestamp) -> Timestamp {
        self.rate.as_ref().map_or(now, |rate| rate.next(now))
    }

    pub const fn has_rate(&self) -> bool {
        self.rate.is_some()
    }

    /// Retries that may be taken up now.
    pub fn retries_free(&self, now: Timestamp) -> u32 {
        self.retries.available(now)
    }

    pub fn retries_next(&self, now: Timestamp) -> Timestamp {
        self.retries.next(now)
    }

    /// Takes one delivery up. What comes back says how it will be sent.
    pub fn begin(&mut self, class: Class, now: Timestamp) -> Sent {
        match class {
            Class::Retry => self.retries.retry(now),
            Class::Fresh => self.retries.first_send(),
            Class::Replay => {}
        }
        if self.breaker.begin_probe(now) { Sent::Probe } else { Sent::Freely }
    }

    /// Whether what was taken up freely may still be sent: the breaker may have opened since.
    pub fn may_send(&self, sent: Sent) -> bool {
        sent == Sent::Probe || self.breaker.is_closed()
    }

    /// Takes a place of the rate limit: the moment at which the request may leave.
    pub fn next_send(&mut self, now: Timestamp) -> Timestamp {
        self.rate.as_mut().map_or(now, |rate| rate.take(now))
    }

    /// What was taken up was not sent.
    pub fn unsent(&mut self, sent: Sent) {
        if sent == Sent::Probe {
            self.breaker.give_probe_back();
        }
    }

    /// Learns from an answer. `unit` is a random number in `0.0..1.0`.
    pub fn answered(&mut self, answered: Answered, now: Timestamp, unit: f64) -> Changes {
        let Answered { sent, started_at, said } = answered;
        let good = said == Said::Good;
        match said {
            Said::Good => {
                self.in_flight.good(started_at, now);
                self.rest.end();
            }
            Said::Failed => {}
            Said::Overloaded => self.in_flight.overloaded(started_at, now),
            Said::TooMuch { retry_after } => {
                self.in_flight.overloaded(started_at, now);
                self.rest.begin(retry_after, now);
            }
        }
        let breaker = self.breaker.record(sent, good, now, unit);
        if breaker == Some(breaker::Change::Closed) {
            self.in_flight.begin_slowly();
        }
        let failing = self.failing.follow(good, now, breaker.is_some());
        Changes { breaker, failing }
    }

    pub fn in_flight_limit(&self) -> u32 {
        self.in_flight.limit()
    }

    pub fn breaker(&self) -> breaker::Shown {
        self.breaker.shown()
    }

    /// Whether nothing would be lost by forgetting it.
    pub fn is_idle(&self, now: Timestamp) -> bool {
        self.breaker.is_closed()
            && self.failing.since().is_none()
            && !self.in_flight.is_lowered()
            && self.rest.until(now).is_none()
            && self.rate.as_ref().is_none_or(|rate| rate.is_idle(now))
            && self.retries.is_idle(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMITS: Limits = Limits { max_in_flight: 8, rate_per_second: None };

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn answer(sent: Sent, said: Said) -> Answered {
        Answered { sent, started_at: at(0), said }
    }

    #[test]
    fn only_answers_count_and_each_says_its_own() {
        let failed = |retry_after| Outcome::Retryable { retry_after };
        let wish = Some(Duration::from_secs(9));
        for (outcome, status, timed_out, said) in [
            (Outcome::Accepted, Some(204), false, Some(Said::Good)),
            (failed(None), Some(500), false, Some(Said::Failed)),
            (failed(None), Some(302), false, Some(Said::Failed)),
            (failed(None), None, false, Some(Said::Failed)),
            (failed(None), None, true, Some(Said::Overloaded)),
            (failed(None), Some(504), false, Some(Said::Overloaded)),
            (failed(wish), Some(429), false, Some(Said::TooMuch { retry_after: wish })),
            (failed(wish), Some(503), false, Some(Said::Failed)),
            (failed(None), Some(503), false, Some(Said::Failed)),
            (Outcome::Forbidden, None, false, None),
            (Outcome::SecretUnavailable, None, false, None),
            (Outcome::Filtered, None, false, None),
        ] {
            assert_eq!(Said::of(&outcome, status, timed_out), said, "{outcome:?} {status:?}");
        }
    }

    #[test]
    fn an_open_breaker_is_written_down_with_its_failures_and_forgotten_once_it_closes() {
        let mut flow = Flow::new(LIMITS);
        let mut changes = Changes::default();
        for _ in 0..10 {
            let sent = flow.begin(Class::Fresh, at(0));
            changes = flow.answered(answer(sent, Said::Failed), at(0), 0.0);
        }
        assert!(matches!(changes.breaker, Some(breaker::Change::Opened { .. })));
        assert_eq!(changes.failing, Some(failing::Change::Record { since: at(0) }));
        assert_eq!(flow.permit(at(0)), Permit::Shut { until: Some(at(30_000)) });
        for round in 0..3 {
            assert_eq!(flow.permit(at(30_000)), Permit::Probe);
            let sent = flow.begin(Class::Retry, at(30_000));
            assert_eq!(flow.permit(at(30_000)), Permit::Shut { until: None });
            changes = flow.answered(answer(sent, Said::Good), at(30_000), 0.0);
            assert_eq!(changes.failing, (round == 0).then_some(failing::Change::Clear));
        }
        assert_eq!(changes.breaker, Some(breaker::Change::Closed));
        assert_eq!(flow.permit(at(30_001)), Permit::Open { in_flight: 1 }, "what waited goes at a walk first");
    }

    #[test]
    fn a_receiver_that_gets_too_much_rests_and_is_sent_less() {
        let mut flow = Flow::new(LIMITS);
        let sent = flow.begin(Class::Fresh, at(1));
        flow.answered(answer(sent, Said::TooMuch { retry_after: Some(Duration::from_secs(5)) }), at(10), 0.0);
        assert_eq!(flow.permit(at(20)), Permit::Shut { until: Some(at(5_010)) });
        assert_eq!(flow.permit(at(5_010)), Permit::Open { in_flight: 4 });
    }

    proptest! {
        /// Whatever is answered, a destination is looked at again within ten minutes and jitter.
        #[test]
        fn nothing_is_shut_for_ever(steps in proptest::collection::vec((0u8..5, 0i64..5_000, any::<bool>()), 1..300)) {
            let (mut flow, mut now) = (Flow::new(Limits { max_in_flight: 5, rate_per_second: Some(3) }), at(0));
            for (said, step, sent_at_all) in steps {
                now = now.plus(Duration::from_millis(step as u64));
                match flow.permit(now) {
                    Permit::Shut { until } => {
                        let until = until.unwrap();
                        prop_assert!(until > now && until.since(now) <= breaker::PROBE_AFTER_MAX.mul_f64(1.2));
                        now = until;
                    }
                    Permit::Open { in_flight } => prop_assert!((1..=5).contains(&in_flight)),
                    Permit::Probe => {}
                }
                let sent = flow.begin(Class::Fresh, now);
                if !sent_at_all {
                    flow.unsent(sent);
                    continue;
                }
                let moment = flow.next_send(now);
                prop_assert!(moment >= now);
                let said = [Said::Good, Said::Failed, Said::Overloaded, Said::TooMuch { retry_after: None },
                    Said::TooMuch { retry_after: Some(Duration::MAX) }][usize::from(said)];
                flow.answered(Answered { sent, started_at: moment, said }, moment.plus(Duration::from_millis(20)), 0.9);
            }
        }
    }
}
