//! The publishers. Requests are built once and only their marker is patched, so that the load takes
//! as little as possible of the processor it shares with what it measures.

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Result, bail};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::clock;
use crate::ledger::{FIRST_MARKER, Ledger};
use crate::wire::Conn;

/// Answers other than 202 and 503 that a phase tolerates before it is called off.
const REFUSALS_MAX: u64 = 20;

/// A publish request of one tenant, complete but for its marker.
#[derive(Clone)]
pub struct Template {
    bytes: Vec<u8>,
    marker_places: Vec<usize>,
}

impl Template {
    /// The same event with the marker as its Idempotency-Key, for publishers that ask again after a crash.
    pub fn publish(host: SocketAddr, token: &str, with_idempotency_key: bool) -> Self {
        let body = format!(r#"{{"event_type":"bench.event","payload":{}}}"#, payload());
        Self::of(host, token, with_idempotency_key, &body)
    }

    /// One of an ordered destination's lines.
    pub fn keyed(host: SocketAddr, token: &str, ordering_key: &str) -> Self {
        let body = format!(r#"{{"event_type":"bench.event","ordering_key":"{ordering_key}","payload":{}}}"#, payload());
        Self::of(host, token, false, &body)
    }

    fn of(host: SocketAddr, token: &str, with_idempotency_key: bool, body: &str) -> Self {
        let key = if with_idempotency_key { format!("Idempotency-Key: {FIRST_MARKER}\r\n") } else { String::new() };
        let text = format!(
            "POST /api/v1/events HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n{key}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let marker_places = text.match_indices(&FIRST_MARKER.to_string()).map(|(at, _)| at).collect();
        Self { bytes: text.into_bytes(), marker_places }
    }

    pub fn write(&self, event: u64, out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(&self.bytes);
        let digits = (FIRST_MARKER + event).to_string();
        for at in &self.marker_places {
            out[*at..at + digits.len()].copy_from_slice(digits.as_bytes());
        }
    }
}

/// An invoice-like object of exactly 1 KiB.
pub fn payload() -> String {
    let start = format!(
        r#"{{"marker":{FIRST_MARKER},"kind":"invoice","number":"2031-004711","currency":"EUR","total":1249.5,"paid":false,"lines":[{{"sku":"A-100","quantity":3,"price":399.5}},{{"sku":"B-7","quantity":1,"price":51.0}}],"note":""#
    );
    let mut text = start;
    // Letters without a pattern, so that nothing on the way can squeeze them.
    let mut state: u32 = 20_111;
    while text.len() < 1022 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        text.push(char::from(b'a' + ((state >> 24) % 26) as u8));
    }
    text.push_str("\"}");
    text
}

/// Whom to publish to: event N belongs to template N modulo their number.
pub struct Target {
    pub address: SocketAddr,
    pub templates: Vec<Template>,
    pub ledger: Arc<Ledger>,
    pub overloaded: AtomicU64,
    refused: AtomicU64,
    first_refusal: Mutex<Option<String>>,
}

impl Target {
    pub fn new(address: SocketAddr, templates: Vec<Template>, ledger: Arc<Ledger>) -> Self {
        Self {
            address,
            templates,
            ledger,
            overloaded: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            first_refusal: Mutex::new(None),
        }
    }

    /// Publishes one event until it is accepted; false if it was refused.
    async fn publish(&self, conn: &mut Conn, event: u64, sent_nanos: u64, scratch: &mut Vec<u8>) -> std::io::Result<bool> {
        let Some(slot) = self.ledger.slot(event) else { return Ok(false) };
        slot.sent.store(sent_nanos, Relaxed);
        self.templates[event as usize % self.templates.len()].write(event, scratch);
        loop {
            let answer = conn.exchange(scratch).await?;
            match answer.status() {
                202 => {
                    slot.accepted.store(clock::nanos(), Relaxed);
                    return Ok(true);
                }
                503 => {
                    self.overloaded.fetch_add(1, Relaxed);
                    let seconds = answer.header("retry-after").and_then(|text| text.parse().ok()).unwrap_or(1);
                    sleep(Duration::from_secs(seconds)).await;
                }
                status => {
                    self.refuse(format!("{status} {}", String::from_utf8_lossy(answer.body)));
                    return Ok(false);
                }
            }
        }
    }

    fn refuse(&self, why: String) {
        self.refused.fetch_add(1, Relaxed);
        self.first_refusal.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why);
    }

    fn hopeless(&self) -> bool {
        self.refused.load(Relaxed) > REFUSALS_MAX
    }

    /// A phase in which publishing failed measures nothing.
    fn check(&self) -> Result<()> {
        match self.first_refusal.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            Some(why) => bail!("{} publish requests failed, the first with: {why}", self.refused.load(Relaxed)),
            None => Ok(()),
        }
    }
}

