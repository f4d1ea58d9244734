//! When a failed delivery is tried again. The default schedule is the one that Standard Webhooks
//! recommends: 10 attempts in 75 h 35 m 5 s.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Delay before attempt 1, 2, ... in seconds.
pub const DEFAULT_SCHEDULE_SECONDS: [u64; 10] = [0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];

/// Jitter is only ever added, and never more than this.
const JITTER_MAX: Duration = Duration::from_secs(15 * 60);

/// A receiver's `Retry-After` is honoured up to this or twice the scheduled delay, whichever is longer.
const RETRY_AFTER_FLOOR: Duration = Duration::from_secs(3_600);

/// What becomes of a delivery whose attempts are used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnExhausted {
    #[default]
    DeadLetter,
    Park,
    Discard,
}

/// A tenant's delivery policy; a destination overrides it field by field ([`PolicyOverride`]).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// 1 to 50.
    pub max_attempts: u32,
    /// 1 to 50 entries of 0 to 604,800 (a week); the last repeats.
    pub schedule_seconds: Vec<u64>,
    /// The whole exchange, from resolving the name to the answer's last byte: 1,000 to 60,000.
    pub timeout_ms: u64,
    /// Share of the delay that may be added at random: 0 to 1.
    pub jitter: f64,
    pub on_exhausted: OnExhausted,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            max_attempts: DEFAULT_SCHEDULE_SECONDS.len() as u32,
            schedule_seconds: DEFAULT_SCHEDULE_SECONDS.to_vec(),
            timeout_ms: 15_000,
            jitter: 0.2,
            on_exhausted: OnExhausted::DeadLetter,
        }
    }
}

/// A destination's own figures; what is absent is the tenant's.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolicyOverride {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_attempts: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule_seconds: Option<Vec<u64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_exhausted: Option<OnExhausted>,
}

/// A figure of a policy is out of its bounds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {rule}")]
pub struct PolicyError {
    pub field: &'static str,
    pub rule: &'static str,
}

impl Policy {
    pub fn overridden(&self, by: &PolicyOverride) -> Self {
        Self {
            max_attempts: by.max_attempts.unwrap_or(self.max_attempts),
            schedule_seconds: by.schedule_seconds.clone().unwrap_or_else(|| self.schedule_seconds.clone()),
            timeout_ms: by.timeout_ms.unwrap_or(self.timeout_ms),
            jitter: by.jitter.unwrap_or(self.jitter),
            on_exhausted: by.on_exhausted.unwrap_or(self.on_exhausted),
        }
    }

    pub fn check(&self) -> Result<(), PolicyError> {
        let fail = |field, rule| Err(PolicyError { field, rule });
        if !(1..=50).contains(&self.max_attempts) {
            return fail("max_attempts", "must be 1 to 50");
        }
        if !(1..=50).contains(&self.schedule_seconds.len()) {
            return fail("schedule_seconds", "must have 1 to 50 entries");
        }
        if self.schedule_seconds.iter().any(|seconds| *seconds > 604_800) {
            return fail("schedule_seconds", "must hold delays of 0 to 604800 seconds");
        }
        if !(1_000..=60_000).contains(&self.timeout_ms) {
            return fail("timeout_ms", "must be 1000 to 60000");
        }
        if !(0.0..=1.0).contains(&self.jitter) {
            return fail("jitter", "must be 0 to 1");
        }
        Ok(())
    }

    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    /// The delay before attempt `number` (from 1), without jitter.
    pub fn scheduled(&self, number: u32) -> Duration {
        let place = (number.max(1) as usize - 1).min(self.schedule_seconds.len().saturating_sub(1));
        Duration::from_secs(self.schedule_seconds.get(place).copied().unwrap_or(0))
    }

    /// The delay before attempt `number`: never before its schedule, jitter added, a receiver's
    /// wish honoured within bounds. `unit` is a random number in `0.0..1.0`.
    pub fn delay(&self, number: u32, retry_after: Option<Duration>, unit: f64) -> Duration {
        let scheduled = self.scheduled(number);
        let wished = retry_after.unwrap_or(scheduled).min(RETRY_AFTER_FLOOR.max(scheduled * 2));
        let base = scheduled.max(wished);
        base + base.mul_f64(self.jitter * unit.clamp(0.0, 1.0)).min(JITTER_MAX)
    }
}

/// Reads `Retry-After` in its integer form; anything else than 1 to 10 digits is no wish.
/// The date form needs the time of the answer.
pub fn retry_after(text: &str, now: crate::time::Timestamp) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::from(u32::MAX))));
    }
    let moment = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Some(crate::time::Timestamp::from_millis(moment.as_millisecond()).since(now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;
    use proptest::prelude::*;

    #[test]
    fn the_default_window_is_75_hours_35_minutes_5_seconds() {
        let total: u64 = DEFAULT_SCHEDULE_SECONDS.iter().sum();
        assert_eq!(total, 75 * 3600 + 35 * 60 + 5);
        assert!(Policy::default().check().is_ok());
    }

    #[test]
    fn retry_after_reads_both_forms_and_saturates() {
        let now = Timestamp::from_seconds(1_700_000_000);
        assert_eq!(retry_after("120", now), Some(Duration::from_secs(120)));
        assert_eq!(retry_after("Tue, 14 Nov 2023 22:14:20 GMT", now), Some(Duration::from_secs(60)));
        assert_eq!(retry_after("Fri, 14 Nov 2003 22:14:20 GMT", now), Some(Duration::ZERO));
        assert!(retry_after("99999999999999999999999", now).is_some());
        for odd in ["1e308", "-5", "1.5", "", "soon", "(((((((((("] {
            assert_eq!(retry_after(odd, now), None, "{odd}");
        }
    }

    proptest! {
        #[test]
        fn a_delay_is_never_early_and_jitter_is_bounded(number in 1u32..60, unit in 0.0f64..1.0, wish in proptest::option::of(0u64..u64::MAX)) {
            let policy = Policy::default();
            let delay = policy.delay(number, wish.map(Duration::from_secs), unit);
            let scheduled = policy.scheduled(number);
            prop_assert!(delay >= scheduled);
            let longest = (scheduled * 2).max(RETRY_AFTER_FLOOR);
            prop_assert!(delay <= longest + JITTER_MAX);
        }
    }
}
