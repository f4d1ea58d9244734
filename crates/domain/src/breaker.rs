//! The circuit breaker of one destination: a receiver that only fails is left alone, and asked now
//! and then whether it is back.
//!
//! ```text
//!            10 failures in a row, or half of at least 20 in a minute
//!   closed ──────────────────────────────────────────────────────────► open ◄─────┐ failed: the
//!     ▲                                                                 │ at      │ next wait is
//!     │ three good ones                                                 │ probe_at│ twice as long
//!     └──────────────────────────────────────────────── half open ◄─────┘─────────┘
//! ```
//! A probe is a real delivery that is due, and counts as its attempt. While one is in the air there
//! is no other. What was sent before the breaker opened and is answered after it changes nothing.
//!
//! Pure: moments and random numbers are handed in. Figures: `reliability.md` 5.

use std::time::Duration;

use crate::time::Timestamp;

/// So many failures without a success between them open the breaker.
pub const FAILURES_IN_A_ROW: u32 = 10;
/// Of at least so many in a minute, half failed: that opens it, too.
pub const JUDGED_FROM: u32 = 20;
/// Wait before the first probe; each failed one doubles it.
pub const PROBE_AFTER: Duration = Duration::from_secs(30);
pub const PROBE_AFTER_MAX: Duration = Duration::from_secs(600);
/// Good probes in a row that close it.
pub const GOOD_TO_CLOSE: u32 = 3;
/// Up to this share of a wait is added at random, so that many breakers don't probe in step.
const JITTER: f64 = 0.2;

/// The minute is counted in so many parts.
const PARTS: usize = 6;
const PART_MS: i64 = 10_000;

/// What may be sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// Whatever is due.
    Freely,
    /// One delivery, begun with [`Breaker::begin_probe`].
    Probe,
    /// Nothing before this moment.
    NotBefore(Timestamp),
    /// Nothing while a probe is in the air.
    ProbeInTheAir,
}

/// How an answer's request came to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    Freely,
    Probe,
}

/// The breaker changed in a way that others must hear of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Nothing is sent before `probe_at`; so many probes have failed since it opened first.
    Opened {
        probe_at: Timestamp,
        failed_probes: u32,
    },
    /// A probe was good, and the next one may follow at once.
    Recovering,
    Closed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Phase {
    #[default]
    Closed,
    Open {
        probe_at: Timestamp,
        failed_probes: u32,
    },
    HalfOpen {
        good: u32,
        in_the_air: bool,
        failed_probes: u32,
    },
}

/// What people see of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    Closed,
    Open { probe_at: Timestamp },
    HalfOpen,
}

#[derive(Debug, Clone, Default)]
pub struct Breaker {
    phase: Phase,
    failures_in_a_row: u32,
    minute: Minute,
}

impl Breaker {
    /// As it was before a restart, or as another node left it.
    pub fn opened(probe_at: Timestamp, failed_probes: u32) -> Self {
        Self { phase: Phase::Open { probe_at, failed_probes }, ..Self::default() }
    }

    pub fn pass(&self, now: Timestamp) -> Pass {
        match self.phase {
            Phase::Closed => Pass::Freely,
            Phase::Open { probe_at, .. } if now < probe_at => Pass::NotBefore(probe_at),
            Phase::Open { .. } | Phase::HalfOpen { in_the_air: false, .. } => Pass::Probe,
            Phase::HalfOpen { in_the_air: true, .. } => Pass::ProbeInTheAir,
        }
    }

    pub fn shown(&self) -> Shown {
        match self.phase {
            Phase::Closed => Shown::Closed,
            Phase::Open { probe_at, .. } => Shown::Open { probe_at },
            Phase::HalfOpen { .. } => Shown::HalfOpen,
        }
    }

