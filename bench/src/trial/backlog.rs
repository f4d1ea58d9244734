//! Deliveries that wait behind a paused destination: 10,000 in one installation, a million in another, measured
//! in turn. What one delivery costs beside them, and when they themselves are sent; how long pausing takes
//! while they are; how much memory the server has meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::json;

use super::field::{Party, await_arrivals, await_silence, counting};
use super::{Finding, Trials};
use crate::database::Engine;
use crate::drive::{self, Aim, Until};
use crate::hookswitch::Caller;
use crate::ledger::Ledger;
use crate::load::{self, Target, Template, payload};
use crate::receiver::Receiver;
use crate::report::Bound;
use crate::stand::Stand;
use crate::tally::Throughput;

const FEW: u64 = 10_000;
/// The API's largest.
const BATCH: u64 = 500;
const FILLERS: usize = 4;
const CONNECTIONS: usize = 64;
const SPAN: Duration = Duration::from_secs(3);
/// Of the waiting, sent in each round.
const SENT: u64 = 8_000;
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSES: usize = 10;

pub fn sqlite(trials: &Trials) -> Result<Vec<Finding>> {
    run(trials, &Engine::Sqlite)
}

pub fn postgres(trials: &Trials) -> Result<Vec<Finding>> {
    match &trials.postgres {
        Some(engine) => run(trials, engine),
        None => anyhow::bail!("needs --postgres URL"),
    }
}

/// An installation where so much waits.
struct Pile<'a> {
    trials: &'a Trials<'a>,
    stand: Stand,
    waiting: Party,
    arrived: Arc<AtomicU64>,
    published: u64,
    fresh: Arc<Target>,
    next: u64,
    resident: u64,
    pauses_ms: Vec<f64>,
    _receivers: [Receiver; 2],
}

fn run(trials: &Trials, engine: &Engine) -> Result<Vec<Finding>> {
    let (mut few, mut many) = (Pile::open(trials, engine)?, Pile::open(trials, engine)?);
    few.fill(FEW)?;
    let begun = Instant::now();
    many.fill(trials.rows)?;
    let filled = format!("{} waiting; filled at {:.0} events/s", trials.rows, trials.rows as f64 / begun.elapsed().as_secs_f64());
    for pile in [&mut few, &mut many] {
        // As after an upgrade: what waits is found, and was not left over in memory.
        pile.stand.stop()?;
        pile.stand.start()?;
        pile.beside(Duration::from_millis(500))?;
    }
    let (mut beside, mut speed, mut sent) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..trials.rounds.min(3) {
        let (one, other) = (few.beside(SPAN)?, many.beside(SPAN)?);
        beside.push((one.0, other.0));
        speed.push((one.1, other.1));
        sent.push((few.send(SENT)?, many.send(SENT)?));
        few.fill(FEW)?;
    }
    for _ in 0..PAUSES {
        many.send(BATCH)?;
    }
    many.stand.check_alive()?;
    let slowest = many.pauses_ms.iter().copied().fold(0.0, f64::max);
    Ok(vec![
        Finding::ratio("CPU per 1,000 of the waiting sent, many beside few (s)", sent, Some(Bound::AtMost(1.2))).note(filled),
        Finding::ratio("CPU per 1,000 fresh ones beside them (s)", beside, Some(Bound::AtMost(1.2))),
        Finding::ratio("fresh ones per second beside them", speed, None),
        Finding::value("pausing while they are sent, slowest (ms)", slowest, Some(Bound::AtMost(50.0))),
        Finding::value("resident size, largest (MB)", many.resident as f64 / 1e6, Some(Bound::AtMost(200.0))),
    ])
}

impl<'a> Pile<'a> {
    fn open(trials: &'a Trials, engine: &Engine) -> Result<Self> {
        let stand = trials.stand(engine)?;
        let (receiver, arrived) = counting()?;
        let ledger = Arc::new(Ledger::new());
        let healthy = Receiver::for_ledger(ledger.clone())?;
        let (waiting, publisher) = trials.runtime.block_on(async {
            let waiting = Party::make(&stand, "waiting", receiver.address, json!({})).await?;
            waiting.switch(&mut stand.caller().await?, "pause").await?;
            let fresh = Party::make(&stand, "fresh", healthy.address, json!({})).await?;
            anyhow::Ok((waiting, fresh.publisher))
        })?;
        let address = stand.installation.address;
        let fresh = Arc::new(Target::new(address, vec![Template::publish(address, &publisher, false)], ledger));
        let (published, next, resident, pauses_ms) = (0, 0, 0, Vec::new());
        let receivers = [receiver, healthy];
        Ok(Self { trials, stand, waiting, arrived, published, fresh, next, resident, pauses_ms, _receivers: receivers })
    }

    fn look_at_memory(&mut self) {
        self.resident = self.resident.max(self.stand.resident_bytes());
    }

    async fn caller(&self) -> Result<Caller> {
        self.stand.caller().await
    }

    /// Publishes until so many wait, in batches of the API's.
    fn fill(&mut self, rows: u64) -> Result<()> {
        let missing = rows.saturating_sub(self.published - self.arrived.load(Relaxed));
        let address = self.stand.installation.address;
        let event = format!(r#"{{"event_type":"bench.event","payload":{}}}"#, payload());
        let body = format!(r#"{{"events":[{}]}}"#, vec![event.as_str(); BATCH as usize].join(",")).into_bytes();
        let headers = format!("Authorization: Bearer {}\r\n", self.waiting.publisher);
        let write = move |_, out: &mut Vec<u8>| drive::post(address, "/api/v1/events/batch", &headers, &body, out);
        let aim = Aim { address, write: Arc::new(write) };
        let batches = missing.div_ceil(BATCH);
        self.trials.runtime.block_on(drive::closed(aim, 0, FILLERS, Until::Sent(batches)))?;
        self.published += batches * BATCH;
        self.look_at_memory();
        Ok(())
    }

    /// CPU seconds per thousand deliveries of another tenant, and how many per second.
    fn beside(&mut self, span: Duration) -> Result<(f64, f64)> {
        let before = self.stand.cpu_seconds();
        let load = load::closed_loop(self.fresh.clone(), self.next, CONNECTIONS, span);
        let events = self.trials.runtime.block_on(load)?;
        self.next = events.end;
        await_arrivals(&self.fresh.ledger, self.next, PATIENCE);
        std::thread::sleep(Duration::from_millis(300));
        let cpu = self.stand.cpu_seconds() - before;
        let result = Throughput::of(self.fresh.ledger.slots(events));
        self.look_at_memory();
        Ok((cpu * 1e3 / result.delivered.max(1) as f64, result.delivered_per_second))
    }

    /// Lets about so many of the waiting go and pauses again: CPU seconds per thousand.
    fn send(&mut self, count: u64) -> Result<f64> {
        let (before, first) = (self.stand.cpu_seconds(), self.arrived.load(Relaxed));
        self.trials.runtime.block_on(async { self.waiting.switch(&mut self.caller().await?, "resume").await })?;
        let begun = Instant::now();
        while self.arrived.load(Relaxed) < first + count {
            ensure!(begun.elapsed() < PATIENCE, "what waits isn't sent");
            std::thread::sleep(Duration::from_millis(2));
        }
        self.look_at_memory();
        let paused = self.trials.runtime.block_on(async { self.waiting.switch(&mut self.caller().await?, "pause").await })?;
        self.pauses_ms.push(paused.as_secs_f64() * 1e3);
        let sent = await_silence(&self.arrived) - first;
        Ok((self.stand.cpu_seconds() - before) * 1e3 / sent as f64)
    }
}
