//! The process's clock and randomness: the one place that asks the system for them. Rules and
//! stores take their values from here through [`Ambient`]; tests and the simulator bring their own.

use std::time::{SystemTime, UNIX_EPOCH};

use hookswitch_domain::time::{Ambient, Timestamp};
use rand::Rng;

/// The system's clock, and a generator seeded by the system for each thread.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

impl Ambient for System {
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    fn now(&self) -> Timestamp {
        // Before 1970 the clock is broken; the beginning of time is as good as any.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn fill(&self, bytes: &mut [u8]) {
        rand::rng().fill_bytes(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_this_century_and_randomness_differs() {
        let system: &dyn Ambient = &System;
        assert!(system.now() > Timestamp::from_seconds(1_700_000_000));
        assert_ne!(system.random::<32>(), system.random::<32>());
    }
}
