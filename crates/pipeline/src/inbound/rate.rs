//! Requests per minute of each webhook: a token bucket in process, as large as one minute's worth.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hookswitch_domain::id::InboundWebhookId;
use tokio::time::Instant;

/// Buckets kept; a full bucket says nothing and is dropped first.
const BUCKETS_MAX: usize = 50_000;

struct Bucket {
    tokens: f64,
    at: Instant,
    per_minute: u32,
}

#[derive(Default)]
pub struct Rates(Mutex<HashMap<InboundWebhookId, Bucket>>);

impl Rates {
    /// Takes one token. `Err` is how long to wait for the next.
    pub fn take(&self, webhook: InboundWebhookId, per_minute: u32, now: Instant) -> Result<(), Duration> {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= BUCKETS_MAX {
            buckets.retain(|_, bucket| now.duration_since(bucket.at) < Duration::from_secs(60));
        }
        let rate = f64::from(per_minute);
        let bucket = buckets.entry(webhook).or_insert(Bucket { tokens: rate, at: now, per_minute });
        if bucket.per_minute != per_minute {
            *bucket = Bucket { tokens: rate, at: now, per_minute };
        }
        let elapsed = now.saturating_duration_since(bucket.at).as_secs_f64();
        bucket.tokens = (bucket.tokens + elapsed * rate / 60.0).min(rate);
        bucket.at = now;
        if bucket.tokens < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - bucket.tokens) * 60.0 / rate));
        }
        bucket.tokens -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minutes_worth_passes_at_once_and_then_at_the_rate() {
        let (rates, id, start) = (Rates::default(), InboundWebhookId(uuid::Uuid::nil()), Instant::now());
        assert!((0..60).all(|_| rates.take(id, 60, start).is_ok()));
        let wait = rates.take(id, 60, start).unwrap_err();
        assert!(wait <= Duration::from_secs(1));
        assert!(rates.take(id, 60, start + Duration::from_millis(1001)).is_ok());
        assert!(rates.take(InboundWebhookId(uuid::Uuid::max()), 60, start).is_ok(), "each webhook has its own");
    }
}
