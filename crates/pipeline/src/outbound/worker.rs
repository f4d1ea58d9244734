//! The loop that claims: woken by new work or a free slot, or by the clock when a retry is due. It
//! polls as well, because another node's work rings no bell here.
//!
//! A look finds the lanes that are due, page by page, past those that are full or held back. Deficit
//! round robin shares a round out among tenants, then destinations (`domain::hands`).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use hookswitch_domain::flow::{Class, Limits};
use hookswitch_domain::hands::{self, Open, Portion};
use hookswitch_domain::id::{DestinationId, TenantId};
use hookswitch_store::queue::{Lane, Place, Want};
use hookswitch_store::{Db, StoreError};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::configs::Configs;
use super::deliver::{InHand, Sender};
use super::lanes::{Lanes, Of};
use super::publish::LEASE_MS;

/// Looked at this often whatever happens (DESIGN 2: polling at 500 ms).
const POLL: Duration = Duration::from_millis(500);
/// A lane whose bell was lost to a race on PostgreSQL is found by this sweep.
const SWEEP: Duration = Duration::from_secs(5);
/// After an error of the store.
const PAUSE: Duration = Duration::from_secs(1);
const LANES_PER_LOOK: i64 = 256;
/// A round that finds all of so many pages full goes on behind them in the next one.
const PAGES_PER_ROUND: usize = 16;

pub struct Worker {
    pub db: Db,
    pub lanes: Lanes,
    pub sender: Arc<Sender>,
}

/// What is kept from round to round.
#[derive(Default)]
struct Rounds {
    shares: hands::Rounds<TenantId, Lane>,
    /// Where the last look ended, if it found nothing but full lanes.
    after: Option<Place>,
}

/// Lanes that are due and have room.
struct Found {
    open: Vec<Open<TenantId, Lane>>,
    /// How long nothing changes by time alone.
    pause: Duration,
}

impl Worker {
    /// Claims until `stop`, then takes nothing more. What is in hand is the sender's to finish.
    pub async fn run(self, stop: CancellationToken) {
        let mut rounds = Rounds::default();
        // What was failing before a restart still is.
        self.sweep().await;
        let mut swept = Instant::now();
        loop {
            let pause = match self.round(&mut rounds, &stop).await {
                Ok(pause) => pause,
                Err(error) => {
                    tracing::warn!(%error, "claiming failed; trying again");
                    PAUSE
                }
            };
            if swept.elapsed() >= SWEEP {
                swept = Instant::now();
                self.sweep().await;
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.lanes.wake.notified() => {}
                () = sleep(pause) => {}
            }
        }
    }

    async fn sweep(&self) {
        if let Err(error) = self.db.sweep_lanes().await {
            tracing::warn!(%error, "the lanes could not be swept");
        }
        match self.db.failing().await {
            Ok(kept) => self.lanes.adopt(&kept, |tenant, destination| limits(&self.sender.configs, tenant, destination)),
            Err(error) => tracing::warn!(%error, "what is kept of failing destinations could not be read"),
        }
        self.lanes.tidy();
    }

    /// Claims whatever is due and fits, for a while; returns how long to sleep at most.
    async fn round(&self, rounds: &mut Rounds, stop: &CancellationToken) -> Result<Duration, StoreError> {
        let started = Instant::now();
        loop {
            if stop.is_cancelled() || started.elapsed() >= SWEEP {
                return Ok(Duration::ZERO);
            }
            let capacity = self.lanes.capacity();
            if capacity == 0 {
                return Ok(POLL);
            }
            let found = self.look(rounds).await?;
            let portions = rounds.shares.share(&found.open, capacity, |tenant| self.lanes.tenant_room(*tenant));
            // What is due may all be of a class that has no room: that isn't asked for in a circle.
            if portions.is_empty() || self.claim(&portions).await? == 0 {
                return Ok(found.pause);
            }
        }
    }

