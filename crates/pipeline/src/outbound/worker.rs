//! The loop that claims: woken by new work or a free slot, or by the clock when a retry is due. It
//! polls as well, because another node's work rings no bell here.

use std::sync::Arc;
use std::time::Duration;

use hookswitch_store::queue::Lane;
use hookswitch_store::{Db, StoreError};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::deliver::{InHand, Sender};
use super::lanes::Lanes;
use super::publish::LEASE_MS;

/// Looked at this often whatever happens (DESIGN 2: polling at 500 ms).
const POLL: Duration = Duration::from_millis(500);
/// A lane whose bell was lost to a race on PostgreSQL is found by this sweep.
const SWEEP: Duration = Duration::from_secs(5);
/// After an error of the store.
const PAUSE: Duration = Duration::from_secs(1);
const LANES_PER_LOOK: i64 = 256;
const CLAIMED_PER_ROUND: i64 = 256;

pub struct Worker {
    pub db: Db,
    pub lanes: Lanes,
    pub sender: Arc<Sender>,
}

impl Worker {
    /// Claims until `stop`, then takes nothing more. What is in hand is the sender's to finish.
    pub async fn run(self, stop: CancellationToken) {
        let mut swept = Instant::now();
        loop {
            let pause = match self.round(&stop).await {
                Ok(pause) => pause,
                Err(error) => {
                    tracing::warn!(%error, "claiming failed; trying again");
                    PAUSE
                }
            };
            if swept.elapsed() >= SWEEP {
                swept = Instant::now();
                if let Err(error) = self.db.sweep_lanes().await {
                    tracing::warn!(%error, "the lanes could not be swept");
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.lanes.wake.notified() => {}
                () = sleep(pause) => {}
            }
        }
    }

    /// Claims whatever is due and fits, for a while; returns how long to sleep at most.
    async fn round(&self, stop: &CancellationToken) -> Result<Duration, StoreError> {
        let started = Instant::now();
        loop {
            if stop.is_cancelled() || started.elapsed() >= SWEEP {
                return Ok(Duration::ZERO);
            }
            let look = self.db.look(LANES_PER_LOOK).await?;
            let wanted = self.wanted(&look.ready);
            if wanted.is_empty() {
                let next = look.next_in_ms.map_or(POLL, |millis| Duration::from_millis(millis.max(1) as u64));
                return Ok(next.min(POLL));
            }
            self.claim(wanted).await?;
        }
    }

    /// How many to claim of each lane: an equal share of what one round takes, within its room.
    fn wanted(&self, ready: &[Lane]) -> Vec<(Lane, i64)> {
        let open: Vec<_> = ready.iter().map(|lane| (*lane, i64::from(self.lanes.room(lane.destination)))).collect();
        let open: Vec<_> = open.into_iter().filter(|(_, room)| *room > 0).collect();
        let share = (CLAIMED_PER_ROUND / open.len().max(1) as i64).max(1);
        open.into_iter().take(CLAIMED_PER_ROUND as usize).map(|(lane, room)| (lane, room.min(share))).collect()
    }

    async fn claim(&self, wanted: Vec<(Lane, i64)>) -> Result<(), StoreError> {
        let leased_from = Instant::now();
        let claimed = self.db.claim(wanted.clone(), LEASE_MS).await?;
        let got: Vec<_> = claimed.iter().map(|each| each.destination).collect();
        let mut work = Vec::with_capacity(claimed.len());
        for each in claimed {
            // Known before the first send, so that the cap holds right after a restart too. Where it
            // can't be read, the attempt ends as it looks again.
            let config = self.sender.configs.at(each.tenant, each.epoch).await.ok().flatten();
            if let Some(outlet) = config.as_ref().and_then(|config| config.outlet(each.destination)) {
                self.lanes.configure(each.destination, outlet.config.max_in_flight);
            }
            let slot = self.lanes.claimed(each.destination, each.payload.len());
            work.push(InHand { slot, claimed: each, config, meta: None, leased_from });
        }
        for (lane, asked) in &wanted {
            let count = got.iter().filter(|destination| **destination == lane.destination).count() as i64;
            self.lanes.set_backlog(lane.destination, count >= *asked);
        }
        work.into_iter().for_each(|each| self.sender.take(each));
        Ok(())
    }
}
