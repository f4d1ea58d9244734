//! Since when a destination has only failed: after a day and after three somebody is warned, after
//! five it is disabled. One success starts the clock anew.
//!
//! The moment is kept in the store only once the failures have lasted for a while, so that a
//! receiver that stumbles now and then costs no write. Pure. Figures: `reliability.md` 5.

use std::time::Duration;

use crate::time::Timestamp;

const DAY: Duration = Duration::from_secs(86_400);
/// Somebody is warned when failures alone have lasted for so long.
pub const WARN_AFTER: [Duration; 2] = [DAY, Duration::from_secs(3 * 86_400)];
/// The destination is disabled after so long.
pub const DISABLE_AFTER: Duration = Duration::from_secs(5 * 86_400);
/// Failures that last for so long are written down.
pub const RECORD_AFTER: Duration = Duration::from_secs(300);

/// What has to be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Write down since when.
    Record {
        since: Timestamp,
    },
    /// Warn; this is the warning's number, from 1.
    Warn {
        since: Timestamp,
        warning: u32,
    },
    Disable {
        since: Timestamp,
    },
    /// It works again: forget what was written down.
    Clear,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Failing {
    since: Option<Timestamp>,
    warned: u32,
    /// Whether the store knows of it.
    recorded: bool,
}

impl Failing {
    /// As the store has it.
    pub const fn recorded(since: Timestamp, warned: u32) -> Self {
        Self { since: Some(since), warned, recorded: true }
    }

    pub const fn since(&self) -> Option<Timestamp> {
        self.since
    }

    /// Follows an answer. `record_now` asks to write it down however short it has lasted, because
    /// something else about the destination is written, too.
    pub fn follow(&mut self, good: bool, now: Timestamp, record_now: bool) -> Option<Change> {
        if good {
            let recorded = self.recorded;
            *self = Self::default();
            return recorded.then_some(Change::Clear);
        }
        let since = *self.since.get_or_insert(now);
        let lasted = now.since(since);
        let due = WARN_AFTER.iter().filter(|after| lasted >= **after).count() as u32;
        let change = if lasted >= DISABLE_AFTER {
            Change::Disable { since }
        } else if due > self.warned {
            // Who was away for days hears the latest warning alone.
            self.warned = due;
            Change::Warn { since, warning: due }
        } else if !self.recorded && (record_now || lasted >= RECORD_AFTER) {
            Change::Record { since }
        } else {
            return None;
        };
        self.recorded = true;
        Some(change)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_hours(hours: i64) -> Timestamp {
        Timestamp::from_seconds(hours * 3_600)
    }

    #[test]
    fn five_days_of_failure_alone_warn_twice_and_disable() {
        let (mut failing, since) = (Failing::default(), at_hours(0));
        let told: Vec<_> =
            (0..=120).filter_map(|hour| failing.follow(false, at_hours(hour), false).map(|told| (hour, told))).collect();
        let warning = |warning| Change::Warn { since, warning };
        assert_eq!(told, [(1, Change::Record { since }), (24, warning(1)), (72, warning(2)), (120, Change::Disable { since })]);
    }

    #[test]
    fn one_success_starts_the_clock_anew() {
        let mut failing = Failing::default();
        let told: Vec<_> = (0..=200).filter_map(|hour| failing.follow(hour % 100 == 99, at_hours(hour), false)).collect();
        assert!(!told.iter().any(|change| matches!(change, Change::Disable { .. })), "{told:?}");
        assert_eq!(told.iter().filter(|change| **change == Change::Clear).count(), 2);
    }

    #[test]
    fn a_short_stumble_is_never_written_down() {
        let mut failing = Failing::default();
        for second in 0..299 {
            assert_eq!(failing.follow(false, Timestamp::from_seconds(second), false), None);
        }
        assert_eq!(failing.follow(true, Timestamp::from_seconds(299), false), None);
    }

    #[test]
    fn what_the_store_kept_goes_on_after_a_restart() {
        let mut failing = Failing::recorded(at_hours(0), 1);
        assert_eq!(failing.follow(false, at_hours(30), false), None, "it was warned of before");
        assert_eq!(failing.follow(false, at_hours(80), false), Some(Change::Warn { since: at_hours(0), warning: 2 }));
        assert_eq!(failing.follow(false, at_hours(121), false), Some(Change::Disable { since: at_hours(0) }));
    }
}
