//! Time for measuring: a monotonic count that fits an atomic, and the one use of the time of day,
//! which the relay needs because signatures and envelopes carry it.

use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Nanoseconds since this was first asked in this process, plus one: zero is free to mean "never".
pub fn nanos() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_nanos() as u64 + 1
}

pub fn unix_millis() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "the relay is a process of its own and has no Ambient")]
    let now = SystemTime::now();
    now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
