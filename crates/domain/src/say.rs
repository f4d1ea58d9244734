//! The receiver's say: what an answer's headers ask of us, besides its status. Each wish is taken
//! in one spelling and within bounds, and anything else is no wish: a receiver can spare itself
//! work, and can never make us do more, sooner or elsewhere.
//!
//! | Header | Where | Bound |
//! |---|---|---|
//! | `hookswitch-retry: stop` | any answer but 2xx | ends this delivery alone; it stays a dead letter, to be replayed |
//! | `hookswitch-retry-after: 120`, `retry-after` | any answer but 2xx | never before the schedule; [`Policy::delay`] caps it |
//! | `hookswitch-destination: pause` | any answer | pauses the destination that answered, audited; a person resumes it |
//!
//! [`Policy::delay`]: crate::retry::Policy::delay

use std::time::Duration;

use crate::delivery::Outcome;
use crate::retry::retry_after;
use crate::time::Timestamp;

pub const RETRY: &str = "hookswitch-retry";
pub const RETRY_AFTER: &str = "hookswitch-retry-after";
pub const DESTINATION: &str = "hookswitch-destination";
const STANDARD_RETRY_AFTER: &str = "retry-after";

/// What an answer asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Say {
    /// No more tries of this delivery.
    pub stop: bool,
    pub retry_after: Option<Duration>,
    /// Nothing more to this destination until a person resumes it.
    pub pause: bool,
}

impl Say {
    /// Reads an answer's header lines. `values` gives all values of a name: one that stands there
    /// twice is no wish, since nobody knows which of them was meant.
    pub fn read<'h>(values: impl Fn(&str) -> Vec<&'h [u8]>, now: Timestamp) -> Self {
        let only = |name: &str| match values(name)[..] {
            [value] => std::str::from_utf8(value).ok().map(str::trim),
            _ => None,
        };
        let says = |name: &str, word: &str| only(name).is_some_and(|value| value.eq_ignore_ascii_case(word));
        let own = only(RETRY_AFTER).and_then(|text| retry_after(text, now));
        Self {
            stop: says(RETRY, "stop"),
            retry_after: own.or_else(|| only(STANDARD_RETRY_AFTER).and_then(|text| retry_after(text, now))),
            pause: says(DESTINATION, "pause"),
        }
    }

    /// What becomes of a try that may be repeated, and how the attempt's reason goes on.
    pub fn outcome(&self) -> (Outcome, String) {
        let (outcome, mut reason) = match (self.stop, self.retry_after) {
            (true, _) => (Outcome::Terminal, format!("; the receiver wants no more tries ({RETRY}: stop)")),
            (false, Some(wait)) => {
                let reason = format!("; the receiver asks to wait {} s", wait.as_secs());
                (Outcome::Retryable { retry_after: Some(wait) }, reason)
            }
            (false, None) => (Outcome::Retryable { retry_after: None }, String::new()),
        };
        reason.push_str(self.pause_reason());
        (outcome, reason)
    }

    /// How a reason tells of a pause; nothing without one.
    pub fn pause_reason(&self) -> &'static str {
        if self.pause { "; the receiver paused the destination (hookswitch-destination: pause)" } else { "" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retry::Policy;
    use proptest::prelude::*;

    fn say(lines: &[(&str, &str)]) -> Say {
        let values = |name: &str| lines.iter().filter(|(given, _)| *given == name).map(|(_, value)| value.as_bytes()).collect();
        Say::read(values, Timestamp::from_seconds(1_700_000_000))
    }

    #[test]
    fn each_wish_has_one_spelling() {
        assert_eq!(say(&[]), Say::default());
        assert!(say(&[(RETRY, "stop")]).stop && say(&[(RETRY, " STOP ")]).stop);
        assert!(say(&[(DESTINATION, "Pause")]).pause);
        assert_eq!(say(&[(RETRY_AFTER, "120")]).retry_after, Some(Duration::from_secs(120)));
        for odd in ["", "yes", "stop, stop", "stop;now", "1", "resume", "delete", "disable"] {
            assert_eq!(say(&[(RETRY, odd), (DESTINATION, odd)]), Say::default(), "{odd}");
        }
    }

    #[test]
    fn a_wish_that_stands_there_twice_is_none() {
        assert_eq!(say(&[(RETRY, "stop"), (RETRY, "stop")]), Say::default());
        assert_eq!(say(&[(DESTINATION, "pause"), (DESTINATION, "x")]), Say::default());
        assert_eq!(say(&[(RETRY_AFTER, "5"), (RETRY_AFTER, "6")]).retry_after, None);
    }

    #[test]
    fn our_own_header_goes_before_the_standard_one_unless_it_is_nonsense() {
        let both = |own: &str| say(&[(RETRY_AFTER, own), (STANDARD_RETRY_AFTER, "60")]).retry_after;
        assert_eq!(both("120"), Some(Duration::from_secs(120)));
        assert_eq!(both("1e308"), Some(Duration::from_secs(60)));
        assert_eq!(both("-1"), Some(Duration::from_secs(60)));
    }

    #[test]
    fn stopping_wins_over_waiting_and_the_reason_tells_both_from_pausing() {
        let (outcome, reason) = say(&[(RETRY, "stop"), (RETRY_AFTER, "9"), (DESTINATION, "pause")]).outcome();
        assert_eq!(outcome, Outcome::Terminal);
        assert!(reason.contains("no more tries") && reason.contains("paused the destination"), "{reason}");
        let (outcome, reason) = say(&[(STANDARD_RETRY_AFTER, "9")]).outcome();
        assert_eq!(outcome, Outcome::Retryable { retry_after: Some(Duration::from_secs(9)) });
        assert!(reason.contains("wait 9 s"), "{reason}");
    }

    proptest! {
        /// Whatever is asked for, nobody is tried sooner than scheduled, nor later than the cap.
        #[test]
        fn no_wish_gets_past_the_policy(text: String, number in 1u32..20, unit in 0.0f64..1.0) {
            let policy = Policy::default();
            let delay = policy.delay(number, say(&[(RETRY_AFTER, &text)]).retry_after, unit);
            prop_assert!(delay >= policy.scheduled(number));
            let cap = (policy.scheduled(number) * 2).max(Duration::from_secs(3600));
            prop_assert!(delay <= cap + Duration::from_secs(15 * 60));
        }
    }
}