    pub fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }

    /// Takes the one probe. `false`: it is not its time, or one is in the air; nothing changes.
    pub fn begin_probe(&mut self, now: Timestamp) -> bool {
        if self.pass(now) != Pass::Probe {
            return false;
        }
        let (good, failed_probes) = match self.phase {
            Phase::Open { failed_probes, .. } => (0, failed_probes),
            Phase::HalfOpen { good, failed_probes, .. } => (good, failed_probes),
            Phase::Closed => return false,
        };
        self.phase = Phase::HalfOpen { good, in_the_air: true, failed_probes };
        true
    }

    /// The probe that was taken was never sent: somebody else may take it.
    pub fn give_probe_back(&mut self) {
        if let Phase::HalfOpen { in_the_air, .. } = &mut self.phase {
            *in_the_air = false;
        }
    }

    /// Counts an answer, or that there was none. `unit` is a random number in `0.0..1.0`.
    pub fn record(&mut self, sent: Sent, good: bool, now: Timestamp, unit: f64) -> Option<Change> {
        match (self.phase, sent) {
            (Phase::Closed, _) => self.record_closed(good, now, unit),
            (Phase::HalfOpen { good: before, failed_probes, .. }, Sent::Probe) => {
                if !good {
                    return Some(self.open(failed_probes.saturating_add(1), now, unit));
                }
                if before + 1 >= GOOD_TO_CLOSE {
                    *self = Self::default();
                    return Some(Change::Closed);
                }
                self.phase = Phase::HalfOpen { good: before + 1, in_the_air: false, failed_probes };
                Some(Change::Recovering)
            }
            // Sent before it opened.
            _ => None,
        }
    }

    fn record_closed(&mut self, good: bool, now: Timestamp, unit: f64) -> Option<Change> {
        self.failures_in_a_row = if good { 0 } else { self.failures_in_a_row.saturating_add(1) };
        self.minute.count(good, now);
        let (all, failed) = self.minute.totals();
        let judged = all >= JUDGED_FROM && failed.saturating_mul(2) >= all;
        (!good && (self.failures_in_a_row >= FAILURES_IN_A_ROW || judged)).then(|| self.open(0, now, unit))
    }

    fn open(&mut self, failed_probes: u32, now: Timestamp, unit: f64) -> Change {
        let wait = wait(failed_probes);
        let probe_at = now.plus(wait + wait.mul_f64(JITTER * unit.clamp(0.0, 1.0)));
        *self = Self::opened(probe_at, failed_probes);
        Change::Opened { probe_at, failed_probes }
    }
}

/// How long nothing is sent, without jitter, once so many probes have failed.
fn wait(failed_probes: u32) -> Duration {
    PROBE_AFTER.saturating_mul(1 << failed_probes.min(10)).min(PROBE_AFTER_MAX)
}

/// Answers of the last minute, all and failed, in parts of ten seconds.
#[derive(Debug, Clone, Default)]
struct Minute {
    parts: [(u32, u32); PARTS],
    newest: i64,
}

impl Minute {
    fn count(&mut self, good: bool, now: Timestamp) {
        // A clock that was set back counts into the newest part.
        let part = now.millis().div_euclid(PART_MS).max(self.newest);
        for stale in 0..(part - self.newest).min(PARTS as i64) {
            self.parts[(part - stale).rem_euclid(PARTS as i64) as usize] = (0, 0);
        }
        self.newest = part;
        let (all, failed) = &mut self.parts[part.rem_euclid(PARTS as i64) as usize];
        *all = all.saturating_add(1);
        *failed = failed.saturating_add(u32::from(!good));
    }