/// As fast as answers come back over so many connections. Answers which events were sent.
pub async fn closed_loop(target: Arc<Target>, first: u64, connections: usize, duration: Duration) -> Result<Range<u64>> {
    let next = Arc::new(AtomicU64::new(first));
    let until = Instant::now() + duration;
    let mut publishers = JoinSet::new();
    for _ in 0..connections {
        let (target, next) = (target.clone(), next.clone());
        publishers.spawn(async move {
            if let Err(error) = publish_until(&target, &next, until).await {
                target.refuse(format!("connection: {error}"));
            }
        });
    }
    publishers.join_all().await;
    target.check()?;
    Ok(first..next.load(Relaxed))
}

async fn publish_until(target: &Target, next: &AtomicU64, until: Instant) -> std::io::Result<()> {
    let mut conn = Conn::connect(target.address).await?;
    let mut scratch = Vec::new();
    while Instant::now() < until && !target.hopeless() {
        let event = next.fetch_add(1, Relaxed);
        if target.ledger.slot(event).is_none() {
            break;
        }
        target.publish(&mut conn, event, clock::nanos(), &mut scratch).await?;
    }
    Ok(())
}

/// At a fixed rate, however long answers take: a request that finds no idle connection opens one, so
/// that a slow server cannot slow its own measurement.
pub async fn open_loop(target: Arc<Target>, first: u64, per_second: u64, duration: Duration) -> Result<Range<u64>> {
    let idle: Arc<Mutex<Vec<Idle>>> = Arc::default();
    let start = Instant::now();
    let count = (duration.as_secs_f64() * per_second as f64) as u64;
    let mut requests = JoinSet::new();
    for number in 0..count {
        sleep_until(start + Duration::from_nanos(number * 1_000_000_000 / per_second)).await;
        let (publisher, idle) = (target.clone(), idle.clone());
        let sent_nanos = clock::nanos();
        requests.spawn(async move {
            if let Err(error) = publish_pooled(&publisher, &idle, first + number, sent_nanos).await {
                publisher.refuse(format!("connection: {error}"));
            }
        });
        while requests.try_join_next().is_some() {}
        target.check()?;
    }
    requests.join_all().await;
    target.check()?;
    Ok(first..first + count)
}

/// A kept connection and when it was used last.
type Idle = (Conn, Instant);
/// A server may close what idles for longer (the product does after 10 s).
const KEPT: Duration = Duration::from_secs(5);

async fn publish_pooled(target: &Target, idle: &Mutex<Vec<Idle>>, event: u64, sent_nanos: u64) -> std::io::Result<()> {
    let kept = idle.lock().unwrap_or_else(PoisonError::into_inner).pop().filter(|(_, used)| used.elapsed() < KEPT);
    let mut conn = match kept {
        Some((conn, _)) => conn,
        None => Conn::connect(target.address).await?,
    };
    target.publish(&mut conn, event, sent_nanos, &mut Vec::with_capacity(2048)).await?;
    idle.lock().unwrap_or_else(PoisonError::into_inner).push((conn, Instant::now()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_payload_is_one_kibibyte_of_valid_json() {
        assert_eq!(payload().len(), 1024);
        assert!(serde_json::from_str::<serde_json::Value>(&payload()).unwrap()["marker"].is_u64());
    }

    #[test]
    fn every_place_of_the_marker_is_patched() {
        let template = Template::publish(SocketAddr::from(([127, 0, 0, 1], 80)), "secret", true);
        let mut out = Vec::new();
        template.write(42, &mut out);
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.matches("1000000042").count(), 2);
        assert_eq!(text.matches("1000000000").count(), 0);
    }
}
