//! Tenants with destinations and publishers: where outbound trials take place.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::{Value, json};

use crate::hookswitch::Caller;
use crate::ledger::Ledger;
use crate::receiver::{Judge, Receiver};
use crate::stand::{Stand, text};

/// A tenant with one destination, made with these settings on top of the usual.
pub struct Party {
    pub slug: String,
    pub publisher: String,
    pub destination: String,
}

impl Party {
    pub async fn make(stand: &Stand, slug: &str, receiver: SocketAddr, more: Value) -> Result<Self> {
        let mut caller = stand.caller().await?;
        caller.call("POST", "/api/v1/tenants", None, json!({"slug": slug, "name": slug})).await?;
        let mut body = json!({
            "name": "bench",
            "endpoint_url": format!("http://{receiver}/hook/{slug}"),
            "event_types": ["*"],
            "max_in_flight": 50
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            body[key] = value.clone();
        }
        let destination = caller.call("POST", "/api/v1/integrations/destinations", Some(slug), body).await?;
        let token = caller.call("POST", "/api/v1/tokens", Some(slug), json!({"name": "bench", "role": "publisher"})).await?;
        Ok(Self { slug: slug.to_owned(), publisher: text(&token, "token")?, destination: text(&destination, "id")? })
    }

    /// `pause` or `resume` the destination; says how long the answer took.
    pub async fn switch(&self, caller: &mut Caller, how: &str) -> Result<Duration> {
        let path = format!("/api/v1/integrations/destinations/{}/{how}", self.destination);
        let begun = Instant::now();
        caller.call("POST", &path, Some(&self.slug), json!({})).await?;
        Ok(begun.elapsed())
    }
}

/// A receiver that counts, for more events than a ledger has room for.
pub fn counting() -> Result<(Receiver, Arc<AtomicU64>)> {
    let count = Arc::new(AtomicU64::new(0));
    let counted = count.clone();
    let judge: Judge = Arc::new(move |_| {
        counted.fetch_add(1, Relaxed);
        true
    });
    Ok((Receiver::start(SocketAddr::from(([127, 0, 0, 1], 0)), judge)?, count))
}

/// Waits until so many have arrived, or nothing more does.
pub fn await_arrivals(ledger: &Ledger, expected: u64, patience: Duration) {
    let (mut seen, mut progress) = (ledger.arrivals(), Instant::now());
    while seen < expected && progress.elapsed() < patience {
        std::thread::sleep(Duration::from_millis(5));
        let now = ledger.arrivals();
        if now > seen {
            (seen, progress) = (now, Instant::now());
        }
    }
}

/// Waits until nothing has arrived for a while: what was in flight is in.
pub fn await_silence(count: &AtomicU64) -> u64 {
    let (mut seen, mut since) = (count.load(Relaxed), Instant::now());
    while since.elapsed() < Duration::from_millis(500) {
        std::thread::sleep(Duration::from_millis(10));
        let now = count.load(Relaxed);
        if now != seen {
            (seen, since) = (now, Instant::now());
        }
    }
    seen
}