    fn totals(&self) -> (u32, u32) {
        let add = |(all, failed): (u32, u32), part: &(u32, u32)| (all.saturating_add(part.0), failed.saturating_add(part.1));
        self.parts.iter().fold((0, 0), add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn fail(breaker: &mut Breaker, times: u32, now: Timestamp) -> Option<Change> {
        (0..times).filter_map(|_| breaker.record(Sent::Freely, false, now, 0.0)).next_back()
    }

    #[test]
    fn ten_failures_in_a_row_open_it_and_a_success_between_them_does_not() {
        let mut breaker = Breaker::default();
        assert_eq!(fail(&mut breaker, 9, at(0)), None);
        breaker.record(Sent::Freely, true, at(0), 0.0);
        assert_eq!(fail(&mut breaker, 9, at(120_000)), None);
        let opened = fail(&mut breaker, 1, at(120_000));
        assert_eq!(opened, Some(Change::Opened { probe_at: at(150_000), failed_probes: 0 }));
        assert_eq!(breaker.pass(at(149_999)), Pass::NotBefore(at(150_000)));
        assert_eq!(breaker.pass(at(150_000)), Pass::Probe);
    }

    #[test]
    fn half_of_twenty_in_a_minute_opens_it_and_spread_over_hours_it_does_not() {
        let alternate = |step: i64| {
            let mut breaker = Breaker::default();
            (0..40).filter_map(|n| breaker.record(Sent::Freely, n % 2 == 0, at(n * step), 0.0)).count()
        };
        assert_eq!((alternate(1_000), alternate(60_000)), (1, 0));
    }

    #[test]
    fn three_good_probes_close_it_one_at_a_time() {
        let mut breaker = Breaker::opened(at(0), 0);
        for change in [Change::Recovering, Change::Recovering, Change::Closed] {
            assert!(breaker.begin_probe(at(1)));
            assert_eq!(breaker.pass(at(1)), Pass::ProbeInTheAir);
            assert!(!breaker.begin_probe(at(1)), "one at a time");
            assert_eq!(breaker.record(Sent::Probe, true, at(2), 0.0), Some(change));
        }
        assert_eq!(breaker.pass(at(2)), Pass::Freely);
        assert_eq!(fail(&mut breaker, 9, at(3)), None, "it begins anew");
    }

    #[test]
    fn waits_double_up_to_ten_minutes() {
        let (mut breaker, mut now, mut waits) = (Breaker::opened(at(0), 0), at(0), Vec::new());
        for _ in 0..7 {
            assert!(breaker.begin_probe(now));
            let Some(Change::Opened { probe_at, .. }) = breaker.record(Sent::Probe, false, now, 0.0) else { panic!() };
            waits.push(probe_at.since(now).as_secs());
            now = probe_at;
        }
        assert_eq!(waits, [60, 120, 240, 480, 600, 600, 600]);
    }

    #[test]
    fn a_probe_that_was_never_sent_is_given_back() {
        let mut breaker = Breaker::opened(at(0), 2);
        assert!(breaker.begin_probe(at(0)));
        breaker.give_probe_back();
        assert_eq!(breaker.pass(at(0)), Pass::Probe);
    }

    #[test]
    fn late_answers_of_what_was_sent_before_change_nothing() {
        let mut breaker = Breaker::opened(at(30_000), 0);
        assert_eq!(breaker.record(Sent::Freely, true, at(1), 0.0), None);
        assert_eq!(breaker.record(Sent::Freely, false, at(2), 0.0), None);
        assert_eq!(breaker.pass(at(3)), Pass::NotBefore(at(30_000)));
    }

    proptest! {
        /// reliability.md 3, invariant 16: open means no send but one probe per interval.
        #[test]
        fn open_lets_nothing_through_but_one_probe_per_interval(steps in proptest::collection::vec((0i64..40_000, any::<bool>(), 0.0f64..1.0), 1..400)) {
            let (mut breaker, mut now, mut probe_allowed_from) = (Breaker::default(), at(0), None);
            for (wait, good, unit) in steps {
                now = now.plus(Duration::from_millis(wait as u64));
                let sent = match breaker.pass(now) {
                    Pass::Freely => Sent::Freely,
                    Pass::Probe => {
                        prop_assert!(probe_allowed_from.is_none_or(|from| now >= from));
                        prop_assert!(breaker.begin_probe(now));
                        Sent::Probe
                    }
                    Pass::NotBefore(moment) => { prop_assert!(moment > now); continue }
                    Pass::ProbeInTheAir => { prop_assert!(false, "every probe is answered here"); continue }
                };
                match breaker.record(sent, good, now, unit) {
                    Some(Change::Opened { probe_at, .. }) => {
                        prop_assert!(!good);
                        let wait = probe_at.since(now);
                        prop_assert!(wait >= PROBE_AFTER && wait <= PROBE_AFTER_MAX.mul_f64(1.0 + JITTER));
                        probe_allowed_from = Some(probe_at);
                    }
                    Some(_) => { prop_assert!(good && sent == Sent::Probe); probe_allowed_from = None; }
                    None => prop_assert_eq!(sent, Sent::Freely),
                }
            }
        }

        #[test]
        fn a_minute_forgets_what_is_older(counts in proptest::collection::vec((0i64..30_000, any::<bool>()), 1..200)) {
            let (mut minute, mut now, mut all) = (Minute::default(), 0, Vec::new());
            for (step, good) in counts {
                now += step;
                minute.count(good, at(now));
                all.push(now);
            }
            let counted = minute.totals().0 as usize;
            prop_assert!(counted >= all.iter().filter(|one| **one > now - 50_000).count());
            prop_assert!(counted <= all.iter().filter(|one| **one > now - 60_000).count());
        }
    }
}
