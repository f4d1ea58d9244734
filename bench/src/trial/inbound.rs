//! Requests that make tickets (signature checked, key claimed, eight fields mapped, ticket and event written,
//! logged) beside the bare handler that stores the same bodies; then the same requests once more.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;

use super::yard::{Alerts, Bare, Yard};
use super::{Finding, Trials};
use crate::database::Engine;
use crate::drive::{self, Aim, Driven, Until};
use crate::report::Bound;

const CONNECTIONS: usize = 64;
const SPAN: Duration = Duration::from_secs(3);
const WARM_UP: Duration = Duration::from_millis(500);
const PER_SECOND: u64 = 300;
/// Shorter than a server keeps an idle connection.
const STEADY: Duration = Duration::from_secs(6);

/// One side: where its requests go, and the number of the next one.
struct Side {
    aim: Aim,
    next: u64,
}

impl Side {
    fn full(&mut self, trials: &Trials, span: Duration) -> Result<Driven> {
        let driven = trials.runtime.block_on(drive::closed(self.aim.clone(), self.next, CONNECTIONS, Until::Elapsed(span)))?;
        self.next += driven.sent;
        Ok(driven)
    }

    fn steady(&mut self, trials: &Trials) -> Result<Driven> {
        let driven = trials.runtime.block_on(drive::open(self.aim.clone(), self.next, PER_SECOND, STEADY))?;
        self.next += driven.sent;
        Ok(driven)
    }

    /// The last so many requests, again and again.
    fn again(&self, trials: &Trials, count: u64) -> Result<Driven> {
        let (aim, first) = (self.aim.clone(), self.next - count);
        let again = Aim { address: aim.address, write: Arc::new(move |number, out| (aim.write)(first + number % count, out)) };
        trials.runtime.block_on(drive::closed(again, 0, CONNECTIONS, Until::Elapsed(SPAN)))
    }
}

pub fn run(trials: &Trials) -> Result<Vec<Finding>> {
    let bare = Bare::start(trials)?;
    let (mut yard, hook, alerts) = trials.runtime.block_on(async {
        let mut yard = Yard::open(trials, &Engine::Sqlite).await?;
        let alerts = Alerts::of(&mut yard).await?;
        let hook = yard.hook("alerts", "createTicket", alerts.mapping.clone()).await?;
        anyhow::Ok((yard, hook, alerts))
    })?;
    let mut inserts = Side { aim: hook.aim(bare.address, alerts.body()), next: 0 };
    let mut tickets = Side { aim: hook.aim(yard.stand.installation.address, alerts.body()), next: 0 };
    inserts.full(trials, WARM_UP)?;
    tickets.full(trials, WARM_UP)?;
    let (mut speed, mut cpu, mut again) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..trials.rounds.min(3) {
        let before = bare.cpu_seconds();
        let insert = inserts.full(trials, SPAN)?;
        let insert_cpu = (bare.cpu_seconds() - before) * 1e3 / insert.sent as f64;
        let before = yard.stand.cpu_seconds();
        let made = tickets.full(trials, SPAN)?;
        let made_cpu = (yard.stand.cpu_seconds() - before) * 1e3 / made.sent as f64;
        speed.push((insert.per_second(), made.per_second()));
        cpu.push((insert_cpu, made_cpu));
        again.push((made.per_second(), tickets.again(trials, made.sent)?.per_second()));
    }
    let mut steady = Vec::new();
    for _ in 0..trials.rounds.min(3) {
        steady.push((inserts.steady(trials)?.answer.p99_ms, tickets.steady(trials)?.answer.p99_ms));
    }
    yard.stand.check_alive()?;
    Ok(vec![
        Finding::ratio("tickets per second beside durable inserts", speed, Some(Bound::AtLeast(0.5))),
        Finding::ratio("CPU per 1,000 tickets beside durable inserts (s)", cpu, None),
        Finding::ratio("answer at 300/s, p99 (ms)", steady, Some(Bound::AtMost(3.0))),
        Finding::ratio("duplicates per second beside first requests", again, Some(Bound::AtLeast(2.0))),
    ])
}
