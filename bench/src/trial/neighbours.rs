//! Fifty healthy tenants at 300 events a second, alone and beside a bad neighbour, in turn. The neighbour is
//! there for the whole of its turn and a little before, and has calmed down before the next one.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use super::field::{Party, await_arrivals};
use super::{Finding, Trials};
use crate::database::Engine;
use crate::hookswitch;
use crate::ledger::Ledger;
use crate::load::{self, Target, Template};
use crate::receiver::Receiver;
use crate::tally::Latency;

const HEALTHY: usize = 50;
const PER_SECOND: u64 = 300;
const SPAN: Duration = Duration::from_secs(6);
/// The neighbour's trouble is under way when the measurement begins.
const HEAD_START: Duration = Duration::from_secs(2);
const CALM: Duration = Duration::from_secs(10);
const HANGS_MS: u64 = 5_000;
const HANGING_PER_SECOND: u64 = 150;
/// A hundred times what each of the fifty publishes.
const NOISY_PER_SECOND: u64 = 100 * PER_SECOND / HEALTHY as u64;

pub fn hanging(trials: &Trials) -> Result<Vec<Finding>> {
    beside(trials, HANGING_PER_SECOND, HANGS_MS)
}

pub fn noisy(trials: &Trials) -> Result<Vec<Finding>> {
    beside(trials, NOISY_PER_SECOND, 0)
}

/// One side: its publishers, and where what they publish arrives.
struct Side {
    target: Arc<Target>,
    next: u64,
}

impl Side {
    /// The events that a phase of this length is made of.
    fn take(&mut self, per_second: u64, span: Duration) -> (u64, Range<u64>) {
        let first = self.next;
        self.next += (span.as_secs_f64() * per_second as f64) as u64;
        (first, first..self.next)
    }
}

fn beside(trials: &Trials, neighbour_per_second: u64, hangs_ms: u64) -> Result<Vec<Finding>> {
    let (ledger, others) = (Arc::new(Ledger::new()), Arc::new(Ledger::new()));
    let patience_ms = Arc::new(AtomicU64::new(0));
    let receiver = Receiver::for_ledger(ledger.clone())?;
    let slow = Receiver::slow(others.clone(), patience_ms.clone())?;
    let mut stand = trials.stand(&Engine::Sqlite)?;
    let address = stand.installation.address;
    let tenants = trials.runtime.block_on(hookswitch::make_tenants(address, &stand.token, receiver.address, HEALTHY))?;
    let neighbour = trials.runtime.block_on(Party::make(&stand, "neighbour", slow.address, json!({})))?;
    let templates = tenants.iter().map(|tenant| Template::publish(address, &tenant.publisher_token, false)).collect();
    let mut healthy = Side { target: Arc::new(Target::new(address, templates, ledger.clone())), next: 0 };
    let template = Template::publish(address, &neighbour.publisher, false);
    let mut bad = Side { target: Arc::new(Target::new(address, vec![template], others.clone())), next: 0 };
    measure(trials, &mut healthy, None)?;

    let (mut whole, mut after_answer) = (Vec::new(), Vec::new());
    for _ in 0..trials.rounds {
        let alone = measure(trials, &mut healthy, None)?;
        patience_ms.store(hangs_ms, Relaxed);
        let beside = measure(trials, &mut healthy, Some((&mut bad, neighbour_per_second)))?;
        patience_ms.store(0, Relaxed);
        await_arrivals(&others, bad.next, CALM);
        whole.push((alone.published_to_received.p99_ms, beside.published_to_received.p99_ms));
        after_answer.push((alone.accepted_to_received.p99_ms, beside.accepted_to_received.p99_ms));
    }
    stand.check_alive()?;
    Ok(vec![
        Finding::rise("accepted to received, p99 of the healthy (ms)", after_answer, 0.25, 2.0),
        Finding::rise("published to received, p99 of the healthy (ms)", whole, 0.25, 2.0),
    ])
}

fn measure(trials: &Trials, healthy: &mut Side, bad: Option<(&mut Side, u64)>) -> Result<Latency> {
    let (first, events) = healthy.take(PER_SECOND, SPAN);
    let load = load::open_loop(healthy.target.clone(), first, PER_SECOND, SPAN);
    match bad {
        None => {
            trials.runtime.block_on(load)?;
        }
        Some((side, per_second)) => {
            let span = HEAD_START + SPAN;
            let (first, _) = side.take(per_second, span);
            let trouble = load::open_loop(side.target.clone(), first, per_second, span);
            let later = async {
                tokio::time::sleep(HEAD_START).await;
                load.await
            };
            let (done, troubled) = trials.runtime.block_on(async { tokio::join!(later, trouble) });
            done?;
            troubled?;
        }
    }
    let ledger = &healthy.target.ledger;
    await_arrivals(ledger, healthy.next, Duration::from_secs(5));
    Ok(Latency::of(ledger.slots(events)))
}
