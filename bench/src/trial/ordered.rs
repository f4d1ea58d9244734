//! An ordered destination with 1,000 keys beside an unordered one that gets the same events.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;

use super::field::{Party, await_arrivals};
use super::{Finding, Trials};
use crate::database::Engine;
use crate::ledger::Ledger;
use crate::load::{self, Target, Template};
use crate::receiver::Receiver;
use crate::report::Bound;
use crate::tally::Throughput;

const KEYS: usize = 1_000;
const CONNECTIONS: usize = 64;
const SPAN: Duration = Duration::from_secs(4);
const PATIENCE: Duration = Duration::from_secs(15);

struct Side {
    target: Arc<Target>,
    next: u64,
    _receiver: Receiver,
}

pub fn run(trials: &Trials) -> Result<Vec<Finding>> {
    let mut stand = trials.stand(&Engine::Sqlite)?;
    let side = |slug: &str, ordered: bool| -> Result<Side> {
        let ledger = Arc::new(Ledger::new());
        let receiver = Receiver::for_ledger(ledger.clone())?;
        let party = Party::make(&stand, slug, receiver.address, json!({"ordered": ordered}));
        let party = trials.runtime.block_on(party)?;
        let address = stand.installation.address;
        let templates = (0..KEYS).map(|key| Template::keyed(address, &party.publisher, &format!("key-{key}"))).collect();
        Ok(Side { target: Arc::new(Target::new(address, templates, ledger)), next: 0, _receiver: receiver })
    };
    let (mut free, mut ordered) = (side("free", false)?, side("ordered", true)?);
    measure(trials, &mut free, Duration::from_millis(500))?;
    measure(trials, &mut ordered, Duration::from_millis(500))?;
    let mut rounds = Vec::new();
    for _ in 0..trials.rounds.min(3) {
        rounds.push((measure(trials, &mut free, SPAN)?, measure(trials, &mut ordered, SPAN)?));
    }
    stand.check_alive()?;
    Ok(vec![Finding::ratio("delivered per second, ordered beside unordered", rounds, Some(Bound::AtLeast(0.7)))])
}

fn measure(trials: &Trials, side: &mut Side, span: Duration) -> Result<f64> {
    let load = load::closed_loop(side.target.clone(), side.next, CONNECTIONS, span);
    let events = trials.runtime.block_on(load)?;
    side.next = events.end;
    await_arrivals(&side.target.ledger, side.next, PATIENCE);
    let result = Throughput::of(side.target.ledger.slots(events));
    ensure!(result.delivered == result.accepted, "{} of {} events arrived", result.delivered, result.accepted);
    Ok(result.delivered_per_second)
}