    /// Lanes that are due, past those that have no room now.
    async fn look(&self, rounds: &mut Rounds) -> Result<Found, StoreError> {
        let mut found = Found { open: Vec::new(), pause: POLL };
        let mut after = rounds.after.take();
        for _ in 0..PAGES_PER_ROUND {
            let look = self.db.look(LANES_PER_LOOK, after).await?;
            for lane in look.ready {
                let room = self.lanes.room(self.of(lane));
                if let Some(until) = room.until {
                    found.pause = found.pause.min(until.since(self.lanes.now()).max(Duration::from_millis(1)));
                }
                if !room.is_none() {
                    found.open.push(Open { tenant: lane.tenant, lane, room });
                }
            }
            if let Some(next) = look.next_in_ms {
                found.pause = found.pause.min(Duration::from_millis(next.max(1) as u64));
            }
            after = look.more;
            if after.is_none() || found.open.len() as i64 >= LANES_PER_LOOK {
                return Ok(found);
            }
        }
        rounds.after = after;
        Ok(found)
    }

    fn of(&self, lane: Lane) -> Of {
        let Lane { tenant, destination } = lane;
        Of { tenant, destination, limits: limits(&self.sender.configs, tenant, destination) }
    }

    /// Returns how many were claimed.
    async fn claim(&self, portions: &[Portion<Lane>]) -> Result<usize, StoreError> {
        let leased_from = Instant::now();
        let wants = portions.iter().map(|portion| self.want(portion)).collect();
        let claimed = self.db.claim(wants, LEASE_MS).await?;
        let mut got: HashMap<(DestinationId, Class), u32> = HashMap::new();
        let mut work = Vec::with_capacity(claimed.len());
        for each in claimed {
            *got.entry((each.destination, each.class)).or_default() += 1;
            // Known before the first send, so that its limits hold right after a restart too. Where it
            // can't be read, the attempt ends as it looks again.
            let config = self.sender.configs.at(each.tenant, each.epoch).await.ok().flatten();
            let outlet = config.as_ref().and_then(|config| config.outlet(each.destination));
            let limits = outlet.map_or(DEFAULTS, |outlet| outlet.config.limits());
            let of = Of { tenant: each.tenant, destination: each.destination, limits };
            let slot = self.lanes.claimed(of, each.class, each.payload.len());
            work.push(InHand { slot, claimed: each, config, meta: None, leased_from });
        }
        for portion in portions {
            let of = |class| got.get(&(portion.lane.destination, class)).copied().unwrap_or(0);
            for (class, backlog) in portion.backlogs(of) {
                self.lanes.set_backlog(portion.lane.destination, class, backlog);
            }
        }
        let count = work.len();
        work.into_iter().for_each(|each| self.sender.take(each));
        Ok(count)
    }

    fn want(&self, portion: &Portion<Lane>) -> Want {
        let of = portion.of.map(|(class, count)| (class, i64::from(count)));
        let ordered = made_lines(&self.sender.configs, &portion.lane);
        Want { lane: portion.lane, all: portion.all.into(), of, probe: portion.probe, ordered }
    }
}

/// Until a destination's configuration is read.
const DEFAULTS: Limits = Limits { max_in_flight: hookswitch_domain::destination::MAX_IN_FLIGHT_DEFAULT, rate_per_second: None };

/// Whether the lane may hold heads of ordered keys; where nothing is known, it may.
fn made_lines(configs: &Configs, lane: &Lane) -> bool {
    let config = configs.cached(lane.tenant);
    let outlet = config.as_ref().and_then(|config| config.outlet(lane.destination));
    outlet.is_none_or(|outlet| outlet.config.made_lines)
}

fn limits(configs: &Configs, tenant: TenantId, destination: DestinationId) -> Limits {
    let config = configs.cached(tenant);
    let outlet = config.as_ref().and_then(|config| config.outlet(destination));
    outlet.map_or(DEFAULTS, |outlet| outlet.config.limits())
}
