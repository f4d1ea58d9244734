//! Requests per minute of each webhook: a token bucket as large as one minute's worth. In process, and
//! where Redis is configured in Redis too, so that all nodes together keep to it. The bucket in process
//! is asked in any case: a flood ends there, and while Redis is away it is the bound of this node.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use hookswitch_domain::id::InboundWebhookId;
use redis::Script;
use tokio::time::Instant;

use crate::shared::Shared;

/// Buckets kept; a full bucket says nothing and is dropped first.
const BUCKETS_MAX: usize = 50_000;

/// Takes one token; says for how many milliseconds there is none. One script is one step for Redis, so
/// that nobody comes between looking and taking; the time is its own, so that nodes' clocks don't matter.
static TAKE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("rate.lua")));

/// The limit as it is kept.
pub struct Limiter {
    here: Rates,
    /// `None`: each node counts for itself.
    shared: Option<Arc<Shared>>,
}

impl Limiter {
    pub fn new(shared: Option<Arc<Shared>>) -> Self {
        Self { here: Rates::default(), shared }
    }

    /// Takes one token. `Err` is how long to wait for the next.
    pub async fn take(&self, webhook: InboundWebhookId, per_minute: u32) -> Result<(), Duration> {
        self.here.take(webhook, per_minute, Instant::now())?;
        let Some(shared) = &self.shared else { return Ok(()) };
        let mut asked = TAKE.key(format!("hookswitch:inbound:rate:{}", webhook.uuid()));
        match shared.ask(asked.arg(per_minute)).await {
            Some(wait_ms) if wait_ms > 0 => Err(Duration::from_millis(wait_ms.unsigned_abs())),
            Some(_) => Ok(()),
            None => {
                metrics::counter!("hookswitch_rate_local_total").increment(1);
                Ok(())
            }
        }
    }
}

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
