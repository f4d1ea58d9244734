//! What a request costs with 1,000 logged ones behind it, and with a million: two installations, in turn.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::filling::Filler;
use super::yard::{Alerts, Yard};
use super::{Finding, Trials};
use crate::database::Engine;
use crate::drive::{self, Aim, Until};
use crate::report::Bound;

const FEW: u64 = 1_000;
const CONNECTIONS: usize = 64;
const SPAN: Duration = Duration::from_secs(3);

struct Past {
    yard: Yard,
    aim: Aim,
    next: u64,
}

pub fn run(trials: &Trials) -> Result<Vec<Finding>> {
    let begun = Instant::now();
    let mut few = Past::open(trials, FEW)?;
    let mut many = Past::open(trials, trials.rows)?;
    let note = format!("{} logged requests; filled in {:.0} s", trials.rows, begun.elapsed().as_secs_f64());
    for past in [&mut few, &mut many] {
        past.measure(trials, Duration::from_millis(500))?;
    }
    let (mut cpu, mut time) = (Vec::new(), Vec::new());
    for _ in 0..trials.rounds.min(5) {
        let (one, other) = (few.measure(trials, SPAN)?, many.measure(trials, SPAN)?);
        cpu.push((one.0, other.0));
        time.push((one.1, other.1));
    }
    many.yard.stand.check_alive()?;
    Ok(vec![
        Finding::ratio("CPU per 1,000 requests, long history beside short (s)", cpu, Some(Bound::AtMost(1.2))).note(note),
        Finding::ratio("time per request at full speed (ms)", time, Some(Bound::AtMost(1.2))),
    ])
}

impl Past {
    fn open(trials: &Trials, rows: u64) -> Result<Self> {
        let (mut yard, hook, alerts) = trials.runtime.block_on(async {
            let mut yard = Yard::open(trials, &Engine::Sqlite).await?;
            let alerts = Alerts::of(&mut yard).await?;
            let hook = yard.hook("alerts", "createTicket", alerts.mapping.clone()).await?;
            anyhow::Ok((yard, hook, alerts))
        })?;
        yard.stand.stop()?;
        trials.runtime.block_on(async {
            let filler = Filler::open(yard.stand.database_url(), &yard.tenant).await?;
            filler.log(&hook.id, &hook.path, alerts.body(), rows).await?;
            filler.close().await;
            anyhow::Ok(())
        })?;
        yard.stand.start()?;
        let aim = hook.aim(yard.stand.installation.address, alerts.body());
        Ok(Self { yard, aim, next: 0 })
    }

    /// CPU seconds per thousand requests, and milliseconds per request.
    fn measure(&mut self, trials: &Trials, span: Duration) -> Result<(f64, f64)> {
        let before = self.yard.stand.cpu_seconds();
        let driven = trials.runtime.block_on(drive::closed(self.aim.clone(), self.next, CONNECTIONS, Until::Elapsed(span)))?;
        self.next += driven.sent;
        let cpu = (self.yard.stand.cpu_seconds() - before) * 1e3 / driven.sent as f64;
        Ok((cpu, 1e3 / driven.per_second()))
    }
}
