//! Retention: payloads, attempts, finished deliveries and inbound bodies leave when their time is
//! over. Small steps with a pause between them, so that whoever writes hardly notices.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hookswitch_domain::time::{Ambient, Timestamp};
use hookswitch_store::retention::{self, Ages, Step};
use hookswitch_store::{Db, StoreError, stat};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const DAY_MS: i64 = 86_400_000;
/// What was looked at and stayed is looked at again after this.
const PASS_MS: i64 = 3_600_000;
/// Between two steps: the writer serves others meanwhile.
const PAUSE: Duration = Duration::from_millis(10);
/// Counters of minutes serve the last hour alone, those of hours the last week.
const MINUTES_KEPT_MS: i64 = DAY_MS;
const HOURS_KEPT_MS: i64 = 31 * DAY_MS;
const COUNTERS_A_STEP: i64 = 500;
/// Of each tenant, so many refused inbound requests are kept at most, however young they are.
const REJECTED_KEPT: i64 = 10_000;

/// How many days things are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days {
    pub payload: i64,
    pub attempt: i64,
    pub finished: i64,
    pub dead_letter: i64,
    pub inbound_body: i64,
    pub inbound_rejected: i64,
}

/// What is kept for how long, and when the tables were last walked.
pub struct Retention {
    days: Days,
    walked_at: Mutex<Option<Timestamp>>,
}

impl Retention {
    pub fn new(days: Days) -> Self {
        Self { days, walked_at: Mutex::default() }
    }

    /// Whether a new walk is due; from now on it is under way.
    fn begin(&self, now: Timestamp) -> bool {
        let mut walked_at = self.walked_at.lock().unwrap_or_else(PoisonError::into_inner);
        let due = walked_at.is_none_or(|at| now.millis() - at.millis() >= PASS_MS);
        if due {
            *walked_at = Some(now);
        }
        due
    }
}

/// The beginning of the day that lies so many days back: one boundary a day, so that a tenant's
/// audit chain is told of it once a day.
fn before(now: Timestamp, days: i64) -> Timestamp {
    let at = now.millis() - days * DAY_MS;
    Timestamp::from_millis(at - at.rem_euclid(DAY_MS))
}

pub(super) async fn run(
    db: &Db,
    ambient: &Arc<dyn Ambient>,
    retention: &Retention,
    stop: &CancellationToken,
) -> Result<(), StoreError> {
    let now = ambient.now();
    if !retention.begin(now) {
        return Ok(());
    }
    let Days { payload, attempt, finished, dead_letter, inbound_body, inbound_rejected } = retention.days;
    let ages = Ages { finished_before: before(now, finished), dead_letters_before: before(now, dead_letter) };
    // Attempts first: what leaves with its delivery has been told of by then.
    let attempts_before = before(now, attempt.min(finished).min(dead_letter));
    let gone = walk(stop, 0, |after| retention::remove_attempts(db, ambient, after, attempts_before)).await?
        + walk(stop, Uuid::nil(), |after| retention::remove_deliveries(db, after, ages)).await?
        + walk(stop, Uuid::nil(), |after| retention::remove_events(db, after, ages.finished_before)).await?
        + walk(stop, Uuid::nil(), |after| retention::purge_payloads(db, after, before(now, payload))).await?
        + walk(stop, Uuid::nil(), |after| {
            retention::purge_inbound(db, after, before(now, inbound_body), before(now, inbound_rejected))
        })
        .await?
        + trim_rejected(db, stop).await?;
    forget_counters(db, now).await?;
    if gone > 0 {
        metrics::counter!("hookswitch_retention_rows_total").increment(gone);
        tracing::info!(rows = gone, "retention");
    }
    while !stop.is_cancelled() && retention::vacuum(db).await? > 0 {
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

/// Steps over a table until nothing further is old enough.
async fn walk<P, F>(stop: &CancellationToken, start: P, step: impl Fn(P) -> F) -> Result<u64, StoreError>
where
    F: Future<Output = Result<Step<P>, StoreError>>,
{
    let (mut after, mut removed) = (start, 0);
    while !stop.is_cancelled() {
        let done = step(after).await?;
        removed += done.removed;
        let Some(next) = done.next else { break };
        after = next;
        tokio::time::sleep(PAUSE).await;
    }
    Ok(removed)
}

async fn trim_rejected(db: &Db, stop: &CancellationToken) -> Result<u64, StoreError> {
    let mut removed = 0;
    for tenant in retention::tenants_with_rejected(db).await? {
        while !stop.is_cancelled() {
            let some = retention::trim_rejected(db, tenant, REJECTED_KEPT).await?;
            if some == 0 {
                break;
            }
            removed += some;
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(removed)
}

async fn forget_counters(db: &Db, now: Timestamp) -> Result<(), StoreError> {
    for (width, kept) in [(stat::MINUTE_MS, MINUTES_KEPT_MS), (stat::HOUR_MS, HOURS_KEPT_MS)] {
        let before = Timestamp::from_millis(now.millis() - kept);
        loop {
            let system = db.system();
            let job = system.write(move |tx| Box::pin(stat::forget(tx, width, before, COUNTERS_A_STEP)));
            if job.await? == 0 {
                break;
            }
        }
    }
    Ok(())
}
